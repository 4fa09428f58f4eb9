//! The one place where text from people and from the wire is made fit to keep and to show.
//!
//! Everything a person can type, and every string that came off a wire, becomes one of the types
//! here before anything else sees it. They hold clean UTF-8 of bounded length: no control
//! characters, no invisible or direction-changing marks, no runs of white space.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

/// The longest name of a player or a session, in characters.
pub const NAME_CHARS_MAX: usize = 24;

/// Removes what must not be shown, folds white space into single blanks, and cuts the rest after
/// `chars_max` characters.
pub fn clean(raw: &str, chars_max: usize) -> String {
    let mut out = String::new();
    let mut chars = 0;
    for c in raw.chars() {
        if chars == chars_max {
            break;
        }
        let c = if c.is_whitespace() { ' ' } else { c };
        let doubled = c == ' ' && (out.is_empty() || out.ends_with(' '));
        if c.is_control() || is_invisible(c) || doubled {
            continue;
        }
        out.push(c);
        chars += 1;
    }
    out.truncate(out.trim_end().len());
    out
}

/// Zero-width characters, marks that turn the writing direction, and other format characters: with
/// them two names can look the same, or a line can be made to read backwards.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// What a player is called: 1 to 24 clean characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String")]
pub struct Name(Arc<str>);

/// What a session is called: 1 to 24 clean characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String")]
pub struct SessionName(Arc<str>);

impl Name {
    /// Cleans `raw`; what is empty then becomes `nobody`.
    pub fn new(raw: &str) -> Self {
        Self(non_empty(clean(raw, NAME_CHARS_MAX), "nobody"))
    }

    /// The clean text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl SessionName {
    /// Cleans `raw`; what is empty then becomes the default session, `lan`.
    pub fn new(raw: &str) -> Self {
        Self(non_empty(clean(raw, NAME_CHARS_MAX), "lan"))
    }

    /// The clean text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn non_empty(text: String, otherwise: &str) -> Arc<str> {
    if text.is_empty() { otherwise.into() } else { text.into() }
}

impl From<String> for Name {
    fn from(raw: String) -> Self {
        Self::new(&raw)
    }
}

impl From<String> for SessionName {
    fn from(raw: String) -> Self {
        Self::new(&raw)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for SessionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for SessionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_and_invisible_marks_are_removed() {
        assert_eq!(Name::new("a\u{1b}[31mb\u{202e}c\u{200b}\n").as_str(), "a[31mbc");
    }

    #[test]
    fn white_space_is_folded_and_trimmed() {
        assert_eq!(clean("  two \t\n words  ", 24), "two words");
    }

    #[test]
    fn length_is_counted_in_characters_not_in_bytes() {
        let name = Name::new(&"字".repeat(40));
        assert_eq!(name.as_str().chars().count(), NAME_CHARS_MAX);
    }

    #[test]
    fn nothing_left_gives_a_default() {
        assert_eq!(Name::new("\u{7}").as_str(), "nobody");
        assert_eq!(SessionName::new("").as_str(), "lan");
    }
}
