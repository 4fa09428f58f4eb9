//! Where the window meets the node.
use std::sync::Arc;

use crate::{
    arena::{Arena, Controls},
    node::{Command, View},
    runtime::Happened,
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
    /// The address others can find this node at, for people to read.
    fn address(&self) -> String;
}
