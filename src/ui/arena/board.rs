//! The board: floor, walls, and what lies about.
use macroquad::math::{Rect, Vec2, vec2};

use super::pixels_of;
use crate::{
    arena::{GATHERABLE_RADIUS, Wall, World},
    ui::{
        crown::{draw_crown, draw_twinkle},
        draw::{Canvas, Paint},
        palette::{
            CREAM, FLOOR, FLOOR_ALT, GOLD, GOLD_DARK, GOLD_DEEP, GOLD_LIGHT, LAVENDER, NIGHT, RUBY,
            RUBY_DEEP, RUBY_LIGHT, WALL_EDGE, WALL_FOOT, WALL_FRONT, WALL_TOP, faded, mixed,
        },
    },
};

/// The side of a tile of the floor, in pixels of the board.
const TILE: f32 = 80.0;
/// How high walls are.
const WALL_HEIGHT: f32 = 15.0;

/// Draws what of the floor is `seen`.
pub fn draw_floor(c: &Canvas, world: &World, seen: Rect) {
    let size = vec2(
        pixels_of(world.board.width()),
        pixels_of(world.board.height()),
    );
    c.rect(Rect::new(0.0, 0.0, size.x, size.y), FLOOR);
    let columns = (size.x / TILE).ceil() as i32;
    let rows = (size.y / TILE).ceil() as i32;
    for row in 0..rows {
        for column in 0..columns {
            let tile = Rect::new(column as f32 * TILE, row as f32 * TILE, TILE, TILE);
            if (row + column) % 2 == 0 && tile.overlaps(&seen) {
                c.rect(tile, FLOOR_ALT);
            }
            // A small inlay where four tiles meet.
            let at = vec2(tile.x, tile.y);
            if row > 0 && column > 0 && (row + column) % 2 == 0 && seen.contains(at) {
                let inlay = [(0.0, -5.0), (5.0, 0.0), (0.0, 5.0), (-5.0, 0.0)]
                    .map(|(x, y)| at + vec2(x, y));
                c.convex(&inlay, faded(LAVENDER, 0.16));
            }
        }
    }
    draw_rug(c, size);
    // Light falls into the middle, the edges lie in the dusk.
    c.glow_ellipse(
        size / 2.0,
        size * 0.55,
        faded(mixed(LAVENDER, GOLD, 0.3), 0.13),
    );
    for (from, to) in [
        (Rect::new(0.0, 0.0, size.x, 46.0), true),
        (Rect::new(0.0, size.y - 46.0, size.x, 46.0), false),
    ] {
        let (dark, clear) = (faded(NIGHT, 0.42), faded(NIGHT, 0.0));
        let paint = if to {
            Paint::Down(dark, clear)
        } else {
            Paint::Down(clear, dark)
        };
        c.rect(from, paint);
    }
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

/// Draws a wall, as a block that stands on the floor.
pub fn draw_wall(c: &Canvas, wall: &Wall) {
    let foot = Rect::new(
        pixels_of(wall.x),
        pixels_of(wall.y),
        pixels_of(wall.width),
        pixels_of(wall.height),
    );
    c.shadow(
        Rect::new(foot.x - 2.0, foot.y + 4.0, foot.w + 8.0, foot.h + 6.0),
        6.0,
        16.0,
        faded(NIGHT, 0.6),
    );
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
    let edge = [vec2(top.x + 5.0, front), vec2(top.right() - 5.0, front)];
    c.line(&edge, false, 1.2, faded(NIGHT, 0.25));
}

/// Draws something to gather that appeared `age` seconds ago.
pub fn draw_gatherable(c: &Canvas, at: Vec2, rare: bool, id: u64, seconds: f32, age: f32) {
    let radius = pixels_of(GATHERABLE_RADIUS);
    let pop = crate::ui::ribbon::ease_out_back((age / 0.35).min(1.0));
    let phase = seconds * 2.4 + id as f32 * 1.7;
    let lift = 3.0 + 3.0 * phase.sin();
    c.glow_ellipse(at + vec2(0.0, 7.0), vec2(13.0, 6.0), faded(NIGHT, 0.7));
    let middle = at - vec2(0.0, 4.0 + lift + (1.0 - pop) * 14.0);
    if rare {
        draw_gem(c, middle, radius * 1.45 * pop, phase);
    } else {
        draw_coin(c, middle, radius * 1.12 * pop, phase);
    }
}

/// A coin that turns.
fn draw_coin(c: &Canvas, at: Vec2, radius: f32, phase: f32) {
    c.glow(at, radius * 2.6, faded(GOLD, 0.30));
    let turn = phase.cos();
    let wide = turn.abs().max(0.16);
    let edge = vec2(radius * 0.24 * (1.0 - wide) * turn.signum(), 0.0);
    c.ellipse(at + edge, vec2(radius * wide, radius) * 1.16, GOLD_DARK);
    c.ellipse(
        at + edge,
        vec2(radius * wide, radius),
        Paint::Down(GOLD_DEEP, GOLD_DARK),
    );
    let face = c.at(macroquad::math::Affine2::from_scale_angle_translation(
        vec2(wide, 1.0) * radius,
        0.0,
        at,
    ));
    face.disc(Vec2::ZERO, 1.0, Paint::Down(GOLD_LIGHT, GOLD_DEEP));
    face.disc(Vec2::ZERO, 0.74, Paint::Down(GOLD_DEEP, GOLD));
    if wide > 0.3 {
        draw_crown(&face, vec2(0.0, 0.36), 0.95, 0.0, 0.0);
    }
    let glint = (phase * 0.7).sin().max(0.0).powi(8);
    draw_twinkle(
        c,
        at + vec2(0.4, -0.5) * radius,
        radius * 1.1 * glint,
        CREAM,
    );
}

/// A cut ruby that sends out rays.
fn draw_gem(c: &Canvas, at: Vec2, radius: f32, phase: f32) {
    c.glow(at, radius * 3.4, faded(RUBY, 0.42));
    for i in 0..6 {
        let ray = Vec2::from_angle(phase * 0.25 + i as f32 / 6.0 * std::f32::consts::TAU);
        let reach = radius * (1.9 + 0.35 * (phase + i as f32 * 2.0).sin());
        let side = ray.perp() * radius * 0.14;
        c.convex(
            &[
                at + ray * radius * 0.9 + side,
                at + ray * reach,
                at + ray * radius * 0.9 - side,
            ],
            faded(RUBY_LIGHT, 0.35),
        );
    }
    let p = |x: f32, y: f32| at + vec2(x, y) * radius;
    let outline = [
        p(-0.62, -0.72),
        p(0.62, -0.72),
        p(1.0, -0.18),
        p(0.0, 1.0),
        p(-1.0, -0.18),
    ];
    c.line(&outline, true, radius * 0.30, mixed(RUBY_DEEP, NIGHT, 0.6));
    c.convex(&outline, Paint::Down(RUBY, RUBY_DEEP));
    c.convex(
        &[
            p(-0.62, -0.72),
            p(0.62, -0.72),
            p(0.42, -0.18),
            p(-0.42, -0.18),
        ],
        RUBY_LIGHT,
    );
    c.convex(
        &[p(-1.0, -0.18), p(-0.42, -0.18), p(0.0, 1.0)],
        faded(RUBY_LIGHT, 0.35),
    );
    c.convex(
        &[p(0.42, -0.18), p(1.0, -0.18), p(0.0, 1.0)],
        faded(RUBY_DEEP, 0.8),
    );
    let glint = (phase * 0.9).sin().max(0.0).powi(6);
    draw_twinkle(c, p(-0.35, -0.5), radius * (0.5 + 0.8 * glint), CREAM);
}
