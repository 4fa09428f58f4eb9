//! The board: a garden bed, stones with paths on them, and the trails of snails.

use macroquad::prelude::*;

use super::{
    path::{ENDS, SIDE, Spot, Tile, Way},
    stage::{Stage, faded, mixed},
};

/// How large a cell is.
pub const CELL: f32 = 110.0;

/// How much of it a stone covers.
const STONE_PART: f32 = 0.97;

/// Where the board begins.
pub const CORNER: Vec2 = vec2(50.0, 96.0);

const BED: Color = color(0x3f, 0x5e, 0x3a);
const BED_DARK: Color = color(0x38, 0x55, 0x35);
const FRAME: Color = color(0x7a, 0x55, 0x36);
const FRAME_LIGHT: Color = color(0x96, 0x6c, 0x46);
const STONE: Color = color(0xf1, 0xe6, 0xcf);
const STONE_EDGE: Color = color(0xcf, 0xbf, 0x9d);
const GROOVE: Color = color(0xb9, 0xa4, 0x7c);
const GROOVE_LIGHT: Color = color(0xdd, 0xcd, 0xac);

/// The colours of the four snails.
pub const COLOURS: [Color; 4] = [
    color(0xe0, 0x48, 0x6b),
    color(0x1f, 0x9e, 0xa8),
    color(0xf0, 0x9a, 0x1f),
    color(0x7d, 0x5c, 0xd6),
];

/// A colour by its bytes.
pub const fn color(r: u8, g: u8, b: u8) -> Color {
    Color::new(r as f32 / 255.0, g as f32 / 255.0, b as f32 / 255.0, 1.0)
}

/// The middle of a cell.
pub fn middle(cell: u8) -> Vec2 {
    let (x, y) = Spot { cell, end: 0 }.place();
    CORNER + (vec2(x.into(), y.into()) + Vec2::splat(0.5)) * CELL
}

/// The cell at a point.
pub fn cell_at(at: Vec2) -> Option<u8> {
    let at = (at - CORNER) / CELL;
    let on_board = at.min_element() >= 0.0 && at.max_element() < f32::from(SIDE);
    on_board.then(|| at.y as u8 * SIDE + at.x as u8)
}

/// Where an end of a tile lies, from its middle, if the tile is one long and one wide; and which way is
/// in.
fn end(end: u8) -> (Vec2, Vec2) {
    let along = if end.is_multiple_of(2) { -1.0 / 6.0 } else { 1.0 / 6.0 };
    let quarter = match end / 2 % 4 {
        0 => vec2(1.0, 0.0),
        1 => vec2(0.0, 1.0),
        2 => vec2(-1.0, 0.0),
        _ => vec2(0.0, -1.0),
    };
    (quarter * along - quarter.perp() * 0.5, quarter.perp())
}

/// Where a spot lies on the stage, and which way leads into its cell.
pub fn spot(spot: Spot) -> (Vec2, Vec2) {
    let (at, inward) = end(spot.end);
    (middle(spot.cell) + at * CELL, inward)
}

/// A point of the path between two ends, from 0 to 1, on a tile that is one long and one wide.
fn curve(from: u8, to: u8, part: f32) -> Vec2 {
    let ((a, into_a), (b, into_b)) = (end(from), end(to));
    let bend = 0.24 + 0.3 * a.distance(b).min(0.8);
    let (c, d) = (a + into_a * bend, b + into_b * bend);
    let rest = 1.0 - part;
    a * rest.powi(3)
        + c * 3.0 * rest * rest * part
        + d * 3.0 * rest * part * part
        + b * part.powi(3)
}

/// The bed that the stones lie in.
pub fn draw_bed(stage: Stage) {
    let size = CELL * f32::from(SIDE);
    let amid = CORNER + Vec2::splat(size / 2.0);
    stage.plate(amid + vec2(0.0, 10.0), Vec2::splat(size + 50.0), 26.0, 0.0, faded(BLACK, 0.25));
    stage.plate(amid, Vec2::splat(size + 46.0), 24.0, 0.0, FRAME);
    stage.plate(amid - vec2(0.0, 2.0), Vec2::splat(size + 36.0), 20.0, 0.0, FRAME_LIGHT);
    stage.plate(amid, Vec2::splat(size + 16.0), 12.0, 0.0, FRAME);
    stage.plate(amid, Vec2::splat(size + 8.0), 8.0, 0.0, BED_DARK);
    for cell in 0..SIDE * SIDE {
        let (x, y) = Spot { cell, end: 0 }.place();
        let colour = if (x + y) % 2 == 0 { BED } else { BED_DARK };
        stage.plate(middle(cell), Vec2::splat(CELL), 3.0, 0.0, colour);
        // Tufts of grass, each cell with its own.
        for n in 0..3_u64 {
            let at = interregnum::draw(cell.into(), n);
            let part = |shift: u32| (at >> shift & 0xff) as f32 / 255.0 - 0.5;
            let root = middle(cell) + vec2(part(0), part(8)) * CELL * 0.74;
            let green = mixed(BED, color(0x86, 0xa8, 0x5c), 0.3 + 0.4 * (part(16) + 0.5));
            for lean in [-0.5, 0.0, 0.5] {
                stage.stroke(&[root, root + vec2(lean * 8.0, -7.0 - 3.0 * part(24))], 1.8, green);
            }
        }
    }
}

/// A dot at each end of the board's edge where a snail may start.
pub fn draw_start(stage: Stage, at: Spot, colour: Color, big: f32) {
    let (at, inward) = spot(at);
    stage.circle(at - inward * 10.0, 4.5 * big, colour);
}

/// A stone with its paths.
pub fn draw_tile(stage: Stage, tile: Tile, middle: Vec2, size: f32, lean: f32, alpha: f32) {
    let stone = Vec2::splat(size * STONE_PART);
    let round = size * 0.09;
    stage.plate(middle + vec2(0.0, size * 0.025), stone, round, lean, faded(BLACK, 0.28 * alpha));
    stage.plate(middle, stone, round, lean, faded(STONE_EDGE, alpha));
    stage.plate(middle - vec2(0.0, size * 0.012), stone * 0.965, round, lean, faded(STONE, alpha));
    let turn = Vec2::from_angle(lean);
    for (thick, colour) in [(0.105, GROOVE), (0.07, GROOVE_LIGHT)] {
        for (from, to) in (0..).zip(tile.pairs()).filter(|(from, to)| from < to) {
            let points = (0..=16).map(|n| {
                middle + turn.rotate(curve(from, to, n as f32 / 16.0)) * size * STONE_PART
            });
            stage.band(&points.collect::<Vec<_>>(), size * thick, faded(colour, alpha));
        }
    }
    debug_assert_eq!(tile.pairs().len(), usize::from(ENDS));
}

/// Where a snail is that has crept so far on its way, in tiles, and which way it looks.
pub fn on_way(way: &Way, start: Spot, crept: f32) -> (Vec2, Vec2) {
    let Some(last) = way.tiles.len().checked_sub(1) else {
        let (at, inward) = spot(start);
        return (at - inward * 8.0, inward);
    };
    let number = (crept.max(0.0) as usize).min(last);
    let part = (crept - number as f32).clamp(0.0, 1.0);
    let (cell, from, to) = way.tiles[number];
    let at = |part: f32| middle(cell) + curve(from, to, part) * CELL;
    let looks = at((part + 0.02).min(1.0)) - at((part - 0.02).max(0.0));
    (at(part), looks.normalize_or_zero())
}

/// The trail over the first so many tiles of a way.
pub fn draw_trail(stage: Stage, way: &Way, crept: f32, colour: Color, alpha: f32) {
    let points = points_of(way, crept);
    stage.stroke(&points, CELL * 0.105, faded(mixed(colour, BLACK, 0.25), alpha));
    stage.stroke(&points, CELL * 0.075, faded(colour, alpha));
    let shine: Vec<Vec2> = points.iter().map(|at| *at - vec2(1.5, 1.5)).collect();
    stage.stroke(&shine, CELL * 0.018, faded(mixed(colour, WHITE, 0.6), 0.8 * alpha));
}

/// Where a way would lead: drops, one after the other, that wander along it.
pub fn draw_drops(stage: Stage, way: &Way, from: usize, colour: Color, time: f32) {
    for (number, (cell, entry, exit)) in way.tiles.iter().enumerate().skip(from) {
        for n in 0..5 {
            let part = (n as f32 + (time * 2.5).fract()) / 5.0;
            let at = middle(*cell) + curve(*entry, *exit, part) * CELL;
            let big = if number == from { 5.0 } else { 4.0 };
            stage.circle(at, big + 1.5, faded(WHITE, 0.8));
            stage.circle(at, big, colour);
        }
    }
}

fn points_of(way: &Way, crept: f32) -> Vec<Vec2> {
    let mut points = Vec::new();
    for (number, (cell, from, to)) in way.tiles.iter().enumerate() {
        let part = (crept - number as f32).clamp(0.0, 1.0);
        if part <= 0.0 {
            break;
        }
        let steps = (16.0 * part).ceil() as usize;
        let first = usize::from(number > 0);
        points.extend(
            (first..=steps)
                .map(|n| middle(*cell) + curve(*from, *to, part * n as f32 / steps as f32) * CELL),
        );
    }
    points
}
