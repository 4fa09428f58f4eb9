//! Datagrams in and out of a socket, with the address and the device that they arrive at or leave by.
//!
//! Linux, Android and Apple's systems tell and take both with each datagram (`IP_PKTINFO`).
//! [`TELLS`] says whether the system is one of these. Elsewhere a datagram arrives somewhere, and
//! leaves as the routing table likes; a socket that is bound to an address serves for what has to
//! leave by its device ([`Casters`]).

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
};

use mio::{Interest, Registry, Token, net::UdpSocket};

use crate::io::Interface;

pub use system::{TELLS, prepare, receive, send};

#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
mod system {
    use std::{
        io::{self, IoSlice, IoSliceMut},
        net::{Ipv4Addr, SocketAddr},
        num::NonZeroU32,
        os::fd::{AsFd, AsRawFd},
    };

    use mio::net::UdpSocket;
    use nix::{
        cmsg_space, libc,
        sys::socket::{
            ControlMessage, ControlMessageOwned, MsgFlags, SockaddrIn, SockaddrStorage, recvmsg,
            sendmsg, setsockopt, sockopt,
        },
    };

    use crate::runtime::paths::{Arrival, Leaving};

    /// Whether datagrams tell where they have arrived, and take how they are to leave.
    pub const TELLS: bool = true;

    /// Lets a socket tell.
    ///
    /// # Errors
    /// What the system says.
    pub fn prepare(socket: &impl AsFd) -> io::Result<()> {
        Ok(setsockopt(socket, sockopt::Ipv4PacketInfo, &true)?)
    }

    /// Takes one datagram: its length, its sender, and where it has arrived.
    ///
    /// # Errors
    /// What the system says; there is none yet, for example.
    pub fn receive(
        socket: &UdpSocket,
        buffer: &mut [u8],
    ) -> io::Result<(usize, SocketAddr, Option<Arrival>)> {
        let mut told = cmsg_space!(libc::in_pktinfo);
        let mut room = [IoSliceMut::new(buffer)];
        let flags = MsgFlags::empty();
        let datagram =
            recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut room, Some(&mut told), flags)?;
        let from = datagram.address.as_ref().and_then(SockaddrStorage::as_sockaddr_in);
        let from = from.ok_or_else(|| io::Error::other("a datagram without a sender"))?;
        let from = SocketAddr::from((from.ip(), from.port()));
        let arrival = datagram.cmsgs().ok().and_then(|told| {
            told.filter_map(|told| match told {
                ControlMessageOwned::Ipv4PacketInfo(info) => Some(Arrival {
                    to: Ipv4Addr::from_bits(u32::from_be(info.ipi_addr.s_addr)),
                    index: u32::try_from(info.ipi_ifindex).unwrap_or(0),
                }),
                _ => None,
            })
            .next()
        });
        Ok((datagram.bytes, from, arrival))
    }

    /// Sends one datagram.
    ///
    /// # Errors
    /// What the system says.
    pub fn send(
        socket: &UdpSocket,
        to: SocketAddr,
        leaving: Option<Leaving>,
        bytes: &[u8],
    ) -> io::Result<()> {
        let (Some(Leaving { local, device }), SocketAddr::V4(to)) = (leaving, to) else {
            return socket.send_to(bytes, to).map(drop);
        };
        let told = libc::in_pktinfo {
            // It fits: the systems count devices from 1.
            ipi_ifindex: device.map_or(0, NonZeroU32::get) as _,
            ipi_spec_dst: libc::in_addr { s_addr: local.to_bits().to_be() },
            ipi_addr: libc::in_addr { s_addr: 0 },
        };
        let told = [ControlMessage::Ipv4PacketInfo(&told)];
        let bytes = [IoSlice::new(bytes)];
        let (fd, flags) = (socket.as_raw_fd(), MsgFlags::empty());
        sendmsg(fd, &bytes, &told, flags, Some(&SockaddrIn::from(to)))?;
        Ok(())
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
mod system {
    use std::{io, net::SocketAddr};

    use mio::net::UdpSocket;

    use crate::runtime::paths::{Arrival, Leaving};

    /// Whether datagrams tell where they have arrived, and take how they are to leave.
    pub const TELLS: bool = false;

    /// Lets a socket tell, where it can.
    ///
    /// # Errors
    /// None here.
    pub fn prepare<S>(_socket: &S) -> io::Result<()> {
        Ok(())
    }

    /// Takes one datagram: its length, its sender, and where it has arrived.
    ///
    /// # Errors
    /// What the system says; there is none yet, for example.
    pub fn receive(
        socket: &UdpSocket,
        buffer: &mut [u8],
    ) -> io::Result<(usize, SocketAddr, Option<Arrival>)> {
        socket.recv_from(buffer).map(|(bytes, from)| (bytes, from, None))
    }

    /// Sends one datagram, as the routing table likes.
    ///
    /// # Errors
    /// What the system says.
    pub fn send(
        socket: &UdpSocket,
        to: SocketAddr,
        _leaving: Option<Leaving>,
        bytes: &[u8],
    ) -> io::Result<()> {
        socket.send_to(bytes, to).map(drop)
    }
}

/// Sockets that are bound to one address each, for broadcasts that have to leave by its device. What
/// is answered to them comes in on them.
#[derive(Debug, Default)]
pub struct Casters {
    sockets: Vec<(Ipv4Addr, UdpSocket)>,
}

impl Casters {
    /// Opens and closes what is needed for these networks. The first has the first of the tokens; at
    /// most `room` are opened.
    pub fn serve(&mut self, interfaces: &[Interface], first: Token, room: usize, poll: &Registry) {
        for (_, mut socket) in std::mem::take(&mut self.sockets) {
            let _ = poll.deregister(&mut socket);
        }
        for interface in interfaces.iter().filter(|interface| !interface.ip.is_unspecified()) {
            if self.sockets.len() < room
                && let Err(error) = self.open(interface.ip, first, poll)
            {
                tracing::debug!(ip = %interface.ip, %error, "no socket for broadcasts");
            }
        }
    }

    /// The one at an address.
    pub fn at(&self, ip: Ipv4Addr) -> Option<&UdpSocket> {
        self.sockets.iter().find(|(at, _)| *at == ip).map(|(_, socket)| socket)
    }

    /// The one with this place among the tokens.
    pub fn numbered(&self, number: usize) -> Option<&UdpSocket> {
        self.sockets.get(number).map(|(_, socket)| socket)
    }

    fn open(&mut self, ip: Ipv4Addr, first: Token, poll: &Registry) -> io::Result<()> {
        let mut socket = UdpSocket::bind(SocketAddr::from((ip, 0)))?;
        socket.set_broadcast(true)?;
        poll.register(&mut socket, Token(first.0 + self.sockets.len()), Interest::READABLE)?;
        self.sockets.push((ip, socket));
        Ok(())
    }
}
