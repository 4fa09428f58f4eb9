//! A question before something is given up.
use macroquad::math::{Rect, vec2};

use super::{
    keys::{self, Hint, Keys},
    palette::{CREAM, GOLD, LAVENDER, NIGHT, faded},
    panel::draw_panel,
    screen::{Frame, STAGE},
    text::Ink,
};

/// How wide it is, and can be.
const WIDTH_MIN: f32 = 540.0;
const WIDTH_MAX: f32 = STAGE.x - 120.0;
/// From one line of the note to the next.
const LINE: f32 = 24.0;

/// Asks whether the player means it. Not there until Escape is pressed.
#[derive(Debug, Default)]
pub struct Ask {
    /// For how long the question has been there, in seconds.
    since: Option<f32>,
}

/// What the player said to the question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// There is no question.
    NotAsked,
    /// Nothing yet.
    Open,
    /// It is meant.
    Yes,
}

impl Ask {
    /// Brings the question.
    pub fn open(&mut self) {
        self.since = Some(0.0);
    }

    /// Whether the question is there: then all keys belong to it.
    pub fn is_open(&self) -> bool {
        self.since.is_some()
    }

    /// Hears the keys of a frame: Escape brings the question, and takes it away again; Enter says
    /// yes.
    pub fn hear(&mut self, keys: &Keys, passed: f32) -> Answer {
        let Some(since) = &mut self.since else {
            self.since = keys.escape.then_some(0.0);
            return if self.is_open() { Answer::Open } else { Answer::NotAsked };
        };
        *since += passed;
        if keys.enter {
            self.since = None;
            return Answer::Yes;
        }
        if keys.escape {
            self.since = None;
            return Answer::NotAsked;
        }
        Answer::Open
    }

    /// Draws it over everything else.
    pub fn draw(&self, frame: &Frame, question: &str, note: &str, yes: &'static str) {
        let Some(since) = self.since else { return };
        let c = frame.stage.faded(since / 0.12 + 0.3);
        c.block(frame.visible, faded(NIGHT, 0.6));
        // A long name makes it wider, a long note higher.
        let (head, ink) = (Ink::royal(28.0, GOLD), Ink::plain(18.0, CREAM).centred());
        let question = c.fitted(question, WIDTH_MAX - 60.0, head);
        let width = (c.text_width(&question, head) + 60.0).max(WIDTH_MIN);
        let note = c.wrapped(note, width - 40.0, 2, ink);
        let more = LINE * note.len().saturating_sub(1) as f32;
        let height = 176.0 + more;
        let place = Rect::new((STAGE.x - width) / 2.0, STAGE.y / 2.0 - 90.0, width, height);
        draw_panel(&c, place);
        c.round_frame(place, 14.0, 1.8, faded(GOLD, 0.8));
        let middle = place.center().x;
        c.text(&question, vec2(middle, place.y + 56.0), head);
        for (number, line) in note.iter().enumerate() {
            c.text(line, vec2(middle, place.y + 92.0 + LINE * number as f32), ink);
        }
        let y = place.y + 112.0 + more;
        let line = [vec2(place.x + 40.0, y), vec2(place.right() - 40.0, y)];
        c.line(&line, false, 1.2, faded(LAVENDER, 0.35));
        let hints = [Hint { keys: "Enter", does: yes }, Hint { keys: "Esc", does: "stay" }];
        keys::draw_hints(&c, vec2(middle, y + 32.0), &hints);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_asks_and_enter_means_it() {
        let escape = Keys { escape: true, ..Keys::default() };
        let enter = Keys { enter: true, ..Keys::default() };
        let mut ask = Ask::default();
        assert_eq!(ask.hear(&enter, 0.1), Answer::NotAsked);
        assert_eq!(ask.hear(&escape, 0.1), Answer::Open);
        assert_eq!(ask.hear(&Keys::default(), 0.1), Answer::Open);
        assert_eq!(ask.hear(&escape, 0.1), Answer::NotAsked);
        assert_eq!(ask.hear(&escape, 0.1), Answer::Open);
        assert_eq!(ask.hear(&enter, 0.1), Answer::Yes);
        assert!(!ask.is_open());
    }
}
