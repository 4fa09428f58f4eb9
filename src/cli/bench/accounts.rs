//! `bench accounts`: how long it takes to list a page of all accounts that a machine knows of, from the file
//! of a ledger in which each of them has said who it is. Each had a machine of its own.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{self, ExitCode},
    time::Instant,
};

use anyhow::Context as _;
use interregnum::{
    accounts::{Claim, Statement},
    keys::{Chance, SecretKey},
    ledger::{
        Ledger,
        disk::{BatchId, Record},
        entry::WallTime,
        vouching::Pen,
    },
    runtime::{self, store},
    text::Name,
    types::{Incarnation, SessionId},
};
use serde::Serialize;
use uuid::Uuid;

use crate::cli::{
    known,
    options::{AccountsOptions, KeptOptions},
    output::Stdout,
    profile,
};

/// How many lines a page has that is listed.
const PER_PAGE: usize = 25;

/// How many entries are kept at a time.
const BATCH: usize = 4_096;

#[derive(Debug, Serialize)]
struct Figures {
    accounts: usize,
    /// The first page of all, from the file to the lines.
    all_ms: f64,
    /// The first page of those whose name has something in it.
    filtered_ms: f64,
    /// The last page.
    last_ms: f64,
}

/// A folder that goes when it is not needed any more.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Runs it.
pub fn run(options: &AccountsOptions) -> anyhow::Result<ExitCode> {
    let out = Stdout::new(options.json)?;
    let folder =
        Folder(std::env::temp_dir().join(format!("interregnum-accounts-{}", process::id())));
    let accounts = options.accounts as usize;
    fill(&folder.0, accounts)?;
    let last = accounts.div_ceil(PER_PAGE);
    let figures = Figures {
        accounts,
        all_ms: best(options.times, || listed(&folder.0, "", 1))?,
        filtered_ms: best(options.times, || listed(&folder.0, "player 12", 1))?,
        last_ms: best(options.times, || listed(&folder.0, "", last))?,
    };
    let line = match options.json {
        true => serde_json::to_string(&figures)?,
        false => format!(
            "{accounts} accounts: a page of all in {:.1} ms, of some in {:.1} ms, the last one in {:.1} ms",
            figures.all_ms, figures.filtered_ms, figures.last_ms
        ),
    };
    out.put(&line);
    Ok(ExitCode::SUCCESS)
}

/// The least of so many tries, in milliseconds.
fn best(times: u32, what: impl Fn() -> anyhow::Result<usize>) -> anyhow::Result<f64> {
    let mut least = f64::INFINITY;
    for _ in 0..times {
        let began = Instant::now();
        anyhow::ensure!(what()? > 0, "nobody is listed");
        least = least.min(began.elapsed().as_secs_f64() * 1_000.0);
    }
    Ok(least)
}

/// How many are on this page.
fn listed(folder: &Path, filter: &str, page: usize) -> anyhow::Result<usize> {
    let kept = KeptOptions { data_dir: Some(folder.to_owned()) };
    let known = known::page(&kept, filter, page, PER_PAGE)?;
    Ok(known.listed().count())
}

/// Writes the ledger of a session in which so many have said what they are called.
fn fill(folder: &Path, accounts: usize) -> anyhow::Result<()> {
    let file = profile::ledgers(folder).next().context("no profile")?;
    fs::create_dir_all(file.parent().context("no folder")?)?;
    let (tell, told) = crossbeam_channel::unbounded();
    let opened = store::open(&file, move |report| drop(tell.send(report)))?;
    let session = SessionId(Uuid::from_u128(1));
    let mut chance = Chance::new(runtime::random_bytes()?);
    let mut records = Vec::new();
    for number in 0..accounts {
        let (account, machine) = (SecretKey::draw(&mut chance), SecretKey::draw(&mut chance));
        let name = Name::new(&format!("player {}", number % 9_000));
        let says = [
            Claim::Called { name, colour: (number % 12) as u8, revision: 1 },
            Claim::Certifies { machine: machine.public(), turn: 1 },
        ];
        let mut ledger = Ledger::new(session, Pen::new(machine, Incarnation(number as u64)));
        for claim in says {
            ledger.note(WallTime(0), Statement::new(&account, claim).body())?;
        }
        ledger.sign();
        records.extend(ledger.known().map(Record::Fresh));
    }
    for (batch, chunk) in (1..).zip(records.chunks(BATCH)) {
        opened.store.persist(BatchId(batch), chunk.to_vec());
        told.recv()?;
    }
    Ok(())
}
