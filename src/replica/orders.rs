//! What a player does once: numbered here, given to the host until a state says that it was applied.
//!
//! An order differs from what is held down in three things. Each counts, so none is left out however many there are;
//! each counts once, so its number stands in the replicated state, and the next host goes on there; and it may be
//! large, so it is sent only as often as it takes. Whoever gives one has it [waiting](Orders) until a state of the
//! world says that it was applied. In each tick the oldest of those that wait go out again, as many as fit into a
//! packet, and behind them the next ones that were never sent. A host takes of each player the one that follows upon
//! the last that it has, so what was lost or came too early comes again, and nothing is overtaken.
//!
//! *A host is lost.* What it had taken and not applied waits with whoever gave it. What it had applied in a tick that
//! is undone, because nobody lived on who held it, is given again: orders are kept for half a second after the
//! state that had them.
//!
//! *A cut heals.* The orders of a world that is given up are given up with it, but for those of the last half
//! second.

use std::collections::VecDeque;

use serde::Serialize;

use super::State;
use crate::{
    config::{ORDER_BYTES_MAX, ORDERS_PACKET_BYTES, ORDERS_WAITING_MAX},
    types::{Incarnation, NodeId, Term},
};

/// So many ticks after the state that had it an order is given again, should that state be undone.
const UNDONE_TICKS: u64 = 32;

/// How many bytes an order takes in a packet. None: it is too large to be one.
pub fn bytes_of<O: Serialize>(order: &O) -> Option<usize> {
    let bytes = postcard::experimental::serialized_size(order).ok()?;
    (bytes <= ORDER_BYTES_MAX).then_some(bytes)
}

/// Orders as they go out, one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given<O> {
    /// The number of the oldest one that waits: all before it were applied, or are given up.
    pub base: u64,
    /// The number of the first of these.
    pub first: u64,
    /// They.
    pub orders: Vec<O>,
}

/// The orders of the own player.
#[derive(Clone, Debug)]
pub struct Orders<O> {
    /// The number of the last one that was given.
    last: u64,
    /// Those that no state had yet: the last ones that were given.
    waiting: VecDeque<(u64, O)>,
    /// Those that a state had, with the tick of the node in which that was seen.
    applied: VecDeque<(u64, u64, O)>,
    /// The reign that orders went to, and the number of the last that did.
    sent: Option<(Term, u64)>,
    ticks: u64,
}

impl<O> Default for Orders<O> {
    fn default() -> Self {
        let (waiting, applied) = (VecDeque::new(), VecDeque::new());
        Self { last: 0, waiting, applied, sent: None, ticks: 0 }
    }
}

impl<O: Clone + Serialize> Orders<O> {
    /// Whether another one may be given.
    pub fn has_room(&self) -> bool {
        self.waiting.len() < ORDERS_WAITING_MAX
    }

    /// Gives one. Its number; none if there is no room for it.
    pub fn give(&mut self, order: O) -> Option<u64> {
        if !self.has_room() || bytes_of(&order).is_none() {
            return None;
        }
        self.last += 1;
        self.waiting.push_back((self.last, order));
        Some(self.last)
    }

    /// Notes what `state` has, and gives again what it does not have any more.
    pub fn acknowledge<W>(&mut self, me: NodeId, incarnation: Incarnation, state: &State<W>) {
        let seat = state.seats.get(&me).filter(|seat| seat.incarnation == incarnation);
        let Some(had) = seat.map(|seat| seat.orders) else { return };
        while self.applied.back().is_some_and(|(number, ..)| *number > had)
            && let Some((number, _, order)) = self.applied.pop_back()
        {
            self.waiting.push_front((number, order));
            self.sent = None;
        }
        while self.waiting.front().is_some_and(|(number, _)| *number <= had)
            && let Some((number, order)) = self.waiting.pop_front()
        {
            self.applied.push_back((number, self.ticks, order));
        }
    }

    /// A tick of the node: what goes to the host of this reign, in so many packets.
    pub fn to_send(&mut self, term: Term) -> Vec<Given<O>> {
        self.pass();
        let Some((base, _)) = self.waiting.front() else { return Vec::new() };
        let base = *base;
        let sent = self.sent.filter(|(to, _)| *to == term).map_or(0, |(_, sent)| sent);
        let oldest = self.packet(base, base);
        let next = oldest.first + oldest.orders.len() as u64;
        let fresh = self.packet(base, next.max(sent + 1));
        let through = |given: &Given<O>| given.first + given.orders.len() as u64 - 1;
        self.sent = Some((term, sent.max(through(&oldest)).max(through(&fresh))));
        [oldest, fresh].into_iter().filter(|given| !given.orders.is_empty()).collect()
    }

    /// What was never sent goes to the host of this reign, as much as fits into a packet: at once, before the next
    /// tick of the node.
    pub fn to_send_at_once(&mut self, term: Term) -> Option<Given<O>> {
        let base = self.waiting.front()?.0;
        let sent = self.sent.filter(|(to, _)| *to == term).map_or(0, |(_, sent)| sent);
        let fresh = self.packet(base, base.max(sent + 1));
        if fresh.orders.is_empty() {
            return None;
        }
        self.sent = Some((term, fresh.first + fresh.orders.len() as u64 - 1));
        Some(fresh)
    }

    /// A tick of the node passes.
    pub fn pass(&mut self) {
        self.ticks += 1;
        let now = self.ticks;
        let over = self.applied.partition_point(|(_, at, _)| *at + UNDONE_TICKS < now);
        self.applied.drain(..over);
    }

    /// All that wait: for the own host.
    pub fn all(&self) -> Option<Given<O>> {
        let (base, _) = self.waiting.front()?;
        let orders = self.waiting.iter().map(|(_, order)| order.clone()).collect();
        Some(Given { base: *base, first: *base, orders })
    }

    /// Those from number `first` on that fit into a packet.
    fn packet(&self, base: u64, first: u64) -> Given<O> {
        let skipped = usize::try_from(first.saturating_sub(base)).unwrap_or(usize::MAX);
        let mut room = ORDERS_PACKET_BYTES;
        let mut orders = Vec::new();
        for (_, order) in self.waiting.iter().skip(skipped) {
            let bytes = bytes_of(order).unwrap_or_default();
            let Some(left) = room.checked_sub(bytes) else { break };
            room = left;
            orders.push(order.clone());
        }
        Given { base, first, orders }
    }

    /// The session is left: what waits is given up. Numbers go on, for a seat may remember them.
    pub fn forget(&mut self) {
        *self = Self { last: self.last, ticks: self.ticks, ..Self::default() };
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{replica::Seat, text::Name, types::Epoch};

    const ME: NodeId = NodeId::from_u128(7);
    const LIFE: Incarnation = Incarnation(3);

    const fn term(epoch: u64) -> Term {
        Term { epoch: Epoch(epoch), host: NodeId::from_u128(9), incarnation: Incarnation(1) }
    }

    fn state(orders: u64) -> State<()> {
        let name = Name::new("Ada");
        let seat = Seat { incarnation: LIFE, name, number: 5, orders, present: true };
        State { world: (), seats: BTreeMap::from([(ME, seat)]), happened: 0 }
    }

    fn given(count: u64) -> Orders<Vec<u8>> {
        let mut orders = Orders::default();
        (1..=count)
            .for_each(|number| assert_eq!(orders.give(vec![number as u8; 99]), Some(number)));
        orders
    }

    fn numbers(given: &[Given<Vec<u8>>]) -> Vec<(u64, u64)> {
        given.iter().map(|one| (one.first, one.orders.len() as u64)).collect()
    }

    #[test]
    fn the_oldest_are_repeated_and_the_next_ones_follow_until_a_state_has_them() {
        let mut orders = given(30);
        let packet = ORDERS_PACKET_BYTES as u64 / 100;
        assert_eq!(numbers(&orders.to_send(term(1))), [(1, packet), (packet + 1, packet)]);
        assert_eq!(
            numbers(&orders.to_send(term(1))),
            [(1, packet), (2 * packet + 1, packet.min(30 - 2 * packet))]
        );
        orders.acknowledge(ME, LIFE, &state(29));
        assert_eq!(numbers(&orders.to_send(term(1))), [(30, 1)]);
        orders.acknowledge(ME, LIFE, &state(30));
        assert_eq!(orders.to_send(term(1)), []);
    }

    #[test]
    fn another_host_gets_them_from_the_beginning() {
        let mut orders = given(30);
        let first = orders.to_send(term(1));
        orders.to_send(term(1));
        assert_eq!(orders.to_send(term(2)), first);
    }

    #[test]
    fn what_is_undone_soon_is_given_again_and_what_is_undone_late_is_not() {
        let mut orders = given(4);
        orders.acknowledge(ME, LIFE, &state(3));
        orders.acknowledge(ME, LIFE, &state(1));
        assert_eq!(numbers(&orders.to_send(term(2))), [(2, 3)]);
        orders.acknowledge(ME, LIFE, &state(4));
        (0..=UNDONE_TICKS).for_each(|_| orders.pass());
        orders.acknowledge(ME, LIFE, &state(1));
        assert_eq!(orders.to_send(term(3)), []);
    }

    #[test]
    fn there_is_room_for_so_many_and_for_none_that_is_too_large() {
        let mut orders = Orders::default();
        assert_eq!(orders.give(vec![0_u8; ORDER_BYTES_MAX]), None);
        for number in 1..=ORDERS_WAITING_MAX as u64 {
            assert_eq!(orders.give(vec![0]), Some(number));
        }
        assert_eq!(orders.give(vec![0]), None);
        orders.acknowledge(ME, LIFE, &state(1));
        assert!(orders.has_room());
        orders.forget();
        assert_eq!(orders.give(vec![0]), Some(ORDERS_WAITING_MAX as u64 + 1));
    }
}
