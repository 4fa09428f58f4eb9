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
#[derive(Default)]
pub struct Opened {
    /// To keep more.
    pub disk: Disk,
    /// What was there.
    pub stored: Stored,
    /// What people should know.
    pub notices: Vec<String>,
}

/// A disk, or none.
#[derive(Default)]
pub struct Disk {
    #[cfg(feature = "store")]
    store: Option<(super::store::Store, crossbeam_channel::Receiver<Report>)>,
}

#[cfg(feature = "store")]
impl Disk {
    /// Opens the ledger file at `path`, if there is to be one. `wake` is called when something became
    /// of what was to be kept. Where nothing can be kept one can play all the same.
    ///
    /// # Errors
    /// [`StartError::InUse`]: two nodes must not write to one file.
    pub fn open(
        path: Option<&Path>,
        wake: impl Fn() + Send + 'static,
    ) -> Result<Opened, StartError> {
        use super::store::{self, OpenError, file::Contents};

        let Some(path) = path else { return Ok(Opened::default()) };
        let (tell, reports) = crossbeam_channel::unbounded();
        let tell = move |report| {
            let _ = tell.send(report);
            wake();
        };
        match store::open(path, tell) {
            Ok(store::Opened { store, contents }) => {
                let Contents { ledgers, pages, clocks, sessions, notices, .. } = contents;
                Ok(Opened {
                    disk: Self { store: Some((store, reports)) },
                    stored: Stored { works: true, ledgers, pages, clocks, sessions },
                    notices,
                })
            }
            Err(OpenError::InUse { path }) => Err(StartError::InUse { path }),
            Err(error) => {
                let notices = vec![format!("nothing is kept: {error}")];
                Ok(Opened { notices, ..Opened::default() })
            }
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

    /// What became of a batch.
    pub fn next_report(&self) -> Option<Report> {
        self.store.as_ref()?.1.try_recv().ok()
    }
}

#[cfg(not(feature = "store"))]
impl Disk {
    /// There is none.
    ///
    /// # Errors
    /// None.
    pub fn open(
        path: Option<&Path>,
        _wake: impl Fn() + Send + 'static,
    ) -> Result<Opened, StartError> {
        let notices =
            path.map(|_| "nothing is kept: this program was built without a store".into());
        Ok(Opened { notices: notices.into_iter().collect(), ..Opened::default() })
    }

    /// Nothing is handed over to no disk.
    pub fn persist(&self, _batch: BatchId, _records: Vec<Record>) {}

    /// Nothing is noted either.
    pub fn remember(&self, _session: SessionId, _name: &SessionName) {}

    /// Nothing belongs to anybody.
    pub fn belongs_to(&self, _owner: NodeId) {}

    /// Nothing comes of it.
    pub fn next_report(&self) -> Option<Report> {
        None
    }
}
