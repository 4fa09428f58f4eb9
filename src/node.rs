//! One node of the game, whole: [`Node`] is the machine that a driver drives.
//!
//! # The contract
//! Nothing in here reads a clock, draws a random number, opens a socket or starts a thread. A
//! driver brings the time and the bytes, and carries out the effects:
//!
//! 1. [`Node::handle`] feeds one thing that happened. Time never goes back from call to call.
//! 2. [`Node::poll`] takes the next effect. Drain it to `None` before the next `handle`: what nobody waits for is done
//!    in there, after all else that came of it.
//! 3. [`Node::next_timeout`] is when to feed [`Wire::Timeout`], if nothing else happens before.
//!
//! There are two drivers, and they drive the same type: [`runtime`](crate::runtime) with real
//! sockets, [`sim`](crate::sim) with virtual ones, a seed and faults.
mod auditing;
mod company;
mod comparing;
mod facts;
mod fan;
mod following;
mod hosting;
mod machine;
mod owed;
mod persons;
mod showing;
mod talk;
mod talking;
mod watching;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

pub use crate::io::{CloseReason, Effect, Interface, LINK_BYTES_QUEUED_MAX, Port, Wire};

pub use self::machine::Node;
use crate::{
    accounts::{Accounts, Friend, Standing, Statement},
    chat::Line,
    cluster::Unreachable,
    game::{Game, Rate},
    keys::{Lock, PublicKey, SecretKey},
    ledger::{
        Fullness,
        disk::Trouble,
        entry::{EntryId, WallTime, Writer},
        witness::Safety,
    },
    pairing::{Stage, Told},
    replica::State,
    text::{Name, Said, SessionName},
    types::{Clock, Instant, NodeId, Role, Term, Tick},
};
pub use crate::{
    cluster::{Exclusion, election::Cause},
    mesh::Parting,
    replica::{audit::Deceit, orders::bytes_of as bytes_of_order},
};

/// One thing that happened.
#[derive(Clone, Debug)]
pub enum Input<G: Game> {
    /// Something from the network, or the passing of time.
    Wire(Wire),
    /// Something the user wants.
    Command(Command<G>),
}

/// What the user wants.
#[derive(Clone, Debug)]
pub enum Command<G: Game> {
    /// Back to the title: leave the game, and listen which sessions there are.
    Browse,
    /// Find this session, or found it. Whoever brings a lock finds those alone that bring the same.
    Play(SessionName, Option<Lock>),
    /// Leave politely, for good: hand the crown over, tell the others. The node emits
    /// [`Event::Stopped`] when everything that is to be said has been handed to the driver.
    Leave,
    /// Hold this down from the next tick on.
    Controls(G::Controls),
    /// Do this once. It is dropped where no game is played, by whoever only watches, and where there is
    /// [no room](Node::has_room_for_orders) or it is [too large](crate::config::ORDER_BYTES_MAX).
    Order(G::Order),
    /// As the host: let this one go, and not come back for a minute. Without effect by anybody else.
    Kick(NodeId),
    /// As the host: let this one go, and never come back, whoever hosts. Without effect by anybody else.
    Ban(NodeId),
    /// As a member: vote against the host, if it is this one. Its key is barred as soon as more than half of
    /// those who are present do.
    VoteOut(NodeId),
    /// Compare pictures with this one, to be sure of its key; or agree to that, if it is this one that asks.
    Pair(NodeId),
    /// What is compared is the same. If not `same`: it differs, or this is to end, whatever it waits for.
    Compared {
        /// Whether it is.
        same: bool,
    },
    /// Be called something else. The rules are told with another
    /// [`News::Joined`](crate::game::News::Joined).
    Rename(Name),
    /// This is what the account of whoever plays says of itself: it is written into the ledger of each
    /// session that is played, unless that says it already.
    Declare {
        /// What it says.
        statements: Vec<Statement>,
        /// Its key, if this machine has it: see [`reads_as`](crate::config::Config::reads_as).
        reads_as: Option<Box<SecretKey>>,
    },
    /// Say this to all, or to one person: the id of its account's key, or of its machine if it has no
    /// account. It is an entry of the session's ledger from then on. [`ChatNews`] tells what becomes of it.
    Say(Option<NodeId>, Said),
    /// Take back what this node said there, or another machine of the same account: it goes on every machine.
    Unsay(EntryId),
    /// Do not show any more, or show again, what this person says: to nobody but the user of this node.
    Mute {
        /// The id of the person's account, or of its machine if it has none.
        person: NodeId,
        /// Whether it is not to be shown.
        mute: bool,
    },
    /// Show so many lines of what was said, within [bounds](crate::config::LINES_SHOWN_MAX).
    LookBack {
        /// How many.
        lines: usize,
    },
}

/// What comes out of a node.
#[derive(Clone, Debug)]
pub enum Output<G: Game> {
    /// To be done by the driver.
    Effect(Effect),
    /// To be told to the user, each once.
    Event(Event<G>),
    /// What the user sees from here on; replaces the one before.
    View(Arc<View<G>>),
}

/// What a node tells its user. Everything here happened; the state that results is in the
/// [`View`].
#[derive(Clone, Debug)]
pub enum Event<G: Game> {
    /// A link to a peer is up, with its handshake done.
    PeerUp {
        /// The peer.
        peer: NodeId,
        /// What it is called.
        name: Name,
    },
    /// The link to a peer is gone.
    PeerDown {
        /// The peer.
        peer: NodeId,
        /// Why it is gone.
        reason: Parting,
    },
    /// The host that this node followed is lost.
    HostLost {
        /// Who it was.
        host: NodeId,
        /// Its reign.
        term: Term,
        /// Why it is lost.
        reason: Cause,
    },
    /// This node asks the others whether it shall reign.
    Election {
        /// The reign that it believes to be over; none at a cold start.
        ends: Option<Term>,
    },
    /// The first tick of a new reign was applied here.
    Host {
        /// Who reigns.
        host: NodeId,
        /// The reign.
        term: Term,
        /// The clock of that first tick.
        clock: Clock,
        /// From the last tick of the reign before, applied here, to this one; none at a cold
        /// start and for a newcomer.
        gap: Option<Duration>,
        /// Ticks of the reign before that were applied here and are undone by this one.
        rolled_back: u64,
    },
    /// A tick was applied. Only with [`Config::trace_ticks`](crate::config::Config::trace_ticks).
    Tick {
        /// The reign and the tick.
        clock: Clock,
        /// The hash of the world there.
        hash: u32,
    },
    /// The members changed.
    Roster {
        /// A number that rises with each change within one reign.
        version: u64,
        /// Every player in it, the node itself included if it is one.
        members: Arc<[MemberView]>,
        /// How many watch.
        spectators: u32,
    },
    /// The world went back, or over to another line of history: after the meeting of two hosts.
    Rebase {
        /// The clock of the world given up.
        from: Clock,
        /// The clock of the world that goes on.
        to: Clock,
    },
    /// A world received did not have the hash that its host gave it: two machines disagree about
    /// the rules.
    Diverged {
        /// The state whose hash differs.
        clock: Clock,
    },
    /// So many events of the game happened while nothing of it came in here (for half a second and
    /// more: a process that was stopped, a cable that was out), and nobody can tell them any more.
    /// The world that follows has whatever came of them. Told before the events after them. What
    /// happened before this node came in, or in a line of history that a [`Event::Rebase`] leads to,
    /// does not count.
    Missed {
        /// How many.
        events: u64,
    },
    /// Something happened in the game.
    Game {
        /// At which tick.
        tick: Tick,
        /// What happened, in the game's words.
        event: G::Event,
    },
    /// Somebody has said something, or there are other news of what is said.
    Chat(ChatNews),
    /// What this writer wrote into the ledger, up to this number, is so safe from here on.
    Safe {
        /// Whose entries these are.
        writer: Writer,
        /// How safe they are.
        safety: Safety,
        /// Up to where.
        through: u64,
    },
    /// From here on nothing more is kept on this machine.
    DiskFailed {
        /// What is wrong with the disk.
        trouble: Trouble,
    },
    /// The session's ledger is that full from here on; when it is full, nothing more is counted.
    LedgerFilling {
        /// How full.
        fullness: Fullness,
    },
    /// Nobody but this node was heard for a while. Said once, until somebody is.
    NobodyFound,
    /// Somebody of the session is heard, or is said to host it, and there is no way to it: a firewall
    /// lets nobody in, or the network keeps its machines apart. Those who reach one another play on
    /// without it. Said once, until it is reached.
    Unreachable(Unreachable),
    /// The session has as many players as it takes: this node watches, and comes in when it is its turn. Said again
    /// whenever others come in before it, or go.
    Full {
        /// How many play.
        players: usize,
        /// How many come in before this node: none if it is next.
        ahead: usize,
    },
    /// This node, which waited for a seat, has one: it plays from here on.
    Seated,
    /// A session of this name is heard that wants another passphrase than this node has, or one at all.
    /// Said once, while this node has no game.
    Locked {
        /// The session.
        session: SessionName,
    },
    /// A session of this name is heard that is open to everybody. This node has a passphrase, so it is in another
    /// one, or founds that. Said once.
    Open {
        /// The session.
        session: SessionName,
    },
    /// This node may not be in the session any more, or not come in. It goes back to the title by
    /// itself.
    Excluded {
        /// The session.
        session: SessionName,
        /// Why.
        why: Exclusion,
    },
    /// The host does what is against the rules. It may be voted out: [`Command::VoteOut`]. Said once in ten seconds
    /// of each kind.
    HostCheats {
        /// Who hosts.
        host: NodeId,
        /// The state at which it shows.
        clock: Clock,
        /// What it does.
        deceit: Deceit,
    },
    /// So many want the host to go.
    Votes {
        /// Who hosts.
        host: NodeId,
        /// How many of those who are present have voted against it.
        votes: usize,
        /// With how many it goes.
        needed: usize,
    },
    /// The person here compares pictures with somebody, or is asked to; or does no more. Whoever is
    /// [paired](Told::Paired) is to be [kept](Friend) by the driver, for the next start.
    Pairing {
        /// With whom.
        peer: NodeId,
        /// What that one is called.
        name: Name,
        /// What there is to tell.
        told: Told,
    },
    /// Somebody whom the person here has compared with is in the session.
    Recognised {
        /// Who.
        peer: NodeId,
        /// What it is called now.
        name: Name,
    },
    /// Somebody in the session is called like one whom the person here has compared with, and has another key.
    OtherKey {
        /// Who.
        peer: NodeId,
        /// What it is called.
        name: Name,
    },
    /// This node's id is used by somebody else too (a copied profile); it goes on under a new one.
    NewIdentity {
        /// The new id.
        id: NodeId,
    },
    /// The node has left. The last event.
    Stopped,
}

/// Where a node stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// On the title: only listening.
    Browsing,
    /// Looking for a session, or for its host.
    Searching,
    /// In a game with a host.
    Playing,
    /// In a game whose host is lost.
    Interregnum,
    /// It has left, and does nothing any more.
    Stopped,
    /// Over, because something in it panicked, most likely the rules of the game:
    /// [`View::failure`] says over what. The others see a node whose process was killed. No other
    /// view follows this one.
    Failed,
}

/// What the user sees, whole. A new one replaces the old; nothing has to be collected.
#[derive(Clone, Debug)]
pub struct View<G: Game> {
    /// When this view was made.
    pub at: Instant,
    /// Who this node is.
    pub me: NodeId,
    /// The key that this follows from; none before the node has made a view.
    pub key: Option<PublicKey>,
    /// What its player is called.
    pub name: Name,
    /// Whether it plays, only watches, or waits for a seat.
    pub role: Role,
    /// How many come in before it, if it waits for a seat: none if it is next.
    pub ahead: Option<usize>,
    /// Where the node stands.
    pub status: Status,
    /// The message of the panic that ended it; none but with [`Status::Failed`].
    pub failure: Option<Arc<str>>,
    /// The session it plays in, or looks for.
    pub session: Option<SessionName>,
    /// Whether that is locked with a passphrase; otherwise it is open to everybody.
    pub locked: bool,
    /// The sessions heard of, by name; those of other rules included, and the own one.
    pub sessions: Arc<[SessionView]>,
    /// Who reigns, as far as this node knows. During an interregnum: who reigned last.
    pub host: Option<NodeId>,
    /// The reign.
    pub term: Option<Term>,
    /// Every player in the session, this node included if it is one. Spectators are counted, not
    /// listed.
    pub members: Arc<[MemberView]>,
    /// How many watch.
    pub spectators: u32,
    /// The world to draw; none before the first tick.
    pub picture: Option<Picture<G>>,
    /// The last change of host that this node lived through.
    pub handover: Option<Handover>,
    /// What all facts of the session's ledger come to, as [`Game::update_scores`] made it.
    pub scores: Arc<G::Scores>,
    /// The accounts that the session's ledger knows of.
    pub accounts: Arc<Accounts>,
    /// What people have said.
    pub chat: Arc<ChatView>,
    /// With whom the person here compares pictures just now.
    pub pairing: Option<PairingView>,
    /// All with whom it has, ever.
    pub friends: Arc<[Friend]>,
    /// The ledger itself.
    pub ledger: LedgerView,
    /// What the wall clock says.
    pub wall: WallTime,
    /// When somebody is dialled next that this node has no link with, and wants one.
    pub next_try: Option<Instant>,
    /// How well it hears its host, and is heard.
    pub connection: Connection,
}

/// How well a node hears its host, and is heard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Connection {
    /// From what the player holds down until a state came that has it, in the mean of the last eight or so: a round
    /// trip, and the wait for a tick. None before that, and of whoever only watches.
    pub lag: Option<Duration>,
    /// How many ticks were applied in this session.
    pub ticks: u64,
    /// How many never were, since a later one was there first: they got lost, or were overtaken.
    pub missed: u64,
}

impl<G: Game> View<G> {
    /// Of a node that has heard nothing yet.
    pub fn new(at: Instant, me: NodeId, name: Name, role: Role) -> Self {
        Self {
            at,
            me,
            key: None,
            name,
            role,
            ahead: None,
            status: Status::Browsing,
            failure: None,
            session: None,
            locked: false,
            sessions: Arc::from([]),
            host: None,
            term: None,
            members: Arc::from([]),
            spectators: 0,
            picture: None,
            handover: None,
            scores: Arc::default(),
            accounts: Arc::default(),
            chat: Arc::default(),
            pairing: None,
            friends: Arc::from([]),
            ledger: LedgerView::default(),
            wall: WallTime::default(),
            next_try: None,
            connection: Connection::default(),
        }
    }

    /// In how many seconds it tries again to reach somebody, for people: while it looks for its host, and if
    /// that is not in a moment anyway.
    pub fn tries_again_in(&self, now: Instant) -> Option<u64> {
        let looks = matches!(self.status, Status::Searching | Status::Interregnum);
        let pause = self.next_try.filter(|_| looks)?.since(now);
        (pause >= TRY_TOLD).then(|| (pause.as_millis() as u64).div_ceil(1_000))
    }
}

/// Where somebody stands who waits for a seat, in words that go on from "you watch, and".
pub fn place_in_line(ahead: usize) -> String {
    match ahead {
        0 => "are next".to_owned(),
        1 => "come in after one other".to_owned(),
        many => format!("come in after {many} others"),
    }
}

/// A next try that is nearer than this is not worth a word.
const TRY_TOLD: Duration = Duration::from_millis(900);

/// News of what people say to each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChatNews {
    /// A line has its place: it is told once, after those before it.
    Said {
        /// The line. What it says is known here.
        line: Arc<Line>,
        /// What whoever wrote it is called, if that is known.
        name: Option<String>,
        /// What the person is called that it is for, if it is for one whose name is known.
        to_name: Option<String>,
        /// It was said while its user was not there, on none of its machines.
        away: bool,
    },
    /// All that was said while its user was not there has come in. Told once in each session.
    WhileAway {
        /// How many lines, if any.
        lines: usize,
    },
    /// A line that was told, at this start or an earlier one, or that was said here, is taken back.
    Deleted {
        /// Which.
        id: EntryId,
    },
    /// What was to be said is written down, and on its way.
    Sent {
        /// The name of the line.
        id: EntryId,
        /// What it says.
        said: Said,
    },
    /// Whose lines are not shown from here on. To be kept by the driver, for the next start.
    Muted {
        /// All of them.
        muted: Arc<BTreeSet<NodeId>>,
    },
    /// What was to be said, or taken back, is not.
    NotSaid {
        /// What was to be said, if anything.
        said: Option<Said>,
        /// Why not.
        why: NotSaid,
    },
}

/// Why something is not said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSaid {
    /// Five lines at once, then one a second. So long it takes until the next.
    #[error("a little slower, please: five lines at once, then one a second")]
    TooFast(Duration),
    /// Nobody is known by that id, or it is nobody any more.
    #[error("nobody is known who could read that")]
    Nobody,
    /// There is no session yet, and enough waits for one.
    #[error("there is nobody here yet; some lines wait already")]
    Elsewhere,
    /// The ledger is full.
    #[error("the book of this session is full")]
    Full,
    /// Only whoever wrote a line takes it back.
    #[error("that line is not yours, or is gone already")]
    NotOwn,
    /// So many are muted as can be.
    #[error("so many people are muted that no more can be")]
    Muted,
}

/// What people have said, as it is to be shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChatView {
    /// The last lines, in the order that is the same for all; the own ones that are on their way last.
    pub lines: Arc<[ChatLine]>,
    /// Whether there are older ones, which [`Command::LookBack`] shows.
    pub more: bool,
    /// How many were said while its user was not there.
    pub missed: usize,
    /// The first of those.
    pub new_from: Option<EntryId>,
    /// Whose lines are not shown.
    pub muted: Arc<BTreeSet<NodeId>>,
}

/// A line, as it is to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatLine {
    /// The line.
    pub line: Arc<Line>,
    /// Of one of the last that were said here, how far it has come.
    pub sent: Option<Sent>,
}

/// How far a line has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// It is on its way to its place.
    OnItsWay,
    /// It has its place.
    Placed {
        /// On how many other machines' disks it is.
        machines: usize,
    },
}

/// The ledger of the session, as this node holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerView {
    /// How many entries it has.
    pub entries: usize,
    /// A number that is the same for equal ledgers.
    pub digest: u64,
    /// How safe all of it is.
    pub safety: Safety,
    /// Why nothing more is kept on this machine, if so.
    pub trouble: Option<Trouble>,
    /// How full it is.
    pub fullness: Fullness,
}

impl Default for LedgerView {
    /// Empty: nothing is in danger.
    fn default() -> Self {
        Self {
            entries: 0,
            digest: 0,
            safety: Safety::Shared,
            trouble: None,
            fullness: Fullness::Roomy,
        }
    }
}

/// The world to draw, as two pictures one tick apart and the time between them. What moves is to
/// be drawn in between, so that it flows at whatever rate the screen has.
///
/// What is drawn follows what is known, and is not it: the pictures are made by stepping and
/// [blending](Game::blend) what was shown before. Whoever counts, compares or decides reads
/// [`newest`](Picture::newest).
#[derive(Clone, Debug)]
pub struct Picture<G: Game> {
    /// The newest tick this node holds from the host.
    pub clock: Clock,
    /// The world shown at `at`.
    pub from: Arc<G::World>,
    /// The world to be shown one tick after `at`.
    pub to: Arc<G::World>,
    /// When `from` is to be shown.
    pub at: Instant,
    /// The state as the host has it at `clock`.
    pub(crate) newest: Arc<State<G::World>>,
}

impl<G: Game> Picture<G> {
    /// A picture of worlds of one's own, to try out what draws it: `from` is shown `at` that time, `to`
    /// one tick later, and `newest` is what the host has.
    pub fn new(
        clock: Clock,
        at: Instant,
        from: Arc<G::World>,
        to: Arc<G::World>,
        newest: G::World,
    ) -> Self {
        let newest = State { world: newest, seats: BTreeMap::new(), happened: 0 };
        Self { clock, from, to, at, newest: Arc::new(newest) }
    }

    /// The world as the host has it at `clock`: nothing in it is predicted, all of it is so.
    pub fn newest(&self) -> &G::World {
        &self.newest.world
    }

    /// The world to draw at `now`.
    pub fn shown(&self, now: Instant) -> G::World {
        let past = now.since(self.at).as_micros() as u64;
        let part = past * 65_536 / Rate::of::<G>().tick().as_micros() as u64;
        G::blend(&self.from, &self.to, part.min(65_535) as u16)
    }
}

/// A change of host, as this node saw it.
#[derive(Clone, Copy, Debug)]
pub struct Handover {
    /// Who reigned.
    pub from: NodeId,
    /// Who reigns.
    pub to: NodeId,
    /// From the last tick of the one to the first of the other, as applied here.
    pub gap: Duration,
    /// Why, as in [`Event::HostLost`]; none if this node heard of the new host before it missed the old
    /// one.
    pub reason: Option<Cause>,
    /// When it was over.
    pub at: Instant,
}

/// A session that was heard of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionView {
    /// Its name.
    pub name: SessionName,
    /// How many play in it.
    pub players: u32,
    /// Who hosts it, if known.
    pub host: Option<Name>,
    /// Whether it has the same rules and protocol: others cannot be joined.
    pub joinable: bool,
    /// Whether it wants a passphrase that this node does not have.
    pub locked: bool,
}

/// A player in the session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberView {
    /// The player's id, for as long as its profile lives.
    pub id: NodeId,
    /// What the player is called.
    pub name: Name,
    /// Nothing is heard of it.
    pub away: bool,
    /// Whether the person here has compared pictures with it; or with another one of its name.
    pub standing: Standing,
}

/// Two people who compare pictures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PairingView {
    /// With whom.
    pub peer: NodeId,
    /// What that one is called.
    pub name: Name,
    /// How far it has come.
    pub stage: Stage,
}
