//! What a spectator acknowledges, and when: seldom, and the same as all others.
//!
//! A host encodes each tick once for all who hold the same state. Of players each acknowledges what it has got
//! last; of spectators there are many, so they agree beforehand: each acknowledges the first state that it took
//! of every [eighth](WATCHERS_ACKNOWLEDGE_EVERY) tick, which is the same one for all who lost nothing. They say it
//! at different ticks, by their ids: a thousand acknowledgements in one moment would be lost, and players' controls
//! with them.

use crate::{
    config::WATCHERS_ACKNOWLEDGE_EVERY,
    types::{Clock, NodeId, Tick},
};

/// The acknowledgements of one spectator.
#[derive(Clone, Debug, Default)]
pub(super) struct Watching {
    /// The state that is to be acknowledged.
    held: Option<Clock>,
    /// The one that was acknowledged last.
    told: Option<Clock>,
}

/// Which of the spans that ticks are counted in.
fn span(tick: Tick) -> u64 {
    tick.0 / WATCHERS_ACKNOWLEDGE_EVERY
}

/// In which tick of each span this spectator speaks.
fn turn(me: NodeId) -> u64 {
    (me.as_u128() % u128::from(WATCHERS_ACKNOWLEDGE_EVERY)) as u64
}

impl Watching {
    /// A state was taken. Whether it is the first of another reign.
    pub fn took(&mut self, clock: Clock) -> bool {
        let before = self.held;
        let known = |held: Clock| held.term == clock.term && span(held.tick) >= span(clock.tick);
        if !before.is_some_and(known) {
            self.held = Some(clock);
        }
        before.is_none_or(|before| before.term != clock.term)
    }

    /// The state to refer to from here on.
    pub fn held(&self) -> Option<Clock> {
        self.held
    }

    /// Whether it is time to say so, `newest` being the newest state held.
    pub fn is_due(&self, me: NodeId, newest: Clock) -> bool {
        let Some(held) = self.held.filter(|held| self.told != Some(*held)) else { return false };
        let fresh = self.told.is_none_or(|told| told.term != held.term);
        if fresh {
            return newest.tick.0 >= held.tick.0 + u64::from(Self::first_turn(me));
        }
        newest.tick.0 >= span(held.tick) * WATCHERS_ACKNOWLEDGE_EVERY + turn(me)
    }

    /// After how many ticks of another reign it speaks: a new host knows of nobody what it holds, and sends
    /// everything until then.
    pub fn first_turn(me: NodeId) -> u32 {
        (turn(me) % (WATCHERS_ACKNOWLEDGE_EVERY / 2)) as u32
    }

    /// It is said.
    pub fn told(&mut self) {
        self.told = self.held;
    }

    /// In how many ticks whoever does nothing else has to look again.
    pub fn ticks_to_wait(me: NodeId, newest: Tick) -> u32 {
        let every = WATCHERS_ACKNOWLEDGE_EVERY;
        let wait = (turn(me) + every - newest.0 % every) % every;
        (if wait == 0 { every } else { wait }) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Epoch, Incarnation, Term};

    fn clock(epoch: u64, tick: u64) -> Clock {
        let host = NodeId::from_u128(1);
        let term = Term { epoch: Epoch(epoch), host, incarnation: Incarnation(1) };
        Clock { term, tick: Tick(tick) }
    }

    /// What a spectator says that gets these ticks: after which one, and which one it holds.
    fn says(me: u128, epoch: u64, ticks: &[u64]) -> Vec<(u64, u64)> {
        let me = NodeId::from_u128(me);
        let mut watching = Watching::default();
        let mut said = Vec::new();
        for tick in ticks {
            let _ = watching.took(clock(epoch, *tick));
            if watching.is_due(me, clock(epoch, *tick)) {
                watching.told();
                said.extend(watching.held().map(|held| (*tick, held.tick.0)));
            }
        }
        said
    }

    #[test]
    fn all_acknowledge_the_same_states_one_after_the_other() {
        let ticks: Vec<u64> = (80..112).collect();
        for me in 0..8 {
            let first = (80 + me % 4, 80);
            let later = [88, 96, 104].map(|tick| (tick + me, tick));
            let expected: Vec<_> = [first].into_iter().chain(later).collect();
            assert_eq!(says(me.into(), 1, &ticks), expected);
        }
    }

    #[test]
    fn whoever_has_missed_that_state_acknowledges_the_next_one() {
        assert_eq!(says(0, 1, &[80, 81, 89, 90, 91, 98]), [(80, 80), (89, 89), (98, 98)]);
    }

    #[test]
    fn of_a_new_reign_something_is_acknowledged_soon() {
        let me = NodeId::from_u128(7);
        let mut watching = Watching::default();
        assert!(watching.took(clock(1, 80)));
        watching.told();
        assert!(watching.took(clock(2, 84)) && !watching.took(clock(2, 85)));
        assert_eq!(watching.held(), Some(clock(2, 84)));
        assert!(!watching.is_due(me, clock(2, 86)) && watching.is_due(me, clock(2, 87)));
        watching.told();
        assert!(!watching.is_due(me, clock(2, 87)));
    }

    #[test]
    fn whoever_does_nothing_else_looks_when_it_is_its_turn() {
        let wait = |me, tick| Watching::ticks_to_wait(NodeId::from_u128(me), Tick(tick));
        assert_eq!([wait(0, 80), wait(3, 80), wait(3, 83), wait(1, 87)], [8, 3, 8, 2]);
    }
}
