//! The compact form: what differs from what the receiver can work out for itself.
//!
//! Both sides hold the baseline and can step it, without news, to the tick in question. What is
//! sent is the *residual* between that prediction and the truth: who turned, who came, and nothing
//! of whoever went on as before. That is sound because a residual is defined for any two worlds,
//! chance comes from counters in the world, and only states received exactly are baselines.
//!
//! ```text
//! u2 kind: 0 whole, 1 against a state of the same term [n ticks back],
//!          2 against one of another term [n epoch, u64 u64 host, u64 incarnation, n tick]
//! u32 hash of the state
//! only with a baseline: u1 seats other than predicted?
//!     [u1 other players? if not: n count, and for each: n index, i off: the number of the controls of the
//!     seat of that index; from the number of seats on, that of its orders]
//! n length of the events   n length of the seats   zeros to a whole byte
//! events (postcard: how many there were since the baseline, and those that can still be told),
//! seats (postcard); each if its length is not 0
//! the residual of the world; or the whole state (postcard)
//! ```
//!
//! Seats are predicted too: every player present has sent one set of controls a tick.

use std::{collections::BTreeMap, sync::Arc};

use super::{Snapshot, Unusable};
use crate::{
    bits::{BitReader, BitWriter},
    game::{Game, Malformed},
    replica::{HISTORY_STATES, Replica, Seat, State},
    types::{Clock, Epoch, Incarnation, NodeId, Term, Tick},
};

const WHOLE: u32 = 0;
const SAME_TERM: u32 = 1;
const OTHER_TERM: u32 = 2;

/// The most ticks between a baseline and what refers to it. Twice the history, for ticks lost.
const BACK_TICKS_MAX: u64 = 2 * HISTORY_STATES as u64;

/// The most players a state may speak of.
const SEATS_MAX: usize = 256;

pub(super) fn encode<G: Game>(
    clock: Clock,
    state: &State<G::World>,
    hash: u32,
    baseline: Option<(Clock, &State<G::World>)>,
    events: &[(Tick, G::Event)],
) -> Option<Vec<u8>> {
    let baseline = baseline.filter(|(held, _)| ticks_between(*held, clock).is_some());
    let happened = baseline.map_or(0, |(_, old)| state.happened.wrapping_sub(old.happened));
    let events = match (happened, events) {
        (0, []) => Vec::new(),
        since => postcard::to_stdvec(&since).ok()?,
    };
    let mut head = BitWriter::new();
    let Some((held, old)) = baseline else {
        head.bits(WHOLE, 2);
        head.bits(hash, 32);
        head.number(events.len() as u64);
        head.number(0);
        let whole = postcard::to_stdvec(state).ok()?;
        return Some([head.finish(), events, whole].concat());
    };
    if held.term == clock.term {
        head.bits(SAME_TERM, 2);
        head.number(clock.tick.0 - held.tick.0);
    } else {
        head.bits(OTHER_TERM, 2);
        head.number(held.term.epoch.0);
        head.long((held.term.host.as_u128() >> 64) as u64);
        head.long(held.term.host.as_u128() as u64);
        head.long(held.term.incarnation.0);
        head.number(held.tick.0);
    }
    head.bits(hash, 32);
    let mut predicted = old.clone();
    predicted.go_on::<G>(ticks_between(held, clock)?);
    let seats = write_seats(&mut head, &predicted.seats, &state.seats)?;
    head.number(events.len() as u64);
    head.number(seats.len() as u64);
    let mut out = [head.finish(), events, seats].concat();
    G::encode_difference(&predicted.world, &state.world, &mut out);
    Some(out)
}

pub(super) fn decode<G: Game>(
    bytes: &[u8],
    clock: Clock,
    replica: &Replica<G>,
) -> Result<Snapshot<G>, Unusable> {
    let mut head = BitReader::new(bytes);
    let held = match head.bits(2)? {
        WHOLE => None,
        SAME_TERM => {
            let tick = clock.tick.0.checked_sub(head.number()?).ok_or(Malformed)?;
            Some(Clock { term: clock.term, tick: Tick(tick) })
        }
        OTHER_TERM => {
            let epoch = Epoch(head.number()?);
            let host = u128::from(head.long()?) << 64 | u128::from(head.long()?);
            let incarnation = Incarnation(head.long()?);
            let term = Term { epoch, host: NodeId::from_u128(host), incarnation };
            Some(Clock { term, tick: Tick(head.number()?) })
        }
        _ => return Err(Unusable::Malformed),
    };
    let hash = head.bits(32)?;
    let predicted = match held {
        None => None,
        Some(held) => {
            let ticks = ticks_between(held, clock).ok_or(Malformed)?;
            let old = replica.held(held).ok_or(Unusable::NoBaseline)?;
            Some(replica.predicted(old, ticks))
        }
    };
    let mut seats = predicted.as_ref().map(|state| state.seats.clone()).unwrap_or_default();
    if predicted.is_some() {
        read_seats(&mut head, &mut seats)?;
    }
    let [events_len, seats_len] = [head.number()?, head.number()?].map(|length| length as usize);
    let rest = head.rest()?;
    let (events, rest) = rest.split_at_checked(events_len).ok_or(Malformed)?;
    let (new_seats, rest) = rest.split_at_checked(seats_len).ok_or(Malformed)?;
    let (happened, events) = match events {
        [] => (0, Vec::new()),
        events => postcard::from_bytes::<(u64, Vec<_>)>(events).map_err(|_| Malformed)?,
    };
    let state = match predicted {
        None => postcard::from_bytes(rest).map_err(|_| Malformed)?,
        Some(predicted) => {
            let world = G::decode_difference(&predicted.world, rest)?;
            if !new_seats.is_empty() {
                seats = postcard::from_bytes(new_seats).map_err(|_| Malformed)?;
            }
            State { world, seats, happened: predicted.happened.wrapping_add(happened) }
        }
    };
    if state.seats.len() > SEATS_MAX || !G::is_valid(&state.world) {
        return Err(Unusable::Malformed);
    }
    if state.hash() != hash {
        return Err(Unusable::Diverged);
    }
    Ok(Snapshot { state: Arc::new(state), hash, events })
}

impl From<Malformed> for Unusable {
    fn from(_: Malformed) -> Self {
        Unusable::Malformed
    }
}

/// How far a state is after its baseline, if that can be said and is not too far.
fn ticks_between(held: Clock, clock: Clock) -> Option<u64> {
    clock.tick.0.checked_sub(held.tick.0).filter(|ticks| *ticks <= BACK_TICKS_MAX)
}

/// Writes how the seats differ from the predicted; returns them whole if players came or went.
fn write_seats(
    head: &mut BitWriter,
    predicted: &BTreeMap<NodeId, Seat>,
    actual: &BTreeMap<NodeId, Seat>,
) -> Option<Vec<u8>> {
    head.bit(predicted != actual);
    if predicted == actual {
        return Some(Vec::new());
    }
    let same_players = predicted.len() == actual.len()
        && predicted.iter().zip(actual).all(|((old_id, old), (id, seat))| {
            let same = old.incarnation == seat.incarnation && old.present == seat.present;
            old_id == id && same && old.name == seat.name
        });
    head.bit(!same_players);
    if !same_players {
        return postcard::to_stdvec(actual).ok();
    }
    let numbers = |of: fn(&Seat) -> u64| {
        let seats = predicted.values().zip(actual.values());
        seats.map(move |(old, seat)| of(seat).wrapping_sub(of(old)) as i64)
    };
    let off: Vec<(usize, i64)> = numbers(|seat| seat.number)
        .chain(numbers(|seat| seat.orders))
        .enumerate()
        .filter(|(_, off)| *off != 0)
        .collect();
    head.number(off.len() as u64);
    for (index, off) in off {
        head.number(index as u64);
        head.signed(off);
    }
    Some(Vec::new())
}

fn read_seats(
    head: &mut BitReader<'_>,
    seats: &mut BTreeMap<NodeId, Seat>,
) -> Result<(), Malformed> {
    if !head.bit()? || head.bit()? {
        return Ok(());
    }
    for _ in 0..head.number()? {
        let index = head.number()? as usize;
        let off = head.signed()?;
        let count = seats.len();
        let seat = seats.values_mut().nth(index % count.max(1)).ok_or(Malformed)?;
        let number = match index / count.max(1) {
            0 => &mut seat.number,
            1 => &mut seat.orders,
            _ => return Err(Malformed),
        };
        *number = number.wrapping_add_signed(off);
    }
    Ok(())
}
