//! `bench accounts`: how long it takes to list a page of all accounts that a machine knows of, from the file
//! of a ledger in which each of them has said who it is. Each had a machine of its own.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{self, ExitCode},
    time::Instant,
};

use interregnum::text::SessionName;
use serde::Serialize;

use super::book;
use crate::cli::{
    known,
    options::{AccountsOptions, KeptOptions},
    output::Stdout,
};

/// How many lines a page has that is listed.
const PER_PAGE: usize = 25;

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
    book::fill(&folder.0, &SessionName::default(), accounts, 0)?;
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
