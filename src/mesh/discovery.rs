//! Beacons: who is out there, and in which session.
//!
//! A beacon is one datagram of JSON, padded to a fixed size if it asks or is sealed, sent to the beacon port of everybody
//! around: on start, every second, and at once when something in it changes; far more seldom by those who play
//! together, as long as nobody is there who could want to know (`cadence`). It goes to everybody on
//! *each* network that this machine is on, once, even if it has several addresses there; to the
//! loopback, for other copies on this machine; and to whoever was named beforehand.
//!
//! Beacons are announcements: nothing is believed of them but that somebody may be dialled. One
//! that asks is answered with the own beacon, without the padding, and not too often: per address, per
//! network and in all; of those who have a host by that host, by one of the others, by those with whom the asker is
//! linked already, and now and then by more. So there is next to nothing to amplify. The answer leaves by the socket
//! that the question came in on. Nor are more of them read in the time of a tick, and remembered, than a crowd sends
//! (`strangers`).
//!
//! In a locked session a beacon is sealed with what the passphrase comes to (XChaCha20-Poly1305, under a
//! number drawn for it alone). Whoever does not know it hears an [`Envelope`]: that there is such a
//! session, and nothing of who is in it. Nor does anybody say who it is
//! as long as it is on the title.
//!
//! A recorded beacon can be sent again. So a sealed one also holds a question, the answer to one of the
//! receiver's, and which beacon of its sender's life it is. Whoever has not answered a question in this life
//! may be dialled, and is asked; its beacons are not [proved](Heard::proved), and nobody waits for a host
//! that only these tell of. One that is older than another one of that life is not looked at, and the last
//! one, sent again, keeps nobody any longer: it counts from when it came first. Nor does one that is not proved
//! take the place of one that is, for as long as that one is fresh.

use std::{
    collections::{BTreeMap, VecDeque},
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_128;

use super::{
    cadence::{CALM_HOST_BEACONS, Cadence, Place},
    identity::Identity,
    message::{Address, Beacon, Envelope, Introduction, MAGIC, PROTOCOL},
    sealing::{Freshness, envelope, open, seal, sealed_in},
    strangers::{Patience, gives_way},
};
use crate::{
    config::{ANNOUNCED_MAX, ANNOUNCED_PER_ADDRESS_MAX, BEACON_BYTES, DIAL_COSTS_BYTES},
    io::{Effect, Interface, Port},
    keys::{Chance, PublicKey},
    text::{Name, SessionName},
    types::{Incarnation, Instant, NodeId, Role, SessionId, Term},
};

/// How long a session or a host that was heard of is believed in: two and a half beacons.
const FRESH: Duration = Duration::from_millis(2_500);
const _: () = assert!(CALM_HOST_BEACONS as u128 * 1_000 < FRESH.as_millis());

/// The most locked sessions remembered that this node cannot look into.
const LOCKED_MAX: usize = 64;

/// How often a node asks another question: one that was answered counts for twice this time.
const QUESTION_LASTS: Duration = Duration::from_secs(10);

/// The size of an answer is a multiple of this, so that it says little of the names in it.
const ANSWER_STEP_BYTES: usize = 128;

/// What is heard and told in beacons.
#[derive(Clone, Debug)]
pub struct Discovery {
    cadence: Cadence,
    port: u16,
    peers: Vec<SocketAddr>,
    /// All of them, and of those the ones that a beacon goes out of.
    interfaces: Vec<Interface>,
    outlets: Vec<Interface>,
    told: Option<Told>,
    heard: BTreeMap<NodeId, Heard>,
    /// Locked sessions that this node cannot look into, by name and rules.
    locked: BTreeMap<(SessionName, String), Locked>,
    chance: Chance,
    /// Who this node says it is on the title: nobody asks there, and nobody shall see who comes into a
    /// locked session, or has been in one.
    nobody: PublicKey,
    patience: Patience,
    /// What is asked in sealed beacons, and was before.
    questions: [u32; 2],
    questions_at: Instant,
    /// How many beacons were sealed.
    sealed: u64,
    out: VecDeque<Effect>,
}

/// The part of a beacon that changes with the game.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Which founding of the session.
    pub session_id: Option<SessionId>,
    /// The session; none on the title.
    pub session: Option<SessionName>,
    /// The reign followed.
    pub term: Option<Term>,
    /// What the host's player is called.
    pub host_name: Option<Name>,
    /// Where the host is, if it is not this node.
    pub host_at: Option<Address>,
    /// How many play.
    pub players: u32,
    /// What the own player is called.
    pub name: Name,
    /// Whether it plays, or would.
    pub role: Role,
    /// Whether the node looks for somebody, and wants answers.
    pub ask: bool,
    /// Whether somebody is missing of those who play.
    pub lacks: bool,
}

impl Told {
    fn place(&self, me: NodeId) -> Place {
        match self.term {
            Some(term) if term.host == me => Place::Hosts,
            Some(_) => Place::Follows,
            None => Place::Seeks,
        }
    }
}

/// An announcement that was heard.
#[derive(Clone, Debug)]
pub struct Heard {
    /// What it said.
    pub beacon: Arc<Beacon>,
    /// Where its sender is.
    pub from: SocketAddr,
    /// When it came in.
    pub at: Instant,
    /// Whether it is known to be no old one; of an open session nobody knows.
    pub proved: bool,
    /// Which beacon of its life it is, if it was sealed.
    number: u64,
    bytes: Box<[u8]>,
}

/// What was read of a beacon.
struct Read {
    beacon: Arc<Beacon>,
    freshness: Freshness,
}

/// A beacon that could not be opened.
#[derive(Clone, Debug)]
struct Locked {
    envelope: Envelope,
    from: SocketAddr,
    at: Instant,
    bytes: Box<[u8]>,
}

impl Discovery {
    /// Nothing heard, nothing told.
    pub fn new(interval: Duration, mut chance: Chance, port: u16, peers: Vec<SocketAddr>) -> Self {
        Self {
            cadence: Cadence::new(interval),
            port,
            peers,
            interfaces: Vec::new(),
            outlets: Vec::new(),
            told: None,
            heard: BTreeMap::new(),
            locked: BTreeMap::new(),
            nobody: PublicKey::from_bytes(chance.bytes()),
            patience: Patience::default(),
            questions: [question(&mut chance), question(&mut chance)],
            questions_at: Instant::default(),
            sealed: 0,
            chance,
            out: VecDeque::new(),
        }
    }

    /// Takes the next effect.
    pub fn poll(&mut self) -> Option<Effect> {
        self.out.pop_front()
    }

    /// The networks that this machine is on, from here on. A new one is told at once. Whether an
    /// address that it had is gone.
    pub fn interfaces(&mut self, now: Instant, interfaces: Vec<Interface>) -> bool {
        if interfaces == self.interfaces {
            return false;
        }
        self.cadence.moved(now);
        self.outlets = outlets(&interfaces);
        let before = std::mem::replace(&mut self.interfaces, interfaces);
        before.iter().any(|old| self.interfaces.iter().all(|new| new.ip != old.ip))
    }

    /// Takes in a datagram, if it is a beacon, and answers it if it asks. What it said, and how many bytes of it
    /// are left that something may be sent for. `is_guest`: whether somebody is linked and no member yet.
    pub fn packet(
        &mut self,
        now: Instant,
        me: &Identity,
        from: SocketAddr,
        via: Port,
        bytes: &[u8],
        is_guest: impl FnOnce(NodeId) -> bool,
    ) -> Option<(Arc<Beacon>, usize)> {
        if bytes.len() > BEACON_BYTES || !self.patience.may_read(now, from.ip()) {
            return None;
        }
        self.turn_question(now);
        let Read { beacon, freshness } = self.read(now, me, (from, via), bytes)?;
        let (id, life) = (beacon.who.id(), beacon.who.incarnation);
        let mine = id == self.nobody.id() || (id, life) == (me.id, me.incarnation);
        if beacon.who.magic != MAGIC || mine {
            return None;
        }
        let proved = self.is_proved(&beacon, freshness)?;
        let mut paid = bytes.len();
        let asks = beacon.ask || !proved;
        let ours = asks && (is_guest(id) || self.is_ours(now, me, beacon.ask, proved));
        if ours && self.may_answer(now, from) {
            paid -= self.answer(me, (from, via), bytes.len(), !proved, freshness.question);
        }
        if id == me.id {
            return Some((beacon, paid)); // somebody else may have this key
        }
        self.heed(now, me, &beacon);
        // Those of other versions may have no key; they are listed, and not met.
        let id = match beacon.who.protocol {
            PROTOCOL => beacon.who.id(),
            _ => NodeId::from_u128(xxh3_128(from.to_string().as_bytes())),
        };
        let number = freshness.number;
        let known = self.heard.get(&id).filter(|known| known.number == number);
        if beacon.locked && known.is_some_and(|known| known.beacon.who.incarnation == life) {
            return Some((beacon, paid)); // the same one once more, by another way or by somebody else
        }
        let (said, bytes) = (beacon.clone(), bytes.into());
        self.note(id, Heard { beacon: said, from, at: now, proved, number, bytes });
        Some((beacon, paid))
    }

    /// Whether a beacon is known to be no old one; none: it is one.
    fn is_proved(&self, beacon: &Beacon, freshness: Freshness) -> Option<bool> {
        if !beacon.locked {
            return Some(true);
        }
        let known = self.heard.get(&beacon.who.id());
        let known = known.filter(|known| known.beacon.who.incarnation == beacon.who.incarnation);
        if known.is_some_and(|known| known.number > freshness.number) {
            return None;
        }
        let answers = self.questions.contains(&freshness.answer);
        Some(answers || known.is_some_and(|known| known.proved))
    }

    fn note(&mut self, id: NodeId, heard: Heard) {
        let known = self.heard.get(&id).filter(|known| heard.at.since(known.at) < FRESH);
        if !heard.proved && known.is_some_and(|known| known.proved) {
            return;
        }
        if !self.heard.contains_key(&id) {
            let known = self.heard.iter().map(|(id, heard)| (*id, heard.from.ip(), heard.at));
            let (in_all, each) = (ANNOUNCED_MAX, ANNOUNCED_PER_ADDRESS_MAX);
            if let Some(oldest) = gives_way(known, heard.from.ip(), in_all, each) {
                self.heard.remove(&oldest);
            }
        }
        self.heard.insert(id, heard);
    }

    /// What the bytes say. Most beacons are the one before once more, which need not be read again.
    fn read(
        &mut self,
        now: Instant,
        me: &Identity,
        (from, via): (SocketAddr, Port),
        bytes: &[u8],
    ) -> Option<Read> {
        let before = self.heard.values().find(|heard| heard.from == from && *heard.bytes == *bytes);
        if let Some(heard) = before {
            let freshness = Freshness { number: heard.number, ..Freshness::default() };
            return Some(Read { beacon: heard.beacon.clone(), freshness });
        }
        let mut texts = serde_json::Deserializer::from_slice(bytes).into_iter::<Envelope>();
        if let Some(Ok(envelope)) = texts.next() {
            let sealed = bytes.get(texts.byte_offset()..)?.get(..usize::from(envelope.sealed))?;
            if let Some((beacon, freshness)) = me.lock.as_ref().and_then(|lock| open(lock, sealed))
            {
                return Some(Read { beacon: Arc::new(beacon), freshness });
            }
            if envelope.magic == MAGIC {
                // Whoever brings another passphrase shall soon know.
                if envelope.ask && self.is_ours(now, me, true, true) && self.may_answer(now, from) {
                    self.answer(me, (from, via), bytes.len(), false, 0);
                }
                self.note_locked(Locked { envelope, from, at: now, bytes: bytes.into() });
            }
            return None;
        }
        let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        let beacon: Beacon = serde_json::from_slice(&bytes[..end]).ok()?;
        let freshness = Freshness::default();
        (!beacon.locked).then(|| Read { beacon: Arc::new(beacon), freshness })
    }

    fn note_locked(&mut self, locked: Locked) {
        let name = (locked.envelope.session.clone(), locked.envelope.rules.clone());
        if self.locked.len() >= LOCKED_MAX && !self.locked.contains_key(&name) {
            let known = self.locked.iter().min_by_key(|(_, known)| known.at);
            if let Some(oldest) = known.map(|(name, _)| name.clone()) {
                self.locked.remove(&oldest);
            }
        }
        self.locked.insert(name, locked);
    }

    /// This node has another lock than before: what it opens of that which was heard is heard now.
    pub fn unlock(&mut self, me: &Identity) {
        let Some(lock) = &me.lock else { return };
        let mut opened = Vec::new();
        self.locked.retain(|_, locked| {
            let Locked { envelope, from, at, bytes } = locked;
            let sealed = sealed_in(bytes, usize::from(envelope.sealed));
            let Some((beacon, freshness)) = sealed.and_then(|sealed| open(lock, sealed)) else {
                return true;
            };
            if beacon.who.magic == MAGIC && beacon.who.id() != me.id {
                let (id, bytes) = (beacon.who.id(), std::mem::take(bytes));
                let (beacon, number) = (Arc::new(beacon), freshness.number);
                let heard = Heard { beacon, from: *from, at: *at, proved: false, number, bytes };
                opened.push((id, heard));
            }
            false
        });
        opened.into_iter().for_each(|(id, heard)| self.note(id, heard));
    }

    /// The locked sessions heard of lately that this node cannot look into.
    pub fn locked(&self, now: Instant) -> impl Iterator<Item = &Envelope> {
        let lately = self.locked.values().filter(move |locked| now.since(locked.at) < FRESH);
        lately.map(|locked| &locked.envelope)
    }

    /// Tells everybody around how things stand, if the time has come or things have changed.
    pub fn timeout(&mut self, now: Instant, me: &Identity, told: Told) {
        // Who is missing is not said.
        let lacks = told.lacks;
        let before = self.told.take().map(|before| Told { lacks, ..before });
        let changed = before.as_ref() != Some(&told);
        let (ask, place) = (told.ask, told.place(me.id));
        self.told = Some(told);
        if changed {
            self.cadence.changed(now);
        }
        if !self.cadence.speaks(now, place, ask || lacks) {
            return;
        }
        self.heard.retain(|_, heard| now.since(heard.at) < FRESH);
        self.locked.retain(|_, locked| now.since(locked.at) < FRESH);
        self.turn_question(now);
        let Some(bytes) = self.announcement(me, ask) else { return };
        let port = self.port;
        let outlets = self.outlets.iter();
        self.out.extend(outlets.map(|on| Effect::Broadcast {
            on: *on,
            port,
            bytes: bytes.clone(),
        }));
        for to in self.peers.clone() {
            // Who was named may be heard by no other way than by its answers: there is a firewall here.
            let silent = self.heard(now).all(|heard| heard.from.ip() != to.ip());
            self.send(me, to, Port::Own, ask || silent);
        }
    }

    /// Asks another question from here on, if the last one is old.
    fn turn_question(&mut self, now: Instant) {
        let old = now.since(self.questions_at);
        if old >= QUESTION_LASTS {
            let last = self.questions[0];
            let [new, other] = [question(&mut self.chance), question(&mut self.chance)];
            self.questions_at = now;
            self.questions = [new, if old < QUESTION_LASTS * 2 { last } else { other }];
        }
    }

    /// Somebody announces itself: who may look for this node's game, or plays it apart, shall hear of it soon.
    fn heed(&mut self, now: Instant, me: &Identity, beacon: &Beacon) {
        let Some(told) = &self.told else { return };
        let who = &beacon.who;
        let looks = beacon.ask || who.session.is_none();
        let same_game = who.session == told.session && who.rules == me.rules;
        let with_us = (beacon.session_id, beacon.term) == (told.session_id, told.term);
        if (looks || same_game) && !with_us {
            // All others hear it, too, and do not speak at once.
            let part = u16::from_be_bytes(self.chance.bytes());
            self.cadence.heard_another(now, told.place(me.id), part);
        }
    }

    /// Where somebody was named beforehand.
    pub fn named(&self) -> impl Iterator<Item = IpAddr> {
        self.peers.iter().map(SocketAddr::ip)
    }

    /// When the next beacon is due.
    pub fn next_timeout(&self) -> Instant {
        self.cadence.next()
    }

    /// Tells one node that is missing, wherever it was last.
    pub fn tell(&mut self, me: &Identity, to: SocketAddr) {
        self.send(me, to, Port::Own, true);
    }

    /// Forgets what `id` has announced: it is known to be gone.
    pub fn forget(&mut self, id: NodeId) {
        self.heard.remove(&id);
    }

    /// What somebody announced last.
    pub fn heard_from(&self, now: Instant, of: NodeId) -> Option<&Heard> {
        self.heard.get(&of).filter(|heard| now.since(heard.at) < FRESH)
    }

    /// What was announced lately.
    pub fn heard(&self, now: Instant) -> impl Iterator<Item = &Heard> {
        self.heard.values().filter(move |heard| now.since(heard.at) < FRESH)
    }

    /// Whether this node is to answer what all have heard. Those who follow a host leave it to that host and, by
    /// chance, to one of them: so whoever asks is sent no more than it sends, however many hear it. What may be an
    /// old beacon is answered with a question as long as itself: so by the host alone, or by one of all.
    fn is_ours(&mut self, now: Instant, me: &Identity, asks: bool, proved: bool) -> bool {
        let Some(told) = &self.told else { return false };
        // Nobody looks for somebody who only watches; but whoever does may have to know that what it heard is fresh.
        let Some(term) = told.term else { return me.role.plays() || !asks };
        let (hosts, players) = (term.host == me.id, told.players.max(2));
        let by_chance = match (asks, proved) {
            (true, _) if hosts => return true,
            (true, true) => players - 1,
            (true, false) => 0,
            (false, _) => players,
        };
        let drawn = u32::from_be_bytes(self.chance.bytes());
        let is_chosen = me.role.plays() && drawn.checked_rem(by_chance) == Some(0);
        is_chosen || self.patience.may_answer_besides(now)
    }

    fn may_answer(&mut self, now: Instant, to: SocketAddr) -> bool {
        let named = self.peers.iter().any(|peer| peer.ip() == to.ip());
        let on_it = |ip| self.interfaces.iter().any(|interface| interface.holds(ip));
        let near = match to.ip() {
            IpAddr::V4(ip) => ip.is_loopback() || self.interfaces.is_empty() || on_it(ip),
            IpAddr::V6(_) => false,
        };
        self.patience.may_answer(now, to, named || near)
    }

    fn send(&mut self, me: &Identity, to: SocketAddr, via: Port, ask: bool) {
        if let Some(beacon) = self.beacon(me, ask, 0) {
            let bytes = padded(beacon, BEACON_BYTES);
            self.out.push_back(Effect::Packet { to, via, bytes });
        }
    }

    /// What goes to everybody: as long as any where the length of an answer follows from it, or where it could tell
    /// how long the names in it are.
    fn announcement(&mut self, me: &Identity, ask: bool) -> Option<Bytes> {
        let beacon = self.beacon(me, ask, 0)?;
        let length = match ask || me.lock.is_some() {
            true => BEACON_BYTES,
            false => beacon.len().max(DIAL_COSTS_BYTES as usize), // or it is no reason to dial
        };
        Some(padded(beacon, length))
    }

    /// Answers a beacon of so many bytes, with no more of them; or asks its sender something in turn. How many
    /// bytes that takes.
    fn answer(
        &mut self,
        me: &Identity,
        (to, via): (SocketAddr, Port),
        most: usize,
        ask: bool,
        question: u32,
    ) -> usize {
        let Some(beacon) = self.beacon(me, ask, question) else { return 0 };
        let length = match ask {
            true => most, // or there is no room for an answer
            false => {
                let paying = beacon.len().max(DIAL_COSTS_BYTES as usize); // or it is no reason to dial
                paying.next_multiple_of(ANSWER_STEP_BYTES).min(most)
            }
        };
        if beacon.len() > most {
            return 0;
        }
        let bytes = padded(beacon, length);
        self.out.push_back(Effect::Packet { to, via, bytes });
        length
    }

    fn beacon(&mut self, me: &Identity, ask: bool, answer: u32) -> Option<Vec<u8>> {
        let told = self.told.clone()?;
        let mut who = Introduction { session: told.session, name: told.name, ..me.introduction() };
        if who.session.is_none() {
            (who.key, who.incarnation, who.name) = (self.nobody, Incarnation(0), Name::new(""));
        }
        // On the title there is no session yet that could be locked.
        let lock = me.lock.as_ref().zip(who.session.clone());
        let beacon = Beacon {
            who,
            session_id: told.session_id,
            term: told.term,
            host_name: told.host_name,
            host_at: told.host_at,
            players: told.players,
            locked: lock.is_some(),
            ask,
        };
        let clear = serde_json::to_vec(&beacon).ok()?;
        let Some((lock, session)) = lock else { return Some(clear) };
        self.sealed += 1;
        let freshness = Freshness { question: self.questions[0], answer, number: self.sealed };
        let envelope = Envelope { ask, ..envelope(beacon.who.rules, session) };
        seal(lock, self.chance.bytes(), envelope, freshness, &clear)
    }
}

/// A number that nobody guesses. Zero is no answer to any.
fn question(chance: &mut Chance) -> u32 {
    u32::from_be_bytes(chance.bytes()).max(1)
}

fn padded(mut beacon: Vec<u8>, length: usize) -> Bytes {
    debug_assert!(beacon.len() <= length, "a beacon of {} bytes", beacon.len());
    beacon.resize(length, 0);
    Bytes::from(beacon)
}

/// One for each network: a machine with several addresses in one network speaks there from the first,
/// so that nobody sees it at two places. Two devices are two networks, whatever their numbers say. An
/// address that is a network of its own serves where its device has no other.
fn outlets(interfaces: &[Interface]) -> Vec<Interface> {
    let (alone, wide): (Vec<&Interface>, Vec<&Interface>) =
        interfaces.iter().partition(|interface| interface.prefix_bits >= 32);
    let mut outlets: Vec<Interface> = Vec::new();
    for interface in wide.into_iter().chain(alone) {
        let alone = interface.prefix_bits >= 32;
        let same = |outlet: &Interface| {
            outlet.index == interface.index
                && outlet.ip.is_loopback() == interface.ip.is_loopback()
                && (alone || outlet.holds(interface.ip))
        };
        if !outlets.iter().any(same) {
            outlets.push(*interface);
        }
    }
    outlets
}

#[cfg(test)]
mod tests;
