//! A book with many entries: how long it takes to list a page of its accounts, to find a line in it, and to start
//! with it, each as a process of its own.

use std::{
    env,
    process::{Command, Stdio},
    time::Instant as Clock,
};

use anyhow::{Context as _, ensure};
use interregnum::runtime;
use serde::Serialize;

use super::{Bench, Outcome, first, taken};
use crate::cli::{
    bench::{book, figures::ms},
    lines::What,
};

/// How often each is tried: the least time counts.
const TRIES: usize = 3;

/// How many entries an account is: its machine's key, its name, and whose machine it is.
const ENTRIES_EACH: usize = 3;

/// What came of it.
#[derive(Debug, Default, Serialize)]
struct Report {
    entries: usize,
    accounts: usize,
    lines: usize,
    /// A page of the accounts with something in their names.
    list_ms: f64,
    /// The lines with a word in them.
    search_ms: f64,
    /// From the start of a process until its node is there.
    start_ms: f64,
    /// From there until it plays.
    play_ms: f64,
}

/// Measures it.
pub fn measure(bench: &Bench<'_>, entries: usize, accounts: usize) -> anyhow::Result<Outcome> {
    let lines = entries.saturating_sub(ENTRIES_EACH * accounts + book::SPEAKERS);
    let mut report = Report { entries, accounts, lines, ..Report::default() };
    let (mut party, session) = bench.party()?;
    let home = party.peers.home(0);
    book::fill(&home, &session, accounts, lines)?;
    let folder = home.to_str().context("the folder has an odd name")?;
    let list = ["account", "list", "--filter", "player 12", "--page", "2", "--data-dir", folder];
    report.list_ms = best(&list, accounts > 1_000)?;
    let word = format!("line {} of", lines / 2);
    let search = ["chat", "--history", "--search", &word, "--data-dir", folder];
    report.search_ms = best(&search, lines > 0)?;

    let started = runtime::now();
    party.peers.add_bot()?;
    if let Err(cut) = party.gather() {
        return Ok(Err(cut.ending("it did not start")));
    }
    let heard = taken(&mut party);
    let is_there = first(&heard, started, |what| matches!(what, What::Started { .. }));
    let plays = first(&heard, started, |what| matches!(what, What::Host { .. }));
    let (is_there, plays) = is_there.zip(plays).context("it did not start")?;
    report.start_ms = ms(is_there.saturating_sub(started.0));
    report.play_ms = ms(plays.saturating_sub(is_there));
    party.peers.end();
    party.tell(&format!(
        "{entries} entries, {accounts} accounts among them: a page of accounts in {:.0} ms, a word found in {:.0} ms, \
         started after {:.0} ms, in a game {:.0} ms later",
        report.list_ms, report.search_ms, report.start_ms, report.play_ms,
    ));
    party.tell_scripts("large_book", &report);
    Ok(Ok(true))
}

/// The least time of some tries that this program takes for something, in milliseconds.
fn best(arguments: &[&str], finds: bool) -> anyhow::Result<f64> {
    let program = env::current_exe().context("cannot find this program")?;
    let mut least = f64::INFINITY;
    for _ in 0..TRIES {
        let began = Clock::now();
        let done = Command::new(&program).args(arguments).stdin(Stdio::null()).output()?;
        least = least.min(began.elapsed().as_secs_f64() * 1_000.0);
        ensure!(
            done.status.success() && done.stdout.is_empty() != finds,
            "{arguments:?} finds nothing"
        );
    }
    Ok(least)
}
