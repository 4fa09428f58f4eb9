//! The whole protocol of the cluster, in one file: everything that one node says to another once there
//! are links. (How there come to be any: [`mesh::message`](crate::mesh::message). What is said of the
//! ledger: [`ledger::exchange`](crate::ledger::exchange).)
//!
//! A [`Message`] goes over a link. Most of them are a [`Packet`], which goes in a datagram just as well:
//! it stands for itself. [`coding`](super::coding) says how they look as bytes; what they carry of a game
//! is opaque here ([`Payload`]).
//!
//! The messages of the election are those of the bully algorithm (Garcia-Molina 1982): `Election`,
//! `Ok`, and `Coordinator`, which here is part of each [`Packet::Tick`]: a host's every packet
//! says in which term it reigns, and which term that ended.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};
use serde_json::value::{RawValue, to_raw_value};

use super::reign::ReignWord;
use crate::{
    config::Form,
    keys::{Forged, PublicKey, SecretKey, Signature, Subject, Tag, Token, WorldDigest},
    ledger::exchange::LedgerMessage,
    mesh::message::Address,
    pairing::Step,
    text::Name,
    types::{Clock, Epoch, Incarnation, NodeId, Role, SessionId, Term, Tick},
    wire::Blob,
};

/// What one node says to another.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// Who is in the session, by its host.
    Roster(SignedRoster),
    /// What stands for itself.
    Packet(Packet),
    /// About the ledger of the session. It has a form of its own.
    #[serde(skip)]
    Ledger(LedgerMessage),
    /// Who wants the host to go.
    Votes(Vec<Vote>),
    /// What the receiver can check short words of the sender with, should the sender ever host: nobody
    /// else has it.
    Token(Token),
    /// Two people compare pictures.
    Pairing(Step),
    /// A host to somebody who only watches: "watch through one of these, the first if you can". None: "through nobody".
    Relays(Vec<RelayAt>),
    /// Somebody who only watches, to its host and that one's heir: "I watch through this one". None: "through nobody".
    Through(Option<NodeId>),
    /// "What were the steps told after this tick of your reign?"
    JournalWanted {
        /// Which of its reigns.
        epoch: Epoch,
        /// The tick.
        after: Tick,
    },
    /// The host's answer, for the game to read.
    Journal(Payload),
    /// The sender leaves for good; its closing link is no crash.
    Bye,
}

/// Somebody who hands a host's ticks down to others who only watch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelayAt {
    /// Who.
    pub id: NodeId,
    /// In which life.
    pub incarnation: Incarnation,
    /// Where the host reaches it.
    pub address: Address,
}

/// Who is in a session, with the word of its host: whoever passes it on can neither change it nor invent
/// a reign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedRoster {
    /// What the host says.
    pub roster: Roster,
    /// The host's key.
    pub key: PublicKey,
    /// Its signature of what it says, in JSON.
    pub signature: Signature,
    /// Its signature of the term alone: what it says in that reign may go through third hands.
    pub reign: Signature,
}

impl SignedRoster {
    /// Signs it, as its host.
    pub fn new(roster: Roster, key: &SecretKey) -> Option<Self> {
        let bytes = serde_json::to_vec(&roster).ok()?;
        let signature = key.sign(Subject::Roster, &[&bytes]);
        let reign = ReignWord::give(key, roster.term).signature;
        Some(Self { roster, key: key.public(), signature, reign })
    }

    /// Checks that the host of its reign said so.
    ///
    /// # Errors
    /// [`Forged`] when it did not.
    pub fn check(&self) -> Result<(), Forged> {
        let bytes = serde_json::to_vec(&self.roster).map_err(|_| Forged)?;
        match self.key.id() == self.roster.term.host {
            true => self.key.verify(Subject::Roster, &[&bytes], &self.signature),
            false => Err(Forged),
        }?;
        self.reign_word().check(self.roster.term)
    }

    /// The host's word for its reign.
    pub fn reign_word(&self) -> ReignWord {
        ReignWord { key: self.key, signature: self.reign }
    }
}

/// Who is in a session: published by its host, the same for all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roster {
    /// Which founding of the session.
    pub session_id: SessionId,
    /// In whose reign.
    pub term: Term,
    /// Rises with each change within the reign.
    pub version: u64,
    /// Everybody, by id.
    pub members: Vec<Member>,
    /// How many watch. They are counted, not listed.
    pub spectators: u32,
    /// Those of them who would play, first the one that is to get the next seat: as many as are
    /// [listed](crate::config::WAITING_MAX). Whoever hosts next goes on with this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waiting: Vec<NodeId>,
    /// Who may not come in.
    #[serde(default)]
    pub barred: Vec<Bar>,
}

/// Somebody who may not come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bar {
    /// Whose key it is.
    pub id: NodeId,
    /// It was banned; if not, it was kicked, and may come back in a while.
    pub for_good: bool,
}

/// The wish of a member that its host goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vote {
    /// Whose.
    pub voter: PublicKey,
    /// In which session.
    pub session: SessionId,
    /// The reign that shall end, and whose host shall not come in any more.
    pub against: Term,
    /// The voter's, under all of it.
    pub signature: Signature,
}

/// One player in the roster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The member's id.
    pub id: NodeId,
    /// In which life.
    pub incarnation: Incarnation,
    /// What the player is called.
    pub name: Name,
    /// Where the host reaches it. Addresses a member heard itself come first.
    pub address: Option<Address>,
    /// Nothing is heard of it. It keeps its place.
    pub away: bool,
    /// It has lost a crown by falling silent in the last minute, and ranks behind the others.
    #[serde(default)]
    pub unsteady: bool,
}

/// What goes in a datagram. Each stands for itself: any may be lost, doubled, or late.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Packet {
    /// One tick of the host, and with it `Coordinator`.
    Tick(TickPacket),
    /// What a client's player holds down.
    Controls(ControlsPacket),
    /// What a client's player orders.
    Orders(OrdersPacket),
    /// "My host seems lost; shall I reign?"
    Election(ElectionPacket),
    /// The answer to `Election`.
    Ok(OkPacket),
    /// "You speak in a term that is over": the answer to packets below what was promised.
    Stale {
        /// What the sender promised.
        promised: Term,
        /// The word of that term's host, if it is not the sender: without it this is nothing.
        word: Option<ReignWord>,
        /// Whether the sender hears the host of that term.
        alive: bool,
    },
    /// A member to its host: "somebody else claims to reign".
    Rival {
        /// The claim.
        term: Term,
        /// That host's word for it: without it the claim is nothing.
        word: Option<ReignWord>,
    },
    /// "I follow this reign, or it is mine": to a neighbour that plays elsewhere.
    Reign {
        /// The reign.
        term: Term,
        /// Its host's word for it.
        word: ReignWord,
    },
    /// The host with the lower term to the one with the higher: "judge us".
    Meet(MeetPacket),
    /// The answer to `Meet`.
    Verdict {
        /// The judge's term.
        judge: Term,
        /// The term that was judged.
        judged: Term,
        /// Whether the judge keeps the crown. If not, it reigns on until it hears the
        /// `Coordinator` that ends its term.
        keeps: bool,
        /// The judge's word for its reign, for those whom the other one sends to it.
        word: Option<ReignWord>,
    },
    /// A host to its members: "my reign is over, follow that one".
    Ends {
        /// The reign that is over.
        old: Term,
        /// The reign to follow.
        new: Term,
        /// Its host's word for it: without it there is nobody to follow.
        word: Option<ReignWord>,
    },
    /// Something from one node to another that does not reach it, by way of a third. It has a form of its
    /// own.
    #[serde(skip)]
    Relay(RelayPacket),
    /// Somebody who only watches, to a relay: "hand the ticks down to me; I hold this state". It counts for a second.
    Watch {
        /// The state.
        holds: Option<Clock>,
    },
    /// A relay to whoever watches through it: a tick of the host.
    Down(TickPacket),
    /// "Let me in": a newcomer to a host that it does not reach, by way of a member.
    Knock(Knock),
    /// A leaving host to all: its last world, and who shall go on.
    Abdicate {
        /// The reign that is over.
        term: Term,
        /// Who shall reign.
        successor: NodeId,
        /// The newest world.
        world: Option<WorldCopy>,
    },
}

/// One tick of the host.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TickPacket {
    /// In which reign.
    pub term: Term,
    /// Which reign that one ended.
    pub ends: Ends,
    /// The tick at which the reign began.
    pub began: Tick,
    /// This tick.
    pub tick: Tick,
    /// The number of the receiver's last controls that the host has heard: from itself in a tick
    /// that the host sent it, by whatever way in one that a relay passed on.
    pub heard: u64,
    /// What it carries of the [ledger](crate::ledger::batch::Carried): whoever takes this world takes
    /// that, too. None where the receiver lacks nothing.
    #[serde(default)]
    pub carried: Option<Blob>,
    /// The world; none where it goes over the link because it is too large.
    pub state: Option<Payload>,
    /// What shows others that the host made this world, should the receiver hand it over one day.
    #[serde(default, skip_serializing_if = "Proof::is_none")]
    pub proof: Proof,
    /// The host's word for its reign, in the first ticks of it: whoever follows can show it to others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub word: Option<ReignWord>,
    /// Of a tick that a third node passed on: what its host has signed of it.
    #[serde(skip)]
    pub passed: Option<Passed>,
}

/// What shows that a host made a world. What the host itself sends over its sealed link needs none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// Its signature, for everybody: see [`Claim`](super::proof::Claim). Not of every tick.
    pub signature: Option<Signature>,
    /// Short words for those who are likely to reign next, but not for the receiver itself.
    pub tags: Vec<Tag>,
}

impl Proof {
    /// Whether there is none.
    pub fn is_none(&self) -> bool {
        self.signature.is_none() && self.tags.is_empty()
    }
}

/// What a host has signed of a tick that a third node passes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passed {
    /// Which session it is of.
    pub session: SessionId,
    /// The world that comes of it.
    pub digest: WorldDigest,
}

/// Where a world comes from that is handed over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The session it is of.
    pub session: SessionId,
    /// Which reign its host said to have ended.
    pub ends: Ends,
    /// The key of its host, if whoever hands it over knows it.
    pub key: Option<PublicKey>,
    /// What shows it.
    pub proof: Proof,
}

/// Which reign another one has ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ends {
    /// None: it is a founding, or it was long ago.
    #[default]
    Nothing,
    /// This one, whose world it carries on.
    CarriesOn(Term),
    /// This one, a rival's, whose world is given up.
    Beats(Term),
}

impl Ends {
    /// The reign that is over.
    pub fn term(self) -> Option<Term> {
        match self {
            Ends::Nothing => None,
            Ends::CarriesOn(term) | Ends::Beats(term) => Some(term),
        }
    }

    /// The reign whose world is given up.
    pub fn beaten(self) -> Option<Term> {
        match self {
            Ends::Beats(term) => Some(term),
            Ends::Nothing | Ends::CarriesOn(_) => None,
        }
    }
}

/// What a client's player holds down, tick by tick.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ControlsPacket {
    /// The reign that the client follows.
    pub term: Term,
    /// The newest state it holds exactly: what the next delta may refer to.
    pub holds: Option<Clock>,
    /// It misses ticks: whatever goes to it had better go twice.
    #[serde(default)]
    pub lossy: bool,
    /// The number of the last controls in the list.
    pub number: u64,
    /// The controls not yet acknowledged, oldest first.
    pub list: Payload,
}

/// What a client's player does once, until its host's state has it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OrdersPacket {
    /// The reign that the client follows.
    pub term: Term,
    /// The number of the oldest order that waits: what came before is applied, or given up.
    pub base: u64,
    /// The number of the first in the list.
    pub first: u64,
    /// The orders, one after the other.
    pub list: Payload,
}

/// A packet on its way through other nodes. Its author has signed it, so that none of them can make it
/// say something else. Ticks are encoded anew by whoever passes them on, for what the receiver holds: of
/// them the host has signed which world comes of them, so that nobody can invent one.
#[derive(Clone, Debug)]
pub struct RelayPacket {
    /// Who says it.
    pub from: PublicKey,
    /// In which life.
    pub incarnation: Incarnation,
    /// For whom it is.
    pub to: NodeId,
    /// How many more nodes may pass it on.
    pub hops: u8,
    /// Where its author can be reached, as the first one knows that passes it on.
    pub address: Option<Address>,
    /// What it says. Never a relay itself.
    pub packet: Box<Packet>,
    /// Its author's word for it.
    pub word: Word,
}

/// What the author of something that is passed on has signed.
#[derive(Clone, Debug)]
pub enum Word {
    /// What comes of a tick.
    Tick(Passed, Signature),
    /// All of a packet.
    Packet {
        /// It rises with each packet of that life: what came before is not taken again.
        number: u64,
        /// By the author.
        signature: Signature,
        /// The packet, as it was signed.
        bytes: Blob,
    },
}

impl RelayPacket {
    /// The id of whoever says it.
    pub fn author(&self) -> NodeId {
        self.from.id()
    }
}

/// What a newcomer says of itself to a host that has not heard of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Knock {
    /// What its player is called.
    pub name: Name,
    /// Whether it plays, or would.
    pub role: Role,
}

/// "My host seems lost; shall I reign?"
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ElectionPacket {
    /// Tells the asks of one node apart; the answers repeat it.
    pub round: u32,
    /// The reign believed to be over; none at a cold start.
    pub ends: Option<Term>,
    /// The newest world the asker holds.
    pub world: Option<WorldMark>,
    /// The asker's rank.
    pub rank: Rank,
    /// The highest epoch the asker has heard of.
    pub floor: Epoch,
}

/// The answer to `Election`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OkPacket {
    /// Of the ask.
    pub round: u32,
    /// The highest epoch the answerer has heard of.
    pub floor: Epoch,
    /// The answer.
    pub answer: Answer,
}

/// The three answers to `Election`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// "The host lives, I hear it."
    Lives {
        /// The newest tick heard.
        clock: Clock,
    },
    /// "I rank higher and have lost it too: I am asking myself."
    TakingOver,
    /// "I shall follow you."
    Follow {
        /// The newest world the answerer holds.
        world: Option<WorldMark>,
        /// That world, and the newest one that its host has signed, as far as the asker's does not
        /// descend from them.
        worlds: Vec<WorldCopy>,
    },
}

/// Who goes first when several could reign: compared field by field. By id alone, two nodes that
/// have just come in would grant each other the crown before one that holds the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Rank {
    /// Holds a world.
    pub has_world: bool,
    /// Has not lost a crown by falling silent in the last minute, as the roster says.
    pub steady: bool,
    /// The bully's order.
    pub id: NodeId,
}

/// Which state a world is in, and where its reign branched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorldMark {
    /// The state.
    pub clock: Clock,
    /// The tick at which the reign of that state began.
    pub began: Tick,
}

/// A world, whole, with its mark.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct WorldCopy {
    /// Which state it is.
    pub mark: WorldMark,
    /// The state.
    pub sync_gamestate: Payload,
    /// Where it comes from; none if its host hands it over itself.
    #[serde(default)]
    pub origin: Option<Origin>,
}

/// One of two hosts that have met, as it presents itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MeetPacket {
    /// Its reign.
    pub term: Term,
    /// Who plays with it, itself included.
    pub members: Vec<NodeId>,
    /// How far its world is.
    pub tick: Tick,
}

/// Bytes of the game, opaque to the cluster: JSON text, embedded as it is, or binary. Clones of the
/// binary form share the bytes.
#[derive(Clone, Debug)]
pub enum Payload {
    /// For people: JSON, embedded as it is.
    Json(Box<RawValue>),
    /// For machines: whatever the game makes of it.
    Binary(Blob),
}

impl Payload {
    /// Something in this form. None: it has none.
    pub fn encode<T: Serialize>(form: Form, value: &T) -> Option<Self> {
        match form {
            Form::Binary => postcard::to_stdvec(value).ok().map(Payload::from),
            Form::Json => to_raw_value(value).ok().map(Payload::Json),
        }
    }

    /// What it says, in whichever form. None: nothing of this kind.
    pub fn decode<T: DeserializeOwned>(&self) -> Option<T> {
        match self {
            Payload::Binary(bytes) => postcard::from_bytes(bytes).ok(),
            Payload::Json(raw) => serde_json::from_str(raw.get()).ok(),
        }
    }

    /// The bytes, in whichever form.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Payload::Json(raw) => raw.get().as_bytes(),
            Payload::Binary(bytes) => bytes,
        }
    }
}

impl From<Vec<u8>> for Payload {
    fn from(bytes: Vec<u8>) -> Self {
        Payload::Binary(bytes.into())
    }
}

impl Serialize for Payload {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Payload::Json(raw) => raw.serialize(serializer),
            Payload::Binary(bytes) => bytes.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        if !raw.get().starts_with('"') {
            return Ok(Payload::Json(raw));
        }
        serde_json::from_str(raw.get()).map(Payload::Binary).map_err(serde::de::Error::custom)
    }
}

impl PartialEq for Payload {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Payload {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_travels_inside_json_in_either_form() {
        let json = Payload::Json(RawValue::from_string("{\"a\":[1,2]}".into()).unwrap());
        let binary = Payload::from(vec![0, 0x7f, 0xff]);
        for payload in [json, binary] {
            let text = serde_json::to_string(&payload).unwrap();
            assert_eq!(serde_json::from_str::<Payload>(&text).unwrap(), payload);
        }
    }

    #[test]
    fn a_roster_is_its_hosts_or_nobodys() {
        let host = SecretKey::from_bytes(&[7; 32]);
        let term = Term { epoch: Epoch(3), host: host.public().id(), incarnation: Incarnation(8) };
        let session_id = SessionId::default();
        let (members, waiting, barred) = (Vec::new(), Vec::new(), Vec::new());
        let roster =
            Roster { session_id, term, version: 1, members, spectators: 0, waiting, barred };
        let signed = SignedRoster::new(roster.clone(), &host).unwrap();
        let text = serde_json::to_string(&signed).unwrap();
        let back: SignedRoster = serde_json::from_str(&text).unwrap();
        assert_eq!(back.check(), Ok(()));
        let changed = Roster { spectators: 1, ..roster.clone() };
        assert_eq!(SignedRoster { roster: changed, ..back }.check(), Err(Forged));
        let thief = SecretKey::from_bytes(&[8; 32]);
        assert_eq!(SignedRoster::new(roster, &thief).unwrap().check(), Err(Forged));
    }

    #[test]
    fn a_payload_of_broken_digits_is_an_error() {
        for broken in ["\"0\"", "\"0g\"", "\"+1\"", "\""] {
            assert!(serde_json::from_str::<Payload>(broken).is_err(), "{broken}");
        }
    }
}
