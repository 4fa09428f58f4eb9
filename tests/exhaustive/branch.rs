//! A table on its way, and the ways that lead off it.

use std::sync::Arc;

use crate::{
    bounds::{Bounds, Means, Move},
    lies::lies,
    likeness::Survey,
    rules,
    table::{BEAT, Cut, SEATS, Table, What, place},
};
use interregnum::{
    sim::network::Place,
    types::{Instant, Term},
};

/// A table somewhere on the way.
#[derive(Clone, Debug)]
pub struct Branch {
    /// The table.
    pub table: Table,
    /// What may still happen.
    pub left: Means,
    /// Whether nothing but lies has happened yet.
    faultless: bool,
    /// How it came to that.
    pub way: Option<Arc<Step>>,
}

/// One move on the way to a branch.
#[derive(Debug)]
pub struct Step {
    beat: u64,
    happened: Move,
    before: Option<Arc<Step>>,
}

/// What happened on the way, and in which beat.
pub fn told(way: Option<&Arc<Step>>) -> Vec<(u64, Move)> {
    let steps = std::iter::successors(way, |step| step.before.as_ref());
    let mut way: Vec<_> = steps.map(|step| (step.beat, step.happened)).collect();
    way.reverse();
    way
}

/// Which beat it is.
pub fn beat(table: &Table) -> u64 {
    table.now.since(Instant::default()).as_micros() as u64 / BEAT.as_micros() as u64
}

impl Branch {
    /// A table on its way.
    pub fn new(table: Table, left: Means) -> Self {
        Self { table, left, faultless: true, way: None }
    }

    /// The same for two branches if the same may come of both.
    pub fn likeness(&self, survey: &Survey, fresh: bool, cycle: u64) -> u64 {
        let phase = beat(&self.table) % cycle;
        let bits = self.table.likeness(survey, true);
        let left = &self.left;
        let more = [left.crashes, left.returns, left.cuts, left.hitches, left.lies];
        let more = more.into_iter().fold(phase, |sum, left| sum << 4 | u64::from(left));
        let more = more << 2 | u64::from(fresh) << 1 | u64::from(self.faultless);
        (bits ^ more.wrapping_mul(0x9e37_79b9_7f4a_7c15))
            .wrapping_mul(0xff51_afd7_ed55_8ccd)
            .rotate_left(31)
    }

    /// All that may happen here, other than that things go on.
    pub fn ways(&self, bounds: &Bounds) -> Vec<Branch> {
        let mut found = Vec::new();
        self.hitches(&mut found);
        self.crashes(&mut found);
        self.cuts(&bounds.cuts, &mut found);
        self.lies(bounds.liar, &mut found);
        found
    }

    /// The same, after this has happened.
    fn after(&self, happened: Move, left: Means, act: impl FnOnce(&mut Table)) -> Branch {
        let before = self.way.clone();
        let step = Step { beat: beat(&self.table), happened, before };
        let lie = matches!(happened, Move::Lie(..));
        let between = matches!(happened, Move::Cut(Cut::Between(..)));
        let mut table = self.table.clone();
        if between {
            table.undisturbed = table.undisturbed.or(self.agreed());
        } else if !lie && happened != Move::Mend {
            table.undisturbed = None;
        }
        let faultless = self.faultless && lie;
        let mut next = Branch { table, left, faultless, way: Some(Arc::new(step)) };
        act(&mut next.table);
        next
    }

    /// The reign that nothing has been brought against yet.
    fn agreed(&self) -> Option<Term> {
        let agreed = self.faultless.then(|| rules::agreed(&self.table)).flatten();
        agreed.filter(|term| self.table.liar.is_none() || self.table.liar != place(term.host))
    }

    fn hitches(&self, found: &mut Vec<Branch>) {
        let Some(hitches) = self.left.hitches.checked_sub(1) else { return };
        let Some(next) = self.table.wire.front() else { return };
        let left = Means { hitches, ..self.left };
        found.push(self.after(Move::Late, left, |table| {
            table.late.extend(table.wire.pop_front());
        }));
        if matches!(next.what, What::Packet(..)) {
            found.push(self.after(Move::Lost, left, |table| _ = table.wire.pop_front()));
        }
        if self.table.wire.len() > 1 {
            found.push(self.after(Move::Overtaken, left, |table| table.wire.rotate_left(1)));
        }
    }

    fn crashes(&self, found: &mut Vec<Branch>) {
        for place in 0..SEATS {
            let Some(seat) = &self.table.seats[place] else {
                if let Some(returns) = self.left.returns.checked_sub(1) {
                    let left = Means { returns, ..self.left };
                    found.push(self.after(Move::Start(place), left, |table| table.start(place)));
                }
                continue;
            };
            let Some(crashes) = self.left.crashes.checked_sub(1) else { continue };
            let left = Means { crashes, ..self.left };
            let kill = |table: &mut Table| table.stop(place, true);
            found.push(self.after(Move::Kill(place), left, kill));
            let unplug = |table: &mut Table| table.stop(place, false);
            found.push(self.after(Move::Unplug(place), left, unplug));
            if seat.election.reign().is_some() {
                found.push(self.after(Move::Leave(place), left, |table| table.leave(place)));
            }
        }
    }

    fn cuts(&self, cuts: &[Cut], found: &mut Vec<Branch>) {
        if self.table.cut.is_some() {
            found.push(self.after(Move::Mend, self.left, |table| table.cut = None));
        } else if let Some(left) = self.left.cuts.checked_sub(1) {
            let left = Means { cuts: left, ..self.left };
            for cut in cuts {
                let act = |table: &mut Table| (table.cut, table.was_cut) = (Some(*cut), true);
                found.push(self.after(Move::Cut(*cut), left, act));
            }
        }
    }

    fn lies(&self, liar: Option<Place>, found: &mut Vec<Branch>) {
        let Some(left) = self.left.lies.checked_sub(1) else { return };
        let left = Means { lies: left, ..self.left };
        let (agreed, liar) = (self.agreed(), self.table.liar.or(liar));
        for liar in (0..SEATS).filter(|place| liar.is_none_or(|liar| liar == *place)) {
            let honest: Option<Term> = agreed.filter(|term| place(term.host) != Some(liar));
            for to in (0..SEATS).filter(|to| *to != liar && self.table.passes(liar, *to)) {
                for (what, packet) in lies(&self.table, liar, to) {
                    found.push(self.after(Move::Lie(liar, to, what), left, |table| {
                        table.liar = Some(liar);
                        table.undisturbed = table.undisturbed.or(honest);
                        table.utter(liar, to, packet);
                    }));
                }
            }
        }
    }
}
