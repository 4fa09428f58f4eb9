//! The rows of a ledger file: what is read from them and how it is checked, and how they are written.

use std::{collections::BTreeMap, sync::Arc};

use rusqlite::{Connection, Row, Transaction, params};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{Content, Contents};
use crate::{
    ledger::{
        batch,
        entry::{Entry, EntryId, Hash, Kind, Writer},
        page::{Page, SharedPage},
    },
    text::SessionName,
    types::{Incarnation, NodeId, SessionId},
};

const COLUMNS: &str = "rowid, session, author, incarnation, number, hash, entry";

/// All of a file of this version.
pub(in crate::runtime::store) fn read_all(
    connection: &Connection,
    version: usize,
) -> rusqlite::Result<Contents> {
    Contents::gathered(|take| read_each(connection, version, None, take))
}

/// The same, or what is in it of one [personal](Kind::is_personal) kind; but each entry and each page is given
/// away as it is found, and is not in what is returned.
pub(in crate::runtime::store) fn read_each(
    connection: &Connection,
    version: usize,
    kind: Option<Kind>,
    take: &mut dyn FnMut(Content),
) -> rusqlite::Result<Contents> {
    let mut contents = Contents::default();
    let mut statement = connection.prepare(&format!("SELECT {COLUMNS} FROM entries"))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        if kind.is_some_and(|kind| is_of_another(row, kind)) {
            continue;
        }
        match content_of(row) {
            Some(content) => take(content),
            None => contents.damaged += 1,
        }
    }
    if version > 1 {
        contents.clocks = read_clocks(connection);
        contents.owner = read_owner(connection);
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

/// What is in the row with this id, if it is what was written.
pub(in crate::runtime::store) fn read_one(
    connection: &Connection,
    rowid: i64,
) -> rusqlite::Result<Option<Content>> {
    let sql = format!("SELECT {COLUMNS} FROM entries WHERE rowid = ?1");
    connection.prepare_cached(&sql)?.query_row([rowid], |row| Ok(content_of(row)))
}

/// The id of the first row from this one on.
pub(in crate::runtime::store) fn next_row(
    connection: &Connection,
    rowid: i64,
) -> rusqlite::Result<Option<i64>> {
    let sql = "SELECT min(rowid) FROM entries WHERE rowid >= ?1";
    connection.prepare_cached(sql)?.query_row([rowid], |row| row.get(0))
}

/// The id of the last row.
pub(in crate::runtime::store) fn last_row(connection: &Connection) -> rusqlite::Result<i64> {
    let last: Option<i64> =
        connection.query_row("SELECT max(rowid) FROM entries", [], |row| row.get(0))?;
    Ok(last.unwrap_or_default())
}

/// Whether a row is whole enough to say that it is a page, or an entry of another kind.
fn is_of_another(row: &Row<'_>, kind: Kind) -> bool {
    let bytes = row.get_ref(6).ok().and_then(|value| value.as_blob().ok());
    bytes.is_some_and(|bytes| {
        Page::is_page(bytes) || batch::first_kind(bytes).is_some_and(|first| first != kind)
    })
}

fn content_of(row: &Row<'_>) -> Option<Content> {
    let bytes = row.get_ref(6).ok()?.as_blob().ok()?;
    match Page::is_page(bytes) {
        true => page_of(row, bytes).map(Content::Page),
        false => entry_of(row, bytes).map(Content::Entry),
    }
}

/// The page in a row: with the hash that was written with it, and where it should be.
fn page_of(row: &Row<'_>, bytes: &[u8]) -> Option<SharedPage> {
    if hash_in(row)? != Sha256::digest(bytes).as_slice() {
        return None;
    }
    let page = Page::decode(bytes).ok()?;
    stands_at(row, page.session(), page.writer(), page.first())?.then(|| Arc::new(page))
}

/// The entry in a row: whole, with the hash that was written with it, and where it should be.
fn entry_of(row: &Row<'_>, bytes: &[u8]) -> Option<Entry> {
    let entry = batch::decode_one(bytes).ok()?;
    if hash_in(row)? != row_hash(&entry, bytes) {
        return None;
    }
    let id = entry.id();
    stands_at(row, entry.head().session, id.writer, id.number)?.then_some(entry)
}

fn hash_in<'a>(row: &'a Row<'_>) -> Option<&'a [u8]> {
    row.get_ref(5).ok()?.as_blob().ok()
}

/// Whether the columns for people say this.
fn stands_at(row: &Row<'_>, session: SessionId, writer: Writer, number: u64) -> Option<bool> {
    let blob = |column| row.get_ref(column).ok()?.as_blob().ok();
    let integer = |column| row.get_ref(column).ok()?.as_i64().ok();
    let agrees = blob(1)? == session.0.as_bytes()
        && blob(2)? == writer.node.0.as_bytes()
        && integer(3)? as u64 == writer.incarnation.0
        && integer(4)? as u64 == number;
    Some(agrees)
}

/// What is written with an entry, to see whether it is what was written: its own hash, which says nothing
/// of a signature; so of what is signed that of the whole row.
fn row_hash(entry: &Entry, bytes: &[u8]) -> [u8; 32] {
    match entry.signature() {
        Some(_) => Sha256::digest(bytes).into(),
        None => entry.hash().0,
    }
}

fn session_of(row: &Row<'_>) -> Option<(SessionId, SessionName)> {
    let id = Uuid::from_slice(row.get_ref(0).ok()?.as_blob().ok()?).ok()?;
    let name = row.get_ref(1).ok()?.as_str().ok()?;
    Some((SessionId(id), SessionName::new(name).ok()?))
}

pub(in crate::runtime::store) fn insert(
    transaction: &Transaction<'_>,
    entry: &Entry,
) -> rusqlite::Result<()> {
    let sql = "INSERT INTO entries (session, author, incarnation, number, hash, entry)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let (id, session) = (entry.id(), entry.head().session);
    let bytes = batch::encode(session, [&Arc::new(entry.clone())]);
    transaction.prepare_cached(sql)?.execute(params![
        session.0.as_bytes(),
        id.writer.node.0.as_bytes(),
        id.writer.incarnation.0 as i64,
        id.number as i64,
        row_hash(entry, &bytes),
        bytes,
    ])?;
    Ok(())
}

pub(in crate::runtime::store) fn insert_page(
    transaction: &Transaction<'_>,
    page: &Page,
) -> rusqlite::Result<()> {
    let sql = "INSERT INTO entries (session, author, incarnation, number, hash, entry)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let bytes = page.encode();
    transaction.prepare_cached(sql)?.execute(params![
        page.session().0.as_bytes(),
        page.writer().node.0.as_bytes(),
        page.writer().incarnation.0 as i64,
        page.first() as i64,
        Sha256::digest(&bytes).as_slice(),
        bytes,
    ])?;
    Ok(())
}

/// Removes all single entries that these pages have.
pub(in crate::runtime::store) fn remove_folded(
    transaction: &Transaction<'_>,
    pages: &[&SharedPage],
) -> rusqlite::Result<()> {
    let mut found = Vec::new();
    {
        let sql = "SELECT rowid, session, author, incarnation, number FROM entries
                   WHERE substr(entry, 1, 1) NOT IN (X'11', X'12')";
        let mut statement = transaction.prepare_cached(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (incarnation, number): (i64, i64) = (row.get(3)?, row.get(4)?);
            let is_in = |page: &&&SharedPage| {
                (page.first()..=page.last()).contains(&(number as u64))
                    && page.writer().incarnation.0 == incarnation as u64
            };
            if let Some(page) = pages.iter().find(is_in)
                && row.get_ref(1)?.as_blob()? == page.session().0.as_bytes()
                && row.get_ref(2)?.as_blob()? == page.writer().node.0.as_bytes()
            {
                found.push(row.get::<_, i64>(0)?);
            }
        }
    }
    let mut delete = transaction.prepare_cached("DELETE FROM entries WHERE rowid = ?1")?;
    found.into_iter().try_for_each(|rowid| delete.execute([rowid]).map(drop))
}

pub(in crate::runtime::store) fn set_clock(
    connection: &Connection,
    session: SessionId,
    writer: Writer,
    hours: i64,
) -> rusqlite::Result<()> {
    let (session, author) = (session.0.as_bytes(), writer.node.0.as_bytes());
    let incarnation = writer.incarnation.0 as i64;
    let sql = "DELETE FROM clocks WHERE session = ?1 AND author = ?2 AND incarnation = ?3";
    connection.prepare_cached(sql)?.execute(params![session, author, incarnation])?;
    let sql = "INSERT INTO clocks (session, author, incarnation, hours) VALUES (?1, ?2, ?3, ?4)";
    connection.prepare_cached(sql)?.execute(params![session, author, incarnation, hours])?;
    Ok(())
}

pub(in crate::runtime::store) fn set_owner(
    connection: &Connection,
    owner: NodeId,
) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM owner", [])?;
    connection.execute("INSERT INTO owner (id) VALUES (?1)", params![owner.0.as_bytes()])?;
    Ok(())
}

pub(in crate::runtime::store) fn read_clocks(
    connection: &Connection,
) -> Vec<(SessionId, Writer, i64)> {
    let sql = "SELECT hours, session, author, incarnation FROM clocks";
    let clock = |row: &Row<'_>| {
        let id = |column| Uuid::from_slice(row.get_ref(column).ok()?.as_blob().ok()?).ok();
        let hours = row.get_ref(0).ok()?.as_i64().ok()?;
        let incarnation = Incarnation(row.get_ref(3).ok()?.as_i64().ok()? as u64);
        Some((SessionId(id(1)?), Writer { node: NodeId(id(2)?), incarnation }, hours))
    };
    let mut clocks = Vec::new();
    let Ok(mut statement) = connection.prepare(sql) else { return clocks };
    let Ok(mut rows) = statement.query([]) else { return clocks };
    while let Ok(Some(row)) = rows.next() {
        clocks.extend(clock(row));
    }
    clocks
}

pub(in crate::runtime::store) fn read_owner(connection: &Connection) -> Option<NodeId> {
    let sql = "SELECT id FROM owner";
    let bytes: Vec<u8> = connection.query_row(sql, [], |row| row.get(0)).ok()?;
    Uuid::from_slice(&bytes).ok().map(NodeId)
}

/// Puts these in the place of the copies that are there.
pub(in crate::runtime::store) fn replace(
    transaction: &Transaction<'_>,
    mut changed: BTreeMap<(EntryId, Hash), &Arc<Entry>>,
) -> rusqlite::Result<()> {
    let mut found = Vec::new();
    {
        let mut statement = transaction.prepare(&format!("SELECT {COLUMNS} FROM entries"))?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let known = match content_of(row) {
                Some(Content::Entry(known)) => Some((known.id(), known.hash())),
                _ => None,
            };
            if let Some(entry) = known.and_then(|known| changed.remove(&known)) {
                found.push((row.get::<_, i64>(0)?, entry));
            }
        }
    }
    for (rowid, entry) in found {
        let bytes = batch::encode(entry.head().session, [entry]);
        let sql = "UPDATE entries SET entry = ?2, hash = ?3 WHERE rowid = ?1";
        let hash = row_hash(entry, &bytes);
        transaction.prepare_cached(sql)?.execute(params![rowid, bytes, hash])?;
    }
    // Whatever became of the copy.
    changed.into_values().try_for_each(|entry| insert(transaction, entry))
}

pub(in crate::runtime::store) fn remember(
    connection: &Connection,
    id: SessionId,
    name: &SessionName,
) -> rusqlite::Result<()> {
    let sql = "INSERT INTO sessions (id, name, used)
               VALUES (?1, ?2, (SELECT COALESCE(MAX(used), 0) + 1 FROM sessions))
               ON CONFLICT (id) DO UPDATE SET name = excluded.name, used = excluded.used";
    connection.prepare_cached(sql)?.execute(params![id.0.as_bytes(), name.as_str()])?;
    Ok(())
}

pub(in crate::runtime::store) fn read_sessions(
    connection: &Connection,
) -> Vec<(SessionId, SessionName)> {
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
