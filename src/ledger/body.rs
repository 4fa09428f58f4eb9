//! What the cluster itself understands of an entry's body. Everything else is opaque bytes: of the
//! game ([`Body::Fact`]), or of a kind that comes later ([`Body::Other`]).

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{
    entry::{Entry, EntryId, Kind, SPAN_ENTRIES_MAX, Span},
    order::Place,
};
use crate::{
    game::{Fact, ScoreNews},
    keys::PublicKey,
    text::Name,
    types::NodeId,
};

/// The most spans in one [`Body::Placed`], so that it is no longer than a body may be.
pub const SPANS_MAX: usize = 24;

const JOINED: Kind = Kind(1);
const LEFT: Kind = Kind(2);
const RENAMED: Kind = Kind(3);
const FACT: Kind = Kind::FACT;
const PLACED: Kind = Kind(5);
const DELETED: Kind = Kind(6);
const AUTHOR: Kind = Kind(7);

/// What an entry says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// A player came in.
    Joined(Called),
    /// A player left.
    Left(NodeId),
    /// A player is called otherwise.
    Renamed(Called),
    /// A fact of the game, and the key under which it counts once.
    Fact(Fact),
    /// The host that wrote this gave these entries a place, all the same one: here.
    Placed(Vec<Span>),
    /// The author of this entry deleted what it said there.
    Deleted(EntryId),
    /// The key of the author, whose signatures it is to be checked with: what each stream begins with.
    Author(PublicKey),
    /// Of a kind that the cluster does not know.
    Other(Kind, Vec<u8>),
}

/// A player, and what it is called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Called {
    /// The player who is called so.
    pub player: NodeId,
    /// Its name.
    pub name: Name,
}

impl Body {
    /// What `entry` says; none if that was deleted, or makes no sense. Such an entry is kept like
    /// any other, and has no effect.
    pub fn of(entry: &Entry) -> Option<Self> {
        let bytes = entry.body()?;
        Some(match entry.head().kind {
            JOINED => Self::Joined(read(bytes)?),
            LEFT => Self::Left(read(bytes)?),
            RENAMED => Self::Renamed(read(bytes)?),
            FACT => {
                let (key, value) = bytes.split_at_checked(entry.key()?.len())?;
                Self::Fact(Fact { key: key.to_vec(), value: value.to_vec() })
            }
            PLACED => Self::Placed(read(bytes).filter(|spans: &Vec<Span>| {
                let sound = |span: &Span| {
                    let more = span.last.checked_sub(span.first);
                    span.first > 0 && more.is_some_and(|more| more < SPAN_ENTRIES_MAX)
                };
                spans.len() <= SPANS_MAX && spans.iter().all(sound)
            })?),
            DELETED => Self::Deleted(read(bytes)?),
            AUTHOR => Self::Author(read(bytes)?),
            other => Self::Other(other, bytes.to_vec()),
        })
    }

    /// What the scores of a game are to be told of it, and of the entry that says it, when it counts.
    pub fn record(&self, entry: &Entry) -> Option<ScoreNews<'_>> {
        match self {
            Self::Fact(fact) => Some(ScoreNews::Counts(fact)),
            Self::Joined(called) | Self::Renamed(called) => {
                let place = Place::of(entry).unwrap_or(Place::LOWEST).recency();
                Some(ScoreNews::Called(called.player, &called.name, place))
            }
            _ => None,
        }
    }

    /// The kind, how many bytes the key has, and the bytes.
    pub(super) fn into_parts(self) -> (Kind, u8, Vec<u8>) {
        match self {
            Self::Joined(called) => (JOINED, 0, write(&called)),
            Self::Left(player) => (LEFT, 0, write(&player)),
            Self::Renamed(called) => (RENAMED, 0, write(&called)),
            Self::Fact(Fact { key, value }) => {
                let key_bytes = u8::try_from(key.len()).unwrap_or(u8::MAX);
                (FACT, key_bytes, [key, value].concat())
            }
            Self::Placed(spans) => (PLACED, 0, write(&spans)),
            Self::Deleted(target) => (DELETED, 0, write(&target)),
            Self::Author(key) => (AUTHOR, 0, write(&key)),
            Self::Other(kind, bytes) => (kind, 0, bytes),
        }
    }
}

/// Whether an entry is a fact of the game that counts once: such entries are most of all there are.
pub(super) fn is_fact(entry: &Entry) -> bool {
    entry.head().kind == FACT && entry.key().is_some()
}

/// The key that the first entry of a stream names, if it is the author's.
pub(super) fn author_of(first: &Entry) -> Option<PublicKey> {
    let is_first = first.id().number == 1;
    match Body::of(first).filter(|_| is_first)? {
        Body::Author(key) if key.id() == first.id().writer.node => Some(key),
        _ => None,
    }
}

/// Whether an entry of this kind has a place of its own in the order: whether there could be a line
/// for it.
pub(super) fn has_place(kind: Kind) -> bool {
    !matches!(kind, PLACED | DELETED | AUTHOR)
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    let (value, rest) = postcard::take_from_bytes(bytes).ok()?;
    rest.is_empty().then_some(value)
}

fn write<T: Serialize>(value: &T) -> Vec<u8> {
    postcard::to_stdvec(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ledger::entry::{BODY_BYTES_MAX, Head, WallTime, Writer},
        types::{Incarnation, SessionId},
    };

    #[test]
    fn every_body_is_read_as_it_was_written() {
        let called = Called { player: NodeId::from_u128(1), name: Name::new("Ada") };
        let writer = Writer { node: NodeId::from_u128(9), incarnation: Incarnation(8) };
        for body in [
            Body::Joined(called.clone()),
            Body::Left(called.player),
            Body::Renamed(called),
            Body::Fact(Fact { key: b"coin".to_vec(), value: b"3".to_vec() }),
            Body::Placed(vec![Span { writer, first: 2, last: 5 }]),
            Body::Deleted(EntryId { writer, number: 4 }),
            Body::Author(PublicKey::from_bytes([7; 32])),
            Body::Other(Kind(200), b"later".to_vec()),
        ] {
            assert_eq!(Body::of(&entry(body.clone())), Some(body));
        }
    }

    #[test]
    fn the_largest_placing_fits_a_body() {
        let writer = Writer { node: NodeId::from_u128(!0), incarnation: Incarnation(!0) };
        let span = Span { writer, first: 1 << 40, last: 1 << 40 };
        let (_, _, bytes) = Body::Placed(vec![span; SPANS_MAX]).into_parts();
        assert!(bytes.len() <= BODY_BYTES_MAX, "{}", bytes.len());
    }

    #[test]
    fn a_body_that_makes_no_sense_says_nothing() {
        for (kind, bytes) in [(JOINED, &b"x"[..]), (PLACED, &[1, 2]), (DELETED, b"")] {
            assert_eq!(Body::of(&entry(Body::Other(kind, bytes.to_vec()))), None);
        }
    }

    fn entry(body: Body) -> Entry {
        let (kind, key_bytes, bytes) = body.into_parts();
        let writer = Writer { node: NodeId::from_u128(1), incarnation: Incarnation(1) };
        let head = Head {
            id: EntryId { writer, number: 1 },
            session: SessionId(uuid::Uuid::from_u128(1)),
            written_at: WallTime(0),
            reign: None,
            kind,
            key_bytes,
        };
        Entry::new(head, &bytes).unwrap()
    }
}
