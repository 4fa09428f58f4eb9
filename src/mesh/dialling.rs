//! When and where a peer is dialled, and what becomes of a dial.
//!
//! A dial may fail at once, hang in a wire that is dead, or lead nowhere without a word: a firewall
//! drops it, the address is that of another network. So the next address is dialled *beside* a dial
//! that has not come through after a moment, as browsers do (RFC 8305, "Happy Eyeballs"), and whichever link is up
//! first serves. Where there is one address only it is dialled again, since TCP repeats what it lost
//! in a dead wire after seconds only. Nothing is given up for it: a slow wire needs three of its round
//! trips for a link and its hello, and a dial that was taken back would never get there.
//!
//! *On whose word.* Anybody can announce thousands of nodes, at addresses of others. So a node that was only
//! heard of is dialled for the bytes that came from there ([`DIAL_COSTS_BYTES`]), or in which somebody who
//! is linked told of it; and not more than a few of them are at a time, and of one address fewer
//! ([`DIALS_TO_STRANGERS_MAX`], [`DIALS_PER_ADDRESS_MAX`]). Members, and whoever was linked before, are dialled
//! as often as it takes.
//!
//! A dial that has said hello may serve at the other end already, and is not taken back by this one;
//! of two links the same one stays at both ends.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use rand_pcg::rand_core::Rng;

use super::{Link, Mesh, Out, Peer};
use crate::{
    config::{DIAL_COSTS_BYTES, DIALS_PER_ADDRESS_MAX, DIALS_TO_STRANGERS_MAX},
    io::Effect,
    mesh::{identity::Identity, strangers::gives_way},
    types::{Instant, LinkId, NodeId, Role},
};

/// How long a dial has before another one is begun beside it.
const BESIDE: Duration = Duration::from_millis(250);

/// The same for one that is open, and waits for the other side's hello only.
const BESIDE_OPEN: Duration = Duration::from_secs(1);

/// The most dials to one peer at a time. A wire with a round trip of up to a second opens the first
/// before the fifth is due.
const DIALS_MAX: usize = 4;

/// How late two pings in a row may be before their link counts as held back. A world that is too large
/// for a datagram waits for it.
const LATE: Duration = Duration::from_millis(200);

/// After which time a dial to somebody who was only heard of gives way to another one.
const HOPELESS: Duration = Duration::from_secs(1);

/// When it is tried again where there was no room for a dial.
const NO_ROOM: Duration = Duration::from_millis(50);

/// How often it is tried whether somebody else has this node's key.
const DOUBTED_EVERY: Duration = Duration::from_millis(500);

/// So often a peer that was never linked is dialled because it is heard; then at the pace of pauses
/// that grow.
const HURRIED_MAX: u32 = 16;

impl Mesh {
    /// A dialled link is open.
    pub fn connected(&mut self, now: Instant, me: &Identity, link: LinkId) {
        let Some(state) = self.links.get_mut(&link) else { return };
        state.heard = now;
        let (id, at) = (state.dialled, state.from);
        self.introduce(now, me, link);
        if let Some(id) = id {
            self.take_back(id, |other| other.from == at);
        }
    }

    /// A dialled link did not open.
    pub fn dial_failed(&mut self, now: Instant, link: LinkId) {
        if self.links.remove(&link).is_some() {
            self.dial_over(now, link);
        }
    }

    /// A peer without a link gives a sign of life: whatever kept it from being dialled may be over.
    /// Dials that went into a dead wire get another one beside them.
    pub(super) fn hurry(&mut self, now: Instant, me: &Identity, id: NodeId) {
        let courtesy = self.courtesy(me, id);
        if self.peers.get(&id).is_none_or(|peer| self.link_with(peer).is_some()) {
            return;
        }
        let Some(peer) = self.peers.get_mut(&id).filter(|peer| peer.tries > 0) else { return };
        if peer.tries > HURRIED_MAX && !peer.was_linked() {
            return; // something lets nobody in there, whatever it says
        }
        let due = if peer.dials.is_empty() { now + courtesy } else { now };
        if due < peer.dial_at {
            peer.dial_at = due;
            self.stir();
        }
        if let Some(peer) = self.peers.get_mut(&id).filter(|peer| peer.dials.is_empty()) {
            peer.tries = 0;
        }
    }

    /// How long this node leaves the dialling to a peer.
    pub(super) fn courtesy(&self, me: &Identity, id: NodeId) -> Duration {
        if me.id < id { Duration::ZERO } else { self.tuning.dial_courtesy }
    }

    pub(super) fn wants(&self, me: &Identity, id: NodeId, peer: &Peer) -> bool {
        let by_role = match (me.role, peer.role) {
            (Role::Player, Role::Player) => true,
            (Role::Spectator | Role::Waiting, Role::Player) => {
                [self.host, self.guide, self.heir].contains(&Some(id))
            }
            (Role::Spectator | Role::Waiting, Role::Spectator | Role::Waiting) => {
                self.relays.contains(&id)
            }
            (Role::Player, Role::Spectator | Role::Waiting) => false,
        };
        by_role && !peer.addresses.is_empty()
    }

    /// When a peer is to be dialled: without a link when its pause is over; with one that has gone
    /// silent although the peer is heard, to replace it. (TCP may keep a link back for seconds after
    /// a storm; to close it first would look like a crash to the other side.)
    pub(super) fn dial_due(&self, me: &Identity, id: NodeId, peer: &Peer) -> Instant {
        if !peer.is_worth_a_dial() {
            return Instant::NEVER;
        }
        let silent = self.tuning.lively() * self.calm(peer) + LATE;
        let due = match self.link_with(peer) {
            Some(_) if !peer.dials.is_empty() => Instant::NEVER,
            Some(link) if me.id < id => peer.dial_at.max(link.heard + silent),
            Some(link) => {
                peer.dial_at.max(link.heard + self.tuning.link_silence * 2 * self.calm(peer))
            }
            None => peer.dial_at,
        };
        let under_way = peer.dials.iter().filter_map(|dial| self.links.get(dial));
        let patience = |dial: &Link| if dial.introduced { BESIDE_OPEN } else { BESIDE };
        let beside = under_way.map(|dial| dial.since + patience(dial)).max();
        due.max(beside.unwrap_or_default())
    }

    /// When somebody is dialled next that this node has no link with, and wants one.
    pub fn next_try(&self, me: &Identity) -> Option<Instant> {
        let wanted = self
            .peers
            .iter()
            .filter(|(id, peer)| self.link_with(peer).is_none() && self.wants(me, **id, peer));
        wanted.map(|(id, peer)| self.dial_due(me, *id, peer)).min()
    }

    pub(super) fn dial(&mut self, now: Instant, id: NodeId) {
        let Some(peer) = self.peers.get(&id) else { return };
        if peer.dials.len() >= DIALS_MAX {
            self.take_back_oldest(id);
        }
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let rounds = peer.rounds();
        peer.dial_at = now + (BESIDE * 2u32.pow(rounds)).min(self.tuning.redial_max);
        if peer.dials.len() >= DIALS_MAX {
            return; // all of them are open, and wait for a hello
        }
        let turn = peer.turn % peer.addresses.len().max(1);
        let Some(address) = peer.addresses.get(turn) else { return };
        let to = SocketAddr::new(address.ip, address.tcp);
        if !peer.is_known() && !self.may_dial_stranger(now, to.ip()) {
            if let Some(peer) = self.peers.get_mut(&id) {
                peer.dial_at = now + NO_ROOM;
            }
            return;
        }
        let Some(peer) = self.peers.get_mut(&id) else { return };
        if !peer.is_known() {
            peer.credit = peer.credit.saturating_sub(DIAL_COSTS_BYTES);
        }
        peer.turn = turn + 1;
        peer.tries = peer.tries.saturating_add(1);
        peer.dials.push(LinkId(self.next_link));
        self.begin_dial(now, to, id);
    }

    /// Opens the next link, with this one.
    fn begin_dial(&mut self, now: Instant, to: SocketAddr, id: NodeId) {
        let link = LinkId(self.next_link);
        self.next_link += 2;
        self.links.insert(link, Link::new(now, to, Some(id)));
        self.out.push_back(Out::Effect(Effect::Dial { link, to }));
    }

    /// Whether there is room for one more dial to somebody who was only heard of. One that has led nowhere for
    /// long makes room.
    fn may_dial_stranger(&mut self, now: Instant, ip: IpAddr) -> bool {
        let known = |id: NodeId| self.peers.get(&id).is_some_and(Peer::is_known);
        let under_way = self
            .links
            .iter()
            .filter(|(_, link)| link.peer.is_none() && link.dialled.is_some_and(|id| !known(id)));
        let under_way = under_way.map(|(id, link)| (*id, link.from.ip(), link.since));
        let (in_all, each) = (DIALS_TO_STRANGERS_MAX, DIALS_PER_ADDRESS_MAX);
        let Some(oldest) = gives_way(under_way, ip, in_all, each) else { return true };
        let over = self.links.get(&oldest).is_some_and(|link| now.since(link.since) >= HOPELESS);
        if over {
            self.drop_link(oldest);
            self.dial_over(now, oldest);
        }
        over
    }

    /// Somebody announces itself with the key of this node, from there: it may be a copy of its profile, or
    /// somebody else who has heard the key. That is tried, now and then: only who has the key can say hello.
    pub fn doubt_itself(&mut self, now: Instant, me: &Identity, at: SocketAddr, paid: usize) {
        let tried = |link: &Link| link.dialled == Some(me.id);
        let worth = paid >= DIAL_COSTS_BYTES as usize && !self.links.values().any(tried);
        if worth && now.since(self.doubted_itself) >= DOUBTED_EVERY {
            self.doubted_itself = now;
            self.begin_dial(now, at, me.id);
            self.stir();
        }
    }

    /// A dial came to nothing: the next one waits, twice as long after each round of all addresses.
    pub(super) fn dial_over(&mut self, now: Instant, link: LinkId) {
        let Some(peer) = self.peers.values_mut().find(|peer| peer.dials.contains(&link)) else {
            return;
        };
        peer.dials.retain(|dial| *dial != link);
        self.look_at = Instant::default();
        let rounds = peer.tries.saturating_sub(1) / peer.addresses.len().max(1) as u32;
        let pause = (self.tuning.redial_min * 2u32.pow(rounds.min(10))).min(self.tuning.redial_max);
        let jitter = self.random.next_u64() % (pause.as_micros() as u64 / 2 + 1);
        let due = now + pause / 2 + Duration::from_micros(jitter);
        peer.dial_at = if peer.dials.is_empty() { due } else { peer.dial_at.min(due) };
    }

    /// A dialled or accepted link with a peer is up: no other dial is needed.
    pub(super) fn dial_succeeded(&mut self, id: NodeId, link: LinkId) {
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.dials.retain(|dial| *dial != link);
            peer.turn = 0;
        }
        self.take_back(id, |_| true);
    }

    /// Gives up the dials to a peer that are not open, of those that are meant.
    pub(super) fn take_back(&mut self, id: NodeId, meant: impl Fn(&Link) -> bool) {
        let Some(peer) = self.peers.get_mut(&id).filter(|peer| !peer.dials.is_empty()) else {
            return;
        };
        let links = &self.links;
        let closed = |dial: &LinkId| links.get(dial).is_some_and(|l| !l.introduced && meant(l));
        let over: Vec<LinkId> = peer.dials.iter().copied().filter(closed).collect();
        peer.dials.retain(|dial| !over.contains(dial));
        for dial in over {
            self.drop_link(dial);
        }
    }

    fn take_back_oldest(&mut self, id: NodeId) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let links = &self.links;
        let open = |dial: &LinkId| links.get(dial).is_some_and(|link| link.introduced);
        let Some(at) = peer.dials.iter().position(|dial| !open(dial)) else { return };
        let oldest = peer.dials.remove(at);
        self.drop_link(oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::HEARD_OF_PER_ADDRESS_MAX,
        config::Tuning,
        keys::{Chance, PublicKey},
        mesh::{
            Acquaintance,
            message::{Address, Introduction},
        },
        text::Name,
        types::{Incarnation, Role},
    };

    const PEER: NodeId = NodeId::from_u128(u128::MAX);

    fn me() -> Identity {
        Identity::numbered(1)
    }

    /// A mesh that knows one peer, at these addresses.
    fn knowing(addresses: &[[u8; 4]]) -> Mesh {
        let mut mesh = Mesh::new(Tuning::default(), Chance::new([1; 32]), 0, Vec::new());
        for ip in addresses {
            let address = Address { ip: (*ip).into(), tcp: 7, udp: 8 };
            let peer = Acquaintance {
                id: PEER,
                incarnation: Incarnation(2),
                name: Name::new("Ben"),
                role: Role::Player,
                address: Some(address),
                heard: false,
                wanted: false,
                member: true,
                pays: 0,
            };
            mesh.learn_of(Instant(0), &me(), peer);
        }
        mesh
    }

    /// What is dialled, and what is closed, until then: when, and where or which.
    fn passes(mesh: &mut Mesh, from_ms: u64, to_ms: u64) -> Vec<(u64, String)> {
        let mut seen = Vec::new();
        for ms in from_ms..to_ms {
            mesh.timeout(Instant(ms * 1_000), &me());
            while let Some(out) = mesh.poll() {
                match out {
                    Out::Effect(Effect::Dial { to, .. }) => seen.push((ms, to.ip().to_string())),
                    Out::Effect(Effect::Close { link }) => seen.push((ms, format!("{}", link.0))),
                    _ => {}
                }
            }
        }
        seen
    }

    #[test]
    fn the_next_address_is_dialled_beside_one_from_which_nothing_comes() {
        let mut mesh = knowing(&[[10, 0, 0, 1], [10, 0, 0, 2], [10, 0, 0, 3]]);
        let dialled = passes(&mut mesh, 0, 600);
        let expected = [(0, "10.0.0.1"), (250, "10.0.0.2"), (500, "10.0.0.3")];
        assert_eq!(dialled, expected.map(|(ms, ip)| (ms, ip.to_owned())));
    }

    #[test]
    fn a_dial_is_not_taken_back_while_a_slow_wire_may_still_open_it() {
        let mut mesh = knowing(&[[10, 0, 0, 1]]);
        let dialled = passes(&mut mesh, 0, 1_000);
        assert!(dialled.iter().all(|(_, what)| what == "10.0.0.1"), "{dialled:?}");
    }

    #[test]
    fn an_open_dial_ends_the_others_to_its_address_and_no_more_follow_at_once() {
        let mut mesh = knowing(&[[10, 0, 0, 1]]);
        passes(&mut mesh, 0, 300);
        mesh.connected(Instant(300_000), &me(), LinkId(0));
        assert_eq!(passes(&mut mesh, 300, 1_000), [(300, "2".to_owned())]);
    }

    #[test]
    fn no_more_than_a_few_dials_are_under_way_however_many_addresses_there_are() {
        let addresses: Vec<[u8; 4]> = (0..8).map(|last| [10, 0, 0, last]).collect();
        let mut mesh = knowing(&addresses);
        for ms in (0..2_900).step_by(50) {
            passes(&mut mesh, ms, ms + 50);
            assert!(mesh.links.len() <= DIALS_MAX, "{} at {ms} ms", mesh.links.len());
        }
    }

    /// Somebody announces so many nodes that do not exist, each at a port of its own.
    fn announced(mesh: &mut Mesh, now: Instant, ip: [u8; 4], numbers: std::ops::Range<u32>) {
        for number in numbers {
            let mut key = [7; 32];
            key[..4].copy_from_slice(&number.to_be_bytes());
            let who = Introduction {
                key: PublicKey::from_bytes(key),
                tcp: number as u16,
                ..Identity::numbered(2).introduction()
            };
            mesh.learn_of(now, &me(), Acquaintance::introduced(who, ip.into(), false, 1_136));
        }
    }

    #[test]
    fn invented_nodes_are_dialled_for_what_was_heard_and_never_many_at_a_time() {
        let mut mesh = Mesh::new(Tuning::default(), Chance::new([1; 32]), 0, Vec::new());
        announced(&mut mesh, Instant(1), [10, 0, 0, 9], 0..3_000);
        let mut dials = 0;
        for ms in (0..20_000).step_by(10) {
            let seen = passes(&mut mesh, ms, ms + 1);
            dials += seen.iter().filter(|(_, what)| what.contains('.')).count();
            let under_way = mesh.links.values().filter(|link| link.dialled.is_some()).count();
            assert!(under_way <= DIALS_PER_ADDRESS_MAX, "{under_way} at {ms} ms");
        }
        let paid = HEARD_OF_PER_ADDRESS_MAX * (1_136 / DIAL_COSTS_BYTES as usize);
        assert!(dials <= paid, "{dials} dials, and {paid} were paid for");
    }

    #[test]
    fn whoever_announces_many_keeps_nobody_else_from_being_dialled() {
        let mut mesh = Mesh::new(Tuning::default(), Chance::new([1; 32]), 0, Vec::new());
        announced(&mut mesh, Instant(1), [10, 0, 0, 9], 0..3_000);
        passes(&mut mesh, 1, 500);
        announced(&mut mesh, Instant(500_000), [10, 0, 0, 8], 9_000..9_001);
        let dialled = passes(&mut mesh, 500, 1_000);
        assert!(dialled.iter().any(|(_, what)| what == "10.0.0.8"), "{dialled:?}");
    }

    #[test]
    fn whether_somebody_else_has_the_own_key_is_tried_now_and_then() {
        let mut mesh = knowing(&[]);
        let at = |port| SocketAddr::from(([10, 0, 0, 9], port));
        let mut dials = 0;
        for ms in 0..10_000 {
            mesh.doubt_itself(Instant(1_000_000 + ms * 1_000), &me(), at(ms as u16), 1_136);
            let seen = passes(&mut mesh, 1_000 + ms, 1_001 + ms);
            dials += seen.iter().filter(|(_, what)| what.contains('.')).count();
        }
        assert!((2..=4).contains(&dials), "{dials} dials");
    }
}
