//! Each reign is weighed as it begins: whether it was needed, and whether it came in time.
//!
//! *Needless* is a reign that replaced a host which was alive and awake, and which more than half of
//! those who follow the new one were still in touch with. In touch are two machines that have heard
//! datagrams of each other within [`IN_TOUCH`], and whose link is whole: whatever the network did,
//! they got through.
//!
//! All of it is for sixty ticks a second; where a game has fewer, it is longer by what its ticks are longer.

use std::time::Duration;

use super::{What, World};
use crate::{
    cluster::election::descends,
    game::{Game, Rate, Span},
    node::Node,
    sim::network::Place,
    types::{Clock, Instant, NodeId, Term},
};

/// After so long without anything between them, all running nodes must be content.
pub(super) const HEALTHY: Duration = Duration::from_millis(1_500);

/// After so long nobody asks a node any more that went off.
const FORGOTTEN: Duration = Duration::from_millis(2_500);

/// Whoever was heard within this time is not to be suspected of anything: three ticks.
const IN_TOUCH: Span = Span::ms(50, 2);

/// How long a process must have been awake to be no sleeper any more.
const AWAKE: Span = Span::ms(200, 2);

/// How long somebody must have followed a host to be counted by it for certain.
const SETTLED: Span = Span::ms(200, 2);

/// How long after a reign's beginning its followers are counted, and how long a successor is one of
/// two if another one begins.
const COUNTED_AFTER: Span = Span::ms(100, 1);

/// What a survivor may need beyond the suspicion time to have a new host (L3).
const SUCCESSION: Span = Span::ms(100, 1);

/// The same for a survivor whom nobody can tell whether its silent host lives.
const NO_WITNESS: Span = Span::ms(1_100, 4);

/// How long a host may be deaf before its members must do without it; then they ask, and if there
/// is nobody else to answer, for longer.
const UNHEARD: Span = Span::ms(1_000, 8);
const UNHEARD_WITHOUT_WITNESS: Span = Span::ms(1_300, 10);

/// After so long a host that hears no datagrams hears everybody over its links: where it takes longer to do without
/// it, nobody needs to.
const HEARS_OVER_LINKS: Duration = Duration::from_millis(2_000);

/// A reign that has begun, and the one it replaced.
#[derive(Clone, Debug)]
pub(super) struct Succession {
    at: Instant,
    place: Place,
    life: u32,
    term: Term,
    replaced: Term,
    /// Whether each machine was in touch with the old host, if that was fit to reign.
    in_touch: Vec<bool>,
}

/// A host was lost, with nothing else going on: when everybody must have another.
#[derive(Clone, Debug)]
pub(super) struct Expected {
    lost: Place,
    since: Instant,
    by: Instant,
    met: bool,
}

/// How a host is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// Its process ended, and the system says so.
    Killed,
    /// It says nothing more.
    Silent,
    /// It hears nothing more.
    Deaf,
}

impl<G: Game> World<G> {
    fn span(span: Span) -> Duration {
        Rate::of::<G>().span(span)
    }

    /// Whether everybody has had the time to get over whatever was last: to see links closed and
    /// opened, and to forget who is gone.
    pub fn is_rested(&self) -> bool {
        self.now.since(self.disturbed) > HEALTHY && self.now.since(self.stopped) > FORGOTTEN
    }

    /// A node has handled something: what it promises now, and where it reigns.
    pub(super) fn look(&mut self, place: Place) {
        let Some(node) = self.node(place) else { return };
        let election = node.cluster().election();
        let (promised, reign, current) =
            (election.promised(), election.reign(), election.current());
        let watches = !node.cluster().me().role.plays();
        let machine = &mut self.machines[place];
        let before = std::mem::replace(&mut machine.reign, reign);
        let followed = std::mem::replace(&mut machine.current, current);
        if followed.map(|term| term.host) != current.map(|term| term.host) {
            machine.host_since = self.now;
        }
        match watches {
            true => {
                self.judge.watching.insert(place);
            }
            // Whoever has just been given a seat has a lost host's whole patience before it.
            false if self.judge.watching.remove(&place) => self.expect_nothing(),
            false => {}
        }
        self.judge.look(self.now, place, promised, reign);
        if reign == before {
            return;
        }
        self.machines[place].zombie = false;
        match (before, reign) {
            (None, Some(term)) => self.crowned(place, term, followed),
            (Some(old), Some(term)) => {
                let parent = self.node(place).and_then(|node| node.replica().clock());
                let parent = parent.map(|clock| Clock { term: old, ..clock });
                self.judge.descend(self.now, place, term, parent);
            }
            (Some(old), None) => self.yielded(place, old),
            (None, None) => {}
        }
    }

    /// A node has begun to reign: with the newest world, and not against a healthy host.
    fn crowned(&mut self, place: Place, term: Term, followed: Option<Term>) {
        let Some(node) = self.node(place) else { return };
        let mut parent = None;
        if let Some((chosen, answers)) = node.cluster().election().won() {
            parent = Some(chosen.clock);
            if let Some(newer) =
                answers.iter().find(|mark| **mark != chosen && descends(Some(**mark), chosen))
            {
                let what = format!("S5: reigns from {chosen:?}, though one held {newer:?}");
                self.judge.fail(self.now, place, what);
            }
        }
        self.judge.descend(self.now, place, term, parent);
        // Somebody who has just come in may lose its host before it has met the others.
        let hurried = self.now.since(self.started.min(self.stopped)) <= HEALTHY;
        let healthy = !self.is_disturbed() && self.now.since(self.disturbed) > HEALTHY && !hurried;
        // Who is not let in there has a game of its own.
        let bars = |one: Place, other: Place| {
            self.node(one).is_some_and(|node| node.cluster().is_barred(self.id(other)))
        };
        let others = self
            .hosts()
            .into_iter()
            .filter(|host| *host != place && !bars(*host, place) && !bars(place, *host));
        if healthy && let Some(host) = others.into_iter().find(|host| self.is_awake(*host)) {
            self.judge.fail(self.now, place, format!("L2: n{host} hosts, undisturbed"));
        }
        if let Some(replaced) = followed {
            self.succeeded(place, term, replaced);
        }
    }

    fn succeeded(&mut self, place: Place, term: Term, replaced: Term) {
        let rivals = self.crowned.iter().filter(|other| {
            other.replaced == replaced && other.place != place && self.touches(place, other.place)
        });
        self.judge.met.contested += rivals.count() as u64;
        let fit = self.machines.iter().position(|old| {
            let awake = !old.paused && self.now.since(old.awake_since) > Self::span(AWAKE);
            old.reign == Some(replaced) && awake && old.slow.is_zero()
        });
        let in_touch = (0..self.count())
            .map(|other| fit.is_some_and(|old| self.is_served(other, old)))
            .collect();
        let life = self.machines[place].life;
        let at = self.now;
        self.crowned.push(Succession { at, place, life, term, replaced, in_touch });
        self.push(self.now + Self::span(COUNTED_AFTER), What::Weigh);
    }

    /// The followers of a new host are counted: those who did not need it, and all.
    pub(super) fn weigh(&mut self) {
        let now = self.now;
        let (over, open): (Vec<_>, _) = std::mem::take(&mut self.crowned)
            .into_iter()
            .partition(|succession| now.since(succession.at) >= Self::span(COUNTED_AFTER));
        self.crowned = open;
        for Succession { place, life, term, in_touch, .. } in over {
            let follows = |other: &Place| {
                let machine = &self.machines[*other];
                *other == place
                    || machine
                        .current
                        .is_some_and(|followed| followed.host == term.host && followed >= term)
            };
            let followers: Vec<Place> = (0..self.count()).filter(follows).collect();
            let content = followers.iter().filter(|other| in_touch[**other]).count();
            if self.machines[place].life == life && content * 2 > followers.len() {
                self.judge.met.needless += 1;
                self.note(place, format_args!("needless: {content} of {followers:?} had a host"));
            }
        }
    }

    /// A host has given up its reign to follow another. Those who have played with it for a while
    /// must not be more than those who play with the other.
    fn yielded(&mut self, place: Place, old: Term) {
        let Some(new) = self.machines[place].current.filter(|new| *new != old) else { return };
        let hosts = (0..self.count()).filter(|other| *other != place && self.is_awake(*other));
        let hosts = hosts.filter_map(|other| {
            let election = self.node(other)?.cluster().election();
            let host = election.following().or(election.reign())?.host;
            Some((host, self.machines[other].host_since))
        });
        let settled = |(host, since): &(NodeId, Instant)| {
            *host == old.host && self.now.since(*since) > Self::span(SETTLED)
        };
        let mine = 1 + hosts.clone().filter(settled).count();
        let theirs = hosts.filter(|(host, _)| *host == new.host).count().max(1);
        if mine > theirs {
            self.judge.met.upsets += 1;
            self.note(place, format_args!("upset: {mine} players yield to {theirs}"));
        }
    }

    /// Whether a node that reigns has been replaced meanwhile, and nothing keeps it from learning so.
    pub(super) fn is_replaced(&self, place: Place) -> bool {
        let mine = self.machines[place].reign;
        let mut hosts = self.hosts().into_iter().filter(|other| self.is_awake(*other));
        mine.is_some()
            && !self.network.is_disturbed()
            && hosts.any(|other| self.machines[other].reign > mine)
    }

    /// Whether a machine is in touch with a host, and has a link with it.
    fn is_served(&self, place: Place, host: Place) -> bool {
        place != host && self.touches(place, host) && self.are_linked(place, host)
    }

    /// Whether the player of a machine only watches: because it wants to, or because it has found no seat.
    pub fn watches(&self, place: Place) -> bool {
        let waits = |node: &Node<G>| !node.cluster().me().role.plays();
        self.watching.contains(&place) || self.node(place).is_some_and(waits)
    }

    /// Whether two machines have heard each other lately.
    fn touches(&self, a: Place, b: Place) -> bool {
        let lately = |at: Instant| self.now.since(at) <= Self::span(IN_TOUCH);
        lately(self.machines[a].heard[b]) && lately(self.machines[b].heard[a])
    }

    /// Whether the end of one machine's process shows at the other.
    pub(super) fn are_linked(&self, a: Place, b: Place) -> bool {
        self.machines[a].links.values().any(|cable| {
            let there = self.machines[b].links.values().any(|other| other == cable);
            there && self.network.is_sound(*cable)
        })
    }

    /// The host at `lost` is about to be lost, and nothing else goes on: everybody must have another
    /// one in time.
    pub fn expect_successor(&mut self, lost: Place, loss: Loss) {
        let others = self.machines.iter().enumerate();
        let others = others.filter(|(place, _)| *place != lost && !self.watches(*place));
        let survivors = others.filter_map(|(_, machine)| machine.node.as_ref());
        let patience = survivors.clone().map(|node| node.cluster().election().suspicion()).max();
        let Some(patience) = patience else { return };
        if loss == Loss::Deaf && Self::span(UNHEARD) > HEARS_OVER_LINKS {
            return;
        }
        // Without a link to its end, a killed process falls silent like any other.
        let told = (0..self.count())
            .filter(|place| *place != lost && self.node(*place).is_some())
            .filter(|place| !self.watches(*place))
            .all(|place| self.are_linked(place, lost));
        let allowed = match (loss, survivors.count()) {
            (Loss::Deaf, 1) => Self::span(UNHEARD_WITHOUT_WITNESS),
            (Loss::Deaf, _) => Self::span(UNHEARD),
            (Loss::Killed, 1) if told => patience + Self::span(SUCCESSION),
            (_, 1) => Self::span(NO_WITNESS),
            _ => patience + Self::span(SUCCESSION),
        };
        let since = self.now;
        let by = since + allowed;
        self.expected = Some(Expected { lost, since, by, met: false });
        self.push(by, What::Due { since });
    }

    /// For how long yet somebody may do without a host that was lost.
    pub fn awaited(&self) -> Duration {
        self.expected.as_ref().map(|expected| expected.by.since(self.now)).unwrap_or_default()
    }

    /// Whether somebody still does without a host that was lost, and the judge waits for that to end.
    pub fn awaits(&self) -> bool {
        self.expected.as_ref().is_some_and(|expected| !expected.met)
    }

    /// Something else happens: nobody can say any more how long a succession may take.
    pub fn expect_nothing(&mut self) {
        self.expected = None;
    }

    /// A tick was applied: perhaps it was the one that somebody waited for.
    pub(super) fn applied(&mut self) {
        let now = self.now;
        let Some(expected) = self.expected.as_ref().filter(|expected| !expected.met) else {
            return;
        };
        if self.unsucceeded(expected.lost).is_none()
            && let Some(expected) = &mut self.expected
        {
            expected.met = true;
            self.judge.met.succession_us.push(now.since(expected.since).as_micros() as u64);
        }
    }

    pub(super) fn due(&mut self, since: Instant) {
        let Some(expected) = self.expected.take_if(|expected| expected.since == since) else {
            return;
        };
        if !expected.met
            && let Some(what) = self.unsucceeded(expected.lost)
        {
            let took = self.now.since(since);
            self.judge.fail(self.now, expected.lost, format!("L3: {took:?} after a loss, {what}"));
        }
    }

    /// What keeps a lost host from being succeeded, if anything does.
    fn unsucceeded(&self, lost: Place) -> Option<String> {
        let awake = (0..self.count())
            .filter(|place| *place != lost && self.is_awake(*place))
            .filter(|place| !self.watches(*place));
        let mut reign = None;
        for place in awake.clone() {
            if let Some(term) = self.machines[place].reign
                && reign.replace(term).is_some()
            {
                return Some(format!("n{place} is one of two hosts"));
            }
        }
        let Some(reign) = reign else { return Some("nobody reigns".into()) };
        awake.into_iter().find_map(|place| {
            let clock = self.node(place)?.replica().clock();
            (clock.map(|clock| clock.term) != Some(reign))
                .then(|| format!("n{place} holds {clock:?}, not of {reign:?}"))
        })
    }
}
