//! What goes to and fro: the one place where bytes leave for a peer, and the two where they arrive.
//!
//! Whatever is said is a kind and a body. It goes in a datagram where it fits and datagrams pass, over
//! the link otherwise, sealed both ways, and comes up at the other end as one and the same thing,
//! [`Received`].
//!
//! A [channel](super::channel) outlives the link on which it was agreed upon: a link may break where
//! datagrams still pass. It goes when another one serves in its place, or when its peer is forgotten.

use std::{net::SocketAddr, time::Duration};

use bytes::{Buf, Bytes};
use rand_pcg::rand_core::Rng;

use super::{
    Link, Mesh, Out, Parting, Received,
    channel::{Channel, INDEX_MIN},
    identity::Identity,
    message::{BEACON, DATAGRAM_HEAD_BYTES, KINDS_ABOVE, PING, PROBE, REFUSED},
};
use crate::{
    config::{FLOODED_FOR, MESSAGES_PER_SECOND_MAX, Mutant, PACKET_BYTES_MAX},
    io::{Effect, Port},
    types::{Instant, LinkId, NodeId},
    wire,
};

/// How long after the first the second copy of a datagram leaves: what disturbs a radio is over by
/// then.
pub const COPY_AFTER: Duration = Duration::from_millis(5);

/// Without a datagram for longer than so many of its peer's probes a node says that it hears none.
const PROBES_MISSED: u32 = 3;

/// So much longer: a probe may be late.
const PROBE_LATE: Duration = Duration::from_millis(200);

/// For the time of so many pings a peer's word counts that it hears no datagrams.
const WORD_COUNTS_PINGS: u32 = 3;

/// How something is to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Over the link: it arrives, and in order, for as long as the link holds.
    Link,
    /// In a datagram, which may get lost; over the link if it is too large for one, or if the peer
    /// hears no datagrams.
    Datagram,
    /// The same, and the datagram once more a little later.
    Twice,
}

/// Which way something went, or came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// In a datagram.
    Datagram,
    /// Over this link.
    Link(LinkId),
}

impl Mesh {
    /// Says something to a peer. Which way it went; none: there is no way to that peer.
    pub fn send(
        &mut self,
        now: Instant,
        to: NodeId,
        delivery: Delivery,
        (kind, body): (u8, &[u8]),
    ) -> Option<Way> {
        let fits = DATAGRAM_HEAD_BYTES + body.len() <= PACKET_BYTES_MAX;
        let peer = self.peers.get_mut(&to)?;
        if delivery == Delivery::Link || !fits {
            return self.send_over_link(to, kind, body);
        }
        let udp = peer.udp?;
        let channel = self.channels.get_mut(&peer.channel?)?;
        peer.datagram_sent = now;
        let unheard = now < peer.hears_no_datagrams_until;
        let bytes = channel.seal_datagram(kind, body, &mut self.ink);
        self.legible.note(&bytes, kind, body);
        let effect = Effect::Packet { to: udp, via: Port::Own, bytes };
        if delivery == Delivery::Twice {
            self.later.push_back((now + COPY_AFTER, effect.clone()));
        }
        self.out.push_back(Out::Effect(effect));
        if unheard && kind != PROBE {
            self.send_over_link(to, kind, body);
        }
        Some(Way::Datagram)
    }

    fn send_over_link(&mut self, to: NodeId, kind: u8, body: &[u8]) -> Option<Way> {
        let link = self.peers.get(&to)?.link?;
        self.write(link, kind, body).then_some(Way::Link(link))
    }

    /// Writes a frame to a link, if there is such a link and it is not too long. It is sealed as soon as
    /// there is a channel.
    pub(super) fn write(&mut self, link: LinkId, kind: u8, body: &[u8]) -> bool {
        let Some(state) = self.links.get(&link) else { return false };
        let channel = state.channel.and_then(|channel| self.channels.get_mut(&channel));
        let framed = match channel {
            Some(channel) => channel.seal_frame(kind, body),
            None => wire::frame(kind, body),
        };
        let Ok(bytes) = framed else { return false };
        self.legible.note(&bytes, kind, body);
        self.out.push_back(Out::Effect(Effect::Bytes { link, bytes: bytes.into() }));
        true
    }

    /// A datagram came in.
    pub(super) fn datagram(
        &mut self,
        now: Instant,
        me: &Identity,
        from: SocketAddr,
        via: Port,
        mut bytes: Bytes,
    ) {
        if bytes.first() == Some(&BEACON) {
            let is_guest = |id| {
                let peer = self.peers.get(&id).filter(|peer| peer.udp == Some(from));
                peer.is_some_and(|peer| peer.is_linked() && !peer.member)
            };
            let said = self.discovery.packet(now, me, from, via, &bytes, is_guest);
            let Some((beacon, paid)) = said else { return };
            match self.may_meet(now, beacon.who.id()) {
                false => self.discovery.forget(beacon.who.id()),
                true => self.out.push_back(Out::Beacon { beacon, from, paid }),
            }
            return;
        }
        if me.session.is_none() || bytes.len() < DATAGRAM_HEAD_BYTES {
            return;
        }
        let index = bytes.get_u16();
        if self.is_of_another_life(index) {
            return;
        }
        let Some(channel) = self.channels.get_mut(&index) else { return };
        let id = channel.peer;
        if self.tuning.has(Mutant::TakesTwice) {
            channel.forget_what_came();
        }
        // What came before comes again where a network doubles it; there is nobody to blame for that.
        let Ok(clear) = channel.open_datagram(&bytes) else { return };
        if !self.may_say_more(now, id) {
            return;
        }
        if let Some(peer) = self.peers.get(&id).filter(|peer| peer.channel != Some(index))
            && let Some(link) = peer.link
        {
            self.choose_channel(id, link);
        }
        self.heard_packet(now, me, id, from);
        let mut body = Bytes::from(clear);
        let kind = body.get_u8();
        if kind >= KINDS_ABOVE {
            self.out.push_back(Out::Received(Received {
                peer: id,
                way: Way::Datagram,
                kind,
                body,
            }));
        }
    }

    /// A peer says one thing more. Whoever says more in a second than any node does is parted with, and kept out
    /// for a while: false.
    fn may_say_more(&mut self, now: Instant, id: NodeId) -> bool {
        let Some(peer) = self.peers.get_mut(&id) else { return true };
        let (since, said) = &mut peer.said;
        if now.since(*since) >= Duration::from_secs(1) {
            (*since, *said) = (now, 0);
        }
        *said += 1;
        if *said <= MESSAGES_PER_SECOND_MAX {
            return true;
        }
        let name = peer.name.clone();
        tracing::warn!(%name, ?id, "says more than any node does, and is parted with");
        self.admission.hold_off(now + FLOODED_FOR, id);
        self.part_with(now, id, Parting::Flooding);
        false
    }

    /// A whole frame of a link came in, from a peer that has introduced itself.
    pub(super) fn frame(&mut self, now: Instant, peer: NodeId, link: LinkId, frame: Bytes) {
        if !self.may_say_more(now, peer) {
            return;
        }
        self.choose_channel(peer, link);
        match &frame[..] {
            [PING, hears_none] => {
                let calm = self.peers.get(&peer).map_or(1, |peer| self.calm(peer));
                let word_counts = self.tuning.ping * WORD_COUNTS_PINGS * calm;
                if let Some(peer) = self.peers.get_mut(&peer) {
                    peer.hears_no_datagrams_until =
                        if *hears_none != 0 { now + word_counts } else { now };
                }
            }
            [REFUSED, said @ ..] => self.refused(now, peer, link, said),
            [kind, ..] if *kind >= KINDS_ABOVE => {
                let received =
                    Received { peer, way: Way::Link(link), kind: *kind, body: frame.slice(1..) };
                self.out.push_back(Out::Received(received));
            }
            _ => self.fail(now, link),
        }
    }

    /// A peer that this node has dialled does not let it in, now that it knows who it is.
    fn refused(&mut self, now: Instant, by: NodeId, link: LinkId, said: &[u8]) {
        if let (Some(state), Ok(refusal)) = (self.links.get(&link), serde_json::from_slice(said)) {
            self.out.push_back(Out::Refused { refusal, from: state.from, by: Some(by) });
        }
        self.fail(now, link);
        if let Some(peer) = self.peers.get_mut(&by) {
            peer.dial_at = now + self.tuning.redial_max;
        }
    }

    /// What came this way makes no sense: then nothing else will that comes over this link.
    pub fn reject(&mut self, now: Instant, way: Way) {
        if let Way::Link(link) = way {
            self.fail(now, link);
        }
    }

    /// Says over a link whether datagrams come in from there, and lets the other side find out.
    pub(super) fn ping(&mut self, now: Instant, link: LinkId) {
        let Some(id) = self.links.get(&link).and_then(|state| state.peer) else { return };
        let Some(peer) = self.peers.get(&id) else { return };
        let every = self.tuning.ping * self.calm(peer);
        let silence = every * PROBES_MISSED + PROBE_LATE;
        let hears_none = peer.datagram.is_none_or(|at| now.since(at) > silence);
        let probe = now.since(peer.datagram_sent) >= every;
        if let Some(state) = self.links.get_mut(&link) {
            state.ping_at = now + every;
        }
        self.write(link, PING, &[u8::from(hears_none)]);
        if probe {
            self.probe(now, id);
        }
    }

    /// Shows a peer that datagrams pass.
    pub(super) fn probe(&mut self, now: Instant, to: NodeId) {
        self.send(now, to, Delivery::Datagram, (PROBE, &[]));
    }

    // Channels.

    /// An index that stands for no channel, nor will for another one.
    pub(super) fn free_index(&mut self) -> u16 {
        loop {
            let index = self.random.next_u64() as u16 | INDEX_MIN;
            let offered = self.links.values().any(|link| link.offered == Some(index));
            if !offered && !self.channels.contains_key(&index) {
                return index;
            }
        }
    }

    /// Whether its peer has begun another life since a channel was agreed on: what was sent in the one before may come after
    /// it is back, and is not said by who it is now.
    pub(super) fn is_of_another_life(&self, channel: u16) -> bool {
        let channel = self.channels.get(&channel);
        let peer = channel.and_then(|channel| self.peers.get(&channel.peer));
        channel.zip(peer).is_some_and(|(channel, peer)| channel.life != peer.incarnation)
    }

    /// There is a new link with a peer, or something came over one. Datagrams go by the channel of the link that
    /// serves, as soon as the other side is known to have its keys; until then by any that it has, so that a last
    /// word of a handshake that is lost keeps nobody from hearing the rest.
    pub(super) fn choose_channel(&mut self, id: NodeId, link: LinkId) {
        let Some(peer) = self.peers.get(&id) else { return };
        let channel = self.links.get(&link).and_then(|link| link.channel);
        if peer.channel == channel {
            return;
        }
        let is_mutual = |channel: Option<u16>| {
            channel.and_then(|channel| self.channels.get(&channel)).is_some_and(Channel::is_mutual)
        };
        let serves = peer.link == Some(link);
        if peer.channel.is_none() || is_mutual(channel) && (serves || !is_mutual(peer.channel)) {
            self.turn_channel(id, link);
        }
    }

    /// Datagrams to a peer go by the channel of this link from here on. The one before stays for those
    /// that are under way.
    pub(super) fn turn_channel(&mut self, id: NodeId, link: LinkId) {
        let channel = self.links.get(&link).and_then(|link| link.channel);
        let Some(peer) = self.peers.get_mut(&id).filter(|peer| peer.channel != channel) else {
            return;
        };
        let last = std::mem::replace(&mut peer.last_channel, peer.channel);
        peer.channel = channel;
        if let Some(last) = last.filter(|last| Some(*last) != channel) {
            self.drop_channel_unless_linked(last);
        }
    }

    /// A link is no more: its channel goes with it, unless datagrams may still come by it.
    pub(super) fn leave_channel(&mut self, link: &Link) {
        let Some(channel) = link.channel else { return };
        let peer = link.peer.and_then(|id| self.peers.get(&id));
        let serves =
            peer.is_some_and(|peer| [peer.channel, peer.last_channel].contains(&Some(channel)));
        if !serves {
            self.channels.remove(&channel);
        }
    }

    fn drop_channel_unless_linked(&mut self, channel: u16) {
        if self.links.values().all(|link| link.channel != Some(channel)) {
            self.channels.remove(&channel);
        }
    }

    /// All channels with a peer go that no link has.
    pub(super) fn drop_channels(&mut self, id: NodeId) {
        if let Some(peer) = self.peers.get_mut(&id) {
            (peer.channel, peer.last_channel) = (None, None);
        }
        let links = &self.links;
        self.channels.retain(|index, channel| {
            channel.peer != id || links.values().any(|link| link.channel == Some(*index))
        });
    }
}
