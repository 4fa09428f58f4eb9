//! The members vote a host's key out.
//!
//! A member who wants its host to go signs that, and tells everybody. Nobody has to be believed: a vote names
//! the session and the reign that it is against, so it can be passed on, and counts for nothing else. As
//! soon as a node holds the votes of more than half of those who are present, it bars the host's key, parts
//! with it, and passes the votes on, so that whoever lacks some of them decides the same. What follows is
//! an election, as after any host that is lost; whoever wins it publishes the bar.
//!
//! *Present* is whoever is in the roster and linked with the node that counts (the roster is the
//! host's, which could invent members, but no links), the host, and the node itself. So the host cannot outvote
//! its members with inventions, and of two nobody can throw the other one out.
//!
//! Whoever only watches has no vote and decides nothing; the host shows it the votes, and it counts them by
//! the roster.

use std::{collections::BTreeMap, time::Duration};

use super::message::Vote;
use crate::{
    config::PLAYERS_MAX,
    keys::{SecretKey, Subject},
    refusals::Refusals,
    types::{Instant, NodeId, SessionId, Term},
};

/// How long a vote counts.
const COUNTS_FOR: Duration = Duration::from_secs(60);

/// The most signatures that are checked in a second: each takes some 60 microseconds.
const CHECKS_MAX: usize = 2 * PLAYERS_MAX;

/// The votes that one node holds.
#[derive(Clone, Debug, Default)]
pub struct Votes {
    held: BTreeMap<NodeId, (Vote, Instant)>,
    /// Since when signatures are counted, and how many were checked.
    checks: (Instant, usize),
    /// The reign that is followed, and the one before: its votes may still be under way.
    reigns: [Option<Term>; 2],
    refusals: Refusals,
}

impl Vote {
    /// The wish of whoever has `key`.
    pub fn cast(key: &SecretKey, session: SessionId, against: Term) -> Self {
        let signature =
            key.sign(Subject::Vote, &parts(session, against).each_ref().map(|p| &p[..]));
        Self { voter: key.public(), session, against, signature }
    }

    fn is_genuine(&self) -> bool {
        let parts = parts(self.session, self.against);
        self.voter.verify(Subject::Vote, &parts.each_ref().map(|p| &p[..]), &self.signature).is_ok()
    }
}

/// What is signed.
fn parts(session: SessionId, against: Term) -> [Vec<u8>; 4] {
    [
        session.0.as_bytes().to_vec(),
        against.epoch.0.to_be_bytes().to_vec(),
        against.host.as_u128().to_be_bytes().to_vec(),
        against.incarnation.0.to_be_bytes().to_vec(),
    ]
}

impl Votes {
    /// This reign is followed, or is the own one.
    pub fn follow(&mut self, term: Option<Term>) {
        if term.is_some() && self.reigns[0] != term {
            self.reigns = [term, self.reigns[0]];
        }
    }

    /// Takes a vote in, if it is one of a member in this session, against a reign that it can still be
    /// about. Whether it is new.
    pub fn take(
        &mut self,
        now: Instant,
        session: SessionId,
        vote: &Vote,
        is_member: impl FnOnce(NodeId) -> bool,
    ) -> bool {
        let voter = vote.voter.id();
        // A vote against an earlier reign, said again, takes nothing from a later one.
        let held = self.held.get(&voter).is_some_and(|(held, _)| held.against >= vote.against);
        let known = self.reigns.contains(&Some(vote.against));
        if held || !known || vote.session != session || !is_member(voter) || !self.may_check(now) {
            return false;
        }
        let genuine = vote.is_genuine();
        if genuine {
            self.held.insert(voter, (vote.clone(), now));
        } else {
            self.refusals.note(now, voter, "a vote that it never cast");
        }
        genuine
    }

    fn may_check(&mut self, now: Instant) -> bool {
        let (since, done) = &mut self.checks;
        if now.since(*since) >= Duration::from_secs(1) {
            (*since, *done) = (now, 0);
        }
        *done += 1;
        *done <= CHECKS_MAX
    }

    /// How many of those present are against this reign.
    pub fn against(&self, term: Term, present: &[NodeId]) -> usize {
        let against = |id: &&NodeId| self.held.get(*id).is_some_and(|(v, _)| v.against == term);
        present.iter().filter(against).count()
    }

    /// All of them, to be passed on.
    pub fn held(&self) -> Vec<Vote> {
        self.held.values().map(|(vote, _)| vote.clone()).collect()
    }

    /// Time has passed.
    pub fn pass(&mut self, now: Instant) {
        self.held.retain(|_, (_, at)| now.since(*at) < COUNTS_FOR);
    }

    /// Forgets all of them: the node has left the session.
    pub fn clear(&mut self) {
        *self = Self { checks: self.checks, ..Self::default() };
    }
}

/// How many of so many are a majority.
pub fn majority(of: usize) -> usize {
    of / 2 + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Epoch, Incarnation};

    const NOW: Instant = Instant(5_000_000);

    fn term(epoch: u64) -> Term {
        Term { epoch: Epoch(epoch), host: NodeId::from_u128(9), incarnation: Incarnation(1) }
    }

    fn session(number: u128) -> SessionId {
        SessionId(uuid::Uuid::from_u128(number))
    }

    fn key(number: u8) -> SecretKey {
        SecretKey::from_bytes(&[number; 32])
    }

    fn votes() -> Votes {
        let mut votes = Votes::default();
        votes.follow(Some(term(3)));
        votes
    }

    #[test]
    fn only_what_a_member_signed_about_this_reign_in_this_session_counts() {
        let good = Vote::cast(&key(1), session(1), term(3));
        let take = |vote: &Vote| votes().take(NOW, session(1), vote, |_| true);
        assert!(take(&good));
        assert!(!votes().take(NOW, session(1), &good, |_| false), "no member");
        assert!(!take(&Vote { voter: key(2).public(), ..good.clone() }), "somebody else's");
        assert!(!take(&Vote { against: term(4), ..good.clone() }), "another reign");
        assert!(!take(&Vote::cast(&key(1), session(1), term(4))), "a reign that is not known");
        assert!(!take(&Vote::cast(&key(1), session(2), term(3))), "another session");
    }

    #[test]
    fn each_counts_once_and_for_a_while_and_just_after_the_reign_too() {
        let mut votes = votes();
        let mine = Vote::cast(&key(1), session(1), term(3));
        let present = [key(1).public().id(), key(2).public().id()];
        assert!(votes.take(NOW, session(1), &mine, |_| true));
        assert!(!votes.take(NOW, session(1), &mine, |_| true));
        votes.follow(Some(term(4)));
        assert!(votes.take(NOW, session(1), &Vote::cast(&key(2), session(1), term(3)), |_| true));
        assert_eq!(votes.against(term(3), &present), 2);
        assert_eq!(votes.against(term(3), &present[..1]), 1);
        assert_eq!(votes.against(term(4), &present), 0);
        votes.pass(NOW + COUNTS_FOR);
        assert_eq!(votes.against(term(3), &present), 0);
    }

    #[test]
    fn an_earlier_vote_said_again_takes_nothing_from_a_later_one() {
        let mut votes = votes();
        let earlier = Vote::cast(&key(1), session(1), term(3));
        assert!(votes.take(NOW, session(1), &earlier, |_| true));
        votes.follow(Some(term(4)));
        assert!(votes.take(NOW, session(1), &Vote::cast(&key(1), session(1), term(4)), |_| true));
        assert!(!votes.take(NOW, session(1), &earlier, |_| true));
        assert_eq!(votes.against(term(4), &[key(1).public().id()]), 1);
    }

    #[test]
    fn no_more_signatures_are_checked_in_a_second_than_there_is_time_for() {
        let mut votes = votes();
        let forged = Vote { voter: key(2).public(), ..Vote::cast(&key(1), session(1), term(3)) };
        for _ in 0..=CHECKS_MAX {
            assert!(!votes.take(NOW, session(1), &forged, |_| true));
        }
        let good = Vote::cast(&key(1), session(1), term(3));
        assert!(!votes.take(NOW, session(1), &good, |_| true), "there is no time for it");
        let later = NOW + Duration::from_secs(1);
        assert!(votes.take(later, session(1), &good, |_| true));
    }

    #[test]
    fn a_majority_is_more_than_half() {
        assert_eq!([2, 3, 4, 5].map(majority), [2, 2, 3, 3]);
    }
}
