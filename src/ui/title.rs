//! The title: who plays near here, and what one is called.
use macroquad::math::{Rect, vec2};

mod door;
mod scenery;

use self::{
    door::{Door, Step},
    scenery::{draw_logo, draw_parade, draw_scenery},
};
use super::{
    accounts::AccountsScreen,
    arena::ArenaScreen,
    ask::{Answer, Ask},
    crown::draw_crown,
    draw::{Canvas, Paint},
    keys::{self, Hint, Keys},
    options::Options,
    padlock::draw_padlock,
    palette::{
        CREAM, FIRE, GOLD, GOLD_LIGHT, HEATHER, LAVENDER, NIGHT, PANEL, PANEL_EDGE, faded, lit,
        mixed,
    },
    panel::draw_panel,
    screen::{Frame, STAGE, Screen, Turn},
    text::{Align, Face, Ink},
};
use crate::{
    arena::Controls,
    keys::Lock,
    node::{Command, Event, SessionView},
    text::{NAME_CHARS_MAX, Name, SessionName},
};

/// How long nobody must be heard before the title says what to do about it, in seconds.
const LONELY_S: f32 = 5.0;
/// How many sessions the list shows at once.
const ROWS: usize = 4;
const ROW_HEIGHT: f32 = 52.0;
/// Where the list is; how high it is depends on what there is to list.
const LIST: Rect = Rect { x: 350.0, y: 250.0, w: 580.0, h: 70.0 };
/// Where in a line the host stands.
const HOST_FROM_RIGHT: f32 = 300.0;

/// The title screen.
pub struct Title {
    name: Name,
    /// What is being typed; none while the list is in hand.
    editing: Option<Editing>,
    /// The session that is offered even if nobody is heard in it.
    offered: SessionName,
    chosen: Choice,
    /// What opened a locked session before: it need not be typed again.
    known: Option<(SessionName, Lock)>,
    /// The door that the player stands before.
    door: Option<Door>,
    /// Where the frame around the chosen row is: it slides.
    cursor: f32,
    /// For how long the title has been shown, and heard nobody.
    lonely_s: f32,
    /// The node itself says that it heard nobody.
    nobody_found: bool,
    ask: Ask,
}

/// Something that is being typed.
struct Editing {
    what: Field,
    text: String,
    /// Why it was not taken, if it was not.
    refused: bool,
}

impl Editing {
    fn of(what: Field, text: &str) -> Self {
        Self { what, text: text.to_owned(), refused: false }
    }
}

/// What can be typed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Field {
    /// What the player is called.
    Name,
    /// The session to play in, whether anybody is heard in it or not.
    Realm,
}

/// A line of the list, whatever is heard of it meanwhile. Two of one name may be there: one that is
/// locked, one that is not, one of other rules.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Choice {
    session: SessionName,
    joinable: bool,
    locked: bool,
}

impl Choice {
    fn of(session: SessionName) -> Self {
        Self { session, joinable: true, locked: false }
    }
}

/// One line of the list.
struct Row {
    session: SessionName,
    players: u32,
    host: Option<String>,
    joinable: bool,
    /// It wants a passphrase that this node does not have.
    locked: bool,
    /// Somebody was heard in it.
    heard: bool,
}

impl Row {
    fn choice(&self) -> Choice {
        let Self { session, joinable, locked, .. } = self;
        Choice { session: session.clone(), joinable: *joinable, locked: *locked }
    }
}

/// What is to be done with the chosen line.
enum Taken {
    /// Play there; it is open.
    Open(SessionName),
    /// Play there, with the passphrase; nobody is heard in it yet, and it is founded.
    Locked(SessionName, bool),
}

impl Title {
    /// The title at the start of the window.
    pub fn new(options: &Options) -> Self {
        Self {
            name: options.name.clone(),
            editing: None,
            offered: options.session.clone(),
            chosen: Choice::of(options.session.clone()),
            known: options.lock.clone().map(|lock| (options.session.clone(), lock)),
            door: None,
            cursor: 0.0,
            lonely_s: 0.0,
            nobody_found: false,
            ask: Ask::default(),
        }
    }

    /// Lets the player type.
    fn edit(&mut self, frame: &Frame) {
        let keys = frame.keys;
        let Some(editing) = &mut self.editing else {
            return;
        };
        keys::type_into(&mut editing.text, &keys.typed, NAME_CHARS_MAX);
        editing.refused &= keys.typed.is_empty();
        if keys.escape {
            self.editing = None;
        } else if keys.enter || keys.tab || keys.rename {
            let text = editing.text.trim();
            if text.is_empty() {
                // Nothing is taken back in silence: the field stays, and says why.
                editing.refused = true;
                return;
            }
            match editing.what {
                Field::Name => {
                    self.name = Name::new(text);
                    frame.console.command(Command::Rename(self.name.clone()));
                }
                Field::Realm => {
                    let Ok(named) = SessionName::new(text) else { return };
                    self.offered = named.clone();
                    self.chosen = Choice::of(named);
                }
            }
            self.editing = None;
        }
    }

    /// Which line is chosen: perhaps it is locked now, or heard for the first time.
    fn chosen(&self, rows: &[Row]) -> usize {
        let same = rows.iter().position(|row| row.choice() == self.chosen);
        let named = || rows.iter().position(|row| row.session == self.chosen.session);
        same.or_else(named).unwrap_or(0)
    }

    /// Moves through the list. Returns the session to play in, once one is taken.
    fn choose(&mut self, keys: &Keys, rows: &[Row]) -> Option<Taken> {
        let at = self.chosen(rows);
        let by =
            i32::from(keys.down) - i32::from(keys.up) + keys.lines + keys.pages * (ROWS as i32 - 1);
        let at = at.saturating_add_signed(by as isize).min(rows.len() - 1);
        let row = rows.get(at)?;
        self.chosen = row.choice();
        // What opens the field does not belong into it: it is typed into from the next frame on.
        if keys.tab || keys.rename {
            self.editing = Some(Editing::of(Field::Name, self.name.as_str()));
        } else if keys.another {
            self.editing = Some(Editing::of(Field::Realm, ""));
        }
        let session = || row.session.clone();
        let known = self.known.as_ref().is_some_and(|(known, _)| *known == row.session);
        if !row.joinable {
            None
        } else if keys.lock && (row.locked || !row.heard) {
            self.known.take_if(|(known, _)| *known == row.session);
            Some(Taken::Locked(session(), !row.locked))
        } else if keys.enter || keys.space {
            let locked = row.locked || known && !row.heard;
            Some(if locked {
                Taken::Locked(session(), !row.locked)
            } else {
                Taken::Open(session())
            })
        } else {
            None
        }
    }

    /// Stands before the door of a locked session, or comes in.
    fn before_the_door(&mut self, frame: &Frame) -> Turn {
        let Some(door) = &mut self.door else { return Turn::Stay };
        match door.hear(frame) {
            Step::Wait => return Turn::Stay,
            Step::Away => self.door = None,
            Step::In(session, lock) => {
                self.door = None;
                self.known = Some((session, lock));
                return Turn::Enter(Box::new(ArenaScreen::new(frame.now)));
            }
        }
        Turn::Stay
    }

    fn draw_list(&mut self, frame: &Frame, rows: &[Row]) {
        let c = &frame.stage;
        draw_panel(c, list(rows));
        let heading = Ink::royal(17.0, GOLD).spaced(0.12);
        c.text("Realms in earshot", vec2(LIST.center().x, LIST.y + 30.0), heading);
        let ink = Ink::plain(13.0, HEATHER);
        let y = LIST.y + 52.0;
        c.text("realm", vec2(LIST.x + 36.0, y), ink);
        c.text("host", vec2(LIST.right() - HOST_FROM_RIGHT, y), ink);
        c.text("heirs", vec2(LIST.right() - 34.0, y), ink.right());
        let chosen = self.chosen(rows);
        // The list scrolls only as far as it must.
        let first = (chosen + 1).saturating_sub(ROWS);
        let goal = (chosen - first) as f32;
        self.cursor += (goal - self.cursor) * (1.0 - (-frame.passed * 22.0).exp());
        let row_at = |place: f32| {
            Rect::new(
                LIST.x + 16.0,
                LIST.y + 60.0 + place * ROW_HEIGHT,
                LIST.w - 32.0,
                ROW_HEIGHT - 6.0,
            )
        };
        let frame_rect = row_at(self.cursor);
        let pulse = 0.5 + 0.5 * (frame.seconds * 3.0).sin();
        c.shadow(frame_rect, 12.0, 14.0, faded(GOLD, 0.20 + 0.12 * pulse));
        c.round_rect(
            frame_rect,
            11.0,
            Paint::Down(mixed(PANEL, PANEL_EDGE, 0.9), mixed(PANEL, PANEL_EDGE, 0.55)),
        );
        c.round_frame(frame_rect, 11.0, 2.0, GOLD);
        for (place, row) in rows.iter().skip(first).take(ROWS).enumerate() {
            draw_row(c, row_at(place as f32), row, first + place == chosen);
        }
        if rows.len() > ROWS {
            let more = format!("{} of {}", chosen + 1, rows.len());
            let ink = Ink::plain(14.0, LAVENDER).right();
            c.text(&more, vec2(LIST.right() - 34.0, LIST.y + 30.0), ink);
            // Where in the list that is.
            let track =
                Rect::new(LIST.right() - 9.0, LIST.y + 62.0, 3.0, ROWS as f32 * ROW_HEIGHT - 10.0);
            let part = |line: usize| track.h * line as f32 / rows.len() as f32;
            c.block(track, faded(NIGHT, 0.7));
            c.block(Rect { y: track.y + part(first), h: part(ROWS), ..track }, faded(GOLD, 0.8));
        }
    }

    fn draw_name(&self, frame: &Frame, above: Rect) {
        let c = &frame.stage;
        let bar = Rect::new(above.x, above.bottom() + 12.0, above.w, 46.0);
        draw_panel(c, bar);
        let baseline = bar.y + 30.0;
        let (said, shown) = match &self.editing {
            Some(Editing { what: Field::Realm, text, .. }) => ("Call the realm", text.as_str()),
            Some(Editing { what: Field::Name, text, .. }) => ("You are", text.as_str()),
            None => ("You are", self.name.as_str()),
        };
        let label = Ink::plain(16.0, LAVENDER);
        let x = bar.x + 24.0 + c.text_width(said, label) + 12.0;
        c.text(said, vec2(bar.x + 24.0, baseline), label);
        let ink = Ink::plain(20.0, CREAM);
        if self.editing.is_none() {
            let shown = c.fitted(shown, bar.right() - x - 24.0, ink);
            c.text(&shown, vec2(x, baseline + 1.0), ink);
            return;
        }
        let field = Rect::new(x - 8.0, bar.y + 7.0, bar.right() - x - 8.0, 32.0);
        c.round_rect(field, 8.0, faded(NIGHT, 0.8));
        c.round_frame(field, 8.0, 1.6, GOLD);
        let width = c.text(shown, vec2(x, baseline + 1.0), ink);
        if frame.seconds.fract() < 0.6 {
            c.rect(Rect::new(x + width + 2.0, bar.y + 12.0, 2.0, 22.0), GOLD_LIGHT);
        }
    }

    /// Why what was typed was not taken.
    fn draw_refusal(&self, frame: &Frame, y: f32) {
        let Some(editing) = self.editing.as_ref().filter(|editing| editing.refused) else { return };
        let saying = match editing.what {
            Field::Name => {
                format!("A name has at least one letter. Esc keeps \u{201c}{}\u{201d}.", self.name)
            }
            Field::Realm => {
                "The name of a realm has at least one letter. Esc goes back.".to_owned()
            }
        };
        let at = vec2(STAGE.x / 2.0, y);
        let c = &frame.stage;
        let ink = Ink::plain(16.0, mixed(FIRE, CREAM, 0.4)).centred();
        c.text(&saying, at + vec2(0.0, 1.4), ink.coloured(faded(NIGHT, 0.9)));
        c.text(&saying, at, ink);
    }

    fn draw_foot(&self, frame: &Frame) {
        let c = &frame.stage;
        let line = vec2(STAGE.x / 2.0, 698.0);
        if self.editing.is_some() {
            keys::draw_hints(
                c,
                line,
                &[
                    Hint { keys: "Enter", does: "keep" },
                    Hint { keys: "Ctrl V", does: "paste" },
                    Hint { keys: "Esc", does: "as it was" },
                ],
            );
        } else {
            keys::draw_hints(
                c,
                line,
                &[
                    Hint { keys: "up down", does: "choose" },
                    Hint { keys: "Enter", does: "play" },
                    Hint { keys: "N", does: "another realm" },
                    Hint { keys: "L", does: "lock it" },
                    Hint { keys: "Tab", does: "your name" },
                    Hint { keys: "A", does: "accounts" },
                    Hint { keys: "F11", does: "full screen" },
                    Hint { keys: "Esc", does: "quit" },
                ],
            );
        }
        let corner = vec2(frame.visible.right() - 18.0, frame.visible.y + 28.0);
        let ink = Ink::plain(13.0, HEATHER).right();
        c.text(&format!("you are at {}", frame.console.address()), corner, ink);
    }
}

impl Screen for Title {
    fn controls(&self, _keys: &Keys) -> Controls {
        Controls::default()
    }

    fn frame(&mut self, frame: &Frame) -> Turn {
        if let Some(view) = &frame.view
            && self.editing.is_none()
        {
            self.name.clone_from(&view.name);
        }
        for event in frame.events {
            self.nobody_found |= matches!(event, Event::NobodyFound);
        }
        let rows = rows(frame.view.as_ref().map_or(&[], |view| &view.sessions), &self.offered);
        if rows.iter().any(|row| row.heard) {
            self.lonely_s = 0.0;
            self.nobody_found = false;
        } else {
            self.lonely_s += frame.passed;
        }

        let mut taken = None;
        let mut turn = Turn::Stay;
        if self.door.is_some() {
            turn = self.before_the_door(frame);
        } else if self.editing.is_some() {
            self.edit(frame);
        } else {
            match self.ask.hear(frame.keys, frame.passed) {
                Answer::Yes => return Turn::Back,
                Answer::Open => {}
                Answer::NotAsked if frame.keys.accounts => {
                    return Turn::Enter(Box::new(AccountsScreen::new()));
                }
                Answer::NotAsked => taken = self.choose(frame.keys, &rows),
            }
        }

        draw_scenery(frame);
        draw_logo(frame);
        self.draw_list(frame, &rows);
        let list = list(&rows);
        self.draw_name(frame, list);
        let below = list.bottom() + 92.0;
        if self.editing.as_ref().is_some_and(|editing| editing.refused) {
            self.draw_refusal(frame, below);
        } else if self.nobody_found || self.lonely_s > LONELY_S {
            draw_lonely(frame, below);
        }
        draw_parade(frame);
        self.draw_foot(frame);
        self.ask.draw(frame, "Quit Interregnum?", "see you soon", "quit");

        if let Some(door) = &self.door {
            door.draw(frame);
        }

        match taken {
            Some(Taken::Open(session)) => {
                frame.console.command(Command::Play(session, None));
                return Turn::Enter(Box::new(ArenaScreen::new(frame.now)));
            }
            Some(Taken::Locked(session, founds)) => {
                let known = self.known.clone().filter(|(known, _)| *known == session);
                self.door = Some(match known {
                    Some((session, lock)) => Door::with(session, lock, frame),
                    None => Door::new(session, founds),
                });
            }
            None => {}
        }
        turn
    }
}

/// The lines of the list: the session `offered` first, whether anybody was heard in it or not.
fn rows(sessions: &[SessionView], offered: &SessionName) -> Vec<Row> {
    let mut rows: Vec<Row> = sessions
        .iter()
        .map(|session| Row {
            session: session.name.clone(),
            players: session.players,
            host: session.host.as_ref().map(|host| host.as_str().to_owned()),
            joinable: session.joinable,
            locked: session.locked,
            heard: session.players > 0 || session.host.is_some() || session.locked,
        })
        .collect();
    if !rows.iter().any(|row| row.session == *offered && row.joinable) {
        rows.push(Row {
            session: offered.clone(),
            players: 0,
            host: None,
            joinable: true,
            locked: false,
            heard: false,
        });
    }
    rows.sort_by_key(|row| (!row.joinable, row.session != *offered, !row.heard));
    rows
}

/// Where the list with these lines is.
fn list(rows: &[Row]) -> Rect {
    Rect { h: LIST.h + rows.len().clamp(1, ROWS) as f32 * ROW_HEIGHT, ..LIST }
}

fn draw_row(c: &Canvas, place: Rect, row: &Row, chosen: bool) {
    let baseline = place.y + 30.0;
    let (name, rest) = match (row.joinable, chosen) {
        (false, _) => (faded(HEATHER, 0.8), faded(HEATHER, 0.6)),
        (true, true) => (CREAM, lit(LAVENDER, 0.3)),
        (true, false) => (lit(LAVENDER, 0.35), LAVENDER),
    };
    let ink = Ink::plain(21.0, name);
    let room = if row.heard && row.joinable { 230.0 } else { 300.0 };
    let shown = c.fitted(row.session.as_str(), room, ink);
    c.text(&shown, vec2(place.x + 20.0, baseline), ink);
    let right = vec2(place.right() - 18.0, baseline - 1.0);
    let ink =
        Ink { face: Face::Plain, size: 15.0, colour: rest, align: Align::Right, spacing: 0.0 };
    if !row.joinable {
        c.text("plays by other rules", right, ink);
        return;
    }
    if row.locked {
        let width = c.text("locked", right, ink);
        draw_padlock(c, right - vec2(width + 16.0, 4.0), 18.0, true, rest);
        return;
    }
    if !row.heard {
        c.text("nobody yet — found it", right, ink);
        return;
    }
    c.text(&row.players.to_string(), right, Ink { size: 18.0, ..ink });
    if let Some(host) = &row.host {
        let colour = if chosen { GOLD_LIGHT } else { GOLD };
        let ink = Ink { align: Align::Left, size: 17.0, colour, ..ink };
        let at = vec2(LIST.right() - HOST_FROM_RIGHT, baseline - 1.0);
        draw_crown(c, at + vec2(9.0, -1.0), 19.0, 0.0, 0.0);
        c.text(&c.fitted(host, 190.0, ink), at + vec2(25.0, 0.0), ink);
    }
}

fn draw_lonely(frame: &Frame, y: f32) {
    let c = &frame.stage;
    let ink = Ink::plain(14.0, LAVENDER).centred();
    let lines = [
        "Nobody heard so far. Found the realm, and the others will find you.",
        "If somebody does play near here, a firewall may be in the way: start with --peer ADDRESS.",
    ];
    for (i, line) in lines.into_iter().enumerate() {
        let at = vec2(STAGE.x / 2.0, y + i as f32 * 20.0);
        c.text(line, at + vec2(0.0, 1.2), ink.coloured(faded(NIGHT, 0.8)));
        c.text(line, at, ink);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(name: &str, joinable: bool) -> SessionView {
        SessionView {
            name: SessionName::new(name).unwrap(),
            players: 2,
            host: None,
            joinable,
            locked: false,
        }
    }

    #[test]
    fn the_session_offered_is_always_offered_once_and_first() {
        let names = |sessions: &[SessionView]| -> Vec<String> {
            let rows = rows(sessions, &SessionName::default());
            rows.iter().map(|row| row.session.to_string()).collect()
        };
        assert_eq!(names(&[]), ["lan"]);
        let both = [heard("attic", true), heard("lan", true)];
        assert_eq!(names(&both), ["lan", "attic"]);
    }

    #[test]
    fn a_session_with_other_rules_does_not_keep_one_from_founding_it() {
        let rows = rows(&[heard("lan", false)], &SessionName::default());
        assert_eq!(rows.len(), 2);
        assert!(rows[0].joinable && !rows[1].joinable);
    }
}
