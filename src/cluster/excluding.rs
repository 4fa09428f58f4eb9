//! How somebody comes to be kept out: what the host wants, what the members vote, and what this node is told
//! about itself.

use std::collections::BTreeSet;

use super::{
    Cluster, Notice, Out,
    election::Newest,
    message::{Message, Vote},
    votes::majority,
};
use crate::{
    config::{Mutant, PLAYERS_MAX},
    mesh::{Delivery, Peer, message::Refusal},
    types::{Instant, NodeId, Role},
};

/// Why a node may not be in a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exclusion {
    /// The host kicked or banned it, the members voted it out, or they know that its account has struck this
    /// machine off.
    Barred,
    /// Its own account has struck this machine off.
    StruckOff,
    /// There is a list of those who may come in, and it is not on that.
    NotListed,
}

impl Exclusion {
    /// In a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Exclusion::Barred => "barred",
            Exclusion::StruckOff => "struck_off",
            Exclusion::NotListed => "not_listed",
        }
    }
}

impl Cluster {
    /// Bars somebody for a while, or for good; as the host, without effect otherwise.
    pub fn bar(&mut self, now: Instant, id: NodeId, for_good: bool) {
        let may = self.election.reign().is_some() && id != self.me.id;
        if may && self.bars.bar(now, id, for_good) {
            self.bars_changed(now);
        }
    }

    /// Votes against the host, if it is this one.
    pub fn vote_out(&mut self, now: Instant, newest: &dyn Newest, id: NodeId) {
        let term = self.election.following().filter(|term| term.host == id);
        let (Some(term), Some(session), Role::Player) = (term, self.session_id, self.me.role)
        else {
            return;
        };
        let votes = [Vote::cast(&self.me.key, session, term)];
        self.send_to_all(now, &Message::Votes(votes.to_vec()), None);
        self.hear_votes(now, newest, &votes);
    }

    /// Takes in the votes of others, and does what follows from all that are held.
    pub(super) fn hear_votes(&mut self, now: Instant, newest: &dyn Newest, votes: &[Vote]) {
        let Some(session) = self.session_id.filter(|_| votes.len() <= PLAYERS_MAX) else { return };
        for vote in votes {
            let (roster, held) = (&self.roster, &mut self.votes);
            if held.take(now, session, vote, |id| roster.member(id).is_some()) {
                self.count(now, newest, vote);
            }
        }
    }

    /// Counts the votes against the reign that this one is against.
    fn count(&mut self, now: Instant, newest: &dyn Newest, vote: &Vote) {
        let host = vote.against.host;
        if !self.me.role.plays() {
            return self.watch_votes(vote);
        }
        self.show_votes(now, vote);
        let linked = |id: NodeId| self.mesh.peer(id).is_some_and(|peer| peer.is_linked());
        let members = self.roster.members().iter().map(|member| member.id);
        let mut present: Vec<NodeId> =
            members.filter(|id| *id != host && (*id == self.me.id || linked(*id))).collect();
        present.push(host);
        let (votes, needed) = (self.votes.against(vote.against, &present), majority(present.len()));
        self.out.push_back(Out::Notice(Notice::Votes(host, votes, needed)));
        if votes < needed || self.mesh.refuses(host).is_some() {
            return;
        }
        self.send_to_all(now, &Message::Votes(self.votes.held()), None);
        if host == self.me.id {
            self.out.push_back(Out::Notice(Notice::Excluded(Exclusion::Barred)));
        } else if self.bars.bar(now, host, true) {
            self.bars_changed(now);
            // Where it was reached through a third node alone, there was no link to close.
            self.elect(now, newest, |election, cx| election.link_closed(now, cx, host));
        }
    }

    /// Whoever only watches decides nothing, and sees how the votes stand among those who play.
    fn watch_votes(&mut self, vote: &Vote) {
        let here = self.roster.members().iter().filter(|member| !member.away);
        let mut present: BTreeSet<NodeId> = here.map(|member| member.id).collect();
        present.insert(vote.against.host);
        let present: Vec<NodeId> = present.into_iter().collect();
        let votes = self.votes.against(vote.against, &present);
        let notice = Notice::Votes(vote.against.host, votes, majority(present.len()));
        self.out.push_back(Out::Notice(notice));
    }

    /// Spectators are linked with the host alone: it shows them each vote.
    fn show_votes(&mut self, now: Instant, vote: &Vote) {
        if self.election.reign().is_none() {
            return;
        }
        let watch = |peer: &Peer| peer.is_linked() && !peer.role.plays();
        let spectators = self.mesh.peers().filter(|(_, peer)| watch(peer)).map(|(id, _)| id);
        let message = Message::Votes(vec![vote.clone()]);
        for to in spectators.collect::<Vec<_>>() {
            self.send(now, to, Delivery::Link, &message);
        }
    }

    /// Whoever is linked from here on hears of the votes, too.
    pub(super) fn pass_votes(&mut self, now: Instant, peer: NodeId) {
        let votes = self.votes.held();
        if !votes.is_empty() {
            self.send(now, peer, Delivery::Link, &Message::Votes(votes));
        }
    }

    /// The roster of a host says who may not come in.
    pub(super) fn adopt_bars(&mut self, now: Instant) {
        let Some(published) = self.roster.published() else { return };
        if published.barred.iter().any(|bar| bar.id == self.me.id) {
            return self.out.push_back(Out::Notice(Notice::Excluded(Exclusion::Barred)));
        }
        if !self.tuning.has(Mutant::BansDie) {
            self.bars.adopt(now, &published.barred);
        }
        self.bar_all(now);
    }

    /// Time has passed: kicks are over, and votes too old.
    pub(super) fn mind_bars(&mut self, now: Instant) {
        self.votes.pass(now);
        if self.bars.pass(now) {
            self.bars_changed(now);
        }
    }

    /// Others may not come in than before. They hear of it before they are parted with.
    fn bars_changed(&mut self, now: Instant) {
        if self.election.reign().is_some() && self.roster.bar(self.bars.published()) {
            self.publish_roster(now);
        }
        self.bar_all(now);
    }

    /// Whoever is barred, or was struck off by its account, is let in by nobody here.
    pub(super) fn bar_all(&mut self, now: Instant) {
        let barred = self.bars.ids().union(&self.struck).copied().collect();
        self.mesh.set_barred(now, barred);
    }

    /// The node leaves the session: whom it barred there has nothing to do with any other.
    pub(super) fn pardon_all(&mut self, now: Instant) {
        self.bars.clear();
        self.votes.clear();
        self.bar_all(now);
    }

    /// Somebody does not let this node in. A newcomer believes the host that was announced, whoever plays
    /// already its roster alone.
    pub(super) fn turned_away(&mut self, now: Instant, refusal: Refusal, by: Option<NodeId>) {
        let exclusion = match refusal {
            Refusal::Barred => Exclusion::Barred,
            Refusal::NotListed => Exclusion::NotListed,
            _ => return,
        };
        let reigns =
            |id| self.announced(now).any(|beacon| beacon.term.is_some_and(|t| t.host == id));
        if self.playing() && self.election.current().is_none() && by.is_some_and(reigns) {
            self.out.push_back(Out::Notice(Notice::Excluded(exclusion)));
        }
    }
}
