//! Who this node says it is, in beacons and hellos, and whether somebody else fits to it.

use super::{
    channel::{Handshake, LifeKey},
    message::{Beacon, Hello, Introduction, MAGIC, Opening, PROTOCOL, Refusal},
};
use crate::{
    accounts::Statement,
    config::Config,
    keys::{Chance, Lock, SecretKey},
    text::{Name, SessionName},
    types::{Incarnation, NodeId, Role},
};

/// Everything about a node that it tells to others and that does not depend on the game's course.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Its key, which outlives addresses and starts.
    pub key: SecretKey,
    /// The id that follows from it.
    pub id: NodeId,
    /// In which life.
    pub incarnation: Incarnation,
    /// What it agrees upon keys with, in this life.
    pub life: LifeKey,
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
    /// What opens that session; none: it is open to everybody.
    pub lock: Option<Lock>,
    /// The certificate of this machine, by the account that it speaks for.
    pub certificate: Option<Statement>,
}

impl Identity {
    /// As the configuration says.
    pub fn new(config: &Config, rules: &'static str, chance: &mut Chance) -> Self {
        Self {
            key: config.key.clone(),
            id: config.key.public().id(),
            incarnation: config.incarnation,
            life: LifeKey::draw(&config.key, config.incarnation, chance),
            name: config.name.clone(),
            role: config.role,
            tcp: config.tcp_port,
            udp: config.udp_port,
            rules,
            session: None,
            lock: None,
            certificate: Statement::certificate(&config.statements, &config.key.public()).cloned(),
        }
    }

    /// It speaks for the account that says this from here on.
    pub fn speak_for(&mut self, statements: &[Statement]) {
        self.certificate = Statement::certificate(statements, &self.key.public()).cloned();
    }

    /// It is somebody else from here on.
    pub fn become_another(&mut self, chance: &mut Chance) {
        self.key = SecretKey::draw(chance);
        self.certificate = None;
        self.id = self.key.public().id();
        self.life = LifeKey::draw(&self.key, self.incarnation, chance);
    }

    /// What it says of itself.
    pub fn introduction(&self) -> Introduction {
        Introduction {
            magic: MAGIC.to_owned(),
            protocol: PROTOCOL,
            rules: self.rules.to_owned(),
            session: self.session.clone(),
            key: self.key.public(),
            incarnation: self.incarnation,
            name: self.name.clone(),
            role: self.role,
            tcp: self.tcp,
            udp: self.udp,
        }
    }

    /// Begins a handshake, as whoever dials or as whoever was dialled.
    pub fn handshake(&self, chance: &mut Chance, dials: bool) -> Option<Handshake> {
        let about = serde_json::to_vec(&(MAGIC, PROTOCOL, self.rules, &self.session)).ok()?;
        Handshake::new(&self.life, self.lock.as_ref(), &about, chance, dials)
    }

    /// The first word on a link that it dials, while it plays.
    pub fn opening(&self, noise: Vec<u8>) -> Option<Opening> {
        Some(Opening {
            magic: MAGIC.to_owned(),
            protocol: PROTOCOL,
            rules: self.rules.to_owned(),
            session: self.session.clone()?,
            locked: self.lock.is_some(),
            noise: noise.into(),
        })
    }

    /// Its hello; `dial` numbers the links it dials, and datagrams to it begin with `index`.
    pub fn hello(&self, dial: u64, index: u16) -> Hello {
        Hello {
            who: self.introduction(),
            proof: self.life.proof(),
            dial,
            index,
            certificate: self.certificate.clone(),
        }
    }

    /// Why whoever begins so cannot have a link with this node, if so.
    pub fn refuse(&self, other: &Opening) -> Option<Refusal> {
        if other.magic != MAGIC || other.protocol != PROTOCOL {
            Some(Refusal::Protocol)
        } else if other.rules != self.rules {
            Some(Refusal::Rules)
        } else if self.session.as_ref() != Some(&other.session) {
            Some(Refusal::Session)
        } else if self.lock.is_some() != other.locked {
            Some(Refusal::Passphrase)
        } else {
            None
        }
    }

    /// Whether somebody plays the same game by the same protocol.
    pub fn understands(&self, other: &Introduction) -> bool {
        other.protocol == PROTOCOL && other.rules == self.rules
    }

    /// Whether somebody is in the session of this node.
    pub fn shares_session(&self, beacon: &Beacon) -> bool {
        let same = self.session.is_some() && beacon.who.session == self.session;
        self.understands(&beacon.who) && same && beacon.locked == self.lock.is_some()
    }
}

impl Identity {
    /// Somebody who plays, to try things out with: the same one for the same number.
    pub fn numbered(number: u8) -> Self {
        let incarnation = Incarnation(u64::from(number));
        let key = SecretKey::from_bytes(&[number; 32]);
        Self {
            id: key.public().id(),
            life: LifeKey::draw(&key, incarnation, &mut Chance::new([number; 32])),
            key,
            incarnation,
            name: Name::new("somebody"),
            role: Role::Player,
            tcp: 4_000,
            udp: 4_000,
            rules: "test",
            session: Some(SessionName::default()),
            lock: None,
            certificate: None,
        }
    }

    /// The first two of those, in the order of their ids.
    #[cfg(test)]
    pub fn two() -> [Self; 2] {
        let mut two = [1, 2].map(Self::numbered);
        two.sort_by_key(|one| one.id);
        two
    }
}
