//! Two people compare pictures: what their machines say to each other goes over the link between the two,
//! and over no other, since that is what proves who is at its other end.

use super::{Cluster, Notice, Out, message::Message};
use crate::{
    mesh::{Delivery, Peer},
    pairing::{self, Ended, Person, Stage, Step, Told},
    text::Name,
    types::{Instant, NodeId},
};

impl Cluster {
    /// The person here wants to compare with this one, or agrees to.
    pub fn pair(&mut self, now: Instant, with: NodeId) {
        if !self.is_linked_with(with) {
            return self.tell_of_pairing(with, Told::Ended { why: Ended::Gone, by_them: false });
        }
        self.pairing.pair(now, self.person(), with);
        self.mind_pairing(now);
    }

    /// The person here says that what it compares is the same, or not, or that it does not want to.
    pub fn compared(&mut self, now: Instant, same: bool) {
        self.pairing.compared(same);
        self.mind_pairing(now);
    }

    /// No more people can be remembered here.
    pub fn cannot_remember(&mut self, now: Instant) {
        self.pairing.full();
        self.mind_pairing(now);
    }

    /// With whom the person here compares, what that one is called, and how far it has come.
    pub fn pairing(&self) -> Option<(NodeId, Name, Stage)> {
        let (peer, stage) = self.pairing.under_way()?;
        Some((peer, self.name_of_peer(peer), stage))
    }

    pub(super) fn hear_pairing(&mut self, now: Instant, from: NodeId, step: Step) {
        self.pairing.hear(now, self.person(), from, step);
        self.mind_pairing(now);
    }

    /// Who this node shows itself to be.
    fn person(&self) -> Person {
        Person { machine: self.me.key.public(), certificate: self.me.certificate.clone() }
    }

    /// Time has passed, or something was said.
    pub(super) fn mind_pairing(&mut self, now: Instant) {
        self.pairing.pass(now);
        while let Some(out) = self.pairing.poll() {
            match out {
                pairing::Out::Say(to, step) => {
                    self.send(now, to, Delivery::Link, &Message::Pairing(*step));
                }
                pairing::Out::Tell(peer, told) => self.tell_of_pairing(peer, told),
            }
        }
    }

    /// There is no link with this one any more.
    pub(super) fn pairing_parts(&mut self, now: Instant, peer: NodeId) {
        self.pairing.part(peer);
        self.mind_pairing(now);
    }

    /// The session is left.
    pub(super) fn leave_pairing(&mut self, now: Instant) {
        self.pairing.leave();
        self.mind_pairing(now);
    }

    fn tell_of_pairing(&mut self, peer: NodeId, told: Told) {
        let name = self.name_of_peer(peer);
        self.out.push_back(Out::Notice(Notice::Pairing(peer, name, told)));
    }

    /// What somebody is called, as the roster says, or else its own link.
    fn name_of_peer(&self, peer: NodeId) -> Name {
        let member = self.roster.member(peer).map(|member| &member.name);
        let name = member.or(self.mesh.peer(peer).map(|peer: &Peer| &peer.name));
        name.cloned().unwrap_or_else(|| Name::new(""))
    }
}
