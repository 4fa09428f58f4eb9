//! What people say, over the board: the last lines, which fade, and the line that is typed.
//!
//! Enter opens the line, and sends it; Escape leaves it. While it is open all keys belong to it, and the lines
//! of before can be scrolled.
use std::collections::BTreeMap;

use macroquad::math::{Rect, vec2};

use crate::{
    accounts::Accounts,
    arena::Arena,
    chat::typed::{self, HELP, Typed},
    config::LINES_SHOWN,
    ledger::entry::EntryId,
    node::{ChatLine, ChatNews, Command, Event, Sent, View},
    text::{SAID_CHARS_MAX, chars_said},
    types::NodeId,
    ui::{
        draw::Canvas,
        keys::{self, Keys},
        palette::{CREAM, GOLD, HEATHER, LAVENDER, NIGHT, ROSE, faded},
        screen::Frame,
        text::Ink,
    },
};

/// How many lines are shown while nobody types, and while somebody does.
const SHOWN: usize = 5;
const SHOWN_OPEN: usize = 10;

/// For how long a line is shown, in seconds, and how long it fades.
const SHOWN_S: f32 = 9.0;
const FADES_S: f32 = 1.5;

/// For how long something is said to whoever types.
const NOTE_S: f32 = 6.0;

const ROW: f32 = 23.0;
const WIDTH: f32 = 640.0;

/// The talk, as it is shown.
#[derive(Debug, Default)]
pub struct Talk {
    /// What is typed, while the line is open.
    typed: Option<String>,
    /// What was typed when the line was left.
    left: String,
    /// How many lines back it is scrolled.
    back: usize,
    /// For how many seconds each of the last lines has been there.
    ages: BTreeMap<EntryId, f32>,
    note: Option<(String, f32)>,
}

impl Talk {
    /// Whether the line is open: then all keys belong to it.
    pub fn is_open(&self) -> bool {
        self.typed.is_some()
    }

    /// Hears what happened.
    pub fn happened(&mut self, event: &Event<Arena>) {
        match event {
            Event::Chat(ChatNews::Said { line, away: false, .. }) => {
                self.ages.insert(line.id, 0.0);
                // Whoever reads what was said before goes on reading it.
                self.back += usize::from(self.back > 0);
            }
            Event::Chat(ChatNews::Sent { id, .. }) => drop(self.ages.insert(*id, 0.0)),
            Event::Chat(ChatNews::WhileAway { lines }) if *lines > 0 => {
                let words = if *lines == 1 { "line" } else { "lines" };
                self.say(format!("{lines} new {words} while you were away: Enter shows them"));
            }
            Event::Chat(ChatNews::NotSaid { why, said }) => {
                self.say(why.to_string());
                if let Some(said) = said.as_ref().filter(|_| self.left.is_empty()) {
                    // It need not be typed again.
                    self.left = said.to_string();
                }
            }
            _ => {}
        }
    }

    fn say(&mut self, note: String) {
        self.note = Some((note, 0.0));
    }

    /// Hears the keys of a frame. What is to be done.
    pub fn hear(&mut self, keys: &Keys, view: &View<Arena>) -> Option<Command<Arena>> {
        let Some(text) = &mut self.typed else {
            if !keys.enter {
                return None;
            }
            self.typed = Some(std::mem::take(&mut self.left));
            self.back = 0;
            // Nobody looks back any more.
            let many = view.chat.lines.len() > LINES_SHOWN;
            return many.then_some(Command::LookBack { lines: LINES_SHOWN });
        };
        if keys.escape {
            self.left = self.typed.take().unwrap_or_default();
            return None;
        }
        let by = keys.pages.saturating_mul(SHOWN_OPEN as i32).saturating_add(keys.lines);
        self.back = self.back.saturating_add_signed(by.saturating_neg() as isize);
        let lines = view.chat.lines.len();
        let wanted = self.back;
        self.back = wanted.min(lines.saturating_sub(SHOWN_OPEN));
        if by < 0 && wanted > self.back && view.chat.more {
            // What is older is shown with the next view.
            return Some(Command::LookBack { lines: lines + LINES_SHOWN });
        }
        // A flag is two of what a field counts, and one of what people count.
        keys::type_into(text, &keys.typed, 2 * SAID_CHARS_MAX);
        while chars_said(text) > SAID_CHARS_MAX {
            text.pop();
        }
        if !keys.enter {
            return None;
        }
        let line = self.typed.take().unwrap_or_default();
        if line.trim().is_empty() {
            return None;
        }
        self.does(&line, view)
    }

    fn does(&mut self, line: &str, view: &View<Arena>) -> Option<Command<Arena>> {
        let lines = || view.chat.lines.iter().map(|line| &*line.line);
        let answered = typed::answered(lines(), &view.accounts, view.me);
        match typed::read(line, &view.accounts, answered) {
            Ok(Typed::Say(to, said)) => return Some(Command::Say(to, said)),
            Ok(Typed::Unsay(named)) => {
                match named.or_else(|| typed::last_own(lines(), &view.accounts, view.me)) {
                    Some(id) => return Some(Command::Unsay(id)),
                    None => self.say("there is no line of yours to take back".to_owned()),
                }
            }
            Ok(Typed::Mute(person, mute)) => {
                let name = view.accounts.called(person);
                self.say(format!("{name} is {}", if mute { "muted" } else { "heard again" }));
                return Some(Command::Mute { person, mute });
            }
            Ok(Typed::Muted) => {
                let muted = view.chat.muted.iter();
                let names: Vec<String> =
                    muted.map(|person| view.accounts.called(*person)).collect();
                self.say(match names[..] {
                    [] => "nobody is muted".to_owned(),
                    _ => format!("muted: {}", names.join(", ")),
                });
            }
            Ok(Typed::List(filter)) => {
                let listed = view.accounts.listed(&filter);
                let names: Vec<String> = listed.iter().take(12).map(|one| one.shown()).collect();
                self.say(names.join(", "));
            }
            Ok(Typed::Help | Typed::Quit) => self.say(HELP.to_owned()),
            Err(error) => {
                self.say(error.to_string());
                line.clone_into(&mut self.left);
            }
        }
        None
    }

    /// Draws it in the lower left corner of this place.
    pub fn draw(&mut self, frame: &Frame, view: &View<Arena>, place: Rect) {
        self.ages.values_mut().for_each(|age| *age += frame.passed);
        self.ages.retain(|_, age| *age < SHOWN_S);
        self.note = self.note.take().map(|(note, age)| (note, age + frame.passed));
        self.note.take_if(|(_, age)| *age > NOTE_S);
        let c = &frame.stage;
        let open = self.is_open();
        let mut y = place.bottom() - 16.0;
        if let Some(text) = &self.typed {
            let row = Rect::new(place.x + 10.0, y - 20.0, WIDTH, 30.0);
            c.round_rect(row, 9.0, faded(NIGHT, 0.92));
            c.round_frame(row, 9.0, 1.4, faded(GOLD, 0.8));
            draw_typed(c, row, text, frame.seconds);
            y -= 36.0;
        }
        if let Some((note, age)) = &self.note {
            let seen = ((NOTE_S - age) / FADES_S).clamp(0.0, 1.0);
            let ink = Ink::plain(15.0, GOLD);
            draw_row(&c.faded(seen), place.x, y, &[(note.clone(), ink)], open);
            y -= ROW;
        }
        let rows = if open { SHOWN_OPEN } else { SHOWN };
        let lines: Vec<(&ChatLine, f32)> = self.shown(view, rows).collect();
        for (line, seen) in lines {
            let new = open && view.chat.new_from == Some(line.line.id);
            draw_row(&c.faded(seen), place.x, y, &words(line, view), open);
            y -= ROW;
            if new {
                let ink = Ink::plain(13.0, GOLD);
                draw_row(c, place.x, y, &[("new since you were here".to_owned(), ink)], open);
                y -= ROW;
            }
        }
    }

    /// The lines that are shown, the last one first, and how much of each is to be seen.
    fn shown<'a>(
        &'a self,
        view: &'a View<Arena>,
        rows: usize,
    ) -> impl Iterator<Item = (&'a ChatLine, f32)> {
        let open = self.is_open();
        let back = if open { self.back } else { 0 };
        let lines = view.chat.lines.iter().rev().skip(back).take(rows);
        lines.filter_map(move |line| {
            let age = self.ages.get(&line.line.id);
            let seen = age.map_or(0.0, |age| ((SHOWN_S - age) / FADES_S).clamp(0.0, 1.0));
            let seen = if open { 1.0 } else { seen };
            (seen > 0.0).then_some((line, seen))
        })
    }
}

/// The end of what is typed, with a stroke that blinks behind it.
fn draw_typed(c: &Canvas, row: Rect, text: &str, seconds: f32) {
    let ink = Ink::plain(17.0, CREAM);
    let mut shown = text;
    while c.text_width(shown, ink) > row.w - 28.0 {
        let mut rest = shown.chars();
        rest.next();
        shown = rest.as_str();
    }
    let base = vec2(row.x + 12.0, row.y + 20.0);
    let width = c.text(shown, base, ink);
    if text.is_empty() {
        let ink = Ink::plain(15.0, HEATHER);
        c.text("say something; /w NAME to one alone, /help", base + vec2(6.0, 0.0), ink);
    }
    if (seconds * 2.0).fract() < 0.6 {
        c.rect(Rect::new(base.x + width + 2.0, row.y + 7.0, 1.6, 17.0), GOLD);
    }
}

/// Pieces of text beside one another, with a dark ground that makes them legible on any board.
fn draw_row(c: &Canvas, x: f32, y: f32, pieces: &[(String, Ink)], open: bool) {
    let width: f32 = pieces.iter().map(|(text, ink)| c.text_width(text, *ink)).sum();
    let ground = if open { 0.88 } else { 0.6 };
    let width = width.min(WIDTH);
    c.round_rect(Rect::new(x + 10.0, y - 17.0, width + 18.0, ROW), 7.0, faded(NIGHT, ground));
    let mut pen = x + 19.0;
    let end = pen + WIDTH - 18.0;
    for (text, ink) in pieces {
        let text = c.fitted(text, end - pen, *ink);
        pen += c.text(&text, vec2(pen, y), *ink);
    }
}

/// A line: who, to whom, what, and how far one's own has come.
fn words(line: &ChatLine, view: &View<Arena>) -> Vec<(String, Ink)> {
    const SIZE: f32 = 16.0;
    let accounts = &view.accounts;
    let own = accounts.person(view.me);
    let on_its_way = line.sent == Some(Sent::OnItsWay);
    let from = called(accounts, view, line.line.from);
    let (who, name_colour) = match line.line.to {
        None => (format!("{from}: "), GOLD),
        Some(to) if to == own || to == view.me => (format!("{from} \u{2192} you: "), ROSE),
        Some(to) => (format!("{from} \u{2192} {}: ", accounts.called(to)), ROSE),
    };
    let colour = match (on_its_way, line.line.to) {
        (true, _) => HEATHER,
        (false, Some(_)) => ROSE,
        (false, None) => CREAM,
    };
    let name_colour = if on_its_way { HEATHER } else { name_colour };
    let said = line.line.said().map(ToString::to_string).unwrap_or_default();
    let mut pieces = vec![(who, Ink::plain(SIZE, name_colour)), (said, Ink::plain(SIZE, colour))];
    let far = match line.sent {
        Some(Sent::OnItsWay) => Some("  sending\u{2026}".to_owned()),
        Some(Sent::Placed { machines: 1 }) => Some("  on 1 other machine".to_owned()),
        Some(Sent::Placed { machines }) if machines > 1 => {
            Some(format!("  on {machines} other machines"))
        }
        _ => None,
    };
    pieces.extend(far.map(|far| (far, Ink::plain(12.0, LAVENDER))));
    pieces
}

/// What whoever wrote on this machine is called.
fn called(accounts: &Accounts, view: &View<Arena>, machine: NodeId) -> String {
    if accounts.of_machine(machine).is_some() {
        return accounts.called(accounts.person(machine));
    }
    let member = view.members.iter().find(|member| member.id == machine);
    member.map_or_else(|| "somebody".to_owned(), |member| member.name.to_string())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        accounts::{Claim, Heard, Statement},
        chat::{Content, Line},
        keys::SecretKey,
        ledger::entry::{WallTime, Writer},
        node::ChatView,
        text::{Name, Said},
        types::{Incarnation, Instant, Role},
    };

    fn view() -> View<Arena> {
        View::new(Instant(0), NodeId::from_u128(1), Name::new("me"), Role::Player)
    }

    fn typed(text: &str) -> Keys {
        Keys { typed: text.to_owned(), ..Keys::default() }
    }

    #[test]
    fn enter_opens_the_line_and_says_it_and_escape_keeps_what_was_typed() {
        let (enter, escape) =
            (Keys { enter: true, ..Keys::default() }, Keys { escape: true, ..Keys::default() });
        let (view, mut talk) = (view(), Talk::default());
        assert!(talk.hear(&typed("wasd"), &view).is_none() && !talk.is_open());
        talk.hear(&enter, &view);
        talk.hear(&typed("hello"), &view);
        talk.hear(&escape, &view);
        assert!(!talk.is_open());
        talk.hear(&enter, &view);
        talk.hear(&typed(" all"), &view);
        let Some(Command::Say(None, said)) = talk.hear(&enter, &view) else { panic!("not said") };
        assert_eq!(said.as_str(), "hello all");
        assert!(!talk.is_open());
    }

    #[test]
    fn what_cannot_be_said_is_explained_and_kept() {
        let enter = Keys { enter: true, ..Keys::default() };
        let (view, mut talk) = (view(), Talk::default());
        talk.hear(&enter, &view);
        talk.hear(&typed("/w Nobody hello"), &view);
        assert!(talk.hear(&enter, &view).is_none());
        assert!(talk.note.is_some());
        talk.hear(&enter, &view);
        assert_eq!(talk.typed.as_deref(), Some("/w Nobody hello"));
    }

    #[test]
    fn whoever_scrolls_beyond_what_is_shown_looks_further_back() {
        let enter = Keys { enter: true, ..Keys::default() };
        let page_up = Keys { pages: -1, ..Keys::default() };
        let (mut view, mut talk) = (view(), Talk::default());
        let lines = |count: u64| {
            let line = |number| {
                let writer = Writer { node: NodeId::from_u128(2), incarnation: Incarnation(1) };
                let id = EntryId { writer, number };
                let content = Content::Said(Said::new("hello").unwrap());
                let (from, at) = (writer.node, WallTime(0));
                let line = Arc::new(Line { id, from, to: None, content, at, place: None });
                ChatLine { line, sent: None }
            };
            (0..count).map(line).collect::<Arc<[ChatLine]>>()
        };
        let shown =
            |count, more| Arc::new(ChatView { lines: lines(count), more, ..ChatView::default() });
        view.chat = shown(LINES_SHOWN as u64, true);
        assert!(talk.hear(&enter, &view).is_none());
        let mut asked = None;
        for _ in 0..LINES_SHOWN / SHOWN_OPEN {
            assert!(asked.is_none());
            asked = talk.hear(&page_up, &view);
        }
        let Some(Command::LookBack { lines: wanted }) = asked else { panic!("not asked for") };
        assert_eq!(wanted, 2 * LINES_SHOWN);
        view.chat = shown(wanted as u64, false);
        let before = talk.back;
        for _ in 0..LINES_SHOWN / SHOWN_OPEN + 3 {
            assert!(talk.hear(&page_up, &view).is_none(), "there are no more");
        }
        assert_eq!(talk.back, before + LINES_SHOWN);
        // Who opens the line the next time begins with the newest.
        talk.hear(&Keys { escape: true, ..Keys::default() }, &view);
        let begun = talk.hear(&enter, &view);
        assert!(matches!(begun, Some(Command::LookBack { lines: LINES_SHOWN })) && talk.back == 0);
    }

    #[test]
    fn muting_is_a_wish_and_who_is_muted_is_listed() {
        let enter = Keys { enter: true, ..Keys::default() };
        let (mut view, mut talk) = (view(), Talk::default());
        let key = SecretKey::from_bytes(&[1; 32]);
        let claim = Claim::Called { name: Name::new("Ben"), colour: 0, revision: 1 };
        let heard = Heard::by(key.public().id(), Statement::new(&key, claim));
        Arc::make_mut(&mut view.accounts).hear(heard).unwrap();
        talk.hear(&enter, &view);
        talk.hear(&typed("/mute ben"), &view);
        let Some(Command::Mute { person, mute: true }) = talk.hear(&enter, &view) else {
            panic!("not muted")
        };
        assert_eq!(person, key.public().id());
        let muted = Arc::new([person].into());
        view.chat = Arc::new(ChatView { muted, ..ChatView::default() });
        talk.hear(&enter, &view);
        talk.hear(&typed("/muted"), &view);
        assert!(talk.hear(&enter, &view).is_none());
        assert_eq!(talk.note.as_ref().map(|(note, _)| note.as_str()), Some("muted: Ben"));
    }

    #[test]
    fn what_is_taken_back_is_what_was_named_and_nothing_if_that_is_no_line() {
        let enter = Keys { enter: true, ..Keys::default() };
        let mut view = view();
        let writer = Writer { node: view.me, incarnation: Incarnation(1) };
        let said = |number| {
            let line = Line {
                id: EntryId { writer, number },
                from: writer.node,
                to: None,
                content: Content::Said(Said::new("hello").unwrap()),
                at: WallTime(0),
                place: None,
            };
            ChatLine { line: Arc::new(line), sent: Some(Sent::OnItsWay) }
        };
        let lines = [said(1), said(2)].into();
        view.chat = Arc::new(ChatView { lines, ..ChatView::default() });
        let mut talk = Talk::default();
        let mut types = |text: &str| {
            talk.hear(&enter, &view);
            talk.typed.as_mut().unwrap().clear();
            talk.hear(&typed(text), &view);
            match talk.hear(&enter, &view) {
                Some(Command::Unsay(id)) => Some(id.number),
                Some(command) => panic!("{command:?}"),
                None => None,
            }
        };
        assert_eq!(types("/delete"), Some(2));
        assert_eq!(types(&format!("/delete {}", view.chat.lines[0].line.id)), Some(1));
        assert_eq!(types("/delete no, wait"), None);
    }

    #[test]
    fn no_more_is_typed_or_pasted_than_can_be_said() {
        let enter = Keys { enter: true, ..Keys::default() };
        let (view, mut talk) = (view(), Talk::default());
        talk.hear(&enter, &view);
        talk.hear(&typed(&"\u{1f1e9}\u{1f1ea}".repeat(100)), &view);
        assert_eq!(chars_said(talk.typed.as_deref().unwrap()), 100);
        talk.hear(&typed(&"x\n".repeat(1_000)), &view);
        assert_eq!(chars_said(talk.typed.as_deref().unwrap()), SAID_CHARS_MAX);
    }
}
