//! How this node comes to know others: by their beacons, and by what others say of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use super::{Cluster, Notice, Out, SEEK_MISSING_FOR, message::Packet};
use crate::{
    config::DIAL_COSTS_BYTES,
    mesh::{
        Acquaintance, Peer,
        message::{Address, Beacon},
    },
    text::Name,
    types::{Instant, NodeId, Role, Term},
};

/// How long after one neighbour was told of the own reign it may be told again, and how many are told
/// in that time.
const TOLD_AGAIN: Duration = Duration::from_millis(200);
const TOLD_MAX: usize = 64;

impl Cluster {
    /// Somebody announced itself, in so many bytes.
    pub(super) fn beacon(&mut self, now: Instant, beacon: &Beacon, from: SocketAddr, pays: usize) {
        if beacon.who.id() == self.me.id {
            let at = SocketAddr::new(from.ip(), beacon.who.tcp);
            return self.mesh.doubt_itself(now, &self.me, at, pays);
        }
        self.take_beacon(now, beacon, from, pays);
    }

    pub(super) fn take_beacon(
        &mut self,
        now: Instant,
        beacon: &Beacon,
        from: SocketAddr,
        pays: usize,
    ) {
        if !self.me.shares_session(beacon) || !self.mesh.may_meet(now, beacon.who.id()) {
            return;
        }
        // A machine that is on this network twice is heard at each of its addresses: the one that its
        // link speaks from is where it is.
        let life = (beacon.who.id(), beacon.who.incarnation);
        let ip = self.mesh.settled_at(now, life, from.ip()).unwrap_or(from.ip());
        let wanted = beacon.term.is_some_and(|term| term.host == beacon.who.id())
            && self.election.current().is_none();
        self.mesh.learn_of(
            now,
            &self.me,
            Acquaintance::introduced(beacon.who.clone(), ip, wanted, pays),
        );
        let id = beacon.who.id();
        let proved = self.mesh.announcement(now, id).is_none_or(|heard| heard.proved);
        if let Some(term) = beacon.term.filter(|_| proved && self.mesh.refuses(id).is_none()) {
            if term.host != beacon.who.id() && term.host != self.me.id {
                self.seek_host(now, beacon, term, from.ip(), pays);
            }
            self.tell_of_own_game(now, beacon.who.id(), term);
            if !self.me.role.plays() && self.election.following().is_none() {
                self.mesh.set_host(Some(term.host));
            }
        }
    }

    /// Somebody who is linked follows a host with which this node is not, and says where that is. Of others,
    /// who may be anybody, nobody wants to know it.
    fn seek_host(
        &mut self,
        now: Instant,
        beacon: &Beacon,
        term: Term,
        teller: IpAddr,
        pays: usize,
    ) {
        if !self.mesh.peer(beacon.who.id()).is_some_and(Peer::is_linked) {
            return;
        }
        let known = self.mesh.peer(term.host);
        let lively = self.tuning.lively();
        let in_another_life =
            |peer: &Peer| peer.incarnation != term.incarnation && now.since(peer.heard) < lively;
        if known.is_some_and(|peer| peer.is_linked() || in_another_life(peer)) {
            return;
        }
        let mut pays = pays;
        let told = beacon.host_at.map_or(Vec::new(), |address| told_by(teller, address));
        let unknown = told.is_empty().then_some(None);
        for address in told.into_iter().map(Some).chain(unknown) {
            let host = Acquaintance {
                id: term.host,
                incarnation: term.incarnation,
                name: beacon.host_name.clone().unwrap_or_else(|| Name::new("")),
                role: Role::Player,
                address,
                heard: false,
                wanted: self.election.current().is_none(),
                member: false,
                pays: std::mem::take(&mut pays),
            };
            self.mesh.learn_of(now, &self.me, host);
        }
    }

    /// A link with somebody is up: what it said before of its host counts now.
    pub(super) fn hear_again(&mut self, now: Instant, id: NodeId) {
        let heard = self.mesh.announcement(now, id);
        if let Some((beacon, from)) = heard.map(|heard| (heard.beacon.clone(), heard.from)) {
            self.take_beacon(now, &beacon, from, DIAL_COSTS_BYTES as usize);
        }
    }

    /// A link with somebody who is no member yet is up: it is told at once where the host is. It may have asked this
    /// node alone, and wait for its next question otherwise.
    pub(super) fn introduce_host(&mut self, guest: NodeId) {
        let host = self.election.following().map(|term| term.host);
        if host.is_none_or(|host| host == guest) || self.roster.member(guest).is_some() {
            return;
        }
        if let Some(to) = self.mesh.peer(guest).and_then(|guest| guest.udp) {
            self.mesh.announce_to(&self.me, to);
        }
    }

    /// Somebody who is linked says in a beacon that it plays in another reign than this node. A beacon proves
    /// nothing, so nothing follows from it but that the other one is told of this reign, with its host's
    /// word; what it hears of this node leads it to do the same.
    fn tell_of_own_game(&mut self, now: Instant, teller: NodeId, term: Term) {
        let mine = self.election.reign().or(self.election.following());
        let Some(mine) = mine.filter(|mine| mine.host != term.host) else { return };
        if !self.mesh.peer(teller).is_some_and(Peer::is_linked) {
            return;
        }
        let Some(word) = self.reign_word(mine) else { return };
        if !self.told.may(now, teller) {
            return;
        }
        self.send_packet(now, teller, Packet::Reign { term: mine, word });
    }

    /// Whether it makes a difference here that there is such a reign: only a higher one is anybody's rival.
    pub(super) fn would_matter(&self, term: Term) -> bool {
        let mine = self.election.reign().or(self.election.following());
        mine.is_some_and(|mine| mine < term)
    }

    /// There is such a reign, by the word of its host: `teller` plays in it. The two hosts may not hear of
    /// each other, but through those who are linked.
    pub(super) fn hear_of_reign(&mut self, now: Instant, teller: NodeId, term: Term) {
        let barred = self.mesh.refuses(term.host).is_some();
        if barred || term.host == self.me.id || !self.would_matter(term) {
            return;
        }
        self.election.rumour(now, term, Some(teller).filter(|teller| *teller != term.host));
        if let Some(mine) = self.election.following().filter(|mine| mine.host != term.host) {
            let packet = self.with_word(Packet::Rival { term, word: None });
            if let Some(relay) = self.election.relay(now) {
                self.send_through(now, relay, mine.host, packet.clone());
            }
            self.send_packet(now, mine.host, packet);
        }
    }

    /// Somebody says that there is this reign. Its host may never be heard here, but speak by way of
    /// others.
    pub(super) fn hear_of_host(&mut self, now: Instant, term: Term) {
        if self.mesh.peer(term.host).is_none() {
            let host = Acquaintance {
                id: term.host,
                incarnation: term.incarnation,
                name: Name::new(""),
                role: Role::Player,
                address: None,
                heard: false,
                wanted: false,
                member: false,
                pays: 0,
            };
            self.mesh.learn_of(now, &self.me, host);
        }
    }

    /// A member that is missing may be back any moment: seek it where it was.
    pub(super) fn seek_missing(&mut self, now: Instant) {
        if !self.me.role.plays() && self.election.following().is_some() {
            return; // nobody else is of any use to whoever watches
        }
        let lost = |id: NodeId| {
            self.mesh.peer(id).filter(|peer| {
                let silent = now.since(peer.heard);
                silent > self.tuning.lively() && silent < SEEK_MISSING_FOR
            })
        };
        let members = self.roster.members().iter().filter(|member| member.id != self.me.id);
        let missing: Vec<SocketAddr> = members.filter_map(|member| lost(member.id)?.udp).collect();
        for to in missing {
            self.mesh.announce_to(&self.me, to);
        }
    }

    /// Who hears of a member dials it.
    pub(super) fn roster_changed(&mut self, now: Instant) {
        self.settle_session(now);
        self.adopt_bars(now);
        self.out.push_back(Out::Notice(Notice::Roster));
        let members: BTreeSet<NodeId> =
            self.roster.members().iter().map(|member| member.id).collect();
        self.mesh.set_members(&members);
        self.take_seat(now);
        let Some(published) = self.roster.published() else { return };
        let teller = self.mesh.peer(published.term.host).and_then(Peer::address);
        for member in &published.members {
            let Some(address) = member.address else { continue };
            let told = match teller {
                Some(teller) => told_by(teller.ip, address),
                None if address.ip.is_loopback() => Vec::new(),
                None => vec![address],
            };
            for address in told {
                let member = Acquaintance {
                    id: member.id,
                    incarnation: member.incarnation,
                    name: member.name.clone(),
                    role: Role::Player,
                    address: Some(address),
                    heard: false,
                    wanted: false,
                    member: true,
                    pays: 0,
                };
                self.mesh.learn_of(now, &self.me, member);
            }
        }
    }
}

/// Who was told of the own reign lately: beacons can be forged, and what they lead to is little.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    at: BTreeMap<NodeId, Instant>,
}

impl Told {
    /// Whether it is time to tell this one.
    fn may(&mut self, now: Instant, id: NodeId) -> bool {
        self.at.retain(|_, at| now.since(*at) < TOLD_AGAIN);
        let may = self.at.len() < TOLD_MAX && !self.at.contains_key(&id);
        if may {
            self.at.insert(id, now);
        }
        may
    }
}

/// Where somebody is, by the word of somebody at `teller`. Both may live on one machine, which need
/// not be this one; then what the teller says may be an address that nobody else can use, of that
/// machine's loopback or of some network inside it, and the teller's own is the right one.
pub(super) fn told_by(teller: IpAddr, address: Address) -> Vec<Address> {
    let beside = Address { ip: teller, ..address };
    let elsewhere = address.ip.is_loopback() && !teller.is_loopback();
    let told = Some(address).filter(|told| !elsewhere && *told != beside);
    told.into_iter().chain([beside]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::Tuning,
        keys::Chance,
        mesh::{Mesh, identity::Identity, testing::let_in},
    };

    #[test]
    fn an_address_that_only_the_teller_can_use_is_not_all_that_is_tried() {
        let at = |ip: [u8; 4]| Address { ip: ip.into(), tcp: 7, udp: 8 };
        let teller: IpAddr = [10, 1, 0, 2].into();
        let told = |ip| told_by(teller, at(ip));
        assert_eq!(told([172, 17, 0, 1]), [at([172, 17, 0, 1]), at([10, 1, 0, 2])]);
        assert_eq!(told([127, 0, 0, 1]), [at([10, 1, 0, 2])]);
        assert_eq!(told([10, 1, 0, 2]), [at([10, 1, 0, 2])]);
        // Both are on this machine.
        let told = told_by([127, 0, 0, 3].into(), at([127, 0, 0, 2]));
        assert_eq!(told, [at([127, 0, 0, 2]), at([127, 0, 0, 3])]);
    }

    // A cable and Wi-Fi in one network: its broadcasts leave by both.
    #[test]
    fn a_beacon_from_another_of_its_addresses_moves_nobody_whose_link_speaks() {
        let (me, other) = (Identity::numbered(2), Identity::numbered(1));
        let now = Instant(1_000_000);
        let first = SocketAddr::from(([10, 77, 0, 2], 4_000));
        let second = IpAddr::from([10, 77, 0, 102]);
        let mut mesh = Mesh::new(Tuning::default(), Chance::new([1; 32]), 0, Vec::new());
        let_in(&mut mesh, now, &me, &other, first);

        let life = (other.id, other.incarnation);
        assert_eq!(mesh.settled_at(now, life, second), None, "it may have moved there");
        let heard = Acquaintance {
            id: other.id,
            incarnation: other.incarnation,
            name: other.name.clone(),
            role: Role::Player,
            address: Some(Address { ip: second, tcp: other.tcp, udp: other.udp }),
            heard: true,
            wanted: false,
            member: false,
            pays: 0,
        };
        mesh.learn_of(now, &me, heard);
        assert_eq!(mesh.settled_at(now, life, second), Some(first.ip()));
        let silent = now + Duration::from_secs(3);
        assert_eq!(mesh.settled_at(silent, life, second), None, "its link may be dead");
    }
}
