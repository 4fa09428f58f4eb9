//! What goes to and fro: the one place where bytes leave for a peer, and the two where they arrive.
//!
//! Whatever is said is a kind and a body. It goes in a datagram where it fits and datagrams pass, over
//! the link otherwise, and comes up at the other end as one and the same thing, [`Received`].

use std::{net::SocketAddr, sync::Arc, time::Duration};

use bytes::{Buf, Bytes};

use super::{
    Mesh, Out, Received,
    identity::Identity,
    message::{BEACON, DATAGRAM_HEAD_BYTES, KINDS_ABOVE, PING, PROBE, tag},
};
use crate::{
    config::PACKET_BYTES_MAX,
    io::{Effect, Port},
    types::{Instant, LinkId, NodeId},
    wire,
};

/// How long after the first the second copy of a datagram leaves: what disturbs a radio is over by
/// then.
pub const COPY_AFTER: Duration = Duration::from_millis(5);

/// Without a datagram for so long, three probes, a node says that it hears none.
const DATAGRAM_SILENCE: Duration = Duration::from_millis(1_700);

/// How long a peer's word counts that it hears no datagrams.
const WORD_COUNTS: Duration = Duration::from_millis(1_500);

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
        me: &Identity,
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
        peer.datagram_sent = now;
        let unheard = now < peer.hears_no_datagrams_until;
        let mut bytes = Vec::with_capacity(DATAGRAM_HEAD_BYTES + body.len());
        bytes.push(kind);
        bytes.extend_from_slice(&tag(me.id, me.incarnation).to_be_bytes());
        bytes.extend_from_slice(body);
        let effect = Effect::Packet { to: udp, via: Port::Own, bytes: Arc::from(bytes) };
        if delivery == Delivery::Twice {
            self.look_at = self.look_at.min(now + COPY_AFTER);
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

    /// Writes a frame to a link, if there is such a link and it is not too long.
    pub(super) fn write(&mut self, link: LinkId, kind: u8, body: &[u8]) -> bool {
        if !self.links.contains_key(&link) {
            return false;
        }
        let Ok(bytes) = wire::frame(kind, body) else { return false };
        self.out.push_back(Out::Effect(Effect::Bytes { link, bytes: Arc::from(bytes) }));
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
            let beacon = self.discovery.packet(now, me, from, via, &bytes);
            self.out.extend(beacon.map(|beacon| Out::Beacon { beacon, from }));
            return;
        }
        if me.session.is_none() || bytes.len() < DATAGRAM_HEAD_BYTES {
            return;
        }
        let (kind, tag) = (bytes.get_u8(), bytes.get_u32());
        let Some(id) = self.tags.get(&tag).copied() else { return };
        self.heard_packet(now, me, id, from);
        if kind >= KINDS_ABOVE {
            let received = Received { peer: id, way: Way::Datagram, kind, body: bytes };
            self.out.push_back(Out::Received(received));
        }
    }

    /// A whole frame of a link came in, from a peer that has introduced itself.
    pub(super) fn frame(&mut self, now: Instant, peer: NodeId, link: LinkId, frame: Bytes) {
        match &frame[..] {
            [PING, hears_none] => {
                if let Some(peer) = self.peers.get_mut(&peer) {
                    peer.hears_no_datagrams_until =
                        if *hears_none != 0 { now + WORD_COUNTS } else { now };
                }
            }
            [kind, ..] if *kind >= KINDS_ABOVE => {
                let received =
                    Received { peer, way: Way::Link(link), kind: *kind, body: frame.slice(1..) };
                self.out.push_back(Out::Received(received));
            }
            _ => self.fail(now, link),
        }
    }

    /// What came this way makes no sense: then nothing else will that comes over this link.
    pub fn reject(&mut self, now: Instant, way: Way) {
        if let Way::Link(link) = way {
            self.fail(now, link);
        }
    }

    /// Says over a link whether datagrams come in from there, and lets the other side find out.
    pub(super) fn ping(&mut self, now: Instant, me: &Identity, link: LinkId) {
        let Some(state) = self.links.get_mut(&link) else { return };
        state.ping_at = now + self.tuning.ping;
        let Some((id, peer)) = state.peer.and_then(|id| Some((id, self.peers.get(&id)?))) else {
            return;
        };
        let hears_none = peer.datagram.is_none_or(|at| now.since(at) > DATAGRAM_SILENCE);
        let probe = now.since(peer.datagram_sent) >= self.tuning.ping;
        self.write(link, PING, &[u8::from(hears_none)]);
        if probe {
            self.probe(now, me, id);
        }
    }

    /// Shows a peer that datagrams pass.
    pub(super) fn probe(&mut self, now: Instant, me: &Identity, to: NodeId) {
        self.send(now, me, to, Delivery::Datagram, (PROBE, &[]));
    }
}
