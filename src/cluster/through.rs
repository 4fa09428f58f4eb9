//! Through whom a spectator watches: what its host has told it, what it asks for, and what it does when nothing comes.
//!
//! It asks the first of the relays that it was told of and is linked with, and takes what is handed down. If the link with
//! that one ends, or no tick has come from there for `SILENT_TICKS`, it asks the next at once; if there is none it tells
//! its host, which sends to it itself from then on. A relay that has failed is not asked again for a while.

use std::{collections::BTreeMap, time::Duration};

use super::message::RelayAt;
use crate::{
    game::Rate,
    types::{Clock, Instant, NodeId},
};

/// Whoever hands down nothing for so many ticks is not waited for.
const SILENT_TICKS: u32 = 3;

/// How long a relay has for its first tick.
const PATIENCE: Duration = Duration::from_millis(250);

/// How long a relay is not asked again after it has failed.
const FAILED_FOR: Duration = Duration::from_secs(5);

/// Through whom this node watches.
#[derive(Clone, Debug, Default)]
pub struct Through {
    told: Vec<RelayAt>,
    at: Option<At>,
    failed: BTreeMap<NodeId, Instant>,
    /// What this node has told its host.
    said: Option<NodeId>,
}

#[derive(Clone, Copy, Debug)]
struct At {
    relay: NodeId,
    asked: Instant,
    /// When its last tick came, if one has, and which one that was.
    heard: Option<(Instant, Clock)>,
}

impl Through {
    /// The host tells through whom this node may watch.
    pub fn told(&mut self, relays: Vec<RelayAt>) {
        self.told = relays;
    }

    /// This node plays nowhere any more, or as somebody else.
    pub fn forget(&mut self) {
        *self = Self::default();
    }

    /// Those that are to be linked with.
    pub fn relays(&self) -> impl Iterator<Item = &RelayAt> {
        self.told.iter()
    }

    /// Who is asked for ticks, if anybody is.
    pub fn asked(&self) -> Option<NodeId> {
        self.at.map(|at| at.relay)
    }

    /// Through whom this node watches.
    pub fn served_by(&self) -> Option<NodeId> {
        self.at.filter(|at| at.heard.is_some()).map(|at| at.relay)
    }

    /// A tick came from this relay. Whether it was asked for, and is newer than those before: the same again is no sign of
    /// life.
    pub fn heard(&mut self, now: Instant, relay: NodeId, clock: Clock) -> bool {
        match &mut self.at {
            Some(at) if at.relay == relay && at.heard.is_none_or(|(_, last)| last < clock) => {
                at.heard = Some((now, clock));
                true
            }
            _ => false,
        }
    }

    /// This relay is not asked for a while.
    pub fn fails(&mut self, now: Instant, relay: NodeId) {
        self.failed.retain(|_, at| now.since(*at) < FAILED_FOR);
        self.failed.insert(relay, now);
    }

    /// What this node is to tell its host, if it has told it something else.
    pub fn to_say(&mut self) -> Option<Option<NodeId>> {
        let through = self.served_by();
        (std::mem::replace(&mut self.said, through) != through).then_some(through)
    }

    /// When nothing will have come for too long.
    pub fn due_at(&self, rate: Rate) -> Instant {
        self.at.map_or(Instant::NEVER, |at| match at.heard {
            Some((heard, _)) => heard + rate.tick() * SILENT_TICKS,
            None => at.asked + PATIENCE,
        })
    }

    /// Chooses whom to ask, of those that are `linked`. Whether that is another one than before, who is to be asked at once.
    pub fn choose(&mut self, now: Instant, rate: Rate, linked: impl Fn(NodeId) -> bool) -> bool {
        let due = self.due_at(rate);
        if let Some(at) = self.at
            && (now >= due || !linked(at.relay))
        {
            self.fails(now, at.relay);
        }
        let failed =
            |id: NodeId| self.failed.get(&id).is_some_and(|at| now.since(*at) < FAILED_FOR);
        let fit = |id: &NodeId| linked(*id) && !failed(*id);
        let next = self.told.iter().map(|relay| relay.id).find(fit);
        let before = self.asked();
        if next == before {
            return false;
        }
        self.at = next.map(|relay| At { relay, asked: now, heard: None });
        next.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        mesh::message::Address,
        types::{Epoch, Incarnation, Term, Tick},
    };

    const FIRST: NodeId = NodeId::from_u128(1);
    const OTHER: NodeId = NodeId::from_u128(2);
    const RATE: Rate = Rate::USUAL;

    fn told() -> Through {
        let relay = |id| RelayAt {
            id,
            incarnation: Incarnation(1),
            address: Address { ip: [10, 0, 0, 1].into(), tcp: 1, udp: 1 },
        };
        let mut through = Through::default();
        through.told(vec![relay(FIRST), relay(OTHER)]);
        through
    }

    fn at(tick: u64) -> Clock {
        let term = Term { epoch: Epoch(1), host: OTHER, incarnation: Incarnation(1) };
        Clock { term, tick: Tick(tick) }
    }

    fn ms(ms: u64) -> Instant {
        Instant(ms * 1_000)
    }

    #[test]
    fn the_first_relay_is_asked_that_is_linked_and_the_host_is_told_when_it_serves() {
        let mut through = told();
        assert!(!through.choose(ms(0), RATE, |_| false));
        assert!(through.choose(ms(1), RATE, |_| true) && !through.choose(ms(2), RATE, |_| true));
        assert_eq!((through.asked(), through.to_say()), (Some(FIRST), None));
        assert!(!through.heard(ms(3), OTHER, at(7)) && through.heard(ms(3), FIRST, at(7)));
        assert_eq!((through.to_say(), through.to_say()), (Some(Some(FIRST)), None));
    }

    #[test]
    fn when_its_link_ends_or_nothing_comes_the_other_one_is_asked_at_once() {
        for closes in [true, false] {
            let mut through = told();
            through.choose(ms(0), RATE, |_| true);
            through.heard(ms(10), FIRST, at(7));
            through.to_say();
            assert!(!through.heard(ms(40), FIRST, at(7)), "the same again");
            assert!(!through.choose(ms(50), RATE, |_| true));
            let then = if closes { 51 } else { 60 };
            assert!(through.choose(ms(then), RATE, |id| !closes || id != FIRST));
            assert_eq!((through.asked(), through.to_say()), (Some(OTHER), Some(None)));
            assert!(!through.choose(ms(then + 1), RATE, |_| true), "not back at once");
        }
    }

    #[test]
    fn where_nobody_serves_nobody_is_asked_until_a_while_has_passed() {
        let mut through = told();
        through.choose(ms(0), RATE, |_| true);
        assert!(through.choose(ms(250), RATE, |_| true));
        assert!(!through.choose(ms(500), RATE, |_| true) && through.asked().is_none());
        assert!(through.choose(ms(5_250), RATE, |_| true));
        assert_eq!(through.asked(), Some(FIRST));
    }
}
