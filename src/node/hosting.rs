//! A node's own reign: how it begins, what each step is told, and who gets what comes of it.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::{Node, owed::Owed};
use crate::{
    cluster::{
        Hearer,
        election::Newest,
        message::{ControlsPacket, Ends, OrdersPacket, TickPacket, WorldCopy, WorldMark},
        proof::ends_to_tell,
    },
    config::{
        CONTROLS_TAKEN_MAX, Mutant, ORDERS_WAITING_MAX, PACKET_BYTES_MAX, PROMPT_STEP_AFTER,
        PROMPT_STEP_AFTER_LARGE, PROMPT_STEPS_AHEAD,
    },
    game::{Game, News, draw},
    keys::WorldDigest,
    replica::{State, decode_copy, host::Host, journal, orders::Given},
    types::{Clock, Incarnation, Instant, NodeId, Term, Tick},
    wire::Few,
};

/// The first tick of a reign takes longer than others, and reaches everybody later: it is signed, no receiver is known
/// to hold anything yet, and each of them has a new host to get used to. So it is made that much sooner.
const FIRST_TICK_LASTS: Duration = Duration::from_millis(1);

/// Somebody who gets a tick.
#[derive(Clone, Debug)]
pub(super) struct Receiver {
    watches: bool,
    /// The state that it is known to hold, if this node has it, too.
    holds: Option<Clock>,
    id: NodeId,
    /// The number of its last controls that were heard.
    heard: u64,
}

impl Receiver {
    /// Players first; and those who hold the same beside each other.
    fn order(&self) -> (bool, Option<Clock>) {
        (self.watches, self.holds)
    }
}

impl<G: Game> Node<G> {
    /// The own reign begins: with the newest world there is, when the old host's next tick would have come.
    pub(super) fn reign(
        &mut self,
        now: Instant,
        term: Term,
        ends: Option<Term>,
        world: Option<WorldCopy>,
    ) {
        self.do_owed();
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
        if self.wishes.tuning.has(Mutant::OrdersAgain) {
            self.replica.forget_orders();
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
        let phase = Self::RATE.tick() - FIRST_TICK_LASTS;
        let due = self.applied.map_or(now, |applied| applied.at + phase);
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
        if let Some(Few::<_, CONTROLS_TAKEN_MAX>(list)) = packet.list.decode() {
            self.host.collect(from, incarnation, packet.holds, packet.number, &list);
            if !relayed {
                self.host.heard_directly(from, packet.number);
            }
        }
    }

    pub(super) fn collect_orders(
        &mut self,
        from: NodeId,
        incarnation: Incarnation,
        packet: &OrdersPacket,
    ) {
        if let Some(Few::<_, ORDERS_WAITING_MAX>(orders)) = packet.list.decode() {
            let given = Given { base: packet.base, first: packet.first, orders };
            self.host.collect_orders(from, incarnation, given);
        }
    }

    /// Orders that have come are not kept waiting for the next tick.
    pub(super) fn step_soon(&mut self, now: Instant) {
        let hosts = self.cluster.election().reign().is_some();
        if hosts
            && (self.host.has_orders() || self.client.orders().all().is_some())
            && self.applied.is_some()
        {
            let soon = self.steps_paid_until.before(PROMPT_STEPS_AHEAD).max(now);
            self.tick_at = self.tick_at.map(|at| at.min(soon));
            if soon <= now {
                self.tick(now);
                self.drain(now);
            }
        }
    }

    /// Steps the world and publishes it.
    pub(super) fn step(&mut self, now: Instant, term: Term) {
        self.do_owed();
        let Some((mark, before)) = self.replica.mark().zip(self.replica.state().cloned()) else {
            return;
        };
        let mut state = State::clone(&before);
        let number = self.press(now);
        let (me, incarnation) = (self.me(), self.cluster.me().incarnation);
        self.host.collect(me, incarnation, None, number, &[self.controls]);
        self.client.orders_mut().pass();
        if let Some(given) = self.client.orders().all() {
            self.host.collect_orders(me, incarnation, given);
        }
        if let Some(term) = self.new_reign.take() {
            self.auditing.journal.begin(mark.clock.tick, state.hash());
            G::on_new_host(&mut state.world, journal::number_of(term));
        }
        let mut events = Vec::new();
        let (news, mut told) = self.host.step::<G>(&mut state, self.cluster.members(), &mut events);
        let clock = Clock { term, tick: Tick(mark.clock.tick.0 + 1) };
        self.write_news(now, &before, &news);
        told.scores = self.write_facts(now, &events, &mut state);
        self.auditing.journal.note(told);
        self.auditing.meddle(&mut state.world, me);
        let hashes = state.hash_and_digest();
        let (mark, state) = (WorldMark { clock, began: mark.began }, Arc::new(state));
        self.client.acknowledge(me, incarnation, &state);
        self.note_lag(now, number);
        self.take(mark, state, None);
        self.tell_events(events.into_iter().map(|event| (clock.tick, event)).collect());
        self.applied(now, clock, hashes.0, mark.began);
        let of_another = |news: &News<_, _>| matches!(news, News::Order(by, _) if *by != me);
        match G::PROMPT && news.iter().any(of_another) {
            true => self.owed = Some((now, Owed::Tick(mark, hashes))),
            false => self.send_off(now, mark, hashes),
        }
    }

    /// The newest world of this host goes to all, and what was written with it.
    pub(super) fn send_off(&mut self, now: Instant, mark: WorldMark, hashes: (u32, WorldDigest)) {
        self.cluster.wrote_with(mark.clock.tick);
        let reigns = self.cluster.election().reign() == Some(mark.clock.term);
        let is_newest = reigns && self.replica.mark() == Some(mark);
        let Some(state) = self.replica.state().filter(|_| is_newest).cloned() else { return };
        self.fan.sends();
        let bytes = self.publish(now, mark, hashes, &state, None);
        let cost = match bytes <= PACKET_BYTES_MAX {
            true => PROMPT_STEP_AFTER,
            false => PROMPT_STEP_AFTER_LARGE,
        };
        self.steps_paid_until = self.steps_paid_until.max(now) + cost;
    }

    /// A newcomer to this host's game gets the world as it is: it need not wait for the next tick.
    pub(super) fn greet(&mut self, now: Instant, newcomer: NodeId) {
        self.do_owed();
        let reign = self.cluster.election().reign().filter(|_| self.new_reign.is_none());
        let mark = self.replica.mark().filter(|mark| Some(mark.clock.term) == reign);
        if let Some((mark, state)) = mark.zip(self.replica.state().cloned()) {
            self.publish(now, mark, state.hash_and_digest(), &state, Some(newcomer));
        }
    }

    /// Sends a state of this host's world to all whose turn it is, or to one alone: to players first. How many bytes the
    /// largest snapshot had.
    pub(super) fn publish(
        &mut self,
        now: Instant,
        mark: WorldMark,
        (hash, digest): (u32, WorldDigest),
        state: &State<G::World>,
        alone: Option<NodeId>,
    ) -> usize {
        let mut largest = 0;
        let clock = mark.clock;
        let ends = ends_to_tell(Self::RATE, self.ends, mark);
        let vouched = self.cluster.vouch(now, mark, ends, digest);
        let mut receivers = std::mem::take(&mut self.receivers);
        self.list_receivers(now, clock.tick, alone, &mut receivers);
        let alike = |one: &Receiver, other: &Receiver| one.order() == other.order();
        for group in receivers.chunk_by(alike) {
            let holds = group.first().and_then(|receiver| receiver.holds);
            let state = self.encode(clock, state, hash, holds);
            largest = state.as_ref().map_or(0, |state| state.as_bytes().len()).max(largest);
            let tick = TickPacket { state, ..TickPacket::of(mark, ends) };
            let held = self.leads_from(holds, clock);
            let watch = group.first().is_some_and(|receiver| receiver.watches);
            let to = group.iter().map(|receiver| (receiver.id, receiver.heard));
            self.cluster.send_tick(now, tick, &vouched, watch, held, to);
        }
        self.receivers = receivers;
        largest
    }

    fn list_receivers(
        &self,
        now: Instant,
        tick: Tick,
        alone: Option<NodeId>,
        to: &mut Vec<Receiver>,
    ) {
        to.clear();
        // Most hold the same: it is looked up once.
        let mut known: Option<(Clock, bool)> = None;
        let mut is_held = |holds: Clock| match known {
            Some((clock, held)) if clock == holds => held,
            _ => {
                let held = self.replica.held(holds).is_some();
                known = Some((holds, held));
                held
            }
        };
        let has_turn = |hearer: &Hearer| match alone {
            Some(alone) => hearer.id == alone,
            None => !hearer.watches || hearer.hands_down || self.fan.has_turn(hearer.id, tick),
        };
        for Hearer { id, incarnation, watches, .. } in self.cluster.audience(now).filter(has_turn) {
            let holds = self.host.holds(id, incarnation).filter(|holds| is_held(*holds));
            let heard = self.host.heard(id, incarnation);
            to.push(Receiver { watches, holds, id, heard });
        }
        to.sort_unstable_by_key(Receiver::order);
    }
}
