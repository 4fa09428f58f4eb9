//! Who this node says it is, in beacons and hellos, and whether somebody else fits to it.

use super::message::{Beacon, Hello, MAGIC, PROTOCOL, Refusal, Role};
use crate::{
    config::Config,
    text::{Name, SessionName},
    types::{Incarnation, NodeId},
};

/// Everything about a node that it tells to others and that does not depend on the game's course.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Who.
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

    /// Its hello, while it plays; `dial` numbers the links it dials.
    pub fn hello(&self, dial: u64) -> Option<Hello> {
        Some(Hello {
            magic: MAGIC.to_owned(),
            protocol: PROTOCOL,
            rules: self.rules.to_owned(),
            session: self.session.clone()?,
            id: self.id,
            incarnation: self.incarnation,
            name: self.name.clone(),
            role: self.role,
            tcp: self.tcp,
            udp: self.udp,
            dial,
        })
    }

    /// Why whoever says `hello` cannot have a link with this node, if so.
    pub fn refuse(&self, hello: &Hello) -> Option<Refusal> {
        if hello.magic != MAGIC || hello.protocol != PROTOCOL {
            Some(Refusal::Protocol)
        } else if hello.rules != self.rules {
            Some(Refusal::Rules)
        } else if self.session.as_ref() != Some(&hello.session) {
            Some(Refusal::Session)
        } else if hello.id == self.id {
            Some(Refusal::Identity)
        } else {
            None
        }
    }

    /// Whether the sender of `beacon` plays the same game by the same protocol.
    pub fn understands(&self, beacon: &Beacon) -> bool {
        beacon.protocol == PROTOCOL && beacon.rules == self.rules
    }

    /// Whether the sender of `beacon` is in the session of this node.
    pub fn shares_session(&self, beacon: &Beacon) -> bool {
        self.understands(beacon) && self.session.is_some() && beacon.session == self.session
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
