//! Datagrams and links between machines, with everything that real ones do to them.
//!
//! A datagram may be lost, doubled, and overtaken. A link keeps its order and loses nothing: what
//! the wire loses comes late instead, after the retransmission time-outs of TCP, and what is sent
//! into a cut comes after the heal. Bytes arrive in pieces of any size. When a process dies the
//! other end of its links sees the end of the stream; when a machine loses its power it sees
//! nothing, until that machine is up again and answers with a reset.
//!
//! A machine may have a firewall that lets in only what answers its own, and a network may carry
//! broadcasts where it carries nothing else.
//!
//! The weather is the same everywhere. What concerns one machine or one pair comes on top of it:
//! cuts, a cable that flaps, loss in one direction, a machine that is deaf or mute to datagrams, or
//! one whose radio holds everything back for a while.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use rand_pcg::{Pcg64Mcg, rand_core::Rng};

use super::chance::chance;
use crate::types::Instant;

/// The index of a machine.
pub type Place = usize;

/// How the wire between any two machines is at the moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weather {
    /// The shortest time a datagram takes, in microseconds.
    pub latency_us: u64,
    /// What may be added to it, in microseconds.
    pub jitter_us: u64,
    /// How many of 1,000 datagrams are lost.
    pub loss_permille: u64,
    /// How many of 1,000 arrive twice.
    pub double_permille: u64,
}

impl Weather {
    /// A quiet wire.
    pub const fn calm() -> Self {
        Self { latency_us: 150, jitter_us: 250, loss_permille: 0, double_permille: 0 }
    }
}

/// The network.
#[derive(Clone, Debug)]
pub struct Network {
    /// How it is everywhere.
    pub weather: Weather,
    /// Whether broadcasts arrive anywhere. A guest's Wi-Fi swallows them.
    pub broadcasts: bool,
    /// Networks on which they do not: those behind a router.
    pub routed: BTreeSet<u8>,
    /// Larger packets vanish without a word, headers included. (Links find their own size.)
    pub mtu: Option<usize>,
    /// How many have vanished.
    pub vanished: u64,
    /// Whether datagrams sent into a cut are kept somewhere, and come out after it.
    pub hoards: bool,
    cuts: BTreeSet<(Place, Place)>,
    /// Cuts that come and go by themselves.
    down: BTreeSet<(Place, Place)>,
    /// Machines whose cable to one network is out of its socket.
    unplugged: BTreeSet<(Place, u8)>,
    lossy: BTreeMap<(Place, Place), u64>,
    deaf: BTreeSet<Place>,
    mute: BTreeSet<Place>,
    /// Pairs between which broadcasts pass, and nothing else.
    apart: BTreeSet<(Place, Place)>,
    /// Machines that let nothing in but answers.
    walled: BTreeSet<Place>,
    /// When a datagram went from one socket to another last, from behind a wall: answers may come in.
    asked: BTreeMap<(Socket, Socket), Instant>,
    delays: BTreeMap<Place, Delay>,
    cables: BTreeMap<u64, Cable>,
    next_cable: u64,
    random: Pcg64Mcg,
}

/// A machine's socket: its port.
pub type Socket = (Place, u16);

/// For how long after a datagram went out a firewall takes others for answers.
const ANSWERS_FOR: Duration = Duration::from_secs(30);

/// A machine's datagrams and bytes, sent or received before `until`, take so much longer.
#[derive(Clone, Copy, Debug)]
struct Delay {
    extra: Duration,
    until: Instant,
}

/// A link between two machines, as the network knows it.
#[derive(Clone, Debug)]
struct Cable {
    ends: [Place; 2],
    /// By which network it goes.
    net: u8,
    /// Until when each direction is busy: nothing arrives before what was sent before it.
    busy: [Instant; 2],
    /// One machine has lost its power: it does not know this link any more.
    ghost: bool,
    /// One machine has another address now: nothing passes any more, and nobody says so.
    dead: bool,
}

impl Network {
    /// A calm network. All its chance comes from `seed`.
    pub fn new(seed: u64) -> Self {
        Self {
            weather: Weather::calm(),
            broadcasts: true,
            routed: BTreeSet::new(),
            mtu: None,
            vanished: 0,
            hoards: false,
            cuts: BTreeSet::new(),
            down: BTreeSet::new(),
            unplugged: BTreeSet::new(),
            lossy: BTreeMap::new(),
            deaf: BTreeSet::new(),
            mute: BTreeSet::new(),
            apart: BTreeSet::new(),
            walled: BTreeSet::new(),
            asked: BTreeMap::new(),
            delays: BTreeMap::new(),
            cables: BTreeMap::new(),
            next_cable: 0,
            random: chance(seed, 2),
        }
    }

    /// From here on all its chance comes from `seed`.
    pub fn reseed(&mut self, seed: u64) {
        self.random = chance(seed, 2);
    }

    /// What is wrong with the datagrams of one machine, as one of few numbers.
    pub fn trouble(&self, now: Instant, place: Place) -> u8 {
        let lossy = self.lossy.keys().any(|(from, to)| [*from, *to].contains(&place));
        let late = self.delays.get(&place).is_some_and(|delay| now < delay.until);
        let [deaf, mute] = [&self.deaf, &self.mute].map(|them| u8::from(them.contains(&place)));
        deaf | mute << 1 | u8::from(lossy) << 2 | u8::from(late) << 3
    }

    /// Nothing of `from` reaches `to` any more.
    pub fn cut(&mut self, from: Place, to: Place) {
        self.cuts.insert((from, to));
    }

    /// Of 1,000 datagrams from `from` to `to`, so many are lost at least.
    pub fn lose(&mut self, from: Place, to: Place, permille: u64) {
        self.lossy.insert((from, to), permille);
    }

    /// No datagram reaches `place` any more. Links do.
    pub fn deafen(&mut self, place: Place) {
        self.deaf.insert(place);
    }

    /// No datagram of `place` reaches anybody any more. Links do.
    pub fn mute(&mut self, place: Place) {
        self.mute.insert(place);
    }

    /// Between two machines broadcasts pass, and nothing else: Wi-Fi that isolates its clients.
    pub fn keep_apart(&mut self, a: Place, b: Place) {
        self.apart.extend([(a, b), (b, a)]);
    }

    /// A machine gets a firewall: what comes in is dropped, unless it answers something.
    pub fn wall(&mut self, place: Place) {
        self.walled.insert(place);
    }

    /// Whether a dial of `from` gets to `to`, as far as firewalls and the like are concerned.
    pub fn admits_dial(&self, from: Place, to: Place) -> bool {
        from == to || !self.walled.contains(&to) && !self.apart.contains(&(from, to))
    }

    /// The same of a datagram that is not a broadcast.
    pub fn admits(&mut self, now: Instant, from: Socket, to: Socket) -> bool {
        if self.walled.contains(&from.0) {
            self.asked.insert((from, to), now);
        }
        let answers = || {
            let asked = self.asked.get(&(to, from));
            asked.is_some_and(|asked| now.since(*asked) < ANSWERS_FOR)
        };
        !self.apart.contains(&(from.0, to.0)) && (!self.walled.contains(&to.0) || answers())
    }

    /// Whether a broadcast is let in.
    pub fn admits_broadcast(&self, to: Place) -> bool {
        !self.walled.contains(&to)
    }

    /// Until then, whatever `place` sends and receives takes longer by `extra`.
    pub fn delay(&mut self, place: Place, extra: Duration, until: Instant) {
        self.delays.insert(place, Delay { extra, until });
    }

    /// A machine is on this network no more.
    pub fn unplug(&mut self, place: Place, net: u8) {
        self.unplugged.insert((place, net));
    }

    /// A cable that flaps is out of its socket, or in it again.
    pub fn flap(&mut self, pair: (Place, Place), down: bool) {
        for pair in [pair, (pair.1, pair.0)] {
            if down {
                self.down.insert(pair);
            } else {
                self.down.remove(&pair);
            }
        }
    }

    /// Mends everything between machines. The weather stays.
    pub fn heal(&mut self) {
        self.cuts.clear();
        self.down.clear();
        self.unplugged.clear();
        self.lossy.clear();
        self.deaf.clear();
        self.mute.clear();
        self.apart.clear();
        self.walled.clear();
        self.delays.clear();
    }

    /// Mends the cuts between two machines.
    pub fn heal_pair(&mut self, a: Place, b: Place) {
        self.cuts.remove(&(a, b));
        self.cuts.remove(&(b, a));
    }

    /// Whether anything is cut or otherwise wrong, or the weather is bad.
    pub fn is_disturbed(&self) -> bool {
        self.weather != Weather::calm()
            || !(self.cuts.is_empty() && self.down.is_empty() && self.lossy.is_empty())
            || !self.unplugged.is_empty()
            || !(self.deaf.is_empty() && self.mute.is_empty() && self.delays.is_empty())
            || !(self.apart.is_empty() && self.walled.is_empty())
    }

    /// Whether something of `from` reaches `to`.
    pub fn reaches(&self, from: Place, to: Place) -> bool {
        from == to || !(self.cuts.contains(&(from, to)) || self.down.contains(&(from, to)))
    }

    /// Whether something of `from` reaches `to` by one network.
    pub fn carries(&self, net: u8, from: Place, to: Place) -> bool {
        let plugged = |place| !self.unplugged.contains(&(place, net));
        self.reaches(from, to) && plugged(from) && plugged(to)
    }

    /// When the copies of a datagram arrive: none, one, or two.
    pub fn datagram(&mut self, now: Instant, from: Place, to: Place) -> Vec<Instant> {
        let heard = !self.mute.contains(&from) && !self.deaf.contains(&to);
        if !heard || !self.reaches(from, to) || self.chance(self.loss(from, to)) {
            return Vec::new();
        }
        let copies = 1 + usize::from(self.chance(self.weather.double_permille));
        (0..copies).map(|_| self.arrival_between(now, from, to)).collect()
    }

    /// Opens a link by one network.
    pub fn open(&mut self, now: Instant, net: u8, dialler: Place, acceptor: Place) -> u64 {
        let cable = self.next_cable;
        self.next_cable += 1;
        let ends = [dialler, acceptor];
        self.cables.insert(cable, Cable { ends, net, busy: [now; 2], ghost: false, dead: false });
        cable
    }

    /// The dialler learns at `at` that its link is open, and gets no bytes before that.
    pub fn opens(&mut self, cable: u64, at: Instant) {
        if let Some(cable) = self.cables.get_mut(&cable) {
            cable.busy[1] = at;
        }
    }

    /// When bytes sent now on a link arrive at the other end; none if they never do.
    pub fn bytes(&mut self, now: Instant, cable: u64, from_dialler: bool) -> Option<Instant> {
        let known = self.cables.get(&cable).filter(|cable| !cable.ghost && !cable.dead)?;
        let way = usize::from(!from_dialler);
        let (from, to) = (known.ends[way], known.ends[1 - way]);
        let net = known.net;
        if !self.carries(net, from, to) || !self.carries(net, to, from) {
            return None;
        }
        let mut at = self.arrival_between(now, from, to);
        let mut timeout_us = 200_000;
        while self.chance(self.loss(from, to).max(self.loss(to, from))) {
            at = Instant(at.0 + timeout_us);
            timeout_us = (timeout_us * 2).min(1_600_000);
        }
        let cable = self.cables.get_mut(&cable)?;
        at = at.max(Instant(cable.busy[way].0 + 1));
        cable.busy[way] = at;
        Some(at)
    }

    /// By which network a link goes.
    pub fn net(&self, cable: u64) -> u8 {
        self.cables.get(&cable).map_or(0, |cable| cable.net)
    }

    /// Forgets a link that both ends have given up.
    pub fn close(&mut self, cable: u64) {
        self.cables.remove(&cable);
    }

    /// A machine has lost its power, or forgotten its links otherwise, without a word.
    pub fn haunt(&mut self, place: Place) {
        for cable in self.cables.values_mut().filter(|cable| cable.ends.contains(&place)) {
            cable.ghost = true;
        }
    }

    /// One end has forgotten a link, without a word to the other.
    pub fn haunt_cable(&mut self, cable: u64) {
        if let Some(cable) = self.cables.get_mut(&cable) {
            cable.ghost = true;
        }
    }

    /// A machine has another address: what it has of links leads nowhere.
    pub fn readdress(&mut self, place: Place) {
        for cable in self.cables.values_mut().filter(|cable| cable.ends.contains(&place)) {
            cable.dead = true;
        }
    }

    /// When everything will have arrived that links hold back by now.
    pub fn flows(&self) -> Instant {
        let sound = self.cables.values().filter(|cable| !cable.ghost && !cable.dead);
        sound.flat_map(|cable| cable.busy).max().unwrap_or_default()
    }

    /// Whether one end of the link does not know it any more.
    pub fn is_ghost(&self, cable: u64) -> bool {
        self.cables.get(&cable).is_none_or(|cable| cable.ghost)
    }

    /// Whether both ends know the link, and can still reach each other by it.
    pub fn is_sound(&self, cable: u64) -> bool {
        self.cables.get(&cable).is_some_and(|cable| !cable.ghost && !cable.dead)
    }

    /// When something small arrives over a wire that is not cut.
    pub fn arrival(&mut self, now: Instant) -> Instant {
        let Weather { latency_us, jitter_us, .. } = self.weather;
        Instant(now.0 + latency_us + self.random.next_u64() % (jitter_us + 1))
    }

    /// When something sent now arrives, with what holds back either machine at the moment.
    pub fn arrival_between(&mut self, now: Instant, from: Place, to: Place) -> Instant {
        let held = [from, to].into_iter().filter_map(|place| self.delays.get(&place));
        let extra = held.filter(|delay| now < delay.until).map(|delay| delay.extra).max();
        self.arrival(now) + extra.unwrap_or_default()
    }

    /// Random sizes into which `length` bytes fall.
    pub fn pieces(&mut self, length: usize) -> Vec<usize> {
        if length < 2 || !self.chance(200) {
            return vec![length];
        }
        let first = 1 + (self.random.next_u64() as usize) % (length - 1);
        vec![first, length - first]
    }

    fn loss(&self, from: Place, to: Place) -> u64 {
        let own = self.lossy.get(&(from, to)).copied().unwrap_or_default();
        own.max(self.weather.loss_permille)
    }

    fn chance(&mut self, permille: u64) -> bool {
        permille > 0 && self.random.next_u64() % 1_000 < permille
    }
}
