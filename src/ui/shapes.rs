//! The geometry of shapes: their outlines, and the triangles that fill them.
use macroquad::math::{Rect, Vec2, vec2};

/// Appends the triangles that fill a polygon. Vertices are two apart: the second of each pair is its
/// rim.
pub type Triangulate = fn(&[Vec2], &mut Vec<u16>);

/// The corners of `rect`, in order.
pub fn corners(rect: Rect) -> [Vec2; 4] {
    [
        vec2(rect.x, rect.y),
        vec2(rect.right(), rect.y),
        vec2(rect.right(), rect.bottom()),
        vec2(rect.x, rect.bottom()),
    ]
}

/// Points on the unit circle.
pub fn circle(sides: usize) -> impl Iterator<Item = Vec2> {
    (0..sides).map(move |i| Vec2::from_angle(i as f32 / sides as f32 * std::f32::consts::TAU))
}

/// The direction in which an edge's corner moves when the edge grows by one; bounded at sharp
/// corners.
pub fn miter(before: Vec2, point: Vec2, after: Vec2) -> Vec2 {
    let a = (point - before).normalize_or_zero().perp();
    let b = (after - point).normalize_or_zero().perp();
    let sum = (a + b).normalize_or_zero();
    if sum == Vec2::ZERO {
        return a;
    }
    sum / sum.dot(a).abs().max(0.35)
}

/// Twice the area, negative when the points go round the other way.
pub fn area(points: &[Vec2]) -> f32 {
    (0..points.len()).map(|i| points[i].perp_dot(points[(i + 1) % points.len()])).sum()
}

/// The triangles of a convex polygon. Vertices are two apart: the second of each pair is its rim.
pub fn fan(points: &[Vec2], indices: &mut Vec<u16>) {
    for i in 1..points.len() - 1 {
        indices.extend([0, (i * 2) as u16, (i * 2 + 2) as u16]);
    }
}

/// The triangles of any simple polygon, by clipping ears.
pub fn ears(points: &[Vec2], indices: &mut Vec<u16>) {
    let sign = area(points).signum();
    let mut left: Vec<usize> = (0..points.len()).collect();
    while left.len() > 3 {
        let count = left.len();
        let ear = (0..count).find(|&i| {
            let (a, b, c) = (left[(i + count - 1) % count], left[i], left[(i + 1) % count]);
            let (pa, pb, pc) = (points[a], points[b], points[c]);
            let convex = (pb - pa).perp_dot(pc - pb) * sign > 0.0;
            convex
                && left.iter().all(|&other| {
                    [a, b, c].contains(&other) || !within(points[other], pa, pb, pc, sign)
                })
        });
        // A polygon that crosses itself may have no ear; then whatever is left goes as it comes.
        let i = ear.unwrap_or(0);
        let (a, b, c) = (left[(i + count - 1) % count], left[i], left[(i + 1) % count]);
        indices.extend([a, b, c].map(|corner| (corner * 2) as u16));
        left.remove(i);
    }
    indices.extend(left.iter().map(|&corner| (corner * 2) as u16));
}

fn within(p: Vec2, a: Vec2, b: Vec2, c: Vec2, sign: f32) -> bool {
    [(a, b), (b, c), (c, a)]
        .iter()
        .all(|(from, to)| (*to - *from).perp_dot(p - *from) * sign >= 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What triangles cover, twice.
    fn covered(points: &[Vec2], triangulate: Triangulate) -> f32 {
        let mut indices = Vec::new();
        triangulate(points, &mut indices);
        indices
            .chunks(3)
            .map(|t| {
                let [a, b, c] = [t[0], t[1], t[2]].map(|i| points[i as usize / 2]);
                (b - a).perp_dot(c - a).abs()
            })
            .sum()
    }

    #[test]
    fn a_polygon_with_a_dent_is_covered_exactly() {
        let dented =
            [(0.0, 0.0), (4.0, 0.0), (4.0, 4.0), (2.0, 1.0), (0.0, 4.0)].map(|(x, y)| vec2(x, y));
        let mut reversed = dented;
        reversed.reverse();
        for points in [dented, reversed] {
            assert!((covered(&points, ears) - area(&points).abs()).abs() < 1e-4);
        }
    }

    #[test]
    fn a_polygon_that_crosses_itself_does_no_harm() {
        let bow = [(0.0, 0.0), (2.0, 2.0), (2.0, 0.0), (0.0, 2.0)].map(|(x, y)| vec2(x, y));
        let mut indices = Vec::new();
        ears(&bow, &mut indices);
        assert_eq!(indices.len(), 6);
    }
}
