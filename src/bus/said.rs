//! Something that is said on a bus.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::types::NodeId;

/// The most bytes of a topic's name.
pub const TOPIC_BYTES_MAX: usize = 64;

/// The most bytes that something said may have, as JSON.
pub const DATA_BYTES_MAX: usize = 900;

/// Which kind of thing something said is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// How something is: of a topic and sender the newest counts, and what is outdated may be left out.
    Latest,
    /// Something that happened: it is kept on every machine, and none is lost.
    Durable,
}

/// Something that is said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// Its number among all that its sender says in this life, from 1.
    pub number: u64,
    /// Of which kind.
    pub kind: Kind,
    /// About what: 1 to [`TOPIC_BYTES_MAX`] bytes.
    pub topic: Arc<str>,
    /// When, in milliseconds of its sender's own clock.
    pub at_ms: u32,
    /// JSON, up to [`DATA_BYTES_MAX`] bytes. A latest `null` says that there is nothing of this topic any more.
    pub data: Arc<str>,
}

/// What goes in one order: some things that somebody says, one after the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// A number of the sender's life: in another one its things are numbered anew.
    pub life: u32,
    /// What is said.
    pub said: Vec<Said>,
}

/// What tells one thing from all others that are ever said, wherever it comes to stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SaidId {
    /// Who has said it.
    pub by: NodeId,
    /// In which life.
    pub life: u32,
    /// Its number in that.
    pub number: u64,
}

impl Said {
    /// Whether it is within its limits.
    pub fn fits(&self) -> bool {
        (1..=TOPIC_BYTES_MAX).contains(&self.topic.len())
            && (1..=DATA_BYTES_MAX).contains(&self.data.len())
    }

    /// How many bytes it takes in an order, at most.
    pub fn bytes(&self) -> usize {
        self.topic.len() + self.data.len() + 24
    }
}
