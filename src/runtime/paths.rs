//! By which of this machine's addresses and devices it speaks with each of the others.
//!
//! A machine may have several addresses in one network, be on one network twice (a cable and Wi-Fi),
//! or on two networks of one number (two routers of one make). The routing table has one answer for
//! all of that, so the others would see their peer at a place where they do not look for it, or never
//! get an answer. Here a node speaks with somebody the way it is spoken to: from the address that the
//! other one writes to, and where the numbers of the networks leave open where somebody is, by the
//! device that it was heard on.
//!
//! - Whatever is sent to this node's own address, a datagram or a link, says which address that is.
//! - A broadcast only says on which cable its sender is. It counts as long as nothing better is known.
//! - Where there is nothing to choose, nothing is chosen: the routing table does it.
//! - A node that lives at one address (its *home*) sends everything from there.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
    num::NonZeroU32,
    time::Duration,
};

use crate::{io::Interface, types::Instant};

/// The most machines remembered.
const KNOWN_MAX: usize = 4_096;

/// How often it is looked, where there is no room, for those that are stale.
const TIDIED_EVERY: Duration = Duration::from_millis(100);

/// A way that was not used by the other side for so long gives way to another one.
const STALE: Duration = Duration::from_millis(1_500);

/// Where a datagram has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The address that it was sent to, of this machine or of everybody.
    pub to: Ipv4Addr,
    /// The device.
    pub index: u32,
}

/// How something is to leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leaving {
    /// From which address.
    pub local: Ipv4Addr,
    /// By which device, where the routing table does not know.
    pub device: Option<NonZeroU32>,
}

/// What is known of the others.
#[derive(Debug)]
pub struct Paths {
    home: Option<Ipv4Addr>,
    interfaces: Vec<Interface>,
    known: BTreeMap<Ipv4Addr, Known>,
    /// When it was looked last who is stale.
    tidied: Instant,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    local: Ipv4Addr,
    index: u32,
    /// It is on the cable of that device, and not behind a router.
    near: bool,
    at: Instant,
}

impl Paths {
    /// Nobody is known. Everything leaves from `home`, if there is one.
    pub fn new(home: Option<Ipv4Addr>) -> Self {
        Self { home, interfaces: Vec::new(), known: BTreeMap::new(), tidied: Instant::default() }
    }

    /// The networks that this machine is on, from here on.
    pub fn set_interfaces(&mut self, interfaces: &[Interface]) {
        self.interfaces = interfaces.to_vec();
        let stays = |known: &Known| {
            let serves = |i: &Interface| i.ip == known.local && i.index == known.index;
            interfaces.iter().any(serves)
        };
        self.known.retain(|_, known| stays(known));
    }

    /// Whether this node has anything to do with a datagram: who lives on the loopback stays there.
    pub fn concerns(&self, from: IpAddr) -> bool {
        from.is_loopback() || !self.home.is_some_and(|home| home.is_loopback())
    }

    /// A datagram from `from` has arrived, at the node's `own` socket or the one for beacons.
    pub fn arrived(&mut self, now: Instant, from: IpAddr, at: Arrival, own: bool) {
        let IpAddr::V4(from) = from else { return };
        if self.is_mine(from) || self.is_mine(at.to) && !own && self.is_fresh(now, from) {
            return;
        }
        if self.is_mine(at.to) {
            let near = self.known.get(&from).is_some_and(|known| known.near);
            return self.learn(from, Known { local: at.to, index: at.index, near, at: now });
        }
        let Some(local) = self.address_on(at.index, from) else { return };
        match self.known.get_mut(&from) {
            Some(known) if known.index == at.index => {
                known.near = true;
                known.at = now;
            }
            Some(known) if now.since(known.at) < STALE => {}
            _ => self.learn(from, Known { local, index: at.index, near: true, at: now }),
        }
    }

    /// Somebody opened a link to this node's address `local`.
    pub fn accepted(&mut self, now: Instant, from: IpAddr, local: IpAddr) {
        let (IpAddr::V4(from), IpAddr::V4(local)) = (from, local) else { return };
        let before = self.known.get(&from);
        if self.is_mine(from) || before.is_some_and(|known| known.local == local) {
            return;
        }
        let near = before.is_some_and(|known| known.near);
        if let Some(interface) = self.interfaces.iter().find(|interface| interface.ip == local) {
            self.learn(from, Known { local, index: interface.index, near, at: now });
        }
    }

    /// How what goes to `to` is to leave; none: as the system likes.
    pub fn leaving(&self, to: IpAddr) -> Option<Leaving> {
        let IpAddr::V4(to) = to else { return None };
        let home = self.home.map(|local| Leaving { local, device: None });
        if self.is_mine(to) {
            return home;
        }
        let Some(known) = self.known.get(&to) else { return home };
        let holding: Vec<&Interface> = self.interfaces.iter().filter(|i| i.holds(to)).collect();
        let here = |i: &&Interface| i.index == known.index;
        let device = match &holding[..] {
            [] => known.near,
            some => !some.iter().all(here),
        };
        let device = NonZeroU32::new(known.index).filter(|_| device && !to.is_loopback());
        let local = self.home.unwrap_or(known.local);
        let plain = device.is_none() && matches!(&holding[..], [only] if only.ip == local);
        match plain {
            true => home,
            false => Some(Leaving { local, device }),
        }
    }

    /// How an answer leaves to something that has arrived this way.
    pub fn answering(&self, to: IpAddr, question: Arrival) -> Option<Leaving> {
        let leaving = self.leaving(to);
        if !self.is_mine(question.to) {
            return leaving;
        }
        let device = leaving.and_then(|leaving| leaving.device);
        Some(Leaving { local: self.home.unwrap_or(question.to), device })
    }

    fn learn(&mut self, from: Ipv4Addr, path: Known) {
        // Datagrams in thousands of names cost one look in a while.
        if self.known.len() >= KNOWN_MAX && path.at.since(self.tidied) >= TIDIED_EVERY {
            self.tidied = path.at;
            self.known.retain(|_, known| path.at.since(known.at) < STALE);
        }
        if self.known.len() < KNOWN_MAX || self.known.contains_key(&from) {
            self.known.insert(from, path);
        }
    }

    fn is_fresh(&self, now: Instant, from: Ipv4Addr) -> bool {
        self.known.get(&from).is_some_and(|known| now.since(known.at) < STALE)
    }

    fn is_mine(&self, ip: Ipv4Addr) -> bool {
        self.home == Some(ip) || self.interfaces.iter().any(|interface| interface.ip == ip)
    }

    /// This machine's address on a device: the one in the network of `other`, or else the first.
    fn address_on(&self, index: u32, other: Ipv4Addr) -> Option<Ipv4Addr> {
        let on_it = || self.interfaces.iter().filter(|interface| interface.index == index);
        let facing = on_it().find(|interface| interface.holds(other));
        facing.or_else(|| on_it().next()).map(|interface| interface.ip)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERYBODY: Ipv4Addr = Ipv4Addr::BROADCAST;
    const NOW: Instant = Instant(10_000_000);

    #[test]
    fn with_one_address_the_routing_table_does_it() {
        let mut paths = paths(None, &[on(2, [10, 77, 0, 1], 24)]);
        paths.arrived(NOW, ip([10, 77, 0, 5]), broadcast(2), false);
        paths.arrived(NOW, ip([10, 77, 0, 5]), sent_to([10, 77, 0, 1], 2), true);
        assert_eq!(paths.leaving(ip([10, 77, 0, 5])), None);
    }

    #[test]
    fn who_lives_at_one_address_sends_everything_from_there() {
        let home = Ipv4Addr::new(127, 0, 0, 3);
        let paths = paths(Some(home), &[on(1, [127, 0, 0, 3], 8)]);
        let leaving = Some(Leaving { local: home, device: None });
        assert_eq!(paths.leaving(ip([127, 0, 0, 2])), leaving);
        assert_eq!(paths.leaving(ip([127, 0, 0, 3])), leaving);
        assert_eq!(paths.answering(ip([127, 0, 0, 2]), broadcast(1)), leaving);
    }

    #[test]
    fn a_home_in_one_of_two_networks_of_one_number_is_left_by_its_own_device() {
        let home = Ipv4Addr::new(10, 77, 0, 2);
        let mut paths = paths(Some(home), &[on(2, [10, 77, 0, 1], 24), on(3, [10, 77, 0, 2], 24)]);
        paths.arrived(NOW, ip([10, 77, 0, 5]), broadcast(3), false);
        assert_eq!(paths.leaving(ip([10, 77, 0, 5])), out_of(3, [10, 77, 0, 2]));
        let answer = paths.answering(ip([10, 77, 0, 5]), sent_to([10, 77, 0, 1], 3));
        assert_eq!(answer, out_of(3, [10, 77, 0, 2]));
    }

    #[test]
    fn who_lives_on_the_loopback_does_not_hear_the_network() {
        let at_home = paths(Some(Ipv4Addr::new(127, 0, 0, 3)), &[]);
        assert!(at_home.concerns(ip([127, 0, 0, 1])) && !at_home.concerns(ip([10, 77, 0, 5])));
        assert!(paths(None, &[]).concerns(ip([10, 77, 0, 5])));
    }

    #[test]
    fn of_two_addresses_in_one_network_the_one_that_is_written_to_answers() {
        let mut paths = paths(None, &[on(2, [10, 77, 0, 1], 24), on(2, [10, 77, 0, 9], 24)]);
        let peer = ip([10, 77, 0, 5]);
        paths.arrived(NOW, peer, broadcast(2), false);
        assert_eq!(paths.leaving(peer), from([10, 77, 0, 1]));
        assert_eq!(paths.answering(peer, sent_to([10, 77, 0, 9], 2)), from([10, 77, 0, 9]));
        // A question to the other address is no reason to speak from there from now on; packets are.
        paths.arrived(NOW, peer, sent_to([10, 77, 0, 9], 2), false);
        assert_eq!(paths.leaving(peer), from([10, 77, 0, 1]));
        paths.arrived(NOW, peer, sent_to([10, 77, 0, 9], 2), true);
        assert_eq!(paths.leaving(peer), from([10, 77, 0, 9]));
        paths.accepted(NOW, peer, ip([10, 77, 0, 1]));
        assert_eq!(paths.leaving(peer), from([10, 77, 0, 1]));
    }

    #[test]
    fn in_two_networks_of_one_number_the_device_decides_on_which_somebody_was_heard() {
        let mut paths = paths(None, &[on(2, [10, 77, 0, 1], 24), on(3, [10, 77, 0, 2], 24)]);
        paths.arrived(NOW, ip([10, 77, 0, 5]), broadcast(2), false);
        paths.arrived(NOW, ip([10, 77, 0, 6]), broadcast(3), false);
        assert_eq!(paths.leaving(ip([10, 77, 0, 5])), out_of(2, [10, 77, 0, 1]));
        assert_eq!(paths.leaving(ip([10, 77, 0, 6])), out_of(3, [10, 77, 0, 2]));
        // On one cable twice, it stays with the first, until that one is silent.
        paths.arrived(NOW, ip([10, 77, 0, 5]), broadcast(3), false);
        assert_eq!(paths.leaving(ip([10, 77, 0, 5])), out_of(2, [10, 77, 0, 1]));
        paths.arrived(NOW + STALE, ip([10, 77, 0, 5]), broadcast(3), false);
        assert_eq!(paths.leaving(ip([10, 77, 0, 5])), out_of(3, [10, 77, 0, 2]));
    }

    #[test]
    fn who_is_on_the_cable_but_not_in_the_network_is_reached_by_the_device() {
        let mut paths = paths(None, &[on(2, [10, 77, 0, 1], 24)]);
        let odd = ip([10, 77, 1, 5]);
        paths.arrived(NOW, odd, broadcast(2), false);
        assert_eq!(paths.leaving(odd), out_of(2, [10, 77, 0, 1]));
        paths.arrived(NOW, odd, sent_to([10, 77, 0, 1], 2), true);
        assert_eq!(paths.leaving(odd), out_of(2, [10, 77, 0, 1]));
        // Nobody has heard this one on a cable: there is a router in between.
        let far = ip([192, 168, 7, 7]);
        paths.arrived(NOW, far, sent_to([10, 77, 0, 1], 2), true);
        assert_eq!(paths.leaving(far), from([10, 77, 0, 1]));
    }

    #[test]
    fn copies_on_this_machine_are_left_to_the_system() {
        let mut paths = paths(None, &[on(2, [10, 77, 0, 1], 24), on(3, [10, 77, 0, 2], 24)]);
        paths.arrived(NOW, ip([10, 77, 0, 2]), broadcast(2), false);
        paths.accepted(NOW, ip([10, 77, 0, 2]), ip([10, 77, 0, 1]));
        assert_eq!(paths.leaving(ip([10, 77, 0, 2])), None);
    }

    #[test]
    fn an_address_that_is_gone_is_spoken_from_no_more() {
        let mut paths = paths(None, &[on(2, [10, 77, 0, 1], 24), on(3, [10, 77, 0, 2], 24)]);
        paths.arrived(NOW, ip([10, 77, 0, 5]), broadcast(3), false);
        paths.set_interfaces(&[on(2, [10, 77, 0, 1], 24)]);
        assert_eq!(paths.leaving(ip([10, 77, 0, 5])), None);
    }

    #[test]
    fn no_crowd_of_strangers_fills_the_memory() {
        let mut paths = paths(None, &[on(2, [10, 77, 0, 1], 16), on(2, [10, 77, 0, 2], 16)]);
        let stranger = |number: u32| IpAddr::V4(Ipv4Addr::from_bits(0x0a4d_8000 + number));
        for number in 0..10_000 {
            paths.arrived(NOW, stranger(number), broadcast(2), false);
        }
        assert!(paths.known.len() <= KNOWN_MAX);
        paths.arrived(NOW + STALE, stranger(20_000), broadcast(2), false);
        assert_eq!(paths.known.len(), 1);
    }

    fn paths(home: Option<Ipv4Addr>, interfaces: &[Interface]) -> Paths {
        let mut paths = Paths::new(home);
        paths.set_interfaces(interfaces);
        paths
    }

    fn on(index: u32, ip: [u8; 4], prefix_bits: u8) -> Interface {
        Interface { ip: ip.into(), prefix_bits, index, broadcast: None }
    }

    fn ip(ip: [u8; 4]) -> IpAddr {
        IpAddr::from(ip)
    }

    fn broadcast(index: u32) -> Arrival {
        Arrival { to: EVERYBODY, index }
    }

    fn sent_to(to: [u8; 4], index: u32) -> Arrival {
        Arrival { to: to.into(), index }
    }

    fn from(local: [u8; 4]) -> Option<Leaving> {
        Some(Leaving { local: local.into(), device: None })
    }

    fn out_of(index: u32, local: [u8; 4]) -> Option<Leaving> {
        Some(Leaving { local: local.into(), device: NonZeroU32::new(index) })
    }
}
