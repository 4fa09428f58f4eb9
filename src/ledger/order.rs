//! One order for all: where each entry stands among the others.
//!
//! A host gives places, `(term, index, position)`, higher from entry to entry. What a host writes has
//! its place from the start; the index is its number. To what others wrote the host gives one by
//! writing a [`Placed`](super::body::Body::Placed) that lists them; their position is the one in the
//! list. An entry may have been given several places, by one host or by several; *the highest
//! counts*. What has none stands last: it is on its way.
//!
//! So the order is a function of the set of entries alone: whoever has the same entries has them in
//! the same order. And while one host reigns, what it has placed stays where it is: nothing that
//! arrives later can have a higher place in its reign but by its own word, and it does not move what
//! it has placed.

use std::collections::{BTreeMap, BTreeSet};

use super::entry::{Entry, EntryId, Span, Writer};
use crate::{
    game::Recency,
    types::{Epoch, Incarnation, NodeId, Term},
};

/// Where a host put an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// In which reign.
    pub term: Term,
    /// The number of the host's entry that says so.
    pub index: u64,
    /// Where in the list of that entry; 0 for itself.
    pub position: u32,
}

impl Place {
    /// Below all others.
    pub const LOWEST: Place = Place {
        term: Term { epoch: Epoch(0), host: NodeId::from_u128(0), incarnation: Incarnation(0) },
        index: 0,
        position: 0,
    };

    /// The same for a game, which knows no ledger.
    pub fn recency(self) -> Recency {
        (self.term, self.index)
    }

    /// Where this entry stands, or puts others, because a host wrote it; none if no host did.
    pub fn of(entry: &Entry) -> Option<Self> {
        let EntryId { writer, number } = entry.id();
        let epoch = entry.head().reign?;
        let term = Term { epoch, host: writer.node, incarnation: writer.incarnation };
        Some(Self { term, index: number, position: 0 })
    }
}

/// All places that were given to what others wrote.
#[derive(Clone, Debug, Default)]
pub struct Places {
    writers: BTreeMap<Writer, Given>,
}

/// The places given to one writer's entries.
#[derive(Clone, Debug, Default)]
struct Given {
    /// First number, last number, place.
    spans: BTreeSet<(u64, u64, Place)>,
    /// The length of the longest span: no longer one needs to be looked for.
    longest: u64,
}

impl Places {
    /// Notes that the entries of `span` were given `place`.
    pub fn give(&mut self, span: &Span, place: Place) {
        let given = self.writers.entry(span.writer).or_default();
        given.spans.insert((span.first, span.last, place));
        given.longest = given.longest.max(span.last - span.first);
    }

    /// The highest place of `entry`.
    pub fn of(&self, entry: &Entry) -> Option<Place> {
        self.given(entry.id()).chain(Place::of(entry)).max()
    }

    /// Puts entries in order.
    pub fn sort<E: AsRef<Entry>>(
        &self,
        entries: impl Iterator<Item = E>,
    ) -> Vec<(Option<Place>, E)> {
        let mut placed: Vec<_> = entries.map(|entry| (self.of(entry.as_ref()), entry)).collect();
        placed.sort_by_key(|(place, entry)| {
            let entry = entry.as_ref();
            (place.is_none(), *place, entry.id(), entry.hash())
        });
        placed
    }

    fn given(&self, id: EntryId) -> impl Iterator<Item = Place> {
        let given = self.writers.get(&id.writer);
        given.into_iter().flat_map(move |given| {
            let (from, to) = (id.number.saturating_sub(given.longest), id.number);
            given
                .spans
                .range((from, 0, Place::LOWEST)..)
                .take_while(move |(first, ..)| *first <= to)
                .filter(move |(_, last, _)| id.number <= *last)
                .map(|(.., place)| *place)
        })
    }
}
