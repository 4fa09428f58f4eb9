//! Sparks: small bright things that fly, fall and fade.
use macroquad::{
    color::Color,
    math::{Vec2, vec2},
};

use super::{crown::draw_twinkle, draw::Canvas, palette::faded};

/// The most sparks at once. Beyond, the oldest go.
const SPARKS_MAX: usize = 600;

/// What a spark looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A dot.
    Dot,
    /// A star of light.
    Star,
    /// A slip of paper that turns as it falls.
    Confetti,
    /// A ring that widens.
    Ring,
    /// Dust that widens as it fades.
    Dust,
}

#[derive(Clone, Copy, Debug)]
struct Spark {
    shape: Shape,
    at: Vec2,
    speed: Vec2,
    size: f32,
    colour: Color,
    age: f32,
    life: f32,
    /// By how much it falls.
    weight: f32,
    spin: f32,
}

/// All sparks of one scene.
#[derive(Default)]
pub struct Sparks {
    sparks: Vec<Spark>,
    /// Counts up with each chance that is taken. Sparks need no good chance, only their own.
    chances: u64,
}

impl Sparks {
    /// Sparks that burst from `at` to all sides.
    pub fn burst(&mut self, at: Vec2, count: usize, shape: Shape, speed: f32, colour: Color) {
        for _ in 0..count {
            let direction = Vec2::from_angle(self.chance() * std::f32::consts::TAU);
            let pace = speed * (0.35 + 0.65 * self.chance());
            let spark = Spark {
                shape,
                at,
                speed: direction * pace,
                size: 2.0 + 3.5 * self.chance(),
                colour,
                age: 0.0,
                life: 0.35 + 0.4 * self.chance(),
                weight: if shape == Shape::Dust { 0.0 } else { 180.0 },
                spin: self.chance() * 6.0,
            };
            self.add(spark);
        }
    }

    /// A ring that widens around `at` to `radius`.
    pub fn ring(&mut self, at: Vec2, radius: f32, colour: Color) {
        self.add(Spark {
            shape: Shape::Ring,
            at,
            speed: Vec2::ZERO,
            size: radius,
            colour,
            age: 0.0,
            life: 0.5,
            weight: 0.0,
            spin: 0.0,
        });
    }

    /// One spark that stays about where it is.
    pub fn glimmer(&mut self, at: Vec2, shape: Shape, size: f32, colour: Color) {
        let drift = vec2(self.chance() - 0.5, self.chance() - 0.5) * 30.0;
        let life = 0.3 + 0.35 * self.chance();
        self.add(Spark {
            shape,
            at,
            speed: drift,
            size,
            colour,
            age: 0.0,
            life,
            weight: 0.0,
            spin: 0.0,
        });
    }

    /// Confetti that is thrown up at `at`.
    pub fn confetti(&mut self, at: Vec2, count: usize, colours: &[Color]) {
        for i in 0..count {
            let throw = vec2((self.chance() - 0.5) * 520.0, -180.0 - 320.0 * self.chance());
            let spark = Spark {
                shape: Shape::Confetti,
                at,
                speed: throw,
                size: 4.0 + 4.0 * self.chance(),
                colour: colours[i % colours.len().max(1)],
                age: 0.0,
                life: 1.6 + 1.2 * self.chance(),
                weight: 300.0,
                spin: 4.0 + 8.0 * self.chance(),
            };
            self.add(spark);
        }
    }

    /// A number from 0 to 1.
    pub fn chance(&mut self) -> f32 {
        self.chances += 1;
        (crate::game::draw(0x5eed, self.chances) >> 40) as f32 / (1u64 << 24) as f32
    }

    /// Lets `seconds` pass.
    pub fn pass(&mut self, seconds: f32) {
        for spark in &mut self.sparks {
            spark.age += seconds;
            spark.speed.y += spark.weight * seconds;
            let drag = if spark.shape == Shape::Confetti { 1.4 } else { 2.6 };
            spark.speed *= (-drag * seconds).exp();
            spark.at += spark.speed * seconds;
        }
        self.sparks.retain(|spark| spark.age < spark.life);
    }

    /// Draws them all.
    pub fn draw(&self, canvas: &Canvas) {
        for spark in &self.sparks {
            let part = spark.age / spark.life;
            let fade = 1.0 - part * part;
            let colour = faded(spark.colour, fade);
            match spark.shape {
                Shape::Dot => canvas.disc(spark.at, spark.size * (1.0 - 0.6 * part), colour),
                Shape::Star => draw_twinkle(canvas, spark.at, spark.size * 2.2 * fade, colour),
                Shape::Ring => {
                    let reach = 1.0 - (1.0 - part).powi(3);
                    canvas.hoop(spark.at, spark.size * reach, colour);
                }
                Shape::Dust => {
                    let size = spark.size * (1.0 + part);
                    canvas.disc(spark.at, size, faded(spark.colour, 0.5 * (1.0 - part)));
                }
                Shape::Confetti => {
                    let turn = spark.spin * spark.age;
                    let (long, wide) = (
                        Vec2::from_angle(turn) * spark.size,
                        Vec2::from_angle(turn).perp() * spark.size * 0.6 * (turn * 1.3).cos(),
                    );
                    let at = spark.at;
                    let corners =
                        [at - long - wide, at + long - wide, at + long + wide, at - long + wide];
                    canvas.slip(corners, colour);
                }
            }
        }
    }

    fn add(&mut self, spark: Spark) {
        if self.sparks.len() == SPARKS_MAX {
            self.sparks.remove(0);
        }
        self.sparks.push(spark);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sparks_are_bounded_and_end() {
        let mut sparks = Sparks::default();
        sparks.burst(Vec2::ZERO, 5 * SPARKS_MAX, Shape::Dot, 100.0, Color::default());
        assert_eq!(sparks.sparks.len(), SPARKS_MAX);
        sparks.pass(10.0);
        assert!(sparks.sparks.is_empty());
    }
}
