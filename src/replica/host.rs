//! The host's part: collect what each player holds down and orders, apply each once, step.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;

use super::{
    Seat, State,
    journal::Step,
    orders::{Given, bytes_of},
};
use crate::{
    cluster::message::Member,
    config::{ORDERS_PER_STEP_MAX, ORDERS_STEP_BYTES_MAX, ORDERS_WAITING_MAX},
    game::{Game, News, Rate},
    types::{Clock, Incarnation, NodeId},
};

/// The most controls waiting for one player. Whoever sends faster than the world steps loses the
/// oldest.
const WAITING_MAX: usize = 32;

/// After so many steps of sixty a second in which more controls waited than one, the queue is a delay and no buffer:
/// then two are applied in one step.
const PATIENCE_STEPS: u64 = 20;

/// What the host collects between two steps.
#[derive(Clone, Debug)]
pub struct Host<C, O> {
    clients: BTreeMap<NodeId, Client<C, O>>,
    /// Whose orders come first in the next step: it is somebody else's turn in each.
    first: usize,
}

#[derive(Clone, Debug)]
struct Client<C, O> {
    incarnation: Incarnation,
    waiting: VecDeque<(u64, C)>,
    delayed_steps: u32,
    /// What was applied last.
    held: Option<C>,
    last: u64,
    /// The number of the last controls that came from it without a relay.
    direct: u64,
    holds: Option<Clock>,
    /// The orders that wait to be applied, without a gap.
    orders: VecDeque<(u64, O)>,
    /// The number of the order that comes behind them.
    next_order: u64,
}

impl<C: Copy + Eq, O: Clone + Serialize> Host<C, O> {
    /// Nothing collected.
    pub fn new() -> Self {
        Self { clients: BTreeMap::new(), first: 0 }
    }

    /// Controls of a player came in: `list` ends with number `last`.
    pub fn collect(
        &mut self,
        from: NodeId,
        incarnation: Incarnation,
        holds: Option<Clock>,
        last: u64,
        list: &[C],
    ) {
        let client = self.client(from, incarnation);
        if client.last <= last {
            client.last = last;
            client.holds = holds;
        }
        for (back, controls) in list.iter().rev().enumerate().rev() {
            let Some(number) = last.checked_sub(back as u64) else {
                continue;
            };
            if client.waiting.back().is_none_or(|(newest, _)| *newest < number) {
                client.waiting.push_back((number, *controls));
            }
        }
        while client.waiting.len() > WAITING_MAX {
            client.waiting.pop_front();
        }
    }

    fn client(&mut self, id: NodeId, incarnation: Incarnation) -> &mut Client<C, O> {
        let client = self.clients.entry(id).or_insert_with(|| Client::new(incarnation));
        if client.incarnation != incarnation {
            *client = Client::new(incarnation);
        }
        client
    }

    /// Orders of a player came in. What follows upon the last one that it has is taken, as far as there is room.
    pub fn collect_orders(&mut self, from: NodeId, incarnation: Incarnation, given: Given<O>) {
        let client = self.client(from, incarnation);
        client.next_order = client.next_order.max(given.base);
        for (number, order) in (given.first..u64::MAX).zip(given.orders) {
            let fits = client.orders.len() < ORDERS_WAITING_MAX && bytes_of(&order).is_some();
            if number == client.next_order && fits {
                client.orders.push_back((number, order));
                client.next_order += 1;
            }
        }
    }

    /// Whether orders wait for the next step.
    pub fn has_orders(&self) -> bool {
        self.clients.values().any(|client| !client.orders.is_empty())
    }

    /// The controls up to `number` came from the client itself.
    pub fn heard_directly(&mut self, from: NodeId, number: u64) {
        if let Some(client) = self.clients.get_mut(&from) {
            client.direct = client.direct.max(number);
        }
    }

    /// The number of the last controls that came from `client`, in this life, without a relay.
    pub fn heard(&self, client: NodeId, incarnation: Incarnation) -> u64 {
        let client = self.clients.get(&client);
        client.filter(|client| client.incarnation == incarnation).map_or(0, |client| client.direct)
    }

    /// The newest state that `client` is known to hold, in this life.
    pub fn holds(&self, client: NodeId, incarnation: Incarnation) -> Option<Clock> {
        let client = self.clients.get(&client);
        client.filter(|client| client.incarnation == incarnation)?.holds
    }

    /// One step of the world: members who came and went, and what everybody holds down. Returns all
    /// that the world was told, and the same for the [journal](super::journal).
    pub fn step<G: Game<Controls = C, Order = O>>(
        &mut self,
        state: &mut State<G::World>,
        members: &[Member],
        events: &mut Vec<G::Event>,
    ) -> (Vec<News<C, O>>, Step<C, O>) {
        let mut news = Vec::new();
        let changed = seat(state, members, &mut news);
        let seats = changed.then(|| state.seats.clone());
        let mut applied = Vec::new();
        for (place, (id, seat)) in (0_u16..).zip(&mut state.seats) {
            let Some(client) = self.clients.get_mut(id) else {
                continue;
            };
            if !seat.present || client.incarnation != seat.incarnation {
                continue;
            }
            while client.waiting.front().is_some_and(|(number, _)| *number <= seat.number) {
                client.waiting.pop_front();
            }
            for _ in 0..client.due(Rate::of::<G>()) {
                if let Some((number, controls)) = client.waiting.pop_front() {
                    applied.push((place, number.saturating_sub(seat.number), controls));
                    seat.number = number;
                    client.held = Some(controls);
                    news.push(News::Controls(*id, controls));
                }
            }
        }
        let ordered = self.apply_orders(state, &mut news);
        let before = events.len();
        G::step(&mut state.world, &news, events);
        let new = events.len().saturating_sub(before) as u64;
        state.happened = state.happened.saturating_add(new);
        (news, Step { seats, controls: applied, orders: ordered, scores: None })
    }

    /// Tells the world what was ordered, as much as one step is told: of one player after the other, somebody else
    /// first in each step.
    fn apply_orders<W>(
        &mut self,
        state: &mut State<W>,
        news: &mut Vec<News<C, O>>,
    ) -> Vec<(u16, u64, O)> {
        let mut ordered = Vec::new();
        if self.clients.values().all(|client| client.orders.is_empty()) {
            return ordered;
        }
        let count = state.seats.len();
        self.first = (self.first + 1) % count.max(1);
        let mut room = ORDERS_STEP_BYTES_MAX;
        let seats = (0_u16..).zip(state.seats.iter_mut());
        let mut seats: Vec<(u16, (&NodeId, &mut Seat))> = seats.collect();
        seats.rotate_left(self.first);
        for (place, (id, seat)) in seats {
            let Some(client) = self.clients.get_mut(id) else { continue };
            if !seat.present || client.incarnation != seat.incarnation {
                continue;
            }
            let mut left = ORDERS_PER_STEP_MAX;
            while left > 0
                && let Some((number, order)) = client.orders.pop_front()
            {
                if number <= seat.orders {
                    continue;
                }
                let Some(rest) = room.checked_sub(bytes_of(&order).unwrap_or_default()) else {
                    client.orders.push_front((number, order));
                    break;
                };
                (room, left) = (rest, left - 1);
                ordered.push((place, number - seat.orders, order.clone()));
                seat.orders = number;
                news.push(News::Order(*id, order));
            }
        }
        ordered
    }
}

impl<C: Copy + Eq, O: Clone + Serialize> Default for Host<C, O> {
    fn default() -> Self {
        Self::new()
    }
}

/// Brings the seats in line with the roster. Whether they are others than before.
fn seat<W, C, O>(state: &mut State<W>, members: &[Member], news: &mut Vec<News<C, O>>) -> bool {
    let mut changed = false;
    let mut members: Vec<&Member> = members.iter().collect();
    members.sort_by_key(|member| member.id);
    for member in &members {
        let new = || Seat {
            incarnation: member.incarnation,
            name: member.name.clone(),
            number: 0,
            orders: 0,
            present: false,
        };
        let seat = state.seats.entry(member.id).or_insert_with(|| {
            changed = true;
            new()
        });
        if seat.incarnation != member.incarnation {
            changed = true;
            if seat.present {
                news.push(News::Left(member.id));
            }
            *seat = new();
        }
        let renamed = seat.name != member.name;
        if seat.present && member.away {
            changed = true;
            seat.present = false;
            news.push(News::Left(member.id));
        } else if !member.away && (!seat.present || renamed) {
            changed = true;
            seat.present = true;
            seat.name = member.name.clone();
            news.push(News::Joined(member.id, member.name.clone()));
        }
    }
    state.seats.retain(|id, seat| {
        let stays = members.iter().any(|member| member.id == *id);
        changed |= !stays;
        if !stays && seat.present {
            news.push(News::Left(*id));
        }
        stays
    });
    changed
}

impl<C: Eq, O> Client<C, O> {
    fn new(incarnation: Incarnation) -> Self {
        Self {
            incarnation,
            waiting: VecDeque::new(),
            delayed_steps: 0,
            held: None,
            last: 0,
            direct: 0,
            holds: None,
            orders: VecDeque::new(),
            next_order: 0,
        }
    }

    /// How many of the waiting controls this step takes.
    fn due(&mut self, rate: Rate) -> usize {
        if self.waiting.len() <= 1 {
            self.delayed_steps = 0;
            return 1;
        }
        // Where ticks are rare, two at once may say the same again (`node::following`): what is new waits behind none.
        let again = self.waiting.iter().take_while(|(_, next)| self.held.as_ref() == Some(next));
        let again = again.count();
        if rate.is_slow() && again > 0 && again < self.waiting.len() {
            self.delayed_steps = 0;
            return again + 1;
        }
        self.delayed_steps += 1;
        if self.waiting.len() > 3 || u64::from(self.delayed_steps) >= rate.ticks_in(PATIENCE_STEPS)
        {
            self.delayed_steps = 0;
            return self.waiting.len().clamp(2, 4);
        }
        1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{game::testing::Still, text::Name};

    fn member(id: u128, name: &str, away: bool) -> Member {
        let (id, incarnation, name) = (NodeId::from_u128(id), Incarnation(1), Name::new(name));
        Member { id, incarnation, name, address: None, away, unsteady: false }
    }

    /// How many of these each step takes, at a rate.
    fn taken(rate: Rate, waiting: &[i8]) -> Vec<usize> {
        let mut client = Client::<_, ()> { held: Some(0), ..Client::new(Incarnation(1)) };
        client.waiting = (1..).zip(waiting.iter().copied()).collect();
        let mut taken = Vec::new();
        while !client.waiting.is_empty() {
            let due = client.due(rate);
            client.held = client.waiting.drain(..due).next_back().map(|(_, last)| last);
            taken.push(due);
        }
        taken
    }

    #[test]
    fn where_ticks_are_rare_nothing_new_waits_behind_what_is_held_already() {
        let slow = Rate::of::<Still<10>>();
        assert_eq!((taken(slow, &[0, 0]), taken(Rate::USUAL, &[0, 0])), (vec![1, 1], vec![1, 1]));
        assert_eq!((taken(slow, &[0, 5]), taken(Rate::USUAL, &[0, 5])), (vec![2], vec![1, 1]));
        assert_eq!(taken(slow, &[5, 0]), [1, 1], "each press counts");
        assert_eq!(taken(slow, &[0, 0, 5]), [3]);
    }

    /// What the world is told when these are the members.
    fn told(state: &mut State<()>, members: &[Member]) -> Vec<News<()>> {
        let mut news = Vec::new();
        seat(state, members, &mut news);
        news
    }

    #[test]
    fn the_world_is_told_of_each_name_once_whoever_hosts() {
        let (ada, ben) = (NodeId::from_u128(1), NodeId::from_u128(2));
        let joined = |id, name: &str| News::Joined(id, Name::new(name));
        let mut state = State { world: (), seats: BTreeMap::new(), happened: 0 };
        let mut members = vec![member(1, "Ada", false), member(2, "Ben", false)];
        assert_eq!(told(&mut state, &members), [joined(ada, "Ada"), joined(ben, "Ben")]);
        assert_eq!(told(&mut state, &members), []);

        members[0].name = Name::new("Countess");
        assert_eq!(told(&mut state, &members), [joined(ada, "Countess")]);
        // What is told of is in the state, so it is not told again by the next host.
        let mut copy = state.clone();
        assert_eq!(told(&mut copy, &members), []);

        // Who is away is told of when it comes back, under the name it has then.
        members[1] = member(2, "Benjamin", true);
        assert_eq!(told(&mut state, &members), [News::Left(ben)]);
        members[1] = member(2, "Benno", true);
        assert_eq!(told(&mut state, &members), []);
        members[1] = member(2, "Benno", false);
        assert_eq!(told(&mut state, &members), [joined(ben, "Benno")]);

        // Another life is another player's seat.
        members[1].incarnation = Incarnation(2);
        assert_eq!(told(&mut state, &members), [News::Left(ben), joined(ben, "Benno")]);
    }
}
