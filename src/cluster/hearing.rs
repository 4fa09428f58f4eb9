//! What becomes of what others say: the one place where bytes become a message, and where each goes.

use super::*;

impl Cluster {
    /// The one place where what came, whichever way, becomes a message.
    pub(super) fn received(&mut self, now: Instant, newest: &dyn Newest, received: Received) {
        let Received { peer, way, kind, body } = received;
        let Some(life) = self.mesh.peer(peer).map(|known| (peer, known.incarnation)) else {
            return;
        };
        match coding::decode(kind, body, life, (self.me.id, self.me.incarnation)) {
            Ok(message) => self.message(now, newest, peer, message),
            Err(_) => {
                if coding::is_passed_on(kind) {
                    self.mistrust(now, peer);
                }
                self.mesh.reject(now, way);
            }
        }
    }

    /// Something that `from` says, itself or by way of `via`.
    fn packet(
        &mut self,
        now: Instant,
        newest: &dyn Newest,
        from: NodeId,
        packet: Packet,
        via: Option<Via>,
    ) {
        let Some(peer) = self.mesh.peer(from) else {
            return;
        };
        let incarnation = peer.incarnation;
        let votes = peer.role.plays() && self.me.role.plays();
        match packet {
            Packet::Tick(tick) => {
                if tick.term.host != from || tick.term.incarnation != incarnation {
                    return;
                }
                if let Some(word) = tick.word
                    && !self.is_reign(now, from, tick.term, Some(word))
                {
                    return;
                }
                if via.is_none() {
                    self.doubling.saw(now, Clock { term: tick.term, tick: tick.tick });
                    self.through.comes_twice(now, from);
                }
                let admission =
                    self.elect(now, newest, |election, cx| election.tick(now, cx, &tick, via));
                if admission == Admission::Apply && tick.state.is_some() {
                    self.hand_on(now, tick, via.map(|via| via.by));
                }
            }
            Packet::Controls(packet) => {
                self.doubling.told(now, from, packet.lossy && peer.role.plays());
                let role = peer.role;
                if via.is_none() && self.tree.watches_through(from) {
                    self.hear_through(from, None); // else it would say that to who serves it
                }
                if self.elect(now, newest, |election, _| {
                    election.controls(now, from, packet.term, role)
                }) {
                    let relayed = via.is_some();
                    self.out.push_back(Out::Controls { from, incarnation, packet, relayed });
                }
            }
            Packet::Orders(packet) => {
                if peer.role.plays() && self.election.reign() == Some(packet.term) {
                    self.out.push_back(Out::Orders { from, incarnation, packet });
                }
            }
            Packet::Relay(relay) => self.pass_on(now, newest, from, relay),
            Packet::Watch { holds } => {
                if !self.me.role.plays() && !peer.role.plays() && via.is_none() {
                    self.relay.hand_down_to(now, self.rate, (from, peer.ip()), holds);
                }
            }
            Packet::Down(tick) if via.is_none() => self.handed_down(now, newest, from, tick),
            Packet::Reign { term, word } if votes => {
                if self.would_matter(term) && self.is_reign(now, from, term, Some(word)) {
                    self.hear_of_reign(now, via.map_or(from, |via| via.by), term);
                }
            }
            mut packet if votes => {
                if let Packet::Verdict { judge: term, word, .. }
                | Packet::Ends { new: term, word, .. } = packet
                    && !self.is_reign(now, from, term, word)
                {
                    return;
                }
                if let Packet::Rival { term, word } | Packet::Stale { promised: term, word, .. } =
                    packet
                {
                    if !self.would_matter(term) || !self.is_reign(now, from, term, word) {
                        return;
                    }
                    self.hear_of_host(now, term);
                }
                if let Packet::Ok(ok) = &mut packet {
                    self.weigh(now, newest, from, ok);
                }
                self.elect(now, newest, |election, cx| {
                    election.packet(now, cx, from, packet, via.map(|via| via.by));
                });
            }
            _ => {}
        }
    }

    /// Something came that goes, or went, through a third node.
    fn pass_on(&mut self, now: Instant, newest: &dyn Newest, by: NodeId, mut relay: RelayPacket) {
        let from = relay.author();
        if relay.to == self.me.id && !self.relay.is_news(&relay) {
            return;
        }
        let is_tick = matches!(*relay.packet, Packet::Tick(_));
        if relay.to == self.me.id && is_tick && self.proving.mistrusts(now, by) {
            return;
        }
        if relay.to == self.me.id && !is_tick {
            // Whoever speaks to this host that way may not hear it itself.
            self.proving.passed(now + relay::SERVED);
        }
        if let (Packet::Knock(knock), true) = (&*relay.packet, relay.to == self.me.id) {
            return self.let_in(now, &relay, knock);
        }
        if let (Packet::Meet(meet), true) = (&*relay.packet, relay.to == self.me.id)
            && (meet.term.host, meet.term.incarnation) == (from, relay.incarnation)
        {
            self.hear_of_host(now, meet.term); // by its own word: nobody here may ever have heard of it
        }
        if self.mesh.peer(from).map(|peer| peer.incarnation) != Some(relay.incarnation) {
            return;
        }
        if relay.to == self.me.id {
            if from != self.me.id {
                self.mesh.heard_of(now, from);
                let far = relay::HOPS_MAX.saturating_sub(relay.hops).saturating_add(1);
                self.packet(now, newest, from, *relay.packet, Some(Via { by, far }));
            }
            return;
        }
        let Some(hops) = relay.hops.checked_sub(1) else { return };
        if let Packet::Knock(_) = &*relay.packet {
            relay.address = relay.address.or_else(|| self.mesh.peer(from)?.address());
            // It asks until it has heard that it has a seat.
            self.send_roster(now, from);
        }
        let host = self.election.following().map(|term| term.host);
        if host != Some(from) {
            let holds = match &*relay.packet {
                Packet::Controls(controls) => controls.holds,
                _ => None,
            };
            if self.relay.serve(now, from, holds) {
                self.send_roster(now, from);
            }
        }
        let up = self.election.relay(now).filter(|_| host == Some(relay.to));
        let next = up.or_else(|| self.way_to_host(now, relay.to)).unwrap_or(relay.to);
        if next != by && next != from {
            let packet = Packet::Relay(RelayPacket { hops, ..relay });
            self.send_packet(now, next, packet);
        }
    }

    fn message(&mut self, now: Instant, newest: &dyn Newest, from: NodeId, message: Message) {
        match message {
            Message::Packet(packet) => self.packet(now, newest, from, packet, None),
            Message::Roster(signed) => {
                // From whomever it comes: it is the host's, or it is nothing. What the host sends itself
                // is checked before it is passed on.
                let (host, key) = (signed.roster.term.host, &signed.key);
                let trusted = host == from && key.id() == host;
                if !trusted && signed.check().is_err() && !self.tuning.has(Mutant::UnsignedRosters)
                {
                    return self.refuse(now, from, "a roster that its host did not sign");
                }
                self.hear_of_reign(now, from, signed.roster.term);
                if self.roster.adopt(signed, self.election.following()) {
                    // Its host may not have heard yet who is not let in.
                    let (me, mesh) = (self.me.id, &self.mesh);
                    self.roster.leave_out(|id| id != me && mesh.refuses(id).is_some());
                    self.roster_changed(now);
                    self.pass_roster(now);
                }
            }
            Message::Token(token) => {
                let life = self.mesh.peer(from).map(|peer| peer.incarnation);
                let mesh = &self.mesh;
                let is_linked = |id| mesh.peer(id).is_some_and(Peer::is_linked);
                if let Some(life) = life {
                    self.proving.keep((from, life), token, is_linked);
                }
            }
            Message::Relays(told) => {
                let host = self.election.following().map(|term| term.host);
                if !self.me.role.plays() && host == Some(from) {
                    self.hear_of_relays(now, newest, told);
                }
            }
            Message::Through(through) => self.hear_through(from, through),
            Message::Votes(votes) => self.hear_votes(now, newest, &votes),
            Message::Pairing(step) => self.hear_pairing(now, from, step),
            Message::JournalWanted { epoch, after } => {
                if let Some(term) = self.election.reign().filter(|term| term.epoch == epoch) {
                    self.out.push_back(Out::JournalWanted { from, term, after });
                }
            }
            Message::Journal(payload) => {
                if let Some(term) = self.election.following().filter(|term| term.host == from) {
                    self.out.push_back(Out::Journal { term, payload });
                }
            }
            Message::Ledger(message) => self.hear_of_ledger(now, from, &message),
            Message::Bye => {
                self.mesh.forget_announcement(from);
                self.mesh.hang_up(now, from, Parting::Left);
                if self.election.reign().is_some() && self.roster.remove(from) {
                    self.publish_roster(now);
                }
            }
        }
    }
}
