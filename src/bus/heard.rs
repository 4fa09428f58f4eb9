//! What is heard on a bus.

use std::{sync::Arc, time::Duration};

use super::{history::Place, said::Kind};
use crate::{
    text::Name,
    types::{Instant, NodeId},
};

/// Something that was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Who has said it.
    pub from: NodeId,
    /// What that one is called.
    pub name: Name,
    /// Whether it is how something is, or something that happened.
    pub kind: Kind,
    /// About what.
    pub topic: Arc<str>,
    /// What: JSON.
    pub data: Arc<str>,
    /// Where it stands in the sequence of all that is said. Durable things that were said apart, on both sides of a cut,
    /// come late: then it is lower than that of the message before.
    pub place: Place,
    /// Its number among all that its sender has said.
    pub number: u64,
    /// When it was said, in milliseconds of its sender's own clock.
    pub sent_ms: u32,
    /// When it was heard here.
    pub heard_at: Instant,
}

impl Message {
    #[cfg(test)]
    pub(super) fn for_test(from: NodeId, kind: Kind, topic: &str, data: Arc<str>) -> Self {
        Self {
            from,
            name: Name::new("Ada"),
            kind,
            topic: topic.into(),
            data,
            place: Place { place: 1, reign: 1 },
            number: 1,
            sent_ms: 0,
            heard_at: Instant(0),
        }
    }
}

/// What is heard on a bus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Somebody has said something; what one says oneself is heard, too, in its place.
    Message(Message),
    /// Somebody is there.
    Here {
        /// Who.
        id: NodeId,
        /// What it is called.
        name: Name,
    },
    /// Somebody has left, or nothing is heard of it any more; its topics are gone.
    Gone {
        /// Who.
        id: NodeId,
    },
    /// Somebody else gives the order from here on.
    Host {
        /// Who.
        id: NodeId,
        /// How long the bus stood still for this node; none if it has just come in.
        gap: Option<Duration>,
    },
    /// So much was not heard here, since it was read too late, or since this node was cut off for long. What was durable
    /// is in the [history](super::Bus::history).
    Missed {
        /// How much.
        count: u64,
    },
}
