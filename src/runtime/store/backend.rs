//! What the store's thread asks of the file that it writes to, and why there may be none.

use std::{io, path::PathBuf, time::Duration};

use crate::{
    ledger::disk::{Record, Trouble},
    text::SessionName,
    types::{NodeId, SessionId},
};

/// How long the end may take: one more transaction, on a slow disk.
pub const CLOSE_PATIENCE: Duration = Duration::from_millis(900);

/// Why there is no store. One can play without.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error("{path} is in use by another copy of this program")]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// It is a database, and not one of this program.
    #[error("{path} is a database of another program; it is left alone")]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A later version of this program made it.
    #[error("{path} was made by a newer version of this program; this one leaves it alone")]
    Newer {
        /// The file.
        path: PathBuf,
    },
    /// It can be neither read nor made.
    #[error("cannot keep the ledger in {path}: {source}")]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// There is a mistake somewhere.
    #[error(
        "reading the ledger panicked: there is a mistake in this program, or in its game's rules"
    )]
    Panicked,
    /// SQLite cannot work with it.
    #[error("cannot keep the ledger in {path}: {source}")]
    Database {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
}

/// What a store's thread writes to.
pub trait Backend: Send + 'static {
    /// Called once, before all else: for what nobody has to wait for who starts.
    fn begin(&mut self) {}

    /// Keeps all of `records`, synced, or fails.
    fn write(&mut self, records: &[Record]) -> Result<(), Trouble>;

    /// Notes that `id` is what is played under `name`.
    fn remember(&mut self, id: SessionId, name: &SessionName) -> Result<(), Trouble>;

    /// Notes whose file it is.
    fn belongs_to(&mut self, owner: NodeId) -> Result<(), Trouble>;
}
