//! The one place where text from people and from the wire is made fit to keep and to show.
//!
//! Everything a person can type, and every string that came off a wire, becomes one of the types
//! here before anything else sees it. They hold clean UTF-8 of bounded length: no control
//! characters, no invisible or direction-changing marks, no runs of white space, no mark without
//! a letter; and all of it in Unicode's form NFC. So names that look alike are equal, whichever
//! keyboard they were typed on, and can be compared byte by byte.
//!
//! *Lengths* are counted in characters, as Unicode counts them (code points in NFC): an "é" is one,
//! a flag is two, a face with a colour of skin is two. That bounds the bytes, of which a beacon has
//! room for four to each character. What is cut is cut between what people see as single
//! characters, not within one.
//!
//! What somebody [says](Said) is counted as people count: a flag is one, whatever Unicode thinks.
//!
//! A player's [`Name`] that is too long is cut. A [`SessionName`] is refused instead: cut, two
//! sessions would become one, and nobody would know.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};
use unicode_segmentation::UnicodeSegmentation;

/// The longest name of a player or a session, in characters.
pub const NAME_CHARS_MAX: usize = 24;

/// The longest line of chat, in characters as people count them (grapheme clusters).
pub const SAID_CHARS_MAX: usize = 280;

/// The longest line of chat, in bytes: four to a character.
pub const SAID_BYTES_MAX: usize = 4 * SAID_CHARS_MAX;

/// Into how many characters one of NFC can be taken apart. Text is read no further than that can
/// matter: what comes off a wire may be long.
const PARTS_MAX: usize = 4;

/// What is called a blank by nobody, and is drawn as one.
const BRAILLE_BLANK: char = '\u{2800}';

/// Why some text is no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// Nothing of it can be seen.
    #[error("a name has at least one character that can be seen")]
    Empty,
    /// It has more than [`NAME_CHARS_MAX`] characters.
    #[error(
        "a name has at most {NAME_CHARS_MAX} characters, of which a flag or an emoji may take \
         several"
    )]
    TooLong,
}

/// Removes what cannot be seen or must not be shown, folds white space into single blanks, composes
/// letters with their accents (NFC), and cuts the rest after `chars_max` characters, but not within
/// one that people see as one. Cleaning what is clean changes nothing.
pub fn clean(raw: &str, chars_max: usize) -> String {
    let mut text = visible(raw, chars_max);
    if let Some((limit, _)) = text.char_indices().nth(chars_max) {
        let boundaries = text.grapheme_indices(true).map(|(at, _)| at);
        let last = boundaries.take_while(|at| *at <= limit).last();
        // A single one that is longer than all there may be is cut all the same.
        text.truncate(last.filter(|at| *at > 0).unwrap_or(limit));
    }
    text.truncate(text.trim_end().len());
    text
}

/// What can be seen of `raw`, in NFC: if that has more than `chars_max` characters, at least one
/// more than that of them.
fn visible(raw: &str, chars_max: usize) -> String {
    let mut last = ' ';
    let seen = raw.chars().filter_map(|c| {
        let c = if c.is_whitespace() || c == BRAILLE_BLANK { ' ' } else { c };
        // A mark without a letter would sit on whatever is drawn before it.
        let loose = last == ' ' && (c == ' ' || is_combining_mark(c));
        if c.is_control() || is_invisible(c) || loose {
            return None;
        }
        last = c;
        Some(c)
    });
    let seen = seen.take(chars_max.saturating_mul(PARTS_MAX).saturating_add(1));
    if raw.is_ascii() {
        return seen.collect(); // there is nothing to compose
    }
    seen.nfc().collect()
}

/// Zero-width characters, marks that turn the writing direction, variation selectors, tags, and
/// other format characters (Unicode's `Default_Ignorable_Code_Point`, and the controls of interlinear
/// notes and hieroglyphs): with them two names can look the same, or a line can be made to read
/// backwards.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}' | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// What a player is called: 1 to 24 clean characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String")]
pub struct Name(Arc<str>);

/// What a session is called: 1 to 24 clean characters. Those whose names look alike play together.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct SessionName(Arc<str>);

impl Name {
    /// Cleans `raw`, and cuts it after [`NAME_CHARS_MAX`] characters; what is empty then becomes
    /// `nobody`.
    pub fn new(raw: &str) -> Self {
        let text = clean(raw, NAME_CHARS_MAX);
        Self(if text.is_empty() { "nobody".into() } else { text.into() })
    }

    /// Cleans `raw`, and cuts nothing.
    ///
    /// # Errors
    /// [`Unfit`] when nothing of it can be seen, or too much.
    pub fn whole(raw: &str) -> Result<Self, Unfit> {
        fit(raw).map(Self)
    }

    /// The name with a number behind it, to tell several of one name apart. Where that is too long
    /// the name is cut, the number never.
    pub fn numbered(&self, number: u32) -> Self {
        let number = format!(" {number}");
        let name = clean(&self.0, NAME_CHARS_MAX - number.len());
        Self((name + &number).into())
    }

    /// The clean text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl SessionName {
    /// Cleans `raw`.
    ///
    /// # Errors
    /// [`Unfit`] when nothing of it can be seen, or more than [`NAME_CHARS_MAX`] characters.
    pub fn new(raw: &str) -> Result<Self, Unfit> {
        fit(raw).map(Self)
    }

    /// The clean text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for SessionName {
    /// `lan`: where whoever names no session plays.
    fn default() -> Self {
        Self("lan".into())
    }
}

/// The clean text, whole.
fn fit(raw: &str) -> Result<Arc<str>, Unfit> {
    let text = visible(raw, NAME_CHARS_MAX);
    let text = text.trim_end();
    match text.chars().count() {
        0 => Err(Unfit::Empty),
        1..=NAME_CHARS_MAX => Ok(text.into()),
        _ => Err(Unfit::TooLong),
    }
}

/// What somebody says: one line of 1 to [`SAID_CHARS_MAX`] clean characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Said(Arc<str>);

/// Why some text cannot be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsaid {
    /// Nothing of it can be seen.
    #[error("there is nothing to be seen in it")]
    Empty,
    /// It has too many characters, or too many bytes.
    #[error("a line has at most {SAID_CHARS_MAX} characters")]
    TooLong,
}

impl Said {
    /// Cleans `raw`, and cuts nothing.
    ///
    /// # Errors
    /// [`Unsaid`] when nothing of it can be seen, or too much.
    pub fn new(raw: &str) -> Result<Self, Unsaid> {
        // So many characters, of however few bytes, are too many bytes.
        let text = visible(raw, SAID_BYTES_MAX);
        let text = text.trim_end();
        if text.is_empty() {
            return Err(Unsaid::Empty);
        }
        // So few bytes are no more characters.
        let has_many = || text.len() > SAID_CHARS_MAX && chars_said(text) > SAID_CHARS_MAX;
        match text.len() > SAID_BYTES_MAX || has_many() {
            true => Err(Unsaid::TooLong),
            false => Ok(Self(text.into())),
        }
    }

    /// The clean text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How many characters a text has, as people count them.
pub fn chars_said(text: &str) -> usize {
    text.graphemes(true).count()
}

impl TryFrom<String> for Said {
    type Error = Unsaid;

    fn try_from(raw: String) -> Result<Self, Unsaid> {
        Self::new(&raw)
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl From<String> for Name {
    fn from(raw: String) -> Self {
        Self::new(&raw)
    }
}

impl TryFrom<String> for SessionName {
    type Error = Unfit;

    fn try_from(raw: String) -> Result<Self, Unfit> {
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
    use proptest::prelude::*;

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
    fn nothing_left_gives_a_default_to_players_and_nothing_to_sessions() {
        for raw in ["", " ", "\u{7}", "\u{200b}\u{fe0f}", "\u{2800}\u{3164}", "\u{301}", "\u{a0}"] {
            assert_eq!(Name::new(raw).as_str(), "nobody", "{raw:?}");
            assert_eq!(Name::whole(raw), Err(Unfit::Empty), "{raw:?}");
            assert_eq!(SessionName::new(raw), Err(Unfit::Empty), "{raw:?}");
        }
    }

    #[test]
    fn what_is_said_is_counted_as_people_count() {
        let face = "\u{1f44d}\u{1f3fd}";
        let said = Said::new(&face.repeat(140)).unwrap();
        assert_eq!(chars_said(said.as_str()), 140);
        assert_eq!(Said::new(&"字".repeat(280)).unwrap().as_str().len(), 840);
        assert_eq!(Said::new(&"a".repeat(281)), Err(Unsaid::TooLong));
        assert_eq!(Said::new(&"\u{1f1e9}\u{1f1ea}".repeat(141)), Err(Unsaid::TooLong), "bytes");
        assert_eq!(Said::new(&format!("a{}", "\u{301}".repeat(4_000))), Err(Unsaid::TooLong));
        assert_eq!(Said::new(" \u{200b}\n"), Err(Unsaid::Empty));
        assert_eq!(Said::new("one\r\n  two ").unwrap().as_str(), "one two");
    }

    #[test]
    fn names_that_look_alike_are_one() {
        for (one, other) in [
            ("caf\u{e9}", "cafe\u{301}"),
            ("cafe\u{200d}\u{301}", "caf\u{e9}"),
            ("lan", "l\u{200b}a\u{ad}n"),
            ("lan", "\u{202e}lan\u{202c}"),
            ("lan", "\u{feff}  lan \u{a0}"),
            ("a b", "a \u{2003}\u{200b} b"),
            ("a b", "a\u{2800}b"),
            ("\u{2764}", "\u{2764}\u{fe0f}"),
            ("\u{1f469}\u{1f680}", "\u{1f469}\u{200d}\u{1f680}"),
            ("\u{1f3f4}", "\u{1f3f4}\u{e0067}\u{e0062}\u{e007f}"),
            ("\u{5e9}\u{5c1}\u{5b8}", "\u{200f}\u{5e9}\u{5b8}\u{5c1}\u{200e}"),
            ("\u{ac01}", "\u{1100}\u{1161}\u{11a8}"),
            ("\u{212b}", "\u{c5}"),
            ("x", "\u{301}\u{301}x"),
        ] {
            assert_eq!(SessionName::new(one), SessionName::new(other), "{one:?} {other:?}");
            assert_eq!(Name::new(one), Name::new(other), "{one:?} {other:?}");
        }
        assert_ne!(SessionName::new("cafe"), SessionName::new("caf\u{e9}"));
    }

    #[test]
    fn sessions_whose_names_differ_at_the_end_are_never_one() {
        let name = |end: &str| SessionName::new(&format!("{}{end}", "s".repeat(NAME_CHARS_MAX)));
        assert_eq!(name("").unwrap().as_str().len(), NAME_CHARS_MAX);
        assert_eq!(name(" \u{200b} "), name(""));
        for end in ["1", "2", " 3", "\u{1f1e9}\u{1f1ea}"] {
            assert_eq!(name(end), Err(Unfit::TooLong));
        }
        assert!(Unfit::TooLong.to_string().contains("24"));
    }

    // The wire stays as strict: what was cut by somebody else is no name of a session.
    #[test]
    fn a_session_of_the_wire_is_bounded_and_clean() {
        let read = |text: &str| serde_json::from_str::<SessionName>(&format!("\"{text}\"")).ok();
        assert_eq!(read("l\u{200b}an"), Some(SessionName::default()));
        assert_eq!(read(&"x".repeat(25)), None);
        assert_eq!(read(&"\u{200b}".repeat(9_000)), None);
        assert_eq!(read(&"e\u{301}".repeat(24)).unwrap().as_str(), "\u{e9}".repeat(24));
    }

    #[test]
    fn nothing_that_people_see_as_one_character_is_cut_in_half() {
        for (cluster, chars) in [
            ("\u{1f1e9}\u{1f1ea}", 2),
            ("\u{1f44d}\u{1f3fd}", 2),
            ("x\u{323}\u{310}", 3),
            ("\u{e01}\u{e34}\u{e48}", 3),
        ] {
            for before in 20..25 {
                let name = clean(&format!("{}{cluster}", "a".repeat(before)), 24);
                let whole = before + chars <= 24;
                assert_eq!(name.ends_with(cluster), whole, "{name:?}");
                assert_eq!(name.chars().count(), if whole { before + chars } else { before });
            }
        }
        // There is nowhere else to cut.
        let stack = clean(&format!("x{}", "\u{310}".repeat(90)), 24);
        assert_eq!(stack.chars().count(), 24);
    }

    #[test]
    fn a_number_is_kept_and_the_name_is_cut() {
        assert_eq!(Name::new("Ada").numbered(2).as_str(), "Ada 2");
        let long = Name::new("the most excellent player");
        assert_eq!(long.as_str(), "the most excellent playe");
        assert_eq!(long.numbered(7).as_str(), "the most excellent pla 7");
        assert_eq!(long.numbered(12_345).as_str(), "the most excellent 12345");
        let flags = Name::new(&"\u{1f1e9}\u{1f1ea}".repeat(12));
        let numbers: std::collections::BTreeSet<Name> =
            (1..300).map(|n| flags.numbered(n)).collect();
        assert_eq!(numbers.len(), 299);
        for name in numbers {
            assert_eq!(Name::whole(name.as_str()), Ok(name.clone()));
            assert!(name.as_str().chars().filter(|c| *c == '\u{1f1e9}').count() >= 9);
        }
    }

    proptest! {
        #[test]
        fn cleaning_what_is_clean_changes_nothing(
            raw in prop::collection::vec(any_char(), 0..60),
            most in 1_usize..30,
        ) {
            let raw: String = raw.into_iter().collect();
            let once = clean(&raw, most);
            prop_assert!(once.chars().count() <= most);
            prop_assert_eq!(clean(&once, most), once);
            let name = Name::new(&raw);
            prop_assert_eq!(Name::whole(name.as_str()), Ok(name.clone()));
            prop_assert_eq!(Name::whole(name.numbered(77).as_str()), Ok(name.numbered(77)));
        }
    }

    /// Any, but those that take part in the matter more often.
    fn any_char() -> impl Strategy<Value = char> {
        prop_oneof![
            any::<char>(),
            prop::char::range('\u{300}', '\u{36f}'),
            prop::char::range('\u{1100}', '\u{11ff}'),
            prop::char::range('\u{2000}', '\u{206f}'),
            prop::char::range('\u{1f1e6}', '\u{1f1ff}'),
            prop::sample::select(vec![
                'a', ' ', '\u{958}', '\u{344}', '\u{fb2c}', '\u{1f73}', '\u{3099}'
            ]),
        ]
    }
}
