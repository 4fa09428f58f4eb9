//! The ledger on disk: SQLite, on a thread of its own, so that no tick ever waits for a disk.
//!
//! [`open`] starts the thread, which reads and checks what is there, and tells of it: nobody waits for that either.
//! [`Store::persist`] hands it a batch and returns at once; the [`Report`] comes when the batch is synced, or when it
//! failed.
//! What comes within [`GATHER`] is written in one transaction, so that a busy evening does not cost
//! a sync for each point.
//!
//! *A report is a promise.* It is made after SQLite has synced its log (WAL, `synchronous=FULL`). A
//! disk that failed once, by whatever error, is not asked again: what its cache says then is not what
//! will be there after the next start. The store reports failures from there on, until somebody opens
//! it anew.
//!
//! | part | does |
//! |---|---|
//! | [`mod@file`] | the file: its tables, reading, checking, writing |
//! | `journal` | whether SQLite's log was whole |
//! | `backend` | what the thread asks of a file, and why there may be none |

mod backend;
pub mod file;
mod journal;

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    thread,
    time::Duration,
};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, unbounded};

pub use self::backend::OpenError;

use self::{
    backend::{Backend, CLOSE_PATIENCE},
    file::{Claim, Contents, LedgerFile},
};
use crate::{
    ledger::disk::{BatchId, Record, Report, Trouble},
    runtime::clock,
    text::SessionName,
    types::{NodeId, SessionId},
};

/// How long what comes is gathered into one transaction, from the first on.
pub const GATHER: Duration = Duration::from_millis(50);

/// What a store tells.
#[derive(Debug)]
pub enum News {
    /// What was there; or why there is no store: then nothing was changed, and nothing is kept. Comes once, before
    /// all reports.
    Read(Result<Contents, OpenError>),
    /// What became of a batch.
    Report(Report),
}

/// Opens the file at `path`, or makes it. `tell` is called, on the store's thread, with all news.
///
/// # Errors
/// [`OpenError`], if somebody else writes to that file, or nobody can; then nothing was changed.
pub fn open(path: &Path, tell: impl FnMut(News) + Send + 'static) -> Result<Store, OpenError> {
    let claim = Claim::of(path)?;
    Store::start(|| LedgerFile::open_claimed(claim), tell)
        .map_err(|source| OpenError::Unusable { path: path.to_owned(), source })
}

enum Job {
    Persist(BatchId, Vec<Record>),
    Remember(SessionId, SessionName),
    BelongsTo(NodeId),
    Close,
}

/// The way to the store's thread. Dropping it waits until what was handed over is written, but not
/// longer than a moment.
#[derive(Debug)]
pub struct Store {
    jobs: Sender<Job>,
    /// Disconnected when the thread has ended.
    ended: Receiver<()>,
}

impl Store {
    fn start<B: Backend>(
        open: impl FnOnce() -> Result<(B, Contents), OpenError> + Send + 'static,
        mut tell: impl FnMut(News) + Send + 'static,
    ) -> io::Result<Self> {
        let (jobs, waiting) = unbounded();
        let (ending, ended) = bounded(0);
        let work = move || {
            let _ending: Sender<()> = ending;
            // Whatever happens here is told: somebody waits for it.
            let opened = catch_unwind(AssertUnwindSafe(open));
            match opened.unwrap_or(Err(OpenError::Panicked)) {
                Ok((backend, contents)) => {
                    tell(News::Read(Ok(contents)));
                    Worker { backend, trouble: None }.run(&waiting, &mut tell);
                }
                Err(error) => tell(News::Read(Err(error))),
            }
        };
        thread::Builder::new().name("store".into()).spawn(work)?;
        Ok(Self { jobs, ended })
    }

    /// Hands over a batch. Whoever waits for the report before it sends the next one cannot fill
    /// the queue.
    pub fn persist(&self, batch: BatchId, records: Vec<Record>) {
        let _ = self.jobs.send(Job::Persist(batch, records));
    }

    /// Notes which session is played under a name: it goes on the next time.
    pub fn remember(&self, id: SessionId, name: &SessionName) {
        let _ = self.jobs.send(Job::Remember(id, name.clone()));
    }

    /// Notes whose file it is.
    pub fn belongs_to(&self, owner: NodeId) {
        let _ = self.jobs.send(Job::BelongsTo(owner));
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let _ = self.jobs.send(Job::Close);
        if self.ended.recv_timeout(CLOSE_PATIENCE) == Err(RecvTimeoutError::Timeout) {
            tracing::warn!("the disk is slow; what was not reported may be missing the next time");
        }
    }
}

/// The store's thread.
struct Worker<B> {
    backend: B,
    trouble: Option<Trouble>,
}

impl<B: Backend> Worker<B> {
    fn run(mut self, jobs: &Receiver<Job>, tell: &mut dyn FnMut(News)) {
        self.backend.begin();
        while let Ok(first) = jobs.recv() {
            let (mut batches, mut records) = (Vec::new(), Vec::new());
            let mut take = |worker: &mut Self, job| match job {
                Job::Persist(batch, more) => {
                    batches.push(batch);
                    records.extend(more);
                    true
                }
                Job::Remember(id, name) => {
                    worker.attempt(|backend| backend.remember(id, &name));
                    true
                }
                Job::BelongsTo(owner) => {
                    worker.attempt(|backend| backend.belongs_to(owner));
                    true
                }
                Job::Close => false,
            };
            let mut open = take(&mut self, first);
            let until = clock::now() + GATHER;
            while open {
                let left = until.since(clock::now());
                let Ok(job) = jobs.recv_timeout(left) else { break };
                open = take(&mut self, job);
            }
            if !batches.is_empty() {
                self.attempt(|backend| backend.write(&records));
            }
            for batch in batches {
                tell(News::Report(match self.trouble.clone() {
                    None => Report::Persisted { batch },
                    Some(why) => Report::Failed { batch, why },
                }));
            }
            if !open {
                return;
            }
        }
    }

    /// Does something, if nothing has failed so far.
    fn attempt(&mut self, act: impl FnOnce(&mut B) -> Result<(), Trouble>) {
        if self.trouble.is_none()
            && let Err(trouble) = act(&mut self.backend)
        {
            tracing::warn!("{trouble}: from here on nothing is kept");
            self.trouble = Some(trouble);
        }
    }
}

#[cfg(test)]
mod tests;
