//! What is shown of a node to whoever looks: the view.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::{LedgerView, Node, Output, Picture, SessionView, Status, View};
use crate::{config::PLAYERS_MAX, game::Game, mesh::message::PROTOCOL, types::Instant};

/// The time between two looks at the sessions around.
const SESSIONS_EVERY: Duration = Duration::from_millis(100);

/// The time between two copies of the scores for whoever looks at it.
const SCORES_EVERY: Duration = Duration::from_millis(500);

impl<G: Game> Node<G> {
    /// Takes a picture of the world, for whoever looks.
    pub(super) fn picture(&mut self, now: Instant) {
        if !self.wishes.views {
            return;
        }
        let Some((clock, state)) = self.replica.clock().zip(self.replica.state()) else {
            return;
        };
        let reigns = self.cluster.election().reign().is_some();
        let (from, to) = self.client.show(self.me(), state, reigns);
        self.picture = Some(Picture { clock, from, to, at: now, newest: state.clone() });
        self.view_due = true;
    }

    /// Shows what has changed since it was shown.
    pub(super) fn look(&mut self, now: Instant) {
        if self.sessions_due <= now {
            self.sessions_due = now + SESSIONS_EVERY;
            let sessions = self.sessions_around(now);
            if *sessions != *self.sessions {
                self.sessions = Arc::from(sessions);
                self.view_due = true;
            }
            self.look_at_ledger(now);
            // Whoever looks for its host is shown when it tries again.
            self.view_due |= matches!(self.status(), Status::Searching | Status::Interregnum);
        }
        if !std::mem::take(&mut self.view_due) {
            return;
        }
        let me = self.cluster.me();
        let term = self.cluster.election().current();
        let view = View {
            at: now,
            me: me.id,
            key: Some(me.key.public()),
            name: me.name.clone(),
            role: me.role,
            ahead: self.cluster.ahead(),
            status: self.status(),
            failure: None,
            session: me.session.clone(),
            locked: me.lock.is_some(),
            sessions: self.sessions.clone(),
            host: term.map(|term| term.host),
            term,
            members: self.members.clone(),
            spectators: self.spectators,
            picture: self.picture.clone(),
            handover: self.handover,
            scores: self.memory.scores.clone(),
            accounts: self.persons.shown().clone(),
            chat: self.talk.shown().clone(),
            pairing: self.pairing(),
            friends: self.company.shown().clone(),
            ledger: self.memory.ledger.clone(),
            wall: self.cluster.wall(now),
            next_try: self.cluster.next_try(),
            connection: self.connection,
        };
        self.out.push_back(Output::View(Arc::new(view)));
    }

    fn look_at_ledger(&mut self, now: Instant) {
        let keeper = self.cluster.keeper();
        let ledger = LedgerView {
            entries: keeper.ledger().len(),
            digest: keeper.ledger().digest(),
            safety: keeper.safety_of_all(),
            trouble: keeper.trouble().cloned(),
            fullness: keeper.ledger().fullness(),
        };
        let memory = &mut self.memory;
        self.view_due |= ledger != memory.ledger;
        memory.ledger = ledger;
        if memory.scores_due && now.since(memory.scores_at) >= SCORES_EVERY {
            memory.scores = Arc::new(self.scores.clone());
            memory.scores_due = false;
            memory.scores_at = now;
            self.view_due = true;
        }
    }

    fn sessions_around(&self, now: Instant) -> Vec<SessionView> {
        let mut sessions: BTreeMap<_, SessionView> = BTreeMap::new();
        for beacon in self.cluster.announced(now) {
            let Some(name) = &beacon.who.session else {
                continue;
            };
            let joinable = self.cluster.me().understands(&beacon.who);
            let session = sessions.entry((name, joinable, false)).or_insert_with(|| SessionView {
                name: name.clone(),
                players: 0,
                host: None,
                joinable,
                locked: false,
            });
            let players = beacon.players.clamp(1, PLAYERS_MAX as u32);
            session.players = session.players.max(players);
            session.host = session.host.take().or(beacon.host_name.clone());
        }
        for envelope in self.cluster.locked(now) {
            let joinable = (envelope.protocol, &*envelope.rules) == (PROTOCOL, G::RULES);
            let name = envelope.session.clone();
            let session = SessionView { name, players: 0, host: None, joinable, locked: true };
            sessions.entry((&envelope.session, joinable, true)).or_insert(session);
        }
        sessions.into_values().collect()
    }
}
