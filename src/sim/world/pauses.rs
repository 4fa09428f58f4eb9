//! How long each node waited for a tick: what its player would have noticed.

use std::{collections::BTreeMap, time::Duration};

use crate::{sim::network::Place, types::Instant};

/// The longest wait of each node that is up and running.
#[derive(Clone, Debug, Default)]
pub struct Pauses {
    nodes: BTreeMap<Place, Pause>,
}

#[derive(Clone, Debug)]
struct Pause {
    last: Instant,
    longest: Duration,
}

impl Pauses {
    /// A tick was applied.
    pub(super) fn ticked(&mut self, now: Instant, place: Place) {
        let pause = self.nodes.entry(place).or_insert(Pause { last: now, longest: Duration::ZERO });
        pause.longest = pause.longest.max(now.since(pause.last));
        pause.last = now;
    }

    /// A process is stopped, one way or the other: its next tick ends no wait of its player.
    pub(super) fn forget(&mut self, place: Place) {
        self.nodes.remove(&place);
    }

    /// Whatever was waited for at `place` until now does not count. A wait that goes on does.
    pub fn restart(&mut self, place: Place) {
        if let Some(pause) = self.nodes.get_mut(&place) {
            pause.longest = Duration::ZERO;
        }
    }

    /// The longest wait at `place`, one that goes on included. Zero before its first tick.
    pub fn longest(&self, now: Instant, place: Place) -> Duration {
        let pause = self.nodes.get(&place);
        pause.map_or(Duration::ZERO, |pause| pause.longest.max(now.since(pause.last)))
    }
}
