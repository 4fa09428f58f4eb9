//! What is held down and typed, and how keys look on the screen.
use macroquad::{
    input::{KeyCode, get_char_pressed, is_key_down, is_key_pressed},
    math::{Rect, Vec2, vec2},
};

use super::{
    draw::Canvas,
    palette::{CREAM, LAVENDER, NIGHT, PANEL_EDGE, faded},
    text::Ink,
};
use crate::arena::Controls;

/// What the player holds down: arrows or WASD, and space or shift to dash. Opposite keys cancel
/// each other out.
pub fn held() -> Controls {
    let down = |keys: &[KeyCode]| keys.iter().any(|&key| is_key_down(key));
    let axis = |less: &[KeyCode], more: &[KeyCode]| i8::from(down(more)) - i8::from(down(less));
    Controls {
        dx: axis(&[KeyCode::Left, KeyCode::A], &[KeyCode::Right, KeyCode::D]),
        dy: axis(&[KeyCode::Up, KeyCode::W], &[KeyCode::Down, KeyCode::S]),
        dash: down(&[KeyCode::Space, KeyCode::LeftShift, KeyCode::RightShift]),
    }
}

/// Whether Enter was pressed, either of them.
pub fn enter_pressed() -> bool {
    is_key_pressed(KeyCode::Enter) || is_key_pressed(KeyCode::KpEnter)
}

/// Forgets what was typed while nobody wanted to know.
pub fn forget_typed() {
    while get_char_pressed().is_some() {}
}

/// Lets the player go on typing at the end of `text`: letters, backspace, and pasting.
pub fn type_into(text: &mut String, chars_max: usize) {
    let command =
        [KeyCode::LeftControl, KeyCode::RightControl, KeyCode::LeftSuper, KeyCode::RightSuper]
            .iter()
            .any(|&key| is_key_down(key));
    let mut typed = String::new();
    while let Some(c) = get_char_pressed() {
        match c {
            '\u{8}' | '\u{7f}' => {
                let _ = typed.pop().or_else(|| text.pop());
            }
            c if !c.is_control() && !command && !is_function_key(c) => typed.push(c),
            _ => {}
        }
    }
    if command
        && is_key_pressed(KeyCode::V)
        && let Some(pasted) = macroquad::miniquad::window::clipboard_get()
    {
        typed.push_str(&pasted);
    }
    if typed.is_empty() {
        return;
    }
    // A blank at the end is kept while typing: the next word may follow.
    let blank = typed.ends_with(' ') && !text.ends_with(' ') && !text.is_empty();
    let joined = crate::text::clean(&format!("{text}{typed}"), chars_max);
    let room = joined.chars().count() < chars_max;
    *text = joined;
    if blank && room {
        text.push(' ');
    }
}

/// macOS reports arrows and function keys as characters of a private area.
fn is_function_key(c: char) -> bool {
    ('\u{f700}'..='\u{f8ff}').contains(&c)
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
