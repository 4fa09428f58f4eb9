//! The file: two tables, how they came about, what is read from them and how it is checked.
//!
//! `entries` is a log. A row is an entry, as it travels, and its hash; rows are appended and read all
//! at once, so there is no index that could contradict them. A row is changed in one case only: when
//! an entry has lost its body, or has got a signature. SQLite then overwrites what was there
//! (`secure_delete`). The columns `session`, `author`, `incarnation` and `number` repeat what the
//! entry says, for people with an SQLite shell.
//!
//! `sessions` remembers which session was played last under which name.

use std::{
    collections::BTreeMap,
    fs::{self, File, TryLockError},
    io,
    path::Path,
    sync::Arc,
};

use rusqlite::{
    Connection, ErrorCode, OpenFlags, Row, Transaction, TransactionBehavior, config::DbConfig,
    params,
};
use uuid::Uuid;

use super::{Backend, OpenError, journal, repair};
use crate::{
    cluster::ledger::{
        batch,
        disk::{Record, Trouble},
        entry::{Entry, EntryId, Hash},
    },
    text::SessionName,
    types::SessionId,
};

/// What a file of ours says in its head: "irgm".
const APPLICATION_ID: i32 = 0x6972_676d;

/// How the tables came to be what they are: step n leads from version n to n + 1. A step that was
/// published is never changed.
const STEPS: &[&str] = &["
    CREATE TABLE entries (
        session BLOB NOT NULL,
        author BLOB NOT NULL,
        incarnation INTEGER NOT NULL,
        number INTEGER NOT NULL,
        hash BLOB NOT NULL,
        entry BLOB NOT NULL
    ) STRICT;
    CREATE TABLE sessions (
        id BLOB PRIMARY KEY,
        name TEXT NOT NULL,
        used INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
"];

const COLUMNS: &str = "rowid, session, author, incarnation, number, hash, entry";

/// What was in a file.
#[derive(Debug, Default)]
pub struct Contents {
    /// All entries that are whole, by session, each session's by their ids.
    pub ledgers: BTreeMap<SessionId, Vec<Entry>>,
    /// The sessions that were played, and under which name; the last one first.
    pub sessions: Vec<(SessionId, SessionName)>,
    /// How many rows are not what they should be.
    pub damaged: usize,
    /// What people should know.
    pub notices: Vec<String>,
}

impl Contents {
    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.ledgers.values().map(Vec::len).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ledgers.is_empty()
    }

    /// The session that was played last under this name.
    pub fn last_session(&self, name: &SessionName) -> Option<SessionId> {
        self.sessions.iter().find(|(_, known)| known == name).map(|(id, _)| *id)
    }

    pub(super) fn add(&mut self, entry: Entry) {
        self.ledgers.entry(entry.head().session).or_default().push(entry);
    }

    fn sort(&mut self) {
        for entries in self.ledgers.values_mut() {
            entries.sort_by_key(|entry| (entry.id(), entry.hash()));
        }
    }
}

/// A file that is open for writing, and locked.
#[derive(Debug)]
pub struct LedgerFile {
    connection: Connection,
    _lock: Lock,
}

impl LedgerFile {
    /// Opens the file at `path`, or makes it. If it is damaged it is set aside, and what can be read
    /// of it goes into a fresh one.
    ///
    /// # Errors
    /// [`OpenError`]; then nothing was changed.
    pub fn open(path: &Path) -> Result<(Self, Contents), OpenError> {
        let lock = lock(path)?;
        repair::finish_interrupted(path).map_err(unusable(path))?;
        let cut_short = journal::is_cut_short(path).map_err(unusable(path))?;
        let (connection, mut contents) = match Self::open_sound(path) {
            Ok(sound) => sound,
            Err(Flaw::Refused(error)) => return Err(error),
            Err(Flaw::Damaged(what)) => {
                let salvaged = repair::set_aside(path, &what)?;
                let (connection, mut contents) = Self::open_sound(path).map_err(|flaw| {
                    let Flaw::Refused(error) = flaw else {
                        return unusable(path)(io::Error::other("a fresh file is damaged"));
                    };
                    error
                })?;
                contents.damaged = salvaged.damaged;
                contents.notices.extend(salvaged.notices);
                (connection, contents)
            }
        };
        if cut_short {
            contents.notices.push(format!(
                "the log of {} was cut short: what was written last may be missing here",
                path.display()
            ));
        }
        contents.sort();
        // From here on the log starts anew: what is read at the next start is short, and checked.
        let _ = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        Ok((Self { connection, _lock: lock }, contents))
    }

    /// Reads the file at `path`, and changes nothing; it may be in use.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn read(path: &Path) -> Result<Contents, OpenError> {
        fs::metadata(path).map_err(unusable(path))?;
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let database = |source| OpenError::Database { path: path.to_owned(), source };
        let connection = Connection::open_with_flags(path, flags).map_err(database)?;
        if version(&connection).map_err(database)? > STEPS.len() {
            return Err(OpenError::Newer { path: path.to_owned() });
        }
        let mut contents = match check(&connection) {
            Ok(None) => read_all(&connection).map_err(database)?,
            Ok(Some(what)) => {
                let mut contents = repair::salvage(&connection, path);
                contents.notices.push(format!("{} is damaged: {what}", path.display()));
                contents.damaged = contents.damaged.max(1);
                contents
            }
            Err(source) => return Err(database(source)),
        };
        contents.sort();
        Ok(contents)
    }

    /// A file that is what it should be.
    fn open_sound(path: &Path) -> Result<(Connection, Contents), Flaw> {
        let database = |source| flaw(path, source);
        let mut connection = Connection::open(path).map_err(database)?;
        connection.busy_timeout(super::CLOSE_PATIENCE).map_err(database)?;
        let version = version(&connection).map_err(database)?;
        if version > STEPS.len() {
            return Err(Flaw::Refused(OpenError::Newer { path: path.to_owned() }));
        }
        if version > 0
            && let Some(what) = check(&connection).map_err(database)?
        {
            return Err(Flaw::Damaged(what));
        }
        settle(&connection).map_err(database)?;
        migrate(&mut connection, STEPS).map_err(database)?;
        let contents = read_all(&connection).map_err(database)?;
        match contents.damaged {
            0 => Ok((connection, contents)),
            1 => Err(Flaw::Damaged("a row is not what was written".to_owned())),
            rows => Err(Flaw::Damaged(format!("{rows} rows are not what was written"))),
        }
    }

    /// A fresh file with these contents, complete when this returns. For repairs.
    pub(super) fn make(path: &Path, contents: &Contents) -> rusqlite::Result<()> {
        let mut connection = Connection::open(path)?;
        settle(&connection)?;
        migrate(&mut connection, STEPS)?;
        let transaction = connection.transaction()?;
        for entry in contents.ledgers.values().flatten() {
            insert(&transaction, entry)?;
        }
        for (id, name) in contents.sessions.iter().rev() {
            remember(&transaction, *id, name)?;
        }
        transaction.commit()?;
        connection.close().map_err(|(_, error)| error)
    }

    /// Keeps all of `records`, synced.
    ///
    /// # Errors
    /// [`Trouble`]: some may be there or none, and nothing more is to be written.
    pub fn write(&mut self, records: &[Record]) -> Result<(), Trouble> {
        self.write_all(records).map_err(|error| self.give_up(&error))
    }

    /// Notes that `id` is what is played under `name`: it goes on the next time.
    ///
    /// # Errors
    /// As for [`write`](LedgerFile::write).
    pub fn remember(&mut self, id: SessionId, name: &SessionName) -> Result<(), Trouble> {
        remember(&self.connection, id, name).map_err(|error| self.give_up(&error))
    }

    fn write_all(&mut self, records: &[Record]) -> rusqlite::Result<()> {
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let changed: BTreeMap<(EntryId, Hash), &Arc<Entry>> = records
            .iter()
            .filter(|record| !record.fresh)
            .map(|record| ((record.entry.id(), record.entry.hash()), &record.entry))
            .collect();
        for record in records.iter().filter(|record| record.fresh) {
            insert(&transaction, &record.entry)?;
        }
        if !changed.is_empty() {
            replace(&transaction, changed)?;
        }
        transaction.commit()
    }

    /// After a failure the log must not be carried over into the file: what can be read of it need
    /// not be what is on the disk.
    fn give_up(&mut self, error: &rusqlite::Error) -> Trouble {
        let _ = self.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Trouble::Full,
            _ => Trouble::Failed(error.to_string()),
        }
    }
}

impl Backend for LedgerFile {
    fn write(&mut self, records: &[Record]) -> Result<(), Trouble> {
        Self::write(self, records)
    }

    fn remember(&mut self, id: SessionId, name: &SessionName) -> Result<(), Trouble> {
        Self::remember(self, id, name)
    }
}

/// Why a file is not simply opened.
enum Flaw {
    /// It is not to be touched.
    Refused(OpenError),
    /// It is to be set aside.
    Damaged(String),
}

/// What an error says of a file: that it is damaged, or that it cannot be used.
fn flaw(path: &Path, source: rusqlite::Error) -> Flaw {
    match source.sqlite_error_code() {
        Some(
            ErrorCode::CannotOpen
            | ErrorCode::ReadOnly
            | ErrorCode::PermissionDenied
            | ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::DiskFull
            | ErrorCode::SystemIoFailure
            | ErrorCode::OutOfMemory
            | ErrorCode::NoLargeFileSupport,
        ) => Flaw::Refused(OpenError::Database { path: path.to_owned(), source }),
        _ => Flaw::Damaged(source.to_string()),
    }
}

pub(super) fn unusable(path: &Path) -> impl Fn(io::Error) -> OpenError {
    |source| OpenError::Unusable { path: path.to_owned(), source }
}

/// One process at a time writes to a file. The lock ends with the process, however that ends.
#[derive(Debug)]
struct Lock(File);

impl Drop for Lock {
    /// Closing the file would do, but for a child process that was just forked and has it open too.
    fn drop(&mut self) {
        let _ = self.0.unlock();
    }
}

fn lock(path: &Path) -> Result<Lock, OpenError> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(unusable(path))?;
    }
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path.with_extension("lock"))
        .map_err(unusable(path))?;
    match file.try_lock() {
        Ok(()) => Ok(Lock(file)),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse { path: path.to_owned() }),
        Err(TryLockError::Error(error)) => Err(unusable(path)(error)),
    }
}

fn version(connection: &Connection) -> rusqlite::Result<usize> {
    connection.query_row("PRAGMA user_version", [], |row| row.get::<_, u32>(0)).map(|v| v as usize)
}

/// How this connection works with the file.
fn settle(connection: &Connection) -> rusqlite::Result<()> {
    let mode: String = connection.query_row("PRAGMA journal_mode=WAL", [], |row| row.get(0))?;
    if mode != "wal" {
        tracing::warn!("the ledger's file system has no shared memory; it is kept without a log");
    }
    connection.execute_batch(
        "PRAGMA synchronous=FULL;
         PRAGMA fullfsync=ON;
         PRAGMA checkpoint_fullfsync=ON;
         PRAGMA secure_delete=ON;
         PRAGMA cell_size_check=ON;
         PRAGMA trusted_schema=OFF;",
    )
}

/// What is wrong with the file, if anything.
fn check(connection: &Connection) -> rusqlite::Result<Option<String>> {
    let id: i32 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    if id != APPLICATION_ID {
        return Ok(Some("its head is not what was written".to_owned()));
    }
    let found: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    Ok((found != "ok").then(|| found.lines().collect::<Vec<_>>().join("; ")))
}

/// Brings the tables to the version of the last of `steps`, step by step, each as a whole.
fn migrate(connection: &mut Connection, steps: &[&str]) -> rusqlite::Result<()> {
    let reached = version(connection)?;
    for (number, step) in (1_u32..).zip(steps).skip(reached) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", number)?;
        transaction.commit()?;
    }
    Ok(())
}

fn read_all(connection: &Connection) -> rusqlite::Result<Contents> {
    let mut contents = Contents::default();
    let mut statement = connection.prepare(&format!("SELECT {COLUMNS} FROM entries"))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        match entry_of(row) {
            Some(entry) => contents.add(entry),
            None => contents.damaged += 1,
        }
    }
    let mut statement = connection.prepare("SELECT id, name FROM sessions ORDER BY used DESC")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        match session_of(row) {
            Some(session) => contents.sessions.push(session),
            None => contents.damaged += 1,
        }
    }
    Ok(contents)
}

/// The entry with this row id, if it is what was written.
pub(super) fn read_one(connection: &Connection, rowid: i64) -> rusqlite::Result<Option<Entry>> {
    let sql = format!("SELECT {COLUMNS} FROM entries WHERE rowid = ?1");
    connection.prepare_cached(&sql)?.query_row([rowid], |row| Ok(entry_of(row)))
}

/// The entry in a row: whole, with the hash that was written with it, and where it should be.
fn entry_of(row: &Row<'_>) -> Option<Entry> {
    let blob = |column| row.get_ref(column).ok()?.as_blob().ok();
    let number = |column| row.get_ref(column).ok()?.as_i64().ok();
    let mut entries = batch::decode(blob(6)?).ok()?;
    let entry = entries.pop().filter(|_| entries.is_empty())?;
    let (id, session) = (entry.id(), entry.head().session);
    let agrees = blob(5)? == entry.hash().0
        && blob(1)? == session.0.as_bytes()
        && blob(2)? == id.writer.node.0.as_bytes()
        && number(3)? as u64 == id.writer.incarnation.0
        && number(4)? as u64 == id.number;
    agrees.then_some(entry)
}

fn session_of(row: &Row<'_>) -> Option<(SessionId, SessionName)> {
    let id = Uuid::from_slice(row.get_ref(0).ok()?.as_blob().ok()?).ok()?;
    let name = row.get_ref(1).ok()?.as_str().ok()?;
    Some((SessionId(id), SessionName::new(name)))
}

fn insert(transaction: &Transaction<'_>, entry: &Entry) -> rusqlite::Result<()> {
    let sql = "INSERT INTO entries (session, author, incarnation, number, hash, entry)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let (id, session) = (entry.id(), entry.head().session);
    transaction.prepare_cached(sql)?.execute(params![
        session.0.as_bytes(),
        id.writer.node.0.as_bytes(),
        id.writer.incarnation.0 as i64,
        id.number as i64,
        entry.hash().0,
        batch::encode(session, [&Arc::new(entry.clone())]),
    ])?;
    Ok(())
}

/// Puts these in the place of the copies that are there.
fn replace(
    transaction: &Transaction<'_>,
    mut changed: BTreeMap<(EntryId, Hash), &Arc<Entry>>,
) -> rusqlite::Result<()> {
    let mut found = Vec::new();
    {
        let mut statement = transaction.prepare(&format!("SELECT {COLUMNS} FROM entries"))?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let known = entry_of(row).map(|known| (known.id(), known.hash()));
            if let Some(entry) = known.and_then(|known| changed.remove(&known)) {
                found.push((row.get::<_, i64>(0)?, entry));
            }
        }
    }
    for (rowid, entry) in found {
        let bytes = batch::encode(entry.head().session, [entry]);
        let sql = "UPDATE entries SET entry = ?2 WHERE rowid = ?1";
        transaction.prepare_cached(sql)?.execute(params![rowid, bytes])?;
    }
    // Whatever became of the copy.
    changed.into_values().try_for_each(|entry| insert(transaction, entry))
}

fn remember(connection: &Connection, id: SessionId, name: &SessionName) -> rusqlite::Result<()> {
    let sql = "INSERT INTO sessions (id, name, used)
               VALUES (?1, ?2, (SELECT COALESCE(MAX(used), 0) + 1 FROM sessions))
               ON CONFLICT (id) DO UPDATE SET name = excluded.name, used = excluded.used";
    connection.prepare_cached(sql)?.execute(params![id.0.as_bytes(), name.as_str()])?;
    Ok(())
}

pub(super) fn read_sessions(connection: &Connection) -> Vec<(SessionId, SessionName)> {
    let mut sessions = Vec::new();
    let Ok(mut statement) = connection.prepare("SELECT id, name FROM sessions ORDER BY used DESC")
    else {
        return sessions;
    };
    let Ok(mut rows) = statement.query([]) else { return sessions };
    while let Ok(Some(row)) = rows.next() {
        sessions.extend(session_of(row));
    }
    sessions
}

#[cfg(test)]
mod tests;
