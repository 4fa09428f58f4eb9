//! The pictures that two people compare, and the marks of those who have.
//!
//! Each picture is a thing in two or three colours, of simple outlines, so that it is the same thing to
//! everybody, also where it is small; its name stands below it. Colours help, and nothing depends on them.
use macroquad::{
    color::Color,
    math::{Rect, Vec2, vec2},
};

use super::{
    draw::{Canvas, Paint},
    palette::{
        APRICOT, CREAM, CRIMSON, EMERALD, FIRE, GOLD, GOLD_DEEP, GOLD_LIGHT, HEATHER, HEDGE,
        HEDGE_DEEP, HEDGE_LIGHT, LAVENDER, NIGHT, RUBY, TEAL, TUNICS, WALL_EDGE, WALL_TOP, lit,
        shaded,
    },
    text::Ink,
};
use crate::{
    accounts::Standing,
    pairing::{Code, Sign},
};

const SKY: Color = TUNICS[7];
const AZURE: Color = TUNICS[6];
const WOOD: Color = TUNICS[8];

/// Draws a picture around `centre`, as high and as wide as `size`.
pub fn draw_picture(canvas: &Canvas, centre: Vec2, size: f32, picture: Sign) {
    let c = &canvas.shifted(centre, size / 2.0);
    match picture {
        Sign::Anchor => anchor(c),
        Sign::Apple => apple(c),
        Sign::Arrow => {
            c.line(&at([(-0.85, 0.0), (0.45, 0.0)]), false, 0.26, WOOD);
            c.convex(&at([(0.9, 0.0), (0.25, -0.5), (0.25, 0.5)]), CREAM);
            for x in [-0.9, -0.68, -0.46] {
                let feather = [(x, -0.42), (x + 0.22, 0.0), (x, 0.42)];
                c.line(&at(feather), false, 0.13, CRIMSON);
            }
        }
        Sign::Bell => bell(c),
        Sign::Boat => {
            c.line(&at([(0.0, -0.9), (0.0, 0.3)]), false, 0.1, WOOD);
            c.convex(&at([(0.08, -0.85), (0.08, 0.2), (0.75, 0.2)]), CREAM);
            c.convex(&at([(-0.08, -0.6), (-0.08, 0.2), (-0.6, 0.2)]), CRIMSON);
            c.convex(&at([(-0.9, 0.32), (0.9, 0.32), (0.58, 0.85), (-0.58, 0.85)]), WOOD);
        }
        Sign::Book => book(c),
        Sign::Candle => {
            c.round_rect(Rect::new(-0.22, -0.08, 0.44, 0.8), 0.06, CREAM);
            c.ellipse(vec2(0.0, 0.74), vec2(0.6, 0.18), GOLD_DEEP);
            c.line(&at([(0.0, -0.1), (0.0, -0.28)]), false, 0.07, NIGHT);
            c.polygon(&drop_at(vec2(0.0, -0.44), 0.26), Paint::Down(GOLD_LIGHT, FIRE));
        }
        Sign::Cloud => {
            for (x, y, r) in [(-0.45, 0.15, 0.38), (0.0, -0.12, 0.5), (0.48, 0.12, 0.4)] {
                c.disc(vec2(x, y), r, CREAM);
            }
            c.round_rect(Rect::new(-0.83, 0.1, 1.7, 0.44), 0.22, CREAM);
        }
        Sign::Clock => {
            c.disc(Vec2::ZERO, 0.86, GOLD_DEEP);
            c.disc(Vec2::ZERO, 0.7, CREAM);
            c.line(&at([(0.0, 0.0), (0.0, -0.52)]), false, 0.12, NIGHT);
            c.line(&at([(0.0, 0.0), (0.36, 0.2)]), false, 0.12, NIGHT);
            c.disc(Vec2::ZERO, 0.1, NIGHT);
        }
        Sign::Crown => {
            let points = [
                (-0.85, -0.45),
                (-0.42, 0.02),
                (0.0, -0.7),
                (0.42, 0.02),
                (0.85, -0.45),
                (0.68, 0.6),
                (-0.68, 0.6),
            ];
            c.polygon(&at(points), Paint::Down(GOLD_LIGHT, GOLD_DEEP));
            c.disc(vec2(0.0, 0.34), 0.15, RUBY);
        }
        Sign::Cup => {
            c.ring(vec2(0.5, -0.02), 0.3, 0.15, SKY);
            c.round_rect(Rect::new(-0.68, -0.5, 1.15, 1.15), 0.22, SKY);
            c.ellipse(vec2(-0.1, -0.48), vec2(0.56, 0.14), shaded(WOOD, 0.4));
            c.round_rect(Rect::new(-0.8, 0.68, 1.4, 0.16), 0.08, CREAM);
        }
        Sign::Dice => {
            c.round_rect(Rect::new(-0.76, -0.76, 1.52, 1.52), 0.24, CREAM);
            for (x, y) in [(-0.4, -0.4), (0.4, -0.4), (0.0, 0.0), (-0.4, 0.4), (0.4, 0.4)] {
                c.disc(vec2(x, y), 0.16, CRIMSON);
            }
        }
        Sign::Drop => {
            c.polygon(&drop_at(vec2(0.0, 0.22), 0.62), Paint::Down(SKY, AZURE));
            c.ellipse(vec2(-0.2, 0.3), vec2(0.1, 0.2), lit(SKY, 0.6));
        }
        Sign::Eye => {
            let lid = (0..24).map(|i| {
                let turn = i as f32 / 24.0 * std::f32::consts::TAU;
                vec2(turn.cos() * 0.92, turn.sin() * 0.56 * turn.sin().abs().sqrt())
            });
            c.polygon(&lid.collect::<Vec<_>>(), CREAM);
            c.disc(Vec2::ZERO, 0.38, EMERALD);
            c.disc(Vec2::ZERO, 0.2, NIGHT);
            c.disc(vec2(0.12, -0.12), 0.09, CREAM);
        }
        Sign::Fish => {
            c.convex(&at([(0.4, 0.0), (0.92, -0.5), (0.92, 0.5)]), FIRE);
            c.ellipse(vec2(-0.15, 0.0), vec2(0.72, 0.46), APRICOT);
            c.disc(vec2(-0.5, -0.1), 0.11, NIGHT);
            c.line(&at([(-0.18, -0.32), (-0.06, 0.0), (-0.18, 0.32)]), false, 0.09, FIRE);
        }
        Sign::Flag => {
            c.line(&at([(-0.6, -0.9), (-0.6, 0.92)]), false, 0.14, WOOD);
            c.convex(&at([(-0.52, -0.82), (0.85, -0.4), (-0.52, 0.05)]), RUBY);
        }
        Sign::Flower => flower(c),
        Sign::Hammer => {
            c.line(&at([(0.0, -0.4), (0.0, 0.92)]), false, 0.2, WOOD);
            c.round_rect(Rect::new(-0.72, -0.82, 1.44, 0.52), 0.1, LAVENDER);
            c.round_rect(Rect::new(-0.8, -0.88, 0.3, 0.64), 0.08, CREAM);
        }
        Sign::Heart => {
            let outline = (0..32).map(|i| {
                let t = i as f32 / 32.0 * std::f32::consts::TAU;
                let y = 13.0 * t.cos()
                    - 5.0 * (2.0 * t).cos()
                    - 2.0 * (3.0 * t).cos()
                    - (4.0 * t).cos();
                vec2(t.sin().powi(3) * 0.88, -y / 17.5 - 0.06)
            });
            c.polygon(&outline.collect::<Vec<_>>(), CRIMSON);
            c.ellipse(vec2(-0.42, -0.36), vec2(0.14, 0.1), lit(CRIMSON, 0.6));
        }
        Sign::House => {
            c.rect(Rect::new(-0.6, -0.1, 1.2, 0.95), CREAM);
            c.convex(&at([(-0.88, -0.05), (0.0, -0.88), (0.88, -0.05)]), CRIMSON);
            c.rect(Rect::new(-0.17, 0.3, 0.36, 0.55), WOOD);
            c.rect(Rect::new(0.26, 0.12, 0.22, 0.22), AZURE);
            c.rect(Rect::new(-0.48, 0.12, 0.22, 0.22), AZURE);
        }
        Sign::Key => {
            c.ring(vec2(-0.5, 0.0), 0.32, 0.2, GOLD);
            c.line(&at([(-0.16, 0.0), (0.9, 0.0)]), false, 0.2, GOLD);
            c.line(&at([(0.5, 0.0), (0.5, 0.36)]), false, 0.18, GOLD);
            c.line(&at([(0.8, 0.0), (0.8, 0.46)]), false, 0.18, GOLD);
        }
        Sign::Ladder => {
            for x in [-0.42, 0.42] {
                c.line(&at([(x, -0.92), (x, 0.92)]), false, 0.16, lit(WOOD, 0.2));
            }
            for y in [-0.66, -0.22, 0.22, 0.66] {
                c.line(&at([(-0.42, y), (0.42, y)]), false, 0.14, lit(WOOD, 0.4));
            }
        }
        Sign::Leaf => {
            let outline = [
                (-0.75, 0.75),
                (-0.72, 0.05),
                (-0.4, -0.5),
                (0.15, -0.8),
                (0.85, -0.85),
                (0.8, -0.15),
                (0.5, 0.4),
                (-0.05, 0.72),
            ];
            c.polygon(&at(outline), HEDGE_LIGHT);
            c.line(&at([(-0.92, 0.92), (0.55, -0.55)]), false, 0.1, HEDGE_DEEP);
        }
        Sign::Lightning => {
            let bolt = [
                (0.18, -0.92),
                (-0.6, 0.12),
                (-0.08, 0.12),
                (-0.22, 0.92),
                (0.6, -0.2),
                (0.06, -0.2),
            ];
            c.polygon(&at(bolt), Paint::Down(GOLD_LIGHT, GOLD));
        }
        Sign::Moon => moon(c),
        Sign::Mountain => {
            c.convex(&at([(-0.95, 0.75), (-0.25, -0.75), (0.5, 0.75)]), WALL_TOP);
            c.convex(&at([(0.0, 0.75), (0.48, -0.15), (0.95, 0.75)]), HEATHER);
            let snow = [(-0.25, -0.75), (-0.5, -0.22), (-0.28, -0.34), (-0.14, -0.2), (0.0, -0.24)];
            c.polygon(&at(snow), CREAM);
        }
        Sign::Mushroom => {
            c.round_rect(Rect::new(-0.26, -0.05, 0.52, 0.9), 0.2, CREAM);
            c.polygon(&dome(0.02, 0.86, 0.86), CRIMSON);
            for (x, y, r) in [(-0.42, -0.25, 0.14), (0.05, -0.52, 0.16), (0.46, -0.22, 0.13)] {
                c.disc(vec2(x, y), r, CREAM);
            }
        }
        Sign::Star => {
            let points = (0..10).map(|i| {
                let turn = (i as f32 / 10.0 - 0.25) * std::f32::consts::TAU;
                Vec2::from_angle(turn) * if i % 2 == 0 { 0.94 } else { 0.4 }
            });
            c.polygon(&points.collect::<Vec<_>>(), Paint::Down(GOLD_LIGHT, GOLD));
        }
        Sign::Sun => {
            for i in 0..8_u8 {
                let out = Vec2::from_angle(f32::from(i) / 8.0 * std::f32::consts::TAU);
                c.line(&[out * 0.62, out * 0.94], false, 0.15, FIRE);
            }
            c.disc(Vec2::ZERO, 0.5, Paint::Down(GOLD_LIGHT, APRICOT));
        }
        Sign::Sword => {
            c.convex(
                &at([(-0.13, 0.3), (-0.13, -0.7), (0.0, -0.94), (0.13, -0.7), (0.13, 0.3)]),
                CREAM,
            );
            c.line(&at([(0.0, -0.75), (0.0, 0.3)]), false, 0.06, LAVENDER);
            c.line(&at([(-0.45, 0.36), (0.45, 0.36)]), false, 0.17, GOLD);
            c.line(&at([(0.0, 0.4), (0.0, 0.8)]), false, 0.18, WOOD);
            c.disc(vec2(0.0, 0.84), 0.12, GOLD);
        }
        Sign::Tree => {
            c.rect(Rect::new(-0.14, 0.45, 0.28, 0.48), WOOD);
            for (y, half) in [(0.6, 0.72), (0.2, 0.58), (-0.2, 0.42)] {
                c.convex(
                    &at([(-half, y), (0.0, y - 0.72), (half, y)]),
                    Paint::Down(HEDGE_LIGHT, HEDGE),
                );
            }
        }
        Sign::Umbrella => {
            c.line(&at([(0.0, -0.85), (0.0, 0.62)]), false, 0.1, CREAM);
            let hook = (0..=6).map(|i| {
                let turn = i as f32 / 6.0 * std::f32::consts::PI;
                vec2(0.18 - turn.cos() * 0.18, 0.62 + turn.sin() * 0.22)
            });
            c.line(&hook.collect::<Vec<_>>(), false, 0.1, CREAM);
            c.polygon(&dome(0.0, 0.9, 0.78), TEAL);
            for x in [-0.6, 0.0, 0.6] {
                c.ellipse(vec2(x, 0.02), vec2(0.29, 0.12), tile());
            }
        }
    }
}

fn anchor(c: &Canvas) {
    c.ring(vec2(0.0, -0.7), 0.18, 0.12, WALL_EDGE);
    c.line(&at([(0.0, -0.52), (0.0, 0.8)]), false, 0.17, WALL_EDGE);
    c.line(&at([(-0.42, -0.3), (0.42, -0.3)]), false, 0.15, WALL_EDGE);
    let arc = (0..=10).map(|i| {
        let turn = i as f32 / 10.0 * std::f32::consts::PI;
        vec2(turn.cos() * 0.74, 0.2 + turn.sin() * 0.62)
    });
    c.line(&arc.collect::<Vec<_>>(), false, 0.17, WALL_EDGE);
    for side in [-1.0, 1.0] {
        let fluke = [(0.98, 0.32), (0.72, -0.06), (0.48, 0.28)].map(|(x, y)| (x * side, y));
        c.convex(&at(fluke), WALL_EDGE);
    }
}

fn apple(c: &Canvas) {
    c.disc(vec2(-0.26, 0.18), 0.56, CRIMSON);
    c.disc(vec2(0.26, 0.18), 0.56, CRIMSON);
    c.ellipse(vec2(0.0, 0.42), vec2(0.5, 0.42), CRIMSON);
    c.line(&at([(0.0, -0.28), (0.08, -0.72)]), false, 0.11, WOOD);
    c.convex(&at([(0.1, -0.5), (0.35, -0.82), (0.75, -0.78), (0.5, -0.48)]), HEDGE_LIGHT);
    c.ellipse(vec2(-0.42, 0.0), vec2(0.12, 0.2), lit(CRIMSON, 0.5));
}

fn bell(c: &Canvas) {
    c.disc(vec2(0.0, 0.7), 0.18, GOLD_DEEP);
    let outline = [
        (-0.16, -0.8),
        (0.16, -0.8),
        (0.42, -0.5),
        (0.5, 0.1),
        (0.8, 0.56),
        (-0.8, 0.56),
        (-0.5, 0.1),
        (-0.42, -0.5),
    ];
    c.polygon(&at(outline), Paint::Down(GOLD_LIGHT, GOLD_DEEP));
}

fn book(c: &Canvas) {
    c.convex(&at([(-0.95, -0.5), (0.0, -0.32), (0.0, 0.78), (-0.95, 0.6)]), AZURE);
    c.convex(&at([(0.95, -0.5), (0.0, -0.32), (0.0, 0.78), (0.95, 0.6)]), shaded(AZURE, 0.2));
    c.convex(&at([(-0.82, -0.62), (0.0, -0.42), (0.0, 0.6), (-0.82, 0.42)]), CREAM);
    c.convex(&at([(0.82, -0.62), (0.0, -0.42), (0.0, 0.6), (0.82, 0.42)]), shaded(CREAM, 0.15));
    c.line(&at([(0.0, -0.42), (0.0, 0.62)]), false, 0.06, HEATHER);
}

fn flower(c: &Canvas) {
    c.line(&at([(0.0, 0.0), (0.0, 0.92)]), false, 0.13, HEDGE);
    c.convex(&at([(0.04, 0.75), (0.2, 0.4), (0.62, 0.3), (0.45, 0.62)]), HEDGE_LIGHT);
    for i in 0..6_u8 {
        let out = Vec2::from_angle(f32::from(i) / 6.0 * std::f32::consts::TAU);
        c.disc(out * 0.36 + vec2(0.0, -0.3), 0.26, TUNICS[9]);
    }
    c.disc(vec2(0.0, -0.3), 0.22, GOLD);
}

fn moon(c: &Canvas) {
    let arc = |centre: f32, radius: f32, from: f32, to: f32| {
        (0..=14).map(move |i| {
            let turn = from + (to - from) * i as f32 / 14.0;
            vec2(centre, 0.0) + Vec2::from_angle(turn) * radius
        })
    };
    // The two circles meet at (0.36, ±0.78).
    let outer = arc(0.0, 0.86, 1.14, std::f32::consts::TAU - 1.14);
    let inner = arc(0.46, 0.787, std::f32::consts::TAU - 1.7, 1.7);
    c.polygon(&outer.chain(inner).collect::<Vec<_>>(), Paint::Down(GOLD_LIGHT, GOLD));
}

/// A half disc that stands on `foot`.
fn dome(foot: f32, half: f32, height: f32) -> Vec<Vec2> {
    let arc = (0..=16).map(|i| {
        let turn = std::f32::consts::PI * (1.0 + i as f32 / 16.0);
        vec2(turn.cos() * half, foot + turn.sin() * height)
    });
    arc.collect()
}

/// A drop, or a flame: round below, pointed above.
fn drop_at(centre: Vec2, radius: f32) -> Vec<Vec2> {
    let round = (0..=18).map(|i| {
        let turn = -0.45 + i as f32 / 18.0 * (std::f32::consts::PI + 0.9);
        centre + Vec2::from_angle(turn) * radius
    });
    round.chain([centre + vec2(0.0, -radius * 1.9)]).collect()
}

fn at<const N: usize>(points: [(f32, f32); N]) -> [Vec2; N] {
    points.map(|(x, y)| vec2(x, y))
}

/// Draws the four pictures of a code side by side within `place`, each with its name, and its digits below.
pub fn draw_code(c: &Canvas, place: Rect, code: Code) {
    let width = place.w / 4.0;
    let size = (width - 30.0).min(place.h - 100.0);
    for (column, picture) in (0_u8..).zip(code.pictures()) {
        let middle = place.x + width * (f32::from(column) + 0.5);
        let place = Rect::new(middle - size / 2.0 - 10.0, place.y, size + 20.0, size + 20.0);
        c.round_rect(place, 12.0, tile());
        c.round_frame(place, 12.0, 1.4, HEATHER);
        draw_picture(c, place.center(), size, picture);
        let ink = Ink::plain(21.0, CREAM).centred();
        c.text(picture.word(), vec2(middle, place.bottom() + 26.0), ink);
    }
    let ink = Ink::plain(34.0, GOLD).centred();
    c.text(&code.digits(), vec2(place.center().x, place.bottom() - 4.0), ink);
}

/// What pictures stand on.
fn tile() -> Color {
    shaded(HEATHER, 0.72)
}

/// The room that the mark of somebody takes beside its name.
pub fn standing_width(standing: Standing) -> f32 {
    if standing == Standing::Unknown { 0.0 } else { 18.0 }
}

/// A small tick for somebody whom the player has compared with; a warning for somebody of such a name who has
/// another key; nothing for all others.
pub fn draw_standing(canvas: &Canvas, centre: Vec2, size: f32, standing: Standing) {
    let c = canvas.shifted(centre, size / 2.0);
    match standing {
        Standing::Unknown => {}
        Standing::Paired => {
            c.disc(Vec2::ZERO, 1.0, EMERALD);
            c.line(&at([(-0.48, 0.02), (-0.12, 0.4), (0.5, -0.38)]), false, 0.3, CREAM);
        }
        Standing::OtherKey => {
            c.convex(&at([(0.0, -1.15), (1.2, 0.95), (-1.2, 0.95)]), FIRE);
            c.line(&at([(0.0, -0.5), (0.0, 0.25)]), false, 0.3, NIGHT);
            c.disc(vec2(0.0, 0.6), 0.19, NIGHT);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::draw::Studio;

    #[test]
    fn each_picture_is_another_drawing_within_its_place() {
        let studio = Studio::new().unwrap();
        let mut seen: Vec<Vec<[i32; 2]>> = Vec::new();
        for picture in Sign::ALL {
            studio.begin();
            draw_picture(&Canvas::new(&studio), vec2(100.0, 100.0), 96.0, picture);
            let sheet = studio.sheet.borrow();
            let vertices = sheet.batches().iter().flat_map(|batch| &batch.vertices);
            let drawn: Vec<[i32; 2]> =
                vertices.map(|v| [v.position.x as i32, v.position.y as i32]).collect();
            assert!((4..1_500).contains(&drawn.len()), "{picture:?}: {}", drawn.len());
            let inside = drawn.iter().flatten().all(|at| (44..=156).contains(at));
            assert!(inside, "{picture:?} is too large");
            assert!(!seen.contains(&drawn), "{picture:?} is drawn like another one");
            seen.push(drawn);
        }
    }
}
