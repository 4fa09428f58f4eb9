//! Who gets a datagram: one machine or all of a network, by whichever cable.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use bytes::Bytes;

use super::{TCP_PORT, UDP_PORT, What, World, network_of};
use crate::{
    config::BEACON_PORT,
    game::Game,
    io::{Interface, Port, Wire},
    node::Input,
    sim::{network::Place, trace::Fate},
};

/// What comes before the payload of a datagram on the wire.
const HEADER_BYTES: usize = 28;

/// The most datagrams that are kept for after a cut.
const HOARD_MAX: usize = 4_096;

/// The most datagrams that are taken down.
const TAKEN_DOWN_MAX: usize = 16_384;

/// A datagram on its way.
#[derive(Clone)]
pub(super) struct Datagram {
    sender: Place,
    to: Place,
    from: SocketAddr,
    via: Port,
    bytes: Bytes,
}

impl<G: Game> World<G> {
    /// Sends a datagram from one machine to whoever has the address `to`.
    pub(super) fn datagram(&mut self, sender: Place, to: SocketAddr, by: Port, bytes: Bytes) {
        let net = network_of(to);
        let Some(ip) = self.machines[sender].ip_in(net) else { return };
        let shared = by == Port::Beacon && !self.machines[sender].port_taken;
        let port = if shared { BEACON_PORT } else { UDP_PORT };
        let from = SocketAddr::new(ip.into(), port);
        let via = if to.port() == BEACON_PORT { Port::Beacon } else { Port::Own };
        if to.ip() != IpAddr::V4(broadcast(net)) {
            self.judge.met.datagrams += 1;
            self.judge.met.datagram_bytes += bytes.len() as u64;
            let port_to = to.port();
            if let Some(to) = self.lives_at(to).filter(|to| *to != sender)
                && self.network.admits(self.now, (sender, port), (to, port_to))
            {
                self.send_datagram(net, Datagram { sender, to, from, via, bytes });
            }
        } else if self.network.broadcasts && !self.network.routed.contains(&net) {
            for to in (0..self.count()).filter(|to| *to != sender) {
                if self.machines[to].ip_in(net).is_some() && self.network.admits_broadcast(to) {
                    let bytes = bytes.clone();
                    self.send_datagram(net, Datagram { sender, to, from, via, bytes });
                }
            }
        }
    }

    /// Sends a datagram to everybody on the network of an interface.
    pub(super) fn broadcast(&mut self, sender: Place, on: Interface, port: u16, bytes: Bytes) {
        let everybody = broadcast(on.ip.octets()[2]);
        self.datagram(sender, SocketAddr::new(everybody.into(), port), Port::Own, bytes);
    }

    fn send_datagram(&mut self, net: u8, datagram: Datagram) {
        let Datagram { sender, to, ref bytes, .. } = datagram;
        if !self.network.reaches(sender, to) && self.network.hoards && self.hoard.len() < HOARD_MAX
        {
            return self.hoard.push_back(datagram);
        }
        let copies = match self.network.carries(net, sender, to) && self.fits(bytes) {
            true => self.network.datagram(self.now, sender, to),
            false => Vec::new(),
        };
        if let (Some(life), Some(trace)) = (self.life(sender), &mut self.trace) {
            let fate = Fate::of(self.now, &copies);
            if let Some(node) = &self.machines[sender].node
                && let Some(said) = node.cluster().read(bytes)
            {
                trace.datagram(self.now, (sender, life), to, said, fate);
            }
        }
        for at in copies {
            self.push(at, What::Packet(datagram.clone()));
        }
        if let Some(taken_down) = &mut self.taken_down
            && taken_down.len() < TAKEN_DOWN_MAX
        {
            taken_down.push(datagram);
        }
    }

    /// From here on somebody takes down all datagrams.
    pub fn take_down_datagrams(&mut self) {
        self.taken_down = Some(Vec::new());
    }

    /// Whoever took them down sends them again, with their senders' addresses, and each as `change` has
    /// it. How many those are.
    pub fn play_back(&mut self, mut change: impl FnMut(&mut Vec<u8>)) -> usize {
        let taken_down = self.taken_down.take().unwrap_or_default();
        for (number, datagram) in (0..).zip(&taken_down) {
            let mut bytes = datagram.bytes.to_vec();
            change(&mut bytes);
            let at = self.network.arrival(self.now) + Duration::from_micros(number * 50);
            self.push(at, What::Packet(Datagram { bytes: bytes.into(), ..datagram.clone() }));
        }
        let count = taken_down.len();
        self.taken_down = Some(taken_down);
        count
    }

    /// Whether a datagram gets through everywhere; else it vanishes without a word.
    fn fits(&mut self, bytes: &[u8]) -> bool {
        let fits = self.network.mtu.is_none_or(|mtu| bytes.len() + HEADER_BYTES <= mtu);
        self.network.vanished += u64::from(!fits);
        fits
    }

    /// A datagram arrives.
    pub(super) fn deliver(&mut self, datagram: Datagram) {
        let Datagram { sender, to, from, via, bytes } = datagram;
        if via == Port::Beacon && self.machines[to].port_taken {
            return;
        }
        if self.is_awake(to) {
            self.machines[to].heard[sender] = self.now;
        }
        self.feed(to, Input::Wire(Wire::Packet { from, via, bytes: bytes.to_vec() }));
    }

    /// Lets the datagrams go on that some switch has kept for after the cut.
    pub(super) fn release_datagrams(&mut self) {
        for datagram in std::mem::take(&mut self.hoard) {
            if self.network.reaches(datagram.sender, datagram.to) {
                let at = self.network.arrival(self.now);
                self.push(at, What::Packet(datagram));
            } else {
                self.hoard.push_back(datagram);
            }
        }
    }

    /// Tells a node which networks its machine is on.
    pub(super) fn feed_interfaces(&mut self, place: Place) {
        let interface = |ip: &Ipv4Addr| {
            let net = ip.octets()[2];
            let broadcast = Some(broadcast(net));
            Interface { ip: *ip, prefix_bits: 24, index: u32::from(net) + 1, broadcast }
        };
        let interfaces = self.machines[place].ips.iter().map(interface).collect();
        self.feed(place, Input::Wire(Wire::Interfaces(interfaces)));
    }

    /// Whom a node is told of beforehand, where broadcasts reach nobody.
    pub(super) fn invited(&self, place: Place) -> Vec<SocketAddr> {
        let others = (0..self.count()).filter(|other| *other != place);
        let invited = others
            .filter(|_| !self.network.broadcasts)
            .filter(|other| self.hub.is_none_or(|hub| hub == *other));
        let told = self.told_of.get(&place).into_iter().flatten().copied();
        told.chain(invited.filter_map(|other| self.address(other, BEACON_PORT))).collect()
    }

    /// Whose machine has an address.
    pub(super) fn lives_at(&self, address: SocketAddr) -> Option<Place> {
        let IpAddr::V4(ip) = address.ip() else { return None };
        self.machines.iter().position(|machine| machine.ips.contains(&ip))
    }

    /// Where the node of a machine takes in datagrams.
    pub fn udp_address(&self, place: Place) -> Option<SocketAddr> {
        self.address(place, UDP_PORT)
    }

    /// Where it hears beacons.
    pub fn beacon_address(&self, place: Place) -> Option<SocketAddr> {
        self.address(place, BEACON_PORT)
    }

    /// Where it accepts links.
    pub fn tcp_address(&self, place: Place) -> Option<SocketAddr> {
        self.address(place, TCP_PORT)
    }

    fn address(&self, place: Place, port: u16) -> Option<SocketAddr> {
        self.machines[place].ips.first().map(|ip| SocketAddr::new((*ip).into(), port))
    }
}

/// The address that reaches everybody in a network.
fn broadcast(net: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, net, 255)
}
