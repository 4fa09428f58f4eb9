//! What a node does with the ticks of its host, and what it tells the host: also for those who get these ticks
//! through it.

use std::time::Duration;

use super::{Event, Node, owed::Owed, watching::Watching};
use crate::{
    cluster::message::{OrdersPacket, Payload, Proof, TickPacket, WorldMark},
    config::{Mutant, PROMPT_ACKNOWLEDGED_AFTER},
    game::{Game, Rate},
    replica::{
        State,
        orders::Given,
        snapshot::{self, Unusable},
    },
    types::{Clock, Instant, NodeId, Term, Tick},
};

/// How long after a tick of the host a client sends its controls: so that they arrive before the next one,
/// and what came with this one is shown soon.
const CONTROLS_AFTER_TICK: Duration = Duration::from_micros(9_000);

/// Of so many controls it is remembered when they were held down: a second of them, and more.
const HELD_DOWN_MAX: usize = 128;

/// In each tick of sixty a second it shifts by one part of so many of what it is off.
const SHIFTS: u64 = 16;

/// Who has heard no tick for as long as so many last follows nobody's.
const OUT_OF_PHASE_TICKS: u32 = 8;

/// A tick of which nothing comes but the head of a snapshot has no more bytes than this.
const NOTHING_NEW_BYTES: usize = 12;

/// So many packets are left out after each, as long as nothing is new: not so many that a host or its client seemed lost.
const LEFT_OUT: u8 = 2;

/// Whoever shows nothing looks at the signature of one tick of so many that are handed down.
const LOOKED_AT_EVERY: u64 = 32;

/// So many of the own controls are not acknowledged yet, at most, where nothing got lost.
const UNDER_WAY: usize = LEFT_OUT as usize + 1;

/// Where ticks are [rare](Rate::is_slow) a packet for each costs as much as the tick itself, and most say nothing new.
/// So a client leaves some of them [out](LEFT_OUT): the next has the controls of all. Whatever is new is said at once: what
/// the player presses, and which state is held after a tick that has brought something.
#[derive(Clone, Debug, Default)]
pub(super) struct Speech<C> {
    /// What it said last that is pressed.
    said: Option<C>,
    /// So many more may be left out.
    may_leave_out: u8,
    /// Something came.
    came: bool,
}

impl<C: Copy + Eq> Speech<C> {
    /// Whether nothing is said in this tick, in which this is pressed; it may be so if all is `well`.
    fn rests(&mut self, pressed: C, well: bool) -> bool {
        let came = std::mem::take(&mut self.came);
        let rests = well && self.may_leave_out > 0 && !came && self.said == Some(pressed);
        self.may_leave_out = if rests { self.may_leave_out - 1 } else { LEFT_OUT };
        self.said = Some(pressed);
        rests
    }
}

impl<G: Game> Node<G> {
    /// How long after a tick of the host that is.
    fn controls_after_tick() -> Duration {
        let as_long = CONTROLS_AFTER_TICK.as_micros() * Self::RATE.tick().as_micros();
        let part = (as_long / Rate::USUAL.tick().as_micros()) as u64;
        CONTROLS_AFTER_TICK.min(Duration::from_micros(part))
    }

    /// Whether the host's ticks say when the own ones are due.
    fn is_in_phase(&self, now: Instant) -> bool {
        let span = Self::RATE.tick() * OUT_OF_PHASE_TICKS;
        self.applied.is_some_and(|applied| now.since(applied.at) < span)
    }

    /// Notes what the own player holds down. Its number.
    pub(super) fn press(&mut self, now: Instant) -> u64 {
        let number = self.client.press(self.controls);
        if self.held_down.len() == HELD_DOWN_MAX {
            self.held_down.pop_front();
        }
        self.held_down.push_back((number, now));
        self.auditing.audit.pressed(number, self.controls);
        number
    }

    /// A state has the controls up to this number: how long that took.
    pub(super) fn note_lag(&mut self, now: Instant, number: u64) {
        let had = self.held_down.partition_point(|(held, _)| *held <= number);
        if let Some((_, at)) = self.held_down.drain(..had).next_back() {
            let took = now.since(at);
            let lag = self.connection.lag.map_or(took, |lag| (lag * 7 + took) / 8);
            self.connection.lag = Some(lag);
        }
    }

    /// The own player orders something.
    pub(super) fn order(&mut self, now: Instant, order: G::Order) {
        let me = self.cluster.me();
        if me.session.is_none() || !me.role.wants_a_seat() {
            return;
        }
        if let Some(number) = self.client.orders_mut().give(order.clone()) {
            self.auditing.audit.ordered(number, order);
        }
        if G::PROMPT
            && let Some(term) = self.cluster.election().served()
            && let Some(given) = self.client.orders_mut().to_send_at_once(term)
        {
            self.send_orders(now, term, given);
            self.cluster.flush(now, &self.replica);
            self.drain(now);
        }
    }

    /// Sends the host what the own player orders.
    fn pass_orders_on(&mut self, now: Instant, term: Term) {
        for given in self.client.orders_mut().to_send(term) {
            self.send_orders(now, term, given);
        }
    }

    fn send_orders(&mut self, now: Instant, term: Term, given: Given<G::Order>) {
        let Given { base, first, orders } = given;
        if let Some(list) = Payload::encode(self.wishes.form, &orders) {
            self.cluster.send_orders(now, OrdersPacket { term, base, first, list });
        }
    }

    /// Sends the host what the own player holds down, and orders.
    pub(super) fn report(&mut self, now: Instant) {
        if self.cluster.me().role.plays() && self.applied.is_some() {
            self.press(now);
        }
        self.want_journal(now);
        if self.is_silent() {
            return;
        }
        let Some(term) = self.cluster.election().served() else {
            return;
        };
        let (number, list) = self.client.unacknowledged();
        let well = Self::RATE.is_slow()
            && !self.watches()
            && !self.needs_whole
            && list.len() <= UNDER_WAY
            && self.cluster.election().following().is_some()
            && self.cluster.election().relay(now).is_none()
            && !self.cluster.is_lossy(now);
        self.pass_orders_on(now, term);
        if self.speech.rests(self.controls, well) {
            return;
        }
        let Some(list) = Payload::encode(self.wishes.form, &list) else { return };
        let holds = self.holds().filter(|_| !self.needs_whole);
        self.cluster.send_controls(now, term, holds, number, list);
        self.watching.told();
    }

    fn watches(&self) -> bool {
        !self.cluster.me().role.plays()
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
        let follows = self.is_in_phase(now);
        match self.replica.clock() {
            Some(newest) if !self.wishes.views && self.watches() && follows && self.is_silent() => {
                Watching::ticks_to_wait(self.me(), newest.tick) - 1
            }
            _ => 0,
        }
    }

    /// A state has come with something new, and is acknowledged before the next tick of this node, but not more often
    /// than that is worth while.
    fn report_soon(&mut self, now: Instant) {
        let reported = self.held_down.back().map_or(now, |(_, at)| *at);
        let soon = (reported + PROMPT_ACKNOWLEDGED_AFTER).max(now);
        self.tick_at = self.tick_at.map(|at| at.min(soon));
    }

    /// What came gave no state: everything is needed, and soon.
    fn lose_way(&mut self, now: Instant) {
        self.needs_whole = true;
        self.tick_at = self.tick_at.map(|at| at.min(now + Self::RATE.tick()));
    }

    /// Shifts the next tick slowly to where the host's ticks want it.
    pub(super) fn in_phase(&self, now: Instant, next: Instant) -> Instant {
        let Some(applied) = self.applied.filter(|_| self.is_in_phase(now)) else { return next };
        let tick = Self::RATE.tick().as_micros() as i64;
        let wanted = (applied.at + Self::controls_after_tick()).0 as i64;
        let off = (wanted - next.0 as i64).rem_euclid(tick);
        let off = if off > tick / 2 { off - tick } else { off };
        Instant(next.0.saturating_add_signed(off / Self::RATE.ticks_in(SHIFTS) as i64))
    }

    /// Applies a tick of the host, which may have come by way of another node.
    pub(super) fn receive(&mut self, now: Instant, packet: TickPacket, by: Option<NodeId>) {
        let clock = Clock { term: packet.term, tick: packet.tick };
        if self.replica.clock().is_some_and(|held| held.term == clock.term && held >= clock) {
            return;
        }
        let Some(payload) = &packet.state else { return };
        match snapshot::decode::<G>(payload, clock, &self.replica) {
            Ok(snapshot) if !self.is_the_hosts(&packet, by, &snapshot.state) => {
                self.lose_way(now);
                by.into_iter().for_each(|by| self.cluster.mistrust(now, by));
            }
            Ok(_) if !self.is_followed(now, &packet, by) => {}
            Ok(snapshot) => {
                self.do_owed();
                self.needs_whole = false;
                let new = payload.as_bytes().len() > NOTHING_NEW_BYTES || packet.carried.is_some();
                self.speech.came |= new;
                if self.watching.took(clock) && self.watches() {
                    let turn = Self::RATE.tick() * Watching::first_turn(self.me());
                    let soon = now + turn + Self::controls_after_tick();
                    self.tick_at = self.tick_at.map(|at| at.min(soon));
                }
                self.client.acknowledge(self.me(), self.cluster.me().incarnation, &snapshot.state);
                let number = snapshot.state.seats.get(&self.me()).map_or(0, |seat| seat.number);
                self.note_lag(now, number);
                if G::PROMPT && new && !self.watches() {
                    self.report_soon(now);
                }
                let mark = WorldMark { clock, began: packet.began };
                self.take(mark, snapshot.state, packet.ends.beaten());
                if let Some(origin) = self.cluster.origin_of(&packet) {
                    self.replica.prove(origin);
                }
                self.owed = Some((now, Owed::Ledger(clock)));
                self.tell_events(snapshot.events);
                self.applied(now, clock, snapshot.hash, packet.began);
                self.check(now, mark, snapshot.hash);
                self.pass_on(now, &packet, snapshot.hash);
                self.hand_down(now, &packet, snapshot.hash);
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

    /// Whether a state that came by way of others is the one that its host has made and signed. Whoever shows nothing to anybody
    /// looks at one of so many signatures of what is handed down: each costs more than all else that it does with a tick.
    fn is_the_hosts(
        &self,
        packet: &TickPacket,
        by: Option<NodeId>,
        state: &State<G::World>,
    ) -> bool {
        match (packet.passed, by) {
            (Some(passed), _) => {
                let trusts = self.wishes.tuning.has(Mutant::TrustsRelays);
                trusts || passed.digest == state.hash_and_digest().1
            }
            (None, Some(_)) if self.wishes.views || self.is_looked_at(packet) => {
                self.cluster.is_the_hosts(packet, state.hash_and_digest().1)
            }
            (None, _) => true,
        }
    }

    /// Whether it is this node's turn to look at a signature though it shows nothing: once in so many ticks, and not when
    /// all others do.
    fn is_looked_at(&self, packet: &TickPacket) -> bool {
        let turn = (self.me().as_u128() % u128::from(LOOKED_AT_EVERY)) as u64;
        let span = |tick: Tick| tick.0.saturating_add(turn) / LOOKED_AT_EVERY;
        let held = self.replica.clock().filter(|held| held.term == packet.term);
        held.is_some_and(|held| span(held.tick) < span(packet.tick))
    }

    /// Whether the host is followed whose tick this is: what was handed down counts only now that it has led to a state.
    fn is_followed(&mut self, now: Instant, packet: &TickPacket, by: Option<NodeId>) -> bool {
        match by {
            Some(by) if packet.passed.is_none() => {
                self.cluster.takes_down(now, &self.replica, by, packet)
            }
            _ => true,
        }
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
        // What goes with it is taken from what came with it.
        self.do_owed();
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

    /// Hands a tick down to those who watch through this node: once for all who hold the same.
    fn hand_down(&mut self, now: Instant, packet: &TickPacket, hash: u32) {
        let watchers = self.cluster.watched_by(now);
        let Some(state) = self.replica.state().filter(|_| !watchers.is_empty()).cloned() else {
            return;
        };
        // What goes with it is taken from what came with it.
        self.do_owed();
        let clock = Clock { term: packet.term, tick: packet.tick };
        for group in watchers.chunk_by(|(one, _), (other, _)| one == other) {
            let holds = group.first().and_then(|(holds, _)| *holds);
            let state = self.encode(clock, &state, hash, holds);
            let proof = Proof { signature: packet.proof.signature, tags: Vec::new() };
            let tick = TickPacket { heard: 0, state, proof, ..packet.clone() };
            let held = self.leads_from(holds, clock);
            self.cluster.hand_down(now, tick, held, group.iter().map(|(_, id)| *id));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_packets_of_three_are_left_out_while_nothing_is_new() {
        let mut speech = Speech::default();
        let rests: Vec<bool> = (0..6).map(|_| speech.rests(0, true)).collect();
        assert_eq!(rests, [false, true, true, false, true, true]);
        assert!((0..6).all(|_| !speech.rests(0, false)), "something is not well");
    }

    #[test]
    fn what_is_new_is_said_at_once() {
        let mut speech = Speech::default();
        assert!(!speech.rests(0, true) && speech.rests(0, true));
        assert!(!speech.rests(1, true), "something else is pressed");
        speech.came = true;
        assert!(!speech.rests(1, true), "something has come");
        assert!(speech.rests(1, true));
    }
}
