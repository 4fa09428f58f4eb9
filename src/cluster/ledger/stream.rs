//! What one writer wrote, in the order of its numbers, and a running checksum of it.
//!
//! Streams grow at their end, without gaps. There are two exceptions. Entries read back from a
//! damaged disk may leave *holes*: what lies behind one is kept, but has no effect until somebody
//! fills the hole, for it could not be passed on. And a writer that gave one number to two entries
//! has *forks*: all are kept.

use super::{
    entry::{Hash, SharedEntry},
    vector::Mark,
};

/// The most entries of one name that are kept. A writer with so many is past caring for: its
/// checksums agree from there on, or two ledgers would compare it for ever.
pub const FORKS_MAX: usize = 8;

/// What one writer wrote.
#[derive(Debug, Default)]
pub struct Stream {
    slots: Vec<Slot>,
    through: usize,
    overrun: bool,
}

#[derive(Debug, Default)]
struct Slot {
    entry: Option<SharedEntry>,
    /// Others of the same name.
    forks: Vec<SharedEntry>,
    /// The sum of the weights up to here.
    sum: u64,
}

impl Stream {
    /// The number up to which nothing is missing.
    pub fn through(&self) -> u64 {
        self.through as u64
    }

    /// The number of the last entry known, beyond holes too.
    pub fn last(&self) -> u64 {
        self.slots.len() as u64
    }

    /// How far it is held.
    pub fn mark(&self) -> Mark {
        Mark { through: self.through(), sum: self.sum_at(self.through()) }
    }

    /// The checksum of what is held up to `number`.
    pub fn sum_at(&self, number: u64) -> u64 {
        let slot = (number as usize).min(self.through).checked_sub(1);
        match slot.and_then(|slot| self.slots.get(slot)) {
            Some(slot) if !self.overrun => slot.sum,
            _ => 0,
        }
    }

    /// The entries with this number, beyond holes too: one, if the writer is honest.
    pub fn at(&self, number: u64) -> impl Iterator<Item = &SharedEntry> {
        let slot = number.checked_sub(1).and_then(|index| self.slots.get(index as usize));
        slot.into_iter().flat_map(|slot| slot.entry.iter().chain(&slot.forks))
    }

    /// All entries held, by their numbers.
    pub fn entries(&self) -> impl Iterator<Item = &SharedEntry> {
        let through = self.through();
        self.known().take_while(move |entry| entry.id().number <= through)
    }

    /// All entries known, beyond holes too, by their numbers.
    pub fn known(&self) -> impl Iterator<Item = &SharedEntry> {
        self.slots.iter().flat_map(|slot| slot.entry.iter().chain(&slot.forks))
    }

    /// The entry with this number and hash.
    pub fn find(&self, number: u64, hash: Hash) -> Option<&SharedEntry> {
        self.at(number).find(|entry| entry.hash() == hash)
    }

    /// Whether another fork with this number finds room.
    pub fn has_room_for_fork(&self, number: u64) -> bool {
        self.at(number).count() < FORKS_MAX
    }

    /// Puts in an entry that is not there yet, and that adds `weight` to the checksum.
    pub fn insert(&mut self, entry: SharedEntry, weight: u64) {
        let index = (entry.id().number.max(1) - 1) as usize;
        while self.slots.len() <= index {
            let sum = self.slots.last().map_or(0, |slot| slot.sum);
            self.slots.push(Slot { sum, ..Slot::default() });
        }
        let slot = &mut self.slots[index];
        match &slot.entry {
            None => slot.entry = Some(entry),
            Some(_) => {
                slot.forks.push(entry);
                self.overrun |= slot.forks.len() + 1 >= FORKS_MAX;
            }
        }
        self.add(index, weight);
        while self.slots.get(self.through).is_some_and(|slot| slot.entry.is_some()) {
            self.through += 1;
        }
    }

    /// Puts in another copy of an entry that is there, which adds `weight` more than that one did.
    pub fn replace(&mut self, entry: SharedEntry, weight: u64) {
        let index = (entry.id().number.max(1) - 1) as usize;
        let Some(slot) = self.slots.get_mut(index) else { return };
        let copies = slot.entry.iter_mut().chain(&mut slot.forks);
        for copy in copies.filter(|copy| copy.hash() == entry.hash()) {
            *copy = entry.clone();
        }
        self.add(index, weight);
    }

    /// Adds to the checksum that this entry counts with `weight`.
    pub fn add_weight(&mut self, number: u64, weight: u64) {
        self.add((number.max(1) - 1) as usize, weight);
    }

    fn add(&mut self, index: usize, weight: u64) {
        for slot in self.slots.iter_mut().skip(index).filter(|_| weight != 0) {
            slot.sum = slot.sum.wrapping_add(weight);
        }
    }
}
