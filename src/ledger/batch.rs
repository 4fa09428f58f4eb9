//! How entries stand in messages and in files: those of one writer in a row, so that what they share
//! is said once.
//!
//! All of it is postcard: a batch is `(session, [run])`, a run `(writer, first number, [item])`. What
//! is read is checked like everything that comes off a wire, and the hash of each entry is computed,
//! not believed.

use serde::{Deserialize, Serialize};

use super::entry::{Entry, EntryId, Hash, Head, Kind, SharedEntry, WallTime, Writer};
use crate::{
    game::Malformed,
    types::{Epoch, SessionId},
};

/// The size of a portion, in bytes: a hundred lines of chat, which are taken in within a millisecond.
pub const PORTION_BYTES: usize = 16 << 10;

#[derive(Serialize, Deserialize)]
struct Run<'a> {
    writer: Writer,
    first: u64,
    #[serde(borrow)]
    items: Vec<Item<'a>>,
}

/// What is left of an entry when session, writer and number are known.
#[derive(Serialize, Deserialize)]
struct Item<'a> {
    written_at: WallTime,
    /// 0: none.
    reign: u64,
    kind: Kind,
    key_bytes: u8,
    #[serde(borrow)]
    content: Content<'a>,
    /// Empty: none.
    signature: &'a [u8],
}

#[derive(Serialize, Deserialize)]
enum Content<'a> {
    Kept(&'a [u8]),
    Redacted(Hash),
}

/// What goes with a world of the ledger: so whoever holds the world holds what was written up to it,
/// or knows that it does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Carried {
    /// Which ledger.
    pub session: SessionId,
    /// How many entries the host of that world has written.
    pub written: u64,
    /// Those of them that the receiver may lack, and that found room.
    pub entries: Vec<Entry>,
}

impl Carried {
    /// As bytes: `written`, and a batch.
    pub fn encode<'a>(
        session: SessionId,
        written: u64,
        entries: impl IntoIterator<Item = &'a SharedEntry>,
    ) -> Vec<u8> {
        let head = postcard::to_stdvec(&written).unwrap_or_default();
        [head, encode(session, entries)].concat()
    }

    /// The inverse of [`encode`](Carried::encode).
    ///
    /// # Errors
    /// [`Malformed`] when it is none.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let (written, rest) = postcard::take_from_bytes(bytes).map_err(|_| Malformed)?;
        let (session, entries) = read(rest)?;
        Ok(Self { session, written, entries })
    }
}

/// Entries of one session, in any order; best sorted by their ids.
pub fn encode<'a>(
    session: SessionId,
    entries: impl IntoIterator<Item = &'a SharedEntry>,
) -> Vec<u8> {
    let mut runs: Vec<Run<'a>> = Vec::new();
    for entry in entries {
        debug_assert_eq!(entry.head().session, session);
        let EntryId { writer, number } = entry.id();
        let goes_on = |run: &&mut Run<'_>| {
            run.writer == writer && run.first + run.items.len() as u64 == number
        };
        match runs.last_mut().filter(goes_on) {
            Some(run) => run.items.push(item(entry)),
            None => runs.push(Run { writer, first: number, items: vec![item(entry)] }),
        }
    }
    postcard::to_stdvec(&(session, runs)).unwrap_or_default()
}

/// The inverse of [`encode`].
///
/// # Errors
/// [`Malformed`] when it is none, or holds an entry that cannot be.
pub fn decode(bytes: &[u8]) -> Result<Vec<Entry>, Malformed> {
    read(bytes).map(|(_, entries)| entries)
}

/// The same, of exactly one entry.
///
/// # Errors
/// [`Malformed`] when it is none, or several.
pub fn decode_one(bytes: &[u8]) -> Result<Entry, Malformed> {
    // A batch of one run of one item: how many there are stands before them.
    type Alone<'a> = (SessionId, usize, Writer, u64, usize, Item<'a>);
    let (alone, rest) = postcard::take_from_bytes::<Alone<'_>>(bytes).map_err(|_| Malformed)?;
    let (session, runs, writer, number, items, item) = alone;
    let is_one = (runs, items) == (1, 1) && rest.is_empty();
    if !is_one || number == 0 || number == u64::MAX {
        return Err(Malformed);
    }
    entry(session, EntryId { writer, number }, &item)
}

/// Of what kind the first entry is, if there is one: for whoever looks for few among many. Nothing else is
/// checked.
pub fn first_kind(bytes: &[u8]) -> Option<Kind> {
    // As in a batch of one run, up to there: how many runs and items there are stands before them.
    type Beginning = (SessionId, usize, Writer, u64, usize, WallTime, u64, Kind);
    let (beginning, _) = postcard::take_from_bytes::<Beginning>(bytes).ok()?;
    let (_, runs, _, _, items, _, _, kind) = beginning;
    (runs > 0 && items > 0).then_some(kind)
}

/// What was read, in runs of successive entries of one writer: each is vouched for by a signature at its
/// end.
pub fn runs(entries: Vec<Entry>) -> Vec<Vec<Entry>> {
    let mut runs: Vec<Vec<Entry>> = Vec::new();
    for entry in entries {
        let goes_on = |run: &&mut Vec<Entry>| {
            run.last().is_some_and(|last| {
                let (last, next) = (last.id(), entry.id());
                last.writer == next.writer && last.number.checked_add(1) == Some(next.number)
            })
        };
        match runs.last_mut().filter(goes_on) {
            Some(run) => run.push(entry),
            None => runs.push(vec![entry]),
        }
    }
    runs
}

fn read(bytes: &[u8]) -> Result<(SessionId, Vec<Entry>), Malformed> {
    let ((session, runs), rest): ((SessionId, Vec<Run<'_>>), _) =
        postcard::take_from_bytes(bytes).map_err(|_| Malformed)?;
    if !rest.is_empty() {
        return Err(Malformed);
    }
    let mut entries = Vec::new();
    for run in runs {
        entries.extend(entries_of(session, run.writer, run.first, run.items)?);
    }
    Ok((session, entries))
}

fn item(entry: &Entry) -> Item<'_> {
    let head = entry.head();
    Item {
        written_at: head.written_at,
        reign: head.reign.map_or(0, |reign| reign.0),
        kind: head.kind,
        key_bytes: head.key_bytes,
        content: entry.body().map_or_else(|| Content::Redacted(entry.digest()), Content::Kept),
        signature: entry.signature().unwrap_or_default(),
    }
}

fn entries_of(
    session: SessionId,
    writer: Writer,
    first: u64,
    items: Vec<Item<'_>>,
) -> Result<Vec<Entry>, Malformed> {
    if first == 0 || first.checked_add(items.len() as u64).is_none() {
        return Err(Malformed);
    }
    let numbered = (first..=u64::MAX).zip(items);
    numbered.map(|(number, item)| entry(session, EntryId { writer, number }, &item)).collect()
}

fn entry(session: SessionId, id: EntryId, item: &Item<'_>) -> Result<Entry, Malformed> {
    let head = Head {
        id,
        session,
        written_at: item.written_at,
        reign: (item.reign > 0).then_some(Epoch(item.reign)),
        kind: item.kind,
        key_bytes: item.key_bytes,
    };
    let entry = match &item.content {
        Content::Kept(body) => Entry::new(head, body).map_err(|_| Malformed)?,
        Content::Redacted(digest) => Entry::without_body(head, *digest).ok_or(Malformed)?,
    };
    match item.signature {
        [] => Ok(entry),
        signature => entry.signed(signature).map_err(|_| Malformed),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::{collection::vec, prelude::*};

    use super::*;
    use crate::types::{Incarnation, NodeId};

    fn session() -> SessionId {
        SessionId(uuid::Uuid::from_u128(7))
    }

    fn made(writer: u64, number: u64, kind: u8, body: &[u8]) -> SharedEntry {
        let writer = Writer { node: NodeId::from_u128(1), incarnation: Incarnation(writer) };
        let head = Head {
            id: EntryId { writer, number },
            session: session(),
            written_at: WallTime(1_700_000_000),
            reign: number.is_multiple_of(2).then_some(Epoch(number)),
            kind: Kind(kind),
            key_bytes: 0,
        };
        Arc::new(Entry::new(head, body).unwrap())
    }

    #[test]
    fn a_batch_is_read_as_it_was_written() {
        let mut entries = vec![
            made(1, 1, 4, b"a"),
            made(1, 2, 4, b"b"),
            made(1, 4, 200, b"after a gap"),
            made(2, 1, 200, b""),
        ];
        entries[2] = Arc::new(entries[2].redacted().unwrap());
        entries[3] = Arc::new(Entry::clone(&entries[3]).signed(&[9; 64]).unwrap());
        let read = decode(&encode(session(), &entries)).unwrap();
        assert_eq!(read, entries.iter().map(|entry| Entry::clone(entry)).collect::<Vec<_>>());
    }

    #[test]
    fn a_batch_that_ends_with_the_last_number_there_is_is_read_or_refused() {
        let last_but_one = [made(1, u64::MAX - 1, 4, b"a")];
        let read = decode(&encode(session(), &last_but_one)).unwrap();
        assert_eq!(read, [Entry::clone(&last_but_one[0])]);
        assert!(decode(&encode(session(), &[made(1, u64::MAX, 4, b"a")])).is_err());
    }

    #[test]
    fn an_entry_takes_up_no_more_than_it_says() {
        let writer = Writer { node: NodeId::from_u128(!0), incarnation: Incarnation(!0) };
        let head = Head {
            id: EntryId { writer, number: !0 - 1 },
            session: session(),
            written_at: WallTime(!0),
            reign: Some(Epoch(!0)),
            kind: Kind(255),
            key_bytes: 0,
        };
        for body in [&[0; 1_024][..], &[0; 127], &[]] {
            let entry = Entry::new(head, body).unwrap().signed(&[0; 64]).unwrap();
            for entry in [entry.redacted().unwrap(), entry] {
                let (entry, alone) = (Arc::new(entry), encode(session(), []).len());
                let bytes = encode(session(), [&entry]).len() - alone;
                assert!(bytes <= entry.bytes(), "{bytes} bytes, not {}", entry.bytes());
            }
        }
    }

    #[test]
    fn numbers_start_at_one_and_end_somewhere() {
        for first in [0, u64::MAX - 1] {
            let writer = Writer { node: NodeId::from_u128(1), incarnation: Incarnation(1) };
            let entries = [made(1, 1, 4, b"a"), made(1, 2, 4, b"b")];
            let items = entries.iter().map(|entry| item(entry)).collect();
            assert_eq!(entries_of(session(), writer, first, items), Err(Malformed));
        }
    }

    #[test]
    fn what_a_world_carries_is_read_as_it_was_written() {
        let entries = [made(1, 4, 4, b"a"), made(1, 5, 4, b"b")];
        let read = Carried::decode(&Carried::encode(session(), 5, &entries)).unwrap();
        assert_eq!((read.session, read.written, read.entries.len()), (session(), 5, 2));
        let none = Carried::encode(session(), 9, []);
        assert_eq!(Carried::decode(&none).unwrap().entries, []);
        assert_eq!(Carried::decode(b"junk"), Err(Malformed));
    }

    #[test]
    fn the_kind_of_a_batch_is_that_of_its_first_entry() {
        let entries = [made(1, 1, 129, b"a"), made(1, 2, 4, b"b"), made(2, 1, 200, b"c")];
        for from in 0..entries.len() {
            let batch = encode(session(), &entries[from..]);
            assert_eq!(first_kind(&batch), Some(entries[from].head().kind));
        }
        assert_eq!(first_kind(&encode(session(), [])), None);
    }

    #[test]
    fn one_entry_is_read_alone_and_several_are_not() {
        let entries = [made(1, 1, 129, b"a"), made(1, 2, 4, b""), made(2, 1, 200, b"c")];
        for entry in &entries {
            let bytes = encode(session(), [entry]);
            assert_eq!(decode_one(&bytes), Ok(Entry::clone(entry)));
            assert_eq!(decode_one(&[&bytes[..], b"x"].concat()), Err(Malformed));
        }
        for several in [&entries[..2], &entries[1..], &[]] {
            assert_eq!(decode_one(&encode(session(), several)), Err(Malformed));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_entries_or_malformed(bytes in vec(any::<u8>(), 0..300)) {
            let kind = first_kind(&bytes);
            let alone = decode_one(&bytes);
            if let Ok(entries) = decode(&bytes) {
                prop_assert_eq!(alone.ok(), entries.first().filter(|_| entries.len() == 1).cloned());
                let first = entries.first();
                prop_assert!(first.is_none_or(|first| kind == Some(first.head().kind)));
                for entry in entries {
                    prop_assert!(entry.id().number > 0);
                }
            }
        }
    }
}
