//! What comes off a wire is data, whatever it is: nothing panics, nothing hangs.

use std::{net::SocketAddr, sync::Arc};

use interregnum::{
    arena::Arena,
    config::{BEACON_PORT, Config, Form, Tuning},
    io::{CloseReason, Effect, Port, Wire},
    keys::SecretKey,
    ledger::{disk::Stored, entry::WallTime},
    mesh::Delivery,
    node::{Input, Node, Output},
    text::{Name, SessionName},
    types::{Incarnation, Instant, LinkId, NodeId, Role},
};
use proptest::{collection::vec, prelude::*};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A stranger who knows nothing of the protocol.
    #[test]
    fn any_bytes_from_strangers_leave_a_node_standing(
        packets in vec(vec(any::<u8>(), 0..600), 0..40),
        chunks in vec(vec(any::<u8>(), 0..600), 0..40),
    ) {
        let mut lone = Lone::new(1);
        lone.feed(Wire::Accepted { link: LinkId(1), from: address(9) });
        for bytes in packets {
            let via = if bytes.len() % 2 == 0 { Port::Own } else { Port::Beacon };
            lone.feed(Wire::Packet { from: address(9), via, bytes });
        }
        for chunk in chunks {
            lone.feed(Wire::Bytes { link: LinkId(1), chunk });
        }
        lone.feed(Wire::Closed { link: LinkId(1), reason: CloseReason::Error });
        lone.pass_time();
    }

    /// A member whose every message has a byte changed, before it is sealed or after: nearly right is
    /// worse than wrong.
    #[test]
    fn a_member_with_broken_bytes_leaves_a_node_standing(
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..200),
    ) {
        let (mut one, mut other) = (Lone::new(1), Lone::new(2));
        let mut changes = changes.iter().cycle();
        for round in 0..200 {
            one.pass_time();
            other.pass_time();
            let spoil = round >= 60;
            exchange(&mut one, &mut other, |_| spoil.then(|| changes.next()).flatten());
            exchange(&mut other, &mut one, |_| None);
            if round == 59 {
                let terms = [&one, &other].map(|lone| lone.node.replica().clock());
                prop_assert!(terms[0].is_some() && terms[0] == terms[1], "they must meet: {:?}", terms);
            }
        }
    }
}

/// Carries what one did to the other.
fn exchange<'a>(
    from: &mut Lone,
    to: &mut Lone,
    mut change: impl FnMut(()) -> Option<&'a (prop::sample::Index, u8)>,
) {
    for effect in std::mem::take(&mut from.sent) {
        let dialled = match &effect {
            Effect::Dial { link, .. } => Some(*link),
            _ => None,
        };
        let change = change(());
        match change.and_then(|(index, byte)| from.spoil(to.node.me(), &effect, index, *byte)) {
            Some(spoilt) => spoilt.into_iter().for_each(|effect| to.receive(effect, None)),
            None => to.receive(effect, change),
        }
        if let Some(link) = dialled {
            from.feed(Wire::Connected { link });
        }
    }
}

/// A node without a driver.
struct Lone {
    node: Node<Arena>,
    now: Instant,
    sent: Vec<Effect>,
    place: u8,
}

impl Lone {
    fn new(place: u8) -> Self {
        let config = Config {
            key: SecretKey::from_bytes(&[place; 32]),
            statements: Vec::new(),
            reads_as: None,
            talks: false,
            incarnation: Incarnation(u64::from(place)),
            name: Name::new("n"),
            role: Role::Player,
            session: Some(SessionName::default()),
            lock: None,
            founds_beside_locked: true,
            allowed: None,
            peers: vec![address(3 - place.min(2))],
            stored: Stored::default(),
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
        };
        let now = Instant(1_000_000);
        let mut node = Node::new(now, config);
        node.stay_legible();
        let mut lone = Self { node, now, sent: Vec::new(), place };
        lone.drain();
        lone
    }

    fn feed(&mut self, wire: Wire) {
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

    /// What it says with a byte changed under the seal, every other time.
    fn spoil(
        &mut self,
        whom: NodeId,
        effect: &Effect,
        index: &prop::sample::Index,
        byte: u8,
    ) -> Option<Vec<Effect>> {
        let (sealed, delivery) = match effect {
            Effect::Packet { bytes, .. } => (bytes, Delivery::Datagram),
            Effect::Bytes { bytes, .. } => (bytes, Delivery::Link),
            _ => return None,
        };
        let mut said = self.node.cluster().read(sealed).filter(|_| byte % 2 == 1)?.to_vec();
        let at = index.index(said.len());
        said[at] = byte;
        self.node.utter(self.now, whom, delivery, said[0], &said[1..]);
        self.drain();
        Some(std::mem::take(&mut self.sent))
    }

    /// Ten milliseconds, with all that is due in them.
    fn pass_time(&mut self) {
        let end = Instant(self.now.0 + 10_000);
        for _ in 0..1_000 {
            let Some(due) = self.node.next_timeout().filter(|due| *due <= end) else { break };
            self.now = self.now.max(due);
            self.feed(Wire::Timeout);
        }
        assert!(self.node.next_timeout().is_none_or(|due| due > self.now), "it spins");
        self.now = end;
    }

    /// What the other one did, as it arrives here, perhaps with a byte changed.
    fn receive(&mut self, effect: Effect, change: Option<&(prop::sample::Index, u8)>) {
        let from = address(3 - self.place);
        let spoilt = |bytes: Arc<[u8]>| {
            let mut bytes = bytes.to_vec();
            if let Some((index, byte)) = change.filter(|_| !bytes.is_empty()) {
                let index = index.index(bytes.len());
                bytes[index] = *byte;
            }
            bytes
        };
        match effect {
            Effect::Packet { bytes, .. } | Effect::Broadcast { bytes, .. } => {
                self.feed(Wire::Packet { from, via: Port::Own, bytes: spoilt(bytes) });
            }
            Effect::Dial { link, .. } => {
                self.feed(Wire::Accepted { link: LinkId(link.0 + 1), from });
            }
            Effect::Bytes { link, bytes } => {
                let link = LinkId(link.0 ^ 1);
                self.feed(Wire::Bytes { link, chunk: spoilt(bytes) });
            }
            Effect::Close { link } => {
                let link = LinkId(link.0 ^ 1);
                self.feed(Wire::Closed { link, reason: CloseReason::EndOfStream });
            }
            // There is no disk.
            Effect::Persist { .. } | Effect::Remember { .. } => {}
        }
    }
}

fn address(place: u8) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, place], 2))
}
