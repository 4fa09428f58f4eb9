//! What goes with a host's worlds: the entries of the ledger that it wrote in the ticks since the world
//! that a receiver holds. So whoever holds a world holds what was written up to it, or knows that it
//! does not, and asks.
//!
//! What a tick carries for one receiver is found from the state that this one holds, like the tick's
//! snapshot; and it is taken in the same step in which that snapshot's world is.

use std::collections::VecDeque;

use crate::{
    ledger::{
        batch::Carried,
        entry::{SharedEntry, Writer},
    },
    types::{Clock, SessionId, Tick},
    wire::Blob,
};

/// How much of the ledger goes with a world, in bytes: what matters is that the packet stays one. What
/// finds no room is asked for.
const CARRIED_BYTES_MAX: usize = 640;

/// For how many ticks entries are passed on with worlds: longer than any baseline is referred to.
const ENTRY_TICKS: u64 = 128;

/// The most ticks between the one that has come and the one whose world is taken.
const ARRIVED_MAX: usize = 64;

/// What the last ticks carried, for those who get the next ones from here.
#[derive(Clone, Debug, Default)]
pub struct Carrying {
    /// Each entry, and the tick that carried it first.
    entries: VecDeque<(Tick, SharedEntry)>,
    /// From this tick on, nothing that ticks carried is missing among them.
    complete_from: Tick,
    /// How much a host had written, as its ticks said last.
    written: Option<(Writer, u64)>,
    /// What came with ticks whose worlds are not taken yet, and may never be.
    arrived: VecDeque<(Clock, Carried)>,
}

impl Carrying {
    /// Entries came into being with `tick`, or came with it.
    pub fn note(&mut self, tick: Tick, entries: impl IntoIterator<Item = SharedEntry>) {
        for entry in entries {
            if self.entries.iter().all(|(_, known)| known.id() != entry.id()) {
                self.entries.push_back((tick, entry));
            }
        }
        while self.entries.front().is_some_and(|(at, _)| at.0 + ENTRY_TICKS < tick.0) {
            self.entries.pop_front();
        }
    }

    /// The world of this tick came without what had been written up to it.
    pub fn lacks_before(&mut self, tick: Tick) {
        self.complete_from = self.complete_from.max(tick);
    }

    /// A line of history is given up for one that is held from this tick on.
    pub fn turn_to(&mut self, tick: Tick) {
        self.entries.clear();
        self.complete_from = tick;
    }

    /// A tick that may be taken has come, with this.
    pub fn arrived(&mut self, clock: Clock, carried: Carried) {
        if self.arrived.len() == ARRIVED_MAX {
            self.arrived.pop_front();
        }
        self.arrived.push_back((clock, carried));
    }

    /// Hands out what came with this tick, whose world is taken. Ticks are taken in the order in which
    /// they came, or not at all.
    pub fn take(&mut self, clock: Clock) -> Option<Carried> {
        let at = self.arrived.iter().position(|(other, _)| *other == clock)?;
        let (Clock { term, .. }, carried) = self.arrived.drain(..=at).next_back()?;
        let writer = Writer { node: term.host, incarnation: term.incarnation };
        self.written = Some((writer, carried.written));
        Some(carried)
    }

    /// How much `writer` had written, as its ticks said.
    pub fn written(&self, writer: Writer) -> u64 {
        self.written.filter(|(known, _)| *known == writer).map_or(0, |(_, written)| written)
    }

    /// Up to which number entries of `writer` came with ticks up to this one, as far as is remembered.
    pub fn carried_by(&self, tick: Tick, writer: Writer) -> Option<u64> {
        let carried =
            self.entries.iter().filter(|(at, _)| *at <= tick).map(|(_, entry)| entry.id());
        carried.filter(|id| id.writer == writer).map(|id| id.number).max()
    }

    /// What a tick carries for whoever holds the world of tick `held`, in the ledger of this `session`,
    /// in which the host has `written` so much. Whoever holds none, or may lack what this node was
    /// never given with a tick, is told so much, and asks.
    pub fn since(&self, held: Option<Tick>, session: SessionId, written: u64) -> Option<Blob> {
        let wrote = |held: Tick| self.entries.back().is_some_and(|(at, _)| *at > held);
        if held.is_some_and(|held| held >= self.complete_from && !wrote(held)) {
            return None;
        }
        let entries = held.into_iter().flat_map(|held| self.after(held, session));
        let entries: Vec<SharedEntry> = entries.collect();
        Some(Blob::from(Carried::encode(session, written, &entries)))
    }

    /// The oldest after that tick, as many as find room and somebody vouches for. One signature does for
    /// all that one writer wrote.
    fn after(&self, tick: Tick, session: SessionId) -> Vec<SharedEntry> {
        let mut room = CARRIED_BYTES_MAX;
        let entries = self.entries.iter().filter(|(at, _)| *at > tick).map(|(_, entry)| entry);
        let fits = |entry: &&SharedEntry| {
            let signature = entry.signature().map_or(0, <[u8]>::len);
            let left = room.checked_sub(entry.bytes() - signature);
            room = left.unwrap_or_default();
            left.is_some()
        };
        let entries = entries.filter(|entry| entry.head().session == session).take_while(fits);
        let mut after: Vec<SharedEntry> = Vec::new();
        let mut writer = None;
        for entry in entries.cloned().collect::<Vec<_>>().into_iter().rev() {
            let last = writer != Some(entry.id().writer);
            if last && entry.signature().is_none() {
                continue;
            }
            writer = Some(entry.id().writer);
            match last || entry.signature().is_none() {
                true => after.push(entry),
                false => {
                    after.push(SharedEntry::new(SharedEntry::unwrap_or_clone(entry).unsigned()))
                }
            }
        }
        after.reverse();
        after
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Epoch, Incarnation, NodeId, Term};

    /// How much a host says that it has written, to somebody who holds the world of a tick.
    fn says(carrying: &Carrying, held: u64) -> Option<u64> {
        let carried = carrying.since(Some(Tick(held)), SessionId::default(), 14)?;
        Some(Carried::decode(&carried).unwrap().written)
    }

    /// It may have written in an earlier reign that nobody followed to its end.
    #[test]
    fn who_is_crowned_says_how_much_it_has_written_before() {
        let mut carrying = Carrying::default();
        assert_eq!(says(&carrying, 505), None);
        carrying.lacks_before(Tick(506));
        assert_eq!(says(&carrying, 505), Some(14));
        assert_eq!(says(&carrying, 506), None);
    }

    // Several frames of a link may come at once; and a world may not be taken.
    #[test]
    fn each_world_is_taken_with_what_came_with_it() {
        let (host, incarnation) = (NodeId::from_u128(1), Incarnation(1));
        let term = Term { epoch: Epoch(1), host, incarnation };
        let clock = |tick| Clock { term, tick: Tick(tick) };
        let carried =
            |written| Carried { session: SessionId::default(), written, entries: Vec::new() };
        let mut carrying = Carrying::default();
        for tick in 1..=3 {
            carrying.arrived(clock(tick), carried(10 * tick));
        }
        assert_eq!(carrying.take(clock(2)), Some(carried(20)));
        assert_eq!(carrying.take(clock(1)), None, "it was passed over");
        assert_eq!(carrying.take(clock(3)), Some(carried(30)));
        assert_eq!(carrying.written(Writer { node: host, incarnation }), 30);
        for tick in 0..1_000 {
            carrying.arrived(clock(tick), carried(0));
        }
        assert_eq!(carrying.arrived.len(), ARRIVED_MAX);
    }
}
