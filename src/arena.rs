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
//! Here stand the types, the figures, and the implementation of [`Game`]. `rules` is the step,
//! `map` the boards, `residual` how little two worlds that nearly agree have to tell each other,
//! [`hall`] what many games come to, and [`bot`] a player made of code. All of it is integers:
//! lengths in [units](UNITS_PER_PIXEL), times in ticks, of which there are sixty in a second.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use self::hall::Hall;
use crate::{
    game::{Fact, Game, Malformed, News, ScoreNews},
    text::Name,
    types::{NodeId, Tick},
};

pub mod bot;
pub mod hall;
mod map;
mod residual;
mod rules;
#[cfg(test)]
mod tests;

/// Units of length in a pixel. All positions and sizes in a world are in units.
pub const UNITS_PER_PIXEL: i32 = 16;
/// Width of one cell of the board. A board is a square number of cells, so all have the same
/// proportions (16:9); the smallest is 1280 by 720 pixels.
pub const CELL_WIDTH: i32 = 320 * UNITS_PER_PIXEL;
/// Height of one cell of the board.
pub const CELL_HEIGHT: i32 = 180 * UNITS_PER_PIXEL;
/// Cells along each side of the smallest board, for up to 8 players.
pub const SIDE_MIN: u8 = 4;
/// Cells along each side of the largest board, 2560 by 1440 pixels, for up to 64 players.
pub const SIDE_MAX: u8 = 8;
/// Half the size of a player: the distance from its middle at which a wall stops it.
pub const PLAYER_RADIUS: i32 = 14 * UNITS_PER_PIXEL;
/// Half the size of a gatherable, to draw it.
pub const GATHERABLE_RADIUS: i32 = 8 * UNITS_PER_PIXEL;
/// The distance between the middles of a player and a gatherable at which it is gathered.
pub const REACH: i32 = 24 * UNITS_PER_PIXEL;

/// Most players a world holds, those who are away included.
pub const PLAYERS_MAX: usize = 64;
/// Most gatherables on a board.
pub const GATHERABLES_MAX: usize = 160;
/// How many colours there are for players; the first twelve players have one each to themselves. They
/// are numbered so that the first ones are the farthest apart.
pub const COLOURS: u8 = 12;

/// What a round is won with.
pub const POINTS_TO_WIN: u32 = 20;
/// What a common gatherable is worth, in points.
pub const POINTS_COMMON: u32 = 1;
/// What a rare gatherable is worth, in points.
pub const POINTS_RARE: u32 = 3;
/// How long a dash lasts.
pub const DASH_TICKS: u8 = 9;
/// How long after the start of a dash the next one can start.
pub const DASH_COOLDOWN_TICKS: u8 = 60;
/// How long somebody who was dashed into stands still.
pub const STUN_TICKS: u8 = 24;
/// How long somebody who was dashed into cannot be dashed into again.
pub const SHIELD_TICKS: u8 = 120;
/// Most gatherables that can be shaken out of somebody.
pub const LOOSE_MAX: u8 = 3;
/// How long the winner of a round is celebrated before the next one starts: long enough to read who
/// was how good.
pub const INTERMISSION_TICKS: u16 = 420;
/// How long a player who went away keeps place and points.
pub const AWAY_TICKS_MAX: u16 = 1_800;

/// The rules of the arena.
#[derive(Clone, Debug)]
pub enum Arena {}

/// A place on the board, in units from its upper left corner; `y` points down.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct Point {
    /// Units from the left edge.
    pub x: i32,
    /// Units from the upper edge.
    pub y: i32,
}

/// The state of the game, whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct World {
    /// Where all chance comes from. Never changes.
    pub seed: u64,
    /// Steps since the founding.
    pub tick: Tick,
    /// The number of the round, from 1.
    pub round: u32,
    /// Its name.
    pub round_id: RoundId,
    /// The pause after a round was won; none while there is something to gather.
    pub intermission: Option<Intermission>,
    /// The board of this round.
    pub board: Board,
    /// Everybody, those who went away less than [`AWAY_TICKS_MAX`] ago included.
    pub players: BTreeMap<NodeId, Player>,
    /// What lies on the board.
    pub gatherables: BTreeMap<GatherableId, Gatherable>,
    /// The points. Has the same keys as `players`.
    pub scoreboard: BTreeMap<NodeId, Score>,
    /// The id of the next gatherable. Rises with each, and leaps where a reign begins.
    pub spawned: u64,
}

/// The pause between two rounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intermission {
    /// Who won the round. May have left the world since.
    pub winner: NodeId,
    /// Ticks until the next round starts.
    pub ticks_left: u16,
}

/// The ground of one round. A function of the world's seed, the round and the size: see
/// [`Board::new`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Board {
    /// Cells along each side.
    pub side: u8,
    /// What nobody can walk through. No two are closer to each other than a player is wide.
    pub walls: Arc<[Wall]>,
}

impl Board {
    /// Its width, in units.
    pub fn width(&self) -> i32 {
        i32::from(self.side) * CELL_WIDTH
    }

    /// Its height, in units.
    pub fn height(&self) -> i32 {
        i32::from(self.side) * CELL_HEIGHT
    }
}

/// An upright rectangle, in units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wall {
    /// Left edge.
    pub x: i32,
    /// Upper edge.
    pub y: i32,
    /// Width.
    pub width: i32,
    /// Height.
    pub height: i32,
}

/// Somebody on the board.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Player {
    /// What it is called.
    pub name: Name,
    /// Which of the [`COLOURS`] is its own.
    pub colour: u8,
    /// Its middle.
    pub at: Point,
    /// Where it looks: eighths of a turn, clockwise on the screen, from 0 (to the right).
    pub facing: u8,
    /// What it holds down.
    pub controls: Controls,
    /// Ticks that its dash lasts yet; zero when it does not dash.
    pub dash: u8,
    /// Ticks until it can dash again.
    pub cooldown: u8,
    /// Ticks that it stands still yet, because somebody dashed into it.
    pub stun: u8,
    /// Ticks that it cannot be dashed into yet.
    pub shield: u8,
    /// How many gatherables can be shaken out of it, at most [`LOOSE_MAX`]. One more with each
    /// gathered, one less with each shaken out.
    pub loose: u8,
    /// Ticks since it went away, from 1; zero while it is here.
    pub away: u16,
    /// It is played by the program, and not by a person.
    pub bot: bool,
}

impl Player {
    /// Whether it went away. It stands where it stood, as a ghost: nothing touches it.
    pub fn is_away(&self) -> bool {
        self.away > 0
    }
}

/// The name of one round: a number that no other round has, in this world or another. It is the id
/// of the first gatherable in it.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct RoundId(pub u64);

/// The name of one gatherable: a number that no other one has, in this world or another. It contains
/// the reign in which the gatherable appeared; below that they are counted.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct GatherableId(pub u64);

/// Something to gather.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gatherable {
    /// Its middle.
    pub at: Point,
    /// Worth [`POINTS_RARE`] instead of [`POINTS_COMMON`].
    pub rare: bool,
}

impl Gatherable {
    /// What it is worth, in points.
    pub fn worth(&self) -> u32 {
        if self.rare { POINTS_RARE } else { POINTS_COMMON }
    }
}

/// What somebody has to show for its trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Score {
    /// Points in this round. They only rise, until the next round starts.
    pub points: u32,
    /// Rounds won this evening, as far as the host knows.
    pub games_won: u32,
}

/// What a player holds down in one tick. Any value is safe: only the signs of `dx` and `dy` count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Controls {
    /// -1 to the left, 1 to the right.
    pub dx: i8,
    /// -1 up, 1 down.
    pub dy: i8,
    /// Dash. Counts when it goes from false to true.
    pub dash: bool,
    /// The program holds this down, and not a person. Noted in [`Player::bot`]; what a player holds
    /// down in a world does not say it.
    pub bot: bool,
}

/// What happened in a step, for sounds and sparks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// Somebody came in.
    Joined {
        /// Who.
        player: NodeId,
        /// Where it was put.
        at: Point,
    },
    /// Somebody who was away is back, with place and points.
    Returned {
        /// Who.
        player: NodeId,
        /// Where it stood, and stands.
        at: Point,
    },
    /// Somebody went away.
    Left {
        /// Who.
        player: NodeId,
        /// Where its ghost stands.
        at: Point,
    },
    /// Somebody was away for so long that the world forgot it.
    Forgotten {
        /// Who.
        player: NodeId,
    },
    /// Something was gathered.
    Gathered {
        /// By whom.
        player: NodeId,
        /// What.
        gatherable: GatherableId,
        /// The points it brought.
        worth: u32,
        /// Where it lay.
        at: Point,
    },
    /// Something to gather appeared.
    Spawned {
        /// What.
        gatherable: GatherableId,
        /// Where.
        at: Point,
    },
    /// Somebody started a dash.
    Dashed {
        /// Who.
        player: NodeId,
        /// From where.
        at: Point,
        /// Whither, as in [`Player::facing`].
        facing: u8,
    },
    /// Somebody was dashed into.
    Shaken {
        /// Who.
        player: NodeId,
        /// By whom.
        by: NodeId,
        /// Where.
        at: Point,
        /// What fell out, if anything did; a [`Event::Spawned`] tells where it lies.
        dropped: Option<GatherableId>,
    },
    /// Somebody reached [`POINTS_TO_WIN`]: the round is over.
    RoundWon {
        /// Who.
        player: NodeId,
        /// Where it stood.
        at: Point,
        /// The number of the round.
        round: u32,
    },
    /// A round started, on a new board.
    RoundStarted {
        /// Its number.
        round: u32,
    },
}

impl Game for Arena {
    const RULES: &'static str = "arena/3";

    type World = World;
    type Controls = Controls;
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
