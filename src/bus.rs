//! A bus for people who want no world: two calls, no server, and what was said is not lost with a machine.
//!
//! Everybody who joins a room hears what everybody says there, in one order. Nobody has to keep anything running: the
//! members elect who gives the order, as the players of a game do, and go on without a gap when that one is killed.
//!
//! ```
//! use std::time::Duration;
//!
//! use interregnum::bus::{Bus, Heard, Kind};
//!
//! # let unused = std::net::UdpSocket::bind(("127.0.0.1", 0))?;
//! # let port = unused.local_addr()?.port();
//! # drop(unused);
//! # let join = |name| Bus::join("kitchen").name(name).ip(std::net::Ipv4Addr::LOCALHOST).beacon_port(port).start();
//! # /*
//! let join = |name| Bus::join("kitchen").name(name).env().start();
//! # */
//! let (ada, ben) = (join("Ada")?, join("Ben")?);
//! ada.send(Kind::Durable, "soup", &"is ready")?;
//! loop {
//!     let heard = ben.recv_within(Duration::from_secs(5)).expect("it comes");
//!     if let Heard::Message(message) = heard {
//!         assert_eq!((&*message.topic, &*message.data), ("soup", r#""is ready""#));
//!         break;
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Two kinds
//! [`Kind::Latest`] is how something is: a position, a score. Of a topic and a sender the newest counts. What is
//! outdated before it has left, or before it is read, is left out, and [counted](Bus::stats). Whoever comes
//! later is told the newest of each topic at once; and when its sender goes, its topics go, too.
//!
//! [`Kind::Durable`] is something that happened. None is lost, none comes twice, and each comes in its sender's
//! sequence: it is written down on every machine, and whoever comes later gets what it [asks](Bus::history) for.
//!
//! # How fast, how much
//! What is said leaves at once, and is everywhere a moment later: on one machine after a sixth of a millisecond, and
//! after a third if it is durable, for then it is signed and written down. When much is said, several things share an
//! order. [`Bus::send`] never waits; where more is said than the bus takes it says so, and nothing is said.
//!
//! | | limit |
//! |---|---|
//! | what is said, as JSON | [`DATA_BYTES_MAX`] |
//! | a topic's name | [`TOPIC_BYTES_MAX`] |
//! | topics of one sender that newcomers are told of | [`TOPICS_MAX`], and [`HELD_BYTES_MAX`] |
//! | one topic of one sender | once in [`LATEST_EVERY`] |
//! | what waits to be said | [`WAITING_BYTES_MAX`] |
//! | what waits to be read | [`UNREAD_MAX`] |
//! | durable things held in memory | [`HISTORY_MAX`] |
//!
//! # What it is made of
//! A bus is a [`Game`](crate::Game) on the public face of this library, whose rules only count and remember. All that
//! holds for games holds here: what a cut costs, who may come in, what a liar can do.

mod ear;
mod heard;
mod history;
mod inbox;
mod motion;
mod outbox;
mod rules;
mod said;

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

use crossbeam_channel::{Receiver, RecvTimeoutError, Select, Sender as Queue, bounded};
use serde::Serialize;

use self::{ear::Ear, outbox::Outbox};
pub use self::{
    heard::{Heard, Message},
    history::{HISTORY_MAX, History, Kept, Place},
    inbox::UNREAD_MAX,
    motion::{GOES_ON_MAX, Motion},
    outbox::{LATEST_EVERY, NotSaid, WAITING_BYTES_MAX},
    rules::{HELD_BYTES_MAX, Held, Rules, Sender, TOPICS_MAX, Told, World},
    said::{Batch, DATA_BYTES_MAX, Kind, Said, SaidId, TOPIC_BYTES_MAX},
};
use crate::{
    node::View,
    runtime::{self, Handle, Join as JoinGame, NotTaken, Settings, StartError, Timed},
    text::Name,
    types::{Instant, NodeId},
};

/// How long a bus listens for others before it founds a room of its own: half of what a game does, for whoever sends
/// the first thing should not wait.
const DISCOVERY: Duration = Duration::from_millis(150);

/// How soon somebody of whom nothing is heard any more is gone, and its topics with it.
const AWAY: Duration = Duration::from_millis(800);

/// How often it is looked for what nothing wakes for.
const LOOK: Duration = Duration::from_millis(20);

/// How long leaving waits for what is on its way yet.
const FAREWELL: Duration = Duration::from_millis(500);

/// What a bus has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// So many things have left.
    pub sent: u64,
    /// So many of them have come back in the sequence of all: they are said.
    pub acknowledged: u64,
    /// So many were refused, since more was said than the bus takes.
    pub refused: u64,
    /// So many latest things were outdated before they left.
    pub outdated_unsent: u64,
    /// So many before anybody here has read them.
    pub outdated_unread: u64,
    /// So many things were heard.
    pub heard: u64,
    /// So many wait to be read.
    pub unread: usize,
}

/// How a bus is joined: all that can be said has a sound default.
#[must_use = "nothing is joined before `start`"]
pub struct Join {
    game: JoinGame<Rules>,
    bell: Option<Bell>,
}

/// What is called when something has arrived.
type Bell = Arc<dyn Fn() + Send + Sync>;

impl Join {
    /// What its sender is called.
    pub fn name(mut self, name: &str) -> Self {
        self.game = self.game.name(name);
        self
    }

    /// Locks the room: who says another passphrase does not come in.
    pub fn passphrase(mut self, passphrase: &str) -> Self {
        self.game = self.game.passphrase(passphrase);
        self
    }

    /// Keeps what is durable in this file.
    pub fn ledger(mut self, path: impl AsRef<Path>) -> Self {
        self.game = self.game.ledger(path);
        self
    }

    /// Lives at this address of this machine alone.
    pub fn ip(mut self, ip: Ipv4Addr) -> Self {
        self.game = self.game.ip(ip);
        self
    }

    /// Looks for others there, too.
    pub fn peer(mut self, peer: SocketAddr) -> Self {
        self.game = self.game.peer(peer);
        self
    }

    /// Who takes another UDP port for beacons hears nobody but those who take the same.
    pub fn beacon_port(mut self, port: u16) -> Self {
        self.game = self.game.beacon_port(port);
        self
    }

    /// Only listens.
    pub fn listen(mut self) -> Self {
        self.game = self.game.watch();
        self
    }

    /// What the environment says goes before what was said so far: the variables of [`Join::env`](crate::Join::env).
    pub fn env(mut self) -> Self {
        self.game = self.game.env();
        self
    }

    /// What is called, on another thread, whenever something has arrived, and when it is over: for a program that waits
    /// elsewhere. It must be quick.
    pub fn on_arrival(mut self, bell: impl Fn() + Send + Sync + 'static) -> Self {
        self.bell = Some(Arc::new(bell));
        self
    }

    /// Changes any of the settings.
    pub fn settings(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        self.game = self.game.settings(change);
        self
    }

    /// Joins, on threads of its own.
    ///
    /// # Errors
    /// [`StartError`] when a socket or a file cannot be had, or something that was said cannot be.
    pub fn start(self) -> Result<Bus, StartError> {
        let Self { game, bell } = self;
        let handle = game.start()?;
        if let Some(bell) = &bell {
            handle.ring(Arc::clone(bell));
        }
        let me = handle.started().id;
        let ear = Ear::new(me, handle.events());
        let arrivals = ear.events.queue().clone();
        let (nudge, nudged) = bounded(1);
        let shared = Arc::new(Shared {
            handle,
            began: runtime::now(),
            outbox: Mutex::new(Outbox::new(runtime::random_bits() as u32)),
            ear: Mutex::new(ear),
            bell,
        });
        let works = Arc::clone(&shared);
        let thread = thread::Builder::new().name("bus".into()).spawn(move || works.work(&nudged));
        let system = |source| StartError::System { what: "start a thread", source };
        Ok(Bus { me, shared, arrivals, nudge, thread: Some(thread.map_err(system)?) })
    }
}

/// A member of a bus. When it is dropped it leaves politely, after what was said has gone out.
pub struct Bus {
    me: NodeId,
    shared: Arc<Shared>,
    /// Where it is seen that something has arrived; it is read by the ear alone.
    arrivals: Receiver<Timed<Rules>>,
    nudge: Queue<Nudge>,
    thread: Option<JoinHandle<()>>,
}

/// Why the thread is woken that looks after what waits.
enum Nudge {
    Look,
    End,
}

struct Shared {
    handle: Handle<Rules>,
    began: Instant,
    outbox: Mutex<Outbox>,
    ear: Mutex<Ear>,
    bell: Option<Bell>,
}

/// A panic elsewhere leaves each of these whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    /// Hands over what may leave now. Whether the node is there yet.
    fn flush(&self, outbox: &mut Outbox) -> bool {
        let now = self.handle.now();
        while let Some(order) = outbox.next(now) {
            match self.handle.order(order.clone()) {
                Ok(()) => outbox.left(now, &order),
                Err(NotTaken::Ended) => return false,
                Err(_) => return true,
            }
        }
        true
    }

    /// Hears what has arrived; what has come back of what was said makes room for more.
    fn hear(&self) -> MutexGuard<'_, Ear> {
        let mut ear = lock(&self.ear);
        if let Some(said) = ear.listen(&self.handle) {
            let mut outbox = lock(&self.outbox);
            outbox.acknowledge(said);
            self.flush(&mut outbox);
        }
        ear
    }

    /// Looks after what waits, also where nobody reads, until it is told to end.
    fn work(&self, nudged: &Receiver<Nudge>) {
        loop {
            let next = lock(&self.outbox).next_look().unwrap_or(LOOK);
            match nudged.recv_timeout(next) {
                Ok(Nudge::Look) | Err(RecvTimeoutError::Timeout) => {}
                Ok(Nudge::End) | Err(RecvTimeoutError::Disconnected) => return,
            }
            let unread = self.hear().inbox.unread();
            self.flush(&mut lock(&self.outbox));
            if let Some(bell) = self.bell.as_ref().filter(|_| unread > 0) {
                bell();
            }
        }
    }
}

impl Bus {
    /// A room, to be joined: whoever says the same name is in the same one.
    pub fn join(room: &str) -> Join {
        let game = runtime::join(room).settings(|settings| {
            settings.tuning.discovery = DISCOVERY;
            settings.tuning.away = AWAY;
        });
        Join { game, bell: None }
    }

    /// Who this is: every message of its own is from there.
    pub fn me(&self) -> NodeId {
        self.me
    }

    /// What time it is for the node: the clock of [`Message::heard_at`].
    pub fn now(&self) -> Instant {
        self.shared.handle.now()
    }

    /// Says something, about a topic. It never waits.
    ///
    /// # Errors
    /// [`NotSaid`]: it is not said, and that is [counted](Stats::refused).
    pub fn send<T: Serialize + ?Sized>(
        &self,
        kind: Kind,
        topic: &str,
        data: &T,
    ) -> Result<(), NotSaid> {
        let json = serde_json::to_string(data).map_err(|_| NotSaid::NoJson)?;
        self.send_json(kind, topic, json.into())
    }

    /// The same of what is JSON already. That it is one is not looked at.
    ///
    /// # Errors
    /// [`NotSaid`]: it is not said.
    pub fn send_json(&self, kind: Kind, topic: &str, data: Arc<str>) -> Result<(), NotSaid> {
        let at_ms = self.shared.handle.now().since(self.shared.began).as_millis() as u32;
        let mut outbox = lock(&self.shared.outbox);
        outbox.say(at_ms, kind, topic, data)?;
        let lives = self.shared.flush(&mut outbox);
        if outbox.next_look().is_some() {
            let _ = self.nudge.try_send(Nudge::Look); // one is enough
        }
        if lives { Ok(()) } else { Err(NotSaid::Ended) }
    }

    /// What was heard next; none if nothing more was heard so far. Does not wait.
    pub fn recv(&self) -> Option<Heard> {
        let mut ear = lock(&self.shared.ear);
        let next = ear.inbox.take();
        if next.is_some() {
            return next;
        }
        drop(ear);
        self.shared.hear().inbox.take()
    }

    /// The same, and waits for so long.
    pub fn recv_within(&self, patience: Duration) -> Option<Heard> {
        let end = self.shared.handle.now() + patience;
        loop {
            if let Some(heard) = self.recv() {
                return Some(heard);
            }
            let left = end.since(self.shared.handle.now());
            if left.is_zero() || self.is_over() {
                return None;
            }
            let mut arrival = Select::new();
            arrival.recv(&self.arrivals);
            let _ = arrival.ready_timeout(left.min(LOOK)); // or something is shown of which nothing is told
        }
    }

    /// Whether the node has ended, and everything was read.
    pub fn is_over(&self) -> bool {
        let ear = lock(&self.shared.ear);
        ear.events.is_over() && ear.inbox.unread() == 0
    }

    /// All that is durable and known here, the oldest first, of which the newest [`HISTORY_MAX`] are held.
    pub fn history(&self) -> Arc<History> {
        Arc::clone(&self.shared.hear().history)
    }

    /// Who is there, by its name.
    pub fn senders(&self) -> Vec<(NodeId, Name)> {
        let view = self.view();
        let world = view.as_ref().and_then(|view| Some(view.picture.as_ref()?.newest()));
        let senders = world.into_iter().flat_map(|world| &world.senders);
        senders.map(|(id, sender)| (*id, sender.name.clone())).collect()
    }

    /// What was sent and received, in bytes, of all kinds.
    pub fn traffic(&self) -> (u64, u64) {
        let stats = self.shared.handle.stats();
        (stats.sent.bytes, stats.received.bytes)
    }

    /// What the node shows: who is in, who hosts, how well it hears.
    pub fn view(&self) -> Option<Arc<View<Rules>>> {
        self.shared.handle.view()
    }

    /// What it has done so far.
    pub fn stats(&self) -> Stats {
        let ear = self.shared.hear();
        let (inbox, outbox) = (&ear.inbox, lock(&self.shared.outbox));
        Stats {
            sent: outbox.sent,
            acknowledged: outbox.acknowledged,
            refused: outbox.refused,
            outdated_unsent: outbox.outdated,
            outdated_unread: inbox.outdated,
            heard: inbox.heard,
            unread: inbox.unread(),
        }
    }

    /// Waits until all that was said has come back in the sequence of all, or so long. Whether it has.
    pub fn settle(&self, patience: Duration) -> bool {
        let end = self.shared.handle.now() + patience;
        loop {
            drop(self.shared.hear());
            if !lock(&self.shared.outbox).is_busy() {
                return true;
            }
            let left = end.since(self.shared.handle.now());
            if left.is_zero() || lock(&self.shared.ear).events.is_over() {
                return false;
            }
            let mut arrival = Select::new();
            arrival.recv(&self.arrivals);
            let _ = arrival.ready_timeout(left.min(LATEST_EVERY)); // then what waits is due
        }
    }
}

impl std::fmt::Debug for Bus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bus").field("me", &self.me).finish_non_exhaustive()
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        self.settle(FAREWELL);
        let _ = self.nudge.send(Nudge::End);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
