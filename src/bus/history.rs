//! All durable things that were said, in one sequence: what the facts of the ledger come to.
//!
//! What is said in one order is one fact. Its key says who has said it and the how manieth thing it was of that one: so
//! where some ticks were undone, and it came to stand elsewhere when it was ordered again, one of the two places counts,
//! and on all machines the same. The places, with a number of the reign that gave them, make the sequence; two halves of
//! a network that was cut give no two things the same. In memory the [newest](HISTORY_MAX) are held; all of them are in
//! the ledger.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use super::said::{Batch, Kind, Said, SaidId};
use crate::{game::Fact, text::Name, types::NodeId};

/// So many durable things are held in memory: the newest.
pub const HISTORY_MAX: usize = 32_768;

/// So many places share a piece: a copy of the history shares all pieces in which nothing has changed.
const PIECE: u64 = 64;

/// Where something stands in the sequence of all that is durable: its place, and the reign that gave it that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The how manieth thing it was that was said.
    pub place: u64,
    /// A number of the reign.
    pub reign: u64,
}

/// Something durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Who has said it.
    pub by: NodeId,
    /// In which of its lives.
    pub life: u32,
    /// What that one was called.
    pub name: Name,
    /// What was said.
    pub said: Said,
    /// When it was written down, in seconds since 1970.
    pub wall: u64,
}

impl Kept {
    /// What it is, wherever it stands.
    pub fn id(&self) -> SaidId {
        SaidId { by: self.by, life: self.life, number: self.said.number }
    }
}

type Piece = BTreeMap<Place, Arc<Kept>>;

/// The newest things that are durable.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    pieces: BTreeMap<u64, Arc<Piece>>,
    count: usize,
}

#[derive(Serialize, Deserialize)]
struct Value {
    place: Place,
    name: Name,
    /// What is durable, and how far each stands behind the place of the first.
    said: Vec<(u16, Said)>,
}

impl History {
    /// What is to be kept of something that was said, if anything is.
    pub(super) fn fact(place: Place, by: NodeId, name: &Name, batch: &Batch) -> Option<Fact> {
        let number = batch.said.first()?.number.to_be_bytes();
        let key = [&by.as_u128().to_be_bytes()[..], &batch.life.to_be_bytes(), &number].concat();
        let durable = (0..).zip(&batch.said).filter(|(_, said)| said.kind == Kind::Durable);
        let said: Vec<(u16, Said)> = durable.map(|(n, said)| (n, said.clone())).collect();
        let value = Value { place, name: name.clone(), said };
        (!value.said.is_empty())
            .then(|| Fact { key, value: postcard::to_stdvec(&value).unwrap_or_default() })
    }

    fn read(fact: &Fact, wall: u64) -> Option<impl Iterator<Item = (Place, Kept)>> {
        let (by, rest) = fact.key.split_first_chunk()?;
        let (life, _number) = rest.split_first_chunk()?;
        let (by, life) = (NodeId::from_u128(u128::from_be_bytes(*by)), u32::from_be_bytes(*life));
        let Value { place, name, said } = postcard::from_bytes(&fact.value).ok()?;
        let fit = said.into_iter().filter(|(_, said)| said.fits());
        Some(fit.map(move |(behind, said)| {
            let place = Place { place: place.place.saturating_add(behind.into()), ..place };
            (place, Kept { by, life, name: name.clone(), said, wall })
        }))
    }

    pub(super) fn add(&mut self, fact: &Fact, wall: u64) {
        for (place, kept) in Self::read(fact, wall).into_iter().flatten() {
            self.keep(place, Arc::new(kept)); // and forgets the oldest
        }
    }

    /// Something durable is known. What gives way to it, if anything does: what stood there, or the oldest of all.
    pub(super) fn keep(&mut self, place: Place, kept: Arc<Kept>) -> Option<(Place, Arc<Kept>)> {
        let piece = Arc::make_mut(self.pieces.entry(place.place / PIECE).or_default());
        if let Some(before) = piece.insert(place, kept) {
            return Some((place, before));
        }
        self.count += 1;
        if self.count <= HISTORY_MAX {
            return None;
        }
        let mut oldest = self.pieces.first_entry()?;
        let gone = Arc::make_mut(oldest.get_mut()).pop_first();
        self.count -= usize::from(gone.is_some());
        if oldest.get().is_empty() {
            oldest.remove();
        }
        gone
    }

    pub(super) fn take_away(&mut self, fact: &Fact) {
        for (place, kept) in Self::read(fact, 0).into_iter().flatten() {
            self.give_up(place, kept.id());
        }
    }

    /// Something does not stand there any more.
    pub(super) fn give_up(&mut self, place: Place, id: SaidId) {
        let Entry::Occupied(mut entry) = self.pieces.entry(place.place / PIECE) else { return };
        if entry.get().get(&place).is_some_and(|kept| kept.id() == id) {
            let piece = Arc::make_mut(entry.get_mut());
            piece.remove(&place);
            self.count -= 1;
            if piece.is_empty() {
                entry.remove();
            }
        }
    }

    /// The highest place of all.
    pub fn last_place(&self) -> u64 {
        self.iter().next_back().map_or(0, |(place, _)| place.place)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// All of them, the oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (Place, &Arc<Kept>)> {
        let pieces = self.pieces.values().flat_map(|piece| piece.iter());
        pieces.map(|(place, kept)| (*place, kept))
    }

    /// All that may not have been in `before`: it costs little where little is new.
    pub fn beyond<'a>(
        &'a self,
        before: &'a History,
    ) -> impl Iterator<Item = (Place, &'a Arc<Kept>)> {
        let same = |number: &u64, piece: &Arc<Piece>| {
            before.pieces.get(number).is_some_and(|known| Arc::ptr_eq(known, piece))
        };
        let pieces = self.pieces.iter().filter(move |(number, piece)| !same(number, piece));
        pieces.flat_map(|(_, piece)| piece.iter()).map(|(place, kept)| (*place, kept))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fact(place: u64, reign: u64) -> Fact {
        let said = Said {
            number: place,
            kind: Kind::Durable,
            topic: "t".into(),
            at_ms: 0,
            data: place.to_string().into(),
        };
        let batch = Batch { life: 7, said: vec![said] };
        let place = Place { place, reign };
        History::fact(place, NodeId::from_u128(1), &Name::new("Ada"), &batch).unwrap()
    }

    #[test]
    fn whatever_comes_in_whichever_order_stands_in_one() {
        let mut facts: Vec<Fact> = (1..300).map(|place| fact(place, place % 3)).collect();
        let mut one = History::default();
        facts.iter().for_each(|fact| one.add(fact, 7));
        facts.reverse();
        let mut other = History::default();
        facts.iter().for_each(|fact| other.add(fact, 7));
        assert_eq!(one, other);
        assert_eq!(one.len(), 299);
        assert!(one.iter().map(|(place, _)| place.place).eq(1..300));
        facts.iter().for_each(|fact| one.take_away(fact));
        assert_eq!(one, History::default());
    }

    #[test]
    fn the_newest_are_held() {
        let mut history = History::default();
        (1..=HISTORY_MAX as u64 + 10).for_each(|place| history.add(&fact(place, 0), 0));
        assert_eq!(history.len(), HISTORY_MAX);
        assert_eq!(history.iter().next().map(|(place, _)| place.place), Some(11));
    }

    #[test]
    fn what_is_new_is_found_without_a_look_at_all() {
        let mut history = History::default();
        (1..=1_000).for_each(|place| history.add(&fact(place, 0), 0));
        let before = history.clone();
        history.add(&fact(1_001, 0), 0);
        let looked = history.beyond(&before).count();
        assert!(looked <= PIECE as usize, "{looked}");
        assert!(history.beyond(&before).any(|(place, _)| place.place == 1_001));
        assert_eq!(history.beyond(&history.clone()).count(), 0);
    }
}
