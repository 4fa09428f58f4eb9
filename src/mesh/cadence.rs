//! How often a node announces itself: eagerly while things are new or somebody is missing, calmly while nobody is there
//! but those who know all of it.

use std::time::Duration;

use crate::types::Instant;

/// For so long after anything has changed, or somebody else was heard, those who play together announce themselves as
/// often as anybody.
const EAGER_FOR: Duration = Duration::from_secs(10);

/// After that a host announces itself once in the time of so many beacons, still before the last one counts no
/// longer, and whoever follows it once in that of so many: nobody is there but those who know all of it.
pub const CALM_HOST_BEACONS: u32 = 2;
const CALM_BEACONS: u32 = 60;

/// The shortest time between two beacons sent because something changed.
const CHANGE_PAUSE: Duration = Duration::from_millis(20);

/// What a node is in its session, as far as it matters how often it announces itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// It hosts.
    Hosts,
    /// It follows a host.
    Follows,
    /// It has no host.
    Seeks,
}

/// When a node announces itself next.
#[derive(Clone, Debug)]
pub struct Cadence {
    interval: Duration,
    /// Until then it announces itself as often as it may.
    eager_until: Instant,
    next: Instant,
    last: Option<Instant>,
}

impl Cadence {
    /// One beacon in such an interval, and the first one at once.
    pub fn new(interval: Duration) -> Self {
        Self { interval, eager_until: Instant::default(), next: Instant::default(), last: None }
    }

    /// When the next beacon is due.
    pub fn next(&self) -> Instant {
        self.next
    }

    /// The next beacon is due at this time.
    #[cfg(test)]
    pub fn speak_at(&mut self, at: Instant) {
        self.next = at;
    }

    /// The machine is on other networks: nobody there has heard of it.
    pub fn moved(&mut self, now: Instant) {
        (self.next, self.eager_until) = (now, now + EAGER_FOR);
    }

    /// What is told has changed.
    pub fn changed(&mut self, now: Instant) {
        self.next = self.next.min(self.soonest(now));
        self.eager_until = now + EAGER_FOR;
    }

    /// Somebody was heard who shall hear of this node soon: of a host at once, of others a `part` of an interval later,
    /// of 65,536.
    pub fn heard_another(&mut self, now: Instant, place: Place, part: u16) {
        let calm = now >= self.eager_until;
        self.eager_until = now + EAGER_FOR;
        if calm {
            let later = now + self.interval * part.into() / (1 << u16::BITS);
            let next = if place == Place::Hosts { self.soonest(now) } else { later };
            self.next = self.next.min(next);
        }
    }

    /// Whether a beacon is due. If so, the next one is later; soon, if this node `seeks` anybody.
    pub fn speaks(&mut self, now: Instant, place: Place, seeks: bool) -> bool {
        if seeks {
            self.next = self.next.min(now + self.interval);
        }
        if now < self.next {
            return false;
        }
        let calm = !seeks && now >= self.eager_until;
        let pause = match (place, calm) {
            (Place::Hosts, false) => self.interval / 2,
            (Place::Hosts, true) => self.interval * CALM_HOST_BEACONS,
            (Place::Follows, true) => self.interval * CALM_BEACONS,
            (Place::Follows | Place::Seeks, _) => self.interval,
        };
        (self.next, self.last) = (now + pause, Some(now));
        true
    }

    fn soonest(&self, now: Instant) -> Instant {
        self.last.map_or(now, |last| last + CHANGE_PAUSE).max(now)
    }
}
