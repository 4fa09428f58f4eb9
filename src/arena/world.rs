//! What the game is made of: the figures, and the types of a world and of what happens in it.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{
    text::Name,
    types::{NodeId, Tick},
};

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
    /// How wide it is, to the right.
    pub width: i32,
    /// How high it is, downwards.
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
        /// The player, from here on.
        player: NodeId,
        /// Where it was put.
        at: Point,
    },
    /// Somebody who was away is back, with place and points.
    Returned {
        /// The player, whom the world has kept.
        player: NodeId,
        /// Where it stood, and stands.
        at: Point,
    },
    /// Somebody went away.
    Left {
        /// The player, who may come back.
        player: NodeId,
        /// Where its ghost stands.
        at: Point,
    },
    /// Somebody was away for so long that the world forgot it.
    Forgotten {
        /// The player, of whom nothing is left.
        player: NodeId,
    },
    /// Something was gathered.
    Gathered {
        /// By whom.
        player: NodeId,
        /// What was gathered, and is gone.
        gatherable: GatherableId,
        /// The points it brought.
        worth: u32,
        /// Where it lay.
        at: Point,
    },
    /// Something to gather appeared.
    Spawned {
        /// What can be gathered from here on.
        gatherable: GatherableId,
        /// Where it lies.
        at: Point,
    },
    /// Somebody started a dash.
    Dashed {
        /// The player who dashes.
        player: NodeId,
        /// From where.
        at: Point,
        /// Whither, as in [`Player::facing`].
        facing: u8,
    },
    /// Somebody was dashed into.
    Shaken {
        /// The player who stands still for a moment.
        player: NodeId,
        /// By whom.
        by: NodeId,
        /// Where that one stood.
        at: Point,
        /// What fell out, if anything did; a [`Event::Spawned`] tells where it lies.
        dropped: Option<GatherableId>,
    },
    /// Somebody reached [`POINTS_TO_WIN`]: the round is over.
    RoundWon {
        /// The winner.
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
