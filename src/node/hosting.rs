//! A node's own reign: how it begins, what each step is told, and who gets what comes of it.

use std::{collections::BTreeMap, sync::Arc};

use super::Node;
use crate::{
    cluster::{
        election::Newest,
        message::{ControlsPacket, Ends, Payload, TickPacket, WorldCopy, WorldMark},
    },
    config::{Mutant, TICK},
    game::{Game, draw},
    keys::WorldDigest,
    replica::{State, decode_copy, host::Host, journal},
    types::{Clock, Incarnation, Instant, NodeId, Term, Tick},
};

impl<G: Game> Node<G> {
    /// The own reign begins: with the newest world there is, in the phase of the old host.
    pub(super) fn reign(
        &mut self,
        now: Instant,
        term: Term,
        ends: Option<Term>,
        world: Option<WorldCopy>,
    ) {
        self.ends = ends.map_or(Ends::Nothing, Ends::CarriesOn);
        self.host = Host::new();
        self.auditing.audit.rest();
        if let Some(copy) = world
            && let Some(state) = decode_copy::<G>(&copy.sync_gamestate)
        {
            self.take(copy.mark, Arc::new(state), None);
            self.cluster.lacks_entries_before(copy.mark.clock.tick);
        }
        if self.wishes.tuning.has(Mutant::Replay) {
            self.replica.forget_controls();
        }
        if self.replica.state().is_some() {
            self.go_on_as(term);
        } else {
            let bits = term.incarnation.0 ^ term.epoch.0 ^ self.wishes.seed;
            let world = G::new_world(draw(bits, 0));
            let state = Arc::new(State { world, seats: BTreeMap::new(), happened: 0 });
            let mark = WorldMark { clock: Clock { term, tick: Tick(0) }, began: Tick(0) };
            self.take(mark, state, None);
        }
        self.new_reign = Some(term);
        let due = self.applied.map_or(now, |applied| applied.at + TICK);
        self.tick_at = Some(due.max(now));
        if due <= now {
            self.tick(now);
        }
    }

    /// The newest state goes on in a term of this node's own.
    pub(super) fn go_on_as(&mut self, term: Term) {
        self.replica.reign(term);
        if let Some(clock) = self.replica.clock() {
            self.cluster.lacks_entries_before(Tick(clock.tick.0 + 1));
        }
    }

    pub(super) fn collect(
        &mut self,
        from: NodeId,
        incarnation: Incarnation,
        packet: &ControlsPacket,
        relayed: bool,
    ) {
        let list: Option<Vec<G::Controls>> = match &packet.list {
            Payload::Binary(bytes) => postcard::from_bytes(bytes).ok(),
            Payload::Json(raw) => serde_json::from_str(raw.get()).ok(),
        };
        if let Some(list) = list {
            self.host.collect(from, incarnation, packet.holds, packet.number, &list);
            if !relayed {
                self.host.heard_directly(from, packet.number);
            }
        }
    }

    /// Steps the world and publishes it.
    pub(super) fn step(&mut self, now: Instant, term: Term) {
        let Some((mark, before)) = self.replica.mark().zip(self.replica.state().cloned()) else {
            return;
        };
        let mut state = State::clone(&before);
        let number = self.press();
        let (me, incarnation) = (self.me(), self.cluster.me().incarnation);
        self.host.collect(me, incarnation, None, number, &[self.controls]);
        if let Some(term) = self.new_reign.take() {
            self.auditing.journal.begin(mark.clock.tick, state.hash());
            G::on_new_host(&mut state.world, journal::number_of(term));
        }
        let mut events = Vec::new();
        let (news, mut told) = self.host.step::<G>(&mut state, self.cluster.members(), &mut events);
        let clock = Clock { term, tick: Tick(mark.clock.tick.0 + 1) };
        self.write_news(now, &before, &news);
        told.scores = self.write_facts(now, clock.tick, &events, &mut state);
        self.auditing.journal.note(told);
        self.auditing.meddle(&mut state.world, me);
        let (hash, digest) = state.hash_and_digest();
        let state = Arc::new(state);
        self.client.acknowledge(me, incarnation, &state);
        self.take(WorldMark { clock, began: mark.began }, state.clone(), None);
        self.tell_events(events.into_iter().map(|event| (clock.tick, event)).collect());
        self.applied(now, clock, hash, mark.began);
        let audience = self.cluster.audience(now);
        self.publish(now, WorldMark { clock, began: mark.began }, (hash, digest), &state, audience);
    }

    /// A newcomer to this host's game gets the world as it is: it need not wait for the next tick.
    pub(super) fn greet(&mut self, now: Instant, newcomer: NodeId) {
        let reign = self.cluster.election().reign().filter(|_| self.new_reign.is_none());
        let mark = self.replica.mark().filter(|mark| Some(mark.clock.term) == reign);
        if let Some((mark, state)) = mark.zip(self.replica.state().cloned()) {
            let mut audience = self.cluster.audience(now);
            audience.retain(|(id, _)| *id == newcomer);
            self.publish(now, mark, state.hash_and_digest(), &state, audience);
        }
    }

    /// Sends a state of this host's world to all of these, in these lives.
    pub(super) fn publish(
        &mut self,
        now: Instant,
        mark: WorldMark,
        (hash, digest): (u32, WorldDigest),
        state: &State<G::World>,
        audience: Vec<(NodeId, Incarnation)>,
    ) {
        let clock = mark.clock;
        let vouched = self.cluster.vouch(now, mark, self.ends, digest);
        let mut holders: BTreeMap<Option<Clock>, Vec<(NodeId, u64)>> = BTreeMap::new();
        for (to, life) in audience {
            let holds = self.host.holds(to).filter(|holds| self.replica.held(*holds).is_some());
            holders.entry(holds).or_default().push((to, self.host.heard(to, life)));
        }
        for (holds, receivers) in holders {
            let state = self.encode(clock, state, hash, holds);
            let tick = TickPacket { state, ..TickPacket::of(mark, self.ends) };
            let held = self.leads_from(holds, clock);
            self.cluster.send_tick(now, tick, &vouched, held, &receivers);
        }
    }
}
