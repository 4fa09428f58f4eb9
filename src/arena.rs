//! The game that ships: gather what lies about, first to the limit wins the round.
//!
//! Seen from above, a board with walls. Players run in eight directions, dash, and gather; a
//! gatherable is worth a point, a rare one three. Whoever has [`POINTS_TO_WIN`] first wins the
//! round: `games_won` rises, there is a short intermission, all points start again, on another
//! board.
//!
//! *Points never fall within a round.* They are facts that outlive the host, and a ledger of facts
//! has no line for taking one back. So whoever is dashed into does not pay: what it loses is time
//! (it is stunned), and what falls out of it is a fresh gatherable that anybody may have. That is
//! no well to draw from, because a hit shakes loose only what was gathered before:
//! [`Player::loose`] rises with each gatherable and falls with each hit.
//!
//! # Reading
//! Here stands the implementation of [`Game`]. `world` has the types and the figures, `rules` is the
//! step, `map` the boards, `residual` how little two worlds that nearly agree have to tell each other,
//! [`hall`] what many games come to, and [`bot`] a player made of code. All of it is integers:
//! lengths in [units](UNITS_PER_PIXEL), times in ticks, of which there are sixty in a second.

pub use self::world::*;

use std::time::Duration;

use self::hall::Hall;
use crate::game::{Fact, Game, Malformed, News, Rate, ScoreNews};

pub mod bot;
pub mod hall;
mod map;
mod residual;
mod rules;
#[cfg(test)]
mod tests;
mod world;

/// One step of the arena's world: a sixtieth of a second, rounded down to whole microseconds.
pub const TICK: Duration = Rate::of::<Arena>().tick();

/// The rules of the arena.
#[derive(Clone, Debug)]
pub enum Arena {}

impl Game for Arena {
    const RULES: &'static str = "arena/3";

    type World = World;
    type Controls = Controls;
    type Order = ();
    type Event = Event;
    type Scores = Hall;

    fn new_world(seed: u64) -> World {
        rules::new_world(seed)
    }

    fn is_valid(world: &World) -> bool {
        rules::is_valid(world)
    }

    fn step(world: &mut World, news: &[News<Controls>], events: &mut Vec<Event>) {
        rules::step(world, news, events);
    }

    fn on_new_host(world: &mut World, reign: u64) {
        rules::on_new_host(world, reign);
    }

    fn fact_of_event(world: &World, event: &Event) -> Option<Fact> {
        let round = world.round_id;
        let fact = match *event {
            Event::Gathered { player, gatherable, worth, .. } => {
                hall::Fact::Gathered { player, gatherable, rare: worth == POINTS_RARE, round }
            }
            Event::RoundWon { player, .. } => hall::Fact::Won { player, round },
            _ => return None,
        };
        let bot = world.players.get(&fact.player()).is_some_and(|player| player.bot);
        Some(if bot { fact.encode_of_bot() } else { fact.encode() })
    }

    fn update_scores(hall: &mut Hall, at: u64, record: ScoreNews<'_>) {
        hall.update(at, record);
    }

    fn fact_group(fact: &Fact) -> u64 {
        hall::Fact::decode(fact).map_or(0, |fact| fact.round().0)
    }

    fn sum_up(facts: &[(u64, Fact)]) -> Vec<u8> {
        hall::sum_up(facts)
    }

    fn current_group(world: &World) -> Option<u64> {
        Some(world.round_id.0)
    }

    fn scores_into_world(world: &mut World, hall: &Hall, now: u64, facts: &[Fact]) {
        hall.put_into(world, now, facts);
    }

    fn scores_account_for(before: &World, after: &World, hall: &Hall, facts: &[Fact]) -> bool {
        hall.accounts_for(before, after, facts)
    }

    fn blend(from: &World, to: &World, part: u16) -> World {
        let mut shown = to.clone();
        if (from.seed, from.round) != (to.seed, to.round) {
            return shown; // another board: nobody walked there
        }
        for (id, player) in &mut shown.players {
            if let Some(before) = from.players.get(id) {
                player.at = between(before.at, player.at, part);
            }
        }
        shown
    }

    fn encode_difference(predicted: &World, actual: &World, out: &mut Vec<u8>) {
        residual::encode(predicted, actual, out);
    }

    fn decode_difference(predicted: &World, input: &[u8]) -> Result<World, Malformed> {
        residual::decode(predicted, input)
    }
}

/// The point `part` / 65,536 of the way from `from` to `to`.
fn between(from: Point, to: Point, part: u16) -> Point {
    let (dx, dy) = (i64::from(to.x) - i64::from(from.x), i64::from(to.y) - i64::from(from.y));
    let along = |start: i32, way: i64| start + ((way * i64::from(part)) >> 16) as i32;
    Point { x: along(from.x, dx), y: along(from.y, dy) }
}
