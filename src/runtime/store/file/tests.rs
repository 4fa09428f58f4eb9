use std::{path::PathBuf, sync::Arc};

use rusqlite::params;
use uuid::Uuid;

use super::*;
use crate::{
    game::Fact,
    keys::SecretKey,
    ledger::{
        Ledger, batch,
        body::Body,
        entry::{EntryId, Head, WallTime},
        page::Page,
        vouching::Pen,
    },
    runtime::store::tests::{fresh, written},
    types::{Epoch, Incarnation},
};

/// A folder that does not exist yet and is removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let name = format!("interregnum-{:032x}", crate::runtime::chance::random_name().as_u128());
        Self(std::env::temp_dir().join(name))
    }

    fn file(&self) -> PathBuf {
        self.0.join("ledger.db")
    }

    fn log(&self) -> PathBuf {
        self.0.join("ledger.db-wal")
    }

    /// It exists already.
    fn made() -> Self {
        let folder = Self::new();
        fs::create_dir(&folder.0).unwrap();
        folder
    }

    fn names(&self) -> Vec<String> {
        let files = fs::read_dir(&self.0).unwrap().map(|file| file.unwrap().file_name());
        let mut names: Vec<String> = files.map(|name| name.into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn all(contents: &Contents) -> Vec<&Entry> {
    contents.ledgers.values().flatten().collect()
}

/// Changes what stands at the last place of `old` in the file.
fn overwrite(path: &Path, old: &[u8], new: &[u8]) {
    let mut bytes = fs::read(path).unwrap();
    let at = bytes.windows(old.len()).rposition(|window| window == old).unwrap();
    bytes[at..at + new.len()].copy_from_slice(new);
    fs::write(path, bytes).unwrap();
}

#[test]
fn what_was_written_is_there_the_next_time() {
    let (folder, entries) = (Folder::new(), written(50));
    let (mut file, contents) = LedgerFile::open(&folder.file()).unwrap();
    assert!(contents.is_empty() && contents.notices.is_empty());
    file.write(&fresh(&entries[..20])).unwrap();
    file.write(&fresh(&entries[20..])).unwrap();
    drop(file);
    let (_, contents) = LedgerFile::open(&folder.file()).unwrap();
    assert!(all(&contents).into_iter().eq(entries.iter().map(|entry| &**entry)));
    assert!(contents.notices.is_empty(), "{:?}", contents.notices);
}

#[test]
fn the_session_played_last_under_a_name_is_remembered() {
    let folder = Folder::new();
    let id = |n| SessionId(Uuid::from_u128(n));
    let (lan, other) = (SessionName::default(), SessionName::new("other").unwrap());
    let (mut file, _) = LedgerFile::open(&folder.file()).unwrap();
    for (n, name) in [(1, &lan), (2, &lan), (3, &other), (1, &lan)] {
        file.remember(id(n), name).unwrap();
    }
    drop(file);
    let contents = LedgerFile::read(&folder.file()).unwrap();
    assert_eq!(contents.last_session(&lan), Some(id(1)));
    assert_eq!(contents.last_session(&other), Some(id(3)));
    assert_eq!(contents.last_session(&SessionName::new("none").unwrap()), None);
}

#[test]
fn a_second_process_is_refused_and_a_reader_is_not() {
    let (folder, entries) = (Folder::new(), written(3));
    let (mut file, _) = LedgerFile::open(&folder.file()).unwrap();
    file.write(&fresh(&entries)).unwrap();
    let refused = LedgerFile::open(&folder.file()).unwrap_err();
    assert!(matches!(refused, OpenError::InUse { .. }), "{refused}");
    assert_eq!(LedgerFile::read(&folder.file()).unwrap().len(), 3);
    drop(file);
    assert!(LedgerFile::open(&folder.file()).is_ok());
}

#[test]
fn a_folder_that_cannot_be_made_is_said_so() {
    let folder = Folder::new();
    fs::write(&folder.0, "in the way").unwrap();
    let refused = LedgerFile::open(&folder.file()).unwrap_err();
    assert!(matches!(refused, OpenError::Unusable { .. }), "{refused}");
    fs::remove_file(&folder.0).unwrap();
}

#[test]
fn a_deleted_body_is_gone_from_the_disk_and_nothing_else_is() {
    let (folder, entries) = (Folder::new(), written(3));
    let (mut file, _) = LedgerFile::open(&folder.file()).unwrap();
    file.write(&fresh(&entries)).unwrap();
    let redacted = Arc::new(entries[1].redacted().unwrap());
    file.write(&[Record::Changed(redacted.clone())]).unwrap();
    drop(file);
    let (file, contents) = LedgerFile::open(&folder.file()).unwrap();
    assert_eq!(all(&contents), [&*entries[0], &*redacted, &*entries[2]]);
    drop(file);
    let bytes: Vec<u8> =
        folder.names().iter().flat_map(|name| fs::read(folder.0.join(name)).unwrap()).collect();
    let holds = |text: &[u8]| bytes.windows(text.len()).any(|window| window == text);
    assert!(holds(b"number 0 says") && !holds(b"number 1 says") && holds(b"number 2 says"));
}

#[test]
fn a_full_disk_is_told_from_a_broken_one() {
    let (folder, entries) = (Folder::new(), written(200));
    let (mut file, _) = LedgerFile::open(&folder.file()).unwrap();
    file.write(&fresh(&entries[..1])).unwrap();
    file.connection.execute_batch("PRAGMA max_page_count=5").unwrap();
    assert_eq!(file.write(&fresh(&entries[1..])), Err(Trouble::Full));
    drop(file);
    // What was there before is there, and nothing of the rest.
    let (_, contents) = LedgerFile::open(&folder.file()).unwrap();
    assert_eq!(all(&contents), [&*entries[0]]);
}

#[test]
fn a_damaged_row_costs_itself_alone_and_is_reported_once() {
    let (folder, entries) = (Folder::new(), written(100));
    let (mut file, _) = LedgerFile::open(&folder.file()).unwrap();
    file.write(&fresh(&entries)).unwrap();
    file.remember(entries[0].head().session, &SessionName::default()).unwrap();
    drop(file);
    overwrite(&folder.file(), b"number 40 says", b"number 41 says");
    let (file, contents) = LedgerFile::open(&folder.file()).unwrap();
    assert_eq!((contents.len(), contents.damaged, contents.notices.len()), (99, 1, 1));
    assert!(contents.last_session(&SessionName::default()).is_some());
    assert!(contents.notices[0].contains("ledger.db.damaged-1"), "{:?}", contents.notices);
    drop(file);
    assert!(folder.names().contains(&"ledger.db.damaged-1".to_owned()));
    let (_, contents) = LedgerFile::open(&folder.file()).unwrap();
    assert_eq!((contents.len(), contents.notices.len()), (99, 0));
}

#[test]
fn a_file_of_something_else_is_set_aside_untouched() {
    let folder = Folder::new();
    fs::create_dir_all(&folder.0).unwrap();
    fs::write(folder.file(), "no database at all, but somebody's text").unwrap();
    let (_, contents) = LedgerFile::open(&folder.file()).unwrap();
    assert_eq!((contents.len(), contents.notices.len()), (0, 1));
    let aside = fs::read_to_string(folder.0.join("ledger.db.damaged-1")).unwrap();
    assert_eq!(aside, "no database at all, but somebody's text");
}

#[test]
fn a_repair_that_was_interrupted_is_finished_at_the_next_start() {
    let (folder, entries) = (Folder::new(), written(5));
    let (mut file, _) = LedgerFile::open(&folder.file()).unwrap();
    file.write(&fresh(&entries)).unwrap();
    drop(file);
    // Between the two renames.
    fs::rename(folder.file(), folder.0.join("ledger.db.fresh")).unwrap();
    let (file, contents) = LedgerFile::open(&folder.file()).unwrap();
    assert_eq!(contents.len(), 5);
    drop(file);
    // Before them.
    fs::write(folder.0.join("ledger.db.fresh"), "half of a file").unwrap();
    let (_, contents) = LedgerFile::open(&folder.file()).unwrap();
    assert_eq!(contents.len(), 5);
    assert!(!folder.names().contains(&"ledger.db.fresh".to_owned()));
}

#[test]
fn a_file_of_a_newer_version_is_left_alone() {
    let (folder, entries) = (Folder::new(), written(5));
    let (mut file, _) = LedgerFile::open(&folder.file()).unwrap();
    file.write(&fresh(&entries)).unwrap();
    migrate(
        &mut file.connection,
        &[STEPS, &["ALTER TABLE entries ADD COLUMN colour TEXT"]].concat(),
    )
    .unwrap();
    drop(file);
    let before = fs::read(folder.file()).unwrap();
    let refused = LedgerFile::open(&folder.file()).unwrap_err();
    assert!(matches!(refused, OpenError::Newer { .. }), "{refused}");
    assert!(matches!(LedgerFile::read(&folder.file()), Err(OpenError::Newer { .. })));
    assert_eq!(fs::read(folder.file()).unwrap(), before);
}

/// Version 1, as it was published: a file of these tables must be readable for ever.
#[test]
fn a_file_of_version_1_is_brought_to_the_newest_version() {
    // Nothing was signed then.
    let bare = |entry: Arc<Entry>| Arc::new(Entry::clone(&entry).unsigned());
    let (folder, entries) = (Folder::new(), written(5).into_iter().map(bare).collect::<Vec<_>>());
    fs::create_dir_all(&folder.0).unwrap();
    let connection = Connection::open(folder.file()).unwrap();
    connection
        .execute_batch(
            "PRAGMA journal_mode=WAL;
             CREATE TABLE entries (session BLOB NOT NULL, author BLOB NOT NULL,
                 incarnation INTEGER NOT NULL, number INTEGER NOT NULL, hash BLOB NOT NULL,
                 entry BLOB NOT NULL) STRICT;
             CREATE TABLE sessions (id BLOB PRIMARY KEY, name TEXT NOT NULL,
                 used INTEGER NOT NULL) STRICT, WITHOUT ROWID;
             PRAGMA application_id=1769105261;
             PRAGMA user_version=1;",
        )
        .unwrap();
    for entry in &entries {
        let (id, session) = (entry.id(), entry.head().session);
        let row = params![
            session.0.as_bytes(),
            id.writer.node.0.as_bytes(),
            id.writer.incarnation.0 as i64,
            id.number as i64,
            entry.hash().0,
            batch::encode(session, [entry])
        ];
        connection.execute("INSERT INTO entries VALUES (?1, ?2, ?3, ?4, ?5, ?6)", row).unwrap();
    }
    drop(connection);
    let (file, contents) = LedgerFile::open(&folder.file()).unwrap();
    assert!(contents.notices.is_empty(), "{:?}", contents.notices);
    assert!(all(&contents).into_iter().eq(entries.iter().map(|entry| &**entry)));
    assert_eq!(version(&file.connection).unwrap(), STEPS.len());
}

#[test]
fn a_migration_happens_whole_or_not_at_all() {
    let (folder, entries) = (Folder::new(), written(5));
    let (mut file, _) = LedgerFile::open(&folder.file()).unwrap();
    file.write(&fresh(&entries)).unwrap();
    let broken = "ALTER TABLE entries ADD COLUMN colour TEXT; ALTER TABLE nothing RENAME TO x";
    migrate(&mut file.connection, &[STEPS, &[broken]].concat()).unwrap_err();
    assert_eq!(version(&file.connection).unwrap(), STEPS.len());
    let columns = "SELECT count(*) FROM pragma_table_info('entries')";
    let count = |file: &LedgerFile| file.connection.query_row(columns, [], |row| row.get(0));
    assert_eq!(count(&file), Ok(6));
    let good = ["ALTER TABLE entries ADD COLUMN colour TEXT", "UPDATE entries SET colour = 'red'"];
    migrate(&mut file.connection, &[STEPS, &good].concat()).unwrap();
    assert_eq!(version(&file.connection).unwrap(), STEPS.len() + 2);
    assert_eq!(count(&file), Ok(7));
    assert_eq!(read_all(&file.connection, STEPS.len()).unwrap().len(), 5);
}

/// Somebody else's database.
fn photos(path: &Path, more: &str) -> Vec<u8> {
    let connection = Connection::open(path).unwrap();
    connection.execute_batch("CREATE TABLE photos (x); INSERT INTO photos VALUES (1);").unwrap();
    connection.execute_batch(more).unwrap();
    drop(connection);
    fs::read(path).unwrap()
}

#[test]
fn a_database_of_another_program_is_moved_aside_as_it_is() {
    for more in
        ["", "PRAGMA user_version = 7", "PRAGMA application_id = 9", "CREATE TABLE entries (y)"]
    {
        let (folder, entries) = (Folder::made(), written(3));
        let before = photos(&folder.file(), more);
        assert!(
            matches!(LedgerFile::read(&folder.file()), Err(OpenError::Foreign { .. })),
            "{more}"
        );
        assert_eq!(fs::read(folder.file()).unwrap(), before);
        let (mut file, contents) = LedgerFile::open(&folder.file()).unwrap();
        assert_eq!((contents.len(), contents.notices.len()), (0, 1), "{more}");
        file.write(&fresh(&entries)).unwrap();
        let aside = folder.file().with_extension("db.of-another-program-1");
        assert_eq!(fs::read(aside).unwrap(), before, "{more}");
        assert_eq!(LedgerFile::read(&folder.file()).unwrap().len(), 3);
    }
}

#[test]
fn an_empty_file_is_a_ledger_without_entries() {
    let folder = Folder::made();
    fs::write(folder.file(), "").unwrap();
    assert!(LedgerFile::read(&folder.file()).unwrap().is_empty());
    assert_eq!(fs::read(folder.file()).unwrap(), b"");
    let (mut file, contents) = LedgerFile::open(&folder.file()).unwrap();
    assert_eq!(contents.notices, Vec::<String>::new());
    file.write(&fresh(&written(2))).unwrap();
    assert_eq!(LedgerFile::read(&folder.file()).unwrap().len(), 2);
}

#[test]
fn a_folder_in_the_place_of_the_file_is_an_error_that_says_so() {
    let folder = Folder::made();
    fs::create_dir(folder.file()).unwrap();
    let error = LedgerFile::read(&folder.file()).unwrap_err().to_string();
    assert!(error.contains("it is a folder"), "{error}");
    assert!(LedgerFile::open(&folder.file()).is_err());
}

/// As on a medium that cannot be written to: SQLite does not get the files that it wants beside this
/// one.
#[test]
fn a_file_is_read_where_nothing_can_be_made_beside_it() {
    let (folder, entries) = (Folder::new(), written(5));
    let (mut file, _) = LedgerFile::open(&folder.file()).unwrap();
    file.write(&fresh(&entries)).unwrap();
    // With its log, as a process leaves it that is killed.
    let (database, log) = (fs::read(folder.file()).unwrap(), fs::read(folder.log()).unwrap());
    drop(file);
    fs::write(folder.file(), database).unwrap();
    fs::write(folder.log(), log).unwrap();
    let shared = folder.file().with_extension("db-shm");
    let _ = fs::remove_file(&shared);
    fs::create_dir(&shared).unwrap();
    assert_eq!(LedgerFile::read(&folder.file()).unwrap().len(), 5);
}

#[test]
fn names_that_mean_something_to_sqlite_are_names() {
    let folder = Folder::new();
    for name in ["file:x", "file:x?mode=memory", ":memory:", "a%20b?c#d", "ledger.db?immutable=1"] {
        let path = folder.file().with_file_name(name).join("ledger.db");
        let (mut file, _) = LedgerFile::open(&path).unwrap();
        file.write(&fresh(&written(2))).unwrap();
        drop(file);
        assert!(path.is_file(), "{name}");
        assert_eq!(LedgerFile::read(&path).unwrap().len(), 2, "{name}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_path_that_is_no_text_is_a_path() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};

    let folder = Folder::new();
    let path = folder.file().with_file_name(OsStr::from_bytes(b"\xff\xfe")).join("ledger.db");
    let (mut file, _) = LedgerFile::open(&path).unwrap();
    file.write(&fresh(&written(2))).unwrap();
    assert_eq!(LedgerFile::read(&path).unwrap().len(), 2);
}

/// What a host writes in many rounds, and the page that comes of it.
fn folded() -> (Vec<Arc<Entry>>, SharedPage) {
    let pen = Pen::new(SecretKey::from_bytes(&[1; 32]), Incarnation(1));
    let mut ledger = Ledger::new(SessionId(Uuid::from_u128(1)), pen);
    ledger.reigns(Epoch(1));
    let fact = |n: u8| Fact { key: vec![1, 2, 3, n], value: vec![9; 20] };
    for n in 0..63 {
        ledger.note(WallTime(5), Body::Fact(fact(n))).unwrap();
        if n % 4 == 0 || n == 59 {
            ledger.sign();
        }
    }
    ledger.sign();
    let entries: Vec<_> = ledger.entries().collect();
    assert!(ledger.fold_stream(ledger.me(), 60, 60, 0));
    let page = ledger.pages().next().unwrap().clone();
    (entries, page)
}

#[test]
fn a_page_takes_the_place_of_its_entries_and_gives_them_back() {
    let (folder, (entries, page)) = (Folder::new(), folded());
    let (mut file, _) = LedgerFile::open(&folder.file()).unwrap();
    file.write(&fresh(&entries)).unwrap();
    file.write(&[Record::Fold(page.clone())]).unwrap();
    let rows = "SELECT count(*) FROM entries";
    let folded = page.count() as usize;
    assert_eq!(file.connection.query_row(rows, [], |row| row.get(0)), Ok(65 - page.count() as i64));
    drop(file);
    let (_, contents) = LedgerFile::open(&folder.file()).unwrap();
    assert_eq!((contents.damaged, contents.len()), (0, 64));
    let kept: Vec<_> = contents.pages.values().flatten().flat_map(|page| page.entries()).collect();
    // Of their signatures the last one.
    let unsigned = |entry: &Arc<Entry>| Entry::clone(entry).unsigned();
    assert!(kept.iter().map(unsigned).eq(entries[..folded].iter().map(unsigned)));
    assert_eq!(kept.last(), entries[..folded].last());
}

#[test]
fn pages_survive_a_damaged_file() {
    let (folder, (entries, page)) = (Folder::new(), folded());
    let (mut file, _) = LedgerFile::open(&folder.file()).unwrap();
    file.write(&fresh(&entries)).unwrap();
    file.write(&[Record::Fold(page)]).unwrap();
    file.connection.execute_batch("UPDATE entries SET hash = X'00' WHERE rowid = 62").unwrap();
    drop(file);
    let (_, contents) = LedgerFile::open(&folder.file()).unwrap();
    assert_eq!((contents.damaged, contents.len()), (1, 63), "{:?}", contents.notices);
    assert_eq!(LedgerFile::read(&folder.file()).unwrap().len(), 63);
}

#[test]
fn a_file_of_the_first_version_is_read_and_goes_on() {
    let (folder, entries) = (Folder::made(), written(5));
    let mut connection = Connection::open(folder.file()).unwrap();
    settle(&connection).unwrap();
    migrate(&mut connection, &STEPS[..1]).unwrap();
    let transaction = connection.transaction().unwrap();
    entries.iter().for_each(|entry| insert(&transaction, entry).unwrap());
    transaction.commit().unwrap();
    drop(connection);
    assert_eq!(LedgerFile::read(&folder.file()).unwrap().len(), 5);
    let (mut file, contents) = LedgerFile::open(&folder.file()).unwrap();
    assert_eq!((contents.len(), contents.owner), (5, None));
    let owner = NodeId::from_u128(7);
    file.belongs_to(owner).unwrap();
    drop(file);
    assert_eq!(LedgerFile::owner_of(&folder.file()).unwrap(), Some(owner));
}

/// Nothing was signed then. Same points, nothing lost; and what is played from then on counts, too.
#[test]
fn a_file_of_the_version_before_signatures_goes_on() {
    let (folder, old) = (Folder::made(), written_before_signatures(64));
    let shared: Vec<Arc<Entry>> = old.iter().cloned().map(Arc::new).collect();
    let rules = crate::game::FactRules::default();
    let page = Arc::new(Page::fold(&shared[..40], &rules, true).unwrap());
    let mut connection = Connection::open(folder.file()).unwrap();
    settle(&connection).unwrap();
    migrate(&mut connection, &STEPS[..2]).unwrap();
    let transaction = connection.transaction().unwrap();
    insert_page(&transaction, &page).unwrap();
    old[40..].iter().for_each(|entry| insert(&transaction, entry).unwrap());
    transaction.commit().unwrap();
    drop(connection);
    let session = old[0].head().session;
    let pen = || Pen::new(SecretKey::from_bytes(&[1; 32]), Incarnation(1));
    let ledger_of = |mut contents: Contents| {
        assert_eq!((contents.damaged, &contents.notices[..]), (0, &[][..]));
        let mut ledger = Ledger::new(session, pen());
        let entries = contents.ledgers.remove(&session).unwrap_or_default();
        ledger.restore_all(entries, &contents.pages[&session]);
        ledger
    };
    let before = ledger_of(LedgerFile::read(&folder.file()).unwrap());
    assert_eq!((before.len(), before.counted_len(), before.unsigned_len()), (64, 64, 64));
    // It is opened to be written to, twice.
    let (mut file, contents) = LedgerFile::open(&folder.file()).unwrap();
    let mut ledger = ledger_of(contents);
    assert_eq!((ledger.len(), ledger.counted_len()), (64, 64));
    let fact = Fact { key: vec![1, 2, 4], value: vec![9; 20] };
    ledger.write(WallTime(6), Body::Fact(fact)).unwrap();
    let signed = ledger.stream(ledger.me()).unwrap().entries();
    file.write(&fresh(&signed.collect::<Vec<_>>())).unwrap();
    drop(file);
    let (file, contents) = LedgerFile::open(&folder.file()).unwrap();
    assert_eq!(version(&file.connection), Ok(STEPS.len()));
    let again = ledger_of(contents);
    assert_eq!((again.len(), again.counted_len(), again.unsigned_len()), (66, 65, 64));
    assert_eq!(again.digest(), ledger.digest());
    assert_eq!((again.behind_holes(), again.unvouched().len()), (0, 0));
    let mut known = again.entries().map(|entry| entry.hash());
    assert!(old.iter().all(|entry| known.any(|hash| hash == entry.hash())));
}

/// A stream as it was once: the id of its author is no key's, and it begins with what was said first.
fn written_before_signatures(count: u8) -> Vec<Entry> {
    let pen = Pen::new(SecretKey::from_bytes(&[1; 32]), Incarnation(1));
    let mut ledger = Ledger::new(SessionId(Uuid::from_u128(1)), pen);
    ledger.reigns(Epoch(1));
    for n in 0..count {
        let fact = Fact { key: vec![1, 2, 3, n], value: vec![9; 20] };
        ledger.write(WallTime(5), Body::Fact(fact)).unwrap();
    }
    let writer = Writer { node: NodeId::from_u128(7), incarnation: Incarnation(3) };
    let renamed = |entry: Arc<Entry>| {
        let number = entry.id().number - 1;
        let head = Head { id: EntryId { writer, number }, ..*entry.head() };
        Entry::new(head, entry.body().unwrap()).unwrap()
    };
    ledger.entries().skip(1).map(renamed).collect()
}
