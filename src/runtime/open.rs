//! How the sockets of a node are opened, and what is wrong when they cannot be.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket},
};

use socket2::{Domain, Protocol, Socket, Type};

use super::{Settings, StartError};

/// How many may knock at once before the network thread has answered any: a crowd that joins in
/// the same moment. (With 128, 97 of 1,000 fail.)
const BACKLOG: i32 = 1_024;

/// Room for the packets of some hundred clients that arrive while this thread is not running.
const PACKETS_BUFFER_BYTES: usize = 1 << 20;

/// The three sockets of a node.
pub struct Opened {
    /// Where links are accepted.
    pub listener: TcpListener,
    /// The node's own UDP socket.
    pub own: UdpSocket,
    /// The shared one for beacons; or why there is none.
    pub beacon: io::Result<UdpSocket>,
}

/// Opens them.
///
/// # Errors
/// [`StartError`] when one that is needed cannot be had.
pub fn open(settings: &Settings) -> Result<Opened, StartError> {
    let ip = settings.ip.unwrap_or(Ipv4Addr::UNSPECIFIED);
    let wanted = SocketAddr::from((ip, settings.port.unwrap_or(0)));
    let refused = |address| move |source| StartError::Bind { address, source };
    let listener = listener(wanted).map_err(refused(wanted))?;
    // The same number for both is easier on whoever configures a firewall; but it is not needed.
    let port = listener.local_addr().map_or(0, |address| address.port());
    let own = own(SocketAddr::from((ip, port)))
        .or_else(|_| own(SocketAddr::from((ip, 0))))
        .map_err(refused(wanted))?;
    Ok(Opened { listener, own, beacon: beacon(settings.beacon_port) })
}

fn listener(address: SocketAddr) -> io::Result<TcpListener> {
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

fn own(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_broadcast(true)?;
    socket.set_nonblocking(true)?;
    let _ = socket.set_recv_buffer_size(PACKETS_BUFFER_BYTES);
    let _ = socket.set_send_buffer_size(PACKETS_BUFFER_BYTES);
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// Every node of a machine listens on the same port. With both options set the sockets of other
/// people on this machine may share it too: the second one alone is for one user's.
fn beacon(port: u16) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_reuse_address(true)?;
    #[cfg(all(unix, not(any(target_os = "solaris", target_os = "illumos"))))]
    socket.set_reuse_port(true)?;
    socket.set_broadcast(true)?;
    socket.set_nonblocking(true)?;
    // Bound to every address, whatever `--ip` says: a socket on 127.0.0.55 hears no broadcast.
    socket.bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)).into())?;
    Ok(socket.into())
}

/// Lets this process hold as many links as the system allows. A crowd of spectators needs more
/// than the usual 1,024 files.
#[cfg(unix)]
pub fn raise_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    /// What macOS takes when it says "infinity".
    const FILES: u64 = 10_240;

    let limit = getrlimit(Resource::Nofile);
    let raise_to = |current| {
        let raised = Rlimit { current, maximum: limit.maximum };
        setrlimit(Resource::Nofile, raised).is_ok()
    };
    if limit.current == limit.maximum || raise_to(limit.maximum) {
        return;
    }
    if limit.current.is_some_and(|files| files < FILES) && !raise_to(Some(FILES)) {
        tracing::debug!("the file limit stays as it is");
    }
}

/// There is no such limit here.
#[cfg(not(unix))]
pub fn raise_file_limit() {}
