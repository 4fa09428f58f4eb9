//! Accounts: the own one, with its machines, and all that are known here.
//!
//! What is typed filters the list; so all that is done has a key that types nothing. Renaming and making an
//! account lets the player type a name; an account is carried, and a machine struck off, in a pane of its own;
//! deleting the own one is asked for first, and ends the game: whoever starts it again is somebody new.
mod carry;
mod strike;

use std::sync::Arc;

use macroquad::math::{Rect, vec2};

use self::{carry::Carry, strike::Strike};
use super::{
    ask::{Answer, Ask},
    draw::Canvas,
    heir::{Pose, blink, draw_heir, tunic},
    keys::{self, Hint},
    palette::{CREAM, DUSK, FIRE, GOLD, HEATHER, LAVENDER, NIGHT, PANEL_EDGE, faded, lit, mixed},
    panel::draw_panel,
    pictures::draw_standing,
    screen::{Frame, STAGE, Screen, Turn},
    text::Ink,
};
use crate::{
    accounts::{Accounts, COLOURS, Listed, Mark, Own, Standing, page_of},
    arena::Controls,
    keys::PublicKey,
    node::Command,
    text::{NAME_CHARS_MAX, Name},
    types::NodeId,
    ui::{draw::Paint, keys::Keys},
};

/// Where the own account stands.
const OWN: Rect = Rect { x: 160.0, y: 64.0, w: 960.0, h: 158.0 };
/// Where the list does.
const LIST: Rect = Rect { x: 160.0, y: 240.0, w: 960.0, h: 424.0 };
/// How many lines the list has, and how high they are.
const ROWS: usize = 10;
const ROW: f32 = 31.0;
/// So many machines are shown; of more it is said how many they are.
const MACHINES: usize = 6;
/// For how long it is said what was done, in seconds.
const SAID_S: f32 = 6.0;
/// The longest filter, in characters.
const FILTER_CHARS_MAX: usize = 32;

/// The screen of accounts.
#[derive(Default)]
pub struct AccountsScreen {
    /// It was shown already: the books are read anew each time it is opened, for much may have been heard since.
    opened: bool,
    filter: String,
    /// What was found: of all these, by that filter. There may be thousands, so that is not done in each
    /// frame.
    found: Found,
    /// Which page is shown, from 1.
    page: usize,
    doing: Doing,
    /// What was done, or why it was not, and for how many seconds that has been said.
    said: Option<(String, f32)>,
}

#[derive(Default)]
struct Found {
    known: Option<Arc<Accounts>>,
    filter: String,
    lines: Vec<Line>,
}

impl Found {
    /// Looks again, if anything has changed.
    fn look(&mut self, known: Option<Arc<Accounts>>, filter: &str) {
        let same = match (&self.known, &known) {
            (Some(before), Some(now)) => Arc::ptr_eq(before, now),
            (None, None) => true,
            _ => false,
        };
        if !same || self.filter != filter {
            let listed = known.as_ref().map(|known| known.listed(filter)).unwrap_or_default();
            self.lines = listed.iter().map(Line::of).collect();
            self.known = known;
            filter.clone_into(&mut self.filter);
        }
    }

    /// The machines that speak for the own account, as far as is known, and whether they are struck off.
    fn machines(&self, own: &Own) -> Vec<(NodeId, bool)> {
        let Some(known) = &self.known else { return Vec::new() };
        let account = known.get(&own.account());
        let machines = account.into_iter().flat_map(|account| account.machines());
        machines.filter(|(id, _)| known.of_machine(*id) == Some(own.account())).collect()
    }
}

/// One line of the list.
struct Line {
    key: PublicKey,
    name: Name,
    mark: Mark,
    doubled: bool,
    colour: u8,
    machines: usize,
}

impl Line {
    fn of(one: &Listed<'_>) -> Self {
        Self {
            key: *one.key,
            name: one.name.clone(),
            mark: one.mark,
            doubled: one.doubled,
            colour: one.account.colour().unwrap_or_default() % COLOURS,
            machines: one.account.machines().filter(|(_, struck)| !struck).count(),
        }
    }
}

/// What all keys belong to.
#[derive(Default)]
enum Doing {
    /// The list is looked at.
    #[default]
    Looking,
    /// A name is typed.
    Editing(Editing),
    /// The own account is carried elsewhere, or another one here.
    Carrying(Box<Carry>),
    /// A machine of the own account is struck off.
    Striking(Strike),
    /// It is asked whether the own account is to be deleted.
    Deleting(Ask),
}

struct Editing {
    /// Another account is made; otherwise the own one is renamed.
    fresh: bool,
    text: String,
}

/// What is said where only the account's key would do.
fn elsewhere(what: &str) -> String {
    format!("this machine does not have the account's key: {what} where that is")
}

impl AccountsScreen {
    /// All accounts, from the first.
    pub fn new() -> Self {
        Self { page: 1, ..Self::default() }
    }

    fn say(&mut self, what: impl Into<String>) {
        self.said = Some((what.into(), 0.0));
    }

    /// Gives the keys to whatever they belong to. Whether the screen is left.
    fn hear(&mut self, frame: &Frame, own: Option<&Own>) -> bool {
        match &mut self.doing {
            Doing::Looking => return self.look(frame, own),
            Doing::Editing(_) => self.edit(frame),
            Doing::Carrying(carry) => match carry.hear(frame) {
                carry::Step::Stay => {}
                carry::Step::Away => self.doing = Doing::Looking,
                carry::Step::Done(done) => {
                    self.doing = Doing::Looking;
                    self.say(done);
                }
            },
            Doing::Striking(strike) => match strike.hear(frame) {
                strike::Step::Stay => {}
                strike::Step::Away => self.doing = Doing::Looking,
                strike::Step::Off(machine) => {
                    self.doing = Doing::Looking;
                    let done = frame.console.strike_machine(machine);
                    self.say(done.unwrap_or_else(|why| why));
                }
            },
            Doing::Deleting(ask) => match ask.hear(frame.keys, frame.passed) {
                Answer::Open => {}
                Answer::NotAsked => self.doing = Doing::Looking,
                Answer::Yes => {
                    self.doing = Doing::Looking;
                    match frame.console.delete_account() {
                        Ok(()) => frame.console.command(Command::Leave),
                        Err(why) => self.say(why),
                    }
                }
            },
        }
        false
    }

    /// Lets the player type a name.
    fn edit(&mut self, frame: &Frame) {
        let Doing::Editing(editing) = &mut self.doing else { return };
        keys::type_into(&mut editing.text, &frame.keys.typed, NAME_CHARS_MAX);
        if frame.keys.escape {
            self.doing = Doing::Looking;
        } else if frame.keys.enter {
            let Ok(name) = Name::whole(&editing.text) else {
                self.say("a name has at least one letter");
                return;
            };
            let fresh = editing.fresh;
            self.doing = Doing::Looking;
            if fresh {
                let made = frame.console.create_account(&name);
                self.say(made.unwrap_or_else(|why| why));
            } else {
                frame.console.command(Command::Rename(name.clone()));
                self.say(format!("you are called {name} from here on"));
            }
        }
    }

    /// Hears what is wanted of the list and of the own account. Whether the screen is left.
    fn look(&mut self, frame: &Frame, own: Option<&Own>) -> bool {
        let Keys { typed, pages: turned, lines, .. } = frame.keys;
        match self.begun(frame, own) {
            None => {}
            Some(Ok(doing)) => {
                self.doing = doing;
                return false;
            }
            Some(Err(why)) => {
                self.say(why);
                return false;
            }
        }
        if frame.keys.recolour {
            let colour = own.and_then(Own::called).map_or(0, |(_, colour)| colour);
            if let Err(why) = frame.console.like_colour((colour + 1) % COLOURS) {
                self.say(why);
            }
        }
        if frame.keys.escape {
            if self.filter.is_empty() {
                return true;
            }
            self.filter.clear();
        }
        if !typed.is_empty() {
            keys::type_into(&mut self.filter, typed, FILTER_CHARS_MAX);
            self.page = 1;
        }
        let pages = self.found.lines.len().div_ceil(ROWS);
        let by = turned + lines.signum();
        self.page = self.page.saturating_add_signed(by as isize).clamp(1, pages.max(1));
        false
    }

    /// What the player wants to do with an account, if anything: or why that cannot be done.
    fn begun(&self, frame: &Frame, own: Option<&Own>) -> Option<Result<Doing, String>> {
        let keys = frame.keys;
        if keys.fresh {
            return Some(Ok(Doing::Editing(Editing { fresh: true, text: String::new() })));
        }
        if !(keys.rename || keys.export || keys.import || keys.strike || keys.remove) {
            return None;
        }
        let Some(own) = own else { return Some(Err("nothing can be kept here".to_owned())) };
        let has_key = own.secret().is_some();
        Some(if keys.import {
            Ok(Doing::Carrying(Box::new(Carry::home())))
        } else if keys.rename {
            let text = own.called().map(|(name, _)| name.to_string()).unwrap_or_default();
            let editing = Doing::Editing(Editing { fresh: false, text });
            has_key.then_some(editing).ok_or_else(|| elsewhere("rename it"))
        } else if keys.export {
            let carry = Carry::out(own, frame.console).map(Box::new).map(Doing::Carrying);
            carry.ok_or_else(|| elsewhere("export it"))
        } else if keys.strike && has_key {
            let here = frame.view.as_ref().map(|view| view.me);
            let machines = self.found.machines(own).into_iter();
            let others = machines.filter(|(id, struck)| !struck && Some(*id) != here);
            let strike = Strike::of(others.map(|(id, _)| id).collect()).map(Doing::Striking);
            strike.ok_or_else(|| match self.found.known {
                Some(_) => "no other machine speaks for this account".to_owned(),
                None => "still looking through the books: once more in a moment".to_owned(),
            })
        } else if keys.strike {
            Err(elsewhere("strike machines off"))
        } else {
            let mut ask = Ask::default();
            ask.open();
            has_key.then_some(Doing::Deleting(ask)).ok_or_else(|| elsewhere("delete it"))
        })
    }
}

impl Screen for AccountsScreen {
    fn controls(&self, _keys: &Keys) -> Controls {
        Controls::default()
    }

    fn frame(&mut self, frame: &Frame) -> Turn {
        if !std::mem::replace(&mut self.opened, true) {
            frame.console.look_accounts_up();
        }
        let own = frame.console.account();
        self.found.look(frame.console.accounts(), &self.filter);
        if let Some((_, age)) = &mut self.said {
            *age += frame.passed;
        }
        if self.hear(frame, own.as_ref()) {
            return Turn::Back;
        }
        // What was just done may have changed it.
        let own = frame.console.account();
        self.found.look(frame.console.accounts(), &self.filter);

        let c = &frame.stage;
        c.block(frame.visible, Paint::Down(NIGHT, mixed(NIGHT, DUSK, 0.9)));
        c.text("Accounts", vec2(STAGE.x / 2.0, 44.0), Ink::royal(30.0, GOLD).spaced(0.1));
        self.draw_own(frame, own.as_ref());
        self.draw_list(frame, own.as_ref());
        self.draw_foot(frame);
        match &self.doing {
            Doing::Looking | Doing::Editing(_) => {}
            Doing::Carrying(carry) => carry.draw(frame),
            Doing::Striking(strike) => strike.draw(frame),
            Doing::Deleting(ask) => {
                let name = own.as_ref().and_then(Own::called);
                let question =
                    format!("Delete {} for ever?", name.map_or("it", |(name, _)| name.as_str()));
                let note = "the name goes, everywhere; the points stay, as somebody's";
                ask.draw(frame, &question, note, "delete");
            }
        }
        Turn::Stay
    }
}

impl AccountsScreen {
    fn draw_own(&self, frame: &Frame, own: Option<&Own>) {
        let c = &frame.stage;
        draw_panel(c, OWN);
        let Some(own) = own else {
            let ink = Ink::plain(17.0, LAVENDER).centred();
            let says = "nothing can be kept on this machine: you are somebody new each time";
            c.text(says, OWN.center(), ink);
            return;
        };
        let (name, colour) =
            own.called().map_or(("not called yet", 0), |(name, colour)| (name.as_str(), colour));
        let mut pose = Pose::standing(vec2(OWN.x + 78.0, OWN.y + 128.0), 30.0, colour);
        pose.seconds = frame.seconds;
        pose.blink = blink(frame.seconds, 3);
        draw_heir(c, &pose);
        let x = OWN.x + 150.0;
        let label = Ink::plain(14.0, HEATHER);
        c.text("you are", vec2(x, OWN.y + 36.0), label);
        let ink = Ink::plain(30.0, lit(tunic(colour), 0.5));
        let width = c.text(&c.fitted(name, 430.0, ink), vec2(x, OWN.y + 72.0), ink);
        let mark = Mark::of(own.account().id()).to_string();
        c.text(
            &format!("\u{b7}{mark}"),
            vec2(x + width + 6.0, OWN.y + 72.0),
            Ink::plain(22.0, GOLD),
        );
        let key = match own.secret() {
            Some(_) => "the account's key is on this machine; keep a copy elsewhere",
            None => "this machine speaks for the account; its key is elsewhere",
        };
        c.text(key, vec2(x, OWN.y + 102.0), Ink::plain(14.0, LAVENDER));
        c.text(&fingerprint(own), vec2(x, OWN.y + 130.0), label);
        self.draw_machines(frame, own);
    }

    fn draw_machines(&self, frame: &Frame, own: &Own) {
        let c = &frame.stage;
        let right = OWN.right() - 28.0;
        let me = frame.view.as_ref().map(|view| view.me);
        let mut machines = self.found.machines(own);
        if let Some(me) = me.filter(|me| machines.iter().all(|(id, _)| id != me)) {
            machines.push((me, false));
        }
        machines.sort_by_key(|(id, struck)| (Some(*id) != me, *struck, *id));
        c.text("machines", vec2(right, OWN.y + 36.0), Ink::plain(14.0, HEATHER).right());
        for (at, (id, struck)) in machines.iter().take(MACHINES).enumerate() {
            let column = (at / 3) as f32;
            let place = vec2(right - column * 190.0, OWN.y + 64.0 + (at % 3) as f32 * 26.0);
            let (what, colour) = match (Some(*id) == me, *struck) {
                (true, _) => ("this one, ", CREAM),
                (_, true) => ("struck off, ", faded(FIRE, 0.8)),
                _ => ("", LAVENDER),
            };
            let mark = Mark::of(*id);
            c.text(&format!("{what}{mark}"), place, Ink::plain(17.0, colour).right());
        }
        if let Some(more) = machines.len().checked_sub(MACHINES).filter(|more| *more > 0) {
            let ink = Ink::plain(14.0, HEATHER).right();
            c.text(&format!("and {more} more"), vec2(right, OWN.y + 142.0), ink);
        }
    }

    fn draw_list(&self, frame: &Frame, own: Option<&Own>) {
        let c = &frame.stage;
        let all = &self.found.lines;
        draw_panel(c, LIST);
        let heading = Ink::royal(17.0, GOLD).spaced(0.12).centred();
        c.text("Known in your books", vec2(LIST.center().x, LIST.y + 30.0), heading);
        let pages = all.len().div_ceil(ROWS).max(1);
        let ink = Ink::plain(14.0, LAVENDER);
        let count = format!("{}, page {} of {pages}", all.len(), self.page.min(pages));
        c.text(&count, vec2(LIST.right() - 28.0, LIST.y + 30.0), ink.right());
        self.draw_filter(frame);
        if all.is_empty() {
            let says = match (self.found.known.is_some(), self.filter.is_empty()) {
                (false, _) => "looking through the books…",
                (true, true) => "nobody yet: whom you play with is listed here",
                (true, false) => "nobody is known by such a name or mark",
            };
            let ink = Ink::plain(17.0, HEATHER).centred();
            c.text(says, LIST.center(), ink);
        }
        let page = page_of(all, self.page.min(pages), ROWS);
        for (at, one) in page.iter().enumerate() {
            let place =
                Rect::new(LIST.x + 16.0, LIST.y + 88.0 + at as f32 * ROW, LIST.w - 32.0, ROW - 3.0);
            let friends = frame.view.iter().flat_map(|view| view.friends.iter());
            let paired = friends.into_iter().any(|friend| friend.key == one.key);
            draw_row(c, place, one, (own.is_some_and(|own| own.account() == one.key), paired));
        }
    }

    fn draw_filter(&self, frame: &Frame) {
        let c = &frame.stage;
        let field = Rect::new(LIST.x + 16.0, LIST.y + 46.0, LIST.w - 32.0, 34.0);
        c.round_rect(field, 8.0, faded(NIGHT, 0.7));
        c.round_frame(field, 8.0, 1.4, faded(PANEL_EDGE, 0.9));
        let (label, text) = match &self.doing {
            Doing::Editing(Editing { fresh: true, text }) => {
                ("Call the new account", text.as_str())
            }
            Doing::Editing(Editing { fresh: false, text }) => ("You are called", text.as_str()),
            _ if self.filter.is_empty() => ("type to filter", ""),
            _ => ("filter", self.filter.as_str()),
        };
        if matches!(self.doing, Doing::Editing(_)) {
            c.round_frame(field, 8.0, 1.8, GOLD);
        }
        let y = field.y + 23.0;
        let ink = Ink::plain(15.0, HEATHER);
        let width = c.text(label, vec2(field.x + 14.0, y), ink);
        let x = field.x + 14.0 + width + 12.0;
        let width = c.text(text, vec2(x, y), Ink::plain(18.0, CREAM));
        if frame.seconds.fract() < 0.6 {
            c.rect(Rect::new(x + width + 2.0, field.y + 8.0, 2.0, 18.0), GOLD);
        }
    }

    fn draw_foot(&self, frame: &Frame) {
        let c = &frame.stage;
        let line = vec2(STAGE.x / 2.0, 694.0);
        if let Some((what, age)) = self.said.as_ref().filter(|(_, age)| *age < SAID_S) {
            let c = c.faded((SAID_S - age).min(1.0));
            let ink = Ink::plain(17.0, CREAM).centred();
            let lines = c.wrapped(what, STAGE.x - 80.0, 2, ink);
            let up = 11.0 * (lines.len() - 1) as f32;
            for (number, text) in lines.iter().enumerate() {
                c.text(text, line + vec2(0.0, 5.0 - up + 22.0 * number as f32), ink);
            }
            return;
        }
        if matches!(self.doing, Doing::Editing(_)) {
            let hints =
                [Hint { keys: "Enter", does: "keep" }, Hint { keys: "Esc", does: "as it was" }];
            return keys::draw_hints(c, line, &hints);
        }
        let back = if self.filter.is_empty() { "back" } else { "no filter" };
        keys::draw_hints(
            c,
            line,
            &[
                Hint { keys: "PgUp PgDn", does: "leaf" },
                Hint { keys: "F2", does: "rename" },
                Hint { keys: "F4", does: "make another" },
                Hint { keys: "F5", does: "colour" },
                Hint { keys: "F6", does: "keep a copy" },
                Hint { keys: "F7", does: "bring one here" },
                Hint { keys: "F8", does: "strike off" },
                Hint { keys: "Del", does: "delete" },
                Hint { keys: "Esc", does: back },
            ],
        );
    }
}

/// The account's key, as it is compared by people: its first digits, in groups.
fn fingerprint(own: &Own) -> String {
    let digits = own.account().to_string();
    let groups: Vec<&str> =
        (0..6).filter_map(|group| digits.get(group * 4..group * 4 + 4)).collect();
    format!("key {}…", groups.join(" "))
}

fn draw_row(c: &Canvas, place: Rect, one: &Line, (own, paired): (bool, bool)) {
    if own {
        c.round_rect(place, 8.0, faded(PANEL_EDGE, 0.55));
        c.round_frame(place, 8.0, 1.2, faded(LAVENDER, 0.5));
    }
    let y = place.y + 20.0;
    c.disc(vec2(place.x + 18.0, place.center().y), 6.0, tunic(one.colour));
    let ink = Ink::plain(18.0, CREAM);
    let name = c.fitted(one.name.as_str(), 420.0, ink);
    let width = c.text(&name, vec2(place.x + 38.0, y), ink);
    if paired {
        let mark = vec2(place.x + 38.0 + width + 14.0, place.center().y);
        draw_standing(c, mark, 13.0, Standing::Paired);
    }
    let ink = Ink::plain(16.0, if one.doubled { GOLD } else { HEATHER });
    c.text(one.mark.as_str(), vec2(place.x + 500.0, y), ink);
    let ink = Ink::plain(15.0, LAVENDER).right();
    let machines = match one.machines {
        1 => "1 machine".to_owned(),
        more => format!("{more} machines"),
    };
    c.text(&machines, vec2(place.right() - 150.0, y), ink);
    if own {
        c.text("you", vec2(place.right() - 18.0, y), ink.coloured(GOLD));
    }
}
