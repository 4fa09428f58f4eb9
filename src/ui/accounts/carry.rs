//! A pane before which an account is carried to another machine, or into a drawer: as a file with a passphrase,
//! or as words.
use std::path::PathBuf;

use crossbeam_channel::{Receiver, TryRecvError};
use macroquad::math::{Rect, vec2};

use crate::{
    accounts::{Mark, Own},
    keys::{SecretKey, vault},
    ui::{
        console::{Console, Errand},
        field::Field,
        keys::{self, Hint},
        palette::{CREAM, FIRE, GOLD, HEATHER, LAVENDER, NIGHT, faded, mixed},
        panel::draw_panel,
        screen::{Frame, STAGE},
        text::Ink,
    },
};

/// How many characters a path, or 24 words, may have.
const FILE_CHARS_MAX: usize = 512;
/// How many a passphrase may have.
const PASSPHRASE_CHARS_MAX: usize = 256;
/// From so many words on it is not a file that was typed.
const WORDS_MIN: usize = 12;

/// How wide the pane is, how high a line of it, and how many lines of words there are.
const WIDTH: f32 = 760.0;
const LINE: f32 = 58.0;
const WORDS_IN_ROW: usize = 4;

/// An account that is about to be carried.
pub struct Carry {
    way: Way,
    fields: Vec<(&'static str, Field)>,
    /// Which field is typed into.
    at: usize,
    /// What is being done.
    doing: Option<Receiver<Result<String, String>>>,
    /// Why it was not done.
    said: Option<String>,
}

enum Way {
    /// A copy is kept: of this account; or its words are shown.
    Out { name: String, secret: Box<SecretKey>, words: bool },
    /// An account is brought here, with its key or without.
    In { with_key: bool },
}

/// What comes after a frame before the pane.
pub enum Step {
    /// It stays.
    Stay,
    /// The player goes away.
    Away,
    /// It is done: this is to be said.
    Done(String),
}

impl Carry {
    /// A copy of the own account is to be kept. None: its key is not here.
    pub fn out(own: &Own, console: &dyn Console) -> Option<Self> {
        let secret = Box::new(own.secret()?.clone());
        let name = own.called().map_or("account", |(name, _)| name.as_str());
        let mark = Mark::of(own.account().id());
        let file = console.copies().unwrap_or_default().join(file_name(name, &mark));
        let fields = vec![
            ("File", Field::plain(file.display().to_string(), FILE_CHARS_MAX)),
            ("Passphrase", Field::secret(PASSPHRASE_CHARS_MAX)),
            ("The same again", Field::secret(PASSPHRASE_CHARS_MAX)),
        ];
        let way = Way::Out { name: format!("{name}\u{b7}{mark}"), secret, words: false };
        Some(Self { way, fields, at: 0, doing: None, said: None })
    }

    /// An account that was exported elsewhere is to be brought here.
    pub fn home() -> Self {
        let fields = vec![
            ("File, or the words", Field::plain(String::new(), FILE_CHARS_MAX)),
            ("Passphrase", Field::secret(PASSPHRASE_CHARS_MAX)),
        ];
        Self { way: Way::In { with_key: false }, fields, at: 0, doing: None, said: None }
    }

    /// Hears the keys, and whether what is done is done.
    pub fn hear(&mut self, frame: &Frame) -> Step {
        if let Some(doing) = &self.doing {
            let done = match doing.try_recv() {
                Err(TryRecvError::Empty) => return Step::Stay,
                Err(TryRecvError::Disconnected) => Err("that could not be done".to_owned()),
                Ok(done) => done,
            };
            self.doing = None;
            return match done {
                Ok(done) => Step::Done(done),
                Err(why) => {
                    self.fail(why);
                    Step::Stay
                }
            };
        }
        let keys = frame.keys;
        if keys.escape {
            return Step::Away;
        }
        match &mut self.way {
            Way::Out { words, .. } if keys.tab => *words ^= true,
            Way::Out { words: true, .. } if keys.enter => return Step::Away,
            Way::Out { words: true, .. } => return Step::Stay,
            Way::In { with_key } if keys.tab => *with_key ^= true,
            _ => {}
        }
        if !keys.typed.is_empty() {
            self.said = None;
            self.fields[self.at].1.type_in(&keys.typed);
        }
        if keys.enter {
            self.go_on(frame);
        }
        Step::Stay
    }

    /// One field is filled in.
    fn go_on(&mut self, frame: &Frame) {
        if self.fields[self.at].1.text().trim().is_empty() {
            self.said = Some(match self.at {
                0 => "say which file".to_owned(),
                _ => "a passphrase has at least one letter".to_owned(),
            });
            return;
        }
        let words = matches!(self.way, Way::In { .. }) && self.has_words();
        if !words && self.at + 1 < self.fields.len() {
            self.at += 1;
            return;
        }
        let file = self.fields[0].1.text().trim().to_owned();
        let errand = match self.way {
            Way::Out { .. } => {
                let (passphrase, again) = (self.fields[1].1.take(), self.fields[2].1.take());
                self.at = 1;
                if passphrase != again {
                    self.said = Some("the two are not the same: once more".to_owned());
                    return;
                }
                Errand::Export { file, passphrase }
            }
            Way::In { with_key } if words => Errand::Recall { words: file, with_key },
            Way::In { with_key } => {
                Errand::Import { file, passphrase: self.fields[1].1.take(), with_key }
            }
        };
        self.doing = Some(frame.console.errand(errand));
    }

    fn has_words(&self) -> bool {
        let typed = self.fields[0].1.text();
        !typed.contains(['/', '\\']) && typed.split_whitespace().count() >= WORDS_MIN
    }

    /// It was not done: from the file on it is tried again.
    fn fail(&mut self, why: String) {
        self.said = Some(why);
        self.at = 0;
    }

    /// Draws it over everything else.
    pub fn draw(&self, frame: &Frame) {
        let c = &frame.stage;
        c.block(frame.visible, faded(NIGHT, 0.6));
        let rows = match &self.way {
            Way::Out { words: true, .. } => 4.2,
            Way::Out { .. } => 3.0,
            Way::In { .. } => 2.8,
        };
        let height = 150.0 + rows * LINE;
        let place = Rect::new((STAGE.x - WIDTH) / 2.0, (STAGE.y - height) / 2.0, WIDTH, height);
        draw_panel(c, place);
        c.round_frame(place, 14.0, 1.8, faded(GOLD, 0.8));
        let middle = place.center().x;
        let head = match &self.way {
            Way::Out { name, .. } => format!("A copy of {name}"),
            Way::In { .. } => "Bring an account here".to_owned(),
        };
        let ink = Ink::royal(26.0, GOLD);
        c.text(&c.fitted(&head, WIDTH - 80.0, ink), vec2(middle, place.y + 48.0), ink);
        match &self.way {
            Way::Out { secret, words: true, .. } => draw_words(frame, place, secret),
            _ => self.draw_fields(frame, place),
        }
        let (saying, colour) = match (&self.said, &self.way) {
            _ if self.doing.is_some() => ("One moment…", LAVENDER),
            (Some(why), _) => (why.as_str(), mixed(FIRE, CREAM, 0.4)),
            (None, Way::Out { words: true, .. }) => {
                ("Write them down, and show them to nobody: whoever has them is you.", LAVENDER)
            }
            (None, Way::Out { .. }) => {
                ("Keep it elsewhere. Without the passphrase it is of no use to anybody.", LAVENDER)
            }
            (None, Way::In { .. }) => {
                ("This machine speaks for that account from then on.", LAVENDER)
            }
        };
        let ink = Ink::plain(16.0, colour).centred();
        let lines = c.wrapped(saying, WIDTH - 60.0, 2, ink);
        let y = place.bottom() - 66.0 - 10.0 * (lines.len() - 1) as f32;
        for (number, line) in lines.iter().enumerate() {
            c.text(line, vec2(middle, y + 20.0 * number as f32), ink);
        }
        keys::draw_hints(c, vec2(middle, place.bottom() - 30.0), self.hints());
    }

    fn hints(&self) -> &'static [Hint] {
        const BACK: Hint = Hint { keys: "Esc", does: "back" };
        const NEXT: Hint = Hint { keys: "Enter", does: "go on" };
        const PASTE: Hint = Hint { keys: "Ctrl V", does: "paste" };
        match self.way {
            _ if self.doing.is_some() => &[],
            Way::Out { words: true, .. } => &[Hint { keys: "Tab", does: "a file instead" }, BACK],
            Way::Out { .. } => {
                &[NEXT, Hint { keys: "Tab", does: "words for paper instead" }, PASTE, BACK]
            }
            Way::In { with_key: true } => {
                &[NEXT, Hint { keys: "Tab", does: "without its key" }, PASTE, BACK]
            }
            Way::In { .. } => &[NEXT, Hint { keys: "Tab", does: "with its key" }, PASTE, BACK],
        }
    }

    fn draw_fields(&self, frame: &Frame, place: Rect) {
        let c = &frame.stage;
        let top = place.y + 74.0;
        for (number, (label, field)) in self.fields.iter().enumerate() {
            let y = top + number as f32 * LINE;
            let ink = Ink::plain(16.0, if number == self.at { CREAM } else { HEATHER }).right();
            c.text(label, vec2(place.x + 190.0, y + 27.0), ink);
            let room = Rect::new(place.x + 206.0, y, place.w - 246.0, 42.0);
            let typed_at = number == self.at && self.doing.is_none();
            field.draw(c, room, typed_at, frame.seconds);
        }
        if let Way::In { with_key } = self.way {
            let y = top + self.fields.len() as f32 * LINE + 16.0;
            let says = match with_key {
                true => {
                    "its key, too: it can be renamed, exported and deleted here; so guard this machine"
                }
                false => {
                    "without its key, which stays where it is: this machine can be struck off there"
                }
            };
            let ink = Ink::plain(15.0, if with_key { GOLD } else { HEATHER }).centred();
            c.text(says, vec2(place.center().x, y), ink);
        }
    }
}

/// The words, in rows, with their numbers.
fn draw_words(frame: &Frame, place: Rect, secret: &SecretKey) {
    let c = &frame.stage;
    let column = (place.w - 100.0) / WORDS_IN_ROW as f32;
    for (at, word) in vault::to_words(secret).iter().enumerate() {
        let x = place.x + 64.0 + (at % WORDS_IN_ROW) as f32 * column;
        let y = place.y + 96.0 + (at / WORDS_IN_ROW) as f32 * 36.0;
        let number = Ink::plain(15.0, HEATHER).right();
        c.text(&(at + 1).to_string(), vec2(x + 22.0, y), number);
        c.text(word, vec2(x + 32.0, y), Ink::plain(20.0, CREAM));
    }
}

/// What a copy of this account is called: a name that every disk takes.
fn file_name(name: &str, mark: &Mark) -> PathBuf {
    let plain = |c: char| if c.is_alphanumeric() { c } else { '-' };
    let name: String = name.chars().map(plain).collect();
    PathBuf::from(format!("{}-{mark}.account", name.to_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::SecretKey;

    #[test]
    fn a_copy_has_a_name_that_every_disk_takes() {
        let mark = Mark::of(SecretKey::from_bytes(&[7; 32]).public().id());
        let name = file_name("A/b: \u{fc}?", &mark).display().to_string();
        assert_eq!(name, format!("a-b--\u{fc}--{mark}.account"));
    }
}
