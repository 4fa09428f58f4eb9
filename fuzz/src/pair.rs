//! Nodes without a driver: whoever calls is their network and their clock.

use std::net::SocketAddr;

use interregnum::{
    arena::Arena,
    config::{BEACON_PORT, Config, Form, Tuning},
    io::{CloseReason, Effect, Port, Wire},
    keys::{Lock, SecretKey},
    ledger::{disk::Stored, entry::WallTime},
    mesh::Delivery,
    node::{Input, Node, Output},
    text::{Name, SessionName},
    types::{Clock, Incarnation, Instant, LinkId, NodeId, Role},
};

/// What a node is started with that lives at this place of a network of two, and plays the arena.
pub fn config(place: u8) -> Config {
    Config {
        key: SecretKey::from_bytes(&[place; 32]),
        statements: Vec::new(),
        reads_as: None,
        talks: false,
        friends: Vec::new(),
        muted: Default::default(),
        incarnation: Incarnation(u64::from(place)),
        name: Name::new("n"),
        role: Role::Player,
        session: Some(SessionName::default()),
        lock: None,
        founds_beside_locked: true,
        allowed: None,
        peers: vec![address(3 - place.min(2))],
        stored: Some(Stored::default()),
        wall: WallTime(0),
        beacon_port: BEACON_PORT,
        tcp_port: 1,
        udp_port: 2,
        chance: [place; 32],
        seed: 1,
        trace_ticks: true,
        views: true,
        form: Form::Binary,
        tuning: Tuning::default(),
    }
}

/// A lock that takes no time to make.
pub fn lock() -> Lock {
    Lock::from_secret(&[7; 32])
}

/// The address of a place.
pub fn address(place: u8) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, place], 2))
}

/// A node, and what it has said that nobody has heard yet.
pub struct Lone {
    node: Node<Arena>,
    now: Instant,
    sent: Vec<Effect>,
    place: u8,
}

impl Lone {
    /// One that starts now.
    pub fn new(place: u8) -> Self {
        let now = Instant(1_000_000);
        let mut node = Node::new(now, config(place));
        node.stay_legible();
        let mut lone = Self { node, now, sent: Vec::new(), place };
        lone.drain();
        lone
    }

    /// What it plays.
    pub fn clock(&self) -> Option<Clock> {
        self.node.replica().clock()
    }

    /// Something comes off the wire.
    pub fn feed(&mut self, wire: Wire) {
        self.node.handle(self.now, Input::Wire(wire));
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.node.poll() {
            if let Output::Effect(effect) = output {
                self.sent.push(effect);
            }
        }
    }

    /// Says to the other place, under the seal, what no node would say.
    pub fn utter(&mut self, delivery: Delivery, kind: u8, body: &[u8]) {
        let whom = config(3 - self.place).key.public().id();
        self.node.utter(self.now, whom, delivery, kind, body);
        self.drain();
    }

    /// Ten milliseconds, with all that is due in them.
    ///
    /// # Panics
    /// If it is never done.
    pub fn pass_time(&mut self) {
        let end = Instant(self.now.0 + 10_000);
        for _ in 0..1_000 {
            let Some(due) = self.node.next_timeout().filter(|due| *due <= end) else { break };
            self.now = self.now.max(due);
            self.feed(Wire::Timeout);
        }
        assert!(self.node.next_timeout().is_none_or(|due| due > self.now), "it spins");
        self.now = end;
    }

    /// What the other one did, as it arrives here, each datagram and each piece of a stream spoilt
    /// first by `spoil`.
    pub fn receive(&mut self, effect: Effect, spoil: impl FnOnce(&mut [u8])) {
        let from = address(3 - self.place);
        let spoilt = |bytes: &[u8]| {
            let mut bytes = bytes.to_vec();
            spoil(&mut bytes);
            bytes
        };
        match effect {
            Effect::Packet { bytes, .. } | Effect::Broadcast { bytes, .. } => {
                self.feed(Wire::Packet { from, via: Port::Own, bytes: spoilt(&bytes) });
            }
            Effect::Dial { link, .. } => {
                self.feed(Wire::Accepted { link: LinkId(link.0 + 1), from });
            }
            Effect::Bytes { link, bytes } => {
                let link = LinkId(link.0 ^ 1);
                self.feed(Wire::Bytes { link, chunk: spoilt(&bytes) });
            }
            Effect::Close { link } => {
                let link = LinkId(link.0 ^ 1);
                self.feed(Wire::Closed { link, reason: CloseReason::EndOfStream });
            }
            // There is no disk.
            Effect::Persist { .. } | Effect::Remember { .. } => {}
        }
    }

    /// What this effect says, as it was before it was sealed: its kind, and what follows.
    pub fn read(&self, effect: &Effect) -> Option<(Delivery, Vec<u8>)> {
        let (sealed, delivery) = match effect {
            Effect::Packet { bytes, .. } => (bytes, Delivery::Datagram),
            Effect::Bytes { bytes, .. } => (bytes, Delivery::Link),
            _ => return None,
        };
        Some((delivery, self.node.cluster().read(sealed)?.to_vec()))
    }

    /// Takes what it has said.
    pub fn said(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.sent)
    }

    /// Its id.
    pub fn id(&self) -> NodeId {
        self.node.me()
    }
}

/// Carries what one did to the other.
pub fn exchange(
    from: &mut Lone,
    to: &mut Lone,
    mut carry: impl FnMut(&mut Lone, &mut Lone, Effect),
) {
    for effect in from.said() {
        let dialled = match &effect {
            Effect::Dial { link, .. } => Some(*link),
            _ => None,
        };
        carry(from, to, effect);
        if let Some(link) = dialled {
            from.feed(Wire::Connected { link });
        }
    }
}

/// Two that play with each other.
///
/// # Panics
/// If they do not come to.
pub fn playing() -> (Lone, Lone) {
    let (mut one, mut other) = (Lone::new(1), Lone::new(2));
    for _ in 0..60 {
        pass_both(&mut one, &mut other);
    }
    assert!(one.clock().is_some() && one.clock() == other.clock(), "they must meet");
    (one, other)
}

/// Ten milliseconds of two, in which each hears what the other says.
pub fn pass_both(one: &mut Lone, other: &mut Lone) {
    one.pass_time();
    other.pass_time();
    exchange(one, other, |_, to, effect| to.receive(effect, |_| ()));
    exchange(other, one, |_, to, effect| to.receive(effect, |_| ()));
}
