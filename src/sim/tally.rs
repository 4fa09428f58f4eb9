//! The smallest game: everybody walks on a line, and remembers which controls moved it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Playable;
use crate::{
    game::{Game, News},
    types::NodeId,
};

/// The rules.
#[derive(Clone, Debug)]
pub enum Tally {}

/// The line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    seed: u64,
    steps: u64,
    walkers: BTreeMap<NodeId, Walker>,
    replayed: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Walker {
    at: i64,
    pace: i8,
    stamp: u32,
    present: bool,
}

/// A pace, and the number that tells it from all others of its player.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pace {
    pace: i8,
    stamp: u32,
}

impl Game for Tally {
    const RULES: &'static str = "tally 1";
    type World = Line;
    type Controls = Pace;
    type Event = ();

    fn found(seed: u64) -> Line {
        Line { seed, steps: 0, walkers: BTreeMap::new(), replayed: 0 }
    }

    fn valid(world: &Line) -> bool {
        world.walkers.len() <= 128
    }

    fn step(world: &mut Line, news: &[News<Pace>], _events: &mut Vec<()>) {
        world.steps = world.steps.wrapping_add(1);
        for item in news {
            match item {
                News::Joined(id, _) => {
                    let new = Walker { at: 0, pace: 0, stamp: 0, present: true };
                    let walker = world.walkers.entry(*id).or_insert(new);
                    walker.present = true;
                    walker.stamp = 0; // a new life counts its stamps anew
                }
                News::Left(id) => {
                    if let Some(walker) = world.walkers.get_mut(id) {
                        walker.present = false;
                        walker.pace = 0;
                    }
                }
                News::Controls(id, pace) => {
                    if let Some(walker) = world.walkers.get_mut(id) {
                        let replayed = pace.stamp < walker.stamp;
                        world.replayed = world.replayed.saturating_add(u32::from(replayed));
                        walker.stamp = pace.stamp;
                        walker.pace = pace.pace;
                    }
                }
            }
        }
        for walker in world.walkers.values_mut() {
            walker.at = walker.at.wrapping_add(i64::from(walker.pace));
        }
    }

    fn blend(_from: &Line, to: &Line, _part: u16) -> Line {
        to.clone()
    }
}

impl Playable for Tally {
    fn press(chance: u64, stamp: u32) -> Pace {
        Pace { pace: (chance % 5) as i8 - 2, stamp }
    }

    fn audit(world: &Line) -> Option<&'static str> {
        (world.replayed > 0).then_some("S7: controls were applied again")
    }
}
