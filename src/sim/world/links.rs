//! Links between machines, as both of their drivers see them: dialled, accepted, closed, and what
//! is under way on them.

use std::{
    collections::VecDeque,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use rand_pcg::rand_core::Rng;

use super::{What, World, network_of};
use crate::{
    game::Game,
    io::{CloseReason, Wire},
    node::Input,
    sim::network::Place,
    types::{Instant, LinkId},
};

/// How long a dial into nothing takes to fail.
const DIAL_TIMEOUT: Duration = Duration::from_secs(3);

/// Both ends of a link, and in each direction what waits for a way: first that of the dialler.
#[derive(Clone)]
pub(super) struct Ends {
    dialler: End,
    acceptor: Option<End>,
    held: [VecDeque<Item>; 2],
}

/// One end of a link: which machine has it, in which of its lives, under which number.
#[derive(Clone, Copy)]
pub(super) struct End {
    pub place: Place,
    pub life: u32,
    pub link: LinkId,
}

/// What goes over a link.
#[derive(Clone)]
pub(super) enum Item {
    Bytes(Vec<u8>),
    End,
}

impl Ends {
    /// The end from which `way` leads, and the one it leads to.
    fn along(&self, way: usize) -> (Option<End>, Option<End>) {
        match way {
            0 => (Some(self.dialler), self.acceptor),
            _ => (self.acceptor, Some(self.dialler)),
        }
    }

    /// How many bytes the driver that sends on `way` still holds.
    fn unsent(&self, way: usize) -> usize {
        let sizes = self.held[way].iter().map(|item| match item {
            Item::Bytes(bytes) => bytes.len(),
            Item::End => 0,
        });
        sizes.sum()
    }
}

impl<G: Game> World<G> {
    pub(super) fn dial(&mut self, place: Place, link: LinkId, to: SocketAddr) {
        let target = match to.ip() {
            IpAddr::V4(ip) => self.machines.iter().position(|other| other.ips.contains(&ip)),
            IpAddr::V6(_) => None,
        };
        match target {
            Some(target) => self.note(place, format_args!("dials n{target}")),
            None => self.note(place, format_args!("dials {to}, where nobody lives")),
        }
        let net = network_of(to);
        let cable = self.network.open(self.now, net, place, target.unwrap_or(place));
        let machine = &mut self.machines[place];
        machine.links.insert(link, cable);
        let dialler = End { place, life: machine.life, link };
        let acceptor = target.map(|place| End { place, life: 0, link: LinkId(u64::MAX) });
        self.cables.insert(cable, Ends { dialler, acceptor, held: Default::default() });
        let passes = |target| {
            self.network.carries(net, place, target) && self.network.admits_dial(place, target)
        };
        if target.is_some_and(passes) {
            let at = self.network.arrival(self.now);
            self.push(at, What::Knock { cable });
        } else {
            self.push(self.now + DIAL_TIMEOUT, What::DialFailed { cable });
        }
    }

    /// A dial arrives.
    pub(super) fn knock(&mut self, cable: u64) {
        let Some(ends) = self.cables.get(&cable) else { return };
        let (from, Some(to)) = (ends.dialler, ends.acceptor.map(|end| end.place)) else { return };
        let net = self.network.net(cable);
        let reaches = self.network.carries(net, to, from.place);
        let back = self.network.arrival(self.now);
        if !self.machines[to].is_up() || !reaches {
            if let Some(ends) = self.cables.get_mut(&cable) {
                ends.acceptor = None;
            }
            let at = if reaches { back } else { self.now + DIAL_TIMEOUT };
            return self.push(at, What::DialFailed { cable });
        }
        let machine = &mut self.machines[to];
        let link = LinkId(machine.accepted);
        machine.accepted += 2;
        machine.links.insert(link, cable);
        let end = End { place: to, life: machine.life, link };
        if let Some(ends) = self.cables.get_mut(&cable) {
            ends.acceptor = Some(end);
        }
        self.network.opens(cable, back);
        self.push(back, What::Opened { cable });
        let Some(ip) = self.machines[from.place].ip_in(net) else { return };
        let address = SocketAddr::new(ip.into(), 40_000);
        self.feed_end(end, |link| Wire::Accepted { link, from: address });
    }

    /// A dial was accepted.
    pub(super) fn opened(&mut self, cable: u64) {
        if let Some(end) = self.cables.get(&cable).map(|ends| ends.dialler) {
            self.feed_end(end, |link| Wire::Connected { link });
        }
    }

    /// A dial came to nothing.
    pub(super) fn dial_failed(&mut self, cable: u64) {
        let Some(ends) = self.cables.remove(&cable) else { return };
        self.network.close(cable);
        let End { place, life, link } = ends.dialler;
        self.note(place, "has dialled in vain");
        self.feed_end(ends.dialler, |link| Wire::DialFailed { link });
        let machine = &mut self.machines[place];
        if machine.life == life {
            machine.links.remove(&link);
        }
    }

    /// Sends something on a link: it arrives, or waits until there is a way.
    pub(super) fn carry(&mut self, cable: u64, way: usize, item: Item) {
        let Some(ends) = self.cables.get_mut(&cable) else { return };
        let (near, far) = ends.along(way);
        if self.network.is_ghost(cable) {
            let up = far.is_some_and(|end| self.machines[end.place].is_up());
            let near = near.or(far);
            if up
                && let (Some(near), Some(far)) = (near, far)
                && self.network.reaches(near.place, far.place)
                && self.network.reaches(far.place, near.place)
            {
                let at = self.network.arrival(self.now);
                self.push(at, What::Reset { cable, way: 1 - way });
            }
            return;
        }
        let reads = far.is_none_or(|end| self.machines[end.place].reads);
        if !ends.held[way].is_empty() || !reads {
            return self.hold_back(cable, way, item);
        }
        match self.network.bytes(self.now, cable, way == 0) {
            Some(at) => self.push(at, What::Item { cable, way, item }),
            None => self.hold_back(cable, way, item),
        }
    }

    /// The driver keeps what the link does not take, up to a limit.
    fn hold_back(&mut self, cable: u64, way: usize, item: Item) {
        let Some(ends) = self.cables.get_mut(&cable) else { return };
        let before = ends.unsent(way);
        ends.held[way].push_back(item);
        let limit = self.unsent_max;
        if ends.unsent(way) > limit && before <= limit {
            self.push(self.now, What::Slow { cable, way });
        }
    }

    /// The driver gives up a link whose other side does not read.
    pub(super) fn give_up(&mut self, cable: u64, way: usize) {
        let Some(ends) = self.cables.get_mut(&cable) else { return };
        ends.held[way].clear();
        self.network.haunt_cable(cable);
        if let (Some(near), _) = ends.along(way) {
            self.close_end(near, cable, CloseReason::Slow);
        }
    }

    pub(super) fn arrive(&mut self, cable: u64, way: usize, item: Item) {
        match item {
            Item::End => self.end(cable, way, CloseReason::EndOfStream),
            Item::Bytes(bytes) => {
                let Some(ends) = self.cables.get(&cable) else { return };
                let (_, Some(end)) = ends.along(way) else { return };
                let mut rest = bytes.as_slice();
                for size in self.network.pieces(bytes.len()) {
                    let (chunk, after) = rest.split_at(size);
                    rest = after;
                    let chunk = chunk.to_vec();
                    self.feed_end(end, |link| Wire::Bytes { link, chunk });
                }
            }
        }
    }

    /// A link ends at the far end of `way`.
    pub(super) fn end(&mut self, cable: u64, way: usize, reason: CloseReason) {
        let Some(ends) = self.cables.get(&cable) else { return };
        if let (_, Some(end)) = ends.along(way) {
            self.close_end(end, cable, reason);
        }
        self.cables.remove(&cable);
        self.network.close(cable);
    }

    /// The driver at one end reports that a link is gone.
    pub(super) fn close_end(&mut self, end: End, cable: u64, reason: CloseReason) {
        if let (_, Some(other)) = self.way(cable, end.place) {
            let why = match reason {
                CloseReason::EndOfStream => "closed by the other side",
                CloseReason::Error => "broken",
                CloseReason::Slow => "the other side does not read",
            };
            self.note(end.place, format_args!("sees a link with n{other} end: {why}"));
        }
        self.feed_end(end, |link| Wire::Closed { link, reason });
        let machine = &mut self.machines[end.place];
        if machine.life == end.life {
            machine.links.remove(&end.link); // a later life counts its links anew
        }
    }

    fn feed_end(&mut self, end: End, wire: impl FnOnce(LinkId) -> Wire) {
        let machine = &self.machines[end.place];
        let closes = !machine.links.contains_key(&end.link);
        if machine.life == end.life && machine.is_up() {
            let wire = wire(end.link);
            if !closes || matches!(wire, Wire::DialFailed { .. } | Wire::Closed { .. }) {
                self.feed(end.place, Input::Wire(wire));
            }
        }
    }

    /// Lets the links go on that wait for a way.
    pub fn release(&mut self) {
        let waiting: Vec<u64> = self
            .cables
            .iter()
            .filter(|(_, ends)| ends.held.iter().any(|held| !held.is_empty()))
            .map(|(cable, _)| *cable)
            .collect();
        for cable in waiting {
            // TCP tries again at its own pace.
            let at = Instant(self.now.0 + 1_000 + self.random.next_u64() % 400_000);
            self.push(at, What::Release { cable });
        }
        self.release_datagrams();
    }

    /// A link tries again.
    pub(super) fn retry(&mut self, cable: u64) {
        for way in [0, 1] {
            let Some(ends) = self.cables.get_mut(&cable) else { return };
            for item in std::mem::take(&mut ends.held[way]) {
                self.carry(cable, way, item);
            }
        }
    }

    /// The links between two machines, as the first one calls them.
    pub fn links_between(&self, place: Place, other: Place) -> Vec<LinkId> {
        let at = |link: &u64| self.cables.get(link).map(|ends| (ends.dialler, ends.acceptor));
        let links = self.machines[place].links.iter();
        let between = links.filter(|(_, cable)| {
            at(cable).is_some_and(|(dialler, acceptor)| {
                let places = [Some(dialler.place), acceptor.map(|end| end.place)];
                places.contains(&Some(other)) && places.contains(&Some(place))
            })
        });
        between.map(|(link, _)| *link).collect()
    }

    /// How many links a machine has, open or being dialled.
    pub fn links_at(&self, place: Place) -> usize {
        self.machines[place].links.len()
    }

    /// In which direction a machine sends on a link, and to whom.
    pub(super) fn way(&self, cable: u64, place: Place) -> (usize, Option<Place>) {
        let Some(ends) = self.cables.get(&cable) else { return (1, None) };
        let way = usize::from(ends.dialler.place != place);
        (way, ends.along(way).1.map(|end| end.place))
    }
}
