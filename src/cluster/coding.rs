//! What is said, as bytes: the one place where a [`Message`] becomes a kind and a body, and the one
//! where these become a message again.
//!
//! A host sends one tick to every member sixty times a second, and every member its controls back;
//! who does not reach the host gets the ticks through a third node. These have a form of few bytes.
//! Everything else is rare, and JSON.
//!
//! Numbers are bit-packed ([`bits`](crate::bits)): `n` is a number in groups of four bits, `uK` one
//! of K bits, lowest first; zeros fill up to a whole byte. `v` is a number in groups of seven bits, a
//! byte each, as in postcard.
//!
//! ```text
//! tick      kind 0x80, +1 if it has a state, +2 if it carries entries, +4 if it ends a reign, +8 if it is
//!           signed, +16 or +32 if it has one tag or two, +64 if its host gives its word for its reign
//!           v heard, and the tags, three bytes each: for this receiver alone; all that follows is the
//!           same for whoever holds the same:
//!           n epoch   n tick   n tick - began   only with +4: n epoch, u64 u64 host, u64 incarnation,
//!           u1 beaten   zeros   only with +8: the signature, 64 bytes
//!           only with +64: the host's key, 32 bytes, and its signature of the term, 64
//!           only with +2: v length, what it carries   only with +1: the state
//! controls  kind 0x18   u32 host   n epoch   n number
//!           u2 holds: 0 nothing, 1 a state of this term [n tick],
//!              2 of another [n epoch, u64 u64 host, u64 incarnation, n tick]
//!           u1 lossy   zeros   the list
//! relay     kind 0x19   a `RelayHead`, postcard, and a body: a tick's, signed, or JSON as its author signed it
//! ledger    kind 0x1a   a [`LedgerMessage`], postcard
//! others    kind 0x1b   JSON: all else, and ticks and controls of those who speak it
//! journal   kind 0x1c   what the replica makes of it
//!           kind 0x1d   v epoch, v tick: it is wanted
//! watch     kind 0x1f   the state that is held, postcard
//! down      kind 0x20   u64 u64 host, u64 incarnation, the kind of a tick, and what follows it
//! ```
//!
//! A tick is its sender's, and names no host for that; so are controls, but for a [`tag`] of the host
//! that they are for: a host that has started anew is none of theirs.

use bytes::{Buf, Bytes};

use serde::{Deserialize, Serialize};

use super::{
    message::{
        ControlsPacket, Ends, Message, OrdersPacket, Packet, Passed, Payload, Proof, RelayPacket,
        TickPacket, Word, WorldMark,
    },
    proof::{Claim, HEIRS_MAX, told_ends},
    reign::ReignWord,
    relay::HOPS_MAX,
};
use crate::{
    bits::{BitReader, BitWriter},
    game::Malformed,
    keys::{KEY_BYTES, PublicKey, SIGNATURE_BYTES, SecretKey, Signature, Subject, TAG_BYTES, Tag},
    ledger::exchange::LedgerMessage,
    mesh::message::{Address, tag},
    types::{Clock, Epoch, Incarnation, NodeId, Term, Tick},
    wire::Blob,
};

const TICK: u8 = 0x80;
const HAS_STATE: u8 = 1;
const CARRIES: u8 = 2;
const ENDS: u8 = 4;
const SIGNED: u8 = 8;
/// From here on it is how many tags there are.
const TAGS_SHIFT: u8 = 4;
const TAGS: u8 = 3 << TAGS_SHIFT;
const WORD: u8 = 64;
const TICK_LAST: u8 = TICK | HAS_STATE | CARRIES | ENDS | SIGNED | TAGS | WORD;
const CONTROLS: u8 = 0x18;
const RELAY: u8 = 0x19;
const LEDGER: u8 = 0x1a;
const JSON: u8 = 0x1b;
const JOURNAL: u8 = 0x1c;
const JOURNAL_WANTED: u8 = 0x1d;
const ORDERS: u8 = 0x1e;
const WATCH: u8 = 0x1f;
const DOWN: u8 = 0x20;

/// Whether this is something that a third node passes on.
pub fn is_passed_on(kind: u8) -> bool {
    kind == RELAY
}

/// A kind, and what follows it.
pub type Encoded = (u8, Vec<u8>);

/// What is said, as bytes. None: it is more than there can be.
pub fn encode(message: &Message) -> Option<Encoded> {
    let short = match message {
        Message::Packet(packet) => encode_short(packet),
        Message::Ledger(message) => return Some((LEDGER, message.encode()?)),
        Message::Journal(Payload::Binary(bytes)) => return Some((JOURNAL, bytes.to_vec())),
        Message::JournalWanted { epoch, after } => {
            return Some((JOURNAL_WANTED, postcard::to_stdvec(&(epoch, after)).ok()?));
        }
        Message::Roster(_)
        | Message::Journal(Payload::Json(_))
        | Message::Relays(_)
        | Message::Through(_)
        | Message::Votes(_)
        | Message::Pairing(_)
        | Message::Token(_)
        | Message::Bye => None,
    };
    short.or_else(|| Some((JSON, serde_json::to_vec(message).ok()?)))
}

/// What `kind` and `body` say, which `from` sent to `me`.
///
/// # Errors
/// [`Malformed`] when it is nothing, or not for this life of this node.
pub fn decode(
    kind: u8,
    body: Bytes,
    from: (NodeId, Incarnation),
    me: (NodeId, Incarnation),
) -> Result<Message, Malformed> {
    let packet = match kind {
        TICK..=TICK_LAST => Packet::Tick(decode_tick(kind, body, from)?),
        CONTROLS => Packet::Controls(decode_controls(&body, me)?),
        ORDERS => Packet::Orders(decode_orders(&body, me)?),
        RELAY => Packet::Relay(decode_relay(&body)?),
        WATCH => match postcard::take_from_bytes(&body) {
            Ok((holds, [])) => Packet::Watch { holds },
            _ => return Err(Malformed),
        },
        DOWN => Packet::Down(decode_down(body)?),
        LEDGER => return LedgerMessage::decode(&body).map(Message::Ledger),
        JOURNAL => return Ok(Message::Journal(Payload::Binary(Blob(body)))),
        JOURNAL_WANTED => {
            let (epoch, after) = match postcard::take_from_bytes(&body) {
                Ok((wanted, [])) => wanted,
                _ => return Err(Malformed),
            };
            return Ok(Message::JournalWanted { epoch, after });
        }
        JSON => return serde_json::from_slice(&body).map_err(|_| Malformed),
        _ => return Err(Malformed),
    };
    Ok(Message::Packet(packet))
}

/// The form of few bytes, of what has one.
fn encode_short(packet: &Packet) -> Option<Encoded> {
    match packet {
        Packet::Tick(tick) => SharedTick::new(tick)?.to(tick.heard, &tick.proof.tags),
        Packet::Controls(controls) => encode_controls(controls),
        Packet::Orders(orders) => encode_orders(orders),
        Packet::Relay(relay) => encode_relay(relay),
        Packet::Watch { holds } => Some((WATCH, postcard::to_stdvec(holds).ok()?)),
        Packet::Down(tick) => encode_down(tick),
        _ => None,
    }
}

/// How many bytes the number of the last controls heard takes at most.
const HEARD_BYTES_MAX: usize = 10;

/// A tick as bytes, but for what it says to one receiver alone.
#[derive(Debug)]
pub struct SharedTick {
    kind: u8,
    bytes: Vec<u8>,
}

impl SharedTick {
    /// None: it has no such form, its state being JSON.
    pub fn new(tick: &TickPacket) -> Option<Self> {
        let state = match &tick.state {
            None => None,
            Some(Payload::Binary(state)) => Some(state),
            Some(Payload::Json(_)) => return None,
        };
        let since = tick.tick.0.checked_sub(tick.began.0)?;
        let told = told_ends(tick.ends, tick.mark());
        let ends = told.term();
        let mut out = BitWriter::new();
        out.number(tick.term.epoch.0);
        out.number(tick.tick.0);
        out.number(since);
        if let Some(term) = ends {
            write_term(&mut out, term);
            out.bit(told.beaten().is_some());
        }
        let mut bytes = out.finish();
        if let Some(signature) = &tick.proof.signature {
            bytes.extend(signature.0);
        }
        if let Some(word) = &tick.word {
            bytes.extend(word.key.as_bytes());
            bytes.extend(word.signature.0);
        }
        if let Some(carried) = &tick.carried {
            bytes = postcard::to_extend(carried, bytes).ok()?;
        }
        bytes.extend_from_slice(state.map_or(&[], |state| state));
        let flag = |is: bool, flag| if is { flag } else { 0 };
        let kind = TICK
            | flag(state.is_some(), HAS_STATE)
            | flag(tick.carried.is_some(), CARRIES)
            | flag(ends.is_some(), ENDS)
            | flag(tick.proof.signature.is_some(), SIGNED)
            | flag(tick.word.is_some(), WORD);
        Some(Self { kind, bytes })
    }

    /// All of it, for somebody of whom so much was heard, and who may hand these tags over one day.
    pub fn to(&self, heard: u64, tags: &[Tag]) -> Option<Encoded> {
        let mut encoded = (0, Vec::new());
        self.write(heard, tags, &mut encoded).then_some(encoded)
    }

    /// The same, in the place of what was `said` to another one. Whether it has such a form.
    pub fn write(&self, heard: u64, tags: &[Tag], said: &mut Encoded) -> bool {
        let Some(count) = u8::try_from(tags.len()).ok().filter(|_| tags.len() <= HEIRS_MAX) else {
            return false;
        };
        let mut body = std::mem::take(&mut said.1);
        body.clear();
        body.reserve(HEARD_BYTES_MAX + TAG_BYTES * tags.len() + self.bytes.len());
        let Ok(mut body) = postcard::to_extend(&heard, body) else { return false };
        body.extend_from_slice(tags.as_flattened());
        body.extend_from_slice(&self.bytes);
        *said = (self.kind | count << TAGS_SHIFT, body);
        true
    }
}

fn decode_tick(
    kind: u8,
    mut body: Bytes,
    (host, incarnation): (NodeId, Incarnation),
) -> Result<TickPacket, Malformed> {
    let heard = take(&mut body)?;
    let count = usize::from((kind & TAGS) >> TAGS_SHIFT);
    if count > HEIRS_MAX || body.len() < count * TAG_BYTES {
        return Err(Malformed);
    }
    let tags = body.split_to(count * TAG_BYTES);
    let (tags, _) = tags.as_chunks::<TAG_BYTES>();
    let mut proof = Proof { signature: None, tags: tags.to_vec() };
    let mut input = BitReader::new(&body);
    let term = Term { epoch: Epoch(input.number()?), host, incarnation };
    let tick = Tick(input.number()?);
    let began = Tick(tick.0.checked_sub(input.number()?).ok_or(Malformed)?);
    let ends = match kind & ENDS {
        0 => Ends::Nothing,
        _ => {
            let term = read_term(&mut input)?;
            if input.bit()? { Ends::Beats(term) } else { Ends::CarriesOn(term) }
        }
    };
    // Nobody says it for longer: whoever does has said nothing.
    let ends = told_ends(ends, WorldMark { clock: Clock { term, tick }, began });
    let rest = input.rest()?.len();
    let mut rest = body.split_off(body.len() - rest);
    if kind & SIGNED != 0 {
        proof.signature = Some(take_signature(&mut rest)?);
    }
    let mut word = None;
    if kind & WORD != 0 {
        let key = PublicKey::from_bytes(*rest.first_chunk::<KEY_BYTES>().ok_or(Malformed)?);
        rest.advance(KEY_BYTES);
        word = Some(ReignWord { key, signature: take_signature(&mut rest)? });
    }
    let carried = match kind & CARRIES {
        0 => None,
        _ => {
            let length = usize::try_from(take(&mut rest)?).map_err(|_| Malformed)?;
            (length <= rest.len()).then(|| Some(Blob(rest.split_to(length)))).ok_or(Malformed)?
        }
    };
    let state = match kind & HAS_STATE {
        0 => rest.is_empty().then_some(None).ok_or(Malformed)?,
        _ => Some(Payload::Binary(Blob(rest))),
    };
    Ok(TickPacket { term, ends, began, tick, heard, carried, state, proof, word, passed: None })
}

/// A tick of a host, for those who watch through this node.
fn encode_down(tick: &TickPacket) -> Option<Encoded> {
    let (kind, inner) = SharedTick::new(tick)?.to(tick.heard, &[])?;
    let (host, life) = (tick.term.host.as_u128(), tick.term.incarnation.0);
    let mut body = [&host.to_be_bytes()[..], &life.to_be_bytes(), &[kind]].concat();
    body.extend(inner);
    Some((DOWN, body))
}

fn decode_down(mut body: Bytes) -> Result<TickPacket, Malformed> {
    let host = NodeId::from_u128(body.try_get_u128().map_err(|_| Malformed)?);
    let incarnation = Incarnation(body.try_get_u64().map_err(|_| Malformed)?);
    match body.try_get_u8() {
        Ok(kind @ TICK..=TICK_LAST) => {
            let tick = decode_tick(kind, body, (host, incarnation))?;
            // What its host shows to its heirs is not handed down.
            if tick.proof.tags.is_empty() { Ok(tick) } else { Err(Malformed) }
        }
        _ => Err(Malformed),
    }
}

fn take_signature(bytes: &mut Bytes) -> Result<Signature, Malformed> {
    let signature = *bytes.first_chunk::<SIGNATURE_BYTES>().ok_or(Malformed)?;
    bytes.advance(SIGNATURE_BYTES);
    Ok(Signature(signature))
}

/// A number in groups of seven bits, off the front.
fn take(bytes: &mut Bytes) -> Result<u64, Malformed> {
    let (number, rest): (u64, &[u8]) = postcard::take_from_bytes(bytes).map_err(|_| Malformed)?;
    let taken = bytes.len() - rest.len();
    bytes.advance(taken);
    Ok(number)
}

fn encode_controls(controls: &ControlsPacket) -> Option<Encoded> {
    let ControlsPacket { term, holds, number, lossy, list: Payload::Binary(list) } = controls
    else {
        return None;
    };
    let mut out = BitWriter::new();
    out.bits(tag(term.host, term.incarnation), 32);
    out.number(term.epoch.0);
    out.number(*number);
    match holds {
        None => out.bits(0, 2),
        Some(clock) if clock.term == *term => {
            out.bits(1, 2);
            out.number(clock.tick.0);
        }
        Some(clock) => {
            out.bits(2, 2);
            write_term(&mut out, clock.term);
            out.number(clock.tick.0);
        }
    }
    out.bit(*lossy);
    let mut body = out.finish();
    body.extend_from_slice(list);
    Some((CONTROLS, body))
}

fn decode_controls(
    body: &Bytes,
    (host, incarnation): (NodeId, Incarnation),
) -> Result<ControlsPacket, Malformed> {
    let mut input = BitReader::new(body);
    if input.bits(32)? != tag(host, incarnation) {
        return Err(Malformed);
    }
    let term = Term { epoch: Epoch(input.number()?), host, incarnation };
    let number = input.number()?;
    let holds = match input.bits(2)? {
        0 => None,
        1 => Some(Clock { term, tick: Tick(input.number()?) }),
        2 => {
            let term = read_term(&mut input)?;
            Some(Clock { term, tick: Tick(input.number()?) })
        }
        _ => return Err(Malformed),
    };
    let lossy = input.bit()?;
    let list = Payload::Binary(Blob(body.slice_ref(input.rest()?)));
    Ok(ControlsPacket { term, holds, number, lossy, list })
}

fn encode_orders(orders: &OrdersPacket) -> Option<Encoded> {
    let OrdersPacket { term, base, first, list: Payload::Binary(list) } = orders else {
        return None;
    };
    let mut out = BitWriter::new();
    out.bits(tag(term.host, term.incarnation), 32);
    out.number(term.epoch.0);
    out.number(*base);
    out.number(first.checked_sub(*base)?);
    let mut body = out.finish();
    body.extend_from_slice(list);
    Some((ORDERS, body))
}

fn decode_orders(
    body: &Bytes,
    (host, incarnation): (NodeId, Incarnation),
) -> Result<OrdersPacket, Malformed> {
    let mut input = BitReader::new(body);
    if input.bits(32)? != tag(host, incarnation) {
        return Err(Malformed);
    }
    let term = Term { epoch: Epoch(input.number()?), host, incarnation };
    let base = input.number()?;
    let first = base.checked_add(input.number()?).ok_or(Malformed)?;
    let list = Payload::Binary(Blob(body.slice_ref(input.rest()?)));
    Ok(OrdersPacket { term, base, first, list })
}

/// What stands in front of something that is passed on.
#[derive(Serialize, Deserialize)]
struct RelayHead {
    from: PublicKey,
    incarnation: Incarnation,
    to: NodeId,
    hops: u8,
    address: Option<Address>,
    /// Of what follows.
    kind: u8,
    word: HeadWord,
}

/// What its author has signed.
#[derive(Serialize, Deserialize)]
enum HeadWord {
    /// Of a tick: what comes of it. The signature stands in the tick.
    Tick(Passed),
    /// All that follows.
    Packet { number: u64, signature: Signature },
}

/// Something that `from` says to somebody whom it does not reach, with its word for it. Controls go as
/// JSON: whoever passes them on may not know the life that they are for.
pub fn signed(
    key: &SecretKey,
    incarnation: Incarnation,
    to: NodeId,
    number: u64,
    packet: Packet,
) -> Option<RelayPacket> {
    let bytes = serde_json::to_vec(&packet).ok()?;
    let parts = signed_parts(to, incarnation, number);
    let signature = key.sign(Subject::Passed, &[&parts, &bytes]);
    Some(RelayPacket {
        from: key.public(),
        incarnation,
        to,
        hops: HOPS_MAX,
        address: None,
        packet: Box::new(packet),
        word: Word::Packet { number, signature, bytes: bytes.into() },
    })
}

fn signed_parts(to: NodeId, incarnation: Incarnation, number: u64) -> Vec<u8> {
    let (incarnation, number) = (incarnation.0.to_be_bytes(), number.to_be_bytes());
    [&to.as_u128().to_be_bytes()[..], &incarnation, &number].concat()
}

fn encode_relay(relay: &RelayPacket) -> Option<Encoded> {
    let ((kind, inner), word) = match (&*relay.packet, &relay.word) {
        (Packet::Tick(tick), Word::Tick(passed, signature)) => {
            let proof = Proof { signature: Some(*signature), tags: Vec::new() };
            let tick = TickPacket { proof, ..tick.clone() };
            (SharedTick::new(&tick)?.to(tick.heard, &[])?, HeadWord::Tick(*passed))
        }
        (_, Word::Packet { number, signature, bytes }) => {
            let word = HeadWord::Packet { number: *number, signature: *signature };
            ((JSON, bytes.to_vec()), word)
        }
        _ => return None,
    };
    let head = RelayHead {
        from: relay.from,
        incarnation: relay.incarnation,
        to: relay.to,
        hops: relay.hops,
        address: relay.address,
        kind,
        word,
    };
    let mut body = postcard::to_stdvec(&head).ok()?;
    body.extend_from_slice(&inner);
    Some((RELAY, body))
}

/// Whoever passes on what its alleged author never signed passes on nothing.
fn decode_relay(body: &Bytes) -> Result<RelayPacket, Malformed> {
    let (head, rest): (RelayHead, &[u8]) =
        postcard::take_from_bytes(body).map_err(|_| Malformed)?;
    let rest = body.slice_ref(rest);
    let RelayHead { from, incarnation, to, hops, address, kind, word } = head;
    let (packet, word) = match (kind, word) {
        (JSON, HeadWord::Packet { number, signature }) => {
            let parts = signed_parts(to, incarnation, number);
            from.verify(Subject::Passed, &[&parts, &rest], &signature).map_err(|_| Malformed)?;
            let packet = serde_json::from_slice(&rest).map_err(|_| Malformed)?;
            let word = Word::Packet { number, signature, bytes: Blob(rest) };
            (Some(packet).filter(|packet| !matches!(packet, Packet::Tick(_))), word)
        }
        (TICK..=TICK_LAST, HeadWord::Tick(passed)) => {
            let mut tick = decode_tick(kind, rest, (from.id(), incarnation))?;
            let signature = tick.proof.signature.ok_or(Malformed)?;
            let Passed { session, digest } = passed;
            let claim = Claim { session, mark: tick.mark(), ends: tick.ends, digest };
            claim.check(&from, &signature).map_err(|_| Malformed)?;
            tick.proof.tags.clear();
            tick.passed = Some(passed);
            (Some(Packet::Tick(tick)), Word::Tick(passed, signature))
        }
        _ => return Err(Malformed),
    };
    let packet = Box::new(packet.ok_or(Malformed)?);
    Ok(RelayPacket { from, incarnation, to, hops, address, packet, word })
}

fn write_id(out: &mut BitWriter, id: NodeId) {
    out.long((id.as_u128() >> 64) as u64);
    out.long(id.as_u128() as u64);
}

fn read_id(input: &mut BitReader<'_>) -> Result<NodeId, Malformed> {
    let high = input.long()?;
    let low = input.long()?;
    Ok(NodeId::from_u128(u128::from(high) << 64 | u128::from(low)))
}

fn write_term(out: &mut BitWriter, term: Term) {
    out.number(term.epoch.0);
    write_id(out, term.host);
    out.long(term.incarnation.0);
}

fn read_term(input: &mut BitReader<'_>) -> Result<Term, Malformed> {
    let epoch = Epoch(input.number()?);
    let host = read_id(input)?;
    Ok(Term { epoch, host, incarnation: Incarnation(input.long()?) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{keys::WorldDigest, types::SessionId};

    const HOST: (NodeId, Incarnation) = (NodeId::from_u128(7), Incarnation(8));
    const CLIENT: (NodeId, Incarnation) = (NodeId::from_u128(9), Incarnation(10));

    fn term(epoch: u64) -> Term {
        Term { epoch: Epoch(epoch), host: HOST.0, incarnation: HOST.1 }
    }

    fn tick() -> TickPacket {
        let clock = Clock { term: term(3), tick: Tick(1_090) };
        let state = Some(Payload::from(vec![0xaa, 0xbb]));
        let mark = WorldMark { clock, began: Tick(1_000) };
        TickPacket { heard: 77, state, ..TickPacket::of(mark, Ends::Nothing) }
    }

    fn controls() -> ControlsPacket {
        let list = Payload::from(vec![1]);
        let holds = Some(Clock { term: term(3), tick: Tick(1_089) });
        ControlsPacket { term: term(3), holds, number: 99, lossy: true, list }
    }

    fn round_trip(packet: Packet, from: (NodeId, Incarnation), to: (NodeId, Incarnation)) {
        let message = Message::Packet(packet);
        let (kind, body) = encode(&message).unwrap();
        assert_ne!(kind, JSON);
        let body = Bytes::from(body);
        let back = decode(kind, body.clone(), from, to).unwrap();
        assert_eq!(format!("{back:?}"), format!("{message:?}"));
        for kind in 0..=255 {
            for length in 0..=body.len() {
                let _ = decode(kind, body.slice(..length), from, to); // must not panic
            }
        }
    }

    #[test]
    fn ticks_and_controls_come_out_as_they_went_in() {
        let carried = Some(Blob::from(vec![7; 200]));
        for ends in [Ends::Nothing, Ends::CarriesOn(term(2)), Ends::Beats(term(2))] {
            round_trip(Packet::Tick(TickPacket { ends, ..tick() }), HOST, CLIENT);
            round_trip(Packet::Tick(TickPacket { ends, state: None, ..tick() }), HOST, CLIENT);
            let carries = TickPacket { ends, carried: carried.clone(), ..tick() };
            round_trip(Packet::Tick(carries.clone()), HOST, CLIENT);
            for tags in [vec![], vec![[1, 2, 3]], vec![[1, 2, 3], [4, 5, 6]]] {
                for signature in [None, Some(Signature([7; 64]))] {
                    let proof = Proof { signature, tags: tags.clone() };
                    round_trip(Packet::Tick(TickPacket { proof, ..carries.clone() }), HOST, CLIENT);
                }
            }
            let word = ReignWord::give(&SecretKey::from_bytes(&[7; 32]), term(3));
            let carries = TickPacket { word: Some(word), ..carries };
            round_trip(Packet::Tick(carries.clone()), HOST, CLIENT);
            round_trip(Packet::Tick(TickPacket { state: None, ..carries }), HOST, CLIENT);
        }
        let other = Term { epoch: Epoch(2), host: CLIENT.0, incarnation: CLIENT.1 };
        for holds in [None, Some(term(3)), Some(other)] {
            let holds = holds.map(|term| Clock { term, tick: Tick(1_234_567) });
            let packet = ControlsPacket { holds, ..controls() };
            round_trip(Packet::Controls(packet), CLIENT, HOST);
        }
    }

    // After 828 days at sixty a second.
    #[test]
    fn controls_are_numbered_past_32_bits() {
        for number in [u64::from(u32::MAX), 1 << 32, u64::MAX] {
            let packet = ControlsPacket { number, ..controls() };
            round_trip(Packet::Controls(packet), CLIENT, HOST);
            round_trip(Packet::Tick(TickPacket { heard: number, ..tick() }), HOST, CLIENT);
        }
    }

    #[test]
    fn what_is_handed_down_comes_out_as_it_went_in() {
        let proof = Proof { signature: Some(Signature([7; 64])), tags: Vec::new() };
        let tick = TickPacket { proof, ..tick() };
        let watcher = (NodeId::from_u128(12), Incarnation(13));
        round_trip(Packet::Down(tick), CLIENT, watcher);
        for holds in [None, Some(Clock { term: term(3), tick: Tick(1_234_567) })] {
            round_trip(Packet::Watch { holds }, watcher, CLIENT);
        }
    }

    #[test]
    fn what_a_host_shows_to_its_heirs_is_not_handed_down() {
        let shown = TickPacket {
            proof: Proof { tags: vec![[7; TAG_BYTES]], ..Proof::default() },
            ..tick()
        };
        let (kind, inner) = SharedTick::new(&shown).unwrap().to(1, &shown.proof.tags).unwrap();
        let (host, life) = (shown.term.host.as_u128(), shown.term.incarnation.0);
        let body = [&host.to_be_bytes()[..], &life.to_be_bytes(), &[kind], &inner].concat();
        assert!(decode_down(body.into()).is_err());
        assert!(decode_down(encode_down(&shown).unwrap().1.into()).is_ok());
    }

    #[test]
    fn what_is_passed_on_comes_out_as_it_went_in() {
        let key = SecretKey::from_bytes(&[7; 32]);
        let host = (key.public().id(), HOST.1);
        let term = Term { host: host.0, ..term(3) };
        let passed = Passed { session: SessionId::default(), digest: WorldDigest::of(b"a world") };
        let tick = TickPacket { term, passed: Some(passed), ..tick() };
        let Passed { session, digest } = passed;
        let claim = Claim { session, mark: tick.mark(), ends: tick.ends, digest };
        let signature = claim.sign(&key);
        let proof = Proof { signature: Some(signature), tags: Vec::new() };
        let tick = TickPacket { proof, ..tick };
        let relay = |tick: &TickPacket, passed| RelayPacket {
            from: key.public(),
            incarnation: host.1,
            to: NodeId::from_u128(11),
            hops: 2,
            address: Some(Address { ip: [10, 0, 0, 1].into(), tcp: 1, udp: 2 }),
            packet: Box::new(Packet::Tick(tick.clone())),
            word: Word::Tick(passed, signature),
        };
        round_trip(Packet::Relay(relay(&tick, passed)), CLIENT, HOST);
        let other = WorldDigest::of(b"another world");
        let invented = Term { epoch: Epoch(4), ..term };
        for (what, forged) in [
            ("reign", relay(&TickPacket { term: invented, ..tick.clone() }, passed)),
            ("tick", relay(&TickPacket { tick: Tick(1_091), ..tick.clone() }, passed)),
            ("beginning", relay(&TickPacket { began: Tick(999), ..tick.clone() }, passed)),
            ("end", relay(&TickPacket { ends: Ends::Beats(term), ..tick.clone() }, passed)),
            ("world", relay(&tick, Passed { digest: other, ..passed })),
            ("session", relay(&tick, Passed { session: SessionId(uuid::Uuid::max()), ..passed })),
        ] {
            let (kind, body) = encode(&Message::Packet(Packet::Relay(forged))).unwrap();
            assert!(decode(kind, body.into(), CLIENT, HOST).is_err(), "nobody can invent a {what}");
        }
        for packet in [Packet::Controls(controls()), Packet::Rival { term, word: None }] {
            let relay = signed(&key, HOST.1, NodeId::from_u128(11), 5, packet).unwrap();
            round_trip(Packet::Relay(relay), CLIENT, HOST);
        }
    }

    // Whoever stands between two others is none of them.
    #[test]
    fn nobody_can_make_what_is_passed_on_say_something_else() {
        let key = SecretKey::from_bytes(&[7; 32]);
        let to = NodeId::from_u128(11);
        let relay = signed(&key, HOST.1, to, 5, Packet::Controls(controls())).unwrap();
        let passed = |relay: &RelayPacket| {
            let (kind, body) = encode(&Message::Packet(Packet::Relay(relay.clone()))).unwrap();
            decode(kind, body.into(), CLIENT, HOST)
        };
        let Word::Packet { signature, bytes, .. } = relay.word.clone() else { panic!("a tick") };
        let word = |number, bytes| Word::Packet { number, signature, bytes };
        assert!(passed(&RelayPacket { hops: 1, ..relay.clone() }).is_ok());
        let thief = SecretKey::from_bytes(&[8; 32]).public();
        let other = Packet::Rival { term: term(3), word: None };
        let other = serde_json::to_vec(&other).unwrap();
        for forged in [
            RelayPacket { from: thief, ..relay.clone() },
            RelayPacket { incarnation: Incarnation(9), ..relay.clone() },
            RelayPacket { to: NodeId::from_u128(12), ..relay.clone() },
            RelayPacket { word: word(6, bytes), ..relay.clone() },
            RelayPacket { word: word(5, other.into()), ..relay },
        ] {
            assert!(passed(&forged).is_err(), "{forged:?}");
        }
    }

    // A host sends one tick to many: what differs is in front, and the rest is made once.
    #[test]
    fn what_a_tick_says_to_all_is_the_same_for_all() {
        let shared = SharedTick::new(&tick()).unwrap();
        let one = shared.to(1, &[[1, 2, 3]]).unwrap();
        let other = shared.to(1_000_000, &[[4, 5, 6]]).unwrap();
        assert_eq!((one.0, &one.1[4..]), (other.0, &other.1[6..]));
        assert!(shared.to(1, &[[0; 3]; HEIRS_MAX + 1]).is_none());
    }

    // Other programs speak this too: whoever changes these bytes changes the protocol's version.
    #[test]
    fn the_bytes_of_ticks_and_controls_are_these() {
        let golden = |packet| {
            let (kind, body) = encode(&Message::Packet(packet)).unwrap();
            let all = [&[kind], &body[..]].concat();
            all.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
        };
        assert_eq!(golden(Packet::Tick(tick())), "814da398a21baabb");
        assert_eq!(golden(Packet::Controls(controls())), "181a3d5840b31c25a60401");
        let all = TickPacket {
            carried: Some(Blob::from(vec![0xcc; 2])),
            proof: Proof { signature: Some(Signature([7; 64])), tags: vec![[1, 2, 3], [4, 5, 6]] },
            word: Some(ReignWord {
                key: PublicKey::from_bytes([5; 32]),
                signature: Signature([9; 64]),
            }),
            ..tick()
        };
        let hex = |byte: &str, times| byte.repeat(times);
        let (signature, word) = (hex("07", 64), hex("05", 32) + &hex("09", 64));
        let expected = format!("eb4d010203040506a398a21b{signature}{word}02ccccaabb");
        assert_eq!(golden(Packet::Tick(all.clone())), expected);
        let passed = Passed { session: SessionId(uuid::Uuid::max()), digest: WorldDigest([8; 32]) };
        let relay = RelayPacket {
            from: PublicKey::from_bytes([5; 32]),
            incarnation: Incarnation(3),
            to: NodeId::from_u128(11),
            hops: 2,
            address: None,
            packet: Box::new(Packet::Tick(all)),
            word: Word::Tick(passed, Signature([7; 64])),
        };
        // From whom, in which life, to whom, over how many, from nowhere; then the tick, without tags.
        let head = hex("05", 32) + "0310" + &hex("00", 15) + "0b0200cb";
        let passed = "0010".to_owned() + &hex("ff", 16) + &hex("08", 32);
        let expected = format!("19{head}{passed}4da398a21b{signature}{word}02ccccaabb");
        assert_eq!(golden(Packet::Relay(relay)), expected);
    }

    #[test]
    fn controls_for_another_life_of_the_host_are_refused() {
        let (kind, body) = encode(&Message::Packet(Packet::Controls(controls()))).unwrap();
        let reborn = (HOST.0, Incarnation(11));
        assert!(decode(kind, body.into(), CLIENT, reborn).is_err());
    }
}
