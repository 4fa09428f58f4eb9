//! A field that is typed into: as it is, or as dots.
use macroquad::math::{Rect, vec2};

use super::{
    draw::Canvas,
    keys,
    palette::{CREAM, GOLD, GOLD_LIGHT, NIGHT, PANEL_EDGE, faded},
    text::Ink,
};

/// What stands in a field. Nothing is mended of it, unlike of a name: a path and a passphrase are taken as they
/// are typed.
#[derive(Clone, Default)]
pub struct Field {
    text: String,
    chars_max: usize,
    hidden: bool,
}

impl Field {
    /// A field in which this stands, with room for so many characters.
    pub fn plain(text: String, chars_max: usize) -> Self {
        Self { text, chars_max, hidden: false }
    }

    /// An empty one that shows dots.
    pub fn secret(chars_max: usize) -> Self {
        Self { text: String::new(), chars_max, hidden: true }
    }

    /// What stands in it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What stands in it, which it does no more.
    pub fn take(&mut self) -> String {
        std::mem::take(&mut self.text)
    }

    /// Shows letters instead of dots, or dots again.
    pub fn turn(&mut self) {
        self.hidden ^= true;
    }

    /// Goes on at its end: with letters, backspaces, and what was pasted.
    pub fn type_in(&mut self, typed: &str) {
        for c in typed.chars() {
            if keys::is_backspace(c) {
                self.text.pop();
            } else if self.text.chars().count() < self.chars_max {
                self.text.push(c);
            }
        }
    }

    /// Draws it; with a stroke that blinks where it is typed at, if it is.
    pub fn draw(&self, c: &Canvas, place: Rect, typed_at: bool, seconds: f32) {
        const DOT: f32 = 14.0;
        c.round_rect(place, 8.0, faded(NIGHT, 0.8));
        let edge = if typed_at { GOLD } else { faded(PANEL_EDGE, 0.9) };
        c.round_frame(place, 8.0, 1.6, edge);
        let left = vec2(place.x + 16.0, place.center().y);
        let room = place.w - 40.0;
        let mut pen = left.x;
        if self.hidden {
            let dots = self.text.chars().count().min((room / DOT) as usize);
            for dot in 0..dots {
                c.disc(left + vec2(DOT * (dot as f32 + 0.5), 0.0), 4.2, CREAM);
            }
            pen += DOT * dots as f32;
        } else {
            // Its end is what somebody types at.
            let ink = Ink::plain(20.0, CREAM);
            let mut text = self.text.as_str();
            while c.text_width(text, ink) > room {
                let first = text.chars().next().map_or(1, char::len_utf8);
                text = &text[first..];
            }
            pen += c.text(text, left + vec2(0.0, 7.0), ink);
        }
        if typed_at && seconds.fract() < 0.6 {
            c.rect(Rect::new(pen + 2.0, place.center().y - 11.0, 2.0, 22.0), GOLD_LIGHT);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_kept_as_it_is_and_no_longer_than_there_is_room() {
        let mut field = Field::plain("/home/".to_owned(), 12);
        field.type_in("a  b\u{8}c and more");
        assert_eq!(field.text(), "/home/a  c a");
        assert_eq!(field.take(), "/home/a  c a");
        field.type_in("\u{8}\u{7f}");
        assert_eq!(field.text(), "");
    }
}
