//! Who finds no seat watches, and plays as soon as it is given one.
//!
//! *Who plays stands in the roster*, and nowhere else: a node that wants to play says so in its hello and its beacons, the
//! host lists it as a member or, where all seats are taken, as one who [waits](Role::Waiting), and each node that
//! reads the list takes that for its role. So a newcomer to a full game has found all who play, as it would have to, and is
//! told with the first list that it watches: it keeps the link with its host, parts with the others, and is linked with
//! the heir beforehand like any spectator. When it is listed as a member it holds the world already, and who it is and what
//! it pressed last are the same: it only begins to vote, to press, and to be linked with all. Nobody else notices more
//! than that there is one more.
//!
//! *The order* is the host's to make: whoever comes later comes later. It is published with the list, so whoever hosts next
//! goes on with it, and nobody who waits has to say anything of its place, nor can. What may get lost with a host is
//! the order of those who came within its last moments, before anybody was told.
//!
//! *Where nobody is left* of those who play, whoever waits would wait for ever. So after [a while](WAITS_WITHOUT_HOST) the
//! first of them looks for a game as one who plays, and goes on with the world that it holds; the others find it.

use super::*;
use crate::config::{WAITING_MAX, WAITS_WITHOUT_HOST};

/// How much longer than the one before it whoever waits does without a host.
const AFTER_THE_NEXT: Duration = Duration::from_secs(1);

impl Cluster {
    /// The own roster is another one: of those who are linked, some play from here on, or do no more.
    pub(super) fn weigh_seats(&mut self, now: Instant) {
        for turned in self.mesh.set_seats(&self.roster.seats()) {
            self.meet(now, turned);
        }
    }

    /// This is the first thing that is said to somebody who has come, or who plays from here on, or does no more.
    fn meet(&mut self, now: Instant, id: NodeId) {
        let Some(peer) = self.mesh.peer(id) else { return };
        let watches = !peer.role.plays() && self.me.role.plays();
        self.keeper.link_is_up(now, id, watches);
        self.give_token(now, id);
    }

    /// The host that is followed says who plays, and who waits: this node may be among the ones or the others.
    pub(super) fn take_seat(&mut self, now: Instant) {
        self.weigh_seats(now);
        self.take_role(now);
    }

    fn take_role(&mut self, now: Instant) {
        let term = self.election.following();
        if term.is_none() || self.roster.published().map(|roster| roster.term) != term {
            return;
        }
        let life = self.me.incarnation;
        let seated =
            self.roster.member(self.me.id).is_some_and(|member| member.incarnation == life);
        let waits = self.roster.waiting().contains(&self.me.id);
        match self.me.role {
            Role::Waiting if seated => {
                self.become_player(now);
                self.out.push_back(Out::Notice(Notice::Seated));
            }
            Role::Player if waits => self.wait_for_seat(now),
            Role::Player | Role::Spectator | Role::Waiting => {}
        }
        self.tell_place();
    }

    /// This node is one of those who play.
    pub(super) fn become_player(&mut self, now: Instant) {
        self.told_full = None;
        if self.me.role.plays() {
            return;
        }
        self.me.role = Role::Player;
        self.heir = None;
        self.leave_tree(now);
        self.mesh.play();
        self.election.take_part(now);
        self.keeper.set_watching(false);
        let plays = |(_, peer): &(NodeId, &Peer)| peer.is_linked() && peer.role.plays();
        for player in self.mesh.peers().filter(plays).map(|(id, _)| id).collect::<Vec<_>>() {
            self.give_token(now, player);
        }
    }

    /// This node finds all seats taken.
    fn wait_for_seat(&mut self, now: Instant) {
        self.me.role = Role::Waiting;
        self.hosted = now;
        self.election.only_watch();
        self.keeper.set_watching(true);
        self.keep_to_host(now);
    }

    /// Whoever waits is linked with the host, and who comes after it: not with the others who play, should one of them not
    /// have heard yet that it has no seat.
    pub(super) fn keep_to_host(&mut self, now: Instant) {
        if self.me.role == Role::Waiting && self.election.following().is_some() {
            self.mesh.only_watch(now);
        }
    }

    /// The person here is told how many come in before it, whenever that is another number.
    fn tell_place(&mut self) {
        let Some(ahead) = self.ahead() else { return };
        let told = (self.roster.members().len(), ahead);
        if self.told_full.is_none_or(|(_, before)| before != ahead) {
            self.told_full = Some(told);
            self.out.push_back(Out::Notice(Notice::Full(told.0, told.1)));
        }
    }

    /// Looks whether there is a seat, or a host at all. Whoever looked for a game itself may have found its host again, which
    /// had nothing new to say.
    pub(super) fn mind_seat(&mut self, now: Instant) {
        // A list that came while the host was missed counts when it is heard again.
        if let Some(term) = self.election.following()
            && self.roster.follow(term)
        {
            self.roster_changed(now);
        }
        self.take_role(now);
        match self.me.role {
            Role::Player => self.mind_being_seated(now),
            Role::Waiting => self.mind_being_hosted(now),
            Role::Spectator => {}
        }
    }

    /// Where more wait than are listed, a newcomer is listed neither here nor there.
    fn mind_being_seated(&mut self, now: Instant) {
        let host = self.election.following().map(|term| term.host);
        let linked = host.and_then(|host| self.mesh.peer(host)).is_some_and(Peer::is_linked);
        let reaches = linked || self.election.relay(now).is_some();
        let unlisted = reaches && self.roster.waiting().len() >= WAITING_MAX;
        if !unlisted || self.roster.member(self.me.id).is_some() {
            self.seated = now;
        } else if now.since(self.seated) >= SEATED_AFTER {
            self.wait_for_seat(now);
            self.tell_place();
        }
    }

    fn mind_being_hosted(&mut self, now: Instant) {
        let place = u32::try_from(self.roster.ahead_of(self.me.id)).unwrap_or(u32::MAX);
        let patience = WAITS_WITHOUT_HOST + AFTER_THE_NEXT.saturating_mul(place);
        if self.election.following().is_some() {
            self.hosted = now;
        } else if now.since(self.hosted) >= patience {
            self.become_player(now);
        }
    }
}
