//! A heraldic ribbon with a proclamation on it.
use macroquad::{
    color::Color,
    math::{Vec2, vec2},
};

use super::{
    draw::{Canvas, Paint},
    palette::{
        CREAM, CRIMSON, CRIMSON_DARK, CRIMSON_DEEP, EMERALD, EMERALD_DARK, EMERALD_DEEP, GOLD,
        GOLD_DEEP, GOLD_LIGHT, NIGHT, faded,
    },
    text::Ink,
};

/// The cloth of a ribbon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cloth {
    /// Crimson: the crown passes.
    Crown,
    /// Emerald: what was apart is one again.
    Peace,
}

impl Cloth {
    const fn colours(self) -> (Color, Color, Color) {
        match self {
            Self::Crown => (CRIMSON, CRIMSON_DEEP, CRIMSON_DARK),
            Self::Peace => (EMERALD, EMERALD_DEEP, EMERALD_DARK),
        }
    }
}

/// How long a ribbon takes to unfurl, in seconds.
const UNFURL_S: f32 = 0.28;
/// How long it takes to fade, in seconds.
const FADE_S: f32 = 0.6;
/// Half its height.
const HALF: f32 = 33.0;

/// A ribbon that unfurls, stays and fades.
#[derive(Clone, Debug)]
pub struct Ribbon {
    /// What it proclaims.
    pub title: String,
    /// What it adds, smaller.
    pub note: String,
    /// What it is made of.
    pub cloth: Cloth,
    /// Seconds since it unfurled.
    pub age: f32,
    /// Seconds that it stays.
    pub life: f32,
}

impl Ribbon {
    /// A ribbon that is about to unfurl.
    pub fn new(title: String, note: String, cloth: Cloth, life: f32) -> Self {
        Self { title, note, cloth, age: 0.0, life }
    }

    /// Whether it has faded.
    pub fn is_over(&self) -> bool {
        self.age >= self.life
    }

    /// Draws it around `centre`, at most `width_max` wide.
    pub fn draw(&self, canvas: &Canvas, centre: Vec2, width_max: f32) {
        let unfurled = ease_out_back((self.age / UNFURL_S).min(1.0));
        let fade = ((self.life - self.age) / FADE_S).clamp(0.0, 1.0);
        let c = canvas
            .shifted(centre - vec2(0.0, (1.0 - fade) * 14.0), 1.0)
            .faded(fade * (self.age / 0.08).min(1.0));
        let title = Ink::royal(25.0, CREAM);
        let note = Ink::plain(15.0, faded(CREAM, 0.9)).centred();
        let text_width = c.text_width(&self.title, title).max(c.text_width(&self.note, note));
        let shrink = ((width_max - 170.0) / text_width).min(1.0);
        let half = (text_width * shrink / 2.0 + 44.0).max(150.0) * unfurled;
        draw_cloth(&c, half, self.cloth);
        let written = ((self.age - UNFURL_S * 0.6) / 0.2).clamp(0.0, 1.0);
        let c = c.faded(written);
        let smaller = |ink: Ink| Ink { size: ink.size * shrink, ..ink };
        let title = smaller(title);
        let line = if self.note.is_empty() { 8.0 } else { -2.0 };
        c.text(&self.title, vec2(0.0, line + 1.6), title.coloured(faded(NIGHT, 0.6)));
        c.text(&self.title, vec2(0.0, line), title);
        c.text(&self.note, vec2(0.0, 20.0), smaller(note));
    }
}

fn draw_cloth(c: &Canvas, half: f32, cloth: Cloth) {
    let (light, deep, dark) = cloth.colours();
    c.glow_ellipse(vec2(0.0, 10.0), vec2(half * 1.35, 78.0), faded(NIGHT, 0.75));
    for side in [-1.0, 1.0] {
        let at = |x: f32, y: f32| vec2(side * (half + x), y);
        // The tail hangs behind and lower, with a swallow's cut.
        let tail = [
            at(-30.0, -HALF + 14.0),
            at(50.0, -HALF + 14.0),
            at(30.0, 14.0),
            at(50.0, HALF + 14.0),
            at(-30.0, HALF + 14.0),
        ];
        c.polygon(&tail, Paint::Down(deep, dark));
        c.line(&[at(-30.0, -HALF + 19.0), at(45.0, -HALF + 19.0)], false, 1.6, GOLD_DEEP);
        c.line(&[at(-30.0, HALF + 9.0), at(45.0, HALF + 9.0)], false, 1.6, GOLD_DEEP);
        // The fold between the two.
        c.convex(&[at(-30.0, HALF), at(0.0, HALF), at(-30.0, HALF + 14.0)], dark);
    }
    let steps = 24;
    let bow = |x: f32| -5.0 * (1.0 - (x / half).powi(2));
    let edge = |y: f32| -> Vec<Vec2> {
        (0..=steps)
            .map(|i| {
                let x = half * (i as f32 / steps as f32 * 2.0 - 1.0);
                vec2(x, y + bow(x))
            })
            .collect()
    };
    let mut face = edge(-HALF);
    face.extend(edge(HALF).into_iter().rev());
    c.polygon(&face, Paint::Down(light, deep));
    for (y, colour) in [(-HALF + 5.0, GOLD), (HALF - 5.0, GOLD)] {
        c.line(&edge(y), false, 2.2, colour);
    }
    c.line(&edge(-HALF + 1.0), false, 1.0, faded(GOLD_LIGHT, 0.5));
}

/// From 0 to 1, a little beyond, and back.
pub fn ease_out_back(part: f32) -> f32 {
    let rest = part - 1.0;
    1.0 + 2.2 * rest.powi(3) + 1.2 * rest.powi(2)
}
