//! The accounts that a session's ledger knows of, as a node follows them.
//!
//! A statement has to be checked before it counts, and that takes a while: a few are, in each tick, so
//! that none is late over the thousands of a session that was just opened. What the own account says of
//! itself is written by its own node, host or not, when the session has been played for a moment and the
//! ledger does not say it: by then whoever is linked has told what it holds.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use super::{Node, Status};
use crate::{
    accounts::{Account, Accounts, Claim, Heard, STATEMENT, Statement, farewell},
    cluster::{Exclusion, Notice},
    game::{Game, Rate},
    keys::PublicKey,
    ledger::{
        Ledger,
        body::Body,
        entry::{EntryId, Hash, SharedEntry},
    },
    refusals::Refusals,
    types::{Instant, NodeId},
};

/// So many signatures are checked in one tick of sixty a second: half a millisecond of them.
const CHECKED_PER_TICK: usize = 8;

/// How long a session is played before the own account says anything in it.
const LISTENED: Duration = Duration::from_secs(1);

/// The time between two looks at what there is to say and to show; and by how much it is longer for each
/// account that is known, since all of them are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);
const LOOK_LONGER: Duration = Duration::from_micros(10);

/// So much of what was written for an account that is deleted is taken back at one look.
const TAKEN_BACK_AT_ONCE: usize = 256;

/// So many claims of ids of before are looked at again, should their places change.
const CLAIMS_MAX: usize = 1_024;

/// The accounts known, and the own one.
#[derive(Clone, Debug, Default)]
pub(super) struct Persons {
    accounts: Accounts,
    /// What is to be checked.
    waiting: VecDeque<Heard>,
    /// Claims of ids of before: their places may change.
    claims: BTreeMap<EntryId, Heard>,
    /// What the own account says.
    own: Vec<Statement>,
    /// What of it was written into this session's ledger.
    written: BTreeSet<Hash>,
    /// What was written here for an account that is deleted was taken back.
    took_back: bool,
    /// Accounts, if there is a list of those who may come in, and the keys of nodes that are on it.
    listed: BTreeSet<PublicKey>,
    /// The machines that those have struck off.
    struck_by_listed: BTreeSet<(NodeId, NodeId)>,
    shown: Arc<Accounts>,
    changed: bool,
    refusals: Refusals,
    barred: BTreeSet<NodeId>,
    /// This machine is struck off, and that was told.
    struck: bool,
    /// Since when this session is played.
    since: Option<Instant>,
    look_at: Instant,
}

/// What is to be done.
#[derive(Clone, Debug, Default)]
pub(super) struct ToDo {
    /// These entries are to be written.
    pub write: Vec<Body>,
    /// These machines, and no others, are not to be let in.
    pub bar: Option<BTreeSet<NodeId>>,
    /// These accounts, of those that are listed, have struck off these machines.
    pub struck_by_listed: Option<BTreeSet<(NodeId, NodeId)>>,
    /// There is something else to show.
    pub show: bool,
    /// This very machine was struck off.
    pub struck: bool,
}

impl Persons {
    /// The own account says this. Those who may come in are listed so, if they are.
    pub fn new(own: Vec<Statement>, listed: Option<&BTreeSet<PublicKey>>) -> Self {
        Self { own, listed: listed.cloned().unwrap_or_default(), ..Self::default() }
    }

    /// The own account says this from here on.
    pub fn declare(&mut self, own: Vec<Statement>) {
        self.own = own;
        self.look_at = Instant::default();
    }

    /// Somebody is about to be named: what is known is shown at once.
    pub fn hurry(&mut self) {
        if self.changed || !self.waiting.is_empty() {
            self.look_at = Instant::default();
        }
    }

    /// What the own account has to say before `me` says anything in this session: whose line it is shall be
    /// known.
    pub fn introduce(&mut self, ledger: &Ledger, me: NodeId) -> Vec<Body> {
        self.unsaid(ledger, me)
    }

    /// What there is to show.
    pub fn shown(&self) -> &Arc<Accounts> {
        &self.shown
    }

    /// The ledger of another session is open.
    pub fn opened(&mut self) {
        let before = std::mem::take(self);
        let Self { own, barred, listed, struck_by_listed, .. } = before;
        *self = Self { own, barred, listed, struck_by_listed, changed: true, ..Self::default() };
    }

    /// The session is left.
    pub fn left(&mut self) {
        self.since = None;
    }

    /// An entry of the ledger counts. Whether it is a statement, and no business of anybody else.
    pub fn hear(&mut self, ledger: &Ledger, entry: &SharedEntry) -> bool {
        if entry.head().kind != STATEMENT {
            return false;
        }
        self.waiting.extend(Heard::of(ledger, entry));
        true
    }

    /// A tick passes, in which this node plays as `me` if it `plays`.
    pub fn tick(
        &mut self,
        now: Instant,
        rate: Rate,
        ledger: &Ledger,
        me: NodeId,
        plays: bool,
    ) -> ToDo {
        let checked = rate.share(CHECKED_PER_TICK);
        for heard in self.waiting.drain(..self.waiting.len().min(checked)) {
            if let Err(error) = self.accounts.hear(heard.clone()) {
                let from = heard.entry.map_or(me, |id| id.writer.node);
                self.refusals.note(now, from, &format!("a statement about an account: {error}"));
                continue;
            }
            self.changed = true;
            let is_claim = matches!(heard.statement.claim, Claim::Formerly { .. });
            if let Some(id) = heard.entry.filter(|_| is_claim && self.claims.len() < CLAIMS_MAX) {
                self.claims.insert(id, heard);
            }
        }
        if now < self.look_at {
            return ToDo::default();
        }
        let accounts = u32::try_from(self.accounts.len()).unwrap_or(u32::MAX);
        self.look_at = now + LOOK_EVERY + LOOK_LONGER.saturating_mul(accounts);
        let mut todo = ToDo::default();
        self.look_at_places(ledger);
        if std::mem::take(&mut self.changed) {
            self.shown = Arc::new(self.accounts.clone());
            todo.show = true;
            let mut barred = self.accounts.struck();
            // Whoever is struck off itself does not bar itself: it is barred by the others.
            let struck = barred.remove(&me);
            todo.struck = struck && !std::mem::replace(&mut self.struck, struck);
            let struck_by_listed = self.accounts.struck_by(&self.listed);
            if struck_by_listed != self.struck_by_listed {
                self.struck_by_listed.clone_from(&struck_by_listed);
                todo.struck_by_listed = Some(struck_by_listed);
            }
            if barred != self.barred {
                self.barred.clone_from(&barred);
                todo.bar = Some(barred);
            }
        }
        let since = plays.then(|| *self.since.get_or_insert(now));
        if since.is_some_and(|since| now.since(since) >= LISTENED) && self.waiting.is_empty() {
            todo.write = self.unsaid(ledger, me);
        }
        todo
    }

    /// What was claimed of ids of before may have other places by now.
    fn look_at_places(&mut self, ledger: &Ledger) {
        for (id, heard) in &mut self.claims {
            heard.place = ledger.at(*id).next().and_then(|entry| ledger.place_of(&entry));
            self.changed |= self.accounts.settle(heard);
        }
    }

    /// What the own account has to say that the ledger does not. With an account that is deleted, here or
    /// elsewhere, go the names that this node wrote for it.
    fn unsaid(&mut self, ledger: &Ledger, me: NodeId) -> Vec<Body> {
        let mut bodies = Vec::new();
        let deleted = self.own.iter().any(|statement| statement.claim == Claim::Deleted);
        for statement in &self.own {
            let wanted = match statement.claim {
                Claim::Called { .. } => !deleted,
                _ => true,
            };
            if wanted
                && !self.accounts.knows(statement, me)
                && self.written.insert(statement.hash())
            {
                bodies.push(statement.body());
            }
        }
        let account = self.own.first().and_then(|said| self.accounts.get(&said.account));
        if account.is_some_and(Account::is_deleted) && !self.took_back {
            let mut gone = farewell(ledger, me);
            self.took_back = gone.is_empty();
            gone.truncate(TAKEN_BACK_AT_ONCE);
            bodies.extend(gone);
        }
        bodies
    }
}
impl<G: Game> Node<G> {
    /// Follows who is who, and says who plays here.
    pub(super) fn mind_persons(&mut self, now: Instant) {
        if self.talk.has_untold() {
            self.persons.hurry();
        }
        let me = self.cluster.me();
        let takes_part = me.role.wants_a_seat() || self.wishes.talks;
        let known = !self.cluster.keeper().is_reading();
        let plays = takes_part && known && self.status() == Status::Playing;
        let todo = self.persons.tick(now, Self::RATE, self.cluster.ledger(), me.id, plays);
        if todo.show {
            self.view_due = true;
            self.talk.persons_changed();
        }
        if todo.struck {
            self.notice(now, Notice::Excluded(Exclusion::StruckOff));
        }
        if let Some(struck) = todo.struck_by_listed {
            self.cluster.listed_struck_off(now, struck);
        }
        if let Some(struck) = todo.bar {
            self.cluster.strike_off(now, struck, &self.replica);
            self.drain(now);
        }
        for body in todo.write {
            self.cluster.write(now, body);
        }
    }
}
