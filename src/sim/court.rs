//! Nodes that are driven together, to be measured: in virtual time, on a network without faults.
//!
//! The simulator's [`World`](super::world::World) judges each event, and has room for two hundred machines. A
//! [`Court`] judges nothing, and has room for thousands. Whatever its nodes say to each other stays in it; what they
//! say to others is a [`Parcel`] for whoever drives it, who counts it, loses it, sends it through a socket, or brings it
//! to another court. So a host may stand in a court of its own: what it costs is what that one costs.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use bytes::Bytes;
use rand_pcg::{Pcg64Mcg, rand_core::Rng as _};

use super::chance::chance;
use crate::{
    config::{BEACON_PORT, Config, Form, PLAYERS_MAX, Tuning},
    game::Game,
    io::{CloseReason, Effect, Interface, Port, Wire},
    keys::SecretKey,
    ledger::{disk::Stored, entry::WallTime},
    node::{Command, Event, Input, Node, Output, Status},
    text::{Name, SessionName},
    types::{Incarnation, Instant, LinkId, NodeId, Role},
};

/// When time begins.
pub const BEGINNING: Instant = Instant(1_000_000);

/// What all wall clocks say.
const WALL: WallTime = WallTime(1_700_000_000);

/// The port on which each node accepts links.
const TCP_PORT: u16 = 7_001;

/// The port of each node's own datagrams.
pub const UDP_PORT: u16 = 7_002;

/// How finely time passes.
const STEP: Duration = Duration::from_millis(1);

/// A link, by whoever dialled it and its number there.
pub type Cable = (IpAddr, LinkId);

/// Something on its way from one node to another.
#[derive(Clone, Debug)]
pub struct Parcel {
    /// Where it comes from.
    pub from: SocketAddr,
    /// Where it goes.
    pub to: SocketAddr,
    /// What it is.
    pub cargo: Cargo,
}

/// What goes from one node to another.
#[derive(Clone, Debug)]
pub enum Cargo {
    /// A datagram.
    Datagram(Bytes),
    /// Somebody opens this link.
    Dial(Cable),
    /// It is open.
    Open(Cable),
    /// Bytes of it.
    Bytes(Cable, Bytes),
    /// It is closed.
    End(Cable),
}

/// Nodes that are driven together.
pub struct Court<G: Game> {
    members: Vec<Member<G>>,
    places: BTreeMap<IpAddr, usize>,
    due: BTreeSet<(Instant, usize)>,
    inbox: VecDeque<(usize, Wire)>,
    out: VecDeque<Parcel>,
    random: Pcg64Mcg,
    /// How many worlds did not have the hash that their host gave them.
    pub wrong: u64,
}

struct Member<G: Game> {
    node: Node<G>,
    ip: IpAddr,
    role: Role,
    due: Option<Instant>,
    links: BTreeMap<LinkId, (Cable, SocketAddr)>,
    cables: BTreeMap<Cable, LinkId>,
    accepted: u64,
}

impl<G: Game> Court<G> {
    /// Nobody. All chance comes from `seed`.
    pub fn new(seed: u64) -> Self {
        Self {
            members: Vec::new(),
            places: BTreeMap::new(),
            due: BTreeSet::new(),
            inbox: VecDeque::new(),
            out: VecDeque::new(),
            random: chance(seed, 1),
            wrong: 0,
        }
    }

    /// One more node, that plays or watches at an address which nobody else has; it looks for the others at `peers`. Its
    /// place.
    pub fn add(&mut self, now: Instant, ip: Ipv4Addr, role: Role, peers: Vec<SocketAddr>) -> usize {
        let place = self.members.len();
        let mut bytes = || {
            let mut bytes = [0; 32];
            self.random.fill_bytes(&mut bytes);
            bytes
        };
        let (key, chance) = (SecretKey::from_bytes(&bytes()), bytes());
        let config = Config {
            key,
            statements: Vec::new(),
            reads_as: None,
            talks: false,
            friends: Vec::new(),
            muted: BTreeSet::new(),
            incarnation: Incarnation(self.random.next_u64()),
            name: Name::new(&format!("player {place}")),
            role,
            session: Some(SessionName::default()),
            lock: None,
            founds_beside_locked: true,
            allowed: None,
            peers,
            beacon_port: BEACON_PORT,
            tcp_port: TCP_PORT,
            udp_port: UDP_PORT,
            chance,
            seed: self.random.next_u64(),
            trace_ticks: false,
            views: false,
            stored: Some(Stored::default()),
            wall: WALL,
            form: Form::default(),
            tuning: Tuning { players_max: PLAYERS_MAX, ..Tuning::default() },
        };
        let node = Node::new(now, config);
        let ip = IpAddr::V4(ip);
        let (links, cables) = (BTreeMap::new(), BTreeMap::new());
        self.members.push(Member { node, ip, role, due: None, links, cables, accepted: 1 });
        self.places.insert(ip, place);
        if let IpAddr::V4(ip) = ip {
            let network = Interface { ip, prefix_bits: 8, index: 1, broadcast: None };
            self.feed(now, place, Input::Wire(Wire::Interfaces(vec![network])));
        }
        place
    }

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// One of them.
    pub fn node(&self, place: usize) -> &Node<G> {
        &self.members[place].node
    }

    /// What one of them sealed can be read from here on.
    pub fn stay_legible(&mut self, place: usize) {
        self.members[place].node.stay_legible();
    }

    /// Whether all of them have a host.
    pub fn all_follow(&self) -> bool {
        self.members.iter().all(|member| member.node.status() == Status::Playing)
    }

    /// Each player who has a world holds down what `hand` says, who sees it.
    pub fn press(&mut self, now: Instant, mut hand: impl FnMut(&G::World, NodeId) -> G::Controls) {
        for place in 0..self.members.len() {
            let Member { node, role, .. } = &self.members[place];
            let seen = node.replica().state().filter(|_| *role == Role::Player);
            let Some(controls) = seen.map(|state| hand(&state.world, node.me())) else { continue };
            self.feed(now, place, Input::Command(Command::Controls(controls)));
        }
    }

    /// Something comes from elsewhere. What is for nobody here is lost.
    pub fn bring(&mut self, parcel: Parcel) {
        let Parcel { from, to, cargo } = parcel;
        let Some(place) = self.places.get(&to.ip()).copied() else { return };
        let member = &mut self.members[place];
        let wire = match cargo {
            Cargo::Datagram(bytes) => {
                Some(Wire::Packet { from, via: Port::Own, bytes: bytes.into() })
            }
            Cargo::Dial(cable) => {
                let link = LinkId(member.accepted);
                member.accepted += 2;
                member.links.insert(link, (cable, from));
                member.cables.insert(cable, link);
                let (from, to) = (SocketAddr::new(member.ip, TCP_PORT), from);
                self.post(Parcel { from, to, cargo: Cargo::Open(cable) });
                Some(Wire::Accepted { link, from: to })
            }
            Cargo::Open(cable) => {
                member.cables.get(&cable).map(|link| Wire::Connected { link: *link })
            }
            Cargo::Bytes(cable, bytes) => member
                .cables
                .get(&cable)
                .map(|link| Wire::Bytes { link: *link, chunk: bytes.into() }),
            Cargo::End(cable) => member.cables.remove(&cable).map(|link| {
                member.links.remove(&link);
                Wire::Closed { link, reason: CloseReason::EndOfStream }
            }),
        };
        self.inbox.extend(wire.map(|wire| (place, wire)));
    }

    /// Does all that there is to be done: what came, and what is due.
    pub fn run(&mut self, now: Instant) {
        self.take_in(now);
        // Each is told once that its time has come: whoever wants to be told again waits for the next moment.
        let due: Vec<usize> =
            self.due.iter().take_while(|(at, _)| *at <= now).map(|(_, place)| *place).collect();
        for place in due {
            self.feed(now, place, Input::Wire(Wire::Timeout));
        }
        self.take_in(now);
    }

    fn take_in(&mut self, now: Instant) {
        while let Some((place, wire)) = self.inbox.pop_front() {
            self.feed(now, place, Input::Wire(wire));
        }
    }

    /// The next thing that goes elsewhere.
    pub fn poll(&mut self) -> Option<Parcel> {
        self.out.pop_front()
    }

    /// When there is something to be done, if nothing comes before.
    pub fn next_timeout(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }

    fn feed(&mut self, now: Instant, place: usize, input: Input<G>) {
        let Some(member) = self.members.get_mut(place) else { return };
        member.node.handle(now, input);
        while let Some(member) = self.members.get_mut(place)
            && let Some(output) = member.node.poll()
        {
            match output {
                Output::Effect(effect) => self.carry_out(place, effect),
                Output::Event(Event::Diverged { .. }) => self.wrong += 1,
                Output::Event(_) | Output::View(_) => {}
            }
        }
        let Some(member) = self.members.get_mut(place) else { return };
        let due = member.node.next_timeout();
        if due != member.due {
            member.due.take().into_iter().for_each(|at| _ = self.due.remove(&(at, place)));
            due.into_iter().for_each(|at| _ = self.due.insert((at, place)));
            member.due = due;
        }
    }

    fn carry_out(&mut self, place: usize, effect: Effect) {
        let member = &mut self.members[place];
        let udp = SocketAddr::new(member.ip, UDP_PORT);
        let tcp = SocketAddr::new(member.ip, TCP_PORT);
        match effect {
            Effect::Packet { to, bytes, .. } => {
                self.post(Parcel { from: udp, to, cargo: Cargo::Datagram(bytes) });
            }
            Effect::Dial { link, to } => {
                let cable = (member.ip, link);
                member.links.insert(link, (cable, to));
                member.cables.insert(cable, link);
                self.post(Parcel { from: tcp, to, cargo: Cargo::Dial(cable) });
            }
            Effect::Bytes { link, bytes } => {
                let Some((cable, to)) = member.links.get(&link).copied() else { return };
                self.post(Parcel { from: tcp, to, cargo: Cargo::Bytes(cable, bytes) });
            }
            Effect::Close { link } => {
                let Some((cable, to)) = member.links.remove(&link) else { return };
                member.cables.remove(&cable);
                self.post(Parcel { from: tcp, to, cargo: Cargo::End(cable) });
            }
            // There are no broadcasts here, and no disks.
            Effect::Broadcast { .. } | Effect::Persist { .. } | Effect::Remember { .. } => {}
        }
    }

    fn post(&mut self, parcel: Parcel) {
        match self.places.contains_key(&parcel.to.ip()) {
            true => self.bring(parcel),
            false => self.out.push_back(parcel),
        }
    }
}

/// The address of the node with this number, in a network that is `first.0.0.0/8`.
pub fn address(first: u8, number: usize) -> Ipv4Addr {
    let [high, low] = [number / 250, number % 250].map(|part| part as u8);
    Ipv4Addr::new(first, 77, high + 1, low + 1)
}

/// Which number has this address.
pub fn number_at(address: Ipv4Addr) -> usize {
    let [_, _, high, low] = address.octets().map(usize::from);
    high.saturating_sub(1) * 250 + low.saturating_sub(1)
}

/// Lets the next moment come, for a host and all others: when the host is due, or a little later. `lost` says of what
/// goes from one to the other whether it never arrives; links lose nothing.
pub fn pass<G: Game>(
    now: &mut Instant,
    host: &mut Court<G>,
    others: &mut Court<G>,
    mut lost: impl FnMut(&Parcel, &Court<G>) -> bool,
) {
    let due = host.next_timeout().unwrap_or(Instant::NEVER).max(*now);
    *now = due.min(*now + STEP);
    host.run(*now);
    while let Some(parcel) = host.poll() {
        if !lost(&parcel, host) {
            others.bring(parcel);
        }
    }
    others.run(*now);
    while let Some(parcel) = others.poll() {
        if !lost(&parcel, host) {
            host.bring(parcel);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arena::Arena;

    #[test]
    fn a_host_and_its_crowd_in_two_courts_are_one_game_though_packets_get_lost() {
        let (mut host, mut others) = (Court::<Arena>::new(3), Court::new(4));
        let mut now = BEGINNING;
        host.add(now, address(10, 0), Role::Player, Vec::new());
        for number in 1..9 {
            let role = if number < 4 { Role::Player } else { Role::Spectator };
            let at = SocketAddr::from((address(10, 0), UDP_PORT));
            others.add(now, address(10, number), role, vec![at]);
        }
        let mut said = 0_u64;
        for _ in 0..5_000 {
            pass(&mut now, &mut host, &mut others, |parcel, _| {
                said += 1;
                matches!(parcel.cargo, Cargo::Datagram(_)) && said.is_multiple_of(20)
            });
            host.press(now, |_, _| Default::default());
        }
        assert!(host.all_follow() && others.all_follow());
        assert_eq!((host.len(), others.len(), host.wrong + others.wrong), (1, 8, 0));
        let tick = |node: &Node<Arena>| node.replica().clock().unwrap().tick.0;
        let newest = tick(host.node(0));
        assert!(newest > 200);
        for place in 0..others.len() {
            assert!(tick(others.node(place)) + 8 > newest, "n{place}");
        }
        assert_eq!(host.node(0).cluster().members().len(), 4);
    }

    #[test]
    fn each_number_has_an_address() {
        for number in [0, 1, 249, 250, 4_063] {
            assert_eq!(number_at(address(10, number)), number);
        }
    }
}
