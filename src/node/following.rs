//! What a node does with the ticks of its host, and what it tells the host: also for those who get these ticks
//! through it.

use std::time::Duration;

use super::{Event, Node, watching::Watching};
use crate::{
    cluster::message::{OrdersPacket, Payload, TickPacket, WorldMark},
    config::{Mutant, TICK},
    game::Game,
    replica::{
        State,
        orders::Given,
        snapshot::{self, Unusable},
    },
    types::{Clock, Instant, NodeId, Role, Term},
};

/// How long after a tick of the host a client sends its controls: so that they arrive a little
/// before the next one.
const CONTROLS_AFTER_TICK: Duration = Duration::from_micros(9_000);

impl<G: Game> Node<G> {
    /// Notes what the own player holds down. Its number.
    pub(super) fn press(&mut self) -> u64 {
        let number = self.client.press(self.controls);
        self.auditing.audit.pressed(number, self.controls);
        number
    }

    /// The own player orders something.
    pub(super) fn order(&mut self, order: G::Order) {
        let me = self.cluster.me();
        if me.session.is_none() || me.role != Role::Player {
            return;
        }
        if let Some(number) = self.client.orders_mut().give(order.clone()) {
            self.auditing.audit.ordered(number, order);
        }
    }

    /// Sends the host what the own player orders.
    fn pass_orders_on(&mut self, now: Instant, term: Term) {
        for Given { base, first, orders } in self.client.orders_mut().to_send(term) {
            if let Some(list) = Payload::encode(self.wishes.form, &orders) {
                self.cluster.send_orders(now, OrdersPacket { term, base, first, list });
            }
        }
    }

    /// Sends the host what the own player holds down, and orders.
    pub(super) fn report(&mut self, now: Instant) {
        if self.cluster.me().role == Role::Player && self.applied.is_some() {
            self.press();
        }
        self.want_journal(now);
        if self.is_silent() {
            return;
        }
        let Some(term) = self.cluster.election().served() else {
            return;
        };
        let (number, list) = self.client.unacknowledged();
        let Some(list) = Payload::encode(self.wishes.form, &list) else { return };
        let holds = self.holds().filter(|_| !self.needs_whole);
        self.cluster.send_controls(now, term, holds, number, list);
        self.pass_orders_on(now, term);
        self.watching.told();
    }

    fn watches(&self) -> bool {
        self.cluster.me().role == Role::Spectator
    }

    /// The state that its host is to refer to.
    fn holds(&self) -> Option<Clock> {
        match self.watches() {
            true => self.watching.held().filter(|held| self.replica.held(*held).is_some()),
            false => self.replica.clock(),
        }
    }

    /// Whether it has nothing to say in this tick: a spectator speaks seldom, and whenever it lost its way.
    fn is_silent(&self) -> bool {
        let due = |newest| self.watching.is_due(self.me(), newest);
        self.watches() && !self.needs_whole && !self.replica.clock().is_some_and(due)
    }

    /// How many ticks of its own a node may leave out that watches, and shows nothing to anybody.
    pub(super) fn ticks_to_spare(&self, now: Instant) -> u32 {
        let follows = self.applied.is_some_and(|applied| now.since(applied.at) < TICK * 8);
        match self.replica.clock() {
            Some(newest) if !self.wishes.views && self.watches() && follows && self.is_silent() => {
                Watching::ticks_to_wait(self.me(), newest.tick) - 1
            }
            _ => 0,
        }
    }

    /// What came gave no state: everything is needed, and soon.
    fn lose_way(&mut self, now: Instant) {
        self.needs_whole = true;
        self.tick_at = self.tick_at.map(|at| at.min(now + TICK));
    }

    /// Shifts the next tick slowly to where the host's ticks want it.
    pub(super) fn in_phase(&self, now: Instant, next: Instant) -> Instant {
        let Some(applied) = self.applied.filter(|applied| now.since(applied.at) < TICK * 8) else {
            return next;
        };
        let tick = TICK.as_micros() as i64;
        let wanted = (applied.at + CONTROLS_AFTER_TICK).0 as i64;
        let off = (wanted - next.0 as i64).rem_euclid(tick);
        let off = if off > tick / 2 { off - tick } else { off };
        Instant(next.0.saturating_add_signed(off / 16))
    }

    /// Applies a tick of the host, which may have come by way of another node.
    pub(super) fn receive(&mut self, now: Instant, packet: TickPacket, by: Option<NodeId>) {
        let clock = Clock { term: packet.term, tick: packet.tick };
        if self.replica.clock().is_some_and(|held| held.term == clock.term && held >= clock) {
            return;
        }
        let Some(payload) = &packet.state else { return };
        match snapshot::decode::<G>(payload, clock, &self.replica) {
            Ok(snapshot) if !self.is_as_signed(&packet, &snapshot.state) => {
                self.lose_way(now);
                by.into_iter().for_each(|by| self.cluster.mistrust(now, by));
            }
            Ok(snapshot) => {
                self.needs_whole = false;
                if self.watching.took(clock) && self.watches() {
                    let soon = now + TICK * Watching::first_turn(self.me()) + CONTROLS_AFTER_TICK;
                    self.tick_at = self.tick_at.map(|at| at.min(soon));
                }
                self.client.acknowledge(self.me(), self.cluster.me().incarnation, &snapshot.state);
                let mark = WorldMark { clock, began: packet.began };
                self.take(mark, snapshot.state, packet.ends.beaten());
                if let Some(origin) = self.cluster.origin_of(&packet) {
                    self.replica.prove(origin);
                }
                self.cluster.took(now, clock);
                self.tell_events(snapshot.events);
                self.applied(now, clock, snapshot.hash, packet.began);
                self.check(now, mark, snapshot.hash);
                self.pass_on(now, &packet, snapshot.hash);
            }
            Err(error) => {
                self.lose_way(now);
                match by {
                    // It may refer to what is not held here any more; all else its host did not say.
                    Some(by) if error != Unusable::NoBaseline => self.cluster.mistrust(now, by),
                    None if error == Unusable::Diverged => self.say(Event::Diverged { clock }),
                    _ => {}
                }
            }
        }
    }

    /// Whether a state that came by way of others is the one that its host has signed.
    pub(super) fn is_as_signed(&self, packet: &TickPacket, state: &State<G::World>) -> bool {
        let trusts = self.wishes.tuning.has(Mutant::TrustsRelays);
        let signed = packet.passed.map(|passed| passed.digest);
        signed.is_none_or(|signed| trusts || signed == state.hash_and_digest().1)
    }

    /// Passes a tick on to those who do not get it themselves: in the host's name, but against
    /// what they hold.
    pub(super) fn pass_on(&mut self, now: Instant, packet: &TickPacket, hash: u32) {
        let clients = self.cluster.relayed(now);
        let Some(state) = self.replica.state().filter(|_| !clients.is_empty()).cloned() else {
            return;
        };
        if packet.proof.signature.is_none() {
            return;
        }
        let clock = Clock { term: packet.term, tick: packet.tick };
        let digest = state.hash_and_digest().1;
        for (to, holds) in clients {
            let seat = state.seats.get(&to);
            let payload = self.encode(clock, &state, hash, holds);
            let heard = seat.map_or(0, |seat| seat.number);
            let tick = TickPacket { heard, state: payload, ..packet.clone() };
            self.cluster.pass_tick(now, to, tick, digest, self.leads_from(holds, clock));
        }
    }
}
