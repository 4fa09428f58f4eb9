//! Drawing without a graphics card: a sheet, printed into pixels.
//!
//! A figure that is drawn often, a crown or a coin, is printed once with this and then cut from the
//! [`atlas`](super::atlas). It is as slow as such a thing is, and exact: each pixel asks at its
//! middle which triangles cover it, and those that share an edge never both say so.
use macroquad::{
    math::{Vec2, Vec4, vec2, vec4},
    models::Vertex,
};

use super::{
    pixels::Pixels,
    sheet::{Sheet, Source},
};

/// Prints what on `sheet` is cut from `atlas` into a picture.
pub fn bake(sheet: &Sheet, atlas: &Pixels, width: usize, height: usize) -> Pixels {
    let mut colours = vec![Vec4::ZERO; width * height];
    for batch in sheet.batches().iter().filter(|batch| batch.source == Source::Atlas) {
        for triangle in batch.indices.chunks_exact(3) {
            let corners = [triangle[0], triangle[1], triangle[2]];
            let corners = corners.map(|index| batch.vertices[usize::from(index)]);
            print(&mut colours, width, height, atlas, corners);
        }
    }
    spread(&mut colours, width, height);
    let mut pixels = Pixels::clear(width, height);
    for (colour, bytes) in colours.iter().zip(pixels.bytes.chunks_exact_mut(4)) {
        let rounded = (*colour * 255.0 + 0.5).to_array().map(|part| part as u8);
        bytes.copy_from_slice(&rounded);
    }
    pixels
}

fn print(
    colours: &mut [Vec4],
    width: usize,
    height: usize,
    atlas: &Pixels,
    mut corners: [Vertex; 3],
) {
    let at = |corner: &Vertex| vec2(corner.position.x, corner.position.y);
    let area = (at(&corners[1]) - at(&corners[0])).perp_dot(at(&corners[2]) - at(&corners[0]));
    if area == 0.0 {
        return;
    }
    if area < 0.0 {
        corners.swap(1, 2);
    }
    let area = area.abs();
    let [a, b, c] = [0, 1, 2].map(|i| at(&corners[i]));
    let from = a.min(b).min(c).floor().max(Vec2::ZERO);
    let to = a.max(b).max(c).ceil().min(vec2(width as f32, height as f32));
    for y in from.y as usize..to.y.max(0.0) as usize {
        for x in from.x as usize..to.x.max(0.0) as usize {
            let point = vec2(x as f32 + 0.5, y as f32 + 0.5);
            let (Some(of_a), Some(of_b), Some(of_c)) =
                (side(b, c, point), side(c, a, point), side(a, b, point))
            else {
                continue;
            };
            let parts = [of_a / area, of_b / area, of_c / area];
            let mixed = |of: fn(&Vertex) -> Vec4| {
                (0..3).map(|i| of(&corners[i]) * parts[i]).fold(Vec4::ZERO, |sum, part| sum + part)
            };
            let tint = mixed(|corner| Vec4::from(corner.color.map(f32::from)) / 255.0);
            let place = mixed(|corner| vec4(corner.uv.x, corner.uv.y, 0.0, 0.0));
            let over = tint * sample(atlas, vec2(place.x, place.y));
            let under = &mut colours[y * width + x];
            *under = laid_over(over, *under);
        }
    }
}

/// How far `point` is inside of the edge from `a` to `b`; none when it is outside. Of two triangles
/// that share an edge, one has the points on it.
fn side(a: Vec2, b: Vec2, point: Vec2) -> Option<f32> {
    let inside = (b - a).perp_dot(point - a);
    let edge = b - a;
    let owns = edge.y < 0.0 || (edge.y == 0.0 && edge.x > 0.0);
    (inside > 0.0 || (inside == 0.0 && owns)).then_some(inside)
}

fn laid_over(over: Vec4, under: Vec4) -> Vec4 {
    let alpha = over.w + under.w * (1.0 - over.w);
    if alpha <= 0.0 {
        return under;
    }
    let colour = (over * over.w + under * (under.w * (1.0 - over.w))) / alpha;
    colour.truncate().extend(alpha)
}

/// The colour of the picture at `place`, between its pixels.
fn sample(pixels: &Pixels, place: Vec2) -> Vec4 {
    let place = place - vec2(0.5, 0.5);
    let (cell, part) = (place.floor(), place - place.floor());
    let at = |dx: f32, dy: f32| {
        let x = (cell.x + dx).clamp(0.0, pixels.width as f32 - 1.0) as usize;
        let y = (cell.y + dy).clamp(0.0, pixels.height as f32 - 1.0) as usize;
        let bytes = &pixels.bytes[(y * pixels.width + x) * 4..][..4];
        Vec4::new(bytes[0].into(), bytes[1].into(), bytes[2].into(), bytes[3].into()) / 255.0
    };
    let upper = at(0.0, 0.0).lerp(at(1.0, 0.0), part.x);
    let lower = at(0.0, 1.0).lerp(at(1.0, 1.0), part.x);
    upper.lerp(lower, part.y)
}

/// Gives clear pixels at an edge the colour of their neighbours, so that smoothing does not mix
/// darkness into the edge.
fn spread(colours: &mut [Vec4], width: usize, height: usize) {
    let before = colours.to_vec();
    for y in 0..height {
        for x in 0..width {
            if before[y * width + x].w > 0.0 {
                continue;
            }
            let mut sum = Vec4::ZERO;
            for ny in y.saturating_sub(1)..(y + 2).min(height) {
                for nx in x.saturating_sub(1)..(x + 2).min(width) {
                    let near = before[ny * width + nx];
                    sum += near.truncate().extend(1.0) * near.w;
                }
            }
            if sum.w > 0.0 {
                colours[y * width + x] = (sum.truncate() / sum.w).extend(0.0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use macroquad::color::Color;

    use super::*;
    use crate::ui::sheet::{corners_of, vertex};

    fn white() -> Pixels {
        Pixels::white(4, 4, |_, _| 1.0)
    }

    fn square(colour: Color) -> Sheet {
        let mut sheet = Sheet::default();
        let corners = corners_of(vec2(1.0, 1.0), vec2(5.0, 5.0));
        sheet.quad(Source::Atlas, corners.map(|corner| (corner, vec2(2.0, 2.0), colour)));
        sheet
    }

    #[test]
    fn two_triangles_that_share_an_edge_cover_each_pixel_once() {
        let half = Color::new(1.0, 1.0, 1.0, 0.5);
        let pixels = bake(&square(half), &white(), 6, 6);
        for (i, pixel) in pixels.bytes.chunks_exact(4).enumerate() {
            let (x, y) = (i % 6, i / 6);
            let inside = (1..5).contains(&x) && (1..5).contains(&y);
            let half = (127..=128).contains(&pixel[3]);
            assert!(if inside { half } else { pixel[3] == 0 }, "{x} {y}: {}", pixel[3]);
        }
    }

    #[test]
    fn what_is_clear_beside_an_edge_has_the_colour_of_the_edge() {
        let pixels = bake(&square(Color::new(1.0, 0.0, 0.0, 1.0)), &white(), 6, 6);
        assert_eq!(&pixels.bytes[..4], &[255, 0, 0, 0]);
    }

    #[test]
    fn a_triangle_that_goes_round_the_other_way_or_has_no_area_does_no_harm() {
        let mut sheet = Sheet::default();
        let (batch, _) = sheet.room(Source::Atlas, 3, 6);
        for at in [vec2(0.0, 0.0), vec2(4.0, 0.0), vec2(0.0, 4.0)] {
            batch.vertices.push(vertex(at, vec2(2.0, 2.0), Color::new(1.0, 1.0, 1.0, 1.0)));
        }
        batch.indices.extend([0, 2, 1, 0, 1, 1]);
        let pixels = bake(&sheet, &white(), 4, 4);
        assert_eq!(pixels.bytes[3], 255);
        assert_eq!(pixels.bytes[15 * 4 + 3], 0);
    }
}
