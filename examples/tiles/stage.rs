//! The brush: shapes and words on a stage of 1280 by 800, fitted into the window whatever its size.

use std::f32::consts::{PI, TAU};

use macroquad::prelude::*;

/// The stage.
pub const WIDE: f32 = 1280.0;
pub const HIGH: f32 = 800.0;

/// Where the stage lies in the window.
#[derive(Clone, Copy)]
pub struct Stage<'a> {
    scale: f32,
    corner: Vec2,
    font: Option<&'a Font>,
}

impl<'a> Stage<'a> {
    /// As the window is now. Words are written in this font, or in one that is always there.
    pub fn of_window(font: Option<&'a Font>) -> Self {
        let (wide, high) = (screen_width(), screen_height());
        let scale = (wide / WIDE).min(high / HIGH).max(0.05);
        Self { scale, corner: vec2(wide - WIDE * scale, high - HIGH * scale) / 2.0, font }
    }

    /// Where the mouse is.
    pub fn mouse(self) -> Vec2 {
        (Vec2::from(mouse_position()) - self.corner) / self.scale
    }

    fn px(self, at: Vec2) -> Vec2 {
        self.corner + at * self.scale
    }

    pub fn circle(self, at: Vec2, radius: f32, colour: Color) {
        let px = self.px(at);
        let sides = ((radius * self.scale).sqrt() * 7.0).clamp(12.0, 90.0) as u8;
        draw_poly(px.x, px.y, sides, radius * self.scale, 0.0, colour);
    }

    /// An ellipse that leans by so much.
    pub fn ellipse(self, at: Vec2, radii: Vec2, lean: f32, colour: Color) {
        let turn = Vec2::from_angle(lean);
        let rim =
            (0..=40).map(|n| at + turn.rotate(Vec2::from_angle(n as f32 / 40.0 * TAU) * radii));
        self.fan(at, &rim.collect::<Vec<_>>(), colour);
    }

    /// A shape around a point from which all of its rim can be seen.
    pub fn fan(self, middle: Vec2, rim: &[Vec2], colour: Color) {
        let corner = |at: Vec2| {
            let px = self.px(at);
            Vertex::new(px.x, px.y, 0.0, 0.0, 0.0, colour)
        };
        let vertices = std::iter::once(middle).chain(rim.iter().copied()).map(corner).collect();
        let last = rim.len() as u16;
        let indices = (1..last).flat_map(|n| [0, n, n + 1]).collect();
        draw_mesh(&Mesh { vertices, indices, texture: None });
    }

    /// A line through these points, with round ends. (What can be seen through has none.)
    pub fn stroke(self, points: &[Vec2], thick: f32, colour: Color) {
        let ends = points.first().into_iter().chain(points.last());
        ends.filter(|_| colour.a > 0.99).for_each(|end| self.circle(*end, thick / 2.0, colour));
        self.band(points, thick, colour);
    }

    /// A line through these points, that is cut off at its ends.
    pub fn band(self, points: &[Vec2], thick: f32, colour: Color) {
        let mut vertices = Vec::with_capacity(points.len() * 2);
        for (n, at) in points.iter().enumerate() {
            let before = points[n.saturating_sub(1)];
            let after = points[(n + 1).min(points.len() - 1)];
            let aside = (after - before).normalize_or_zero().perp() * thick / 2.0;
            for at in [*at + aside, *at - aside] {
                let px = self.px(at);
                vertices.push(Vertex::new(px.x, px.y, 0.0, 0.0, 0.0, colour));
            }
        }
        let pairs = points.len().saturating_sub(1) as u16;
        let indices =
            (0..pairs).flat_map(|n| [0, 1, 2, 1, 2, 3].map(|corner| 2 * n + corner)).collect();
        draw_mesh(&Mesh { vertices, indices, texture: None });
    }

    /// A part of a circle's rim, clockwise from its top.
    pub fn ring(self, at: Vec2, radius: f32, part: f32, thick: f32, colour: Color) {
        let steps = (48.0 * part.clamp(0.0, 1.0)).ceil() as u16;
        let angle = |n: u16| -PI / 2.0 + part * TAU * f32::from(n) / f32::from(steps.max(1));
        let points: Vec<Vec2> =
            (0..=steps).map(|n| at + Vec2::from_angle(angle(n)) * radius).collect();
        self.stroke(&points, thick, colour);
    }

    /// A rectangle with round corners around a middle, that leans by so much.
    pub fn plate(self, middle: Vec2, size: Vec2, round: f32, lean: f32, colour: Color) {
        let turn = Vec2::from_angle(lean);
        let inner = size / 2.0 - Vec2::splat(round);
        let corners = [vec2(1.0, 1.0), vec2(-1.0, 1.0), vec2(-1.0, -1.0), vec2(1.0, -1.0)];
        let mut rim = Vec::with_capacity(33);
        for (corner, sign) in corners.iter().enumerate() {
            for n in 0..8 {
                let angle = (corner as f32 + n as f32 / 7.0) * PI / 2.0;
                rim.push(middle + turn.rotate(inner * *sign + Vec2::from_angle(angle) * round));
            }
        }
        rim.push(rim[0]);
        self.fan(middle, &rim, colour);
    }

    /// How wide words are.
    pub fn width(self, words: &str, size: f32) -> f32 {
        measure_text(words, self.font, 100, size / 100.0).width
    }

    /// Words, whose line begins here.
    pub fn words(self, words: &str, at: Vec2, size: f32, colour: Color) {
        let px = self.px(at);
        // Letters are made at the size that they have on the screen, and are sharp there.
        let font_size = (size * self.scale).round().clamp(4.0, 200.0) as u16;
        let font_scale = size * self.scale / f32::from(font_size);
        draw_text_ex(
            words,
            px.x,
            px.y,
            TextParams {
                font_size,
                font_scale,
                color: colour,
                font: self.font,
                ..TextParams::default()
            },
        );
    }

    /// Words, around this middle of their line.
    pub fn words_amid(self, words: &str, at: Vec2, size: f32, colour: Color) {
        self.words(words, at - vec2(self.width(words, size) / 2.0, 0.0), size, colour);
    }
}

/// A colour like this one, that can be seen through.
pub fn faded(colour: Color, alpha: f32) -> Color {
    Color { a: colour.a * alpha, ..colour }
}

/// A colour between two.
pub fn mixed(one: Color, other: Color, part: f32) -> Color {
    let mix = |one: f32, other: f32| one + (other - one) * part;
    Color::new(mix(one.r, other.r), mix(one.g, other.g), mix(one.b, other.b), mix(one.a, other.a))
}
