//! Who gets packets twice, because single ones get lost.
//!
//! Ticks are numbered without gaps, so whoever plays through a host sees which ones it has missed.
//! One may be an accident; after the second it says so in its controls, and for a while everything
//! between the two goes twice, the second copy [`COPY_AFTER`] the first. That turns five losses in
//! a hundred into one in four hundred, for a few dozen bytes a tick, and nobody has to ask for
//! anything again.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    game::{Rate, Span},
    types::{Clock, Instant, NodeId},
};

/// How long after the first the second copy leaves: what disturbs a radio is over by then.
pub const COPY_AFTER: Duration = Duration::from_millis(5);

/// Two misses within this time are more than an accident, and for this long it goes on: of so many ticks that one in
/// twenty and more is missed.
const REMEMBERED: Span = Span::ms(2_000, 60);

/// What a node knows of losses: its own, and those that others complain about.
#[derive(Clone, Debug)]
pub struct Doubling {
    remembered: Duration,
    newest: Option<Clock>,
    missed: Option<Instant>,
    until: Instant,
    others: BTreeMap<NodeId, Instant>,
}

impl Doubling {
    /// Nothing was missed yet.
    pub fn new(rate: Rate) -> Self {
        Self {
            remembered: rate.span(REMEMBERED),
            newest: None,
            missed: None,
            until: Instant::default(),
            others: BTreeMap::new(),
        }
    }

    /// A tick came in from the host itself.
    pub fn saw(&mut self, now: Instant, clock: Clock) {
        let before = self.newest.replace(clock).filter(|before| before.term == clock.term);
        let Some(before) = before else { return };
        self.newest = Some(before.max(clock));
        if clock.tick.0 > before.tick.0 + 1 {
            if self.missed.is_some_and(|missed| now.since(missed) < self.remembered) {
                self.until = now + self.remembered;
            }
            self.missed = Some(now);
        }
    }

    /// Whether this node misses ticks.
    pub fn is_lossy(&self, now: Instant) -> bool {
        now < self.until
    }

    /// Somebody says whether it misses ticks.
    pub fn told(&mut self, now: Instant, by: NodeId, lossy: bool) {
        if lossy {
            self.others.insert(by, now + self.remembered);
        } else {
            self.others.remove(&by);
        }
    }

    /// Whether what goes to `peer` goes twice.
    pub fn wants(&self, now: Instant, peer: NodeId) -> bool {
        self.others.get(&peer).is_some_and(|until| now < *until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Epoch, Incarnation, Term, Tick};

    fn hears(ticks: &[u64]) -> bool {
        let term =
            Term { epoch: Epoch(1), host: NodeId::from_u128(1), incarnation: Incarnation(1) };
        let mut doubling = Doubling::new(Rate::USUAL);
        for (turn, tick) in ticks.iter().enumerate() {
            let now = Instant(1_000_000 + turn as u64 * 16_667);
            doubling.saw(now, Clock { term, tick: Tick(*tick) });
        }
        doubling.is_lossy(Instant(1_100_000))
    }

    #[test]
    fn one_missed_tick_is_an_accident_and_two_are_a_loss() {
        assert!(!hears(&[1, 2, 3, 4]));
        assert!(!hears(&[1, 2, 4, 5]));
        assert!(hears(&[1, 3, 4, 6]));
    }

    #[test]
    fn copies_and_ticks_out_of_order_are_no_loss() {
        assert!(!hears(&[1, 1, 2, 2, 3, 3]));
        assert!(!hears(&[1, 3, 2, 4, 5]));
    }
}
