//! The ledger of a session with everything around it, as one machine: the disk below, the peers
//! beside. It is fed and drained like a node: see [`node`](crate::node).

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    net::IpAddr,
    time::Duration,
};

use super::{
    Fullness, Ledger, Out as LedgerOut, Refused,
    batch::{self, Carried},
    body::Body,
    disk::{BatchId, Disk, Record, Report, Stored, Trouble},
    entry::{Entry, EntryId, SharedEntry, WallTime, Writer},
    exchange::{Exchange, LedgerMessage, Sender},
    pace::Allowed,
    page::{PAGE_ENTRIES_MAX, SharedPage},
    stream::Stream,
    vouching::Pen,
    witness::{Reach, Safety, Witnesses},
};
use crate::{
    game::{FactRules, Malformed, Rate},
    refusals::Refusals,
    text::SessionName,
    types::{Epoch, Instant, NodeId, SessionId},
};

/// How long a host waits for the rest of what somebody brings before it gives it a place.
const PLACE_PATIENCE: Duration = Duration::from_secs(2);

/// The time between two looks at what has become safe.
const RECKON_EVERY: Duration = Duration::from_millis(50);

/// When what was written is folded into pages.
#[derive(Clone, Copy, Debug)]
pub struct Folding {
    /// The most entries in a page, at most [`PAGE_ENTRIES_MAX`]. While somebody writes, its pages have
    /// so many.
    pub entries: u64,
    /// How many of the last entries of whoever writes are left as they are: the round that goes on, and
    /// what others may lack yet.
    pub spared: u64,
    /// The time after which whoever wrote nothing more is done.
    pub rest: Duration,
    /// Then all that it wrote is folded, if it is at least so much.
    pub least: u64,
    /// The time between two pages.
    pub pause: Duration,
}

impl Default for Folding {
    fn default() -> Self {
        Self {
            entries: PAGE_ENTRIES_MAX,
            spared: 512,
            rest: Duration::from_secs(120),
            least: 16,
            pause: Duration::from_millis(60),
        }
    }
}

/// How much somebody must have written since nothing was found to fold, to be looked at again.
const FOLD_AGAIN: u64 = 64;

/// What is known of a writer's stream, so that it is not looked through in vain.
#[derive(Clone, Debug)]
struct Rest {
    /// How much of it was held last.
    through: u64,
    /// Since when it has not grown.
    since: Instant,
    /// While it grows: how long it must be to be looked at.
    look_at: u64,
    /// It rests, and all of it that can be folded is.
    done: bool,
}

/// How many streams are looked at for something to be folded in one go.
const FOLD_STREAMS: usize = 64;

/// What is to be done, and what happened.
#[derive(Clone, Debug)]
pub enum Out {
    /// Say this to a peer, over the link.
    Send {
        /// To whom.
        to: NodeId,
        /// The message.
        message: LedgerMessage,
    },
    /// Write this to the disk and sync it; a [`Report`] follows.
    Persist {
        /// The batch.
        batch: BatchId,
        /// All that is to be written and synced at once.
        records: Vec<Record>,
    },
    /// Note on the disk which session is played under this name.
    Remember(SessionId, SessionName),
    /// The ledger of another session is open: all that counts in it follows.
    Opened,
    /// A fact that counts from here on.
    Counts(SharedEntry),
    /// A fact that does not count any more: another one of the same key does.
    CountsNoMore(SharedEntry),
    /// A line of chat is held from here on, or stands elsewhere than before, or is deleted.
    Said(EntryId),
    /// What this writer wrote up to this number is so safe from here on.
    Safe(Writer, Safety, u64),
    /// All facts of a page count from here on.
    PageCounts(SharedPage),
    /// What was told of happened at other times: all that counts is to be told anew.
    Redated,
    /// The ledger is that full from here on. For people.
    Filling(Fullness),
    /// A writer gave two entries one name. For people.
    Equivocation(EntryId),
    /// Nothing more will be kept on this machine. For people.
    DiskFailed(Trouble),
}

/// The ledger, its disk and its peers.
#[derive(Clone, Debug)]
pub struct Keeper {
    /// What this node writes with.
    pen: Pen,
    /// The open one. Before it is known which session is played, that of none.
    ledger: Ledger,
    /// What else is on the disk, as far as it was read.
    stored: Stored,
    /// The disk is being read. Until then nothing is written to it, nobody is asked for what may be on it, and
    /// what comes is taken as it comes.
    reads: bool,
    disk: Disk,
    witnesses: Witnesses,
    exchange: Exchange,
    /// What the wall clock said at some instant.
    wall: (Instant, WallTime),
    /// Since when something waits for a place.
    to_place: Option<Instant>,
    /// What a host had written with a world that this node holds, and that it lacks yet.
    owed: Option<(Writer, u64)>,
    /// What the next tick is to carry.
    riding: Vec<SharedEntry>,
    /// What was said to be safe of those who wrote lately.
    safe: BTreeMap<Writer, Reach>,
    /// Those of whom not everything is on two machines.
    unsafe_yet: BTreeSet<Writer>,
    reckon_at: Instant,
    fact_rules: FactRules,
    /// How many runs of entries that worlds carried were refused: their authors never signed them.
    refusals: Refusals,
    folding: Folding,
    /// A deliberate bug: see [`Ledger::believes_all`].
    believes_all: bool,
    rests: BTreeMap<Writer, Rest>,
    /// Whose stream was looked at last.
    folded: Option<Writer>,
    fold_at: Instant,
    out: VecDeque<Out>,
}

impl Keeper {
    /// All that was `stored`, with no ledger open; if that is not known yet it is [`read`](Keeper::read) later.
    /// This node writes with `pen`, or only `watches`.
    pub fn new(
        now: Instant,
        wall: WallTime,
        pen: Pen,
        watches: bool,
        stored: Option<Stored>,
    ) -> Self {
        let reads = stored.is_none();
        let stored = stored.unwrap_or_else(|| Stored { works: true, ..Stored::default() });
        let mut exchange = Exchange::new(watches);
        exchange.set_unread(reads);
        Self {
            ledger: Ledger::new(SessionId::default(), pen.clone()),
            pen,
            disk: if stored.works { Disk::new() } else { Disk::none() },
            stored,
            reads,
            witnesses: Witnesses::default(),
            exchange,
            wall: (now, wall),
            to_place: None,
            owed: None,
            riding: Vec::new(),
            safe: BTreeMap::new(),
            unsafe_yet: BTreeSet::new(),
            reckon_at: now,
            fact_rules: FactRules::default(),
            refusals: Refusals::default(),
            folding: Folding::default(),
            believes_all: false,
            rests: BTreeMap::new(),
            folded: None,
            fold_at: now,
            out: VecDeque::new(),
        }
    }

    /// The game sums up its facts so, and they are folded then. To be said before anything is open.
    pub fn folds(mut self, fact_rules: FactRules, folding: Folding) -> Self {
        self.ledger = Ledger::summed(self.ledger.session(), self.pen.clone(), fact_rules);
        Self { fact_rules, folding, ..self }
    }

    /// Whether it takes what nobody signed: a deliberate bug.
    pub(crate) fn believes_all(self, believes_all: bool) -> Self {
        Self { believes_all, ..self }
    }

    /// Others may talk so fast.
    pub fn allows(mut self, allowed: Allowed) -> Self {
        self.exchange.allow(allowed);
        self
    }

    /// A tick lasts so long.
    pub fn at(mut self, rate: Rate) -> Self {
        self.exchange.serve_at(rate);
        self
    }

    /// This is the session that is played: its ledger is taken out, or begun, and the one that was
    /// open is put away.
    pub fn open(&mut self, now: Instant, session: SessionId) {
        if self.ledger.session() != session {
            self.reopen(now, session);
        }
    }

    /// Whether it is known which session is played, and its ledger is open.
    pub fn is_open(&self) -> bool {
        self.ledger.session() != SessionId::default()
    }

    /// The session that was played last under this name, as far as this machine knows.
    pub fn last_session(&self, name: &SessionName) -> Option<SessionId> {
        self.stored.last_session(name)
    }

    /// The open ledger is that of what is played under this name: it goes on the next time.
    pub fn remember(&mut self, name: &SessionName) {
        let session = self.ledger.session();
        if self.stored.remember(session, name) && self.disk.trouble().is_none() {
            self.out.push_back(Out::Remember(session, name.clone()));
        }
    }

    /// From here on this node writes with this pen.
    pub fn write_with(&mut self, now: Instant, pen: Pen) {
        self.pen = pen;
        self.reopen(now, self.ledger.session());
    }

    fn reopen(&mut self, now: Instant, session: SessionId) {
        self.ledger.sign();
        self.hear_ledger();
        let old = self.closed();
        if !old.is_empty() {
            let entries = old.loose().map(|entry| Entry::clone(entry)).collect();
            self.stored.ledgers.insert(old.session(), entries);
            self.stored.pages.insert(old.session(), old.pages().cloned().collect());
        }
        self.put_clocks_away(&old);
        self.take_out(now, session);
    }

    /// The disk was read, and held this. What came meanwhile is taken anew, as if it came now.
    pub fn read(&mut self, now: Instant, stored: Stored) {
        if !std::mem::take(&mut self.reads) {
            return;
        }
        self.exchange.set_unread(false);
        self.ledger.sign();
        self.hear_ledger();
        let played = std::mem::take(&mut self.stored);
        self.stored = stored;
        for (session, name) in played.sessions.iter().rev() {
            self.stored.remember(*session, name);
        }
        // What was to be written may be there already.
        self.disk = if self.stored.works { Disk::new() } else { Disk::none() };
        let (riding, owed) = (std::mem::take(&mut self.riding), self.owed.take());
        let old = self.closed();
        let heard = old.clocks().map(|(writer, hours)| (old.session(), writer, hours));
        for clock in played.clocks.iter().copied().chain(heard) {
            self.keep_clock(clock);
        }
        let me = old.me();
        let (own, others): (Vec<_>, Vec<_>) =
            old.loose().cloned().partition(|entry| entry.id().writer == me);
        let mine = own.iter().map(|entry| Entry::clone(entry));
        self.stored.ledgers.entry(old.session()).or_default().extend(mine);
        own.into_iter().for_each(|entry| self.disk.keep(Record::Fresh(entry)));
        self.take_out(now, old.session());
        if let Some(epoch) = old.reigns_in() {
            self.ledger.reigns(epoch);
        }
        for (session, entries) in played.ledgers {
            self.keep_of_closed(session, entries);
        }
        for run in batch::runs(others.iter().map(|entry| Entry::clone(entry)).collect()) {
            // What does not fit on what is held is asked for.
            let _ = self.ledger.accept(run);
        }
        self.riding = riding;
        self.owed = owed.filter(|(writer, through)| !self.is_held(*writer, *through));
    }

    /// What was heard of somebody's clock, if that is not on the disk.
    fn keep_clock(&mut self, clock: (SessionId, Writer, i64)) {
        let (session, writer, hours) = clock;
        if !self.stored.clocks.contains(&clock) {
            self.stored.clocks.retain(|known| (known.0, known.1) != (session, writer));
            self.stored.clocks.push(clock);
            self.disk.keep(Record::Clock(session, writer, hours));
        }
    }

    /// Entries of a session that was left again before the disk was read: of what this node wrote there others need
    /// not hold a copy.
    fn keep_of_closed(&mut self, session: SessionId, entries: Vec<Entry>) {
        let own = entries.into_iter().filter(|entry| entry.id().writer == self.ledger.me());
        for entry in own {
            self.disk.keep(Record::Fresh(entry.clone().into()));
            self.stored.ledgers.entry(session).or_default().push(entry);
        }
    }

    /// Whether the disk is being read yet.
    pub fn is_reading(&self) -> bool {
        self.reads
    }

    /// The ledger that was open.
    fn closed(&mut self) -> Ledger {
        let none = Ledger::to_read(SessionId::default(), self.fact_rules);
        std::mem::replace(&mut self.ledger, none)
    }

    fn put_clocks_away(&mut self, old: &Ledger) {
        let (session, clocks) = (old.session(), old.clocks().collect::<BTreeMap<_, _>>());
        let is_old =
            |clock: &(SessionId, Writer, i64)| clock.0 == session && clocks.contains_key(&clock.1);
        self.stored.clocks.retain(|clock| !is_old(clock));
        self.stored.clocks.extend(clocks.iter().map(|(writer, hours)| (session, *writer, *hours)));
    }

    /// The ledger of this session is open from here on.
    fn take_out(&mut self, now: Instant, session: SessionId) {
        self.ledger = self.stored.take_out(session, self.pen.clone(), self.fact_rules);
        self.ledger.believes_all(self.believes_all);
        self.rests.clear();
        self.exchange.set_wall(self.written_at(now));
        self.riding.clear();
        self.owed = None;
        self.to_place = None;
        self.witnesses.forget();
        self.safe.clear();
        // What an earlier version wrote is on this disk alone, and stays so.
        self.unsafe_yet = self.ledger.vector().marks().map(|(writer, _)| writer).collect();
        for writer in self.unsafe_yet.clone() {
            self.safe.insert(writer, self.witnesses.reach(&self.ledger, &self.disk, writer));
        }
        self.out.push_back(Out::Opened);
        self.exchange.turn_to(now, &self.ledger, &self.disk);
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
        self.witnesses.reach(&self.ledger, &self.disk, id.writer).safety(id.number)
    }

    /// On how many other machines' disks an entry is, as far as they have said.
    pub fn copies(&self, id: EntryId) -> usize {
        self.witnesses.copies(&self.ledger, id)
    }

    /// Whether more is expected from somebody who was asked for what is lacking here.
    pub fn is_catching_up(&self, now: Instant) -> bool {
        self.exchange.is_catching_up(now)
    }

    /// How safe the whole ledger is, as far as was said.
    pub fn safety_of_all(&self) -> Safety {
        let safety = |writer: &Writer| {
            let through = self.ledger.stream(*writer).map_or(0, Stream::through);
            self.safe.get(writer).copied().unwrap_or_default().safety(through)
        };
        self.unsafe_yet.iter().map(safety).min().unwrap_or(Safety::Shared)
    }

    /// Whether this node holds a world whose facts it does not all hold yet. It asks for them.
    pub fn is_owed(&self) -> bool {
        self.owed.is_some()
    }

    fn is_held(&self, writer: Writer, through: u64) -> bool {
        // Of who contradicts itself nothing more will be.
        let held = |stream: &Stream| stream.breach().is_some() || stream.through() >= through;
        through == 0 || self.ledger.stream(writer).is_some_and(held)
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Option<Out> {
        self.hear_ledger();
        // First to the disk, then to others.
        if !self.reads
            && let Some((batch, records)) = self.disk.next_batch()
        {
            return Some(Out::Persist { batch, records });
        }
        self.out.pop_front().or_else(|| {
            let (to, message) = self.exchange.poll()?;
            Some(Out::Send { to, message })
        })
    }

    fn hear_ledger(&mut self) {
        while let Some(out) = self.ledger.poll() {
            match out {
                LedgerOut::Keep(record) => {
                    self.unsafe_yet.extend(record.writer());
                    self.disk.keep(record);
                }
                LedgerOut::PageCounts(page) => self.out.push_back(Out::PageCounts(page)),
                LedgerOut::Said(id) => self.out.push_back(Out::Said(id)),
                LedgerOut::Redated => self.out.push_back(Out::Redated),
                LedgerOut::Filling(fullness) => self.out.push_back(Out::Filling(fullness)),
                LedgerOut::Counts(entry) => self.out.push_back(Out::Counts(entry)),
                LedgerOut::CountsNoMore(entry) => self.out.push_back(Out::CountsNoMore(entry)),
                LedgerOut::Equivocation(id) => self.out.push_back(Out::Equivocation(id)),
            }
        }
    }

    // Time, disk, peers.

    /// What the wall clock says: now and then, for it may be set.
    pub fn wall(&mut self, now: Instant, wall: WallTime) {
        self.wall = (now, wall);
    }

    /// A tick has passed: as many a second as the game has, whoever hosts.
    pub fn tick(&mut self, now: Instant) {
        self.sign();
        self.owed = self.owed.filter(|(writer, through)| !self.is_held(*writer, *through));
        if let Some((host, _)) = self.owed {
            self.exchange.ask(now, &self.ledger, host.node);
        }
        self.exchange.set_wall(self.written_at(now));
        self.exchange.tick(now, &self.ledger, &mut self.disk);
        if now >= self.fold_at && !self.reads {
            self.fold_at = now + self.folding.pause;
            self.fold(now);
        }
        if now >= self.reckon_at {
            self.reckon_at = now + RECKON_EVERY;
            self.reckon();
        }
        if !self.ledger.has_to_place() {
            self.to_place = None;
            return;
        }
        let since = *self.to_place.get_or_insert(now);
        if !self.exchange.is_catching_up(now) || now.since(since) > PLACE_PATIENCE {
            let before = self.written();
            self.ledger.place(self.written_at(now));
            self.ride_from(before);
            self.to_place = None;
        }
    }

    /// Folds one page, if something has come to rest.
    fn fold(&mut self, now: Instant) {
        self.ledger.close_pages();
        let after = self.folded.take();
        let later = |writer: &Writer| after.is_none_or(|after| *writer >= after);
        let writers: Vec<Writer> =
            self.ledger.writers().filter(later).take(FOLD_STREAMS + 1).collect();
        for writer in writers.iter().take(FOLD_STREAMS) {
            let through = self.ledger.stream(*writer).map_or(0, Stream::through);
            let fresh = || Rest { through, since: now, look_at: 0, done: false };
            let rest = self.rests.entry(*writer).or_insert_with(fresh);
            if rest.through != through {
                *rest = Rest { look_at: rest.look_at, ..fresh() };
            }
            let Folding { entries, spared, rest: patience, least, .. } = self.folding;
            let rests = now.since(rest.since) >= patience;
            if rest.done || !rests && through < rest.look_at {
                continue;
            }
            let (least, spared) = if rests { (least, 0) } else { (entries, spared) };
            if self.ledger.fold_stream(*writer, least, entries, spared) {
                self.folded = Some(*writer);
                return;
            }
            // What waits for a place is in nobody's way for long.
            rest.done = rests && !self.ledger.has_to_place();
            rest.look_at = through + FOLD_AGAIN.min(entries);
        }
        self.folded = writers.get(FOLD_STREAMS).copied();
    }

    /// Says what has become safe.
    fn reckon(&mut self) {
        self.hear_ledger();
        let mut whole = Vec::new();
        for writer in &self.unsafe_yet {
            let reach = self.witnesses.reach(&self.ledger, &self.disk, *writer);
            let before = self.safe.insert(*writer, reach).unwrap_or_default();
            if reach.mine > before.mine {
                self.out.push_back(Out::Safe(*writer, Safety::Mine, reach.mine));
            }
            if reach.shared > before.shared {
                self.out.push_back(Out::Safe(*writer, Safety::Shared, reach.shared));
            }
            let through = self.ledger.stream(*writer).map_or(0, Stream::through);
            let mine = reach.mine >= through || self.disk.trouble().is_some();
            // Of who contradicts itself others may hold something else for ever.
            let stream = self.ledger.stream(*writer);
            let broken = stream.is_some_and(|stream| stream.breach().is_some());
            if broken || mine && reach.shared >= through {
                whole.push(*writer);
            }
        }
        for writer in whole {
            self.unsafe_yet.remove(&writer);
        }
    }

    /// Hands everything to the disk that waits for it: this node is about to leave. While the disk is being read
    /// nothing was promised yet.
    pub fn flush(&mut self) {
        self.sign();
        self.hear_ledger();
        if !self.reads
            && let Some((batch, records)) = self.disk.last_batch()
        {
            self.out.push_back(Out::Persist { batch, records });
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

    /// This node only watches from here on, or does no more.
    pub fn set_watching(&mut self, watches: bool) {
        self.exchange.set_watching(watches);
    }

    /// A link to `peer` is up, or was replaced. If it only `watches` it is told nothing unasked.
    pub fn link_is_up(&mut self, now: Instant, peer: NodeId, watches: bool) {
        self.exchange.set_wall(self.written_at(now));
        self.exchange.link_is_up(now, &self.ledger, &self.disk, peer, watches);
    }

    /// The link to `peer` is gone.
    pub fn part(&mut self, peer: NodeId) {
        self.exchange.part(peer);
    }

    /// All links are gone.
    pub fn part_all(&mut self) {
        self.exchange.part_all();
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

    /// This node reigns from here on. If its world is another's, that one has facts that it lacks.
    pub fn reigns(&mut self, epoch: Epoch) {
        self.ledger.reigns(epoch);
        self.exchange.compare_soon();
    }

    /// This node follows from here on.
    pub fn follows(&mut self) {
        self.ledger.follows();
        self.riding.clear();
    }

    /// Writes an entry. What a host writes is signed and carried by its next tick: so whoever holds that
    /// tick's world holds the entry. What others write goes to everybody at once.
    ///
    /// # Errors
    /// [`Refused`]: it is too long, or the ledger is full.
    pub fn write(&mut self, now: Instant, body: Body) -> Result<(), Refused> {
        self.ledger.note(self.written_at(now), body)?;
        if !self.ledger.is_reigning() {
            self.sign();
        }
        Ok(())
    }

    /// Writes what a person says. Its name, under which it stands from here on.
    ///
    /// # Errors
    /// As for [`write`](Keeper::write).
    pub fn say(&mut self, now: Instant, body: Body) -> Result<EntryId, Refused> {
        self.write(now, body)?;
        Ok(self.ledger.newest())
    }

    /// Signs what was written since the last time, and lets it ride, or tells it to everybody.
    fn sign(&mut self) {
        let written = self.ledger.sign();
        if self.ledger.is_reigning() {
            self.riding.extend(written);
        } else if !written.is_empty() {
            self.exchange.spread(&self.ledger, &written);
        }
    }

    /// How much this node has written.
    fn written(&self) -> u64 {
        self.ledger.stream(self.ledger.me()).map_or(0, Stream::through)
    }

    /// What this node has written after this number is carried by the next tick.
    fn ride_from(&mut self, number: u64) {
        let writer = self.ledger.me();
        for number in number + 1..=self.written() {
            self.riding.extend(self.ledger.at(EntryId { writer, number }));
        }
    }

    /// As host: what was written since the last call, for the tick to carry.
    pub fn take_riding(&mut self) -> Vec<SharedEntry> {
        self.sign();
        std::mem::take(&mut self.riding)
    }

    /// How many runs of entries and pages were refused because their authors never signed them.
    pub fn forged(&self) -> u64 {
        self.refusals.all() + self.exchange.forged()
    }

    /// Takes what a world of `host` carried. What is lacking yet is asked for. Returns what it carried that
    /// is held.
    pub fn take(&mut self, now: Instant, host: Writer, carried: Carried) -> Vec<SharedEntry> {
        let names: Vec<EntryId> = carried.entries.iter().map(Entry::id).collect();
        for run in batch::runs(carried.entries) {
            // What does not fit on what is held shows in the end.
            let taken = self.exchange.take(now, &mut self.ledger, run);
            if let Err(error @ (Refused::Forged | Refused::Unsigned)) = taken {
                let what = format!("entries that a world carried: {error}");
                self.refusals.note(now, host.node, &what);
            }
        }
        // Whoever passes a tick on may know of less than another one did.
        let known = self.owed.filter(|(writer, _)| *writer == host);
        let written = known.map_or(0, |(_, through)| through).max(carried.written);
        self.owed = (!self.is_held(host, written)).then_some((host, written));
        if self.owed.is_some() {
            self.exchange.ask(now, &self.ledger, host.node);
        }
        names.into_iter().flat_map(|id| self.ledger.at(id)).collect()
    }

    /// What the wall clock would say now.
    pub fn written_at(&self, now: Instant) -> WallTime {
        let (at, wall) = self.wall;
        WallTime(wall.0.saturating_add(now.since(at).as_secs()))
    }
}
