//! What becomes of a damaged file: it is set aside, untouched, and whatever can be read of it goes
//! into a fresh one. What cannot, other nodes may have.
//!
//! The fresh file is made whole under another name before either is renamed, so that whatever
//! interrupts this, the next start finds all of it.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, OpenFlags};

use super::{
    Contents, LedgerFile,
    rows::{last_row, next_row, read_clocks, read_one, read_owner, read_sessions},
    unusable,
};
use crate::runtime::store::backend::OpenError;

/// No row is smaller, in bytes. So there are at most so many rows as this fits into the file.
const ROW_BYTES_MIN: u64 = 100;

/// The page size of a file of ours: SQLite's usual one.
const PAGE_BYTES: usize = 4_096;

/// How many rows in a row may be unreadable before there are no more.
const MISSING_MAX: u32 = 100_000;

/// Sets the damaged file at `path` aside and makes a fresh one of what can be read of it.
pub fn set_aside(path: &Path, what: &str) -> Result<Contents, OpenError> {
    let fresh = fresh_name(path);
    let mut salvaged = connect(path).map_or_else(|_| Contents::default(), |c| salvage(&c, path));
    if salvaged.is_empty() {
        salvaged = salvage_headless(path, &fresh).unwrap_or(salvaged);
    }
    remove(&fresh).map_err(unusable(path))?;
    LedgerFile::make(&fresh, &salvaged)
        .map_err(|source| OpenError::Database { path: path.to_owned(), source })?;
    let aside = aside_name(path, "damaged").map_err(unusable(path))?;
    for part in ["", "-wal"] {
        rename(&with(path, part), &with(&aside, part)).map_err(unusable(path))?;
    }
    remove(path).map_err(unusable(path))?;
    rename(&fresh, path).map_err(unusable(path))?;
    sync_folder(path).map_err(unusable(path))?;
    salvaged.damaged = salvaged.damaged.max(1);
    salvaged.notices.push(format!(
        "the ledger was damaged ({what}); {} entries could be read, the rest comes from others if \
         they have it; the damaged file is {}",
        salvaged.len(),
        aside.display()
    ));
    Ok(salvaged)
}

/// Finishes what an earlier [`set_aside`] was interrupted in.
pub fn finish_interrupted(path: &Path) -> io::Result<()> {
    let fresh = fresh_name(path);
    if !fs::exists(&fresh)? {
        return Ok(());
    }
    if fs::exists(path)? {
        return remove(&fresh);
    }
    // The damaged file has been renamed already, perhaps without its log.
    remove(path)?;
    rename(&fresh, path)?;
    sync_folder(path)
}

/// Everything that can be read, row by row: a page that cannot be read costs the rows on it.
pub fn salvage(connection: &Connection, path: &Path) -> Contents {
    let mut contents = Contents::default();
    let bytes: u64 = ["", "-wal"]
        .iter()
        .filter_map(|part| Some(fs::metadata(with(path, part)).ok()?.len()))
        .sum();
    let rows = (bytes / ROW_BYTES_MIN) as i64;
    let mut missing = 0;
    // Rows that were folded leave gaps, so the last one may have a higher number.
    let last = last_row(connection).unwrap_or(rows).max(rows);
    let mut rowid = 1;
    while rowid <= last && missing <= MISSING_MAX {
        match read_one(connection, rowid) {
            Ok(content) => {
                contents.damaged += usize::from(content.is_none());
                content.into_iter().for_each(|content| contents.add(content));
                missing = 0;
            }
            Err(_) => missing += 1,
        }
        let Some(following) = rowid.checked_add(1) else { break };
        rowid = following;
        // Where others were folded into pages there are none for a while.
        if missing > 0
            && let Ok(next) = next_row(connection, rowid)
        {
            let Some(next) = next else { break };
            rowid = next;
        }
    }
    contents.clocks = read_clocks(connection);
    contents.owner = read_owner(connection);
    contents.sessions = read_sessions(connection);
    contents
}

/// Everything that can be read of a file whose first page cannot: that is the one page which says
/// what all others are, and it is the same in every file of ours.
fn salvage_headless(path: &Path, copy: &Path) -> Option<Contents> {
    remove(copy).ok()?;
    LedgerFile::make(copy, &Contents::default()).ok()?;
    let mut bytes = fs::read(path).ok()?;
    let sound = fs::read(copy).ok()?;
    bytes.get_mut(..PAGE_BYTES)?.copy_from_slice(sound.get(..PAGE_BYTES)?);
    // How many pages there are; and none of them is free.
    let pages = (bytes.len() / PAGE_BYTES) as u32;
    bytes[28..32].copy_from_slice(&pages.to_be_bytes());
    bytes[32..40].fill(0);
    fs::write(copy, bytes).ok()?;
    Some(salvage(&connect(copy).ok()?, copy))
}

/// Moves a file of somebody else aside, with all that belongs to it. Returns its new name.
pub fn move_aside(path: &Path) -> io::Result<PathBuf> {
    let aside = aside_name(path, "of-another-program")?;
    for part in ["", "-wal", "-journal"] {
        rename(&with(path, part), &with(&aside, part))?;
    }
    remove(path)?;
    sync_folder(path)?;
    Ok(aside)
}

/// A copy of a database, in a folder of its own, that is removed at the end.
pub struct Copy {
    folder: PathBuf,
    path: PathBuf,
}

impl Copy {
    /// Of the file at `path`, with its log.
    pub fn of(path: &Path) -> io::Result<Self> {
        let folder = std::env::temp_dir()
            .join(format!("interregnum-{}", crate::runtime::chance::random_name()));
        fs::create_dir(&folder)?;
        let copy = Self { path: folder.join("ledger.db"), folder };
        for part in ["", "-wal"] {
            absent_is_fine(fs::read(with(path, part)).and_then(|bytes| {
                // Not with the permissions of a file that nobody may write to.
                fs::write(with(&copy.path, part), bytes)
            }))?;
        }
        Ok(copy)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The file at an absolute path, to be read only.
pub fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(path, flags)
}

/// Where the fresh file is made.
fn fresh_name(path: &Path) -> PathBuf {
    with(path, ".fresh")
}

/// A name that nothing has yet.
fn aside_name(path: &Path, why: &str) -> io::Result<PathBuf> {
    let mut names = (1..).map(|number| with(path, &format!(".{why}-{number}")));
    loop {
        match names.next() {
            Some(name) if !fs::exists(&name)? && !fs::exists(with(&name, "-wal"))? => {
                return Ok(name);
            }
            Some(_) => {}
            None => return Err(io::Error::other("too many damaged files")),
        }
    }
}

pub fn with(path: &Path, more: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(more);
    name.into()
}

fn rename(from: &Path, to: &Path) -> io::Result<()> {
    absent_is_fine(fs::rename(from, to))
}

/// Removes a database with all that belongs to it.
fn remove(path: &Path) -> io::Result<()> {
    ["", "-wal", "-shm"]
        .iter()
        .try_for_each(|part| absent_is_fine(fs::remove_file(with(path, part))))
}

fn absent_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// A rename is on disk when its folder is.
#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => fs::File::open(folder)?.sync_all(),
        _ => Ok(()),
    }
}

/// There is no such thing here.
#[cfg(not(unix))]
fn sync_folder(_path: &Path) -> io::Result<()> {
    Ok(())
}
