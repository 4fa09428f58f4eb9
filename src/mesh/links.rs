//! The life of a link: opened, introduced, of use or retired, lost.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use serde::Serialize;

use super::{
    Acquaintance, Mesh, Out, Parting,
    identity::Identity,
    message::{HELLO, Hello, REFUSED, Refusal},
};
use crate::{
    io::{CloseReason, Effect},
    types::{Instant, LinkId, NodeId},
    wire::Deframer,
};

/// The most retired links with one peer.
const SPARES_MAX: usize = 4;

/// How long after a link is up the first ping goes out: by then a datagram should have come.
const FIRST_PING: Duration = Duration::from_millis(250);

/// One link.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) from: SocketAddr,
    pub(super) dialled: Option<NodeId>,
    /// The own hello is on its way.
    pub(super) introduced: bool,
    pub(super) peer: Option<NodeId>,
    /// Since when another link serves in its place.
    pub(super) retired: Option<Instant>,
    /// Which of two links stays: the one dialled by the lower id, then the one dialled last. The
    /// same at both ends.
    pub(super) merit: (bool, u64),
    /// When it was opened; once its peer has said who it is, when that was.
    pub(super) since: Instant,
    pub(super) heard: Instant,
    pub(super) ping_at: Instant,
    pub(super) deframer: Deframer,
}

impl Link {
    pub(super) fn new(now: Instant, from: SocketAddr, dialled: Option<NodeId>) -> Self {
        Self {
            from,
            dialled,
            introduced: false,
            peer: None,
            retired: None,
            merit: (false, 0),
            since: now,
            heard: now,
            ping_at: now,
            deframer: Deframer::new(),
        }
    }
}

impl Mesh {
    /// The driver has accepted a link.
    pub(super) fn accepted(&mut self, now: Instant, me: &Identity, link: LinkId, from: SocketAddr) {
        let strangers =
            self.links.iter().filter(|(_, link)| link.peer.is_none() && link.dialled.is_none());
        if strangers.clone().count() >= self.tuning.strangers_max
            && let Some(oldest) = strangers.min_by_key(|(_, link)| link.since).map(|(id, _)| *id)
        {
            self.drop_link(oldest);
        }
        self.links.insert(link, Link::new(now, from, None));
        self.stir();
        self.introduce(me, link);
    }

    /// A link is gone.
    pub(super) fn closed(&mut self, now: Instant, link: LinkId, reason: CloseReason) {
        let reason = match reason {
            CloseReason::EndOfStream => Parting::Closed,
            CloseReason::Error => Parting::Error,
            CloseReason::Slow => Parting::Slow,
        };
        self.lost(now, link, reason);
    }

    /// Bytes came in on a link.
    pub(super) fn bytes(&mut self, now: Instant, me: &Identity, link: LinkId, chunk: &[u8]) {
        // Whoever accepts says hello at once, and may be heard before the link counts as open here.
        self.introduce(me, link);
        let Some(state) = self.links.get_mut(&link) else {
            return;
        };
        state.heard = now;
        state.deframer.push(chunk);
        if let Some(peer) = state.peer.and_then(|id| self.peers.get_mut(&id)) {
            peer.heard = now;
        }
        while let Some(state) = self.links.get_mut(&link) {
            let frame = match state.deframer.next_frame() {
                Ok(Some(frame)) => Bytes::copy_from_slice(frame),
                Ok(None) => return,
                Err(_) => return self.fail(now, link),
            };
            match (state.peer, frame.split_first()) {
                (Some(peer), _) => self.frame(now, peer, link, frame),
                (None, Some((&HELLO, hello))) => match serde_json::from_slice(hello) {
                    Ok(hello) => self.hello(now, me, link, hello),
                    Err(_) => return self.fail(now, link),
                },
                (None, _) => return self.fail(now, link),
            }
        }
    }

    /// Closes the link with a peer, after what was sent on it.
    pub fn hang_up(&mut self, now: Instant, id: NodeId, reason: Parting) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let Some(link) = peer.link.take() else { return };
        peer.unlinked = now;
        self.drop_link(link);
        self.out.push_back(Out::Down { peer: id, reason });
    }

    /// Says hello, once.
    pub(super) fn introduce(&mut self, me: &Identity, link: LinkId) {
        let Some(state) = self.links.get_mut(&link).filter(|state| !state.introduced) else {
            return;
        };
        state.introduced = true;
        let dial = state.dialled.map_or(0, |_| link.0);
        match me.hello(dial) {
            Some(hello) => self.write_json(link, HELLO, &hello),
            None => self.write_json(link, REFUSED, &Refusal::Session),
        }
    }

    fn hello(&mut self, now: Instant, me: &Identity, link: LinkId, hello: Hello) {
        let Hello { who, dial } = hello;
        if let Some(refusal) = me.refuse(&who) {
            if refusal == Refusal::Identity && who.incarnation != me.incarnation {
                self.out.push_back(Out::Clash { incarnation: who.incarnation });
            }
            self.write_json(link, REFUSED, &refusal);
            return self.fail(now, link);
        }
        let Some(state) = self.links.get(&link) else { return };
        let (ip, wanted) = (state.from.ip(), state.dialled);
        let id = who.id;
        if wanted.is_some_and(|wanted| wanted != id) {
            return self.fail(now, link); // somebody else lives there by now
        }
        if self.peers.get(&id).is_some_and(|peer| peer.incarnation != who.incarnation) {
            self.end_life(now, id);
        }
        let udp = SocketAddr::new(ip, who.udp);
        self.make_room(id);
        self.learn_of(now, me, Acquaintance::introduced(who, ip, false));
        let (Some(peer), Some(state)) = (self.peers.get_mut(&id), self.links.get_mut(&link)) else {
            return self.fail(now, link);
        };
        let dial = if wanted.is_some() { link.0 } else { dial };
        state.merit = (wanted.is_some() == (me.id < id), dial);
        state.peer = Some(id);
        state.since = now;
        state.deframer.trust();
        let merit = state.merit;
        peer.tries = 0;
        peer.dial_at = now + self.tuning.redial_max;
        let rival = peer.link;
        // Both ends ping: a link that is silent for so long is dead, whatever its merit. So is one to
        // where the peer was before it moved.
        let silent = self.tuning.link_silence / 2;
        let moved = peer.moved;
        self.dial_succeeded(id, link);
        let better = rival.and_then(|rival| self.links.get(&rival)).is_none_or(|rival| {
            rival.merit < merit || now.since(rival.heard) > silent || rival.since < moved
        });
        if let Some(worse) = if better { rival } else { Some(link) } {
            self.retire(now, worse);
        }
        if better {
            self.bring_up(now, me, id, link, udp, rival.is_some());
        }
    }

    fn bring_up(
        &mut self,
        now: Instant,
        me: &Identity,
        id: NodeId,
        link: LinkId,
        udp: SocketAddr,
        renewed: bool,
    ) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        peer.link = Some(link);
        peer.udp = Some(udp);
        peer.udp_heard = now;
        if let Some(link) = self.links.get_mut(&link) {
            link.ping_at = now + FIRST_PING;
        }
        self.stir();
        self.out.push_back(Out::Up { peer: id, renewed });
        self.probe(now, me, id);
    }

    fn retire(&mut self, now: Instant, link: LinkId) {
        let Some(state) = self.links.get_mut(&link) else { return };
        state.retired = Some(now);
        let spares = state.peer.into_iter().flat_map(|peer| self.spares(peer));
        let spares: Vec<(Instant, LinkId)> = spares.map(|(id, spare)| (spare.heard, id)).collect();
        if spares.len() > SPARES_MAX
            && let Some((_, oldest)) = spares.into_iter().min()
        {
            self.drop_link(oldest);
        }
        self.stir();
    }

    /// A peer has started anew: the links of its earlier life are of no use.
    pub(super) fn end_life(&mut self, now: Instant, id: NodeId) {
        let spares: Vec<LinkId> = self.spares(id).map(|(link, _)| link).collect();
        for spare in spares {
            self.drop_link(spare);
        }
        if let Some(link) = self.peers.get(&id).and_then(|peer| peer.link) {
            self.out.push_back(Out::Effect(Effect::Close { link }));
            self.lost(now, link, Parting::Replaced);
        }
    }

    /// A link is to be closed by this side, because the other did what it must not, or nothing.
    pub(super) fn fail(&mut self, now: Instant, link: LinkId) {
        self.out.push_back(Out::Effect(Effect::Close { link }));
        self.lost(now, link, Parting::Error);
    }

    /// A link is no more: what follows from that.
    pub(super) fn lost(&mut self, now: Instant, link: LinkId, reason: Parting) {
        let Some(state) = self.links.remove(&link) else { return };
        self.stir();
        let Some(id) = state.peer else { return self.dial_over(now, link) };
        if self.peers.get(&id).is_none_or(|peer| peer.link != Some(link)) {
            return;
        }
        let spare = self.spares(id).max_by_key(|(_, link)| link.merit).map(|(link, _)| link);
        let Some(peer) = self.peers.get_mut(&id) else { return };
        peer.link = spare;
        match spare.and_then(|spare| self.links.get_mut(&spare)) {
            Some(spare) => {
                spare.retired = None;
                self.out.push_back(Out::Up { peer: id, renewed: true });
            }
            None => {
                peer.unlinked = now;
                peer.dial_at = now + self.tuning.redial_min;
                self.out.push_back(Out::Down { peer: id, reason });
            }
        }
    }

    /// The retired links with a peer.
    pub(super) fn spares(&self, id: NodeId) -> impl Iterator<Item = (LinkId, &Link)> {
        let spares = self.links.iter().map(|(link, state)| (*link, state));
        spares.filter(move |(_, link)| link.peer == Some(id) && link.retired.is_some())
    }

    pub(super) fn drop_link(&mut self, link: LinkId) {
        self.links.remove(&link);
        self.stir();
        self.out.push_back(Out::Effect(Effect::Close { link }));
    }

    fn write_json(&mut self, link: LinkId, kind: u8, said: &impl Serialize) {
        if let Ok(body) = serde_json::to_vec(said) {
            self.write(link, kind, &body);
        }
    }
}
