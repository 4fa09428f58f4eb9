//! The smallest game: everybody walks on a line, remembers which controls moved it, and gets a point
//! now and then.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::playable::Playable;
use crate::{
    game::{Fact, Game, News, ScoreNews},
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
    /// An order came twice, or too late.
    ordered_again: bool,
    /// The name of the next point.
    next: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Walker {
    at: i64,
    pace: i8,
    stamp: u32,
    /// How many orders moved it in this life, and the number of the last.
    orders: (u32, u32),
    present: bool,
}

/// So many changes of pace are worth a point.
const STAMPS_PER_POINT: u32 = 4;

/// Somebody got a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Point {
    /// Which of the walkers.
    walker: u8,
    name: u64,
}

/// A pace, the number that tells it from all others of its player, and whether points come of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pace {
    pace: i8,
    stamp: u32,
    gathers: bool,
}

impl Game for Tally {
    const RULES: &'static str = "tally 1";
    type World = Line;
    type Controls = Pace;
    /// The number that tells it from all others of its player: they rise.
    type Order = u32;
    type Event = Point;
    type Scores = BTreeMap<NodeId, u64>;

    fn new_world(seed: u64) -> Line {
        Line {
            seed,
            steps: 0,
            walkers: BTreeMap::new(),
            replayed: 0,
            ordered_again: false,
            next: 0,
        }
    }

    fn is_valid(world: &Line) -> bool {
        world.walkers.len() <= 128
    }

    fn step(world: &mut Line, news: &[News<Pace, u32>], events: &mut Vec<Point>) {
        world.steps = world.steps.wrapping_add(1);
        for item in news {
            match item {
                News::Joined(id, _) => {
                    let new = Walker { at: 0, pace: 0, stamp: 0, orders: (0, 0), present: true };
                    let walker = world.walkers.entry(*id).or_insert(new);
                    walker.present = true;
                    walker.stamp = 0; // a new life counts its stamps anew
                }
                News::Left(id) => {
                    if let Some(walker) = world.walkers.get_mut(id) {
                        walker.present = false;
                        walker.pace = 0;
                        walker.orders = (0, 0);
                    }
                }
                News::Controls(id, pace) => {
                    let place = world.walkers.keys().position(|walker| walker == id);
                    if let Some(walker) = world.walkers.get_mut(id) {
                        let replayed = pace.stamp < walker.stamp;
                        world.replayed = world.replayed.saturating_add(u32::from(replayed));
                        if pace.gathers
                            && pace.stamp > walker.stamp
                            && pace.stamp.is_multiple_of(STAMPS_PER_POINT)
                            && let Some(walker) = place.and_then(|place| u8::try_from(place).ok())
                        {
                            events.push(Point { walker, name: world.next });
                            world.next = world.next.wrapping_add(1);
                        }
                        walker.stamp = pace.stamp;
                        walker.pace = pace.pace;
                    }
                }
                News::Order(id, number) => {
                    if let Some(walker) = world.walkers.get_mut(id) {
                        let (count, last) = walker.orders;
                        world.ordered_again |= *number <= last;
                        walker.orders = (count.saturating_add(1), *number);
                    }
                }
            }
        }
        for walker in world.walkers.values_mut() {
            walker.at = walker.at.wrapping_add(i64::from(walker.pace));
        }
    }

    fn on_new_host(world: &mut Line, reign: u64) {
        world.next = reign >> 24; // 40 bits of it: no two reigns of a run have the same
    }

    fn fact_of_event(world: &Line, point: &Point) -> Option<Fact> {
        let player = world.walkers.keys().nth(usize::from(point.walker))?;
        let (player, name) = (player.as_u128().to_be_bytes(), point.name.to_be_bytes());
        Some(Fact { key: [&player[..], &name].concat(), value: Vec::new() })
    }

    fn update_scores(scores: &mut Self::Scores, _at: u64, record: ScoreNews<'_>) {
        if let ScoreNews::SumCounts(total, _) = record {
            let points: Self::Scores = postcard::from_bytes(total).unwrap_or_default();
            for (player, points) in points {
                *scores.entry(player).or_default() += points;
            }
        }
        let (ScoreNews::Counts(fact) | ScoreNews::CountsNoMore(fact)) = record else { return };
        let Some(player) = fact.key.first_chunk().map(|bytes| u128::from_be_bytes(*bytes)) else {
            return;
        };
        let player = NodeId::from_u128(player);
        let points = scores.entry(player).or_default();
        *points = match record {
            ScoreNews::Counts(_) => points.saturating_add(1),
            _ => points.saturating_sub(1),
        };
        if *points == 0 {
            scores.remove(&player);
        }
    }

    fn fact_group(fact: &Fact) -> u64 {
        let name = fact.key.last_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
        name >> 6
    }

    fn sum_up(facts: &[(u64, Fact)]) -> Vec<u8> {
        let mut scores = Self::Scores::default();
        facts
            .iter()
            .for_each(|(at, fact)| Self::update_scores(&mut scores, *at, ScoreNews::Counts(fact)));
        postcard::to_stdvec(&scores).unwrap_or_default()
    }

    fn blend(_from: &Line, to: &Line, _part: u16) -> Line {
        to.clone()
    }
}

impl Line {
    /// How many orders of somebody were applied since it came in.
    pub fn ordered(&self, whom: NodeId) -> u32 {
        self.walkers.get(&whom).map_or(0, |walker| walker.orders.0)
    }
}

impl Playable for Tally {
    fn press(chance: u64, stamp: u32, gathers: bool) -> Pace {
        Pace { pace: (chance % 5) as i8 - 2, stamp, gathers }
    }

    fn order(_world: Option<&Line>, _me: NodeId, _chance: u64, stamp: u32) -> Option<u32> {
        stamp.is_multiple_of(2).then_some(stamp)
    }

    fn favour(world: &mut Line, whom: NodeId) {
        if let Some(walker) = world.walkers.get_mut(&whom) {
            walker.at = walker.at.wrapping_add(100);
        }
    }

    fn audit(world: &Line) -> Option<&'static str> {
        match world {
            Line { replayed: 1.., .. } => Some("S7: controls were applied again"),
            Line { ordered_again: true, .. } => {
                Some("S7: an order was applied again, or overtaken")
            }
            _ => None,
        }
    }
}
