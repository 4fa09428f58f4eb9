//! What the world outside does to a node, and what a node does to it: the vocabulary that the core
//! and its two drivers share.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use bytes::Bytes;

use crate::{
    ledger::{
        disk::{BatchId, Record, Report, Stored},
        entry::WallTime,
    },
    text::SessionName,
    types::{LinkId, SessionId},
};

/// What the world outside does to a node.
#[derive(Clone, Debug)]
pub enum Wire {
    /// The time of [`Node::next_timeout`](crate::node::Node::next_timeout) has come. Harmless at any other time.
    Timeout,
    /// A datagram.
    Packet {
        /// Its sender.
        from: SocketAddr,
        /// On which of the node's sockets it came in; the answer leaves by the same.
        via: Port,
        /// What it holds.
        bytes: Vec<u8>,
    },
    /// Somebody opened a link to this node. The driver has given it an id.
    Accepted {
        /// The link.
        link: LinkId,
        /// Who opened it.
        from: SocketAddr,
    },
    /// A link that this node dialled is open.
    Connected {
        /// The link.
        link: LinkId,
    },
    /// A link that this node dialled did not open.
    DialFailed {
        /// The link.
        link: LinkId,
    },
    /// Bytes of a link, in order, cut anywhere.
    Bytes {
        /// The link.
        link: LinkId,
        /// The bytes.
        chunk: Vec<u8>,
    },
    /// A link is gone. Nothing of it follows.
    Closed {
        /// The link.
        link: LinkId,
        /// Why it is gone, as far as the system tells.
        reason: CloseReason,
    },
    /// The networks this machine is on, at the start and whenever they change.
    Interfaces(Vec<Interface>),
    /// This machine was suspended, and the clock stood still meanwhile: what this node believes
    /// about the others is of another time. Comes with what the wall clock says.
    Woke(WallTime),
    /// This is what the own disk holds, if that was not known at the start: it was read meanwhile. Comes once.
    Read(Box<Stored>),
    /// The disk has answered an [`Effect::Persist`].
    Persisted(Report),
    /// What came of the last [`Wire::Timeout`], all effects carried out, took so long. A driver need not tell what
    /// was short.
    Took(Duration),
}

/// The two UDP sockets of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    /// Its own, on a port of its own: everything but beacons from the neighbourhood. (It is the shared
    /// one, too, where its port was chosen to be the same.)
    Own,
    /// The shared one, on which all nodes of a machine hear beacons.
    Beacon,
}

/// One network that this machine is on, by one of its addresses there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interface {
    /// This machine's address there; unspecified where the system does not tell.
    pub ip: Ipv4Addr,
    /// How many bits of an address are the network's number, 32 at most.
    pub prefix_bits: u8,
    /// The system's number of the device; 0 if it tells none.
    pub index: u32,
    /// The network's own address for everybody, where there is a credible one.
    pub broadcast: Option<Ipv4Addr>,
}

impl Interface {
    /// Whether `ip` belongs to that network, by its number.
    pub fn holds(&self, ip: Ipv4Addr) -> bool {
        let host_bits = 32 - u32::from(self.prefix_bits.min(32));
        let differing = (self.ip.to_bits() ^ ip.to_bits()).checked_shr(host_bits);
        differing.unwrap_or(0) == 0
    }
}

/// Why a link closed, as the driver saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// The other side closed it, or its process ended.
    EndOfStream,
    /// The system reported an error.
    Error,
    /// The other side reads too slowly; what was to be sent exceeded the limit.
    Slow,
}

/// What the driver is to do.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Send a datagram. It may get lost; that is nobody's error.
    Packet {
        /// To whom.
        to: SocketAddr,
        /// From which socket.
        via: Port,
        /// The datagram.
        bytes: Bytes,
    },
    /// Send a datagram to everybody on one network, from the node's own socket.
    Broadcast {
        /// The network.
        on: Interface,
        /// To which port.
        port: u16,
        /// The datagram.
        bytes: Bytes,
    },
    /// Open a link; [`Wire::Connected`] or [`Wire::DialFailed`] follows. The id is the node's
    /// choice: even numbers are dialled links, odd numbers are for the driver's accepted ones.
    Dial {
        /// The link.
        link: LinkId,
        /// To whom.
        to: SocketAddr,
    },
    /// Send bytes on an open link. The driver keeps what the link does not take yet, up to
    /// [`LINK_BYTES_QUEUED_MAX`], beyond which it reports [`CloseReason::Slow`].
    Bytes {
        /// The link.
        link: LinkId,
        /// The bytes.
        bytes: Bytes,
    },
    /// Close a link after what was sent on it. No [`Wire::Closed`] follows.
    Close {
        /// The link.
        link: LinkId,
    },
    /// Write entries to the disk and sync it, some time soon; [`Wire::Persisted`] follows.
    Persist {
        /// The batch.
        batch: BatchId,
        /// What is in it.
        records: Vec<Record>,
    },
    /// Note on the disk which session is played under this name.
    Remember {
        /// The session.
        session: SessionId,
        /// Its name.
        name: SessionName,
    },
}

/// How many unsent bytes a driver holds for one link before the other side counts as too slow.
pub const LINK_BYTES_QUEUED_MAX: usize = 4 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_holds_the_addresses_of_its_number() {
        let held = |bits: u8, ip: [u8; 4]| {
            let ours = Ipv4Addr::new(10, 77, 0, 1);
            Interface { ip: ours, prefix_bits: bits, index: 1, broadcast: None }.holds(ip.into())
        };
        assert!(held(24, [10, 77, 0, 200]) && !held(24, [10, 77, 1, 200]));
        assert!(held(16, [10, 77, 1, 200]));
        assert!(held(31, [10, 77, 0, 0]) && !held(31, [10, 77, 0, 2]));
        assert!(held(32, [10, 77, 0, 1]) && !held(32, [10, 77, 0, 2]));
        assert!(held(0, [192, 168, 0, 1]));
    }
}
