//! `bench crowd`: many watch. What that costs the host, what those who play notice of it, how many ticks the spectators
//! get, and what becomes of all that when the host is killed.
//!
//! Each crowd stands beside nobody watching, in the same run. A crowd is one process with one thread, which needs the
//! processor, too: how much of it stands beside what it measures.

use std::{process::ExitCode, time::Duration};

use anyhow::bail;
use interregnum::{arena::TICK, runtime};
use serde::Serialize;
use tracing_subscriber::filter::LevelFilter;

use super::{
    figures::ms,
    watchers::{Played, Second, Watchers, processor_us},
};
use crate::cli::{
    lines::Line,
    options::{CrowdOptions, GameOptions},
    output::Stdout,
    party::{Cut, Ended, Party},
    peers::Peers,
    signals,
};

/// How long a crowd may take to come in, or the game to go on. Decides only when to give up.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long things are left to settle before they are measured.
const SETTLE: Duration = Duration::from_secs(3);

/// The same where some watch through others: each meets the next host and two relays, all of them within a few seconds.
const SETTLE_TREE: Duration = Duration::from_secs(8);

/// How long after a host was killed its crowd is looked at.
const AFTER: Duration = Duration::from_secs(3);

/// So many stand in each process that can be killed alone: fewer are no crowd, and do more than a crowd does.
const APART: u16 = 2;

/// How often somebody is killed through whom others watch.
const RELAY_KILLED_EVERY: Duration = Duration::from_secs(1);

/// A span of time in which so many watch.
#[derive(Clone, Debug, Serialize)]
struct Watched {
    watchers: u16,
    /// How many of them get their ticks from others who watch.
    through: usize,
    played: Played,
    /// How much of a processor the host takes.
    host_processor: f64,
    /// What each spectator adds to that in each tick, in microseconds; absent if nobody watches.
    per_receiver_us: Option<f64>,
    /// What they see.
    ticks_worst: u32,
    ticks_median: u32,
    gap_p99_us: u64,
    gap_max_us: u64,
    wrong: u64,
    /// How much of a processor they take themselves.
    crowd_processor: f64,
}

/// A host that was killed while they watched.
#[derive(Clone, Debug, Serialize)]
struct Killed {
    watchers: u16,
    /// The longest gap at those who play.
    players_gap_us: u64,
    /// At the spectators: of a hundred gaps within three seconds one is longer; and the longest.
    watchers_gap_p99_us: u64,
    watchers_gap_max_us: u64,
    /// How many did not follow the next host at the end.
    lost: usize,
}

/// Those through whom others watch were killed, one in a second.
#[derive(Clone, Debug, Serialize)]
struct RelaysKilled {
    watchers: u16,
    kills: u32,
    /// At the spectators that were not killed: of a hundred gaps in a second one is longer, in the worst second and in the one
    /// in the middle; and the longest.
    gap_p99_us: u64,
    gap_p99_median_us: u64,
    gap_max_us: u64,
    wrong: u64,
}

#[derive(Debug, Serialize)]
struct Report {
    ok: bool,
    peers: u16,
    watched: Vec<Watched>,
    killed: Vec<Killed>,
    relays_killed: Option<RelaysKilled>,
    complaints: Vec<String>,
}

struct Bench<'a> {
    party: Party,
    options: &'a CrowdOptions,
    watched: Vec<Watched>,
    killed: Vec<Killed>,
    /// Those who can be killed, of those who watch.
    relays: Vec<Watchers>,
    relays_killed: Option<RelaysKilled>,
}

pub fn run(options: &CrowdOptions, log: LevelFilter) -> anyhow::Result<ExitCode> {
    let run = &options.run;
    let out = Stdout::new(run.json)?;
    let stop = signals::stop_requests(run.tied, &out)?;
    let mut peers = Peers::new(&GameOptions::private(true), run, log)?;
    for _ in 0..options.peers {
        peers.add_bot()?;
    }
    let party = Party::new(peers, run, stop, &out);
    let mut bench = Bench {
        party,
        options,
        watched: Vec::new(),
        killed: Vec::new(),
        relays: Vec::new(),
        relays_killed: None,
    };
    let ended = bench.measure()?;
    bench.party.peers.end();
    Ok(bench.close(ended))
}

impl Bench<'_> {
    fn measure(&mut self) -> anyhow::Result<Ended> {
        if let Err(cut) = self.party.gather() {
            return Ok(cut.ending("the peers did not find each other"));
        }
        self.party.judge.begin();
        if let Err(cut) = self.span(None)? {
            return Ok(cut.ending("it never ended"));
        }
        let Some(last) = self.options.watchers.last().copied() else { return Ok(Ended::Through) };
        for _ in 0..self.options.relays {
            self.relays.push(Watchers::start(&self.party, APART)?);
        }
        for relay in &mut self.relays {
            if let Err(cut) = relay.gather(&mut self.party, PATIENCE) {
                return Ok(cut.ending("one through whom others may watch never came in"));
            }
        }
        for count in &self.options.watchers {
            let mut crowd = Watchers::start(&self.party, *count)?;
            if let Err(cut) = crowd.gather(&mut self.party, PATIENCE) {
                return Ok(cut.ending(&format!("of {count} some never came in")));
            }
            if let Err(cut) = self.span(Some(&mut crowd))? {
                return Ok(cut.ending("it never ended"));
            }
            let kills = if *count == last { self.options.kills } else { 0 };
            for _ in 0..kills {
                if let Err(cut) = self.kill(&mut crowd)? {
                    return Ok(cut.ending("the game did not go on as one"));
                }
            }
            if *count == last
                && self.options.relay_kills > 0
                && !self.relays.is_empty()
                && let Err(cut) = self.kill_relays(&mut crowd)?
            {
                return Ok(cut.ending("it never ended"));
            }
        }
        Ok(Ended::Through)
    }

    fn record(&mut self) -> Vec<Line> {
        self.party.record.replace(Vec::new()).unwrap_or_default()
    }

    fn settle(&self) -> Duration {
        if self.options.relays > 0 { SETTLE_TREE } else { SETTLE }
    }

    /// Measures for a while.
    fn span(&mut self, crowd: Option<&mut Watchers>) -> anyhow::Result<Result<(), Cut>> {
        if let Err(cut) = self.party.pass(self.settle()) {
            return Ok(Err(cut));
        }
        let Some(host) = self.party.judge.host() else { bail!("nobody hosts") };
        let pid = self.party.peers.pid(host);
        let spent = || pid.and_then(processor_us).unwrap_or(0);
        self.record();
        let (from, before) = (runtime::now(), spent());
        if let Err(cut) = self.party.pass(Duration::from_secs(self.options.span)) {
            return Ok(Err(cut));
        }
        let (to, after) = (runtime::now(), spent());
        let played = Played::of(&self.record(), Some(host));
        let span = to.since(from).as_micros() as f64;
        let host_processor = after.saturating_sub(before) as f64 / span;
        let (watchers, seconds) = match crowd {
            Some(crowd) => {
                crowd.look();
                (crowd.count, crowd.between(from.0, to.0))
            }
            None => (0, Vec::new()),
        };
        let alone = self.watched.iter().find(|watched| watched.watchers == 0);
        let more = alone.map(|alone| host_processor - alone.host_processor);
        let per = more.map(|more| more * TICK.as_micros() as f64 / f64::from(watchers.max(1)));
        let least = |of: fn(&Second) -> u32| seconds.iter().map(of).min().unwrap_or(0);
        let most = |of: fn(&Second) -> u64| seconds.iter().map(of).max().unwrap_or(0);
        let sum = |of: fn(&Second) -> u64| seconds.iter().map(of).sum::<u64>();
        let watched = Watched {
            watchers,
            through: seconds.last().map_or(0, |second| second.through),
            played,
            host_processor,
            per_receiver_us: per,
            ticks_worst: least(|second| second.ticks_worst),
            ticks_median: least(|second| second.ticks_median),
            gap_p99_us: most(|second| second.gap_p99_us),
            gap_max_us: most(|second| second.gap_max_us),
            wrong: sum(|second| second.wrong),
            crowd_processor: sum(|second| second.processor_us) as f64
                / sum(|second| second.span_us).max(1) as f64,
        };
        self.party.tell(&watched.to_string());
        self.party.tell_scripts("watched", &watched);
        self.watched.push(watched);
        Ok(Ok(()))
    }

    /// Kills the host, and looks who follows the next one.
    fn kill(&mut self, crowd: &mut Watchers) -> anyhow::Result<Result<(), Cut>> {
        let Some(old) = self.party.judge.host() else { bail!("nobody hosts") };
        let epoch = self.party.judge.epoch();
        let struck = runtime::now();
        self.party.peers.kill(old);
        self.party.judge.died(old);
        let went_on = |party: &Party| party.judge.reign_after(epoch).is_some();
        if let Err(cut) = self.party.wait(PATIENCE, went_on) {
            return Ok(Err(cut));
        }
        let gaps = self.party.judge.reign_after(epoch).map(|(_, gaps)| gaps).unwrap_or_default();
        if let Err(cut) = self.party.pass(AFTER) {
            return Ok(Err(cut));
        }
        crowd.look();
        let since: Vec<&Second> =
            crowd.seconds.iter().filter(|second| second.at_us > struck.0).collect();
        let follow = since.last().map_or(0, |last| last.follow);
        let killed = Killed {
            watchers: crowd.count,
            players_gap_us: gaps.iter().filter_map(|gap| gap.gap_us).max().unwrap_or(0),
            watchers_gap_p99_us: since.iter().map(|second| second.gap_p99_us).max().unwrap_or(0),
            watchers_gap_max_us: since.iter().map(|second| second.gap_max_us).max().unwrap_or(0),
            lost: usize::from(crowd.count).saturating_sub(follow),
        };
        self.party.tell(&killed.to_string());
        self.party.tell_scripts("killed", &killed);
        self.killed.push(killed);
        self.party.peers.restart(old)?;
        Ok(self.party.gather().and_then(|()| self.party.pass(self.settle())))
    }

    /// Kills those through whom others watch, one after the other. Others take their places.
    fn kill_relays(&mut self, crowd: &mut Watchers) -> anyhow::Result<Result<(), Cut>> {
        let from = runtime::now();
        let kills = self.options.relay_kills;
        for _ in 0..kills {
            drop(self.relays.remove(0));
            self.relays.push(Watchers::start(&self.party, APART)?);
            if let Err(cut) = self.party.pass(RELAY_KILLED_EVERY) {
                return Ok(Err(cut));
            }
        }
        crowd.look();
        let seconds = crowd.between(from.0, runtime::now().0);
        let mut p99: Vec<u64> = seconds.iter().map(|second| second.gap_p99_us).collect();
        p99.sort_unstable();
        let killed = RelaysKilled {
            watchers: crowd.count,
            kills,
            gap_p99_us: p99.last().copied().unwrap_or(0),
            gap_p99_median_us: p99.get(p99.len() / 2).copied().unwrap_or(0),
            gap_max_us: seconds.iter().map(|second| second.gap_max_us).max().unwrap_or(0),
            wrong: seconds.iter().map(|second| second.wrong).sum(),
        };
        self.party.tell(&killed.to_string());
        self.party.tell_scripts("relays_killed", &killed);
        self.relays_killed = Some(killed);
        Ok(Ok(()))
    }

    fn close(self, ended: Ended) -> ExitCode {
        let party = &self.party;
        let mut complaints = party.judge.complaints(|id| party.name(id));
        if let Ended::Stuck(why) = ended {
            complaints.push(why);
        }
        for watched in self.watched.iter().filter(|watched| watched.wrong > 0) {
            complaints.push(format!("{} worlds were wrong", watched.wrong));
        }
        for killed in self.relays_killed.iter().filter(|killed| killed.wrong > 0) {
            complaints.push(format!("{} worlds were wrong while relays died", killed.wrong));
        }
        for killed in self.killed.iter().filter(|killed| killed.lost > 0) {
            complaints.push(format!("{} did not follow the next host", killed.lost));
        }
        complaints.iter().for_each(|complaint| party.tell(&format!("FAILED: {complaint}")));
        let (watched, killed, relays_killed) = (self.watched, self.killed, self.relays_killed);
        let (ok, peers) = (complaints.is_empty(), self.options.peers);
        let report = Report { ok, peers, watched, killed, relays_killed, complaints };
        party.tell_scripts("bench", &report);
        if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

impl std::fmt::Display for Watched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{:>5} watch, {} through others: the host takes {:.1} %",
            self.watchers,
            self.through,
            self.host_processor * 100.0
        )?;
        if let Some(per) = self.per_receiver_us.filter(|_| self.watchers > 0) {
            write!(
                f,
                ", {per:.1} µs for each and tick; they get {} ticks a second at the worst, {} in the middle, \
                 gap {:.1} ms p99, {:.1} at most, {} wrong, and take {:.0} % themselves",
                self.ticks_worst,
                self.ticks_median,
                ms(self.gap_p99_us),
                ms(self.gap_max_us),
                self.wrong,
                self.crowd_processor * 100.0,
            )?;
        }
        write!(f, "\n        {}", self.played.words())
    }
}

impl std::fmt::Display for Killed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "  killed with {} watching: {:.1} ms at the worst player; at the spectators {:.1} ms p99, {:.1} at most, \
             {} lost",
            self.watchers,
            ms(self.players_gap_us),
            ms(self.watchers_gap_p99_us),
            ms(self.watchers_gap_max_us),
            self.lost
        )
    }
}

impl std::fmt::Display for RelaysKilled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "  {} killed through whom others watch, one in a second: at the spectators {:.1} ms p99 in the worst second, \
             {:.1} in the one in the middle, {:.1} at most; {} worlds wrong",
            self.kills,
            ms(self.gap_p99_us),
            ms(self.gap_p99_median_us),
            ms(self.gap_max_us),
            self.wrong
        )
    }
}
