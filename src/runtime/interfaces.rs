//! Which networks this machine is on, looked at again and again: a cable may be plugged in later.
//!
//! Asking the system takes 54 µs on a machine with two of them, and nobody knows how long elsewhere
//! (many interfaces, a busy kernel, Windows). So a small thread of its own asks, and tells the
//! network thread only what has changed.
//!
//! What systems tell is not always so: there are networks without a broadcast address, with 0.0.0.0,
//! with one's own address or with all ones in its place. So a broadcast address is a mere hint here;
//! beacons go to 255.255.255.255 out of each device. Some systems tell nothing at all (a sandbox):
//! then what they told last is believed, and people are told.

use std::{
    io,
    net::{IpAddr, Ipv4Addr},
    thread,
    time::Duration,
};

use crossbeam_channel::{Receiver, RecvTimeoutError};
use if_addrs::{IfAddr, Ifv4Addr, get_if_addrs};

use crate::node::Interface;

use super::AddressError;

/// The time between two looks.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// What the system calls its loopback, where it does not say: nothing has to leave by it.
const LOOPBACK_INDEX: u32 = 0;

/// Where everybody on this machine is heard, whatever networks it is on.
const LOOPBACK: Interface = Interface {
    ip: Ipv4Addr::LOCALHOST,
    prefix_bits: 8,
    index: LOOPBACK_INDEX,
    broadcast: Some(Ipv4Addr::new(127, 255, 255, 255)),
};

/// What the thread that looks has to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// The networks are others than before.
    Networks(Vec<Interface>),
    /// The system does not tell any more; what it says.
    Refused(String),
}

/// All networks of this machine, each address in the order in which the system has them: of several in
/// one network it prefers the first.
///
/// # Errors
/// When the system does not tell.
pub fn interfaces() -> io::Result<Vec<Interface>> {
    let told = get_if_addrs()?;
    let mut found: Vec<Interface> = told
        .iter()
        .filter_map(|interface| match &interface.addr {
            IfAddr::V4(v4) if !v4.is_loopback() => present_on(v4, interface.index.unwrap_or(0)),
            _ => None,
        })
        .collect();
    found.push(LOOPBACK);
    found.sort_by_key(|interface| interface.index);
    found.dedup();
    Ok(found)
}

/// What is assumed of a system that has never told anything: a network that it knows how to reach.
pub fn assumed() -> Vec<Interface> {
    let somewhere =
        Interface { ip: Ipv4Addr::UNSPECIFIED, prefix_bits: 32, index: 0, broadcast: None };
    vec![LOOPBACK, somewhere]
}

/// Those of `all` that a node is present on: all, or the one that its `home` is an address of.
pub fn present(all: &[Interface], home: Option<Ipv4Addr>) -> Vec<Interface> {
    let Some(home) = home else { return all.to_vec() };
    if home.is_loopback() {
        return vec![Interface { ip: home, ..LOOPBACK }];
    }
    let mut found: Vec<Interface> = all.iter().filter(|i| i.ip == home).copied().collect();
    if found.is_empty() && all.iter().any(|interface| interface.ip.is_unspecified()) {
        found.push(Interface { ip: home, prefix_bits: 32, index: 0, broadcast: None });
    }
    found
}

/// Tells of changes from `known` on, until `stop` is disconnected. With none known the system has
/// refused to tell.
pub fn watch(
    known: Option<Vec<Interface>>,
    stop: Receiver<()>,
    tell: impl Fn(Seen) + Send + 'static,
) {
    let look = move || {
        let mut watch = Watch { known, refused: false };
        watch.refused = watch.known.is_none();
        while let Err(RecvTimeoutError::Timeout) = stop.recv_timeout(LOOK_AGAIN) {
            if let Some(seen) = watch.look(interfaces()) {
                tell(seen);
            }
        }
    };
    let started =
        thread::Builder::new().name("interfaces".into()).stack_size(128 << 10).spawn(look);
    if let Err(error) = started {
        tracing::warn!(%error, "networks that come later will not be seen");
    }
}

/// What was told last.
struct Watch {
    known: Option<Vec<Interface>>,
    refused: bool,
}

impl Watch {
    /// What is new in what the system says. A refusal is told once, and what was known stays.
    fn look(&mut self, said: io::Result<Vec<Interface>>) -> Option<Seen> {
        match said {
            Err(error) => (!std::mem::replace(&mut self.refused, true)).then(|| refused(&error)),
            Ok(found) => {
                self.refused = false;
                let changed = self.known.as_ref() != Some(&found);
                self.known = Some(found.clone());
                changed.then_some(Seen::Networks(found))
            }
        }
    }
}

/// That the system does not tell, in words.
pub fn refused(error: &io::Error) -> Seen {
    Seen::Refused(format!(
        "the system does not tell which networks this machine is on ({error}); the last ones known \
         are used, and others that come later are not found"
    ))
}

/// The address that others most likely reach this machine at.
pub fn likely_ip(all: &[Interface]) -> Ipv4Addr {
    if let Ok(IpAddr::V4(ip)) = local_ip_address::local_ip() {
        return ip;
    }
    // Without a default route there is no likely one: any that is not this machine alone.
    let others = all.iter().map(|interface| interface.ip);
    others.into_iter().find(|ip| may_be_somebodys(*ip)).unwrap_or(Ipv4Addr::LOCALHOST)
}

/// Whether one machine can have that address, as far as this one knows.
///
/// # Errors
/// What it is instead.
pub fn check(ip: IpAddr, all: &[Interface]) -> Result<Ipv4Addr, AddressError> {
    let IpAddr::V4(ip) = ip else { return Err(AddressError::NotIpv4) };
    let of_network = |interface: &Interface| interface.broadcast == Some(ip) && interface.ip != ip;
    if ip.is_unspecified() {
        Err(AddressError::Unspecified)
    } else if ip.is_multicast() {
        Err(AddressError::Multicast)
    } else if ip.is_broadcast() || LOOPBACK.broadcast == Some(ip) || all.iter().any(of_network) {
        Err(AddressError::Broadcast)
    } else {
        Ok(ip)
    }
}

fn may_be_somebodys(ip: Ipv4Addr) -> bool {
    !ip.is_unspecified() && !ip.is_loopback() && !ip.is_multicast() && !ip.is_broadcast()
}

/// A network, as the system describes it; without what cannot be true.
fn present_on(v4: &Ifv4Addr, index: u32) -> Option<Interface> {
    if !may_be_somebodys(v4.ip) {
        return None;
    }
    let prefix_bits = v4.netmask.to_bits().leading_ones() as u8;
    let computed = Ipv4Addr::from_bits(v4.ip.to_bits() | !v4.netmask.to_bits());
    let computed = (1..=30).contains(&prefix_bits).then_some(computed);
    let credible = |ip: &Ipv4Addr| may_be_somebodys(*ip) && *ip != v4.ip;
    let broadcast = v4.broadcast.filter(credible).or(computed.filter(credible));
    Some(Interface { ip: v4.ip, prefix_bits, index, broadcast })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_among_the_networks() {
        assert!(interfaces().unwrap().contains(&LOOPBACK));
        assert!(assumed().contains(&LOOPBACK));
    }

    #[test]
    fn an_address_on_loopback_has_the_broadcast_of_loopback() {
        let ip = Ipv4Addr::new(127, 0, 0, 55);
        let found = present(&interfaces().unwrap(), Some(ip));
        assert_eq!(found, [Interface { ip, ..LOOPBACK }]);
    }

    #[test]
    fn who_lives_at_one_address_is_present_on_its_network_alone() {
        let home = Ipv4Addr::new(10, 2, 3, 4);
        let there = present_on(&v4([10, 2, 3, 4], 16, None), 2).unwrap();
        let all = [LOOPBACK, there, present_on(&v4([10, 9, 9, 9], 16, None), 3).unwrap()];
        assert_eq!(present(&all, Some(home)), [there]);
        assert_eq!(present(&all, None), all);
        assert_eq!(present(&all[..1], Some(home)), []);
        // Where the system tells nothing, that address is all there is to go by.
        let assumed = present(&assumed(), Some(home));
        assert_eq!(assumed.iter().map(|interface| interface.ip).collect::<Vec<_>>(), [home]);
    }

    #[test]
    fn a_broadcast_address_is_believed_only_where_it_can_be_one() {
        let everybody = |bits, broadcast: Option<[u8; 4]>| {
            let v4 = v4([10, 2, 3, 4], bits, broadcast.map(Ipv4Addr::from));
            present_on(&v4, 2).unwrap().broadcast
        };
        let computed = Some(Ipv4Addr::new(10, 2, 255, 255));
        assert_eq!(everybody(16, None), computed);
        assert_eq!(everybody(16, Some([0, 0, 0, 0])), computed);
        assert_eq!(everybody(16, Some([255, 255, 255, 255])), computed);
        assert_eq!(everybody(16, Some([10, 2, 3, 4])), computed, "that is the own address");
        assert_eq!(everybody(16, Some([10, 2, 0, 0])), Some(Ipv4Addr::new(10, 2, 0, 0)));
        assert_eq!(everybody(31, None), None);
        assert_eq!(everybody(32, Some([10, 2, 3, 4])), None);
    }

    #[test]
    fn what_no_single_machine_can_have_is_refused() {
        let all = [LOOPBACK, present_on(&v4([10, 2, 3, 4], 16, None), 2).unwrap()];
        let checked = |ip: &str| check(ip.parse().unwrap(), &all);
        for wrong in ["255.255.255.255", "127.255.255.255", "10.2.255.255"] {
            assert_eq!(checked(wrong), Err(AddressError::Broadcast), "{wrong}");
        }
        for wrong in ["224.0.0.1", "239.255.255.255"] {
            assert_eq!(checked(wrong), Err(AddressError::Multicast), "{wrong}");
        }
        assert_eq!(checked("0.0.0.0"), Err(AddressError::Unspecified));
        assert_eq!(checked("::1"), Err(AddressError::NotIpv4));
        for fine in ["10.2.3.4", "127.0.0.2", "192.168.1.255"] {
            assert!(checked(fine).is_ok(), "{fine}");
        }
    }

    #[test]
    fn a_system_that_refuses_to_tell_is_believed_what_it_told_last_and_people_are_told_once() {
        let networks = vec![LOOPBACK];
        let refuse = || Err(io::Error::from(io::ErrorKind::PermissionDenied));
        let mut watch = Watch { known: Some(networks.clone()), refused: false };
        assert!(matches!(watch.look(refuse()), Some(Seen::Refused(_))));
        assert_eq!(watch.look(refuse()), None);
        assert_eq!(watch.look(Ok(networks.clone())), None);
        assert!(matches!(watch.look(refuse()), Some(Seen::Refused(_))));
        let more = [networks, vec![LOOPBACK]].concat();
        assert_eq!(watch.look(Ok(more.clone())), Some(Seen::Networks(more)));
    }

    fn v4(ip: [u8; 4], prefixlen: u8, broadcast: Option<Ipv4Addr>) -> Ifv4Addr {
        let netmask = Ipv4Addr::from_bits(u32::MAX << (32 - u32::from(prefixlen)));
        Ifv4Addr { ip: ip.into(), netmask, prefixlen, broadcast }
    }
}
