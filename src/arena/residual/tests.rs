#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::VecDeque;

use proptest::{collection::vec, prelude::*};

use super::*;
use crate::{
    arena::{
        Arena, Controls,
        tests::{Dice, any_news, any_world, id, populated},
    },
    game::{Game, News},
    text::Name,
};

fn residual(predicted: &World, actual: &World) -> Vec<u8> {
    let mut out = Vec::new();
    Arena::encode_difference(predicted, actual, &mut out);
    out
}

fn stepped(world: &World, ticks: usize) -> World {
    let mut world = world.clone();
    for _ in 0..ticks {
        Arena::step(&mut world, &[], &mut Vec::new());
    }
    world
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_world_is_made_of_any_other(predicted in any_world(), actual in any_world()) {
        let bytes = residual(&predicted, &actual);
        prop_assert_eq!(Arena::decode_difference(&predicted, &bytes).unwrap(), actual);
    }

    #[test]
    fn a_world_is_made_of_its_prediction(world in any_world(), news in vec(any_news(), 0..5)) {
        let mut actual = world.clone();
        for news in &news {
            Arena::step(&mut actual, news, &mut Vec::new());
        }
        let predicted = stepped(&world, news.len());
        let bytes = residual(&predicted, &actual);
        prop_assert_eq!(bytes.is_empty(), predicted == actual);
        prop_assert_eq!(Arena::decode_difference(&predicted, &bytes).unwrap(), actual);
    }

    #[test]
    fn worlds_that_no_rule_allows_are_carried_too(
        predicted in any_world(),
        actual in any_world(),
        kind in 0..6,
    ) {
        let mut actual = actual;
        let someone = actual.players.values_mut().next();
        match (kind, someone) {
            (0, _) => actual.board.walls = std::sync::Arc::from([]),
            (1, _) => actual.board.side = 200,
            (2, _) => { actual.scoreboard.pop_first(); }
            (3, Some(player)) => player.controls.dx = 77,
            (4, Some(player)) => player.facing = 77,
            (_, Some(player)) => (player.dash, player.at.x) = (200, i32::MIN),
            _ => actual.spawned = u64::MAX,
        }
        let bytes = residual(&predicted, &actual);
        prop_assert_eq!(&Arena::decode_difference(&predicted, &bytes).unwrap(), &actual);
        let bytes = residual(&actual, &predicted);
        prop_assert_eq!(&Arena::decode_difference(&actual, &bytes).unwrap(), &predicted);
    }

    #[test]
    fn rubbish_is_refused_or_makes_a_bounded_world(
        predicted in any_world(),
        bytes in vec(any::<u8>(), 0..400),
    ) {
        if let Ok(world) = Arena::decode_difference(&predicted, &bytes) {
            prop_assert!(world.players.len() <= PLAYERS_MAX);
            let _ = Arena::is_valid(&world);
        }
    }

    #[test]
    fn a_spoilt_residual_is_refused_or_makes_a_bounded_world(
        predicted in any_world(),
        actual in any_world(),
        spoilt in vec(any::<(usize, u8)>(), 1..4),
    ) {
        let mut bytes = residual(&predicted, &actual);
        prop_assume!(!bytes.is_empty());
        for (place, byte) in spoilt {
            let place = place % bytes.len();
            bytes[place] = byte;
        }
        if let Ok(world) = Arena::decode_difference(&predicted, &bytes) {
            let _ = Arena::is_valid(&world);
        }
    }
}

/// The mean bytes of a residual, and of the world in JSON: players hold what they hold for twenty
/// ticks on average, and one change in four is a dash.
fn mean_bytes(players: u8, age_ticks: usize) -> (f64, f64) {
    let mut dice = Dice::new(u64::from(players));
    let mut world = populated(5, players);
    let mut held = vec![Controls::default(); usize::from(players)];
    let mut known = VecDeque::from([world.clone()]);
    let (mut bytes, mut json, mut count) = (0, 0, 0);
    for _ in 0..1_200 {
        let mut news = Vec::new();
        for (n, held) in held.iter_mut().enumerate() {
            if dice.below(20) == 0 {
                *held = dice.controls();
                news.push(News::Controls(id(n as u8), *held));
            }
        }
        Arena::step(&mut world, &news, &mut Vec::new());
        known.push_back(world.clone());
        if known.len() <= age_ticks {
            continue;
        }
        let predicted = stepped(&known.pop_front().unwrap(), age_ticks);
        let residual = residual(&predicted, &world);
        assert_eq!(Arena::decode_difference(&predicted, &residual).unwrap(), world);
        bytes += residual.len();
        json += serde_json::to_vec(&world).unwrap().len();
        count += 1;
    }
    (f64::from(bytes as u32) / f64::from(count), f64::from(json as u32) / f64::from(count))
}

#[test]
fn sixty_four_players_cost_few_bytes() {
    for (age_ticks, limit) in [(1, 25.0), (2, 40.0), (3, 55.0)] {
        let (bytes, json) = mean_bytes(64, age_ticks);
        println!("64 players, {age_ticks} ticks: {bytes:.1} bytes; in JSON {json:.0}");
        assert!(bytes < limit && bytes < json / 40.0, "{bytes} {json}");
    }
    let (bytes, json) = mean_bytes(8, 3);
    println!("8 players, 3 ticks: {bytes:.1} bytes; in JSON {json:.0}");
    assert!(bytes < 15.0, "{bytes}");
}

#[test]
fn a_turn_costs_three_bytes() {
    let world = stepped(&populated(5, 8), 10);
    let mut actual = world.clone();
    let controls = Controls { dx: 1, ..Controls::default() };
    Arena::step(&mut actual, &[News::Controls(id(3), controls)], &mut Vec::new());
    let actual = stepped(&actual, 2);
    assert!(residual(&stepped(&world, 3), &actual).len() <= 3);
}

// Other programs speak this too: whoever changes these bytes changes the rules' version.
#[test]
fn the_bytes_of_a_residual_are_these() {
    let world = stepped(&populated(5, 8), 10);
    let mut actual = world.clone();
    let right = News::Controls(id(3), Controls { dx: 1, ..Controls::default() });
    let dash = News::Controls(id(5), Controls { dx: -1, dy: 1, dash: true, bot: false });
    let gone = News::Left(id(6));
    Arena::step(&mut actual, &[right, dash, gone], &mut Vec::new());
    let bytes = residual(&stepped(&world, 3), &stepped(&actual, 2));
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, "20e8a4486c448800");
}

#[test]
fn a_newcomer_does_not_cost_a_whole_world() {
    let world = stepped(&populated(5, 32), 10);
    let mut actual = world.clone();
    let news = [News::Joined(id(77), Name::new("a newcomer"))];
    Arena::step(&mut actual, &news, &mut Vec::new());
    let bytes = residual(&stepped(&world, 1), &actual).len();
    assert!(bytes < 48, "{bytes}");
}
