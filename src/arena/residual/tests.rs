//! That a residual leads from any world to any other, and how short it is.

use proptest::prelude::*;

use super::*;
use crate::{
    arena::{
        Arena,
        tests::{Dice, any_world, id},
    },
    game::{Game, News},
};

fn residual(predicted: &World, actual: &World) -> Vec<u8> {
    let mut out = Vec::new();
    encode(predicted, actual, &mut out);
    out
}

proptest! {
    #[test]
    fn any_two_worlds_have_a_residual_that_leads_from_one_to_the_other(
        predicted in any_world(), actual in any_world(),
    ) {
        let bytes = residual(&predicted, &actual);
        prop_assert_eq!(decode(&predicted, &bytes), Ok(actual));
    }

    #[test]
    fn garbage_is_refused_or_gives_some_world(
        predicted in any_world(), garbage in prop::collection::vec(any::<u8>(), 0..400),
    ) {
        let _ = decode(&predicted, &garbage);
    }
}

#[test]
fn equal_worlds_have_nothing_to_tell() {
    let world = Arena::found(1);
    assert!(residual(&world, &world).is_empty());
}

/// Sixty-four players, each of whom presses another key three times a second; a receiver that
/// is two ticks behind.
#[test]
fn sixty_four_players_take_a_fortieth_of_their_json() {
    let mut world = Arena::found(1);
    let mut dice = Dice::new(7);
    let mut news: Vec<_> =
        (0..64).map(|n| News::Joined(id(n), Name::new(&format!("player {n}")))).collect();
    let (mut bytes, mut json, mut longest, mut snapshots) = (0, 0, 0, 0);
    let mut behind = [world.clone(), world.clone()];
    for tick in 0..1_200 {
        Arena::step(&mut world, &news, &mut Vec::new());
        news.clear();
        for n in 0..64 {
            if dice.below(20) == 0 {
                news.push(News::Controls(id(n), dice.controls()));
            }
        }
        let mut predicted = behind[0].clone();
        for _ in 0..2 {
            Arena::step(&mut predicted, &[], &mut Vec::new());
        }
        let sent = residual(&predicted, &world);
        assert_eq!(decode(&predicted, &sent), Ok(world.clone()));
        behind = [behind[1].clone(), world.clone()];
        if tick > 60 {
            bytes += sent.len();
            longest = longest.max(sent.len());
            json += serde_json::to_vec(&world.players).unwrap().len();
            snapshots += 1;
        }
    }
    let (mean, json) = (bytes as f64 / f64::from(snapshots), json / snapshots as usize);
    println!("mean {mean:.1} bytes, longest {longest}, JSON of the players alone {json}");
    assert!(mean * 40.0 <= json as f64, "{mean} bytes where JSON takes {json}");
}
