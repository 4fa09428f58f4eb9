//! Two people compare pictures: what is asked, what is shown, and what became of it.
use macroquad::{
    color::Color,
    math::{Rect, vec2},
};

use crate::{
    arena::Arena,
    node::{Command, Event, PairingView},
    pairing::{Stage, Told},
    ui::{
        draw::Canvas,
        keys::{self, Hint, Keys},
        palette::{CREAM, EMERALD, FIRE, GOLD, LAVENDER, faded, mixed},
        panel::draw_panel,
        pictures::draw_code,
        screen::STAGE,
        text::Ink,
    },
};

/// What is wanted of a comparison by the keys of a frame. Whoever agrees to compare with one key says with
/// another one that it is the same: so nobody says so by pressing a key twice.
pub fn hear(keys: &Keys, pairing: &PairingView) -> Option<Command<Arena>> {
    if keys.differ {
        return Some(Command::Compared { same: false });
    }
    match pairing.stage {
        Stage::Asked if keys.enter => Some(Command::Pair(pairing.peer)),
        Stage::Comparing { said: false, .. } if keys.same => Some(Command::Compared { same: true }),
        _ => None,
    }
}

/// What came of a comparison, in words, and in which colour; none if the event is about something else.
pub fn outcome(event: &Event<Arena>) -> Option<(String, Color)> {
    let Event::Pairing { name, told, .. } = event else { return None };
    match told {
        Told::Stage(_) => None,
        Told::Paired(_) => {
            Some((format!("nobody stands between you and {name}"), mixed(EMERALD, CREAM, 0.4)))
        }
        Told::Ended { why, by_them } => {
            Some((why.words(name.as_str(), *by_them), mixed(FIRE, CREAM, 0.4)))
        }
    }
}

/// The same in a few words.
pub fn outcome_in_short(event: &Event<Arena>) -> Option<(String, Color)> {
    let Event::Pairing { name, told, .. } = event else { return None };
    match told {
        Told::Stage(_) => None,
        Told::Paired(_) => Some((format!("you know {name}"), mixed(EMERALD, CREAM, 0.4))),
        Told::Ended { .. } => Some((format!("not sure of {name}"), mixed(FIRE, CREAM, 0.4))),
    }
}

/// Draws a comparison that is under way; `who` is what the other one is called.
pub fn draw(c: &Canvas, pairing: &PairingView, who: &str) {
    let comparing = matches!(pairing.stage, Stage::Comparing { .. });
    let size = if comparing { vec2(760.0, 430.0) } else { vec2(640.0, 190.0) };
    let place = Rect::new((STAGE.x - size.x) / 2.0, (STAGE.y - size.y) / 2.0, size.x, size.y);
    draw_panel(c, place);
    c.round_frame(place, 14.0, 1.8, faded(GOLD, 0.8));
    let middle = place.center().x;
    let line = |text: &str, y: f32, size: f32, colour: Color| {
        let ink = Ink::plain(size, colour).centred();
        c.text(&c.fitted(text, place.w - 40.0, ink), vec2(middle, place.y + y), ink);
    };
    c.text("Compare", vec2(middle, place.y + 44.0), Ink::royal(28.0, GOLD));
    let no = Hint { keys: "X", does: "break it off" };
    let back = Hint { keys: "Esc", does: "back" };
    let hints = match pairing.stage {
        Stage::Asking => {
            line(&format!("{who} is asked"), 82.0, 21.0, CREAM);
            line("an answer is waited for, for a minute", 108.0, 17.0, LAVENDER);
            vec![no, back]
        }
        Stage::Asked => {
            line(&format!("{who} wants to compare pictures with you"), 82.0, 21.0, CREAM);
            line(
                "talk to each other meanwhile: then nobody can stand between you",
                108.0,
                17.0,
                LAVENDER,
            );
            let yes = Hint { keys: "Enter", does: "compare" };
            vec![yes, Hint { keys: "X", does: "not now" }, back]
        }
        Stage::Comparing { code, said } => {
            line(&format!("Does {who} see the same? Ask, aloud."), 80.0, 21.0, CREAM);
            draw_code(c, Rect::new(place.x + 24.0, place.y + 100.0, place.w - 48.0, 264.0), code);
            let differ = Hint { keys: "X", does: "they differ" };
            match said {
                true => {
                    line(&format!("now {who} has to say so, too"), 384.0, 17.0, LAVENDER);
                    vec![no, back]
                }
                false => vec![Hint { keys: "M", does: "they match" }, differ],
            }
        }
    };
    keys::draw_hints(c, vec2(middle, place.bottom() - 26.0), &hints);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        pairing::{Code, Ended},
        text::Name,
        types::NodeId,
    };

    /// Whether it is the same; or that the player agrees to compare.
    fn heard(stage: Stage, keys: &Keys) -> Option<bool> {
        let pairing = PairingView { peer: NodeId::from_u128(2), name: Name::new("Bob"), stage };
        match hear(keys, &pairing) {
            Some(Command::Compared { same }) => Some(same),
            Some(Command::Pair(peer)) if stage == Stage::Asked => Some(peer == pairing.peer),
            None => None,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn each_key_says_one_thing_where_there_is_something_to_say() {
        let enter = Keys { enter: true, ..Keys::default() };
        let same = Keys { same: true, ..Keys::default() };
        let differ = Keys { differ: true, ..Keys::default() };
        let all = Keys { differ: true, same: true, ..enter.clone() };
        let comparing = |said| Stage::Comparing { code: Code::of(&[7; 32]), said };
        for (stage, by_enter, by_same) in [
            (Stage::Asking, None, None),
            (Stage::Asked, Some(true), None),
            (comparing(false), None, Some(true)),
            (comparing(true), None, None),
        ] {
            assert_eq!(heard(stage, &enter), by_enter, "{stage:?}");
            assert_eq!(heard(stage, &same), by_same, "{stage:?}");
            assert_eq!(heard(stage, &differ), Some(false), "{stage:?}");
            assert_eq!(heard(stage, &all), Some(false), "{stage:?}");
            assert_eq!(heard(stage, &Keys::default()), None, "{stage:?}");
        }
    }

    #[test]
    fn what_came_of_it_is_said_in_words() {
        let event =
            |told| Event::Pairing { peer: NodeId::from_u128(2), name: Name::new("Bob"), told };
        let under_way = event(Told::Stage(Stage::Asking));
        assert!(outcome(&under_way).is_none() && outcome_in_short(&under_way).is_none());
        let ended = Told::Ended { why: Ended::Differs, by_them: false };
        let (said, _) = outcome(&event(ended)).unwrap();
        assert!(said.contains("differ") && said.contains("Bob"), "{said}");
    }
}
