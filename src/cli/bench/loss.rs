//! `bench loss`: some packets get lost, or other programs want the processor, and nothing else
//! happens: no election may come of it that the host itself has not caused by standing still.

use std::{
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use interregnum::{arena::TICK, types::NodeId};
use serde::Serialize;
use tracing_subscriber::filter::LevelFilter;

use super::{
    failover::Applied,
    figures::{self, Quantiles},
    laboratory,
};
use crate::cli::{
    lines::{Line, What},
    options::{GameOptions, LossOptions, RunOptions},
    output::Stdout,
    party::{Ended, Party},
    peers::Peers,
    signals,
};

/// The shortest suspicion time: a host that is silent for less is nobody's concern.
const SUSPICION_US: u64 = 50_000;

/// A host that wakes late should have made its next tick when it was due, a tick after its last:
/// it has been silent for so much longer than it was late.
const TICK_US: u64 = TICK.as_micros() as u64;

/// How long after the end of a host's stall an election may still come of it.
const AFTERMATH_US: u64 = 100_000;

/// How often what was said is worked up.
const TURN: Duration = Duration::from_secs(1);

#[derive(Debug, Default, Serialize)]
struct Report {
    ok: bool,
    peers: usize,
    percent: u8,
    hogs: u16,
    seconds: u64,
    /// Asks for the crown.
    elections: usize,
    /// Of those: while the host, standing still, was silent for the suspicion time.
    explained: usize,
    /// New reigns.
    reigns: usize,
    /// Times that a host, standing still, was silent for the suspicion time.
    host_stalls: usize,
    /// Times that any node was woken late by more than a tick.
    stalls: usize,
    gaps: Quantiles,
    complaints: Vec<String>,
}

pub fn run(options: &LossOptions, log: LevelFilter) -> anyhow::Result<ExitCode> {
    let run = &options.run;
    let out = Stdout::new(run.json)?;
    let stop = signals::stop_requests(run.tied, &out)?;
    let game = GameOptions::private(true);
    let mut peers = if options.percent > 0 {
        let mut lab = laboratory(options.peers)?;
        for host in 0..usize::from(options.peers) {
            lab.loss(host, options.percent)?;
        }
        Peers::in_lab(&game, run, log, lab)?
    } else {
        Peers::new(&game, run, log)?
    };
    for _ in 0..options.peers {
        peers.add_bot()?;
    }
    // The time is counted from when all are together.
    let unlimited = RunOptions { seconds: None, ..run.clone() };
    let mut party = Party::new(peers, &unlimited, stop, &out);
    let mut watch = Watch::default();
    let seconds = run.seconds.unwrap_or(600);
    let ended = watch.measure(&mut party, options.hogs, seconds)?;
    party.peers.end();
    watch.settle();
    let mut complaints = Vec::new();
    if let Ended::Stuck(why) = ended {
        complaints.push(why);
    }
    let explained = watch.explained();
    let unexplained = watch.elections.len() - explained;
    if unexplained > 0 {
        complaints.push(format!("{unexplained} elections that no stall of the host explains"));
    }
    let report = Report {
        ok: complaints.is_empty(),
        peers: party.peers.len(),
        percent: options.percent,
        hogs: options.hogs,
        seconds,
        elections: watch.elections.len(),
        explained,
        reigns: watch.reigns,
        host_stalls: watch.host_stalls.len(),
        stalls: watch.stalls,
        gaps: Quantiles::of(watch.gaps),
        complaints,
    };
    party.tell(&report.to_string());
    party.tell_scripts("bench", &report);
    Ok(if report.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(
            f,
            "\n{} peers, {} % loss, {} programs that want the processor, {} s",
            self.peers, self.percent, self.hogs, self.seconds
        )?;
        writeln!(f, "\n{}", figures::head())?;
        writeln!(f, "{}", figures::row("gap between two ticks at any client", &self.gaps))?;
        writeln!(
            f,
            "{} elections, {} of them while the host stood still, silent for {} ms or more \
             ({} such stalls; {} of more than a tick at any node); {} new reigns",
            self.elections,
            self.explained,
            SUSPICION_US / 1_000,
            self.host_stalls,
            self.stalls,
            self.reigns
        )?;
        for complaint in &self.complaints {
            writeln!(f, "FAILED: {complaint}")?;
        }
        Ok(())
    }
}

/// What was seen.
#[derive(Debug, Default)]
struct Watch {
    gaps: Vec<u64>,
    /// The times of all elections, in microseconds.
    elections: Vec<u64>,
    reigns: usize,
    stalls: usize,
    /// Who reigned, from when on.
    hosts: Vec<(u64, NodeId)>,
    all_stalls: Vec<(NodeId, u64, u64)>,
    /// From its last tick to its waking.
    host_stalls: Vec<(u64, u64)>,
    tail: Vec<Line>,
}

impl Watch {
    fn measure(&mut self, party: &mut Party, hogs: u16, seconds: u64) -> anyhow::Result<Ended> {
        party.record = Some(Vec::new());
        if let Err(cut) = party.gather() {
            return Ok(cut.ending("the peers did not find each other"));
        }
        // The founding is not what is measured; but who reigns is to be known.
        let before = party.record.replace(Vec::new()).unwrap_or_default();
        self.hosts.extend(before.iter().filter_map(crowned));
        let _hogs = Hogs::start(hogs)?;
        let mut ended = Ended::Through;
        for _ in 0..seconds {
            if let Err(cut) = party.pass(TURN) {
                ended = cut.ending("it never ended");
                break;
            }
            let lines = party.record.replace(Vec::new()).unwrap_or_default();
            self.take_in(lines);
        }
        Ok(ended)
    }

    fn take_in(&mut self, lines: Vec<Line>) {
        for line in &lines {
            match &line.what {
                What::Election { .. } => self.elections.push(line.t_us),
                What::Stall { us } => {
                    self.stalls += 1;
                    let from = line.t_us.saturating_sub(us + TICK_US);
                    self.all_stalls.push((line.node, from, line.t_us));
                }
                What::Host { .. } => {
                    if let Some(crowned) = crowned(line) {
                        self.reigns += 1;
                        self.hosts.push(crowned);
                    }
                }
                _ => {}
            }
        }
        // The last tick of each node once more, as what the next turn's first follows on.
        let mut all = std::mem::take(&mut self.tail);
        all.extend(lines);
        let host = self.hosts.last().map(|(_, host)| *host);
        self.gaps.extend(Applied::of(&all).gaps_by_tick(host).into_values().flatten());
        let mut last: Vec<Line> = Vec::new();
        for line in all.into_iter().rev().filter(|line| matches!(line.what, What::Tick { .. })) {
            if last.iter().all(|other| other.node != line.node) {
                last.push(line);
            }
        }
        self.tail = last;
    }

    /// Which stalls were those of whoever reigned then.
    fn settle(&mut self) {
        let reigned = |node: NodeId, at: u64| {
            self.hosts.iter().rfind(|(from, _)| *from <= at).is_some_and(|(_, host)| *host == node)
        };
        let stalls = self
            .all_stalls
            .iter()
            .filter(|(node, from, to)| to - from >= SUSPICION_US && reigned(*node, *from));
        self.host_stalls = stalls.map(|(_, from, to)| (*from, *to)).collect();
    }

    /// How many elections came while the host stood still, or of that.
    fn explained(&self) -> usize {
        let explained = |at: &&u64| {
            self.host_stalls.iter().any(|(from, to)| from <= *at && **at <= to + AFTERMATH_US)
        };
        self.elections.iter().filter(explained).count()
    }
}

/// Who says here that it reigns now, and since when.
fn crowned(line: &Line) -> Option<(u64, NodeId)> {
    match &line.what {
        What::Host { host, .. } if *host == line.node => Some((line.t_us, *host)),
        _ => None,
    }
}

/// Programs that want all of the processor they can get.
struct Hogs {
    stop: Arc<AtomicBool>,
}

impl Hogs {
    fn start(count: u16) -> anyhow::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        for number in 0..count {
            let stop = stop.clone();
            thread::Builder::new().name(format!("hog {number}")).spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            })?;
        }
        Ok(Self { stop })
    }
}

impl Drop for Hogs {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}
