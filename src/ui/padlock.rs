//! A padlock: shut before a session that wants a passphrase, open before one that lets everybody in.
use macroquad::{
    color::Color,
    math::{Rect, Vec2, vec2},
};

use super::draw::Canvas;

/// Draws one around `centre`, `size` high.
pub fn draw_padlock(canvas: &Canvas, centre: Vec2, size: f32, shut: bool, colour: Color) {
    let c = canvas.shifted(centre, size / 20.0);
    let body = Rect::new(-7.0, -1.0, 14.0, 11.0);
    // An open one has its shackle lifted, and one foot of it in the air.
    let lift = if shut { 0.0 } else { -3.0 };
    let arc = (0..=8).map(|step| {
        let turn = std::f32::consts::PI * (1.0 + step as f32 / 8.0);
        vec2(turn.cos() * 4.6, -4.6 + turn.sin() * 4.6 + lift)
    });
    let right_foot = if shut { -1.0 } else { -5.0 };
    let shackle: Vec<Vec2> =
        [vec2(-4.6, -1.0)].into_iter().chain(arc).chain([vec2(4.6, right_foot)]).collect();
    c.line(&shackle, false, 2.2, colour);
    c.round_rect(body, 2.6, colour);
}
