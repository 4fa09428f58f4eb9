//! Who reigns: the bully algorithm (Garcia-Molina 1982), made fit for a real network.
//!
//! The textbook's bully lets the highest id take over whenever it likes, waits fixed times, and
//! trusts that messages arrive. On a network that loses, delays and splits, every one of these
//! breaks something. What is different here:
//!
//! - *Terms fence.* A reign has a [`Term`], everything a host sends carries it, and lower terms are
//!   dropped. Three things are kept apart: what this node *promised* (the highest term whose host
//!   it has followed or been), where it *reigns*, and which world it holds. Epochs merely seen
//!   promise nothing, or one node with a bad cable could take the crown from everybody.
//! - *Ask first.* Who misses its host asks everybody. Whoever hears the host says so, and nothing
//!   has happened. A suspicion costs a round trip, not an election.
//! - *Sticky.* Nobody bullies a healthy host; whoever comes in follows, of whatever id.
//! - *No fixed wait.* The successor is known beforehand: the highest rank. It asks in the very step
//!   in which the host's link closes, and reigns when the last answer is in.
//! - *The newest world wins*: answers say which world the answerer holds, and bring it along when
//!   the asker's does not descend from it. It counts if its host is known to have made it
//!   ([`proof`](super::proof)): the cluster weighs answers before they come here.
//! - *Two hosts have one judge.* After a partition both sides have a host. The one with the higher
//!   term decides by `(members, tick, id)`, so that the larger half's game goes on, and there is
//!   never a moment at which both believe to have lost.
//!
//! Times are in [`Tuning`]. The machine knows no sockets and no game: [`Context`] brings who can
//! vote and which world is held, [`Out`] says what follows.

mod answering;
mod asking;
mod follower;
mod following;
pub mod likeness;
mod meeting;
mod state;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use self::{
    follower::{Following, Relayed},
    state::{Candidacy, Conceded, Grant, Lost, Reigning, Rival, Seeking, State},
};
use super::{
    message::{
        Answer, ElectionPacket, MeetPacket, OkPacket, Packet, Payload, Rank, TickPacket, WorldCopy,
        WorldMark,
    },
    relay::{self, Via},
};
use crate::{
    config::{Mutant, Tuning},
    game::{Rate, Span},
    types::{Clock, Epoch, Incarnation, Instant, NodeId, Role, Term, Tick},
};

/// An epoch this far above all known ones is a lie or an accident, and is refused; what is known rises by as
/// much with it, so that nobody stays away for good from those who believed. The highest epochs are out of
/// reach of any number of packets that way.
const EPOCH_LEAP_MAX: u64 = 1 << 20;

/// Heard so recently that one more repetition of the ask decides better than an answer now: the next tick is not
/// due yet, or hardly.
const JUST_HEARD: Span = Span::ms(25, 1);

/// What was under way when a link closed has come by then.
const AFTERGLOW: Duration = Duration::from_millis(25);

/// Whoever says that the host lives has a tick newer by this than the asker's.
const NEWER_TICKS: u64 = 2;

/// The shortest window in which a tick counts as proof that the host lives.
const LIVES_WINDOW_MIN: Span = Span::ms(42, 2);

/// The pause after "the host lives", and after "I am taking over".
const RETRY_AFTER_LIVES: Span = Span::ms(25, 1);
const RETRY_AFTER_TAKEOVER: Span = Span::ms(100, 2);

/// Where ticks come with such gaps, answers of others may be as late.
const ROUGH: Span = Span::ms(40, 2);

/// The largest gap between ticks that is reckoned with, and what a gap has at first.
const GAP_MAX: Span = Span::ms(200, 2);
const GAP_SPARE_US: u64 = 334;

/// With each tick of sixty a second the largest gap decays by one part of so many.
const GAP_DECAYS: u64 = 400;

/// How often in a row somebody is believed that a lost host lives, or that it takes over itself: by then a tick has
/// come of it, or it is not so, and the others decide without that one.
const HELD_UP_MAX: u8 = 5;

/// How long controls that name a term count their sender among the members of that reign.
const MEMBER_WINDOW: Span = Span::ms(150, 4);

/// The time between two repetitions of `Meet`, and how long a rival is remembered.
const MEET_REPEAT: Duration = Duration::from_millis(20);
const RIVAL_REMEMBERED: Span = Span::ms(400, 3);

/// The shortest time between two announcements of one host at a higher epoch.
const ANNOUNCE_PAUSE: Span = Span::ms(100, 1);

/// A member whose controls are not acknowledged for this long has lost its host, though it hears
/// it: the host must be deaf.
const UNHEARD: Span = Span::ms(800, 6);

/// The longest round trip that is allowed for.
const LAG_MAX: Duration = Duration::from_secs(1);

/// Whoever is heard by its host, and hears it, without a relay for this long needs none.
const DIRECT: Span = Span::ms(200, 4);

/// How long one node is tried as a relay before the next.
const RELAY_TRIED: Span = Span::ms(100, 3);

/// What one node knows and wants of the crown.
#[derive(Clone, Debug)]
pub struct Election {
    rate: Rate,
    tuning: Tuning,
    me: NodeId,
    incarnation: Incarnation,
    floor: Epoch,
    promised: Option<Term>,
    /// Only watches.
    watching: bool,
    state: State,
    grant: Option<Grant>,
    /// Until when this node, having slept, takes in but does nothing.
    drowsy_until: Option<Instant>,
    /// The largest gap between ticks seen, in microseconds, decaying.
    gap_us: u64,
    round: u32,
    /// The number of the last controls sent.
    sent: u64,
    /// The world with which the own reign began, and those that the answers held then.
    won: Option<(WorldMark, Vec<WorldMark>)>,
    out: VecDeque<Out>,
}

/// Why a host is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Its link closed.
    Closed,
    /// No new tick for the suspicion time.
    Silent,
    /// It does not hear this node.
    Deaf,
    /// It left politely.
    Left,
    /// It gave the crown up to another.
    Yielded,
}

impl Cause {
    /// In a word, for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Cause::Closed => "closed",
            Cause::Silent => "silent",
            Cause::Deaf => "deaf",
            Cause::Left => "left",
            Cause::Yielded => "yielded",
        }
    }
}

/// What the election has to know of the rest.
pub struct Context<'a> {
    /// Who could vote: the roster, or before there is one, whoever is linked. Without this node.
    /// Reckoned when it is asked for: most packets are ticks, and no matter of votes.
    pub voters: &'a dyn Fn() -> Vec<Voter>,
    /// Whether the roster has nothing against this node's reigning.
    pub steady: bool,
    /// The world held here.
    pub newest: &'a dyn Newest,
    /// Whether a node that has lost no host does not ask to be one yet: one of the own session was announced, and may
    /// still be heard, or the own disk is being read.
    pub held_back: bool,
}

/// Somebody who could vote.
#[derive(Clone, Copy, Debug)]
pub struct Voter {
    /// Its id.
    pub id: NodeId,
    /// When it was heard last.
    pub heard: Instant,
    /// Whether its link is up.
    pub linked: bool,
    /// Whether it is heard without one.
    pub estranged: bool,
    /// Whether the roster has nothing against its reigning.
    pub steady: bool,
}

/// All that the election asks of a world.
pub trait Newest {
    /// Which state is held, if any.
    fn mark(&self) -> Option<WorldMark>;
    /// That state, whole.
    fn encode(&self) -> Option<Payload>;
    /// It, and the newest one that its host has signed, for whoever holds `held`: what that one needs, and
    /// can be shown to be their host's. The newest comes first.
    fn copies(&self, held: Option<WorldMark>) -> Vec<WorldCopy>;
}

/// What follows.
#[derive(Clone, Debug)]
pub enum Out {
    /// Send this packet.
    Send {
        /// To whom.
        to: NodeId,
        /// The packet.
        packet: Packet,
    },
    /// Send this packet by way of a third node.
    SendThrough {
        /// By way of whom.
        relay: NodeId,
        /// To whom.
        to: NodeId,
        /// The packet.
        packet: Packet,
    },
    /// Send this packet both ways, in a datagram and over the link: it matters.
    SendTwice {
        /// To whom.
        to: NodeId,
        /// The packet.
        packet: Packet,
    },
    /// The host is lost.
    Lost {
        /// Its reign.
        term: Term,
        /// Why it is believed to be lost.
        cause: Cause,
    },
    /// This node asks to reign.
    Asking {
        /// What it believes to be over.
        ends: Option<Term>,
    },
    /// This node reigns from here on, with the world given, or its own if that is newer, or a new
    /// one if there is none.
    Reign {
        /// The new term.
        term: Term,
        /// The one it ends.
        ends: Option<Term>,
        /// Whether that one ended because its host fell silent, or deaf.
        silent: bool,
        /// The newest world among the answers, if it is not the own one.
        world: Option<WorldCopy>,
    },
    /// This node reigns on, in a higher term.
    Announce {
        /// The new term.
        term: Term,
        /// The one it ends: the own one, or a rival's.
        ends: Term,
    },
    /// This node follows a host from here on, and reigns no more if it did.
    Follow {
        /// The reign it follows.
        term: Term,
        /// Its own reign, if it had one.
        yielded: Option<Term>,
    },
}

/// Something that will be due.
#[derive(Clone, Copy, Debug)]
enum Due {
    /// The host is given up, for this reason.
    Lose(Cause),
    /// Somebody else is tried as a relay.
    Relay,
    /// A rival is asked again to judge.
    Meet,
    /// Whoever has no host asks, asks again, or counts.
    Advance,
}

/// What to do with the world in a tick's packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Apply it.
    Apply,
    /// Drop it.
    Drop,
}

impl Election {
    /// A node that has heard of no host, on the title. `tuning` is for games of that rate.
    pub fn new(rate: Rate, tuning: Tuning, me: NodeId, incarnation: Incarnation) -> Self {
        Self {
            rate,
            tuning,
            me,
            incarnation,
            floor: Epoch(0),
            promised: None,
            watching: false,
            state: State::Idle,
            grant: None,
            drowsy_until: None,
            gap_us: rate.tick().as_micros() as u64 + GAP_SPARE_US,
            round: 0,
            sent: 0,
            won: None,
            out: VecDeque::new(),
        }
    }

    /// Takes the next consequence.
    pub fn poll(&mut self) -> Option<Out> {
        self.out.pop_front()
    }

    /// The highest term whose host this node has followed or been.
    pub fn promised(&self) -> Option<Term> {
        self.promised
    }

    /// The own reign, if any.
    pub fn reign(&self) -> Option<Term> {
        self.state.as_reigning().map(|reign| reign.term)
    }

    /// The world with which the last own reign began, and those that the answers held: so that
    /// somebody can check that none of them was newer.
    pub fn won(&self) -> Option<(WorldMark, &[WorldMark])> {
        self.won.as_ref().map(|(mine, others)| (*mine, others.as_slice()))
    }

    /// The reign that is followed, if a host is heard.
    pub fn following(&self) -> Option<Term> {
        self.state.as_following().map(|following| following.term)
    }

    /// The reign to whose host the own controls go: the one followed, or missed but perhaps alive.
    pub fn served(&self) -> Option<Term> {
        let gone = self.state.lost().is_some_and(|lost| lost.cause == Cause::Left);
        self.state.host().filter(|_| !gone).map(|following| following.term)
    }

    /// Who passes things on between this node and its host, if that is needed.
    pub fn relay(&self, now: Instant) -> Option<NodeId> {
        self.state.host()?.relay.filter(|relay| now < relay.until).map(|relay| relay.by)
    }

    /// How many nodes lie between this one and its host.
    pub fn distance(&self, now: Instant) -> u8 {
        let Some(following) = self.state.as_following() else { return 0 };
        following.relay.filter(|relay| now < relay.until).map_or(0, |relay| relay.far)
    }

    /// The reign in force as far as this node knows: its own, or the one it follows or lost.
    pub fn current(&self) -> Option<Term> {
        self.state.term()
    }

    /// Until when the node, which has just woken from a sleep, must not act yet.
    pub fn awake_at(&self, now: Instant) -> Option<Instant> {
        self.drowsy_until.filter(|until| now < *until)
    }

    fn is_drowsy(&self, now: Instant) -> bool {
        self.awake_at(now).is_some()
    }

    /// How long the host may be silent.
    pub fn suspicion(&self) -> Duration {
        Duration::from_micros(2 * self.gap_us + 16_000)
            .clamp(self.tuning.suspicion_min, self.tuning.suspicion_max)
    }

    /// How long a host may do without this node's controls.
    fn unheard(&self, following: &Following) -> Duration {
        match self.tuning.has(Mutant::FollowsTheDeaf) {
            true => Duration::from_secs(3_600),
            false => self.rate.span(UNHEARD).max(following.lag * 3),
        }
    }

    /// How long after a tick this node vouches for its host.
    fn lives_window(&self) -> Duration {
        (self.suspicion() / 2).max(self.rate.span(LIVES_WINDOW_MIN))
    }

    /// Starts looking for a host, and after `discovery` asks to be one.
    pub fn seek(&mut self, now: Instant, discovery: Duration) {
        self.turn(State::seeking(None, now + discovery));
    }

    /// Looks for a host to watch. A spectator neither asks nor votes.
    pub fn watch(&mut self, now: Instant) {
        self.watching = true;
        self.seek(now, Duration::ZERO);
    }

    /// Has a seat from here on, or would have one where nobody hosts: it has a vote, and may be asked for it.
    pub fn take_part(&mut self, now: Instant) {
        if !std::mem::replace(&mut self.watching, false) {
            return;
        }
        // What the host did not acknowledge was not pressed.
        if let Some(following) = self.state.as_following_mut() {
            (following.acknowledged_at, following.direct_at) = (now, now);
        }
    }

    /// Has no seat: it neither asks nor votes from here on.
    pub fn only_watch(&mut self) {
        debug_assert!(self.reign().is_none(), "whoever reigns plays");
        self.watching = true;
        self.grant = None;
        if let Some(seeking) = self.state.as_seeking_mut() {
            seeking.candidacy = None;
        }
    }

    /// Back to the title: neither vote nor crown. What was promised stays promised.
    pub fn rest(&mut self) {
        self.turn(State::Idle);
        self.grant = None;
    }

    /// The node slept for `gap`. Nobody is to blame for a silence in which one did not listen; and
    /// what came meanwhile is taken in before anything is done.
    pub fn slept(&mut self, now: Instant, gap: Duration) {
        let drowsy = Duration::from_millis(if self.reign().is_some() { 25 } else { 10 });
        self.drowsy_until = Some(now + drowsy);
        match &mut self.state {
            State::Idle => {}
            State::Following(following) => {
                following.heard += gap;
                following.acknowledged_at += gap;
                following.direct_at += gap;
            }
            State::Seeking(seeking) => {
                seeking.candidacy = None;
                seeking.ask_at = seeking.ask_at.max(now + drowsy);
            }
            State::Reigning(reign) => reign.members.clear(),
        }
    }

    /// The node was woken late by so much: too little for a sleep, but what it did not hear meanwhile
    /// is no silence of its host. Where a whole machine stands still, so does everybody on it.
    pub fn overslept(&mut self, late: Duration) {
        if let State::Following(following) = &mut self.state {
            following.excused += late;
        }
    }

    /// The link with `peer` closed. If it was the host, it is lost, in this very step; a grant to it
    /// binds nobody any more.
    pub fn link_closed(&mut self, now: Instant, cx: &Context<'_>, peer: NodeId) {
        if self.grant.take_if(|grant| grant.to == peer).is_some()
            && let State::Seeking(seeking) = &mut self.state
        {
            seeking.ranked = false;
            seeking.ask_at = seeking.ask_at.min(now);
        }
        if let Some(candidacy) = self.state.candidacy_mut() {
            candidacy.asked.remove(&peer);
            if candidacy.suspect == Some(peer) {
                candidacy.suspect = None;
            }
        }
        if self.following().is_some_and(|term| term.host == peer) {
            self.lose(now, cx, Cause::Closed);
        } else if let State::Seeking(Seeking { lost: Some(lost), ask_at, .. }) = &mut self.state
            && lost.following.term.host == peer
            && lost.cause == Cause::Silent
        {
            lost.cause = Cause::Closed;
            lost.at = now;
            *ask_at = now.max(self.grant.map_or(now, |grant| grant.until)).min(*ask_at);
        }
        self.advance(now, cx);
    }

    /// A host's tick came in, from the host itself or by way of `via`.
    pub fn tick(
        &mut self,
        now: Instant,
        cx: &Context<'_>,
        packet: &TickPacket,
        via: Option<Via>,
    ) -> Admission {
        let (term, rate) = (packet.term, self.rate);
        if !self.believe(term) || term.host == self.me {
            return Admission::Drop;
        }
        self.see(term.epoch);
        if self.watching && self.following().is_none() && self.state.term() != Some(term) {
            self.promised = None; // who has no vote breaks no promise by watching another game
        }
        if self.promised.is_some_and(|promised| term < promised) {
            if self.tuning.has(Mutant::NoTerms) {
                self.promised = None;
                self.follow(now, packet, via);
                return Admission::Apply;
            }
            self.fence(now, term, via.map(|via| via.by));
            return Admission::Drop;
        }
        if self.tuning.has(Mutant::NotSticky)
            && self.following().is_some()
            && self.me > term.host
            && cx.newest.mark().is_some()
        {
            self.reign_from(now, Some(term), false, BTreeMap::new(), None);
            return Admission::Drop;
        }
        match &mut self.state {
            State::Idle => Admission::Drop,
            State::Following(following) if following.term == term => {
                let gap = now.since(following.heard).as_micros() as u64;
                if following.hear(now, rate, packet, self.sent, via) {
                    let less = self.gap_us / rate.ticks_in(GAP_DECAYS);
                    let most = rate.span(GAP_MAX).as_micros() as u64;
                    self.gap_us = (self.gap_us - less).max(gap).min(most);
                }
                Admission::Apply
            }
            State::Following(following) => {
                let followed = following.term;
                let missed = now.since(following.heard) > self.lives_window()
                    || self.tuning.has(Mutant::Usurper);
                let heir = missed && packet.ends.term() == Some(followed);
                let renewed = term.host == followed.host;
                if heir || renewed || self.granted(now, term.host) || !self.hears(now) {
                    self.follow(now, packet, via);
                    return Admission::Apply;
                }
                self.send(followed.host, Packet::Rival { term, word: None });
                Admission::Drop
            }
            State::Seeking(seeking) => match &mut seeking.lost {
                Some(lost) if lost.following.term == term => {
                    let new = lost.following.hear(now, rate, packet, self.sent, via);
                    let afterglow = lost.cause == Cause::Closed && now.since(lost.at) < AFTERGLOW;
                    let deaf = lost.cause == Cause::Deaf
                        && !lost.following.is_acknowledged(now, &self.tuning);
                    if new && !afterglow && !deaf && lost.cause != Cause::Left {
                        self.resume();
                    }
                    Admission::Apply
                }
                _ => {
                    self.follow(now, packet, via);
                    Admission::Apply
                }
            },
            State::Reigning(reign) => {
                let conceded =
                    reign.conceded.is_some_and(|conceded| conceded.holds(now, rate, term.host));
                if packet.ends.term() == Some(reign.term)
                    && (conceded || self.members(now).len() == 1)
                {
                    self.follow(now, packet, via);
                    return Admission::Apply;
                }
                self.meet_rival(now, term, via.map(|via| via.by));
                Admission::Drop
            }
        }
    }

    /// Controls came in that name `term`. Whether they are for the own reign. Players count as
    /// members of it, spectators do not.
    pub fn controls(&mut self, now: Instant, from: NodeId, term: Term, role: Role) -> bool {
        let drowsy = self.is_drowsy(now);
        if let State::Reigning(reign) = &mut self.state
            && reign.term == term
        {
            if role.plays() && !drowsy {
                reign.members.insert(from, now);
            }
            return true;
        }
        // Whoever still names a reign of this node has missed its end.
        let mine = term.host == self.me && term.incarnation == self.incarnation;
        if let Some(new) = self.following().or(self.reign())
            && mine
            && new > term
        {
            self.send(from, Packet::Ends { old: term, new, word: None });
        }
        false
    }

    /// Controls up to this number have been sent: only those can be acknowledged.
    pub fn sent(&mut self, number: u64) {
        self.sent = number;
    }

    /// A packet of the election came in, from `from` itself or by way of `via`.
    pub fn packet(
        &mut self,
        now: Instant,
        cx: &Context<'_>,
        from: NodeId,
        packet: Packet,
        via: Option<NodeId>,
    ) {
        let deadline = now + self.tuning.ask_deadline;
        if let Some(candidacy) = self.state.candidacy_mut()
            && candidacy.follows.is_empty()
            && candidacy.extends_at.take_if(|at| now >= *at).is_some()
        {
            candidacy.deadline = deadline;
        }
        // The neighbour by way of whom whoever says it is reached.
        let neighbour = via.unwrap_or(from);
        match packet {
            Packet::Election(ask) => self.asked(now, cx, from, ask),
            Packet::Ok(ok) => self.answered(now, cx, from, ok),
            Packet::Stale { promised, alive, .. } => {
                self.told_stale(now, neighbour, promised, alive);
            }
            Packet::Rival { term, .. } => self.told_rival(now, from, term, neighbour),
            Packet::Meet(meet) => self.judge(now, cx, from, &meet, via),
            Packet::Verdict { judge, judged, keeps, .. } => {
                self.verdict(now, (from, judge), judged, keeps, via);
            }
            Packet::Ends { old, new, .. } => self.ends(now, from, old, new),
            Packet::Abdicate { term, successor, world } => {
                self.abdicated(now, cx, from, term, successor, world);
            }
            Packet::Tick(_)
            | Packet::Controls(_)
            | Packet::Orders(_)
            | Packet::Relay(_)
            | Packet::Watch { .. }
            | Packet::Down(_)
            | Packet::Knock(_)
            | Packet::Reign { .. } => {}
        }
        self.advance(now, cx);
    }

    /// There is this reign, by the word of its host, as `told_by` says or the host itself. No proof of life,
    /// but a reason to meet.
    pub fn rumour(&mut self, now: Instant, term: Term, told_by: Option<NodeId>) {
        if self.reign().is_some_and(|mine| mine < term) && self.believe(term) {
            self.see(term.epoch);
            self.meet_rival(now, term, told_by);
        }
    }

    /// Leaves: names the successor among the voters, with the last world, and rests.
    pub fn abdicate(&mut self, now: Instant, cx: &Context<'_>) {
        if let State::Reigning(Reigning { term, .. }) = self.state {
            let alive: Vec<Voter> = self.electorate(now, cx).collect();
            let successor = alive.iter().max_by_key(|voter| (voter.steady, voter.id));
            if let Some(successor) = successor.map(|voter| voter.id) {
                let world = cx.newest.mark().zip(cx.newest.encode());
                let world = world.map(|(mark, sync_gamestate)| WorldCopy {
                    mark,
                    sync_gamestate,
                    origin: None,
                });
                for voter in alive {
                    let world = world.clone();
                    self.out.push_back(Out::SendTwice {
                        to: voter.id,
                        packet: Packet::Abdicate { term, successor, world },
                    });
                }
            }
        }
        self.rest();
    }

    /// All that will be due as things are, and when; of what is due at once, the first is done.
    fn schedule(&self) -> [Option<(Instant, Due)>; 3] {
        match &self.state {
            State::Following(following) => {
                let silent_at = following.silent_at(self.suspicion());
                let told_at = following.acknowledged_at;
                let lately = told_at + following.acknowledged_within(&self.tuning);
                let relayed = following.relay.map_or(lately, |relay| relay.until.max(lately));
                let mind = |at, due| (!self.watching).then_some((at, due));
                [
                    Some((silent_at, Due::Lose(Cause::Silent))),
                    mind(told_at + self.unheard(following), Due::Lose(Cause::Deaf)),
                    mind(relayed, Due::Relay),
                ]
            }
            State::Seeking(seeking) if !self.watching => {
                let due = seeking.candidacy.as_ref();
                let at = due.map_or(seeking.ask_at, |due| due.repeat_at.min(due.deadline));
                [Some((at, Due::Advance)), None, None]
            }
            State::Reigning(reign) => {
                [reign.rival.as_ref().map(|rival| (rival.meet_at, Due::Meet)), None, None]
            }
            State::Seeking(_) | State::Idle => [None; 3],
        }
    }

    /// Does what is due.
    pub fn timeout(&mut self, now: Instant, cx: &Context<'_>) {
        if self.is_drowsy(now) {
            return;
        }
        self.drowsy_until = None;
        match self.schedule().into_iter().flatten().find(|(at, _)| *at <= now) {
            Some((_, Due::Lose(cause))) => self.lose(now, cx, cause),
            Some((_, Due::Relay)) => self.seek_relay(now, cx),
            Some((_, Due::Meet)) => self.meet_again(now, cx),
            Some((_, Due::Advance)) | None => {}
        }
        self.advance(now, cx);
    }

    /// When [`timeout`](Election::timeout) has something to do.
    pub fn next_timeout(&self) -> Option<Instant> {
        let due = self.schedule().into_iter().flatten().map(|(at, _)| at).min()?;
        Some(due.max(self.drowsy_until.unwrap_or_default()))
    }

    fn rank(&self, cx: &Context<'_>) -> Rank {
        if self.tuning.has(Mutant::NoRank) {
            return Rank { has_world: false, steady: true, id: self.me };
        }
        Rank { has_world: cx.newest.mark().is_some(), steady: cx.steady, id: self.me }
    }

    /// The highest number of a reign that can be believed, after those that this node has seen.
    fn believable(&self) -> Epoch {
        Epoch(self.floor.0.saturating_add(EPOCH_LEAP_MAX))
    }

    /// Believes that there may be such a reign, or does not. If that is hard to believe, it is less so the next
    /// time: whoever has missed much, or has heard no lies where others did, catches up in a few steps.
    fn believe(&mut self, term: Term) -> bool {
        let most = self.believable();
        let believes = term.epoch <= most;
        if !believes {
            self.see(most);
        }
        believes
    }

    /// This node remembers a reign of this number: whatever it reigns in comes after it. What others wrote down may
    /// be a lie, on this disk too, and the highest reigns would lock everybody out who comes later.
    pub fn remember(&mut self, epoch: Epoch) {
        self.see_within_reason(epoch);
    }

    fn see(&mut self, epoch: Epoch) {
        self.floor = self.floor.max(epoch);
    }

    fn see_within_reason(&mut self, epoch: Epoch) {
        self.see(epoch.min(self.believable()));
    }

    fn send(&mut self, to: NodeId, packet: Packet) {
        self.out.push_back(Out::Send { to, packet });
    }

    /// Sends a packet to its receiver, and by way of `relay` too if there is one.
    fn send_either_way(&mut self, relay: Option<NodeId>, to: NodeId, packet: Packet) {
        if let Some(relay) = relay.filter(|relay| *relay != to) {
            self.out.push_back(Out::SendThrough { relay, to, packet: packet.clone() });
        }
        self.send(to, packet);
    }
}

impl Rank {
    /// The rank of another one, if it holds a world just when this one does.
    fn with(self, voter: &Voter) -> Rank {
        Rank { steady: voter.steady, id: voter.id, ..self }
    }
}

/// Whether whoever holds `held` needs nothing of `other`: the same line of history, not behind.
/// Of worlds of two reigns, the one whose reign began at or after the other's clock descends from
/// it.
pub fn descends(held: Option<WorldMark>, other: WorldMark) -> bool {
    held.is_some_and(|held| {
        if held.clock.term == other.clock.term {
            held.clock.tick >= other.clock.tick
        } else {
            held.clock.term > other.clock.term && held.began >= other.clock.tick
        }
    })
}

/// The newest world among the answers, unless the own one is. Of forks of history, the one that
/// more nodes hold, then the one that went further.
fn newest_world(
    mine: Option<WorldMark>,
    follows: &BTreeMap<NodeId, (Option<WorldMark>, Option<Payload>)>,
) -> Option<WorldCopy> {
    let marks: Vec<WorldMark> =
        follows.values().filter_map(|(mark, _)| *mark).chain(mine).collect();
    let holders =
        |mark: &WorldMark| marks.iter().filter(|other| other.clock.term == mark.clock.term).count();
    let best = marks
        .iter()
        .filter(|mark| !marks.iter().any(|other| descends(Some(*other), **mark) && other != *mark))
        .max_by_key(|mark| (holders(mark), mark.clock.tick, mark.clock.term))?;
    if mine.is_some_and(|mine| mine == *best) {
        return None;
    }
    let brings = |(mark, payload): &(Option<WorldMark>, Option<Payload>)| {
        mark.filter(|mark| mark == best)?;
        payload.clone()
    };
    let sync_gamestate = follows.values().find_map(brings)?;
    Some(WorldCopy { mark: *best, sync_gamestate, origin: None })
}
