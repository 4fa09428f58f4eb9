//! What this node's disk holds, and what it is asked to keep.
//!
//! There is one batch under way; what comes meanwhile waits for the next one. So a slow disk
//! makes larger batches, not a longer queue. A disk that failed once is not asked again: nobody can
//! know what it kept. It goes on holding what it had synced before.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{
    Ledger,
    entry::{Entry, EntryId, SharedEntry, Writer},
    page::SharedPage,
    vector::Mark,
    vouching::Pen,
};
use crate::{game::FactRules, text::SessionName, types::SessionId};

/// The most entries in one batch.
pub const BATCH_ENTRIES_MAX: usize = 4_096;

/// The name of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct BatchId(pub u64);

/// What a disk held when the node started.
#[derive(Clone, Debug, Default)]
pub struct Stored {
    /// Whether more can be kept.
    pub works: bool,
    /// All entries that are in no page, by session.
    pub ledgers: BTreeMap<SessionId, Vec<Entry>>,
    /// All pages, by session.
    pub pages: BTreeMap<SessionId, Vec<SharedPage>>,
    /// By how many hours the clocks of writers are behind this machine's, where it is known.
    pub clocks: Vec<(SessionId, Writer, i64)>,
    /// Which sessions were played, and under which name; the last one first.
    pub sessions: Vec<(SessionId, SessionName)>,
    /// Of one of them the ledger itself, which nobody writes yet: its entries and pages are in this.
    pub ready: Option<Box<Ledger>>,
}

impl Stored {
    /// The session that was played last under this name.
    pub fn last_session(&self, name: &SessionName) -> Option<SessionId> {
        self.sessions.iter().find(|(_, known)| known == name).map(|(id, _)| *id)
    }

    /// Makes the ledger ready of the session that was played last under this name: so whoever plays need not wait
    /// for that, which takes a microsecond for each entry.
    pub fn prepare(&mut self, name: &SessionName, fact_rules: FactRules) {
        let Some(session) = self.last_session(name) else { return };
        let mut ledger = Ledger::to_read(session, fact_rules);
        self.fill(&mut ledger);
        self.ready = Some(Box::new(ledger));
    }

    /// Takes out the ledger of a session, for whoever writes with this pen.
    pub fn take_out(&mut self, session: SessionId, pen: Pen, fact_rules: FactRules) -> Ledger {
        let ready = self.ready.take_if(|ready| ready.session() == session);
        let mut ledger = match ready {
            Some(ready) => ready.written_with(pen),
            None => Ledger::summed(session, pen, fact_rules),
        };
        self.fill(&mut ledger);
        ledger
    }

    /// All that is kept of a ledger goes there.
    fn fill(&mut self, ledger: &mut Ledger) {
        let session = ledger.session();
        for (_, writer, hours) in self.clocks.iter().filter(|clock| clock.0 == session) {
            ledger.is_behind(*writer, *hours);
        }
        let entries = self.ledgers.remove(&session).unwrap_or_default();
        let pages = self.pages.remove(&session).unwrap_or_default();
        ledger.restore_all(entries, &pages);
    }

    /// Notes that `id` is what is played under `name`. Whether that is news.
    pub fn remember(&mut self, id: SessionId, name: &SessionName) -> bool {
        if self.last_session(name) == Some(id) {
            return false;
        }
        self.sessions.retain(|(known, _)| *known != id);
        self.sessions.insert(0, (id, name.clone()));
        true
    }
}

/// Something for the disk.
#[derive(Clone, Debug)]
pub enum Record {
    /// An entry that is new.
    Fresh(SharedEntry),
    /// An entry that takes the place of a copy that is there: it lost its body, or got it, or a signature.
    Changed(SharedEntry),
    /// A page of entries that are new.
    Page(SharedPage),
    /// A page that takes the place of its entries: they are there, or were to be kept before.
    Fold(SharedPage),
    /// The clock of a writer is so many hours behind this machine's.
    Clock(SessionId, Writer, i64),
}

impl Record {
    /// Whose it is, if it may not be safe yet.
    pub(super) fn writer(&self) -> Option<Writer> {
        match self {
            Self::Fresh(entry) | Self::Changed(entry) => Some(entry.id().writer),
            Self::Page(page) => Some(page.writer()),
            Self::Fold(_) | Self::Clock(..) => None,
        }
    }

    /// Under which name it is waited for: an entry's, or that of a page's first one. None: nobody
    /// waits.
    pub(super) fn awaited(&self) -> Option<(SessionId, EntryId)> {
        match self {
            Self::Fresh(entry) => Some((entry.head().session, entry.id())),
            Self::Page(page) => {
                let id = EntryId { writer: page.writer(), number: page.first() };
                Some((page.session(), id))
            }
            Self::Changed(_) | Self::Fold(_) | Self::Clock(..) => None,
        }
    }
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
#[derive(Clone, Debug)]
pub struct Disk {
    trouble: Option<Trouble>,
    /// To be written, in this order.
    waiting: VecDeque<Record>,
    /// Known, and not synced yet; of whichever session.
    unsynced: BTreeSet<(SessionId, EntryId)>,
    under_way: BTreeMap<BatchId, Vec<(SessionId, EntryId)>>,
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
            under_way: BTreeMap::new(),
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
        self.unsynced.extend(record.awaited());
        if self.trouble.is_none() {
            self.waiting.push_back(record);
        }
    }

    /// The next batch, if one is due.
    pub fn next_batch(&mut self) -> Option<(BatchId, Vec<Record>)> {
        match self.under_way.is_empty() {
            true => self.batch(BATCH_ENTRIES_MAX),
            false => None,
        }
    }

    /// All that waits, due or not: this node is about to leave.
    pub fn last_batch(&mut self) -> Option<(BatchId, Vec<Record>)> {
        self.batch(usize::MAX)
    }

    fn batch(&mut self, most: usize) -> Option<(BatchId, Vec<Record>)> {
        if self.waiting.is_empty() {
            return None;
        }
        self.batches += 1;
        let batch = BatchId(self.batches);
        let count = self.waiting.len().min(most);
        let records: Vec<Record> = self.waiting.drain(..count).collect();
        self.under_way.insert(batch, records.iter().filter_map(Record::awaited).collect());
        Some((batch, records))
    }

    /// The disk has answered. True: it failed, for the first time.
    pub fn report(&mut self, report: &Report) -> bool {
        let (Report::Persisted { batch } | Report::Failed { batch, .. }) = report;
        let Some(ids) = self.under_way.remove(batch) else { return false };
        match report {
            Report::Persisted { .. } => {
                for name in ids {
                    self.unsynced.remove(&name);
                    self.news.insert(name.1.writer);
                }
                false
            }
            Report::Failed { why, .. } => {
                self.waiting.clear();
                self.trouble.replace(why.clone()).is_none()
            }
        }
    }

    /// How far `writer`'s stream is synced here, so that it can be passed on after a start, too. What the ledger
    /// holds and has not handed over yet is not.
    pub fn mark(&self, ledger: &Ledger, writer: Writer) -> Mark {
        let Some(stream) = ledger.stream(writer) else { return Mark::default() };
        if self.trouble == Some(Trouble::None) {
            return Mark::default();
        }
        let id = |number| (ledger.session(), EntryId { writer, number });
        let first = self.unsynced.range(id(0)..=id(u64::MAX)).next();
        let first = first.map(|(_, first)| first.number);
        let first = first.into_iter().chain(ledger.first_unreported(writer)).min();
        let before = first.map(|first| first.saturating_sub(1));
        let through = stream.vouched_at(before.unwrap_or(u64::MAX));
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
    use crate::ledger::{
        body::Body,
        entry::{Kind, WallTime},
        tests::{fresh, ledger, say},
    };

    /// What a writer has written: its key, and so many lines.
    fn written(count: usize) -> (Ledger, Vec<SharedEntry>) {
        let mut ledger = ledger(1);
        (0..count).for_each(|_| drop(say(&mut ledger, "hello")));
        hand_over(&mut ledger);
        let entries = ledger.entries().collect();
        (ledger, entries)
    }

    /// The tests themselves say what the disk is asked to keep.
    fn hand_over(ledger: &mut Ledger) {
        while ledger.poll().is_some() {}
    }

    #[test]
    fn what_was_not_handed_over_yet_is_not_held() {
        let ((mut ledger, entries), mut disk) = (written(1), Disk::new());
        entries.iter().for_each(|entry| disk.keep(fresh(entry)));
        let (batch, _) = disk.next_batch().unwrap();
        disk.report(&Report::Persisted { batch });
        let later = say(&mut ledger, "later");
        assert_eq!(disk.mark(&ledger, ledger.me()).through, later.id().number - 1);
        hand_over(&mut ledger);
        disk.keep(fresh(&later));
        assert_eq!(disk.mark(&ledger, ledger.me()).through, later.id().number - 1);
    }

    #[test]
    fn what_comes_while_a_batch_is_under_way_waits_for_the_next() {
        let ((ledger, entries), mut disk) = (written(5), Disk::new());
        disk.keep(fresh(&entries[0]));
        let (first, batch) = disk.next_batch().unwrap();
        assert_eq!(batch.len(), 1);
        entries[1..].iter().for_each(|entry| disk.keep(fresh(entry)));
        assert!(disk.next_batch().is_none());
        assert_eq!(disk.mark(&ledger, ledger.me()).through, 0);
        assert!(!disk.report(&Report::Persisted { batch: first }));
        assert_eq!(disk.mark(&ledger, ledger.me()).through, 1);
        assert_eq!(disk.next_batch().unwrap().1.len(), 5);
    }

    #[test]
    fn a_disk_that_failed_acknowledges_nothing_more_and_keeps_what_it_had() {
        let ((mut ledger, entries), mut disk) = (written(1), Disk::new());
        disk.keep(fresh(&entries[0]));
        let (batch, _) = disk.next_batch().unwrap();
        disk.report(&Report::Persisted { batch });
        disk.keep(fresh(&entries[1]));
        let (batch, _) = disk.next_batch().unwrap();
        assert!(disk.report(&Report::Failed { batch, why: Trouble::Full }));
        assert!(!disk.report(&Report::Persisted { batch }));
        disk.keep(fresh(&say(&mut ledger, "later")));
        assert!(disk.next_batch().is_none());
        assert_eq!(disk.mark(&ledger, ledger.me()).through, 1);
    }

    /// After a start it could not be passed on.
    #[test]
    fn what_nobody_vouches_for_yet_on_a_disk_is_not_held_there() {
        let (mut ledger, mut disk) = (ledger(1), Disk::new());
        for n in 0..3 {
            ledger.note(WallTime(0), Body::Other(Kind(200), vec![n])).unwrap();
        }
        let entries = ledger.sign();
        hand_over(&mut ledger);
        entries[..3].iter().for_each(|entry| disk.keep(fresh(entry)));
        let (batch, _) = disk.next_batch().unwrap();
        disk.report(&Report::Persisted { batch });
        disk.keep(fresh(&entries[3]));
        assert_eq!(disk.mark(&ledger, ledger.me()).through, 1);
        let (batch, _) = disk.next_batch().unwrap();
        disk.report(&Report::Persisted { batch });
        assert_eq!(disk.mark(&ledger, ledger.me()).through, 4);
    }

    #[test]
    fn without_a_disk_nothing_is_held() {
        let ((ledger, entries), mut disk) = (written(1), Disk::none());
        disk.keep(fresh(&entries[0]));
        assert!(disk.next_batch().is_none());
        assert_eq!(disk.mark(&ledger, ledger.me()), Mark::default());
    }
}
