//! Putting in order what waits for a place: a little at a time, for after a merge there may be tens
//! of thousands, and the host has its next tick to make.

use std::{
    collections::{BTreeSet, VecDeque},
    ops::Bound,
};

use super::{
    body::SPANS_MAX,
    entry::{EntryId, SPAN_ENTRIES_MAX, Span},
    order::Place,
};

/// Those that get their places in one block. They [line up](Placing::line_up) one by one; when all are
/// there they [leave](Placing::leave), in the order that they had so far.
#[derive(Clone, Debug, Default)]
pub struct Placing {
    /// Those without any place stand last.
    line: BTreeSet<(bool, Option<Place>, EntryId)>,
    /// The highest id among them that was looked up where nobody has a place.
    seen: Option<EntryId>,
    /// Those who have left, in as few words as possible.
    spans: VecDeque<Span>,
}

impl Placing {
    /// Whether there is nobody.
    pub fn is_empty(&self) -> bool {
        self.line.is_empty() && self.spans.is_empty()
    }

    /// Whether it is too late for others to line up.
    pub fn is_leaving(&self) -> bool {
        !self.spans.is_empty()
    }

    /// The next one among those who are `unplaced`.
    pub fn next_of(&mut self, unplaced: &BTreeSet<EntryId>) -> Option<EntryId> {
        let after = self.seen.map_or(Bound::Unbounded, Bound::Excluded);
        let next = unplaced.range((after, Bound::Unbounded)).next().copied()?;
        self.seen = Some(next);
        Some(next)
    }

    /// One more, who has had this place so far.
    pub fn line_up(&mut self, id: EntryId, place: Option<Place>) {
        self.line.insert((place.is_none(), place, id));
    }

    /// So many leave. Whether that was all.
    pub fn leave(&mut self, count: usize) -> bool {
        for _ in 0..count {
            let Some((.., id)) = self.line.pop_first() else { break };
            self.append(id);
        }
        self.line.is_empty()
    }

    /// What one entry can say of those who have left.
    pub fn take_spans(&mut self) -> Vec<Span> {
        let count = self.spans.len().min(SPANS_MAX);
        self.spans.drain(..count).collect()
    }

    /// Runs of successive numbers become one.
    fn append(&mut self, EntryId { writer, number }: EntryId) {
        let goes_on = |span: &&mut Span| {
            let room = number - span.first.min(number) < SPAN_ENTRIES_MAX;
            span.writer == writer && span.last + 1 == number && room
        };
        match self.spans.back_mut().filter(goes_on) {
            Some(span) => span.last = number,
            None => self.spans.push_back(Span { writer, first: number, last: number }),
        }
    }
}
