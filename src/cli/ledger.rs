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
    arena::Arena,
    game::FactRules,
    ledger::{
        Fate, Ledger, Out, Refused,
        disk::{BATCH_ENTRIES_MAX, Record},
        entry::{Entry, Writer},
        page::PAGE_ENTRIES_MAX,
    },
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
    impossible::Impossible,
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
#[derive(Default)]
pub struct Kept {
    ledgers: BTreeMap<SessionId, Ledger>,
    sessions: BTreeMap<SessionId, SessionName>,
    /// The sessions that have names, in the order in which they were played last.
    order: Vec<SessionId>,
    /// There is a file that cannot be read.
    incomplete: bool,
}

impl Kept {
    /// Reads all of it.
    pub fn of(options: &KeptOptions) -> anyhow::Result<Self> {
        let mut kept = Self::default();
        for path in files(options)? {
            match LedgerFile::read(&path) {
                Ok(contents) => kept.take(contents),
                Err(error @ OpenError::Foreign { .. }) => tracing::warn!("{error}"),
                Err(error) => {
                    kept.incomplete = true;
                    tracing::error!("left out: {error}");
                }
            }
        }
        Ok(kept)
    }

    /// How a command ends that has told of all that could be read.
    pub fn exit_code(&self) -> ExitCode {
        if self.incomplete { ExitCode::FAILURE } else { ExitCode::SUCCESS }
    }

    /// The ledgers.
    pub fn ledgers(&self) -> impl Iterator<Item = &Ledger> + Clone {
        self.ledgers.values()
    }

    fn take(&mut self, contents: Contents) {
        for notice in contents.notices {
            tracing::warn!("{notice}");
        }
        // The last one first in each file, the last one last here.
        for (session, name) in contents.sessions.into_iter().rev() {
            self.order.retain(|known| *known != session);
            self.order.push(session);
            self.sessions.insert(session, name);
        }
        let mut pages = contents.pages;
        let mut ledgers = contents.ledgers;
        for session in pages.keys() {
            ledgers.entry(*session).or_default();
        }
        for (session, entries) in ledgers {
            let pages = pages.remove(&session).unwrap_or_default();
            self.ledger(session).restore_all(entries, &pages);
        }
        for (session, writer, hours) in contents.clocks {
            self.ledger(session).is_behind(writer, hours);
        }
        // What is on disk need not be reported.
        for ledger in self.ledgers.values_mut() {
            while ledger.poll().is_some() {}
        }
    }

    fn ledger(&mut self, session: SessionId) -> &mut Ledger {
        let fresh = || Ledger::summed(session, READER, FactRules::of::<Arena>());
        self.ledgers.entry(session).or_insert_with(fresh)
    }
}

/// The folder that is meant.
pub fn folder(options: &KeptOptions) -> anyhow::Result<PathBuf> {
    let folder = options.data_dir.clone().or_else(profile::usual_folder);
    let no_folder = "this system has no folder for such things; say where: --data-dir FOLDER";
    Ok(folder.ok_or_else(|| Impossible(no_folder.to_owned()))?)
}

/// The ledger files that there are.
fn files(options: &KeptOptions) -> anyhow::Result<Vec<PathBuf>> {
    if let Some(typed) = options.data_dir.as_ref().filter(|folder| !folder.is_dir()) {
        return Err(Impossible(format!("there is no folder {}", typed.display())).into());
    }
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
        print(&Line::entry(&entry))?;
    }
    out.flush().map_err(Unwritten)?;
    Ok(kept.exit_code())
}

fn import(options: &KeptOptions, file: Option<&Path>) -> anyhow::Result<ExitCode> {
    let source: Box<dyn BufRead> = match file {
        Some(path) => Box::new(BufReader::new(
            File::open(path)
                .map_err(|error| Impossible(format!("cannot read {}: {error}", path.display())))?,
        )),
        None => Box::new(io::stdin().lock()),
    };
    let path = profile::ledgers(&folder(options)?).next().context("there is no profile")?;
    let (mut ledger_file, contents) = match LedgerFile::open(&path) {
        Err(error @ OpenError::InUse { .. }) => {
            return Err(Impossible(format!("{error}: stop that one first")).into());
        }
        opened => opened?,
    };
    let mut kept = Kept::default();
    kept.take(contents);
    // Nothing is written before the last line was read and found to be right.
    let mut import = Import { kept, records: Vec::new(), new: 0, known: 0 };
    let (mut waiting, mut sessions) = (Vec::new(), Vec::new());
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
                Some(entry) => waiting.extend(import.take(entry)?),
                None => bail!("line {number} was changed: it does not have its own hash"),
            },
        }
    }
    // Those that came before their predecessors.
    waiting.sort_by_key(|entry| (entry.head().session, entry.id()));
    let mut loose = 0_usize;
    for entry in waiting {
        loose += usize::from(import.take(entry)?.is_some());
    }
    let Import { kept, records, new, known } = import.end();
    for records in records.chunks(BATCH_ENTRIES_MAX) {
        ledger_file.write(records)?;
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
                    true => say(
                        &json!({"file": path.display().to_string(), "error": error.to_string()})
                            .to_string(),
                    )?,
                    false => say(&error.to_string())?,
                }
                continue;
            }
        };
        sound &= contents.damaged == 0 && contents.notices.is_empty();
        let (entries, damaged) = (contents.len(), contents.damaged);
        let notices = contents.notices.clone();
        let lying = contents.pages.values().flatten();
        let lying = lying.filter(|page| !page.is_true(&FactRules::of::<Arena>())).count();
        sound &= lying == 0;
        let mut kept = Kept::default();
        kept.take(contents);
        let rows: usize = kept.ledgers.values().map(Ledger::rows).sum();
        let file = path.display().to_string();
        let sum = |count: fn(&Ledger) -> usize| -> usize { kept.ledgers.values().map(count).sum() };
        let sessions = kept.ledgers.len();
        let writers = sum(|ledger| ledger.writers().count());
        let behind_holes = sum(Ledger::behind_holes);
        let doubled = sum(doubled);
        if json {
            let what = json!({
                "file": file, "entries": entries, "rows": rows, "sessions": sessions, "writers": writers,
                "damaged": damaged, "wrong_pages": lying, "behind_holes": behind_holes, "doubled": doubled,
                "notices": notices,
            });
            say(&what.to_string())?;
            continue;
        }
        say(&format!(
            "{file}: {entries} entries of {writers} writers in {sessions} sessions, {damaged} damaged",
        ))?;
        if rows < entries {
            say(&format!("  they are folded into {rows} rows"))?;
        }
        if lying > 0 {
            say(&format!("  {lying} pages say something else than their entries"))?;
        }
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

/// What is taken in, folded on the way: it may be more than a ledger could hold entry by entry.
struct Import {
    kept: Kept,
    /// What is to be written.
    records: Vec<Record>,
    new: usize,
    known: usize,
}

impl Import {
    /// Takes an entry. Returns one whose predecessor is missing yet.
    fn take(&mut self, entry: Entry) -> anyhow::Result<Option<Entry>> {
        let (session, writer) = (entry.head().session, entry.id().writer);
        match self.kept.ledger(session).accept(entry.clone()) {
            Ok(Fate::Fresh | Fate::Forked) => {
                self.new += 1;
                if self.new.is_multiple_of(PAGE_ENTRIES_MAX as usize) {
                    self.fold(session, writer);
                }
            }
            Ok(Fate::Known | Fate::Completed) => self.known += 1,
            Err(Refused::Gap) => return Ok(Some(entry)),
            Err(error) => return Err(error.into()),
        }
        Ok(None)
    }

    fn fold(&mut self, session: SessionId, writer: Writer) {
        let ledger = self.kept.ledger(session);
        while ledger.fold_stream(writer, PAGE_ENTRIES_MAX, PAGE_ENTRIES_MAX, 0) {}
        ledger.close_pages();
        self.gather(session);
    }

    /// Takes over what a ledger wants to be kept. What was never written needs no writing before it
    /// is folded.
    fn gather(&mut self, session: SessionId) {
        let ledger = self.kept.ledger(session);
        while let Some(out) = ledger.poll() {
            match out {
                Out::Keep(Record::Fold(page)) => {
                    let is_in = |record: &Record| match record {
                        Record::Fresh(entry) => {
                            entry.head().session == session
                                && entry.id().writer == page.writer()
                                && (page.first()..=page.last()).contains(&entry.id().number)
                        }
                        _ => false,
                    };
                    let before = self.records.len();
                    self.records.retain(|record| !is_in(record));
                    let all = (before - self.records.len()) as u64 == page.count();
                    self.records.push(if all { Record::Page(page) } else { Record::Fold(page) });
                }
                Out::Keep(record) => self.records.push(record),
                _ => {}
            }
        }
    }

    fn end(mut self) -> Self {
        let sessions: Vec<SessionId> = self.kept.ledgers.keys().copied().collect();
        sessions.into_iter().for_each(|session| self.gather(session));
        self
    }
}

/// How many entries share their name with another one.
fn doubled(ledger: &Ledger) -> usize {
    let mut names: BTreeMap<_, usize> = BTreeMap::new();
    ledger.known().for_each(|entry| *names.entry(entry.id()).or_default() += 1);
    names.into_values().filter(|count| *count > 1).sum()
}
