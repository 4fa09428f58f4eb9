//! What is due: dials, signs of life, and the end of whatever is silent.

use std::time::Duration;

use super::{Mesh, Out, Parting, identity::Identity, links::Link};
use crate::{
    config::FRAME_WITHIN,
    types::{Instant, LinkId, NodeId},
};

/// How long a retired link is read at least: longer than the other side may take to learn that it has
/// been replaced, which is the time of a handshake.
const RETIRED: Duration = Duration::from_secs(5);

/// The most links that are pinged at once, of those that will be due soon: a thousand would take half a tick.
const PINGS_AT_ONCE: usize = 32;

/// The shortest time between two looks at all that is due while handshakes wait.
const LOOK_PAUSE: Duration = Duration::from_millis(2);

/// How long it takes, per link, to look at all that is due, and how much less of the time is to be spent on that.
const LOOK_COSTS: Duration = Duration::from_nanos(60);
const LOOKS_TAKE_LESS: u32 = 50;

/// Something that will be due.
#[derive(Clone, Copy, Debug)]
enum Due {
    /// A link is closed, because nothing comes over it or it is of no use any more.
    Close(LinkId),
    /// Signs of life go out.
    Pings,
    /// A peer is forgotten.
    Forget(NodeId),
    /// A peer is dialled.
    Dial(NodeId),
    /// Handshakes go on that had to wait.
    Handshakes,
    /// A first word is looked at that had to wait.
    Held(LinkId),
}

impl Mesh {
    /// All that will be due as things are, and when: what is done comes from here, and when to look
    /// again.
    fn schedule(&self, now: Instant, me: &Identity) -> impl Iterator<Item = (Instant, Due)> {
        let links = self.links.iter();
        let links = links.map(move |(id, link)| (self.link_deadline(now, link), Due::Close(*id)));
        let pings =
            self.pings().map(|(_, ping_at)| (ping_at, Due::Pings)).min_by_key(|(at, _)| *at);
        let unused = self.peers.iter().filter(|(_, peer)| !peer.is_in_use());
        let unused = unused.map(|(id, peer)| (peer.forgotten_at(), Due::Forget(*id)));
        let wanted = self.peers.keys().filter_map(|id| Some((self.wanted_at(me, *id)?, *id)));
        let dials = wanted.map(|(at, id)| (at, Due::Dial(id)));
        let waiting = self.waiting.front().map(|_| (self.reckoning.again_at(), Due::Handshakes));
        let held = self.links.iter();
        let held = held.filter_map(|(id, link)| Some((link.held_until?, Due::Held(*id))));
        links.chain(pings).chain(unused).chain(dials).chain(waiting).chain(held)
    }

    /// Does what is due.
    pub fn timeout(&mut self, now: Instant, me: &Identity) {
        while self.later.front().is_some_and(|(due, _)| *due <= now) {
            let copy = self.later.pop_front();
            self.out.extend(copy.map(|(_, copy)| Out::Effect(copy)));
        }
        if now < self.look_at {
            return;
        }
        // While a crowd comes in there is something each millisecond, and to look at all links takes a part of one.
        if !self.waiting.is_empty() && now.since(self.looked) < LOOK_PAUSE {
            self.shake_hands(now, me);
            self.look_at = self.looked + LOOK_PAUSE;
            if !self.waiting.is_empty() {
                self.look_at = self.look_at.min(self.reckoning.again_at());
            }
            return;
        }
        self.looked = now;
        let due = self.schedule(now, me).filter(|(at, _)| *at <= now);
        for due in due.map(|(_, due)| due).collect::<Vec<_>>() {
            self.act(now, me, due);
        }
        let next = self.schedule(now, me).map(|(at, _)| at).min();
        // Of thousands of links something is due at any time: it is done together with what is due soon.
        let pause = LOOK_COSTS * LOOKS_TAKE_LESS * self.links.len() as u32;
        self.look_at = next.map_or(Instant::NEVER, |next| next.max(now + pause));
    }

    /// Handshakes that had to wait go on, as far as there is time.
    fn shake_hands(&mut self, now: Instant, me: &Identity) {
        while self.reckoning.may_go_on(now, self.host.is_some())
            && let Some(link) = self.waiting.pop_front()
        {
            self.frames(now, me, link);
        }
    }

    fn act(&mut self, now: Instant, me: &Identity, due: Due) {
        match due {
            Due::Close(link) => {
                let late = |link: &Link| link.unfinished.is_some_and(|at| at + FRAME_WITHIN <= now);
                let slow = self.links.get(&link).is_some_and(late);
                self.end(now, link, if slow { Parting::Slow } else { Parting::Silent });
            }
            Due::Pings => {
                // Those that come soon go with the one that is due: fewer wake-ups.
                let soon = now + self.tuning.ping / 2;
                let pings = self.pings().filter(|(_, ping_at)| *ping_at <= soon);
                let mut pings: Vec<_> = pings.map(|(link, ping_at)| (ping_at, link)).collect();
                if pings.len() > PINGS_AT_ONCE {
                    pings.sort_unstable();
                    pings.truncate(PINGS_AT_ONCE);
                }
                pings.into_iter().for_each(|(_, link)| self.ping(now, link));
            }
            Due::Forget(id) => self.forget(id),
            // What was done before may have changed that.
            Due::Dial(id) if self.wanted_at(me, id).is_some_and(|at| at <= now) => {
                self.dial(now, id);
            }
            Due::Dial(_) => {}
            Due::Handshakes => self.shake_hands(now, me),
            Due::Held(link) => self.frames(now, me, link),
        }
    }

    /// When a peer is to be dialled, if it is.
    fn wanted_at(&self, me: &Identity, id: NodeId) -> Option<Instant> {
        me.session.as_ref()?;
        let peer = self.peers.get(&id).filter(|peer| self.wants(me, id, peer))?;
        Some(self.dial_due(me, id, peer))
    }

    /// The links that serve, and when they are pinged next.
    pub(super) fn pings(&self) -> impl Iterator<Item = (LinkId, Instant)> {
        let serves = |link: &&Link| link.peer.is_some() && link.retired.is_none();
        let serving = self.links.iter().filter(move |(_, link)| serves(link));
        serving.map(|(id, link)| (*id, link.ping_at))
    }

    /// When a link is to be closed, as things are at `now`.
    pub(super) fn link_deadline(&self, now: Instant, link: &Link) -> Instant {
        let peer = link.peer.and_then(|peer| self.peers.get(&peer));
        match (link.retired, peer) {
            (Some(since), peer) => {
                // While the link that serves in its place is silent, it may serve at the other end.
                let serves = peer.and_then(|peer| self.links.get(&peer.link?));
                let silent =
                    serves.is_some_and(|link| now.since(link.heard) > self.tuning.ping * 3);
                if silent { Instant::NEVER } else { since + RETIRED }
            }
            (None, Some(peer)) => {
                let finished = link.unfinished.map_or(Instant::NEVER, |at| at + FRAME_WITHIN);
                let silence = self.tuning.link_silence * self.calm(peer);
                finished.min(link.heard.max(peer.heard) + silence)
            }
            (None, None) => link.since + self.tuning.handshake,
        }
    }

    /// The node slept: what happened meanwhile is nobody's silence.
    pub fn slept(&mut self, gap: Duration) {
        for link in self.links.values_mut() {
            link.heard += gap;
            link.since += gap;
        }
        for peer in self.peers.values_mut() {
            peer.heard += gap;
            peer.datagram = peer.datagram.map(|at| at + gap);
        }
    }
}
