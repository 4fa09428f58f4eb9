//! The boards: where the walls stand, where there is room, and how far one can go.
//!
//! A board is cut into cells, and each cell has at most one wall, well inside it. That gives three
//! things for nothing: between any two walls there is a corridor wider than a player, so nobody is
//! ever caught; the corner of four cells is always free, so a place can always be found; and since
//! a cell's wall depends on the seed, the round and the cell alone, a board can grow in the middle
//! of a round by new cells on the right and below, without anything old being moved.

use std::sync::Arc;

use super::world::{
    Board, CELL_HEIGHT, CELL_WIDTH, PLAYER_RADIUS, Point, SIDE_MAX, SIDE_MIN, UNITS_PER_PIXEL, Wall,
};
use crate::game::draw;

/// The least distance from a wall to the edge of its cell: between two walls there are two of it.
const CELL_MARGIN: i32 = 40 * UNITS_PER_PIXEL;
/// Walls stand on a grid this wide.
const GRAIN: i32 = 4 * UNITS_PER_PIXEL;
/// How many random places are tried before the corner of a cell is taken.
const TRIES: u64 = 8;

/// What chance is asked for. Each purpose has numbers of its own, so that none disturbs another.
#[derive(Clone, Copy, Debug)]
pub(super) enum Chance {
    /// The wall of a cell.
    Wall = 1,
    /// The place of a gatherable.
    Gatherable = 2,
    /// The place of a player.
    Player = 3,
    /// Which way something shaken loose falls.
    Fall = 4,
}

/// The random number `counter` for one purpose in one round.
pub(super) fn chance(seed: u64, round: u32, what: Chance, counter: u64) -> u64 {
    draw(draw(seed, u64::from(round) << 8 | what as u64), counter)
}

impl Board {
    /// The board with `side` cells along each side (brought within the limits) of round `round`.
    pub fn new(seed: u64, round: u32, side: u8) -> Self {
        let side = side.clamp(SIDE_MIN, SIDE_MAX);
        let mut walls = Vec::with_capacity(usize::from(side) * usize::from(side));
        for row in 0..side {
            for column in 0..side {
                walls.extend(wall(seed, round, column, row));
            }
        }
        Self { side, walls: Arc::from(walls) }
    }

    /// Whether a square around `at` that reaches `radius` units to each side is on the board and
    /// clear of walls.
    pub fn is_free(&self, at: Point, radius: i32) -> bool {
        let Point { x, y } = at;
        (radius..=self.width() - radius).contains(&x)
            && (radius..=self.height() - radius).contains(&y)
            && self.walls.iter().all(|w| {
                x + radius <= w.x
                    || x - radius >= w.x + w.width
                    || y + radius <= w.y
                    || y - radius >= w.y + w.height
            })
    }

    /// Where a player comes to that is at `at` and wants to go by `dx`, `dy`. It stops at walls
    /// and slides along them: each axis is gone on its own.
    pub(super) fn slide(&self, at: Point, dx: i32, dy: i32) -> Point {
        let x = if dx == 0 {
            at.x
        } else {
            let ahead = self.walls.iter().filter_map(|w| {
                beside(at.y, w.y, w.height).then_some((w.x, w.x.saturating_add(w.width)))
            });
            sweep(at.x, dx, self.width(), ahead)
        };
        let y = if dy == 0 {
            at.y
        } else {
            let ahead = self.walls.iter().filter_map(|w| {
                beside(x, w.x, w.width).then_some((w.y, w.y.saturating_add(w.height)))
            });
            sweep(at.y, dy, self.height(), ahead)
        };
        Point { x, y }
    }

    /// A random place with `radius` units of room to each side: always the same one for the same
    /// `counter`.
    pub(super) fn place(
        &self,
        seed: u64,
        round: u32,
        what: Chance,
        counter: u64,
        radius: i32,
    ) -> Point {
        for attempt in 0..TRIES {
            let bits =
                chance(seed, round, what, counter.wrapping_mul(TRIES + 1).wrapping_add(attempt));
            let at = Point {
                x: radius + scale(bits as u32, self.width() - 2 * radius),
                y: radius + scale((bits >> 32) as u32, self.height() - 2 * radius),
            };
            if self.is_free(at, radius) {
                return at;
            }
        }
        let bits = chance(seed, round, what, counter.wrapping_mul(TRIES + 1).wrapping_add(TRIES));
        let inner = i32::from(self.side) - 1;
        Point {
            x: (1 + scale(bits as u32, inner)) * CELL_WIDTH,
            y: (1 + scale((bits >> 32) as u32, inner)) * CELL_HEIGHT,
        }
    }
}

/// Cells along each side of the board that `players` players need.
pub(super) fn side_for(players: usize) -> u8 {
    match players {
        0..=8 => SIDE_MIN,
        9..=16 => 5,
        17..=28 => 6,
        29..=44 => 7,
        _ => SIDE_MAX,
    }
}

/// Brings 32 random bits into `0..below`.
pub(super) fn scale(bits: u32, below: i32) -> i32 {
    ((u64::from(bits) * u64::from(below.max(1) as u32)) >> 32) as i32
}

/// Whether a player at `at` on one axis overlaps a wall from `start` on that is `length` long.
fn beside(at: i32, start: i32, length: i32) -> bool {
    at.saturating_add(PLAYER_RADIUS) > start
        && at.saturating_sub(PLAYER_RADIUS) < start.saturating_add(length)
}

/// Where something comes to on one axis that goes by `step`, if `spans` are in its way and the
/// board ends at `end`.
fn sweep(from: i32, step: i32, end: i32, spans: impl Iterator<Item = (i32, i32)>) -> i32 {
    let mut to = from.saturating_add(step);
    for (low, high) in spans {
        if step > 0 && from.saturating_add(PLAYER_RADIUS) <= low {
            to = to.min(low - PLAYER_RADIUS);
        }
        if step < 0 && from.saturating_sub(PLAYER_RADIUS) >= high {
            to = to.max(high + PLAYER_RADIUS);
        }
    }
    to.min(end - PLAYER_RADIUS).max(PLAYER_RADIUS)
}

/// The wall of a cell, if it has one: mostly a bar, sometimes a block or a pillar.
fn wall(seed: u64, round: u32, column: u8, row: u8) -> Option<Wall> {
    let cell = u64::from(row) * u64::from(SIDE_MAX) + u64::from(column);
    let kind = chance(seed, round, Chance::Wall, 2 * cell);
    let place = chance(seed, round, Chance::Wall, 2 * cell + 1);
    let length = (kind >> 32) as u32;
    let pixels = |n: i32| n * UNITS_PER_PIXEL;
    let (width, height) = match kind % 8 {
        0..=2 => (pixels(96) + scale(length, 32) * GRAIN, pixels(24)),
        3 | 4 => (pixels(24), pixels(60) + scale(length, 10) * GRAIN),
        5 => (pixels(72), pixels(48)),
        6 => (pixels(40), pixels(40)),
        _ => return None,
    };
    let offset = |bits: u32, room: i32| CELL_MARGIN + scale(bits, room / GRAIN + 1) * GRAIN;
    Some(Wall {
        x: i32::from(column) * CELL_WIDTH
            + offset(place as u32, CELL_WIDTH - 2 * CELL_MARGIN - width),
        y: i32::from(row) * CELL_HEIGHT
            + offset((place >> 32) as u32, CELL_HEIGHT - 2 * CELL_MARGIN - height),
        width,
        height,
    })
}
