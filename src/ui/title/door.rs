//! The door of a locked session: its passphrase is typed, what that comes to is computed, and the node tries
//! it.
//!
//! Computing it takes a tenth of a second, by intent, so it is done on a thread of its own. The passphrase is
//! shown as dots, unless the player wants to see it; nobody but this struct has it, and it is gone as soon as
//! it has been tried.
use crossbeam_channel::{Receiver, TryRecvError, bounded};
use macroquad::math::{Rect, vec2};

use crate::{
    keys::Lock,
    node::{Command, Event, Status},
    text::SessionName,
    ui::{
        field::Field,
        keys::{self, Hint},
        padlock::draw_padlock,
        palette::{CREAM, FIRE, GOLD, LAVENDER, NIGHT, faded, mixed},
        panel::draw_panel,
        screen::{Frame, STAGE},
        text::Ink,
    },
};

/// How many characters a passphrase may have that is typed here.
const CHARS_MAX: usize = 256;
/// After how many seconds it is said that nobody answers.
const SILENT_S: f32 = 2.0;

const NOT_FIT: &str = "That is not its passphrase.";
const EMPTY: &str = "A passphrase has at least one letter.";

/// A door that somebody stands before.
pub struct Door {
    session: SessionName,
    /// Nobody is heard behind it: the session is founded, and locked.
    founds: bool,
    typed: Field,
    state: State,
    /// Why it is still shut.
    said: Option<&'static str>,
    /// Seconds in this state.
    seconds: f32,
}

enum State {
    Typing,
    /// What was typed is turned into a lock.
    Computing(Receiver<Option<Lock>>),
    /// The node tries it.
    Trying(Lock),
}

/// What comes after a frame before a door.
pub enum Step {
    /// It is still shut.
    Wait,
    /// The player goes away.
    Away,
    /// It is open: with this lock.
    In(SessionName, Lock),
}

impl Door {
    /// The door of a session that is heard, or of one that is to be founded.
    pub fn new(session: SessionName, founds: bool) -> Self {
        Self {
            session,
            founds,
            typed: Field::secret(CHARS_MAX),
            state: State::Typing,
            said: None,
            seconds: 0.0,
        }
    }

    /// The same, where the lock is known from before: it is tried at once.
    pub fn with(session: SessionName, lock: Lock, frame: &Frame) -> Self {
        let mut door = Self::new(session, false);
        door.try_lock(lock, frame);
        door
    }

    /// Hears the keys, and what the node says.
    pub fn hear(&mut self, frame: &Frame) -> Step {
        self.seconds += frame.passed;
        let trying = matches!(self.state, State::Trying(_));
        if frame.keys.escape {
            if trying {
                frame.console.command(Command::Browse);
            }
            return Step::Away;
        }
        match &self.state {
            State::Typing => self.typing(frame),
            State::Computing(computed) => match computed.try_recv() {
                Ok(Some(lock)) => self.try_lock(lock, frame),
                Err(TryRecvError::Empty) => {}
                Ok(None) | Err(TryRecvError::Disconnected) => self.shut(EMPTY),
            },
            State::Trying(lock) => {
                let refused = frame.events.iter().any(
                    |event| matches!(event, Event::Locked { session } if *session == self.session),
                );
                if refused {
                    frame.console.command(Command::Browse);
                    self.shut(NOT_FIT);
                } else if frame.events.iter().any(|event| matches!(event, Event::Excluded { .. })) {
                    return Step::Away;
                } else if frame.view.as_ref().is_some_and(|view| view.status == Status::Playing) {
                    return Step::In(self.session.clone(), lock.clone());
                }
            }
        }
        Step::Wait
    }

    fn typing(&mut self, frame: &Frame) {
        let keys = frame.keys;
        self.typed.type_in(&keys.typed);
        if !keys.typed.is_empty() {
            self.said = None;
        }
        if keys.tab {
            self.typed.turn();
        }
        if !keys.enter {
            return;
        }
        if self.typed.text().trim().is_empty() {
            return self.shut(EMPTY);
        }
        let (tell, computed) = bounded(1);
        let (passphrase, session) = (self.typed.take(), self.session.clone());
        let compute = move || {
            let _ = tell.send(Lock::new(&passphrase, &session));
        };
        // Should there be no thread to be had, the other end of the channel says so.
        let _ = std::thread::Builder::new().name("passphrase".into()).spawn(compute);
        self.turn(State::Computing(computed));
    }

    fn try_lock(&mut self, lock: Lock, frame: &Frame) {
        frame.console.command(Command::Play(self.session.clone(), Some(lock.clone())));
        self.turn(State::Trying(lock));
    }

    fn shut(&mut self, why: &'static str) {
        self.said = Some(why);
        self.turn(State::Typing);
    }

    fn turn(&mut self, state: State) {
        self.state = state;
        self.seconds = 0.0;
    }

    /// Draws it over everything else.
    pub fn draw(&self, frame: &Frame) {
        let c = &frame.stage;
        c.block(frame.visible, faded(NIGHT, 0.6));
        let place = Rect::new(STAGE.x / 2.0 - 300.0, STAGE.y / 2.0 - 110.0, 600.0, 220.0);
        draw_panel(c, place);
        c.round_frame(place, 14.0, 1.8, faded(GOLD, 0.8));
        let middle = place.center().x;
        let head = match self.founds {
            true => format!("Lock {}", self.session),
            false => format!("{} is locked", self.session),
        };
        let ink = Ink::royal(26.0, GOLD);
        let head = c.fitted(&head, place.w - 120.0, ink);
        let width = c.text_width(&head, ink);
        c.text(&head, vec2(middle + 14.0, place.y + 50.0), ink);
        draw_padlock(c, vec2(middle - width / 2.0 - 8.0, place.y + 42.0), 24.0, true, GOLD);
        let field = Rect::new(place.x + 40.0, place.y + 76.0, place.w - 80.0, 42.0);
        let typing = matches!(self.state, State::Typing);
        self.typed.draw(c, field, typing, frame.seconds);
        let (saying, colour) = match (&self.state, self.said) {
            (State::Typing, Some(why)) => (why, mixed(FIRE, CREAM, 0.4)),
            (State::Typing, None) if self.founds => {
                ("Whoever knows it comes in. Nobody else reads along, or sees who plays.", LAVENDER)
            }
            (State::Typing, None) => ("Whoever plays there knows its passphrase.", LAVENDER),
            (State::Trying(_), _) if self.seconds > SILENT_S => ("Nobody answers yet…", LAVENDER),
            _ => ("Trying…", LAVENDER),
        };
        let ink = Ink::plain(16.0, colour).centred();
        c.text(saying, vec2(middle, place.y + 146.0), ink);
        let hints: &[Hint] = match self.state {
            State::Typing => &[
                Hint { keys: "Enter", does: "try" },
                Hint { keys: "Tab", does: "show it" },
                Hint { keys: "Ctrl V", does: "paste" },
                Hint { keys: "Esc", does: "back" },
            ],
            _ => &[Hint { keys: "Esc", does: "back" }],
        };
        keys::draw_hints(c, vec2(middle, place.y + 188.0), hints);
    }
}
