//! The pane that lists and questions stand on.
use macroquad::math::{Rect, Vec2, vec2};

use super::{
    draw::{Canvas, Paint},
    palette::{LAVENDER, NIGHT, PANEL, PANEL_EDGE, faded, mixed},
};

/// A dark pane with a fine border.
pub fn draw_panel(c: &Canvas, place: Rect) {
    c.shadow(place.offset(vec2(0.0, 6.0)), 16.0, 26.0, faded(NIGHT, 0.8));
    c.round_rect(
        place,
        14.0,
        Paint::Down(faded(PANEL, 0.93), faded(mixed(PANEL, NIGHT, 0.5), 0.93)),
    );
    c.round_frame(place, 14.0, 1.5, faded(PANEL_EDGE, 0.9));
    let light = [place.x + 16.0, place.right() - 16.0].map(|x| Vec2::new(x, place.y + 1.2));
    c.line(&light, false, 1.2, faded(LAVENDER, 0.35));
}
