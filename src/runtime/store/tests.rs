use std::sync::{Arc, Mutex};

use crossbeam_channel::{Receiver, Sender, unbounded};

use super::*;
use crate::{
    keys::SecretKey,
    ledger::{
        Ledger,
        body::Body,
        entry::{Kind, SharedEntry, WallTime},
        vouching::Pen,
    },
    types::{Incarnation, NodeId},
};

/// So many entries of one writer.
pub fn written(count: u64) -> Vec<SharedEntry> {
    let pen = Pen::new(SecretKey::from_bytes(&[1; 32]), Incarnation(1 << 63));
    let mut ledger = Ledger::new(SessionId(uuid::Uuid::from_u128(5)), pen);
    let body = |n| Body::Other(Kind(128), format!("this is what number {n} says").into_bytes());
    (0..count).map(|n| ledger.write(WallTime(n), body(n)).unwrap()).collect()
}

/// For the first time on a disk.
pub fn fresh(entries: &[SharedEntry]) -> Vec<Record> {
    entries.iter().cloned().map(Record::Fresh).collect()
}

/// A disk that does as it is told, when it is told.
struct Scripted {
    go: Receiver<Result<(), Trouble>>,
    writes: Arc<Mutex<Vec<usize>>>,
}

impl Backend for Scripted {
    fn write(&mut self, records: &[Record]) -> Result<(), Trouble> {
        let result = self.go.recv().unwrap();
        self.writes.lock().unwrap().push(records.len());
        result
    }

    fn remember(&mut self, _id: SessionId, _name: &SessionName) -> Result<(), Trouble> {
        Ok(())
    }

    fn belongs_to(&mut self, _owner: NodeId) -> Result<(), Trouble> {
        Ok(())
    }
}

struct Scene {
    store: Store,
    go: Sender<Result<(), Trouble>>,
    reports: Receiver<Report>,
    writes: Arc<Mutex<Vec<usize>>>,
}

fn scene() -> Scene {
    let (go, told) = unbounded();
    let (tell, reports) = unbounded();
    let writes = Arc::default();
    let backend = Scripted { go: told, writes: Arc::clone(&writes) };
    let told = move |news| {
        if let News::Report(report) = news {
            tell.send(report).unwrap();
        }
    };
    let store = Store::start(|| Ok((backend, Contents::default())), told).unwrap();
    Scene { store, go, reports, writes }
}

#[test]
fn what_comes_together_is_written_together_and_reported_one_by_one() {
    let Scene { store, go, reports, writes } = scene();
    let entries = written(6);
    for (batch, pair) in (1..).zip(entries.chunks(2)) {
        store.persist(BatchId(batch), fresh(pair));
    }
    go.send(Ok(())).unwrap();
    for batch in 1..=3 {
        assert_eq!(reports.recv().unwrap(), Report::Persisted { batch: BatchId(batch) });
    }
    assert_eq!(*writes.lock().unwrap(), [6]);
}

#[test]
fn nothing_is_reported_before_it_is_written() {
    let Scene { store, go, reports, .. } = scene();
    store.persist(BatchId(1), fresh(&written(1)));
    assert!(reports.recv_timeout(3 * GATHER).is_err());
    go.send(Ok(())).unwrap();
    assert_eq!(reports.recv().unwrap(), Report::Persisted { batch: BatchId(1) });
}

#[test]
fn a_disk_that_failed_is_not_asked_again() {
    let Scene { store, go, reports, writes } = scene();
    let entries = written(2);
    let failed = |batch| Report::Failed { batch: BatchId(batch), why: Trouble::Full };
    store.persist(BatchId(1), fresh(&entries[..1]));
    go.send(Err(Trouble::Full)).unwrap();
    assert_eq!(reports.recv().unwrap(), failed(1));
    // It would work again.
    go.send(Ok(())).unwrap();
    store.persist(BatchId(2), fresh(&entries[1..]));
    assert_eq!(reports.recv().unwrap(), failed(2));
    assert_eq!(*writes.lock().unwrap(), [1]);
}

#[test]
fn whoever_leaves_waits_for_what_was_handed_over() {
    let Scene { store, go, reports, writes } = scene();
    store.persist(BatchId(1), fresh(&written(3)));
    go.send(Ok(())).unwrap();
    drop(store);
    assert_eq!(*writes.lock().unwrap(), [3]);
    assert_eq!(reports.try_recv().unwrap(), Report::Persisted { batch: BatchId(1) });
}
