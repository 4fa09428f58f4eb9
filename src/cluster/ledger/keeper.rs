//! The ledger of a session with everything around it, as one machine: the disk below, the peers
//! beside. It is fed and drained like a node: see [`node`](crate::node).

use std::{collections::VecDeque, net::IpAddr, time::Duration};

use super::{
    Ledger, Out as LedgerOut, Refused, batch,
    body::Body,
    disk::{BatchId, Disk, Record, Report, Trouble},
    entry::{Entry, EntryId, SharedEntry, WallTime, Writer},
    exchange::{Exchange, LedgerMessage, Sender},
    witness::{Safety, Witnesses},
};
use crate::{
    game::Malformed,
    types::{Epoch, Instant, NodeId, SessionId},
};

/// The most entries that wait for a tick to carry them. What finds no room comes with a comparison.
const RIDING_MAX: usize = 1_024;

/// How long a host waits for the rest of what somebody brings before it gives it a place.
const PLACE_PATIENCE: Duration = Duration::from_secs(2);

/// What is to be done, and what happened.
#[derive(Clone, Debug)]
pub enum Out {
    /// Say this to a peer, over the link.
    Send {
        /// To whom.
        to: NodeId,
        /// What.
        message: LedgerMessage,
    },
    /// Write this to the disk and sync it; a [`Report`] follows.
    Persist {
        /// The batch.
        batch: BatchId,
        /// What.
        records: Vec<Record>,
    },
    /// A fact of the game that counts from here on.
    Counts(SharedEntry),
    /// A fact of the game that does not count any more: another one of the same key does.
    CountsNoMore(SharedEntry),
    /// A writer gave two entries one name. For people.
    Equivocation(EntryId),
    /// Nothing more will be kept on this machine. For people.
    DiskFailed(Trouble),
}

/// The ledger, its disk and its peers.
#[derive(Debug)]
pub struct Keeper {
    ledger: Ledger,
    disk: Disk,
    witnesses: Witnesses,
    exchange: Exchange,
    /// What the wall clock said at some instant.
    wall: (Instant, WallTime),
    /// Since when something waits for a place.
    to_place: Option<Instant>,
    /// What the next tick is to carry.
    riding: VecDeque<SharedEntry>,
    out: VecDeque<Out>,
}

impl Keeper {
    /// The ledger of `session` as `disk` held it, in which this node writes as `me`.
    pub fn new(
        now: Instant,
        wall: WallTime,
        session: SessionId,
        me: Writer,
        disk: Disk,
        held: impl IntoIterator<Item = Entry>,
    ) -> Self {
        let mut ledger = Ledger::new(session, me);
        for entry in held {
            if let Err(error) = ledger.restore(entry) {
                tracing::debug!(%error, "an entry on the disk is of no use");
            }
        }
        Self {
            ledger,
            disk,
            witnesses: Witnesses::default(),
            exchange: Exchange::new(),
            wall: (now, wall),
            to_place: None,
            riding: VecDeque::new(),
            out: VecDeque::new(),
        }
    }

    /// The ledger.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// What is wrong with the disk, if anything.
    pub fn trouble(&self) -> Option<&Trouble> {
        self.disk.trouble()
    }

    /// How safe an entry is.
    pub fn safety(&self, id: EntryId) -> Safety {
        self.witnesses.safety(&self.ledger, &self.disk, id)
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Option<Out> {
        while let Some(out) = self.ledger.poll() {
            match out {
                LedgerOut::Keep(record) => self.disk.keep(record),
                LedgerOut::Counts(entry) => self.out.push_back(Out::Counts(entry)),
                LedgerOut::CountsNoMore(entry) => self.out.push_back(Out::CountsNoMore(entry)),
                LedgerOut::Equivocation(id) => self.out.push_back(Out::Equivocation(id)),
            }
        }
        // First to the disk, then to others.
        if let Some((batch, records)) = self.disk.next_batch() {
            return Some(Out::Persist { batch, records });
        }
        self.out.pop_front().or_else(|| {
            let (to, message) = self.exchange.poll()?;
            Some(Out::Send { to, message })
        })
    }

    // Time, disk, peers.

    /// What the wall clock says: now and then, for it may be set.
    pub fn wall(&mut self, now: Instant, wall: WallTime) {
        self.wall = (now, wall);
    }

    /// A tick has passed: sixty a second, whoever hosts.
    pub fn tick(&mut self, now: Instant) {
        self.exchange.tick(now, &self.ledger, &mut self.disk);
        if !self.ledger.has_to_place() {
            self.to_place = None;
            return;
        }
        let since = *self.to_place.get_or_insert(now);
        if !self.exchange.is_catching_up(now) || now.since(since) > PLACE_PATIENCE {
            let written = self.ledger.place(self.written_at(now));
            written.into_iter().for_each(|entry| self.ride(entry));
            self.to_place = None;
        }
    }

    /// The disk has answered.
    pub fn report(&mut self, report: &Report) {
        if self.disk.report(report)
            && let Some(trouble) = self.disk.trouble()
        {
            self.out.push_back(Out::DiskFailed(trouble.clone()));
        }
    }

    /// The addresses of this machine.
    pub fn set_own_addresses(&mut self, addresses: impl IntoIterator<Item = IpAddr>) {
        self.witnesses.set_own(addresses);
    }

    /// A link to `peer` is up, or was replaced.
    pub fn meet(&mut self, now: Instant, peer: NodeId) {
        self.exchange.meet(now, &self.ledger, &self.disk, peer);
    }

    /// The link to `peer` is gone.
    pub fn part(&mut self, peer: NodeId) {
        self.exchange.part(peer);
    }

    /// A peer said something.
    ///
    /// # Errors
    /// [`Malformed`]: its link is of no use.
    pub fn hear(
        &mut self,
        now: Instant,
        from: Sender,
        message: &LedgerMessage,
    ) -> Result<(), Malformed> {
        self.exchange.hear(now, &mut self.ledger, &mut self.witnesses, from, message)
    }

    // Writing.

    /// This node reigns from here on.
    pub fn reigns(&mut self, epoch: Epoch) {
        self.ledger.reigns(epoch);
    }

    /// This node follows from here on.
    pub fn follows(&mut self) {
        self.ledger.follows();
        self.riding.clear();
    }

    /// Writes an entry. What a host writes is carried by its next tick: so whoever holds that tick's
    /// world holds the entry. What others write goes to everybody at once.
    ///
    /// # Errors
    /// [`Refused`]: it is too long, or the ledger is full.
    pub fn write(&mut self, now: Instant, body: Body) -> Result<SharedEntry, Refused> {
        let entry = self.ledger.write(self.written_at(now), body)?;
        match self.ledger.is_reigning() {
            true => self.ride(entry.clone()),
            false => self.exchange.spread(&self.ledger, &entry),
        }
        Ok(entry)
    }

    /// As host: what was written since the last call, for the tick to carry.
    pub fn take_riding(&mut self) -> Vec<SharedEntry> {
        self.riding.drain(..).collect()
    }

    fn ride(&mut self, entry: SharedEntry) {
        if self.riding.len() < RIDING_MAX {
            self.riding.push_back(entry);
        }
    }

    /// Takes the entries that a tick carried: a [batch](super::batch). What does not fit on what is
    /// held is asked for.
    ///
    /// # Errors
    /// [`Malformed`] when it is none.
    pub fn take(&mut self, now: Instant, host: NodeId, bytes: &[u8]) -> Result<(), Malformed> {
        for entry in batch::decode(bytes)? {
            if self.ledger.accept(entry) == Err(Refused::Gap) {
                self.exchange.ask(now, &self.ledger, host);
            }
        }
        Ok(())
    }

    fn written_at(&self, now: Instant) -> WallTime {
        let (at, wall) = self.wall;
        WallTime(wall.0.saturating_add(now.since(at).as_secs()))
    }
}
