//! Where the cluster meets its ledger: which one is open, what goes in, and what comes of it.

use super::{
    Cluster, Notice, Out,
    ledger::{
        batch::Carried,
        body::Body,
        entry::{SharedEntry, WallTime, Writer},
        exchange::{LedgerMessage, Sender},
        keeper,
    },
    message::Message,
};
use crate::{
    io::Effect,
    types::{Instant, NodeId, SessionId},
};

impl Cluster {
    /// A tick passes, whoever makes it.
    pub fn tick_ledger(&mut self, now: Instant) {
        self.keeper.tick(now);
    }

    /// Writes an entry. What a host writes is to be carried by its next tick.
    pub fn write(&mut self, now: Instant, body: Body) {
        if let Err(error) = self.keeper.write(now, body) {
            tracing::warn!(%error, "an entry is not written");
        }
    }

    /// As host: what the tick that is about to be published is to carry.
    pub fn take_riding(&mut self) -> Vec<SharedEntry> {
        self.keeper.take_riding()
    }

    /// Takes what a world of `host`, who is followed, carried. It may come before the roster does,
    /// and then says which session this is.
    pub fn take_carried(&mut self, now: Instant, host: Writer, carried: Carried) {
        self.open_ledger(now, carried.session);
        self.keeper.take(now, host, carried);
    }

    /// What the wall clock says.
    pub fn wall(&self, now: Instant) -> WallTime {
        self.keeper.written_at(now)
    }

    pub(super) fn open_ledger(&mut self, now: Instant, session: SessionId) {
        self.keeper.open(now, session);
        self.election.remember(self.keeper.ledger().highest_reign());
    }

    /// It is settled which session this is.
    pub(super) fn settle_session(&mut self, now: Instant) {
        self.session_id = self.roster.published().map(|roster| roster.session_id);
        if let (Some(id), Some(name)) = (self.session_id, self.me.session.clone()) {
            self.open_ledger(now, id);
            self.keeper.remember(&name);
        }
    }

    /// The session that others around remember: their disks know more than the own one.
    pub(super) fn announced_session(&self, now: Instant) -> Option<SessionId> {
        let here = self.announced(now).filter(|beacon| self.me.shares_session(beacon));
        here.filter_map(|beacon| beacon.session_id).max()
    }

    pub(super) fn hear_of_ledger(&mut self, now: Instant, from: NodeId, message: &LedgerMessage) {
        let Some(peer) = self.mesh.peer(from) else { return };
        let Some(ip) = peer.udp.map(|udp| udp.ip()).or(peer.address().map(|at| at.ip)) else {
            return;
        };
        let from = Sender { node: from, incarnation: peer.incarnation, ip };
        if self.keeper.hear(now, from, message).is_err() {
            self.mesh.hang_up(now, from.node, "error");
        }
    }

    pub(super) fn drain_keeper(&mut self) {
        while let Some(out) = self.keeper.poll() {
            let out = match out {
                keeper::Out::Send { to, message } => {
                    self.mesh.send(to, &Message::Ledger(message));
                    continue;
                }
                keeper::Out::Equivocation(id) => {
                    tracing::warn!(
                        "two entries are called {id:?}: their author is broken, or lies"
                    );
                    continue;
                }
                keeper::Out::Persist { batch, records } => {
                    Out::Effect(Effect::Persist { batch, records })
                }
                keeper::Out::Remember(session, name) => {
                    Out::Effect(Effect::Remember { session, name })
                }
                keeper::Out::Opened => Out::Opened,
                keeper::Out::Counts(entry) => Out::Counts(entry),
                keeper::Out::CountsNoMore(entry) => Out::CountsNoMore(entry),
                keeper::Out::PageCounts(page) => Out::PageCounts(page),
                keeper::Out::Redated => Out::Redated,
                keeper::Out::Filling(fullness) => Out::Notice(Notice::Filling(fullness)),
                keeper::Out::Safe(writer, safety, through) => {
                    Out::Notice(Notice::Safe(writer, safety, through))
                }
                keeper::Out::DiskFailed(trouble) => Out::Notice(Notice::DiskFailed(trouble)),
            };
            self.out.push_back(out);
        }
    }
}
