//! A folder for a test, and what is put in it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crossbeam_channel::{Receiver, bounded, unbounded};
use interregnum::{
    keys::SecretKey,
    ledger::{
        Ledger,
        body::Body,
        disk::{Record, Report},
        entry::{Entry, Kind, SharedEntry, WallTime},
        vouching::Pen,
    },
    runtime::store::{self, News, Store, file::Contents},
    types::{Incarnation, SessionId},
};
use uuid::Uuid;

/// Removed at the end.
pub struct Folder(PathBuf);

impl Folder {
    /// On the disk where temporary files are.
    pub fn new() -> Self {
        Self::below(&std::env::temp_dir())
    }

    /// In memory, where that is possible: for tests that want no disk but many files.
    pub fn fast() -> Self {
        let memory = Path::new("/dev/shm");
        if memory.is_dir() { Self::below(memory) } else { Self::new() }
    }

    fn below(parent: &Path) -> Self {
        let folder = parent.join(format!("interregnum-{}", Uuid::new_v4()));
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    pub fn file(&self) -> PathBuf {
        self.0.join("ledger.db")
    }

    pub fn log(&self) -> PathBuf {
        self.0.join("ledger.db-wal")
    }

    /// Removes everything in it.
    pub fn clear(&self) {
        for file in fs::read_dir(&self.0).unwrap() {
            fs::remove_file(file.unwrap().path()).unwrap();
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A ledger for a new life of a writer.
pub fn ledger(life: u64) -> Ledger {
    let pen = Pen::new(SecretKey::from_bytes(&[1; 32]), Incarnation(life));
    Ledger::new(SessionId(Uuid::from_u128(5)), pen)
}

pub fn write(ledger: &mut Ledger, count: usize) -> Vec<SharedEntry> {
    let body = |n| Body::Other(Kind(128), format!("this is what number {n} says").into_bytes());
    (0..count).map(|n| ledger.write(WallTime(n as u64), body(n)).unwrap()).collect()
}

/// For the first time on a disk.
pub fn fresh(entries: &[SharedEntry]) -> Vec<Record> {
    entries.iter().cloned().map(Record::Fresh).collect()
}

pub fn all(contents: &Contents) -> impl Iterator<Item = &Entry> {
    contents.ledgers.values().flatten()
}

/// A store on this file that was read, what was in it, and what it reports from there on.
pub fn opened(file: &Path) -> (Store, Contents, Receiver<Report>) {
    let ((told, contents), (tell, reports)) = (bounded(1), unbounded());
    let store = store::open(file, move |news| match news {
        News::Read(read) => told.send(read.unwrap()).unwrap(),
        News::Report(report) => tell.send(report).unwrap(),
    });
    (store.unwrap(), contents.recv().unwrap(), reports)
}
