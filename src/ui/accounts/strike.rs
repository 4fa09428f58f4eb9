//! A pane before which a machine of the own account is struck off.
use macroquad::math::{Rect, vec2};

use crate::{
    accounts::Mark,
    types::NodeId,
    ui::{
        ask::{Answer, Ask},
        keys::{self, Hint},
        palette::{CREAM, GOLD, HEATHER, LAVENDER, NIGHT, PANEL_EDGE, faded},
        panel::draw_panel,
        screen::{Frame, STAGE},
        text::Ink,
    },
};

/// So many machines are shown at once, and so high is the line of each.
const ROWS: usize = 8;
const ROW: f32 = 34.0;

/// One of these machines is to be struck off.
pub struct Strike {
    /// There is at least one.
    machines: Vec<NodeId>,
    at: usize,
    ask: Ask,
}

/// What comes after a frame before the pane.
pub enum Step {
    /// It stays.
    Stay,
    /// The player goes away.
    Away,
    /// This machine is struck off.
    Off(NodeId),
}

impl Strike {
    /// One of these is. None: there are none.
    pub fn of(machines: Vec<NodeId>) -> Option<Self> {
        (!machines.is_empty()).then(|| Self { machines, at: 0, ask: Ask::default() })
    }

    /// Hears the keys.
    pub fn hear(&mut self, frame: &Frame) -> Step {
        let keys = frame.keys;
        if self.ask.is_open() {
            return match self.ask.hear(keys, frame.passed) {
                Answer::Yes => Step::Off(self.machines[self.at]),
                Answer::Open | Answer::NotAsked => Step::Stay,
            };
        }
        if keys.escape {
            return Step::Away;
        }
        let by = i32::from(keys.down) - i32::from(keys.up) + keys.lines + keys.pages * ROWS as i32;
        self.at = self.at.saturating_add_signed(by as isize).min(self.machines.len() - 1);
        if keys.enter {
            self.ask.open();
        }
        Step::Stay
    }

    /// Draws it over everything else.
    pub fn draw(&self, frame: &Frame) {
        let c = &frame.stage;
        c.block(frame.visible, faded(NIGHT, 0.6));
        let shown = self.machines.len().min(ROWS);
        let (width, height) = (620.0, 158.0 + ROW * shown as f32);
        let place = Rect::new((STAGE.x - width) / 2.0, (STAGE.y - height) / 2.0, width, height);
        draw_panel(c, place);
        c.round_frame(place, 14.0, 1.8, faded(GOLD, 0.8));
        let middle = place.center().x;
        c.text("Strike a machine off", vec2(middle, place.y + 48.0), Ink::royal(26.0, GOLD));
        // The list moves only as far as it must.
        let first = (self.at + 1).saturating_sub(ROWS);
        for (row, machine) in self.machines.iter().skip(first).take(ROWS).enumerate() {
            let line = Rect::new(
                place.x + 30.0,
                place.y + 70.0 + ROW * row as f32,
                place.w - 60.0,
                ROW - 4.0,
            );
            let chosen = first + row == self.at;
            if chosen {
                c.round_rect(line, 8.0, faded(PANEL_EDGE, 0.6));
                c.round_frame(line, 8.0, 1.6, GOLD);
            }
            let y = line.y + 21.0;
            let ink = Ink::plain(19.0, if chosen { CREAM } else { LAVENDER });
            c.text(Mark::of(*machine).as_str(), vec2(line.x + 16.0, y), ink);
            let ink = Ink::plain(14.0, HEATHER).right();
            c.text(&machine.to_string(), vec2(line.right() - 16.0, y), ink);
        }
        let ink = Ink::plain(16.0, LAVENDER).centred();
        let says = "one that was lost, or sold: whoever hears of it lets it in no more";
        c.text(says, vec2(middle, place.bottom() - 64.0), ink);
        let hints = [
            Hint { keys: "up down", does: "choose" },
            Hint { keys: "Enter", does: "strike it off" },
            Hint { keys: "Esc", does: "back" },
        ];
        keys::draw_hints(c, vec2(middle, place.bottom() - 30.0), &hints);
        let question = format!("Strike {} off?", Mark::of(self.machines[self.at]));
        self.ask.draw(frame, &question, "this cannot be taken back", "strike it off");
    }
}
