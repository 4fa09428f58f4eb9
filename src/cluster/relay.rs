//! For whom this node stands between two others that do not reach each other.
//!
//! A cut between a client and its host is no reason for an election while a third node hears both:
//! whoever answers an ask with "the host lives" becomes the asker's relay. The asker's controls go
//! up through it, and the host's ticks come down: the relay holds the same world, so it encodes
//! each tick against what the client holds, just as the host would. Two hosts that only a third
//! node sees meet through that one.
//!
//! A newcomer that does not reach the host, and perhaps does not even hear it, *knocks* by way of a
//! member; the host learns of it that way, and gives it a seat like to anybody.
//!
//! Nothing is agreed on. Whatever is passed on for somebody is a request to be passed the ticks for
//! the next [`SERVED`]; who stops asking is forgotten.

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use super::message::{RelayPacket, Word};
use crate::{
    config::WATCHERS_ACKNOWLEDGE_EVERY,
    game::{Rate, Span},
    types::{Clock, Incarnation, Instant, NodeId},
};

/// How long a request counts.
pub const SERVED: Duration = Duration::from_secs(1);

/// The same for somebody who only watches, and speaks seldom: it is not forgotten before its third word.
pub const WATCHER_SERVED: Span =
    Span::ms(SERVED.as_millis() as u64, 3 * WATCHERS_ACKNOWLEDGE_EVERY as u32);

/// How many nodes a packet may go through: each more is another tick late.
pub const HOPS_MAX: u8 = 3;

/// The third node by way of which something came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Via {
    /// Who passed it on last.
    pub by: NodeId,
    /// How many nodes lie between its sender and this one, `by` among them; as far as it was told.
    pub far: u8,
}

/// The most nodes that one node relays for.
const CLIENTS_MAX: usize = 64;

/// The most that one hands ticks down to who only watch: twice as many as it is sent, should another relay be lost.
const WATCHERS_MAX: usize = 128;

/// The most authors of whom it is known what came last.
const AUTHORS_MAX: usize = 256;

/// Those for whom this node passes on its host's ticks, and what came by way of others.
#[derive(Clone, Debug, Default)]
pub struct Relay {
    clients: BTreeMap<NodeId, Client>,
    /// Those who watch through this node, which only watches itself.
    watchers: BTreeMap<NodeId, Watcher>,
    /// The number of the last packet that this node had passed on.
    number: u64,
    /// The highest number of each author, in the life it was in.
    heard: BTreeMap<NodeId, (Incarnation, u64)>,
}

#[derive(Clone, Debug)]
struct Client {
    until: Instant,
    holds: Option<Clock>,
}

#[derive(Clone, Debug)]
struct Watcher {
    until: Instant,
    holds: Option<Clock>,
    /// Where it is.
    at: IpAddr,
}

impl Relay {
    /// Something of `client` was passed on. It holds this state now, if it said so. Whether it is
    /// new here.
    pub fn serve(&mut self, now: Instant, client: NodeId, holds: Option<Clock>) -> bool {
        self.clients.retain(|_, client| now < client.until);
        let new = !self.clients.contains_key(&client);
        if new && self.clients.len() >= CLIENTS_MAX {
            return false;
        }
        self.clients.insert(client, Client { until: now + SERVED, holds });
        new
    }

    /// Somebody at this address who only watches asks for ticks. It holds this state.
    pub fn hand_down_to(
        &mut self,
        now: Instant,
        rate: Rate,
        (id, at): (NodeId, IpAddr),
        holds: Option<Clock>,
    ) {
        self.watchers.retain(|_, watcher| now < watcher.until);
        if self.watchers.contains_key(&id) || self.makes_room_for(at) {
            self.watchers.insert(id, Watcher { until: now + rate.span(WATCHER_SERVED), holds, at });
        }
    }

    /// Whether there is a place for one more at this address. If there is none, one of those at the address that has the most
    /// is made to give way, if it has more all the same: one machine, with however many names, keeps nobody else out.
    fn makes_room_for(&mut self, at: IpAddr) -> bool {
        if self.watchers.len() < WATCHERS_MAX {
            return true;
        }
        let mut by_address = BTreeMap::<IpAddr, (usize, NodeId)>::new();
        for (id, watcher) in &self.watchers {
            by_address.entry(watcher.at).or_insert((0, *id)).0 += 1;
        }
        let own = by_address.get(&at).map_or(0, |(count, _)| *count);
        let most = by_address.into_values().max_by_key(|(count, _)| *count);
        let gives_way = most.filter(|(count, _)| *count > own + 1);
        gives_way.is_some_and(|(_, id)| self.watchers.remove(&id).is_some())
    }

    /// Who watches through this node, and which state it holds: those who hold the same beside each other.
    pub fn watchers(&self, now: Instant) -> Vec<(Option<Clock>, NodeId)> {
        let served = self.watchers.iter().filter(|(_, watcher)| now < watcher.until);
        let mut served: Vec<_> = served.map(|(id, watcher)| (watcher.holds, *id)).collect();
        served.sort_unstable();
        served
    }

    /// The number of the next packet that this node has passed on.
    pub fn next_number(&mut self) -> u64 {
        self.number += 1;
        self.number
    }

    /// Whether something that was passed on is newer than all that its author has said so before. Ticks
    /// are numbered by themselves.
    pub fn is_news(&mut self, relay: &RelayPacket) -> bool {
        let Word::Packet { number, .. } = relay.word else { return true };
        let author = relay.author();
        let last = self.heard.get(&author).filter(|(life, _)| *life == relay.incarnation);
        if last.is_some_and(|(_, last)| number <= *last) {
            return false;
        }
        if self.heard.len() >= AUTHORS_MAX && !self.heard.contains_key(&author) {
            self.heard.pop_first();
        }
        self.heard.insert(author, (relay.incarnation, number));
        true
    }

    /// Who is to get the ticks, and which state it holds.
    pub fn clients(&self, now: Instant) -> impl Iterator<Item = (NodeId, Option<Clock>)> {
        let served = self.clients.iter().filter(move |(_, client)| now < client.until);
        served.map(|(id, client)| (*id, client.holds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    #[test]
    fn a_machine_with_many_names_keeps_nobody_else_from_watching_through_a_relay() {
        let (now, rate) = (Instant(1_000_000), Rate::USUAL);
        let mut relay = Relay::default();
        let mut asks = |number: u128, ip| {
            let id = NodeId::from_u128(number);
            relay.hand_down_to(now, rate, (id, ip), None);
            let served = relay.watchers(now);
            assert!(served.len() <= WATCHERS_MAX);
            served.iter().filter(|(_, other)| *other == id).count() == 1
        };
        let many = WATCHERS_MAX as u128;
        assert!((0..many).all(|number| asks(number, at(1))));
        assert!((many..many * 2).all(|number| !asks(number, at(1))), "nobody of its own");
        assert!((0..many / 2).all(|number| asks(many * 2 + number, at(2))));
        assert!(!asks(many * 3, at(2)), "now both have as many");
        assert!(asks(many * 4, at(3)));
    }
}
