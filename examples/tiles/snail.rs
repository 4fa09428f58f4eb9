//! The snails, and what they wear when they win.

use std::f32::consts::{PI, TAU};

use macroquad::prelude::*;

use super::{
    garden::color,
    stage::{Stage, faded, mixed},
};

const SKIN: Color = color(0xf3, 0xd9, 0xb1);
const SKIN_DARK: Color = color(0xc9, 0xa2, 0x74);
const INK: Color = color(0x33, 0x2a, 0x25);
const GOLD: Color = color(0xff, 0xcf, 0x3f);

/// How a snail is to be drawn.
#[derive(Clone, Copy)]
pub struct Snail {
    pub colour: Color,
    /// Where its foot is.
    pub at: Vec2,
    /// How large; 1 is about 60 wide.
    pub size: f32,
    /// Where it looks.
    pub looks: Vec2,
    /// Only its shell can be seen.
    pub hides: bool,
    /// Whether it creeps, and so stretches and shrinks.
    pub creeps: bool,
    /// By how much it leans.
    pub lean: f32,
    pub crown: bool,
    pub alpha: f32,
}

impl Snail {
    /// One that sits there and looks to the right.
    pub fn sitting(colour: Color, at: Vec2, size: f32) -> Self {
        let looks = vec2(1.0, 0.0);
        Self {
            colour,
            at,
            size,
            looks,
            hides: false,
            creeps: false,
            lean: 0.0,
            crown: false,
            alpha: 1.0,
        }
    }

    pub fn draw(self, stage: Stage, time: f32) {
        let side = if self.looks.x < -0.05 { -1.0 } else { 1.0 };
        let turn = Vec2::from_angle(self.lean);
        let stretch = if self.creeps {
            1.0 + 0.12 * (time * 11.0).sin()
        } else {
            1.0 + 0.02 * (time * 2.2).sin()
        };
        let place = |x: f32, y: f32| self.at + turn.rotate(vec2(x * side * stretch, y) * self.size);
        let see = |colour: Color| faded(colour, self.alpha);
        let round = |x: f32, y: f32, radius: f32, colour: Color| {
            stage.circle(place(x, y), radius * self.size, see(colour));
        };
        stage.ellipse(
            place(0.0, 2.0),
            vec2(30.0, 7.0) * self.size,
            self.lean,
            faded(BLACK, 0.22 * self.alpha),
        );
        if !self.hides {
            self.draw_body(stage, time, &place, &see);
        }
        // The shell, and the spiral on it.
        let up = if self.hides { -13.0 } else { -20.0 };
        round(-5.0, up, 19.0, mixed(self.colour, BLACK, 0.35));
        round(-5.0, up, 17.3, self.colour);
        round(-6.5, up - 3.0, 12.5, mixed(self.colour, WHITE, 0.16));
        let spiral = (0..=44).map(|n| {
            let part = n as f32 / 44.0;
            let angle = part * TAU * 1.9 + 0.5;
            place(
                -5.5 + angle.cos() * (1.0 + 13.0 * part),
                up - 1.0 + angle.sin() * (1.0 + 13.0 * part),
            )
        });
        let dark = see(mixed(self.colour, BLACK, 0.38));
        stage.stroke(&spiral.collect::<Vec<_>>(), 2.6 * self.size, dark);
        stage.ellipse(
            place(-11.0, up - 9.0),
            vec2(4.4, 2.6) * self.size,
            -0.7 * side,
            faded(WHITE, 0.55 * self.alpha),
        );
        if self.hides {
            let part = (time * 0.6).fract();
            let at = place(12.0 + part * 8.0, -26.0 - part * 14.0);
            stage.words("z", at, 17.0 * self.size, see(faded(INK, 0.7 * (1.0 - part))));
        }
        if self.crown {
            draw_crown(
                stage,
                place(if self.hides { -5.0 } else { 23.0 }, if self.hides { -30.0 } else { -44.0 }),
                0.62 * self.size,
                self.alpha,
            );
        }
    }

    fn draw_body(
        self,
        stage: Stage,
        time: f32,
        place: &dyn Fn(f32, f32) -> Vec2,
        see: &dyn Fn(Color) -> Color,
    ) {
        // The foot, from the tail to the chin.
        let foot =
            [(-32.0, 0.0), (-26.0, -3.0), (-10.0, -5.0), (10.0, -5.5), (20.0, -8.0), (24.0, -17.0)];
        let foot: Vec<Vec2> = foot.iter().map(|(x, y)| place(*x, *y)).collect();
        stage.stroke(&foot, 13.5 * self.size, see(SKIN_DARK));
        stage.stroke(&foot, 10.5 * self.size, see(SKIN));
        stage.circle(place(24.0, -18.0), 9.6 * self.size, see(SKIN_DARK));
        stage.circle(place(24.0, -18.0), 8.3 * self.size, see(SKIN));
        // Eyes on stalks, that sway, and blink now and then.
        let blinks = (time * 0.37 + self.colour.r * 3.0 + self.colour.b).fract() < 0.035;
        for (x, sway) in [(19.5, 0.0), (28.5, 1.3)] {
            let tip = place(x + 1.4 * (time * 1.9 + sway).sin(), -35.0);
            stage.stroke(&[place(x * 0.55 + 11.0, -22.0), tip], 3.6 * self.size, see(SKIN_DARK));
            stage.circle(tip, 5.3 * self.size, see(INK));
            stage.circle(tip, 4.5 * self.size, see(if blinks { SKIN } else { WHITE }));
            if !blinks {
                stage.circle(tip + self.looks * 1.7 * self.size, 2.3 * self.size, see(INK));
            }
        }
        // A smile, and a cheek.
        let smile = (0..=8).map(|n| {
            let angle = PI * (0.12 + 0.6 * n as f32 / 8.0);
            place(26.0 + angle.cos() * 4.2, -17.0 + angle.sin() * 3.8)
        });
        stage.stroke(&smile.collect::<Vec<_>>(), 1.5 * self.size, see(INK));
        stage.circle(
            place(21.0, -15.5),
            2.3 * self.size,
            see(faded(color(0xf0, 0x7c, 0x7c), 0.55)),
        );
    }
}

fn draw_crown(stage: Stage, at: Vec2, size: f32, alpha: f32) {
    let place = |x: f32, y: f32| at + vec2(x, y) * size;
    let rim = [
        (-16.0, 8.0),
        (-19.0, -10.0),
        (-8.0, -1.0),
        (0.0, -15.0),
        (8.0, -1.0),
        (19.0, -10.0),
        (16.0, 8.0),
        (-16.0, 8.0),
    ];
    for (grow, colour) in [(1.14, mixed(GOLD, INK, 0.55)), (1.0, GOLD)] {
        let rim: Vec<Vec2> = rim.iter().map(|(x, y)| place(x * grow, y * grow)).collect();
        stage.fan(place(0.0, 4.0), &rim, faded(colour, alpha));
    }
    for x in [-9.0, 0.0, 9.0] {
        stage.circle(place(x, 3.5), 2.2 * size, faded(color(0xe0, 0x48, 0x6b), alpha));
    }
}
