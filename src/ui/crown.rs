//! The crown: the one thing in this game that everybody looks at.
use macroquad::{
    color::WHITE,
    math::{Affine2, Rect, Vec2, vec2},
};

use super::{
    draw::Canvas,
    palette::{CREAM, GOLD, GOLD_DARK, GOLD_DEEP, GOLD_LIGHT, RUBY, RUBY_DEEP, RUBY_LIGHT, faded},
};

/// Half of the outline, from the middle of the brim to the middle spike, in units of the crown's
/// width. The other half mirrors it.
const HALF_OUTLINE: [(f32, f32); 6] =
    [(0.0, 0.0), (0.38, -0.035), (0.50, -0.50), (0.245, -0.285), (0.0, -0.66), (0.0, -0.66)];

/// Draws a crown that is `width` wide and sits on `console`, the middle of its brim, turned by
/// `tilt` radians. `glint` from 0 to 1 lets a light run over it.
pub fn draw_crown(canvas: &Canvas, console: Vec2, width: f32, tilt: f32, glint: f32) {
    let c = canvas.at(Affine2::from_scale_angle_translation(Vec2::splat(width), tilt, console));
    c.sprite("crown", 0, Rect::new(-0.64, -0.86, 1.28, 0.98), paint_crown);
    if glint > 0.0 && glint < 1.0 {
        let at = vec2(-0.5 + glint, -0.45 + 0.3 * glint);
        let strength = (glint * std::f32::consts::PI).sin();
        draw_twinkle(&c, at, 0.34 * strength, faded(CREAM, strength));
    }
}

/// A crown that is one unit wide, the middle of its brim in the origin.
fn paint_crown(c: &Canvas) {
    let outline = outline();
    // The far rim shows behind the front: a crown is round.
    c.ellipse(vec2(0.0, -0.1), vec2(0.4, 0.09), GOLD_DARK);
    c.line(&outline, true, 0.09, GOLD_DARK);
    c.polygon(&outline, super::draw::Paint::Down(GOLD_LIGHT, GOLD_DEEP));
    // Facets: the left flank of each spike catches the light.
    for (a, b, tip) in [
        (vec2(-0.38, -0.1), vec2(-0.30, -0.30), vec2(-0.47, -0.45)),
        (vec2(-0.15, -0.12), vec2(0.0, -0.12), vec2(0.0, -0.60)),
        (vec2(0.24, -0.25), vec2(0.33, -0.12), vec2(0.46, -0.44)),
    ] {
        c.convex(&[a, b, tip], faded(GOLD_LIGHT, 0.55));
    }
    // The brim, with its jewels.
    let brim: Vec<Vec2> = [
        (-0.40, -0.155),
        (0.0, -0.105),
        (0.40, -0.155),
        (0.375, -0.005),
        (0.0, 0.045),
        (-0.375, -0.005),
    ]
    .map(|(x, y)| vec2(x, y))
    .into();
    c.line(&brim, true, 0.05, GOLD_DARK);
    c.polygon(&brim, super::draw::Paint::Down(GOLD, GOLD_DEEP));
    for (x, y, r) in [(-0.24, -0.06, 0.04), (0.24, -0.06, 0.04)] {
        c.disc(vec2(x, y), r, CREAM);
    }
    jewel(c, vec2(0.0, -0.035), 0.062);
    for (x, y, r) in [(-0.5, -0.53, 0.055), (0.5, -0.53, 0.055), (0.0, -0.70, 0.07)] {
        c.disc(vec2(x, y), r + 0.03, GOLD_DARK);
        c.disc(vec2(x, y), r, super::draw::Paint::Down(GOLD_LIGHT, GOLD));
    }
}

fn jewel(canvas: &Canvas, centre: Vec2, radius: f32) {
    let diamond =
        |r: f32| [(0.0, -r), (r, 0.0), (0.0, r), (-r, 0.0)].map(|(x, y)| centre + vec2(x, y));
    canvas.convex(&diamond(radius * 1.45), GOLD_DARK);
    canvas.convex(&diamond(radius), super::draw::Paint::Down(RUBY, RUBY_DEEP));
    canvas.disc(centre + vec2(-0.2, -0.3) * radius, radius * 0.22, RUBY_LIGHT);
}

fn outline() -> Vec<Vec2> {
    let right = HALF_OUTLINE[..5].iter().map(|&(x, y)| vec2(x, y));
    let left = HALF_OUTLINE[1..4].iter().rev().map(|&(x, y)| vec2(-x, y));
    right.chain(left).collect()
}

/// A four-pointed star of light.
pub fn draw_twinkle(canvas: &Canvas, centre: Vec2, radius: f32, colour: macroquad::color::Color) {
    if radius <= 0.0 {
        return;
    }
    let c = canvas.shifted(centre, radius);
    c.tinted_sprite("twinkle", Rect::new(-1.05, -1.05, 2.1, 2.1), colour, |c| {
        let points: Vec<Vec2> = (0..8)
            .map(|i| {
                let reach = if i % 2 == 0 { 1.0 } else { 0.18 };
                Vec2::from_angle(i as f32 / 8.0 * std::f32::consts::TAU) * reach
            })
            .collect();
        c.polygon(&points, WHITE);
    });
}

/// The picture of the crown as pixels, red, green, blue and alpha: for the window's icon, which is
/// needed before there is anything to draw with.
pub fn icon<const BYTES: usize>(side: usize) -> [u8; BYTES] {
    const SAMPLES: usize = 4;
    let outline = outline();
    let frame = Rect::new(-0.62, -0.92, 1.24, 1.24);
    let mut pixels = [0; BYTES];
    for (i, pixel) in pixels.chunks_exact_mut(4).enumerate() {
        let (x, y) = (i % side, i / side);
        let mut hits = 0;
        for sample in 0..SAMPLES * SAMPLES {
            let part = |whole: usize, fine: usize| {
                (whole as f32 + (fine as f32 + 0.5) / SAMPLES as f32) / side as f32
            };
            let point = vec2(
                frame.x + frame.w * part(x, sample % SAMPLES),
                frame.y + frame.h * part(y, sample / SAMPLES),
            );
            hits += usize::from(inside(&outline, point));
        }
        let part = y as f32 / side as f32;
        let colour = super::palette::mixed(GOLD_LIGHT, GOLD_DEEP, part);
        let alpha = hits as f32 / (SAMPLES * SAMPLES) as f32;
        let bytes: [u8; 4] = faded(colour, alpha).into();
        pixel.copy_from_slice(&bytes);
    }
    pixels
}

fn inside(outline: &[Vec2], point: Vec2) -> bool {
    let mut odd = false;
    for i in 0..outline.len() {
        let (a, b) = (outline[i], outline[(i + 1) % outline.len()]);
        if (a.y > point.y) != (b.y > point.y)
            && point.x < a.x + (point.y - a.y) / (b.y - a.y) * (b.x - a.x)
        {
            odd = !odd;
        }
    }
    odd
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_icon_is_gold_in_the_middle_and_clear_at_the_corners() {
        let pixels = icon::<{ 32 * 32 * 4 }>(32);
        let at = |x: usize, y: usize| &pixels[(y * 32 + x) * 4..][..4];
        assert_eq!(at(0, 0)[3], 0);
        assert_eq!(at(31, 31)[3], 0);
        assert_eq!(at(16, 20)[3], 255);
        assert!(at(16, 20)[0] > 200);
    }
}
