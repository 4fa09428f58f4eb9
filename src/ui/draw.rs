//! Crisp shapes: everything but text is drawn with these.
//!
//! Each shape is a polygon whose edge fades to nothing over one pixel, so it looks smooth on every
//! graphics card, with or without multisampling; round ones are cut from the
//! [atlas](super::atlas), which costs four corners each. A [`Canvas`] knows where its units lie on
//! the window; [`Canvas::at`] gives one that is moved, turned, stretched or see-through, which is how
//! a figure is squashed without its drawing knowing about it.
//!
//! What stays as it is from frame to frame is a [`layer`](Canvas::layer), what is drawn many times
//! alike a [`sprite`](Canvas::sprite).
use std::cell::{Cell, RefCell};

use macroquad::{
    color::{Color, WHITE},
    math::{Affine2, Rect, Vec2, vec2},
};

pub use super::shapes::corners;
use super::{
    atlas::{Atlas, Piece, Place},
    fonts::{Fonts, FontsDamaged},
    layers::{Layer, Layers, SIDE_MAX, key_of},
    palette::{faded, mixed},
    shapes::{Triangulate, area, circle, ears, fan, miter},
    sheet::{Batch, Count, Sheet, Source, corners_of, vertex},
};

/// By how much a sprite may be shrunk: each step of size is baked by itself.
const SPRITE_STEP: f32 = 1.15;
/// The largest sprite, in pixels per unit. What is larger is drawn by this one, and a little soft.
const SPRITE_PX_MAX: f32 = 260.0;
/// The narrowest ellipse that is cut from a disc, as a part of that disc. A narrower one would lose
/// its smooth edge.
const NARROW: f32 = 0.4;

/// What a shape is filled with.
#[derive(Clone, Copy)]
pub enum Paint {
    /// One colour.
    Flat(Color),
    /// From the colour at the upper end of the shape to the one at its lower end.
    Down(Color, Color),
}

impl Paint {
    /// The colours at the upper and the lower end.
    const fn ends(self) -> (Color, Color) {
        match self {
            Self::Flat(colour) => (colour, colour),
            Self::Down(from, to) => (from, to),
        }
    }
}

impl From<Color> for Paint {
    fn from(colour: Color) -> Self {
        Self::Flat(colour)
    }
}

/// What drawing takes: fonts, the atlas, the layers, and the sheet of the frame. Nothing in it needs
/// a window; `press` brings it to one.
pub struct Studio {
    pub(super) fonts: Fonts,
    pub(super) atlas: RefCell<Atlas>,
    pub(super) layers: RefCell<Layers>,
    pub(super) sheet: RefCell<Sheet>,
    /// How much the last frame was.
    last: Cell<Count>,
    /// The most vertices of any frame so far, layers that were painted in it included.
    most: Cell<usize>,
    /// How often a layer was painted.
    painted: Cell<usize>,
}

impl Studio {
    /// One with nothing drawn.
    ///
    /// # Errors
    /// [`FontsDamaged`] if the build is broken.
    pub fn new() -> Result<Self, FontsDamaged> {
        Ok(Self {
            fonts: Fonts::load()?,
            atlas: RefCell::default(),
            layers: RefCell::default(),
            sheet: RefCell::default(),
            last: Cell::default(),
            most: Cell::default(),
            painted: Cell::default(),
        })
    }

    /// Begins a frame: the sheet is blank again.
    pub fn begin(&self) {
        self.atlas.borrow_mut().tidy();
        self.sheet.borrow_mut().clear();
    }

    /// Ends a frame: notes how much it was.
    pub fn end(&self) -> Count {
        let count = self.sheet.borrow().count();
        let layers = self.layers.borrow();
        let fresh = layers.values().filter_map(|layer| layer.fresh.as_ref());
        let painted: usize = fresh.map(|sheet| sheet.count().vertices).sum();
        self.most.set(self.most.get().max(count.vertices + painted));
        self.last.set(count);
        count
    }

    /// Forgets what was to be painted into layers: it has been printed.
    pub fn printed(&self) {
        for layer in self.layers.borrow_mut().values_mut() {
            layer.fresh = None;
        }
    }

    /// How often a layer was painted.
    pub fn painted(&self) -> usize {
        self.painted.get()
    }

    /// How much the last frame was.
    pub fn last(&self) -> Count {
        self.last.get()
    }

    /// The most vertices of any frame so far, layers that were painted in it included.
    pub fn most(&self) -> usize {
        self.most.get()
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
    studio: &'a Studio,
}

impl<'a> Canvas<'a> {
    /// The whole window, in pixels.
    pub fn new(studio: &'a Studio) -> Self {
        Self { to_window: Affine2::IDENTITY, px: 1.0, alpha: 1.0, studio }
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

    pub(super) fn studio(&self) -> &'a Studio {
        self.studio
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
        let paint = paint.into();
        if self.is_clear(paint) {
            return;
        }
        let radius_px = radii.max_element() * self.px;
        let disc = self.studio.atlas.borrow().disc(radius_px);
        if let Some((place, kept)) = disc
            && radius_px <= kept * 1.25
            && radii.min_element() * self.px >= (kept * NARROW).min(2.0)
        {
            // The piece is one pixel larger than its disc, for the edge.
            self.piece(place, centre, radii * ((kept + 1.0) / kept), paint);
            return;
        }
        let sides = self.sides(radii.max_element());
        let points: Vec<Vec2> = circle(sides).map(|unit| centre + unit * radii).collect();
        self.fill(&points, paint, 1.0, fan);
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

    /// An upright rectangle whose edges are brought to whole pixels and do not fade: for what lies
    /// edge to edge, and for what covers much.
    pub fn block(&self, rect: Rect, paint: impl Into<Paint>) {
        let paint = paint.into();
        if self.is_clear(paint) {
            return;
        }
        let from = self.window(rect.point()).round();
        let to = self.window(rect.point() + rect.size()).round();
        let (upper, lower) = paint.ends();
        let colours = [upper, upper, lower, lower].map(|colour| self.colour(colour));
        let white = self.studio.atlas.borrow().white();
        let corners = corners_of(from, to);
        let corners = [0, 1, 2, 3].map(|i| (corners[i], white, colours[i]));
        self.studio.sheet.borrow_mut().quad(Source::Atlas, corners);
    }

    /// A rectangle with round corners.
    pub fn round_rect(&self, rect: Rect, radius: f32, paint: impl Into<Paint>) {
        self.convex(&self.rounded(rect, radius), paint);
    }

    /// A rectangle whose short sides are half circles.
    pub fn pill(&self, rect: Rect, colour: Color) {
        let radius = rect.h / 2.0;
        let disc = self.studio.atlas.borrow().disc(radius * self.px);
        let Some((place, kept)) = disc.filter(|_| !self.is_clear(colour.into())) else { return };
        let reach = radius * (kept + 1.0) / kept;
        let (middle, cut) = (place.middle().x, [place.from, place.to]);
        let ends = [rect.x + radius.min(rect.w / 2.0), rect.right() - radius.min(rect.w / 2.0)];
        let (top, bottom) = (rect.center().y - reach, rect.center().y + reach);
        for (from, to, cut_from, cut_to) in [
            (ends[0] - reach, ends[0], cut[0].x, middle),
            (ends[0], ends[1], middle, middle),
            (ends[1], ends[1] + reach, middle, cut[1].x),
        ] {
            let at = corners_of(vec2(from, top), vec2(to, bottom));
            let cut = corners_of(vec2(cut_from, cut[0].y), vec2(cut_to, cut[1].y));
            let corners = [0, 1, 2, 3].map(|i| (self.window(at[i]), cut[i], self.colour(colour)));
            self.studio.sheet.borrow_mut().quad(Source::Atlas, corners);
        }
    }

    /// A circle of a thin line, as thin as suits its size.
    pub fn hoop(&self, centre: Vec2, radius: f32, colour: Color) {
        if radius > 0.0 {
            let c = self.shifted(centre, radius);
            c.tinted_sprite("hoop", Rect::new(-1.05, -1.05, 2.1, 2.1), colour, |c| {
                c.ring(Vec2::ZERO, 0.96, 0.08, WHITE);
            });
        }
    }

    /// A slip of paper: four corners, whose edges do not fade.
    pub fn slip(&self, corners: [Vec2; 4], colour: Color) {
        let white = self.studio.atlas.borrow().white();
        let corners = corners.map(|at| (self.window(at), white, self.colour(colour)));
        self.studio.sheet.borrow_mut().quad(Source::Atlas, corners);
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
        let glow = self.studio.atlas.borrow().glow();
        if let Some(place) = glow.filter(|_| !self.is_clear(colour.into())) {
            self.piece(place, centre, radii, colour.into());
        }
    }

    /// A line along `points`; closed, it returns to the first.
    pub fn line(&self, points: &[Vec2], closed: bool, width: f32, colour: Color) {
        let count = points.len();
        if count < 2 || self.is_clear(colour.into()) {
            return;
        }
        let points: Vec<Vec2> = points.iter().map(|&point| self.window(point)).collect();
        // A line thinner than a pixel is drawn one pixel wide and fainter.
        let width_px = width * self.px;
        let colour = faded(self.colour(colour), width_px.min(1.0));
        let half = width_px.max(1.0) / 2.0;
        let clear = faded(colour, 0.0);
        let spans = if closed { count } else { count - 1 };
        self.shape(4 * count, 18 * spans, |batch, first, white| {
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
                    batch.vertices.push(vertex(points[i] + normal * reach, white, colour));
                }
            }
            for i in 0..spans {
                let (a, b) = (first + (i * 4) as u16, first + ((i + 1) % count * 4) as u16);
                for k in 0..3 {
                    batch.indices.extend([a + k, b + k, b + k + 1, a + k, b + k + 1, a + k + 1]);
                }
            }
        });
    }

    /// A figure that is drawn once and then cut from the atlas: `name` and `variant` tell how it
    /// looks, whole in `frame`. Canvases that turn and stretch it are as good as others.
    pub fn sprite(
        &self,
        name: &'static str,
        variant: u16,
        frame: Rect,
        paint: impl FnOnce(&Canvas),
    ) {
        self.sprite_in(name, variant, frame, WHITE.into(), paint);
    }

    /// The same, of a white figure, tinted.
    pub fn tinted_sprite(
        &self,
        name: &'static str,
        frame: Rect,
        tint: impl Into<Paint>,
        paint: impl FnOnce(&Canvas),
    ) {
        self.sprite_in(name, 0, frame, tint.into(), paint);
    }

    fn sprite_in(
        &self,
        name: &'static str,
        variant: u16,
        frame: Rect,
        tint: Paint,
        paint: impl FnOnce(&Canvas),
    ) {
        if self.is_clear(tint) {
            return;
        }
        let steps = (self.px.max(1.0).ln() / SPRITE_STEP.ln()).ceil();
        let baked_px = SPRITE_STEP.powf(steps).min(SPRITE_PX_MAX);
        // A pixel is left free on all sides.
        let size = (frame.size() * baked_px).ceil() + Vec2::splat(2.0);
        let piece = Piece::Sprite(name, variant, (baked_px * 64.0) as u32);
        let mut place = self.studio.atlas.borrow().find(piece);
        if place.is_none() {
            let origin = Vec2::ONE - frame.point() * baked_px;
            let to_window =
                Affine2::from_scale_angle_translation(Vec2::splat(baked_px), 0.0, origin);
            let fresh = self.apart(|studio| {
                paint(&Canvas { to_window, px: baked_px, alpha: 1.0, studio });
            });
            let mut atlas = self.studio.atlas.borrow_mut();
            place = atlas.find_or_bake(piece, size.x as usize, size.y as usize, &fresh);
        }
        if let Some(place) = place {
            let half = size / 2.0 / baked_px;
            let centre = frame.point() - Vec2::splat(1.0 / baked_px) + half;
            self.piece(place, centre, half, tint);
        }
    }

    /// A still picture of `whole`, painted only when `key` or its size on the window changes. Shown
    /// are those `pieces` of it; whatever is below them is covered.
    pub fn layer(
        &self,
        name: &'static str,
        key: u64,
        whole: Rect,
        pieces: &[Rect],
        paint: impl FnOnce(&Canvas),
    ) {
        let size = (whole.size() * self.px).ceil().max(Vec2::ONE);
        if size.max_element() > SIDE_MAX {
            return paint(self);
        }
        let key = key_of(&(key, self.px.to_bits(), whole.w.to_bits(), whole.h.to_bits()));
        let known = self.studio.layers.borrow().get(name).is_some_and(|layer| layer.key == key);
        if !known {
            let origin = -whole.point() * self.px;
            let scale = Vec2::splat(self.px);
            let to_window = Affine2::from_scale_angle_translation(scale, 0.0, origin);
            let fresh = self.apart(|studio| {
                paint(&Canvas { to_window, px: self.px, alpha: 1.0, studio });
            });
            let layer = Layer { key, size: (size.x as u32, size.y as u32), fresh: Some(fresh) };
            self.studio.layers.borrow_mut().insert(name, layer);
            self.studio.painted.set(self.studio.painted.get() + 1);
        }
        self.show_layer(name, whole, pieces);
    }

    /// Shows pieces of a layer again that was drawn in this frame already.
    pub fn show_layer(&self, name: &'static str, whole: Rect, pieces: &[Rect]) {
        let Some(size) = self.studio.layers.borrow().get(name).map(|layer| layer.size) else {
            return;
        };
        let size = vec2(size.0 as f32, size.1 as f32);
        // On whole pixels, so that the picture stays as sharp as it was painted.
        let origin = self.window(whole.point()).round();
        for piece in pieces {
            let piece = whole.intersect(*piece).unwrap_or_default();
            let from = ((piece.point() - whole.point()) * self.px).round().max(Vec2::ZERO);
            let to = ((piece.point() + piece.size() - whole.point()) * self.px).round().min(size);
            if to.cmple(from).any() {
                continue;
            }
            let corners = corners_of(from, to).map(|at| (origin + at, at / size, WHITE));
            self.studio.sheet.borrow_mut().quad(Source::Layer(name), corners);
        }
    }

    /// What `draw` draws, on a sheet of its own.
    fn apart(&self, draw: impl FnOnce(&'a Studio)) -> Sheet {
        let shown = self.studio.sheet.take();
        draw(self.studio);
        self.studio.sheet.replace(shown)
    }

    /// A piece of the atlas, laid over what is within `reach` of `centre`.
    fn piece(&self, place: Place, centre: Vec2, reach: Vec2, paint: Paint) {
        let (upper, lower) = paint.ends();
        let (upper, lower) = (self.colour(upper), self.colour(lower));
        let at = corners_of(centre - reach, centre + reach).map(|point| self.window(point));
        let cut = corners_of(place.from, place.to);
        let colours = [upper, upper, lower, lower];
        let corners = [0, 1, 2, 3].map(|i| (at[i], cut[i], colours[i]));
        self.studio.sheet.borrow_mut().quad(Source::Atlas, corners);
    }

    pub(super) fn cut(&self, place: Place, at: Rect, colour: Color) {
        let corners = corners_of(at.point(), at.point() + at.size());
        let cut = corners_of(place.from, place.to);
        let corners = [0, 1, 2, 3].map(|i| (corners[i], cut[i], colour));
        self.studio.sheet.borrow_mut().quad(Source::Atlas, corners);
    }

    fn fill(&self, points: &[Vec2], paint: Paint, feather_px: f32, inside: Triangulate) {
        if points.len() < 3 || self.is_clear(paint) {
            return;
        }
        let (top, bottom) =
            points.iter().fold((f32::MAX, f32::MIN), |(a, b), p| (a.min(p.y), b.max(p.y)));
        let colour_at = |y: f32| match paint {
            Paint::Flat(colour) => self.colour(colour),
            Paint::Down(from, to) => {
                let part = (y - top) / (bottom - top).max(1e-6);
                self.colour(mixed(from, to, part))
            }
        };
        let placed: Vec<Vec2> = points.iter().map(|&point| self.window(point)).collect();
        let outwards = if area(&placed) < 0.0 { 1.0 } else { -1.0 };
        let count = placed.len();
        let half = feather_px / 2.0;
        self.shape(2 * count, 9 * count, |batch, first, white| {
            for i in 0..count {
                let before = placed[(i + count - 1) % count];
                let normal = miter(before, placed[i], placed[(i + 1) % count]) * outwards;
                let colour = colour_at(points[i].y);
                batch.vertices.push(vertex(placed[i] - normal * half, white, colour));
                let rim = faded(colour, 0.0);
                batch.vertices.push(vertex(placed[i] + normal * half, white, rim));
            }
            let from = batch.indices.len();
            inside(&placed, &mut batch.indices);
            batch.indices[from..].iter_mut().for_each(|index| *index += first);
            for i in 0..count {
                let (a, b) = (first + (i * 2) as u16, first + ((i + 1) % count * 2) as u16);
                batch.indices.extend([a, b, b + 1, a, b + 1, a + 1]);
            }
        });
    }

    /// Room for a shape of so many corners; they are to be counted from the number given, and show
    /// the white of the atlas.
    fn shape(&self, vertices: usize, indices: usize, write: impl FnOnce(&mut Batch, u16, Vec2)) {
        let white = self.studio.atlas.borrow().white();
        let mut sheet = self.studio.sheet.borrow_mut();
        let (batch, first) = sheet.room(Source::Atlas, vertices, indices);
        write(batch, first, white);
    }

    /// Whether nothing would be seen of it.
    fn is_clear(&self, paint: Paint) -> bool {
        let (upper, lower) = paint.ends();
        self.alpha * upper.a.max(lower.a) < 0.002
    }

    /// As many sides as a circle needs to look round.
    fn sides(&self, radius: f32) -> usize {
        ((radius * self.px).abs().sqrt() * 4.0).clamp(8.0, 72.0) as usize
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
