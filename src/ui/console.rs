//! Where the window meets the node.
use std::{path::PathBuf, sync::Arc};

use crossbeam_channel::{Receiver, bounded};

use crate::{
    accounts::{Accounts, Own},
    arena::{Arena, Controls},
    node::{Command, View},
    runtime::Happened,
    text::Name,
    types::{Instant, NodeId},
};

/// What there is to say where nothing is kept.
const NOT_KEPT: &str = "accounts are not kept here";

/// The own account on its way to another machine, or another machine's to this one. A passphrase is dear to try, by
/// intent, so this takes a moment.
pub enum Errand {
    /// Write the own account into this file, which must not be there, sealed by this passphrase.
    Export {
        /// The path, as it was typed.
        file: String,
        /// The passphrase.
        passphrase: String,
    },
    /// Let this machine speak for the account in a file.
    Import {
        /// The path, as it was typed.
        file: String,
        /// The passphrase.
        passphrase: String,
        /// Whether the account's key is kept here, too.
        with_key: bool,
    },
    /// Let this machine speak for the account of these words.
    Recall {
        /// The words, as they were typed.
        words: String,
        /// Whether the account's key is kept here, too.
        with_key: bool,
    },
}

/// Where somebody sits to play: what the window needs of a running node.
pub trait Console {
    /// What time it is.
    fn now(&self) -> Instant;
    /// What there is to see; none before the node has made its first view.
    fn view(&self) -> Option<Arc<View<Arena>>>;
    /// The next thing that happened, if anything did.
    fn next_event(&self) -> Option<Happened<Arena>>;
    /// What is held down from here on.
    fn controls(&self, controls: Controls);
    /// What the player wants.
    fn command(&self, command: Command<Arena>);
    /// The account of whoever plays here; none where none can be kept.
    fn account(&self) -> Option<Own> {
        None
    }
    /// Looks again which accounts this machine knows of.
    fn look_accounts_up(&self) {}
    /// All accounts that this machine knows of; none yet, as long as they are being looked for.
    fn accounts(&self) -> Option<Arc<Accounts>> {
        Some(Arc::default())
    }
    /// Makes another account on this machine. What there is to say about it, or why there is none.
    ///
    /// # Errors
    /// Why none was made, for people.
    fn create_account(&self, _name: &Name) -> Result<String, String> {
        Err(NOT_KEPT.to_owned())
    }
    /// The account of whoever plays here likes this colour from here on.
    ///
    /// # Errors
    /// Why it does not, for people.
    fn like_colour(&self, _colour: u8) -> Result<(), String> {
        Err(NOT_KEPT.to_owned())
    }
    /// Deletes the account of whoever plays here: the next start is somebody new's.
    ///
    /// # Errors
    /// Why it was not deleted, for people.
    fn delete_account(&self) -> Result<(), String> {
        Err(NOT_KEPT.to_owned())
    }
    /// Sets out on an errand. The channel brings what there is to say of it in the end: the error says why it
    /// failed, for people.
    fn errand(&self, _errand: Errand) -> Receiver<Result<String, String>> {
        let (tell, told) = bounded(1);
        let _ = tell.send(Err(NOT_KEPT.to_owned()));
        told
    }
    /// The folder that copies of an account are written into if nothing else is said.
    fn copies(&self) -> Option<PathBuf> {
        None
    }
    /// This machine speaks no more for the account of whoever plays here. What there is to say about that.
    ///
    /// # Errors
    /// Why it still does, for people.
    fn strike_machine(&self, _machine: NodeId) -> Result<String, String> {
        Err(NOT_KEPT.to_owned())
    }
    /// The address others can find this node at, for people to read.
    fn address(&self) -> String;
}
