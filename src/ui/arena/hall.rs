//! The hall of fame in the place of the scoreboard (Tab), and whether what happens here is kept.

use std::collections::BTreeMap;

use macroquad::{
    color::Color,
    math::{Rect, Vec2, vec2},
};

use super::{
    list::Scroll,
    margin::{FOOT, HEAD, draw_foot, draw_head, draw_wins, wins_width},
};
use crate::{
    accounts::told_apart,
    arena::{
        Arena,
        hall::{Standing, by_person},
    },
    ledger::{Fullness, witness::Safety},
    node::{LedgerView, View},
    types::NodeId,
    ui::{
        draw::Canvas,
        palette::{CREAM, HEATHER, LAVENDER, PANEL_EDGE, RUBY_LIGHT, faded},
        panel::draw_panel,
        screen::Frame,
        text::Ink,
    },
};

/// The height of a line.
const ROW: f32 = 30.0;
/// How long something counts as safe yet after it was, in seconds: the newest points are on their
/// way at any time.
const ON_ITS_WAY_S: f32 = 2.0;

/// Which scores are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Scores {
    /// Of this round.
    #[default]
    Round,
    /// Of this evening.
    Evening,
    /// Of all time.
    AllTime,
}

impl Scores {
    /// The next ones.
    pub fn next(self) -> Self {
        match self {
            Self::Round => Self::Evening,
            Self::Evening => Self::AllTime,
            Self::AllTime => Self::Round,
        }
    }
}

/// Draws the scores of more than this round, best first.
pub fn draw_hall(
    frame: &Frame,
    place: Rect,
    view: &View<Arena>,
    scores: Scores,
    names: &BTreeMap<NodeId, String>,
    scroll: &mut Scroll,
) {
    let c = &frame.stage;
    let (title, ranks) = match scores {
        Scores::AllTime => ("Of all time", view.scores.all_time()),
        Scores::Round | Scores::Evening => ("This evening", view.scores.this_evening(view.wall.0)),
    };
    let called = called(view, &ranks, names);
    let ranks = by_person(ranks, |machine| view.accounts.person(machine));
    let me = view.accounts.person(view.me);
    let fitting = ((place.h - HEAD - FOOT) / ROW) as usize;
    scroll.by(frame.keys.pages, frame.keys.lines, ranks.len(), fitting);
    let own = ranks.iter().position(|(id, _)| *id == me);
    let window = scroll.window(ranks.len(), fitting, own);
    let foot = if window.scrolls { FOOT } else { 6.0 };
    let all = HEAD + ROW * window.lines.len().max(1) as f32 + foot;
    let place = Rect { h: all.min(place.h), ..place };
    draw_panel(c, place);
    draw_head(c, place, title);
    if ranks.is_empty() {
        let ink = Ink::plain(14.0, HEATHER).centred();
        c.text("nobody yet", vec2(place.center().x, place.y + HEAD + 18.0), ink);
    }
    for (at, rank) in window.lines.iter().enumerate() {
        let line =
            Rect::new(place.x + 8.0, place.y + HEAD + at as f32 * ROW, place.w - 16.0, ROW - 4.0);
        let (id, standing) = ranks[*rank];
        let name = called.get(&id).map_or("somebody", String::as_str);
        draw_line(c, line, id == me, rank + 1, standing, name);
    }
    draw_foot(c, place, &window, ranks.len());
}

fn draw_line(c: &Canvas, line: Rect, own: bool, rank: usize, standing: Standing, name: &str) {
    if own {
        c.round_rect(line, 8.0, faded(PANEL_EDGE, 0.55));
        c.round_frame(line, 8.0, 1.2, faded(LAVENDER, 0.5));
    }
    let text_y = line.y + line.h * 0.5 + 5.0;
    let ink = Ink::plain(13.0, HEATHER).right();
    c.text(&format!("{rank}."), vec2(line.x + 26.0, text_y), ink);
    let ink = Ink::plain(17.0, CREAM).right();
    let points = standing.points.to_string();
    let width = c.text(&points, vec2(line.right() - 8.0, text_y + 1.0), ink).max(24.0);
    let won = u32::try_from(standing.games_won).unwrap_or(u32::MAX);
    draw_wins(c, won, vec2(line.right() - 14.0 - width, text_y - 5.0));
    let room = line.w - 50.0 - width - wins_width(won) - 8.0;
    let ink = Ink::plain(14.0, CREAM);
    c.text(&c.fitted(name, room, ink), vec2(line.x + 33.0, text_y), ink);
}

/// What each person is called whose machines have these standings: by its account's name, or by what it was
/// called in this game, told apart where two have one name.
fn called(
    view: &View<Arena>,
    ranks: &[(NodeId, Standing)],
    names: &BTreeMap<NodeId, String>,
) -> BTreeMap<NodeId, String> {
    let mut known: BTreeMap<NodeId, String> = BTreeMap::new();
    for (machine, _) in ranks {
        let name = view.accounts.name_of(*machine);
        let name = name.or_else(|| names.get(machine).map(String::as_str));
        let name = name.or_else(|| Some(view.scores.name(*machine)?.as_str()));
        let name = name.map_or_else(|| format!("{machine:?}"), str::to_owned);
        known.entry(view.accounts.person(*machine)).or_insert(name);
    }
    told_apart(known.iter().map(|(id, name)| (*id, name.as_str())), &view.accounts)
}

/// Watches over how safe the ledger is, without being upset by what is just on its way.
#[derive(Debug, Default)]
pub struct Keeping {
    /// Seconds since all of it was on this machine.
    unkept: f32,
}

impl Keeping {
    /// Some seconds have passed.
    pub fn pass(&mut self, seconds: f32, ledger: &LedgerView) {
        let safe = ledger.safety >= Safety::Mine;
        self.unkept = if safe { 0.0 } else { self.unkept + seconds };
    }

    /// Says how safe it is, below the margin.
    pub fn draw(&self, c: &Canvas, at: Vec2, ledger: &LedgerView, width: f32) {
        let (saying, colour) = self.saying(ledger);
        let ink = Ink::plain(13.0, colour).centred();
        c.text(&c.fitted(&saying, width, ink), at, ink);
    }

    /// It is elsewhere only when all of it is.
    fn saying(&self, ledger: &LedgerView) -> (String, Color) {
        let shared = ledger.safety == Safety::Shared;
        match &ledger.trouble {
            _ if ledger.fullness == Fullness::Full => {
                ("not kept: the book of points is full".to_owned(), RUBY_LIGHT)
            }
            _ if ledger.fullness == Fullness::Soon => {
                ("kept; the book of points is nearly full".to_owned(), RUBY_LIGHT)
            }
            Some(_) if shared && ledger.entries > 0 => {
                ("kept by the others alone".to_owned(), LAVENDER)
            }
            Some(trouble) => (trouble.to_string(), RUBY_LIGHT),
            None if ledger.entries == 0 => ("nothing to keep yet".to_owned(), HEATHER),
            None if shared => ("kept, here and elsewhere".to_owned(), HEATHER),
            None if self.unkept < ON_ITS_WAY_S => ("kept here".to_owned(), HEATHER),
            None => ("being written down…".to_owned(), LAVENDER),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(entries: usize, safety: Safety) -> String {
        let ledger = LedgerView { entries, safety, ..LedgerView::default() };
        let mut keeping = Keeping::default();
        keeping.pass(0.016, &ledger);
        keeping.saying(&ledger).0
    }

    #[test]
    fn elsewhere_is_said_only_of_what_is_elsewhere() {
        assert_eq!(says(0, Safety::Shared), "nothing to keep yet");
        assert_eq!(says(3, Safety::Shared), "kept, here and elsewhere");
        assert_eq!(says(3, Safety::Mine), "kept here");
    }
}
