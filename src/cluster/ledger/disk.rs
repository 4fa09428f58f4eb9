//! What this node's disk holds, and what it is asked to keep.
//!
//! There is at most one batch under way; what comes meanwhile waits for the next one. So a slow disk
//! makes larger batches, not a longer queue. A disk that failed once is not asked again: nobody can
//! know what it kept. It goes on holding what it had synced before.

use std::collections::{BTreeSet, VecDeque};

use super::{
    Ledger,
    entry::{EntryId, SharedEntry, Writer},
    vector::Mark,
};

/// The most entries in one batch.
pub const BATCH_ENTRIES_MAX: usize = 4_096;

/// The name of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct BatchId(pub u64);

/// An entry for the disk.
#[derive(Clone, Debug)]
pub struct Record {
    /// The entry.
    pub entry: SharedEntry,
    /// Whether it is new. If not, it takes the place of a copy that is there: it lost its body, or
    /// got a signature.
    pub fresh: bool,
}

/// What a disk answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// All entries of the batch are on disk, synced: they survive whatever happens to this machine
    /// but the loss of the disk.
    Persisted {
        /// The batch.
        batch: BatchId,
    },
    /// They may or may not be; and nothing will be, from here on.
    Failed {
        /// The batch.
        batch: BatchId,
        /// What is wrong.
        why: Trouble,
    },
}

/// What is wrong with a disk.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// There is none: nothing was to be kept, or the folder cannot be written to.
    #[error("nothing is kept on this machine")]
    None,
    /// It is full.
    #[error("the disk is full")]
    Full,
    /// It reported an error.
    #[error("the disk failed ({0})")]
    Failed(String),
}

/// The disk, as the ledger sees it.
#[derive(Debug)]
pub struct Disk {
    trouble: Option<Trouble>,
    /// To be written, in this order.
    waiting: VecDeque<Record>,
    /// Known, and not synced yet.
    unsynced: BTreeSet<EntryId>,
    under_way: Option<(BatchId, Vec<EntryId>)>,
    batches: u64,
    /// Writers of whom more was synced since somebody last asked.
    news: BTreeSet<Writer>,
}

impl Disk {
    /// A disk that works.
    pub fn new() -> Self {
        Self::with(None)
    }

    /// No disk.
    pub fn none() -> Self {
        Self::with(Some(Trouble::None))
    }

    fn with(trouble: Option<Trouble>) -> Self {
        Self {
            trouble,
            waiting: VecDeque::new(),
            unsynced: BTreeSet::new(),
            under_way: None,
            batches: 0,
            news: BTreeSet::new(),
        }
    }

    /// What is wrong with it, if anything.
    pub fn trouble(&self) -> Option<&Trouble> {
        self.trouble.as_ref()
    }

    /// To be kept.
    pub fn keep(&mut self, record: Record) {
        if record.fresh {
            self.unsynced.insert(record.entry.id());
        }
        if self.trouble.is_none() {
            self.waiting.push_back(record);
        }
    }

    /// The next batch, if one is due.
    pub fn next_batch(&mut self) -> Option<(BatchId, Vec<Record>)> {
        if self.under_way.is_some() || self.waiting.is_empty() {
            return None;
        }
        self.batches += 1;
        let batch = BatchId(self.batches);
        let count = self.waiting.len().min(BATCH_ENTRIES_MAX);
        let records: Vec<Record> = self.waiting.drain(..count).collect();
        let ids = records.iter().map(|record| record.entry.id()).collect();
        self.under_way = Some((batch, ids));
        Some((batch, records))
    }

    /// The disk has answered. True: it failed, for the first time.
    pub fn report(&mut self, report: &Report) -> bool {
        let (Report::Persisted { batch } | Report::Failed { batch, .. }) = report;
        let Some((_, ids)) = self.under_way.take_if(|(under_way, _)| under_way == batch) else {
            return false;
        };
        match report {
            Report::Persisted { .. } => {
                for id in ids {
                    self.unsynced.remove(&id);
                    self.news.insert(id.writer);
                }
                false
            }
            Report::Failed { why, .. } => {
                self.waiting.clear();
                self.trouble.replace(why.clone()).is_none()
            }
        }
    }

    /// Whether this entry, which the ledger has, is synced here.
    pub fn holds(&self, id: EntryId) -> bool {
        self.trouble != Some(Trouble::None) && !self.unsynced.contains(&id)
    }

    /// How far `writer`'s stream is synced here.
    pub fn mark(&self, ledger: &Ledger, writer: Writer) -> Mark {
        let Some(stream) = ledger.stream(writer) else { return Mark::default() };
        if self.trouble == Some(Trouble::None) {
            return Mark::default();
        }
        let stream_of = EntryId { writer, number: 0 }..=EntryId { writer, number: u64::MAX };
        let before = self.unsynced.range(stream_of).next().map(|first| first.number - 1);
        let through = stream.through().min(before.unwrap_or(u64::MAX));
        Mark { through, sum: stream.sum_at(through) }
    }

    /// Writers of whom more was synced since the last call.
    pub fn take_news(&mut self) -> BTreeSet<Writer> {
        std::mem::take(&mut self.news)
    }
}

impl Default for Disk {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::ledger::tests::{fresh, ledger, say};

    #[test]
    fn what_comes_while_a_batch_is_under_way_waits_for_the_next() {
        let (mut ledger, mut disk) = (ledger(1), Disk::new());
        let entries: Vec<SharedEntry> = (0..5).map(|_| say(&mut ledger, "hello")).collect();
        disk.keep(fresh(&entries[0]));
        let (first, batch) = disk.next_batch().unwrap();
        assert_eq!(batch.len(), 1);
        entries[1..].iter().for_each(|entry| disk.keep(fresh(entry)));
        assert!(disk.next_batch().is_none());
        assert!(!disk.holds(entries[0].id()));
        assert!(!disk.report(&Report::Persisted { batch: first }));
        assert!(disk.holds(entries[0].id()) && !disk.holds(entries[1].id()));
        assert_eq!(disk.mark(&ledger, ledger.me()).through, 1);
        assert_eq!(disk.next_batch().unwrap().1.len(), 4);
    }

    #[test]
    fn a_disk_that_failed_acknowledges_nothing_more_and_keeps_what_it_had() {
        let (mut ledger, mut disk) = (ledger(1), Disk::new());
        let (old, new) = (say(&mut ledger, "old"), say(&mut ledger, "new"));
        disk.keep(fresh(&old));
        let (batch, _) = disk.next_batch().unwrap();
        disk.report(&Report::Persisted { batch });
        disk.keep(fresh(&new));
        let (batch, _) = disk.next_batch().unwrap();
        assert!(disk.report(&Report::Failed { batch, why: Trouble::Full }));
        assert!(!disk.report(&Report::Persisted { batch }));
        disk.keep(fresh(&say(&mut ledger, "later")));
        assert!(disk.next_batch().is_none());
        assert!(disk.holds(old.id()) && !disk.holds(new.id()));
        assert_eq!(disk.mark(&ledger, ledger.me()).through, 1);
    }

    #[test]
    fn without_a_disk_nothing_is_held() {
        let (mut ledger, mut disk) = (ledger(1), Disk::none());
        let entry = say(&mut ledger, "hello");
        disk.keep(fresh(&entry));
        assert!(disk.next_batch().is_none() && !disk.holds(entry.id()));
        assert_eq!(disk.mark(&ledger, ledger.me()), Mark::default());
    }
}
