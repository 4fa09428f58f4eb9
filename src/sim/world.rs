//! The machines, the queue of events, and the loop that drives them.
//!
//! | part | does |
//! |---|---|
//! | `links` | both ends of each link, and what is under way on it |
//! | `datagrams` | who gets a datagram |
//! | `clock` | each machine's own clock |
//! | `nodes` | how a node comes to life on its machine, stops, and hears what its player wants |
//! | `driving` | feeds a node, and does what it wants done |
//! | `tracing` | what is written down of it, if anything |
//! | `users` | what nodes have told their users |
//! | `disks` | what each machine keeps, and what may happen to that |
//! | [`Tap`] | whoever listens at every wire |
//! | `trouble` | what may happen to a single machine |
//! | `strangers` | machines without a node, and nodes that do what no node does |
//! | `watch` | how each reign is weighed that begins: was it needed, did it come in time |
//! | `pauses` | how long each node waited for a tick |
//! | `likeness` | what kind of moment this is |

mod clock;
mod datagrams;
mod disks;
mod driving;
mod liars;
mod likeness;
mod links;
mod nodes;
mod pauses;
mod strangers;
mod tap;
mod tracing;
mod trouble;
mod users;
mod watch;

pub use self::{pauses::Pauses, tap::Tap, trouble::names, users::Users, watch::Loss};

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use rand_pcg::{Pcg64Mcg, rand_core::Rng};
use xxhash_rust::xxh3::Xxh3;

use self::{
    clock::MachineClock,
    datagrams::Datagram,
    liars::Liars,
    links::{Ends, Item},
};
use super::{
    chance::chance,
    judge::Judge,
    network::{Network, Place},
    playable::Playable,
    trace::Trace,
};
use crate::{
    accounts::{Friend, Statement},
    config::{BEACON_PORT, Form, Tuning},
    game::Game,
    io::{CloseReason, LINK_BYTES_QUEUED_MAX, Wire},
    keys::{Lock, PublicKey, SecretKey},
    ledger::{disk::Stored, entry::WallTime, keeper::Folding},
    node::{Command, Event, Input, Node, View},
    text::Name,
    types::{Instant, LinkId, NodeId, Term},
};

/// When time begins.
pub const BEGINNING: Instant = Instant(1_000_000);

/// What all wall clocks say when time begins.
const WALL_START: u64 = 1_700_000_000;

const TCP_PORT: u16 = 7_001;
const UDP_PORT: u16 = 7_002;

/// What a socket holds of a paused process's datagrams.
const INBOX_PACKETS_MAX: usize = 256;

/// Pages as small as can be, soon after their entries, so that a run of minutes has many of them.
const SMALL_PAGES: Folding = Folding {
    entries: 32,
    spared: 8,
    rest: Duration::from_secs(2),
    least: 8,
    pause: Duration::from_millis(100),
};

/// A node that wants to be woken so often without time passing will want it for ever.
const SPIN_MAX: u32 = 1_000;

/// The time between two changes of what a player holds down, in microseconds.
const KEYS_HELD_US: std::ops::Range<u64> = 1..200_001;

/// Looks at what a node shows.
pub type Eye<G> = Arc<dyn Fn(Place, &View<G>) + Send + Sync>;

/// Plays: is shown what a node shows, and says what to do, as to a real one.
pub type Pilot<G> = Arc<dyn Fn(Place, Arc<View<G>>) -> Option<Command<G>> + Send + Sync>;

/// What a node has told its user, in order, and when.
pub type Told<G> = Vec<(Instant, Event<G>)>;

/// Says what is wrong with the world that a node holds, if anything is.
pub type Auditor<G> = Arc<dyn Fn(Place, &<G as Game>::World) -> Option<String> + Send + Sync>;

/// What a player holds down, and orders, that a number, or that one and the world, says: see [`Playable`].
type Press<G> = fn((Option<&<G as Game>::World>, NodeId), u64, u32, bool) -> Pressed<G>;
type Pressed<G> = (Option<<G as Game>::Controls>, Option<<G as Game>::Order>);

/// The machines and everything between them. A clone goes on as this one would; only whoever looks on does
/// so at both.
#[derive(Clone)]
pub struct World<G: Game> {
    /// The time.
    pub now: Instant,
    /// The network between the machines.
    pub network: Network,
    /// The judge.
    pub judge: Judge,
    /// What happened, in lines, if wanted.
    pub trace: Option<Trace>,
    /// How long each node waited for a tick.
    pub pauses: Pauses,
    /// Who looks at what the nodes show, if anybody does. Without it they show nothing.
    pub eye: Option<Eye<G>>,
    /// Who plays by looking at what the nodes show, if anybody does.
    pub pilot: Option<Pilot<G>>,
    /// Who looks at each world that a node holds.
    pub auditor: Option<Auditor<G>>,
    /// What each node has told its user, but for the ticks; if that is wanted.
    pub told: Option<BTreeMap<Place, Told<G>>>,
    /// What players press who do not look; none: nobody does so.
    press: Option<Press<G>>,
    /// Gives somebody what no rule gives.
    favour: fn(&mut G::World, NodeId),
    /// Nobody presses anything: what is held down stays so.
    pub hands_off: bool,
    /// Whether anybody gets points for it.
    pub gathers: bool,
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
    /// By how many seconds the wall clocks of machines are ahead, of those where they are wrong.
    pub wrong_clocks: BTreeMap<Place, i64>,
    /// The form in which they send what is replicated.
    pub form: Form,
    /// The one that all nodes are told of at their start, where broadcasts do not reach; else each
    /// is told of all.
    pub hub: Option<Place>,
    /// What opens the session, for those who bring anything.
    pub locks: BTreeMap<Place, Lock>,
    /// What players are called, other than by their places.
    pub names: BTreeMap<Place, Name>,
    /// Whom the players of machines have compared pictures with: what is kept of that for the next start.
    pub friends: BTreeMap<Place, Vec<Friend>>,
    /// What each node has told its user.
    pub users: Users,
    /// The keys of those whom a node lets in, where it does not let in everybody.
    pub allowed: BTreeMap<Place, BTreeSet<PublicKey>>,
    /// Nodes that rather wait than found a session beside a locked one of the same name.
    pub patient: BTreeSet<Place>,
    /// Whose programs say what is not so.
    pub liars: Liars,
    /// Whoever listens at every wire, if anybody does.
    pub tap: Option<Tap>,
    /// Where else somebody is, as nodes are told at their start.
    pub told_of: BTreeMap<Place, Vec<SocketAddr>>,
    /// Those who only watch.
    pub watching: BTreeSet<Place>,
    /// Somebody looks at what nodes show that are started from here on.
    pub shown: bool,
    /// Whose hosts do what no rules do.
    pub meddlers: BTreeSet<NodeId>,
    /// How often a node lost its last link with another.
    pub partings: u64,
    /// How many unsent bytes a driver holds for one link.
    pub unsent_max: usize,
    /// Datagrams that went into a cut, and come out of it when that is mended.
    hoard: VecDeque<Datagram>,
    /// Datagrams that somebody took down, if anybody does.
    taken_down: Option<Vec<Datagram>>,
    flaps: BTreeMap<u64, trouble::Flap>,
    crowned: Vec<watch::Succession>,
    expected: Option<watch::Expected>,
}

#[derive(Clone)]
struct Machine<G: Game> {
    key: SecretKey,
    /// What the account says that it speaks for.
    statements: Vec<Statement>,
    /// One in each network that it is on.
    ips: Vec<Ipv4Addr>,
    clock: MachineClock,
    node: Option<Node<G>>,
    storage: disks::Storage,
    /// What was heard by a machine that has no node.
    stranger: Option<Vec<Wire>>,
    /// Whether it takes in what comes over links.
    reads: bool,
    /// Another program has the port for beacons.
    port_taken: bool,
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
    /// How many orders its player has given in this life.
    ordered: u32,
    /// What its pilot has said last.
    held: Option<G::Controls>,
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

#[derive(Clone)]
struct Entry {
    at: Instant,
    order: u64,
    what: What,
}

#[derive(Clone)]
enum What {
    Packet(Datagram),
    Knock { cable: u64 },
    Opened { cable: u64 },
    DialFailed { cable: u64 },
    Item { cable: u64, way: usize, item: Item },
    Reset { cable: u64, way: usize },
    Release { cable: u64 },
    Slow { cable: u64, way: usize },
    Press { place: Place, life: u32 },
    Turn { place: Place, life: u32 },
    Thaw { place: Place, life: u32 },
    Synced { place: Place, life: u32 },
    Read { place: Place, life: u32, stored: Box<Stored> },
    Flap { flap: u64 },
    Weigh,
    Due { since: Instant },
}

impl<G: Playable> World<G> {
    /// `count` machines, all off. Players press what chance says.
    pub fn new(seed: u64, count: usize) -> Self {
        let mut world = Self::of_rules(seed, count);
        world.press = Some(|(seen, me), drawn, stamp, gathers| {
            let controls = match seen {
                Some(world) => G::press_seeing(world, me, drawn, stamp, gathers),
                None => G::press(drawn, stamp, gathers),
            };
            (Some(controls), G::order(seen, me, drawn, stamp))
        });
        world.favour = G::favour;
        world.auditor = Some(Arc::new(|_, world| G::audit(world).map(str::to_owned)));
        world
    }
}

impl<G: Game> World<G> {
    /// `count` machines, all off, of a game of which nothing but the rules is known: nobody presses anything
    /// but a [`pilot`](Self::pilot).
    pub fn of_rules(seed: u64, count: usize) -> Self {
        let mut world = Self {
            now: BEGINNING,
            network: Network::new(seed),
            judge: Judge::default(),
            trace: None,
            pauses: Pauses::default(),
            eye: None,
            pilot: None,
            auditor: None,
            told: None,
            press: None,
            favour: |_, _| {},
            hands_off: false,
            gathers: true,
            keys_held_us: KEYS_HELD_US,
            machines: Vec::new(),
            cables: BTreeMap::new(),
            queue: BinaryHeap::new(),
            order: 0,
            random: chance(seed, 1),
            fingerprint: Xxh3::new(),
            quiet_since: None,
            spin: 0,
            disturbed: Instant::default(),
            stopped: Instant::default(),
            started: Instant::default(),
            wrong_clocks: BTreeMap::new(),
            tuning: Tuning { folding: SMALL_PAGES, ..Tuning::default() },
            form: Form::default(),
            hub: None,
            locks: BTreeMap::new(),
            names: BTreeMap::new(),
            friends: BTreeMap::new(),
            users: Users::default(),
            allowed: BTreeMap::new(),
            patient: BTreeSet::new(),
            liars: Liars::default(),
            tap: None,
            told_of: BTreeMap::new(),
            watching: BTreeSet::new(),
            shown: false,
            meddlers: BTreeSet::new(),
            partings: 0,
            unsent_max: LINK_BYTES_QUEUED_MAX,

            hoard: VecDeque::new(),
            taken_down: None,
            flaps: BTreeMap::new(),
            crowned: Vec::new(),
            expected: None,
        };
        (0..count).for_each(|_| _ = world.add(seed));
        world
    }

    /// One more machine, off. Its number.
    pub fn add(&mut self, seed: u64) -> Place {
        let place = self.machines.len();
        self.machines.push(Machine {
            storage: disks::Storage::new(seed, place),
            key: any_key(&mut self.random),
            statements: Vec::new(),
            ips: vec![Ipv4Addr::new(10, 0, 0, place as u8 + 1)],
            clock: MachineClock::default(),
            node: None,
            stranger: None,
            reads: true,
            port_taken: false,
            life: 0,
            paused: false,
            awake_since: Instant::default(),
            slow: Duration::ZERO,
            waiting: false,
            inbox: VecDeque::new(),
            links: BTreeMap::new(),
            accepted: 1,
            stamp: 0,
            ordered: 0,
            held: None,
            timer: None,
            reign: None,
            current: None,
            host_since: Instant::default(),
            zombie: false,
            heard: Vec::new(),
        });
        let count = self.machines.len();
        self.machines
            .iter_mut()
            .for_each(|machine| machine.heard.resize(count, Instant::default()));
        place
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

    /// From here on everything is drawn anew: this is one of several ways in which it may go on.
    pub fn reseed(&mut self, seed: u64) {
        self.random = chance(seed, 1);
        self.network.reseed(seed);
    }

    /// Whether everything that counts as a fault is over, and since when.
    pub fn set_quiet(&mut self, since: Option<Instant>) {
        self.quiet_since = since;
    }

    /// Who lives at a machine when it is on, as its profile says.
    pub fn id(&self, place: Place) -> NodeId {
        self.machines[place].key.public().id()
    }

    /// The key that this follows from.
    pub fn key(&self, place: Place) -> PublicKey {
        self.machines[place].key.public()
    }

    /// Gives a machine, which is off, a profile that is new: whoever starts there is somebody else.
    pub fn new_profile(&mut self, place: Place) {
        self.machines[place].key = any_key(&mut self.random);
    }

    /// Gives a machine the profile of another one: both say that they are the same node.
    pub fn copy_profile(&mut self, from: Place, to: Place) {
        self.machines[to].key = self.machines[from].key.clone();
    }

    /// What the wall clock of a machine says.
    pub fn wall(&self, place: Place) -> WallTime {
        let right = WALL_START + self.now.since(Instant(0)).as_secs();
        let ahead = self.wrong_clocks.get(&place).copied().unwrap_or_default();
        WallTime(right.saturating_add_signed(ahead))
    }

    /// Where a node hears beacons in one of the networks that its machine is on.
    pub fn beacon_address_in(&self, place: Place, net: u8) -> Option<SocketAddr> {
        Some(SocketAddr::new(self.machines[place].ip_in(net)?.into(), BEACON_PORT))
    }

    /// Mends the network, and lets everything go that waited for it.
    pub fn heal(&mut self) {
        self.network.heal();
        self.flaps.clear();
        self.release();
    }

    /// Runs until `until`.
    pub fn run(&mut self, until: Instant) {
        while self.step(until) {}
        self.now = self.now.max(until);
    }

    /// Runs, event by event, until something is so, for so long at the most. Whether it was in time.
    pub fn until(&mut self, most: Duration, so: impl Fn(&Self) -> bool) -> bool {
        let end = self.now + most;
        loop {
            if so(self) {
                return true;
            }
            if !self.step(end) {
                self.now = self.now.max(end);
                return so(self);
            }
        }
    }

    /// Lets the next thing happen, unless that is after `until`. Whether anything did.
    pub fn step(&mut self, until: Instant) -> bool {
        let timers = self.machines.iter().enumerate();
        let timer = timers
            .filter(|(_, machine)| !machine.paused && !machine.waiting)
            .filter_map(|(place, machine)| Some((machine.timer?, place)))
            .min();
        let event = self.queue.peek().map(|Reverse(entry)| entry.at);
        match (timer, event) {
            (Some((timer, place)), event) if event.is_none_or(|event| timer < event) => {
                if timer > until {
                    return false;
                }
                self.spin = if timer > self.now { 0 } else { self.spin + 1 };
                if self.spin > SPIN_MAX {
                    let what = format!("spins: {:?}", self.node(place));
                    self.judge.fail(self.now, place, what);
                    return false;
                }
                self.now = self.now.max(timer);
                self.feed(place, Input::Wire(Wire::Timeout));
            }
            (_, Some(event)) if event <= until => {
                if event > self.now {
                    (self.now, self.spin) = (event, 0); // a storm of packets is none of them spinning
                }
                if let Some(Reverse(entry)) = self.queue.pop() {
                    self.happen(entry.what);
                }
            }
            _ => return false,
        }
        true
    }

    fn happen(&mut self, what: What) {
        match what {
            What::Packet(datagram) => self.deliver(datagram),
            What::Press { place, life } => {
                if self.machines[place].node.is_some() && self.machines[place].life == life {
                    let (drawn, stamp) = (self.random.next_u64(), self.machines[place].stamp + 1);
                    let (controls, order) = self.pressed(place, drawn, stamp);
                    if !self.hands_off && !self.machines[place].paused && self.press.is_some() {
                        self.machines[place].stamp += 1;
                        if let Some(controls) = controls {
                            self.feed(place, Input::Command(Command::Controls(controls)));
                        }
                        order.into_iter().for_each(|order| self.order(place, order));
                    }
                    let held = &self.keys_held_us;
                    let held = held.start + self.random.next_u64() % (held.end - held.start);
                    let at = Instant(self.now.0 + held);
                    self.push(at, What::Press { place, life });
                }
            }
            What::Turn { place, life } => self.turn(place, life),
            What::Thaw { place, life } => self.thaw(place, life),
            What::Synced { place, life } => self.synced(place, life),
            What::Read { place, life, stored } => self.disk_was_read(place, life, stored),
            What::Flap { flap } => self.flapped(flap),
            What::Weigh => self.weigh(),
            What::Due { since } => self.due(since),
            What::Knock { cable } => self.knock(cable),
            What::Opened { cable } => self.opened(cable),
            What::DialFailed { cable } => self.dial_failed(cable),
            What::Item { cable, way, item } => self.arrive(cable, way, item),
            What::Reset { cable, way } => self.end(cable, way, CloseReason::Error),
            What::Release { cable } => self.retry(cable),
            What::Slow { cable, way } => self.give_up(cable, way),
        }
    }

    /// What the player of a machine holds down next, and orders, if it does not wait to see something.
    fn pressed(&self, place: Place, drawn: u64, stamp: u32) -> Pressed<G> {
        let node = self.node(place);
        let seen = node.and_then(|node| Some(&node.replica().state()?.world));
        match self.press {
            Some(press) => press((seen, self.id(place)), drawn, stamp, self.gathers),
            None => (None, None),
        }
    }

    fn push(&mut self, at: Instant, what: What) {
        self.order += 1;
        self.queue.push(Reverse(Entry { at, order: self.order, what }));
    }
}

impl<G: Game> Machine<G> {
    /// Whether anybody listens there.
    fn is_up(&self) -> bool {
        self.node.is_some() || self.stranger.is_some()
    }

    /// Its address in one network.
    fn ip_in(&self, net: u8) -> Option<Ipv4Addr> {
        self.ips.iter().copied().find(|ip| ip.octets()[2] == net)
    }
}

fn any_key(random: &mut Pcg64Mcg) -> SecretKey {
    SecretKey::from_bytes(&any_bytes(random))
}

fn any_bytes(random: &mut Pcg64Mcg) -> [u8; 32] {
    let mut bytes = [0; 32];
    random.fill_bytes(&mut bytes);
    bytes
}

/// The network that an address lies in.
fn network_of(address: SocketAddr) -> u8 {
    match address.ip() {
        IpAddr::V4(ip) => ip.octets()[2],
        IpAddr::V6(_) => u8::MAX,
    }
}

/// Mixes what happened into the run's fingerprint.
fn fingerprint<G: Game>(hash: &mut Xxh3, now: Instant, place: Place, input: &Input<G>) {
    let (kind, bytes): (u8, &[u8]) = match input {
        Input::Wire(Wire::Timeout) => (0, &[]),
        Input::Wire(Wire::Packet { bytes, .. }) => (1, bytes),
        Input::Wire(Wire::Bytes { chunk, .. }) => (2, chunk),
        Input::Wire(_) => (3, &[]),
        Input::Command(_) => (4, &[]),
    };
    let mut head = [0; 10];
    head[..8].copy_from_slice(&now.0.to_le_bytes());
    head[8..].copy_from_slice(&[kind, place as u8]);
    hash.update(&head);
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
