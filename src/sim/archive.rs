//! What must not be forgotten: the part of the judge that looks at ledgers and disks.
//!
//! | | holds |
//! |---|---|
//! | S8 | who holds a world at some clock holds every fact up to that clock, or is asking for it |
//! | D1 | what was acknowledged is there as long as a disk is that has it |
//! | D2 | two seconds after one host is known to all, all ledgers are equal |
//! | D4 | they have their lines in the same order |
//! | D5 | no line vanishes |
//! | D6 | what the facts come to depends on the set of them alone |
//!
//! What was folded into a page is there if the page is, and if opening it gives that very entry: so D1
//! looks into the pages on the disks, D4 orders folded entries among the others, D5 counts them, and D6
//! compares what the nodes say (by the totals of their pages) with each fact, counted anew.

use std::collections::{BTreeMap, VecDeque};

use super::network::Place;
use crate::{
    ledger::{
        Ledger,
        entry::{EntryId, Writer},
        vector::{Mark, Vector},
        witness::Safety,
    },
    types::{Clock, SessionId},
};

/// For how many clocks it is remembered how much their host had written.
const CLOCKS_MAX: usize = 4_096;

/// What was acknowledged.
#[derive(Clone, Debug, Default)]
pub struct Archive {
    /// How much each host had written when it made a tick.
    written: BTreeMap<Clock, (Writer, u64)>,
    clocks: VecDeque<Clock>,
    /// How much each has written in all.
    writes: BTreeMap<(SessionId, Writer), u64>,
    /// Up to which number each writer's entries were said to be on a machine's own disk.
    mine: BTreeMap<(Place, SessionId, Writer), u64>,
    /// The same on two disks, and how many disks had been spoilt by then.
    shared: BTreeMap<(SessionId, Writer), (u64, usize)>,
    /// Disks that were spoilt.
    spoilt: usize,
    /// What each node held when somebody last looked, in its present life.
    held: BTreeMap<Place, (SessionId, Vector)>,
}

impl Archive {
    /// A host has made a tick, and written so much with it or lately.
    pub fn made(&mut self, clock: Clock, session: SessionId, writer: Writer, through: u64) {
        let before = self.writes.entry((session, writer)).or_default();
        *before = through.max(*before);
        let through = *before;
        if self.written.insert(clock, (writer, through)).is_none() {
            self.clocks.push_back(clock);
        }
        if self.clocks.len() > CLOCKS_MAX
            && let Some(old) = self.clocks.pop_front()
        {
            self.written.remove(&old);
        }
    }

    /// S8: what whoever holds the world at `clock` lacks.
    pub fn lacks(&self, clock: Clock, ledger: &Ledger) -> Option<String> {
        let (writer, through) = *self.written.get(&clock)?;
        let held = ledger.stream(writer).map_or(0, |stream| stream.through());
        let lacks = held < through;
        lacks.then(|| format!("S8: holds {clock:?} and {held} of {through} facts of {writer:?}"))
    }

    /// A node has said that what `writer` wrote up to some number is safe.
    pub fn acknowledged(
        &mut self,
        place: Place,
        session: SessionId,
        writer: Writer,
        safety: Safety,
        through: u64,
    ) {
        match safety {
            Safety::None => {}
            Safety::Mine => {
                let mine = self.mine.entry((place, session, writer)).or_default();
                *mine = through.max(*mine);
            }
            Safety::Shared => {
                let shared = self.shared.entry((session, writer)).or_default();
                if shared.0 < through {
                    *shared = (through, self.spoilt);
                }
            }
        }
    }

    /// The disk of a machine is not what it was.
    pub fn spoil(&mut self, place: Place) {
        self.mine.retain(|(holder, ..), _| *holder != place);
        self.spoilt += 1;
    }

    /// A node starts a new life.
    pub fn born(&mut self, place: Place) {
        self.held.remove(&place);
    }

    /// D5: looks at what a node holds now.
    pub fn look(&mut self, place: Place, ledger: &Ledger) -> Option<String> {
        let now = (ledger.session(), ledger.vector());
        let before = self.held.insert(place, now.clone());
        let (_, before) = before.filter(|(session, _)| *session == now.0)?;
        let fell = |(writer, mark): (Writer, Mark)| now.1.mark(writer).through < mark.through;
        before.marks().any(fell).then(|| "D5: entries have vanished".to_owned())
    }

    /// D1, by what is on all disks: `holds` says whether the entry is on the disk of a machine.
    pub fn forgotten(
        &self,
        places: usize,
        holds: impl Fn(Place, SessionId, EntryId) -> bool,
    ) -> Option<(Place, String)> {
        for ((place, session, writer), through) in &self.mine {
            for number in 1..=*through {
                let id = EntryId { writer: *writer, number };
                if !holds(*place, *session, id) {
                    return Some((*place, format!("D1: {id:?} was said to be on this disk")));
                }
            }
        }
        for ((session, writer), (through, spoilt)) in &self.shared {
            let disks = 2_usize.saturating_sub(self.spoilt - spoilt);
            for number in 1..=*through {
                let id = EntryId { writer: *writer, number };
                let holders = (0..places).filter(|place| holds(*place, *session, id)).count();
                if holders < disks {
                    let what = format!("D1: {id:?} was on two disks, and is on {holders}");
                    return Some((0, what));
                }
            }
        }
        None
    }
}
