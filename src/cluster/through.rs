//! Through whom a spectator watches: what its host has told it, what it asks for, and what it does when nothing comes.
//!
//! It asks the first of the relays that it was told of and is linked with, and takes what is handed down. If the link with
//! that one ends, or no tick has come from there for `SILENT_TICKS`, it asks the next at once; if there is none it tells
//! its host, which sends to it itself from then on. A relay that has failed is not asked again for a while.
//!
//! Its host is told who serves it, and that nobody does while another relay is being tried. That one's heir is told the same
//! but for the latter: a host that has fallen silent silences all relays at once, and the heir is to know the tree
//! when it reigns.

use std::{collections::BTreeMap, time::Duration};

use super::message::RelayAt;
use crate::{
    game::{Rate, Span},
    types::{Clock, Instant, NodeId},
};

/// Whoever hands down nothing for so many ticks is not waited for.
const SILENT_TICKS: u32 = 3;

/// How long a relay has for its first tick.
const PATIENCE: Span = Span::ms(250, 4);

/// How long a relay is not asked again after it has failed.
const FAILED_FOR: Duration = Duration::from_secs(5);

/// Whoever sends what comes from a relay, too, is told again who serves this node, but not more often.
const TOLD_AGAIN: Duration = Duration::from_secs(1);

/// Through whom this node watches.
#[derive(Clone, Debug, Default)]
pub struct Through {
    told: Vec<RelayAt>,
    at: Option<At>,
    failed: BTreeMap<NodeId, Instant>,
    /// Who has served this node last, if that one or another is asked still.
    served: Option<NodeId>,
    /// What this node has told its host, and the heir, and when.
    said: BTreeMap<NodeId, (Option<NodeId>, Instant)>,
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
                self.served = Some(relay);
                true
            }
            _ => false,
        }
    }

    /// This node has been late by so much itself: what may have come meanwhile is still to be read.
    pub fn overslept(&mut self, late: Duration) {
        if let Some(At { asked, heard, .. }) = &mut self.at {
            *asked += late;
            if let Some((heard, _)) = heard {
                *heard += late;
            }
        }
    }

    /// This relay is not asked for a while.
    pub fn fails(&mut self, now: Instant, relay: NodeId) {
        self.failed.retain(|_, at| now.since(*at) < FAILED_FOR);
        self.failed.insert(relay, now);
    }

    /// Through whom this node watches, as its host and that one's heir are to hear, whoever of them was told something else.
    pub fn to_say(
        &mut self,
        now: Instant,
        host: Option<NodeId>,
        heir: Option<NodeId>,
    ) -> Vec<(NodeId, Option<NodeId>)> {
        self.said.retain(|id, _| [host, heir].contains(&Some(*id)));
        let host = host.map(|id| (id, self.served_by()));
        let heir = heir.map(|id| (id, self.served));
        let mut told: Vec<_> = host.into_iter().chain(heir).collect();
        told.retain(|(id, through)| {
            let before = self.said.get(id).and_then(|(before, _)| *before);
            before != *through
        });
        self.said.extend(told.iter().map(|(id, through)| (*id, (*through, now))));
        told
    }

    /// Somebody was told nothing yet, or it was lost.
    pub fn unsaid(&mut self, id: NodeId) {
        self.said.remove(&id);
    }

    /// What a relay hands down has come from the host itself, too: it does not know, or not any more.
    pub fn comes_twice(&mut self, now: Instant, host: NodeId) {
        let long_ago = |(_, at): &(_, Instant)| now.since(*at) >= TOLD_AGAIN;
        if self.served_by().is_some() && self.said.get(&host).is_some_and(long_ago) {
            self.unsaid(host);
        }
    }

    /// When nothing will have come for too long.
    pub fn due_at(&self, rate: Rate) -> Instant {
        self.at.map_or(Instant::NEVER, |at| match at.heard {
            Some((heard, _)) => heard + rate.tick() * SILENT_TICKS,
            None => at.asked + rate.span(PATIENCE),
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
        let before = self.asked();
        let told = || self.told.iter().map(|relay| relay.id);
        // It stays where it is served, though the first may be well again: all would go back in the same moment. Until there is a
        // link with one of those it was told of, it stays anywhere.
        let served = self.served_by().filter(|id| told().any(|other| other == *id));
        let stays = before.filter(|_| !self.told.is_empty());
        let next = served.into_iter().chain(told()).chain(stays).find(fit);
        if next == before {
            return false;
        }
        self.at = next.map(|relay| At { relay, asked: now, heard: None });
        if next.is_none() {
            self.served = None;
        }
        next.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        game::testing::Still,
        mesh::message::Address,
        types::{Epoch, Incarnation, Term, Tick},
    };

    const FIRST: NodeId = NodeId::from_u128(1);
    const OTHER: NodeId = NodeId::from_u128(2);
    const HOST: NodeId = NodeId::from_u128(3);
    const HEIR: NodeId = NodeId::from_u128(4);
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

    /// What its host is told.
    fn said(through: &mut Through, at_ms: u64) -> Option<Option<NodeId>> {
        through.to_say(ms(at_ms), Some(HOST), None).pop().map(|(_, through)| through)
    }

    fn at(tick: u64) -> Clock {
        let term = Term { epoch: Epoch(1), host: HOST, incarnation: Incarnation(1) };
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
        assert_eq!((through.asked(), said(&mut through, 1)), (Some(FIRST), None));
        assert!(!through.heard(ms(3), OTHER, at(7)) && through.heard(ms(3), FIRST, at(7)));
        assert_eq!((said(&mut through, 3), said(&mut through, 4)), (Some(Some(FIRST)), None));
    }

    #[test]
    fn whoever_comes_after_the_host_hears_who_serves_and_whoever_sends_all_the_same_hears_it_again()
    {
        let mut through = told();
        through.choose(ms(0), RATE, |_| true);
        through.heard(ms(3), FIRST, at(7));
        said(&mut through, 3);
        let both = (Some(HOST), Some(HEIR));
        assert_eq!(through.to_say(ms(4), both.0, both.1), [(HEIR, Some(FIRST))]);
        through.comes_twice(ms(20), HOST);
        assert_eq!(through.to_say(ms(20), both.0, both.1), [], "that was on its way");
        through.comes_twice(ms(1_003), HOST);
        assert_eq!(through.to_say(ms(1_003), both.0, both.1), [(HOST, Some(FIRST))]);
    }

    #[test]
    fn when_all_relays_fall_silent_the_heir_is_told_nothing_else_until_none_is_left_to_try() {
        let mut through = told();
        through.choose(ms(0), RATE, |_| true);
        through.heard(ms(10), FIRST, at(7));
        let say = |through: &mut Through, at| through.to_say(ms(at), Some(HOST), Some(HEIR));
        assert_eq!(say(&mut through, 10), [(HOST, Some(FIRST)), (HEIR, Some(FIRST))]);
        assert!(through.choose(ms(60), RATE, |_| true) && through.asked() == Some(OTHER));
        assert_eq!(say(&mut through, 60), [(HOST, None)]);
        through.choose(ms(310), RATE, |_| true);
        assert_eq!((through.asked(), say(&mut through, 310)), (None, vec![(HEIR, None)]));
    }

    #[test]
    fn whoever_is_told_of_another_relay_stays_until_it_is_linked_with_that_one() {
        let mut through = told();
        through.choose(ms(0), RATE, |_| true);
        through.heard(ms(10), FIRST, at(7));
        let other = through.told.pop().into_iter().collect();
        through.told(other);
        assert!(!through.choose(ms(11), RATE, |id| id == FIRST));
        assert!(through.served_by() == Some(FIRST));
        assert!(through.choose(ms(12), RATE, |_| true) && through.asked() == Some(OTHER));
        through.told(Vec::new());
        assert!(!through.choose(ms(13), RATE, |_| true) && through.asked().is_none());
    }

    #[test]
    fn whoever_is_late_itself_blames_nobody() {
        let mut through = told();
        through.choose(ms(0), RATE, |_| true);
        through.heard(ms(10), FIRST, at(7));
        through.overslept(Duration::from_millis(40));
        assert!(!through.choose(ms(99), RATE, |_| true) && through.served_by() == Some(FIRST));
        assert!(through.choose(ms(100), RATE, |_| true));
    }

    #[test]
    fn where_ticks_are_rare_a_relay_has_time_for_its_first() {
        let slow = Rate::of::<Still<10>>();
        let mut through = told();
        through.choose(ms(0), slow, |_| true);
        assert!(
            !through.choose(ms(580), slow, |_| true) && through.choose(ms(590), slow, |_| true)
        );
    }

    #[test]
    fn when_its_link_ends_or_nothing_comes_the_other_one_is_asked_at_once() {
        for closes in [true, false] {
            let mut through = told();
            through.choose(ms(0), RATE, |_| true);
            through.heard(ms(10), FIRST, at(7));
            said(&mut through, 10);
            assert!(!through.heard(ms(40), FIRST, at(7)), "the same again");
            assert!(!through.choose(ms(50), RATE, |_| true));
            let then = if closes { 51 } else { 60 };
            assert!(through.choose(ms(then), RATE, |id| !closes || id != FIRST));
            assert_eq!((through.asked(), said(&mut through, then)), (Some(OTHER), Some(None)));
            assert!(!through.choose(ms(then + 1), RATE, |_| true), "not back at once");
            through.heard(ms(then + 5_900), OTHER, at(400));
            assert!(!through.choose(ms(then + 5_901), RATE, |_| true), "nor later");
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
