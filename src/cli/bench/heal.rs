//! `bench heal`: a network cut in two halves, each of which plays on, and mended: how long until
//! all have one host again.

use std::{process::ExitCode, time::Duration};

use anyhow::{Context, bail};
use serde::Serialize;
use tracing_subscriber::filter::LevelFilter;

use super::{
    figures::{self, Quantiles, ms},
    laboratory,
};
use crate::cli::{
    lab::Lab,
    lines::What,
    options::{GameOptions, HealOptions},
    output::Stdout,
    party::{Cut, Ended, Party},
    peers::Peers,
    signals,
};

/// How long all play together before a cut.
const TOGETHER: Duration = Duration::from_millis(1_500);

/// How long the halves play apart.
const APART: Duration = Duration::from_millis(2_500);

/// How long the meeting of the hosts may take. Decides only when to give up.
const PATIENCE: Duration = Duration::from_secs(15);

/// After so long without a change it stays as it is.
const SETTLED: Duration = Duration::from_millis(700);

#[derive(Debug, Serialize)]
struct Heal {
    number: u32,
    /// From the moment at which the way was free until the last node had the one host.
    one_host_us: u64,
}

#[derive(Debug, Serialize)]
struct Report {
    ok: bool,
    peers: usize,
    one_host: Quantiles,
    complaints: Vec<String>,
}

pub fn run(options: &HealOptions, log: LevelFilter) -> anyhow::Result<ExitCode> {
    let run = &options.run;
    let out = Stdout::new(run.json)?;
    let stop = signals::stop_requests(run.tied, &out)?;
    let lab = laboratory(options.peers)?;
    let mut peers = Peers::in_lab(&GameOptions::private(false), run, log, lab)?;
    peers.program.clone_from(&options.build.program);
    for _ in 0..options.peers {
        peers.add_bot()?;
    }
    let mut party = Party::new(peers, run, stop, &out);
    let mut heals = Vec::new();
    let ended = measure(&mut party, options.heals, &mut heals)?;
    party.peers.end();
    let complaints = match ended {
        Ended::Stuck(why) => vec![why],
        Ended::Through | Ended::Stopped => Vec::new(),
    };
    let report = Report {
        ok: complaints.is_empty(),
        peers: party.peers.len(),
        one_host: Quantiles::of(heals.iter().map(|heal| heal.one_host_us).collect()),
        complaints,
    };
    party.tell(&format!("\n{}", figures::head()));
    party.tell(&figures::row("one host at all nodes after a heal", &report.one_host));
    for complaint in &report.complaints {
        party.tell(&format!("FAILED: {complaint}"));
    }
    party.tell_scripts("bench", &report);
    Ok(if report.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn measure(party: &mut Party, times: u32, heals: &mut Vec<Heal>) -> anyhow::Result<Ended> {
    if let Err(cut) = party.gather() {
        return Ok(cut.ending("the peers did not find each other"));
    }
    for number in 1..=times {
        match heal(party, number)? {
            Ok(heal) => {
                party.tell(&format!("{number:>4}  {:.1} ms", ms(heal.one_host_us)));
                party.tell_scripts("heal", &heal);
                heals.push(heal);
            }
            Err(cut) => return Ok(cut.ending("the halves did not part, or not meet again")),
        }
    }
    Ok(Ended::Through)
}

fn heal(party: &mut Party, number: u32) -> anyhow::Result<Result<Heal, Cut>> {
    if let Err(cut) = party.pass(TOGETHER) {
        return Ok(Err(cut));
    }
    let half: Vec<usize> = (0..party.peers.len() / 2).collect();
    lab(party)?.split(&[&half])?;
    let parted = |party: &Party| party.judge.hosts() == 2;
    if let Err(cut) = party.wait(PATIENCE, parted) {
        return Ok(Err(cut));
    }
    if let Err(cut) = party.pass(APART) {
        return Ok(Err(cut));
    }
    party.take_in_waiting();
    if party.judge.hosts() != 2 {
        bail!("{} hosts in two halves", party.judge.hosts());
    }
    party.record = Some(Vec::new());
    let healed = lab(party)?.heal()?;
    if let Err(cut) = party.wait(PATIENCE, |party| party.judge.hosts() == 1) {
        return Ok(Err(cut));
    }
    if let Err(cut) = party.pass(SETTLED) {
        return Ok(Err(cut));
    }
    let lines = party.record.take().unwrap_or_default();
    let last = lines.iter().filter(|line| matches!(line.what, What::Host { .. }));
    let last = last.map(|line| line.t_us).max().unwrap_or(healed.0);
    // The rosters of both sides must have become one, too.
    Ok(party.gather().map(|()| Heal { number, one_host_us: last.saturating_sub(healed.0) }))
}

fn lab(party: &mut Party) -> anyhow::Result<&mut Lab> {
    party.peers.lab.as_mut().context("these peers live on one machine")
}
