//! Where the window meets the node.
use std::sync::Arc;

use crate::{
    accounts::{Accounts, Own},
    arena::{Arena, Controls},
    node::{Command, View},
    runtime::Happened,
    text::Name,
    types::Instant,
};

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
    /// All accounts that this machine knows of; none yet, as long as they are being looked for.
    fn accounts(&self) -> Option<Arc<Accounts>> {
        Some(Arc::default())
    }
    /// Makes another account on this machine. What there is to say about it, or why there is none.
    ///
    /// # Errors
    /// Why none was made, for people.
    fn create_account(&self, _name: &Name) -> Result<String, String> {
        Err("accounts are not kept here".to_owned())
    }
    /// Deletes the account of whoever plays here: the next start is somebody new's.
    ///
    /// # Errors
    /// Why it was not deleted, for people.
    fn delete_account(&self) -> Result<(), String> {
        Err("accounts are not kept here".to_owned())
    }
    /// The address others can find this node at, for people to read.
    fn address(&self) -> String;
}
