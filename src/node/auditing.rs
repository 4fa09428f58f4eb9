//! Whether the host plays by the rules, and what is said if it does not.

use std::{collections::BTreeMap, time::Duration};

use super::{Event, Node};
use crate::{
    cluster::message::{Payload, WorldMark},
    config::PLAYERS_MAX,
    game::Game,
    ledger::Fullness,
    replica::{
        audit::{ANSWERED_EVERY, Audit, Deceit, Finding},
        journal::{self, Journal},
    },
    types::{Instant, NodeId, Term, Tick},
};

/// The time between two looks at points whose facts may be on their way.
const WEIGHED_EVERY: Duration = Duration::from_millis(500);

/// How long nothing is said of what a host does again.
const SAID_FOR: Duration = Duration::from_secs(10);

/// What a node remembers to be checked as a host, and to check one.
#[derive(Clone, Debug)]
pub(super) struct Auditing<G: Game> {
    pub(super) journal: Journal<G::Controls, G::Order>,
    pub(super) audit: Audit<G>,
    answered: BTreeMap<NodeId, Instant>,
    weighed: Instant,
    /// What was said of which host, and when.
    said: BTreeMap<(NodeId, Deceit), Instant>,
    meddles: Option<fn(&mut G::World, NodeId)>,
}

impl<G: Game> Default for Auditing<G> {
    fn default() -> Self {
        Self {
            journal: Journal::default(),
            audit: Audit::default(),
            answered: BTreeMap::new(),
            weighed: Instant::default(),
            said: BTreeMap::new(),
            meddles: None,
        }
    }
}

impl<G: Game> Auditing<G> {
    /// The session is left, or somebody else is here.
    pub fn forget(&mut self) {
        *self = Self { meddles: self.meddles, ..Self::default() };
    }

    /// Changes the world against the rules, if this node does that.
    pub fn meddle(&self, world: &mut G::World, me: NodeId) {
        if let Some(meddle) = self.meddles {
            meddle(world, me);
        }
    }
}

impl<G: Game> Node<G> {
    /// From here on this node changes its world after each step as no rules do, whenever it hosts: to try out
    /// what becomes of that.
    pub fn meddle(&mut self, how: fn(&mut G::World, NodeId)) {
        self.auditing.meddles = Some(how);
    }

    /// A member asks what the steps after this tick were told.
    pub(super) fn tell_journal(&mut self, now: Instant, to: NodeId, term: Term, after: Tick) {
        let answered = &mut self.auditing.answered;
        if answered.get(&to).is_some_and(|at| now.since(*at) < ANSWERED_EVERY) {
            return;
        }
        if answered.len() >= 2 * PLAYERS_MAX {
            answered.retain(|_, at| now.since(*at) < ANSWERED_EVERY);
        }
        answered.insert(to, now);
        if let Some(payload) = self.auditing.journal.tell(self.wishes.form, term.epoch, after) {
            self.cluster.tell_journal(now, to, payload);
        }
    }

    /// Asks the host what its steps were told, if it is time to.
    pub(super) fn want_journal(&mut self, now: Instant) {
        let host = self.cluster.election().following().map(|term| term.host);
        if self.cluster.me().role.plays()
            && host.is_some_and(|host| self.cluster.is_linked_with(host))
            && let Some((epoch, after)) = self.auditing.audit.to_ask(now)
        {
            self.cluster.want_journal(now, epoch, after);
        }
    }

    /// A state of the host was taken.
    pub(super) fn check(&mut self, now: Instant, mark: WorldMark, hash: u32) {
        if self.cluster.me().role.plays() {
            let linked = self.cluster.is_linked_with(mark.clock.term.host);
            let finding = self.auditing.audit.came(mark, hash, &self.replica, linked);
            finding.into_iter().for_each(|finding| self.report_deceit(now, finding));
        }
    }

    /// The host says what its steps were told.
    pub(super) fn hear_journal(&mut self, now: Instant, term: Term, payload: &Payload) {
        let me = (self.me(), self.cluster.me().incarnation);
        let Ok(told) = journal::decode(payload) else { return };
        if let Ok(Some(finding)) = self.auditing.audit.hear(term, &told, me) {
            self.report_deceit(now, finding);
        }
    }

    /// Looks whether the ledger accounts for what scores have changed.
    pub(super) fn mind_scores(&mut self, now: Instant) {
        let due = now.since(self.auditing.weighed) >= WEIGHED_EVERY;
        if !due || !self.auditing.audit.has_unproved() {
            return;
        }
        self.auditing.weighed = now;
        let mut audit = std::mem::take(&mut self.auditing.audit);
        let accounts_for = |before: &G::World, after: &G::World| {
            let facts = self.facts_of(after);
            G::scores_account_for(before, after, &self.scores, &facts)
        };
        let ledger = self.cluster.ledger();
        let complete = ledger.fullness() != Fullness::Full
            && !self.cluster.keeper().is_owed()
            && !self.cluster.keeper().is_catching_up(now);
        let finding = audit.weigh_scores(accounts_for, complete);
        self.auditing.audit = audit;
        finding.into_iter().for_each(|finding| self.report_deceit(now, finding));
    }

    fn report_deceit(&mut self, now: Instant, (clock, deceit): Finding) {
        let host = clock.term.host;
        let said = &mut self.auditing.said;
        said.retain(|_, at| now.since(*at) < SAID_FOR);
        if said.insert((host, deceit), now).is_none() {
            self.view_due = true;
            self.say(Event::HostCheats { host, clock, deceit });
        }
    }
}
