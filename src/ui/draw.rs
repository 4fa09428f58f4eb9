//! Crisp shapes: everything but text is drawn with these.
//!
//! Each shape is a polygon whose edge fades to nothing over one pixel, so it looks smooth on every
//! graphics card, with or without multisampling. A [`Canvas`] knows where its units lie on the
//! window; [`Canvas::at`] gives one that is moved, turned, stretched or see-through, which is how
//! a figure is squashed without its drawing knowing about it.
use std::cell::RefCell;

use macroquad::{
    color::Color,
    math::{Affine2, Rect, Vec2, vec2},
    models::{Mesh, Vertex, draw_mesh},
};

use super::{palette::faded, text::Fonts};

/// What a shape is filled with.
#[derive(Clone, Copy)]
pub enum Paint {
    /// One colour.
    Flat(Color),
    /// From the colour at the upper end of the shape to the one at its lower end.
    Down(Color, Color),
}

impl From<Color> for Paint {
    fn from(colour: Color) -> Self {
        Self::Flat(colour)
    }
}

/// Somewhere to draw, in units of its own.
#[derive(Clone, Copy)]
pub struct Canvas<'a> {
    /// From units to the pixels of the window.
    to_window: Affine2,
    /// How many pixels one unit has.
    px: f32,
    alpha: f32,
    fonts: &'a Fonts,
    scratch: &'a Scratch,
}

/// Memory that is used again from shape to shape.
pub struct Scratch(RefCell<Mesh>);

impl Default for Scratch {
    fn default() -> Self {
        Self(RefCell::new(Mesh { vertices: Vec::new(), indices: Vec::new(), texture: None }))
    }
}

impl<'a> Canvas<'a> {
    /// The whole window, in pixels.
    pub fn new(fonts: &'a Fonts, scratch: &'a Scratch) -> Self {
        Self { to_window: Affine2::IDENTITY, px: 1.0, alpha: 1.0, fonts, scratch }
    }

    /// A canvas whose units are laid on this one by `transform`.
    pub fn at(&self, transform: Affine2) -> Self {
        let to_window = self.to_window * transform;
        Self { to_window, px: to_window.matrix2.determinant().abs().sqrt().max(1e-3), ..*self }
    }

    /// A canvas whose origin is at `origin`, with units `scale` times as large.
    pub fn shifted(&self, origin: Vec2, scale: f32) -> Self {
        self.at(Affine2::from_scale_angle_translation(Vec2::splat(scale), 0.0, origin))
    }

    /// A canvas on which everything is see-through by `alpha`.
    pub fn faded(&self, alpha: f32) -> Self {
        Self { alpha: self.alpha * alpha.clamp(0.0, 1.0), ..*self }
    }

    /// How many pixels one unit has.
    pub fn px(&self) -> f32 {
        self.px
    }

    pub(super) fn fonts(&self) -> &'a Fonts {
        self.fonts
    }

    pub(super) fn colour(&self, colour: Color) -> Color {
        faded(colour, self.alpha)
    }

    /// Where `point` lies on the window, in pixels.
    pub fn window(&self, point: Vec2) -> Vec2 {
        self.to_window.transform_point2(point)
    }

    /// A convex polygon.
    pub fn convex(&self, points: &[Vec2], paint: impl Into<Paint>) {
        self.fill(points, paint.into(), 1.0, fan);
    }

    /// Any polygon that does not cross itself.
    pub fn polygon(&self, points: &[Vec2], paint: impl Into<Paint>) {
        self.fill(points, paint.into(), 1.0, ears);
    }

    /// An ellipse around `centre`.
    pub fn ellipse(&self, centre: Vec2, radii: Vec2, paint: impl Into<Paint>) {
        let sides = self.sides(radii.max_element());
        let points: Vec<Vec2> = circle(sides).map(|unit| centre + unit * radii).collect();
        self.fill(&points, paint.into(), 1.0, fan);
    }

    /// A disc around `centre`.
    pub fn disc(&self, centre: Vec2, radius: f32, paint: impl Into<Paint>) {
        self.ellipse(centre, Vec2::splat(radius), paint);
    }

    /// A circle of a line.
    pub fn ring(&self, centre: Vec2, radius: f32, width: f32, colour: Color) {
        let points: Vec<Vec2> =
            circle(self.sides(radius)).map(|unit| centre + unit * radius).collect();
        self.line(&points, true, width, colour);
    }

    /// A rectangle with sharp corners, its edges on whole pixels or not.
    pub fn rect(&self, rect: Rect, paint: impl Into<Paint>) {
        self.convex(&corners(rect), paint);
    }

    /// An upright rectangle whose edges are brought to whole pixels and do not fade: for tiles
    /// that lie edge to edge.
    pub fn block(&self, rect: Rect, colour: Color) {
        let from = self.window(rect.point()).round();
        let to = self.window(rect.point() + rect.size()).round();
        let colour = self.colour(colour);
        let mut mesh = self.mesh();
        for point in corners(Rect::new(from.x, from.y, to.x - from.x, to.y - from.y)) {
            mesh.vertices.push(vertex(point, colour));
        }
        mesh.indices.extend([0, 1, 2, 0, 2, 3]);
        draw_mesh(&mesh);
    }

    /// A rectangle with round corners.
    pub fn round_rect(&self, rect: Rect, radius: f32, paint: impl Into<Paint>) {
        self.convex(&self.rounded(rect, radius), paint);
    }

    /// The border of a rectangle with round corners.
    pub fn round_frame(&self, rect: Rect, radius: f32, width: f32, colour: Color) {
        self.line(&self.rounded(rect, radius), true, width, colour);
    }

    /// A rectangle that fades out over `blur` units: a shadow.
    pub fn shadow(&self, rect: Rect, radius: f32, blur: f32, colour: Color) {
        let points = self.rounded(rect, radius);
        self.fill(&points, colour.into(), blur * self.px, fan);
    }

    /// Light around `centre`, that fades out towards `radius`.
    pub fn glow(&self, centre: Vec2, radius: f32, colour: Color) {
        self.glow_ellipse(centre, Vec2::splat(radius), colour);
    }

    /// Light around `centre`, that fades out towards the ellipse of `radii`.
    pub fn glow_ellipse(&self, centre: Vec2, radii: Vec2, colour: Color) {
        const RINGS: [(f32, f32); 5] =
            [(0.2, 0.88), (0.4, 0.6), (0.6, 0.3), (0.8, 0.09), (1.0, 0.0)];
        let sides = self.sides(radii.max_element()).min(48);
        let colour = self.colour(colour);
        let mut mesh = self.mesh();
        mesh.vertices.push(vertex(self.window(centre), colour));
        for (reach, strength) in RINGS {
            for unit in circle(sides) {
                let point = self.window(centre + unit * radii * reach);
                mesh.vertices.push(vertex(point, faded(colour, strength)));
            }
        }
        let sides = sides as u16;
        for i in 0..sides {
            let next = (i + 1) % sides;
            mesh.indices.extend([0, 1 + i, 1 + next]);
            for ring in 0..RINGS.len() as u16 - 1 {
                let (a, b) = (1 + ring * sides, 1 + (ring + 1) * sides);
                mesh.indices.extend([a + i, b + i, b + next, a + i, b + next, a + next]);
            }
        }
        draw_mesh(&mesh);
    }

    /// A line along `points`; closed, it returns to the first.
    pub fn line(&self, points: &[Vec2], closed: bool, width: f32, colour: Color) {
        let points: Vec<Vec2> = points.iter().map(|&point| self.window(point)).collect();
        let count = points.len();
        if count < 2 {
            return;
        }
        // A line thinner than a pixel is drawn one pixel wide and fainter.
        let width_px = width * self.px;
        let colour = faded(self.colour(colour), width_px.min(1.0));
        let half = width_px.max(1.0) / 2.0;
        let clear = faded(colour, 0.0);
        let mut mesh = self.mesh();
        for i in 0..count {
            let before = match (i, closed) {
                (0, true) => points[count - 1],
                (0, false) => points[0] * 2.0 - points[1],
                _ => points[i - 1],
            };
            let after = match (i + 1 == count, closed) {
                (true, true) => points[0],
                (true, false) => points[i] * 2.0 - points[i - 1],
                _ => points[i + 1],
            };
            let normal = miter(before, points[i], after);
            for (reach, colour) in [
                (-half - 0.5, clear),
                (-half + 0.5, colour),
                (half - 0.5, colour),
                (half + 0.5, clear),
            ] {
                mesh.vertices.push(vertex(points[i] + normal * reach, colour));
            }
        }
        let spans = if closed { count } else { count - 1 };
        for i in 0..spans {
            let (a, b) = ((i * 4) as u16, ((i + 1) % count * 4) as u16);
            for k in 0..3 {
                mesh.indices.extend([a + k, b + k, b + k + 1, a + k, b + k + 1, a + k + 1]);
            }
        }
        draw_mesh(&mesh);
    }

    fn fill(&self, points: &[Vec2], paint: Paint, feather_px: f32, inside: Triangulate) {
        if points.len() < 3 {
            return;
        }
        let (top, bottom) =
            points.iter().fold((f32::MAX, f32::MIN), |(a, b), p| (a.min(p.y), b.max(p.y)));
        let colour_at = |y: f32| match paint {
            Paint::Flat(colour) => self.colour(colour),
            Paint::Down(from, to) => {
                let part = (y - top) / (bottom - top).max(1e-6);
                self.colour(super::palette::mixed(from, to, part))
            }
        };
        let placed: Vec<Vec2> = points.iter().map(|&point| self.window(point)).collect();
        let outwards = if area(&placed) < 0.0 { 1.0 } else { -1.0 };
        let count = placed.len();
        let half = feather_px / 2.0;
        let mut mesh = self.mesh();
        for i in 0..count {
            let normal = miter(placed[(i + count - 1) % count], placed[i], placed[(i + 1) % count])
                * outwards;
            let colour = colour_at(points[i].y);
            mesh.vertices.push(vertex(placed[i] - normal * half, colour));
            mesh.vertices.push(vertex(placed[i] + normal * half, faded(colour, 0.0)));
        }
        inside(&placed, &mut mesh.indices);
        for i in 0..count {
            let (a, b) = ((i * 2) as u16, ((i + 1) % count * 2) as u16);
            mesh.indices.extend([a, b, b + 1, a, b + 1, a + 1]);
        }
        draw_mesh(&mesh);
    }

    fn mesh(&self) -> std::cell::RefMut<'a, Mesh> {
        let mut mesh = self.scratch.0.borrow_mut();
        mesh.vertices.clear();
        mesh.indices.clear();
        mesh
    }

    /// As many sides as a circle needs to look round.
    fn sides(&self, radius: f32) -> usize {
        ((radius * self.px).abs().sqrt() * 5.0).clamp(10.0, 96.0) as usize
    }

    fn rounded(&self, rect: Rect, radius: f32) -> Vec<Vec2> {
        let radius = radius.min(rect.w / 2.0).min(rect.h / 2.0).max(0.01);
        let steps = (self.sides(radius) / 4).max(2);
        let mut points = Vec::with_capacity(4 * (steps + 1));
        let centres = [
            (rect.right() - radius, rect.bottom() - radius),
            (rect.x + radius, rect.bottom() - radius),
            (rect.x + radius, rect.y + radius),
            (rect.right() - radius, rect.y + radius),
        ];
        for (quarter, (x, y)) in centres.into_iter().enumerate() {
            for step in 0..=steps {
                let turn = (quarter as f32 + step as f32 / steps as f32) / 4.0;
                points.push(vec2(x, y) + Vec2::from_angle(turn * std::f32::consts::TAU) * radius);
            }
        }
        points
    }
}

type Triangulate = fn(&[Vec2], &mut Vec<u16>);

fn vertex(point: Vec2, colour: Color) -> Vertex {
    Vertex::new(point.x, point.y, 0.0, 0.0, 0.0, colour)
}

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
fn circle(sides: usize) -> impl Iterator<Item = Vec2> {
    (0..sides).map(move |i| Vec2::from_angle(i as f32 / sides as f32 * std::f32::consts::TAU))
}

/// The direction in which an edge's corner moves when the edge grows by one; bounded at sharp
/// corners.
fn miter(before: Vec2, point: Vec2, after: Vec2) -> Vec2 {
    let a = (point - before).normalize_or_zero().perp();
    let b = (after - point).normalize_or_zero().perp();
    let sum = (a + b).normalize_or_zero();
    if sum == Vec2::ZERO {
        return a;
    }
    sum / sum.dot(a).abs().max(0.35)
}

/// Twice the area, negative when the points go round the other way.
fn area(points: &[Vec2]) -> f32 {
    (0..points.len()).map(|i| points[i].perp_dot(points[(i + 1) % points.len()])).sum()
}

/// The triangles of a convex polygon. Vertices are two apart: the second of each pair is its rim.
fn fan(points: &[Vec2], indices: &mut Vec<u16>) {
    for i in 1..points.len() - 1 {
        indices.extend([0, (i * 2) as u16, (i * 2 + 2) as u16]);
    }
}

/// The triangles of any simple polygon, by clipping ears.
fn ears(points: &[Vec2], indices: &mut Vec<u16>) {
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
