//! Who is known, where, and since when: by beacon, by hello, and by what others say.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
};

use super::{
    Mesh, Parting, Peer,
    identity::Identity,
    links::Link,
    message::{Address, Introduction, Refusal},
    peer::{ADDRESSES_MAX, FED_PINGS},
    strangers::gives_way,
};
use crate::{
    config::{HEARD_OF_MAX, HEARD_OF_PER_ADDRESS_MAX},
    text::Name,
    types::{Incarnation, Instant, NodeId, Role},
};

/// The most peers remembered at all: more than a session takes, since some only pass by.
const PEERS_MAX: usize = 4_096;

/// Somebody of the own session, as somebody describes it.
#[derive(Clone, Debug)]
pub struct Acquaintance {
    /// Its id.
    pub id: NodeId,
    /// In which life.
    pub incarnation: Incarnation,
    /// What its player is called.
    pub name: Name,
    /// Whether it plays, or would.
    pub role: Role,
    /// Where it can be reached.
    pub address: Option<Address>,
    /// Whether it said so itself, just now; otherwise somebody else did.
    pub heard: bool,
    /// Whether this node waits for it: then it is dialled at once, by whichever id.
    pub wanted: bool,
    /// Whether it is in the roster of the host that this node follows. If not, it is dialled for what it pays.
    pub member: bool,
    /// How many bytes came for which it may be dialled.
    pub pays: usize,
}

impl Acquaintance {
    /// Somebody who said so itself just now, and is heard at `ip`, in so many bytes.
    pub fn introduced(who: Introduction, ip: IpAddr, wanted: bool, pays: usize) -> Self {
        Self {
            id: who.id(),
            incarnation: who.incarnation,
            name: who.name,
            role: who.role,
            address: Some(Address { ip, tcp: who.tcp, udp: who.udp }),
            heard: true,
            wanted,
            member: false,
            pays,
        }
    }
}

impl Mesh {
    /// The peers known, by id.
    pub fn peers(&self) -> impl Iterator<Item = (NodeId, &Peer)> {
        self.peers.iter().map(|(id, peer)| (*id, peer))
    }

    /// What is known of `id`.
    pub fn peer(&self, id: NodeId) -> Option<&Peer> {
        self.peers.get(&id)
    }

    /// These are the members of the host that this node follows, and nobody else.
    pub fn set_members(&mut self, members: &BTreeSet<NodeId>) {
        for (id, peer) in &mut self.peers {
            peer.member = members.contains(id);
        }
    }

    /// These play, in these lives, as the roster says: that of the host which this node follows, or its own. Whoever is
    /// linked, and plays from here on or does no more.
    pub fn set_seats(&mut self, seats: &BTreeMap<NodeId, Incarnation>) -> Vec<NodeId> {
        let mut turned = Vec::new();
        for (id, peer) in &mut self.peers {
            let before = peer.role.plays();
            peer.seat = seats.get(id).copied();
            peer.weigh_role();
            if peer.role.plays() != before {
                peer.fed = false;
                turned.extend(peer.link.map(|_| *id));
                self.look_at = Instant::default();
            }
        }
        turned
    }

    /// This node plays from here on: it wants links with all who do.
    pub fn play(&mut self) {
        (self.guide, self.heir) = (None, None);
        self.stir();
    }

    /// This node only watches from here on, or one of those who play has opened a link with it: it keeps to those whom
    /// it watches through.
    pub fn only_watch(&mut self, now: Instant) {
        let kept = [self.host, self.guide, self.heir];
        // Others who watch may do so through this node.
        let plays = |peer: &Peer| peer.is_linked() && peer.role.plays();
        let linked = self.peers.iter().filter(|(_, peer)| plays(peer)).map(|(id, _)| *id);
        for id in linked.filter(|id| !kept.contains(&Some(*id))).collect::<Vec<_>>() {
            self.part_for_now(now, id);
        }
        let unwanted = |id: &NodeId| !kept.contains(&Some(*id)) && !self.relays.contains(id);
        let dialled = self.peers.iter().filter(|(_, peer)| !peer.dials.is_empty());
        for id in dialled.map(|(id, _)| *id).filter(unwanted).collect::<Vec<_>>() {
            self.take_back(id, |_| true);
        }
        self.stir();
    }

    /// Tells who reigns: whom a spectator links with; and whoever plays has less time for newcomers.
    pub fn set_host(&mut self, host: Option<NodeId>) {
        self.host = host;
        self.stir();
    }

    /// Tells through whom this node watches, being a spectator that does not reach its host.
    pub fn set_guide(&mut self, guide: Option<NodeId>) {
        if self.guide != guide {
            self.guide = guide;
            self.stir();
        }
    }

    /// Tells who comes after the host, if this node, which only watches, is to be linked with it beforehand. The
    /// link with whoever came after it before is of no use then.
    pub fn set_heir(&mut self, now: Instant, heir: Option<NodeId>) {
        let before = std::mem::replace(&mut self.heir, heir);
        if before == heir {
            return;
        }
        self.stir();
        if let Some(before) = before.filter(|id| ![self.host, self.guide].contains(&Some(*id))) {
            self.part_for_now(now, before);
        }
    }

    /// The link with somebody is of no use, but may be of use again at any time: then it is dialled at once.
    fn part_for_now(&mut self, now: Instant, id: NodeId) {
        self.hang_up(now, id, Parting::Left);
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.dial_at = peer.dial_at.min(now);
        }
    }

    /// Tells through whom this node watches, and through whom it could, if the host has others hand its ticks down. The links
    /// with those before are of no use then.
    pub fn set_relays(&mut self, now: Instant, relays: &[NodeId]) {
        if self.relays == relays {
            return;
        }
        let before = std::mem::replace(&mut self.relays, relays.to_vec());
        self.stir();
        let kept = |id: &NodeId| {
            self.relays.contains(id) || [self.host, self.guide, self.heir].contains(&Some(*id))
        };
        for id in before.into_iter().filter(|id| !kept(id)).collect::<Vec<_>>() {
            self.hang_up(now, id, Parting::Left);
        }
    }

    /// Somebody has others hand it the host's ticks, or not any more.
    pub fn set_fed(&mut self, id: NodeId, fed: bool) {
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.fed = fed;
        }
    }

    /// How many times as long as with others it may be until something goes to and fro between this node and a peer.
    pub(super) fn calm(&self, peer: &Peer) -> u32 {
        let fed = !self.relays.is_empty() && peer.role.plays();
        if fed { FED_PINGS } else { peer.calm() }
    }

    /// Makes room for somebody at `ip`: of those who were only heard of a few are remembered, and of each address
    /// fewer. Should too many be remembered at all, whoever says hello, or is a member, takes the place of one of
    /// those. Beacons alone could fill all places with nodes that do not exist.
    pub(super) fn make_room(&mut self, ip: IpAddr, is_known: bool) {
        let strangers = self.peers.iter().filter(|(_, peer)| !peer.is_known());
        let known = strangers.map(|(id, peer)| (*id, peer.ip(), peer.met));
        let (in_all, each) = match is_known {
            true if self.peers.len() >= PEERS_MAX => (0, usize::MAX),
            true => return,
            false => (HEARD_OF_MAX, HEARD_OF_PER_ADDRESS_MAX),
        };
        if let Some(oldest) = gives_way(known, ip, in_all, each) {
            self.drop_dials(oldest, |_| true);
            self.forget(oldest);
        }
    }

    /// Gives up the dials to somebody, of those that are meant.
    fn drop_dials(&mut self, id: NodeId, meant: impl Fn(&Link) -> bool) {
        let dials = self.links.iter().filter(|(_, link)| link.dialled == Some(id) && meant(link));
        for dial in dials.map(|(link, _)| *link).collect::<Vec<_>>() {
            self.drop_link(dial);
        }
    }

    /// Forgets a peer that has no link.
    pub(super) fn forget(&mut self, id: NodeId) {
        self.peers.remove(&id);
        self.drop_channels(id);
    }

    /// Forgets somebody who was met in vain.
    pub(super) fn forget_unless_linked(&mut self, id: NodeId) {
        if self.peers.get(&id).is_some_and(|peer| !peer.was_linked()) {
            self.drop_dials(id, |link| link.handshake.is_none() && !link.introduced);
            self.forget(id);
            self.discovery.forget(id);
        }
    }

    /// Whoever is in this set may not come in from here on: its links end, and nothing is known of it any
    /// more. Whoever is not in it may.
    pub fn set_barred(&mut self, now: Instant, barred: BTreeSet<NodeId>) {
        self.admission.bar(barred);
        self.expel(now);
    }

    /// Only whoever is in this set, or speaks for an account that is, may come in from here on; none: whoever
    /// is not barred.
    pub fn set_allowed(&mut self, now: Instant, allowed: Option<BTreeSet<NodeId>>) {
        self.admission.list(allowed);
        self.expel(now);
    }

    /// These accounts, of those that are listed, have struck off these machines.
    pub fn set_struck(&mut self, now: Instant, struck: BTreeSet<(NodeId, NodeId)>) {
        self.admission.strike(struck);
        self.expel(now);
    }

    /// Why this node may not come in, if so. Whoever may for its account's sake is refused until it has shown
    /// that it speaks for it.
    pub fn refuses(&self, id: NodeId) -> Option<Refusal> {
        self.admission.refuses(id)
    }

    /// Whether it is worth while to find out whether this node may come in.
    pub fn may_meet(&self, now: Instant, id: NodeId) -> bool {
        self.admission.may_meet(now, id)
    }

    /// Parts with everybody who may not be here.
    fn expel(&mut self, now: Instant) {
        let known = self.peers.keys().copied();
        for id in known.filter(|id| self.refuses(*id).is_some()).collect::<Vec<_>>() {
            if self.may_meet(now, id) && self.peers.get(&id).is_some_and(|peer| !peer.was_linked())
            {
                continue;
            }
            self.part_with(now, id, Parting::Barred);
            self.drop_dials(id, |_| true);
            self.forget(id);
            self.discovery.forget(id);
        }
    }

    /// Learns of a node of the own session, from its beacon, its hello, or the roster.
    pub fn learn_of(&mut self, now: Instant, me: &Identity, acquaintance: Acquaintance) {
        let Acquaintance { id, incarnation, name, role, address, heard, wanted, member, pays } =
            acquaintance;
        if !self.may_meet(now, id) {
            return;
        }
        if id == me.id {
            return;
        }
        if !self.peers.contains_key(&id) {
            let ip = address.map_or(IpAddr::from([0; 4]), |address| address.ip);
            self.make_room(ip, member);
            if self.peers.len() >= PEERS_MAX {
                return;
            }
        }
        if heard && self.speaks_for_the_dead(now, id, incarnation) {
            self.end_life(now, id);
        }
        let reborn = |peer: &&Peer| peer.incarnation != incarnation && peer.link.is_none();
        if self.peers.get(&id).filter(reborn).is_some() {
            self.drop_channels(id);
        }
        let courtesy = self.courtesy(me, id);
        // Where another one was heard itself there is nobody else, whatever is said.
        let address = address.filter(|address| {
            let lives_there = |peer: &Peer| {
                let at = peer.address().filter(|_| peer.heard > Instant::default());
                at.is_some_and(|at| (at.ip, at.tcp) == (address.ip, address.tcp))
            };
            heard || self.peers.iter().all(|(other, peer)| *other == id || !lives_there(peer))
        });
        let speaks = heard && self.speaks_elsewhere(now, id, address);
        let peer = self.peers.entry(id).or_insert_with(|| Peer {
            incarnation,
            name: name.clone(),
            role,
            announced: role,
            seat: None,
            fed: false,
            heard: Instant::default(),
            udp: None,
            udp_heard: Instant::default(),
            moved: Instant::default(),
            datagram: None,
            datagram_sent: Instant::default(),
            hears_no_datagrams_until: Instant::default(),
            addresses: Vec::new(),
            met: now,
            link: None,
            channel: None,
            last_channel: None,
            unlinked: Instant::default(),
            introduced: false,
            member: false,
            credit: 0,
            said: (now, 0),
            dials: Vec::new(),
            turn: 0,
            tries: 0,
            dial_at: now + courtesy,
        });
        if peer.incarnation != incarnation {
            if peer.link.is_some() {
                return; // the link speaks for the life it was opened in
            }
            peer.incarnation = incarnation;
            peer.fed = false;
            peer.addresses.clear();
            peer.udp = None;
            peer.introduced = false;
            peer.unlinked = Instant::default();
            peer.tries = 0;
            peer.dial_at = now + courtesy;
        }
        if wanted || peer.link.is_none() {
            self.look_at = Instant::default();
        }
        peer.name = name;
        peer.announced = role;
        peer.weigh_role();
        peer.met = now;
        peer.member |= member;
        peer.pays(pays);
        let Some(address) = address else { return };
        if heard {
            peer.heard = now;
        }
        if heard && !speaks {
            peer.lives_at(address);
        } else if !peer.addresses.contains(&address) {
            peer.addresses.truncate(ADDRESSES_MAX - 1);
            peer.addresses.push(address);
        }
        let udp = SocketAddr::new(address.ip, address.udp);
        if heard && !speaks && peer.heard_at(now, udp, self.tuning.suspicion_max) {
            self.look_at = Instant::default();
        }
        peer.udp.get_or_insert(udp);
        if wanted {
            peer.dial_at = peer.dial_at.min(now);
        }
        if heard {
            self.hurry(now, me, id);
        }
    }

    /// Whether a peer speaks over its link, and is not where an announcement says it is. Anybody can announce
    /// somebody else somewhere else; what moves a peer that speaks is what only it can have sent.
    fn speaks_elsewhere(&self, now: Instant, id: NodeId, address: Option<Address>) -> bool {
        let Some((peer, address)) = self.peers.get(&id).zip(address) else { return false };
        let link = peer.link.and_then(|link| self.links.get(&link));
        let lively = self.tuning.lively() * self.calm(peer);
        let lively = link.is_some_and(|link| now.since(link.heard) < lively);
        lively && peer.address().is_some_and(|known| known != address)
    }

    /// Whether the link with a peer belongs to another life of it than the one that is heard, and
    /// has been silent since.
    fn speaks_for_the_dead(&self, now: Instant, id: NodeId, heard: Incarnation) -> bool {
        let peer = self.peers.get(&id).filter(|peer| peer.incarnation != heard);
        let link = peer.and_then(|peer| self.links.get(&peer.link?));
        let lively = self.tuning.lively() * peer.map_or(1, |peer| self.calm(peer));
        link.is_some_and(|link| now.since(link.heard) > lively)
    }

    /// The link with a peer, if it was opened since it and this machine are where they are.
    pub(super) fn link_with(&self, peer: &Peer) -> Option<&Link> {
        self.links.get(&peer.link?).filter(|link| link.since >= peer.moved)
    }

    /// Since when there is a link with a peer; never, if there is none.
    pub fn linked_since(&self, peer: &Peer) -> Instant {
        let link = peer.link.and_then(|link| self.links.get(&link));
        link.map_or(Instant::NEVER, |link| link.since)
    }

    /// Where the link with a peer leads, if something came over it lately, and the peer was heard at
    /// `other` before: then it has both addresses.
    pub fn settled_at(
        &self,
        now: Instant,
        (id, life): (NodeId, Incarnation),
        other: IpAddr,
    ) -> Option<IpAddr> {
        let peer = self.peers.get(&id).filter(|peer| peer.incarnation == life)?;
        let link = self.link_with(peer)?;
        let lively = now.since(link.heard) < self.tuning.lively() * self.calm(peer);
        let both = peer.addresses.iter().any(|address| address.ip == other);
        (lively && both).then(|| link.from.ip())
    }

    /// A packet of a peer came from `from`: it lives, and this is where it is.
    pub fn heard_packet(&mut self, now: Instant, me: &Identity, id: NodeId, from: SocketAddr) {
        self.hurry(now, me, id);
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        peer.heard = now;
        peer.datagram = Some(now);
        if peer.heard_at(now, from, self.tuning.suspicion_max) {
            self.stir();
        }
    }

    /// This machine has another address than before: no link leads anywhere any more.
    pub fn moved(&mut self, now: Instant) {
        for peer in self.peers.values_mut() {
            peer.moved = now;
            peer.dial_at = peer.dial_at.min(now);
        }
        self.stir();
    }

    /// Somebody else passed on what a peer said: it lives, wherever it is.
    pub fn heard_of(&mut self, now: Instant, id: NodeId) {
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.heard = now;
        }
    }

    /// A peer plays through a third node, which has introduced it.
    pub fn introduced(&mut self, id: NodeId, incarnation: Incarnation) {
        if let Some(peer) = self.peers.get_mut(&id).filter(|peer| peer.incarnation == incarnation) {
            peer.introduced = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::Tuning,
        keys::{Chance, PublicKey},
        mesh::testing::let_in,
    };

    // Beacons cost nothing, and anybody can send thousands in other names.
    #[test]
    fn whoever_says_hello_gets_in_however_many_have_been_invented() {
        let (me, newcomer) = (Identity::numbered(2), Identity::numbered(1));
        let now = Instant(1_000_000);
        let mut mesh = Mesh::new(Tuning::default(), Chance::new([1; 32]), 0, Vec::new());
        for number in 0..10_000_u32 {
            let mut key = [7; 32];
            key[..4].copy_from_slice(&number.to_be_bytes());
            let key = PublicKey::from_bytes(key);
            let who = Introduction { key, ..newcomer.introduction() };
            let ghost = Acquaintance::introduced(who, IpAddr::from([10, 0, 0, 9]), false, 1_136);
            mesh.learn_of(now, &me, ghost);
        }
        assert_eq!(mesh.peers.len(), HEARD_OF_PER_ADDRESS_MAX);
        let from = SocketAddr::from(([10, 0, 0, 2], 4_000));
        let_in(&mut mesh, now, &me, &newcomer, from);
        assert!(mesh.peer(newcomer.id).is_some_and(Peer::is_linked));
        assert_eq!((mesh.peers.len(), mesh.channels.len()), (HEARD_OF_PER_ADDRESS_MAX + 1, 1));
    }
}
