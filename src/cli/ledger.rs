//! What is kept of all games, from the command line: exported, imported, checked; and the scores.
//!
//! A folder has a ledger file for each profile that was ever used on this machine. Reading means all
//! of them together; they may be in use meanwhile. Importing writes to the first profile's, which
//! must not be.

mod lines;
pub mod scores;

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufRead, BufReader, BufWriter, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, bail};
use interregnum::{
    cluster::ledger::{Fate, Ledger, Out, Refused, entry::Writer},
    runtime::store::{
        OpenError,
        file::{Contents, LedgerFile},
    },
    text::SessionName,
    types::{Incarnation, NodeId, SessionId},
};
use serde_json::json;

use self::lines::Line;
use super::{
    Impossible,
    options::{KeptOptions, LedgerCommand},
    output::{Unwritten, say},
    profile,
};

/// Nobody writes here.
const READER: Writer = Writer { node: NodeId::from_u128(0), incarnation: Incarnation(0) };

/// Does what was asked for.
pub fn run(command: &LedgerCommand) -> anyhow::Result<ExitCode> {
    match command {
        LedgerCommand::Export(options) => export(options),
        LedgerCommand::Import { file, kept } => import(kept, file.as_deref()),
        LedgerCommand::Verify { json, kept } => verify(kept, *json),
    }
}

/// All that is kept in a folder.
struct Kept {
    ledgers: BTreeMap<SessionId, Ledger>,
    sessions: BTreeMap<SessionId, SessionName>,
}

impl Kept {
    fn of(options: &KeptOptions) -> anyhow::Result<Self> {
        let mut kept = Self { ledgers: BTreeMap::new(), sessions: BTreeMap::new() };
        for path in files(options)? {
            kept.take(LedgerFile::read(&path)?);
        }
        Ok(kept)
    }

    fn take(&mut self, contents: Contents) {
        for notice in contents.notices {
            tracing::warn!("{notice}");
        }
        self.sessions.extend(contents.sessions);
        for (session, entries) in contents.ledgers {
            let ledger =
                self.ledgers.entry(session).or_insert_with(|| Ledger::new(session, READER));
            for entry in entries {
                if let Err(error) = ledger.restore(entry) {
                    tracing::warn!("{error}");
                }
            }
            // What is on disk need not be reported.
            while ledger.poll().is_some() {}
        }
    }
}

fn folder(options: &KeptOptions) -> anyhow::Result<PathBuf> {
    let folder = options.data_dir.clone().or_else(profile::usual_folder);
    let no_folder = "this system has no folder for such things; say where: --data-dir FOLDER";
    Ok(folder.ok_or_else(|| Impossible(no_folder.to_owned()))?)
}

/// The ledger files that there are.
fn files(options: &KeptOptions) -> anyhow::Result<Vec<PathBuf>> {
    Ok(profile::ledgers(&folder(options)?).filter(|path| path.exists()).collect())
}

fn export(options: &KeptOptions) -> anyhow::Result<ExitCode> {
    let kept = Kept::of(options)?;
    let mut out = BufWriter::new(io::stdout().lock());
    let mut print = |line: &Line| -> Result<(), Unwritten> {
        serde_json::to_writer(&mut out, line).map_err(io::Error::from)?;
        Ok(out.write_all(b"\n")?)
    };
    for (session, name) in &kept.sessions {
        print(&Line::Session { session: *session, name: name.clone() })?;
    }
    for entry in kept.ledgers.values().flat_map(Ledger::known) {
        print(&Line::entry(entry))?;
    }
    out.flush().map_err(Unwritten)?;
    Ok(ExitCode::SUCCESS)
}

fn import(options: &KeptOptions, file: Option<&Path>) -> anyhow::Result<ExitCode> {
    let source: Box<dyn BufRead> = match file {
        Some(path) => Box::new(BufReader::new(
            File::open(path)
                .map_err(|error| Impossible(format!("cannot read {}: {error}", path.display())))?,
        )),
        None => Box::new(io::stdin().lock()),
    };
    let (mut entries, mut sessions) = (Vec::new(), Vec::new());
    for (number, line) in (1_u64..).zip(source.lines()) {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        let line: Line =
            serde_json::from_str(&line).with_context(|| format!("line {number} is no entry"))?;
        match line {
            Line::Session { session, name } => sessions.push((session, name)),
            Line::Entry(fields) => match fields.entry() {
                Some(entry) => entries.push(entry),
                None => bail!("line {number} was changed: it does not have its own hash"),
            },
        }
    }
    entries.sort_by_key(|entry| (entry.head().session, entry.id()));

    let path = profile::ledgers(&folder(options)?).next().context("there is no profile")?;
    let (mut ledger_file, contents) = match LedgerFile::open(&path) {
        Err(error @ OpenError::InUse { .. }) => {
            return Err(Impossible(format!("{error}: stop that one first")).into());
        }
        opened => opened?,
    };
    let mut kept = Kept { ledgers: BTreeMap::new(), sessions: BTreeMap::new() };
    kept.take(contents);
    let (mut new, mut known, mut loose) = (0_usize, 0_usize, 0_usize);
    for entry in entries {
        let session = entry.head().session;
        let ledger = kept.ledgers.entry(session).or_insert_with(|| Ledger::new(session, READER));
        match ledger.accept(entry) {
            Ok(Fate::Fresh | Fate::Forked) => new += 1,
            Ok(Fate::Known | Fate::Completed) => known += 1,
            Err(Refused::Gap) => loose += 1,
            Err(error) => return Err(error.into()),
        }
    }
    for ledger in kept.ledgers.values_mut() {
        let records: Vec<_> = std::iter::from_fn(|| ledger.poll())
            .filter_map(|out| match out {
                Out::Keep(record) => Some(record),
                _ => None,
            })
            .collect();
        ledger_file.write(&records)?;
    }
    for (session, name) in sessions {
        if !kept.sessions.contains_key(&session) {
            ledger_file.remember(session, &name)?;
        }
    }
    say(&format!("{new} entries are new, {known} were known"))?;
    if loose > 0 {
        say(&format!("{loose} were left out: what their authors wrote before them is missing"))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn verify(options: &KeptOptions, json: bool) -> anyhow::Result<ExitCode> {
    let files = files(options)?;
    if files.is_empty() {
        say(&format!("nothing is kept in {}", folder(options)?.display()))?;
    }
    let mut sound = true;
    for path in files {
        let contents = match LedgerFile::read(&path) {
            Ok(contents) => contents,
            Err(error) => {
                sound = false;
                match json {
                    true => say(&json!({"file": path, "error": error.to_string()}).to_string())?,
                    false => say(&error.to_string())?,
                }
                continue;
            }
        };
        sound &= contents.damaged == 0 && contents.notices.is_empty();
        let (entries, damaged) = (contents.len(), contents.damaged);
        let notices = contents.notices.clone();
        let mut kept = Kept { ledgers: BTreeMap::new(), sessions: BTreeMap::new() };
        kept.take(contents);
        let sum = |count: fn(&Ledger) -> usize| -> usize { kept.ledgers.values().map(count).sum() };
        let sessions = kept.ledgers.len();
        let writers = sum(|ledger| ledger.writers().count());
        let behind_holes = sum(Ledger::behind_holes);
        let doubled = sum(doubled);
        if json {
            let what = json!({
                "file": path, "entries": entries, "sessions": sessions, "writers": writers,
                "damaged": damaged, "behind_holes": behind_holes, "doubled": doubled,
                "notices": notices,
            });
            say(&what.to_string())?;
            continue;
        }
        say(&format!(
            "{}: {entries} entries of {writers} writers in {sessions} sessions, {damaged} damaged",
            path.display()
        ))?;
        if behind_holes > 0 {
            say(&format!("  {behind_holes} wait for an entry that is missing before them"))?;
        }
        if doubled > 0 {
            say(&format!("  {doubled} share their name with another one: somebody lied"))?;
        }
        for notice in notices {
            say(&format!("  {notice}"))?;
        }
    }
    Ok(if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// How many entries share their name with another one.
fn doubled(ledger: &Ledger) -> usize {
    let mut names: BTreeMap<_, usize> = BTreeMap::new();
    ledger.known().for_each(|entry| *names.entry(entry.id()).or_default() += 1);
    names.into_values().filter(|count| *count > 1).sum()
}
