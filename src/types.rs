//! The words everything else is written in: who, when, which reign.
//!
//! Newtypes without logic. Orders are lexicographic and mean something everywhere: the greater
//! [`Term`] fences the smaller, the greater [`Clock`] is the newer state of one reign.

use std::{
    fmt,
    ops::{Add, AddAssign},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Who a node is, for as long as its profile lives. Addresses change, this does not.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeId(pub Uuid);

impl NodeId {
    /// The id with these 128 bits.
    pub const fn from_u128(bits: u128) -> Self {
        Self(Uuid::from_u128(bits))
    }

    /// The 128 bits of the id.
    pub const fn as_u128(self) -> u128 {
        self.0.as_u128()
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The first eight digits: enough to tell nodes apart in a log.
impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", (self.as_u128() >> 96) as u32)
    }
}

/// What a node is in a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Sits in the mesh, votes, may become host.
    Player,
    /// Only watches.
    Spectator,
    /// Would play, and found no seat free: it watches like any spectator, and plays as soon as it is given one.
    Waiting,
}

impl Role {
    /// Whether it sits in the mesh, and has a vote.
    pub fn plays(self) -> bool {
        self == Self::Player
    }

    /// Whether it plays, or would.
    pub fn wants_a_seat(self) -> bool {
        self != Self::Spectator
    }
}

/// One life of a node: 64 random bits drawn at each start. With it, terms and senders are unique
/// without any disk: a node that restarts from an old copy of its profile is still somebody else.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Incarnation(pub u64);

/// One founding of a session: 128 random bits. Tells two sessions of one name apart. All zeros: none.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionId(pub Uuid);

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", (self.0.as_u128() >> 96) as u32)
    }
}

/// The number of a reign. Each new host takes one above all it has heard of.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Epoch(pub u64);

/// One reign of one host. Everything a host sends carries its term, and lower terms are dropped:
/// that is what fences a host which does not know yet that it has been replaced.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Term {
    /// The number of the reign.
    pub epoch: Epoch,
    /// Who reigns.
    pub host: NodeId,
    /// In which of its lives.
    pub incarnation: Incarnation,
}

impl fmt::Debug for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{:?}", self.epoch.0, self.host)
    }
}

/// The number of a step of the world, counted from its founding across all reigns.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Tick(pub u64);

/// The logical clock of a world's state: in whose reign it was made, and at which tick.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Clock {
    /// The reign that made this state.
    pub term: Term,
    /// The tick it stands at.
    pub tick: Tick,
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}@{}", self.term, self.tick.0)
    }
}

/// The name of one link for as long as it lives; never used twice by one node.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct LinkId(pub u64);

/// A point in time: microseconds since some start that all calls into one node share. The core
/// never reads a clock; whoever drives it brings the time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Instant(pub u64);

impl Instant {
    /// After everything else.
    pub const NEVER: Instant = Instant(u64::MAX);

    /// The time since `earlier`; zero if that is later.
    pub const fn since(self, earlier: Instant) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    /// The point `span` before this one; the start of time if there is none.
    pub const fn before(self, span: Duration) -> Instant {
        Instant(self.0.saturating_sub(span.as_micros() as u64))
    }
}

impl Add<Duration> for Instant {
    type Output = Instant;

    fn add(self, span: Duration) -> Instant {
        Instant(self.0.saturating_add(span.as_micros() as u64))
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, span: Duration) {
        *self = *self + span;
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}s", self.0 / 1_000_000, self.0 % 1_000_000)
    }
}
