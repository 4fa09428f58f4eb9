//! Stories: what a session goes through in real life, each with a name, told again and again.
//!
//! A [`Story`] is a script over a [`Scene`]: who starts, what happens when, and what must hold then.
//! The seed moves the instants, the ids, and whatever the script leaves open; the judge's invariants
//! must hold besides. The list of each part reads like a table of contents; start there.
//!
//! | part | tells of |
//! |---|---|
//! | `crash` | processes that are killed, machines that lose their power |
//! | `disks` | what is forgotten: old disks, damaged ones, none; and what must not be |
//! | `time` | processes that are stopped, laptops that sleep, clocks, too little processor time |
//! | `network` | cuts, loss, delay, addresses, and other things that networks do |
//! | `reach` | who is heard and cannot be reached, and how slow a wire may be |
//! | `membership` | who comes and goes, and when |
//! | `exclusion` | who is not let in, and who is shown the door |
//! | `pairing` | two people compare pictures, and somebody stands between two |
//! | `strangers` | whatever else may knock at an open port |
//! | `forgers` | members who write in the name of others, or say one thing to one and another to another |
//! | `liars` | members and strangers with worlds that nobody made, and reigns that never were |
//! | `thieves` | what was recorded, a key that somebody else has, a roster in the host's name |
//! | `cheats` | hosts that do not play by the rules, and members that want what is not theirs |
//! | `accounts` | one person on several machines, and a machine that is struck off |
//! | `chat` | what people say to each other, through kills, cuts and wrong clocks |
//! | `crowd` | those who only watch, when there are many of them |
//! | `seats` | a game that is full, and who waits for a seat |
//! | [`scene`] | what scripts are written in |
//!
//! `interregnum sim --stories` lists them, `interregnum sim --story NAME --seed N --trace` tells one
//! line by line.
//!
//! Some things that happen are not told here, because this is not where they would go wrong:
//!
//! | | where it is |
//! |---|---|
//! | a port of TCP, or the one for beacons, is taken on a real machine | `tests/processes` (the story `beacon-port-taken` tells what follows for the game) |
//! | the wall clock is set | it is read by nobody; what the monotonic clocks may do is in `clocks-that-differ` |
//! | a folder cannot be written to, or is in use already | `tests/processes` |
//! | a record is torn at every byte, every bit of a page flips | `tests/store`, with real files |
//! | two hosts write the same fact | `tests/ledger`: here points are called after the reign they were made in |
//! | how long merging keeps a processor busy | `tests/remembering.rs`, and `tests/processes` with real ones |
//! | how fast real sockets, signals and cables are | `tests/processes` and `tests/namespaces` |
//!
//! To add one: write its line in the list of its part, with a sentence for people, and its script
//! below. Say what must hold as narrowly as it does hold, so that it can break.

mod accounts;
mod chat;
mod cheats;
mod crash;
mod crowd;
mod disks;
mod exclusion;
mod forgers;
mod liars;
mod membership;
mod network;
mod pairing;
mod reach;
pub mod scene;
mod seats;
mod strangers;
mod thieves;
mod time;

use std::{
    fmt,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use self::scene::Scene;
use super::judge::Violation;
use crate::config::Tuning;

/// One story.
#[derive(Debug)]
pub struct Story {
    /// What it is called: words with hyphens between them.
    pub name: &'static str,
    /// What happens, in a sentence.
    pub tells: &'static str,
    /// How many machines there are.
    pub nodes: usize,
    /// What happens, and what must hold.
    pub script: fn(&mut Scene),
}

/// How one telling went.
#[derive(Clone, Debug)]
pub struct Told {
    /// What was broken.
    pub violations: Vec<Violation>,
    /// What happened, if wanted.
    pub trace: Vec<String>,
    /// The longest time that anybody waited for a tick.
    pub pause: Duration,
    /// The longest time that it took to be one game again.
    pub settled: Duration,
    /// How often somebody asked for the crown.
    pub asks: u64,
    /// How many reigns began.
    pub reigns: u64,
    /// How many ticks were undone, the same history given.
    pub rolled_back: u64,
    /// The same if and only if the same things happened.
    pub fingerprint: u64,
}

/// All stories, part by part.
pub fn all() -> impl Iterator<Item = &'static Story> {
    [
        crash::STORIES,
        disks::STORIES,
        time::STORIES,
        network::STORIES,
        reach::STORIES,
        membership::STORIES,
        exclusion::STORIES,
        pairing::STORIES,
        strangers::STORIES,
        forgers::STORIES,
        liars::STORIES,
        thieves::STORIES,
        cheats::STORIES,
        accounts::STORIES,
        chat::STORIES,
        crowd::STORIES,
        seats::STORIES,
    ]
    .into_iter()
    .flatten()
}

impl Story {
    /// The story with this name.
    pub fn find(name: &str) -> Option<&'static Story> {
        all().find(|story| story.name == name)
    }

    /// Tells it once.
    pub fn tell(&self, seed: u64, tuning: &Tuning, trace: bool) -> Told {
        let mut scene = Scene::new(seed, self.nodes, tuning.clone(), trace);
        (self.script)(&mut scene);
        scene.end()
    }

    /// Tells it with each of `seeds`, on several threads.
    #[expect(clippy::disallowed_methods, reason = "the impure edge: tellings share nothing")]
    pub fn tell_all(
        &'static self,
        seeds: std::ops::Range<u64>,
        threads: usize,
        tuning: &Tuning,
    ) -> Tellings {
        let next = AtomicU64::new(seeds.start);
        let tellings = Mutex::new(Tellings::new(self));
        std::thread::scope(|scope| {
            for _ in 0..threads.max(1) {
                scope.spawn(|| {
                    loop {
                        let seed = next.fetch_add(1, Ordering::Relaxed);
                        if !seeds.contains(&seed) {
                            return;
                        }
                        let told = self.tell(seed, tuning, false);
                        if let Ok(mut tellings) = tellings.lock() {
                            tellings.add(seed, told);
                        }
                    }
                });
            }
        });
        tellings.into_inner().unwrap_or_else(|_| Tellings::new(self))
    }
}

/// What many tellings of one story come to.
#[derive(Debug)]
pub struct Tellings {
    /// Which story.
    pub story: &'static Story,
    /// How many went well.
    pub passed: u64,
    /// The others: seed, and first violation.
    pub failed: Vec<(u64, Violation)>,
    pauses: Vec<Duration>,
    settled: Duration,
    asks: u64,
    reigns: u64,
}

impl Tellings {
    fn new(story: &'static Story) -> Self {
        Self {
            story,
            passed: 0,
            failed: Vec::new(),
            pauses: Vec::new(),
            settled: Duration::ZERO,
            asks: 0,
            reigns: 0,
        }
    }

    fn add(&mut self, seed: u64, told: Told) {
        match told.violations.into_iter().next() {
            None => self.passed += 1,
            Some(first) => self.failed.push((seed, first)),
        }
        self.failed.sort_by_key(|(seed, _)| *seed);
        self.pauses.push(told.pause);
        self.settled = self.settled.max(told.settled);
        self.asks = self.asks.max(told.asks);
        self.reigns = self.reigns.max(told.reigns);
    }
}

/// What stands above the lines of several stories.
pub const HEADING: &str =
    "                                        pause, ms           one game    most     most
story                                   p50     max         again, ms   asks     reigns";

/// One line: how long people waited, and the worst of the rest.
impl fmt::Display for Tellings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut pauses = self.pauses.clone();
        pauses.sort_unstable();
        let ms = |span: Duration| span.as_secs_f64() * 1_000.0;
        let half = pauses.get(pauses.len() / 2).copied().unwrap_or_default();
        let most = pauses.last().copied().unwrap_or_default();
        let Self { asks, reigns, .. } = self;
        let (half, most, settled) = (ms(half), ms(most), ms(self.settled));
        let name = self.story.name;
        write!(f, "{name:<36} {half:>7.1} {most:>8.1} {settled:>14.1} {asks:>9} {reigns:>9}")?;
        for (seed, Violation { at, place, what }) in self.failed.iter().take(5) {
            write!(f, "\n    seed {seed} failed at {at:?}, n{place}: {what}")?;
            write!(f, "\n        interregnum sim --story {name} --seed {seed} --trace")?;
        }
        if !self.failed.is_empty() {
            let told = self.passed as usize + self.failed.len();
            write!(f, "\n    {} of {told} seeds failed", self.failed.len())?;
        }
        Ok(())
    }
}
