//! `bench join`: many come in at once, with handshakes: how many fail, how long it takes until all are in, and what
//! those who play notice of it.
//!
//! The newcomers are spectators of one process, which dial in the moment in which they hear of the game. They need
//! the processor as much as the host does: on a machine with few of them the time is also theirs.

use std::{process::ExitCode, time::Duration};

use interregnum::runtime;
use serde::Serialize;
use tracing_subscriber::filter::LevelFilter;

use super::{
    figures::ms,
    watchers::{Played, Watchers},
};
use crate::cli::{
    lines::Line,
    options::{GameOptions, JoinOptions},
    output::Stdout,
    party::{Cut, Ended, Party},
    peers::Peers,
    signals,
};

/// How long everybody plays before, for comparison.
const ORDINARY: Duration = Duration::from_secs(3);

/// How long a crowd may take. Decides only when to give up.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long those who have left are given to be gone.
const GONE: Duration = Duration::from_secs(2);

/// One crowd that came in.
#[derive(Clone, Debug, Serialize)]
struct Join {
    watchers: u16,
    /// From when they heard of the game until all of them had applied a tick; absent if that never came.
    all_in_us: Option<u64>,
    /// How many were not in at the end.
    failed: usize,
    /// Dials that failed, and links that ended before the end: who came in all the same dialled again.
    dials_failed: u64,
    links_lost: u64,
    before: Played,
    meanwhile: Played,
    crowd_processor_us: u64,
}

#[derive(Debug, Serialize)]
struct Report {
    ok: bool,
    peers: u16,
    joins: Vec<Join>,
    complaints: Vec<String>,
}

pub fn run(options: &JoinOptions, log: LevelFilter) -> anyhow::Result<ExitCode> {
    let run = &options.run;
    let out = Stdout::new(run.json)?;
    let stop = signals::stop_requests(run.tied, &out)?;
    let mut peers = Peers::new(&GameOptions::private(true), run, log)?;
    for _ in 0..options.peers {
        peers.add_bot()?;
    }
    let mut party = Party::new(peers, run, stop, &out);
    let mut joins = Vec::new();
    let ended = measure(&mut party, options, &mut joins)?;
    party.peers.end();
    let mut complaints = Vec::new();
    if let Ended::Stuck(why) = ended {
        complaints.push(why);
    }
    for join in joins.iter().filter(|join| join.failed > 0) {
        complaints.push(format!("{} of {} did not come in", join.failed, join.watchers));
    }
    complaints.extend(party.judge.complaints(|id| party.name(id)));
    complaints.iter().for_each(|complaint| party.tell(&format!("FAILED: {complaint}")));
    let report = Report { ok: complaints.is_empty(), peers: options.peers, joins, complaints };
    party.tell_scripts("bench", &report);
    Ok(if report.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn measure(
    party: &mut Party,
    options: &JoinOptions,
    joins: &mut Vec<Join>,
) -> anyhow::Result<Ended> {
    if let Err(cut) = party.gather() {
        return Ok(cut.ending("the peers did not find each other"));
    }
    party.judge.begin();
    for watchers in &options.watchers {
        for _ in 0..options.times {
            match join(party, *watchers)? {
                Ok(join) => {
                    party.tell(&join.to_string());
                    party.tell_scripts("join", &join);
                    joins.push(join);
                }
                Err(cut) => return Ok(cut.ending("it never ended")),
            }
        }
    }
    Ok(Ended::Through)
}

fn join(party: &mut Party, count: u16) -> anyhow::Result<Result<Join, Cut>> {
    let host = party.judge.host();
    let record = |party: &mut Party| party.record.replace(Vec::new()).unwrap_or_default();
    record(party);
    if let Err(cut) = party.pass(ORDINARY) {
        return Ok(Err(cut));
    }
    let before = Played::of(&record(party), host);
    let mut crowd = Watchers::start(party, count)?;
    let began = runtime::now();
    match crowd.gather(party, PATIENCE) {
        Ok(()) | Err(Cut::TooLong) => {}
        Err(cut) => return Ok(Err(cut)),
    }
    let meanwhile: Vec<Line> = record(party);
    let last = crowd.seconds.last().copied();
    let all_in_us = crowd.seconds.iter().find_map(|second| second.all_in_us);
    tracing::debug!("a crowd took {:?} in all", runtime::now().since(began));
    let processor = crowd.seconds.iter().map(|second| second.processor_us);
    let join = Join {
        watchers: count,
        all_in_us,
        failed: last.map_or(count.into(), |last| usize::from(count).saturating_sub(last.follow)),
        dials_failed: last.map_or(0, |last| last.failed),
        links_lost: last.map_or(0, |last| last.lost),
        before,
        meanwhile: Played::of(&meanwhile, host),
        crowd_processor_us: processor.sum(),
    };
    drop(crowd);
    Ok(party.pass(GONE).map(|()| join))
}

impl std::fmt::Display for Join {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let all_in = match self.all_in_us {
            Some(us) => format!("all in after {:.0} ms", ms(us)),
            None => "never all in".to_owned(),
        };
        writeln!(
            f,
            "{} at once: {} failed, {all_in} ({} dials failed, {} links lost; they took {:.0} ms of a processor)",
            self.watchers,
            self.failed,
            self.dials_failed,
            self.links_lost,
            ms(self.crowd_processor_us)
        )?;
        writeln!(f, "  before:    {}", self.before.words())?;
        write!(f, "  meanwhile: {}", self.meanwhile.words())
    }
}
