//! Links between nodes: who is dialled when, who said hello, which of two links stays.
//!
//! Every player has one link with every other player of its session; a spectator has one with the
//! host, one with whoever comes after it, on which next to nothing is said until then, and where the host is not
//! reached one with a member. A link is *open* once the system says so,
//! and *up* once both sides have said hello.
//!
//! | part | does |
//! |---|---|
//! | [`message`] | the whole protocol: one byte says of which kind a frame or a datagram is |
//! | [`discovery`], `cadence`, `sealing` | beacons: who is there, and where; how often; those of a locked session |
//! | [`identity`] | who this node says it is |
//! | [`channel`] | how two nodes agree upon keys, and seal what they say |
//! | `dialling`, `links` | whom to dial at which addresses; links from the first byte to the last |
//! | `peer`, `peers` | what is known of one other node; all of them |
//! | `admission` | who may come in |
//! | `traffic` | the one place where bytes leave for a peer, and those where they arrive |
//! | `due` | what is to be done when |
//!
//! What makes it more than a list of sockets:
//!
//! - *One dials first.* The lower id dials at once, the higher one only when there is no link after
//!   a while: then the lower one may sit behind a firewall.
//! - *One of two stays.* Should both dial, both keep the link that the lower id dialled, or the
//!   newer one if the same side dialled twice. The other is *retired*: still read for a moment,
//!   since messages may be under way on it, and for as long as the one that stays is silent, since
//!   the peer may have lost that one; its end says nothing about the peer.
//! - *Nodes are told apart by id and incarnation*, never by address. A peer is dialled at all
//!   addresses that are known of it, soon one beside the other (`dialling`).
//! - *Bytes stop here.* What is said, over a link or in a datagram, is a kind and a body, and comes up
//!   as one thing, [`Received`]. What it means is no business of the mesh: kinds from
//!   [`message::KINDS_ABOVE`] on belong to the floor above.
//! - *Datagrams may not pass* where links do, behind a firewall say. Each side of a link probes that,
//!   and says in its pings whether it hears the other's datagrams. To whoever does not, everything
//!   goes over the link too.
//! - *Some may not come in*: those who are barred, and all but those on a list, if there is one. Their
//!   handshake goes on until it is proved who they are; then they are told, and hung up on. Nothing is
//!   learnt of them, and nothing that they send is looked at.
//! - *Strangers cost little.* A link without a hello may be open for three seconds, send four
//!   kilobytes, and there is room for a few hundred of them, of each address for fewer; what is reckoned for
//!   handshakes is bounded, and so is how often somebody may guess a passphrase (`strangers`).
//! - *Nobody dials on a stranger's word* more than the stranger has paid for: a node that was only heard of is
//!   dialled for the bytes that came from there (`dialling`), and of those that are remembered a crowd takes
//!   nobody else's place.

mod admission;
mod cadence;
pub mod channel;
mod dialling;
pub mod discovery;
mod due;
pub mod identity;
mod legible;
mod links;
pub mod message;
mod peer;
mod peers;
mod sealing;
mod strangers;
#[cfg(test)]
pub mod testing;
mod traffic;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    net::SocketAddr,
    sync::Arc,
};

use bytes::Bytes;
use rand_pcg::Pcg64Mcg;

use self::{
    admission::Admission,
    channel::{Channel, Ink},
    discovery::{Discovery, Heard, Told},
    identity::Identity,
    legible::Legible,
    links::Link,
    message::{Beacon, Envelope, Refusal},
    strangers::{Guesses, Reckoning},
};
pub use self::{
    peer::Peer,
    peers::Acquaintance,
    traffic::{COPY_AFTER, Delivery, Way},
};
use crate::{
    config::Tuning,
    io::{Effect, Interface, Wire},
    keys::Chance,
    refusals::Refusals,
    types::{Incarnation, Instant, LinkId, NodeId},
};

/// All links and all peers of a node.
#[derive(Clone, Debug)]
pub struct Mesh {
    tuning: Tuning,
    discovery: Discovery,
    links: BTreeMap<LinkId, Link>,
    /// The accepted links on which nobody has said who it is; and some that are gone.
    unnamed: BTreeSet<LinkId>,
    peers: BTreeMap<NodeId, Peer>,
    /// By the index that datagrams begin with which come by them.
    channels: BTreeMap<u16, Channel>,
    admission: Admission,
    /// Links whose handshakes wait for their turn.
    waiting: VecDeque<LinkId>,
    reckoning: Reckoning,
    guesses: Guesses,
    refusals: Refusals,
    legible: Legible,
    ink: Ink,
    chance: Chance,
    next_link: u64,
    /// When it was tried last whether somebody else has this node's key.
    doubted_itself: Instant,
    host: Option<NodeId>,
    guide: Option<NodeId>,
    heir: Option<NodeId>,
    /// Through whom this node watches, and could.
    relays: Vec<NodeId>,
    random: Pcg64Mcg,
    /// Second copies, in the order of their times.
    later: VecDeque<(Instant, Effect)>,
    /// Nothing is due before.
    look_at: Instant,
    /// When all that is due was looked at last.
    looked: Instant,
    out: VecDeque<Out>,
}

/// What the mesh reports.
#[derive(Clone, Debug)]
pub enum Out {
    /// To be done by the driver.
    Effect(Effect),
    /// Somebody announced itself.
    Beacon {
        /// What it says.
        beacon: Arc<Beacon>,
        /// Where it is.
        from: SocketAddr,
        /// How many of its bytes are left that something may be sent for.
        paid: usize,
    },
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
        /// Why it has none.
        reason: Parting,
    },
    /// A peer said something, whichever way it came.
    Received(Received),
    /// Somebody else has this node's id. The one with the larger incarnation takes a new one.
    Clash {
        /// The other's incarnation.
        incarnation: Incarnation,
    },
    /// A link was refused.
    Refused {
        /// Why.
        refusal: Refusal,
        /// By whoever lives there.
        from: SocketAddr,
        /// Who that is, if it was proved.
        by: Option<NodeId>,
    },
}

/// Something that a peer said, and that means nothing to the mesh.
#[derive(Clone, Debug)]
pub struct Received {
    /// Who said it, in the life that is known here.
    pub peer: NodeId,
    /// Which way it came.
    pub way: Way,
    /// What follows, from [`KINDS_ABOVE`](message::KINDS_ABOVE) on.
    pub kind: u8,
    /// What was said.
    pub body: Bytes,
}

/// Why a peer has no link any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parting {
    /// The other side closed it, or its process ended.
    Closed,
    /// The peer said that it leaves.
    Left,
    /// Nothing came for too long.
    Silent,
    /// The peer read too slowly.
    Slow,
    /// The peer has started anew.
    Replaced,
    /// The peer may not come in any more.
    Barred,
    /// The system reported an error.
    Error,
    /// The peer sent what makes no sense.
    Nonsense,
    /// The peer sent more than any node does, or kept too much of it unfinished.
    Flooding,
}

impl Parting {
    /// In a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Parting::Closed => "closed",
            Parting::Left => "left",
            Parting::Silent => "silent",
            Parting::Slow => "slow",
            Parting::Replaced => "replaced",
            Parting::Barred => "barred",
            Parting::Error => "error",
            Parting::Nonsense => "nonsense",
            Parting::Flooding => "flooding",
        }
    }
}

impl Mesh {
    /// Without any link. All its chance comes from `chance`; beacons go to `port`, and to those who were
    /// `named` beforehand.
    pub fn new(tuning: Tuning, mut chance: Chance, port: u16, named: Vec<SocketAddr>) -> Self {
        Self {
            discovery: Discovery::new(tuning.beacon, chance.split(), port, named),
            tuning,
            links: BTreeMap::new(),
            unnamed: BTreeSet::new(),
            peers: BTreeMap::new(),
            channels: BTreeMap::new(),
            admission: Admission::default(),
            waiting: VecDeque::new(),
            reckoning: Reckoning::default(),
            guesses: Guesses::default(),
            refusals: Refusals::default(),
            legible: Legible::default(),
            ink: Ink::default(),
            next_link: 0,
            doubted_itself: Instant::default(),
            host: None,
            guide: None,
            heir: None,
            relays: Vec::new(),
            random: Pcg64Mcg::new(u128::from_be_bytes(chance.bytes())),
            chance,
            later: VecDeque::new(),
            look_at: Instant::default(),
            looked: Instant::default(),
            out: VecDeque::new(),
        }
    }

    /// Takes the next report.
    pub fn poll(&mut self) -> Option<Out> {
        self.out.pop_front()
    }

    /// Feeds what happened on a socket. Nothing else is any business of the mesh.
    pub fn handle(&mut self, now: Instant, me: &Identity, wire: Wire) {
        match wire {
            Wire::Packet { from, via, bytes } => self.datagram(now, me, from, via, bytes.into()),
            Wire::Accepted { link, from } => self.accepted(now, me, link, from),
            Wire::Connected { link } => self.connected(now, me, link),
            Wire::DialFailed { link } => self.dial_failed(now, link),
            Wire::Bytes { link, chunk } => self.bytes(now, me, link, &chunk),
            Wire::Closed { link, reason } => self.closed(now, link, reason),
            Wire::Timeout
            | Wire::Interfaces(_)
            | Wire::Woke(_)
            | Wire::Read(_)
            | Wire::Persisted(_)
            | Wire::Took(_) => {}
        }
    }

    /// The networks that this machine is on, from here on.
    pub fn interfaces(&mut self, now: Instant, interfaces: Vec<Interface>) {
        if self.discovery.interfaces(now, interfaces) {
            self.moved(now);
        }
    }

    /// Closes everything and forgets everybody.
    pub fn clear(&mut self) {
        for link in std::mem::take(&mut self.links).into_keys() {
            self.out.push_back(Out::Effect(Effect::Close { link }));
        }
        self.peers.clear();
        self.channels.clear();
        self.waiting.clear();
        self.unnamed.clear();
        self.relays.clear();
        self.stir();
    }

    /// From here on what is sealed can be [read](Mesh::read) here. For whoever tells what happens.
    pub fn stay_legible(&mut self) {
        self.legible.want();
    }

    /// What this node sealed so a while ago: its kind, and what follows.
    pub fn read(&self, sealed: &[u8]) -> Option<&[u8]> {
        self.legible.read(sealed)
    }

    /// Something changed that is not merely a sign of life: another look is due at once.
    pub fn stir(&mut self) {
        self.look_at = Instant::default();
    }

    /// When [`timeout`](Mesh::timeout) or [`announce`](Mesh::announce) has something to do. That may
    /// be sooner than anything is: signs of life, of which there are many, put off what is due, and
    /// are not reckoned with before.
    pub fn next_timeout(&self) -> Instant {
        let copy = self.later.front().map_or(Instant::NEVER, |(due, _)| *due);
        copy.min(self.look_at).min(self.discovery.next_timeout())
    }

    // Announcements.

    /// Tells everybody around how things stand, if the time has come or things have changed.
    pub fn announce(&mut self, now: Instant, me: &Identity, told: Told) {
        self.discovery.timeout(now, me, told);
        self.send_announcements();
    }

    /// Whether somebody was named beforehand with whom there is no link.
    pub fn lacks_named(&self) -> bool {
        let mut named = self.discovery.named();
        named.any(|ip| {
            let is_there = |peer: &Peer| peer.addresses.iter().any(|address| address.ip == ip);
            !self.peers.values().any(|peer| peer.is_linked() && is_there(peer))
        })
    }

    /// Tells one node that is missing, wherever it was last.
    pub fn announce_to(&mut self, me: &Identity, to: SocketAddr) {
        self.discovery.tell(me, to);
        self.send_announcements();
    }

    fn send_announcements(&mut self) {
        while let Some(effect) = self.discovery.poll() {
            self.out.push_back(Out::Effect(effect));
        }
    }

    /// What was announced lately.
    pub fn announcements(&self, now: Instant) -> impl Iterator<Item = &Heard> {
        self.discovery.heard(now)
    }

    /// What somebody announced last.
    pub fn announcement(&self, now: Instant, of: NodeId) -> Option<&Heard> {
        self.discovery.heard_from(now, of)
    }

    /// The locked sessions heard of lately that this node cannot look into.
    pub fn locked(&self, now: Instant) -> impl Iterator<Item = &Envelope> {
        self.discovery.locked(now)
    }

    /// This node has another lock than before: what it opens of that which was announced lately is
    /// announced now.
    pub fn unlock(&mut self, me: &Identity) {
        self.discovery.unlock(me);
    }

    /// Forgets what `id` has announced: it is known to be gone.
    pub fn forget_announcement(&mut self, id: NodeId) {
        self.discovery.forget(id);
    }
}
