//! Who this node says it is, in beacons and hellos, and whether somebody else fits to it.

use super::message::{Hello, Introduction, MAGIC, PROTOCOL, Refusal};
use crate::{
    config::Config,
    text::{Name, SessionName},
    types::{Incarnation, NodeId, Role},
};

/// Everything about a node that it tells to others and that does not depend on the game's course.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Its id, which outlives addresses and starts.
    pub id: NodeId,
    /// In which life.
    pub incarnation: Incarnation,
    /// What the player is called.
    pub name: Name,
    /// Player or spectator.
    pub role: Role,
    /// The port on which it accepts links.
    pub tcp: u16,
    /// The port of its own UDP socket.
    pub udp: u16,
    /// The rules of its game.
    pub rules: &'static str,
    /// The session it plays in; none on the title.
    pub session: Option<SessionName>,
}

impl Identity {
    /// As the configuration says.
    pub fn new(config: &Config, rules: &'static str) -> Self {
        Self {
            id: config.id,
            incarnation: config.incarnation,
            name: config.name.clone(),
            role: config.role,
            tcp: config.tcp_port,
            udp: config.udp_port,
            rules,
            session: None,
        }
    }

    /// What it says of itself.
    pub fn introduction(&self) -> Introduction {
        Introduction {
            magic: MAGIC.to_owned(),
            protocol: PROTOCOL,
            rules: self.rules.to_owned(),
            session: self.session.clone(),
            id: self.id,
            incarnation: self.incarnation,
            name: self.name.clone(),
            role: self.role,
            tcp: self.tcp,
            udp: self.udp,
        }
    }

    /// Its hello, while it plays; `dial` numbers the links it dials.
    pub fn hello(&self, dial: u64) -> Option<Hello> {
        self.session.as_ref()?;
        Some(Hello { who: self.introduction(), dial })
    }

    /// Why whoever introduces itself so cannot have a link with this node, if so.
    pub fn refuse(&self, other: &Introduction) -> Option<Refusal> {
        if other.magic != MAGIC || other.protocol != PROTOCOL {
            Some(Refusal::Protocol)
        } else if other.rules != self.rules {
            Some(Refusal::Rules)
        } else if self.session.is_none() || self.session != other.session {
            Some(Refusal::Session)
        } else if other.id == self.id {
            Some(Refusal::Identity)
        } else {
            None
        }
    }

    /// Whether somebody plays the same game by the same protocol.
    pub fn understands(&self, other: &Introduction) -> bool {
        other.protocol == PROTOCOL && other.rules == self.rules
    }

    /// Whether somebody is in the session of this node.
    pub fn shares_session(&self, other: &Introduction) -> bool {
        self.understands(other) && self.session.is_some() && other.session == self.session
    }
}

#[cfg(test)]
impl Identity {
    /// Somebody who plays, for tests.
    pub fn numbered(number: u8) -> Self {
        Self {
            id: NodeId::from_u128(u128::from(number)),
            incarnation: Incarnation(u64::from(number)),
            name: Name::new("somebody"),
            role: Role::Player,
            tcp: 4_000,
            udp: 4_000,
            rules: "test",
            session: Some(SessionName::default()),
        }
    }
}
