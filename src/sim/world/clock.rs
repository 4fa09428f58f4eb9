//! Each machine has a clock of its own: monotonic, but counted from another start than those of
//! the others, and not exactly as fast. No machine can read another one's, and none knows the date.

use std::time::Duration;

use super::World;
use crate::{game::Game, sim::network::Place, types::Instant};

const MILLION: i64 = 1_000_000;

/// How a machine's clock differs from the simulator's.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct MachineClock {
    ahead: Duration,
    drift_ppm: i64,
}

impl MachineClock {
    /// What it reads at `now`.
    pub fn read(self, now: Instant) -> Instant {
        let drifted = now.0 as i64 * self.drift_ppm / MILLION;
        Instant(now.0.saturating_add_signed(drifted)) + self.ahead
    }

    /// When it reads `own`: the first instant at which it is not before that.
    pub fn when(self, own: Instant) -> Instant {
        let drifted = own.before(self.ahead).0 as i64;
        let mut now = Instant((drifted * MILLION / (MILLION + self.drift_ppm)) as u64);
        while self.read(now) < own {
            now += Duration::from_micros(1);
        }
        now
    }
}

impl<G: Game> World<G> {
    /// Sets a machine's clock, which is off, so far ahead of the simulator's, and lets it gain so
    /// many microseconds in each second.
    pub fn set_clock(&mut self, place: Place, ahead: Duration, drift_ppm: i64) {
        debug_assert!(self.node(place).is_none(), "a clock does not jump while a node reads it");
        self.machines[place].clock = MachineClock { ahead, drift_ppm };
    }

    /// A process that was stopped goes on after the machine has slept: its clock has counted for so
    /// long, and what was sent to it meanwhile has gone nowhere.
    pub fn wake(&mut self, place: Place, slept: Duration) {
        let machine = &mut self.machines[place];
        machine.clock.ahead += slept;
        machine.inbox.clear();
        self.resume(place, true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_goes_off_at_the_first_instant_at_which_the_clock_has_come_so_far() {
        for (ahead_s, drift_ppm) in [(0, 0), (3_600, 0), (0, 500), (0, -500), (86_400, -77)] {
            let clock = MachineClock { ahead: Duration::from_secs(ahead_s), drift_ppm };
            for now in [1_000_000, 1_234_567, 987_654_321] {
                let own = clock.read(Instant(now)) + Duration::from_micros(5);
                let when = clock.when(own);
                assert!(clock.read(when) >= own && when > Instant(now), "{clock:?} at {now}");
                assert!(clock.read(Instant(when.0 - 1)) < own, "{clock:?} at {now}: too late");
            }
        }
    }
}
