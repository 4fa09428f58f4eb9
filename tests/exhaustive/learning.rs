//! Two searches that draw: one begins each run anew, one learns where it is worth going on.
//!
//! Both draw what happens, and when, out of the same means. The one that learns keeps a copy of each table that
//! looks like none before, times left out, and goes on from one of those that it has gone on from least often.
//! What they need is counted in steps: packets, timers, beats and moves, which are what a run costs.

use std::collections::BTreeSet;

use rand_pcg::{Pcg64Mcg, rand_core::Rng};

use crate::{
    bounds::Bounds,
    branch::{Branch, beat},
    rules,
    search::begin,
};

/// A run ends after so many beats.
const RUN_BEATS: u64 = 400;

/// Once in so many times a search that learns begins anew all the same.
const ANEW: u64 = 8;

/// One search.
pub struct Drawn<'a> {
    bounds: &'a Bounds,
    random: Pcg64Mcg,
    /// Steps so far.
    pub steps: u64,
    /// What was seen, and how often it was gone on from; none: nothing is learned.
    learned: Option<(BTreeSet<u64>, Vec<(u64, Branch)>)>,
}

impl<'a> Drawn<'a> {
    /// A search with this seed.
    pub fn new(bounds: &'a Bounds, seed: u64, learns: bool) -> Self {
        let random = Pcg64Mcg::new(u128::from(seed) << 64 | 0x9e37_79b9_7f4a_7c15_f39c_c060);
        Self { bounds, random, steps: 0, learned: learns.then(Default::default) }
    }

    /// Runs until a rule is broken. The steps that took, if they were no more than these.
    pub fn find(mut self, steps_max: u64) -> Option<u64> {
        let root = begin(self.bounds);
        while self.steps < steps_max {
            let branch = self.choose().unwrap_or_else(|| root.clone());
            if self.run(branch) {
                return Some(self.steps);
            }
        }
        None
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.random.next_u64() % limit.max(1) as u64) as usize
    }

    fn choose(&mut self) -> Option<Branch> {
        if self.random.next_u64().is_multiple_of(ANEW) {
            return None;
        }
        let (_, kept) = self.learned.as_ref()?;
        let least = kept.iter().map(|(used, _)| *used).min()?;
        let fresh: Vec<usize> = (0..kept.len())
            .filter(|at| kept.get(*at).is_some_and(|(used, _)| *used == least))
            .collect();
        let at = fresh[self.below(fresh.len())];
        let (used, branch) = self.learned.as_mut()?.1.get_mut(at)?;
        *used += 1;
        Some(branch.clone())
    }

    /// Whether a rule is broken.
    fn run(&mut self, mut branch: Branch) -> bool {
        let odds = 1 << (1 + self.below(5));
        let (began, mut before, mut fresh) = (beat(&branch.table), 0, true);
        loop {
            if branch.table.breach.is_some() {
                return true;
            }
            let calm = branch.table.wire.is_empty();
            if calm {
                let now = branch.table.likeness(false);
                fresh |= now != before;
                before = now;
            }
            if !calm || fresh {
                self.learn(&branch);
            }
            let over = beat(&branch.table) - began > RUN_BEATS;
            if over {
                return rules::at_rest(&branch.table).is_err();
            }
            fresh = !calm;
            self.steps += 1;
            if self.below(if !calm || fresh { odds } else { 8 * odds }) == 0 {
                let mut ways = branch.ways(self.bounds);
                if !ways.is_empty() {
                    branch = ways.swap_remove(self.below(ways.len()));
                    continue;
                }
            }
            branch.table.go_on();
        }
    }

    fn learn(&mut self, branch: &Branch) {
        let Some((seen, kept)) = &mut self.learned else { return };
        if seen.insert(branch.table.likeness(false)) {
            kept.push((0, branch.clone()));
        }
    }
}
