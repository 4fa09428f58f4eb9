//! The machine of a [pairing](super): one try at a time, with one other node.

use std::{collections::VecDeque, fmt};

use super::{Commitment, Ended, Nonce, Person, Stage, Step, Told, code, commitment};
use crate::{
    config::{
        PAIRING_ANSWERED, PAIRING_COMPARED, PAIRING_REVEALED, PAIRING_TRIES_ALL_MAX,
        PAIRING_TRIES_FOR, PAIRING_TRIES_MAX,
    },
    keys::Chance,
    types::{Instant, NodeId},
};

/// What comes out of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Out {
    /// To be said to that node, over a link that proves both.
    Say(NodeId, Box<Step>),
    /// To be told to the person here, about that node.
    Tell(NodeId, Told),
}

/// One node's part.
#[derive(Clone, Debug)]
pub struct Pairing {
    chance: Chance,
    run: Option<Run>,
    /// When there was a try lately, with whom, and whether it was begun there.
    tries: VecDeque<(Instant, NodeId, bool)>,
    out: VecDeque<Out>,
}

/// A try.
#[derive(Clone, Debug)]
struct Run {
    peer: NodeId,
    number: u64,
    until: Instant,
    /// Who this node is in it.
    own: Person,
    at: At,
}

/// How far it has come.
#[derive(Clone)]
enum At {
    /// Offered; the other one has yet to answer.
    Offered(Nonce),
    /// Somebody offered; the person here has yet to say something.
    Asked(Person, Commitment),
    /// Answered; the other one has yet to reveal its number.
    Answered(Person, Commitment, Nonce),
    /// Both numbers are known.
    Comparing { who: Person, code: super::Code, mine: bool, theirs: bool },
}

/// Without the numbers, which nobody is to read before their time.
impl fmt::Debug for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Offered(_) => "Offered",
            Self::Asked(..) => "Asked",
            Self::Answered(..) => "Answered",
            Self::Comparing { .. } => "Comparing",
        })
    }
}

impl Pairing {
    /// No try is under way.
    pub fn new(chance: Chance) -> Self {
        Self { chance, run: None, tries: VecDeque::new(), out: VecDeque::new() }
    }

    /// Takes what is to be done next.
    pub fn poll(&mut self) -> Option<Out> {
        self.out.pop_front()
    }

    /// With whom a try is under way, and how far it has come.
    pub fn under_way(&self) -> Option<(NodeId, Stage)> {
        let run = self.run.as_ref()?;
        let stage = match run.at {
            At::Offered(_) | At::Answered(..) => Stage::Asking,
            At::Asked(..) => Stage::Asked,
            At::Comparing { code, mine, .. } => Stage::Comparing { code, said: mine },
        };
        Some((run.peer, stage))
    }

    /// The person here, which is `me`, wants to compare with `peer`, or agrees to.
    pub fn pair(&mut self, now: Instant, me: Person, peer: NodeId) {
        match &self.run {
            Some(run) if run.peer != peer => return self.tell_end(peer, Ended::Busy, false),
            Some(_) => return self.accept(now),
            None => {}
        }
        if !self.may_try(now, peer, false) {
            return self.tell_end(peer, Ended::TooOften, false);
        }
        let nonce: Nonce = self.chance.bytes();
        let run = u64::from_be_bytes(self.chance.bytes());
        let commitment = commitment(&me, peer, &nonce);
        self.say(peer, Step::Offer { run, who: me.clone(), commitment });
        let (until, at) = (now + PAIRING_ANSWERED, At::Offered(nonce));
        self.run = Some(Run { peer, number: run, until, own: me, at });
        self.tell_stage();
    }

    /// The person here says that the codes are the same; or that they are not, or that it does not want to compare,
    /// which ends it. Whoever agrees to compare says so [otherwise](Pairing::pair): what was meant for the one must
    /// not come too late and be taken for the other.
    pub fn compared(&mut self, same: bool) {
        let Some(run) = &mut self.run else { return };
        match &mut run.at {
            At::Comparing { mine, .. } if same => {
                if !std::mem::replace(mine, true) {
                    let (peer, run) = (run.peer, run.number);
                    self.say(peer, Step::Same { run });
                    self.tell_stage();
                    self.agree();
                }
            }
            At::Comparing { .. } => self.end(Ended::Differs),
            _ if same => {}
            _ => self.end(Ended::Refused),
        }
    }

    /// No more people can be remembered here: what is under way is of no use.
    pub fn full(&mut self) {
        self.end(Ended::Full);
    }

    /// `from` says something to `me`, over a link that proves its id.
    pub fn hear(&mut self, now: Instant, me: Person, from: NodeId, step: Step) {
        match step {
            Step::Offer { run, who, commitment } => {
                self.offered(now, me, from, run, who, commitment);
            }
            Step::Answer { run, who, nonce } => self.answered(now, from, run, who, nonce),
            Step::Reveal { run, nonce } => self.revealed(now, from, run, nonce),
            Step::Same { run } => {
                if let Some(Run { at: At::Comparing { theirs, .. }, .. }) = self.of(from, run) {
                    *theirs = true;
                    self.agree();
                }
            }
            Step::End { run, why } => {
                if self.of(from, run).is_some() {
                    self.run = None;
                    self.tell_end(from, why, true);
                }
            }
        }
    }

    /// Time has passed.
    pub fn pass(&mut self, now: Instant) {
        while self.tries.front().is_some_and(|(at, ..)| now.since(*at) >= PAIRING_TRIES_FOR) {
            self.tries.pop_front();
        }
        if self.run.as_ref().is_some_and(|run| now >= run.until) {
            self.end(Ended::Late);
        }
    }

    /// There is no link with `peer` any more.
    pub fn part(&mut self, peer: NodeId) {
        if self.run.take_if(|run| run.peer == peer).is_some() {
            self.tell_end(peer, Ended::Gone, false);
        }
    }

    /// The session is left, or this node is somebody else from here on.
    pub fn leave(&mut self) {
        if let Some(run) = self.run.take() {
            self.tell_end(run.peer, Ended::Gone, false);
        }
    }

    fn offered(
        &mut self,
        now: Instant,
        me: Person,
        from: NodeId,
        run: u64,
        who: Person,
        commitment: Commitment,
    ) {
        // Both have offered at once: the offer of the lower id counts, and the other one agrees to it.
        let mutual = match &self.run {
            Some(own) if own.peer == from && matches!(own.at, At::Offered(_)) => {
                if me.machine.id() < from {
                    return;
                }
                true
            }
            Some(_) => return self.refuse(from, run, Ended::Busy),
            None => false,
        };
        // The own offer was one of the tries already.
        if !mutual && !self.may_try(now, from, true) {
            return self.refuse(from, run, Ended::TooOften);
        }
        if !who.is(from) {
            tracing::warn!(?from, "an offer to compare in the name of somebody else");
            return self.refuse(from, run, Ended::Broken);
        }
        let (until, at) = (now + PAIRING_ANSWERED, At::Asked(who, commitment));
        self.run = Some(Run { peer: from, number: run, until, own: me, at });
        match mutual {
            true => self.accept(now),
            false => self.tell_stage(),
        }
    }

    /// The person here agrees to an offer.
    fn accept(&mut self, now: Instant) {
        let Some(run) = &mut self.run else { return };
        let At::Asked(who, commitment) = run.at.clone() else { return };
        let nonce: Nonce = self.chance.bytes();
        run.at = At::Answered(who, commitment, nonce);
        run.until = now + PAIRING_REVEALED;
        let (peer, run, own) = (run.peer, run.number, run.own.clone());
        self.say(peer, Step::Answer { run, who: own, nonce });
    }

    fn answered(&mut self, now: Instant, from: NodeId, run: u64, who: Person, nonce: Nonce) {
        let Some(known) = self.of(from, run) else { return };
        let At::Offered(mine) = known.at else { return };
        if !who.is(from) {
            tracing::warn!(?from, "an answer in the name of somebody else");
            return self.end(Ended::Broken);
        }
        let code = code((&known.own, &mine), (&who, &nonce));
        known.at = At::Comparing { who, code, mine: false, theirs: false };
        known.until = now + PAIRING_COMPARED;
        self.say(from, Step::Reveal { run, nonce: mine });
        self.tell_stage();
    }

    fn revealed(&mut self, now: Instant, from: NodeId, run: u64, nonce: Nonce) {
        let Some(known) = self.of(from, run) else { return };
        let At::Answered(who, promised, mine) = known.at.clone() else { return };
        if commitment(&who, known.own.machine.id(), &nonce) != promised {
            tracing::warn!(?from, "a number that is not the one that was committed to");
            return self.end(Ended::Broken);
        }
        let code = code((&who, &nonce), (&known.own, &mine));
        known.at = At::Comparing { who, code, mine: false, theirs: false };
        known.until = now + PAIRING_COMPARED;
        self.tell_stage();
    }

    /// Once both have said so, the two are paired.
    fn agree(&mut self) {
        if let Some(run) = &self.run
            && let At::Comparing { who, mine: true, theirs: true, .. } = &run.at
        {
            let (peer, key) = (run.peer, who.key());
            self.run = None;
            self.out.push_back(Out::Tell(peer, Told::Paired(key)));
        }
    }

    /// The try with `peer` of that number, if it is under way.
    fn of(&mut self, peer: NodeId, number: u64) -> Option<&mut Run> {
        self.run.as_mut().filter(|run| run.peer == peer && run.number == number)
    }

    /// Whether there may be another try with `peer`, and counts it. Whoever comes under ever new keys runs
    /// into the limit for all together, which those do not count against who are asked from here.
    fn may_try(&mut self, now: Instant, peer: NodeId, begun_there: bool) -> bool {
        self.pass(now);
        let with = self.tries.iter().filter(|(_, with, _)| *with == peer).count();
        let begun = self.tries.iter().filter(|(.., begun)| *begun == begun_there).count();
        let may = with < PAIRING_TRIES_MAX && begun < PAIRING_TRIES_ALL_MAX;
        if may {
            self.tries.push_back((now, peer, begun_there));
        }
        may
    }

    fn end(&mut self, why: Ended) {
        if let Some(Run { peer, number: run, .. }) = self.run.take() {
            self.say(peer, Step::End { run, why });
            self.tell_end(peer, why, false);
        }
    }

    fn refuse(&mut self, from: NodeId, run: u64, why: Ended) {
        self.say(from, Step::End { run, why });
    }

    fn say(&mut self, to: NodeId, step: Step) {
        self.out.push_back(Out::Say(to, Box::new(step)));
    }

    fn tell_stage(&mut self) {
        let under_way = self.under_way();
        self.out.extend(under_way.map(|(peer, stage)| Out::Tell(peer, Told::Stage(stage))));
    }

    fn tell_end(&mut self, peer: NodeId, why: Ended, by_them: bool) {
        self.out.push_back(Out::Tell(peer, Told::Ended { why, by_them }));
    }
}
