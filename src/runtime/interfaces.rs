//! Which networks this machine is on, looked at again and again: a cable may be plugged in later.
//!
//! Asking the system takes some tenths of a millisecond here, and nobody knows how long elsewhere
//! (many interfaces, a busy kernel, Windows). So a small thread of its own asks, and tells the
//! network thread only what has changed.

use std::{
    net::{IpAddr, Ipv4Addr},
    thread,
    time::Duration,
};

use crossbeam_channel::{Receiver, RecvTimeoutError};
use if_addrs::{IfAddr, Ifv4Addr, get_if_addrs};

use crate::node::Interface;

/// The time between two looks.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// Where everybody on this machine is heard, whatever networks it is on.
const LOOPBACK: Interface =
    Interface { ip: Ipv4Addr::LOCALHOST, broadcast: Ipv4Addr::new(127, 255, 255, 255) };

/// The networks to be present on: all, or the one that `only` is an address of.
pub fn interfaces(only: Option<Ipv4Addr>) -> Vec<Interface> {
    if let Some(ip) = only
        && ip.is_loopback()
    {
        return vec![Interface { ip, ..LOOPBACK }];
    }
    let mut found: Vec<Interface> = get_if_addrs()
        .unwrap_or_default()
        .iter()
        .filter_map(|interface| match &interface.addr {
            IfAddr::V4(v4) if !v4.is_loopback() => present_on(v4),
            _ => None,
        })
        .filter(|interface| only.is_none_or(|ip| ip == interface.ip))
        .collect();
    if only.is_none() {
        found.push(LOOPBACK);
    }
    found.sort_by_key(|interface| interface.ip);
    found.dedup();
    found
}

/// Tells of changes from `known` on, until `stop` is disconnected.
pub fn watch(
    only: Option<Ipv4Addr>,
    mut known: Vec<Interface>,
    stop: Receiver<()>,
    tell: impl Fn(Vec<Interface>) + Send + 'static,
) {
    let look = move || {
        while let Err(RecvTimeoutError::Timeout) = stop.recv_timeout(LOOK_AGAIN) {
            let found = interfaces(only);
            if found != known {
                known.clone_from(&found);
                tell(found);
            }
        }
    };
    let started =
        thread::Builder::new().name("interfaces".into()).stack_size(128 << 10).spawn(look);
    if let Err(error) = started {
        tracing::warn!(%error, "networks that come later will not be seen");
    }
}

/// The address that others most likely reach this machine at.
pub fn likely_ip() -> Ipv4Addr {
    if let Ok(IpAddr::V4(ip)) = local_ip_address::local_ip() {
        return ip;
    }
    // Without a default route there is no likely one: any that is not this machine alone.
    interfaces(None)
        .iter()
        .map(|interface| interface.ip)
        .find(|ip| !ip.is_loopback())
        .unwrap_or(Ipv4Addr::LOCALHOST)
}

/// None for networks without a broadcast address: tunnels, and addresses of one host.
fn present_on(v4: &Ifv4Addr) -> Option<Interface> {
    if v4.prefixlen > 30 {
        return None;
    }
    let computed = Ipv4Addr::from_bits(v4.ip.to_bits() | !v4.netmask.to_bits());
    Some(Interface { ip: v4.ip, broadcast: v4.broadcast.unwrap_or(computed) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_wish_loopback_is_among_the_networks() {
        assert!(interfaces(None).contains(&LOOPBACK));
    }

    #[test]
    fn an_address_on_loopback_has_the_broadcast_of_loopback() {
        let ip = Ipv4Addr::new(127, 0, 0, 55);
        let found = interfaces(Some(ip));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].ip, ip);
        assert_eq!(found[0].broadcast, LOOPBACK.broadcast);
    }

    #[test]
    fn the_broadcast_address_follows_from_the_netmask() {
        let v4 = |ip: [u8; 4], prefixlen, broadcast| Ifv4Addr {
            ip: ip.into(),
            netmask: Ipv4Addr::from_bits(u32::MAX << (32 - u32::from(prefixlen))),
            prefixlen,
            broadcast,
        };
        let computed = present_on(&v4([10, 2, 3, 4], 16, None)).map(|found| found.broadcast);
        assert_eq!(computed, Some(Ipv4Addr::new(10, 2, 255, 255)));
        assert_eq!(present_on(&v4([10, 2, 3, 4], 31, None)), None);
    }
}
