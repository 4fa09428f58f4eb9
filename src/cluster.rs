//! Everything that makes a group of machines one cluster, as one machine without a game.
//!
//! [`Cluster`] puts the parts together and lets none of them know of another: what one reports is
//! fed to the next here, and nowhere else.
//!
//! | part | does |
//! |---|---|
//! | [`message`] | the whole protocol, on top of the [mesh]'s |
//! | [`coding`] | what is said, as bytes |
//! | [`election`] | who reigns |
//! | [`roster`] | who is in, as the host publishes it |
//! | [`relay`] | for whom this node stands between two that do not reach each other |
//! | `introductions`, `reach` | who is heard of; who cannot be reached, and who lets a newcomer in instead |
//! | `carrying`, `remembering` | what goes with worlds of the [ledger](crate::ledger), and what comes of it |
//! | [`doubling`] | who gets packets twice, because single ones get lost |
//!
//! What the cluster has to know of the world is [`Newest`]: which state is held, and its bytes.

mod carrying;
pub mod coding;
pub mod doubling;
pub mod election;
mod introductions;
pub mod message;
mod reach;
pub mod relay;
mod remembering;
pub mod roster;

pub use self::reach::Unreachable;

use std::{collections::VecDeque, net::SocketAddr, time::Duration};

use rand_pcg::{Pcg64Mcg, rand_core::Rng};
use uuid::Uuid;

use self::{
    carrying::Carrying,
    coding::{Encoded, SharedTick},
    doubling::Doubling,
    election::{Admission, Cause, Context, Election, Newest, Voter},
    message::{
        ControlsPacket, Member, Message, Packet, Payload, RelayPacket, TickPacket, WorldCopy,
    },
    reach::Reach,
    relay::{Relay, Via},
    roster::Roster,
};
use crate::{
    config::{Config, Mutant, Tuning},
    game::Summing,
    io::{Effect, Wire},
    ledger::{
        Fullness, Ledger,
        disk::Trouble,
        entry::{SharedEntry, Writer},
        keeper::Keeper,
        page::SharedPage,
        witness::Safety,
    },
    mesh::{
        self, Acquaintance, Delivery, Mesh, Parting, Peer, Received, Way, discovery::Told,
        identity::Identity, message::Beacon,
    },
    text::{Name, SessionName},
    types::{Clock, Incarnation, Instant, NodeId, Role, SessionId, Term, Tick},
};

/// Whoever was heard within this time gets the host's ticks, member or not: that is how two halves
/// of a healed network notice each other. So does whoever was heard of: a newcomer may have to reign
/// over members that it knows from the roster alone.
const AUDIENCE: Duration = Duration::from_secs(1);

/// How often, and for how long, a missing member is sought at its last address.
const SEEK_MISSING: Duration = Duration::from_millis(100);
const SEEK_MISSING_FOR: Duration = Duration::from_secs(60);

/// How long nobody else is heard before the user is told why that may be.
const NOBODY_AFTER: Duration = Duration::from_secs(5);

/// How long a linked player waits for its place in the roster before it knows that there is none.
const SEATED_AFTER: Duration = Duration::from_secs(1);

/// How often the host brings the roster in line with its links.
const RECONCILE: Duration = Duration::from_millis(50);

/// What may be due, in the order in which it is done.
const DUE: [Due; 4] = [Due::Mesh, Due::Election, Due::Reconcile, Due::Look];

#[derive(Clone, Copy, Debug)]
enum Due {
    /// Links and beacons.
    Mesh,
    /// Whatever the election waits for.
    Election,
    /// The host brings the roster in line with its links.
    Reconcile,
    /// A look at who is missing, and at what the user is to be told.
    Look,
}

/// One node's part in the cluster.
#[derive(Debug)]
pub struct Cluster {
    me: Identity,
    tuning: Tuning,
    mesh: Mesh,
    election: Election,
    roster: Roster,
    doubling: Doubling,
    carrying: Carrying,
    relay: Relay,
    reach: Reach,
    keeper: Keeper,
    random: Pcg64Mcg,
    /// Which session is played; while none was found: which one this machine played last.
    session_id: Option<SessionId>,
    handled: Option<Instant>,
    seek_at: Instant,
    reconcile_at: Instant,
    company: Instant,
    told_nobody: bool,
    /// When this node was last in the roster, or had no reason to expect that.
    seated: Instant,
    told_full: bool,
    out: VecDeque<Out>,
}

/// What comes out of the cluster.
#[derive(Debug)]
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
    Tick(TickPacket),
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
    /// A client's controls, for the host that this node is.
    Controls {
        /// Whose.
        from: NodeId,
        /// In which of its lives.
        incarnation: Incarnation,
        /// What.
        packet: ControlsPacket,
        /// They came through a third node.
        relayed: bool,
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
    /// The session has as many players as it takes: this node sees the game, and is not in it.
    Full(usize),
}

impl Cluster {
    /// On the title.
    pub fn new(now: Instant, config: &mut Config, rules: &'static str, summing: Summing) -> Self {
        let mut random = Pcg64Mcg::new(u128::from(config.seed) << 64 | config.id.as_u128() >> 64);
        let tuning = config.tuning.clone();
        let me = Writer { node: config.id, incarnation: config.incarnation };
        let watches = config.role == Role::Spectator;
        let kept = std::mem::take(&mut config.kept);
        Self {
            keeper: Keeper::new(now, config.wall, me, watches, kept).folds(summing, tuning.folding),
            me: Identity::new(config, rules),
            mesh: Mesh::new(
                tuning.clone(),
                random.next_u64(),
                config.beacon_port,
                config.peers.clone(),
            ),
            election: Election::new(tuning.clone(), config.id, config.incarnation),
            roster: Roster::default(),
            doubling: Doubling::default(),
            carrying: Carrying::default(),
            relay: Relay::default(),
            reach: Reach::default(),
            random,
            session_id: None,
            handled: None,
            seek_at: Instant::default(),
            reconcile_at: Instant::default(),
            company: Instant::default(),
            told_nobody: false,
            seated: Instant::default(),
            told_full: false,
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

    /// How many watch.
    pub fn spectators(&self) -> u32 {
        self.roster.published().map_or(0, |roster| roster.spectators)
    }

    /// The version of the roster.
    pub fn roster_version(&self) -> u64 {
        self.roster.published().map_or(0, |roster| roster.version)
    }

    /// What was announced lately.
    pub fn announced(&self, now: Instant) -> impl Iterator<Item = &Beacon> {
        self.mesh.announcements(now).map(|heard| &*heard.beacon)
    }

    /// Until when this node, having slept, must not act yet.
    pub fn awake_at(&self, now: Instant) -> Option<Instant> {
        self.election.awake_at(now)
    }

    /// Whom a host sends its ticks: whoever was heard lately.
    pub fn audience(&self, now: Instant) -> Vec<(NodeId, Incarnation)> {
        self.mesh
            .peers()
            .filter(|(_, peer)| now.since(peer.heard.max(peer.met)) <= AUDIENCE)
            .filter(|(_, peer)| peer.is_linked() || peer.role == Role::Player)
            .map(|(id, peer)| (id, peer.incarnation))
            .collect()
    }

    /// Is called something else.
    pub fn rename(&mut self, name: Name) {
        self.me.name = name;
    }

    /// Looks for a session.
    pub fn play(&mut self, now: Instant, session: SessionName) {
        self.session_id = self.keeper.last_session(&session);
        if let Some(id) = self.session_id {
            self.open_ledger(now, id);
        }
        self.me.session = Some(session);
        self.mesh.stir();
        self.company = now;
        self.told_nobody = false;
        self.reach = Reach::default();
        match self.me.role {
            Role::Player => self.election.seek(now, self.tuning.discovery),
            Role::Spectator => self.election.watch(now),
        }
        let known = self.mesh.announcements(now).map(|heard| (heard.beacon.clone(), heard.from));
        for (beacon, from) in known.collect::<Vec<_>>() {
            self.meet(now, &beacon, from);
        }
    }

    /// Leaves the session politely, and stays on the title.
    pub fn leave(&mut self, now: Instant, newest: &dyn Newest) {
        self.elect(now, newest, |election, cx| election.abdicate(now, cx));
        self.pump(now, newest);
        self.send_to_all(now, &Message::Bye, None);
        self.mesh.clear();
        self.roster.clear();
        self.session_id = None;
        self.me.session = None;
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
            Wire::Persisted(report) => self.keeper.report(&report),
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
            Due::Reconcile => self.election.reign().map(|_| self.reconcile_at),
            Due::Look => self.playing().then_some(self.seek_at),
        }
    }

    /// Sends one tick to all who hold the same: of each receiver, the number of its last controls that
    /// were heard. `held` is the tick of the state that they hold, if it leads to this one. A state too
    /// large for a datagram goes over the link, with a small packet beside it that says the host lives.
    pub fn send_tick(
        &mut self,
        now: Instant,
        mut tick: TickPacket,
        held: Option<Tick>,
        to: &[(NodeId, u64)],
    ) {
        tick.carried = self.carried_since(tick.term, held);
        let shared = SharedTick::new(&tick);
        for (to, heard) in to {
            let delivery = match self.doubling.wants(now, *to) {
                true => Delivery::Twice,
                false => Delivery::Datagram,
            };
            let way = match &shared {
                Some(shared) => self.deliver(now, *to, delivery, &shared.to(*heard)),
                None => {
                    tick.heard = *heard;
                    self.send(now, *to, delivery, &Message::Packet(Packet::Tick(tick.clone())))
                }
            };
            if way != Some(Way::Datagram) {
                let sign = TickPacket { heard: *heard, carried: None, state: None, ..tick };
                self.send(now, *to, delivery, &Message::Packet(Packet::Tick(sign)));
            }
        }
    }

    /// Sends the host of `term` what the own player holds down: `list` ends with number `number`.
    /// `holds` is the state that the next tick may refer to.
    pub fn send_controls(
        &mut self,
        now: Instant,
        term: Term,
        holds: Option<Clock>,
        number: u64,
        list: Payload,
    ) {
        self.election.sent(number);
        let lossy = self.doubling.is_lossy(now);
        let packet = Packet::Controls(ControlsPacket { term, holds, number, lossy, list });
        if let Some(relay) = self.election.relay(now) {
            self.send_through(now, relay, term.host, packet.clone());
        }
        let delivery = if lossy { Delivery::Twice } else { Delivery::Datagram };
        self.send(now, term.host, delivery, &Message::Packet(packet));
    }

    /// Those for whom this node passes on the ticks of the host it follows, and what they hold.
    pub fn relayed(&self, now: Instant) -> Vec<(NodeId, Option<Clock>)> {
        self.relay.clients(now).collect()
    }

    /// Passes a tick of the host on, and says how many nodes it has come through.
    /// The receiver holds the state of tick `held`, if that leads to this one.
    pub fn pass_tick(
        &mut self,
        now: Instant,
        to: NodeId,
        mut tick: TickPacket,
        held: Option<Tick>,
    ) {
        let hops = relay::HOPS_MAX.saturating_sub(self.election.distance(now));
        if hops == 0 || self.election.relay(now) == Some(to) {
            return; // it has come too far, or from there
        }
        tick.carried = self.carried_since(tick.term, held);
        let (from, incarnation) = (tick.term.host, tick.term.incarnation);
        let packet = Box::new(Packet::Tick(tick));
        let relay = RelayPacket { from, incarnation, to, hops, packet };
        self.send_packet(now, to, Packet::Relay(relay));
    }

    /// Sends `to` something by way of `relay`.
    fn send_through(&mut self, now: Instant, relay: NodeId, to: NodeId, packet: Packet) {
        let packet = Packet::Relay(RelayPacket {
            from: self.me.id,
            incarnation: self.me.incarnation,
            to,
            hops: relay::HOPS_MAX,
            packet: Box::new(packet),
        });
        self.send_packet(now, relay, packet);
    }

    /// Sends what stands for itself.
    fn send_packet(&mut self, now: Instant, to: NodeId, packet: Packet) {
        self.send(now, to, Delivery::Datagram, &Message::Packet(packet));
    }

    /// Says something to one peer.
    fn send(
        &mut self,
        now: Instant,
        to: NodeId,
        delivery: Delivery,
        message: &Message,
    ) -> Option<Way> {
        let said = coding::encode(message)?;
        self.deliver(now, to, delivery, &said)
    }

    /// Says something to all who are linked, but for `except`.
    fn send_to_all(&mut self, now: Instant, message: &Message, except: Option<NodeId>) {
        let Some(said) = coding::encode(message) else { return };
        let linked = self.mesh.peers().filter(|(_, peer)| peer.is_linked()).map(|(id, _)| id);
        for peer in linked.filter(|id| Some(*id) != except).collect::<Vec<_>>() {
            self.deliver(now, peer, Delivery::Link, &said);
        }
    }

    fn deliver(
        &mut self,
        now: Instant,
        to: NodeId,
        delivery: Delivery,
        (kind, body): &Encoded,
    ) -> Option<Way> {
        self.mesh.send(now, &self.me, to, delivery, (*kind, body))
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
                self.election.overslept(now.since(due.max(before)));
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
            Due::Reconcile => {
                self.reconcile_at = now + RECONCILE;
                self.reconcile(now);
            }
            Due::Look => {
                self.seek_at = now + SEEK_MISSING;
                self.seek_missing(now);
                self.mind_company(now);
                self.mind_reach(now);
                self.mind_seat(now);
                self.mind_name();
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
            ask: self.playing() && term.is_none() || self.handled.is_none(),
        };
        self.mesh.announce(now, &self.me, told);
    }

    fn mind_company(&mut self, now: Instant) {
        if self.mesh.peers().any(|(_, peer)| now.since(peer.heard) < NOBODY_AFTER) {
            self.company = now;
            self.told_nobody = false;
        } else if !self.told_nobody && now.since(self.company) >= NOBODY_AFTER {
            self.told_nobody = true;
            self.out.push_back(Out::Notice(Notice::NobodyFound));
        }
    }

    fn mind_seat(&mut self, now: Instant) {
        let host = self.election.following().map(|term| term.host);
        let linked = host.and_then(|host| self.mesh.peer(host)).is_some_and(Peer::is_linked);
        let reaches = linked || self.election.relay(now).is_some();
        let waits = reaches && self.me.role == Role::Player && self.roster.published().is_some();
        if !waits || self.roster.member(self.me.id).is_some() {
            self.seated = now;
            self.told_full = false;
        } else if !self.told_full && now.since(self.seated) >= SEATED_AFTER {
            self.told_full = true;
            self.out.push_back(Out::Notice(Notice::Full(self.roster.members().len())));
        }
    }

    /// This node is called otherwise than its host says: the host does not hear the beacons that say
    /// so, and is told itself until it does.
    fn mind_name(&mut self) {
        let host = self.election.following().and_then(|term| self.mesh.peer(term.host));
        let mine = self.roster.member(self.me.id);
        if mine.is_some_and(|member| member.name != self.me.name)
            && let Some(to) = host.and_then(|host| host.udp)
        {
            self.mesh.announce_to(&self.me, to);
        }
    }

    fn clash(&mut self, now: Instant, other: Incarnation) {
        if self.me.incarnation <= other {
            return;
        }
        let id = NodeId::from_u128(
            u128::from(self.random.next_u64()) << 64 | u128::from(self.random.next_u64()),
        );
        self.me.id = id;
        self.keeper.write_as(now, Writer { node: id, incarnation: self.me.incarnation });
        self.mesh.clear();
        self.keeper.part_all();
        self.roster.clear();
        self.election = Election::new(self.tuning.clone(), id, self.me.incarnation);
        if let Some(session) = self.me.session.clone() {
            self.play(now, session);
        }
        self.out.push_back(Out::Notice(Notice::NewIdentity(id)));
    }

    /// The one place where what came, whichever way, becomes a message.
    fn received(&mut self, now: Instant, newest: &dyn Newest, received: Received) {
        let Received { peer, way, kind, body } = received;
        let Some(life) = self.mesh.peer(peer).map(|known| (peer, known.incarnation)) else {
            return;
        };
        match coding::decode(kind, body, life, (self.me.id, self.me.incarnation)) {
            Ok(message) => self.message(now, newest, peer, message),
            Err(_) => self.mesh.reject(now, way),
        }
    }

    /// Something that `from` says, itself or by way of `via`.
    fn packet(
        &mut self,
        now: Instant,
        newest: &dyn Newest,
        from: NodeId,
        packet: Packet,
        via: Option<Via>,
    ) {
        let Some(peer) = self.mesh.peer(from) else {
            return;
        };
        let incarnation = peer.incarnation;
        let votes = peer.role == Role::Player && self.me.role == Role::Player;
        match packet {
            Packet::Tick(tick) => {
                if tick.term.host != from || tick.term.incarnation != incarnation {
                    return;
                }
                if via.is_none() {
                    self.doubling.saw(now, Clock { term: tick.term, tick: tick.tick });
                }
                let admission =
                    self.elect(now, newest, |election, cx| election.tick(now, cx, &tick, via));
                if admission == Admission::Apply && tick.state.is_some() {
                    self.hand_on(tick);
                }
            }
            Packet::Controls(packet) => {
                self.doubling.told(now, from, packet.lossy && peer.role == Role::Player);
                let role = peer.role;
                if self.elect(now, newest, |election, _| {
                    election.controls(now, from, packet.term, role)
                }) {
                    let relayed = via.is_some();
                    self.out.push_back(Out::Controls { from, incarnation, packet, relayed });
                }
            }
            Packet::Relay(relay) => self.pass_on(now, newest, from, relay),
            packet if votes => {
                if let Packet::Rival { term } | Packet::Stale { promised: term, .. } = packet {
                    self.hear_of_host(now, term);
                }
                self.elect(now, newest, |election, cx| {
                    election.packet(now, cx, from, packet, via.map(|via| via.by));
                });
            }
            _ => {}
        }
    }

    /// Something came that goes, or went, through a third node.
    fn pass_on(&mut self, now: Instant, newest: &dyn Newest, by: NodeId, mut relay: RelayPacket) {
        if let (Packet::Knock(knock), true) = (&*relay.packet, relay.to == self.me.id) {
            return self.let_in(now, relay.from, relay.incarnation, knock);
        }
        let author = self.mesh.peer(relay.from).map(|peer| peer.incarnation);
        if author != Some(relay.incarnation) || matches!(*relay.packet, Packet::Relay(_)) {
            return;
        }
        if relay.to == self.me.id {
            if relay.from != self.me.id {
                self.mesh.heard_of(now, relay.from);
                let far = relay::HOPS_MAX.saturating_sub(relay.hops).saturating_add(1);
                self.packet(now, newest, relay.from, *relay.packet, Some(Via { by, far }));
            }
            return;
        }
        let Some(hops) = relay.hops.checked_sub(1) else { return };
        if let Packet::Knock(knock) = &mut *relay.packet {
            knock.address = knock.address.or_else(|| self.mesh.peer(relay.from)?.address());
            // It asks until it has heard that it has a seat.
            self.send_roster(now, relay.from);
        }
        let host = self.election.following().map(|term| term.host);
        if host != Some(relay.from) {
            let holds = match &*relay.packet {
                Packet::Controls(controls) => controls.holds,
                _ => None,
            };
            if self.relay.serve(now, relay.from, holds) {
                self.send_roster(now, relay.from);
            }
        }
        let up = self.election.relay(now).filter(|_| host == Some(relay.to));
        let next = up.or_else(|| self.way_to_host(now, relay.to)).unwrap_or(relay.to);
        if next != by && next != relay.from {
            let packet = Packet::Relay(RelayPacket { hops, ..relay });
            self.send_packet(now, next, packet);
        }
    }

    fn message(&mut self, now: Instant, newest: &dyn Newest, from: NodeId, message: Message) {
        match message {
            Message::Packet(packet) => self.packet(now, newest, from, packet, None),
            Message::Roster(roster)
                if from == roster.term.host || self.election.relay(now) == Some(from) =>
            {
                if self.roster.adopt(roster, self.election.following()) {
                    self.roster_changed(now);
                    self.pass_roster(now);
                }
            }
            Message::Ledger(message) => self.hear_of_ledger(now, from, &message),
            Message::Bye => {
                self.mesh.forget_announcement(from);
                self.mesh.hang_up(now, from, Parting::Left);
                if self.election.reign().is_some() && self.roster.remove(from) {
                    self.publish_roster(now);
                }
            }
            Message::Roster(_) => {}
        }
    }

    /// Those who do not reach the host get its roster from here.
    fn pass_roster(&mut self, now: Instant) {
        let Some(roster) = self.roster.published().cloned() else { return };
        let message = Message::Roster(roster);
        for (client, _) in self.relayed(now) {
            self.send(now, client, Delivery::Link, &message);
        }
    }

    fn send_roster(&mut self, now: Instant, to: NodeId) {
        if let Some(roster) = self.roster.published().cloned() {
            self.send(now, to, Delivery::Link, &Message::Roster(roster));
        }
    }

    fn reconcile(&mut self, now: Instant) {
        if self.roster.reconcile(now, &self.tuning, &self.me, &self.mesh) {
            self.publish_roster(now);
        }
    }

    fn publish_roster(&mut self, now: Instant) {
        let Some(roster) = self.roster.published().cloned() else {
            return;
        };
        self.send_to_all(now, &Message::Roster(roster), None);
        self.out.push_back(Out::Notice(Notice::Roster));
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
        let announced = seeking && self.is_host_to_come(now);
        let steady = self.roster.is_steady(self.me.id);
        let acted =
            act(&mut self.election, &Context { voters: &voters, steady, newest, announced });
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
                    let watches = self.mesh.peer(peer).is_some_and(|peer| {
                        peer.role == Role::Spectator && self.me.role == Role::Player
                    });
                    self.keeper.meet(now, peer, watches);
                    if self.election.reign().is_some() {
                        self.reconcile(now);
                        self.send_roster(now, peer);
                    }
                }
                mesh::Out::Down { peer, reason } => {
                    self.keeper.part(peer);
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
                mesh::Out::Beacon { beacon, from } => self.beacon(now, &beacon, from),
                mesh::Out::Clash { incarnation } => self.clash(now, incarnation),
            }
        }
    }

    fn drain_election(&mut self, now: Instant) {
        while let Some(out) = self.election.poll() {
            match out {
                election::Out::Send { to, packet } => {
                    self.send_packet(now, to, packet);
                }
                election::Out::SendThrough { relay, to, packet } => {
                    self.send_through(now, relay, to, packet);
                }
                election::Out::SendTwice { to, packet } => {
                    let message = Message::Packet(packet);
                    self.send(now, to, Delivery::Datagram, &message);
                    self.send(now, to, Delivery::Link, &message);
                }
                election::Out::Lost { term, cause } => {
                    self.out.push_back(Out::Notice(Notice::HostLost(term, cause)));
                }
                election::Out::Asking { ends } => {
                    self.out.push_back(Out::Notice(Notice::Election(ends)));
                }
                election::Out::Reign { term, ends, silent, world } => {
                    let silent = ends.filter(|_| silent).map(|ends| ends.host);
                    self.take_over(now, term, silent);
                    self.out.push_back(Out::Reign { term, ends, world });
                }
                election::Out::Announce { term, ends } => {
                    self.take_over(now, term, None);
                    self.out.push_back(Out::Announce { term, ends });
                }
                election::Out::Follow { term, yielded } => {
                    if let Some(old) = yielded {
                        self.dismiss(now, old, term);
                    }
                    self.mesh.set_host(Some(term.host));
                    if let Some(way) = self.way_to_host(now, term.host) {
                        self.election.go_through(now, way);
                    }
                    self.keeper.follows();
                    if self.roster.follow(term) {
                        self.roster_changed(now);
                    }
                    self.out.push_back(Out::Follow { term });
                }
            }
        }
    }

    fn take_over(&mut self, now: Instant, term: Term, silent: Option<NodeId>) {
        let bits = u128::from(self.random.next_u64()) << 64 | u128::from(self.random.next_u64());
        let minted = SessionId(Uuid::from_u128(bits));
        let session_id = self.session_id.or(self.announced_session(now)).unwrap_or(minted);
        self.roster.take_over(now, term, session_id);
        if let Some(silent) = silent {
            self.roster.fell_silent(now, silent);
        }
        self.settle_session(now);
        self.keeper.reigns(term.epoch);
        self.roster.reconcile(now, &self.tuning, &self.me, &self.mesh);
        self.publish_roster(now);
    }

    /// Tells the own members whom to follow, now that this node's reign is over.
    fn dismiss(&mut self, now: Instant, old: Term, new: Term) {
        let ends = Packet::Ends { old, new };
        let linked = self.mesh.peers().filter(|(id, peer)| peer.is_linked() && *id != new.host);
        for peer in linked.map(|(id, _)| id).collect::<Vec<_>>() {
            self.send_packet(now, peer, ends.clone());
        }
        self.send_to_all(now, &Message::Packet(ends), Some(new.host));
    }
}

/// Who could vote, without this node.
fn voters(now: Instant, tuning: &Tuning, mesh: &Mesh, roster: &Roster) -> Vec<Voter> {
    let members = roster.members();
    let votes = |id: NodeId| members.is_empty() || members.iter().any(|member| member.id == id);
    mesh.peers()
        .filter(|(id, peer)| peer.role == Role::Player && votes(*id))
        .map(|(id, peer)| Voter {
            id,
            heard: peer.heard,
            linked: peer.is_linked(),
            estranged: peer.is_estranged(now, tuning.heard),
            steady: roster.is_steady(id),
        })
        .collect()
}
