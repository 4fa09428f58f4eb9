//! Who attacks: a real node with a rightful seat, driven over real sockets so that it can also say what no node
//! says; and bare sockets, for those who have none. Every byte is counted.
#![expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "the impure edge")]

use std::{
    collections::{BTreeMap, VecDeque},
    io::{ErrorKind, Read, Write},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    thread,
    time::Duration,
};

use anyhow::Context as _;
use interregnum::{
    arena::Arena,
    cluster::coding,
    cluster::message::Message,
    config::{Config, Form, Tuning},
    io::{CloseReason, Effect, Interface, Port, Wire},
    keys::{Chance, Lock, PublicKey, SecretKey},
    ledger::disk::{Report, Stored},
    mesh::Delivery,
    node::{Input, Node, Output},
    runtime,
    text::{Name, SessionName},
    types::{Incarnation, LinkId, NodeId, Role},
};
use socket2::{Domain, Socket, Type};

/// Where those live who attack, so that what bounds an address bounds them alone.
pub const HOME: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 66);

/// How long bytes may wait to be taken by somebody who reads slowly.
const PATIENCE: Duration = Duration::from_millis(200);

/// A peer of the game that is attacked.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    pub id: NodeId,
    pub key: Option<PublicKey>,
    pub ip: Ipv4Addr,
    pub tcp: u16,
    pub udp: u16,
}

impl Target {
    pub fn link(&self) -> SocketAddr {
        SocketAddr::new(IpAddr::V4(self.ip), self.tcp)
    }

    pub fn packets(&self) -> SocketAddr {
        SocketAddr::new(IpAddr::V4(self.ip), self.udp)
    }
}

/// A TCP socket of an address of its own, that does not wait.
pub fn dial(from: Ipv4Addr, to: SocketAddr) -> Option<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).ok()?;
    socket.bind(&SocketAddr::new(from.into(), 0).into()).ok()?;
    socket.connect_timeout(&to.into(), PATIENCE).ok()?;
    let stream: TcpStream = socket.into();
    stream.set_nonblocking(true).ok()?;
    Some(stream)
}

/// A UDP socket there.
pub fn socket(at: Ipv4Addr) -> anyhow::Result<UdpSocket> {
    let socket = UdpSocket::bind((at, 0)).context("this address cannot be lived at")?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

struct Line {
    stream: TcpStream,
    queue: VecDeque<u8>,
}

/// A member that says what no node says.
pub struct Member {
    pub node: Node<Arena>,
    udp: UdpSocket,
    accepts: TcpListener,
    links: BTreeMap<LinkId, Line>,
    accepted: u64,
    /// Whether it takes in what comes over links.
    pub reads: bool,
}

impl Member {
    /// Comes into this session.
    pub fn new(
        name: &str,
        session: SessionName,
        lock: Option<Lock>,
        targets: &[Target],
    ) -> anyhow::Result<Self> {
        let mut chance = Chance::new(runtime::random_bytes()?);
        let udp = socket(HOME)?;
        let accepts = TcpListener::bind((HOME, 0))?;
        accepts.set_nonblocking(true)?;
        let config = Config {
            key: SecretKey::draw(&mut chance),
            statements: Vec::new(),
            reads_as: None,
            talks: false,
            friends: Vec::new(),
            muted: Default::default(),
            incarnation: Incarnation(number(&mut chance)),
            name: Name::new(name),
            role: Role::Player,
            session: Some(session),
            lock,
            founds_beside_locked: false,
            allowed: None,
            peers: targets.iter().map(Target::packets).collect(),
            beacon_port: 1,
            tcp_port: accepts.local_addr()?.port(),
            udp_port: udp.local_addr()?.port(),
            chance: chance.bytes(),
            seed: number(&mut chance),
            trace_ticks: false,
            views: false,
            stored: Some(Stored::default()),
            wall: Default::default(),
            form: Form::Binary,
            tuning: Tuning::default(),
        };
        let mut member = Self {
            node: Node::new(runtime::now(), config),
            udp,
            accepts,
            links: BTreeMap::new(),
            accepted: 1,
            reads: true,
        };
        let home = Interface { ip: HOME, prefix_bits: 8, index: 1, broadcast: None };
        member.feed(Wire::Interfaces(vec![home]));
        Ok(member)
    }

    /// Lives on for so long.
    pub fn live(&mut self, span: Duration) {
        let end = runtime::now() + span;
        while runtime::now() < end {
            self.turn();
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Lives until it plays, or for so long. Whether it does.
    pub fn join(&mut self, within: Duration) -> bool {
        let end = runtime::now() + within;
        while runtime::now() < end && self.host().is_none() {
            self.live(Duration::from_millis(10));
        }
        self.host().is_some()
    }

    /// Who hosts, as far as it knows.
    pub fn host(&self) -> Option<NodeId> {
        let election = self.node.cluster().election();
        election.following().or(election.reign()).map(|term| term.host)
    }

    /// Reads what came, and does what is due.
    pub fn turn(&mut self) {
        let mut buffer = [0; 65_536];
        for _ in 0..64 {
            let Ok((length, from)) = self.udp.recv_from(&mut buffer) else { break };
            self.feed(Wire::Packet { from, via: Port::Own, bytes: buffer[..length].to_vec() });
        }
        while let Ok((stream, from)) = self.accepts.accept() {
            let link = LinkId(self.accepted);
            self.accepted += 2;
            if stream.set_nonblocking(true).is_ok() {
                self.links.insert(link, Line { stream, queue: VecDeque::new() });
                self.feed(Wire::Accepted { link, from });
            }
        }
        let open: Vec<LinkId> = self.links.keys().copied().filter(|_| self.reads).collect();
        for link in open {
            self.read(link, &mut buffer);
        }
        self.write();
        if self.node.next_timeout().is_some_and(|at| at <= runtime::now()) {
            self.feed(Wire::Timeout);
        }
    }

    fn read(&mut self, link: LinkId, buffer: &mut [u8]) {
        while let Some(line) = self.links.get_mut(&link) {
            match line.stream.read(buffer) {
                Ok(0) => {
                    self.links.remove(&link);
                    self.feed(Wire::Closed { link, reason: CloseReason::EndOfStream });
                }
                Ok(length) => self.feed(Wire::Bytes { link, chunk: buffer[..length].to_vec() }),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(_) => {
                    self.links.remove(&link);
                    self.feed(Wire::Closed { link, reason: CloseReason::Error });
                }
            }
        }
    }

    fn write(&mut self) {
        for line in self.links.values_mut() {
            while !line.queue.is_empty() {
                let (front, _) = line.queue.as_slices();
                match line.stream.write(front) {
                    Ok(written) if written > 0 => drop(line.queue.drain(..written)),
                    _ => break,
                }
            }
        }
    }

    fn feed(&mut self, wire: Wire) {
        let mut waiting = VecDeque::from([wire]);
        while let Some(wire) = waiting.pop_front() {
            self.node.handle(runtime::now(), Input::Wire(wire));
            self.carry_out(&mut waiting);
        }
    }

    fn carry_out(&mut self, waiting: &mut VecDeque<Wire>) {
        while let Some(output) = self.node.poll() {
            let Output::Effect(effect) = output else { continue };
            match effect {
                Effect::Packet { to, bytes, .. } => {
                    let _ = self.udp.send_to(&bytes, to);
                }
                Effect::Dial { link, to } => match dial(HOME, to) {
                    Some(stream) => {
                        self.links.insert(link, Line { stream, queue: VecDeque::new() });
                        waiting.push_back(Wire::Connected { link });
                    }
                    None => waiting.push_back(Wire::DialFailed { link }),
                },
                Effect::Bytes { link, bytes } => {
                    if let Some(line) = self.links.get_mut(&link) {
                        line.queue.extend(bytes.iter());
                    }
                }
                Effect::Close { link } => drop(self.links.remove(&link)),
                Effect::Persist { batch, .. } => {
                    waiting.push_back(Wire::Persisted(Report::Persisted { batch }));
                }
                Effect::Broadcast { .. } | Effect::Remember { .. } => {}
            }
        }
    }

    /// Says something to a peer that no node would say.
    pub fn say(&mut self, to: NodeId, delivery: Delivery, message: &Message) {
        if let Some((kind, body)) = coding::encode(message) {
            self.say_bytes(to, delivery, kind, &body);
        }
    }

    /// The same, as bytes.
    pub fn say_bytes(&mut self, to: NodeId, delivery: Delivery, kind: u8, body: &[u8]) {
        self.node.utter(runtime::now(), to, delivery, kind, body);
        let mut waiting = VecDeque::new();
        self.carry_out(&mut waiting);
        waiting.into_iter().for_each(|wire| self.feed(wire));
        // Whoever floods fills no memory of its own.
        self.write();
    }

    /// How many bytes wait to be taken by others.
    pub fn unsent(&self) -> usize {
        self.links.values().map(|line| line.queue.len()).sum()
    }
}

/// A number that nobody can guess.
pub fn number(chance: &mut Chance) -> u64 {
    u64::from_le_bytes(chance.bytes())
}
