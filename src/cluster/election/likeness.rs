//! What of an election decides how it goes on, for whoever looks at all the ways that it may
//! go (`tests/exhaustive`): two machines of the same likeness do the same from here on.
//!
//! Nothing in the machine depends on where its numbers begin. Times matter by how far they are from now, and
//! not at all once they are past everything that is measured from them; epochs, ticks, rounds and the numbers
//! of controls by how far they are from each other. [`Eyes`] say from where. Each structure is taken apart by
//! name, so that a new field does not compile before somebody has said here what it decides.

use std::hash::{Hash, Hasher};

use super::*;

/// No silence is measured for longer than this.
const SILENCE_MAX: Duration = Duration::from_millis(400);

/// No more controls are counted as under way than this: those of the longest round trip.
const UNDER_WAY_MAX: u64 = 64;

/// What a node does about the crown, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Nothing.
    Idle,
    /// It follows a host.
    Follows,
    /// It follows a host that somebody wants to replace, and waits before it answers.
    Weighs,
    /// It follows a host through another member.
    FollowsFar,
    /// It looks for a host, and never had one.
    Seeks,
    /// It has lost its host.
    Misses,
    /// It was told to wait by others, or that its host lives.
    HeldUp,
    /// It asks for the crown, having lost its host.
    Asks,
    /// It asks for the crown of a new session.
    Founds,
    /// It reigns.
    Reigns,
    /// It reigns, and knows of another one.
    Rivals,
    /// It has given its reign to another.
    Concedes,
}

/// From where numbers are looked at.
pub trait Eyes {
    /// How far away a point in time is; of the past, at most as far as `horizon`.
    fn time(&self, at: Instant, horizon: Duration) -> i64;
    /// What a span of time looks like.
    fn span(&self, span: Duration) -> u64;
    /// How many controls that are under way look like.
    fn under_way(&self, controls: u64) -> u64;
    /// What an epoch looks like.
    fn epoch(&self, epoch: Epoch) -> u64;
    /// What a tick looks like.
    fn tick(&self, tick: Tick) -> u64;
    /// What the number of an ask of this node looks like.
    fn round(&self, asker: NodeId, round: u32) -> u32;

    /// What a reign looks like.
    fn term(&self, term: Term) -> (u64, NodeId, Incarnation) {
        let Term { epoch, host, incarnation } = term;
        (self.epoch(epoch), host, incarnation)
    }

    /// What a world looks like.
    fn mark(&self, mark: WorldMark) -> (u64, (u64, NodeId, Incarnation), u64) {
        let WorldMark { clock: Clock { term, tick }, began } = mark;
        (self.tick(tick), self.term(term), self.tick(began))
    }
}

/// Looks at an ask of this node.
pub fn look_at_ask(asker: NodeId, ask: &ElectionPacket, eyes: &impl Eyes, to: &mut impl Hasher) {
    let ElectionPacket { round, ends, world, rank, floor } = ask;
    let Rank { has_world, steady, id } = rank;
    eyes.round(asker, *round).hash(to);
    ends.map(|term| eyes.term(term)).hash(to);
    world.map(|mark| eyes.mark(mark)).hash(to);
    (has_world, steady, id, eyes.epoch(*floor)).hash(to);
}

impl Election {
    /// The number of this node's last ask.
    pub fn round(&self) -> u32 {
        self.round
    }

    /// What it does, and whether it has granted somebody the crown just now.
    pub fn phase(&self, now: Instant) -> (Phase, bool) {
        let granted = self.grant.as_ref().is_some_and(|grant| now < grant.until);
        let phase = match &self.state {
            State::Idle => Phase::Idle,
            State::Following(following) if following.pending.is_some() => Phase::Weighs,
            State::Following(following) if following.relay.is_some() => Phase::FollowsFar,
            State::Following(_) => Phase::Follows,
            State::Seeking(Seeking { lost, deferred, held_up, candidacy, .. }) => {
                let held_up = !(deferred.is_empty() && held_up.is_empty());
                match (lost.is_some(), candidacy.is_some()) {
                    (true, true) => Phase::Asks,
                    (false, true) => Phase::Founds,
                    (_, false) if held_up => Phase::HeldUp,
                    (true, false) => Phase::Misses,
                    (false, false) => Phase::Seeks,
                }
            }
            State::Reigning(reigning) if reigning.conceded.is_some() => Phase::Concedes,
            State::Reigning(reigning) if reigning.rival.is_some() => Phase::Rivals,
            State::Reigning(_) => Phase::Reigns,
        };
        (phase, granted)
    }

    /// Looks at all that decides what this machine does from here on.
    pub fn look(&self, eyes: &impl Eyes, to: &mut impl Hasher) {
        let Self {
            rate,
            tuning: _, // the same for all
            me,
            incarnation,
            floor,
            promised,
            watching,
            state,
            grant,
            drowsy_until,
            gap_us,
            round: _, // by `Eyes::round`
            sent,
            won: _, // only told
            out,
        } = self;
        (me, incarnation, watching, out.len()).hash(to);
        eyes.epoch(*floor).hash(to);
        promised.map(|term| eyes.term(term)).hash(to);
        let due = |at: &Instant| eyes.time(*at, Duration::ZERO);
        grant.as_ref().map(|Grant { to, until }| (*to, due(until))).hash(to);
        drowsy_until.as_ref().map(due).hash(to);
        (gap_us / 10_000).hash(to);
        std::mem::discriminant(state).hash(to);
        match state {
            State::Idle => {}
            State::Following(following) => self.look_at_host(following, *sent, eyes, to),
            State::Seeking(Seeking { lost, ask_at, ranked, deferred, held_up, candidacy }) => {
                (due(ask_at), ranked, deferred, held_up).hash(to);
                lost.is_some().hash(to);
                if let Some(Lost { following, cause, at }) = lost {
                    (cause.as_str(), eyes.time(*at, AFTERGLOW)).hash(to);
                    self.look_at_host(following, *sent, eyes, to);
                }
                candidacy.is_some().hash(to);
                if let Some(candidacy) = candidacy {
                    self.look_at_candidacy(candidacy, eyes, to);
                }
            }
            State::Reigning(reigning) => look_at_reign(reigning, *rate, eyes, to),
        }
    }

    fn look_at_candidacy(&self, candidacy: &Candidacy, eyes: &impl Eyes, to: &mut impl Hasher) {
        let Candidacy { began, repeat_at, deadline, extends_at, ends, asked, suspect, follows } =
            candidacy;
        let due = |at: &Instant| eyes.time(*at, Duration::ZERO);
        eyes.time(*began, self.tuning.ask_patience).hash(to);
        (due(repeat_at), due(deadline), extends_at.as_ref().map(due)).hash(to);
        ends.map(|term| eyes.term(term)).hash(to);
        (asked, suspect).hash(to);
        for (id, (mark, brought)) in follows {
            (id, mark.map(|mark| eyes.mark(mark)), brought.is_some()).hash(to);
        }
    }

    fn look_at_host(
        &self,
        following: &Following,
        sent: u64,
        eyes: &impl Eyes,
        to: &mut impl Hasher,
    ) {
        let Following {
            term,
            tick,
            heard,
            excused,
            acknowledged,
            acknowledged_at,
            lag,
            direct,
            direct_at,
            relay,
            pending,
        } = following;
        let due = |at: &Instant| eyes.time(*at, Duration::ZERO);
        (eyes.term(*term), eyes.tick(*tick), *tick == Tick(0)).hash(to);
        (eyes.time(*heard, SILENCE_MAX), eyes.span(*excused)).hash(to);
        let under_way =
            |number: u64| eyes.under_way(sent.saturating_sub(number).min(UNDER_WAY_MAX));
        (under_way(*acknowledged), under_way(*direct), eyes.span(*lag)).hash(to);
        let unheard = self.rate.span(UNHEARD).max(LAG_MAX * 3);
        eyes.time(*acknowledged_at, self.unheard(following).min(unheard)).hash(to);
        eyes.time(*direct_at, self.rate.span(DIRECT) + self.rate.tick()).hash(to);
        relay.as_ref().map(|Relayed { by, far, until }| (*by, *far, due(until))).hash(to);
        pending.is_some().hash(to);
        if let Some((asker, ask)) = pending {
            asker.hash(to);
            look_at_ask(*asker, ask, eyes, to);
        }
    }
}

fn look_at_reign(reigning: &Reigning, rate: Rate, eyes: &impl Eyes, to: &mut impl Hasher) {
    let and_a_tick = |span| rate.span(span) + rate.tick();
    let Reigning { term, announced, members, rival, conceded } = reigning;
    (eyes.term(*term), eyes.time(*announced, rate.span(ANNOUNCE_PAUSE))).hash(to);
    for (id, at) in members {
        (id, eyes.time(*at, and_a_tick(MEMBER_WINDOW))).hash(to);
    }
    if let Some(Rival { term, heard, meet_at, told_by }) = rival {
        (eyes.term(*term), eyes.time(*heard, and_a_tick(RIVAL_REMEMBERED))).hash(to);
        (eyes.time(*meet_at, Duration::ZERO), told_by).hash(to);
    }
    conceded.map(|Conceded { to, at }| (to, eyes.time(at, and_a_tick(RIVAL_REMEMBERED)))).hash(to);
}
