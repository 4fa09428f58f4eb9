//! How the sockets of a node are opened, and what is wrong when they cannot be.
#![expect(clippy::disallowed_types, reason = "the impure edge")]

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    num::NonZeroU32,
};

#[cfg(any(target_os = "linux", target_os = "android"))]
use socket2::SockRef;
use socket2::{Domain, Protocol, Socket, Type};

use super::{Settings, StartError, datagrams, paths::Leaving};
use crate::config::{BACKLOG, FILES_WANTED};

/// Room for the packets of some hundred clients that arrive while this thread is not running.
const PACKETS_BUFFER_BYTES: usize = 1 << 20;

/// How often a port is drawn anew that cannot serve.
const DRAWS_MAX: usize = 16;

/// The three sockets of a node.
pub struct Opened {
    /// The one address that everything leaves from, if there is one.
    pub home: Option<Ipv4Addr>,
    /// Where links are accepted.
    pub listener: TcpListener,
    /// The node's own UDP socket.
    pub own: UdpSocket,
    /// Why that one has another port than was asked for, if it has.
    pub displaced: Option<io::Error>,
    /// The shared one for beacons; none where the own one has that port; or why there is none.
    pub beacon: io::Result<Option<UdpSocket>>,
}

/// Opens them.
///
/// # Errors
/// [`StartError`] when one that is needed cannot be had.
pub fn open(settings: &Settings, home: Option<Ipv4Addr>) -> Result<Opened, StartError> {
    let ip = home.unwrap_or(Ipv4Addr::UNSPECIFIED);
    let beacon_port = settings.beacon_port;
    let (listener, own, displaced) = match settings.port.filter(|port| *port != 0) {
        Some(port) => open_at(ip, port, beacon_port)?,
        None => {
            let (listener, own) = open_anywhere(ip, beacon_port)?;
            (listener, own, None)
        }
    };
    let hears_beacons =
        home.is_none() && own.local_addr().is_ok_and(|address| address.port() == beacon_port);
    let beacon = if hears_beacons { Ok(None) } else { beacon(beacon_port).map(Some) };
    Ok(Opened { home, listener, own, displaced, beacon })
}

/// At the port that somebody chose, which others may have been told, or a firewall. Links have to be
/// accepted there. Packets can do with another one: every beacon and hello tells it, and where a firewall
/// keeps it shut they go over the links. Why they have to, comes along.
fn open_at(
    ip: Ipv4Addr,
    port: u16,
    beacon_port: u16,
) -> Result<(TcpListener, UdpSocket, Option<io::Error>), StartError> {
    let address = SocketAddr::from((ip, port));
    let refused = |protocol, address| move |source| StartError::Bind { protocol, address, source };
    let listener = listener(address).map_err(refused("TCP", address))?;
    // At one address it hears no broadcasts, so the shared one has to stand beside it. (Everywhere, it
    // is that one; and it shares with nobody, since what comes to one address goes to one socket.)
    let shares = port == beacon_port && !ip.is_unspecified();
    match own(address, shares) {
        Ok(own) => Ok((listener, own, None)),
        Err(taken) => {
            let anywhere = SocketAddr::from((ip, 0));
            let own = own(anywhere, false).map_err(refused("UDP", anywhere))?;
            Ok((listener, own, Some(taken)))
        }
    }
}

/// At a port that the system chooses. It must leave the one for beacons alone, which other copies on
/// this machine have to share.
fn open_anywhere(ip: Ipv4Addr, beacon_port: u16) -> Result<(TcpListener, UdpSocket), StartError> {
    let address = SocketAddr::from((ip, 0));
    let refused = |protocol| move |source| StartError::Bind { protocol, address, source };
    let draw = || {
        let listener = listener(address).map_err(refused("TCP"))?;
        // The same number for both is easier on whoever looks at it; but it is not needed.
        let port = listener.local_addr().map_or(0, |address| address.port());
        let alike = if port == beacon_port { 0 } else { port };
        let own = own(SocketAddr::from((ip, alike)), false)
            .or_else(|_| own(address, false))
            .map_err(refused("UDP"))?;
        Ok((listener, own))
    };
    let mut drawn = draw()?;
    for _ in 0..DRAWS_MAX {
        if drawn.1.local_addr().is_ok_and(|address| address.port() != beacon_port) {
            break;
        }
        // The one that does not serve is held meanwhile, so that another one comes.
        drawn = draw()?;
    }
    Ok(drawn)
}

/// What accepts links at an address.
///
/// # Errors
/// What the system says.
pub fn listener(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    // So that a restarted node gets its port back at once. On Windows the same option would let
    // two programs share it.
    #[cfg(not(windows))]
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// One more listener at the same port, for one device: what it accepts is answered by that device,
/// wherever the routing table would send it. The port stays this node's: both allow to be shared only
/// after the first was opened for itself.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub fn listener_on(first: &impl std::os::fd::AsFd, device: NonZeroU32) -> io::Result<TcpListener> {
    let first = SockRef::from(first);
    first.set_reuse_port(true)?;
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    socket.bind_device_by_index_v4(Some(device))?;
    socket.bind(&first.local_addr()?)?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Elsewhere links are answered as the routing table likes.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub fn listener_on<S>(_first: &S, _device: NonZeroU32) -> io::Result<TcpListener> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Begins to open a link. It leaves as it is told to; if that cannot be, as the routing table likes.
pub fn dial(to: SocketAddr, leaving: Option<Leaving>) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    if let Some(Leaving { local, device }) = leaving {
        if let Some(device) = device
            && let Err(error) = bind_device(&socket, device)
        {
            tracing::debug!(%to, %error, "the device of a link cannot be chosen");
        }
        socket.bind(&SocketAddr::from((local, 0)).into())?;
    }
    match socket.connect(&to.into()) {
        Err(error) if !is_under_way(&error) => Err(error),
        _ => Ok(socket.into()),
    }
}

/// Whether a link is merely not open yet.
fn is_under_way(error: &io::Error) -> bool {
    #[cfg(unix)]
    let begun = error.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error());
    #[cfg(not(unix))]
    let begun = false;
    begun || error.kind() == io::ErrorKind::WouldBlock
}

#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn bind_device(socket: &Socket, device: NonZeroU32) -> io::Result<()> {
    socket.bind_device_by_index_v4(Some(device))
}

/// An address is enough where it decides about the device.
#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn bind_device(_socket: &Socket, _device: NonZeroU32) -> io::Result<()> {
    Ok(())
}

/// A UDP socket of a node's own.
///
/// # Errors
/// What the system says.
pub fn own(address: SocketAddr, shares: bool) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    if shares {
        share(&socket)?;
    }
    socket.set_broadcast(true)?;
    socket.set_nonblocking(true)?;
    let _ = socket.set_recv_buffer_size(PACKETS_BUFFER_BYTES);
    let _ = socket.set_send_buffer_size(PACKETS_BUFFER_BYTES);
    socket.bind(&address.into())?;
    let socket = UdpSocket::from(socket);
    datagrams::prepare(&socket)?;
    Ok(socket)
}

/// The socket for beacons: every node of a machine listens on the same port.
///
/// # Errors
/// What the system says.
pub fn beacon(port: u16) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    share(&socket)?;
    socket.set_broadcast(true)?;
    socket.set_nonblocking(true)?;
    // Bound to every address, wherever the node lives: a socket on 127.0.0.55 hears no broadcast.
    socket.bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)).into())?;
    let socket = UdpSocket::from(socket);
    datagrams::prepare(&socket)?;
    Ok(socket)
}

/// With both options set the sockets of other people on this machine may share the port too: the
/// second one alone is for one user's.
fn share(socket: &Socket) -> io::Result<()> {
    socket.set_reuse_address(true)?;
    #[cfg(all(unix, not(any(target_os = "solaris", target_os = "illumos"))))]
    socket.set_reuse_port(true)?;
    Ok(())
}

/// Lets this process open so many files as a crowd of links needs ([`FILES_WANTED`]), or as many as the system
/// allows it: the usual limit is 1,024. It concerns the whole process, so a program asks for it at its start, and
/// the library does not do it unasked.
#[cfg(unix)]
pub fn raise_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    /// What macOS takes when it says "infinity".
    const FILES: u64 = 10_240;

    let limit = getrlimit(Resource::Nofile);
    let raise_to = |files: u64| {
        let files = limit.maximum.map_or(files, |maximum| maximum.min(files));
        let raised = Rlimit { current: Some(files), maximum: limit.maximum };
        limit.current.is_none_or(|current| current >= files)
            || setrlimit(Resource::Nofile, raised).is_ok()
    };
    if !raise_to(FILES_WANTED) && !raise_to(FILES) {
        tracing::debug!("the file limit stays as it is");
    }
}

/// There is no such limit here.
#[cfg(not(unix))]
pub fn raise_file_limit() {}

/// How many files this process may open; none: as many as it likes.
#[cfg(unix)]
pub fn files() -> Option<usize> {
    use rustix::process::{Resource, getrlimit};

    let current = getrlimit(Resource::Nofile).current?;
    usize::try_from(current).ok()
}

/// How many files this process may open; none: as many as it likes.
#[cfg(not(unix))]
pub fn files() -> Option<usize> {
    None
}
