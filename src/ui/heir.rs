//! The heirs: the little round people who all could reign.
//!
//! An heir is drawn from a [`Pose`] alone, so the same drawing serves the arena, the scoreboard
//! and the title. What it is told by is its tunic and its [`Ears`]. The eyes look where it goes, the feet trip along, a dash stretches it, the end of
//! a dash squashes it.
use macroquad::{
    color::Color,
    math::{Affine2, Mat2, Rect, Vec2, vec2},
};

use super::{
    crown::{draw_crown, draw_twinkle},
    draw::{Canvas, Paint},
    palette::{CREAM, GOLD_LIGHT, LAVENDER, NIGHT, TUNICS, faded, lit, mixed, shaded},
};

/// The ears of an heir: a second sign to tell them by, beside the tunic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ears {
    /// Round ones, like a bear's.
    Round,
    /// Pointed ones, like a cat's.
    Pointed,
    /// Long ones, like a hare's.
    Long,
    /// No ears: horns.
    Horns,
    /// No ears: feelers with a ball at the end.
    Feelers,
    /// Hanging ones, like a hound's.
    Hanging,
}

impl Ears {
    /// Those that go with a tunic.
    pub fn of(colour: u8) -> Self {
        use Ears::{Feelers, Hanging, Horns, Long, Pointed, Round};
        // Each twice, but never on tunics that are alike to anybody.
        const ALL: [Ears; 12] = [
            Pointed, Round, Horns, Long, Hanging, Feelers, Round, Horns, Feelers, Pointed, Hanging,
            Long,
        ];
        ALL[usize::from(colour) % ALL.len()]
    }
}

/// How an heir stands at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Pose {
    /// Where its feet are.
    pub feet: Vec2,
    /// Half its width.
    pub radius: f32,
    /// Which of the [tunics](TUNICS) it wears.
    pub tunic: u8,
    /// Where it looks: a direction of length up to one; zero looks at the viewer.
    pub look: Vec2,
    /// How fast it runs, from 0 to 1.
    pub pace: f32,
    /// Where its feet are in their turn, in radians.
    pub stride: f32,
    /// How much longer than usual it is along its look; one is as usual.
    pub stretch: f32,
    /// How high it is above the floor, in radii.
    pub hop: f32,
    /// How closed its eyes are, from 0 to 1.
    pub blink: f32,
    /// What it is up to.
    pub mood: Mood,
    /// The seconds that whatever circles around it has circled.
    pub seconds: f32,
}

/// What an heir is up to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// All is well.
    Merry,
    /// Somebody dashed into it.
    Dizzy,
    /// Nothing is heard of it.
    Ghost,
    /// It has just won.
    Cheering,
}

impl Pose {
    /// An heir that stands there and looks at the viewer.
    pub fn standing(feet: Vec2, radius: f32, tunic: u8) -> Self {
        Self {
            feet,
            radius,
            tunic,
            look: Vec2::ZERO,
            pace: 0.0,
            stride: 0.0,
            stretch: 1.0,
            hop: 0.0,
            blink: 0.0,
            mood: Mood::Merry,
            seconds: 0.0,
        }
    }

    /// The colour of its tunic.
    pub fn colour(&self) -> Color {
        tunic(self.tunic)
    }

    /// Where a crown sits on it.
    pub fn crown_seat(&self) -> Vec2 {
        let bounce = self.pace * (self.stride * 2.0).sin().abs() * 0.16;
        let lean = self.look * vec2(0.10, 0.05);
        self.feet
            + (vec2(0.0, -1.80 - self.hop - bounce) + lean) * self.radius
            + self.look * self.radius * (self.stretch - 1.0) * 0.5
    }
}

/// The colour of a tunic.
pub fn tunic(number: u8) -> Color {
    TUNICS[usize::from(number) % TUNICS.len()]
}

/// Whether somebody who blinks now and then, each at a time of its own, blinks: 0 to 1.
pub fn blink(seconds: f32, whose: u32) -> f32 {
    let period = 2.6 + (whose % 7) as f32 * 0.37;
    let into = (seconds + whose as f32 * 1.31).rem_euclid(period);
    if into < 0.16 { 1.0 - (into / 0.08 - 1.0).abs() } else { 0.0 }
}

/// Draws an heir.
pub fn draw_heir(canvas: &Canvas, pose: &Pose) {
    let c = canvas.shifted(pose.feet, pose.radius);
    let height = 1.0 / (1.0 + pose.hop * 0.6);
    c.glow_ellipse(
        vec2(0.0, 0.02),
        vec2(1.25, 0.5) * height,
        faded(NIGHT, if pose.mood == Mood::Ghost { 0.35 } else { 0.85 }),
    );
    match pose.mood {
        Mood::Ghost => draw_ghost(&c, pose),
        _ => draw_living(&c, pose),
    }
}

fn draw_living(c: &Canvas, pose: &Pose) {
    let outline = shaded(pose.colour(), 0.72);
    let swing = pose.stride.sin() * pose.pace;
    let hop = -pose.hop;
    for side in [-1.0, 1.0] {
        let foot = vec2(
            side * 0.40 + pose.look.x * swing * side * 0.28,
            -0.06 + hop * 0.9 - (swing * side).max(0.0) * 0.22,
        );
        c.ellipse(foot, vec2(0.30, 0.19), outline);
    }
    let bounce = pose.pace * (pose.stride * 2.0).sin().abs() * 0.16;
    // The body turns into its look only as far as it is stretched along it.
    let body = c.at(along(vec2(0.0, -0.95 + hop - bounce), pose.look, pose.stretch));
    draw_cape(&body, pose);
    let frame = Rect::new(-1.45, -1.95, 2.9, 3.1);
    let number = pose.tunic % TUNICS.len() as u8;
    body.sprite("body", number.into(), frame, |c| paint_body(c, number));
    draw_face(&body, pose);
    if pose.mood == Mood::Dizzy {
        for i in 0..3 {
            let turn = pose.seconds * 5.0 + i as f32 * std::f32::consts::TAU / 3.0;
            let star = vec2(turn.cos() * 1.0, -1.95 + turn.sin() * 0.26);
            draw_twinkle(c, star, 0.34, GOLD_LIGHT);
        }
    }
}

/// The body with its ears, of radius one.
fn paint_body(c: &Canvas, number: u8) {
    let colour = tunic(number);
    let outline = shaded(colour, 0.72);
    let light = lit(colour, 0.30);
    paint_ears(c, Ears::of(number), outline, light);
    c.disc(Vec2::ZERO, 1.08, outline);
    c.disc(Vec2::ZERO, 0.97, Paint::Down(light, shaded(colour, 0.22)));
    c.ellipse(vec2(-0.30, -0.58), vec2(0.34, 0.17), faded(CREAM, 0.35));
}

fn paint_ears(c: &Canvas, ears: Ears, outline: Color, fill: Color) {
    for side in [-1.0, 1.0] {
        let at = |x: f32, y: f32| vec2(side * x, y);
        let outlined = |points: &[Vec2]| {
            c.line(points, true, 0.20, outline);
            c.polygon(points, fill);
        };
        match ears {
            Ears::Round => {
                c.disc(at(0.86, -0.82), 0.45, outline);
                c.disc(at(0.86, -0.82), 0.33, fill);
            }
            Ears::Pointed => outlined(&[at(0.38, -0.90), at(1.08, -1.42), at(0.98, -0.40)]),
            Ears::Long => outlined(&[
                at(0.30, -0.92),
                at(0.52, -1.66),
                at(0.78, -1.78),
                at(0.92, -1.60),
                at(0.76, -0.66),
            ]),
            Ears::Horns => outlined(&[
                at(0.62, -0.80),
                at(1.02, -1.02),
                at(1.02, -1.52),
                at(1.36, -0.98),
                at(1.24, -0.60),
                at(0.90, -0.44),
            ]),
            Ears::Feelers => {
                c.line(&[at(0.46, -0.90), at(0.70, -1.30), at(0.98, -1.46)], false, 0.17, outline);
                c.disc(at(1.04, -1.48), 0.30, outline);
                c.disc(at(1.04, -1.48), 0.19, fill);
            }
            Ears::Hanging => outlined(&[
                at(0.66, -0.86),
                at(1.10, -0.74),
                at(1.34, -0.10),
                at(1.24, 0.28),
                at(0.94, 0.14),
                at(0.84, -0.40),
            ]),
        }
    }
}

/// The cape flies behind: opposite to the look, the farther the faster.
fn draw_cape(body: &Canvas, pose: &Pose) {
    if pose.look == Vec2::ZERO {
        return;
    }
    let back = -pose.look;
    let side = back.perp();
    let flutter = (pose.stride * 1.7).sin() * 0.14 * pose.pace;
    let reach = 1.22 + 0.42 * pose.pace + (pose.stretch - 1.0) * 1.5;
    let tail = back * reach + side * flutter + vec2(0.0, 0.18);
    let cape = [
        side * 0.82,
        tail + side * 0.52,
        tail - side * flutter * 0.6 + back * 0.12,
        tail - side * 0.52,
        side * -0.82,
    ];
    let deep = shaded(mixed(pose.colour(), LAVENDER, 0.1), 0.58);
    body.polygon(&cape, deep);
}

fn draw_face(body: &Canvas, pose: &Pose) {
    let gaze = pose.look * vec2(0.42, 0.30);
    let centre = gaze + vec2(0.0, -0.06);
    // Seen from the side, the eyes come closer together; seen from behind, they slide up.
    let apart = 0.36 - 0.07 * pose.look.x.abs();
    for side in [-1.0, 1.0] {
        let eye = centre + vec2(side * apart, -0.08);
        if pose.mood == Mood::Dizzy {
            for turn in [0.785, 2.356] {
                let arm = Vec2::from_angle(turn) * 0.2;
                body.line(&[eye - arm, eye + arm], false, 0.12, NIGHT);
            }
            continue;
        }
        if pose.mood == Mood::Cheering {
            let arc =
                [-0.22, -0.12, 0.0, 0.12, 0.22].map(|x: f32| eye + vec2(x, -0.14 + x * x * 4.5));
            body.line(&arc, false, 0.12, NIGHT);
            continue;
        }
        let open = 1.0 - pose.blink * 0.92;
        body.ellipse(eye, vec2(0.275, 0.36 * open), CREAM);
        let pupil = eye + pose.look * vec2(0.12, 0.13) + vec2(0.0, 0.03);
        body.ellipse(pupil, vec2(0.15, 0.21 * open), NIGHT);
        if open > 0.5 {
            body.disc(pupil + vec2(0.05, -0.09), 0.065, CREAM);
        }
    }
    for side in [-1.0, 1.0] {
        let cheek = centre + vec2(side * (apart + 0.27), 0.30);
        body.glow_ellipse(cheek, vec2(0.24, 0.19), Color::new(1.0, 0.35, 0.45, 0.75));
    }
    let mouth = centre + vec2(0.0, 0.36);
    if pose.mood == Mood::Merry {
        let face = body.shifted(mouth, 1.0);
        face.sprite("smile", 0, Rect::new(-0.24, -0.12, 0.48, 0.28), |c| {
            let smile = [-0.15, -0.08, 0.0, 0.08, 0.15].map(|x: f32| vec2(x, 0.06 - x * x * 4.0));
            c.line(&smile, false, 0.085, NIGHT);
        });
    } else {
        body.ellipse(mouth + vec2(0.0, 0.05), vec2(0.14, 0.17), shaded(pose.colour(), 0.8));
    }
}

fn draw_ghost(c: &Canvas, pose: &Pose) {
    let pale = mixed(pose.colour(), LAVENDER, 0.55);
    let sway = (pose.seconds * 1.4).sin() * 0.05;
    let c = c.shifted(vec2(sway, -0.16 + (pose.seconds * 2.0).sin() * 0.06), 1.0);
    let mut outline: Vec<Vec2> = (0..=12)
        .map(|i| {
            let turn = std::f32::consts::PI * (1.0 + i as f32 / 12.0);
            vec2(0.0, -0.95) + Vec2::from_angle(turn) * 0.95
        })
        .collect();
    for i in 0..=8 {
        let x = 0.95 - i as f32 * 0.2375;
        let y = if i % 2 == 0 { 0.0 } else { -0.24 };
        outline.push(vec2(x, y));
    }
    c.polygon(&outline, Paint::Down(faded(pale, 0.62), faded(pale, 0.28)));
    c.line(&outline, true, 0.07, faded(lit(pale, 0.3), 0.55));
    for side in [-1.0, 1.0] {
        let eye = vec2(side * 0.34, -1.02);
        let lid = [-0.18, -0.09, 0.0, 0.09, 0.18].map(|x: f32| eye + vec2(x, 0.1 - x * x * 3.0));
        c.line(&lid, false, 0.09, faded(NIGHT, 0.8));
    }
}

/// Moves to `centre`, and stretches along `look` (and narrows across it, so that the volume
/// stays).
fn along(centre: Vec2, look: Vec2, stretch: f32) -> Affine2 {
    let axis = look.try_normalize().unwrap_or(Vec2::Y);
    let turn = Mat2::from_cols(axis, axis.perp());
    let across = 1.0 / stretch.max(0.3);
    let pull = turn * Mat2::from_diagonal(vec2(stretch, across)) * turn.transpose();
    Affine2::from_mat2_translation(pull, centre)
}

/// Draws an heir that wears the crown.
pub fn draw_crowned(canvas: &Canvas, pose: &Pose, glint: f32) {
    draw_heir(canvas, pose);
    let tilt = pose.look.x * 0.12 + (pose.stride * 2.0).sin() * 0.05 * pose.pace;
    draw_crown(canvas, pose.crown_seat(), pose.radius * 1.5, tilt, glint);
}
