//! The machines, the queue of events, and the loop that drives them.
//!
//! `trouble` is what may happen to a single machine; `watch` is how each reign is weighed that
//! begins: whether it was needed, and whether it came in time.

mod trouble;
mod watch;

pub use self::watch::Loss;

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap, VecDeque},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use rand_pcg::{Pcg64Mcg, rand_core::Rng};
use xxhash_rust::xxh3::Xxh3;

use super::{
    Playable, chance,
    judge::Judge,
    network::{Network, Place},
};
use crate::{
    cluster::message::Role,
    config::{BEACON_PORT, Config, Form, Tuning},
    io::{CloseReason, Effect, Interface, Port, Wire},
    node::{Command, Event, Input, Node, Output, View},
    text::{Name, SessionName},
    types::{Incarnation, Instant, LinkId, NodeId, Term},
};

/// The address that reaches everybody.
const BROADCAST: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 255);

const TCP_PORT: u16 = 7_001;
const UDP_PORT: u16 = 7_002;

/// How long a dial into nothing takes to fail.
const DIAL_TIMEOUT: Duration = Duration::from_secs(3);

/// What a socket holds of a paused process's datagrams.
const INBOX_PACKETS_MAX: usize = 256;

/// A node that wants to be woken so often without time passing will want it for ever.
const SPIN_MAX: u32 = 1_000;

/// The time between two changes of what a player holds down, in microseconds.
const KEYS_HELD_US: std::ops::Range<u64> = 1..200_001;

/// Looks at what a node shows.
pub type Eye<G> = Box<dyn FnMut(Place, &View<G>) + Send>;

/// The machines and everything between them.
pub struct World<G: Playable> {
    /// The time.
    pub now: Instant,
    /// The network between the machines.
    pub network: Network,
    /// The judge.
    pub judge: Judge,
    /// What happened, in lines, if wanted.
    pub trace: Option<Vec<String>>,
    /// Who looks at what the nodes show, if anybody does. Without it they show nothing.
    pub eye: Option<Eye<G>>,
    /// The time between two changes of what a player holds down, in microseconds.
    pub keys_held_us: std::ops::Range<u64>,
    machines: Vec<Machine<G>>,
    cables: BTreeMap<u64, Ends>,
    queue: BinaryHeap<Reverse<Entry>>,
    order: u64,
    random: Pcg64Mcg,
    fingerprint: Xxh3,
    quiet_since: Option<Instant>,
    spin: u32,
    /// When anything last came between two running nodes.
    pub disturbed: Instant,
    /// When a machine last went off, and when one last came on.
    stopped: Instant,
    started: Instant,
    /// What all nodes are told.
    pub tuning: Tuning,
    flaps: BTreeMap<u64, trouble::Flap>,
    crowned: Vec<watch::Succession>,
    expected: Option<watch::Expected>,
}

struct Machine<G: Playable> {
    id: NodeId,
    ip: Ipv4Addr,
    node: Option<Node<G>>,
    life: u32,
    paused: bool,
    /// When the process last came to life, or back to it.
    awake_since: Instant,
    /// How late the process gets its share of the processor, at most.
    slow: Duration,
    /// Waits for its share.
    waiting: bool,
    inbox: VecDeque<Input<G>>,
    links: BTreeMap<LinkId, u64>,
    accepted: u64,
    stamp: u32,
    /// When it wants to be woken.
    timer: Option<Instant>,
    /// Where it reigns, and which reign it followed or lost, as far as is known of it.
    reign: Option<Term>,
    current: Option<Term>,
    host_since: Instant,
    /// It slept while it reigned, and has been replaced meanwhile.
    zombie: bool,
    /// When a datagram of each machine was last taken in here.
    heard: Vec<Instant>,
}

/// Both ends of a link.
struct Ends {
    dialler: End,
    acceptor: Option<End>,
    held: [VecDeque<Item>; 2],
}

#[derive(Clone, Copy)]
struct End {
    place: Place,
    life: u32,
    link: LinkId,
}

enum Item {
    Bytes(Vec<u8>),
    End,
}

struct Entry {
    at: Instant,
    order: u64,
    what: What,
}

enum What {
    Packet { to: Place, sender: Place, from: SocketAddr, via: Port, bytes: Arc<[u8]> },
    Knock { cable: u64 },
    Opened { cable: u64 },
    DialFailed { cable: u64 },
    Item { cable: u64, way: usize, item: Item },
    Reset { cable: u64, way: usize },
    Release { cable: u64 },
    Press { place: Place, life: u32 },
    Turn { place: Place, life: u32 },
    Flap { flap: u64 },
    Weigh,
    Due { since: Instant },
}

impl<G: Playable> World<G> {
    /// `count` machines, all off.
    pub fn new(seed: u64, count: usize) -> Self {
        let mut random = chance(seed, 1);
        let machines = (0..count).map(|place| {
            let bits = u128::from(random.next_u64()) << 64 | u128::from(random.next_u64());
            Machine {
                id: NodeId::from_u128(bits),
                ip: Ipv4Addr::new(10, 0, 0, place as u8 + 1),
                node: None,
                life: 0,
                paused: false,
                awake_since: Instant::default(),
                slow: Duration::ZERO,
                waiting: false,
                inbox: VecDeque::new(),
                links: BTreeMap::new(),
                accepted: 1,
                stamp: 0,
                timer: None,
                reign: None,
                current: None,
                host_since: Instant::default(),
                zombie: false,
                heard: vec![Instant::default(); count],
            }
        });
        Self {
            now: Instant(1_000_000),
            network: Network::new(seed),
            judge: Judge::default(),
            trace: None,
            eye: None,
            keys_held_us: KEYS_HELD_US,
            machines: machines.collect(),
            cables: BTreeMap::new(),
            queue: BinaryHeap::new(),
            order: 0,
            random,
            fingerprint: Xxh3::new(),
            quiet_since: None,
            spin: 0,
            disturbed: Instant::default(),
            stopped: Instant::default(),
            started: Instant::default(),
            tuning: Tuning::default(),
            flaps: BTreeMap::new(),
            crowned: Vec::new(),
            expected: None,
        }
    }

    /// How many machines there are.
    pub fn count(&self) -> usize {
        self.machines.len()
    }

    /// The node of a machine, if it runs.
    pub fn node(&self, place: Place) -> Option<&Node<G>> {
        self.machines[place].node.as_ref()
    }

    /// Whether a machine runs and is not paused.
    pub fn is_awake(&self, place: Place) -> bool {
        self.machines[place].node.is_some() && !self.machines[place].paused
    }

    /// Whether a machine is paused.
    pub fn is_paused(&self, place: Place) -> bool {
        self.machines[place].paused
    }

    /// The machines whose nodes reign.
    pub fn hosts(&self) -> Vec<Place> {
        let reigns = |node: &Node<G>| node.cluster().election().reign().is_some();
        (0..self.count()).filter(|place| self.node(*place).is_some_and(reigns)).collect()
    }

    /// A number that is the same if and only if the same things happened.
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint.digest()
    }

    /// A random number, from the run's seed.
    pub fn draw(&mut self) -> u64 {
        self.random.next_u64()
    }

    /// Whether everything that counts as a fault is over, and since when.
    pub fn set_quiet(&mut self, since: Option<Instant>) {
        self.quiet_since = since;
    }

    /// Gives a machine the profile of another one: both say that they are the same node.
    pub fn copy_profile(&mut self, from: Place, to: Place) {
        self.machines[to].id = self.machines[from].id;
    }

    /// Starts the node of a machine.
    pub fn start(&mut self, place: Place) {
        if self.machines[place].node.is_some() {
            return;
        }
        self.note(place, "starts");
        let config = Config {
            id: self.machines[place].id,
            incarnation: Incarnation(self.random.next_u64()),
            name: Name::new(&format!("n{place}")),
            role: Role::Player,
            session: Some(SessionName::new("sim")),
            peers: self.invited(place),
            beacon_port: BEACON_PORT,
            tcp_port: TCP_PORT,
            udp_port: UDP_PORT,
            seed: self.random.next_u64(),
            trace_ticks: true,
            views: self.eye.is_some(),
            form: Form::Binary,
            tuning: self.tuning.clone(),
        };
        self.judge.born(place);
        self.started = self.now;
        let machine = &mut self.machines[place];
        machine.life += 1;
        machine.stamp = 0;
        machine.awake_since = self.now;
        machine.node = Some(Node::new(self.now, config));
        let (life, network) = (machine.life, Interface { ip: machine.ip, broadcast: BROADCAST });
        self.feed(place, Input::Wire(Wire::Interfaces(vec![network])));
        self.push(self.now, What::Press { place, life });
    }

    /// Whom a node is told of beforehand: everybody, where broadcasts reach nobody.
    fn invited(&self, place: Place) -> Vec<SocketAddr> {
        let others = self.machines.iter().enumerate().filter(|(other, _)| *other != place);
        let invited = others.filter(|_| !self.network.broadcasts);
        invited.map(|(_, machine)| SocketAddr::new(machine.ip.into(), BEACON_PORT)).collect()
    }

    /// Kills the process of a machine: its links end, without another word.
    pub fn kill(&mut self, place: Place) {
        self.note(place, "is killed");
        let links: Vec<u64> = self.machines[place].links.values().copied().collect();
        for cable in links {
            let way = self.way(cable, place);
            self.carry(cable, way, Item::End);
        }
        self.stop(place);
    }

    /// Cuts the power of a machine: nobody hears of it.
    pub fn unplug(&mut self, place: Place) {
        self.note(place, "loses its power");
        self.network.haunt(place);
        self.stop(place);
    }

    /// Lets a node leave politely, and stops its machine.
    pub fn leave(&mut self, place: Place) {
        self.note(place, "leaves");
        self.handle(place, Input::Command(Command::Leave));
        self.kill(place);
    }

    /// Stops the process of a machine (SIGSTOP): its sockets go on filling.
    pub fn pause(&mut self, place: Place) {
        if self.is_awake(place) {
            self.note(place, "is stopped");
            self.disturbed = self.now;
            self.machines[place].paused = true;
        }
    }

    /// Lets a stopped process go on: with its inbox first, or with its timer first.
    pub fn resume(&mut self, place: Place, timer_first: bool) {
        if !std::mem::take(&mut self.machines[place].paused) {
            return;
        }
        self.note(place, "is continued");
        self.disturbed = self.now;
        if self.is_replaced(place) {
            self.judge.met.zombies += 1;
            self.machines[place].zombie = true;
        }
        self.machines[place].awake_since = self.now;
        let inbox = std::mem::take(&mut self.machines[place].inbox);
        if timer_first {
            self.feed(place, Input::Wire(Wire::Timeout));
        }
        for input in inbox {
            self.feed(place, input);
        }
    }

    /// Mends the network, and lets everything go that waited for it.
    pub fn heal(&mut self) {
        self.network.heal();
        self.flaps.clear();
        self.release();
    }

    /// Lets the links go on that wait for a way.
    pub fn release(&mut self) {
        let waiting: Vec<u64> = self
            .cables
            .iter()
            .filter(|(_, ends)| ends.held.iter().any(|held| !held.is_empty()))
            .map(|(cable, _)| *cable)
            .collect();
        for cable in waiting {
            // TCP tries again at its own pace.
            let at = Instant(self.now.0 + 1_000 + self.random.next_u64() % 400_000);
            self.push(at, What::Release { cable });
        }
    }

    /// Runs until `until`.
    pub fn run(&mut self, until: Instant) {
        loop {
            let timers = self.machines.iter().enumerate();
            let timer = timers
                .filter(|(_, machine)| !machine.paused && !machine.waiting)
                .filter_map(|(place, machine)| Some((machine.timer?, place)))
                .min();
            let event = self.queue.peek().map(|Reverse(entry)| entry.at);
            let next = match (timer, event) {
                (Some((timer, place)), event) if event.is_none_or(|event| timer < event) => {
                    if timer > until {
                        break;
                    }
                    self.spin = if timer > self.now { 0 } else { self.spin + 1 };
                    if self.spin > SPIN_MAX {
                        let what = format!("spins: {:?}", self.node(place));
                        self.judge.fail(self.now, place, what);
                        break;
                    }
                    self.now = self.now.max(timer);
                    self.feed(place, Input::Wire(Wire::Timeout));
                    continue;
                }
                (_, Some(event)) => event,
                _ => break,
            };
            if next > until {
                break;
            }
            self.now = self.now.max(next);
            if let Some(Reverse(entry)) = self.queue.pop() {
                self.happen(entry.what);
            }
        }
        self.now = self.now.max(until);
    }

    fn happen(&mut self, what: What) {
        match what {
            What::Packet { to, sender, from, via, bytes } => {
                if self.is_awake(to) {
                    self.machines[to].heard[sender] = self.now;
                }
                self.feed(to, Input::Wire(Wire::Packet { from, via, bytes: bytes.to_vec() }));
            }
            What::Press { place, life } => {
                if self.machines[place].node.is_some() && self.machines[place].life == life {
                    self.machines[place].stamp += 1;
                    let stamp = self.machines[place].stamp;
                    let controls = G::press(self.random.next_u64(), stamp);
                    if !self.machines[place].paused {
                        self.feed(place, Input::Command(Command::Controls(controls)));
                    }
                    let held = &self.keys_held_us;
                    let held = held.start + self.random.next_u64() % (held.end - held.start);
                    let at = Instant(self.now.0 + held);
                    self.push(at, What::Press { place, life });
                }
            }
            What::Turn { place, life } => self.turn(place, life),
            What::Flap { flap } => self.flapped(flap),
            What::Weigh => self.weigh(),
            What::Due { since } => self.due(since),
            What::Knock { cable } => self.knock(cable),
            What::Opened { cable } => {
                if let Some(end) = self.cables.get(&cable).map(|ends| ends.dialler) {
                    self.feed_end(end, |link| Wire::Connected { link });
                }
            }
            What::DialFailed { cable } => {
                if let Some(ends) = self.cables.remove(&cable) {
                    self.network.close(cable);
                    self.feed_end(ends.dialler, |link| Wire::DialFailed { link });
                    let machine = &mut self.machines[ends.dialler.place];
                    if machine.life == ends.dialler.life {
                        machine.links.remove(&ends.dialler.link);
                    }
                }
            }
            What::Item { cable, way, item } => self.arrive(cable, way, item),
            What::Reset { cable, way } => self.end(cable, way, CloseReason::Error),
            What::Release { cable } => {
                for way in [0, 1] {
                    let Some(ends) = self.cables.get_mut(&cable) else {
                        return;
                    };
                    for item in std::mem::take(&mut ends.held[way]) {
                        self.carry(cable, way, item);
                    }
                }
            }
        }
    }

    /// A dial arrives.
    fn knock(&mut self, cable: u64) {
        let Some(ends) = self.cables.get(&cable) else {
            return;
        };
        let (from, to) = (ends.dialler, ends.acceptor);
        let Some(to) = to.map(|end| end.place) else {
            return;
        };
        let reaches = self.network.reaches(to, from.place);
        let back = self.network.arrival(self.now);
        if self.machines[to].node.is_none() || !reaches {
            if let Some(ends) = self.cables.get_mut(&cable) {
                ends.acceptor = None;
            }
            let at = if reaches { back } else { self.now + DIAL_TIMEOUT };
            return self.push(at, What::DialFailed { cable });
        }
        let machine = &mut self.machines[to];
        let link = LinkId(machine.accepted);
        machine.accepted += 2;
        machine.links.insert(link, cable);
        let end = End { place: to, life: machine.life, link };
        if let Some(ends) = self.cables.get_mut(&cable) {
            ends.acceptor = Some(end);
        }
        self.network.opens(cable, back);
        self.push(back, What::Opened { cable });
        let address = SocketAddr::new(self.machines[from.place].ip.into(), 40_000);
        self.feed_end(end, |link| Wire::Accepted { link, from: address });
    }

    /// Sends something on a link: it arrives, or waits for the heal.
    fn carry(&mut self, cable: u64, way: usize, item: Item) {
        let Some(ends) = self.cables.get_mut(&cable) else {
            return;
        };
        let far = if way == 0 { ends.acceptor } else { Some(ends.dialler) };
        if self.network.is_ghost(cable) {
            let up = far.is_some_and(|end| self.machines[end.place].node.is_some());
            let near = if way == 0 { Some(ends.dialler.place) } else { None };
            let near = near.or(ends.acceptor.map(|end| end.place));
            if up
                && let (Some(near), Some(far)) = (near, far)
                && self.network.reaches(near, far.place)
                && self.network.reaches(far.place, near)
            {
                let at = self.network.arrival(self.now);
                self.push(at, What::Reset { cable, way: 1 - way });
            }
            return;
        }
        if !ends.held[way].is_empty() {
            return ends.held[way].push_back(item);
        }
        match self.network.bytes(self.now, cable, way == 0) {
            Some(at) => self.push(at, What::Item { cable, way, item }),
            None => {
                if let Some(ends) = self.cables.get_mut(&cable) {
                    ends.held[way].push_back(item);
                }
            }
        }
    }

    fn arrive(&mut self, cable: u64, way: usize, item: Item) {
        match item {
            Item::End => self.end(cable, way, CloseReason::EndOfStream),
            Item::Bytes(bytes) => {
                let Some(ends) = self.cables.get(&cable) else {
                    return;
                };
                let far = if way == 0 { ends.acceptor } else { Some(ends.dialler) };
                let Some(end) = far else { return };
                let mut rest = bytes.as_slice();
                for size in self.network.pieces(bytes.len()) {
                    let (chunk, after) = rest.split_at(size);
                    rest = after;
                    let chunk = chunk.to_vec();
                    self.feed_end(end, |link| Wire::Bytes { link, chunk });
                }
            }
        }
    }

    /// A link ends at the far end of `way`.
    fn end(&mut self, cable: u64, way: usize, reason: CloseReason) {
        let Some(ends) = self.cables.remove(&cable) else {
            return;
        };
        self.network.close(cable);
        let far = if way == 0 { ends.acceptor } else { Some(ends.dialler) };
        if let Some(end) = far {
            self.feed_end(end, |link| Wire::Closed { link, reason });
            let machine = &mut self.machines[end.place];
            if machine.life == end.life {
                machine.links.remove(&end.link); // a later life counts its links anew
            }
        }
    }

    fn feed_end(&mut self, end: End, wire: impl FnOnce(LinkId) -> Wire) {
        let machine = &self.machines[end.place];
        let closes = !machine.links.contains_key(&end.link);
        if machine.life == end.life && machine.node.is_some() {
            let wire = wire(end.link);
            if !closes || matches!(wire, Wire::DialFailed { .. } | Wire::Closed { .. }) {
                self.feed(end.place, Input::Wire(wire));
            }
        }
    }

    fn feed(&mut self, place: Place, input: Input<G>) {
        let machine = &mut self.machines[place];
        if machine.paused {
            if machine.inbox.len() < INBOX_PACKETS_MAX
                || !matches!(input, Input::Wire(Wire::Packet { .. }))
            {
                machine.inbox.push_back(input);
            }
            return;
        }
        if machine.node.is_none() {
            return;
        }
        if machine.slow > Duration::ZERO {
            machine.inbox.push_back(input);
            return self.queue_up(place);
        }
        self.handle(place, input);
    }

    /// Feeds a node, and does what it wants done.
    fn handle(&mut self, place: Place, input: Input<G>) {
        fingerprint(&mut self.fingerprint, self.now, place, &input);
        if let Some(trace) = &mut self.trace
            && let Input::Wire(
                wire @ (Wire::Accepted { .. }
                | Wire::Connected { .. }
                | Wire::DialFailed { .. }
                | Wire::Closed { .. }),
            ) = &input
        {
            trace.push(format!("{:?} n{place} {wire:?}", self.now));
        }
        let Some(node) = &mut self.machines[place].node else { return };
        node.handle(self.now, input);
        self.look(place);
        loop {
            let Some(node) = &mut self.machines[place].node else {
                return;
            };
            match node.poll() {
                Some(Output::Effect(effect)) => self.effect(place, effect),
                Some(Output::Event(event)) => self.event(place, &event),
                Some(Output::View(view)) => {
                    if let Some(eye) = &mut self.eye {
                        eye(place, &view);
                    }
                }
                None => break,
            }
        }
        let machine = &mut self.machines[place];
        machine.timer = machine.node.as_ref().and_then(Node::next_timeout);
    }

    fn event(&mut self, place: Place, event: &Event<G>) {
        if !matches!(event, Event::Tick { .. } | Event::Game { .. }) {
            if self.trace.is_some() {
                self.note(place, &format!("{event:?}"));
            }
        } else if let Some(state) = self.node(place).and_then(|node| node.replica().state()) {
            let state = state.clone();
            self.judge.audit::<G>(self.now, place, &state.world);
        }
        if matches!(event, Event::NewIdentity { .. }) {
            self.judge.born(place); // somebody else, who has promised nothing
        }
        if matches!(event, Event::Election { .. }) {
            let quiet =
                self.quiet_since.is_some_and(|since| self.now.since(since) > watch::HEALTHY);
            self.judge.met.quiet_elections += u64::from(quiet);
        }
        self.judge.event(self.now, place, event);
        if matches!(event, Event::Tick { .. }) {
            self.judge.met.zombie_ticks += u64::from(self.machines[place].zombie);
            self.applied();
        }
    }

    fn effect(&mut self, place: Place, effect: Effect) {
        if self.trace.is_some() && matches!(effect, Effect::Dial { .. } | Effect::Close { .. }) {
            self.note(place, &format!("{effect:?}"));
        }
        match effect {
            Effect::Packet { to, via: _, bytes } => self.datagram(place, to, bytes),
            Effect::Dial { link, to } => self.dial(place, link, to),
            Effect::Bytes { link, bytes } => {
                if let Some(cable) = self.machines[place].links.get(&link).copied() {
                    let way = self.way(cable, place);
                    self.carry(cable, way, Item::Bytes(bytes.to_vec()));
                }
            }
            Effect::Close { link } => {
                if let Some(cable) = self.machines[place].links.remove(&link) {
                    let way = self.way(cable, place);
                    self.carry(cable, way, Item::End);
                }
            }
        }
    }

    fn datagram(&mut self, place: Place, to: SocketAddr, bytes: Arc<[u8]>) {
        let from = SocketAddr::new(self.machines[place].ip.into(), UDP_PORT);
        let via = if to.port() == BEACON_PORT { Port::Beacon } else { Port::Own };
        let to_all = to.ip() == IpAddr::V4(BROADCAST);
        if to_all && !self.network.broadcasts {
            return;
        }
        if !to_all {
            self.judge.met.datagrams += 1;
            self.judge.met.datagram_bytes += bytes.len() as u64;
        }
        for other in (0..self.count()).filter(|other| *other != place) {
            if to_all || to.ip() == IpAddr::V4(self.machines[other].ip) {
                for at in self.network.datagram(self.now, place, other) {
                    let bytes = bytes.clone();
                    self.push(at, What::Packet { to: other, sender: place, from, via, bytes });
                }
            }
        }
    }

    fn dial(&mut self, place: Place, link: LinkId, to: SocketAddr) {
        let target = self.machines.iter().position(|other| to.ip() == IpAddr::V4(other.ip));
        let cable = self.network.open(self.now, place, target.unwrap_or(place));
        let machine = &mut self.machines[place];
        machine.links.insert(link, cable);
        let dialler = End { place, life: machine.life, link };
        let acceptor = target.map(|place| End { place, life: 0, link: LinkId(u64::MAX) });
        self.cables.insert(cable, Ends { dialler, acceptor, held: Default::default() });
        if target.is_some_and(|target| self.network.reaches(place, target)) {
            let at = self.network.arrival(self.now);
            self.push(at, What::Knock { cable });
        } else {
            self.push(self.now + DIAL_TIMEOUT, What::DialFailed { cable });
        }
    }

    fn stop(&mut self, place: Place) {
        self.stopped = self.now;
        let machine = &mut self.machines[place];
        machine.node = None;
        machine.paused = false;
        machine.inbox.clear();
        machine.links.clear();
        machine.slow = Duration::ZERO;
        machine.waiting = false;
        machine.timer = None;
        machine.reign = None;
        machine.current = None;
        machine.zombie = false;
    }

    /// In which direction a machine sends on a link.
    fn way(&self, cable: u64, place: Place) -> usize {
        usize::from(self.cables.get(&cable).is_none_or(|ends| ends.dialler.place != place))
    }

    fn push(&mut self, at: Instant, what: What) {
        self.order += 1;
        self.queue.push(Reverse(Entry { at, order: self.order, what }));
    }

    /// Notes a line of the trace.
    pub fn note(&mut self, place: Place, what: &str) {
        let now = self.now;
        let id = self.machines.get(place).map(|machine| machine.id);
        if let (Some(trace), Some(id)) = (&mut self.trace, id) {
            trace.push(format!("{now:?} n{place} {id:?} {what}"));
        }
    }
}

/// Mixes what happened into the run's fingerprint.
fn fingerprint<G: Playable>(hash: &mut Xxh3, now: Instant, place: Place, input: &Input<G>) {
    hash.update(&now.0.to_le_bytes());
    let (kind, bytes): (u8, &[u8]) = match input {
        Input::Wire(Wire::Timeout) => (0, &[]),
        Input::Wire(Wire::Packet { bytes, .. }) => (1, bytes),
        Input::Wire(Wire::Bytes { chunk, .. }) => (2, chunk),
        Input::Wire(_) => (3, &[]),
        Input::Command(_) => (4, &[]),
    };
    hash.update(&[kind, place as u8]);
    hash.update(bytes);
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.order) == (other.at, other.order)
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}
