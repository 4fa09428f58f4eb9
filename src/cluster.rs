//! Everything that makes a group of machines one cluster, as one machine without a game.
//!
//! [`Cluster`] puts the parts together and lets none of them know of another: what one reports is
//! fed to the next here, and nowhere else.
//!
//! | part | does |
//! |---|---|
//! | `hearing`, `sending` | what becomes of what others say; how what is said leaves |
//! | [`message`] | the whole protocol, on top of the [mesh]'s |
//! | [`coding`] | what is said, as bytes |
//! | [`election`] | who reigns |
//! | [`roster`], `publishing` | who is in, as the host publishes it; how it does, and whom spectators meet beforehand |
//! | `seating` | who finds no seat watches, and plays when it is given one |
//! | [`bars`], [`votes`], `excluding` | who may not come in any more, and how that comes about |
//! | `comparing` | two people compare pictures ([`pairing`](crate::pairing)) |
//! | [`relay`] | for whom this node stands between two that do not reach each other |
//! | [`tree`], [`through`], `branching` | how many watch: through whom, and how they come to that |
//! | [`reign`] | the word of a host that it reigns |
//! | [`proof`], `weighing` | what a host says of its worlds; what others say of them, and is refused |
//! | `introductions`, `reach` | who is heard of; who cannot be reached, and who lets a newcomer in instead |
//! | `carrying`, `remembering` | what goes with worlds of the [ledger](crate::ledger), and what comes of it |
//! | [`doubling`] | who gets packets twice, because single ones get lost |
//!
//! What the cluster has to know of the world is [`Newest`]: which state is held, and its bytes.

pub mod bars;
mod branching;
mod carrying;
pub mod coding;
mod comparing;
mod crowning;
pub mod doubling;
pub mod election;
mod excluding;
mod hearing;
mod introductions;
pub mod message;
mod minding;
pub mod proof;
mod publishing;
mod reach;
pub mod reign;
pub mod relay;
mod remembering;
pub mod roster;
mod seating;
mod sending;
pub mod through;
pub mod tree;
pub mod votes;
mod weighing;

pub use self::{excluding::Exclusion, reach::Unreachable};

use std::{
    collections::{BTreeSet, VecDeque},
    net::SocketAddr,
    time::Duration,
};

use rand_pcg::{Pcg64Mcg, rand_core::Rng};
use uuid::Uuid;

use self::{
    bars::Bars,
    carrying::Carrying,
    coding::{Encoded, SharedTick},
    doubling::Doubling,
    election::{Admission, Cause, Context, Election, Newest, Voter},
    message::{
        ControlsPacket, Member, Message, OrdersPacket, Packet, Payload, RelayPacket, TickPacket,
        WorldCopy,
    },
    proof::Proving,
    publishing::Publishing,
    reach::Reach,
    reign::ReignWord,
    relay::{Relay, Via},
    roster::{Changed, Roster},
    through::Through,
    tree::Tree,
    votes::Votes,
};
use crate::{
    accounts::Statement,
    config::{Config, DIAL_COSTS_BYTES, HEIR_MET_WITHIN, Mutant, SPECTATORS_COUNTED_EVERY, Tuning},
    game::{FactRules, Rate},
    io::{Effect, Wire},
    keys::{Chance, Lock, WorldDigest},
    ledger::{
        Fullness, Ledger,
        disk::Trouble,
        entry::{EntryId, SharedEntry, Writer},
        keeper::Keeper,
        page::SharedPage,
        vouching::Pen,
        witness::Safety,
    },
    mesh::{
        self, Acquaintance, Delivery, Mesh, Parting, Peer, Received, Way,
        discovery::Told,
        identity::Identity,
        message::{Beacon, Envelope, PROTOCOL},
    },
    pairing::{Pairing, Told as Compared},
    refusals::Refusals,
    text::{Name, SessionName},
    types::{Clock, Incarnation, Instant, NodeId, Role, SessionId, Term, Tick},
};

/// How often, and for how long, a missing member is sought at its last address.
const SEEK_MISSING: Duration = Duration::from_millis(100);
const SEEK_MISSING_FOR: Duration = Duration::from_secs(60);

/// How long nobody else is heard before the user is told why that may be.
const NOBODY_AFTER: Duration = Duration::from_secs(5);

/// How long a linked player waits for its place in the roster before it knows that there is none.
const SEATED_AFTER: Duration = Duration::from_secs(1);

/// How long a newcomer waits where a session of the same name is heard that it cannot look into, before it
/// founds one all the same: anybody can sound like a locked session.
const LOCKED_OUT: Duration = Duration::from_secs(3);

/// How long a node waits for its own disk to tell which session is to go on, before it founds another one: some take a
/// while to wake, and some never do.
const DISK_PATIENCE: Duration = Duration::from_secs(30);

/// How often the host brings the roster in line with its links.
const RECONCILE: Duration = Duration::from_millis(50);

/// The time between two rosters of a host that is asked for seats: of a crowd that comes in at once all are told
/// together. What somebody is shown the door by is told at once.
const ROSTER_PAUSE: Duration = Duration::from_millis(16);

/// What may be due, in the order in which it is done.
const DUE: [Due; 5] = [Due::Mesh, Due::Election, Due::Reconcile, Due::Through, Due::Look];

#[derive(Clone, Copy, Debug)]
enum Due {
    /// Links and beacons.
    Mesh,
    /// Whatever the election waits for.
    Election,
    /// The host brings the roster in line with its links.
    Reconcile,
    /// A relay hands nothing down any more.
    Through,
    /// A look at who is missing, and at what the user is to be told.
    Look,
}

/// One node's part in the cluster.
#[derive(Clone, Debug)]
pub struct Cluster {
    me: Identity,
    rate: Rate,
    /// [At](Tuning::at) that rate.
    tuning: Tuning,
    mesh: Mesh,
    election: Election,
    roster: Roster,
    bars: Bars,
    votes: Votes,
    pairing: Pairing,
    doubling: Doubling,
    carrying: Carrying,
    relay: Relay,
    reach: Reach,
    proving: Proving,
    refusals: Refusals,
    told: introductions::Told,
    keeper: Keeper,
    random: Pcg64Mcg,
    chance: Chance,
    /// Since when this node looks for its session.
    searching: Instant,
    told_locked: bool,
    told_open: bool,
    founds_beside_locked: bool,
    /// Machines that their accounts have struck off.
    struck: BTreeSet<NodeId>,
    /// Which session is played; while none was found: which one this machine played last.
    session_id: Option<SessionId>,
    handled: Option<Instant>,
    seek_at: Instant,
    reconcile_at: Instant,
    publishing: Publishing,
    /// Who comes after the host of a node that only watches, and from when on it is linked with that one.
    heir: Option<(NodeId, Instant)>,
    /// Who watches through whom, if this node hosts or may host, and when somebody was told last.
    tree: Tree,
    routes_told: Instant,
    /// Through whom this node watches, if it only watches, and from when on it is linked with whom it could turn to.
    through: Through,
    other_relay_at: Instant,
    company: Instant,
    told_nobody: bool,
    /// When this node was last in the roster, or had no reason to expect that.
    seated: Instant,
    /// When this node, which waits for a seat, last had a host.
    hosted: Instant,
    /// How many play, and how many are before this node, as it was told last.
    told_full: Option<(usize, usize)>,
    /// Whether the person here wants to play.
    wants_to_play: bool,
    out: VecDeque<Out>,
}

/// Somebody who is to get a host's ticks.
#[derive(Clone, Copy, Debug)]
pub struct Hearer {
    /// Who.
    pub id: NodeId,
    /// In which life.
    pub incarnation: Incarnation,
    /// It only watches.
    pub watches: bool,
    /// Others watch through it.
    pub hands_down: bool,
}

/// What comes out of the cluster.
#[derive(Clone, Debug)]
pub enum Out {
    /// To be done by the driver.
    Effect(Effect),
    /// To be told to the user.
    Notice(Notice),
    /// This node reigns from here on.
    Reign {
        /// The new term.
        term: Term,
        /// The one it carries on.
        ends: Option<Term>,
        /// The newest world among the answers, if not the own one.
        world: Option<WorldCopy>,
    },
    /// This node reigns on, in a higher term.
    Announce {
        /// The new term.
        term: Term,
        /// The one it ends.
        ends: Term,
    },
    /// This node follows a host, and reigns no more if it did.
    Follow {
        /// The reign.
        term: Term,
    },
    /// A tick of the host, to be applied.
    Tick {
        /// The tick.
        packet: TickPacket,
        /// Who passed it on, if it does not come from the host itself.
        by: Option<NodeId>,
    },
    /// The ledger of a session is open: all that counts in it follows.
    Opened,
    /// A fact counts.
    Counts(SharedEntry),
    /// A fact does not count any more.
    CountsNoMore(SharedEntry),
    /// All facts of a page count.
    PageCounts(SharedPage),
    /// All that counts is told anew.
    Redated,
    /// A line of chat is held from here on, or stands elsewhere than before, or is deleted.
    Said(EntryId),
    /// A client asks what the steps were told after this tick of the own reign.
    JournalWanted {
        /// The client.
        from: NodeId,
        /// The reign.
        term: Term,
        /// The tick.
        after: Tick,
    },
    /// The host that is followed says what its steps were told.
    Journal {
        /// Its reign.
        term: Term,
        /// What they were told.
        payload: Payload,
    },
    /// A client's controls, for the host that this node is.
    Controls {
        /// The client who holds this down.
        from: NodeId,
        /// In which of its lives.
        incarnation: Incarnation,
        /// The controls, numbered.
        packet: ControlsPacket,
        /// They came through a third node.
        relayed: bool,
    },
    /// A client's orders, for the host that this node is.
    Orders {
        /// The client who gives them.
        from: NodeId,
        /// In which of its lives.
        incarnation: Incarnation,
        /// The orders, numbered.
        packet: OrdersPacket,
    },
}

/// What the cluster tells the user.
#[derive(Clone, Debug)]
pub enum Notice {
    /// What this writer wrote up to this number is so safe.
    Safe(Writer, Safety, u64),
    /// Nothing more is kept on this machine.
    DiskFailed(Trouble),
    /// The ledger is that full.
    Filling(Fullness),
    /// A link is up.
    PeerUp(NodeId, Name),
    /// A link is gone, and why.
    PeerDown(NodeId, Parting),
    /// The host is lost.
    HostLost(Term, Cause),
    /// This node asks to reign.
    Election(Option<Term>),
    /// The roster changed.
    Roster,
    /// Nobody else was heard for a while.
    NobodyFound,
    /// Somebody of the session is heard, or was said to host it, and there is no way to it.
    Unreachable(Unreachable),
    /// This node's id was somebody else's too; it has a new one.
    NewIdentity(NodeId),
    /// The session has as many players as it takes, this many: this node watches, and so many come in before it.
    Full(usize, usize),
    /// This node has a seat, and plays.
    Seated,
    /// A session of this name wants another passphrase than this node has, or one at all.
    Locked(SessionName),
    /// A session of this name is heard that is open to everybody, and this node has a passphrase: they are
    /// two sessions.
    Open(SessionName),
    /// This node may not be in the session any more. It is to leave.
    Excluded(Exclusion),
    /// So many of those who are present want this host to go, and so many are needed.
    Votes(NodeId, usize, usize),
    /// The person here compares with this one, who is called so, or is asked to; or does no more.
    Pairing(NodeId, Name, Compared),
}

impl Cluster {
    /// On the title.
    pub fn new(
        now: Instant,
        config: &mut Config,
        rules: &'static str,
        rate: Rate,
        fact_rules: FactRules,
    ) -> Self {
        let id = config.key.public().id();
        let random = Pcg64Mcg::new(u128::from(config.seed) << 64 | id.as_u128() >> 64);
        let mut chance = Chance::new(config.chance);
        let tuning = config.tuning.clone().at(rate);
        let pen = Pen::new(config.key.clone(), config.incarnation);
        let watches = config.role == Role::Spectator;
        let kept = std::mem::take(&mut config.stored);
        let allowed = config.allowed.as_ref();
        let allowed = allowed.map(|keys| keys.iter().map(|key| key.id()).collect());
        let identity = Identity::new(config, rules, &mut chance);
        let mut mesh =
            Mesh::new(tuning.clone(), chance.split(), config.beacon_port, config.peers.clone());
        mesh.set_allowed(now, allowed);
        let pairing = Pairing::new(chance.split());
        Self {
            keeper: Keeper::new(now, config.wall, pen, watches, kept)
                .folds(fact_rules, tuning.folding)
                .believes_all(tuning.has(Mutant::UnsignedEntries))
                .allows(tuning.talk)
                .at(rate),
            me: identity,
            rate,
            mesh,
            election: Election::new(rate, tuning.clone(), id, config.incarnation),
            proving: Proving::new(rate, &mut chance),
            refusals: Refusals::default(),
            told: introductions::Told::default(),
            chance,
            searching: now,
            told_locked: false,
            told_open: false,
            founds_beside_locked: config.founds_beside_locked,
            struck: BTreeSet::new(),
            roster: Roster::default(),
            bars: Bars::default(),
            votes: Votes::default(),
            pairing,
            doubling: Doubling::new(rate),
            carrying: Carrying::default(),
            relay: Relay::default(),
            reach: Reach::default(),
            random,
            session_id: None,
            handled: None,
            seek_at: Instant::default(),
            reconcile_at: Instant::default(),
            publishing: Publishing::default(),
            heir: None,
            tree: Tree::default(),
            routes_told: Instant::default(),
            through: Through::default(),
            other_relay_at: Instant::default(),
            company: Instant::default(),
            told_nobody: false,
            seated: Instant::default(),
            hosted: Instant::default(),
            told_full: None,
            wants_to_play: config.role.wants_a_seat(),
            out: VecDeque::new(),
            tuning,
        }
    }

    /// Takes the next effect.
    pub fn poll(&mut self) -> Option<Out> {
        self.out.pop_front()
    }

    /// Who this node says it is.
    pub fn me(&self) -> &Identity {
        &self.me
    }

    /// The election, to look at.
    pub fn election(&self) -> &Election {
        &self.election
    }

    /// The ledger, with its disk and its peers, to look at.
    pub fn keeper(&self) -> &Keeper {
        &self.keeper
    }

    /// The ledger of the session.
    pub fn ledger(&self) -> &Ledger {
        self.keeper.ledger()
    }

    /// Who is in the session.
    pub fn members(&self) -> &[Member] {
        self.roster.members()
    }

    /// When somebody is dialled next that this node has no link with, and wants one.
    pub fn next_try(&self) -> Option<Instant> {
        self.mesh.next_try(&self.me)
    }

    /// How many watch.
    pub fn spectators(&self) -> u32 {
        self.roster.published().map_or(0, |roster| roster.spectators)
    }

    /// Those of them who wait for a seat, first whoever is to get the next one.
    pub fn waiting(&self) -> &[NodeId] {
        self.roster.waiting()
    }

    /// How many come in before this node, if it waits for a seat.
    pub fn ahead(&self) -> Option<usize> {
        (self.me.role == Role::Waiting).then(|| self.roster.ahead_of(self.me.id))
    }

    /// The version of the roster.
    pub fn roster_version(&self) -> u64 {
        self.roster.published().map_or(0, |roster| roster.version)
    }

    /// The locked sessions heard of lately that this node cannot look into.
    pub fn locked(&self, now: Instant) -> impl Iterator<Item = &Envelope> {
        self.mesh.locked(now)
    }

    /// Whether there is a link with this peer, to look at.
    pub fn is_linked_with(&self, peer: NodeId) -> bool {
        self.mesh.peer(peer).is_some_and(Peer::is_linked)
    }

    /// From here on what this node seals can be [read](Cluster::read) here.
    pub fn stay_legible(&mut self) {
        self.mesh.stay_legible();
    }

    /// What this node sealed so a while ago: its kind, and what follows.
    pub fn read(&self, sealed: &[u8]) -> Option<&[u8]> {
        self.mesh.read(sealed)
    }

    /// Says to a peer what this node would not say: to try out what becomes of that.
    pub fn utter(&mut self, now: Instant, to: NodeId, delivery: Delivery, kind: u8, body: &[u8]) {
        self.mesh.send(now, to, delivery, (kind, body));
    }

    /// What was announced lately.
    pub fn announced(&self, now: Instant) -> impl Iterator<Item = &Beacon> {
        self.mesh.announcements(now).map(|heard| &*heard.beacon)
    }

    /// Until when this node, having slept, must not act yet.
    pub fn awake_at(&self, now: Instant) -> Option<Instant> {
        self.election.awake_at(now)
    }

    /// Whom a host sends its ticks: whoever was heard lately, member or not. That is how two halves of a healed network
    /// notice each other. So does whoever was heard of: a newcomer may have to reign over members that it knows from the
    /// roster alone.
    pub fn audience(&self, now: Instant) -> impl Iterator<Item = Hearer> {
        let lately = self.rate.span(relay::WATCHER_SERVED).max(self.tuning.lively());
        self.mesh
            .peers()
            .filter(|(id, peer)| peer.role.plays() || !self.tree.watches_through(*id))
            .filter(move |(_, peer)| now.since(peer.heard.max(peer.met)) <= lately * peer.calm())
            .filter(|(_, peer)| peer.is_linked() || peer.role.plays())
            .map(|(id, peer)| Hearer {
                id,
                incarnation: peer.incarnation,
                hands_down: self.tree.is_relay(id),
                watches: !peer.role.plays(),
            })
    }

    /// These machines were struck off by their accounts, and no others: they are not let in from here on.
    /// Whoever of them plays has no seat any more, and should one of them be the host, it is none here.
    pub fn strike_off(&mut self, now: Instant, struck: BTreeSet<NodeId>, newest: &dyn Newest) {
        if self.tuning.has(Mutant::LetsStruckIn) {
            return;
        }
        let fresh: Vec<NodeId> = struck.difference(&self.struck).copied().collect();
        self.struck = struck;
        self.bar_all(now);
        self.pump(now, newest);
        let mut changed = false;
        for id in fresh {
            changed |= self.roster.remove(id);
        }
        if changed && self.election.reign().is_some() {
            self.publish_roster(now);
        }
        self.pump(now, newest);
    }

    /// These accounts, of those that are listed, have struck off these machines.
    pub fn listed_struck_off(&mut self, now: Instant, struck: BTreeSet<(NodeId, NodeId)>) {
        if !self.tuning.has(Mutant::LetsStruckIn) {
            self.mesh.set_struck(now, struck);
        }
    }

    /// This node speaks for the account that says this from here on.
    pub fn speak_for(&mut self, statements: &[Statement]) {
        self.me.speak_for(statements);
    }

    /// Whether somebody is not let in here.
    pub fn is_barred(&self, id: NodeId) -> bool {
        self.mesh.refuses(id).is_some()
    }

    /// Is called something else.
    pub fn rename(&mut self, name: Name) {
        self.me.name = name;
    }

    /// Looks for a session, which wants this passphrase or none.
    pub fn play(&mut self, now: Instant, session: SessionName, lock: Option<Lock>) {
        self.me.lock = lock;
        self.searching = now;
        self.told_locked = false;
        self.told_open = false;
        self.session_id = self.keeper.last_session(&session);
        if let Some(id) = self.session_id {
            self.open_ledger(now, id);
        }
        self.me.session = Some(session);
        self.mesh.unlock(&self.me);
        self.mesh.stir();
        self.company = now;
        self.told_nobody = false;
        self.reach = Reach::default();
        match self.wants_to_play {
            true => {
                self.become_player(now);
                self.election.seek(now, self.tuning.discovery);
            }
            false => self.election.watch(now),
        }
        let known = self.mesh.announcements(now).map(|heard| (heard.beacon.clone(), heard.from));
        for (beacon, from) in known.collect::<Vec<_>>() {
            self.take_beacon(now, &beacon, from, 2 * DIAL_COSTS_BYTES as usize);
        }
    }

    /// Leaves the session politely, and stays on the title.
    pub fn leave(&mut self, now: Instant, newest: &dyn Newest) {
        self.elect(now, newest, |election, cx| election.abdicate(now, cx));
        self.pump(now, newest);
        self.leave_pairing(now);
        self.send_to_all(now, &Message::Bye, None);
        self.mesh.clear();
        self.roster.clear();
        self.through.forget();
        self.tree = Tree::default();
        self.pardon_all(now);
        self.session_id = None;
        self.me.session = None;
        self.me.lock = None;
        if self.wants_to_play {
            self.become_player(now);
        }
        self.election.rest();
        self.keeper.follows();
        self.keeper.flush();
        self.keeper.part_all();
        self.pump(now, newest);
        self.keeper.open(now, SessionId::default());
        self.tell(now);
        self.pump(now, newest);
    }

    /// Feeds one thing that happened. `due` is when the node was to be woken at the latest.
    pub fn handle(&mut self, now: Instant, due: Instant, wire: Wire, newest: &dyn Newest) {
        self.wake(now, due);
        match wire {
            Wire::Timeout => self.timeout(now, newest),
            Wire::Interfaces(interfaces) => {
                let own = interfaces.iter().map(|interface| interface.ip.into());
                self.keeper.set_own_addresses(own);
                self.mesh.interfaces(now, interfaces);
            }
            Wire::Woke(wall) => {
                self.keeper.wall(now, wall);
                if self.playing() {
                    self.election.slept(now, Duration::ZERO);
                }
            }
            Wire::Read(stored) => self.disk_was_read(now, *stored),
            Wire::Persisted(report) => self.keeper.report(&report),
            Wire::Took(_) => {}
            wire => self.mesh.handle(now, &self.me, wire),
        }
        self.pump(now, newest);
    }

    /// When [`Wire::Timeout`] has something to do.
    pub fn next_timeout(&self) -> Instant {
        let due = DUE.into_iter().filter_map(|due| self.due_at(due));
        due.fold(Instant::NEVER, Instant::min)
    }

    fn due_at(&self, due: Due) -> Option<Instant> {
        match due {
            Due::Mesh => Some(self.mesh.next_timeout()),
            Due::Election => self.election.next_timeout(),
            Due::Reconcile => {
                let due = self.reconcile_at.min(self.publishing.due_at()).min(self.routes_due());
                self.election.reign().map(|_| due)
            }
            Due::Through => self.playing().then(|| self.through.due_at(self.rate)),
            Due::Look => self.playing().then_some(self.seek_at),
        }
    }

    /// Hands on what the calls above have caused.
    pub fn flush(&mut self, now: Instant, newest: &dyn Newest) {
        self.pump(now, newest);
    }

    fn playing(&self) -> bool {
        self.me.session.is_some()
    }

    /// Notices that this node has slept, or at least come late.
    fn wake(&mut self, now: Instant, due: Instant) {
        if let Some(before) = self.handled.replace(now)
            && self.playing()
            && !self.tuning.has(Mutant::NoSelfCheck)
        {
            let gap = now.since(before);
            if gap > self.tuning.asleep {
                self.election.slept(now, gap);
                self.mesh.slept(gap);
            } else {
                let late = now.since(due.max(before));
                self.election.overslept(late);
                self.through.overslept(late);
            }
        }
    }

    fn timeout(&mut self, now: Instant, newest: &dyn Newest) {
        for due in DUE {
            if self.due_at(due).is_some_and(|at| at <= now) {
                self.act(now, newest, due);
                self.pump(now, newest);
            }
        }
        self.tell(now);
    }

    fn act(&mut self, now: Instant, newest: &dyn Newest, due: Due) {
        match due {
            Due::Mesh => self.mesh.timeout(now, &self.me),
            Due::Election => self.elect(now, newest, |election, cx| election.timeout(now, cx)),
            Due::Reconcile if now < self.reconcile_at && !self.publishing.may_tell(now) => {
                self.tell_watchers(now);
                self.grow_tree(now);
            }
            Due::Reconcile => {
                self.reconcile_at = now + RECONCILE;
                self.reconcile(now);
                self.grow_tree(now);
            }
            Due::Through => self.mind_through(now, newest),
            Due::Look => {
                self.seek_at = now + SEEK_MISSING;
                self.mind_bars(now);
                self.mind_pairing(now);
                self.seek_missing(now);
                self.mind_company(now);
                self.mind_lock(now);
                self.mind_reach(now);
                self.mind_seat(now);
                self.mind_name();
                self.mind_heir(now);
                self.mind_through(now, newest);
            }
        }
    }

    fn tell(&mut self, now: Instant) {
        let term = self.election.reign().or(self.election.following());
        let host = term.and_then(|term| self.roster.member(term.host));
        let told = Told {
            session_id: self.session_id.filter(|_| self.playing()),
            session: self.me.session.clone(),
            term,
            host_name: host.map(|member| member.name.clone()),
            host_at: term.and_then(|term| self.mesh.peer(term.host)?.address()),
            players: self.roster.members().iter().filter(|member| !member.away).count() as u32,
            name: self.me.name.clone(),
            role: self.me.role,
            ask: self.playing() && term.is_none() || self.handled.is_none(),
            lacks: self.lacks_somebody(),
        };
        self.mesh.announce(now, &self.me, told);
    }

    /// Whether somebody is missing of those who play.
    fn lacks_somebody(&self) -> bool {
        let mut others = self.roster.members().iter().filter(|member| member.id != self.me.id);
        others.any(|member| {
            let linked = self.mesh.peer(member.id).is_some_and(Peer::is_linked);
            member.away || !linked && self.me.role.plays()
        }) || self.mesh.lacks_named()
    }

    fn clash(&mut self, now: Instant, other: Incarnation) {
        if self.me.incarnation <= other {
            return;
        }
        self.leave_pairing(now);
        self.me.become_another(&mut self.chance);
        let id = self.me.id;
        self.keeper.write_with(now, Pen::new(self.me.key.clone(), self.me.incarnation));
        self.mesh.clear();
        self.keeper.part_all();
        self.roster.clear();
        self.through.forget();
        self.tree = Tree::default();
        self.election = Election::new(self.rate, self.tuning.clone(), id, self.me.incarnation);
        if let Some(session) = self.me.session.clone() {
            self.play(now, session, self.me.lock.clone());
        }
        self.out.push_back(Out::Notice(Notice::NewIdentity(id)));
    }

    /// Lets the election act, and what it decides take effect at once.
    fn elect<T>(
        &mut self,
        now: Instant,
        newest: &dyn Newest,
        act: impl FnOnce(&mut Election, &Context<'_>) -> T,
    ) -> T {
        let voters = || self::voters(now, &self.tuning, &self.mesh, &self.roster);
        let seeking = self.playing() && self.election.promised().is_none();
        let patient = !self.founds_beside_locked || now.since(self.searching) < LOCKED_OUT;
        let locked_out = patient && self.is_locked_out(now);
        let reads = self.keeper.is_reading() && now.since(self.searching) < DISK_PATIENCE;
        let held_back = seeking && (locked_out || reads || self.is_host_to_come(now));
        let steady = self.roster.is_steady(self.me.id);
        let acted =
            act(&mut self.election, &Context { voters: &voters, steady, newest, held_back });
        self.drain_election(now);
        acted
    }

    /// Lets each part hear what the others have reported, until nobody has anything to say.
    fn pump(&mut self, now: Instant, newest: &dyn Newest) {
        loop {
            self.drain_election(now);
            self.drain_keeper(now);
            let Some(out) = self.mesh.poll() else { return };
            match out {
                mesh::Out::Effect(effect) => self.out.push_back(Out::Effect(effect)),
                mesh::Out::Up { peer, renewed } => {
                    if !renewed && let Some(known) = self.mesh.peer(peer) {
                        let notice = Notice::PeerUp(peer, known.name.clone());
                        self.out.push_back(Out::Notice(notice));
                    }
                    let watches = self
                        .mesh
                        .peer(peer)
                        .is_some_and(|peer| !peer.role.plays() && self.me.role.plays());
                    self.keeper.link_is_up(now, peer, watches);
                    if !renewed {
                        self.readmit(now);
                    }
                    self.give_token(now, peer);
                    self.keep_to_host(now);
                    self.tree.stir();
                    self.through.unsaid(peer);
                    self.mind_through(now, newest);
                    if self.election.reign().is_some() {
                        self.tell_newcomer(now, peer);
                    }
                    if !renewed {
                        self.hear_again(now, peer);
                        self.introduce_host(peer);
                    }
                    self.pass_votes(now, peer);
                }
                mesh::Out::Down { peer, reason } => {
                    self.keeper.part(peer);
                    self.pairing_parts(now, peer);
                    self.tree.gone(peer);
                    self.mind_through(now, newest);
                    self.out.push_back(Out::Notice(Notice::PeerDown(peer, reason)));
                    if matches!(reason, Parting::Closed | Parting::Left) {
                        self.mesh.forget_announcement(peer);
                    }
                    if reason != Parting::Silent {
                        self.elect(now, newest, |election, cx| {
                            election.link_closed(now, cx, peer);
                        });
                    }
                }
                mesh::Out::Received(received) => self.received(now, newest, received),
                mesh::Out::Beacon { beacon, from, paid } => self.beacon(now, &beacon, from, paid),
                mesh::Out::Clash { incarnation } => self.clash(now, incarnation),
                mesh::Out::Refused { refusal, from, by } => {
                    tracing::debug!(%from, ?refusal, "a link was refused");
                    self.turned_away(now, refusal, by);
                }
            }
        }
    }
}

/// Who could vote, without this node.
fn voters(now: Instant, tuning: &Tuning, mesh: &Mesh, roster: &Roster) -> Vec<Voter> {
    let members = roster.members();
    let votes = |id: NodeId| members.is_empty() || members.iter().any(|member| member.id == id);
    mesh.peers()
        .filter(|(id, peer)| peer.role.plays() && votes(*id))
        .map(|(id, peer)| Voter {
            id,
            heard: peer.heard,
            linked: peer.is_linked(),
            estranged: peer.is_estranged(now, tuning.heard),
            steady: roster.is_steady(id),
        })
        .collect()
}
