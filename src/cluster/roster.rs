//! Who is in the session, as its host publishes it.
//!
//! Everybody sees the same list, because one node writes it: the host adds whoever it has a link
//! with, or plays through a member that has introduced it, marks as *away* whoever falls silent, and takes off the list whoever left politely or was
//! away for long. A member that is away keeps its place, and comes back to it. A new host goes on
//! with the list it has.
//!
//! There are so many seats, and no more. Everybody who wants one is put in a line, at its end, and takes the first seat
//! that is free when its turn has come: mostly at once. So whoever comes does not overtake those who wait. The line is
//! part of the list, so a new host knows it; of those in it who are not linked with the new host yet it waits for a
//! moment (`SEAT_HELD`) before somebody behind them gets their seat.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    time::Duration,
};

use super::{
    message::{Bar, Member, Roster as Published, SignedRoster},
    reign::ReignWord,
};
use crate::{
    config::{SEAT_KEPT, Tuning, WAITING_MAX},
    game::{Rate, Span},
    keys::SecretKey,
    mesh::{Mesh, Peer, identity::Identity},
    types::{Incarnation, Instant, NodeId, SessionId, Term},
};

/// How long a member whose link has closed may be silent before it is away: enough to tell a lost
/// link from a lost process.
const UNLINKED_AWAY: Span = Span::ms(250, 2);

/// How long a host that fell silent ranks behind the others: its machine or its cable may do that
/// again, and the crown shall not go to and fro.
const UNSTEADY: Duration = Duration::from_secs(60);

/// How long a seat is held for somebody whose turn it is, and who is not there: a new host is linked with everybody by then.
const SEAT_HELD: Duration = Duration::from_millis(500);

/// How long whoever waits and is not there keeps its place in the line.
const PLACE_KEPT: Duration = Duration::from_secs(10);

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
    /// Since when somebody who waits for a seat is not there.
    missed_since: BTreeMap<NodeId, Instant>,
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

    /// Those who wait for a seat, as far as they are listed: first whoever is to get the next one.
    pub fn waiting(&self) -> &[NodeId] {
        self.published.as_ref().map_or(&[], |published| &published.waiting)
    }

    /// How many are before `id` in the line; of whoever is not listed: all who are.
    pub fn ahead_of(&self, id: NodeId) -> usize {
        let waiting = self.waiting();
        waiting.iter().position(|other| *other == id).unwrap_or(waiting.len())
    }

    /// Who plays, and in which lives.
    pub fn seats(&self) -> BTreeMap<NodeId, Incarnation> {
        self.members().iter().map(|member| (member.id, member.incarnation)).collect()
    }

    /// The entry of `id`.
    pub fn member(&self, id: NodeId) -> Option<&Member> {
        self.members().iter().find(|member| member.id == id)
    }

    /// Forgets everything: the node has left the session.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Whoever waits is forgotten: a deliberate bug.
    pub fn forget_line(&mut self) {
        if let Some(published) = &mut self.published {
            published.waiting.clear();
        }
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
        let (members, waiting, session_id) = match self.published.take() {
            Some(published) => (published.members, published.waiting, published.session_id),
            None => (Vec::new(), Vec::new(), session_id),
        };
        let unsteady = members.iter().filter(|member| member.unsteady);
        self.unsteady_since = unsteady.map(|member| (member.id, now)).collect();
        self.published = Some(Published {
            session_id,
            term,
            version: 0,
            members,
            spectators: 0,
            waiting,
            barred: Vec::new(),
        });
        self.signed = None;
        self.away_since.clear();
        self.missed_since.clear();
        self.early.retain(|_, early| early.roster.term > term);
    }

    /// Takes somebody off the list: it has left.
    pub fn remove(&mut self, id: NodeId) -> bool {
        let Some(published) = &mut self.published else {
            return false;
        };
        let listed = |published: &Published| published.members.len() + published.waiting.len();
        let before = listed(published);
        published.members.retain(|member| member.id != id);
        published.waiting.retain(|waiting| *waiting != id);
        let changed = listed(published) != before;
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
        let may_come = |id: NodeId| barred.iter().all(|bar| bar.id != id);
        published.members.retain(|member| may_come(member.id));
        published.waiting.retain(|id| may_come(*id));
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
        let waiting = std::mem::take(&mut published.waiting);
        let before = (published.members.clone(), published.spectators, waiting.clone());
        let in_touch = |peer: &Peer| peer.is_in_touch(now, unlinked_away);
        let members = &mut published.members;
        for member in members.iter_mut().filter(|member| member.id != me.id) {
            let peer = mesh.peer(member.id);
            let wants_it = |peer: &&Peer| peer.announced.wants_a_seat() && in_touch(peer);
            if let Some(peer) = peer.filter(wants_it) {
                member.incarnation = peer.incarnation;
                member.name = peer.name.clone();
                member.address = peer.address();
            }
            let allowed = match peer {
                Some(peer) if peer.is_linked() => tuning.away * peer.calm(),
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
        let mut seats =
            Seats { now, members, away_since: &mut self.away_since, most: tuning.players_max };
        seats.host(me);
        let mut line = Line { now, missed_since: &mut self.missed_since, waiting };
        line.keep(|id| !seats.has(id) && !refused(id) && mesh.peer(id).is_none_or(Peer::may_wait));
        let newcomers = mesh.peers().filter(|(_, peer)| peer.announced.wants_a_seat());
        let newcomers = newcomers.filter(|(id, peer)| in_touch(peer) && !seats.has(*id));
        let mut newcomers: Vec<(Instant, NodeId)> =
            newcomers.map(|(id, peer)| (mesh.linked_since(peer), id)).collect();
        newcomers.sort_unstable();
        line.join(newcomers.into_iter().map(|(_, id)| id), |id| {
            mesh.peer(id).and_then(Peer::address).map(|address| address.ip)
        });
        published.waiting = line.give(&mut seats, |id| {
            let heard =
                |peer: &&Peer| in_touch(peer) && now.since(peer.heard) <= tuning.away * peer.calm();
            mesh.peer(id).filter(heard).map(|peer| Member {
                id,
                incarnation: peer.incarnation,
                name: peer.name.clone(),
                address: peer.address(),
                away: false,
                unsteady: false,
            })
        });
        self.unsteady_since.retain(|_, since| now.since(*since) < UNSTEADY);
        for member in published.members.iter_mut() {
            member.unsteady = self.unsteady_since.contains_key(&member.id);
        }
        let watch = |(id, peer): &(NodeId, &Peer)| {
            in_touch(peer) && published.members.iter().all(|member| member.id != *id)
        };
        published.spectators = mesh.peers().filter(watch).count() as u32;
        let listed = before.0 != published.members || before.2 != published.waiting;
        let changed = match (listed, before.1 != published.spectators) {
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
    /// Who plays, or who waits for a seat; and perhaps how many watch.
    Members,
}

/// Those who wait for a seat, in the order in which they are to get one.
struct Line<'a> {
    now: Instant,
    missed_since: &'a mut BTreeMap<NodeId, Instant>,
    waiting: Vec<NodeId>,
}

impl Line<'_> {
    /// Only these stay in it, and of those who are not there whoever was a while ago.
    fn keep(&mut self, stays: impl Fn(NodeId) -> bool) {
        let (now, missed_since) = (self.now, &mut *self.missed_since);
        let gone = |since: &Instant| now.since(*since) > PLACE_KEPT;
        self.waiting.retain(|id| stays(*id) && !missed_since.get(id).is_some_and(gone));
        missed_since.retain(|id, _| self.waiting.contains(id));
    }

    /// These want a seat: they come after all others. Where the line is full, the last of an address from which two more
    /// wait than from that of a newcomer goes out of it.
    fn join(
        &mut self,
        newcomers: impl Iterator<Item = NodeId>,
        ip: impl Fn(NodeId) -> Option<IpAddr>,
    ) {
        let already: BTreeSet<NodeId> = self.waiting.iter().copied().collect();
        let mut crowds = None;
        for id in newcomers.filter(|id| !already.contains(id)) {
            if self.waiting.len() >= WAITING_MAX {
                let listed = || self.waiting.iter().filter_map(|id| Some((ip(*id)?, *id)));
                let crowds_there = crowds.get_or_insert_with(|| Crowds::of(listed()));
                let Some(gives) = ip(id).and_then(|own| crowds_there.gives_way_to(own)) else {
                    continue;
                };
                self.waiting.retain(|other| *other != gives);
                crowds = None;
            }
            self.waiting.push(id);
        }
    }

    /// Gives a seat to each whose turn it is and who is there, as far as there are any. Those who wait on.
    fn give(
        self,
        seats: &mut Seats<'_>,
        is_there: impl Fn(NodeId) -> Option<Member>,
    ) -> Vec<NodeId> {
        let mut held = 0;
        let mut waiting = Vec::new();
        for id in self.waiting {
            match is_there(id) {
                Some(newcomer) => {
                    self.missed_since.remove(&id);
                    if seats.give(newcomer, held) {
                        continue;
                    }
                }
                None => {
                    let since = *self.missed_since.entry(id).or_insert(self.now);
                    held += usize::from(self.now.since(since) <= SEAT_HELD);
                }
            }
            waiting.push(id);
        }
        waiting
    }
}

/// The places in the session. Whoever is away keeps its own for as long as nobody else needs it, and a
/// [while](SEAT_KEPT) in any case.
struct Seats<'a> {
    now: Instant,
    members: &'a mut Vec<Member>,
    away_since: &'a mut BTreeMap<NodeId, Instant>,
    most: usize,
}

impl Seats<'_> {
    /// Whether `id` has one.
    fn has(&self, id: NodeId) -> bool {
        self.members.binary_search_by_key(&id, |member| member.id).is_ok()
    }

    /// The host has one before anybody else, if only somebody is away.
    fn host(&mut self, me: &Identity) {
        let full = !self.has(me.id) && self.members.len() >= self.most;
        if full && !self.make_room(Duration::ZERO) {
            return;
        }
        self.seat(Member {
            id: me.id,
            incarnation: me.incarnation,
            name: me.name.clone(),
            address: None,
            away: false,
            unsteady: false,
        });
    }

    /// Gives one to somebody, if there is one besides those that are `held` for others.
    fn give(&mut self, newcomer: Member, held: usize) -> bool {
        let full = |seats: &Self| seats.members.len() + held >= seats.most;
        while full(self) && self.make_room(SEAT_KEPT) {}
        if full(self) && !self.share(newcomer.address.map(|address| address.ip)) {
            return false;
        }
        self.seat(newcomer);
        true
    }

    fn seat(&mut self, member: Member) {
        match self.members.binary_search_by_key(&member.id, |other| other.id) {
            Ok(at) => self.members[at] = member,
            Err(at) => self.members.insert(at, member),
        }
    }

    /// Where one machine has two places more than the one at `ip`, it gives one of them up: nobody takes all
    /// of them by being many.
    fn share(&mut self, ip: Option<IpAddr>) -> bool {
        let Some(ip) = ip else { return false };
        let places = self.members.iter().filter_map(|member| Some((member.address?.ip, member.id)));
        // It does not matter which one; always the same one, so that they do not take turns.
        let mut places: Vec<(IpAddr, NodeId)> = places.collect();
        places.sort_unstable_by_key(|(_, id)| *id);
        let Some(gives) = Crowds::of(places.into_iter()).gives_way_to(ip) else { return false };
        self.members.retain(|member| member.id != gives);
        true
    }

    /// Gives up the place of whoever has been away for longest, and for so long at least.
    fn make_room(&mut self, patience: Duration) -> bool {
        let away = self.members.iter().filter(|member| member.away);
        let since = away.filter_map(|member| Some((*self.away_since.get(&member.id)?, member.id)));
        let longest = since.min().filter(|(since, _)| self.now.since(*since) >= patience);
        let Some((_, longest)) = longest else {
            return false;
        };
        self.away_since.remove(&longest);
        self.members.retain(|member| member.id != longest);
        true
    }
}

/// How many there are from each address, and the last one from there.
struct Crowds(BTreeMap<IpAddr, (usize, NodeId)>);

impl Crowds {
    fn of(all: impl Iterator<Item = (IpAddr, NodeId)>) -> Self {
        let mut crowds: BTreeMap<IpAddr, (usize, NodeId)> = BTreeMap::new();
        for (ip, id) in all {
            let (many, last) = crowds.entry(ip).or_insert((0, id));
            *many += 1;
            *last = id;
        }
        Self(crowds)
    }

    /// The last one of the address from which there are most, if that are two more than from `own`.
    fn gives_way_to(&self, own: IpAddr) -> Option<NodeId> {
        let from_own = self.0.get(&own).map_or(0, |(many, _)| *many);
        let (many, last) = self.0.values().max_by_key(|(many, _)| *many)?;
        (*many > from_own + 1).then_some(*last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{mesh::message::Address, text::Name, types::Epoch};

    const NOW: Instant = Instant(60_000_000);

    fn id(number: u8) -> NodeId {
        NodeId::from_u128(u128::from(number))
    }

    fn member(number: u8, ip: Option<u8>) -> Member {
        Member {
            id: id(number),
            incarnation: Incarnation(1),
            name: Name::new("Ada"),
            address: ip.map(|last| Address { ip: [10, 0, 0, last].into(), tcp: 1, udp: 1 }),
            away: false,
            unsteady: false,
        }
    }

    /// A host's list: as many seats, the line, and what it remembers of who is away, or missed.
    #[derive(Default)]
    struct List {
        most: usize,
        members: Vec<Member>,
        away_since: BTreeMap<NodeId, Instant>,
        waiting: Vec<NodeId>,
        missed_since: BTreeMap<NodeId, Instant>,
    }

    impl List {
        fn full(most: u8) -> Self {
            let members = (0..most).map(|number| member(number, Some(number))).collect();
            Self { most: most.into(), members, ..Self::default() }
        }

        fn leaves(&mut self, number: u8) {
            self.members.retain(|member| member.id != id(number));
        }

        fn goes_away(&mut self, at: Instant, number: u8) {
            let away = self.members.iter_mut().find(|member| member.id == id(number));
            away.unwrap().away = true;
            self.away_since.insert(id(number), at);
        }

        /// These are there, in this order if they are new, each at an address of its own. Who has a seat of them.
        fn looks(&mut self, now: Instant, there: &[u8]) -> Vec<u8> {
            let waiting = std::mem::take(&mut self.waiting);
            let (members, away_since) = (&mut self.members, &mut self.away_since);
            let mut seats = Seats { now, members, away_since, most: self.most };
            let mut line = Line { now, missed_since: &mut self.missed_since, waiting };
            line.keep(|id| !seats.has(id));
            let new = there.iter().map(|number| id(*number)).filter(|id| !seats.has(*id));
            line.join(new, |_| None);
            self.waiting = line.give(&mut seats, |which| {
                let number = there.iter().find(|number| id(**number) == which)?;
                Some(member(*number, Some(*number)))
            });
            let seated = |number: &&u8| self.members.iter().any(|member| member.id == id(**number));
            there.iter().filter(seated).copied().collect()
        }

        fn line(&self) -> Vec<u128> {
            self.waiting.iter().map(|id| id.as_u128()).collect()
        }
    }

    #[test]
    fn the_first_two_of_five_who_wait_get_the_two_seats_that_are_free() {
        let mut list = List::full(3);
        assert!(list.looks(NOW, &[50]).is_empty());
        assert!(list.looks(NOW, &[50, 20, 40]).is_empty());
        assert!(list.looks(NOW, &[10, 20, 30, 40, 50]).is_empty());
        assert_eq!(list.line(), [50, 20, 40, 10, 30]);
        list.leaves(1);
        list.leaves(2);
        assert_eq!(list.looks(NOW, &[10, 20, 30, 40, 50]), [20, 50]);
        assert_eq!(list.line(), [40, 10, 30]);
    }

    #[test]
    fn nobody_who_comes_later_overtakes_those_who_wait() {
        let mut list = List::full(2);
        list.looks(NOW, &[50]);
        list.leaves(1);
        assert_eq!(list.looks(NOW, &[10, 50]), [50]);
        assert_eq!(list.line(), [10]);
    }

    #[test]
    fn whoever_is_gone_is_skipped_after_a_moment_and_keeps_its_place_for_a_while() {
        let mut list = List::full(2);
        list.looks(NOW, &[50, 40]);
        list.leaves(1);
        assert!(list.looks(NOW, &[40]).is_empty(), "it may be on its way to a new host");
        let later = NOW + SEAT_HELD + Duration::from_millis(50);
        assert_eq!(list.looks(later, &[40]), [40]);
        assert_eq!(list.line(), [50]);
        list.leaves(40);
        let back = later + Duration::from_secs(3);
        assert_eq!(list.looks(back, &[50, 30]), [50], "it was before that one");
        list.looks(back, &[20]);
        list.looks(back + PLACE_KEPT + Duration::from_secs(1), &[20]);
        assert_eq!(list.line(), [20], "whoever was gone for long begins anew");
    }

    #[test]
    fn a_seat_is_kept_for_whoever_is_away_for_a_while_and_then_given_to_who_waits() {
        let mut list = List::full(2);
        list.goes_away(NOW, 1);
        assert!(list.looks(NOW, &[9]).is_empty());
        assert!(list.looks(NOW + SEAT_KEPT / 2, &[9]).is_empty());
        assert_eq!(list.looks(NOW + SEAT_KEPT, &[9]), [9]);
        assert_eq!(list.members.len(), 2);
    }

    #[test]
    fn a_long_line_is_shared_by_the_addresses_that_it_is_made_of() {
        let many: Vec<NodeId> = (0..WAITING_MAX as u128).map(NodeId::from_u128).collect();
        let mut missed_since = BTreeMap::new();
        let mut line = Line { now: NOW, missed_since: &mut missed_since, waiting: many };
        let crowd = |id: NodeId| Some([10, 0, 0, u8::from(id.as_u128() > 1_000)].into());
        let (one_more, other) = (NodeId::from_u128(500), NodeId::from_u128(2_000));
        line.join([one_more].into_iter(), crowd);
        assert!(!line.waiting.contains(&one_more));
        line.join([other].into_iter(), crowd);
        assert_eq!(line.waiting.last(), Some(&other));
        assert_eq!(line.waiting.len(), WAITING_MAX);
        assert_eq!(line.waiting[0], NodeId::from_u128(0));
    }

    #[test]
    fn no_machine_takes_all_seats_by_being_many() {
        // The host, and seven at one address.
        let mut members: Vec<Member> =
            (0..8).map(|number| member(number, (number > 0).then_some(9))).collect();
        let mut away_since = BTreeMap::new();
        let mut seats =
            Seats { now: NOW, members: &mut members, away_since: &mut away_since, most: 8 };
        let mut comes = |number: u8, ip: u8| seats.give(member(number, Some(ip)), 0);
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
                waiting: Vec::new(),
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
