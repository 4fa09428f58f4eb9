//! Who wrote it: how a writer vouches for what it wrote, and how anybody sees that it did.
//!
//! An entry is some fifty bytes, a signature is sixty-four and takes as long to be checked as a hundred
//! entries take to be taken in. So not entries are signed, but beginnings of streams. A [`Chain`] runs
//! through all that one writer wrote, and a signature of it at entry n vouches for the entries from 1 to n,
//! their order, and that none is missing or was put in between:
//!
//! ```text
//! chain(0)  = SHA-256("interregnum chain 1" session node incarnation)     integers big-endian, fixed width
//! chain(n)  = SHA-256(chain(n - 1) hash(n))                               the hash of entry n
//! signature = of Subject::Entry, with the parts session, node, incarnation, n, chain(n)
//! ```
//!
//! The chain runs over hashes, so a body may go and the signature still fits. The author signs the last of
//! what it writes in one go, and in between where much is written at once. Whoever has a later signature
//! needs no earlier one, so most of them go on the way and in [pages](super::page): a signature is checked
//! once for each run of entries that comes in one message, wherever that run was cut.
//!
//! The key comes with the stream: its first entry is the author's [public
//! key](super::body::Body::Author), from which the id of the writer's node follows. So whoever holds
//! a stream can check it, years later, with nobody there to ask.
//!
//! What a signature does not say: that what was written is true, or when it was written. A writer
//! that signs two different entries of one number [contradicts itself](super::stream::Breach); that is seen.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::entry::{Entry, EntryId, Hash, Writer};
use crate::{
    keys::{PublicKey, SIGNATURE_BYTES, SecretKey, Signature, Subject},
    types::{Incarnation, SessionId},
};

const DOMAIN: &[u8] = b"interregnum chain 1";

/// What a node writes with: its key, in one life of it.
#[derive(Clone, Debug)]
pub struct Pen {
    key: SecretKey,
    writer: Writer,
}

impl Pen {
    /// That of the node that has this key, in this life.
    pub fn new(key: SecretKey, incarnation: Incarnation) -> Self {
        let writer = Writer { node: key.public().id(), incarnation };
        Self { key, writer }
    }

    /// Whose it is.
    pub fn writer(&self) -> Writer {
        self.writer
    }

    /// What others check its signatures with.
    pub fn public(&self) -> PublicKey {
        self.key.public()
    }

    /// The entry with a signature that vouches for it and for all before it.
    pub(super) fn sign(&self, entry: Entry, chain: Chain) -> Entry {
        let (session, id) = (entry.head().session, entry.id());
        let signature =
            with_parts(session, id, chain, |parts| self.key.sign(Subject::Entry, parts));
        entry.clone().signed(&signature.0).unwrap_or(entry)
    }
}

/// What a writer wrote up to some number, in 32 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Chain([u8; 32]);

impl Chain {
    /// Before the first entry.
    pub fn start(session: SessionId, writer: Writer) -> Self {
        let mut hasher = Sha256::new_with_prefix(DOMAIN);
        hasher.update(session.0.as_bytes());
        hasher.update(writer.node.as_u128().to_be_bytes());
        hasher.update(writer.incarnation.0.to_be_bytes());
        Self(hasher.finalize().into())
    }

    /// After an entry of this hash.
    pub fn after(self, hash: Hash) -> Self {
        Self(Sha256::new_with_prefix(self.0).chain_update(hash.0).finalize().into())
    }

    /// After all of these.
    pub fn after_all<'a>(self, entries: impl IntoIterator<Item = &'a Entry>) -> Self {
        entries.into_iter().fold(self, |chain, entry| chain.after(entry.hash()))
    }

    /// Whether the author has signed that its stream is this one up to `entry`, which is the last of it.
    pub fn is_signed_by(self, author: &PublicKey, entry: &Entry) -> bool {
        let signature = entry.signature().and_then(<[u8]>::first_chunk::<SIGNATURE_BYTES>);
        let Some(signature) = signature.map(|bytes| Signature(*bytes)) else { return false };
        let (session, id) = (entry.head().session, entry.id());
        with_parts(session, id, self, |parts| {
            author.verify(Subject::Entry, parts, &signature).is_ok()
        })
    }
}

fn with_parts<T>(
    session: SessionId,
    id: EntryId,
    chain: Chain,
    use_them: impl FnOnce(&[&[u8]]) -> T,
) -> T {
    let EntryId { writer, number } = id;
    use_them(&[
        session.0.as_bytes(),
        &writer.node.as_u128().to_be_bytes(),
        &writer.incarnation.0.to_be_bytes(),
        &number.to_be_bytes(),
        &chain.0,
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{
        body::Body,
        entry::{Head, Kind, WallTime},
    };

    fn entry(pen: &Pen, session: u128, number: u64) -> Entry {
        let head = Head {
            id: EntryId { writer: pen.writer(), number },
            session: SessionId(uuid::Uuid::from_u128(session)),
            written_at: WallTime(5),
            reign: None,
            kind: Kind(200),
            key_bytes: 0,
        };
        Entry::new(head, b"said").unwrap()
    }

    fn pen(number: u8, life: u64) -> Pen {
        Pen::new(SecretKey::from_bytes(&[number; 32]), Incarnation(life))
    }

    // Other versions, other machines and old files rely on these very bytes.
    #[test]
    fn a_chain_is_the_documented_one() {
        let pen = pen(1, 2);
        let (session, node) = (4_u128, pen.writer().node.as_u128());
        let mut bytes = b"interregnum chain 1".to_vec();
        bytes.extend(session.to_be_bytes());
        bytes.extend(node.to_be_bytes());
        bytes.extend(2_u64.to_be_bytes());
        let first = entry(&pen, session, 1);
        let start = Chain::start(first.head().session, pen.writer());
        assert_eq!(start.0, *Sha256::digest(&bytes));
        let after = Sha256::digest([start.0, first.hash().0].concat());
        assert_eq!(start.after(first.hash()).0, *after);
    }

    #[test]
    fn a_signature_is_of_one_stream_one_number_and_one_chain() {
        let own = pen(1, 2);
        let entry_one = entry(&own, 4, 1);
        let chain = Chain::start(entry_one.head().session, own.writer()).after(entry_one.hash());
        let signed = own.sign(entry_one.clone(), chain);
        assert!(chain.is_signed_by(&own.public(), &signed));
        assert!(chain.is_signed_by(&own.public(), &signed.redacted().unwrap()));
        assert!(!chain.is_signed_by(&own.public(), &entry_one));
        assert!(!chain.is_signed_by(&pen(3, 2).public(), &signed));
        assert!(!chain.after(entry_one.hash()).is_signed_by(&own.public(), &signed));
        let signature = signed.signature().unwrap();
        for (writer, session, number) in [(pen(1, 3), 4, 1), (pen(1, 2), 5, 1), (pen(1, 2), 4, 2)] {
            let other = entry(&writer, session, number).signed(signature).unwrap();
            assert!(!chain.is_signed_by(&own.public(), &other));
        }
    }

    #[test]
    fn the_id_of_a_writer_follows_from_its_key() {
        let own = pen(9, 1);
        assert_eq!(own.writer().node, own.public().id());
        assert!(
            matches!(Body::Author(own.public()), Body::Author(key) if key.id() == own.writer().node)
        );
    }
}
