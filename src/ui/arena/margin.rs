//! What stands around the board: scores and news.
use std::{
    collections::BTreeMap,
    f32::consts::{FRAC_PI_2, TAU},
};

use macroquad::math::{Rect, Vec2, vec2};

use super::{
    WINDOW,
    cast::draw_bot_mark,
    herald::{Line, draw_badge},
    list::{Scroll, Window},
};
use crate::{
    accounts::Standing,
    arena::{Arena, POINTS_TO_WIN, Player, World},
    node::View,
    types::NodeId,
    ui::{
        crown::draw_crown,
        draw::{Canvas, Paint},
        heir::{Mood, Pose, blink, tunic},
        padlock::draw_padlock,
        palette::{
            CREAM, GOLD, GOLD_DEEP, GOLD_LIGHT, HEATHER, LAVENDER, NIGHT, PANEL_EDGE, faded, lit,
            shaded,
        },
        panel::draw_panel,
        pictures::{draw_standing, standing_width},
        screen::Frame,
        text::Ink,
    },
};

/// The height of a line of the scoreboard, as long as there is room.
const ROW_MAX: f32 = 44.0;
/// The height of a line where there is little room.
const ROW_MIN: f32 = 27.0;
/// The height of the headings of a list.
pub const HEAD: f32 = 52.0;
/// The height of what stands below a list that scrolls.
pub const FOOT: f32 = 24.0;

/// The line above the board: the name of the game, the session, the round.
pub fn draw_header(c: &Canvas, view: &View<Arena>, world: Option<&World>) {
    let baseline = 48.0;
    draw_crown(c, vec2(WINDOW.x + 16.0, baseline - 2.0), 32.0, -0.08, 0.0);
    let ink = Ink { align: crate::ui::text::Align::Left, ..Ink::royal(25.0, GOLD) };
    let width = c.text("Interregnum", vec2(WINDOW.x + 42.0, baseline), ink);
    if let Some(session) = &view.session {
        let ink = Ink::plain(17.0, LAVENDER);
        let shown = c.fitted(&format!("in {session}"), 260.0, ink);
        let from = WINDOW.x + 42.0 + width + 18.0;
        let width = c.text(&shown, vec2(from, baseline - 1.0), ink);
        let lock = vec2(from + width + 20.0, baseline - 6.0);
        draw_padlock(c, lock, 17.0, view.locked, HEATHER);
        let said = if view.locked { "locked" } else { "open to everybody here" };
        c.text(said, lock + vec2(12.0, 5.0), Ink::plain(14.0, HEATHER));
    }
    let Some(world) = world else { return };
    let right = vec2(WINDOW.right(), baseline - 1.0);
    let goal = format!("first to {POINTS_TO_WIN} wins");
    let width = c.text(&goal, right, Ink::plain(17.0, LAVENDER).right());
    let round = format!("Round {}", world.round);
    let ink = Ink { align: crate::ui::text::Align::Right, ..Ink::royal(20.0, CREAM) };
    c.text(&round, right - vec2(width + 18.0, 0.0), ink);
}

/// The scores, best first; one line is marked.
pub fn draw_scoreboard(
    frame: &Frame,
    place: Rect,
    (view, marked): (&View<Arena>, NodeId),
    world: Option<&World>,
    names: &BTreeMap<NodeId, String>,
    scroll: &mut Scroll,
) {
    let Some(world) = world else { return };
    let c = &frame.stage;
    let mut ranks: Vec<_> = world.players.iter().collect();
    ranks.sort_by_key(|(id, player)| {
        let score = world.scoreboard.get(id).copied().unwrap_or_default();
        (player.is_away(), std::cmp::Reverse((score.points, score.games_won)), **id)
    });
    let room = place.h - HEAD - FOOT;
    let row = (room / ranks.len().max(1) as f32).clamp(ROW_MIN, ROW_MAX);
    let fitting = (room / row) as usize;
    scroll.by(frame.keys.pages, frame.keys.lines, ranks.len(), fitting);
    let own = ranks.iter().position(|(id, _)| **id == marked);
    let window = scroll.window(ranks.len(), fitting, own);
    let foot = if window.scrolls { FOOT } else { 6.0 };
    let all = HEAD + row * window.lines.len() as f32 + foot;
    let place = Rect { h: all.min(place.h), ..place };
    draw_panel(c, place);
    draw_head(c, place, "The heirs");
    for (at, rank) in window.lines.iter().enumerate() {
        let line =
            Rect::new(place.x + 8.0, place.y + HEAD + at as f32 * row, place.w - 16.0, row - 4.0);
        draw_row(frame, line, (view, marked), world, ranks[*rank], names);
    }
    draw_foot(c, place, &window, ranks.len());
}

/// The heading of a list of heirs, and of its columns.
pub fn draw_head(c: &Canvas, place: Rect, title: &str) {
    let heading = Ink::royal(16.0, GOLD).spaced(0.12);
    c.text(title, vec2(place.center().x, place.y + 27.0), heading);
    let ink = Ink::plain(12.0, HEATHER);
    let y = place.y + 45.0;
    c.text("heir", vec2(place.x + 46.0, y), ink);
    c.text("won", vec2(place.right() - 62.0, y), ink.right());
    c.text("points", vec2(place.right() - 14.0, y), ink.right());
}

/// Below a list that is longer than its place: what of it is shown.
pub fn draw_foot(c: &Canvas, place: Rect, window: &Window, total: usize) {
    if !window.scrolls {
        return;
    }
    let (from, to) = window.from_to;
    let ink = Ink::plain(12.0, LAVENDER).centred();
    let more = format!("{from} to {to} of {total} · PgUp PgDn");
    c.text(&more, vec2(place.center().x, place.bottom() - 8.0), ink);
    // Where in the list that is.
    let track = Rect::new(place.right() - 6.0, place.y + HEAD, 3.0, place.h - HEAD - FOOT);
    c.block(track, faded(NIGHT, 0.6));
    let part = |line: usize| track.h * line as f32 / total.max(1) as f32;
    let thumb = Rect { y: track.y + part(from - 1), h: part(to) - part(from - 1), ..track };
    c.block(thumb, faded(GOLD, 0.7));
}

fn draw_row(
    frame: &Frame,
    line: Rect,
    (view, marked): (&View<Arena>, NodeId),
    world: &World,
    (id, player): (&NodeId, &Player),
    names: &BTreeMap<NodeId, String>,
) {
    let (c, seconds) = (&frame.stage, frame.seconds);
    let row = line.h + 4.0;
    let score = world.scoreboard.get(id).copied().unwrap_or_default();
    let away = player.is_away();
    if *id == marked {
        c.round_rect(line, 9.0, faded(PANEL_EDGE, 0.55));
        c.round_frame(line, 9.0, 1.2, faded(LAVENDER, 0.5));
    }
    let colour = tunic(player.colour);
    let size = (row * 0.25).min(10.5);
    let feet = vec2(line.x + 20.0, line.bottom() - row * 0.2);
    let mut pose = Pose::standing(feet, size, player.colour);
    pose.look = vec2(0.35, 0.1);
    pose.blink = blink(seconds, id.as_u128() as u32);
    pose.seconds = seconds;
    if away {
        pose.mood = Mood::Ghost;
    }
    draw_badge(c, &pose, view.host == Some(*id));
    let fade = if away { 0.5 } else { 1.0 };
    let text_y = line.y + line.h * 0.5 + if row > 36.0 { 1.0 } else { 5.0 };
    let points = score.points.to_string();
    let ink = Ink::plain(20.0, faded(CREAM, fade)).right();
    let width = c.text(&points, vec2(line.right() - 8.0, text_y + 3.0), ink).max(24.0);
    let ink = Ink::plain(15.0, faded(lit(colour, 0.45), fade));
    let mark = if player.bot { 17.0 } else { 0.0 };
    let member = view.members.iter().find(|member| member.id == *id);
    let standing = member.map_or(Standing::Unknown, |member| member.standing);
    let marks = mark + standing_width(standing);
    let name_room = line.w - 40.0 - width - 14.0 - wins_width(score.games_won) - marks;
    let name = names.get(id).map_or(player.name.as_str(), String::as_str);
    let name = c.fitted(name, name_room, ink);
    let name_width = c.text(&name, vec2(line.x + 38.0, text_y), ink);
    if player.bot {
        let middle = vec2(line.x + 38.0 + name_width + 10.0, text_y - 5.0);
        draw_bot_mark(c, middle, 5.4, faded(LAVENDER, fade));
    }
    let middle = vec2(line.x + 38.0 + name_width + mark + 11.0, text_y - 5.0);
    draw_standing(&c.faded(fade), middle, 12.0, standing);
    draw_wins(c, score.games_won, vec2(line.right() - 14.0 - width, text_y - 5.0));
    if row > 36.0 {
        let bar = Rect::new(line.x + 38.0, text_y + 7.0, line.w - 40.0 - 40.0, 5.0);
        c.round_rect(bar, 2.5, faded(NIGHT, 0.8));
        let part = (score.points as f32 / POINTS_TO_WIN as f32).clamp(0.0, 1.0);
        if part > 0.0 {
            let filled = Rect { w: (bar.w * part).max(5.0), ..bar };
            let paint = Paint::Down(lit(colour, 0.25), shaded(colour, 0.15));
            c.faded(fade).round_rect(filled, 2.5, paint);
        }
    }
}

/// The room that [`draw_wins`] takes.
pub fn wins_width(games_won: u32) -> f32 {
    match games_won {
        0 => 0.0,
        1..=3 => games_won as f32 * 11.0,
        _ => 34.0,
    }
}

/// A golden star for each round won; a number when there are many. Ends at `right`.
pub fn draw_wins(c: &Canvas, games_won: u32, right: Vec2) {
    let star = |x: f32| {
        let c = c.shifted(right + vec2(x, 0.0), 5.4);
        c.sprite("star", 0, Rect::new(-1.1, -1.1, 2.2, 2.2), |c| {
            let points: Vec<_> = (0..10)
                .map(|i| {
                    let reach = if i % 2 == 0 { 1.0 } else { 0.44 };
                    let turn = i as f32 / 10.0 * TAU - FRAC_PI_2;
                    Vec2::from_angle(turn) * reach
                })
                .collect();
            c.polygon(&points, Paint::Down(GOLD_LIGHT, GOLD_DEEP));
        });
    };
    if games_won > 3 {
        let ink = Ink::plain(13.0, GOLD).right();
        let width = c.text(&games_won.to_string(), right + vec2(-2.0, 4.5), ink);
        star(-width - 10.0);
        return;
    }
    for i in 0..games_won {
        star(-6.0 - i as f32 * 11.0);
    }
}

/// The news, newest last.
pub fn draw_feed(c: &Canvas, place: Rect, lines: &[Line]) {
    for (i, line) in lines.iter().rev().enumerate() {
        let y = place.bottom() - 6.0 - i as f32 * 22.0;
        let slide = (1.0 - (line.age / 0.2).min(1.0)) * 16.0;
        let ink = Ink::plain(14.0, faded(line.colour, line.strength()));
        let text = c.fitted(&line.text, place.w - 18.0, ink);
        c.disc(vec2(place.x + 5.0 + slide, y - 5.0), 2.4, faded(GOLD, line.strength() * 0.9));
        c.text(&text, vec2(place.x + 15.0 + slide, y), ink);
    }
}
