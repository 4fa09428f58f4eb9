//! Two people compare pictures, and what a node makes of those whom its person is sure of.

use super::{Event, MemberView, Node, PairingView};
use crate::{
    accounts::{Friends, Standing},
    game::Game,
    pairing::{Ended, Told},
    text::Name,
    types::{Instant, NodeId},
};

impl<G: Game> Node<G> {
    /// Those whom the person here has compared pictures with, to look at.
    pub fn friends(&self) -> &Friends {
        self.company.friends()
    }

    /// How somebody stands to them, to look at.
    pub fn standing(&self, id: NodeId) -> Standing {
        self.company.standing(id)
    }

    /// With whom the person here compares pictures just now.
    pub fn pairing(&self) -> Option<PairingView> {
        let (peer, name, stage) = self.cluster.pairing()?;
        Some(PairingView { peer, name, stage })
    }

    /// The person here wants to compare with this one, if that can be remembered.
    pub(super) fn pair(&mut self, now: Instant, id: NodeId) {
        if self.company.friends().has_room() {
            return self.cluster.pair(now, id);
        }
        if self.cluster.pairing().is_some_and(|(peer, ..)| peer == id) {
            return self.cluster.cannot_remember(now);
        }
        let member = self.members.iter().find(|member| member.id == id);
        let name = member.map(|member| member.name.clone()).unwrap_or_else(|| Name::new(""));
        let told = Told::Ended { why: Ended::Full, by_them: false };
        self.say(Event::Pairing { peer: id, name, told });
    }

    /// The person here says that what it compares is the same, or that it wants to compare; or not.
    pub(super) fn compared(&mut self, now: Instant, same: bool) {
        match same && !self.company.friends().has_room() {
            true => self.cluster.cannot_remember(now),
            false => self.cluster.compared(now, same),
        }
    }

    /// Shows who is in the session.
    pub(super) fn show_members(&mut self) {
        let members = self.cluster.members().iter().map(|member| MemberView {
            id: member.id,
            name: member.name.clone(),
            away: member.away,
            standing: self.company.standing(member.id),
        });
        self.members = members.collect();
    }

    /// Looks whether somebody is here who is remembered, or called like one who is.
    pub(super) fn mind_company(&mut self, now: Instant) {
        let (me, members) = (self.me(), self.cluster.members());
        let changed = self.company.look(now, me, members, self.persons.shown());
        if changed.is_empty() {
            return;
        }
        self.show_members();
        self.view_due = true;
        for member in self.members.clone().iter().filter(|member| changed.contains(&member.id)) {
            let (peer, name) = (member.id, member.name.clone());
            match member.standing {
                Standing::Paired => self.say(Event::Recognised { peer, name }),
                Standing::OtherKey => self.say(Event::OtherKey { peer, name }),
                Standing::Unknown => {}
            }
        }
    }
}
