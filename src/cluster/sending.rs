//! How what this node says leaves: the one place where the cluster has it made into bytes.

use super::{
    message::{OrdersPacket, Passed, Proof, Word},
    proof::{HEIRS_MAX, Vouched, WORD_TICKS},
    *,
};
use crate::types::Epoch;

impl Cluster {
    /// Sends one tick to all who hold the same, and all play or all `watch`: of each receiver, the number of its last controls that
    /// were heard. `held` is the tick of the state that they hold, if it leads to this one. A state too
    /// large for a datagram goes over the link, with a small packet beside it that says the host lives.
    pub fn send_tick(
        &mut self,
        now: Instant,
        mut tick: TickPacket,
        vouched: &Vouched,
        watch: bool,
        held: Option<Tick>,
        to: impl Iterator<Item = (NodeId, u64)>,
    ) {
        tick.proof = Proof { signature: vouched.signature(watch), tags: Vec::new() };
        let young = tick.tick.0.saturating_sub(tick.began.0) <= WORD_TICKS;
        tick.word = young.then(|| self.reign_word(tick.term)).flatten();
        tick.carried = self.carried_since(tick.term, held);
        let shared = SharedTick::new(&tick);
        let mut tags = Vec::with_capacity(HEIRS_MAX);
        let mut said = (0, Vec::new());
        for (to, heard) in to {
            let delivery = match self.doubling.wants(now, to) {
                true => Delivery::Twice,
                false => Delivery::Datagram,
            };
            tags.clear();
            // Whoever only watches hands no world to anybody who asks for the crown.
            tags.extend(vouched.tags_for(to).filter(|_| !watch));
            let way = match &shared {
                Some(shared) => match shared.write(heard, &tags, &mut said) {
                    true => self.deliver(now, to, delivery, &said),
                    false => None,
                },
                None => {
                    tick.heard = heard;
                    tick.proof.tags.clone_from(&tags);
                    self.send(now, to, delivery, &Message::Packet(Packet::Tick(tick.clone())))
                }
            };
            if way != Some(Way::Datagram) {
                let proof = Proof::default();
                let sign = TickPacket { heard, carried: None, state: None, proof, ..tick };
                self.send(now, to, delivery, &Message::Packet(Packet::Tick(sign)));
            }
        }
    }

    /// Whether this node misses ticks, and says so.
    pub fn is_lossy(&self, now: Instant) -> bool {
        self.doubling.is_lossy(now)
    }

    /// Sends the host of `term` what the own player holds down: `list` ends with number `number`.
    /// `holds` is the state that the next tick may refer to.
    pub fn send_controls(
        &mut self,
        now: Instant,
        term: Term,
        holds: Option<Clock>,
        number: u64,
        list: Payload,
    ) {
        self.election.sent(number);
        if !self.me.role.plays() && self.ask_relay(now, holds) {
            return;
        }
        let lossy = self.is_lossy(now);
        let packet = Packet::Controls(ControlsPacket { term, holds, number, lossy, list });
        self.send_to_host(now, term, packet);
    }

    /// Sends the host of a reign what the own player orders.
    pub fn send_orders(&mut self, now: Instant, orders: OrdersPacket) {
        self.send_to_host(now, orders.term, Packet::Orders(orders));
    }

    /// Sends the host of a reign what its player does: itself, and by way of a relay if there is one.
    fn send_to_host(&mut self, now: Instant, term: Term, packet: Packet) {
        if let Some(relay) = self.election.relay(now) {
            self.send_through(now, relay, term.host, packet.clone());
        }
        let delivery = if self.is_lossy(now) { Delivery::Twice } else { Delivery::Datagram };
        self.send(now, term.host, delivery, &Message::Packet(packet));
    }

    /// Asks the host what its steps were told after this tick.
    pub fn want_journal(&mut self, now: Instant, epoch: Epoch, after: Tick) {
        let host = self.election.following().filter(|term| term.epoch == epoch);
        if let Some(term) = host {
            let message = Message::JournalWanted { epoch, after };
            self.send(now, term.host, Delivery::Link, &message);
        }
    }

    /// Says to a client what the steps of the own reign were told.
    pub fn tell_journal(&mut self, now: Instant, to: NodeId, payload: Payload) {
        self.send(now, to, Delivery::Link, &Message::Journal(payload));
    }

    /// Those for whom this node passes on the ticks of the host it follows, and what they hold.
    pub fn relayed(&self, now: Instant) -> Vec<(NodeId, Option<Clock>)> {
        self.relay.clients(now).collect()
    }

    /// Passes a tick of the host on, and says how many nodes it has come through. Its host has signed
    /// which world comes of it, or it is not passed on: whoever gets it would not believe it.
    /// The receiver holds the state of tick `held`, if that leads to this one.
    pub fn pass_tick(
        &mut self,
        now: Instant,
        to: NodeId,
        mut tick: TickPacket,
        digest: WorldDigest,
        held: Option<Tick>,
    ) {
        let hops = relay::HOPS_MAX.saturating_sub(self.election.distance(now));
        if hops == 0 || self.election.relay(now) == Some(to) {
            return; // it has come too far, or from there
        }
        let (Some(session), Some(signature)) = (self.session_id, tick.proof.signature) else {
            return;
        };
        let Some(from) = self.host_key(tick.term) else { return };
        let word = Word::Tick(Passed { session, digest }, signature);
        tick.carried = self.carried_since(tick.term, held);
        let incarnation = tick.term.incarnation;
        let packet = Box::new(Packet::Tick(tick));
        let relay = RelayPacket { from, incarnation, to, hops, address: None, packet, word };
        self.send_packet(now, to, Packet::Relay(relay));
    }

    /// Sends `to` something by way of `relay`.
    pub(super) fn send_through(&mut self, now: Instant, relay: NodeId, to: NodeId, packet: Packet) {
        let number = self.relay.next_number();
        if let Some(signed) = coding::signed(&self.me.key, self.me.incarnation, to, number, packet)
        {
            self.send_packet(now, relay, Packet::Relay(signed));
        }
    }

    /// Sends what stands for itself.
    pub(super) fn send_packet(&mut self, now: Instant, to: NodeId, packet: Packet) {
        self.send(now, to, Delivery::Datagram, &Message::Packet(packet));
    }

    /// Says something to one peer.
    pub(super) fn send(
        &mut self,
        now: Instant,
        to: NodeId,
        delivery: Delivery,
        message: &Message,
    ) -> Option<Way> {
        let said = coding::encode(message)?;
        self.deliver(now, to, delivery, &said)
    }

    /// Says something to all who are linked, but for `except`.
    pub(super) fn send_to_all(&mut self, now: Instant, message: &Message, except: Option<NodeId>) {
        let Some(said) = coding::encode(message) else { return };
        let linked = self.mesh.peers().filter(|(_, peer)| peer.is_linked()).map(|(id, _)| id);
        for peer in linked.filter(|id| Some(*id) != except).collect::<Vec<_>>() {
            self.deliver(now, peer, Delivery::Link, &said);
        }
    }

    pub(super) fn deliver(
        &mut self,
        now: Instant,
        to: NodeId,
        delivery: Delivery,
        (kind, body): &Encoded,
    ) -> Option<Way> {
        self.mesh.send(now, to, delivery, (*kind, body))
    }
}
