//! Beacons: who is out there, and in which session.
//!
//! A beacon is one datagram of JSON, padded to a fixed size if it asks or is sealed, sent to the beacon port of everybody
//! around: on start, every second, and at once when something in it changes; far more seldom by those who play
//! together, as long as nobody is there who could want to know (`Discovery::heed`). It goes to everybody on
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

/// The most locked sessions remembered that this node cannot look into.
const LOCKED_MAX: usize = 64;

/// How often a node asks another question: one that was answered counts for twice this time.
const QUESTION_LASTS: Duration = Duration::from_secs(10);

/// The size of an answer is a multiple of this, so that it says little of the names in it.
const ANSWER_STEP_BYTES: usize = 128;

/// For so long after anything has changed, or somebody else was heard, those who play together announce themselves as
/// often as anybody.
const EAGER_FOR: Duration = Duration::from_secs(10);

/// After that a host announces itself once in the time of so many beacons, still before the last one is no longer
/// [`FRESH`], and whoever follows it once in that of so many: nobody is there but those who know all of it.
const CALM_HOST_BEACONS: u32 = 2;
const CALM_BEACONS: u32 = 60;

/// The shortest time between two beacons sent because something changed.
const CHANGE_PAUSE: Duration = Duration::from_millis(20);

/// What is heard and told in beacons.
#[derive(Clone, Debug)]
pub struct Discovery {
    interval: Duration,
    port: u16,
    peers: Vec<SocketAddr>,
    /// All of them, and of those the ones that a beacon goes out of.
    interfaces: Vec<Interface>,
    outlets: Vec<Interface>,
    told: Option<Told>,
    /// Until then it announces itself as often as it may.
    eager_until: Instant,
    next: Instant,
    last: Option<Instant>,
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
    /// Whether the node looks for somebody, and wants answers.
    pub ask: bool,
    /// Whether somebody is missing of those who play.
    pub lacks: bool,
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
            interval,
            port,
            peers,
            interfaces: Vec::new(),
            outlets: Vec::new(),
            told: None,
            eager_until: Instant::default(),
            next: Instant::default(),
            last: None,
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
        (self.next, self.eager_until) = (now, now + EAGER_FOR);
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
        if lacks {
            self.next = self.next.min(now + self.interval);
        }
        self.told = Some(told);
        if changed {
            let soonest = self.last.map_or(now, |last| last + CHANGE_PAUSE);
            self.next = self.next.min(soonest.max(now));
            self.eager_until = now + EAGER_FOR;
        }
        if now < self.next {
            return;
        }
        self.next = now + self.pause(now, me.id);
        self.last = Some(now);
        self.heard.retain(|_, heard| now.since(heard.at) < FRESH);
        self.locked.retain(|_, locked| now.since(locked.at) < FRESH);
        self.turn_question(now);
        let ask = self.told.as_ref().is_some_and(|told| told.ask);
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

    /// How long it is until the next beacon, as things are.
    fn pause(&self, now: Instant, me: NodeId) -> Duration {
        let told = self.told.as_ref();
        let reigns = told.and_then(|told| told.term).map(|term| term.host == me);
        let calm = told.is_some_and(|told| !told.ask && !told.lacks) && now >= self.eager_until;
        match (reigns, calm) {
            (Some(true), false) => self.interval / 2,
            (Some(true), true) => self.interval * CALM_HOST_BEACONS,
            (Some(false), true) => self.interval * CALM_BEACONS,
            (Some(false) | None, _) => self.interval,
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
            let calm = now >= self.eager_until;
            self.eager_until = now + EAGER_FOR;
            if calm {
                let soonest = self.last.map_or(now, |last| last + CHANGE_PAUSE).max(now);
                let reigns = told.term.is_some_and(|term| term.host == me.id);
                // All others hear it, too, and do not speak at once.
                let part = u32::from(u16::from_be_bytes(self.chance.bytes()));
                let later = now + self.interval * part / u32::from(u16::MAX);
                let next = if reigns { soonest } else { later };
                self.next = self.next.min(next);
            }
        }
    }

    /// Where somebody was named beforehand.
    pub fn named(&self) -> impl Iterator<Item = IpAddr> {
        self.peers.iter().map(SocketAddr::ip)
    }

    /// When the next beacon is due.
    pub fn next_timeout(&self) -> Instant {
        self.next
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
        let Some(term) = told.term else { return me.role == Role::Player || !asks };
        let (hosts, players) = (term.host == me.id, told.players.max(2));
        let by_chance = match (asks, proved) {
            (true, _) if hosts => return true,
            (true, true) => players - 1,
            (true, false) => 0,
            (false, _) => players,
        };
        let drawn = u32::from_be_bytes(self.chance.bytes());
        let is_chosen = me.role == Role::Player && drawn.checked_rem(by_chance) == Some(0);
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
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::{keys::Lock, mesh::strangers::FREE_SPAN, types::Epoch};

    #[test]
    fn a_beacon_goes_out_once_of_each_network_whatever_addresses_there_are() {
        let at = |index, ip: [u8; 4], prefix_bits| Interface {
            ip: ip.into(),
            prefix_bits,
            index,
            broadcast: None,
        };
        let first = at(2, [10, 77, 0, 9], 24);
        let second = at(2, [10, 77, 0, 1], 24);
        let other_network = at(2, [192, 168, 0, 1], 24);
        let other_device = at(3, [10, 77, 0, 2], 24);
        let found = outlets(&[first, second, other_network, other_device]);
        assert_eq!(found, [first, other_network, other_device]);
        let alone = |index| at(index, [10, 77, 0, 100], 32);
        assert_eq!(outlets(&[alone(2), first]), [first]);
        assert_eq!(outlets(&[alone(4), at(4, [10, 77, 0, 101], 32)]), [alone(4)]);
        let unknown = Interface { ip: Ipv4Addr::UNSPECIFIED, ..at(0, [0; 4], 32) };
        let loopback = at(0, [127, 0, 0, 1], 8);
        assert_eq!(outlets(&[loopback, unknown]), [loopback, unknown]);
    }

    #[test]
    fn who_was_named_is_asked_until_it_is_heard() {
        let (me, other) = (Identity::numbered(1), Identity::numbered(2));
        let at = SocketAddr::from(([10, 77, 0, 2], 50_000));
        let mut here = discovery(vec![at]);
        let mut there = discovery(Vec::new());
        let start = Instant(1_000_000);
        here.timeout(start, &me, told());
        let (question, asks) = beacon(&mut here);
        assert!(asks, "it was never heard");

        there.timeout(start, &other, told());
        there.packet(
            start,
            &other,
            SocketAddr::from(([10, 77, 0, 1], 4_000)),
            Port::Beacon,
            &question,
            |_| false,
        );
        let (answer, asks) = beacon(&mut there);
        assert!(!asks, "an answer never asks");
        here.packet(start, &me, at, Port::Own, &answer, |_| false);
        here.timeout(start + Duration::from_secs(1), &me, told());
        assert!(!beacon(&mut here).1, "it was heard");
        here.timeout(start + FRESH + Duration::from_secs(1), &me, told());
        assert!(beacon(&mut here).1, "nothing came for long");
    }

    #[test]
    fn a_locked_session_is_heard_of_by_all_and_looked_into_by_its_own() {
        let locked = |number, secret| Identity {
            lock: Some(Lock::from_secret(&[secret; 32])),
            name: Name::new("Ada"),
            ..Identity::numbered(number)
        };
        let at = SocketAddr::from(([10, 77, 0, 2], 50_000));
        let now = Instant(1_000_000);
        let mut there = discovery(vec![at]);
        there.timeout(now, &locked(1, 7), Told { name: Name::new("Ada"), ..told() });
        let Some(Effect::Packet { bytes, .. }) = there.poll() else { panic!("none is sent") };
        assert_eq!(bytes.len(), BEACON_BYTES);
        assert!(!bytes.windows(3).any(|text| text == b"Ada"));
        let hears = |me: &Identity, bytes: &[u8]| {
            let mut here = discovery(Vec::new());
            let beacon = here.packet(now, me, at, Port::Beacon, bytes, |_| false);
            (beacon.map(|(beacon, _)| beacon.who.name.clone()), here.locked(now).count())
        };
        assert_eq!(hears(&locked(2, 7), &bytes), (Some(Name::new("Ada")), 0));
        assert_eq!(hears(&locked(2, 8), &bytes), (None, 1), "another passphrase");
        assert_eq!(hears(&Identity::numbered(2), &bytes), (None, 1), "none");
        for at in 0..bytes.len() {
            let mut altered = bytes.to_vec();
            altered[at] ^= 1;
            if let (Some(_), _) = hears(&locked(2, 7), &altered) {
                // What is no part of the seal says nothing of anybody.
                assert!(at < 120 || altered[at] == 1, "byte {at}");
            }
        }
    }

    #[test]
    fn a_recorded_beacon_of_an_earlier_life_is_not_proved_and_an_older_one_is_not_looked_at() {
        let locked = |number| Identity {
            lock: Some(Lock::from_secret(&[7; 32])),
            ..Identity::numbered(number)
        };
        let (me, other) = (locked(1), locked(2));
        let [here_at, there_at] = [1, 2].map(|last| SocketAddr::from(([10, 77, 0, last], 50_000)));
        let now = Instant(1_000_000);
        let (mut here, mut there) = (discovery(Vec::new()), discovery(vec![here_at]));
        there.timeout(now, &other, told());
        let Some(Effect::Packet { bytes: old, .. }) = there.poll() else { panic!("none is sent") };
        let proved =
            |here: &Discovery, now| here.heard(now).map(|heard| heard.proved).collect::<Vec<_>>();

        here.timeout(now, &me, told());
        assert!(here.packet(now, &me, there_at, Port::Own, &old, |_| false).is_some());
        assert_eq!(proved(&here, now), [false], "anybody may have recorded it");
        // It is asked, and answers: so it is there.
        let Some(Effect::Packet { bytes: question, to, .. }) = here.poll() else {
            panic!("no question")
        };
        assert_eq!((to, question.len()), (there_at, old.len()));
        assert!(there.packet(now, &other, here_at, Port::Own, &question, |_| false).is_some());
        let Some(Effect::Packet { bytes: answer, .. }) = there.poll() else { panic!("no answer") };
        assert!(answer.len() <= question.len());
        assert!(here.packet(now, &me, there_at, Port::Own, &answer, |_| false).is_some());
        assert_eq!(proved(&here, now), [true]);
        assert!(here.poll().is_none(), "it need not be asked any more");

        let elsewhere = SocketAddr::from(([10, 77, 0, 9], 50_000));
        assert!(
            here.packet(now, &me, elsewhere, Port::Own, &old, |_| false).is_none(),
            "it is an old one"
        );
        let mut later =
            Discovery::new(Duration::from_secs(1), Chance::new([2; 32]), 50_000, Vec::new());
        later.timeout(now, &me, told());
        assert!(later.packet(now, &me, there_at, Port::Own, &answer, |_| false).is_some());
        assert_eq!(proved(&later, now), [false], "it answers somebody else's question");
    }

    #[test]
    fn however_long_a_node_says_nothing_a_beacon_that_answers_nothing_is_not_proved() {
        let locked = |number| Identity {
            lock: Some(Lock::from_secret(&[7; 32])),
            ..Identity::numbered(number)
        };
        let (me, other) = (locked(1), locked(2));
        let [here_at, there_at] = [1, 2].map(|last| SocketAddr::from(([10, 77, 0, last], 50_000)));
        for silent in [0, 9, 15, 25, 300] {
            let now = Instant(1_000_000) + Duration::from_secs(silent);
            let (mut here, mut there) = (discovery(Vec::new()), discovery(vec![here_at]));
            here.timeout(Instant(1_000_000), &me, told());
            there.timeout(now, &other, told());
            let Some(Effect::Packet { bytes, .. }) = there.poll() else { panic!("none is sent") };
            assert!(here.packet(now, &me, there_at, Port::Own, &bytes, |_| false).is_some());
            assert!(here.heard(now).all(|heard| !heard.proved), "after {silent} s");
        }
    }

    /// A member of a locked session and somebody else of it whose beacons were proved just now, how it says
    /// one more in another of its lives, and the last beacon of this one.
    struct Known {
        me: Identity,
        here: Discovery,
        there_at: SocketAddr,
        last: Vec<u8>,
        of_before: Vec<u8>,
    }

    const PROVED_AT: Instant = Instant(1_000_000);

    fn known() -> Known {
        let lock = || Some(Lock::from_secret(&[7; 32]));
        let (me, other) = (
            Identity { lock: lock(), ..Identity::numbered(1) },
            Identity { lock: lock(), incarnation: Incarnation(5), ..Identity::numbered(2) },
        );
        let before =
            Identity { lock: lock(), incarnation: Incarnation(4), ..Identity::numbered(2) };
        let [here_at, there_at] = [1, 2].map(|last| SocketAddr::from(([10, 77, 0, last], 50_000)));
        let (mut here, mut there) = (discovery(Vec::new()), discovery(vec![here_at]));
        let sent = |discovery: &mut Discovery| match discovery.poll() {
            Some(Effect::Packet { bytes, .. }) => bytes.to_vec(),
            other => panic!("{other:?}"),
        };
        let mut earlier = discovery(vec![here_at]);
        earlier.timeout(PROVED_AT, &before, told());
        let of_before = sent(&mut earlier);
        here.timeout(PROVED_AT, &me, told());
        there.timeout(PROVED_AT, &other, told());
        here.packet(PROVED_AT, &me, there_at, Port::Own, &sent(&mut there), |_| false).unwrap();
        there.packet(PROVED_AT, &other, here_at, Port::Own, &sent(&mut here), |_| false).unwrap();
        let last = sent(&mut there);
        here.packet(PROVED_AT, &me, there_at, Port::Own, &last, |_| false).unwrap();
        Known { me, here, there_at, last, of_before }
    }

    /// The lives that are heard of, and whether they are proved.
    fn lives(here: &Discovery, now: Instant) -> Vec<(u64, bool)> {
        let lives = here.heard(now).map(|heard| (heard.beacon.who.incarnation.0, heard.proved));
        lives.collect()
    }

    #[test]
    fn the_last_beacon_of_somebody_who_is_gone_keeps_it_no_longer_however_often_it_is_sent() {
        let Known { me, mut here, there_at, last, .. } = known();
        let elsewhere = SocketAddr::from(([10, 77, 0, 9], 50_000));
        assert_eq!(lives(&here, PROVED_AT), [(5, true)]);
        for after in 1..25 {
            let now = PROVED_AT + Duration::from_millis(after * 100);
            let from = if after % 2 == 0 { there_at } else { elsewhere };
            here.packet(now, &me, from, Port::Own, &last, |_| false);
            assert_eq!(lives(&here, now), [(5, true)]);
            assert!(here.heard(now).all(|heard| heard.from == there_at));
        }
        let now = PROVED_AT + FRESH;
        here.packet(now, &me, there_at, Port::Own, &last, |_| false);
        assert_eq!(lives(&here, now), []);
    }

    #[test]
    fn a_recorded_beacon_of_an_earlier_life_takes_the_place_of_no_proved_one() {
        let Known { me, mut here, there_at, of_before, .. } = known();
        let now = PROVED_AT + Duration::from_millis(500);
        assert!(here.packet(now, &me, there_at, Port::Own, &of_before, |_| false).is_some());
        assert_eq!(lives(&here, now), [(5, true)]);
        // Once that one is silent it may be dialled; nobody waits for it.
        let now = PROVED_AT + FRESH;
        assert!(here.packet(now, &me, there_at, Port::Own, &of_before, |_| false).is_some());
        assert_eq!(lives(&here, now), [(4, false)]);
    }

    #[test]
    fn neither_what_is_remembered_of_announcements_nor_what_is_read_of_a_flood_grows() {
        let me = Identity::numbered(1);
        let mut here = discovery(Vec::new());
        let mut there = discovery(vec![SocketAddr::from(([10, 77, 0, 1], 50_000))]);
        let mut read = 0;
        for number in 0..3_000_u32 {
            let now = Instant(1_000_000 + u64::from(number) * 1_000);
            let mut other = Identity::numbered(2);
            other.key = crate::keys::SecretKey::from_bytes(&{
                let mut bytes = [9; 32];
                bytes[..4].copy_from_slice(&number.to_be_bytes());
                bytes
            });
            there.timeout(now, &other, Told { players: number, ..told() });
            there.next = now;
            there.timeout(now, &other, Told { players: number, ..told() });
            let Some(Effect::Packet { bytes, .. }) = there.poll() else { continue };
            while there.poll().is_some() {}
            let from = SocketAddr::from(([10, 77, 0, 2], 4_000));
            // A hundred of them at once.
            let at = Instant(1_000_000 + u64::from(number / 1_000) * 1_000_000);
            read += u32::from(here.packet(at, &me, from, Port::Own, &bytes, |_| false).is_some());
            assert!(here.heard.len() <= ANNOUNCED_PER_ADDRESS_MAX);
        }
        assert_eq!(read, 3 * 96, "so many of each thousand that come at once");
    }

    #[test]
    fn who_asks_all_of_a_game_is_sent_what_it_sends_and_little_more_in_a_second() {
        for locked in [false, true] {
            let identity = |number| Identity {
                lock: locked.then(|| Lock::from_secret(&[7; 32])),
                name: Name::new("a name of some length"),
                ..Identity::numbered(number)
            };
            let members: Vec<Identity> = (1..17).map(identity).collect();
            let (host, incarnation) = (members[0].id, members[0].incarnation);
            let reign = Term { epoch: Epoch(3), host, incarnation };
            let mut game: Vec<Discovery> = (1..17)
                .map(|chance| {
                    let (every, port) = (Duration::from_secs(1), 50_000);
                    Discovery::new(every, Chance::new([chance; 32]), port, Vec::new())
                })
                .collect();
            let at = |last: u8| SocketAddr::from(([10, 77, 0, last], 50_000));
            let stranger = identity(99);
            let mut asks = discovery(vec![at(1)]);
            let (mut sent, mut answered, mut by_host) = (0, 0, 0);
            for number in 0..300_u32 {
                // Each time somebody else, as far as anybody sees.
                let now = Instant(1_000_000 + u64::from(number) * 200_000);
                let from = at((number % 200) as u8 + 20);
                asks.timeout(now, &stranger, Told { ask: true, players: number, ..told() });
                asks.next = now;
                let Some(Effect::Packet { bytes, .. }) = asks.poll() else { continue };
                while asks.poll().is_some() {}
                sent += bytes.len();
                for (member, (me, here)) in members.iter().zip(&mut game).enumerate() {
                    let term = Some(reign);
                    here.timeout(now, me, Told { term, players: 16, ..told() });
                    here.packet(now, me, from, Port::Beacon, &bytes, |_| false);
                    while let Some(effect) = here.poll() {
                        let Effect::Packet { to, bytes, .. } = effect else { continue };
                        assert_eq!(to, from);
                        answered += bytes.len();
                        by_host += u32::from(member == 0);
                    }
                }
            }
            assert!(by_host > 250, "the host answered {by_host}");
            // Each has some that it answers whatever others do: few, however fast somebody asks.
            let lasts = Duration::from_millis(300 * 200);
            let each = lasts.div_duration_f64(FREE_SPAN).ceil() as usize + 1;
            let free = 15 * each * BEACON_BYTES;
            assert!(answered <= sent + free, "{answered} bytes for {sent}");
        }
    }

    #[test]
    fn those_who_play_together_fall_silent_until_somebody_comes() {
        let (me, other) = (Identity::numbered(1), Identity::numbered(2));
        let (host, incarnation) = (me.id, me.incarnation);
        let term = Some(Term { epoch: Epoch(3), host, incarnation });
        let plays = || Told { term, players: 2, ..told() };
        let to = SocketAddr::from(([10, 77, 0, 9], 50_000));
        let start = Instant(1_000_000);
        let later = |seconds| start + Duration::from_secs(seconds);
        // How often this one speaks in so many seconds of those that follow.
        let spoke = |here: &mut Discovery, me: &Identity, from: u64, seconds: u64, told: &Told| {
            let mut count = 0;
            let until = later(from + seconds);
            let mut now = later(from);
            while now < until {
                here.timeout(now, me, told.clone());
                count += std::iter::from_fn(|| here.poll()).count();
                now = here.next_timeout();
            }
            count
        };
        let (mut hosts, mut follows) = (discovery(vec![to]), discovery(vec![to]));
        assert_eq!(spoke(&mut hosts, &me, 0, 10, &plays()), 20);
        assert_eq!(spoke(&mut follows, &other, 0, 10, &plays()), 10);
        assert!(spoke(&mut hosts, &me, 10, 60, &plays()) <= 31);
        assert!(spoke(&mut follows, &other, 10, 60, &plays()) <= 3);

        // Each hears the other, who plays with it: that is nothing new.
        let said = |discovery: &mut Discovery, now: Instant, me: &Identity, told: Told| {
            discovery.next = now;
            discovery.timeout(now, me, told);
            let Some(Effect::Packet { bytes, .. }) = discovery.poll() else { panic!("none") };
            bytes
        };
        let bytes = said(&mut follows, later(70), &other, plays());
        hosts.packet(later(70), &me, to, Port::Beacon, &bytes, |_| false);
        assert!(spoke(&mut hosts, &me, 70, 60, &plays()) <= 31);
        // Somebody comes to the title.
        let title = Identity { session: None, ..Identity::numbered(3) };
        let mut looks =
            Discovery::new(Duration::from_secs(1), Chance::new([2; 32]), 50_000, vec![to]);
        let bytes = said(&mut looks, start, &title, Told { session: None, ..told() });
        for (here, me) in [(&mut hosts, &me), (&mut follows, &other)] {
            here.packet(later(131), me, to, Port::Beacon, &bytes, |_| false);
        }
        assert!(hosts.next_timeout() <= later(131), "a host speaks at once");
        assert!(follows.next_timeout() <= later(132));
        assert!(spoke(&mut hosts, &me, 131, 10, &plays()) >= 20);
        // Somebody is missing.
        let lacks = Told { lacks: true, ..plays() };
        assert!(spoke(&mut hosts, &me, 200, 60, &lacks) >= 119);
    }

    // They had ids where there are keys now.
    #[test]
    fn sessions_of_earlier_versions_are_heard_of() {
        let mut here = discovery(Vec::new());
        for port in [4_000, 4_001] {
            let from = SocketAddr::from(([10, 77, 0, 2], port));
            let text = format!(
                "{{\"magic\":\"interregnum\",\"protocol\":3,\"rules\":\"r\",\"session\":\"old {port}\",\
                 \"session_id\":null,\"id\":\"{}\",\"incarnation\":1,\"name\":\"Ada\",\
                 \"role\":\"player\",\"tcp\":1,\"udp\":1,\"term\":null,\"host_name\":null,\
                 \"players\":1}}",
                uuid::Uuid::from_u128(port.into())
            );
            let me = Identity::numbered(1);
            assert!(
                here.packet(Instant(1), &me, from, Port::Beacon, text.as_bytes(), |_| false)
                    .is_some()
            );
        }
        assert_eq!(here.heard(Instant(1)).count(), 2);
    }

    fn discovery(peers: Vec<SocketAddr>) -> Discovery {
        Discovery::new(Duration::from_secs(1), Chance::new([1; 32]), 50_000, peers)
    }

    fn told() -> Told {
        Told {
            session_id: None,
            session: Some(SessionName::default()),
            term: None,
            host_name: None,
            host_at: None,
            players: 1,
            name: Name::new("somebody"),
            ask: false,
            lacks: false,
        }
    }

    /// The beacon that is sent next, and whether it asks.
    fn beacon(discovery: &mut Discovery) -> (Vec<u8>, bool) {
        let Some(Effect::Packet { bytes, .. }) = discovery.poll() else { panic!("none is sent") };
        let text = std::str::from_utf8(&bytes).unwrap().trim_end_matches('\0');
        let said: Beacon = serde_json::from_str(text).unwrap();
        (bytes.to_vec(), said.ask)
    }
}
