use std::path::PathBuf;

use super::*;
use crate::runtime::store::tests::{fresh, written};

/// A folder that does not exist yet and is removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let name = format!("interregnum-{:032x}", crate::runtime::random_id().as_u128());
        Self(std::env::temp_dir().join(name))
    }

    fn file(&self) -> PathBuf {
        self.0.join("ledger.db")
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
    let (lan, other) = (SessionName::new("lan"), SessionName::new("other"));
    let (mut file, _) = LedgerFile::open(&folder.file()).unwrap();
    for (n, name) in [(1, &lan), (2, &lan), (3, &other), (1, &lan)] {
        file.remember(id(n), name).unwrap();
    }
    drop(file);
    let contents = LedgerFile::read(&folder.file()).unwrap();
    assert_eq!(contents.last_session(&lan), Some(id(1)));
    assert_eq!(contents.last_session(&other), Some(id(3)));
    assert_eq!(contents.last_session(&SessionName::new("none")), None);
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
    file.write(&[Record { entry: redacted.clone(), fresh: false }]).unwrap();
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
    file.remember(entries[0].head().session, &SessionName::new("lan")).unwrap();
    drop(file);
    overwrite(&folder.file(), b"number 40 says", b"number 41 says");
    let (file, contents) = LedgerFile::open(&folder.file()).unwrap();
    assert_eq!((contents.len(), contents.damaged, contents.notices.len()), (99, 1, 1));
    assert!(contents.last_session(&SessionName::new("lan")).is_some());
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
    let (folder, entries) = (Folder::new(), written(5));
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
    assert_eq!(read_all(&file.connection).unwrap().len(), 5);
}
