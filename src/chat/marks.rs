//! What the machines of one person say to each other about chat, in entries of the ledger like any other.
//!
//! Somebody has a laptop and a desktop. What was read on the one is not new on the other: each machine notes,
//! now and then and when it leaves, up to which [place] it has shown the lines
//! ([`SEEN`]). And what was written on the one is taken back on the other: that one asks
//! ([`TAKEN_BACK`]), from then on nobody shows the line, and the machine that wrote it deletes it as soon as
//! it hears of that, since only the author of an entry can delete its body.
//!
//! Neither is proved by more than the signature of the machine that says it; that two machines are one
//! person's is what the [accounts](crate::accounts) say. A mark counts for the person of whoever wrote it, and for nobody else.
//!
//! [place]: crate::ledger::order::Place

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    accounts::Accounts,
    ledger::{
        Ledger,
        body::Body,
        entry::{Entry, EntryId, Kind},
        order::Place,
    },
    types::{Epoch, Incarnation, NodeId, Term},
};

/// The kind of entries that ask for a line to be taken back.
pub const TAKEN_BACK: Kind = Kind(130);

/// The kind of entries that say how far somebody has read.
pub const SEEN: Kind = Kind(131);

/// All that was asked and noted.
#[derive(Clone, Debug, Default)]
pub struct Marks {
    /// Of each machine the highest place of what it has shown.
    seen: BTreeMap<NodeId, Place>,
    /// Of each line that is to be taken back, which machines say so.
    taken_back: BTreeMap<EntryId, BTreeSet<NodeId>>,
}

/// A place, as it stands in an entry.
#[derive(Serialize, Deserialize)]
struct Form(Epoch, NodeId, Incarnation, u64, u32);

impl Marks {
    /// All that a ledger has of it.
    pub fn of(ledger: &Ledger) -> Self {
        let mut marks = Self::default();
        for kind in [TAKEN_BACK, SEEN] {
            for entry in ledger.personal(kind) {
                marks.hear(entry);
            }
        }
        marks
    }

    /// An entry counts from here on. Whether it is one of these.
    pub fn hear(&mut self, entry: &Entry) -> bool {
        let (kind, machine) = (entry.head().kind, entry.id().writer.node);
        let bytes = entry.body().unwrap_or_default();
        match kind {
            TAKEN_BACK => {
                if let Ok((id, [])) = postcard::take_from_bytes::<EntryId>(bytes) {
                    self.taken_back.entry(id).or_default().insert(machine);
                }
            }
            SEEN => {
                if let Ok((Form(epoch, host, incarnation, index, position), [])) =
                    postcard::take_from_bytes(bytes)
                {
                    let term = Term { epoch, host, incarnation };
                    let place = Place { term, index, position };
                    let seen = self.seen.entry(machine).or_insert(place);
                    *seen = place.max(*seen);
                }
            }
            _ => return false,
        }
        true
    }

    /// How far the person of this machine has read, on whichever of its machines.
    pub fn seen_by(&self, accounts: &Accounts, machine: NodeId) -> Option<Place> {
        let person = accounts.person(machine);
        let own = self.seen.iter().filter(|(other, _)| accounts.person(**other) == person);
        own.map(|(_, place)| *place).max()
    }

    /// Whether a person has taken back a line of its own on another machine than the one that wrote it.
    pub fn is_taken_back(&self, accounts: &Accounts, id: EntryId) -> bool {
        let Some(by) = self.taken_back.get(&id) else { return false };
        let author = accounts.person(id.writer.node);
        by.iter().any(|machine| accounts.person(*machine) == author)
    }

    /// All lines that are asked for to be taken back, by whomever.
    pub fn asked_back(&self) -> impl Iterator<Item = EntryId> {
        self.taken_back.keys().copied()
    }
}

/// The body of an entry that asks for this line to be taken back.
pub fn take_back(id: EntryId) -> Body {
    Body::Other(TAKEN_BACK, postcard::to_stdvec(&id).unwrap_or_default())
}

/// The body of an entry that says that all up to this place was shown.
pub fn seen(place: Place) -> Body {
    let Place { term, index, position } = place;
    let form = Form(term.epoch, term.host, term.incarnation, index, position);
    Body::Other(SEEN, postcard::to_stdvec(&form).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        accounts::{Claim, Heard, Statement},
        keys::SecretKey,
        ledger::{entry::WallTime, vouching::Pen},
        types::SessionId,
    };

    fn key(number: u8) -> SecretKey {
        SecretKey::from_bytes(&[number; 32])
    }

    fn ledger(number: u8) -> Ledger {
        let pen = Pen::new(key(number), Incarnation(1));
        Ledger::new(SessionId(uuid::Uuid::from_u128(1)), pen)
    }

    /// Machines 1 and 2 are of one account, 3 of none.
    fn accounts() -> Accounts {
        let account = key(9);
        let mut accounts = Accounts::default();
        for machine in [1, 2] {
            let claim = Claim::Certifies { machine: key(machine).public(), turn: 1 };
            let statement = Statement::new(&account, claim);
            accounts.hear(Heard::by(key(machine).public().id(), statement)).unwrap();
        }
        accounts
    }

    fn place(index: u64) -> Place {
        Place { index, ..Place::LOWEST }
    }

    fn id(machine: u8, number: u64) -> EntryId {
        EntryId { writer: ledger(machine).me(), number }
    }

    #[test]
    fn what_one_machine_has_shown_is_seen_by_its_person_and_by_nobody_else() {
        let (accounts, mut marks) = (accounts(), Marks::default());
        for (machine, index) in [(1, 7), (2, 9), (2, 8), (3, 40)] {
            let entry = ledger(machine).write(WallTime(0), seen(place(index))).unwrap();
            assert!(marks.hear(&entry));
        }
        for machine in [1, 2] {
            let machine = key(machine).public().id();
            assert_eq!(marks.seen_by(&accounts, machine), Some(place(9)));
        }
        assert_eq!(marks.seen_by(&accounts, key(3).public().id()), Some(place(40)));
        assert_eq!(marks.seen_by(&accounts, key(4).public().id()), None);
    }

    #[test]
    fn a_line_is_taken_back_by_machines_of_its_person_alone() {
        let (accounts, mut marks) = (accounts(), Marks::default());
        let mut stranger = ledger(3);
        assert!(marks.hear(&stranger.write(WallTime(0), take_back(id(1, 5))).unwrap()));
        assert!(!marks.is_taken_back(&accounts, id(1, 5)));
        let mut other = ledger(2);
        assert!(marks.hear(&other.write(WallTime(0), take_back(id(1, 5))).unwrap()));
        assert!(marks.is_taken_back(&accounts, id(1, 5)));
        assert!(!marks.is_taken_back(&accounts, id(1, 6)));
        assert_eq!(Marks::of(&other).asked_back().collect::<Vec<_>>(), [id(1, 5)]);
    }

    #[test]
    fn what_makes_no_sense_says_nothing() {
        let mut marks = Marks::default();
        for kind in [TAKEN_BACK, SEEN] {
            let entry = ledger(1).write(WallTime(0), Body::Other(kind, b"junk".to_vec())).unwrap();
            assert!(marks.hear(&entry));
        }
        assert!(marks.seen.is_empty() && marks.asked_back().next().is_none());
        let line = ledger(1).write(WallTime(0), Body::Other(Kind::LINE, Vec::new())).unwrap();
        assert!(!marks.hear(&line));
    }
}
