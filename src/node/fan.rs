//! Who gets a host's tick when not all of them can: players always, spectators as far as the
//! [budget](FAN_OUT_BUDGET) goes.
//!
//! Players' packets leave first in each tick. If a tick with all of its packets costs more than the budget, again
//! and again, spectators get every second one, each half of them the other ones; then every fourth. They get more
//! again when that would fit for long.

use std::time::Duration;

use crate::{
    config::{FAN_OUT_BUDGET, FAN_OUT_BUDGET_MAX},
    game::Rate,
    types::{NodeId, Tick},
};

/// The fewest ticks that spectators get: one of so many.
const STRIDE_MAX: u64 = 4;

/// After so many ticks above the budget there are fewer: one may be an accident.
const DEAR_TICKS: u32 = 8;

/// After so many ticks of which twice as much would fit, there are more: three seconds of sixty each.
const CHEAP_TICKS: u32 = 180;

/// What a host's ticks cost, and what follows from that.
#[derive(Clone, Debug)]
pub(super) struct Fan {
    budget: Duration,
    cheap_ticks: u32,
    stride: u64,
    dear: u32,
    cheap: u32,
    /// A tick was sent of which it is not known what it cost.
    open: bool,
}

impl Fan {
    /// Everybody gets each tick.
    pub fn new(rate: Rate) -> Self {
        let as_long = FAN_OUT_BUDGET.as_micros() * rate.tick().as_micros();
        let budget = (as_long / Rate::USUAL.tick().as_micros()) as u64;
        Self {
            budget: Duration::from_micros(budget).min(FAN_OUT_BUDGET_MAX),
            cheap_ticks: rate.ticks_in(CHEAP_TICKS.into()) as u32,
            stride: 1,
            dear: 0,
            cheap: 0,
            open: false,
        }
    }

    /// A tick is sent. Of the one before it nothing was told if that was short.
    pub fn sends(&mut self) {
        if std::mem::replace(&mut self.open, true) {
            self.count(Duration::ZERO);
        }
    }

    /// What was done last took so long.
    pub fn took(&mut self, span: Duration) {
        if std::mem::take(&mut self.open) {
            self.count(span);
        }
    }

    fn count(&mut self, span: Duration) {
        // Twice as many packets cost twice as much, and shall not be too dear at once.
        let cheap = self.stride > 1 && span <= self.budget * 2 / 5;
        self.dear = if span > self.budget { self.dear + 1 } else { 0 };
        self.cheap = if cheap { self.cheap + 1 } else { 0 };
        if self.dear >= DEAR_TICKS && self.stride < STRIDE_MAX {
            (self.stride, self.dear) = (self.stride * 2, 0);
        } else if self.cheap >= self.cheap_ticks {
            (self.stride, self.cheap) = (self.stride / 2, 0);
        }
    }

    /// Whether this spectator gets this tick.
    pub fn has_turn(&self, id: NodeId, tick: Tick) -> bool {
        let place = (id.as_u128() % u128::from(self.stride)) as u64;
        tick.0 % self.stride == place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pass(fan: &mut Fan, ticks: u32, span: Duration) {
        for _ in 0..ticks {
            fan.sends();
            fan.took(span);
        }
    }

    /// How many of eight spectators get each of four ticks.
    fn served(fan: &Fan) -> Vec<usize> {
        let gets = |tick| (0..8).filter(move |id| fan.has_turn(NodeId::from_u128(*id), Tick(tick)));
        (0..4).map(|tick| gets(tick).count()).collect()
    }

    #[test]
    fn spectators_get_fewer_ticks_if_all_cost_too_much_and_more_when_they_fit() {
        let mut fan = Fan::new(Rate::USUAL);
        pass(&mut fan, DEAR_TICKS - 1, FAN_OUT_BUDGET * 2);
        pass(&mut fan, 1, FAN_OUT_BUDGET);
        assert_eq!(served(&fan), [8, 8, 8, 8], "not for one tick that was late");
        pass(&mut fan, DEAR_TICKS, FAN_OUT_BUDGET * 2);
        assert_eq!(served(&fan), [4, 4, 4, 4]);
        pass(&mut fan, DEAR_TICKS * 9, FAN_OUT_BUDGET * 2);
        assert_eq!(served(&fan), [2, 2, 2, 2], "and never fewer");
        pass(&mut fan, CHEAP_TICKS * 9, FAN_OUT_BUDGET / 2);
        assert_eq!(served(&fan), [2, 2, 2, 2], "twice as much does not fit");
        pass(&mut fan, CHEAP_TICKS, FAN_OUT_BUDGET / 3);
        assert_eq!(served(&fan), [4, 4, 4, 4]);
        for _ in 0..=CHEAP_TICKS {
            fan.sends(); // of short ticks nothing is told
        }
        assert_eq!(served(&fan), [8, 8, 8, 8]);
    }
}
