//! The invariants, checked as the run goes on, and a count of what was met.
//!
//! | | holds after every event |
//! |---|---|
//! | S1 | all packets of one term come from one node and incarnation |
//! | S2 | `promised` never falls within an incarnation |
//! | S3 | no packet of a term below `promised` is applied |
//! | S4 | within a term applied ticks rise; a step back comes only with a new term |
//! | S5 | a new host starts at or after the newest world among those that answered |
//! | S6 | same clock, same hash of the world |
//! | S7 | each control is applied at most once |
//!
//! | | holds at quiescence |
//! |---|---|
//! | L1 | within a second of the last fault there is exactly one host, known to all |
//! | L2 | a quiet network sees no election |
//! | L3 | a crash has a new host within the suspicion time and 100 ms |
//! | L4 | at most four reigns per fault |

use std::collections::{BTreeMap, VecDeque};

use crate::{
    node::Event,
    sim::{Playable, network::Place},
    types::{Clock, Incarnation, Instant, NodeId, Term},
};

/// How many clocks the judge remembers the hash of.
const HASHES_MAX: usize = 4_096;

/// What a run has met. A campaign that met nothing has tested nothing.
#[derive(Clone, Debug, Default)]
pub struct Met {
    /// Simulated time, in microseconds.
    pub simulated_us: u64,
    /// Events handled by nodes.
    pub handled: u64,
    /// Faults, by name.
    pub faults: BTreeMap<&'static str, u64>,
    /// Asks for the crown.
    pub elections: u64,
    /// Asks while another one was open.
    pub contested: u64,
    /// Reigns that began.
    pub reigns: u64,
    /// Reigns that followed another, as seen by each survivor.
    pub failovers: u64,
    /// Lines of history given up.
    pub rebases: u64,
    /// Nodes that woke up from a pause and found themselves replaced.
    pub zombies: u64,
    /// Ticks applied.
    pub ticks: u64,
    /// Times from the last fault to one host known to all, in microseconds.
    pub settled_us: Vec<u64>,
    /// Gaps between the last tick of one reign and the first of the next, in microseconds.
    pub gaps_us: Vec<u64>,
    /// Asks on a network that had been quiet for a second.
    pub needless: u64,
    /// Ticks that were undone by a new reign.
    pub rolled_back: u64,
    /// Datagrams sent to one node, without beacons.
    pub datagrams: u64,
    /// The bytes in them, without the headers of UDP and below.
    pub datagram_bytes: u64,
}

impl Met {
    /// Adds what another run has met.
    pub fn add(&mut self, other: Met) {
        self.simulated_us += other.simulated_us;
        self.handled += other.handled;
        for (name, count) in other.faults {
            *self.faults.entry(name).or_default() += count;
        }
        self.elections += other.elections;
        self.contested += other.contested;
        self.reigns += other.reigns;
        self.failovers += other.failovers;
        self.rebases += other.rebases;
        self.zombies += other.zombies;
        self.ticks += other.ticks;
        self.settled_us.extend(other.settled_us);
        self.gaps_us.extend(other.gaps_us);
        self.needless += other.needless;
        self.rolled_back += other.rolled_back;
        self.datagrams += other.datagrams;
        self.datagram_bytes += other.datagram_bytes;
    }
}

/// A broken invariant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// When.
    pub at: Instant,
    /// At which machine.
    pub place: Place,
    /// Which, and how.
    pub what: String,
}

/// The judge of one run.
#[derive(Debug, Default)]
pub struct Judge {
    /// What was met so far.
    pub met: Met,
    /// What was broken.
    pub violations: Vec<Violation>,
    hosts: BTreeMap<Term, (NodeId, Incarnation)>,
    hashes: BTreeMap<Clock, u32>,
    hash_order: VecDeque<Clock>,
    nodes: BTreeMap<Place, Watched>,
}

/// What the judge remembers of one life of a node.
#[derive(Debug, Default)]
struct Watched {
    promised: Option<Term>,
    applied: Option<Clock>,
}

impl Judge {
    /// A node starts a new life.
    pub fn born(&mut self, place: Place) {
        self.nodes.insert(place, Watched::default());
    }

    /// A node has handled something: what it promises, and where it reigns.
    pub fn look(&mut self, at: Instant, place: Place, promised: Option<Term>, reign: Option<Term>) {
        self.met.handled += 1;
        let watched = self.nodes.entry(place).or_default();
        if promised < watched.promised {
            let what = format!("S2: promised {:?} after {:?}", promised, watched.promised);
            self.violations.push(Violation { at, place, what });
        }
        if promised != watched.promised && reign.is_some() {
            self.met.reigns += 1;
        }
        watched.promised = promised;
        if reign.is_some() && reign != promised {
            let what = format!("S2: reigns in {reign:?}, promised {promised:?}");
            self.violations.push(Violation { at, place, what });
        }
    }

    /// A node has told its user something.
    pub fn event<G: Playable>(&mut self, at: Instant, place: Place, event: &Event<G>) {
        match event {
            Event::Tick { clock, hash } => self.tick(at, place, *clock, *hash),
            Event::Host { gap: Some(gap), rolled_back, .. } => {
                self.met.failovers += 1;
                self.met.gaps_us.push(gap.as_micros() as u64);
                self.met.rolled_back += rolled_back;
            }
            Event::Election { .. } => self.met.elections += 1,
            Event::Rebase { .. } => self.met.rebases += 1,
            Event::Diverged { clock } => self.violations.push(Violation {
                at,
                place,
                what: format!("S6: diverged at {clock:?}"),
            }),
            _ => {}
        }
    }

    /// The world of a node after a tick.
    pub fn audit<G: Playable>(&mut self, at: Instant, place: Place, world: &G::World) {
        if let Some(what) = G::audit(world) {
            self.violations.push(Violation { at, place, what: what.to_owned() });
        }
    }

    /// Something that must hold at quiescence does not.
    pub fn fail(&mut self, at: Instant, place: Place, what: String) {
        self.violations.push(Violation { at, place, what });
    }

    fn tick(&mut self, at: Instant, place: Place, clock: Clock, hash: u32) {
        self.met.ticks += 1;
        let mut fail = |what: String| self.violations.push(Violation { at, place, what });
        let author = (clock.term.host, clock.term.incarnation);
        if *self.hosts.entry(clock.term).or_insert(author) != author {
            fail(format!("S1: two hosts in {:?}", clock.term));
        }
        let watched = self.nodes.entry(place).or_default();
        if watched.promised.is_some_and(|promised| clock.term < promised) {
            fail(format!("S3: applied {clock:?}, promised {:?}", watched.promised));
        }
        if let Some(before) = watched.applied.replace(clock) {
            if before.term == clock.term && before.tick >= clock.tick {
                fail(format!("S4: applied {clock:?} after {before:?}"));
            }
            if before.term > clock.term {
                fail(format!("S3: applied {clock:?} after {before:?}"));
            }
        }
        match self.hashes.get(&clock) {
            Some(known) if *known != hash => fail(format!("S6: two worlds at {clock:?}")),
            Some(_) => {}
            None => {
                self.hashes.insert(clock, hash);
                self.hash_order.push_back(clock);
                if self.hash_order.len() > HASHES_MAX
                    && let Some(old) = self.hash_order.pop_front()
                {
                    self.hashes.remove(&old);
                }
            }
        }
    }
}
