//! Where the cluster meets its ledger: which one is open, what goes in, and what comes of it.

use super::{
    Cluster, Notice, Out,
    message::{Message, TickPacket},
};
use crate::{
    io::Effect,
    ledger::{
        Refused,
        batch::Carried,
        body::Body,
        disk::Stored,
        entry::{EntryId, WallTime, Writer},
        exchange::{LedgerMessage, Sender},
        keeper,
        stream::Stream,
    },
    mesh::{Delivery, Parting},
    types::{Clock, Instant, NodeId, SessionId, Term, Tick},
    wire::Blob,
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

    /// Writes what a person says. Its name, under which it stands from here on.
    ///
    /// # Errors
    /// [`Refused`]: it is too long, or the ledger is full.
    pub fn say(&mut self, now: Instant, body: Body) -> Result<EntryId, Refused> {
        self.keeper.say(now, body)
    }

    /// As host: what was written since the last tick goes with this one.
    pub fn wrote_with(&mut self, tick: Tick) {
        let riding = self.keeper.take_riding();
        self.carrying.note(tick, riding);
    }

    /// The world of a host's tick was taken: what came with it of the ledger is taken in the same step.
    pub fn took(&mut self, now: Instant, clock: Clock) {
        let Some(carried) = self.carrying.take(clock) else { return };
        let Clock { term, tick } = clock;
        let host = Writer { node: term.host, incarnation: term.incarnation };
        // The tick may come before the roster does, and then says which session this is.
        self.open_ledger(now, carried.session);
        // What its author never signed is not passed on.
        let entries = self.keeper.take(now, host, carried);
        let complete = !entries.is_empty() && !self.keeper.is_owed();
        self.carrying.note(tick, entries);
        if !complete {
            self.carrying.lacks_before(tick);
        }
    }

    /// The world of this tick was taken without what had been written up to it: it came in an answer,
    /// or the own reign begins with it, and who holds it may lack what this node wrote in an earlier
    /// one that nobody followed to its end.
    pub fn lacks_entries_before(&mut self, tick: Tick) {
        self.carrying.lacks_before(tick);
    }

    /// A line of history was given up for one that is held from this tick on.
    pub fn turned_to(&mut self, tick: Tick) {
        self.carrying.turn_to(tick);
    }

    /// What ticks have carried, to look at: up to which number entries of `writer` came with ticks up to
    /// this one, as far as is remembered.
    pub fn carried_by(&self, tick: Tick, writer: Writer) -> Option<u64> {
        self.carrying.carried_by(tick, writer)
    }

    /// What a tick of this reign carries for whoever holds the world of tick `held`.
    pub(super) fn carried_since(&self, term: Term, held: Option<Tick>) -> Option<Blob> {
        let writer = Writer { node: term.host, incarnation: term.incarnation };
        let ledger = self.keeper.ledger();
        let through = ledger.stream(writer).map_or(0, Stream::through);
        let written = through.max(self.carrying.written(writer));
        self.carrying.since(held, ledger.session(), written)
    }

    /// Hands a tick to whoever holds the world, and keeps what it carries until that one takes it.
    /// What `by` passed on is of the session that its host signed.
    pub(super) fn hand_on(&mut self, now: Instant, mut tick: TickPacket, by: Option<NodeId>) {
        if let Some(carried) = tick.carried.take() {
            let Ok(carried) = Carried::decode(&carried) else { return };
            if let (Some(passed), Some(by)) = (tick.passed, by)
                && passed.session != carried.session
            {
                return self.mistrust(now, by);
            }
            self.carrying.arrived(Clock { term: tick.term, tick: tick.tick }, carried);
        }
        self.out.push_back(Out::Tick { packet: tick, by });
    }

    /// What the wall clock says.
    pub fn wall(&self, now: Instant) -> WallTime {
        self.keeper.written_at(now)
    }

    pub(super) fn open_ledger(&mut self, now: Instant, session: SessionId) {
        self.keeper.open(now, session);
        self.election.remember(self.keeper.ledger().highest_reign());
    }

    /// The own disk was read. What this node remembers of the session counts from here on: which one it is, if
    /// nobody has said so meanwhile, and how high reigns were in it.
    pub(super) fn disk_was_read(&mut self, now: Instant, stored: Stored) {
        self.keeper.read(now, stored);
        let told = self.session_id.is_some() || self.keeper.is_open();
        let played = self.me.session.as_ref().filter(|_| !told);
        if let Some(id) = played.and_then(|name| self.keeper.last_session(name)) {
            self.session_id = Some(id);
            self.keeper.open(now, id);
        }
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
            self.mesh.hang_up(now, from.node, Parting::Nonsense);
        }
    }

    pub(super) fn drain_keeper(&mut self, now: Instant) {
        while let Some(out) = self.keeper.poll() {
            let out = match out {
                keeper::Out::Send { to, message } => {
                    self.send(now, to, Delivery::Link, &Message::Ledger(message));
                    continue;
                }
                keeper::Out::Equivocation(id) => {
                    self.refuse(now, id.writer.node, "another entry of the same number");
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
                keeper::Out::Said(id) => Out::Said(id),
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
