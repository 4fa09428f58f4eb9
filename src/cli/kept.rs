//! What is kept of all games in one folder: the ledgers of all its profiles, together.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::ExitCode,
};

use interregnum::{
    arena::Arena,
    game::FactRules,
    ledger::{
        Ledger,
        entry::{Entry, Kind},
    },
    runtime::store::{
        OpenError,
        file::{Content, Contents, LedgerFile},
    },
    text::SessionName,
    types::SessionId,
};

use super::{impossible::Impossible, options::KeptOptions, profile};

/// All that is kept in a folder.
#[derive(Default)]
pub struct Kept {
    /// The ledgers, by their sessions.
    pub ledgers: BTreeMap<SessionId, Ledger>,
    /// What these were called last.
    pub sessions: BTreeMap<SessionId, SessionName>,
    /// The sessions that have names, in the order in which they were played last.
    pub order: Vec<SessionId>,
    /// There is a file that cannot be read.
    incomplete: bool,
}

impl Kept {
    /// Reads all of it.
    pub fn of(options: &KeptOptions) -> anyhow::Result<Self> {
        let mut kept = Self::default();
        kept.incomplete = !each(options, |contents| kept.take(contents))?;
        Ok(kept)
    }

    /// How a command ends that has told of all that could be read.
    pub fn exit_code(&self) -> ExitCode {
        if self.incomplete { ExitCode::FAILURE } else { ExitCode::SUCCESS }
    }

    /// The ledgers.
    pub fn ledgers(&self) -> impl Iterator<Item = &Ledger> {
        self.ledgers.values()
    }

    /// Takes in what was in a file.
    pub fn take(&mut self, contents: Contents) {
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

    /// The ledger of a session, empty if there was none.
    pub fn ledger(&mut self, session: SessionId) -> &mut Ledger {
        let fresh = || Ledger::to_read(session, FactRules::of::<Arena>());
        self.ledgers.entry(session).or_insert_with(fresh)
    }
}

/// Reads one file after the other. Whether all of them could be read.
pub fn each(options: &KeptOptions, mut take: impl FnMut(Contents)) -> anyhow::Result<bool> {
    read_all(options, LedgerFile::read, &mut take)
}

/// The same, but only the entries of one personal kind, one by one, in no order.
pub fn each_of(
    options: &KeptOptions,
    kind: Kind,
    mut take: impl FnMut(Entry),
) -> anyhow::Result<bool> {
    let mut each = |content| match content {
        Content::Entry(entry) => take(entry),
        Content::Page(_) => {}
    };
    let tell = |contents: Contents| {
        contents.notices.iter().for_each(|notice| tracing::warn!("{notice}"));
    };
    read_all(options, |path| LedgerFile::read_each(path, Some(kind), &mut each), tell)
}

fn read_all(
    options: &KeptOptions,
    mut read: impl FnMut(&Path) -> Result<Contents, OpenError>,
    mut take: impl FnMut(Contents),
) -> anyhow::Result<bool> {
    let mut complete = true;
    for path in files(options)? {
        match read(&path) {
            Ok(contents) => take(contents),
            Err(error @ OpenError::Foreign { .. }) => tracing::warn!("{error}"),
            Err(error) => {
                complete = false;
                tracing::error!("left out: {error}");
            }
        }
    }
    Ok(complete)
}

/// The folder that is meant.
pub fn folder(options: &KeptOptions) -> anyhow::Result<PathBuf> {
    let folder = options.data_dir.clone().or_else(profile::usual_folder);
    let no_folder = "this system has no folder for such things; say where: --data-dir FOLDER";
    Ok(folder.ok_or_else(|| Impossible(no_folder.to_owned()))?)
}

/// The ledger files that there are.
pub fn files(options: &KeptOptions) -> anyhow::Result<Vec<PathBuf>> {
    if let Some(typed) = options.data_dir.as_ref().filter(|folder| !folder.is_dir()) {
        return Err(Impossible(format!("there is no folder {}", typed.display())).into());
    }
    Ok(profile::ledgers(&folder(options)?).filter(|path| path.exists()).collect())
}
