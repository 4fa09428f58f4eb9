//! Watching through others: how a host grows its [tree], how a relay hands ticks down, and how whoever only watches
//! comes to watch [through](super::through) one.

use super::{message::RelayAt, proof::Claim, tree::Watcher, *};

/// How many spectators are told of their relays at a time, and the time between two such slices: each opens a link, or two.
const TOLD_AT_ONCE: usize = 2;
const TOLD_EVERY: Duration = Duration::from_millis(4);

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
        let watches = self.mesh.peer(from).is_some_and(|peer| !peer.role.plays());
        let through = through.filter(|_| watches);
        self.tree.says(from, through);
        self.mesh.set_fed(from, through.is_some());
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
            return;
        }
        self.link_with_relays(now);
        let (mesh, proving) = (&self.mesh, &self.proving);
        let linked = |id| mesh.peer(id).is_some_and(Peer::is_linked) && !proving.mistrusts(now, id);
        if self.through.choose(now, self.rate, linked) {
            self.ask_relay(now, newest.mark().map(|mark| mark.clock));
        }
        let host = self.election.current().map(|term| term.host);
        let heir = self.heir.map(|(heir, _)| heir).filter(|heir| Some(*heir) != host);
        let linked = |id: &NodeId| self.mesh.peer(*id).is_some_and(Peer::is_linked);
        let said = self.through.to_say(now, host.filter(linked), heir.filter(linked));
        for (to, through) in said {
            self.send(now, to, Delivery::Link, &Message::Through(through));
        }
    }

    /// This node is linked with those through whom it may watch: with the second one a little later than with the first, and
    /// with whoever serves it for as long as that takes.
    fn link_with_relays(&mut self, now: Instant) {
        let first = if now >= self.other_relay_at { RELAYS_TOLD } else { 1 };
        let is_linked = |id| self.mesh.peer(id).is_some_and(Peer::is_linked);
        let told = self.through.relays().map(|relay| relay.id).enumerate();
        let mut wanted: Vec<NodeId> =
            told.filter(|(at, id)| *at < first || is_linked(*id)).map(|(_, id)| id).collect();
        let serves = self.through.asked().filter(|id| !wanted.is_empty() && !wanted.contains(id));
        wanted.extend(serves);
        self.mesh.set_relays(now, &wanted);
    }

    /// This node has a seat from here on, or plays nowhere.
    pub(super) fn leave_tree(&mut self, now: Instant) {
        self.through.forget();
        self.mesh.set_relays(now, &[]);
    }

    /// Through whom this node watches, if it gets its ticks from another spectator.
    pub fn watches_through(&self) -> Option<NodeId> {
        self.through.served_by()
    }

    /// Asks the relay for what follows the state that is held. Whether this node watches through one: its host has nothing
    /// to send then.
    pub(super) fn ask_relay(&mut self, now: Instant, holds: Option<Clock>) -> bool {
        if let Some(relay) = self.through.asked() {
            self.send_packet(now, relay, Packet::Watch { holds });
        }
        self.through.served_by().is_some()
    }

    /// Somebody has handed down a tick.
    pub(super) fn handed_down(
        &mut self,
        now: Instant,
        newest: &dyn Newest,
        by: NodeId,
        tick: TickPacket,
    ) {
        if !self.is_wanted_from(now, by, &tick) {
            return;
        }
        let clock = tick.mark().clock;
        let held = newest.mark().map(|mark| mark.clock).filter(|held| held.term == tick.term);
        if held.is_none_or(|held| held < clock) {
            return self.hand_on(now, tick, Some(by));
        }
        // The host sends all the same yet.
        self.through.heard(now, by, clock);
        self.mind_through(now, newest);
    }

    /// Whether a tick that `by` has handed down is worth a look: it is asked, and the reign is one that is followed, or that of
    /// a member, by its own word.
    fn is_wanted_from(&mut self, now: Instant, by: NodeId, tick: &TickPacket) -> bool {
        let term = tick.term;
        tick.state.is_some()
            && self.through.asked() == Some(by)
            && !self.proving.mistrusts(now, by)
            && (self.election.following() == Some(term)
                || self.roster.member(term.host).is_some()
                    && self.is_reign(now, by, term, tick.word.or(self.known_word(term))))
    }

    /// A tick that `by` has handed down has led to a state, which is the host's as far as this node looks. Whether it is to be
    /// shown: it is newer than all that came from there before, and whoever reigns is followed. Only now is it a sign of life of
    /// either.
    pub fn takes_down(
        &mut self,
        now: Instant,
        newest: &dyn Newest,
        by: NodeId,
        tick: &TickPacket,
    ) -> bool {
        let takes = self.through.heard(now, by, tick.mark().clock)
            && self.elect(now, newest, |election, cx| election.tick(now, cx, tick, None))
                == Admission::Apply;
        self.mind_through(now, newest);
        self.pump(now, newest);
        takes
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
