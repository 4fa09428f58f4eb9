//! The disk of a node, as the network thread sees it: what is to be kept goes to the store's thread,
//! and what became of it comes back. Without the feature `store` there is none.

use std::path::Path;

use super::StartError;
use crate::{
    ledger::disk::{BatchId, Record, Report, Stored},
    text::SessionName,
    types::{NodeId, SessionId},
};

/// What a disk is like when a node starts.
pub struct Opened {
    /// To keep more.
    pub disk: Disk,
    /// What was there; none: that is being read, and [`Disk::next_news`] tells.
    pub stored: Option<Stored>,
    /// What people should know.
    pub notices: Vec<String>,
}

impl Opened {
    /// There is no disk. What people should know of that.
    fn none(notices: Vec<String>) -> Self {
        Self { disk: Disk::default(), stored: Some(Stored::default()), notices }
    }
}

/// What comes from a disk.
#[cfg_attr(not(feature = "store"), expect(dead_code, reason = "nothing comes from no disk"))]
pub enum News {
    /// What was there, and what people should know of it.
    Read(Box<Stored>, Vec<String>),
    /// What became of a batch.
    Report(Report),
}

/// A disk, or none.
#[derive(Default)]
pub struct Disk {
    #[cfg(feature = "store")]
    store: Option<(super::store::Store, crossbeam_channel::Receiver<News>)>,
}

#[cfg(feature = "store")]
impl Disk {
    /// Opens the ledger file at `path`, if there is to be one. What is there is made ready by `prepare`, on another
    /// thread. `wake` is called when there are news. Where nothing can be kept one can play all the same.
    ///
    /// # Errors
    /// [`StartError::InUse`]: two nodes must not write to one file.
    pub fn open(
        path: Option<&Path>,
        prepare: impl Fn(&mut Stored) + Send + 'static,
        wake: impl Fn() + Send + 'static,
    ) -> Result<Opened, StartError> {
        use std::panic::{AssertUnwindSafe, catch_unwind};

        use super::store::{self, OpenError};

        let Some(path) = path else { return Ok(Opened::none(Vec::new())) };
        let (tell, news) = crossbeam_channel::unbounded();
        let tell = move |what| {
            let _ = tell.send(match what {
                store::News::Report(report) => News::Report(report),
                store::News::Read(Ok(contents)) => {
                    let (mut stored, notices) = stored(contents);
                    let made_ready = AssertUnwindSafe(|| {
                        prepare(&mut stored);
                        stored
                    });
                    match catch_unwind(made_ready) {
                        Ok(stored) => News::Read(Box::new(stored), notices),
                        Err(_) => News::Read(Box::default(), vec![not_kept(&OpenError::Panicked)]),
                    }
                }
                store::News::Read(Err(error)) => News::Read(Box::default(), vec![not_kept(&error)]),
            });
            wake();
        };
        match store::open(path, tell) {
            Ok(store) => Ok(Opened {
                disk: Self { store: Some((store, news)) },
                stored: None,
                notices: Vec::new(),
            }),
            Err(OpenError::InUse { path }) => Err(StartError::InUse { path }),
            Err(error) => Ok(Opened::none(vec![not_kept(&error)])),
        }
    }

    /// Hands over a batch.
    pub fn persist(&self, batch: BatchId, records: Vec<Record>) {
        if let Some((store, _)) = &self.store {
            store.persist(batch, records);
        }
    }

    /// Notes which session is played under a name.
    pub fn remember(&self, session: SessionId, name: &SessionName) {
        if let Some((store, _)) = &self.store {
            store.remember(session, name);
        }
    }

    /// Notes whose ledger it is.
    pub fn belongs_to(&self, owner: NodeId) {
        if let Some((store, _)) = &self.store {
            store.belongs_to(owner);
        }
    }

    /// The next that there is to tell.
    pub fn next_news(&self) -> Option<News> {
        self.store.as_ref()?.1.try_recv().ok()
    }
}

/// What was in a file, and what people should know of it.
#[cfg(feature = "store")]
fn stored(contents: super::store::file::Contents) -> (Stored, Vec<String>) {
    use super::store::file::Contents;

    let Contents { ledgers, pages, clocks, sessions, notices, .. } = contents;
    (Stored { works: true, ledgers, pages, clocks, sessions, ready: None }, notices)
}

/// What people should know of a disk on which nothing can be kept.
#[cfg(feature = "store")]
fn not_kept(error: &super::store::OpenError) -> String {
    format!("nothing is kept: {error}")
}

#[cfg(not(feature = "store"))]
impl Disk {
    /// There is none.
    ///
    /// # Errors
    /// None.
    pub fn open(
        path: Option<&Path>,
        _prepare: impl Fn(&mut Stored) + Send + 'static,
        _wake: impl Fn() + Send + 'static,
    ) -> Result<Opened, StartError> {
        let notices =
            path.map(|_| "nothing is kept: this program was built without a store".into());
        Ok(Opened::none(notices.into_iter().collect()))
    }

    /// Nothing is handed over to no disk.
    pub fn persist(&self, _batch: BatchId, _records: Vec<Record>) {}

    /// Nothing is noted either.
    pub fn remember(&self, _session: SessionId, _name: &SessionName) {}

    /// Nothing belongs to anybody.
    pub fn belongs_to(&self, _owner: NodeId) {}

    /// Nothing comes of it.
    pub fn next_news(&self) -> Option<News> {
        None
    }
}
