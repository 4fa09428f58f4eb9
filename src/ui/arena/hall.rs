//! The hall of fame in the place of the scoreboard (Tab), and whether what happens here is kept.

use std::collections::BTreeMap;

use macroquad::math::{Rect, Vec2, vec2};

use super::margin::{draw_wins, wins_width};
use crate::{
    arena::{Arena, hall::Standing},
    cluster::ledger::{Fullness, witness::Safety},
    node::{LedgerView, View},
    types::NodeId,
    ui::{
        draw::Canvas,
        palette::{CREAM, GOLD, HEATHER, LAVENDER, PANEL_EDGE, RUBY_LIGHT, faded},
        text::Ink,
        title::draw_panel,
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
    c: &Canvas,
    place: Rect,
    view: &View<Arena>,
    scores: Scores,
    names: &BTreeMap<NodeId, String>,
) {
    let (title, mut ranks) = match scores {
        Scores::AllTime => ("Of all time", view.hall.all_time()),
        Scores::Round | Scores::Evening => ("This evening", view.hall.this_evening(view.wall.0)),
    };
    let fitting = ((place.h - 56.0) / ROW) as usize;
    let all = 60.0 + ROW * ranks.len().max(1) as f32;
    let place = Rect { h: all.min(place.h), ..place };
    draw_panel(c, place);
    let heading = Ink::royal(16.0, GOLD).spaced(0.12);
    c.text(title, vec2(place.center().x, place.y + 30.0), heading);
    if ranks.is_empty() {
        let ink = Ink::plain(14.0, HEATHER).centred();
        c.text("nothing yet", vec2(place.center().x, place.y + 62.0), ink);
    }
    // The viewer's own line is always there, if need be as the last.
    let places: Vec<usize> = (1..=ranks.len()).collect();
    let mut ranks: Vec<(usize, (NodeId, Standing))> =
        places.into_iter().zip(ranks.drain(..)).collect();
    let own = ranks.iter().position(|(_, (id, _))| *id == view.me);
    if let Some(own) = own.filter(|own| *own >= fitting && fitting > 0) {
        let line = ranks.remove(own);
        ranks.insert(fitting - 1, line);
    }
    for (row, (rank, (id, standing))) in ranks.iter().take(fitting).enumerate() {
        let y = place.y + 44.0 + row as f32 * ROW;
        let line = Rect::new(place.x + 8.0, y, place.w - 16.0, ROW - 4.0);
        if *id == view.me {
            c.round_rect(line, 8.0, faded(PANEL_EDGE, 0.55));
            c.round_frame(line, 8.0, 1.2, faded(LAVENDER, 0.5));
        }
        let text_y = line.y + line.h * 0.5 + 5.0;
        let ink = Ink::plain(13.0, HEATHER).right();
        c.text(&rank.to_string(), vec2(line.x + 20.0, text_y), ink);
        let ink = Ink::plain(17.0, CREAM).right();
        let width =
            c.text(&standing.points.to_string(), vec2(line.right() - 8.0, text_y + 1.0), ink);
        let won = u32::try_from(standing.games_won).unwrap_or(u32::MAX);
        draw_wins(c, won, vec2(line.right() - 14.0 - width, text_y - 5.0));
        let room = line.w - 44.0 - width - wins_width(won) - 8.0;
        let known = names.get(id).map(String::as_str);
        let name = known.or_else(|| Some(view.hall.name(*id)?.as_str()));
        let name = name.map_or_else(|| format!("{id:?}"), str::to_owned);
        let ink = Ink::plain(14.0, CREAM);
        c.text(&c.fitted(&name, room, ink), vec2(line.x + 28.0, text_y), ink);
    }
}

/// Watches over how safe the ledger is, without being upset by what is just on its way.
#[derive(Debug, Default)]
pub struct Keeping {
    /// Seconds since all of it was on two machines, and since it was on this one.
    unshared: f32,
    unkept: f32,
}

impl Keeping {
    /// Some seconds have passed.
    pub fn pass(&mut self, seconds: f32, ledger: &LedgerView) {
        let since = |before: f32, safe: bool| if safe { 0.0 } else { before + seconds };
        self.unshared = since(self.unshared, ledger.safety == Safety::Shared);
        self.unkept = since(self.unkept, ledger.safety >= Safety::Mine);
    }

    /// Says how safe it is, below the margin.
    pub fn draw(&self, c: &Canvas, at: Vec2, ledger: &LedgerView) {
        let shared = self.unshared < ON_ITS_WAY_S;
        let (saying, colour) = match &ledger.trouble {
            _ if ledger.fullness == Fullness::Full => {
                ("not kept: the book of points is full".to_owned(), RUBY_LIGHT)
            }
            _ if ledger.fullness == Fullness::Soon => {
                ("kept; the book of points is nearly full".to_owned(), RUBY_LIGHT)
            }
            Some(_) if shared => ("kept by the others alone".to_owned(), LAVENDER),
            Some(trouble) => (trouble.to_string(), RUBY_LIGHT),
            None if shared => ("kept, here and elsewhere".to_owned(), HEATHER),
            None if self.unkept < ON_ITS_WAY_S => ("kept, only here".to_owned(), HEATHER),
            None => ("being written down…".to_owned(), LAVENDER),
        };
        c.text(&saying, at, Ink::plain(13.0, colour).centred());
    }
}
