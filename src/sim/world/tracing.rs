//! What is written down of a run, if anything.

use std::fmt::Display;

use super::World;
use crate::{
    game::Game,
    io::Wire,
    node::{Input, Node},
    sim::{network::Place, trace::Trace},
    types::{Incarnation, NodeId},
};

impl<G: Game> World<G> {
    /// Starts a trace from here on, if there is none yet.
    pub fn start_trace(&mut self) {
        if self.trace.is_none() {
            self.trace = Some(Trace::new(self.now));
            self.machines.iter_mut().flat_map(|m| &mut m.node).for_each(Node::stay_legible);
            (0..self.count()).for_each(|place| self.introduce(place));
        }
    }

    /// Tells the trace who lives at `place`.
    pub(super) fn introduce(&mut self, place: Place) {
        let machine = &self.machines[place];
        let life = self.life(place).map(|(_, incarnation)| incarnation);
        let id = machine.node.as_ref().map_or(machine.key.public().id(), Node::me);
        if let Some(trace) = &mut self.trace {
            trace.introduce(place, id, life);
        }
    }

    /// Who lives at `place` at the moment.
    pub(super) fn life(&self, place: Place) -> Option<(NodeId, Incarnation)> {
        let me = self.node(place)?.cluster().me();
        Some((me.id, me.incarnation))
    }

    pub(super) fn trace_input(&mut self, place: Place, input: &Input<G>) {
        let Input::Wire(Wire::Packet { from, bytes, .. }) = input else { return };
        let Some(sender) = self.lives_at(*from) else { return };
        let life = self.life(sender);
        let promised = self.node(place).and_then(|node| node.cluster().election().promised());
        if let (Some(trace), Some(life), Some(promised)) = (&mut self.trace, life, promised)
            && let Some(node) = &self.machines[sender].node
            && let Some(said) = node.cluster().read(bytes)
        {
            trace.fenced(self.now, place, promised, life, said);
        }
    }

    /// Notes what happened at `place`, or was done by it.
    pub fn note(&mut self, place: Place, what: impl Display) {
        if let Some(trace) = &mut self.trace {
            trace.note(self.now, place, what);
        }
    }

    /// Notes what happened between machines.
    pub fn tell(&mut self, what: impl Display) {
        if let Some(trace) = &mut self.trace {
            trace.tell(self.now, what);
        }
    }
}
