//! The whole protocol of the mesh: what nodes say to each other so that there are links at all.
//!
//! Every datagram and every frame of a link begins with a byte that says what follows, its *kind*.
//!
//! | kind | where | what follows |
//! |---|---|---|
//! | `{` | datagrams | a [`Beacon`], in JSON, of which that byte is the first, zeros up to [`BEACON_BYTES`](crate::config::BEACON_BYTES) if it asks, up to what a dial costs if not; of a locked session an [`Envelope`], and the beacon sealed behind it |
//! | [`OPENING`] | links, first, by whoever dials | an [`Opening`], in JSON |
//! | [`ANSWER`] | links, first, by whoever was dialled | the second message of the handshake, with a [`Hello`] in it |
//! | [`PROOF`] | links, second, by whoever dials | the third, with a [`Hello`] in it |
//! | [`REFUSED`] | links, in place of an answer; or sealed, as the first thing after the handshake | a [`Refusal`], in JSON |
//! | [`PING`] | links | one byte, 1 if no datagram of the receiver's has come for a while: what goes to the sender had better go over the link |
//! | [`PROBE`] | datagrams | nothing: whoever gets it knows that datagrams pass |
//! | [`KINDS_ABOVE`] and up | both | whatever those say to each other who use the mesh |
//!
//! From [`PING`] on, and after a handshake, all of it is sealed, the kind included: [`channel`](super::channel) says how, and how
//! the handshake goes.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::{
    accounts::Statement,
    keys::{PublicKey, Signature},
    text::{Name, SessionName},
    types::{Incarnation, NodeId, Role, SessionId, Term},
    wire::{Blob, SEAL_BYTES},
};

/// What every beacon and hello starts with.
pub const MAGIC: &str = "interregnum";

/// The version of all that nodes say to each other, on this floor and on those above. Nodes of
/// another version are listed, not met.
pub const PROTOCOL: u32 = 8;

/// The first byte of a [`Beacon`].
pub const BEACON: u8 = b'{';
/// The kind of an [`Opening`].
pub const OPENING: u8 = 0x01;
/// The kind of the answer to it.
pub const ANSWER: u8 = 0x05;
/// The kind of the last message of a handshake.
pub const PROOF: u8 = 0x06;
/// The kind of a [`Refusal`].
pub const REFUSED: u8 = 0x02;
/// The kind of a sign of life on a link.
pub const PING: u8 = 0x03;
/// The kind of a datagram that only shows that datagrams pass.
pub const PROBE: u8 = 0x04;
/// The lowest kind that means something to those who use the mesh, and nothing here.
pub const KINDS_ABOVE: u8 = 0x10;

/// What a datagram has beside what it says: index, number, kind and seal.
pub const DATAGRAM_HEAD_BYTES: usize = 5 + SEAL_BYTES;

/// 32 bits that stand for one life of a node where it is known: XXH3 of its id and incarnation.
pub fn tag(id: NodeId, incarnation: Incarnation) -> u32 {
    let mut bytes = [0; 24];
    bytes[..16].copy_from_slice(&id.as_u128().to_be_bytes());
    bytes[16..].copy_from_slice(&incarnation.0.to_be_bytes());
    xxh3_64(&bytes) as u32
}

/// What a node says of itself, to everybody around and on each new link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Introduction {
    /// [`MAGIC`].
    pub magic: String,
    /// [`PROTOCOL`].
    pub protocol: u32,
    /// The rules of its game, [`Game::RULES`](crate::game::Game::RULES).
    pub rules: String,
    /// The session it plays in, or looks for; none on the title.
    pub session: Option<SessionName>,
    /// Who it is. (Earlier versions had none.)
    #[serde(default)]
    pub key: PublicKey,
    /// In which life.
    pub incarnation: Incarnation,
    /// What its player is called.
    pub name: Name,
    /// Player or spectator.
    pub role: Role,
    /// The port on which it accepts links.
    pub tcp: u16,
    /// The port of its own UDP socket.
    pub udp: u16,
}

impl Introduction {
    /// The id of whoever says it.
    pub fn id(&self) -> NodeId {
        self.key.id()
    }
}

/// A node's announcement of itself, to everybody around.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Beacon {
    /// Who is there.
    #[serde(flatten)]
    pub who: Introduction,
    /// Which founding of its session, once it is in one.
    pub session_id: Option<SessionId>,
    /// The reign it follows, or is: names the host.
    pub term: Option<Term>,
    /// What the host's player is called.
    pub host_name: Option<Name>,
    /// Where the sender reaches that host, if it is another node: whoever is told of any member finds
    /// the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_at: Option<Address>,
    /// How many play in its session.
    pub players: u32,
    /// Whether the session wants a passphrase.
    #[serde(default, skip_serializing_if = "is_no")]
    pub locked: bool,
    /// Whether the sender wants a beacon in return. An answer never does.
    #[serde(default, skip_serializing_if = "is_no")]
    pub ask: bool,
}

fn is_no(said: &bool) -> bool {
    !said
}

/// What whoever is not let in hears of a locked session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// [`MAGIC`].
    pub magic: String,
    /// [`PROTOCOL`].
    pub protocol: u32,
    /// The rules of its game.
    pub rules: String,
    /// The session.
    pub session: SessionName,
    /// Whether the sender wants a beacon in return.
    #[serde(default)]
    pub ask: bool,
    /// How many bytes follow: a number drawn for this one beacon, and the beacon, sealed.
    pub sealed: u16,
}

/// The first thing that is said on a new link, by whoever dials.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    /// [`MAGIC`].
    pub magic: String,
    /// [`PROTOCOL`].
    pub protocol: u32,
    /// The rules of its game.
    pub rules: String,
    /// The session it plays in.
    #[serde(default)]
    pub session: SessionName,
    /// Whether that wants a passphrase.
    #[serde(default)]
    pub locked: bool,
    /// The first message of the handshake.
    #[serde(default)]
    pub noise: Blob,
}

/// What both sides say of themselves within the handshake.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Hello {
    /// Who speaks.
    #[serde(flatten)]
    pub who: Introduction,
    /// The [key of this life](super::channel::LifeKey), signed.
    pub proof: Signature,
    /// The number of this link among those the sender dialled; 0 if it accepted it.
    pub dial: u64,
    /// What datagrams to the sender begin with.
    pub index: u16,
    /// The certificate of its machine, by the account that it speaks for, if it speaks for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Statement>,
}

/// Why a link was refused. The link is closed after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// Another protocol version.
    Protocol,
    /// Another game, or another version of it.
    Rules,
    /// Another session, or none.
    Session,
    /// The session has another passphrase, or has none, or has one.
    Passphrase,
    /// Whoever dials, or is dialled, may not come in any more: its key is barred.
    Barred,
    /// It is not on the list of those who may come in.
    NotListed,
}

impl Refusal {
    /// Whether it is about who somebody is: then it comes sealed, from somebody who is known.
    pub fn is_personal(self) -> bool {
        matches!(self, Refusal::Barred | Refusal::NotListed)
    }
}

/// Where a node can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// The machine.
    pub ip: IpAddr,
    /// The port on which the node accepts links.
    pub tcp: u16,
    /// The port of its own UDP socket.
    pub udp: u16,
}
