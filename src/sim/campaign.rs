//! Many seeds on all cores, and the totals.

use std::{
    fmt,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use super::{
    faults, judge::Violation, met::Met, playable::Playable, swarm::Swarm, tally::Tally,
    trace::Trace, world::World,
};
use crate::{arena::Arena, config::Tuning};

/// What is to be run.
#[derive(Clone, Debug)]
pub struct Options {
    /// The first seed.
    pub seed: u64,
    /// How many seeds; none: until told to stop.
    pub seeds: Option<u64>,
    /// Rounds of faults in each run.
    pub rounds: usize,
    /// Threads to run on.
    pub threads: usize,
    /// What all nodes are told.
    pub tuning: Tuning,
}

impl Default for Options {
    fn default() -> Self {
        Self { seed: 1, seeds: Some(100), rounds: 8, threads: 2, tuning: Tuning::default() }
    }
}

/// One run.
#[derive(Clone, Debug)]
pub struct Run {
    /// Its seed.
    pub seed: u64,
    /// Its fingerprint: the same seed gives the same.
    pub fingerprint: u64,
    /// What it met.
    pub met: Met,
    /// What it broke.
    pub violations: Vec<Violation>,
    /// What happened, if wanted.
    pub trace: Vec<String>,
}

/// What a campaign comes to.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    /// Runs without a violation.
    pub passed: u64,
    /// The others: seed, and first violation.
    pub failed: Vec<(u64, Violation)>,
    /// All that was met.
    pub met: Met,
    /// That of all runs together: the same seeds give the same, in whatever order they are done.
    pub fingerprint: u64,
}

/// Every so many seeds the arena is played instead of the smallest game.
const ARENA_EVERY: u64 = 7;

/// Runs one seed, with the game that belongs to it.
pub fn run_seed(seed: u64, rounds: usize, tuning: &Tuning, trace: bool) -> Run {
    if seed.is_multiple_of(ARENA_EVERY) {
        let mut run = play::<Arena>(seed, rounds, tuning, trace);
        run.met.arena_us = run.met.simulated_us;
        run
    } else {
        play::<Tally>(seed, rounds, tuning, trace)
    }
}

/// Runs one seed with a game.
pub fn play<G: Playable>(seed: u64, rounds: usize, tuning: &Tuning, trace: bool) -> Run {
    let swarm = Swarm::new(seed);
    let mut world = World::<G>::new(seed, swarm.nodes);
    if trace {
        world.start_trace();
        world.tell(&swarm);
    }
    world.tuning = Tuning { folding: world.tuning.folding, ..tuning.clone() };
    let start = world.now;
    faults::rounds(&mut world, &swarm, rounds);
    world.judge.met.simulated_us = world.now.since(start).as_micros() as u64;
    Run {
        seed,
        fingerprint: world.fingerprint(),
        met: world.judge.met,
        violations: world.judge.violations,
        trace: world.trace.map(Trace::into_lines).unwrap_or_default(),
    }
}

/// Runs seed after seed, on several threads, until all are done or `stop` is set.
#[expect(clippy::disallowed_methods, reason = "the impure edge: runs share nothing")]
pub fn run(options: &Options, stop: &AtomicBool) -> Totals {
    let next = AtomicU64::new(options.seed);
    let end = options.seeds.map_or(u64::MAX, |seeds| options.seed.saturating_add(seeds));
    let totals = Mutex::new(Totals::default());
    std::thread::scope(|scope| {
        for _ in 0..options.threads.max(1) {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        return;
                    }
                    let run = run_seed(seed, options.rounds, &options.tuning, false);
                    if let Ok(mut totals) = totals.lock() {
                        totals.add(run);
                    }
                }
            });
        }
    });
    totals.into_inner().unwrap_or_default()
}

impl Totals {
    fn add(&mut self, run: Run) {
        self.fingerprint = self.fingerprint.wrapping_add(run.fingerprint);
        match run.violations.into_iter().next() {
            None => self.passed += 1,
            Some(first) => self.failed.push((run.seed, first)),
        }
        self.met.add(run.met);
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.met.fmt(f)?;
        writeln!(f, "fingerprint      {:016x}", self.fingerprint)?;
        let mut failed = self.failed.clone();
        failed.sort_by_key(|(seed, _)| *seed);
        for (seed, Violation { at, place, what }) in failed.iter().take(20) {
            writeln!(f, "seed {seed} failed at {at:?}, n{place}: {what}")?;
            writeln!(f, "    interregnum sim --seed {seed} --trace")?;
        }
        writeln!(f, "violations       {}", self.failed.len())
    }
}
