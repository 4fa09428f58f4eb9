//! Figures for whoever wants to know how it works (F3).
use macroquad::math::{Rect, vec2};

use super::{WINDOW, ahead::Reaction};
use crate::{
    arena::Arena,
    ledger::witness::Safety,
    node::{Cause, View},
    types::NodeId,
    ui::{
        palette::{CREAM, NIGHT, RUBY_LIGHT, TEAL, faded, mixed},
        screen::{Frame, STAGE, VERTICES_BUDGET},
        text::Ink,
    },
};

/// Members listed at most.
const MEMBERS_MAX: usize = 12;
const LINE: f32 = 17.0;

/// Where the ledger is kept, in words.
fn safety(safety: Safety) -> &'static str {
    match safety {
        Safety::None => "kept nowhere yet",
        Safety::Mine => "kept here",
        Safety::Shared => "kept here and elsewhere",
    }
}

/// Draws them.
pub fn draw_figures(frame: &Frame, view: &View<Arena>, reaction: &Reaction) {
    let c = &frame.stage;
    let clock = view.picture.as_ref().map(|picture| picture.clock);
    let short = |id: NodeId| format!("{id:?}");
    let studio = c.studio();
    let (last, most) = (studio.last(), studio.most());
    let none = || "none".to_owned();
    let mut lines = vec![
        format!("{:.1} frames/s, {:?}", 1_000.0 / frame.frame_ms.max(0.1), view.status),
        format!(
            "{} vertices of {VERTICES_BUDGET}, at most {most}; {} draw calls",
            last.vertices, last.batches
        ),
        match reaction.took {
            Some((1, ms)) => format!("key to screen: the same frame, {ms:.1} ms"),
            Some((frames, ms)) => format!("key to screen: {frames} frames, {ms:.1} ms"),
            None => "key to screen: press one".to_owned(),
        },
        format!("me {} {:?}", short(view.me), view.role),
        match view.locked {
            true => "locked: only those with the passphrase read along".to_owned(),
            false => "open: anybody on this network may come in".to_owned(),
        },
        format!(
            "host {} term {}",
            view.host.map_or_else(none, short),
            view.term.map_or_else(none, |term| format!("{term:?}")),
        ),
        format!("tick {}", clock.map_or_else(none, |clock| clock.tick.0.to_string())),
        format!("view {:.1} ms old", frame.now.since(view.at).as_secs_f64() * 1_000.0),
        format!("{} entries in the ledger, {}", view.ledger.entries, safety(view.ledger.safety)),
    ];
    lines.extend(view.key.map(|key| format!("key {key}")));
    if let Some(handover) = &view.handover {
        lines.push(format!(
            "last handover {:.1} ms, {}",
            handover.gap.as_secs_f64() * 1_000.0,
            handover.reason.map_or("replaced", Cause::as_str)
        ));
    }
    for member in view.members.iter().take(MEMBERS_MAX) {
        let away = if member.away { " away" } else { "" };
        lines.push(format!("{} {}{away}", short(member.id), member.name));
    }
    if view.spectators > 0 {
        lines.push(format!("{} watch", view.spectators));
    }
    if view.members.len() > MEMBERS_MAX {
        lines.push(format!("and {} more", view.members.len() - MEMBERS_MAX));
    }
    let ink = Ink::plain(13.0, mixed(CREAM, TEAL, 0.4));
    let width = lines.iter().map(|line| c.text_width(line, ink)).fold(0.0, f32::max);
    let pane = Rect::new(
        WINDOW.x + 8.0,
        WINDOW.bottom() - 18.0 - lines.len() as f32 * LINE,
        (width + 24.0).min(STAGE.x),
        lines.len() as f32 * LINE + 12.0,
    );
    c.round_rect(pane, 8.0, faded(NIGHT, 0.82));
    for (i, line) in lines.iter().enumerate() {
        let over = i == 1 && last.vertices > VERTICES_BUDGET;
        let ink = if over { ink.coloured(RUBY_LIGHT) } else { ink };
        c.text(line, vec2(pane.x + 12.0, pane.y + 20.0 + i as f32 * LINE), ink);
    }
}
