//! The ledger: what must outlive every crash, as a set of entries that only grows.
//!
//! Somebody came in, gathered something, won, said something: each is an [`Entry`], written once by
//! one node, copied to all. Two ledgers are merged by taking all entries of both, so
//! it matters neither who hears of what in which order nor how often: whoever has the same entries
//! has the same ledger. Everything else is computed from the set: the order of lines, what was
//! deleted, which of two facts with one key counts, the scores.
//!
//! | part | is |
//! |---|---|
//! | [`entry`] | one fact: head, body, hash, room for a signature |
//! | [`vouching`] | who wrote it: the chain through a stream, and signatures of it |
//! | `arriving` | how entries find their way in, and which do not |
//! | [`body`] | what the cluster itself understands of bodies |
//! | [`batch`] | how entries stand in messages and files |
//! | [`stream`] | what one writer wrote, numbered from 1 without gaps |
//! | [`page`] | many entries of one writer, folded into one |
//! | `folding` | which facts count, what they come to, and what is folded into pages |
//! | [`vector`] | what a ledger holds, in few words |
//! | [`order`] | one order for all: places, given by hosts |
//! | [`placing`] | what waits for a place, put in order a little at a time |
//! | [`catch_up`] | what somebody else lacks, in small portions |
//! | [`disk`] | what this node's disk holds, and what it is asked to keep |
//! | [`witness`] | what the disks of others hold: when an entry is safe |
//! | [`exchange`] | what nodes say to each other about their ledgers |
//! | [`pace`] | how fast somebody may talk |
//! | [`quota`] | how much somebody at one address may bring |
//! | [`keeper`] | all of that as one machine |
//! | `room` | how much a ledger may hold |
//!
//! # What is promised
//! D3: merging is idempotent, commutative and associative. D4: the same order everywhere once merged.
//! D5: no line that was shown vanishes or changes, but by its author's deletion. D6: whatever is
//! computed from the entries depends on the set alone. D1 and D2 (what was acknowledged is there as
//! long as one holder is; ledgers that can talk become equal) are kept by the parts further down.
//!
//! # What is limited
//! An entry: [`entry::BODY_BYTES_MAX`] and so on. A ledger: [`ROWS_MAX`] entries and pages of
//! [`vector::WRITERS_MAX`] writers, [`BYTES_MAX`] bytes of them. Nothing is buffered: an entry that
//! comes before its predecessor is refused, and comes again when it is asked for.

mod arriving;
pub mod batch;
pub mod body;
pub mod catch_up;
pub mod disk;
pub mod entry;
pub mod exchange;
mod folding;
pub mod keeper;
mod opened;
pub mod order;
pub mod pace;
pub mod page;
pub mod placing;
pub mod quota;
mod room;
pub mod stream;
pub mod vector;
pub mod vouching;
pub mod witness;

use std::{
    cell::{OnceCell, RefCell},
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use xxhash_rust::xxh3::xxh3_64;

pub use self::room::{BYTES_MAX, FULL_SOON_PERCENT, Fullness, ROWS_MAX};

use self::{
    body::{Body, has_place},
    disk::Record,
    entry::{Entry, EntryId, Head, Kind, Oversized, SharedEntry, Span, WallTime, Writer},
    opened::Opened,
    order::{Place, Places},
    page::SharedPage,
    placing::Placing,
    stream::Stream,
    vector::Vector,
    vouching::{Chain, Pen},
};
use crate::{
    game::FactRules,
    types::{Epoch, Incarnation, NodeId, SessionId, Term},
};

/// The largest hole that a damaged disk may leave.
const HOLE_MAX: u64 = 1 << 16;

/// How much of what is written in one go may be without a signature, in bytes: a tick, which has little
/// room for entries, is to carry some that somebody vouches for.
const UNSIGNED_BYTES_MAX: usize = 384;

/// How many steps towards a place are made in one call, one per entry: half a millisecond of them.
const PLACING_STEPS: usize = 1_000;

/// The ledger of one session, as one node holds it.
#[derive(Clone, Debug)]
pub struct Ledger {
    session: SessionId,
    me: Writer,
    /// What this node writes with, if it writes.
    pen: Option<Pen>,
    /// What it is to sign next.
    noted: Vec<Entry>,
    streams: BTreeMap<Writer, Stream>,
    /// Of the streams as they are.
    digest: OnceCell<u64>,
    len: usize,
    rows: usize,
    bytes: usize,
    fullness: Fullness,
    fact_rules: FactRules,
    /// Of the entries with one key, the one that counts, if it is in no page: the lowest.
    counted: BTreeMap<Key, SharedEntry>,
    /// Of each group the pages that have facts of it: their writers and first numbers.
    groups: BTreeMap<u64, Vec<(Writer, u64)>>,
    /// Of these the ones that were opened lately.
    opened: RefCell<Opened>,
    /// The facts in pages that do not count.
    beaten: BTreeSet<EntryId>,
    /// By how many hours the clocks of those who wrote were behind this node's.
    behind: BTreeMap<Writer, i64>,
    deleted: BTreeSet<EntryId>,
    /// The lines of chat that are held.
    said: BTreeSet<EntryId>,
    places: Places,
    /// Those that are on their way to a place.
    unplaced: BTreeSet<EntryId>,
    /// The own reign, while this node is host.
    reign: Option<Term>,
    /// Those that came during the own reign and stand before its beginning.
    late: BTreeSet<EntryId>,
    /// Those that are being given places.
    placing: Placing,
    highest_reign: Epoch,
    /// A deliberate bug: nobody's signature is looked at.
    believes_all: bool,
    /// Of each writer the lowest number of what is to be kept and was not reported yet; or of what was, while
    /// more of anything waits to be reported.
    unreported: BTreeMap<Writer, u64>,
    out: VecDeque<Out>,
}

/// The group of a fact, and its key in 128 bits.
type Key = (u64, u128);

/// What became of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is new.
    Fresh,
    /// It was there.
    Known,
    /// It was there without its body.
    Completed,
    /// Another one of the same name was there; both are. Only where nothing was signed.
    Forked,
}

/// Why an entry was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It belongs to another session.
    #[error("an entry of another session")]
    Session,
    /// Its predecessor is not there.
    #[error("an entry whose predecessor is missing")]
    Gap,
    /// Its author never signed it.
    #[error("an entry that its author never signed")]
    Forged,
    /// Nobody vouches for it.
    #[error("an entry without a signature")]
    Unsigned,
    /// Its author has signed another one of the same number.
    #[error("an entry of an author that contradicts itself")]
    Contradicted,
    /// It is in a page that cannot be opened.
    #[error("a page that makes no sense")]
    Malformed,
    /// The ledger is only there to be read.
    #[error("a ledger that nobody writes in here")]
    Reader,
    /// The ledger is full, or its writer has used up its forks.
    #[error("no room for another entry")]
    Full,
    /// It is longer than an entry may be.
    #[error(transparent)]
    Oversized(#[from] Oversized),
}

/// What a ledger reports.
#[derive(Clone, Debug)]
pub enum Out {
    /// To be kept on disk.
    Keep(Record),
    /// A fact that counts.
    Counts(SharedEntry),
    /// A fact that counted and does not any more, because another one of its key is there.
    CountsNoMore(SharedEntry),
    /// A line of chat is held from here on, or stands elsewhere than before, or its author has deleted it.
    Said(EntryId),
    /// All facts of a page count, but for those that a [`CountsNoMore`](Out::CountsNoMore) follows for.
    PageCounts(SharedPage),
    /// Somebody's clock turned out to be set otherwise: what it wrote happened at another time than was
    /// told.
    Redated,
    /// It is that full from here on.
    Filling(Fullness),
    /// Its author has given this name to two entries: it is broken, or lies.
    Equivocation(EntryId),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    Author,
    Peer,
    Disk,
    File,
}

impl Ledger {
    /// An empty one, in which this node writes with `pen`, for facts that nobody can sum up.
    pub fn new(session: SessionId, pen: Pen) -> Self {
        Self::summed(session, pen, FactRules::default())
    }

    /// An empty one, in which this node writes with `pen`; the game sums up its facts so.
    pub fn summed(session: SessionId, pen: Pen, fact_rules: FactRules) -> Self {
        let me = pen.writer();
        Self { me, pen: Some(pen), ..Self::to_read(session, fact_rules) }
    }

    /// The same ledger, in which this node writes from here on.
    pub fn written_with(self, pen: Pen) -> Self {
        Self { me: pen.writer(), pen: Some(pen), ..self }
    }

    /// An empty one in which nobody writes here.
    pub fn to_read(session: SessionId, fact_rules: FactRules) -> Self {
        Self {
            session,
            me: Writer { node: NodeId::from_u128(0), incarnation: Incarnation(0) },
            pen: None,
            noted: Vec::new(),
            streams: BTreeMap::new(),
            digest: OnceCell::new(),
            len: 0,
            rows: 0,
            bytes: 0,
            fullness: Fullness::Roomy,
            fact_rules,
            counted: BTreeMap::new(),
            groups: BTreeMap::new(),
            opened: RefCell::default(),
            beaten: BTreeSet::new(),
            behind: BTreeMap::new(),
            deleted: BTreeSet::new(),
            said: BTreeSet::new(),
            places: Places::default(),
            unplaced: BTreeSet::new(),
            reign: None,
            late: BTreeSet::new(),
            placing: Placing::default(),
            highest_reign: Epoch(0),
            believes_all: false,
            unreported: BTreeMap::new(),
            out: VecDeque::new(),
        }
    }

    /// The session it belongs to.
    pub fn session(&self) -> SessionId {
        self.session
    }

    /// Who writes in it here.
    pub fn me(&self) -> Writer {
        self.me
    }

    /// How many entries it has, those in pages and those behind holes included.
    pub fn len(&self) -> usize {
        self.len
    }

    /// How many of them are behind holes.
    pub fn behind_holes(&self) -> usize {
        let behind = |stream: &Stream| {
            let loose = stream.loose().filter(|entry| entry.id().number > stream.through()).count();
            let pages = stream.pages().filter(|page| page.first() > stream.through());
            loose as u64 + pages.map(|page| page.count()).sum::<u64>()
        };
        self.streams.values().map(behind).sum::<u64>() as usize
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The next thing to report.
    pub fn poll(&mut self) -> Option<Out> {
        let out = self.out.pop_front();
        if out.is_none() {
            self.unreported.clear();
        }
        out
    }

    /// The first number of what `writer` wrote that was not [reported](Ledger::poll) yet, and is to be kept: no
    /// disk can have it.
    pub fn first_unreported(&self, writer: Writer) -> Option<u64> {
        self.unreported.get(&writer).copied()
    }

    /// To be kept.
    fn report(&mut self, record: Record) {
        if let Some((_, EntryId { writer, number })) = record.awaited() {
            let first = self.unreported.entry(writer).or_insert(number);
            *first = number.min(*first);
        }
        self.out.push_back(Out::Keep(record));
    }

    // What comes in.

    /// Writes an entry, and signs it: as host if this node reigns, otherwise as somebody who waits for a
    /// place.
    ///
    /// # Errors
    /// [`Refused`] when it is too long, or the ledger is full, or only there to be read.
    pub fn write(&mut self, written_at: WallTime, body: Body) -> Result<SharedEntry, Refused> {
        self.note(written_at, body)?;
        self.sign().pop().ok_or(Refused::Full)
    }

    /// Notes an entry down: it is written, and takes effect, when this node [signs](Ledger::sign) the next
    /// time. So what is written in one go is signed once.
    ///
    /// # Errors
    /// As for [`write`](Ledger::write).
    pub fn note(&mut self, written_at: WallTime, body: Body) -> Result<(), Refused> {
        let pen = self.pen.as_ref().ok_or(Refused::Reader)?;
        let author = Body::Author(pen.public());
        let written = self.streams.get(&self.me).map_or(0, Stream::last);
        if !self.has_room(self.me, self.noted.len() + 2) {
            return Err(Refused::Full);
        }
        let entry = |number, body| self.draft(written + number, written_at, body);
        let number = self.noted.len() as u64 + 1;
        if written == 0 && self.noted.is_empty() {
            let (first, second) = (entry(1, author)?, entry(2, body)?);
            self.noted.extend([first, second]);
        } else {
            let entry = entry(number, body)?;
            self.noted.push(entry);
        }
        Ok(())
    }

    /// The name of what was written or noted last.
    pub fn newest(&self) -> EntryId {
        let written = self.streams.get(&self.me).map_or(0, Stream::last);
        EntryId { writer: self.me, number: written + self.noted.len() as u64 }
    }

    /// The own entry of this number.
    fn draft(&self, number: u64, written_at: WallTime, body: Body) -> Result<Entry, Oversized> {
        let (kind, key_bytes, bytes) = body.into_parts();
        let id = EntryId { writer: self.me, number };
        let reign = self.reign.map(|term| term.epoch);
        let head = Head { id, session: self.session, written_at, reign, kind, key_bytes };
        Entry::new(head, &bytes)
    }

    /// Signs what was [noted](Ledger::note): from here on it is written. Returns it.
    pub fn sign(&mut self) -> Vec<SharedEntry> {
        let noted = std::mem::take(&mut self.noted);
        let Some(pen) = self.pen.as_ref().filter(|_| self.has_room(self.me, noted.len())) else {
            return Vec::new();
        };
        let start = || Chain::start(self.session, self.me);
        let mut chain = self.streams.get(&self.me).map_or_else(start, Stream::chain);
        let (count, mut unsigned) = (noted.len(), 0);
        let mut signed = Vec::with_capacity(count);
        for (place, entry) in (1..).zip(noted) {
            chain = chain.after(entry.hash());
            unsigned += entry.bytes();
            // What a stream begins with can be checked alone.
            let ends = place == count || entry.id().number == 1 || unsigned >= UNSIGNED_BYTES_MAX;
            unsigned = if ends { 0 } else { unsigned };
            signed.push(if ends { pen.sign(entry, chain) } else { entry });
        }
        signed.into_iter().map(|entry| self.put(entry, Source::Author)).collect()
    }

    /// From here on this node writes as the host of this reign.
    pub fn reigns(&mut self, epoch: Epoch) {
        let (host, incarnation) = (self.me.node, self.me.incarnation);
        self.reign = Some(Term { epoch, host, incarnation });
        self.late.clear();
        self.placing = Placing::default();
    }

    /// From here on this node is not host.
    pub fn follows(&mut self) {
        self.reign = None;
        self.late.clear();
        self.placing = Placing::default();
    }

    /// As host: gives a place to all that wait for one, and to all that came late from reigns
    /// before: in one block, in the order that they had so far. Best called when nothing more is
    /// expected at once. Very many take several calls. Returns what was written.
    pub fn place(&mut self, written_at: WallTime) -> Option<SharedEntry> {
        if !self.has_to_place() {
            return None;
        }
        let mut steps = PLACING_STEPS;
        while !self.placing.is_leaving() && self.line_up_next() {
            steps -= 1;
            if steps == 0 {
                return None;
            }
        }
        if !self.placing.leave(steps) {
            return None;
        }
        let spans = self.placing.take_spans();
        if self.placing.is_empty() {
            self.placing = Placing::default();
        }
        (!spans.is_empty()).then(|| self.write(written_at, Body::Placed(spans)).ok()).flatten()
    }

    /// One more of those that wait lines up for its place. Whether there was one.
    fn line_up_next(&mut self) -> bool {
        let late = self.late.pop_first();
        let Some(id) = late.or_else(|| self.placing.next_of(&self.unplaced)) else { return false };
        let place = self.at(id).filter_map(|entry| self.places.of(&entry)).max();
        self.placing.line_up(id, place);
        true
    }

    /// Whether this node writes as host.
    pub fn is_reigning(&self) -> bool {
        self.reign.is_some()
    }

    /// In which epoch this node reigns, if it does.
    fn reigns_in(&self) -> Option<Epoch> {
        self.reign.map(|term| term.epoch)
    }

    /// Whether as host this node has something to give a place to.
    pub fn has_to_place(&self) -> bool {
        let nothing = self.unplaced.is_empty() && self.late.is_empty() && self.placing.is_empty();
        self.reign.is_some() && !nothing
    }

    // What is there.

    /// The entries of this name: none, one, or, if their writer is broken, more.
    pub fn at(&self, id: EntryId) -> impl Iterator<Item = SharedEntry> + use<> {
        let stream = self.streams.get(&id.writer).filter(|stream| id.number <= stream.through());
        stream.map(|stream| stream.at(id.number)).into_iter().flatten()
    }

    /// All entries held, by writer and number.
    pub fn entries(&self) -> impl Iterator<Item = SharedEntry> {
        self.streams.values().flat_map(Stream::entries)
    }

    /// All entries known, those behind holes included, by writer and number.
    pub fn known(&self) -> impl Iterator<Item = SharedEntry> {
        self.streams.values().flat_map(Stream::known)
    }

    /// All pages known, by writer and number.
    pub fn pages(&self) -> impl Iterator<Item = &SharedPage> {
        self.streams.values().flat_map(Stream::pages)
    }

    /// All entries known that are in no page, by writer and number.
    pub fn loose(&self) -> impl Iterator<Item = &SharedEntry> {
        self.streams.values().flat_map(Stream::loose)
    }

    /// The entries for which there could be a line and that are `wanted`, in the order that is the
    /// same for all, each with its place. One without a body was deleted by its author; one whose
    /// body is only missing yet is left out.
    pub fn lines(&self, wanted: impl Fn(&Entry) -> bool) -> Vec<(Option<Place>, SharedEntry)> {
        let is_line = |entry: &Entry| has_place(entry.head().kind) && self.is_whole(entry);
        let wanted = |entry: &SharedEntry| is_line(entry) && wanted(entry);
        self.places.sort(self.entries().filter(wanted))
    }

    /// All entries held of a kind that is its author's own, by writer and number.
    pub fn personal(&self, kind: Kind) -> impl Iterator<Item = &SharedEntry> {
        // Such entries are in no page.
        let held = self.streams.values().flat_map(|stream| {
            stream.loose().take_while(|entry| entry.id().number <= stream.through())
        });
        held.filter(move |entry| kind.is_personal() && entry.head().kind == kind)
    }

    /// All lines of chat that are held, by writer and number.
    pub fn said(&self) -> impl Iterator<Item = EntryId> {
        self.said.iter().copied()
    }

    /// The place of an entry in the order, if it has one.
    pub fn place_of(&self, entry: &Entry) -> Option<Place> {
        self.places.of(entry)
    }

    /// Whether an entry is still on its way to a place.
    pub fn is_unplaced(&self, id: EntryId) -> bool {
        self.unplaced.contains(&id)
    }

    /// What it holds, in few words. What nobody vouches for is left out: it is only here.
    pub fn vector(&self) -> Vector {
        let signed = self.streams.iter().filter(|(_, stream)| !stream.is_history());
        signed.map(|(writer, stream)| (*writer, stream.mark())).collect()
    }

    /// How many entries are of an earlier version, so that nobody vouches for them.
    pub fn unsigned_len(&self) -> usize {
        let history = self.streams.values().filter(|stream| stream.is_history());
        history.map(|stream| stream.known().count()).sum()
    }

    /// Everybody whose signatures do not fit what is held: each of them is checked.
    pub fn unvouched(&self) -> Vec<Writer> {
        let wrong = self.streams.iter().filter(|(_, stream)| !stream.is_true());
        wrong.map(|(writer, _)| *writer).collect()
    }

    /// The highest reign in which any of its entries was written.
    pub fn highest_reign(&self) -> Epoch {
        self.highest_reign
    }

    /// Everybody who wrote.
    pub fn writers(&self) -> impl Iterator<Item = Writer> {
        self.streams.keys().copied()
    }

    /// What `writer` wrote.
    pub fn stream(&self, writer: Writer) -> Option<&Stream> {
        self.streams.get(&writer)
    }

    /// A number that is the same for equal ledgers.
    pub fn digest(&self) -> u64 {
        *self.digest.get_or_init(|| xxh3_64(&self.vector().encode()))
    }

    // What follows from an entry.

    /// A new entry, and all that follows from it.
    fn put(&mut self, entry: Entry, source: Source) -> SharedEntry {
        let EntryId { writer, number } = entry.id();
        let deleted = self.deleted.contains(&entry.id());
        let entry = Arc::new(entry.redacted().filter(|_| deleted).unwrap_or(entry));
        let weight = self.weight(&entry);
        self.digest.take();
        let stream = self.streams.entry(writer).or_default();
        let (before, last) = (stream.through(), stream.last());
        stream.insert(entry.clone(), weight);
        let through = stream.through();
        self.len += 1;
        self.grow(1, entry.bytes() as isize);
        self.keep(entry.clone(), true, source);
        // Usually it goes on where all that is known ends.
        let goes_on = number > last && through == number && before + 1 == number;
        if number <= before || goes_on {
            self.take_effect(&entry, source);
        } else {
            self.take_effect_from(writer, before, source);
        }
        entry
    }

    /// What a writer wrote after this number is held from here on.
    fn take_effect_from(&mut self, writer: Writer, before: u64, source: Source) {
        let mut next = before + 1;
        while let Some(stream) = self.streams.get(&writer)
            && next <= stream.through()
        {
            if let Some(page) = stream.page_at(next).cloned() {
                self.take_effect_of_page(&page, source);
                next = page.last() + 1;
                continue;
            }
            let held: Vec<SharedEntry> = stream.at(next).collect();
            held.iter().for_each(|entry| self.take_effect(entry, source));
            next += 1;
        }
    }

    fn take_effect(&mut self, entry: &SharedEntry, source: Source) {
        self.highest_reign = self.highest_reign.max(entry.head().reign.unwrap_or_default());
        self.seat(entry);
        match entry.head().kind {
            Kind::LINE => self.hear_said(entry.id()),
            _ => self.count(entry),
        }
        let acts = !has_place(entry.head().kind);
        match acts.then(|| Body::of(entry)).flatten() {
            Some(Body::Deleted(target)) if target.writer.node == entry.id().writer.node => {
                self.delete(target, source);
            }
            Some(Body::Placed(spans)) => {
                if let Some(place) = Place::of(entry) {
                    for (position, span) in (1..).zip(&spans) {
                        self.give(span, Place { position, ..place });
                    }
                }
            }
            _ => {}
        }
    }

    fn hear_said(&mut self, id: EntryId) {
        self.said.insert(id);
        self.out.push_back(Out::Said(id));
    }

    /// What comes from the disk is on it. But what has changed since has to go there again.
    fn keep(&mut self, entry: SharedEntry, fresh: bool, source: Source) {
        if source != Source::Disk {
            let record = if fresh { Record::Fresh(entry) } else { Record::Changed(entry) };
            self.report(record);
        }
    }

    /// An entry whose body is missing, although nobody is known to have deleted it, does not count
    /// in the checksum: so the next comparison brings the body, or the deletion.
    fn weight(&self, entry: &Entry) -> u64 {
        if self.is_whole(entry) { entry.hash().short() } else { 0 }
    }

    fn is_whole(&self, entry: &Entry) -> bool {
        entry.body().is_some() || self.deleted.contains(&entry.id())
    }

    /// Notes whether an entry waits for a place, or for a new one.
    fn seat(&mut self, entry: &Entry) {
        if !has_place(entry.head().kind) {
            return;
        }
        let highest = self.places.of(entry).map(|place| place.term);
        if highest.is_none() {
            self.unplaced.insert(entry.id());
        } else if highest < self.reign {
            self.late.insert(entry.id());
        }
    }

    fn give(&mut self, span: &Span, place: Place) {
        self.places.give(span, place);
        let Span { writer, first, last } = *span;
        let range = EntryId { writer, number: first }..=EntryId { writer, number: last };
        let seated: Vec<EntryId> = self.unplaced.range(range.clone()).copied().collect();
        self.out.extend(self.said.range(range).copied().map(Out::Said));
        for id in seated {
            self.unplaced.remove(&id);
            // A host of before gave it a place: in whichever order they came, it stands behind what this
            // one has placed.
            if Some(place.term) < self.reign {
                self.late.insert(id);
            }
        }
    }

    /// The author of `target` has deleted it.
    fn delete(&mut self, target: EntryId, source: Source) {
        if self.deleted.contains(&target) {
            return;
        }
        // What is in a page cannot be deleted.
        let stream = self.streams.get(&target.writer);
        let loose = stream.filter(|stream| stream.page_at(target.number).is_none()).into_iter();
        let targets: Vec<SharedEntry> = loose.flat_map(|stream| stream.at(target.number)).collect();
        let before: Vec<u64> = targets.iter().map(|entry| self.weight(entry)).collect();
        self.deleted.insert(target);
        if self.said.contains(&target) {
            self.out.push_back(Out::Said(target));
        }
        for (entry, before) in targets.into_iter().zip(before) {
            let redacted = entry.redacted().map(Arc::new);
            let stays = redacted.is_none();
            let entry = redacted.unwrap_or(entry);
            let gained = self.weight(&entry).wrapping_sub(before);
            self.digest.take();
            if let Some(stream) = self.streams.get_mut(&target.writer) {
                stream.replace(entry.clone(), gained);
            }
            if !stays {
                // Whoever told of the deletion: the disk may have the body yet.
                let source = if source == Source::Disk { Source::Peer } else { source };
                self.keep(entry, false, source);
            }
        }
    }
}

#[cfg(test)]
mod tests;
