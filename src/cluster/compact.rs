//! The packets of every tick, in few bytes.
//!
//! A host sends one tick to every member sixty times a second, and every member its controls back;
//! who does not reach the host gets the ticks through a third node, and who has nothing to say to
//! somebody probes the way ten times a second. These have a binary form, in datagrams and, if too
//! large for one, in a frame of a link; everything else is rare, and JSON. The first byte says which
//! it is: no JSON starts with it.
//!
//! Numbers are bit-packed ([`bits`](crate::bits)): `n` is a number in groups of four bits, `uK` one
//! of K bits, lowest first. The last byte is filled with zeros; the payload starts at a whole byte.
//!
//! ```text
//! tick      u8 kind 0x01   u32 sender   n epoch   n tick   n tick - began   n heard
//!           u1 ends? [n epoch, u64 u64 host, u64 incarnation, u1 rival]   u1 state?   payload
//! controls  u8 kind 0x02   u32 sender   u32 host   n epoch   n number
//!           u2 holds: 0 nothing, 1 a state of this term [n tick],
//!              2 of another [n epoch, u64 u64 host, u64 incarnation, n tick]
//!           u1 lossy   payload
//! relay     u8 kind 0x03   u32 sender   u64 u64 from   u64 incarnation   u64 u64 to   u8 hops
//!           a tick, sent by the one that it is from
//! probe     u8 kind 0x04   u32 sender
//! ```
//!
//! Sender and host are [`tag`]s: 32 bits of the hash of id and incarnation. Whoever receives such a
//! packet has met its sender by beacon and hello before, and knows the rest.

use xxhash_rust::xxh3::xxh3_64;

use super::message::{ControlsPacket, Packet, Payload, RelayPacket, TickPacket};
use crate::{
    bits::{BitReader, BitWriter},
    game::Malformed,
    types::{Clock, Epoch, Incarnation, NodeId, Term, Tick},
};

const TICK: u32 = 1;
const CONTROLS: u32 = 2;
const RELAY: u32 = 3;
const PROBE: u32 = 4;

/// For how many ticks a host says which term it ended. By then whoever followed that one has lost
/// its host, or has a living one, and the two meet.
const ENDS_TOLD_TICKS: u64 = 600;

/// 32 bits that stand for one life of a node: XXH3 of its id and incarnation.
pub fn tag(id: NodeId, incarnation: Incarnation) -> u32 {
    let mut bytes = [0; 24];
    bytes[..16].copy_from_slice(&id.as_u128().to_be_bytes());
    bytes[16..].copy_from_slice(&incarnation.0.to_be_bytes());
    xxh3_64(&bytes) as u32
}

/// Whether these bytes are of this form, and not JSON.
pub fn is_compact(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(|kind| [TICK, CONTROLS, RELAY, PROBE].contains(&u32::from(*kind)))
}

/// The binary form of `packet`, if it has one: a tick, passed on or not, or controls, with a binary
/// payload; or a probe.
pub fn encode(sender: u32, packet: &Packet) -> Option<Vec<u8>> {
    let mut out = BitWriter::new();
    let passed_on;
    let payload: &[u8] = match packet {
        Packet::Tick(TickPacket { state: Some(Payload::Json(_)), .. }) => return None,
        Packet::Tick(tick) => {
            out.bits(TICK, 8);
            out.bits(sender, 32);
            out.number(tick.term.epoch.0);
            out.number(tick.tick.0);
            out.number(tick.tick.0.checked_sub(tick.began.0)?);
            out.number(tick.heard);
            let told = tick.tick.0 - tick.began.0 < ENDS_TOLD_TICKS;
            let ends = tick.ends.filter(|_| told);
            out.bit(ends.is_some());
            if let Some(term) = ends {
                write_term(&mut out, term);
                out.bit(tick.rival);
            }
            out.bit(tick.state.is_some());
            tick.state.as_ref().map_or(&[], Payload::as_bytes)
        }
        Packet::Controls(controls) => {
            let ControlsPacket { term, holds, number, lossy, list: Payload::Binary(list) } =
                controls
            else {
                return None;
            };
            out.bits(CONTROLS, 8);
            out.bits(sender, 32);
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
            list
        }
        Packet::Relay(RelayPacket { from, incarnation, to, hops, packet })
            if matches!(**packet, Packet::Tick(_)) =>
        {
            out.bits(RELAY, 8);
            out.bits(sender, 32);
            write_id(&mut out, *from);
            out.long(incarnation.0);
            write_id(&mut out, *to);
            out.bits(u32::from(*hops), 8);
            passed_on = encode(tag(*from, *incarnation), packet)?;
            &passed_on
        }
        Packet::Probe => {
            out.bits(PROBE, 8);
            out.bits(sender, 32);
            &[]
        }
        _ => return None,
    };
    let mut bytes = out.finish();
    bytes.extend_from_slice(payload);
    Some(bytes)
}

/// Who sent these bytes, by tag.
///
/// # Errors
/// [`Malformed`] when they are too short to say.
pub fn sender(bytes: &[u8]) -> Result<u32, Malformed> {
    let mut input = BitReader::new(bytes);
    input.bits(8)?;
    input.bits(32)
}

/// The packet in `bytes`, sent by `from` to `me`.
///
/// # Errors
/// [`Malformed`] when it is none, or not for this life of this node.
pub fn decode(
    bytes: &[u8],
    from: (NodeId, Incarnation),
    me: (NodeId, Incarnation),
) -> Result<Packet, Malformed> {
    let mut input = BitReader::new(bytes);
    let kind = input.bits(8)?;
    input.bits(32)?;
    match kind {
        TICK => {
            let epoch = Epoch(input.number()?);
            let term = Term { epoch, host: from.0, incarnation: from.1 };
            let tick = Tick(input.number()?);
            let began = Tick(tick.0.checked_sub(input.number()?).ok_or(Malformed)?);
            let heard = input.number()?;
            let ends = if input.bit()? { Some(read_term(&mut input)?) } else { None };
            let rival = ends.is_some() && input.bit()?;
            let has_state = input.bit()?;
            let rest = input.rest()?;
            let state = has_state.then(|| Payload::Binary(rest.to_vec()));
            Ok(Packet::Tick(TickPacket { term, ends, rival, began, tick, heard, state }))
        }
        CONTROLS => {
            if input.bits(32)? != tag(me.0, me.1) {
                return Err(Malformed);
            }
            let epoch = Epoch(input.number()?);
            let term = Term { epoch, host: me.0, incarnation: me.1 };
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
            let list = Payload::Binary(input.rest()?.to_vec());
            Ok(Packet::Controls(ControlsPacket { term, holds, number, lossy, list }))
        }
        RELAY => {
            let from = read_id(&mut input)?;
            let incarnation = Incarnation(input.long()?);
            let to = read_id(&mut input)?;
            let hops = input.bits(8)? as u8;
            let rest = input.rest()?;
            if rest.first().map(|kind| u32::from(*kind)) != Some(TICK) {
                return Err(Malformed);
            }
            let packet = Box::new(decode(rest, (from, incarnation), me)?);
            Ok(Packet::Relay(RelayPacket { from, incarnation, to, hops, packet }))
        }
        PROBE => Ok(Packet::Probe),
        _ => Err(Malformed),
    }
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

    const HOST: (NodeId, Incarnation) = (NodeId::from_u128(7), Incarnation(8));
    const CLIENT: (NodeId, Incarnation) = (NodeId::from_u128(9), Incarnation(10));

    fn term(epoch: u64) -> Term {
        Term { epoch: Epoch(epoch), host: HOST.0, incarnation: HOST.1 }
    }

    fn tick() -> TickPacket {
        TickPacket {
            term: term(3),
            ends: None,
            rival: false,
            began: Tick(1_000),
            tick: Tick(1_090),
            heard: 77,
            state: Some(Payload::Binary(vec![0xaa, 0xbb])),
        }
    }

    fn controls() -> ControlsPacket {
        let list = Payload::Binary(vec![1]);
        let holds = Some(Clock { term: term(3), tick: Tick(1_089) });
        ControlsPacket { term: term(3), holds, number: 99, lossy: true, list }
    }

    fn round_trip(packet: &Packet, from: (NodeId, Incarnation), to: (NodeId, Incarnation)) {
        let bytes = encode(tag(from.0, from.1), packet).unwrap();
        assert_eq!(sender(&bytes), Ok(tag(from.0, from.1)));
        let back = decode(&bytes, from, to).unwrap();
        assert_eq!(format!("{back:?}"), format!("{packet:?}"));
        for length in 0..bytes.len() {
            let _ = decode(&bytes[..length], from, to); // must not panic
        }
    }

    #[test]
    fn ticks_and_controls_come_out_as_they_went_in() {
        round_trip(&Packet::Tick(tick()), HOST, CLIENT);
        let ending = TickPacket { ends: Some(term(2)), ..tick() };
        round_trip(&Packet::Tick(ending.clone()), HOST, CLIENT);
        round_trip(&Packet::Tick(TickPacket { rival: true, ..ending }), HOST, CLIENT);
        round_trip(&Packet::Tick(TickPacket { state: None, ..tick() }), HOST, CLIENT);
        let other = Term { epoch: Epoch(2), host: CLIENT.0, incarnation: CLIENT.1 };
        for holds in [None, Some(term(3)), Some(other)] {
            let holds = holds.map(|term| Clock { term, tick: Tick(1_234_567) });
            let packet = ControlsPacket { holds, ..controls() };
            round_trip(&Packet::Controls(packet), CLIENT, HOST);
        }
    }

    // After 828 days at sixty a second.
    #[test]
    fn controls_are_numbered_past_32_bits() {
        for number in [u64::from(u32::MAX), 1 << 32, u64::MAX] {
            let packet = ControlsPacket { number, ..controls() };
            round_trip(&Packet::Controls(packet), CLIENT, HOST);
            round_trip(&Packet::Tick(TickPacket { heard: number, ..tick() }), HOST, CLIENT);
        }
    }

    #[test]
    fn a_tick_that_is_passed_on_comes_out_as_it_went_in() {
        let relay = |packet| RelayPacket {
            from: HOST.0,
            incarnation: HOST.1,
            to: NodeId::from_u128(11),
            hops: 2,
            packet: Box::new(packet),
        };
        round_trip(&Packet::Relay(relay(Packet::Tick(tick()))), CLIENT, HOST);
        assert_eq!(encode(1, &Packet::Relay(relay(Packet::Probe))), None);
    }

    // Other programs speak this too: whoever changes these bytes changes the protocol's version.
    #[test]
    fn the_bytes_of_ticks_and_controls_are_these() {
        let golden = |from: (NodeId, Incarnation), packet| {
            let bytes = encode(tag(from.0, from.1), &packet).unwrap();
            bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
        };
        assert_eq!(golden(HOST, Packet::Tick(tick())), "011a3d5840a398a21b9d21aabb");
        assert_eq!(golden(CLIENT, Packet::Controls(controls())), "0260825ee51a3d5840b31c25a60401");
    }

    #[test]
    fn controls_for_another_life_of_the_host_are_refused() {
        let bytes = encode(tag(CLIENT.0, CLIENT.1), &Packet::Controls(controls())).unwrap();
        let reborn = (HOST.0, Incarnation(11));
        assert!(decode(&bytes, CLIENT, reborn).is_err());
    }
}
