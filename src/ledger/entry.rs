//! One entry: a fact that is to outlive every crash, as it travels, is kept and is compared.
//!
//! An entry never changes. Its [hash](struct@Hash) covers its [`Head`] and the digest of its body, so
//! that the body can go (see [`Entry::redacted`]) and what is left can still be checked against the
//! hash, and a [signature](super::vouching), which is made over hashes, against its author. For the same reason a body
//! can be sealed for one reader: nobody else needs to understand it to keep it and to vouch for it.
//!
//! ```text
//! hash = SHA-256("interregnum entry 1" session author incarnation number written_at
//!                reign(0 if none) kind key_bytes SHA-256(body))       integers big-endian, fixed width
//! ```

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::types::{Epoch, Incarnation, NodeId, SessionId};

/// The longest body, in bytes: a line of chat that ten can read, and nobody else.
pub const BODY_BYTES_MAX: usize = 2_048;

/// The longest key of a fact, in bytes. It is a part of the body.
pub const KEY_BYTES_MAX: usize = 128;

/// The longest signature, in bytes.
pub const SIGNATURE_BYTES_MAX: usize = 64;

/// The most entries in one span.
pub const SPAN_ENTRIES_MAX: u64 = 1 << 16;

/// The most that an entry takes up on a wire beside its body and its signature.
const HEAD_BYTES: usize = 72;

const DOMAIN: &[u8] = b"interregnum entry 1";

/// One life of one author. Each writes a stream of its own, so a node that comes back from an old
/// copy of its disk never contradicts what it wrote before.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Writer {
    /// The node that writes.
    pub node: NodeId,
    /// In which life.
    pub incarnation: Incarnation,
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}/{:04x}", self.node, self.incarnation.0 >> 48)
    }
}

/// The name of an entry. No two entries of honest writers share one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EntryId {
    /// Who wrote it.
    pub writer: Writer,
    /// The how manieth of that writer in its session, from 1, without gaps.
    pub number: u64,
}

/// Successive entries of one writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// The writer, in one life of it.
    pub writer: Writer,
    /// The number of the first.
    pub first: u64,
    /// The number of the last.
    pub last: u64,
}

impl EntryId {
    /// The entry of this name, as `Display` writes it; none if it is no such name.
    pub fn named(name: &str) -> Option<Self> {
        let mut parts = name.trim().splitn(3, '/');
        let node = NodeId(parts.next()?.parse().ok()?);
        let incarnation = Incarnation(u64::from_str_radix(parts.next()?, 16).ok()?);
        let number = parts.next()?.parse().ok()?;
        Some(Self { writer: Writer { node, incarnation }, number })
    }
}

/// Its name for scripts: its author's id, its life and its number.
impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Writer { node, incarnation } = self.writer;
        write!(f, "{node}/{:016x}/{}", incarnation.0, self.number)
    }
}

impl fmt::Debug for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}#{}", self.writer, self.number)
    }
}

/// Seconds since 1970 by the author's wall clock. It is for people (this evening, an hour ago) and
/// decides nothing else: wall clocks are wrong.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct WallTime(pub u64);

/// What an entry is about. The kinds that the cluster itself understands stand in
/// [`body`](super::body); all others are kept and passed on unread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Kind(pub u8);

impl Kind {
    /// A fact of the game.
    pub const FACT: Kind = Kind(4);

    /// A line of chat.
    pub const LINE: Kind = Kind(129);

    /// Whether it is its author's own, to be deleted by nobody but the author. From 128 up: chat and
    /// accounts. Below are facts about the game, which nobody can take back. Nodes that know nothing
    /// else of a kind agree on this.
    pub fn is_personal(self) -> bool {
        self.0 >= 128
    }
}

/// The SHA-256 of an entry, which is its name for all that refers to it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// Its first 64 bits.
    pub fn short(&self) -> u64 {
        self.0.first_chunk().map_or(0, |first| u64::from_be_bytes(*first))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.short())
    }
}

/// All of an entry but its body and its signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its name.
    pub id: EntryId,
    /// The session it belongs to.
    pub session: SessionId,
    /// When it was written, by the author's wall clock.
    pub written_at: WallTime,
    /// The reign in which its author wrote it as host. Such an entry has its place from the start.
    pub reign: Option<Epoch>,
    /// What it is about.
    pub kind: Kind,
    /// How many of the body's first bytes are its key: of all facts with one key, one counts. 0: it
    /// has none.
    pub key_bytes: u8,
}

impl Head {
    /// There is no reign 0; it stands for none.
    fn sound(mut self) -> Self {
        self.reign = self.reign.filter(|reign| reign.0 > 0);
        self
    }

    /// Whether the body can go. What counts cannot be taken back.
    fn can_be_redacted(&self) -> bool {
        self.kind.is_personal() && self.key_bytes == 0
    }
}

/// A durable fact.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    head: Head,
    content: Content,
    signature: Option<Box<[u8]>>,
    hash: Hash,
}

#[derive(Clone, PartialEq, Eq)]
enum Content {
    Kept(Box<[u8]>),
    /// The digest of what was there.
    Redacted(Box<Hash>),
}

/// An entry exceeds what entries may measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an entry's body, key or signature is too long")]
pub struct Oversized;

impl Entry {
    /// The entry with this head and body, unsigned.
    ///
    /// # Errors
    /// [`Oversized`] when the body is longer than [`BODY_BYTES_MAX`], or the key than
    /// [`KEY_BYTES_MAX`] or than the body.
    pub fn new(head: Head, body: &[u8]) -> Result<Self, Oversized> {
        let head = head.sound();
        let key_bytes = usize::from(head.key_bytes);
        if body.len() > BODY_BYTES_MAX || key_bytes > KEY_BYTES_MAX.min(body.len()) {
            return Err(Oversized);
        }
        let hash = hash(&head, &digest(body));
        Ok(Self { head, content: Content::Kept(body.into()), signature: None, hash })
    }

    /// The entry with this head whose body of this digest was deleted; none if nobody can delete
    /// such an entry's body.
    pub fn without_body(head: Head, digest: Hash) -> Option<Self> {
        let head = head.sound();
        if !head.can_be_redacted() {
            return None;
        }
        let hash = hash(&head, &digest);
        Some(Self { head, content: Content::Redacted(Box::new(digest)), signature: None, hash })
    }

    /// The same with its author's [signature](super::vouching). Nothing in here verifies it.
    ///
    /// # Errors
    /// [`Oversized`] above [`SIGNATURE_BYTES_MAX`].
    pub fn signed(mut self, signature: &[u8]) -> Result<Self, Oversized> {
        if signature.len() > SIGNATURE_BYTES_MAX {
            return Err(Oversized);
        }
        self.signature = Some(signature.into());
        Ok(self)
    }

    /// The same without a signature.
    #[must_use]
    pub fn unsigned(self) -> Self {
        Self { signature: None, ..self }
    }

    /// The same without its body: id, hash and signature stay, and still fit together. None if
    /// nobody can delete it, or if that was done.
    pub fn redacted(&self) -> Option<Self> {
        self.body().filter(|_| self.head.can_be_redacted())?;
        let content = Content::Redacted(Box::new(self.digest()));
        Some(Self { content, ..self.clone() })
    }

    /// What it takes up, at least: to bound what is kept and sent.
    pub fn bytes(&self) -> usize {
        let body = self.body().map_or(32, <[u8]>::len);
        HEAD_BYTES + body + self.signature().map_or(0, <[u8]>::len)
    }

    /// Its name.
    pub fn id(&self) -> EntryId {
        self.head.id
    }

    /// All but body and signature.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// What identifies its content.
    pub fn hash(&self) -> Hash {
        self.hash
    }

    /// What it says; none if that was deleted.
    pub fn body(&self) -> Option<&[u8]> {
        match &self.content {
            Content::Kept(body) => Some(body),
            Content::Redacted(_) => None,
        }
    }

    /// The key under which it counts once, if it has one.
    pub fn key(&self) -> Option<&[u8]> {
        let key = self.body()?.get(..usize::from(self.head.key_bytes))?;
        (!key.is_empty()).then_some(key)
    }

    /// The digest of its body, which stays when the body goes.
    pub fn digest(&self) -> Hash {
        match &self.content {
            Content::Kept(body) => digest(body),
            Content::Redacted(digest) => **digest,
        }
    }

    /// Its author's signature, if it was signed.
    pub fn signature(&self) -> Option<&[u8]> {
        self.signature.as_deref()
    }

    /// What two copies of one entry amount to: a body, if one of them has it. Which signatures are
    /// needed is not seen from a copy. None: `other` has nothing to add.
    pub(super) fn completed_by(&self, other: &Entry) -> Option<Entry> {
        debug_assert_eq!(self.hash, other.hash);
        match (&self.content, &other.content) {
            (Content::Redacted(_), content @ Content::Kept(_)) => {
                Some(Entry { content: content.clone(), ..self.clone() })
            }
            _ => None,
        }
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let deleted = if self.body().is_none() { " redacted" } else { "" };
        write!(f, "{:?} kind {} {:?}{deleted}", self.id(), self.head.kind.0, self.hash)
    }
}

/// Entries are shared between the ledger, the disk and the wire.
pub type SharedEntry = Arc<Entry>;

fn digest(body: &[u8]) -> Hash {
    Hash(Sha256::digest(body).into())
}

fn hash(head: &Head, digest: &Hash) -> Hash {
    let Head { id, session, written_at, reign, kind, key_bytes } = head;
    let mut hasher = Sha256::new();
    hasher.update(DOMAIN);
    hasher.update(session.0.as_bytes());
    hasher.update(id.writer.node.as_u128().to_be_bytes());
    hasher.update(id.writer.incarnation.0.to_be_bytes());
    hasher.update(id.number.to_be_bytes());
    hasher.update(written_at.0.to_be_bytes());
    hasher.update(reign.map_or(0, |reign| reign.0).to_be_bytes());
    hasher.update([kind.0, *key_bytes]);
    hasher.update(digest.0);
    Hash(hasher.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(kind: u8, key_bytes: u8) -> Head {
        let writer = Writer { node: NodeId::from_u128(1), incarnation: Incarnation(2) };
        Head {
            id: EntryId { writer, number: 3 },
            session: SessionId(uuid::Uuid::from_u128(4)),
            written_at: WallTime(5),
            reign: Some(Epoch(6)),
            kind: Kind(kind),
            key_bytes,
        }
    }

    // Other versions, other machines and old files rely on this very number.
    #[test]
    fn the_hash_of_an_entry_is_the_documented_one() {
        let entry = Entry::new(head(4, 2), b"body").unwrap();
        let mut bytes = b"interregnum entry 1".to_vec();
        bytes.extend(4_u128.to_be_bytes());
        bytes.extend(1_u128.to_be_bytes());
        bytes.extend([2_u64, 3, 5, 6].map(u64::to_be_bytes).concat());
        bytes.extend([4, 2]);
        bytes.extend(Sha256::digest(b"body"));
        assert_eq!(entry.hash().0, *Sha256::digest(&bytes));
        assert_eq!(entry.key(), Some(&b"bo"[..]));
    }

    #[test]
    fn deleting_a_body_keeps_the_hash_and_the_signature() {
        let entry = Entry::new(head(130, 0), b"said").unwrap().signed(&[7; 64]).unwrap();
        let redacted = entry.redacted().unwrap();
        assert_eq!(redacted.hash(), entry.hash());
        assert_eq!(redacted.signature(), entry.signature());
        assert_eq!(redacted.body(), None);
        let rebuilt = Entry::without_body(*entry.head(), redacted.digest()).unwrap();
        assert_eq!(rebuilt.hash(), entry.hash());
    }

    #[test]
    fn facts_cannot_be_deleted() {
        assert_eq!(Entry::new(head(4, 1), b"kv").unwrap().redacted(), None);
        assert_eq!(Entry::new(head(130, 1), b"kv").unwrap().redacted(), None);
        assert_eq!(Entry::without_body(head(4, 0), Hash([0; 32])), None);
    }

    #[test]
    fn what_is_too_long_is_no_entry() {
        assert!(Entry::new(head(4, 0), &[0; BODY_BYTES_MAX]).is_ok());
        assert_eq!(Entry::new(head(4, 0), &[0; BODY_BYTES_MAX + 1]), Err(Oversized));
        assert_eq!(Entry::new(head(4, 5), &[0; 4]), Err(Oversized));
        assert_eq!(Entry::new(head(4, 129), &[0; 200]), Err(Oversized));
        let entry = Entry::new(head(4, 0), &[]).unwrap();
        assert_eq!(entry.signed(&[0; SIGNATURE_BYTES_MAX + 1]), Err(Oversized));
    }

    #[test]
    fn of_two_copies_the_body_is_kept_and_the_own_signature() {
        let whole = Entry::new(head(130, 0), b"said").unwrap();
        let signed = whole.redacted().unwrap().signed(&[1; 64]).unwrap();
        let both = signed.completed_by(&whole).unwrap();
        assert_eq!((both.body(), both.signature()), (Some(&b"said"[..]), Some(&[1; 64][..])));
        assert_eq!(both.completed_by(&whole), None);
        assert_eq!(whole.completed_by(&signed), None);
        assert_eq!(both.unsigned(), whole);
    }
}
