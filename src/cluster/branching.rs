//! Watching through others: how a host grows its [tree], how a relay hands ticks down, and how whoever only watches
//! comes to watch [through](super::through) one.

use super::{message::RelayAt, proof::Claim, tree::Watcher, *};

/// How many spectators are told of their relays at a time, and the time between two such slices.
const TOLD_AT_ONCE: usize = 16;
const TOLD_EVERY: Duration = Duration::from_millis(4);

/// What is handed down is so many ticks ahead of what is held at most: whoever lacks more asks its host.
const HANDED_DOWN_AHEAD: u64 = 600;

/// The most relays that a spectator is told of.
const RELAYS_TOLD: usize = 2;

impl Cluster {
    // At the host.

    /// Looks whether those who watch can all be sent each tick, and tells those who cannot through whom to watch.
    pub(super) fn grow_tree(&mut self, now: Instant) {
        if self.tree.is_due(now) {
            let watches = |peer: &Peer| peer.is_linked() && !peer.role.plays();
            let watchers = self.mesh.peers().filter(|(_, peer)| watches(peer));
            let watchers = watchers.map(|(id, peer)| Watcher {
                id,
                // Whoever waits for a seat may have one at any time.
                reachable: peer.role == Role::Spectator
                    && peer.address().is_some_and(|address| address.tcp != 0),
            });
            let watchers: Vec<Watcher> = watchers.collect();
            self.tree.plan(now, &watchers, self.tuning.direct_watchers, self.tuning.fan_out);
        }
        if now < self.routes_told + TOLD_EVERY {
            return;
        }
        for _ in 0..TOLD_AT_ONCE {
            let Some((watcher, route)) = self.tree.next_untold() else { return };
            self.routes_told = now;
            let relays = route.into_iter().flatten().filter_map(|id| self.relay_at(id));
            let relays = Message::Relays(relays.collect());
            self.send(now, watcher, Delivery::Link, &relays);
        }
    }

    fn relay_at(&self, id: NodeId) -> Option<RelayAt> {
        let peer = self.mesh.peer(id).filter(|peer| peer.is_linked())?;
        Some(RelayAt { id, incarnation: peer.incarnation, address: peer.address()? })
    }

    /// When the next ones are to be told.
    pub(super) fn routes_due(&self) -> Instant {
        match self.tree.has_untold() {
            true => self.routes_told + TOLD_EVERY,
            false => Instant::NEVER,
        }
    }

    /// Somebody says through whom it watches.
    pub(super) fn hear_through(&mut self, from: NodeId, through: Option<NodeId>) {
        if self.mesh.peer(from).is_some_and(|peer| !peer.role.plays()) {
            self.tree.says(from, through);
            if through.is_some() {
                self.mesh.set_fed(from);
            }
        }
    }

    // At a relay.

    /// Those to whom this node hands down the ticks of the host that it follows, and what they hold.
    pub fn watched_by(&self, now: Instant) -> Vec<(Option<Clock>, NodeId)> {
        self.relay.watchers(now)
    }

    /// Hands a tick down to those who hold the state of tick `held`, if that leads to this one.
    pub fn hand_down(
        &mut self,
        now: Instant,
        mut tick: TickPacket,
        held: Option<Tick>,
        to: impl Iterator<Item = NodeId>,
    ) {
        tick.carried = self.carried_since(tick.term, held);
        let Some(said) = coding::encode(&Message::Packet(Packet::Down(tick))) else { return };
        for to in to {
            self.deliver(now, to, Delivery::Datagram, &said);
        }
    }

    // At whoever watches through one.

    /// The host tells through whom to watch.
    pub(super) fn hear_of_relays(&mut self, now: Instant, newest: &dyn Newest, told: Vec<RelayAt>) {
        let told: Vec<RelayAt> = told.into_iter().take(RELAYS_TOLD).collect();
        let host = self.election.following().and_then(|term| self.mesh.peer(term.host)?.address());
        for relay in told.iter().filter(|relay| relay.id != self.me.id) {
            let at = match host {
                Some(host) => introductions::told_by(host.ip, relay.address),
                None => vec![relay.address],
            };
            for address in at {
                let relay = Acquaintance {
                    id: relay.id,
                    incarnation: relay.incarnation,
                    name: Name::new(""),
                    role: Role::Spectator,
                    address: Some(address),
                    heard: false,
                    wanted: false,
                    member: false,
                    pays: 2 * DIAL_COSTS_BYTES as usize,
                };
                self.mesh.learn_of(now, &self.me, relay);
            }
        }
        self.through.told(told);
        let spread = self.random.next_u64() % HEIR_MET_WITHIN.as_micros() as u64;
        self.other_relay_at = now + Duration::from_micros(spread);
        self.mind_through(now, newest);
    }

    /// Sees to it that this node gets its ticks from somebody.
    pub(super) fn mind_through(&mut self, now: Instant, newest: &dyn Newest) {
        if self.me.role.plays() {
            if self.through.asked().is_none() {
                return;
            }
            self.through.told(Vec::new()); // it has a seat now
        }
        let first = if now >= self.other_relay_at { RELAYS_TOLD } else { 1 };
        let wanted: Vec<NodeId> = self.through.relays().take(first).map(|relay| relay.id).collect();
        self.mesh.set_relays(now, &wanted);
        let (mesh, proving) = (&self.mesh, &self.proving);
        let linked = |id| mesh.peer(id).is_some_and(Peer::is_linked) && !proving.mistrusts(now, id);
        if self.through.choose(now, self.rate, linked) {
            self.ask_relay(now, newest.mark().map(|mark| mark.clock));
        }
        if let Some(through) = self.through.to_say() {
            let host = self.election.current().map(|term| term.host);
            let heir = self.heir.map(|(heir, _)| heir);
            for to in host.into_iter().chain(heir.filter(|heir| Some(*heir) != host)) {
                self.send(now, to, Delivery::Link, &Message::Through(through));
            }
        }
    }

    /// Through whom this node watches, if it gets its ticks from another spectator.
    pub fn watches_through(&self) -> Option<NodeId> {
        self.through.served_by()
    }

    /// Somebody who may host one day is linked with this node, which only watches: it is told through whom.
    pub(super) fn introduce_relay(&mut self, now: Instant, to: NodeId) {
        let plays = self.mesh.peer(to).is_some_and(|peer| peer.role.plays());
        if let Some(through) = self.through.served_by().filter(|_| plays) {
            self.send(now, to, Delivery::Link, &Message::Through(Some(through)));
        }
    }

    /// Asks the relay for what follows the state that is held. Whether this node watches through one: its host has nothing
    /// to send then.
    pub(super) fn ask_relay(&mut self, now: Instant, holds: Option<Clock>) -> bool {
        if let Some(relay) = self.through.asked() {
            self.send_packet(now, relay, Packet::Watch { holds });
        }
        self.through.served_by().is_some()
    }

    /// Whether a tick that `by` has handed down may be applied: it is asked, this is not too far ahead of what is held, and newer
    /// than all that came from there before, and the reign is one that is followed, or that of a member, by its own word.
    pub(super) fn is_handed_down(
        &mut self,
        now: Instant,
        newest: &dyn Newest,
        by: NodeId,
        tick: &TickPacket,
    ) -> bool {
        let term = tick.term;
        let held = newest.mark().map(|mark| mark.clock).filter(|held| held.term == term);
        let is_near =
            held.is_none_or(|held| tick.tick.0 <= held.tick.0.saturating_add(HANDED_DOWN_AHEAD));
        is_near
            && tick.state.is_some()
            && self.through.asked() == Some(by)
            && !self.proving.mistrusts(now, by)
            && (self.election.following() == Some(term)
                || self.roster.member(term.host).is_some()
                    && self.is_reign(now, by, term, tick.word.or(self.known_word(term))))
            && self.through.heard(now, by, Clock { term, tick: tick.tick })
    }

    /// Whether its host has made what comes of a tick that was handed down: it has signed it.
    pub fn is_the_hosts(&self, tick: &TickPacket, digest: WorldDigest) -> bool {
        let shown = self.session_id.zip(tick.proof.signature).zip(self.host_key(tick.term));
        let genuine = shown.is_some_and(|((session, signature), key)| {
            let claim = Claim { session, mark: tick.mark(), ends: tick.ends, digest };
            claim.check(&key, &signature).is_ok()
        });
        genuine || self.tuning.has(Mutant::TrustsRelays)
    }
}
