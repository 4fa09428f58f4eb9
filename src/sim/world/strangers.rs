//! Machines without a node, and what a machine does beyond what its node would.
//!
//! A stranger hears what comes to it, and does what the story says: dial, send any bytes, close. So
//! may a machine with a node, by whose address and on whose links it is then done.

use super::World;
use crate::{
    game::Game,
    io::{Effect, Wire},
    mesh::Delivery,
    node::Node,
    sim::network::Place,
};

impl<G: Game> World<G> {
    /// Somebody lives at `place` who is no node.
    pub fn settle_stranger(&mut self, place: Place) {
        debug_assert!(self.node(place).is_none(), "a node lives there");
        self.machines[place].stranger = Some(Vec::new());
    }

    /// What a stranger has heard.
    pub fn heard_by(&self, place: Place) -> &[Wire] {
        self.machines[place].stranger.as_deref().unwrap_or_default()
    }

    /// The machine does this, whatever its node would say to it.
    pub fn act(&mut self, place: Place, effect: Effect) {
        self.effect(place, effect);
    }

    /// A node says to another one what no node would say, in a datagram or over its link.
    pub fn utter(&mut self, by: Place, to: Place, delivery: Delivery, kind: u8, body: &[u8]) {
        let Some(whom) = self.node(to).map(Node::me) else { return };
        let machine = &mut self.machines[by];
        let now = machine.clock.read(self.now);
        if let Some(node) = &mut machine.node {
            node.utter(now, whom, delivery, kind, body);
            self.drain(by);
        }
    }

    /// Whoever lives there reads nothing more from its links, and leaves them open.
    pub fn stop_reading(&mut self, place: Place) {
        self.machines[place].reads = false;
    }

    /// Another program takes the port for beacons.
    pub fn take_port(&mut self, place: Place) {
        self.machines[place].port_taken = true;
    }
}
