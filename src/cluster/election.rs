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
//!   the asker's does not descend from it.
//! - *Two hosts have one judge.* After a partition both sides have a host. The one with the higher
//!   term decides by `(members, tick, id)`, so that the larger half's game goes on, and there is
//!   never a moment at which both believe to have lost.
//!
//! Times are in [`Tuning`]. The machine knows no sockets and no game: [`Context`] brings who can
//! vote and which world is held, [`Out`] says what follows.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use super::message::{
    Answer, ElectionPacket, MeetPacket, OkPacket, Packet, Payload, Rank, Role, TickPacket,
    WorldCopy, WorldMark,
};
use crate::{
    config::Tuning,
    types::{Clock, Epoch, Incarnation, Instant, NodeId, Term, Tick},
};

/// An epoch this far above all known ones is a lie or an accident, and is refused.
const EPOCH_LEAP_MAX: u64 = 1 << 20;

/// Heard so recently that one more repetition of the ask decides better than an answer now.
const JUST_HEARD: Duration = Duration::from_millis(25);

/// Whoever says that the host lives has a tick newer by this than the asker's.
const NEWER_TICKS: u64 = 2;

/// The shortest window in which a tick counts as proof that the host lives.
const LIVES_WINDOW_MIN: Duration = Duration::from_millis(42);

/// The pause after "the host lives", and after "I am taking over" or a grant.
const RETRY_AFTER_LIVES: Duration = Duration::from_millis(25);
const RETRY_AFTER_GRANT: Duration = Duration::from_millis(100);

/// How long controls that name a term count their sender among the members of that reign.
const MEMBER_WINDOW: Duration = Duration::from_millis(150);

/// The time between two repetitions of `Meet`, and how long a rival is remembered.
const MEET_REPEAT: Duration = Duration::from_millis(20);
const RIVAL_REMEMBERED: Duration = Duration::from_millis(400);

/// The shortest time between two announcements of one host at a higher epoch.
const ANNOUNCE_PAUSE: Duration = Duration::from_millis(100);

/// A member whose controls are not acknowledged for this long has lost its host, though it hears
/// it: the host must be deaf.
const UNHEARD: Duration = Duration::from_millis(800);

/// How long a host that fell silent ranks behind the others.
const UNSTEADY: Duration = Duration::from_secs(60);

/// What one node knows and wants of the crown.
#[derive(Debug)]
pub struct Election {
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
    unsteady_until: Option<Instant>,
    /// The largest gap between ticks seen, in microseconds, decaying.
    gap_us: u64,
    round: u32,
    /// The number of the last controls sent.
    sent: u32,
    out: VecDeque<Out>,
}

#[derive(Debug)]
enum State {
    /// On the title.
    Idle,
    /// Hears a host.
    Following(Following),
    /// Has none, and looks for one.
    Seeking(Seeking),
    /// Is one.
    Reigning(Reigning),
}

#[derive(Debug)]
struct Following {
    term: Term,
    tick: Tick,
    /// When the last new tick came.
    heard: Instant,
    /// The number of this node's last controls that the host has applied, and since when.
    acknowledged: u32,
    acknowledged_at: Instant,
    /// An ask not answered yet, because the host was heard just before it.
    pending: Option<(NodeId, ElectionPacket)>,
}

#[derive(Debug)]
struct Seeking {
    lost: Option<Lost>,
    ask_at: Instant,
    /// Whether `ask_at` already contains what this node waits for its rank.
    ranked: bool,
    candidacy: Option<Candidacy>,
}

#[derive(Debug)]
struct Lost {
    following: Following,
    cause: Cause,
    at: Instant,
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

#[derive(Debug)]
struct Candidacy {
    began: Instant,
    repeat_at: Instant,
    deadline: Instant,
    /// Whether the one more deadline for a late sign of life was given.
    extended: bool,
    ends: Option<Term>,
    asked: BTreeSet<NodeId>,
    /// The silent host, if it is worth asking.
    suspect: Option<NodeId>,
    follows: BTreeMap<NodeId, (Option<WorldMark>, Option<Payload>)>,
}

#[derive(Debug)]
struct Reigning {
    term: Term,
    announced: Instant,
    /// When each member's controls named this term last.
    members: BTreeMap<NodeId, Instant>,
    rival: Option<Rival>,
}

#[derive(Debug)]
struct Rival {
    term: Term,
    heard: Instant,
    meet_at: Instant,
}

#[derive(Clone, Copy, Debug)]
struct Grant {
    to: NodeId,
    until: Instant,
}

/// What the election has to know of the rest.
pub struct Context<'a> {
    /// Who could vote: the roster, or before there is one, whoever is linked. Without this node.
    pub voters: &'a [Voter],
    /// The world held here.
    pub newest: &'a dyn Newest,
    /// Whether a host of the own session was announced lately.
    pub announced: bool,
}

/// Somebody who could vote.
#[derive(Clone, Copy, Debug)]
pub struct Voter {
    /// Who.
    pub id: NodeId,
    /// When it was heard last.
    pub heard: Instant,
    /// Whether its link is up.
    pub linked: bool,
}

/// All that the election asks of a world.
pub trait Newest {
    /// Which state is held, if any.
    fn mark(&self) -> Option<WorldMark>;
    /// That state, whole.
    fn encode(&self) -> Option<Payload>;
}

/// What follows.
#[derive(Debug)]
pub enum Out {
    /// Send this packet.
    Send {
        /// To whom.
        to: NodeId,
        /// What.
        packet: Packet,
    },
    /// Send this packet both ways, in a datagram and over the link: it matters.
    SendTwice {
        /// To whom.
        to: NodeId,
        /// What.
        packet: Packet,
    },
    /// The host is lost.
    Lost {
        /// Its reign.
        term: Term,
        /// Why.
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

/// What to do with the world in a tick's packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Apply it.
    Apply,
    /// Drop it.
    Drop,
}

impl Election {
    /// A node that has heard of no host, on the title.
    pub fn new(tuning: Tuning, me: NodeId, incarnation: Incarnation) -> Self {
        Self {
            tuning,
            me,
            incarnation,
            floor: Epoch(0),
            promised: None,
            watching: false,
            state: State::Idle,
            grant: None,
            drowsy_until: None,
            unsteady_until: None,
            gap_us: 17_000,
            round: 0,
            sent: 0,
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
        match &self.state {
            State::Reigning(reign) => Some(reign.term),
            _ => None,
        }
    }

    /// The reign that is followed, if a host is heard.
    pub fn following(&self) -> Option<Term> {
        match &self.state {
            State::Following(following) => Some(following.term),
            _ => None,
        }
    }

    /// The reign to whose host the own controls go: the one followed, or missed but perhaps alive.
    pub fn served(&self) -> Option<Term> {
        match &self.state {
            State::Following(following) => Some(following.term),
            State::Seeking(Seeking { lost: Some(lost), .. }) if lost.cause != Cause::Left => {
                Some(lost.following.term)
            }
            _ => None,
        }
    }

    /// The reign in force as far as this node knows: its own, or the one it follows or lost.
    pub fn current(&self) -> Option<Term> {
        match &self.state {
            State::Idle => None,
            State::Following(following) => Some(following.term),
            State::Seeking(seeking) => seeking.lost.as_ref().map(|lost| lost.following.term),
            State::Reigning(reign) => Some(reign.term),
        }
    }

    /// Whether the node has just woken from a sleep, and must not act yet.
    pub fn is_drowsy(&self, now: Instant) -> bool {
        self.drowsy_until.is_some_and(|until| now < until)
    }

    /// How long the host may be silent.
    pub fn suspicion(&self) -> Duration {
        Duration::from_micros(2 * self.gap_us + 16_000)
            .clamp(self.tuning.suspicion_min, self.tuning.suspicion_max)
    }

    /// Starts looking for a host, and after `discovery` asks to be one.
    pub fn seek(&mut self, now: Instant, discovery: Duration) {
        self.state = State::Seeking(Seeking {
            lost: None,
            ask_at: now + discovery,
            ranked: false,
            candidacy: None,
        });
    }

    /// Looks for a host to watch. A spectator neither asks nor votes.
    pub fn watch(&mut self, now: Instant) {
        self.watching = true;
        self.seek(now, Duration::ZERO);
    }

    /// Back to the title: neither vote nor crown. What was promised stays promised.
    pub fn rest(&mut self) {
        self.state = State::Idle;
        self.grant = None;
    }

    /// Takes another id, on the title or before anything was promised.
    pub fn rename(&mut self, me: NodeId) {
        self.me = me;
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
            }
            State::Seeking(seeking) => {
                seeking.candidacy = None;
                seeking.ask_at = seeking.ask_at.max(now + drowsy);
            }
            State::Reigning(reign) => reign.members.clear(),
        }
    }

    /// The link with `peer` closed. If it was the host, it is lost, in this very step.
    pub fn link_closed(&mut self, now: Instant, cx: &Context<'_>, peer: NodeId) {
        if let Some(candidacy) = self.candidacy_mut() {
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

    /// A host's tick came in, from the host itself.
    pub fn tick(&mut self, now: Instant, cx: &Context<'_>, packet: &TickPacket) -> Admission {
        let term = packet.term;
        if !self.plausible(term) || term.host == self.me {
            return Admission::Drop;
        }
        self.see(term.epoch);
        if self.promised.is_some_and(|promised| term < promised) {
            self.fence(now, term);
            return Admission::Drop;
        }
        match &mut self.state {
            State::Idle => Admission::Drop,
            State::Following(following) if following.term == term => {
                let gap = now.since(following.heard).as_micros() as u64;
                if following.hear(now, packet, self.sent) {
                    self.gap_us = (self.gap_us - self.gap_us / 400).max(gap).min(200_000);
                }
                Admission::Apply
            }
            State::Following(following) => {
                let followed = following.term;
                let heir = packet.ends == Some(followed) || term.host == followed.host;
                if heir || self.granted(now, term.host) || !self.hears(now) {
                    self.follow(now, packet);
                    return Admission::Apply;
                }
                self.send(followed.host, Packet::Rival { term });
                Admission::Drop
            }
            State::Seeking(seeking) => match &mut seeking.lost {
                Some(lost) if lost.following.term == term => {
                    let new = lost.following.hear(now, packet, self.sent);
                    let afterglow = lost.cause == Cause::Closed && now.since(lost.at) < JUST_HEARD;
                    let deaf = lost.cause == Cause::Deaf
                        && now.since(lost.following.acknowledged_at) > self.tuning.acknowledged;
                    if new && !afterglow && !deaf && lost.cause != Cause::Left {
                        self.resume();
                    }
                    self.advance(now, cx);
                    Admission::Apply
                }
                _ => {
                    self.follow(now, packet);
                    Admission::Apply
                }
            },
            State::Reigning(reign) => {
                if packet.ends == Some(reign.term) {
                    self.follow(now, packet);
                    return Admission::Apply;
                }
                self.meet_rival(now, term);
                Admission::Drop
            }
        }
    }

    /// Controls came in that name `term`. Whether they are for the own reign. Players count as
    /// members of it, spectators do not.
    pub fn controls(&mut self, now: Instant, from: NodeId, term: Term, role: Role) -> bool {
        if let State::Reigning(reign) = &mut self.state
            && reign.term == term
        {
            if role == Role::Player {
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
            self.send(from, Packet::Ends { old: term, new });
        }
        false
    }

    /// Controls up to this number have been sent: only those can be acknowledged.
    pub fn sent(&mut self, number: u32) {
        self.sent = number;
    }

    /// A packet of the election came in.
    pub fn packet(&mut self, now: Instant, cx: &Context<'_>, from: NodeId, packet: Packet) {
        if let Some(candidacy) = self.candidacy_mut()
            && !candidacy.extended
            && candidacy.follows.is_empty()
            && now >= candidacy.deadline
        {
            candidacy.extended = true;
            candidacy.deadline = now + Duration::from_millis(40);
        }
        match packet {
            Packet::Election(ask) => self.asked(now, cx, from, ask),
            Packet::Ok(ok) => self.answered(now, cx, from, ok),
            Packet::Stale { promised, alive } => self.told_stale(now, promised, alive),
            Packet::Rival { term } => self.told_rival(now, from, term),
            Packet::Meet(meet) => self.judge(now, cx, &meet),
            Packet::Verdict { judge, judged, keeps } => {
                self.verdict(now, judge, judged, keeps);
            }
            Packet::Ends { old, new } => self.ends(now, from, old, new),
            Packet::Abdicate { term, successor, world } => {
                self.abdicated(now, cx, from, term, successor, world);
            }
            Packet::Tick(_) | Packet::Controls(_) => {}
        }
        self.advance(now, cx);
    }

    /// A beacon said that `term` is in force. No proof of life, but a reason to meet.
    pub fn rumour(&mut self, now: Instant, term: Term) {
        if self.reign().is_some_and(|mine| mine < term) && self.plausible(term) {
            self.see(term.epoch);
            self.meet_rival(now, term);
        }
    }

    /// Leaves: names the successor among the voters, with the last world, and rests.
    pub fn abdicate(&mut self, now: Instant, cx: &Context<'_>) {
        if let State::Reigning(Reigning { term, .. }) = self.state {
            let alive: Vec<NodeId> = self.electorate(now, cx).collect();
            if let Some(successor) = alive.iter().max().copied() {
                let world = cx.newest.mark().zip(cx.newest.encode());
                let world = world.map(|(mark, sync_gamestate)| WorldCopy { mark, sync_gamestate });
                for to in alive {
                    let world = world.clone();
                    self.out.push_back(Out::SendTwice {
                        to,
                        packet: Packet::Abdicate { term, successor, world },
                    });
                }
            }
        }
        self.rest();
    }

    /// Does what is due.
    pub fn timeout(&mut self, now: Instant, cx: &Context<'_>) {
        if self.is_drowsy(now) {
            return;
        }
        self.drowsy_until = None;
        match &mut self.state {
            State::Following(following) => {
                let silent = now.since(following.heard);
                let unheard = now.since(following.acknowledged_at);
                if silent >= self.suspicion() {
                    self.lose(now, cx, Cause::Silent);
                } else if unheard >= UNHEARD {
                    self.lose(now, cx, Cause::Deaf);
                }
            }
            State::Reigning(reign) => {
                let term = reign.term;
                if reign.rival.as_ref().is_some_and(|r| now.since(r.heard) > RIVAL_REMEMBERED) {
                    reign.rival = None;
                }
                if let Some(rival) = &mut reign.rival
                    && rival.meet_at <= now
                {
                    rival.meet_at = now + MEET_REPEAT;
                    let to = rival.term.host;
                    let members = self.members(now);
                    let tick = cx.newest.mark().map_or(Tick(0), |mark| mark.clock.tick);
                    self.send(to, Packet::Meet(MeetPacket { term, members, tick }));
                }
            }
            State::Idle | State::Seeking(_) => {}
        }
        self.advance(now, cx);
    }

    /// When [`timeout`](Election::timeout) has something to do.
    pub fn next_timeout(&self) -> Option<Instant> {
        let due = match &self.state {
            State::Idle => return None,
            State::Following(following) => {
                (following.heard + self.suspicion()).min(following.acknowledged_at + UNHEARD)
            }
            State::Seeking(_) if self.watching => return None,
            State::Seeking(seeking) => match &seeking.candidacy {
                Some(candidacy) => candidacy.repeat_at.min(candidacy.deadline),
                None => seeking.ask_at,
            },
            State::Reigning(reign) => reign.rival.as_ref()?.meet_at,
        };
        Some(due.max(self.drowsy_until.unwrap_or_default()))
    }

    // Losing a host, and asking.

    fn lose(&mut self, now: Instant, cx: &Context<'_>, cause: Cause) {
        let state = std::mem::replace(&mut self.state, State::Idle);
        let State::Following(mut following) = state else {
            self.state = state;
            return;
        };
        let pending = following.pending.take();
        self.out.push_back(Out::Lost { term: following.term, cause });
        self.state = State::Seeking(Seeking {
            lost: Some(Lost { following, cause, at: now }),
            ask_at: now,
            ranked: false,
            candidacy: None,
        });
        if let Some((from, ask)) = pending {
            self.asked(now, cx, from, ask);
        }
        self.advance(now, cx);
    }

    /// The lost host is heard again: nothing has happened.
    fn resume(&mut self) {
        if let State::Seeking(Seeking { lost: Some(_), .. }) = &self.state
            && let State::Seeking(Seeking { lost: Some(lost), .. }) =
                std::mem::replace(&mut self.state, State::Idle)
        {
            self.state = State::Following(lost.following);
        }
    }

    /// Who is to be asked: whoever was heard lately over an open link, but not the lost host.
    fn electorate<'a>(
        &self,
        now: Instant,
        cx: &'a Context<'_>,
    ) -> impl Iterator<Item = NodeId> + use<'a> {
        let heard = self.tuning.heard;
        let lost = match &self.state {
            State::Seeking(seeking) => seeking.lost.as_ref().map(|lost| lost.following.term.host),
            _ => None,
        };
        cx.voters
            .iter()
            .filter(move |voter| voter.linked && now.since(voter.heard) <= heard)
            .filter(move |voter| Some(voter.id) != lost)
            .map(|voter| voter.id)
    }

    /// Moves a node without a host on: to its ask, its repetition, its crown.
    fn advance(&mut self, now: Instant, cx: &Context<'_>) {
        if self.is_drowsy(now) || self.watching {
            return;
        }
        let above = {
            let rank = self.rank(now, cx);
            self.electorate(now, cx).filter(|id| Rank { id: *id, ..rank } > rank).count()
        };
        let State::Seeking(seeking) = &mut self.state else {
            return;
        };
        if seeking.candidacy.is_none() {
            if seeking.lost.is_none() && cx.announced {
                seeking.ask_at = seeking.ask_at.max(now + RETRY_AFTER_GRANT);
                return;
            }
            if now < seeking.ask_at {
                return;
            }
            if !seeking.ranked {
                seeking.ranked = true;
                seeking.ask_at = now + self.tuning.rank_step * above as u32;
            }
            if let Some(grant) = self.grant
                && now < grant.until
            {
                seeking.ask_at = seeking.ask_at.max(grant.until);
            }
            if now >= seeking.ask_at {
                self.stand(now, cx);
            }
        }
        self.count(now, cx);
    }

    /// Becomes a candidate, and asks.
    fn stand(&mut self, now: Instant, cx: &Context<'_>) {
        let asked: BTreeSet<NodeId> = self.electorate(now, cx).collect();
        let patience = if self.gap_us > 40_000 { 400 } else { 40 };
        let State::Seeking(seeking) = &mut self.state else {
            return;
        };
        let ends = seeking.lost.as_ref().map(|lost| lost.following.term);
        let suspect = seeking
            .lost
            .as_ref()
            .filter(|lost| matches!(lost.cause, Cause::Silent | Cause::Deaf))
            .map(|lost| lost.following.term.host);
        let deadline = if asked.is_empty() && suspect.is_some() {
            now + Duration::from_millis(patience)
        } else {
            now + self.tuning.ask_deadline
        };
        seeking.candidacy = Some(Candidacy {
            began: now,
            repeat_at: now,
            deadline,
            extended: false,
            ends,
            asked,
            suspect,
            follows: BTreeMap::new(),
        });
        self.round = self.round.wrapping_add(1);
        self.out.push_back(Out::Asking { ends });
        self.ask(now, cx);
    }

    fn ask(&mut self, now: Instant, cx: &Context<'_>) {
        let rank = self.rank(now, cx);
        let (round, floor, repeat) = (self.round, self.floor, self.tuning.ask_repeat);
        let world = cx.newest.mark();
        let Some(candidacy) = self.candidacy_mut() else {
            return;
        };
        if now < candidacy.repeat_at {
            return;
        }
        candidacy.repeat_at = now + repeat;
        let ask = ElectionPacket { round, ends: candidacy.ends, world, rank, floor };
        let silent = candidacy.asked.iter().filter(|id| !candidacy.follows.contains_key(id));
        let to: Vec<NodeId> = silent.copied().chain(candidacy.suspect).collect();
        for to in to {
            self.send(to, Packet::Election(ask.clone()));
        }
    }

    /// Counts the answers: reigns, asks again, or waits.
    fn count(&mut self, now: Instant, cx: &Context<'_>) {
        let patience = self.tuning.ask_patience;
        let Some(candidacy) = self.candidacy_mut() else {
            return;
        };
        let all = candidacy.asked.iter().all(|id| candidacy.follows.contains_key(id));
        let over = now >= candidacy.deadline;
        let some = !candidacy.follows.is_empty();
        let alone = candidacy.asked.is_empty() && candidacy.suspect.is_none();
        let out_of_patience = now.since(candidacy.began) >= patience;
        let nobody = candidacy.asked.is_empty();
        if (all && (some || alone)) || (over && (some || nobody || out_of_patience)) {
            return self.win(now, cx);
        }
        if over && !out_of_patience {
            // Nobody answers at all. Keep asking; `packet` grants one more deadline.
            candidacy.deadline = candidacy.began + patience;
        }
        self.ask(now, cx);
    }

    fn win(&mut self, now: Instant, cx: &Context<'_>) {
        let Some(candidacy) = self.candidacy_mut() else {
            return;
        };
        let ends = candidacy.ends;
        let follows = std::mem::take(&mut candidacy.follows);
        let world = newest_world(cx.newest.mark(), &follows);
        let members = follows.keys().map(|id| (*id, now)).collect();
        self.reign_from(now, ends, members, world);
    }

    fn reign_from(
        &mut self,
        now: Instant,
        ends: Option<Term>,
        members: BTreeMap<NodeId, Instant>,
        world: Option<WorldCopy>,
    ) {
        let term = self.next_term();
        self.promised = Some(term);
        self.grant = None;
        self.state = State::Reigning(Reigning { term, announced: now, members, rival: None });
        self.out.push_back(Out::Reign { term, ends, world });
    }

    fn next_term(&mut self) -> Term {
        let used = self.promised.map_or(Epoch(0), |term| term.epoch);
        self.floor = Epoch(self.floor.max(used).0.saturating_add(1));
        Term { epoch: self.floor, host: self.me, incarnation: self.incarnation }
    }

    // Answering.

    fn asked(&mut self, now: Instant, cx: &Context<'_>, from: NodeId, ask: ElectionPacket) {
        if self.is_drowsy(now) {
            return;
        }
        self.see_within_reason(ask.floor);
        let rank = self.rank(now, cx);
        let outranked = ask.rank > rank;
        match &mut self.state {
            State::Idle => {}
            State::Reigning(reign) => {
                let term = reign.term;
                let mark = cx.newest.mark();
                if let Some(mark) = mark
                    && ask.ends.is_none_or(|ends| ends <= term)
                {
                    self.answer(from, &ask, Answer::Lives { clock: mark.clock });
                }
            }
            State::Following(following) => {
                let silent = now.since(following.heard);
                let window = (self.suspicion() / 2).max(LIVES_WINDOW_MIN);
                let State::Following(following) = &mut self.state else {
                    return;
                };
                let clock = Clock { term: following.term, tick: following.tick };
                let acknowledged = now.since(following.acknowledged_at) <= self.tuning.acknowledged;
                let newer = ask.ends.is_none_or(|ends| ends < clock.term)
                    || ask.world.is_none_or(|world| {
                        clock.tick.0 >= world.clock.tick.0.saturating_add(NEWER_TICKS)
                    });
                if silent <= window && newer && acknowledged {
                    self.answer(from, &ask, Answer::Lives { clock });
                } else if silent <= JUST_HEARD && acknowledged {
                    following.pending = Some((from, ask));
                } else if outranked {
                    self.grant_to(now, cx, from, &ask);
                } else {
                    self.answer(from, &ask, Answer::TakingOver);
                    self.lose(now, cx, Cause::Silent);
                    self.hurry(now);
                }
            }
            State::Seeking(_) => {
                if outranked {
                    self.grant_to(now, cx, from, &ask);
                } else {
                    self.answer(from, &ask, Answer::TakingOver);
                    self.hurry(now);
                }
            }
        }
    }

    /// Somebody of lower rank asks already: no more waiting.
    fn hurry(&mut self, now: Instant) {
        let free = self.grant.is_none_or(|grant| grant.until <= now);
        if let State::Seeking(seeking) = &mut self.state
            && free
        {
            seeking.ranked = true;
            seeking.ask_at = seeking.ask_at.min(now);
        }
    }

    fn grant_to(&mut self, now: Instant, cx: &Context<'_>, to: NodeId, ask: &ElectionPacket) {
        if self.grant.is_some_and(|grant| grant.to != to && now < grant.until) {
            return; // bound to somebody else; the repetition will find out
        }
        self.grant = Some(Grant { to, until: now + self.tuning.grant });
        if let State::Seeking(seeking) = &mut self.state {
            seeking.candidacy = None;
            seeking.ranked = true;
            seeking.ask_at = now + RETRY_AFTER_GRANT;
        }
        let world = cx.newest.mark();
        let needed = world.is_some_and(|mine| !descends(ask.world, mine));
        let sync_gamestate = if needed { cx.newest.encode() } else { None };
        self.answer(to, ask, Answer::Follow { world, sync_gamestate });
    }

    fn answer(&mut self, to: NodeId, ask: &ElectionPacket, answer: Answer) {
        let ok = OkPacket { round: ask.round, floor: self.floor, answer };
        self.send(to, Packet::Ok(ok));
    }

    fn answered(&mut self, now: Instant, cx: &Context<'_>, from: NodeId, ok: OkPacket) {
        self.see_within_reason(ok.floor);
        if ok.round != self.round || self.candidacy_mut().is_none() {
            return;
        }
        match ok.answer {
            Answer::Follow { world, sync_gamestate } => {
                let Some(candidacy) = self.candidacy_mut() else {
                    return;
                };
                if candidacy.asked.contains(&from) {
                    candidacy.follows.insert(from, (world, sync_gamestate));
                }
                self.count(now, cx);
            }
            Answer::Lives { .. } => self.withdraw(now + RETRY_AFTER_LIVES),
            Answer::TakingOver => self.withdraw(now + RETRY_AFTER_GRANT),
        }
    }

    fn withdraw(&mut self, ask_at: Instant) {
        if let State::Seeking(seeking) = &mut self.state {
            seeking.candidacy = None;
            seeking.ranked = true;
            seeking.ask_at = ask_at;
        }
    }

    // Following.

    fn follow(&mut self, now: Instant, packet: &TickPacket) {
        self.follow_term(now, packet.term);
        if let State::Following(following) = &mut self.state {
            following.hear(now, packet, self.sent);
        }
    }

    fn follow_term(&mut self, now: Instant, term: Term) {
        debug_assert!(self.promised.is_none_or(|promised| promised <= term), "S2");
        let yielded = self.reign();
        if yielded.is_some() {
            self.unsteady_until = Some(now + UNSTEADY);
        }
        self.promised = Some(term);
        self.grant = None;
        self.state = State::Following(Following {
            term,
            tick: Tick(0),
            heard: now,
            acknowledged: 0,
            acknowledged_at: now,
            pending: None,
        });
        self.out.push_back(Out::Follow { term, yielded });
    }

    /// The answer to a packet of a term that is over.
    fn fence(&mut self, now: Instant, term: Term) {
        let Some(promised) = self.promised else {
            return;
        };
        let alive = self.reign() == Some(promised) || self.hears(now);
        self.send(term.host, Packet::Stale { promised, alive });
    }

    fn hears(&self, now: Instant) -> bool {
        match &self.state {
            State::Following(following) => {
                now.since(following.heard) <= self.suspicion()
                    && now.since(following.acknowledged_at) <= self.tuning.acknowledged
            }
            _ => false,
        }
    }

    fn granted(&self, now: Instant, to: NodeId) -> bool {
        self.grant.is_some_and(|grant| grant.to == to && now < grant.until)
    }

    fn ends(&mut self, now: Instant, from: NodeId, old: Term, new: Term) {
        let current = self.current();
        let fits = current == Some(old) && from == old.host && new > old && self.plausible(new);
        if !fits || self.reign().is_some() || self.promised.is_some_and(|promised| new < promised) {
            return;
        }
        self.see(new.epoch);
        self.out.push_back(Out::Lost { term: old, cause: Cause::Yielded });
        self.follow_term(now, new);
    }

    fn abdicated(
        &mut self,
        now: Instant,
        cx: &Context<'_>,
        from: NodeId,
        term: Term,
        successor: NodeId,
        world: Option<WorldCopy>,
    ) {
        if from != term.host || self.current() != Some(term) || self.reign().is_some() {
            return;
        }
        if self.following().is_some() {
            self.lose_politely(now, term);
        }
        if successor == self.me {
            let mine = cx.newest.mark();
            let world = world.filter(|copy| !descends(mine, copy.mark));
            self.reign_from(now, Some(term), BTreeMap::new(), world);
        } else {
            self.grant = Some(Grant { to: successor, until: now + self.tuning.grant });
            self.withdraw(now + self.tuning.grant);
        }
    }

    fn lose_politely(&mut self, now: Instant, term: Term) {
        if let State::Following(following) = std::mem::replace(&mut self.state, State::Idle) {
            self.out.push_back(Out::Lost { term, cause: Cause::Left });
            self.state = State::Seeking(Seeking {
                lost: Some(Lost { following, cause: Cause::Left, at: now }),
                ask_at: now + self.tuning.grant,
                ranked: true,
                candidacy: None,
            });
        }
    }

    // Two hosts.

    fn meet_rival(&mut self, now: Instant, term: Term) {
        let State::Reigning(reign) = &mut self.state else {
            return;
        };
        if term <= reign.term || term.host == self.me {
            return;
        }
        match &mut reign.rival {
            Some(rival) if rival.term == term => rival.heard = now,
            Some(rival) if rival.term > term => {}
            rival => *rival = Some(Rival { term, heard: now, meet_at: now }),
        }
    }

    fn told_stale(&mut self, now: Instant, promised: Term, alive: bool) {
        if !self.plausible(promised) {
            return;
        }
        self.see(promised.epoch);
        let State::Reigning(reign) = &mut self.state else {
            return;
        };
        let old = reign.term;
        if promised <= old {
            return;
        }
        let met = reign.rival.as_ref().is_some_and(|rival| {
            rival.term >= promised && now.since(rival.heard) <= RIVAL_REMEMBERED
        });
        if promised.host != self.me && alive {
            self.meet_rival(now, promised);
        } else if !met && now.since(reign.announced) >= ANNOUNCE_PAUSE {
            self.announce(now, old);
        }
    }

    fn told_rival(&mut self, now: Instant, from: NodeId, term: Term) {
        let member = match &self.state {
            State::Reigning(reign) => reign.members.contains_key(&from),
            _ => false,
        };
        if member && self.plausible(term) {
            self.see(term.epoch);
            self.meet_rival(now, term);
        }
    }

    /// Reigns on in a term above all known ones; `ends` is what it puts an end to.
    fn announce(&mut self, now: Instant, ends: Term) {
        self.see(ends.epoch);
        let term = self.next_term();
        let State::Reigning(reign) = &mut self.state else {
            return;
        };
        reign.term = term;
        reign.announced = now;
        reign.rival = None;
        self.promised = Some(term);
        self.out.push_back(Out::Announce { term, ends });
    }

    fn members(&self, now: Instant) -> Vec<NodeId> {
        let State::Reigning(reign) = &self.state else {
            return Vec::new();
        };
        let lately = reign.members.iter().filter(|(_, at)| now.since(**at) <= MEMBER_WINDOW);
        lately.map(|(id, _)| *id).chain([self.me]).collect()
    }

    /// A host with a lower term wants to know who of the two reigns on.
    fn judge(&mut self, now: Instant, cx: &Context<'_>, meet: &MeetPacket) {
        if self.is_drowsy(now) || !self.plausible(meet.term) {
            return;
        }
        let Some(mine) = self.reign() else { return };
        if meet.term >= mine {
            return self.meet_rival(now, meet.term);
        }
        let ours: BTreeSet<NodeId> = self.members(now).into_iter().collect();
        let theirs: BTreeSet<NodeId> =
            meet.members.iter().filter(|id| !ours.contains(id)).copied().collect();
        let tick = cx.newest.mark().map_or(Tick(0), |mark| mark.clock.tick);
        let keeps = (ours.len(), tick, self.me) > (theirs.len(), meet.tick, meet.term.host);
        let verdict = Packet::Verdict { judge: mine, judged: meet.term, keeps };
        self.send(meet.term.host, verdict);
    }

    fn verdict(&mut self, now: Instant, judge: Term, judged: Term, keeps: bool) {
        if self.reign() != Some(judged) || judge <= judged || !self.plausible(judge) {
            return;
        }
        if keeps {
            self.see(judge.epoch);
            self.follow_term(now, judge);
        } else {
            self.announce(now, judge);
        }
    }

    // Small things.

    fn rank(&self, now: Instant, cx: &Context<'_>) -> Rank {
        Rank {
            has_world: cx.newest.mark().is_some(),
            steady: self.unsteady_until.is_none_or(|until| now >= until),
            id: self.me,
        }
    }

    fn candidacy_mut(&mut self) -> Option<&mut Candidacy> {
        match &mut self.state {
            State::Seeking(seeking) => seeking.candidacy.as_mut(),
            _ => None,
        }
    }

    fn plausible(&self, term: Term) -> bool {
        term.epoch.0 <= self.floor.0.saturating_add(EPOCH_LEAP_MAX)
    }

    fn see(&mut self, epoch: Epoch) {
        self.floor = self.floor.max(epoch);
    }

    fn see_within_reason(&mut self, epoch: Epoch) {
        if epoch.0 <= self.floor.0.saturating_add(EPOCH_LEAP_MAX) {
            self.see(epoch);
        }
    }

    fn send(&mut self, to: NodeId, packet: Packet) {
        self.out.push_back(Out::Send { to, packet });
    }
}

impl Following {
    /// Whether `packet` is a new tick: a sign of life. Duplicates and late packets are none.
    fn hear(&mut self, now: Instant, packet: &TickPacket, sent: u32) -> bool {
        // More than was sent would be for an earlier life of this node.
        if packet.heard > self.acknowledged && packet.heard <= sent {
            self.acknowledged = packet.heard;
            self.acknowledged_at = now;
        }
        let new = packet.tick > self.tick;
        if new {
            self.tick = packet.tick;
            self.heard = now;
            self.pending = None;
        }
        new
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
    Some(WorldCopy { mark: *best, sync_gamestate })
}
