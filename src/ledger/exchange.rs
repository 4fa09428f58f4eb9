//! What nodes say to each other about their ledgers.
//!
//! Whoever is linked compares: each says a [digest](Ledger::digest) of its ledger, twice a second until both have
//! said the same, and every few seconds from then on.
//! Who hears another one than its own asks with its [vector](super::vector), and gets what it lacks,
//! a few [portions](PORTION_BYTES) in each sixtieth of a second. Both do so, so both end with all.
//! What is written in between goes to everybody at once; if it overtakes its predecessor it is
//! refused, and the next comparison brings both.
//!
//! Nothing here is remembered that a broken link, a lost message or a lie could spoil: a comparison
//! starts from what is held.
//!
//! With each comparison goes what the sender's wall clock says. Nobody's clock is believed; but what
//! somebody wrote is dated by the reader's clock, if the two have ever met.
//!
//! What a peer can make a node keep, and check, is bounded by an `Allowance`: an honest one never gets
//! there. What its author [never signed](super::vouching) is not taken; whoever sends it uses up its
//! allowance soon. It is not hung up on: it may have been lied to itself.

use std::{
    collections::{BTreeMap, VecDeque},
    net::IpAddr,
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::{
    Fate, Ledger, Refused,
    batch::{self, PORTION_BYTES},
    catch_up::{self, CatchUp},
    disk::Disk,
    entry::{Entry, EntryId, SharedEntry, WallTime, Writer},
    pace::{self, Allowed, Cut, Paces},
    page::Page,
    quota::Quotas,
    vector::Vector,
    witness::Witnesses,
};
use crate::{
    game::{Malformed, Rate},
    refusals::Refusals,
    types::{Incarnation, Instant, NodeId, SessionId},
    wire::Blob,
};

/// The time between two comparisons with a peer.
const COMPARE_EVERY: Duration = Duration::from_millis(500);

/// The same with a peer that said the same, and was told so.
const AGREED_COMPARE_EVERY: Duration = Duration::from_secs(10);

/// The same for a spectator, of which there may be a thousand.
const WATCHER_COMPARES_EVERY: Duration = Duration::from_secs(3);

/// How soon the others are compared with after an answer brought something: they may lack it too.
const PASS_ON_AFTER: Duration = Duration::from_millis(50);

/// The least time between two asks of one peer.
const ASK_AGAIN: Duration = Duration::from_millis(100);

/// The same of one that has said more than it may.
const PACED_AGAIN: Duration = Duration::from_secs(1);

/// How long nothing of an answer may come before it counts as lost.
const PATIENCE: Duration = Duration::from_secs(2);

/// How many portions may be under way to one peer: who does not say that it has taken them in gets no
/// more, until it asks anew.
const UNDER_WAY_MAX: usize = 12;

/// How many portions go out in one tick of sixty a second, to all peers together, or to the one that lacks something.
const PORTIONS_PER_TICK: usize = 4;

/// The time between two tellings of what was synced.
const SYNCED_EVERY: Duration = Duration::from_millis(100);

/// How long a peer's clock counts for what it said, before it may say something else: what happened
/// is dated anew then.
const CLOCKS_HOLD: Duration = Duration::from_secs(60);

/// What a page counts for among what a peer may make a node keep, in bytes: as much as the entries
/// that go in a portion, which take as long to be checked.
const PAGE_COSTS: usize = PORTION_BYTES;

/// What a run of entries counts for beside its own bytes, for its signature is checked: of as many as a
/// peer is allowed in a second one core checks a fifth.
const CHECK_COSTS: usize = 1 << 10;

/// What a run that its author never signed counts for.
const FORGED_COSTS: usize = 64 << 10;

/// The largest message of entries that is taken, in bytes.
const MESSAGE_BYTES_MAX: usize = 2 * PORTION_BYTES;

/// What one node tells another about its ledger, over their link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LedgerMessage {
    /// "My ledger is like this": if it is not like yours, ask.
    Compare {
        /// Which ledger.
        session: SessionId,
        /// Its digest.
        digest: u64,
        /// What the sender's wall clock says.
        wall: WallTime,
    },
    /// "This is what I hold: send what I lack."
    Want {
        /// Of which ledger.
        session: SessionId,
        /// A [`Vector`].
        held: Blob,
    },
    /// Entries, asked for or not.
    Entries {
        /// A [batch].
        batch: Blob,
        /// Whether they are a portion of an answer, and whether more of it follows.
        portion: Option<Portion>,
    },
    /// Many entries at once, asked for.
    Page {
        /// A [`Page`].
        page: Blob,
        /// Whether more of the answer follows.
        portion: Portion,
    },
    /// "I have taken in a portion."
    Taken,
    /// "This is on my disk."
    Synced {
        /// Of which ledger.
        session: SessionId,
        /// A [`Vector`].
        holds: Blob,
        /// Whether that is all, or what is new.
        whole: bool,
    },
}

impl LedgerMessage {
    /// As bytes, by postcard. Entries are bytes already, and there may be many of them.
    pub fn encode(&self) -> Option<Vec<u8>> {
        postcard::to_stdvec(self).ok()
    }

    /// The inverse of [`encode`](LedgerMessage::encode).
    ///
    /// # Errors
    /// [`Malformed`] when it is none.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        match postcard::take_from_bytes(bytes) {
            Ok((message, [])) => Ok(message),
            _ => Err(Malformed),
        }
    }
}

/// Where a portion stands in its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Portion {
    /// More follow.
    More,
    /// It is the last.
    Last,
}

/// Who sent a message.
#[derive(Clone, Copy, Debug)]
pub struct Sender {
    /// Its id.
    pub node: NodeId,
    /// In which life.
    pub incarnation: Incarnation,
    /// From which address.
    pub ip: IpAddr,
}

/// The conversations with all linked peers.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// It only watches: it is told nothing unasked.
    watches: bool,
    /// What this node holds is not known yet: it compares with nobody, and asks for nothing.
    unread: bool,
    /// How many portions go out in one tick.
    portions: usize,
    peers: BTreeMap<NodeId, Peer>,
    compare_at: Instant,
    tell_synced_at: Instant,
    /// Who was served last: the others come first.
    served: Option<NodeId>,
    wall: WallTime,
    paces: Paces,
    quotas: Quotas,
    /// How many runs of entries were refused that their authors never signed.
    refusals: Refusals,
    out: VecDeque<(NodeId, LedgerMessage)>,
}

#[derive(Clone, Debug)]
struct Peer {
    /// It only watches: it asks for what it wants.
    watches: bool,
    /// An ask is open, and something of the answer came last at this time.
    asked: Option<Instant>,
    /// It is to be asked, as soon as it may be.
    to_ask: bool,
    /// It has said all that is on its disk, and is to be told the same of this one.
    to_tell: bool,
    ask_again_at: Instant,
    /// The digest that it said last; what it was told last, and when.
    said: Option<u64>,
    told: Option<(u64, Instant)>,
    sending: CatchUp,
    under_way: usize,
    allowance: Allowance,
    /// Not before this its clock is believed to have been set.
    set_clock_at: Instant,
}

impl Peer {
    /// A portion of an answer came from it. Whether that was the last one.
    fn heard(&mut self, now: Instant, portion: Portion) -> bool {
        self.asked = match portion {
            Portion::More => self.asked.and(Some(now)),
            Portion::Last => None,
        };
        portion == Portion::Last
    }

    /// Whether it holds what makes this digest, as this node does, and knew so a moment ago.
    fn agrees(&self, now: Instant, digest: u64) -> bool {
        let lately = |at| now.since(at) < AGREED_COMPARE_EVERY;
        self.said == Some(digest)
            && self.told.is_some_and(|(told, at)| told == digest && lately(at))
    }

    /// Whether more of an answer is expected from it.
    fn waits(&self, now: Instant) -> bool {
        self.asked.is_some_and(|heard| now.since(heard) < PATIENCE)
    }
}

impl Exchange {
    /// Without any peer; for a player, or for somebody who `watches`.
    pub fn new(watches: bool) -> Self {
        Self {
            watches,
            unread: false,
            portions: PORTIONS_PER_TICK,
            peers: BTreeMap::new(),
            compare_at: Instant::default(),
            tell_synced_at: Instant::default(),
            served: None,
            wall: WallTime::default(),
            paces: Paces::default(),
            quotas: Quotas::default(),
            refusals: Refusals::default(),
            out: VecDeque::new(),
        }
    }

    /// This node only watches from here on, or does no more.
    pub fn set_watching(&mut self, watches: bool) {
        self.watches = watches;
    }

    /// Others may talk so fast.
    pub fn allow(&mut self, allowed: Allowed) {
        self.paces = Paces::new(allowed);
    }

    /// A tick lasts so long.
    pub fn serve_at(&mut self, rate: Rate) {
        self.portions = rate.share(PORTIONS_PER_TICK);
    }

    /// What this node holds is not known yet, or is from here on.
    pub fn set_unread(&mut self, unread: bool) {
        self.unread = unread;
    }

    /// The next message to send.
    pub fn poll(&mut self) -> Option<(NodeId, LedgerMessage)> {
        self.out.pop_front()
    }

    /// A link to `peer` is up, or was replaced. If it `watches` it is told nothing unasked.
    pub fn link_is_up(
        &mut self,
        now: Instant,
        ledger: &Ledger,
        disk: &Disk,
        peer: NodeId,
        watches: bool,
    ) {
        self.paces.link_is_up(now, peer);
        let allowance = self.peers.remove(&peer).map(|old| old.allowance);
        let fresh = Peer {
            watches,
            asked: None,
            to_ask: false,
            to_tell: false,
            ask_again_at: now,
            said: None,
            told: None,
            sending: CatchUp::default(),
            under_way: 0,
            set_clock_at: now,
            allowance: allowance.unwrap_or_else(|| Allowance::new(now)),
        };
        self.peers.insert(peer, fresh);
        if !watches && !self.unread {
            self.out.push_back((peer, self.comparison(ledger)));
            let (session, holds) = (ledger.session(), all_held(ledger, disk));
            self.out.push_back((peer, LedgerMessage::Synced { session, holds, whole: true }));
        }
    }

    /// From here on it is about this ledger, with the same peers.
    pub fn turn_to(&mut self, now: Instant, ledger: &Ledger, disk: &Disk) {
        self.out.clear();
        self.quotas.clear();
        let peers: Vec<(NodeId, bool)> =
            self.peers.iter().map(|(peer, state)| (*peer, state.watches)).collect();
        for (peer, watches) in peers {
            self.link_is_up(now, ledger, disk, peer, watches);
        }
    }

    /// The link to `peer` is gone.
    pub fn part(&mut self, peer: NodeId) {
        self.paces.part(peer);
        self.peers.remove(&peer);
    }

    /// All links are gone.
    pub fn part_all(&mut self) {
        self.paces.part_all();
        self.peers.clear();
        self.out.clear();
    }

    /// A peer said something.
    ///
    /// # Errors
    /// [`Malformed`]: it makes no sense, and neither will anything else from there.
    pub fn hear(
        &mut self,
        now: Instant,
        ledger: &mut Ledger,
        witnesses: &mut Witnesses,
        from: Sender,
        message: &LedgerMessage,
    ) -> Result<(), Malformed> {
        let Some(peer) = self.peers.get_mut(&from.node) else { return Ok(()) };
        match message {
            LedgerMessage::Compare { session, digest, wall } => {
                let writer = Writer { node: from.node, incarnation: from.incarnation };
                if now >= peer.set_clock_at && ledger.hear_clock(writer, *wall, self.wall) {
                    peer.set_clock_at = now + CLOCKS_HOLD;
                }
                peer.said = (*session == ledger.session()).then_some(*digest);
                if *session == ledger.session() && *digest != ledger.digest() {
                    if peer.watches && !self.unread {
                        // It is told nothing unasked, so this is its question.
                        self.out.push_back((from.node, self.comparison(ledger)));
                    }
                    self.ask(now, ledger, from.node);
                }
            }
            LedgerMessage::Want { session, held } => {
                if *session != ledger.session() {
                    return Ok(());
                }
                let held = Vector::decode(held)?;
                peer.sending = ledger.missing_from(&held);
                peer.under_way = 0;
                if peer.sending.is_empty() {
                    let last = entries(ledger, &[], Some(Portion::Last));
                    self.out.push_back((from.node, last));
                }
            }
            LedgerMessage::Entries { batch, portion } => {
                let bytes = batch;
                if bytes.len() > MESSAGE_BYTES_MAX {
                    return Err(Malformed);
                }
                let entries = batch::decode(bytes)?;
                if let Some(portion) = portion
                    && peer.heard(now, *portion)
                    && !entries.is_empty()
                {
                    self.compare_at = self.compare_at.min(now + PASS_ON_AFTER);
                }
                let mut fresh = Vec::new();
                for mut run in batch::runs(entries) {
                    let bytes = CHECK_COSTS + run.iter().map(Entry::bytes).sum::<usize>();
                    if !peer.allowance.allows(now, bytes) {
                        // Nobody honest sends so much. What it sends is not worth an answer.
                        return Ok(());
                    }
                    let Some(EntryId { writer, .. }) = run.first().map(Entry::id) else { continue };
                    // What others hold they have counted themselves.
                    let passed_on = portion.is_some() && writer.node != from.node;
                    let stream = ledger.stream(writer);
                    let cut = match passed_on {
                        true => Cut { lines: pace::new_lines(stream, &run), beyond: false },
                        false => self.paces.cut(now, stream, &mut run),
                    };
                    if cut.beyond {
                        peer.allowance.use_up(CHECK_COSTS);
                        peer.ask_again_at = peer.ask_again_at.max(now + PACED_AGAIN);
                    }
                    let names: Vec<EntryId> = run.iter().map(Entry::id).collect();
                    let new_life = ledger.stream(writer).is_none();
                    let rows = names.len();
                    if !self.quotas.allows(now, from.ip, new_life, rows, bytes) {
                        peer.allowance.use_up(bytes);
                        self.refusals.note(
                            now,
                            from.node,
                            "more entries than one address may bring",
                        );
                        continue;
                    }
                    match ledger.accept(run) {
                        Ok(Fate::Known | Fate::Completed) => {}
                        Ok(Fate::Fresh) => {
                            peer.allowance.use_up(bytes);
                            self.quotas.took(now, from.ip, new_life, rows, bytes);
                            match passed_on {
                                true => self.paces.passed_on(now, writer, cut.lines),
                                false => self.paces.said(now, writer, cut.lines),
                            }
                            fresh.extend(names.into_iter().flat_map(|id| ledger.at(id)));
                        }
                        Ok(_) | Err(Refused::Contradicted | Refused::Full) => {
                            peer.allowance.use_up(bytes);
                        }
                        Err(Refused::Gap) => {
                            peer.allowance.use_up(CHECK_COSTS);
                            if portion.is_none() {
                                self.ask(now, ledger, from.node);
                                return Ok(());
                            }
                        }
                        Err(error @ (Refused::Forged | Refused::Unsigned)) => {
                            peer.allowance.use_up(FORGED_COSTS);
                            self.refusals.note(now, from.node, &format!("entries: {error}"));
                        }
                        Err(_) => {}
                    }
                }
                if portion.is_some() {
                    self.out.push_back((from.node, LedgerMessage::Taken));
                } else if !fresh.is_empty() {
                    let watches = peer.watches;
                    self.pass_on(ledger, from.node, watches, &fresh);
                }
            }
            LedgerMessage::Page { page, portion } => {
                let bytes = page;
                if bytes.len() > MESSAGE_BYTES_MAX {
                    return Err(Malformed);
                }
                if peer.heard(now, *portion) {
                    self.compare_at = self.compare_at.min(now + PASS_ON_AFTER);
                }
                // It may turn out to be single entries here.
                let page = Page::decode(bytes)?;
                if !peer.allowance.allows(now, PAGE_COSTS) {
                    return Ok(());
                }
                let (new_life, size) = (ledger.stream(page.writer()).is_none(), page.bytes());
                if !self.quotas.allows(now, from.ip, new_life, 1, size) {
                    peer.allowance.use_up(PAGE_COSTS);
                    self.refusals.note(now, from.node, "more pages than one address may bring");
                    self.out.push_back((from.node, LedgerMessage::Taken));
                    return Ok(());
                }
                match ledger.accept_page(page) {
                    Ok(Fate::Fresh) => {
                        peer.allowance.use_up(PAGE_COSTS);
                        self.quotas.took(now, from.ip, new_life, 1, size);
                    }
                    Err(Refused::Contradicted | Refused::Full) => {
                        peer.allowance.use_up(PAGE_COSTS);
                    }
                    Err(Refused::Malformed) => return Err(Malformed),
                    Err(error @ (Refused::Forged | Refused::Unsigned)) => {
                        peer.allowance.use_up(FORGED_COSTS);
                        self.refusals.note(now, from.node, &format!("a page: {error}"));
                    }
                    _ => {}
                }
                self.out.push_back((from.node, LedgerMessage::Taken));
            }
            LedgerMessage::Taken => {
                peer.under_way = peer.under_way.saturating_sub(1);
            }
            LedgerMessage::Synced { session, holds, whole } => {
                let holds = Vector::decode(holds)?;
                if *session == ledger.session() {
                    witnesses.testify(from.node, from.incarnation, from.ip, &holds, *whole);
                    // It may just have opened this ledger, and not have heard what is held here.
                    peer.to_tell |= *whole && !peer.watches;
                }
            }
        }
        Ok(())
    }

    /// What the own wall clock says.
    pub fn set_wall(&mut self, wall: WallTime) {
        self.wall = wall;
    }

    fn comparison(&self, ledger: &Ledger) -> LedgerMessage {
        let (session, digest) = (ledger.session(), ledger.digest());
        LedgerMessage::Compare { session, digest, wall: self.wall }
    }

    /// Asks `peer` for what is lacking here: at once, or as soon as it has answered, and not too
    /// often.
    pub fn ask(&mut self, now: Instant, ledger: &Ledger, peer: NodeId) {
        let Some(state) = self.peers.get_mut(&peer) else { return };
        state.to_ask = self.unread || now < state.ask_again_at || state.waits(now);
        if state.to_ask {
            return;
        }
        state.asked = Some(now);
        state.ask_again_at = now + ASK_AGAIN;
        let (session, held) = (ledger.session(), blob(&ledger.vector()));
        self.out.push_back((peer, LedgerMessage::Want { session, held }));
    }

    /// How many runs of entries and pages were refused because their authors never signed them.
    pub fn forged(&self) -> u64 {
        self.refusals.all()
    }

    /// Sends entries that were just written to everybody. Those who watch, too: what is not carried by
    /// ticks is little, and what somebody says is to be heard at once.
    pub fn spread(&mut self, ledger: &Ledger, written: &[SharedEntry]) {
        let message = entries(ledger, written, None);
        for peer in self.peers.keys() {
            self.out.push_back((*peer, message.clone()));
        }
    }

    /// Passes on what somebody has just written to those who are not linked with it: who watches is linked
    /// with its host alone.
    fn pass_on(&mut self, ledger: &Ledger, from: NodeId, watches: bool, fresh: &[SharedEntry]) {
        let message = entries(ledger, fresh, None);
        let others =
            self.peers.iter().filter(|(id, peer)| **id != from && (watches || peer.watches));
        for (peer, _) in others {
            self.out.push_back((*peer, message.clone()));
        }
    }

    /// Takes of a run that a world carried as much as its author may say.
    ///
    /// # Errors
    /// [`Refused`]: it is none that its author has signed, or does not fit on what is held.
    pub fn take(
        &mut self,
        now: Instant,
        ledger: &mut Ledger,
        mut run: Vec<Entry>,
    ) -> Result<(), Refused> {
        let Some(EntryId { writer, .. }) = run.first().map(Entry::id) else { return Ok(()) };
        let cut = self.paces.cut(now, ledger.stream(writer), &mut run);
        if ledger.accept(run)? == Fate::Fresh {
            self.paces.said(now, writer, cut.lines);
        }
        Ok(())
    }

    /// Compares with everybody at the next tick.
    pub fn compare_soon(&mut self) {
        self.compare_at = Instant::default();
    }

    /// A tick has passed.
    pub fn tick(&mut self, now: Instant, ledger: &Ledger, disk: &mut Disk) {
        if now >= self.compare_at && !self.unread {
            self.compare_at =
                now + if self.watches { WATCHER_COMPARES_EVERY } else { COMPARE_EVERY };
            let (comparison, digest) = (self.comparison(ledger), ledger.digest());
            for (id, peer) in self.peers.iter_mut().filter(|(_, peer)| !peer.watches) {
                if self.watches || !peer.agrees(now, digest) {
                    peer.told = Some((digest, now));
                    self.out.push_back((*id, comparison.clone()));
                }
            }
        }
        if now >= self.tell_synced_at {
            self.tell_synced_at = now + SYNCED_EVERY;
            self.tell_synced(ledger, disk);
            self.answer_synced(ledger, disk);
        }
        let to_ask: Vec<NodeId> =
            self.peers.iter().filter(|(_, state)| state.to_ask).map(|(peer, _)| *peer).collect();
        for peer in to_ask {
            self.ask(now, ledger, peer);
        }
        self.send_portions(ledger);
    }

    /// Whether this node has asked somebody, and waits for more of an answer. Who was answered a moment ago, and
    /// has to ask again, lacks little: nobody waits for that.
    pub fn is_catching_up(&self, now: Instant) -> bool {
        self.unread || self.peers.values().any(|peer| peer.waits(now))
    }

    /// Tells those who have said all that is on their disks the same of this one.
    fn answer_synced(&mut self, ledger: &Ledger, disk: &Disk) {
        let asked = |peer: &Peer| peer.to_tell;
        if self.unread || !self.peers.values().any(asked) {
            return;
        }
        let (session, holds) = (ledger.session(), all_held(ledger, disk));
        for (peer, state) in &mut self.peers {
            if std::mem::take(&mut state.to_tell) {
                let holds = holds.clone();
                self.out.push_back((*peer, LedgerMessage::Synced { session, holds, whole: false }));
            }
        }
    }

    fn tell_synced(&mut self, ledger: &Ledger, disk: &mut Disk) {
        let news = disk.take_news();
        if news.is_empty() {
            return;
        }
        let marks = news.into_iter().map(|writer| (writer, disk.mark(ledger, writer)));
        let (session, holds) = (ledger.session(), blob(&marks.collect()));
        for peer in told(&self.peers) {
            let holds = holds.clone();
            let message = LedgerMessage::Synced { session, holds, whole: false };
            self.out.push_back((peer, message));
        }
    }

    fn send_portions(&mut self, ledger: &Ledger) {
        if self.peers.values().all(|peer| peer.sending.is_empty()) {
            return;
        }
        let after = |peer: &NodeId| self.served.is_some_and(|served| *peer <= served);
        let mut order: Vec<NodeId> = self.peers.keys().copied().collect();
        order.sort_by_key(|peer| (after(peer), *peer));
        let mut order = VecDeque::from(order);
        let mut portions = 0;
        // One after the other, again and again: where there is one alone, all of them are its own.
        while let Some(peer) = order.pop_front() {
            if portions == self.portions {
                return;
            }
            let Some(state) = self.peers.get_mut(&peer) else { continue };
            if state.under_way == UNDER_WAY_MAX {
                continue;
            }
            let Some(content) = state.sending.next(ledger, PORTION_BYTES) else { continue };
            let more = if state.sending.is_empty() { Portion::Last } else { Portion::More };
            state.under_way += 1;
            portions += 1;
            self.served = Some(peer);
            order.push_back(peer);
            let message = match content {
                catch_up::Portion::Entries(portion) => entries(ledger, &portion, Some(more)),
                catch_up::Portion::Page(page) => {
                    LedgerMessage::Page { page: page.encode().into(), portion: more }
                }
            };
            self.out.push_back((peer, message));
        }
    }
}

/// Those who are told what they did not ask for.
fn told(peers: &BTreeMap<NodeId, Peer>) -> impl Iterator<Item = NodeId> {
    peers.iter().filter(|(_, peer)| !peer.watches).map(|(id, _)| *id)
}

fn entries(ledger: &Ledger, entries: &[SharedEntry], portion: Option<Portion>) -> LedgerMessage {
    let batch = Blob::from(batch::encode(ledger.session(), entries));
    LedgerMessage::Entries { batch, portion }
}

/// How far all streams are synced here.
fn all_held(ledger: &Ledger, disk: &Disk) -> Blob {
    let mark = |(writer, _)| (writer, disk.mark(ledger, writer));
    blob(&ledger.vector().marks().map(mark).collect())
}

fn blob(vector: &Vector) -> Blob {
    vector.encode().into()
}

/// How much one peer may make this node keep: a little more at any time than anybody honest can
/// send, and after a burst no more than flows in.
#[derive(Clone, Copy, Debug)]
struct Allowance {
    bytes: u64,
    at: Instant,
}

impl Allowance {
    const BYTES_MAX: u64 = 8 << 20;
    /// As one sender sends at most.
    const BYTES_PER_SECOND: u64 = (PORTIONS_PER_TICK * PORTION_BYTES * 60) as u64;

    fn new(now: Instant) -> Self {
        Self { bytes: Self::BYTES_MAX, at: now }
    }

    fn allows(&mut self, now: Instant, bytes: usize) -> bool {
        let us = now.since(self.at).as_micros() as u64;
        let more = us.saturating_mul(Self::BYTES_PER_SECOND) / 1_000_000;
        if more > 0 {
            self.bytes = self.bytes.saturating_add(more).min(Self::BYTES_MAX);
            self.at = now;
        }
        self.bytes >= bytes as u64
    }

    fn use_up(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_sub(bytes as u64);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::ledger::{
        body::Body,
        entry::Kind,
        stream::Stream,
        tests::{ledger, say},
    };

    const PEER: NodeId = NodeId::from_u128(9);

    fn sender() -> Sender {
        Sender { node: PEER, incarnation: Incarnation(1), ip: [10, 0, 0, 9].into() }
    }

    #[test]
    fn a_member_that_floods_is_kept_within_its_allowance() {
        let (mut own, mut flood) = (ledger(1), ledger(9));
        let (mut exchange, mut witnesses) = (Exchange::new(false), Witnesses::default());
        let now = Instant(1_000_000);
        exchange.link_is_up(now, &own, &Disk::new(), PEER, false);
        let long = "x".repeat(1_000);
        (0..12_000).for_each(|_| drop(say(&mut flood, &long)));
        let written: Vec<SharedEntry> = flood.entries().collect();
        for part in written.chunks(16) {
            let message = entries(&flood, part, None);
            exchange.hear(now, &mut own, &mut witnesses, sender(), &message).unwrap();
        }
        let kept: usize = own.entries().map(|entry| entry.bytes()).sum();
        assert!(kept as u64 <= Allowance::BYTES_MAX, "{kept}");
        assert!(kept as u64 > Allowance::BYTES_MAX * 8 / 10, "{kept}");
    }

    /// Lines in the name of somebody else, who never said them, as this one's own.
    #[test]
    fn whoever_speaks_in_somebody_s_name_uses_up_nothing_of_what_this_one_may_say() {
        let (mut own, mut ada, mut forged) = (ledger(1), ledger(8), ledger(8));
        let (mut exchange, mut witnesses) = (Exchange::new(false), Witnesses::default());
        let now = Instant(1_000_000);
        let said = |ledger: &mut Ledger, text: &str| {
            ledger.write(WallTime(0), Body::Other(Kind::LINE, text.into())).unwrap()
        };
        let author = said(&mut ada, "first");
        let lines: Vec<SharedEntry> = (0..9).map(|_| said(&mut ada, "mine")).collect();
        let known: Vec<SharedEntry> = ada.entries().filter(|it| it.id() <= author.id()).collect();
        let others: Vec<SharedEntry> = (0..30).map(|_| said(&mut forged, "hers")).collect();
        // Signed by nobody: 64 bytes that are no signature.
        let junk = |entry: &SharedEntry| {
            Arc::new(Entry::clone(entry).unsigned().signed(&[7; 64]).unwrap())
        };
        let at_once: Vec<SharedEntry> = others[1..20].iter().map(junk).collect();
        let gapped: Vec<SharedEntry> = others[20..].iter().map(junk).collect();
        let mut hears = |own: &mut Ledger, at: Instant, from: &Ledger, run: &[SharedEntry]| {
            let sender = Sender { node: from.me().node, ..sender() };
            exchange.link_is_up(at, own, &Disk::new(), sender.node, false);
            let message = entries(from, run, None);
            exchange.hear(at, own, &mut witnesses, sender, &message).unwrap();
        };
        let liar = ledger(9);
        hears(&mut own, now, &ada, &known);
        let later = now + Duration::from_secs(60);
        for run in [&at_once, &gapped, &at_once, &gapped] {
            hears(&mut own, later, &liar, run);
        }
        let writer = ada.me();
        let held = |own: &Ledger| own.stream(writer).map(Stream::through);
        assert_eq!(held(&own), Some(author.id().number), "nothing that she did not say");
        hears(&mut own, later, &ada, &lines);
        assert_eq!(held(&own), Some(author.id().number + 9), "and all that she did");
        // What she has said counts, whoever brings it.
        let more: Vec<SharedEntry> = (0..9).map(|_| said(&mut ada, "more")).collect();
        hears(&mut own, later, &liar, &more);
        assert_eq!(held(&own), Some(author.id().number + 10));
    }

    #[test]
    fn a_portion_that_is_too_large_is_malformed() {
        let (mut own, mut other) = (ledger(1), ledger(9));
        let (mut exchange, mut witnesses) = (Exchange::new(false), Witnesses::default());
        exchange.link_is_up(Instant(0), &own, &Disk::new(), PEER, false);
        let long = "x".repeat(1_000);
        (0..40).for_each(|_| drop(say(&mut other, &long)));
        let written: Vec<SharedEntry> = other.entries().collect();
        let message = entries(&other, &written, None);
        let heard = exchange.hear(Instant(0), &mut own, &mut witnesses, sender(), &message);
        assert_eq!(heard, Err(Malformed));
        assert!(own.is_empty());
    }

    #[test]
    fn whoever_watches_gets_what_it_lacks_as_soon_as_it_compares() {
        let (mut own, mut host) = (ledger(1), ledger(9));
        let lacking = say(&mut host, "hello");
        let (mut watcher, mut hosts) = (Exchange::new(true), Exchange::new(false));
        let me = Sender { node: NodeId::from_u128(1), ..sender() };
        let (now, disk) = (Instant(1_000_000), Disk::new());
        watcher.link_is_up(now, &own, &disk, PEER, false);
        hosts.link_is_up(now, &host, &disk, me.node, true);
        assert_eq!(hosts.poll(), None, "it is told nothing unasked");
        for _ in 0..4 {
            hosts.send_portions(&host);
            while let Some((_, message)) = watcher.poll() {
                hosts.hear(now, &mut host, &mut Witnesses::default(), me, &message).unwrap();
            }
            hosts.send_portions(&host);
            while let Some((_, message)) = hosts.poll() {
                watcher.hear(now, &mut own, &mut Witnesses::default(), sender(), &message).unwrap();
            }
        }
        assert!(own.at(lacking.id()).next().is_some());
    }

    #[test]
    fn whoever_is_not_linked_is_not_listened_to() {
        let (mut own, mut other) = (ledger(1), ledger(9));
        let (mut exchange, mut witnesses) = (Exchange::new(false), Witnesses::default());
        let written = say(&mut other, "hello");
        let message = entries(&other, &[written], None);
        exchange.hear(Instant(0), &mut own, &mut witnesses, sender(), &message).unwrap();
        assert!(own.is_empty());
    }

    #[test]
    fn messages_survive_json() {
        let mut own = ledger(1);
        let written = say(&mut own, "hello");
        for message in [
            entries(&own, &[written], Some(Portion::More)),
            LedgerMessage::Taken,
            LedgerMessage::Compare { session: own.session(), digest: 7, wall: WallTime(9) },
            LedgerMessage::Want { session: own.session(), held: blob(&own.vector()) },
        ] {
            let text = serde_json::to_string(&message).unwrap();
            assert_eq!(serde_json::from_str::<LedgerMessage>(&text).unwrap(), message);
        }
    }
}
