//! The file: its tables, how they came about, what is read from them and how it is checked.
//!
//! `entries` is a log. A row is an entry or a page of them, as it travels, and its hash (that of the row, if
//! there is a signature in it: the one of an entry says nothing of that); rows are
//! appended and read all at once, so there is no index that could contradict them. A row is changed in
//! one case only: when an entry has lost its body, or has got a signature. SQLite then overwrites what
//! was there (`secure_delete`), and where a body went the log is carried over and cut to nothing, since the body
//! may stand in it. Rows go when a page takes their place, in the same transaction. The
//! columns `session`, `author`, `incarnation` and `number` repeat what the
//! entry says, for people with an SQLite shell.
//!
//! `sessions` remembers which session was played last under which name, `clocks` by how many hours the
//! clocks of those who wrote are behind this machine's, and `owner` whose file it is.
//!
//! *What was not signed* (versions 1 and 2) stays as it is, row by row: a stream that does not begin with
//! its author's key is [history](crate::ledger::stream), and the ledger takes it as such.
//!
//! *Files of others.* What is an SQLite database and not one of ours is somebody else's: it is moved
//! aside as it is, and nothing is ever written into it.

mod repair;
mod rows;

use std::{
    collections::BTreeMap,
    fs::{self, File, TryLockError},
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior, config::DbConfig};

use self::rows::{
    insert, insert_page, read_all, read_each, remember, remove_folded, replace, set_clock,
    set_owner,
};
use super::{
    backend::{Backend, CLOSE_PATIENCE, OpenError},
    journal,
};
use crate::{
    ledger::{
        disk::{Record, Trouble},
        entry::{Entry, Kind, Writer},
        page::SharedPage,
    },
    text::SessionName,
    types::{NodeId, SessionId},
};

/// What a file of ours says in its head: "irgm".
const APPLICATION_ID: i32 = 0x6972_676d;

/// How the tables came to be what they are: step n leads from version n to n + 1. A step that was
/// published is never changed.
const STEPS: &[&str] = &[
    "
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
",
    "
    CREATE TABLE clocks (
        hours INTEGER NOT NULL,
        session BLOB NOT NULL,
        author BLOB NOT NULL,
        incarnation INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE owner (
        id BLOB NOT NULL
    ) STRICT;
",
    // From here on entries are signed, and so are pages: no table changes, but a version that does not
    // know of it would call such pages damaged, and would write on what others no longer take.
    "",
];

/// Where in a file SQLite keeps its application id, and how a file begins.
const APPLICATION_ID_AT: std::ops::Range<usize> = 68..72;
const MAGIC: &[u8] = b"SQLite format 3\0";

/// A file that had more rows is made smaller when so many of its pages, and more than half, are
/// empty.
const EMPTY_PAGES_MAX: u64 = 1_024;

/// What was in a file.
#[derive(Debug, Default)]
pub struct Contents {
    /// All entries that are whole and in no page, by session, each session's by their ids.
    pub ledgers: BTreeMap<SessionId, Vec<Entry>>,
    /// All pages that are whole, by session.
    pub pages: BTreeMap<SessionId, Vec<SharedPage>>,
    /// By how many hours the clocks of writers are behind this machine's, where it is known.
    pub clocks: Vec<(SessionId, Writer, i64)>,
    /// Whose file it is, if that was noted.
    pub owner: Option<NodeId>,
    /// The sessions that were played, and under which name; the last one first.
    pub sessions: Vec<(SessionId, SessionName)>,
    /// How many rows are not what they should be.
    pub damaged: usize,
    /// What people should know.
    pub notices: Vec<String>,
}

impl Contents {
    /// How many entries there are, those in pages included.
    pub fn len(&self) -> usize {
        let paged: u64 = self.pages.values().flatten().map(|page| page.count()).sum();
        self.ledgers.values().map(Vec::len).sum::<usize>() + paged as usize
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ledgers.is_empty() && self.pages.is_empty()
    }

    /// The session that was played last under this name.
    pub fn last_session(&self, name: &SessionName) -> Option<SessionId> {
        self.sessions.iter().find(|(_, known)| known == name).map(|(id, _)| *id)
    }

    /// What is read where each entry and each page is given away, all together.
    fn gathered<E>(
        read: impl FnOnce(&mut dyn FnMut(Content)) -> Result<Self, E>,
    ) -> Result<Self, E> {
        let mut all = Self::default();
        let rest = read(&mut |content| all.add(content))?;
        Ok(Self { ledgers: all.ledgers, pages: all.pages, ..rest })
    }

    pub(super) fn add(&mut self, content: Content) {
        match content {
            Content::Entry(entry) => {
                self.ledgers.entry(entry.head().session).or_default().push(entry);
            }
            Content::Page(page) => self.pages.entry(page.session()).or_default().push(page),
        }
    }

    fn sort(&mut self) {
        for entries in self.ledgers.values_mut() {
            entries.sort_unstable_by_key(|entry| (entry.id(), entry.hash()));
        }
    }
}

/// What is in a row.
#[derive(Debug)]
pub enum Content {
    /// An entry by itself.
    Entry(Entry),
    /// Many that were folded.
    Page(SharedPage),
}

/// A file that is open for writing, and locked.
#[derive(Debug)]
pub struct LedgerFile {
    connection: Connection,
    /// The log may have what somebody has taken back.
    leaves_traces: bool,
    _lock: Lock,
}

impl LedgerFile {
    /// Opens the file at `path`, or makes it. If it is damaged it is set aside, and what can be read
    /// of it goes into a fresh one.
    ///
    /// # Errors
    /// [`OpenError`]; then nothing was changed.
    pub fn open(path: &Path) -> Result<(Self, Contents), OpenError> {
        Self::open_claimed(Claim::of(path)?)
    }

    /// The same, of a file that is claimed already.
    ///
    /// # Errors
    /// [`OpenError`]; then nothing was changed.
    pub fn open_claimed(claim: Claim) -> Result<(Self, Contents), OpenError> {
        let Claim { path, lock } = claim;
        let path = path.as_path();
        repair::finish_interrupted(path).map_err(unusable(path))?;
        let others = is_of_another_program(path).map_err(unusable(path))?;
        let moved = others.then(|| repair::move_aside(path)).transpose().map_err(unusable(path))?;
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
        if let Some(moved) = moved {
            contents.notices.push(format!(
                "{} was a database of another program; it is {} now, as it was",
                path.display(),
                moved.display()
            ));
        }
        if cut_short {
            contents.notices.push(format!(
                "the log of {} was cut short: what was written last may be missing here",
                path.display()
            ));
        }
        contents.sort();
        Ok((Self { connection, leaves_traces: false, _lock: lock }, contents))
    }

    /// Reads the file at `path`, and changes nothing; it may be in use.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn read(path: &Path) -> Result<Contents, OpenError> {
        let mut contents = Contents::gathered(|take| Self::read_each(path, None, take))?;
        contents.sort();
        Ok(contents)
    }

    /// The same, or only the entries of one [personal](Kind::is_personal) kind, without a look at the others; but
    /// each entry and each page is given away as it is found, in no order, and is not in what is returned.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn read_each(
        path: &Path,
        kind: Option<Kind>,
        take: &mut dyn FnMut(Content),
    ) -> Result<Contents, OpenError> {
        let path = &std::path::absolute(path).map_err(unusable(path))?;
        let file = fs::metadata(path).map_err(unusable(path))?;
        if file.is_dir() {
            return Err(unusable(path)(io::Error::other("it is a folder")));
        }
        if file.len() == 0 && !fs::exists(repair::with(path, "-wal")).unwrap_or(false) {
            return Ok(Contents::default());
        }
        match Self::read_here(path, kind, take) {
            Err(OpenError::Database { source, .. }) if cannot_be_opened(&source) => {
                // SQLite wants to make files beside it. Where nobody may, a copy is read.
                let copy = repair::Copy::of(path).map_err(unusable(path))?;
                Self::read_here(copy.path(), kind, take)
            }
            read => read,
        }
    }

    fn read_here(
        path: &Path,
        kind: Option<Kind>,
        take: &mut dyn FnMut(Content),
    ) -> Result<Contents, OpenError> {
        let database = |source| OpenError::Database { path: path.to_owned(), source };
        let connection = repair::connect(path).map_err(database)?;
        let id: i32 = application_id(&connection).map_err(database)?;
        let version = version(&connection).map_err(database)?;
        if id != APPLICATION_ID && !has_our_table(&connection).map_err(database)? {
            return Err(OpenError::Foreign { path: path.to_owned() });
        }
        if version > STEPS.len() {
            return Err(OpenError::Newer { path: path.to_owned() });
        }
        match check(&connection) {
            Ok(None) => read_each(&connection, version, kind, take).map_err(database),
            Ok(Some(what)) => {
                let mut contents = repair::salvage(&connection, path);
                let entries = std::mem::take(&mut contents.ledgers).into_values().flatten();
                let wanted = |entry: &Entry| kind.is_none_or(|kind| entry.head().kind == kind);
                entries.filter(wanted).map(Content::Entry).for_each(&mut *take);
                let pages = std::mem::take(&mut contents.pages).into_values().flatten();
                pages.filter(|_| kind.is_none()).map(Content::Page).for_each(take);
                contents.notices.push(format!("{} is damaged: {what}", path.display()));
                contents.damaged = contents.damaged.max(1);
                Ok(contents)
            }
            Err(source) => Err(database(source)),
        }
    }

    /// Whose file it is, if that was noted.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn owner_of(path: &Path) -> Result<Option<NodeId>, OpenError> {
        Self::read(path).map(|contents| contents.owner)
    }

    /// A file that is what it should be.
    fn open_sound(path: &Path) -> Result<(Connection, Contents), Flaw> {
        let database = |source| flaw(path, source);
        let mut connection = connect(path).map_err(database)?;
        connection.busy_timeout(CLOSE_PATIENCE).map_err(database)?;
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
        let contents = read_all(&connection, STEPS.len()).map_err(database)?;
        // What is of no use to anybody takes no room for long.
        if let Err(error) = give_back(&connection) {
            tracing::debug!(%error, "empty pages stay in the file");
        }
        match contents.damaged {
            0 => Ok((connection, contents)),
            1 => Err(Flaw::Damaged("a row is not what was written".to_owned())),
            rows => Err(Flaw::Damaged(format!("{rows} rows are not what was written"))),
        }
    }

    /// A fresh file with these contents, complete when this returns. For repairs.
    pub(super) fn make(path: &Path, contents: &Contents) -> rusqlite::Result<()> {
        let mut connection = connect(path)?;
        settle(&connection)?;
        migrate(&mut connection, STEPS)?;
        let transaction = connection.transaction()?;
        for entry in contents.ledgers.values().flatten() {
            insert(&transaction, entry)?;
        }
        for page in contents.pages.values().flatten() {
            insert_page(&transaction, page)?;
        }
        for (session, writer, hours) in &contents.clocks {
            set_clock(&transaction, *session, *writer, *hours)?;
        }
        if let Some(owner) = contents.owner {
            set_owner(&transaction, owner)?;
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
        self.write_all(records).map_err(|error| self.give_up(&error))?;
        let bare =
            |record: &Record| matches!(record, Record::Changed(entry) if entry.body().is_none());
        self.leaves_traces |= records.iter().any(bare);
        if self.leaves_traces {
            self.leaves_traces = !self.is_log_wiped();
        }
        Ok(())
    }

    /// Carries the log over into the file and wipes it: a body that was taken back is in no file then. Whether
    /// that could be done; somebody may be reading.
    fn is_log_wiped(&self) -> bool {
        let busy =
            self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0));
        busy.is_ok_and(|busy: i64| busy == 0)
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
        let (mut changed, mut folded) = (BTreeMap::new(), Vec::new());
        for record in records {
            match record {
                Record::Fresh(entry) => insert(&transaction, entry)?,
                Record::Changed(entry) => drop(changed.insert((entry.id(), entry.hash()), entry)),
                Record::Page(page) => insert_page(&transaction, page)?,
                Record::Fold(page) => folded.push(page),
                Record::Clock(session, writer, hours) => {
                    set_clock(&transaction, *session, *writer, *hours)?;
                }
            }
        }
        if !changed.is_empty() {
            replace(&transaction, changed)?;
        }
        if !folded.is_empty() {
            remove_folded(&transaction, &folded)?;
            folded.iter().try_for_each(|page| insert_page(&transaction, page))?;
        }
        transaction.commit()
    }

    /// Notes whose file it is.
    ///
    /// # Errors
    /// As for [`write`](LedgerFile::write).
    pub fn belongs_to(&mut self, owner: NodeId) -> Result<(), Trouble> {
        set_owner(&self.connection, owner).map_err(|error| self.give_up(&error))
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
    /// From here on the log starts anew: what is read at the next start is short, and checked.
    fn begin(&mut self) {
        self.is_log_wiped();
    }

    fn write(&mut self, records: &[Record]) -> Result<(), Trouble> {
        Self::write(self, records)
    }

    fn remember(&mut self, id: SessionId, name: &SessionName) -> Result<(), Trouble> {
        Self::remember(self, id, name)
    }

    fn belongs_to(&mut self, owner: NodeId) -> Result<(), Trouble> {
        Self::belongs_to(self, owner)
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

fn unusable(path: &Path) -> impl Fn(io::Error) -> OpenError {
    |source| OpenError::Unusable { path: path.to_owned(), source }
}

/// A file that nobody else opens for writing, as long as this is there.
#[derive(Debug)]
pub struct Claim {
    path: PathBuf,
    lock: Lock,
}

impl Claim {
    /// Claims the file at `path`, which need not be there yet.
    ///
    /// # Errors
    /// [`OpenError`], if somebody else has it, or nobody can.
    pub fn of(path: &Path) -> Result<Self, OpenError> {
        // A relative name may look like one of SQLite's own (file:x is a URI to it).
        let path = std::path::absolute(path).map_err(unusable(path))?;
        let lock = lock(&path)?;
        Ok(Self { path, lock })
    }
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

/// The file at an absolute path, to be written to. Its name is a name, and never a URI.
fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(path, flags)
}

/// Whether there is a database that this program did not make. Nothing is changed to find out.
fn is_of_another_program(path: &Path) -> io::Result<bool> {
    let mut head = Vec::new();
    match File::open(path) {
        Ok(file) => file.take(100).read_to_end(&mut head)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    let ours = APPLICATION_ID.to_be_bytes();
    if !head.starts_with(MAGIC) || head.get(APPLICATION_ID_AT) == Some(&ours[..]) {
        return Ok(false);
    }
    let look = || {
        let connection = repair::connect(path)?;
        let tables = "SELECT count(*) FROM sqlite_master";
        let tables: u32 = connection.query_row(tables, [], |row| row.get(0))?;
        let id = application_id(&connection)?;
        let strange = id != 0 || tables > 0;
        Ok::<_, rusqlite::Error>(strange && id != APPLICATION_ID && !has_our_table(&connection)?)
    };
    // What cannot be looked into is damaged, or cannot be used: that shows when it is opened.
    Ok(look().unwrap_or(false))
}

/// Whether there is a table of entries as ours is.
fn has_our_table(connection: &Connection) -> rusqlite::Result<bool> {
    let sql = "SELECT count(*) FROM pragma_table_info('entries')
               WHERE name IN ('session', 'author', 'incarnation', 'number', 'hash', 'entry')";
    connection.query_row(sql, [], |row| row.get::<_, u32>(0)).map(|columns| columns == 6)
}

fn application_id(connection: &Connection) -> rusqlite::Result<i32> {
    connection.query_row("PRAGMA application_id", [], |row| row.get(0))
}

/// Whether SQLite found no way to work with a file that may be sound.
fn cannot_be_opened(source: &rusqlite::Error) -> bool {
    matches!(
        source.sqlite_error_code(),
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied)
    )
}

/// Makes a file smaller that had more rows once.
fn give_back(connection: &Connection) -> rusqlite::Result<()> {
    let count = |what: &str| {
        connection.query_row(&format!("PRAGMA {what}"), [], |row| row.get::<_, i64>(0))
    };
    let (empty, all) = (count("freelist_count")? as u64, count("page_count")? as u64);
    if empty > EMPTY_PAGES_MAX && empty > all / 2 {
        connection.execute_batch("VACUUM")?;
    }
    Ok(())
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
    if application_id(connection)? != APPLICATION_ID {
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

#[cfg(test)]
mod tests;
