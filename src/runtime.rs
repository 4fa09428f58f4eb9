//! The driver for real networks: a thread, its sockets, and the [`Handle`] for whoever plays.
//!
//! [`Join::start`] opens the sockets and starts one *network thread*, which owns the
//! [`Node`] and does nothing but: wait until something can be read or the node's
//! next deadline comes, feed it, carry out its effects. It never touches a disk, never sleeps for a
//! fixed time and never waits for whoever plays. So a stalled window stalls only itself, and the
//! others never see it.
//!
//! What passes between the two sides:
//! - *In*: [`Handle::command`], a short bounded queue that says when it is full, and
//!   [`Handle::hold`], a slot where only the latest counts.
//! - *Out*: [`Handle::view`], a slot where only the latest counts, and [`Handle::events`], what
//!   happened, each once: any number of readers, with a bounded queue each. Who does not read in time is
//!   told how much was missed.
//!
//! A panic on the network thread, most likely in the rules of a game, ends the node and nothing else:
//! its sockets close like those of a killed process, and both ways out say so, with the panic's
//! message ([`Status::Failed`](crate::node::Status::Failed), [`Happened::Failed`]).
//!
//! Where to read on: `drive` is the loop, `sockets` the bytes.

mod chance;
mod clock;
mod crowd;
mod datagrams;
mod disk;
mod drive;
mod events;
mod failing;
mod interfaces;
mod join;
mod link;
mod open;
mod paths;
mod shared;
mod sockets;
#[cfg(feature = "store")]
pub mod store;
mod timer;

use std::{
    collections::BTreeSet,
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded, unbounded};

use crate::{
    accounts::{Friend, Statement},
    config::{BEACON_PORT, Config, Form, OutOfRange, STRANGERS_PART_OF_FILES, Tuning},
    game::{FactRules, Game},
    keys::{Lock, PublicKey, SecretKey},
    ledger::{disk::Stored, entry::EntryId},
    node::{Command, Connection, Event, Interface, Node, View, bytes_of_order},
    text::{Name, Said, SessionName, Unfit},
    types::{Incarnation, Instant, NodeId, Role},
};

pub use chance::{random_bits, random_bytes};
pub use clock::{now, wall_time};
pub use crowd::{Crowd, CrowdSeen, watch_together};
use disk::Disk;
use drive::Driver;
pub use events::Events;
use events::{Readers, Teller};
use interfaces::Seen;
pub use join::{Join, join};
pub use open::raise_file_limit;
use shared::Shared;
use sockets::Sockets;

/// How long a polite farewell may take.
const LEAVE_PATIENCE: Duration = Duration::from_millis(900);

/// How one node is to be started. [`Settings::new`] has sound defaults for all but the name.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What its player is called.
    pub name: Name,
    /// Player, or spectator. Whoever would play, and finds no seat, [waits](Role::Waiting) by itself.
    pub role: Role,
    /// The session to play in at once; none: stay on the title, and only listen.
    pub session: Option<SessionName>,
    /// What opens that session; none: it is open to everybody.
    pub lock: Option<Lock>,
    /// Whether it founds a session of its own where one of the same name is heard for three seconds that it
    /// cannot look into. If not, it waits for as long as that one is heard.
    pub founds_beside_locked: bool,
    /// The keys of those who may come in, if not everybody may: of nodes, and of accounts, whose machines all
    /// may then, but for those that were struck off.
    pub allowed: Option<BTreeSet<PublicKey>>,
    /// The key that this node's id follows from; none: it is somebody new.
    pub key: Option<SecretKey>,
    /// What the account says of itself that this machine speaks for; empty: it speaks for none.
    pub statements: Vec<Statement>,
    /// The account's key, if this machine has it: it opens letters that were written before this machine
    /// spoke for the account.
    pub reads_as: Option<SecretKey>,
    /// Whether its account is told of in each session even if it only watches: for somebody who talks.
    pub talks: bool,
    /// Whom its player has compared pictures with: what [`Event::Pairing`] told in earlier lives.
    pub friends: Vec<Friend>,
    /// Whose lines its player does not want to see: what [`ChatNews`](crate::node::ChatNews) told in earlier
    /// lives.
    pub muted: BTreeSet<NodeId>,
    /// The address to live at: everything is sent from there, and comes in there. None, or the
    /// unspecified one: every address of this machine.
    pub ip: Option<Ipv4Addr>,
    /// The TCP and UDP port for links and packets; none, or 0: what the system chooses.
    pub port: Option<u16>,
    /// Where to send beacons besides the networks around: IPv4 addresses of one machine each.
    pub peers: Vec<SocketAddr>,
    /// The file in which the ledger is kept, made if there is none; none: nothing outlives this node
    /// but with others.
    pub ledger: Option<PathBuf>,
    /// The port that all nodes of a neighbourhood hear beacons on.
    pub beacon_port: u16,
    /// Whether to report every applied tick.
    pub trace_ticks: bool,
    /// The form in which it sends what is replicated.
    pub form: Form,
    /// The durations of the protocol.
    pub tuning: Tuning,
}

impl Settings {
    /// A player called `name`, who stays on the title.
    pub fn new(name: Name) -> Self {
        Self {
            name,
            role: Role::Player,
            session: None,
            lock: None,
            founds_beside_locked: true,
            allowed: None,
            key: None,
            statements: Vec::new(),
            reads_as: None,
            talks: false,
            friends: Vec::new(),
            muted: BTreeSet::new(),
            ip: None,
            port: None,
            peers: Vec::new(),
            ledger: None,
            beacon_port: BEACON_PORT,
            trace_ticks: false,
            form: Form::default(),
            tuning: Tuning::default(),
        }
    }
}

/// Why a node could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address or port is not to be had.
    #[error("cannot listen on {protocol} {address}")]
    Bind {
        /// TCP or UDP; of a port that was asked for the TCP half is needed.
        protocol: &'static str,
        /// What was wanted.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// An address to live at, or to look for somebody at, cannot be one machine's.
    #[error("{address} cannot be used")]
    Address {
        /// The address.
        address: IpAddr,
        /// What it is.
        source: AddressError,
    },
    /// Another process keeps its ledger in the same file.
    #[error("{path} is in use by another copy of this program; each needs a folder of its own")]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The settings hold what cannot be.
    #[error(transparent)]
    Tuning(OutOfRange),
    /// No session can have this name.
    #[error("no session can be called that: {0}")]
    Session(Unfit),
    /// There is nothing in the passphrase.
    #[error("there is nothing in the passphrase")]
    Passphrase,
    /// A variable of the environment says what cannot be.
    #[error("{variable} cannot be used: {why}")]
    Variable {
        /// Which.
        variable: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// The system refuses something every network program needs.
    #[error("cannot {what}")]
    System {
        /// What was to be done.
        what: &'static str,
        /// What the system says.
        source: std::io::Error,
    },
}

/// Why an address cannot be one machine's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It stands for any address.
    #[error("it stands for any address, not for one machine's")]
    Unspecified,
    /// It is everybody's.
    #[error("it is a broadcast address, everybody's on a network, not one machine's")]
    Broadcast,
    /// It is a group's.
    #[error("it is a multicast address, a group's, not one machine's")]
    Multicast,
    /// It is of the other kind.
    #[error("it is an IPv6 address, and an IPv4 address is needed")]
    NotIpv4,
}

/// The IPv4 address, if it can be one machine's. What is not known here (the broadcast addresses of
/// the networks around) is found when a node is started.
///
/// # Errors
/// What it is instead.
pub fn check_address(ip: IpAddr) -> Result<Ipv4Addr, AddressError> {
    interfaces::check(ip, &[])
}

/// Where a started node can be found.
#[derive(Clone, Copy, Debug)]
pub struct Started {
    /// Who it is.
    pub id: NodeId,
    /// The key that this follows from: what stands in a list of those who may come in.
    pub key: PublicKey,
    /// The address to tell others: the chosen one, or the most likely one of this machine.
    pub ip: Ipv4Addr,
    /// The port on which it accepts links.
    pub tcp: u16,
    /// The port of its own UDP socket.
    pub udp: u16,
}

/// What came and went since the start, and how well the host is heard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// What left, in bytes of payload: of datagrams, and over links.
    pub sent: Traffic,
    /// What came in.
    pub received: Traffic,
    /// How well the host is heard: lag, and ticks that got lost.
    pub connection: Connection,
}

/// So many bytes, and in so many datagrams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes in datagrams and over links, without what the system puts in front of them.
    pub bytes: u64,
    /// Datagrams.
    pub datagrams: u64,
}

/// Something that happened, and when.
#[derive(Clone, Debug)]
pub struct Timed<G: Game> {
    /// When the network thread learned of it.
    pub at: Instant,
    /// What happened.
    pub event: Happened<G>,
}

/// What a [`Handle`] tells.
#[derive(Clone, Debug)]
pub enum Happened<G: Game> {
    /// The node tells something.
    Node(Event<G>),
    /// The network thread was woken so much too late: this machine is overloaded, or slept.
    Stall {
        /// How much too late.
        late: Duration,
    },
    /// Something does not work as it should, and the node goes on without it. For people.
    Warning(String),
    /// So many events were dropped, because nobody read them. (Those of the game that never came to
    /// this node are an [`Event::Missed`].)
    Missed {
        /// How many.
        events: u64,
    },
    /// The network thread panicked: the node is over. The last of all.
    Failed {
        /// The message of the panic.
        why: Arc<str>,
    },
}

/// Why a command or an order was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// As many wait as may wait: the node is given more than it can do.
    #[error("too many wait for the node already; try again in a moment")]
    Full,
    /// The order is too large to be one.
    #[error("an order may have {} bytes", crate::config::ORDER_BYTES_MAX)]
    TooLarge,
    /// The node has left, or failed.
    #[error("the node has ended")]
    Ended,
}

/// Plays in place of a person: is shown each new view, and says what to do: to hold something down from there on
/// ([`Command::Controls`]), or to do something once ([`Command::Order`]). It is called on the network thread, so it
/// must be quick; and a panic in it ends the node.
pub type Pilot<G> = Box<dyn FnMut(&View<G>) -> Option<Command<G>> + Send>;

fn launch<G: Game>(settings: Settings, pilot: Option<Pilot<G>>) -> Result<Handle<G>, StartError> {
    settings.tuning.check().map_err(StartError::Tuning)?;
    let system = |what| move |source| StartError::System { what, source };
    let told = interfaces::interfaces();
    let refused = told.as_ref().err().map(interfaces::refused);
    let known = told.ok();
    let networks = known.clone().unwrap_or_else(interfaces::assumed);
    let home = addresses(&settings, &networks)?;
    let opened = open::open(&settings, home)?;
    let deaf = opened.beacon.as_ref().err().map(|error| deaf(settings.beacon_port, error));
    let displaced = opened.displaced.as_ref().map(|error| {
        let instead = opened.own.local_addr().map_or(0, |address| address.port());
        displaced(settings.port.unwrap_or(0), instead, error)
    });
    let (sockets, waker) = Sockets::new(opened).map_err(system("wait for sockets"))?;
    let (tcp, udp) = sockets.ports().map_err(system("see the own ports"))?;
    let draw = || random_bytes().map_err(system("draw random numbers"));
    let key = match settings.key.clone() {
        Some(key) => key,
        None => SecretKey::from_bytes(&draw()?),
    };
    let chance = draw()?;
    let started = Started {
        id: key.public().id(),
        key: key.public(),
        ip: home.unwrap_or_else(|| interfaces::likely_ip(&networks)),
        tcp,
        udp,
    };
    let shared = Shared::new(waker);
    let waking = Arc::clone(&shared);
    let session = settings.session.clone();
    let prepare = move |stored: &mut Stored| {
        if let Some(session) = &session {
            stored.prepare(session, FactRules::of::<G>());
        }
    };
    let kept = Disk::open(settings.ledger.as_deref(), prepare, move || waking.wake())?;
    if settings.key.is_some() {
        kept.disk.belongs_to(started.id);
    }
    let warnings = displaced.into_iter().chain(deaf).chain(kept.notices).collect();
    let readers = Readers::new();
    let first = Mutex::new(Some(readers.take_on()));
    let telling_all = Arc::clone(&readers);
    let (changes, changed) = unbounded();
    let (watched, stop) = bounded(0);
    let (ending, ended) = bounded(0);

    for seen in refused.into_iter().chain([Seen::Networks(networks)]) {
        let _ = changes.send(seen);
    }
    let waking = Arc::clone(&shared);
    interfaces::watch(known, stop, move |seen| {
        let _ = changes.send(seen);
        waking.wake();
    });

    let sharing = Arc::clone(&shared);
    let blank = View::new(clock::now(), started.id, settings.name.clone(), settings.role);
    let drive = move || {
        // Whatever ends this thread ends these two with it.
        let _tied = (ending, watched);
        let telling = Arc::clone(&sharing);
        let mut tell = Teller::new(telling_all);
        failing::run(blank, &telling, &mut tell, |tell| {
            let driver = Driver {
                node: Node::new(clock::now(), config(settings, &started, kept.stored, key, chance)),
                sockets,
                shared: sharing,
                interfaces: changed,
                disk: kept.disk,
                pilot,
                sent: Traffic::default(),
                received: Traffic::default(),
            };
            driver.run(warnings, tell);
        });
    };
    thread::Builder::new().name("network".into()).spawn(drive).map_err(system("start a thread"))?;
    Ok(Handle { shared, readers, first, started, ended })
}

/// The address to live at, if there is one. All addresses that somebody gave have to be somebody's.
fn addresses(settings: &Settings, networks: &[Interface]) -> Result<Option<Ipv4Addr>, StartError> {
    let check = |address| {
        interfaces::check(address, networks)
            .map_err(|source| StartError::Address { address, source })
    };
    for peer in &settings.peers {
        check(peer.ip())?;
    }
    let home = settings.ip.filter(|ip| !ip.is_unspecified());
    home.map(|ip| check(ip.into())).transpose()
}

/// What the node has to know.
fn config(
    settings: Settings,
    started: &Started,
    stored: Option<Stored>,
    key: SecretKey,
    chance: [u8; 32],
) -> Config {
    let mut tuning = settings.tuning;
    if let Some(files) = open::files() {
        let part = (files / STRANGERS_PART_OF_FILES).max(1);
        tuning.strangers_max = tuning.strangers_max.min(part);
    }
    Config {
        key,
        statements: settings.statements,
        reads_as: settings.reads_as,
        talks: settings.talks,
        friends: settings.friends,
        muted: settings.muted,
        incarnation: Incarnation(random_bits()),
        name: settings.name,
        role: settings.role,
        session: settings.session,
        lock: settings.lock,
        founds_beside_locked: settings.founds_beside_locked,
        allowed: settings.allowed,
        peers: settings.peers,
        stored,
        wall: clock::wall_time(),
        beacon_port: settings.beacon_port,
        tcp_port: started.tcp,
        udp_port: started.udp,
        chance,
        seed: random_bits(),
        trace_ticks: settings.trace_ticks,
        views: true,
        form: settings.form,
        tuning,
    }
}

fn deaf(port: u16, error: &io::Error) -> String {
    let why = no_port(port, error);
    format!("{why}; players who lack it too are found by address only")
}

fn displaced(port: u16, instead: u16, error: &io::Error) -> String {
    let why = no_port(port, error);
    format!(
        "{why}; packets come in at UDP port {instead} instead: allow that one too where a firewall was \
         opened, or choose another port"
    )
}

fn no_port(port: u16, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => format!("another program holds UDP port {port}"),
        _ => format!("cannot listen on UDP port {port} ({error})"),
    }
}

/// A running node, for whoever plays. Dropping it leaves politely, and waits for that, but not
/// longer than about a second.
#[derive(Debug)]
pub struct Handle<G: Game> {
    shared: Arc<Shared<G>>,
    readers: Arc<Readers<G>>,
    /// Hears of everything since the start, until somebody takes it.
    first: Mutex<Option<Events<G>>>,
    started: Started,
    /// Disconnected when the network thread has ended.
    ended: Receiver<()>,
}

impl<G: Game> Handle<G> {
    /// Tells the node what its user wants. Up to 256 commands may wait.
    ///
    /// # Errors
    /// [`NotTaken`]: the command is dropped.
    pub fn command(&self, command: Command<G>) -> Result<(), NotTaken> {
        if self.has_ended_within(Duration::ZERO) {
            return Err(NotTaken::Ended);
        }
        self.shared.command(command)
    }

    /// What the player holds down from here on. Costs nothing if it is the same as before.
    pub fn hold(&self, controls: G::Controls) {
        self.shared.hold(controls);
    }

    /// Does something once: the rules are told of it as [`News::Order`](crate::News::Order), on whichever machine hosts
    /// by then. Orders come in the sequence in which they are given, none twice, and none is left out while this node
    /// stays in its session. Half a thousand may be on their way. What is ordered on the title, or by a spectator, is
    /// dropped.
    ///
    /// # Errors
    /// [`NotTaken`]: it is not done. [`NotTaken::Full`] says that too many wait: more is ordered than the host takes, or
    /// there has been none for so long. Give it again later.
    pub fn order(&self, order: G::Order) -> Result<(), NotTaken> {
        if bytes_of_order(&order).is_none() {
            return Err(NotTaken::TooLarge);
        }
        if self.has_ended_within(Duration::ZERO) {
            return Err(NotTaken::Ended);
        }
        self.shared.order(order)
    }

    /// Says something to all, or to one person: the id of its account's key. What becomes of it is told by
    /// [`ChatNews`](crate::node::ChatNews), and shown in [`View::chat`].
    ///
    /// # Errors
    /// [`NotTaken`]: it is not said.
    pub fn say(&self, to: Option<NodeId>, said: Said) -> Result<(), NotTaken> {
        self.command(Command::Say(to, said))
    }

    /// Takes back what was said here: it goes on every machine.
    ///
    /// # Errors
    /// [`NotTaken`]: it is not taken back.
    pub fn unsay(&self, id: EntryId) -> Result<(), NotTaken> {
        self.command(Command::Unsay(id))
    }

    /// What there is to see; none before the node has made its first view.
    pub fn view(&self) -> Option<Arc<View<G>>> {
        self.shared.view()
    }

    /// Waits for another view than `seen`; none if there is none for `patience`. Look at the view's
    /// status: after [`Status::Failed`](crate::node::Status::Failed) and
    /// [`Status::Stopped`](crate::node::Status::Stopped) no other comes.
    pub fn newer_view(
        &self,
        seen: Option<&Arc<View<G>>>,
        patience: Duration,
    ) -> Option<Arc<View<G>>> {
        self.shared.newer_view(seen, patience)
    }

    /// Takes on a reader of what happens, each once, in order. There may be several, a window and a
    /// log for example: each gets everything from when it was taken on, the first one everything since
    /// the start. None of them hinders another, or the game: what one does not read in time is left
    /// out there, and counted ([`Happened::Missed`]).
    ///
    /// Keep what this returns: what happens between the end of one reader and the next is not told.
    #[must_use = "it hears only of what happens while it is kept"]
    pub fn events(&self) -> Events<G> {
        let first = self.first.lock().unwrap_or_else(PoisonError::into_inner).take();
        first.unwrap_or_else(|| self.readers.take_on())
    }

    /// What is called, on the network thread, when something happens that a reader of events finds nothing before. Only
    /// the first one counts.
    pub(crate) fn ring(&self, bell: Arc<dyn Fn() + Send + Sync>) {
        self.readers.ring(bell);
    }

    /// What the node has sent and received so far, and how well it hears its host.
    pub fn stats(&self) -> Stats {
        let connection = self.view().map_or(Connection::default(), |view| view.connection);
        let (sent, received) = self.shared.traffic();
        Stats { sent, received, connection }
    }

    /// What time it is for the node: the clock of every [`Instant`] it tells.
    pub fn now(&self) -> Instant {
        clock::now()
    }

    /// Who and where the node is.
    pub fn started(&self) -> &Started {
        &self.started
    }

    /// Leaves politely: the crown is handed over, the others are told. Waits for that, but not
    /// longer than about a second. Dropping the handle does the same.
    pub fn leave(self) {}

    fn has_ended_within(&self, patience: Duration) -> bool {
        self.ended.recv_timeout(patience) != Err(RecvTimeoutError::Timeout)
    }
}

impl<G: Game> Drop for Handle<G> {
    fn drop(&mut self) {
        self.shared.leave();
        if !self.has_ended_within(LEAVE_PATIENCE) {
            tracing::warn!("leaving takes too long; going without a farewell");
            self.shared.abandon();
            self.has_ended_within(LEAVE_PATIENCE);
        }
    }
}
