//! The lines that `ledger export` prints and `ledger import` reads.
//!
//! A stable interface. Numbers of 64 bits and bytes are hexadecimal digits: a number that large is
//! not the same number in every JSON reader.

use interregnum::{
    accounts::{Claim, Statement},
    arena::hall,
    ledger::{
        body::Body,
        entry::{Entry, EntryId, Hash, Head, Kind, WallTime, Writer},
    },
    text::SessionName,
    types::{Epoch, Incarnation, NodeId, SessionId},
};
use serde::{Deserialize, Serialize};

/// One line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Line {
    /// A fact.
    Entry(Box<Fields>),
    /// Under which name a session is played.
    Session { session: SessionId, name: SessionName },
}

/// An entry.
#[derive(Debug, Serialize, Deserialize)]
pub struct Fields {
    session: SessionId,
    author: NodeId,
    /// Its 64 bits, in hexadecimal digits: more than a number in JSON keeps.
    incarnation: String,
    number: u64,
    /// Seconds since 1970.
    written_at: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reign: Option<u64>,
    kind: u8,
    #[serde(default, skip_serializing_if = "is_zero")]
    key_bytes: u8,
    /// Absent if it was deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    /// The digest of a body that was deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signature: Option<String>,
    hash: String,
    /// What the body says, for people; not read again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    says: Option<String>,
}

impl Line {
    /// The line for an entry.
    pub fn entry(entry: &Entry) -> Self {
        let head = entry.head();
        Self::Entry(Box::new(Fields {
            session: head.session,
            author: head.id.writer.node,
            incarnation: format!("{:016x}", head.id.writer.incarnation.0),
            number: head.id.number,
            written_at: head.written_at.0,
            reign: head.reign.map(|reign| reign.0),
            kind: head.kind.0,
            key_bytes: head.key_bytes,
            body: entry.body().map(to_hex),
            digest: entry.body().is_none().then(|| to_hex(&entry.digest().0)),
            signature: entry.signature().map(to_hex),
            hash: to_hex(&entry.hash().0),
            says: says(entry),
        }))
    }
}

impl Fields {
    /// The entry; none if it is not the one that the hash was made of.
    pub fn entry(&self) -> Option<Entry> {
        let incarnation = Incarnation(u64::from_str_radix(&self.incarnation, 16).ok()?);
        let writer = Writer { node: self.author, incarnation };
        let head = Head {
            id: EntryId { writer, number: self.number },
            session: self.session,
            written_at: WallTime(self.written_at),
            reign: self.reign.map(Epoch),
            kind: Kind(self.kind),
            key_bytes: self.key_bytes,
        };
        let entry = match (&self.body, &self.digest) {
            (Some(body), _) => Entry::new(head, &from_hex(body)?).ok()?,
            (None, Some(digest)) => {
                Entry::without_body(head, Hash(from_hex(digest)?.try_into().ok()?))?
            }
            (None, None) => return None,
        };
        let entry = match &self.signature {
            Some(signature) => entry.signed(&from_hex(signature)?).ok()?,
            None => entry,
        };
        (from_hex(&self.hash)? == entry.hash().0).then_some(entry)
    }
}

/// What an entry says, in words.
fn says(entry: &Entry) -> Option<String> {
    Some(match Body::of(entry)? {
        Body::Joined(called) => format!("{} joined ({})", called.name, called.player),
        Body::Left(player) => format!("{player} left"),
        Body::Renamed(called) => format!("{} is called {}", called.player, called.name),
        Body::Fact(fact) => match hall::Fact::decode(&fact).ok()? {
            hall::Fact::Gathered { player, rare: true, .. } => {
                format!("{player} gathered a rare gatherable")
            }
            hall::Fact::Gathered { player, .. } => format!("{player} gathered a gatherable"),
            hall::Fact::Won { player, .. } => format!("{player} won a round"),
        },
        Body::Placed(spans) => {
            let entries: u64 = spans.iter().map(|span| span.last - span.first + 1).sum();
            format!("{entries} entries have their place here")
        }
        Body::Deleted(target) => {
            let Writer { node, incarnation } = target.writer;
            format!("deleted {node} {:016x} {}", incarnation.0, target.number)
        }
        Body::Author(key) => format!("the author's key is {key}"),
        Body::Other(..) => return Statement::of(entry).map(|statement| stated(&statement)),
    })
}

/// What a statement says, in words.
fn stated(statement: &Statement) -> String {
    let account = format!("account {:?}", statement.account);
    match &statement.claim {
        Claim::Called { name, .. } => format!("{account} is called {name}"),
        Claim::Certifies { machine, .. } => format!("{} speaks for {account}", machine.id()),
        Claim::Strikes { machine } => format!("{account} strikes {machine} off"),
        Claim::Formerly { id } => format!("{account} was {id} before there were keys"),
        Claim::Deleted => format!("{account} is deleted"),
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_zero(number: &u8) -> bool {
    *number == 0
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(digits: &str) -> Option<Vec<u8>> {
    let digit = |digit: &u8| char::from(*digit).to_digit(16);
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    let byte = |[high, low]: &[u8; 2]| Some((digit(high)? << 4 | digit(low)?) as u8);
    if rest.is_empty() { pairs.iter().map(byte).collect() } else { None }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn entry(kind: u8, body: &[u8]) -> Entry {
        let writer = Writer { node: NodeId::from_u128(1), incarnation: Incarnation(!0) };
        let head = Head {
            id: EntryId { writer, number: 3 },
            session: SessionId(Uuid::from_u128(2)),
            written_at: WallTime(1_700_000_000),
            reign: Some(Epoch(4)),
            kind: Kind(kind),
            key_bytes: 0,
        };
        Entry::new(head, body).unwrap().signed(&[1, 2, 255]).unwrap()
    }

    // Scripts live on these very bytes.
    #[test]
    fn an_entry_is_printed_as_documented() {
        let text = serde_json::to_string(&Line::entry(&entry(200, b"hi"))).unwrap();
        assert_eq!(
            text,
            "{\"session\":\"00000000-0000-0000-0000-000000000002\",\
             \"author\":\"00000000-0000-0000-0000-000000000001\",\
             \"incarnation\":\"ffffffffffffffff\",\"number\":3,\"written_at\":1700000000,\
             \"reign\":4,\"kind\":200,\"body\":\"6869\",\"signature\":\"0102ff\",\
             \"hash\":\"fc413f98c68498a6f5dbc8261bb4a4d6940ffceb\
             45d95379c14db67b0e4acf2c\"}"
        );
    }

    #[test]
    fn an_entry_is_read_as_it_was_printed_with_its_body_or_without() {
        let whole = entry(200, b"hi");
        for entry in [whole.redacted().unwrap(), whole, entry(4, b"")] {
            let text = serde_json::to_string(&Line::entry(&entry)).unwrap();
            let Line::Entry(fields) = serde_json::from_str(&text).unwrap() else {
                panic!("{text}")
            };
            assert_eq!(fields.entry(), Some(entry));
        }
    }

    #[test]
    fn a_line_that_was_changed_is_no_entry() {
        let text = serde_json::to_string(&Line::entry(&entry(200, b"hi"))).unwrap();
        for (old, new) in [("6869", "6868"), ("\"number\":3", "\"number\":4"), ("6869", "686")] {
            let changed = text.replace(old, new);
            let Line::Entry(fields) = serde_json::from_str(&changed).unwrap() else {
                panic!("{changed}")
            };
            assert_eq!(fields.entry(), None, "{changed}");
        }
    }
}
