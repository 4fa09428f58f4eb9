//! Behind the title: a castle in the dusk, and heirs who hand a crown along.
//!
//! What moves is a function of the time alone.
use macroquad::math::{Rect, Vec2, vec2};

use crate::ui::{
    crown::{draw_crown, draw_twinkle},
    draw::{Canvas, Paint},
    heir::{Mood, Pose, blink, draw_heir},
    layers::key_of,
    palette::{
        APRICOT, CREAM, DUSK, GOLD, GOLD_DEEP, GOLD_LIGHT, LAVENDER, NIGHT, ROSE, faded, mixed,
        shaded,
    },
    screen::{Frame, STAGE},
    text::Ink,
};

/// How long one heir of the parade wears the crown, in seconds.
const REIGN_S: f32 = 3.4;
/// How long the crown flies from one to the next, in seconds.
const FLIGHT_S: f32 = 0.65;
/// The heirs of the parade: where they stand, how large, in which tunic.
const PARADE: [(f32, f32, u8); 6] = [
    (110.0, 31.0, 0),
    (196.0, 26.0, 1),
    (272.0, 29.0, 3),
    (1012.0, 28.0, 2),
    (1088.0, 31.0, 7),
    (1172.0, 27.0, 9),
];
const GROUND: f32 = 636.0;
const STARS: u64 = 90;
/// Towers: middle, width, height above the ground.
const TOWERS: [(f32, f32, f32); 6] = [
    (322.0, 40.0, 196.0),
    (958.0, 40.0, 196.0),
    (236.0, 58.0, 268.0),
    (1044.0, 58.0, 268.0),
    (160.0, 38.0, 150.0),
    (1120.0, 38.0, 150.0),
];
/// The size of the name of the game.
const LOGO: f32 = 88.0;
/// The room for the crown in the middle of it.
const LOGO_GAP: f32 = 92.0;
const LOGO_LINE: f32 = 168.0;

/// The night sky, the castle and the hill: all that stands still is one layer.
pub fn draw_scenery(frame: &Frame) {
    let c = &frame.stage;
    let all = frame.visible;
    let key = key_of(&[all.x, all.y, all.w, all.h].map(f32::to_bits));
    c.layer("scenery", key, all, &[all], |c| {
        draw_sky(c, all);
        draw_castle(c);
        draw_hills(c, all);
        draw_logo_still(c);
    });
    draw_stars(c, all, frame.seconds);
    draw_flags(c, frame.seconds);
}

fn draw_sky(c: &Canvas, all: Rect) {
    c.block(all, Paint::Down(NIGHT, mixed(DUSK, shaded(ROSE, 0.62), 0.45)));
    c.glow_ellipse(
        vec2(STAGE.x / 2.0, 640.0),
        vec2(all.w * 0.62, 420.0),
        faded(mixed(APRICOT, ROSE, 0.5), 0.30),
    );
    for i in (0..STARS).filter(|i| !twinkles(*i)) {
        c.disc(star(all, i), 0.7 + chance(6, i), faded(CREAM, 0.2 + 0.4 * chance(5, i)));
    }
}

/// The stars that twinkle.
fn draw_stars(c: &Canvas, all: Rect, seconds: f32) {
    for i in (0..STARS).filter(|i| twinkles(*i)) {
        let phase = seconds * (0.6 + chance(3, i) * 1.2) + chance(4, i) * 6.3;
        let shine = 0.30 + 0.30 * phase.sin() + 0.25 * chance(5, i);
        let at = star(all, i);
        if i % 2 == 0 {
            draw_twinkle(c, at, 3.5 + 3.0 * phase.sin().abs(), faded(CREAM, shine));
        } else {
            c.disc(at, 0.9 + chance(6, i), faded(CREAM, shine));
        }
    }
}

fn twinkles(star: u64) -> bool {
    star.is_multiple_of(5)
}

fn star(all: Rect, i: u64) -> Vec2 {
    let height = GROUND - all.y - 90.0;
    vec2(all.x + chance(1, i) * all.w, all.y + chance(2, i).powf(1.4) * height)
}

fn chance(k: u64, i: u64) -> f32 {
    (crate::game::draw(k, i) >> 40) as f32 / (1u64 << 24) as f32
}

fn draw_castle(c: &Canvas) {
    let stone = mixed(DUSK, LAVENDER, 0.10);
    let far = mixed(DUSK, NIGHT, 0.15);
    for (x, width, height) in TOWERS {
        let top = GROUND - height;
        c.rect(Rect::new(x - width / 2.0, top, width, height + 40.0), Paint::Down(stone, far));
        c.rect(Rect::new(x - width / 2.0 - 4.0, top - 8.0, width + 8.0, 12.0), stone);
        let roof = [
            vec2(x - width / 2.0 - 7.0, top - 7.0),
            vec2(x + width / 2.0 + 7.0, top - 7.0),
            vec2(x, top - width * 1.35),
        ];
        c.convex(&roof, Paint::Down(shaded(ROSE, 0.60), shaded(ROSE, 0.78)));
        let tip = vec2(x, top - width * 1.35);
        c.line(&[tip, tip - vec2(0.0, 20.0)], false, 1.6, shaded(GOLD_DEEP, 0.35));
        for (k, level) in [0.25, 0.52].into_iter().enumerate() {
            let lit = !crate::game::draw(9, x as u64 + k as u64).is_multiple_of(3);
            let window = Rect::new(x - 4.0, top + height * level, 8.0, 13.0);
            if lit {
                c.glow(window.center(), 20.0, faded(GOLD, 0.13));
                c.round_rect(window, 4.0, faded(GOLD_LIGHT, 0.8));
            } else {
                c.round_rect(window, 4.0, faded(NIGHT, 0.6));
            }
        }
    }
    let wall = Rect::new(150.0, GROUND - 92.0, 980.0, 130.0);
    c.rect(wall, Paint::Down(mixed(stone, far, 0.35), far));
    for i in 0..33 {
        let x = wall.x + 6.0 + i as f32 * 29.8;
        c.rect(Rect::new(x, wall.y - 11.0, 16.0, 12.0), mixed(stone, far, 0.35));
    }
}

/// The flags on the towers.
fn draw_flags(c: &Canvas, seconds: f32) {
    for (x, width, height) in TOWERS {
        let tip = vec2(x, GROUND - height - width * 1.35);
        let wave = |k: f32| (seconds * 3.0 + x + k).sin() * 2.0;
        c.polygon(
            &[
                tip - vec2(0.0, 20.0),
                tip + vec2(13.0, -18.0 + wave(0.0)),
                tip + vec2(24.0, -14.0 + wave(1.2)),
                tip + vec2(12.0, -11.0 + wave(0.6)),
                tip - vec2(0.0, 9.0),
            ],
            shaded(GOLD, 0.25),
        );
    }
}

fn draw_hills(c: &Canvas, all: Rect) {
    let hill = |height: f32, bend: f32, shift: f32| -> Vec<Vec2> {
        let mut points: Vec<Vec2> = (0..=40)
            .map(|i| {
                let x = all.x + all.w * i as f32 / 40.0;
                let u = (x - STAGE.x / 2.0) / STAGE.x;
                vec2(x, height + bend * u * u * 4.0 + (u * 9.0 + shift).sin() * 4.0)
            })
            .collect();
        points.push(vec2(all.right(), all.bottom() + 2.0));
        points.push(vec2(all.x, all.bottom() + 2.0));
        points
    };
    c.polygon(&hill(GROUND - 34.0, 14.0, 2.0), Paint::Down(mixed(DUSK, NIGHT, 0.30), NIGHT));
    c.polygon(
        &hill(GROUND - 6.0, 0.0, 0.0),
        Paint::Down(mixed(DUSK, NIGHT, 0.55), shaded(NIGHT, 0.2)),
    );
}

/// The heirs, and the crown that passes along: in front of everything, for it flies across.
pub fn draw_parade(frame: &Frame) {
    let (c, seconds) = (&frame.stage, frame.seconds);
    let count = PARADE.len();
    let reign = (seconds / REIGN_S) as usize;
    let into = seconds.rem_euclid(REIGN_S);
    let (wearer, next) = (reign % count, (reign + 1) % count);
    let before = (reign + count - 1) % count;
    let flight = ((into - (REIGN_S - FLIGHT_S)) / FLIGHT_S).clamp(0.0, 1.0);
    let poses: Vec<Pose> =
        (0..count).map(|i| parade_pose(i, seconds, into, wearer, next, before, flight)).collect();
    for pose in &poses {
        draw_heir(c, pose);
    }
    let (from, to) = (poses[wearer].crown_seat(), poses[next].crown_seat());
    let eased = flight * flight * (3.0 - 2.0 * flight);
    let rise = (from.distance(to) * 0.22).min(190.0) * (flight * std::f32::consts::PI).sin();
    let at = from.lerp(to, eased) - vec2(0.0, rise);
    let width = 42.0 + (poses[next].radius - poses[wearer].radius) * eased;
    if flight > 0.0 && flight < 1.0 {
        for k in 1..7 {
            let behind = (eased - k as f32 * 0.035).max(0.0);
            let lift =
                (from.distance(to) * 0.22).min(190.0) * (behind * std::f32::consts::PI).sin();
            let spot = from.lerp(to, behind) - vec2(0.0, lift + 12.0);
            draw_twinkle(c, spot, 9.0 - k as f32, faded(GOLD_LIGHT, 0.75 - k as f32 * 0.1));
        }
    }
    c.glow(at - vec2(0.0, 12.0), 60.0, faded(GOLD, 0.22));
    let spin = eased * std::f32::consts::TAU * if to.x > from.x { 1.0 } else { -1.0 };
    draw_crown(c, at, width, spin, (into / 0.9 - 0.6).clamp(0.0, 1.0));
}

fn parade_pose(
    i: usize,
    seconds: f32,
    into: f32,
    wearer: usize,
    next: usize,
    before: usize,
    flight: f32,
) -> Pose {
    let (x, radius, tunic) = PARADE[i];
    let mut pose = Pose::standing(vec2(x, GROUND + 8.0), radius, tunic);
    pose.seconds = seconds + i as f32;
    pose.blink = blink(seconds, i as u32);
    let breath = (seconds * 2.2 + i as f32).sin() * 0.02;
    pose.stretch = 1.0 + breath;
    // All eyes on the crown.
    let (crown_x, _, _) = PARADE[if flight > 0.5 { next } else { wearer }];
    pose.look = if i == wearer {
        vec2((seconds * 0.7).sin() * 0.5, 0.1)
    } else {
        vec2(((crown_x - x) / 200.0).clamp(-0.9, 0.9), -0.12)
    };
    if i == wearer && into < 0.7 {
        pose.hop = (into / 0.7 * std::f32::consts::PI).sin() * 0.55;
        pose.mood = Mood::Cheering;
    }
    if i == next && flight > 0.0 {
        pose.look = vec2(pose.look.x, -0.7);
        pose.hop = 0.14 * (flight * 9.0).sin().abs();
    }
    // Whoever reigned before sleeps off the burden for a while.
    if i == before && into < 1.6 {
        pose.mood = Mood::Ghost;
    }
    pose
}

/// How wide both halves of the name of the game are.
fn logo_widths(c: &Canvas) -> (f32, f32) {
    let ink = Ink::royal(LOGO, GOLD).spaced(0.05);
    (c.text_width("Inter", ink), c.text_width("regnum", ink))
}

/// The name of the game, and what it is about.
fn draw_logo_still(c: &Canvas) {
    let ink = Ink::royal(LOGO, GOLD).spaced(0.05);
    let (lw, rw) = logo_widths(c);
    let start = (STAGE.x - lw - LOGO_GAP - rw) / 2.0;
    c.glow_ellipse(
        vec2(STAGE.x / 2.0, LOGO_LINE - 30.0),
        vec2(560.0, 150.0),
        faded(GOLD_DEEP, 0.16),
    );
    for (text, x) in [("Inter", start), ("regnum", start + lw + LOGO_GAP)] {
        let ink = Ink { align: crate::ui::text::Align::Left, ..ink };
        for (dy, colour) in [
            (6.0, faded(NIGHT, 0.75)),
            (3.0, shaded(GOLD_DEEP, 0.55)),
            (1.5, GOLD_DEEP),
            (-1.5, GOLD_LIGHT),
            (0.0, GOLD),
        ] {
            c.text(text, vec2(x, LOGO_LINE + dy), ink.coloured(colour));
        }
    }
    let y = LOGO_LINE + 48.0;
    let tagline = "the crown passes on before anybody notices";
    let ink = Ink::plain(19.0, LAVENDER).centred().spaced(0.03);
    c.text(tagline, vec2(STAGE.x / 2.0, y), ink);
    let half = c.text_width(tagline, ink) / 2.0;
    for side in [-1.0, 1.0] {
        let inner = vec2(STAGE.x / 2.0 + side * (half + 18.0), y - 6.0);
        c.line(&[inner, inner + vec2(side * 90.0, 0.0)], false, 1.2, faded(GOLD, 0.6));
        let diamond =
            [(0.0, -4.0), (4.0, 0.0), (0.0, 4.0), (-4.0, 0.0)].map(|(x, y)| inner + vec2(x, y));
        c.convex(&diamond, GOLD);
    }
}

/// Between the two reigns, the crown; and a light that runs over the name.
pub fn draw_logo(frame: &Frame) {
    let c = &frame.stage;
    let seconds = frame.seconds;
    let (lw, rw) = logo_widths(c);
    let start = (STAGE.x - lw - LOGO_GAP - rw) / 2.0;
    let float = (seconds * 1.6).sin() * 4.0;
    let console = vec2(start + lw + LOGO_GAP / 2.0, LOGO_LINE - 8.0 + float);
    c.glow(console - vec2(0.0, 22.0), 84.0, faded(GOLD, 0.30));
    let glint = (seconds.rem_euclid(4.0) - 1.0).clamp(0.0, 1.0);
    draw_crown(c, console, 76.0, (seconds * 0.8).sin() * 0.06, glint);
    let shine = seconds.rem_euclid(5.0) / 5.0;
    let way = lw + LOGO_GAP + rw;
    let at = vec2(start + way * shine, LOGO_LINE - 46.0 + 10.0 * (shine * 20.0).sin());
    draw_twinkle(c, at, 13.0 * (shine * 40.0).sin().max(0.0), faded(CREAM, 0.9));
}
