//! Links between nodes: who is dialled when, who said hello, which of two links stays.
//!
//! Every player has one link with every other player of its session; a spectator has one with the
//! host, and where that is not reached one with a member. A link is *open* once the system says so, and *up* once both sides have said hello. What
//! makes it more than a list of sockets:
//!
//! - *One dials first.* The lower id dials at once, the higher one only when there is no link after
//!   a while: then the lower one may sit behind a firewall.
//! - *One of two stays.* Should both dial, both keep the link that the lower id dialled, or the
//!   newer one if the same side dialled twice. The other is *retired*: still read for a moment,
//!   since messages may be under way on it, and for as long as the one that stays is silent, since
//!   the peer may have lost that one; its end says nothing about the peer.
//! - *Nodes are told apart by id and incarnation*, never by address. A peer is dialled at all
//!   addresses that are known of it, soon one beside the other (`dialling`).
//! - *Datagrams may not pass* where links do, behind a firewall say. Each side of a link probes that,
//!   and says in its pings whether it hears the other's datagrams. To whoever does not, everything
//!   goes over the link too.
//! - *Strangers cost little.* A link without a hello may be open for three seconds, send four
//!   kilobytes, and there is room for a few hundred of them.

mod dialling;
mod peer;

use std::{
    collections::{BTreeMap, VecDeque},
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use rand_pcg::Pcg64Mcg;

pub use self::peer::Peer;
use super::{
    compact,
    doubling::COPY_AFTER,
    identity::Identity,
    ledger::exchange::{self, LedgerMessage},
    message::{Address, Envelope, Hello, Message, Packet, Refusal, Role},
};
use crate::{
    config::{PACKET_BYTES_MAX, Tuning},
    io::{CloseReason, Effect, Port},
    text::Name,
    types::{Incarnation, Instant, LinkId, NodeId},
    wire::{self, Deframer},
};

/// The most addresses remembered of one peer.
const ADDRESSES_MAX: usize = 8;

/// The most peers remembered at all: more than a session takes, since some only pass by.
const PEERS_MAX: usize = 4_096;

/// How long a retired link is read at least: longer than the other side may take to learn that it has
/// been replaced, which is the time of a handshake.
const RETIRED: Duration = Duration::from_secs(5);

/// The most retired links with one peer.
const SPARES_MAX: usize = 4;

/// How long after a link is up the first ping goes out: by then a datagram should have come.
const FIRST_PING: Duration = Duration::from_millis(250);

/// Without a datagram for so long, three probes, a node says that it hears none.
const DATAGRAM_SILENCE: Duration = Duration::from_millis(1_700);

/// How long a peer's word counts that it hears no datagrams.
const DEAF: Duration = Duration::from_millis(1_500);

/// How long a peer that is not linked is remembered after it was last heard.
const REMEMBERED: Duration = Duration::from_secs(60);

/// All links and all peers of a node.
#[derive(Debug)]
pub struct Mesh {
    tuning: Tuning,
    links: BTreeMap<LinkId, Link>,
    peers: BTreeMap<NodeId, Peer>,
    next_link: u64,
    host: Option<NodeId>,
    guide: Option<NodeId>,
    random: Pcg64Mcg,
    /// Second copies, in the order of their times.
    later: VecDeque<(Instant, Effect)>,
    /// Nothing is due before.
    look_at: Instant,
    out: VecDeque<Out>,
}

/// What the mesh reports.
#[derive(Debug)]
pub enum Out {
    /// To be done by the driver.
    Effect(Effect),
    /// A peer's link is up; `renewed` if it merely replaced another.
    Up {
        /// The peer.
        peer: NodeId,
        /// It had a link before, without a break.
        renewed: bool,
    },
    /// A peer has no link any more.
    Down {
        /// The peer.
        peer: NodeId,
        /// In a word.
        reason: &'static str,
    },
    /// A message, other than those that concern the link itself.
    Message {
        /// The sender.
        peer: NodeId,
        /// What it says.
        message: Message,
    },
    /// Somebody else has this node's id. The one with the larger incarnation takes a new one.
    Clash {
        /// The other's incarnation.
        incarnation: Incarnation,
    },
}

/// How a packet went out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// In a datagram.
    Datagram,
    /// Over the link, being too large for a datagram.
    Link,
    /// Not at all: there is no way to that peer.
    None,
}

#[derive(Debug)]
struct Link {
    from: SocketAddr,
    dialled: Option<NodeId>,
    /// The own hello is on its way.
    introduced: bool,
    peer: Option<NodeId>,
    /// Since when another link serves in its place.
    retired: Option<Instant>,
    /// Which of two links stays: the one dialled by the lower id, then the one dialled last. The
    /// same at both ends.
    merit: (bool, u64),
    /// When it was opened; once its peer has said who it is, when that was.
    since: Instant,
    heard: Instant,
    ping_at: Instant,
    deframer: Deframer,
}

impl Mesh {
    /// Without any link. All its chance (the jitter of redials) comes from `seed`.
    pub fn new(tuning: Tuning, seed: u64) -> Self {
        Self {
            tuning,
            links: BTreeMap::new(),
            peers: BTreeMap::new(),
            next_link: 0,
            host: None,
            guide: None,
            random: Pcg64Mcg::new(u128::from(seed)),
            later: VecDeque::new(),
            look_at: Instant::default(),
            out: VecDeque::new(),
        }
    }

    /// Takes the next report.
    pub fn poll(&mut self) -> Option<Out> {
        self.out.pop_front()
    }

    /// The peers known, by id.
    pub fn peers(&self) -> impl Iterator<Item = (NodeId, &Peer)> {
        self.peers.iter().map(|(id, peer)| (*id, peer))
    }

    /// The peer whose life has this [`tag`](compact::tag).
    pub fn tagged(&self, tag: u32) -> Option<(NodeId, Incarnation)> {
        let (id, peer) = self.peers.iter().find(|(_, peer)| peer.tag == tag)?;
        Some((*id, peer.incarnation))
    }

    /// What is known of `id`.
    pub fn peer(&self, id: NodeId) -> Option<&Peer> {
        self.peers.get(&id)
    }

    /// Tells whom to link with when this node is a spectator.
    pub fn set_host(&mut self, host: Option<NodeId>) {
        self.host = host;
        self.stir();
    }

    /// Tells through whom this node watches, being a spectator that does not reach its host.
    pub fn set_guide(&mut self, guide: Option<NodeId>) {
        if self.guide != guide {
            self.guide = guide;
            self.stir();
        }
    }

    /// Closes everything and forgets everybody.
    pub fn clear(&mut self) {
        for link in std::mem::take(&mut self.links).into_keys() {
            self.out.push_back(Out::Effect(Effect::Close { link }));
        }
        self.peers.clear();
        self.stir();
    }

    /// Something changed that is not merely a sign of life: another look is due at once.
    pub fn stir(&mut self) {
        self.look_at = Instant::default();
    }

    /// Learns of a node of the own session, from its beacon, its hello, or the roster.
    pub fn meet(&mut self, now: Instant, me: &Identity, acquaintance: Acquaintance) {
        let Acquaintance { id, incarnation, name, role, address, heard, wanted } = acquaintance;
        if id == me.id || (!self.peers.contains_key(&id) && self.peers.len() >= PEERS_MAX) {
            return;
        }
        if heard && self.speaks_for_the_dead(now, id, incarnation) {
            self.end_life(now, id);
        }
        let courtesy = self.courtesy(me, id);
        // Where another one was heard itself there is nobody else, whatever is said.
        let address = address.filter(|address| {
            let lives_there = |peer: &Peer| {
                let at = peer.address().filter(|_| peer.heard > Instant::default());
                at.is_some_and(|at| (at.ip, at.tcp) == (address.ip, address.tcp))
            };
            heard || self.peers.iter().all(|(other, peer)| *other == id || !lives_there(peer))
        });
        let peer = self.peers.entry(id).or_insert_with(|| Peer {
            incarnation,
            name: name.clone(),
            role,
            heard: Instant::default(),
            udp: None,
            tag: compact::tag(id, incarnation),
            udp_heard: Instant::default(),
            moved: Instant::default(),
            datagram: None,
            datagram_sent: Instant::default(),
            deaf_until: Instant::default(),
            addresses: Vec::new(),
            met: now,
            link: None,
            unlinked: Instant::default(),
            introduced: false,
            dials: Vec::new(),
            turn: 0,
            tries: 0,
            dial_at: now + courtesy,
        });
        if peer.incarnation != incarnation {
            if peer.link.is_some() {
                return; // the link speaks for the life it was opened in
            }
            peer.incarnation = incarnation;
            peer.tag = compact::tag(id, incarnation);
            peer.addresses.clear();
            peer.udp = None;
            peer.introduced = false;
            peer.tries = 0;
            peer.dial_at = now + courtesy;
        }
        if wanted || peer.link.is_none() {
            self.look_at = Instant::default();
        }
        peer.name = name;
        peer.role = role;
        peer.met = now;
        let Some(address) = address else { return };
        if heard {
            peer.heard = now;
        }
        if heard {
            peer.lives_at(address);
        } else if !peer.addresses.contains(&address) {
            peer.addresses.truncate(ADDRESSES_MAX - 1);
            peer.addresses.push(address);
        }
        let udp = SocketAddr::new(address.ip, address.udp);
        if heard && peer.heard_at(now, udp, self.tuning.suspicion_max) {
            self.look_at = Instant::default();
        }
        peer.udp.get_or_insert(udp);
        if wanted {
            peer.dial_at = peer.dial_at.min(now);
        }
        if heard {
            self.hurry(now, me, id);
        }
    }

    /// Whether the link with a peer belongs to another life of it than the one that is heard, and
    /// has been silent since.
    fn speaks_for_the_dead(&self, now: Instant, id: NodeId, heard: Incarnation) -> bool {
        let peer = self.peers.get(&id).filter(|peer| peer.incarnation != heard);
        let link = peer.and_then(|peer| self.links.get(&peer.link?));
        link.is_some_and(|link| now.since(link.heard) > self.tuning.ping * 2)
    }

    /// The link with a peer, if it was opened since it and this machine are where they are.
    fn link_with(&self, peer: &Peer) -> Option<&Link> {
        self.links.get(&peer.link?).filter(|link| link.since >= peer.moved)
    }

    /// Where the link with a peer leads, if something came over it lately, and the peer was heard at
    /// `other` before: then it has both addresses.
    pub fn settled_at(
        &self,
        now: Instant,
        (id, life): (NodeId, Incarnation),
        other: IpAddr,
    ) -> Option<IpAddr> {
        let peer = self.peers.get(&id).filter(|peer| peer.incarnation == life)?;
        let link = self.link_with(peer)?;
        let lively = now.since(link.heard) < self.tuning.ping * 2;
        let both = peer.addresses.iter().any(|address| address.ip == other);
        (lively && both).then(|| link.from.ip())
    }

    /// A packet of a peer came from `from`: it lives, and this is where it is.
    pub fn heard_packet(&mut self, now: Instant, me: &Identity, id: NodeId, from: SocketAddr) {
        self.hurry(now, me, id);
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        peer.heard = now;
        peer.datagram = Some(now);
        if peer.heard_at(now, from, self.tuning.suspicion_max) {
            self.stir();
        }
    }

    /// This machine has another address than before: no link leads anywhere any more.
    pub fn moved(&mut self, now: Instant) {
        for peer in self.peers.values_mut() {
            peer.moved = now;
            peer.dial_at = peer.dial_at.min(now);
        }
        self.stir();
    }

    /// Somebody else passed on what a peer said: it lives, wherever it is.
    pub fn heard_of(&mut self, now: Instant, id: NodeId) {
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.heard = now;
        }
    }

    /// A peer plays through a third node, which has introduced it.
    pub fn introduced(&mut self, id: NodeId, incarnation: Incarnation) {
        if let Some(peer) = self.peers.get_mut(&id).filter(|peer| peer.incarnation == incarnation) {
            peer.introduced = true;
        }
    }

    /// The driver has accepted a link.
    pub fn accepted(&mut self, now: Instant, me: &Identity, link: LinkId, from: SocketAddr) {
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
    pub fn closed(&mut self, now: Instant, link: LinkId, reason: CloseReason) {
        let reason = match reason {
            CloseReason::EndOfStream => "closed",
            CloseReason::Error => "error",
            CloseReason::Slow => "slow",
        };
        self.lost(now, link, reason);
    }

    /// Bytes came in on a link.
    pub fn bytes(&mut self, now: Instant, me: &Identity, link: LinkId, chunk: &[u8]) {
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
            let payload = match state.deframer.next_frame() {
                Ok(Some(payload)) => payload,
                Ok(None) => return,
                Err(_) => return self.fail(now, link),
            };
            let sender = state.peer.and_then(|id| Some((id, self.peers.get(&id)?.incarnation)));
            let message = match sender {
                Some(sender) if compact::is_compact(payload) => {
                    compact::decode(payload, sender, (me.id, me.incarnation))
                        .ok()
                        .map(Message::Packet)
                }
                Some(_) if payload.first() == Some(&exchange::KIND) => {
                    LedgerMessage::decode(payload).ok().map(Message::Ledger)
                }
                _ => serde_json::from_slice(payload).ok(),
            };
            match (message, state.peer) {
                (Some(Message::Hello(hello)), None) => self.hello(now, me, link, hello),
                (Some(Message::Refused(_)), None) => return self.fail(now, link),
                (Some(Message::Ping { deaf }), Some(peer)) => {
                    if let Some(peer) = self.peers.get_mut(&peer) {
                        peer.deaf_until = if deaf { now + DEAF } else { now };
                    }
                }
                (Some(message), Some(peer)) => self.out.push_back(Out::Message { peer, message }),
                _ => return self.fail(now, link),
            }
        }
    }

    /// Sends a message to a peer, if its link is up.
    pub fn send(&mut self, to: NodeId, message: &Message) -> bool {
        let Some(link) = self.peers.get(&to).and_then(|peer| peer.link) else {
            return false;
        };
        self.write(link, message)
    }

    /// Sends a packet to a peer: in a datagram, or over the link if it is too large for one. `twice`
    /// sends a datagram again a little later.
    pub fn send_packet(
        &mut self,
        now: Instant,
        me: &Identity,
        to: NodeId,
        packet: Packet,
        twice: bool,
    ) -> Way {
        let compact = compact::encode(compact::tag(me.id, me.incarnation), &packet);
        let envelope = Envelope { from: me.id, incarnation: me.incarnation, packet };
        let Some(bytes) = compact.or_else(|| serde_json::to_vec(&envelope).ok()) else {
            return Way::None;
        };
        if bytes.len() > PACKET_BYTES_MAX {
            let Some(link) = self.peers.get(&to).and_then(|peer| peer.link) else {
                return Way::None;
            };
            let sent = match compact::is_compact(&bytes) {
                true => self.write_frame(link, &bytes),
                false => self.write(link, &Message::Packet(envelope.packet)),
            };
            return if sent { Way::Link } else { Way::None };
        }
        let Some(peer) = self.peers.get_mut(&to) else { return Way::None };
        let Some(udp) = peer.udp else { return Way::None };
        peer.datagram_sent = now;
        let deaf = now < peer.deaf_until;
        let effect = Effect::Packet { to: udp, via: Port::Own, bytes: Arc::from(bytes) };
        if twice {
            self.look_at = self.look_at.min(now + COPY_AFTER);
            self.later.push_back((now + COPY_AFTER, effect.clone()));
        }
        self.out.push_back(Out::Effect(effect));
        if deaf && !matches!(envelope.packet, Packet::Probe) {
            self.send(to, &Message::Packet(envelope.packet));
        }
        Way::Datagram
    }

    /// Says over a link whether datagrams come in from there, and lets the other side find out.
    fn ping(&mut self, now: Instant, me: &Identity, link: LinkId) {
        let Some(state) = self.links.get_mut(&link) else { return };
        state.ping_at = now + self.tuning.ping;
        let Some((id, peer)) = state.peer.and_then(|id| Some((id, self.peers.get(&id)?))) else {
            return;
        };
        let deaf = peer.datagram.is_none_or(|at| now.since(at) > DATAGRAM_SILENCE);
        let probe = now.since(peer.datagram_sent) >= self.tuning.ping;
        self.write(link, &Message::Ping { deaf });
        if probe {
            self.send_packet(now, me, id, Packet::Probe, false);
        }
    }

    /// Closes the link with a peer, after what was sent on it.
    pub fn hang_up(&mut self, now: Instant, id: NodeId, reason: &'static str) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let Some(link) = peer.link.take() else { return };
        peer.unlinked = now;
        self.drop_link(link);
        self.out.push_back(Out::Down { peer: id, reason });
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

    /// Does what is due: dials, signs of life, and the end of whatever is silent.
    pub fn timeout(&mut self, now: Instant, me: &Identity) {
        if now < self.look_at {
            return;
        }
        self.look(now, me);
        self.look_at = self.next_look(now, me);
    }

    /// When [`timeout`](Mesh::timeout) has to look what is due. That may be sooner than anything is:
    /// signs of life, of which there are many, put off what is due, and are not reckoned with before.
    pub fn next_timeout(&self) -> Instant {
        self.look_at
    }

    fn look(&mut self, now: Instant, me: &Identity) {
        while self.later.front().is_some_and(|(due, _)| *due <= now) {
            let copy = self.later.pop_front();
            self.out.extend(copy.map(|(_, copy)| Out::Effect(copy)));
        }
        self.close_the_silent(now);
        // When one ping is due, those that come soon go with it: fewer wake-ups.
        if self.pings().any(|(_, ping_at)| ping_at <= now) {
            let soon = now + self.tuning.ping / 2;
            let due = self.pings().filter(|(_, ping_at)| *ping_at <= soon).map(|(link, _)| link);
            for link in due.collect::<Vec<_>>() {
                self.ping(now, me, link);
            }
        }
        self.peers.retain(|_, peer| peer.is_in_use() || now < peer.forgotten_at());
        if me.session.is_none() {
            return;
        }
        let wanted: Vec<NodeId> = self
            .peers
            .iter()
            .filter(|(id, peer)| self.wants(me, **id, peer) && self.dial_due(me, **id, peer) <= now)
            .map(|(id, _)| *id)
            .collect();
        for id in wanted {
            self.dial(now, id);
        }
    }

    fn next_look(&self, now: Instant, me: &Identity) -> Instant {
        let dials = self
            .peers
            .iter()
            .filter(|(id, peer)| me.session.is_some() && self.wants(me, **id, peer))
            .map(|(id, peer)| self.dial_due(me, *id, peer));
        let links = self.links.values().map(|link| self.link_deadline(now, link));
        let pings = self.pings().map(|(_, ping_at)| ping_at);
        let copies = self.later.front().map(|(due, _)| *due);
        let unused = self.peers.values().filter(|peer| !peer.is_in_use()).map(Peer::forgotten_at);
        let all = dials.chain(links).chain(pings).chain(copies).chain(unused);
        all.min().unwrap_or(Instant::NEVER)
    }

    /// The links that serve, and when they are pinged next.
    fn pings(&self) -> impl Iterator<Item = (LinkId, Instant)> {
        let serves = |link: &&Link| link.peer.is_some() && link.retired.is_none();
        let serving = self.links.iter().filter(move |(_, link)| serves(link));
        serving.map(|(id, link)| (*id, link.ping_at))
    }

    /// Says hello, once.
    fn introduce(&mut self, me: &Identity, link: LinkId) {
        let Some(state) = self.links.get_mut(&link).filter(|state| !state.introduced) else {
            return;
        };
        state.introduced = true;
        let dial = state.dialled.map_or(0, |_| link.0);
        match me.hello(dial) {
            Some(hello) => self.write(link, &Message::Hello(hello)),
            None => self.write(link, &Message::Refused(Refusal::Session)),
        };
    }

    fn hello(&mut self, now: Instant, me: &Identity, link: LinkId, hello: Hello) {
        if let Some(refusal) = me.refuse(&hello) {
            if refusal == Refusal::Identity && hello.incarnation != me.incarnation {
                self.out.push_back(Out::Clash { incarnation: hello.incarnation });
            }
            self.write(link, &Message::Refused(refusal));
            return self.fail(now, link);
        }
        let Some(state) = self.links.get(&link) else { return };
        let (ip, wanted) = (state.from.ip(), state.dialled);
        let id = hello.id;
        if wanted.is_some_and(|wanted| wanted != id) {
            return self.fail(now, link); // somebody else lives there by now
        }
        if self.peers.get(&id).is_some_and(|peer| peer.incarnation != hello.incarnation) {
            self.end_life(now, id);
        }
        self.meet(
            now,
            me,
            Acquaintance {
                id,
                incarnation: hello.incarnation,
                name: hello.name,
                role: hello.role,
                address: Some(Address { ip, tcp: hello.tcp, udp: hello.udp }),
                heard: true,
                wanted: false,
            },
        );
        let (Some(peer), Some(state)) = (self.peers.get_mut(&id), self.links.get_mut(&link)) else {
            return self.fail(now, link);
        };
        let dial = if wanted.is_some() { link.0 } else { hello.dial };
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
            self.bring_up(now, me, id, link, SocketAddr::new(ip, hello.udp), rival.is_some());
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
        self.send_packet(now, me, id, Packet::Probe, false);
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
    fn end_life(&mut self, now: Instant, id: NodeId) {
        let spares: Vec<LinkId> = self.spares(id).map(|(link, _)| link).collect();
        for spare in spares {
            self.drop_link(spare);
        }
        if let Some(link) = self.peers.get(&id).and_then(|peer| peer.link) {
            self.out.push_back(Out::Effect(Effect::Close { link }));
            self.lost(now, link, "replaced");
        }
    }

    /// A link is to be closed by this side, because the other did what it must not, or nothing.
    fn fail(&mut self, now: Instant, link: LinkId) {
        self.out.push_back(Out::Effect(Effect::Close { link }));
        self.lost(now, link, "error");
    }

    /// A link is no more: what follows from that.
    fn lost(&mut self, now: Instant, link: LinkId, reason: &'static str) {
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
    fn spares(&self, id: NodeId) -> impl Iterator<Item = (LinkId, &Link)> {
        let spares = self.links.iter().map(|(link, state)| (*link, state));
        spares.filter(move |(_, link)| link.peer == Some(id) && link.retired.is_some())
    }

    fn drop_link(&mut self, link: LinkId) {
        self.links.remove(&link);
        self.stir();
        self.out.push_back(Out::Effect(Effect::Close { link }));
    }

    fn close_the_silent(&mut self, now: Instant) {
        let over: Vec<LinkId> = self
            .links
            .iter()
            .filter(|(_, link)| self.link_deadline(now, link) <= now)
            .map(|(id, _)| *id)
            .collect();
        for link in over {
            self.out.push_back(Out::Effect(Effect::Close { link }));
            self.lost(now, link, "silent");
        }
    }

    /// When a link is to be closed, as things are at `now`.
    fn link_deadline(&self, now: Instant, link: &Link) -> Instant {
        let peer = link.peer.and_then(|peer| self.peers.get(&peer));
        match (link.retired, peer) {
            (Some(since), peer) => {
                // While the link that serves in its place is silent, it may serve at the other end.
                let serves = peer.and_then(|peer| self.links.get(&peer.link?));
                let silent =
                    serves.is_some_and(|link| now.since(link.heard) > self.tuning.ping * 3);
                if silent { Instant::NEVER } else { since + RETIRED }
            }
            (None, Some(peer)) => link.heard.max(peer.heard) + self.tuning.link_silence,
            (None, None) => link.since + self.tuning.handshake,
        }
    }

    /// The one place where a message becomes bytes on a link.
    fn write(&mut self, link: LinkId, message: &Message) -> bool {
        let payload = match message {
            Message::Ledger(message) => message.encode(),
            message => serde_json::to_vec(message).ok(),
        };
        payload.is_some_and(|payload| self.write_frame(link, &payload))
    }

    fn write_frame(&mut self, link: LinkId, payload: &[u8]) -> bool {
        if !self.links.contains_key(&link) {
            return false;
        }
        let Ok(bytes) = wire::frame(payload) else {
            return false;
        };
        self.out.push_back(Out::Effect(Effect::Bytes { link, bytes: Arc::from(bytes) }));
        true
    }
}

impl Link {
    fn new(now: Instant, from: SocketAddr, dialled: Option<NodeId>) -> Self {
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

/// Somebody of the own session, as somebody describes it.
#[derive(Debug)]
pub struct Acquaintance {
    /// Who.
    pub id: NodeId,
    /// In which life.
    pub incarnation: Incarnation,
    /// What its player is called.
    pub name: Name,
    /// Player or spectator.
    pub role: Role,
    /// Where it can be reached.
    pub address: Option<Address>,
    /// Whether it said so itself, just now; otherwise somebody else did.
    pub heard: bool,
    /// Whether this node waits for it: then it is dialled at once, by whichever id.
    pub wanted: bool,
}
