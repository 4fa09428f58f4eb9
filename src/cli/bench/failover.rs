//! `bench failover`: how long nobody hosts after the host was killed, or fell silent.
//!
//! The gap at a survivor runs from the last tick of the old reign that it applied to the first of
//! the next. Of each failover the worst survivor counts. Beside it stand the gaps of ordinary play
//! in the same run: each one, and the worst of all survivors at each tick, which is the like of the
//! worst survivor of a failover.
//!
//! A silent host is a stopped process. It is continued, believing that it reigns, and must follow:
//! how soon it does is measured too, and that nobody applies a tick of a reign that was over.

use std::{collections::BTreeMap, process::ExitCode, time::Duration};

use anyhow::bail;
use interregnum::{
    arena::TICK,
    runtime,
    types::{Instant, NodeId},
};
use serde::Serialize;
use tracing_subscriber::filter::LevelFilter;

use super::figures::{self, Quantiles, ms};
use crate::cli::{
    lines::{Line, What},
    options::{FailoverOptions, GameOptions},
    output::Stdout,
    party::{Cut, Ended, Party},
    peers::Peers,
    signals,
};

/// How long everybody plays before the next failover.
const ORDINARY: Duration = Duration::from_millis(1_000);

/// How long the game may take to go on. Decides only when to give up.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a host stays killed or stopped.
const GONE: Duration = Duration::from_millis(500);

/// So that the last ticks of the old reign are among the lines.
const LAST_TICKS: Duration = Duration::from_millis(50);

/// One failover.
#[derive(Clone, Debug, Serialize)]
struct Failover {
    number: u32,
    old: NodeId,
    new: NodeId,
    /// At the worst survivor.
    gap_us: u64,
    /// From the kill or stop until the successor has noticed.
    detection_us: u64,
    /// From there until it reigns.
    election_us: u64,
    /// From there until the last survivor has applied its first tick.
    first_tick_us: u64,
    rolled_back: u64,
    /// From being continued until it follows, for a stopped host.
    follows_us: Option<u64>,
    /// Whether a survivor, or its machine, slept through a tick meanwhile.
    stalled: bool,
}

/// What came of it.
#[derive(Debug, Default, Serialize)]
struct Report {
    ok: bool,
    silent: bool,
    peers: usize,
    failovers: Quantiles,
    undisturbed_failovers: Quantiles,
    ordinary: Quantiles,
    ordinary_worst: Quantiles,
    detection: Quantiles,
    election: Quantiles,
    first_tick: Quantiles,
    follows: Quantiles,
    rolled_back_max: u64,
    /// Ticks of a reign applied after one of a later reign.
    old_ticks: u64,
    complaints: Vec<String>,
}

struct Bench {
    party: Party,
    silent: bool,
    failovers: Vec<Failover>,
    ordinary: Vec<u64>,
    ordinary_worst: Vec<u64>,
    old_ticks: u64,
    epochs: BTreeMap<NodeId, u64>,
}

pub fn run(options: &FailoverOptions, log: LevelFilter) -> anyhow::Result<ExitCode> {
    let run = &options.run;
    let out = Stdout::new(run.json)?;
    let stop = signals::stop_requests(run.tied, &out)?;
    let mut peers = Peers::new(&GameOptions::private(true), run, log)?;
    peers.program.clone_from(&options.build.program);
    for _ in 0..options.peers {
        peers.add_bot()?;
    }
    let mut bench = Bench {
        party: Party::new(peers, run, stop, &out),
        silent: options.silent,
        failovers: Vec::new(),
        ordinary: Vec::new(),
        ordinary_worst: Vec::new(),
        old_ticks: 0,
        epochs: BTreeMap::new(),
    };
    let ended = bench.measure(options.kills)?;
    bench.party.peers.end();
    Ok(bench.close(ended))
}

/// How far into a tick the host is lost: it takes hosts evenly from all parts of a tick, or the gaps of two
/// builds would tell of nothing but where in a tick each of them is when all have gathered. The multiples of the
/// golden ratio, which fill an interval evenly, however many there are.
fn phase(number: u32) -> Duration {
    TICK.mul_f64((f64::from(number) * 0.618_033_988_749_895).fract())
}

impl Bench {
    fn measure(&mut self, times: u32) -> anyhow::Result<Ended> {
        if let Err(cut) = self.party.gather() {
            return Ok(cut.ending("the peers did not find each other"));
        }
        self.party.judge.begin();
        for number in 1..=times {
            if let Err(cut) = self.play()? {
                return Ok(cut.ending("it never ended"));
            }
            match self.lose_host(number)? {
                Ok(failover) => self.note(failover),
                Err(cut) => return Ok(cut.ending("the game did not go on as one")),
            }
        }
        Ok(Ended::Through)
    }

    /// Ordinary play, for comparison.
    fn play(&mut self) -> anyhow::Result<Result<(), Cut>> {
        self.record();
        if let Err(cut) = self.party.pass(ORDINARY) {
            return Ok(Err(cut));
        }
        let host = self.party.judge.host();
        let lines = self.recorded();
        let applied = Applied::of(&lines);
        for (_, gaps) in applied.gaps_by_tick(host) {
            self.ordinary.extend(&gaps);
            self.ordinary_worst.extend(gaps.iter().max());
        }
        Ok(Ok(()))
    }

    fn lose_host(&mut self, number: u32) -> anyhow::Result<Result<Failover, Cut>> {
        let Some(old) = self.party.judge.host() else { bail!("nobody hosts") };
        let epoch = self.party.judge.epoch();
        self.record();
        if let Err(cut) = self.party.pass(LAST_TICKS + phase(number)) {
            return Ok(Err(cut));
        }
        let struck = runtime::now();
        if self.silent {
            self.party.peers.stop(old, true)?;
        } else {
            self.party.peers.kill(old);
        }
        self.party.judge.died(old);
        let went_on = |party: &Party| party.judge.reign_after(epoch).is_some();
        if let Err(cut) = self.party.wait(PATIENCE, went_on) {
            return Ok(Err(cut));
        }
        if let Err(cut) = self.party.pass(GONE) {
            return Ok(Err(cut));
        }
        let lines = self.recorded();
        let Some(mut failover) = failover(number, old, epoch, struck, &lines) else {
            bail!("the peers' lines do not tell of failover {number}")
        };
        let back = if self.silent { self.wake(old)? } else { self.restart(old)? };
        match back {
            Ok(follows_us) => failover.follows_us = follows_us,
            Err(cut) => return Ok(Err(cut)),
        }
        Ok(Ok(failover))
    }

    fn restart(&mut self, old: NodeId) -> anyhow::Result<Result<Option<u64>, Cut>> {
        self.epochs.remove(&old);
        self.party.peers.restart(old)?;
        Ok(self.party.gather().map(|()| None))
    }

    /// Continues a stopped host. How long it takes to follow.
    fn wake(&mut self, old: NodeId) -> anyhow::Result<Result<Option<u64>, Cut>> {
        self.record();
        let Some((term, _)) = self.party.judge.reign_after(0) else { bail!("nobody hosts") };
        let woken = runtime::now();
        self.party.peers.stop(old, false)?;
        self.party.judge.is_back(old);
        if let Err(cut) = self.party.gather() {
            return Ok(Err(cut));
        }
        let lines = self.recorded();
        let follows = lines.iter().find(|line| {
            line.node == old
                && matches!(&line.what, What::Host { term: seen, .. } if seen.epoch >= term.epoch)
        });
        Ok(Ok(follows.map(|line| line.t_us.saturating_sub(woken.0))))
    }

    fn record(&mut self) {
        let before = self.party.record.replace(Vec::new());
        self.check_epochs(&before.unwrap_or_default());
    }

    fn recorded(&mut self) -> Vec<Line> {
        let lines = self.party.record.take().unwrap_or_default();
        self.check_epochs(&lines);
        lines
    }

    /// No node applies a tick of a reign after one of a later reign.
    fn check_epochs(&mut self, lines: &[Line]) {
        for line in lines {
            if let What::Tick { term, .. } = &line.what {
                let newest = self.epochs.entry(line.node).or_default();
                self.old_ticks += u64::from(term.epoch < *newest);
                *newest = term.epoch.max(*newest);
            }
        }
    }

    fn note(&mut self, failover: Failover) {
        let follows = failover.follows_us.map_or_else(String::new, |us| {
            format!("; the old host follows {:.0} ms after waking", ms(us))
        });
        self.party.tell(&format!(
            "{:>4}  {} → {}: {:.1} ms at the worst survivor ({:.1} detection, {:.1} election, \
             {:.1} first tick){follows}{}",
            failover.number,
            self.party.name(failover.old),
            self.party.name(failover.new),
            ms(failover.gap_us),
            ms(failover.detection_us),
            ms(failover.election_us),
            ms(failover.first_tick_us),
            if failover.stalled { "; a process was kept from the processor" } else { "" },
        ));
        self.party.tell_scripts("failover", &failover);
        self.failovers.push(failover);
    }

    fn close(self, ended: Ended) -> ExitCode {
        let party = &self.party;
        let mut complaints = party.judge.complaints(|id| party.name(id));
        if let Ended::Stuck(why) = &ended {
            complaints.push(why.clone());
        }
        if self.old_ticks > 0 {
            complaints.push(format!("{} ticks of an old reign were applied", self.old_ticks));
        }
        let quantiles =
            |of: fn(&Failover) -> u64| Quantiles::of(self.failovers.iter().map(of).collect());
        let calm = self.failovers.iter().filter(|failover| !failover.stalled);
        let report = Report {
            ok: complaints.is_empty(),
            silent: self.silent,
            peers: party.peers.len(),
            failovers: quantiles(|failover| failover.gap_us),
            undisturbed_failovers: Quantiles::of(calm.map(|failover| failover.gap_us).collect()),
            ordinary: Quantiles::of(self.ordinary),
            ordinary_worst: Quantiles::of(self.ordinary_worst),
            detection: quantiles(|failover| failover.detection_us),
            election: quantiles(|failover| failover.election_us),
            first_tick: quantiles(|failover| failover.first_tick_us),
            follows: Quantiles::of(self.failovers.iter().filter_map(|f| f.follows_us).collect()),
            rolled_back_max: self.failovers.iter().map(|f| f.rolled_back).max().unwrap_or(0),
            old_ticks: self.old_ticks,
            complaints,
        };
        party.tell(&report.to_string());
        party.tell_scripts("bench", &report);
        if report.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "\n{}", figures::head())?;
        let mut row = |label, quantiles| writeln!(f, "{}", figures::row(label, quantiles));
        row("gap at the worst survivor of a failover", &self.failovers)?;
        row("  of those with no process kept waiting", &self.undisturbed_failovers)?;
        row("  its parts: detection", &self.detection)?;
        row("             election", &self.election)?;
        row("             first tick", &self.first_tick)?;
        row("gap at the worst survivor, ordinary play", &self.ordinary_worst)?;
        row("gap at any node, ordinary play", &self.ordinary)?;
        if self.silent {
            row("the old host follows after waking", &self.follows)?;
        }
        writeln!(f, "ticks rolled back: {} at most", self.rolled_back_max)?;
        writeln!(f, "ticks of an old reign applied: {}", self.old_ticks)?;
        for complaint in &self.complaints {
            writeln!(f, "FAILED: {complaint}")?;
        }
        Ok(())
    }
}

/// What the survivors' lines say of the reign that followed the one of `old` in `epoch`.
fn failover(
    number: u32,
    old: NodeId,
    epoch: u64,
    struck: Instant,
    lines: &[Line],
) -> Option<Failover> {
    let applied = Applied::of(lines);
    let mut gaps = Vec::new();
    let mut last_first = 0;
    for (_, ticks) in applied.nodes.iter().filter(|(node, _)| **node != old) {
        let before = ticks.iter().rfind(|tick| tick.epoch <= epoch)?;
        let after = ticks.iter().find(|tick| tick.epoch > epoch)?;
        gaps.push(after.at - before.at);
        last_first = last_first.max(after.at);
    }
    let mut rolled_back = 0;
    let (mut new, mut crowned) = (None, 0);
    for line in lines.iter().filter(|line| line.node != old) {
        if let What::Host { host, term, rolled_back: ticks, .. } = &line.what
            && term.epoch > epoch
        {
            rolled_back = rolled_back.max(*ticks);
            if *host == line.node {
                (new, crowned) = (Some(*host), line.t_us);
            }
        }
    }
    let new = new?;
    let lost = lines.iter().find(|line| {
        let of_old = matches!(&line.what, What::HostLost { host, .. } if *host == old);
        line.node == new && of_old && line.t_us >= struck.0
    });
    let lost = lost.map_or(crowned, |line| line.t_us);
    let over = last_first.max(crowned);
    let stalled = lines.iter().any(|line| match &line.what {
        What::Stall { us } => {
            line.node != old && line.t_us >= struck.0 && line.t_us.saturating_sub(*us) <= over
        }
        _ => false,
    });
    Some(Failover {
        number,
        old,
        new,
        gap_us: gaps.into_iter().max()?,
        detection_us: lost.saturating_sub(struck.0),
        election_us: crowned.saturating_sub(lost),
        first_tick_us: last_first.saturating_sub(crowned),
        rolled_back,
        follows_us: None,
        stalled,
    })
}

/// The ticks that each node has applied, in order.
pub struct Applied {
    pub nodes: BTreeMap<NodeId, Vec<Seen>>,
}

/// One of them.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    pub at: u64,
    pub epoch: u64,
    pub tick: u64,
}

impl Applied {
    pub fn of(lines: &[Line]) -> Self {
        let mut nodes: BTreeMap<NodeId, Vec<Seen>> = BTreeMap::new();
        for line in lines {
            if let What::Tick { term, tick, .. } = &line.what {
                let seen = Seen { at: line.t_us, epoch: term.epoch, tick: *tick };
                nodes.entry(line.node).or_default().push(seen);
            }
        }
        Self { nodes }
    }

    /// For each tick, the gaps before it at all nodes but `host`.
    pub fn gaps_by_tick(&self, host: Option<NodeId>) -> BTreeMap<u64, Vec<u64>> {
        let mut gaps: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
        for (_, ticks) in self.nodes.iter().filter(|(node, _)| Some(**node) != host) {
            for pair in ticks.windows(2).filter(|pair| pair[0].epoch == pair[1].epoch) {
                gaps.entry(pair[1].tick).or_default().push(pair[1].at - pair[0].at);
            }
        }
        gaps
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::lines::Term;
    use interregnum::lines::Clock;

    const OLD: NodeId = NodeId::from_u128(3);
    const NEW: NodeId = NodeId::from_u128(2);
    const OTHER: NodeId = NodeId::from_u128(1);

    fn tick(node: NodeId, t_us: u64, epoch: u64, tick: u64) -> Line {
        let term = Term { epoch, host: if epoch == 1 { OLD } else { NEW } };
        Line { t_us, node, what: What::Tick { term, tick, hash: 0 } }
    }

    #[test]
    fn the_worst_survivor_counts_and_the_parts_add_up() {
        let term = Term { epoch: 2, host: NEW };
        let what = |gap| What::Host {
            host: NEW,
            term,
            clock: Clock { term, tick: 11 },
            gap_us: Some(gap),
            rolled_back: 0,
        };
        let lost = What::HostLost {
            host: OLD,
            term: Term { epoch: 1, host: OLD },
            reason: "closed".to_owned(),
        };
        let lines = [
            tick(NEW, 1_000, 1, 10),
            tick(OTHER, 1_100, 1, 10),
            Line { t_us: 5_000, node: NEW, what: lost },
            Line { t_us: 17_700, node: NEW, what: what(16_700) },
            tick(NEW, 17_700, 2, 11),
            Line { t_us: 18_400, node: OTHER, what: what(17_300) },
            tick(OTHER, 18_400, 2, 11),
        ];
        let failover = failover(1, OLD, 1, Instant(4_000), &lines).unwrap();
        assert_eq!((failover.old, failover.new), (OLD, NEW));
        assert_eq!(failover.gap_us, 17_300);
        assert_eq!(failover.detection_us, 1_000);
        assert_eq!(failover.election_us, 12_700);
        assert_eq!(failover.first_tick_us, 700);
        assert!(!failover.stalled);
    }

    #[test]
    fn ordinary_gaps_are_compared_tick_by_tick_and_never_across_reigns() {
        let lines = [
            tick(NEW, 1_000, 1, 1),
            tick(NEW, 17_000, 1, 2),
            tick(NEW, 40_000, 2, 3),
            tick(OTHER, 1_000, 1, 1),
            tick(OTHER, 19_000, 1, 2),
        ];
        let gaps = Applied::of(&lines).gaps_by_tick(None);
        assert_eq!(gaps.into_iter().collect::<Vec<_>>(), [(2, vec![18_000, 16_000])]);
    }
}
