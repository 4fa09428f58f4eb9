//! What a run has met, and what a campaign may meet of it.

use std::{collections::BTreeMap, fmt};

/// What a run has met. A campaign that met nothing has tested nothing.
#[derive(Clone, Debug, Default)]
pub struct Met {
    /// Simulated time, in microseconds.
    pub simulated_us: u64,
    /// The part of it in which the arena was played.
    pub arena_us: u64,
    /// Faults, by name.
    pub faults: BTreeMap<&'static str, u64>,
    /// Asks for the crown.
    pub elections: u64,
    /// Asks on a network that had been quiet for a second.
    pub quiet_elections: u64,
    /// Reigns that began.
    pub reigns: u64,
    /// Reigns that replaced a host which was fit, and in touch with most of their followers.
    pub needless: u64,
    /// Reigns that began beside another one, in reach, which replaced the same host just before.
    pub contested: u64,
    /// Hosts that yielded to another with fewer players.
    pub upsets: u64,
    /// Reigns that followed another, as seen by each survivor.
    pub failovers: u64,
    /// Gaps between the last tick of one reign and the first of the next, in microseconds.
    pub gaps_us: Vec<u64>,
    /// Times from the loss of a host, with nothing else going on, to the first tick of another at
    /// the last survivor, in microseconds.
    pub succession_us: Vec<u64>,
    /// Times from the last fault to one host known to all, in microseconds.
    pub settled_us: Vec<u64>,
    /// Ticks that were undone although the new reign descends from theirs.
    pub rolled_back: u64,
    /// Ticks that were given up for another line of history, when two hosts met.
    pub left_behind: u64,
    /// Lines of history given up.
    pub rebases: u64,
    /// Nodes that woke up from a pause and found themselves replaced.
    pub zombies: u64,
    /// Ticks that such nodes made before they gave in, though nothing kept them from knowing better.
    pub zombie_ticks: u64,
    /// Ticks applied.
    pub ticks: u64,
    /// Pages in all ledgers together at the end.
    pub pages: u64,
    /// Facts in the ledgers at the end.
    pub facts: u64,
    /// Ticks applied by nodes that lacked facts up to them, and were asking for those.
    pub ticks_behind: u64,
    /// Batches that a disk failed to keep.
    pub syncs_failed: u64,
    /// Times from one host known to all to all ledgers being equal, in microseconds.
    pub equal_us: Vec<u64>,
    /// Datagrams sent to one node, without broadcasts.
    pub datagrams: u64,
    /// The bytes in them, without the headers of UDP and below.
    pub datagram_bytes: u64,
}

impl Met {
    /// Adds what another run has met.
    pub fn add(&mut self, other: Met) {
        self.simulated_us += other.simulated_us;
        self.arena_us += other.arena_us;
        for (name, count) in other.faults {
            *self.faults.entry(name).or_default() += count;
        }
        self.elections += other.elections;
        self.quiet_elections += other.quiet_elections;
        self.reigns += other.reigns;
        self.needless += other.needless;
        self.contested += other.contested;
        self.upsets += other.upsets;
        self.failovers += other.failovers;
        self.gaps_us.extend(other.gaps_us);
        self.succession_us.extend(other.succession_us);
        self.settled_us.extend(other.settled_us);
        self.rolled_back += other.rolled_back;
        self.left_behind += other.left_behind;
        self.rebases += other.rebases;
        self.zombies += other.zombies;
        self.zombie_ticks += other.zombie_ticks;
        self.ticks += other.ticks;
        self.facts += other.facts;
        self.pages += other.pages;
        self.ticks_behind += other.ticks_behind;
        self.syncs_failed += other.syncs_failed;
        self.equal_us.extend(other.equal_us);
        self.datagrams += other.datagrams;
        self.datagram_bytes += other.datagram_bytes;
    }

    /// How many faults there were.
    pub fn fault_count(&self) -> u64 {
        self.faults.values().sum()
    }

    /// Those of them that can cost a crown: a disk that fails disturbs nobody.
    fn disturbances(&self) -> u64 {
        let of_disks = DISK_FAULTS.iter().filter_map(|name| self.faults.get(name));
        self.fault_count() - of_disks.sum::<u64>()
    }

    /// What a campaign should have met and has not: then it has tested nothing.
    pub fn missed(&self) -> Option<&'static str> {
        [
            ("no fault", self.fault_count()),
            ("no election", self.elections),
            ("no failover", self.failovers),
            ("no lost host with nothing else going on", self.succession_us.len() as u64),
            ("no line of history given up", self.rebases),
            ("no zombie", self.zombies),
            ("no tick", self.ticks),
            ("no fact", self.facts),
            ("no page", self.pages),
            ("no disk that failed", self.syncs_failed),
        ]
        .into_iter()
        .find(|(_, count)| *count == 0)
        .map(|(what, _)| what)
    }
}

/// What happens to disks alone.
const DISK_FAULTS: [&str; 6] =
    ["bit flipped", "disk copied", "disk full", "disk wiped", "old disk", "sync error"];

/// What must stay rare: no single case is wrong for certain (a storm may look like a death), but more
/// of them than this are.
struct Limit {
    what: &'static str,
    count: fn(&Met) -> u64,
    /// The most per 1,000 of what it is counted against.
    most: f64,
    of: fn(&Met) -> u64,
    /// So few of those say nothing about how many there are in a thousand.
    sample: u64,
}

impl Limit {
    const fn of_faults(what: &'static str, count: fn(&Met) -> u64, most: f64) -> Self {
        Self { what, count, most, of: Met::disturbances, sample: 10_000 }
    }
}

/// About twice what the protocol needs, or more; asks and reigns are so many that their numbers hardly
/// vary.
const LIMITS: [Limit; 8] = [
    Limit {
        sample: 1,
        ..Limit::of_faults("asks on a quiet network", |met| met.quiet_elections, 0.0)
    },
    Limit::of_faults("needless reigns", |met| met.needless, 3.0),
    Limit::of_faults("contested reigns", |met| met.contested, 1.2),
    Limit::of_faults("hosts that yield to fewer", |met| met.upsets, 3.0),
    Limit::of_faults("asks", |met| met.elections, 830.0),
    Limit::of_faults("reigns", |met| met.reigns, 600.0),
    Limit::of_faults("ticks undone", |met| met.rolled_back + met.left_behind, 20_000.0),
    Limit {
        what: "ticks of zombies",
        count: |met| met.zombie_ticks,
        most: 200.0,
        of: |met| met.zombies,
        sample: 100,
    },
];

/// Something that happened too often.
#[derive(Clone, Debug, PartialEq)]
pub struct Excess {
    /// What is limited, in words.
    pub what: &'static str,
    /// How often in 1,000 faults (or of zombies, for what they do).
    pub figure: f64,
    /// What is allowed.
    pub limit: f64,
}

impl Met {
    /// What happened too often, if anything did.
    pub fn excess(&self) -> Option<Excess> {
        self.excesses(u64::MAX).next()
    }

    /// All that happened too often, where so few faults (or zombies) say enough already: because it is known
    /// what comes of the same ones otherwise.
    pub fn excesses(&self, few: u64) -> impl Iterator<Item = Excess> {
        LIMITS.iter().filter_map(move |Limit { what, count, most, of, sample }| {
            let of = of(self);
            let figure = count(self) as f64 * 1_000.0 / of.max(1) as f64;
            let over = of >= few.min(*sample) && figure > *most;
            over.then_some(Excess { what, figure, limit: *most })
        })
    }
}

impl fmt::Display for Excess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, figure, limit } = self;
        write!(f, "{what}: {figure:.1} in a thousand, {limit:.1} are allowed")
    }
}

impl fmt::Display for Met {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hours = |us: u64| us as f64 / 3.6e9;
        let (all, arena) = (hours(self.simulated_us), hours(self.arena_us));
        writeln!(f, "simulated hours  {all:.1}  ({arena:.1} of them the arena)")?;
        write!(f, "faults           {}  (", self.fault_count())?;
        for (at, (name, count)) in self.faults.iter().enumerate() {
            write!(f, "{}{name} {count}", if at > 0 { ", " } else { "" })?;
        }
        writeln!(f, ")")?;
        writeln!(f, "ticks applied    {}", self.ticks)?;
        let quiet = self.quiet_elections;
        writeln!(f, "elections        {}  ({quiet} on a quiet network)", self.elections)?;
        let (needless, contested, upsets) = (self.needless, self.contested, self.upsets);
        let reigns = self.reigns;
        write!(f, "reigns           {reigns}  ({needless} needless, {contested} contested, ")?;
        writeln!(f, "{upsets} won by the fewer)")?;
        writeln!(f, "failovers        {}  {}", self.failovers, quantiles(&self.gaps_us))?;
        let succession = &self.succession_us;
        let alone = succession.len();
        writeln!(f, "host lost, quiet {alone}  {}", quantiles(succession))?;
        writeln!(f, "one host again   {}", quantiles(&self.settled_us))?;
        let left = self.left_behind;
        writeln!(f, "rolled back      {} ticks, {left} left behind", self.rolled_back)?;
        writeln!(f, "histories left   {}", self.rebases)?;
        let behind = self.ticks_behind;
        writeln!(
            f,
            "facts            {}  ({behind} ticks applied before theirs came), {} pages",
            self.facts, self.pages
        )?;
        writeln!(f, "disks failed     {}", self.syncs_failed)?;
        writeln!(f, "ledgers equal    {}", quantiles(&self.equal_us))?;
        writeln!(f, "zombies          {}  ({} ticks of theirs)", self.zombies, self.zombie_ticks)
    }
}

fn quantiles(values_us: &[u64]) -> String {
    let mut sorted = values_us.to_vec();
    sorted.sort_unstable();
    let at = |part: f64| {
        let index = (sorted.len().saturating_sub(1) as f64 * part).round() as usize;
        sorted.get(index).copied().unwrap_or_default() as f64 / 1_000.0
    };
    let [half, most, all] = [0.5, 0.95, 1.0].map(at);
    format!("p50 {half:.1} ms, p95 {most:.1} ms, max {all:.1} ms")
}
