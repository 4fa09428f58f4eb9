//! Bytes in, bytes out: everything the network thread waits for, behind two calls.
//!
//! [`Sockets::wait`] blocks until something may be read or written, or the deadline comes.
//! [`Sockets::next`] then hands over what came in, one piece at a time, and takes turns among the
//! sources: whoever sends much is not read before who sends little. What is read after one wait, and
//! what comes of it, has its time ([`READING`]), so that a flood cannot keep the node from its ticks; what
//! is left over is read after the next wait, which does not block then.
//!
//! Readiness is told once (edge-triggered), so a source stays in the list of those to be read until
//! it says that it has nothing left.
//!
//! What others do not read is kept for a while, of one link and of all together. Where the system has no
//! file left for another link, a spare one serves to accept it and close it at once: or all that come
//! later would wait behind it. That is told.
//!
//! Every error here concerns one peer. The sockets themselves stay.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fs::File,
    io::{self, ErrorKind},
    net::{Ipv4Addr, SocketAddr},
    num::NonZeroU32,
    time::Duration,
};

use bytes::Bytes;
use mio::{
    Events, Interest, Poll, Token, Waker,
    event::Event,
    net::{TcpListener, TcpStream, UdpSocket},
};

use crate::{
    node::{CloseReason, Interface, Port, Wire},
    types::{Instant, LinkId},
};

use super::{
    clock,
    datagrams::{self, Casters},
    interfaces,
    link::{Link, Stage, Taken},
    open::{self, Opened},
    paths::{Arrival, Leaving, Paths},
    timer::{TIMER, Timer},
};

const WAKER: Token = Token(0);
const LISTENER: Token = Token(2);
const OWN: Token = Token(3);
const BEACON: Token = Token(4);
/// Listeners for one device each, and sockets for broadcasts of one address each.
const LISTENERS: usize = 8;
const CASTERS: usize = LISTENERS + EXTRA_MAX;
/// The token of a link is its number after the fixed ones.
const LINKS: usize = CASTERS + EXTRA_MAX;

/// The most additional listeners, and the most additional sockets for broadcasts: a machine is seldom
/// on so many networks.
const EXTRA_MAX: usize = 32;

/// How long pieces are taken in after one wait, a flood or not. A tick that is due waits for no more than
/// twice this.
const READING: Duration = Duration::from_millis(3);

/// So many pieces are taken in however long it takes: this thread may have been away from the processor, and
/// what came meanwhile shows that the others are alive.
const PIECES_MIN: u32 = 64;

/// How many bytes of a link are one piece: some hundreds of short frames, which take a millisecond.
const CHUNK_BYTES: usize = 16 << 10;

/// How many unsent bytes are kept for all links together: beyond, the one goes that has read least.
const QUEUED_IN_ALL_MAX: usize = 64 << 20;

/// From how many unsent bytes of one link on it is looked at how many there are of all.
const QUEUED_UNSEEN: usize = 256 << 10;

/// Datagrams of this size and above are not for us. Twice what a node ever sends.
const DATAGRAM_BYTES: usize = 2_560;

/// How long a closed link may take to write its last bytes.
const PARTING: Duration = Duration::from_millis(500);

/// How many closed links are given that time. Beyond, links are dropped as they are.
const PARTINGS_MAX: usize = 1_024;

/// How long nothing is said of that again.
const WARNED_FOR: Duration = Duration::from_secs(10);

/// After how long to accept again when the system had no room for another link.
const ACCEPT_AGAIN: Duration = Duration::from_millis(50);

/// Everything that bytes come from and go to.
pub struct Sockets {
    poll: Poll,
    events: Events,
    timer: Timer,
    listener: TcpListener,
    own: UdpSocket,
    /// The one address that everything leaves from, if there is one.
    home: Option<Ipv4Addr>,
    beacon: Option<UdpSocket>,
    paths: Paths,
    /// Where the beacon that was read last came from, and where it arrived: to answer it.
    asked: Option<(SocketAddr, Arrival)>,
    /// The devices whose links the routing table would send astray. They stay: others may have been told
    /// of links there.
    listeners: Vec<(NonZeroU32, TcpListener)>,
    casters: Casters,
    links: BTreeMap<LinkId, Link>,
    /// The odd numbers are for accepted links.
    next_accepted: u64,
    /// Who may have something to read, in turn; the set holds the same.
    turns: VecDeque<Token>,
    readable: BTreeSet<Token>,
    /// Until when pieces are taken in after this wait.
    reading_until: Instant,
    pieces: u32,
    /// A file that is not needed, until there is no room for another one.
    spare: Option<File>,
    /// How many links were closed at once for want of a file, and when that was told last.
    turned_away: u64,
    warned: Option<Instant>,
    /// What went wrong while sending, to be told with what comes in.
    faults: VecDeque<Wire>,
    /// Closed links and until when they may write, the earliest first.
    partings: VecDeque<(Instant, LinkId)>,
    accept_again: Option<Instant>,
    buffer: Box<[u8]>,
}

impl Sockets {
    /// Takes over the opened sockets. The waker interrupts a [`wait`](Sockets::wait).
    ///
    /// # Errors
    /// When the system has no room for them.
    pub fn new(opened: Opened) -> io::Result<(Self, Waker)> {
        let poll = Poll::new()?;
        let registry = poll.registry();
        let mut listener = TcpListener::from_std(opened.listener);
        registry.register(&mut listener, LISTENER, Interest::READABLE)?;
        let mut own = UdpSocket::from_std(opened.own);
        registry.register(&mut own, OWN, Interest::READABLE)?;
        let mut beacon = opened.beacon.ok().flatten().map(UdpSocket::from_std);
        if let Some(beacon) = &mut beacon {
            registry.register(beacon, BEACON, Interest::READABLE)?;
        }
        let waker = Waker::new(registry, WAKER)?;
        let sockets = Self {
            timer: Timer::new(&poll),
            poll,
            events: Events::with_capacity(1_024),
            listener,
            own,
            beacon,
            home: opened.home,
            paths: Paths::new(opened.home),
            asked: None,
            listeners: Vec::new(),
            casters: Casters::default(),
            links: BTreeMap::new(),
            next_accepted: 1,
            turns: VecDeque::new(),
            readable: BTreeSet::new(),
            reading_until: Instant::default(),
            pieces: 0,
            spare: spare(),
            turned_away: 0,
            warned: None,
            faults: VecDeque::new(),
            partings: VecDeque::new(),
            accept_again: None,
            buffer: vec![0; CHUNK_BYTES].into_boxed_slice(),
        };
        Ok((sockets, waker))
    }

    /// The ports of the listener and of the own UDP socket.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn ports(&self) -> io::Result<(u16, u16)> {
        Ok((self.listener.local_addr()?.port(), self.own.local_addr()?.port()))
    }

    /// Blocks until something may be read or written, the waker is used, or `deadline` comes. Does
    /// not block while something is left to read from before.
    pub fn wait(&mut self, deadline: Option<Instant>) {
        self.tidy();
        let timeout = if self.turns.is_empty() && self.faults.is_empty() {
            let parting = self.partings.front().map(|(until, _)| *until);
            let own = [deadline, parting, self.accept_again];
            self.timer.arm(own.into_iter().flatten().min())
        } else {
            Some(Duration::ZERO)
        };
        let mut events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        // Interrupted by a signal, the list is as good as empty; the loop comes here again.
        if self.poll.poll(&mut events, timeout).is_ok() {
            for event in &events {
                self.note(event);
            }
        }
        self.events = events;
        self.reading_until = clock::now() + READING;
        self.pieces = 0;
    }

    /// Looks again what may be read, without blocking.
    pub fn look(&mut self) {
        self.wait(Some(Instant(0)));
    }

    /// The next piece of what came in; none when all is read, or enough for this time.
    pub fn next(&mut self) -> Option<Wire> {
        if let Some(fault) = self.faults.pop_front() {
            return Some(fault);
        }
        while self.pieces < PIECES_MIN || clock::now() < self.reading_until {
            let token = self.turns.pop_front()?;
            self.pieces += 1;
            let (wire, more) = self.read(token);
            if more {
                self.turns.push_back(token);
            } else {
                self.readable.remove(&token);
            }
            if wire.is_some() {
                return wire;
            }
        }
        None
    }

    /// What people should know: that there are no files for more links. Said now and then.
    pub fn next_warning(&mut self) -> Option<String> {
        if self.turned_away == 0 {
            return None;
        }
        let now = clock::now();
        if self.warned.is_some_and(|at| now.since(at) < WARNED_FOR) {
            return None;
        }
        self.warned = Some(now);
        let turned_away = std::mem::take(&mut self.turned_away);
        Some(format!(
            "no file is left for another link: {turned_away} were closed as soon as they were open; this process \
             has to be allowed more files (ulimit -n)"
        ))
    }

    /// The networks that this machine is on, from here on. Returns those that the node is present on.
    pub fn set_interfaces(&mut self, all: &[Interface]) -> Vec<Interface> {
        self.paths.set_interfaces(all);
        let present = interfaces::present(all, self.home);
        if !datagrams::TELLS && self.home.is_none() {
            let registry = self.poll.registry();
            self.casters.serve(&present, Token(CASTERS), EXTRA_MAX, registry);
        }
        present
    }

    /// Sends a datagram. If that fails it is lost, like any other.
    pub fn packet(&self, to: SocketAddr, via: Port, bytes: &[u8]) {
        let asked = self.asked.filter(|(from, _)| *from == to && via == Port::Beacon);
        let leaving = match asked {
            Some((_, question)) => self.paths.answering(to.ip(), question),
            None => self.paths.leaving(to.ip()),
        };
        let socket = match (via, &self.beacon) {
            (Port::Beacon, Some(beacon)) => beacon,
            (Port::Own | Port::Beacon, _) => &self.own,
        };
        if let Err(error) = datagrams::send(socket, to, leaving, bytes) {
            tracing::trace!(%to, %error, "a packet was not sent");
        }
    }

    /// Sends a datagram to everybody on a network: to 255.255.255.255 by its device, which is heard
    /// whatever address anybody takes for the broadcast address there; where that cannot be sent, to
    /// that address.
    pub fn broadcast(&self, on: &Interface, port: u16, bytes: &[u8]) {
        let to = |ip: Ipv4Addr| SocketAddr::from((ip, port));
        if on.ip.is_loopback() {
            return on.broadcast.into_iter().for_each(|ip| self.packet(to(ip), Port::Own, bytes));
        }
        let leaving = Leaving { local: on.ip, device: NonZeroU32::new(on.index) };
        let leaving = Some(leaving).filter(|_| !on.ip.is_unspecified());
        let socket = self.casters.at(on.ip).unwrap_or(&self.own);
        let sent = datagrams::send(socket, to(Ipv4Addr::BROADCAST), leaving, bytes);
        if let Err(error) = sent {
            tracing::trace!(ip = %on.ip, %error, "a broadcast was not sent");
            if let Some(ip) = on.broadcast {
                let _ = datagrams::send(socket, to(ip), leaving, bytes);
            }
        }
    }

    /// Opens a link.
    pub fn dial(&mut self, link: LinkId, to: SocketAddr) {
        match self.connect(link, to) {
            Ok(stream) => {
                self.links.insert(link, Link::new(stream, Stage::Dialling));
            }
            Err(error) => {
                tracing::debug!(%to, %error, "cannot dial");
                self.faults.push_back(Wire::DialFailed { link });
            }
        }
    }

    /// Sends bytes on a link, or keeps them until it takes them.
    pub fn send(&mut self, link: LinkId, bytes: Bytes) {
        let Some(open) = self.links.get_mut(&link) else {
            return;
        };
        if !open.send(bytes) {
            self.lose(link, CloseReason::Slow);
        } else if open.is_mute() {
            self.turn_for(token_of(link));
        } else if open.queued() > QUEUED_UNSEEN {
            self.mind_queues();
        }
    }

    /// Whoever reads nothing costs what is kept for it. All together must not fill the memory.
    fn mind_queues(&mut self) {
        let queues = self.links.iter().map(|(link, open)| (open.queued(), *link));
        let (in_all, longest) = queues
            .fold((0, (0, LinkId(0))), |(sum, longest), queue| (sum + queue.0, longest.max(queue)));
        if in_all > QUEUED_IN_ALL_MAX {
            self.lose(longest.1, CloseReason::Slow);
        }
    }

    /// Closes a link after what was sent on it.
    pub fn close(&mut self, link: LinkId) {
        let Some(open) = self.links.get_mut(&link) else {
            return;
        };
        if open.stage == Stage::Dialling || self.partings.len() >= PARTINGS_MAX {
            self.links.remove(&link);
            return;
        }
        open.part();
        self.partings.push_back((clock::now() + PARTING, link));
        // Nobody may tell again that it has ended.
        self.turn_for(token_of(link));
    }

    /// Writes what is still to be written, tells everybody the end of the stream and waits for
    /// theirs, but not longer than until `deadline`.
    pub fn finish(&mut self, deadline: Instant) {
        let open: Vec<LinkId> = self.links.keys().copied().collect();
        for link in open {
            self.close(link);
        }
        while !self.links.is_empty() && clock::now() < deadline {
            self.wait(Some(deadline));
            while self.next().is_some() {}
        }
    }

    fn connect(&mut self, link: LinkId, to: SocketAddr) -> io::Result<TcpStream> {
        let mut stream = TcpStream::from_std(open::dial(to, self.paths.leaving(to.ip()))?);
        self.register(link, &mut stream)?;
        Ok(stream)
    }

    fn register(&mut self, link: LinkId, stream: &mut TcpStream) -> io::Result<()> {
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(stream, token_of(link), interest)
    }

    /// Takes down what the system says about one source.
    fn note(&mut self, event: &Event) {
        let token = event.token();
        if token == WAKER || token == TIMER {
            return;
        }
        if let Some(link) = link_of(token) {
            if !self.links.contains_key(&link) {
                return;
            }
            if event.is_writable() || event.is_error() {
                self.write(link);
            }
        }
        if event.is_readable() || event.is_read_closed() || event.is_error() {
            self.turn_for(token);
        }
    }

    /// Puts a source among those to be read.
    fn turn_for(&mut self, token: Token) {
        if self.readable.insert(token) {
            self.turns.push_back(token);
        }
    }

    /// A link may take more, or is connected by now.
    fn write(&mut self, link: LinkId) {
        let Some(open) = self.links.get_mut(&link) else {
            return;
        };
        if open.stage == Stage::Dialling {
            match open.connected() {
                None => return,
                Some(true) => {
                    open.stage = Stage::Open;
                    self.faults.push_back(Wire::Connected { link });
                }
                Some(false) => {
                    self.links.remove(&link);
                    self.faults.push_back(Wire::DialFailed { link });
                    return;
                }
            }
        }
        open.flush();
        if open.is_mute() {
            self.turn_for(token_of(link));
        }
    }

    /// A link is gone without the node having closed it.
    fn lose(&mut self, link: LinkId, reason: CloseReason) {
        let Some(lost) = self.links.remove(&link) else {
            return;
        };
        match lost.stage {
            Stage::Dialling => self.faults.push_back(Wire::DialFailed { link }),
            Stage::Open => self.faults.push_back(Wire::Closed { link, reason }),
            Stage::Parting => {}
        }
    }

    /// Reads one piece, and says whether there may be more.
    fn read(&mut self, token: Token) -> (Option<Wire>, bool) {
        match token {
            LISTENER => self.accept(None),
            OWN | BEACON => self.receive(token),
            Token(number @ LISTENERS..CASTERS) => self.accept(Some(number - LISTENERS)),
            Token(CASTERS..LINKS) => self.receive(token),
            token => match link_of(token) {
                Some(link) => self.read_link(link),
                None => (None, false),
            },
        }
    }

    /// Takes one datagram.
    fn receive(&mut self, token: Token) -> (Option<Wire>, bool) {
        let (socket, via) = match token {
            OWN => (Some(&self.own), Port::Own),
            BEACON => (self.beacon.as_ref(), Port::Beacon),
            Token(number) => (self.casters.numbered(number - CASTERS), Port::Own),
        };
        let Some(socket) = socket else { return (None, false) };
        let room = DATAGRAM_BYTES.min(self.buffer.len());
        match datagrams::receive(socket, &mut self.buffer[..room]) {
            Ok((bytes, _, _)) if bytes == room => (None, true),
            Ok((_, from, _)) if !self.paths.concerns(from.ip()) => (None, true),
            Ok((bytes, from, arrival)) => {
                let bytes = self.buffer[..bytes].to_vec();
                if let Some(arrival) = arrival {
                    self.arrived(from, arrival, via);
                }
                (Some(Wire::Packet { from, via, bytes }), true)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => (None, false),
            // Somebody we wrote to is gone, or a datagram was too large (so Windows says it).
            Err(_) => (None, true),
        }
    }

    /// Notes how its sender is to be reached.
    fn arrived(&mut self, from: SocketAddr, arrival: Arrival, via: Port) {
        self.paths.arrived(clock::now(), from.ip(), arrival, via == Port::Own);
        if via == Port::Beacon {
            self.asked = Some((from, arrival));
        }
        let device = self.paths.leaving(from.ip()).and_then(|leaving| leaving.device);
        if let Some(device) = device
            && self.listeners.len() < EXTRA_MAX
            && self.listeners.iter().all(|(listens, _)| *listens != device)
            && let Err(error) = self.listen_on(device)
        {
            tracing::debug!(%device, %error, "links are accepted as the routing table likes");
        }
    }

    /// Accepts links by a device on whose network somebody is whom the routing table does not find.
    fn listen_on(&mut self, device: NonZeroU32) -> io::Result<()> {
        let mut listener = TcpListener::from_std(open::listener_on(&self.listener, device)?);
        let token = Token(LISTENERS + self.listeners.len());
        self.poll.registry().register(&mut listener, token, Interest::READABLE)?;
        self.listeners.push((device, listener));
        Ok(())
    }

    fn read_link(&mut self, link: LinkId) -> (Option<Wire>, bool) {
        let Some(open) = self.links.get_mut(&link) else {
            return (None, false);
        };
        if open.stage == Stage::Dialling {
            return (None, false);
        }
        let parting = open.stage == Stage::Parting;
        match open.read(&mut self.buffer) {
            Taken::Bytes(_) if parting => (None, true),
            Taken::Bytes(bytes) => {
                let chunk = self.buffer[..bytes].to_vec();
                (Some(Wire::Bytes { link, chunk }), true)
            }
            Taken::Nothing => (None, false),
            Taken::Gone(reason) => {
                self.lose(link, reason);
                (self.faults.pop_front(), false)
            }
        }
    }

    /// Accepts a link, at the first listener or one of the others.
    fn accept(&mut self, other: Option<usize>) -> (Option<Wire>, bool) {
        let listener = match other {
            Some(number) => self.listeners.get(number).map(|(_, listener)| listener),
            None => Some(&self.listener),
        };
        let Some(listener) = listener else { return (None, false) };
        let (mut stream, from) = match listener.accept() {
            Ok(accepted) => accepted,
            Err(error) => {
                return match error.kind() {
                    ErrorKind::WouldBlock => (None, false),
                    // Whoever knocked has gone again.
                    ErrorKind::ConnectionAborted
                    | ErrorKind::ConnectionReset
                    | ErrorKind::Interrupted => (None, true),
                    // No room for another file. The spare one makes some, for this one to be closed at once.
                    _ if self.spare.take().is_some() => {
                        let listener = match other {
                            Some(number) => self.listeners.get(number).map(|(_, l)| l),
                            None => Some(&self.listener),
                        };
                        let closed = listener.map(|listener| listener.accept().map(drop));
                        self.spare = spare();
                        match closed {
                            Some(Ok(())) => {
                                self.turned_away += 1;
                                tracing::debug!(%error, "a link was accepted and closed");
                            }
                            // Whoever knocked has gone again.
                            Some(Err(other)) if other.kind() == ErrorKind::WouldBlock => {
                                return (None, false);
                            }
                            _ => self.accept_again = Some(clock::now() + ACCEPT_AGAIN),
                        }
                        (None, matches!(closed, Some(Ok(()))))
                    }
                    // They keep waiting, and the system does not tell again: come back on our own.
                    _ => {
                        tracing::debug!(%error, "cannot accept");
                        self.accept_again = Some(clock::now() + ACCEPT_AGAIN);
                        (None, false)
                    }
                };
            }
        };
        let link = LinkId(self.next_accepted);
        self.next_accepted += 2;
        if self.register(link, &mut stream).is_err() {
            return (None, true);
        }
        if let Ok(local) = stream.local_addr() {
            self.paths.accepted(clock::now(), from.ip(), local.ip());
        }
        self.links.insert(link, Link::new(stream, Stage::Open));
        (Some(Wire::Accepted { link, from }), true)
    }

    /// Ends what has had its time.
    fn tidy(&mut self) {
        if self.partings.is_empty() && self.accept_again.is_none() {
            return;
        }
        let now = clock::now();
        while let Some((until, link)) = self.partings.front().copied()
            && (until <= now || !self.links.contains_key(&link))
        {
            self.partings.pop_front();
            self.links.remove(&link);
        }
        if self.accept_again.is_some_and(|at| at <= now) {
            self.accept_again = None;
            self.turn_for(LISTENER);
            (0..self.listeners.len()).for_each(|number| self.turn_for(Token(LISTENERS + number)));
        }
    }
}

/// A file that takes up room for another one.
fn spare() -> Option<File> {
    File::open(if cfg!(windows) { "NUL" } else { "/dev/null" }).ok()
}

fn token_of(link: LinkId) -> Token {
    Token(link.0 as usize + LINKS)
}

fn link_of(token: Token) -> Option<LinkId> {
    let number = token.0.checked_sub(LINKS)?;
    Some(LinkId(number as u64))
}

#[cfg(test)]
mod tests;
