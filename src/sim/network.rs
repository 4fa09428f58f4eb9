//! Datagrams and links between machines, with everything that real ones do to them.
//!
//! A datagram may be lost, doubled, and overtaken. A link keeps its order and loses nothing: what
//! the wire loses comes late instead, after the retransmission time-outs of TCP, and what is sent
//! into a cut comes after the heal. Bytes arrive in pieces of any size. When a process dies the
//! other end of its links sees the end of the stream; when a machine loses its power it sees
//! nothing, until that machine is up again and answers with a reset.

use std::collections::{BTreeMap, BTreeSet};

use rand_pcg::{Pcg64Mcg, rand_core::Rng};

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
#[derive(Debug)]
pub struct Network {
    /// How it is everywhere.
    pub weather: Weather,
    cuts: BTreeSet<(Place, Place)>,
    cables: BTreeMap<u64, Cable>,
    next_cable: u64,
    random: Pcg64Mcg,
}

/// A link between two machines, as the network knows it.
#[derive(Debug)]
struct Cable {
    ends: [Place; 2],
    /// Until when each direction is busy: nothing arrives before what was sent before it.
    busy: [Instant; 2],
    /// One machine has lost its power: it does not know this link any more.
    ghost: bool,
}

impl Network {
    /// A calm network. All its chance comes from `seed`.
    pub fn new(seed: u64) -> Self {
        Self {
            weather: Weather::calm(),
            cuts: BTreeSet::new(),
            cables: BTreeMap::new(),
            next_cable: 0,
            random: Pcg64Mcg::new(u128::from(seed) << 32 | 0x006e_6574),
        }
    }

    /// Nothing of `from` reaches `to` any more.
    pub fn cut(&mut self, from: Place, to: Place) {
        self.cuts.insert((from, to));
    }

    /// Mends every cut.
    pub fn heal(&mut self) {
        self.cuts.clear();
    }

    /// Mends the cuts between two machines.
    pub fn heal_pair(&mut self, a: Place, b: Place) {
        self.cuts.remove(&(a, b));
        self.cuts.remove(&(b, a));
    }

    /// Whether anything is cut, or the weather is bad.
    pub fn is_disturbed(&self) -> bool {
        !self.cuts.is_empty() || self.weather != Weather::calm()
    }

    /// Whether something of `from` reaches `to`.
    pub fn reaches(&self, from: Place, to: Place) -> bool {
        from == to || !self.cuts.contains(&(from, to))
    }

    /// When the copies of a datagram arrive: none, one, or two.
    pub fn datagram(&mut self, now: Instant, from: Place, to: Place) -> Vec<Instant> {
        if !self.reaches(from, to) || (from != to && self.chance(self.weather.loss_permille)) {
            return Vec::new();
        }
        let copies = 1 + usize::from(self.chance(self.weather.double_permille));
        (0..copies).map(|_| self.arrival(now)).collect()
    }

    /// Opens a link.
    pub fn open(&mut self, now: Instant, dialler: Place, acceptor: Place) -> u64 {
        let cable = self.next_cable;
        self.next_cable += 1;
        let ends = [dialler, acceptor];
        self.cables.insert(cable, Cable { ends, busy: [now; 2], ghost: false });
        cable
    }

    /// When bytes sent now on a link arrive at the other end; none if they never do.
    pub fn bytes(&mut self, now: Instant, cable: u64, from_dialler: bool) -> Option<Instant> {
        let (ends, ghost) = self.cables.get(&cable).map(|cable| (cable.ends, cable.ghost))?;
        let way = usize::from(!from_dialler);
        let (from, to) = (ends[way], ends[1 - way]);
        if ghost || !self.reaches(from, to) || !self.reaches(to, from) {
            return None;
        }
        let mut at = self.arrival(now);
        let mut timeout_us = 200_000;
        while self.chance(self.weather.loss_permille) {
            at = Instant(at.0 + timeout_us);
            timeout_us = (timeout_us * 2).min(1_600_000);
        }
        let cable = self.cables.get_mut(&cable)?;
        at = at.max(Instant(cable.busy[way].0 + 1));
        cable.busy[way] = at;
        Some(at)
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

    /// Whether one end of the link does not know it any more.
    pub fn is_ghost(&self, cable: u64) -> bool {
        self.cables.get(&cable).is_none_or(|cable| cable.ghost)
    }

    /// When something small arrives over a wire that is not cut.
    pub fn arrival(&mut self, now: Instant) -> Instant {
        let Weather { latency_us, jitter_us, .. } = self.weather;
        Instant(now.0 + latency_us + self.random.next_u64() % (jitter_us + 1))
    }

    /// Random sizes into which `length` bytes fall.
    pub fn pieces(&mut self, length: usize) -> Vec<usize> {
        if length < 2 || !self.chance(200) {
            return vec![length];
        }
        let first = 1 + (self.random.next_u64() as usize) % (length - 1);
        vec![first, length - first]
    }

    fn chance(&mut self, permille: u64) -> bool {
        permille > 0 && self.random.next_u64() % 1_000 < permille
    }
}
