//! `bench siege`: hostile outsiders and hostile members against a game of four real processes on loopback,
//! with a passphrase and without one.
//!
//! One kind of attack after the other is tried for some seconds ([`kinds`]), while the four play on and a rightful
//! newcomer comes in. What it did is read from the peers' own lines, from their memory, and from what the attacker's
//! sockets got:
//!
//! | | limit |
//! |---|---|
//! | takeovers, invented worlds, lasting lock-outs, renamed nodes, hosts accused; needless reigns by outsiders | 0 |
//! | gap between two ticks at a client, p99 | 1 ms more than undisturbed |
//! | longest gap | two ticks more |
//! | memory of all four together | 8 MiB more for each attacker |
//! | the newcomer plays | within 1 s |
//! | bytes that somebody gets who is no member | those that it sent |
//!
//! Times are compared with the same game when nobody attacks, just before. A machine that is busy with something
//! else has gaps of its own, so those are shown beside each other.

use std::{collections::BTreeSet, fs, process::ExitCode, thread, time::Duration};

use anyhow::Context as _;
use interregnum::{arena::TICK, keys::Lock, text::SessionName, types::NodeId};
use serde::Serialize;
use tracing_subscriber::filter::LevelFilter;

use self::{
    besieger::Target,
    kinds::{Attack, KINDS, Kind, Spent},
};
use super::{
    failover::Applied,
    figures::{Quantiles, ms},
};
use crate::cli::{
    lines::{Line, OfArena, What},
    options::{GameOptions, SiegeOptions},
    output::Stdout,
    party::{Cut, Ended, Party},
    peers::Peers,
    secret, signals,
};

mod besieger;
mod kinds;

/// How many play.
const PLAYERS: usize = 4;

/// Undisturbed play, to compare with.
const QUIET: Duration = Duration::from_secs(4);

/// How long the attacker has been at it when somebody comes in.
const JOINS_AFTER: Duration = Duration::from_millis(1_200);

/// A rightful newcomer plays within this time.
const JOINED_WITHIN: Duration = Duration::from_secs(1);

/// After so long it is locked out for good.
const LOCKED_OUT: Duration = Duration::from_secs(10);

/// The game may need so long to be as before.
const AFTERMATH: Duration = Duration::from_millis(700);

/// Nobody wins so many rounds within a bench.
const INVENTED: u32 = 1_000;

const P99_MORE_US: u64 = 1_000;
const LONGEST_MORE_US: u64 = 2 * TICK.as_micros() as u64;
const MEMORY_MORE: u64 = 8 << 20;

/// What one kind of attack came to.
#[derive(Debug, Default, Serialize)]
struct Outcome {
    kind: &'static str,
    locked: bool,
    ok: bool,
    takeovers: usize,
    invented_worlds: usize,
    lock_outs: usize,
    renamed: usize,
    needless_reigns: usize,
    accused: usize,
    quiet: Quantiles,
    besieged: Quantiles,
    memory_more: u64,
    attackers: usize,
    spent: Spent,
    joined_us: Option<u64>,
    failed: Vec<String>,
}

struct Siege {
    party: Party,
    locked: bool,
    lock: Option<Lock>,
    session: SessionName,
    targets: Vec<Target>,
    newcomer: Option<NodeId>,
    beacon_port: u16,
}

pub fn run(options: &SiegeOptions, log: LevelFilter) -> anyhow::Result<ExitCode> {
    let out = Stdout::new(options.run.json)?;
    let stop = signals::stop_requests(options.run.tied, &out)?;
    let mut outcomes = Vec::new();
    let mut ended = Ended::Through;
    for locked in [false, true] {
        if options.only_locked && !locked || options.only_open && locked {
            continue;
        }
        let mut siege = Siege::new(options, log, locked, stop.clone(), &out)?;
        siege.party.tell(&heading(locked));
        ended = siege.withstand(options, &mut outcomes)?;
        siege.party.peers.end();
        if ended != Ended::Through {
            break;
        }
    }
    let failed = outcomes.iter().filter(|outcome| !outcome.ok).count();
    let stuck = matches!(&ended, Ended::Stuck(_));
    if !options.run.json {
        if let Ended::Stuck(why) = &ended {
            out.put(&format!("FAILED: {why}"));
        }
        out.put(&format!("{} attacks, {failed} of them beyond a limit", outcomes.len()));
    }
    Ok(if failed == 0 && !stuck { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Siege {
    fn new(
        options: &SiegeOptions,
        log: LevelFilter,
        locked: bool,
        stop: crossbeam_channel::Receiver<()>,
        out: &crate::cli::output::Output,
    ) -> anyhow::Result<Self> {
        let name = format!("siege {:08x}", std::process::id());
        let session = SessionName::new(&name)?;
        let game = GameOptions { session: Some(session.clone()), ..GameOptions::private(true) };
        let mut peers = Peers::new(&game, &options.run, log)?;
        let words = locked.then(secret::new_passphrase).transpose()?;
        peers.set_passphrase(words.clone());
        let lock = words.and_then(|words| Lock::new(&words, &session));
        for _ in 0..PLAYERS {
            peers.add_bot()?;
        }
        let unlimited = crate::cli::options::RunOptions { seconds: None, ..options.run.clone() };
        let party = Party::new(peers, &unlimited, stop, out);
        Ok(Self {
            party,
            locked,
            lock,
            session,
            targets: Vec::new(),
            newcomer: None,
            beacon_port: options.run.beacon_port,
        })
    }

    fn withstand(
        &mut self,
        options: &SiegeOptions,
        outcomes: &mut Vec<Outcome>,
    ) -> anyhow::Result<Ended> {
        self.party.record = Some(Vec::new());
        if let Err(cut) = self.party.gather() {
            return Ok(cut.ending("the peers did not find each other"));
        }
        self.party.judge.begin();
        let lines = self.party.record.take().unwrap_or_default();
        self.targets = lines.iter().filter_map(target).collect();
        anyhow::ensure!(self.targets.len() == PLAYERS, "not all peers have said where they live");
        let chosen = |kind: &&Kind| {
            let fits = options.only.as_ref().is_none_or(|only| kind.name.contains(only.as_str()));
            fits && kind.applies(self.locked)
        };
        let kinds: Vec<&Kind> = KINDS.iter().filter(chosen).collect();
        for kind in kinds {
            match self.try_out(kind, Duration::from_secs(options.each))? {
                Ok(outcome) => {
                    self.party.tell(&outcome.to_string());
                    self.party.tell_scripts("siege", &outcome);
                    outcomes.push(outcome);
                }
                Err(cut) => {
                    let stuck = format!("after {} the game was not as before", kind.name);
                    return Ok(cut.ending(&stuck));
                }
            }
        }
        Ok(Ended::Through)
    }

    fn try_out(&mut self, kind: &Kind, span: Duration) -> anyhow::Result<Result<Outcome, Cut>> {
        let quiet = match self.record(QUIET) {
            Ok(lines) => gaps(&lines, self.party.judge.host()),
            Err(cut) => return Ok(Err(cut)),
        };
        let (host, memory) = (self.party.judge.host(), self.memory());
        let attack = Attack {
            session: self.session.clone(),
            lock: self.lock.clone(),
            targets: self.targets.clone(),
            host: host.context("nobody hosts")?,
            beacon_port: self.beacon_port,
            span,
        };
        let run = kind.run;
        let attacker = thread::Builder::new()
            .name(kind.name.to_owned())
            .spawn(move || run(&attack).unwrap_or_default())?;
        self.party.record = Some(Vec::new());
        if let Err(cut) = self.party.pass(JOINS_AFTER) {
            return Ok(Err(cut));
        }
        let joined_us = match self.join()? {
            Ok(joined) => joined,
            Err(cut) => return Ok(Err(cut)),
        };
        while !attacker.is_finished() {
            if let Err(cut) = self.party.pass(Duration::from_millis(50)) {
                return Ok(Err(cut));
            }
        }
        let besieged_memory = self.memory();
        let spent = attacker.join().unwrap_or_default();
        if let Err(cut) = self.party.pass(AFTERMATH) {
            return Ok(Err(cut));
        }
        let lines = self.party.record.take().unwrap_or_default();
        self.dismiss_newcomer();
        let mut outcome = Outcome {
            kind: kind.name,
            locked: self.locked,
            quiet: Quantiles::of(quiet),
            memory_more: besieged_memory.saturating_sub(memory),
            attackers: spent.attackers.max(1),
            joined_us,
            lock_outs: usize::from(joined_us.is_none()),
            ..Outcome::default()
        };
        outcome.read(&lines, &spent, host, &self.targets);
        outcome.spent = spent;
        outcome.judge(kind);
        // What is left behind is not to be held against the next.
        let calm = |party: &Party| party.judge.host().is_some();
        match self.party.wait(LOCKED_OUT, calm) {
            Ok(()) => Ok(Ok(outcome)),
            Err(cut) => Ok(Err(cut)),
        }
    }

    /// What is said in so long.
    fn record(&mut self, span: Duration) -> Result<Vec<Line>, Cut> {
        self.party.record = Some(Vec::new());
        self.party.pass(span)?;
        Ok(self.party.record.take().unwrap_or_default())
    }

    /// A rightful newcomer comes in: how long it takes until it plays.
    fn join(&mut self) -> anyhow::Result<Result<Option<u64>, Cut>> {
        let began = interregnum::runtime::now();
        match self.newcomer {
            Some(id) => self.party.peers.restart(id)?,
            None => self.party.peers.add_bot()?,
        }
        let known: BTreeSet<NodeId> = self.targets.iter().map(|target| target.id).collect();
        let plays = move |party: &Party| {
            let record = party.record.iter().flatten();
            record.rev().find_map(|line| match &line.what {
                What::Host { host, .. } if !known.contains(&line.node) && known.contains(host) => {
                    Some((line.node, line.t_us))
                }
                _ => None,
            })
        };
        let outcome = self.party.wait(LOCKED_OUT, |party| plays(party).is_some());
        let joined = plays(&self.party);
        self.newcomer = self.newcomer.or(joined.map(|(node, _)| node));
        match outcome {
            Ok(()) | Err(Cut::TooLong) => Ok(Ok(joined.map(|(_, at)| at.saturating_sub(began.0)))),
            Err(cut) => Ok(Err(cut)),
        }
    }

    fn dismiss_newcomer(&mut self) {
        if let Some(id) = self.newcomer {
            self.party.peers.kill(id);
            self.party.judge.died(id);
        }
    }

    /// How many bytes of memory the four have.
    fn memory(&self) -> u64 {
        self.party.peers.pids().into_iter().take(PLAYERS).filter_map(resident).sum()
    }
}

/// The bytes of memory that a process has, where the system tells.
fn resident(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib << 10)
}

fn target(line: &Line) -> Option<Target> {
    match &line.what {
        What::Started { ip, tcp, udp, key, .. } => {
            Some(Target { id: line.node, key: *key, ip: *ip, tcp: *tcp, udp: *udp })
        }
        _ => None,
    }
}

fn gaps(lines: &[Line], host: Option<NodeId>) -> Vec<u64> {
    let applied = Applied::of(lines);
    applied.gaps_by_tick(host).into_values().flatten().collect()
}

impl Outcome {
    /// What the lines of the four say.
    fn read(&mut self, lines: &[Line], spent: &Spent, host: Option<NodeId>, targets: &[Target]) {
        let known: BTreeSet<NodeId> = targets.iter().map(|target| target.id).collect();
        let of_the_four: Vec<Line> =
            lines.iter().filter(|line| known.contains(&line.node)).cloned().collect();
        let mut reigns = BTreeSet::new();
        for line in &of_the_four {
            match &line.what {
                What::Host { host, term, .. } => {
                    reigns.insert((term.epoch, *host));
                    self.takeovers += usize::from(spent.members.contains(host));
                }
                What::NewIdentity { .. } => self.renamed += 1,
                What::HostCheats { .. } => self.accused += 1,
                What::Diverged { .. } => self.invented_worlds += 1,
                What::Game(OfArena::Score { games_won, .. }) if *games_won >= INVENTED => {
                    self.invented_worlds += 1;
                }
                _ => {}
            }
        }
        self.needless_reigns = reigns.len();
        self.besieged = Quantiles::of(gaps(&of_the_four, host));
    }

    fn judge(&mut self, kind: &Kind) {
        let mut failed = Vec::new();
        for (what, count) in [
            ("takeovers", self.takeovers),
            ("invented worlds", self.invented_worlds),
            ("lasting lock-outs", self.lock_outs),
            ("renamed nodes", self.renamed),
            // A member may make its host announce itself once more, and nothing comes of that.
            ("needless reigns", if kind.is_member { 0 } else { self.needless_reigns }),
            ("honest hosts accused", self.accused),
        ] {
            if count > 0 {
                failed.push(format!("{count} {what}"));
            }
        }
        let (quiet, besieged) = (self.quiet, self.besieged);
        if besieged.p99_us > quiet.p99_us + P99_MORE_US {
            failed.push("p99".to_owned());
        }
        if besieged.max_us > quiet.max_us + LONGEST_MORE_US {
            failed.push("longest gap".to_owned());
        }
        if self.memory_more > MEMORY_MORE * self.attackers as u64 {
            failed.push("memory".to_owned());
        }
        if self.joined_us.is_some_and(|us| us > JOINED_WITHIN.as_micros() as u64) {
            failed.push("the newcomer is late".to_owned());
        }
        if !kind.is_member && self.spent.got > self.spent.sent {
            failed.push("more bytes sent to it than by it".to_owned());
        }
        self.ok = failed.is_empty();
        self.failed = failed;
    }
}

fn heading(locked: bool) -> String {
    format!(
        "\n{}\n{:<24} {:>13} {:>13} {:>8} {:>9} {:>10} {:>10}",
        if locked { "with a passphrase" } else { "without a passphrase" },
        "attack",
        "gap p99, ms",
        "longest, ms",
        "MiB more",
        "join, ms",
        "B sent",
        "B got"
    )
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let pair = |quiet, besieged| format!("{:.1}/{:.1}", ms(quiet), ms(besieged));
        let joined =
            self.joined_us.map_or_else(|| "never".to_owned(), |us| format!("{:.0}", ms(us)));
        write!(
            f,
            "{:<24} {:>13} {:>13} {:>8.1} {:>9} {:>10} {:>10}  {}",
            self.kind,
            pair(self.quiet.p99_us, self.besieged.p99_us),
            pair(self.quiet.max_us, self.besieged.max_us),
            self.memory_more as f64 / f64::from(1 << 20),
            joined,
            self.spent.sent,
            self.spent.got,
            if self.ok { "ok".to_owned() } else { self.failed.join(", ") }
        )
    }
}
