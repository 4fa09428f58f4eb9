//! Who plays and who waits. So many may sit, and everybody else who is present waits for a place, in the order of
//! coming. Whoever stands up goes to the end.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{game::News, text::Name, types::NodeId};

/// The most people that a world may speak of: more than a session takes.
const PEOPLE_MAX: usize = 256;

/// Some seats, and all who are present.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seats {
    seats: Vec<Option<NodeId>>,
    people: BTreeMap<NodeId, Person>,
    /// How many have come, or come back, or stood up.
    turns: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Person {
    name: Name,
    /// It waits since this turn.
    since: u64,
}

/// What news have changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Moved {
    /// Somebody is there, and waits.
    Came(NodeId),
    /// Somebody who was there has another name.
    Renamed(NodeId),
    /// Somebody who waited has gone.
    Went(NodeId),
    /// Somebody who sat has gone; this seat is free.
    Left(usize, NodeId),
}

impl Seats {
    /// So many free seats, at most 256, and nobody there.
    pub fn new(count: usize) -> Self {
        let seats = vec![None; count.min(PEOPLE_MAX)];
        Self { seats, people: BTreeMap::new(), turns: 0 }
    }

    /// Takes in who came and went. Nobody sits down by that: see [`fill`](Seats::fill).
    pub fn hear<C, O>(&mut self, news: &News<C, O>) -> Option<Moved> {
        match news {
            News::Joined(id, name) => {
                if let Some(person) = self.people.get_mut(id) {
                    person.name.clone_from(name);
                    return Some(Moved::Renamed(*id));
                }
                if self.people.len() >= PEOPLE_MAX {
                    return None;
                }
                let since = self.turn();
                self.people.insert(*id, Person { name: name.clone(), since });
                Some(Moved::Came(*id))
            }
            News::Left(id) => {
                self.people.remove(id)?;
                let Some(seat) = self.seat_of(*id) else { return Some(Moved::Went(*id)) };
                self.seats[seat] = None;
                Some(Moved::Left(seat, *id))
            }
            News::Controls(..) | News::Order(..) => None,
        }
    }

    /// Those who have waited longest sit down, as far as there are free seats: who, and where.
    pub fn fill(&mut self) -> Vec<(usize, NodeId)> {
        let mut waiting = self.waiting().into_iter();
        let free = self.seats.iter_mut().enumerate().filter(|(_, seat)| seat.is_none());
        let mut filled = Vec::new();
        for ((at, seat), id) in free.zip(&mut waiting) {
            *seat = Some(id);
            filled.push((at, id));
        }
        filled
    }

    /// Somebody stands up, and waits behind all others. The seat that is free now, if it had one.
    pub fn stand_up(&mut self, id: NodeId) -> Option<usize> {
        let seat = self.seat_of(id)?;
        self.seats[seat] = None;
        let since = self.turn();
        if let Some(person) = self.people.get_mut(&id) {
            person.since = since;
        }
        Some(seat)
    }

    /// Who sits in each of the seats.
    pub fn seats(&self) -> &[Option<NodeId>] {
        &self.seats
    }

    /// Those who sit, in the order of their seats.
    pub fn seated(&self) -> impl Iterator<Item = NodeId> {
        self.seats.iter().copied().flatten()
    }

    /// Where somebody sits.
    pub fn seat_of(&self, id: NodeId) -> Option<usize> {
        self.seats.iter().position(|seat| *seat == Some(id))
    }

    /// Those who wait, whoever comes next first.
    pub fn waiting(&self) -> Vec<NodeId> {
        let seated: BTreeSet<NodeId> = self.seated().collect();
        let waiting = self.people.iter().filter(|(id, _)| !seated.contains(id));
        let mut waiting: Vec<(u64, NodeId)> =
            waiting.map(|(id, person)| (person.since, *id)).collect();
        waiting.sort_unstable();
        waiting.into_iter().map(|(_, id)| id).collect()
    }

    /// All who are present, with their names.
    pub fn people(&self) -> impl Iterator<Item = (NodeId, &Name)> {
        self.people.iter().map(|(id, person)| (*id, &person.name))
    }

    /// What somebody who is present is called.
    pub fn name(&self, id: NodeId) -> Option<&Name> {
        self.people.get(&id).map(|person| &person.name)
    }

    /// How many are present.
    pub fn count(&self) -> usize {
        self.people.len()
    }

    /// Whether this is what news may have made of so many seats: what
    /// [`Game::is_valid`](crate::Game::is_valid) has to ask.
    pub fn is_valid(&self, count: usize) -> bool {
        let seated: BTreeSet<NodeId> = self.seated().collect();
        self.seats.len() == count
            && seated.len() == self.seated().count()
            && self.people.len() <= PEOPLE_MAX
            && seated.iter().all(|id| self.people.contains_key(id))
    }

    fn turn(&mut self) -> u64 {
        self.turns = self.turns.wrapping_add(1);
        self.turns
    }

    /// Those who sit stand up, and these sit down, as far as there are seats.
    pub(super) fn seat_others(&mut self, others: &[NodeId]) {
        let seated: Vec<NodeId> = self.seated().collect();
        seated.into_iter().for_each(|id| _ = self.stand_up(id));
        for (seat, id) in self.seats.iter_mut().zip(others) {
            *seat = Some(*id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn id(number: u128) -> NodeId {
        NodeId::from_u128(number)
    }

    fn came(number: u128) -> News<()> {
        News::Joined(id(number), Name::new(&format!("n{number}")))
    }

    #[test]
    fn who_came_first_sits_first_and_who_stands_up_waits_behind_all() {
        let mut seats = Seats::new(2);
        for number in [3, 1, 2] {
            assert_eq!(seats.hear(&came(number)), Some(Moved::Came(id(number))));
        }
        assert_eq!(seats.fill(), [(0, id(3)), (1, id(1))]);
        assert_eq!(seats.hear(&came(4)), Some(Moved::Came(id(4))));
        assert_eq!(seats.waiting(), [id(2), id(4)]);
        assert_eq!(seats.stand_up(id(3)), Some(0));
        assert_eq!(seats.waiting(), [id(2), id(4), id(3)]);
        assert_eq!(seats.fill(), [(0, id(2))]);
        assert_eq!(seats.hear(&News::<()>::Left(id(1))), Some(Moved::Left(1, id(1))));
        assert_eq!(seats.hear(&News::<()>::Left(id(3))), Some(Moved::Went(id(3))));
        assert_eq!(seats.hear(&News::<()>::Left(id(3))), None);
        assert_eq!(seats.fill(), [(1, id(4))]);
        assert_eq!(seats.hear(&came(4)), Some(Moved::Renamed(id(4))));
        assert!(seats.is_valid(2) && !seats.is_valid(3));
        assert_eq!(seats.count(), 2);
    }

    #[test]
    fn a_seat_of_nobody_who_is_present_or_two_of_one_are_not_valid() {
        let mut seats = Seats::new(2);
        seats.hear(&came(1));
        seats.fill();
        let mut twice = seats.clone();
        twice.seats[1] = Some(id(1));
        assert!(!twice.is_valid(2));
        seats.seats[1] = Some(id(9));
        assert!(!seats.is_valid(2));
    }

    #[test]
    fn no_more_people_are_kept_than_may_be() {
        let mut seats = Seats::new(1);
        (0..300).for_each(|number| _ = seats.hear(&came(number)));
        assert_eq!(seats.count(), PEOPLE_MAX);
        assert!(seats.is_valid(1));
    }
}
