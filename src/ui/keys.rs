//! What is held down and typed, and how keys look on the screen.
use macroquad::{
    input::{KeyCode, get_char_pressed, is_key_down, is_key_pressed, mouse_wheel},
    math::{Rect, Vec2, vec2},
};

use super::{
    draw::Canvas,
    palette::{CREAM, LAVENDER, NIGHT, PANEL_EDGE, faded},
    text::Ink,
};
use crate::arena::Controls;

/// What the keyboard says in one frame. Whoever wants to know looks here and asks no window.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Keys {
    /// What the player holds down: arrows or WASD, and space or shift to dash.
    pub held: Controls,
    /// Enter was pressed, either of them.
    pub enter: bool,
    /// Escape was.
    pub escape: bool,
    /// Tab was.
    pub tab: bool,
    /// Space was.
    pub space: bool,
    /// An arrow up was, or W.
    pub up: bool,
    /// An arrow down was, or S.
    pub down: bool,
    /// An arrow to the left was, or A.
    pub left: bool,
    /// An arrow to the right was, or D.
    pub right: bool,
    /// F2 was.
    pub rename: bool,
    /// N was.
    pub another: bool,
    /// L was.
    pub lock: bool,
    /// K was.
    pub council: bool,
    /// B was.
    pub ban: bool,
    /// V was.
    pub vote: bool,
    /// P was.
    pub pair: bool,
    /// M was.
    pub same: bool,
    /// X was.
    pub differ: bool,
    /// A was.
    pub accounts: bool,
    /// F4 was.
    pub fresh: bool,
    /// F5 was.
    pub recolour: bool,
    /// F6 was.
    pub export: bool,
    /// F7 was.
    pub import: bool,
    /// F8 was.
    pub strike: bool,
    /// Delete was.
    pub remove: bool,
    /// F3 was.
    pub figures: bool,
    /// F11 was.
    pub full_screen: bool,
    /// By how many pages, or lines of a wheel, a list is to be moved: down is more than zero.
    pub pages: i32,
    /// See `pages`.
    pub lines: i32,
    /// What was typed, backspaces included, in order.
    pub typed: String,
}

impl Keys {
    /// What the keyboard says now. To be called once in each frame, on the main thread.
    pub fn now() -> Self {
        let pressed = |keys: &[KeyCode]| keys.iter().any(|&key| is_key_pressed(key));
        let signed = |less: bool, more: bool| i32::from(more) - i32::from(less);
        Self {
            held: held(),
            enter: pressed(&[KeyCode::Enter, KeyCode::KpEnter]),
            escape: pressed(&[KeyCode::Escape]),
            tab: pressed(&[KeyCode::Tab]),
            space: pressed(&[KeyCode::Space]),
            up: pressed(&[KeyCode::Up, KeyCode::W]),
            down: pressed(&[KeyCode::Down, KeyCode::S]),
            left: pressed(&[KeyCode::Left, KeyCode::A]),
            right: pressed(&[KeyCode::Right, KeyCode::D]),
            rename: pressed(&[KeyCode::F2]),
            another: pressed(&[KeyCode::N]),
            lock: pressed(&[KeyCode::L]),
            council: pressed(&[KeyCode::K]),
            ban: pressed(&[KeyCode::B]),
            vote: pressed(&[KeyCode::V]),
            pair: pressed(&[KeyCode::P]),
            same: pressed(&[KeyCode::M]),
            differ: pressed(&[KeyCode::X]),
            accounts: pressed(&[KeyCode::A]),
            fresh: pressed(&[KeyCode::F4]),
            recolour: pressed(&[KeyCode::F5]),
            export: pressed(&[KeyCode::F6]),
            import: pressed(&[KeyCode::F7]),
            strike: pressed(&[KeyCode::F8]),
            remove: pressed(&[KeyCode::Delete]),
            figures: pressed(&[KeyCode::F3]),
            full_screen: pressed(&[KeyCode::F11]),
            pages: signed(pressed(&[KeyCode::PageUp]), pressed(&[KeyCode::PageDown])),
            lines: {
                let (_, wheel) = mouse_wheel();
                signed(wheel > 0.0, wheel < 0.0)
            },
            typed: typed(),
        }
    }
}

/// What the player holds down. A key that was tapped between two frames counts for one; opposite
/// keys cancel each other out.
fn held() -> Controls {
    let down = |keys: &[KeyCode]| keys.iter().any(|&key| is_key_down(key) || is_key_pressed(key));
    let axis = |less: &[KeyCode], more: &[KeyCode]| i8::from(down(more)) - i8::from(down(less));
    Controls {
        dx: axis(&[KeyCode::Left, KeyCode::A], &[KeyCode::Right, KeyCode::D]),
        dy: axis(&[KeyCode::Up, KeyCode::W], &[KeyCode::Down, KeyCode::S]),
        dash: down(&[KeyCode::Space, KeyCode::LeftShift, KeyCode::RightShift]),
        ..Controls::default()
    }
}

/// What was typed since the last frame, and what was pasted.
fn typed() -> String {
    let command =
        [KeyCode::LeftControl, KeyCode::RightControl, KeyCode::LeftSuper, KeyCode::RightSuper]
            .iter()
            .any(|&key| is_key_down(key));
    let mut typed: String = std::iter::from_fn(get_char_pressed)
        .filter(|c| is_backspace(*c) || !(c.is_control() || command || is_function_key(*c)))
        .collect();
    if command
        && is_key_pressed(KeyCode::V)
        && let Some(pasted) = macroquad::miniquad::window::clipboard_get()
    {
        typed.extend(pasted.chars().filter(|c| !is_backspace(*c)));
    }
    typed
}

/// Whether this takes back what was typed before it.
pub fn is_backspace(c: char) -> bool {
    matches!(c, '\u{8}' | '\u{7f}')
}

/// macOS reports arrows and function keys as characters of a private area.
fn is_function_key(c: char) -> bool {
    ('\u{f700}'..='\u{f8ff}').contains(&c)
}

/// Lets the player go on typing at the end of `text`: letters, backspaces, and what was pasted. It
/// stays fit to show, of at most `chars_max` characters; but a blank at its end is kept while
/// typing, for the next word may follow.
pub fn type_into(text: &mut String, typed: &str, chars_max: usize) {
    for c in typed.chars() {
        if is_backspace(c) {
            text.pop();
        } else {
            text.push(c);
        }
    }
    if typed.is_empty() {
        return;
    }
    let blank = text.ends_with(char::is_whitespace);
    *text = crate::text::clean(text, chars_max);
    if blank && !text.is_empty() && text.chars().count() < chars_max {
        text.push(' ');
    }
}

/// A key with what it does, for a line of hints.
pub struct Hint {
    /// What stands on the key, or the keys, apart by blanks.
    pub keys: &'static str,
    /// What it does.
    pub does: &'static str,
}

/// Draws a line of hints around `centre`.
pub fn draw_hints(canvas: &Canvas, centre: Vec2, hints: &[Hint]) {
    const GAP: f32 = 22.0;
    let widths: Vec<f32> = hints.iter().map(|hint| hint_width(canvas, hint)).collect();
    let total = widths.iter().sum::<f32>() + GAP * hints.len().saturating_sub(1) as f32;
    let mut x = centre.x - total / 2.0;
    for (hint, width) in hints.iter().zip(widths) {
        let mut pen = x;
        for key in hint.keys.split(' ') {
            pen += draw_keycap(canvas, vec2(pen, centre.y), key) + 4.0;
        }
        canvas.text(hint.does, vec2(pen + 3.0, centre.y + 5.0), does_ink());
        x += width + GAP;
    }
}

const fn does_ink() -> Ink {
    Ink::plain(15.0, LAVENDER)
}

const fn cap_ink() -> Ink {
    Ink::plain(13.0, CREAM)
}

fn hint_width(canvas: &Canvas, hint: &Hint) -> f32 {
    let caps: f32 = hint.keys.split(' ').map(|key| cap_width(canvas, key) + 4.0).sum();
    caps + 3.0 + canvas.text_width(hint.does, does_ink())
}

fn cap_width(canvas: &Canvas, key: &str) -> f32 {
    match key {
        "left" | "right" | "up" | "down" => 24.0,
        _ => (canvas.text_width(key, cap_ink()) + 14.0).max(24.0),
    }
}

/// Draws one key with its left edge at `left`, and returns its width.
fn draw_keycap(canvas: &Canvas, left: Vec2, key: &str) -> f32 {
    let width = cap_width(canvas, key);
    let cap = Rect::new(left.x, left.y - 12.0, width, 24.0);
    canvas.round_rect(cap.offset(vec2(0.0, 2.5)), 6.0, faded(NIGHT, 0.9));
    canvas.round_rect(cap, 6.0, PANEL_EDGE);
    canvas.round_rect(
        Rect::new(cap.x + 1.5, cap.y + 1.5, cap.w - 3.0, cap.h - 4.5),
        5.0,
        faded(NIGHT, 0.55),
    );
    let middle = left + vec2(width / 2.0, -1.0);
    let turn = match key {
        "right" => 0.0,
        "down" => 0.25,
        "left" => 0.5,
        "up" => 0.75,
        _ => {
            canvas.text(key, middle + vec2(0.0, 5.0), cap_ink().centred());
            return width;
        }
    };
    let corner = |around: f32, reach: f32| {
        middle + Vec2::from_angle((turn + around) * std::f32::consts::TAU) * reach
    };
    canvas.convex(&[corner(0.0, 6.0), corner(0.36, 5.5), corner(0.64, 5.5)], CREAM);
    width
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is there after each of these came in one frame.
    fn after(frames: &[&str]) -> String {
        let mut text = String::new();
        frames.iter().for_each(|typed| type_into(&mut text, typed, 10));
        text
    }

    #[test]
    fn a_blank_is_kept_however_quickly_it_is_typed() {
        for frames in
            [&["a", " ", "b"][..], &["a ", "b"], &["a", " b"], &["a b"], &["a ", " ", "b"]]
        {
            assert_eq!(after(frames), "a b", "{frames:?}");
        }
        assert_eq!(after(&["a b ", "c"]), "a b c");
    }

    #[test]
    fn a_backspace_takes_what_was_typed_before_it() {
        assert_eq!(after(&["ab\u{8}c"]), "ac");
        assert_eq!(after(&["a ", "\u{8}", "b"]), "ab");
        assert_eq!(after(&["\u{8}\u{7f}a"]), "a");
        assert_eq!(after(&["ab", "\u{8}\u{8}\u{8}"]), "");
    }

    #[test]
    fn no_more_is_typed_than_there_is_room_for() {
        assert_eq!(after(&["0123456789", " ", "x"]), "0123456789");
        assert_eq!(after(&[" ", "\n", "\u{202e}"]), "");
    }
}
