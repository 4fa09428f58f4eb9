//! Who is in the session, as its host publishes it.
//!
//! Everybody sees the same list, because one node writes it: the host adds whoever it has a link
//! with, or plays through a member that has introduced it, marks as *away* whoever falls silent, and takes off the list whoever left politely or was
//! away for long. A member that is away keeps its place, and comes back to it. A new host goes on
//! with the list it has.

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use super::{
    message::{Bar, Member, Roster as Published, SignedRoster},
    reign::ReignWord,
};
use crate::{
    config::Tuning,
    game::{Rate, Span},
    keys::SecretKey,
    mesh::{Mesh, identity::Identity},
    types::{Incarnation, Instant, NodeId, Role, SessionId, Term},
};

/// How long a member whose link has closed may be silent before it is away: enough to tell a lost
/// link from a lost process.
const UNLINKED_AWAY: Span = Span::ms(250, 2);

/// How long a host that fell silent ranks behind the others: its machine or its cable may do that
/// again, and the crown shall not go to and fro.
const UNSTEADY: Duration = Duration::from_secs(60);

/// So many hosts may publish before one of them is followed: after a network fell into pieces, each
/// piece has one.
const EARLY_MAX: usize = 16;

/// The roster held by a node, and what its host keeps beside it.
#[derive(Clone, Debug, Default)]
pub struct Roster {
    published: Option<Published>,
    /// The list as its host signed it, to be passed on.
    signed: Option<SignedRoster>,
    /// The lists of hosts that are not followed yet, of which one may be.
    early: BTreeMap<NodeId, SignedRoster>,
    away_since: BTreeMap<NodeId, Instant>,
    unsteady_since: BTreeMap<NodeId, Instant>,
}

impl Roster {
    /// What is published, if this node has ever been in the session.
    pub fn published(&self) -> Option<&Published> {
        self.published.as_ref()
    }

    /// Some are not let in here, whatever the host says.
    pub fn leave_out(&mut self, refused: impl Fn(NodeId) -> bool) {
        if let Some(published) = &mut self.published {
            published.members.retain(|member| !refused(member.id));
        }
    }

    /// Some who were left out may be members after all. Whether there are any.
    pub fn readmit(&mut self, refused: impl Fn(NodeId) -> bool) -> bool {
        let (Some(published), Some(signed)) = (&mut self.published, &self.signed) else {
            return false;
        };
        let members = signed.roster.members.iter().filter(|member| !refused(member.id));
        let known =
            (signed.roster.term, signed.roster.version) == (published.term, published.version);
        if !known || members.clone().count() == published.members.len() {
            return false;
        }
        published.members = members.cloned().collect();
        true
    }

    /// What is published as its host signed it: as this node does, if it is the host. None: its host
    /// did not sign what it sent.
    pub fn signed(&self, key: &SecretKey) -> Option<SignedRoster> {
        let published = self.published.as_ref()?;
        match published.term.host == key.public().id() {
            true => SignedRoster::new(published.clone(), key),
            false => self.signed.clone().filter(|signed| signed.check().is_ok()),
        }
    }

    /// The word of a host that it reigns in this term, with its key; nobody has checked it.
    pub fn reign_word(&self, term: Term) -> Option<ReignWord> {
        let signed = self.signed.iter().chain(self.early.values());
        let mut signed = signed.filter(|signed| signed.roster.term == term);
        signed.next().map(SignedRoster::reign_word)
    }

    /// The members, this node included.
    pub fn members(&self) -> &[Member] {
        self.published.as_ref().map_or(&[], |published| &published.members)
    }

    /// The entry of `id`.
    pub fn member(&self, id: NodeId) -> Option<&Member> {
        self.members().iter().find(|member| member.id == id)
    }

    /// Forgets everything: the node has left the session.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Takes a host's word for who is in, or keeps it until its reign is followed: the list comes
    /// over the link and may overtake the reign's first tick. Whether anything has changed.
    pub fn adopt(&mut self, signed: SignedRoster, following: Option<Term>) -> bool {
        let roster = &signed.roster;
        if following != Some(roster.term) {
            if following.is_none_or(|term| term < roster.term)
                && (self.early.len() < EARLY_MAX || self.early.contains_key(&roster.term.host))
            {
                self.early.insert(roster.term.host, signed);
            }
            return false;
        }
        let newer = self.published.as_ref().is_none_or(|mine| {
            (mine.term, mine.version) < (roster.term, roster.version)
                || mine.session_id != roster.session_id
        });
        if newer {
            self.published = Some(roster.clone());
            self.signed = Some(signed);
        }
        newer
    }

    /// A reign is followed from here on: takes the list that came before it, if one did.
    pub fn follow(&mut self, term: Term) -> bool {
        let early = self.early.remove(&term.host);
        self.early.retain(|_, early| early.roster.term > term);
        early.is_some_and(|early| self.adopt(early, Some(term)))
    }

    /// Whether there is nothing against the reign of `id`.
    pub fn is_steady(&self, id: NodeId) -> bool {
        self.member(id).is_none_or(|member| !member.unsteady)
    }

    /// The host that reigned before fell silent.
    pub fn fell_silent(&mut self, now: Instant, id: NodeId) {
        self.unsteady_since.insert(id, now);
    }

    /// The own reign begins, or goes on in another term: the list is this node's to publish.
    pub fn take_over(&mut self, now: Instant, term: Term, session_id: SessionId) {
        let (members, session_id) = match self.published.take() {
            Some(published) => (published.members, published.session_id),
            None => (Vec::new(), session_id),
        };
        let unsteady = members.iter().filter(|member| member.unsteady);
        self.unsteady_since = unsteady.map(|member| (member.id, now)).collect();
        self.published = Some(Published {
            session_id,
            term,
            version: 0,
            members,
            spectators: 0,
            barred: Vec::new(),
        });
        self.signed = None;
        self.away_since.clear();
        self.early.retain(|_, early| early.roster.term > term);
    }

    /// Takes a member off the list: it has left.
    pub fn remove(&mut self, id: NodeId) -> bool {
        let Some(published) = &mut self.published else {
            return false;
        };
        let before = published.members.len();
        published.members.retain(|member| member.id != id);
        let changed = published.members.len() != before;
        published.version += u64::from(changed);
        changed
    }

    /// The host says who may not come in: nobody of those is a member. Whether anything has changed.
    pub fn bar(&mut self, barred: Vec<Bar>) -> bool {
        let Some(published) = &mut self.published else {
            return false;
        };
        if published.barred == barred {
            return false;
        }
        published.members.retain(|member| barred.iter().all(|bar| bar.id != member.id));
        published.barred = barred;
        published.version += 1;
        true
    }

    /// The host brings the list in line with its links. What has changed.
    pub fn reconcile(
        &mut self,
        now: Instant,
        rate: Rate,
        tuning: &Tuning,
        me: &Identity,
        mesh: &Mesh,
    ) -> Changed {
        let Some(published) = &mut self.published else {
            return Changed::Nothing;
        };
        let unlinked_away = rate.span(UNLINKED_AWAY);
        let before = (published.members.clone(), published.spectators);
        let mut entries = Entries {
            members: &mut published.members,
            away_since: &mut self.away_since,
            most: tuning.players_max,
        };
        entries.place((me.id, me.incarnation), None, |entry| {
            entry.name = me.name.clone();
            entry.away = false;
            entry.address = None;
        });
        let present = |role| {
            let all = mesh.peers().filter(move |(_, peer)| peer.role == role);
            all.filter(move |(_, peer)| peer.is_in_touch(now, unlinked_away))
        };
        for (id, peer) in present(Role::Player) {
            let ip = peer.address().map(|address| address.ip);
            entries.place((id, peer.incarnation), ip, |entry| {
                entry.name = peer.name.clone();
                entry.address = peer.address();
            });
        }
        let members = &mut published.members;
        self.unsteady_since.retain(|_, since| now.since(*since) < UNSTEADY);
        for member in members.iter_mut() {
            member.unsteady = self.unsteady_since.contains_key(&member.id);
        }
        published.spectators = present(Role::Spectator).count() as u32;
        for member in members.iter_mut().filter(|member| member.id != me.id) {
            let peer = mesh.peer(member.id);
            let allowed = match peer {
                Some(peer) if peer.is_linked() => tuning.away,
                _ => unlinked_away,
            };
            member.away = peer.is_none_or(|peer| {
                now.since(peer.heard) > allowed || peer.incarnation != member.incarnation
            });
            if member.away {
                self.away_since.entry(member.id).or_insert(now);
            } else {
                self.away_since.remove(&member.id);
            }
        }
        let forgotten = |id: &NodeId| {
            self.away_since.get(id).is_some_and(|since| now.since(*since) > tuning.forget)
        };
        let refused = |id| id != me.id && mesh.refuses(id).is_some();
        members.retain(|member| !forgotten(&member.id) && !refused(member.id));
        let changed = match (before.0 != *members, before.1 != published.spectators) {
            (true, _) => Changed::Members,
            (false, true) => Changed::Spectators,
            (false, false) => return Changed::Nothing,
        };
        published.version += 1;
        changed
    }
}

/// What has changed in a roster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    /// Nothing.
    Nothing,
    /// Only how many watch.
    Spectators,
    /// Who plays, and perhaps how many watch.
    Members,
}

/// The places in the session. Whoever is away keeps its own for as long as nobody else needs it.
struct Entries<'a> {
    members: &'a mut Vec<Member>,
    away_since: &'a mut BTreeMap<NodeId, Instant>,
    most: usize,
}

impl Entries<'_> {
    /// Finds or makes the entry of `id`, if there is room for one, and updates it.
    fn place(
        &mut self,
        (id, incarnation): (NodeId, Incarnation),
        ip: Option<IpAddr>,
        update: impl FnOnce(&mut Member),
    ) {
        if self.members.binary_search_by_key(&id, |member| member.id).is_err() {
            if self.members.len() >= self.most && !self.make_room() && !self.share(ip) {
                return;
            }
            let name = crate::text::Name::new("");
            let member =
                Member { id, incarnation, name, address: None, away: false, unsteady: false };
            let at = self.members.partition_point(|other| other.id < id);
            self.members.insert(at, member);
        }
        if let Ok(at) = self.members.binary_search_by_key(&id, |member| member.id) {
            self.members[at].incarnation = incarnation;
            update(&mut self.members[at]);
        }
    }

    /// Where one machine has two places more than the one at `ip`, it gives one of them up: nobody takes all
    /// of them by being many.
    fn share(&mut self, ip: Option<IpAddr>) -> bool {
        let Some(ip) = ip else { return false };
        let mut places: BTreeMap<IpAddr, (usize, NodeId)> = BTreeMap::new();
        for member in &*self.members {
            if let Some(address) = member.address {
                let (many, last) = places.entry(address.ip).or_insert((0, member.id));
                *many += 1;
                *last = (*last).max(member.id);
            }
        }
        let own = places.get(&ip).map_or(0, |(many, _)| *many);
        let Some((many, last)) = places.into_values().max_by_key(|(many, _)| *many) else {
            return false;
        };
        let gives = many > own + 1;
        self.members.retain(|member| !gives || member.id != last);
        gives
    }

    /// Gives the place of whoever has been away for longest to somebody else.
    fn make_room(&mut self) -> bool {
        let away = self.members.iter().filter(|member| member.away);
        let since = away.filter_map(|member| Some((self.away_since.get(&member.id)?, member.id)));
        let Some((_, longest)) = since.min() else {
            return false;
        };
        self.away_since.remove(&longest);
        self.members.retain(|member| member.id != longest);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{mesh::message::Address, types::Epoch};

    #[test]
    fn no_machine_takes_all_seats_by_being_many() {
        let id = |number: u8| NodeId::from_u128(u128::from(number));
        let member = |number: u8, ip: Option<u8>| Member {
            id: id(number),
            incarnation: Incarnation(1),
            name: crate::text::Name::new("Ada"),
            address: ip.map(|last| Address { ip: [10, 0, 0, last].into(), tcp: 1, udp: 1 }),
            away: false,
            unsteady: false,
        };
        // The host, and seven at one address.
        let mut members: Vec<Member> =
            (0..8).map(|number| member(number, (number > 0).then_some(9))).collect();
        let mut away_since = BTreeMap::new();
        let mut entries = Entries { members: &mut members, away_since: &mut away_since, most: 8 };
        let mut comes = |number: u8, ip: u8| {
            let place = (id(number), Incarnation(1));
            entries.place(place, Some([10, 0, 0, ip].into()), |entry| {
                *entry = member(number, Some(ip));
            });
            entries.members.iter().any(|member| member.id == id(number))
        };
        assert!(comes(20, 2));
        assert!(!comes(7, 9), "the one that gave up its seat, and is still linked");
        assert!(!comes(21, 9), "there are enough of them");
        assert!(comes(22, 2));
        assert!(comes(23, 2));
        assert!(!comes(24, 2), "three and four");
        assert!(comes(25, 3));
        assert!(!comes(7, 9) && !comes(21, 9));
        assert_eq!(members.len(), 8);
        assert_eq!(members[0].id, id(0), "the host has no address");
    }

    // Two hosts meet: a third node, linked with both, hears both lists before the verdict.
    #[test]
    fn lists_of_several_hosts_may_come_before_one_of_them_is_followed() {
        let lists = [(7, 4), (6, 2), (8, 3)].map(|(epoch, host)| {
            let key = SecretKey::from_bytes(&[host; 32]);
            let host = key.public().id();
            let term = Term { epoch: Epoch(epoch), host, incarnation: Incarnation(0) };
            let session_id = SessionId(uuid::Uuid::nil());
            let members = Vec::new();
            let list = Published {
                session_id,
                term,
                version: 1,
                members,
                spectators: 0,
                barred: Vec::new(),
            };
            SignedRoster::new(list, &key).unwrap()
        });
        for followed in &lists {
            let term = followed.roster.term;
            let mut roster = Roster::default();
            assert!(roster.reign_word(term).is_none());
            for list in &lists {
                assert!(!roster.adopt(list.clone(), None));
            }
            assert_eq!(roster.reign_word(term).map(|word| word.check(term)), Some(Ok(())));
            assert!(roster.follow(term));
            assert_eq!(roster.published().unwrap().term, term);
            assert!(roster.reign_word(term).is_some());
        }
    }
}
