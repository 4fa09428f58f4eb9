//! What a tick costs on the wire, header and all, beside what simpler ways would cost.

use std::collections::{BTreeMap, VecDeque};

use interregnum::{
    arena::{Arena, Controls, World},
    cluster::{
        coding,
        message::{Ends, Message, Packet, Proof, TickPacket},
    },
    config::Form,
    game::{Game, News},
    mesh::message::DATAGRAM_HEAD_BYTES,
    replica::{Seat, State, snapshot},
    sim::{self, met::Met},
    text::Name,
    types::{Clock, Epoch, Incarnation, Instant, NodeId, Term, Tick},
};
use rand_pcg::{Pcg64Mcg, rand_core::Rng};
use serde_json::Value;

const PLAYERS: usize = 64;

/// How many ticks a host waits for an acknowledgement: on a quiet network it is one.
const BEHIND: usize = 2;

/// People hold a key for a third of a second on average, and one change in four is a dash.
const HELD_TICKS: u64 = 20;

#[test]
fn a_tick_of_sixty_four_players_costs_a_fortieth_of_json_and_a_quarter_of_a_field_delta() {
    let mut dice = Pcg64Mcg::new(64);
    let term = Term { epoch: Epoch(3), host: id(0), incarnation: Incarnation(dice.next_u64()) };
    let mut state = populated();
    let mut held = VecDeque::new();
    let (mut ours, mut json, mut delta, mut count) = (0, 0, 0, 0);
    for tick in 1_000..2_200 {
        let mut news = Vec::new();
        for player in 0..PLAYERS {
            if dice.next_u64().is_multiple_of(HELD_TICKS) {
                news.push(News::Controls(id(player), keys(dice.next_u64())));
            }
        }
        Arena::step(&mut state.world, &news, &mut Vec::new());
        state.seats.values_mut().for_each(|seat| seat.number += 1);
        let clock = Clock { term, tick: Tick(tick) };
        held.push_back((clock, state.clone()));
        if held.len() <= BEHIND {
            continue;
        }
        let (held_clock, held_state) = held.pop_front().unwrap();
        let baseline = Some((held_clock, &held_state));
        let payload =
            snapshot::encode::<Arena>(Form::Binary, clock, &state, state.hash(), baseline, &[]);
        let packet = Packet::Tick(TickPacket {
            term,
            ends: Ends::Nothing,
            began: Tick(10),
            tick: clock.tick,
            heard: tick,
            carried: None,
            state: payload,
            proof: Proof::default(),
            word: None,
            passed: None,
        });
        ours += DATAGRAM_HEAD_BYTES + coding::encode(&Message::Packet(packet)).unwrap().1.len();
        json += serde_json::to_vec(&state.world).unwrap().len();
        delta += field_delta(&held_state.world, &state.world);
        count += 1;
    }
    let mean = |bytes: usize| bytes as f64 / f64::from(count);
    println!(
        "64 players, header included: {:.1} bytes; in JSON {:.0}; changed fields {:.0}",
        mean(ours),
        mean(json),
        mean(delta)
    );
    assert!(ours * 40 <= json, "{} of {}", mean(ours), mean(json));
    assert!(ours * 4 <= delta, "{} of {}", mean(ours), mean(delta));
}

// The head of a snapshot, its seats and events: what stands before the world.
#[test]
fn the_bytes_of_a_snapshot_are_these() {
    let term = Term { epoch: Epoch(3), host: id(0), incarnation: Incarnation(9) };
    let mut state = populated();
    state.seats.retain(|player, _| *player <= id(1));
    let held = (Clock { term, tick: Tick(100) }, state.clone());
    Arena::step(&mut state.world, &[], &mut Vec::new());
    state.seats.get_mut(&id(0)).unwrap().number += 1;
    let clock = Clock { term, tick: Tick(101) };
    let payload = snapshot::encode::<Arena>(
        Form::Binary,
        clock,
        &state,
        0xdead_beef,
        Some((held.0, &held.1)),
        &[],
    );
    let payload = payload.unwrap();
    let hex: String = payload.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, "c5bb6fab77110100");
}

#[test]
fn nodes_that_play_on_a_quiet_network_send_small_datagrams() {
    let mut game = sim::world::World::<Arena>::new(1, 4);
    (0..4).for_each(|place| game.start(place));
    game.run(Instant(3_000_000));
    game.judge.met = Met::default();
    game.run(Instant(13_000_000));
    let Met { datagrams, datagram_bytes, .. } = game.judge.met;
    assert!(datagrams >= 10 * 59 * 3 * 2, "{datagrams}");
    let mean = datagram_bytes as f64 / datagrams as f64;
    println!("4 players: {mean:.1} bytes in a datagram");
    assert!(mean < 50.0, "{mean}");
}

fn id(player: usize) -> NodeId {
    NodeId::from_u128(player as u128 + 1)
}

fn keys(chance: u64) -> Controls {
    let sign = |bits: u64| (bits % 3) as i8 - 1;
    let dash = (chance >> 16).is_multiple_of(4);
    Controls { dx: sign(chance), dy: sign(chance >> 8), dash, bot: false }
}

fn populated() -> State<World> {
    let mut world = Arena::new_world(5);
    let joined: Vec<_> = (0..PLAYERS)
        .map(|player| News::Joined(id(player), Name::new(&format!("player {player}"))))
        .collect();
    Arena::step(&mut world, &joined, &mut Vec::new());
    let seat = |player| Seat {
        incarnation: Incarnation(1),
        name: Name::new(&format!("player {player}")),
        orders: 0,
        number: 1_000,
        present: true,
    };
    let seats: BTreeMap<_, _> = (0..PLAYERS).map(|player| (id(player), seat(player))).collect();
    State { world, seats, happened: 0 }
}

/// What it takes to send each field that has changed: one byte that says whose it is, one that says
/// which, and its value in as few bytes as hold it.
fn field_delta(before: &World, after: &World) -> usize {
    let of = |world: &World| serde_json::to_value(world).expect("a world is JSON");
    changes(&of(before), &of(after))
}

fn changes(before: &Value, after: &Value) -> usize {
    match (before, after) {
        _ if before == after => 0,
        (Value::Object(before), Value::Object(after)) => after
            .iter()
            .map(|(key, value)| changes(before.get(key).unwrap_or(&Value::Null), value))
            .sum(),
        (_, Value::Number(number)) => {
            let value = number.as_i64().unwrap_or_default().unsigned_abs();
            2 + (64 - value.leading_zeros() as usize + 1).div_ceil(7).max(1)
        }
        (_, Value::Bool(_) | Value::Null) => 3,
        (_, other) => 2 + other.to_string().len(),
    }
}
