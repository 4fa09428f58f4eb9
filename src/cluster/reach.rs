//! Who is heard and cannot be reached, and who lets a newcomer in instead.
//!
//! A beacon says that there is a game, not that there is a way into it: the host's machine may let
//! nobody in, the network may keep its machines apart (Wi-Fi with client isolation), or what was told
//! of a host is an address that only the teller can use. So an announcement counts for as long as a
//! link or a tick may still come of it. After that whoever is linked has a game of its own.
//!
//! A newcomer that does not reach the host, but somebody who plays there, does not need the host: it
//! knocks by way of that member ([`Packet::Knock`]), which is its relay from then on.
//!
//! Whom this node hears and does not reach it tells its user, once: something on the way lets nobody
//! in, and only people can change that.

use std::collections::BTreeMap;

use super::{message::Knock, *};
use crate::config::DIAL_COSTS_BYTES;

/// How long a newcomer waits for a host after one of its beacons: a little more than the time between
/// two. Should it live after all, it says so when it is asked.
const ANNOUNCED: Duration = Duration::from_millis(1_300);

/// How long something may still come of an announcement: time for all of a host's addresses to be
/// dialled, one a quarter of a second after the other, and for a slow wire to answer.
const HOPE: Duration = Duration::from_millis(1_800);

/// How long a newcomer waits in all for hosts that are announced, one after the other: anybody can announce
/// any number of them.
const PATIENCE: Duration = Duration::from_millis(3_600);

/// How long the host itself has before a newcomer knocks by way of a member.
const HOST_FIRST: Duration = Duration::from_millis(300);

/// After how long without a way to somebody who is heard the user is told. Above `HOPE`.
const TOLD_AFTER: Duration = Duration::from_millis(2_500);

/// Somebody who is heard, or was said to host the session, and to whom there is no way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreachable {
    /// The id of the one who is not reached.
    pub id: NodeId,
    /// What its player is called, if that was told.
    pub name: Name,
    /// Where it is, by what it or somebody else said.
    pub address: Option<SocketAddr>,
    /// Whether it was heard itself; otherwise a member told of it.
    pub heard: bool,
}

impl Unreachable {
    /// What to call it.
    pub fn called(&self) -> String {
        match self.name.to_string() {
            name if name.is_empty() => "somebody".to_owned(),
            name => name,
        }
    }
}

/// With whom this node is trying to get in touch.
#[derive(Clone, Debug, Default)]
pub(super) struct Reach {
    sought: BTreeMap<NodeId, Sought>,
    /// How often this node has knocked, so that it does so by way of one member after the other.
    knocks: usize,
}

#[derive(Clone, Debug)]
struct Sought {
    incarnation: Incarnation,
    since: Instant,
    told: bool,
}

impl Cluster {
    /// Whether a host of the own session was announced from which a link or a tick may still come. Whoever
    /// announces one host after the other that does not come is not waited for without end.
    pub(super) fn is_host_to_come(&self, now: Instant) -> bool {
        if now.since(self.searching) >= PATIENCE {
            return false;
        }
        let proved = |beacon: &&Beacon| {
            self.mesh.announcement(now, beacon.who.id()).is_none_or(|heard| heard.proved)
        };
        self.announcements(now).filter(proved).filter_map(|beacon| beacon.term).any(|term| {
            let sought = self.reach.sought.get(&term.host);
            sought.is_none_or(|sought| {
                sought.incarnation != term.incarnation || now.since(sought.since) < HOPE
            })
        })
    }

    /// Looks after those who are heard, or told of, and not reached.
    pub(super) fn mind_reach(&mut self, now: Instant) {
        let mut apart: BTreeMap<NodeId, (Incarnation, bool)> = BTreeMap::new();
        for beacon in self.announcements(now) {
            apart.insert(beacon.who.id(), (beacon.who.incarnation, true));
            if let Some(term) = beacon.term {
                apart.entry(term.host).or_insert((term.incarnation, false));
            }
        }
        apart.retain(|id, _| !self.is_reached(*id));
        self.reach.sought.retain(|id, sought| {
            apart.get(id).is_some_and(|(incarnation, _)| *incarnation == sought.incarnation)
        });
        for (id, (incarnation, heard)) in apart {
            let fresh = Sought { incarnation, since: now, told: false };
            let sought = self.reach.sought.entry(id).or_insert(fresh);
            if !sought.told && now.since(sought.since) >= TOLD_AFTER {
                sought.told = true;
                let peer = self.mesh.peer(id);
                let address = peer.and_then(Peer::address);
                self.out.push_back(Out::Notice(Notice::Unreachable(Unreachable {
                    id,
                    name: peer.map_or_else(|| Name::new(""), |peer| peer.name.clone()),
                    address: address.map(|address| SocketAddr::new(address.ip, address.tcp)),
                    heard,
                })));
            }
        }
        if !self.me.role.plays() {
            self.seek_guide(now);
        }
        self.knock(now);
    }

    /// A spectator that does not reach its host watches through a member.
    fn seek_guide(&mut self, now: Instant) {
        let relay = self.election.relay(now);
        let other = || {
            let apart = |host: &NodeId| {
                let sought = self.reach.sought.get(host);
                sought.is_some_and(|sought| now.since(sought.since) >= HOST_FIRST)
            };
            let mut members = self.announcements(now).filter_map(|beacon| {
                let host = beacon.term?.host;
                Some(beacon.who.id()).filter(|member| *member != host && apart(&host))
            });
            members.next().filter(|_| self.election.following().is_none())
        };
        let guide = relay.or_else(other);
        self.mesh.set_guide(guide);
    }

    /// What players of the own session announced within the time between two beacons.
    fn announcements(&self, now: Instant) -> impl Iterator<Item = &Beacon> {
        let lately =
            self.mesh.announcements(now).filter(move |heard| now.since(heard.at) < ANNOUNCED);
        let let_in = |beacon: &&Beacon| {
            let host = beacon.term.map(|term| term.host);
            !host.into_iter().chain([beacon.who.id()]).any(|id| self.mesh.refuses(id).is_some())
        };
        let beacons = lately.map(|heard| &*heard.beacon).filter(let_in);
        beacons.filter(|beacon| self.me.shares_session(beacon) && beacon.who.role.plays())
    }

    /// Whether there is a way to somebody: a link, or the game that both play.
    fn is_reached(&self, id: NodeId) -> bool {
        let current = self.election.current().map(|term| term.host);
        let watches = !self.me.role.plays() && current.is_some();
        let here = |id| self.roster.member(id).is_some_and(|member| !member.away);
        id == self.me.id
            || watches
            || current == Some(id)
            || current.is_some() && here(id)
            || self.mesh.peer(id).is_some_and(Peer::is_linked)
    }

    /// Asks a host that is not reached for a seat, by way of somebody who plays there.
    fn knock(&mut self, now: Instant) {
        let seated = |term| {
            let told = self.roster.published().is_some_and(|roster| roster.term == term);
            let member = self.roster.member(self.me.id).filter(|_| told);
            let waits = told && self.roster.waiting().contains(&self.me.id);
            waits || member.is_some_and(|member| !member.away && member.name == self.me.name)
        };
        let doors: Vec<(NodeId, NodeId)> =
            match (self.election.following(), self.election.current()) {
                (Some(term), _) => {
                    let direct =
                        self.mesh.peer(term.host).is_some_and(Peer::is_linked) || seated(term);
                    let relay = self.election.relay(now).filter(|_| !direct);
                    relay.into_iter().map(|relay| (relay, term.host)).collect()
                }
                (None, Some(_)) => Vec::new(),
                (None, None) => self.doors(now),
            };
        let Some((member, host)) = doors.get(self.reach.knocks % doors.len().max(1)) else {
            return;
        };
        self.reach.knocks = self.reach.knocks.wrapping_add(1);
        let (name, role) = (self.me.name.clone(), self.me.role);
        let knock = Packet::Knock(Knock { name, role });
        self.send_through(now, *member, *host, knock);
    }

    /// By way of whom a newcomer may knock, and at whom.
    fn doors(&self, now: Instant) -> Vec<(NodeId, NodeId)> {
        let linked = |id| self.mesh.peer(id).is_some_and(Peer::is_linked);
        let plays =
            self.announcements(now).filter_map(|beacon| Some((beacon.who.id(), beacon.term?.host)));
        plays
            .filter(|(member, host)| member != host && linked(*member))
            .filter(|(_, host)| {
                let sought = self.reach.sought.get(host);
                sought.is_some_and(|sought| now.since(sought.since) >= HOST_FIRST)
            })
            .collect()
    }

    /// Who is linked, and follows this host, which is not.
    pub(super) fn way_to_host(&self, now: Instant, host: NodeId) -> Option<NodeId> {
        let linked = |id| self.mesh.peer(id).is_some_and(Peer::is_linked);
        let follows = |beacon: &&Beacon| beacon.term.is_some_and(|term| term.host == host);
        let mut members = self.announcements(now).filter(follows).map(|beacon| beacon.who.id());
        members.find(|id| *id != host && linked(*id)).filter(|_| !linked(host))
    }

    /// Somebody who does not reach this host wants to play, and a member brings it.
    pub(super) fn let_in(&mut self, now: Instant, relay: &RelayPacket, knock: &Knock) {
        if self.election.reign().is_none() || self.mesh.refuses(relay.author()).is_some() {
            return;
        }
        let (id, incarnation) = (relay.author(), relay.incarnation);
        let newcomer = Acquaintance {
            id,
            incarnation,
            name: knock.name.clone(),
            role: knock.role,
            address: relay.address,
            heard: false,
            wanted: true,
            member: false,
            pays: DIAL_COSTS_BYTES as usize, // so many bytes a knock has
        };
        self.mesh.learn_of(now, &self.me, newcomer);
        self.mesh.introduced(id, incarnation);
        self.mesh.heard_of(now, id);
        self.reconcile(now);
    }
}
