//! What stands around the board: scores, news, and for whoever wants to know, figures.
use std::collections::BTreeMap;

use macroquad::math::{Rect, vec2};

use super::{
    WINDOW,
    cast::tunic,
    herald::{Line, draw_badge},
};
use crate::{
    arena::{Arena, POINTS_TO_WIN, World},
    node::View,
    types::NodeId,
    ui::{
        Frame, STAGE,
        crown::draw_crown,
        draw::{Canvas, Paint},
        heir::{Mood, Pose, blink},
        palette::{
            CREAM, GOLD, GOLD_DEEP, GOLD_LIGHT, HEATHER, LAVENDER, NIGHT, PANEL_EDGE, TUNICS,
            faded, lit, mixed, shaded,
        },
        text::Ink,
        title::draw_panel,
    },
};

/// The height of a line of the scoreboard, as long as there is room.
const ROW_MAX: f32 = 44.0;

/// The line above the board: the name of the game, the session, the round.
pub fn draw_header(c: &Canvas, view: &View<Arena>, world: Option<&World>) {
    let baseline = 48.0;
    draw_crown(c, vec2(WINDOW.x + 16.0, baseline - 2.0), 32.0, -0.08, 0.0);
    let ink = Ink { align: crate::ui::text::Align::Left, ..Ink::royal(25.0, GOLD) };
    let width = c.text("Interregnum", vec2(WINDOW.x + 42.0, baseline), ink);
    if let Some(session) = &view.session {
        let ink = Ink::plain(17.0, LAVENDER);
        let shown = c.fitted(&format!("in {session}"), 260.0, ink);
        c.text(&shown, vec2(WINDOW.x + 42.0 + width + 18.0, baseline - 1.0), ink);
    }
    let Some(world) = world else { return };
    let right = vec2(WINDOW.right(), baseline - 1.0);
    let goal = format!("first to {POINTS_TO_WIN} wins");
    let width = c.text(&goal, right, Ink::plain(17.0, LAVENDER).right());
    let round = format!("Round {}", world.round);
    let ink = Ink { align: crate::ui::text::Align::Right, ..Ink::royal(20.0, CREAM) };
    c.text(&round, right - vec2(width + 18.0, 0.0), ink);
}

/// The scores, best first.
pub fn draw_scoreboard(
    c: &Canvas,
    place: Rect,
    view: &View<Arena>,
    world: Option<&World>,
    names: &BTreeMap<NodeId, String>,
    seconds: f32,
) {
    let Some(world) = world else { return };
    let mut ranks: Vec<_> = world.players.iter().collect();
    ranks.sort_by_key(|(id, player)| {
        let score = world.scoreboard.get(id).copied().unwrap_or_default();
        (player.is_away(), std::cmp::Reverse((score.points, score.games_won)), **id)
    });
    let room = place.h - 56.0;
    let row = (room / ranks.len().max(1) as f32).clamp(26.0, ROW_MAX);
    let fitting = (room / row) as usize;
    // The viewer's own line is always there, if need be as the last.
    if let Some(own) = ranks.iter().position(|(id, _)| **id == view.me)
        && own >= fitting
        && fitting > 0
    {
        let line = ranks.remove(own);
        ranks.insert(fitting - 1, line);
    }
    let all = 52.0 + row * ranks.len() as f32;
    let place = Rect { h: all.min(place.h), ..place };
    draw_panel(c, place);
    let heading = Ink::royal(16.0, GOLD).spaced(0.12);
    c.text("The heirs", vec2(place.center().x, place.y + 30.0), heading);
    for (rank, (id, player)) in ranks.iter().take(fitting).enumerate() {
        let line =
            Rect::new(place.x + 8.0, place.y + 42.0 + rank as f32 * row, place.w - 16.0, row - 4.0);
        let score = world.scoreboard.get(id).copied().unwrap_or_default();
        let away = player.is_away();
        if **id == view.me {
            c.round_rect(line, 9.0, faded(PANEL_EDGE, 0.55));
            c.round_frame(line, 9.0, 1.2, faded(LAVENDER, 0.5));
        }
        let colour = tunic(player);
        let size = (row * 0.25).min(10.5);
        let mut pose = Pose::standing(vec2(line.x + 20.0, line.bottom() - row * 0.2), size, colour);
        pose.look = vec2(0.35, 0.1);
        pose.blink = blink(seconds, id.as_u128() as u32);
        pose.seconds = seconds;
        if away {
            pose.mood = Mood::Ghost;
        }
        draw_badge(c, &pose, view.host == Some(**id));
        let fade = if away { 0.5 } else { 1.0 };
        let text_y = line.y + line.h * 0.5 + if row > 36.0 { 1.0 } else { 5.0 };
        let points = score.points.to_string();
        let ink = Ink::plain(21.0, faded(CREAM, fade)).right();
        let width = c.text(&points, vec2(line.right() - 10.0, text_y + 3.0), ink);
        let ink = Ink::plain(15.0, faded(lit(colour, 0.45), fade));
        let name_room = line.w - 40.0 - width - 16.0 - wins_width(score.games_won);
        let name = names.get(id).map_or(player.name.as_str(), String::as_str);
        let name = c.fitted(name, name_room, ink);
        c.text(&name, vec2(line.x + 38.0, text_y), ink);
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
    if ranks.len() > fitting {
        let more = format!("and {} more", ranks.len() - fitting);
        let ink = Ink::plain(12.0, HEATHER).centred();
        c.text(&more, vec2(place.center().x, place.bottom() - 8.0), ink);
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
pub fn draw_wins(c: &Canvas, games_won: u32, right: macroquad::math::Vec2) {
    let star = |x: f32| {
        let points: Vec<_> = (0..10)
            .map(|i| {
                let reach = if i % 2 == 0 { 5.4 } else { 2.4 };
                let turn = i as f32 / 10.0 * std::f32::consts::TAU - std::f32::consts::FRAC_PI_2;
                right + vec2(x, 0.0) + macroquad::math::Vec2::from_angle(turn) * reach
            })
            .collect();
        c.polygon(&points, Paint::Down(GOLD_LIGHT, GOLD_DEEP));
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

/// Figures for whoever wants to know how it works (F3).
pub fn draw_debug(frame: &Frame, view: &View<Arena>) {
    let c = &frame.stage;
    let clock = view.picture.as_ref().map(|picture| picture.clock);
    let short = |id: NodeId| format!("{id:?}");
    let mut lines = vec![
        format!("{:.1} frames/s, {:?}", 1_000.0 / frame.frame_ms.max(0.1), view.status),
        format!("me {} {:?}", short(view.me), view.role),
        format!(
            "host {} term {}",
            view.host.map_or_else(|| "none".to_owned(), short),
            view.term.map_or_else(|| "none".to_owned(), |term| format!("{term:?}")),
        ),
        format!(
            "tick {}",
            clock.map_or_else(|| "none".to_owned(), |clock| clock.tick.0.to_string()),
        ),
        format!("view {:.1} ms old", frame.now.since(view.at).as_secs_f64() * 1_000.0),
    ];
    if let Some(handover) = &view.handover {
        lines.push(format!(
            "last handover {:.1} ms, {}",
            handover.gap.as_secs_f64() * 1_000.0,
            handover.reason
        ));
    }
    for member in view.members.iter().take(12) {
        let away = if member.away { " away" } else { "" };
        lines.push(format!("{} {}{away}", short(member.id), member.name));
    }
    let ink = Ink::plain(13.0, mixed(CREAM, TUNICS[1], 0.4));
    let width = lines.iter().map(|line| c.text_width(line, ink)).fold(0.0, f32::max);
    let pane = Rect::new(
        WINDOW.x + 8.0,
        WINDOW.bottom() - 18.0 - lines.len() as f32 * 17.0,
        (width + 24.0).min(STAGE.x),
        lines.len() as f32 * 17.0 + 12.0,
    );
    c.round_rect(pane, 8.0, faded(NIGHT, 0.82));
    for (i, line) in lines.iter().enumerate() {
        let at = vec2(pane.x + 12.0, pane.y + 20.0 + i as f32 * 17.0);
        c.text(line, at, ink);
    }
}
