//! What kind of moment this is: a number that two moments share if they are alike to whoever wants to see new
//! ones.
//!
//! It does not matter which machine is which, nor how many more than two are alike, nor how the epochs and the
//! ticks are numbered: of each node there is what it does about the crown, whose reign it has promised or
//! follows by their order, how far its world is behind the newest, whether the host and it reach each other, and
//! what is wrong with it. Of the game there is the wire, and what has almost gone wrong since it was one game
//! last.

use std::{
    collections::BTreeMap,
    hash::{Hash, Hasher},
};

use xxhash_rust::xxh3::Xxh3;

use super::World;
use crate::{
    game::Game,
    node::Node,
    sim::{
        met::Met,
        network::{Place, Weather},
    },
    types::{Clock, Term},
};

/// More machines than this that are alike are as many as these.
const ALIKE_MAX: u8 = 2;

/// Of reigns that differ, so many are told apart from the newest on.
const REIGNS_MAX: usize = 3;

impl<G: Game> World<G> {
    /// The likeness of this moment; `before` is what had been met when it was one game last.
    pub fn likeness(&self, before: &Met) -> u64 {
        let mut reigns: Vec<Term> = self.nodes().flat_map(terms).collect();
        reigns.sort_unstable_by(|one, other| other.cmp(one));
        reigns.dedup();
        let order = |term: Option<Term>| {
            let at = term.and_then(|term| reigns.iter().position(|reign| *reign == term));
            at.map(|at| at.min(REIGNS_MAX))
        };
        let newest = self.nodes().filter_map(|node| node.replica().clock()).max();
        let host = self.hosts().first().copied();
        let mut alike: BTreeMap<u64, u8> = BTreeMap::new();
        for place in 0..self.count() {
            let count = alike.entry(self.look_at(place, host, newest, &order)).or_default();
            *count = (*count + 1).min(ALIKE_MAX);
        }
        let mut hash = Xxh3::new();
        alike.hash(&mut hash);
        self.look_at_wire(&mut hash);
        near_misses(&self.judge.met, before).hash(&mut hash);
        hash.finish()
    }

    fn nodes(&self) -> impl Iterator<Item = &Node<G>> {
        self.machines.iter().filter_map(|machine| machine.node.as_ref())
    }

    /// What one machine is like at the moment.
    fn look_at(
        &self,
        place: Place,
        host: Option<Place>,
        newest: Option<Clock>,
        order: &impl Fn(Option<Term>) -> Option<usize>,
    ) -> u64 {
        let machine = &self.machines[place];
        let mut hash = Xxh3::new();
        (machine.paused, !machine.slow.is_zero(), machine.zombie).hash(&mut hash);
        (self.network.trouble(self.now, place), self.liars.who(place)).hash(&mut hash);
        let Some(node) = &machine.node else { return hash.finish() };
        let election = node.cluster().election();
        election.phase(machine.clock.read(self.now)).hash(&mut hash);
        order(election.promised()).hash(&mut hash);
        order(election.current()).hash(&mut hash);
        let behind = node.replica().clock().zip(newest).map(|(own, newest)| {
            let ticks = newest.tick.0.saturating_sub(own.tick.0);
            (order(Some(own.term)), ticks.checked_ilog2().map_or(0, |size| size / 2 + 1))
        });
        behind.hash(&mut hash);
        let reach = host.filter(|host| *host != place).map(|host| {
            let there = self.network.reaches(place, host);
            (there, self.network.reaches(host, place), self.are_linked(place, host))
        });
        (reach, host == Some(place), node.cluster().keeper().is_owed()).hash(&mut hash);
        hash.finish()
    }

    fn look_at_wire(&self, hash: &mut impl Hasher) {
        let Weather { latency_us, jitter_us, loss_permille, double_permille } =
            self.network.weather;
        let slow = (latency_us + jitter_us).checked_ilog2().unwrap_or_default() / 3;
        (slow, loss_permille > 0, loss_permille > 100, double_permille > 0).hash(hash);
        (self.network.broadcasts, self.flaps.is_empty()).hash(hash);
    }
}

/// The reigns that a node has to do with.
fn terms<G: Game>(node: &Node<G>) -> impl Iterator<Item = Term> {
    let election = node.cluster().election();
    let world = node.replica().clock().map(|clock| clock.term);
    [election.promised(), election.current(), world].into_iter().flatten()
}

/// What has almost gone wrong.
fn near_misses(met: &Met, before: &Met) -> [u64; 9] {
    let counts: [fn(&Met) -> u64; 9] = [
        |met| met.contested,
        |met| met.upsets,
        |met| met.needless,
        |met| met.zombies,
        |met| met.rebases,
        |met| met.ticks_behind,
        |met| met.syncs_failed,
        |met| met.rolled_back,
        |met| met.left_behind,
    ];
    counts.map(|count| count(met).saturating_sub(count(before)).min(1))
}
