//! The board: floor, walls, and what lies about.
use macroquad::math::{Affine2, Mat2, Rect, Vec2, vec2};

use super::pixels_of;
use crate::{
    arena::{Board, GATHERABLE_RADIUS, Wall, World},
    ui::{
        crown::{draw_crown, draw_twinkle},
        draw::{Canvas, Paint},
        layers::key_of,
        palette::{
            CREAM, CRIMSON, CRIMSON_DEEP, FIRE, FLOOR, FLOOR_ALT, GOLD, GOLD_DARK, GOLD_DEEP,
            GOLD_LIGHT, HEDGE, HEDGE_DARK, HEDGE_DEEP, HEDGE_LIGHT, LAVENDER, NIGHT, RUBY,
            RUBY_DEEP, RUBY_LIGHT, WALL_EDGE, WALL_FOOT, WALL_FRONT, WALL_TOP, faded, mixed,
        },
    },
};

/// The side of a tile of the floor, in pixels of the board.
const TILE: f32 = 80.0;
/// What the board is called among the layers.
const LAYER: &str = "board";
/// In how many steps a coin turns.
const COIN_STEPS: u16 = 24;
/// How high walls are.
const WALL_HEIGHT: f32 = 10.0;

/// How high the wall behind the board is: room for whoever stands right below it, and a crown.
pub const BACK_WALL_HEIGHT: f32 = 33.0;

/// What is still about the board, with all that is painted of it: on its layer, and in its pixels.
pub fn whole(board: &Board) -> Rect {
    let size = size(board);
    Rect::new(-4.0, -BACK_WALL_HEIGHT - 4.0, size.x + 8.0, size.y + BACK_WALL_HEIGHT + 8.0)
}

/// Draws what of the board is `seen`: all of it that stands still is one layer.
pub fn draw_board(c: &Canvas, world: &World, seen: Rect) {
    let board = &world.board;
    let key = key_of(&(world.seed, world.round, board.side));
    c.layer(LAYER, key, whole(board), &[seen], |c| {
        draw_floor(c, board);
        draw_back_wall(c, board);
        board.walls.iter().for_each(|wall| draw_wall(c, wall));
    });
}

/// Draws a wall again, over whoever stands behind it.
pub fn draw_wall_again(c: &Canvas, board: &Board, wall: &Wall) {
    c.show_layer(LAYER, whole(board), &[body(wall)]);
}

/// What a wall hides: its front and its top.
pub fn body(wall: &Wall) -> Rect {
    let foot = foot(wall);
    Rect::new(foot.x, foot.y - WALL_HEIGHT, foot.w, foot.h + WALL_HEIGHT)
}

fn foot(wall: &Wall) -> Rect {
    let [x, y, width, height] = [wall.x, wall.y, wall.width, wall.height].map(pixels_of);
    Rect::new(x, y, width, height)
}

fn size(board: &Board) -> Vec2 {
    vec2(pixels_of(board.width()), pixels_of(board.height()))
}

fn draw_floor(c: &Canvas, board: &Board) {
    let size = size(board);
    let columns = (size.x / TILE).ceil() as i32;
    let rows = (size.y / TILE).ceil() as i32;
    let glow = mixed(LAVENDER, GOLD, 0.3);
    for row in 0..rows {
        for column in 0..columns {
            let tile = Rect::new(column as f32 * TILE, row as f32 * TILE, TILE, TILE);
            let even = (row + column) % 2 == 0;
            let base = if even { FLOOR_ALT } else { FLOOR };
            // Light falls into the middle, the edges lie in the dusk: tile by tile.
            let from_middle = ((tile.center() - size / 2.0) / (size / 2.0)).length();
            let colour = if from_middle < 0.95 {
                mixed(base, glow, 0.11 * (0.95 - from_middle))
            } else {
                mixed(base, NIGHT, 0.45 * (from_middle - 0.95))
            };
            c.block(tile, colour);
        }
    }
    // A small inlay where four tiles meet.
    for row in 1..rows {
        for column in (1 + row % 2..columns).step_by(2) {
            let at = vec2(column as f32, row as f32) * TILE;
            let inlay =
                [(0.0, -5.0), (5.0, 0.0), (0.0, 5.0), (-5.0, 0.0)].map(|(x, y)| at + vec2(x, y));
            c.convex(&inlay, faded(LAVENDER, 0.16));
        }
    }
    draw_rug(c, size);
}

/// Draws the wall behind the board, with its hangings.
fn draw_back_wall(c: &Canvas, board: &Board) {
    let width = size(board).x;
    let height = BACK_WALL_HEIGHT + 4.0;
    let wall = Rect::new(-4.0, -height, width + 8.0, height);
    c.rect(wall, Paint::Down(mixed(WALL_FOOT, NIGHT, 0.35), WALL_FRONT));
    for course in 0..3 {
        let y = -height + 12.0 * (course + 1) as f32;
        c.line(&[vec2(0.0, y), vec2(width, y)], false, 1.2, faded(NIGHT, 0.28));
        let mut x = if course % 2 == 0 { 24.0 } else { 0.0 };
        while x < width {
            c.line(&[vec2(x, y - 12.0), vec2(x, y)], false, 1.2, faded(NIGHT, 0.22));
            x += 48.0;
        }
    }
    let shade = Rect::new(0.0, -1.0, width, 18.0);
    c.rect(shade, Paint::Down(faded(NIGHT, 0.42), faded(NIGHT, 0.0)));
    let mut x = 80.0;
    let mut odd = false;
    while x < width {
        draw_hanging(c, vec2(x, -height + 3.0), odd, (x * 1.3).sin() * 0.8);
        odd = !odd;
        x += 160.0;
    }
}

/// A hanging on the wall: crimson, or gold.
fn draw_hanging(c: &Canvas, at: Vec2, golden: bool, sway: f32) {
    let (light, deep) = if golden { (GOLD, GOLD_DEEP) } else { (CRIMSON, CRIMSON_DEEP) };
    let cloth = [
        at + vec2(-11.0, 0.0),
        at + vec2(11.0, 0.0),
        at + vec2(11.0 + sway, 24.0),
        at + vec2(sway, 31.0),
        at + vec2(-11.0 + sway, 24.0),
    ];
    c.polygon(&cloth, Paint::Down(light, deep));
    let pole = [at - vec2(14.0, 0.0), at + vec2(14.0, 0.0)];
    c.line(&pole, false, 3.0, GOLD_DARK);
    let sign = if golden { CRIMSON_DEEP } else { GOLD };
    let middle = at + vec2(sway * 0.6, 15.0);
    let lozenge =
        [(0.0, -6.0), (4.5, 0.0), (0.0, 6.0), (-4.5, 0.0)].map(|(x, y)| middle + vec2(x, y));
    c.convex(&lozenge, sign);
}

/// The emblem of the realm, woven into the middle of the floor.
fn draw_rug(c: &Canvas, size: Vec2) {
    let middle = size / 2.0;
    let thread = faded(GOLD, 0.10);
    c.disc(middle, 118.0, faded(mixed(FLOOR, RUBY_DEEP, 0.5), 0.28));
    c.ring(middle, 118.0, 3.0, thread);
    c.ring(middle, 108.0, 1.2, thread);
    for i in 0..16 {
        let spoke = Vec2::from_angle(i as f32 / 16.0 * std::f32::consts::TAU);
        c.disc(middle + spoke * 98.0, 2.6, thread);
    }
    draw_crown(&c.faded(0.13), middle + vec2(0.0, 34.0), 116.0, 0.0, 0.0);
}

/// Draws a wall: long ones are masonry, blocks are hedges, and pillars carry a torch.
fn draw_wall(c: &Canvas, wall: &Wall) {
    let foot = foot(wall);
    c.shadow(
        Rect::new(foot.x - 2.0, foot.y + 4.0, foot.w + 8.0, foot.h + 6.0),
        6.0,
        16.0,
        faded(NIGHT, 0.6),
    );
    if foot.w.min(foot.h) > 44.0 {
        draw_hedge(c, foot);
        return;
    }
    draw_masonry(c, foot);
    if let Some(at) = torch(wall) {
        c.glow(at - vec2(0.0, 8.0), 95.0, faded(FIRE, 0.20));
        c.ellipse(at + vec2(0.0, 2.0), vec2(12.0, 7.5), GOLD_DARK);
        c.ellipse(at, vec2(12.0, 7.0), Paint::Down(GOLD, GOLD_DEEP));
        c.ellipse(at - vec2(0.0, 0.5), vec2(9.0, 4.8), GOLD_DARK);
    }
}

/// Where the torch of a pillar burns; other walls have none.
pub fn torch(wall: &Wall) -> Option<Vec2> {
    let foot = foot(wall);
    let pillar = foot.w.max(foot.h) < 48.0;
    pillar.then(|| vec2(foot.center().x, foot.center().y - WALL_HEIGHT))
}

fn draw_masonry(c: &Canvas, foot: Rect) {
    let top = Rect::new(foot.x, foot.y - WALL_HEIGHT, foot.w, foot.h);
    let body = Rect::new(top.x, top.y, foot.w, foot.h + WALL_HEIGHT);
    c.round_rect(body, 5.0, Paint::Down(WALL_FRONT, WALL_FOOT));
    // Courses of stone on the front.
    let front = top.bottom();
    let mut x = foot.x + 16.0;
    while x < foot.right() - 8.0 {
        c.line(
            &[vec2(x, front + 3.0), vec2(x, foot.bottom() - 3.0)],
            false,
            1.2,
            faded(NIGHT, 0.22),
        );
        x += 20.0;
    }
    c.round_rect(top, 5.0, Paint::Down(WALL_EDGE, WALL_TOP));
    let inner = Rect::new(top.x + 3.5, top.y + 3.5, top.w - 7.0, top.h - 7.0);
    c.round_rect(inner, 3.0, mixed(WALL_TOP, WALL_FRONT, 0.25));
    // Merlons along the top, two by two.
    let along = foot.w >= foot.h;
    let (length, count) =
        if along { (top.w, (top.w / 22.0) as i32) } else { (top.h, (top.h / 22.0) as i32) };
    if count < 3 {
        return;
    }
    let step = length / count as f32;
    for i in 0..count {
        let middle = (i as f32 + 0.5) * step;
        let at = if along {
            vec2(top.x + middle, top.center().y)
        } else {
            vec2(top.center().x, top.y + middle)
        };
        let stone = Rect::new(at.x - 6.0, at.y - 6.0, 12.0, 12.0);
        c.round_rect(stone.offset(vec2(0.0, 2.0)), 2.5, faded(NIGHT, 0.30));
        c.round_rect(stone, 2.5, Paint::Down(WALL_EDGE, WALL_TOP));
    }
}

/// A hedge, cut square, with berries.
fn draw_hedge(c: &Canvas, foot: Rect) {
    let top = Rect::new(foot.x, foot.y - WALL_HEIGHT, foot.w, foot.h);
    let body = Rect::new(top.x, top.y, foot.w, foot.h + WALL_HEIGHT);
    c.round_rect(body, 10.0, Paint::Down(HEDGE_DEEP, HEDGE_DARK));
    c.round_rect(top, 10.0, Paint::Down(HEDGE_LIGHT, HEDGE));
    let chance = |k: u64| {
        let place = (foot.x as u64) << 20 | foot.y as u64;
        (crate::game::draw(place, k) >> 40) as f32 / (1u64 << 24) as f32
    };
    for k in 0..14 {
        let leaf = vec2(
            top.x + 8.0 + chance(2 * k) * (top.w - 16.0),
            top.y + 8.0 + chance(2 * k + 1) * (top.h - 16.0),
        );
        let curl = [-5.0, -2.5, 0.0, 2.5, 5.0].map(|x: f32| leaf + vec2(x, x * x * 0.14 - 2.0));
        c.line(&curl, false, 1.8, faded(HEDGE_DEEP, 0.55));
    }
    for k in 40..45 {
        let berry = vec2(
            top.x + 9.0 + chance(2 * k) * (top.w - 18.0),
            top.y + 9.0 + chance(2 * k + 1) * (top.h - 18.0),
        );
        c.disc(berry + vec2(0.0, 1.0), 2.8, faded(NIGHT, 0.4));
        c.disc(berry, 2.6, RUBY);
        c.disc(berry - vec2(0.8, 0.9), 0.8, RUBY_LIGHT);
    }
}

/// Draws the flames in the bowl of a torch.
pub fn draw_flames(c: &Canvas, at: Vec2, seconds: f32) {
    let seconds = seconds + at.x;
    let flicker = 0.85 + 0.1 * (seconds * 11.0).sin() + 0.05 * (seconds * 23.0).sin();
    // The tip leans to either side, and rises and falls.
    let lean = (seconds * 7.0).sin() * 2.0 / 26.0;
    let pull = Mat2::from_cols(vec2(1.0, 0.0), vec2(-lean, flicker));
    let c = c.at(Affine2::from_mat2_translation(pull, at));
    c.sprite("flames", 0, Rect::new(-9.0, -28.0, 18.0, 32.0), |c| {
        for (size, colour) in [(1.0, FIRE), (0.62, GOLD), (0.32, CREAM)] {
            let tip = vec2(0.0, -26.0 * size);
            let flame: Vec<Vec2> = (0..=16)
                .map(|i| {
                    let part = i as f32 / 16.0;
                    let turn = part * std::f32::consts::PI;
                    let belly = vec2(turn.cos() * 8.0 * size, turn.sin() * 4.0 * size - 2.0);
                    // Both ends run up into the tip.
                    let pull = (2.0 * part - 1.0).abs().powi(5);
                    belly.lerp(tip, pull)
                })
                .collect();
            c.polygon(&flame, colour);
        }
    });
}

/// Draws something to gather that appeared `age` seconds ago.
pub fn draw_gatherable(c: &Canvas, at: Vec2, rare: bool, id: u64, seconds: f32, age: f32) {
    let radius = pixels_of(GATHERABLE_RADIUS);
    let pop = crate::ui::ribbon::ease_out_back((age / 0.35).min(1.0));
    let phase = seconds * 2.4 + (id % 1_024) as f32 * 1.7;
    let lift = 3.0 + 3.0 * phase.sin();
    c.glow_ellipse(at + vec2(0.0, 7.0), vec2(13.0, 6.0), faded(NIGHT, 0.7));
    let middle = at - vec2(0.0, 4.0 + lift + (1.0 - pop) * 14.0);
    if rare {
        draw_gem(c, middle, radius * 1.75 * pop, phase);
    } else {
        draw_coin(c, middle, radius * 1.40 * pop, phase);
    }
}

/// A coin that turns.
fn draw_coin(c: &Canvas, at: Vec2, radius: f32, phase: f32) {
    c.glow(at, radius * 2.6, faded(GOLD, 0.30));
    let turn = phase.rem_euclid(std::f32::consts::TAU) / std::f32::consts::TAU;
    let step = (turn * f32::from(COIN_STEPS)) as u16 % COIN_STEPS;
    let coin = c.shifted(at, radius);
    coin.sprite("coin", step, Rect::new(-1.3, -1.2, 2.6, 2.4), |c| paint_coin(c, step));
    let glint = (phase * 0.7).sin().max(0.0).powi(8);
    draw_twinkle(c, at + vec2(0.4, -0.5) * radius, radius * 1.1 * glint, CREAM);
}

/// A coin of radius one, so many steps into its turn.
fn paint_coin(c: &Canvas, step: u16) {
    let turn = (f32::from(step) / f32::from(COIN_STEPS) * std::f32::consts::TAU).cos();
    let wide = turn.abs().max(0.16);
    let edge = vec2(0.24 * (1.0 - wide) * turn.signum(), 0.0);
    c.ellipse(edge, vec2(wide, 1.0) * 1.16, GOLD_DARK);
    c.ellipse(edge, vec2(wide, 1.0), Paint::Down(GOLD_DEEP, GOLD_DARK));
    let face = c.at(Affine2::from_scale_angle_translation(vec2(wide, 1.0), 0.0, Vec2::ZERO));
    face.disc(Vec2::ZERO, 1.0, Paint::Down(GOLD_LIGHT, GOLD_DEEP));
    face.disc(Vec2::ZERO, 0.74, Paint::Down(GOLD_DEEP, GOLD));
    if wide > 0.3 {
        draw_crown(&face, vec2(0.0, 0.36), 0.95, 0.0, 0.0);
    }
}

/// A cut ruby that sends out rays.
fn draw_gem(c: &Canvas, at: Vec2, radius: f32, phase: f32) {
    c.glow(at, radius * 3.4, faded(RUBY, 0.42));
    let rays = c.at(Affine2::from_scale_angle_translation(Vec2::splat(radius), phase * 0.25, at));
    rays.sprite("rays", 0, Rect::new(-2.3, -2.3, 4.6, 4.6), |c| {
        for i in 0..6 {
            let ray = Vec2::from_angle(i as f32 / 6.0 * std::f32::consts::TAU);
            let reach = if i % 2 == 0 { 2.2 } else { 1.7 };
            let side = ray.perp() * 0.14;
            c.convex(&[ray * 0.9 + side, ray * reach, ray * 0.9 - side], faded(RUBY_LIGHT, 0.35));
        }
    });
    c.shifted(at, radius).sprite("gem", 0, Rect::new(-1.25, -1.0, 2.5, 2.3), paint_gem);
    let glint = (phase * 0.9).sin().max(0.0).powi(6);
    draw_twinkle(c, at + vec2(-0.35, -0.5) * radius, radius * (0.5 + 0.8 * glint), CREAM);
}

/// A ruby that is two units wide.
fn paint_gem(c: &Canvas) {
    let p = vec2;
    let outline = [p(-0.62, -0.72), p(0.62, -0.72), p(1.0, -0.18), p(0.0, 1.0), p(-1.0, -0.18)];
    c.line(&outline, true, 0.30, mixed(RUBY_DEEP, NIGHT, 0.6));
    c.convex(&outline, Paint::Down(RUBY, RUBY_DEEP));
    c.convex(&[p(-0.62, -0.72), p(0.62, -0.72), p(0.42, -0.18), p(-0.42, -0.18)], RUBY_LIGHT);
    c.convex(&[p(-1.0, -0.18), p(-0.42, -0.18), p(0.0, 1.0)], faded(RUBY_LIGHT, 0.35));
    c.convex(&[p(0.42, -0.18), p(1.0, -0.18), p(0.0, 1.0)], faded(RUBY_DEEP, 0.8));
}
