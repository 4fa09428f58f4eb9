//! The council: who is who, and who is to go. Everybody may compare pictures with somebody, to be sure of that
//! one's key. The host lets somebody go, for a minute or for good; everybody else may vote against the host.
use std::collections::BTreeMap;

use macroquad::{
    color::Color,
    math::{Rect, vec2},
};

use super::comparing;
use crate::{
    accounts::Standing,
    arena::Arena,
    node::{Command, Event, MemberView, View},
    types::NodeId,
    ui::{
        crown::draw_crown,
        draw::Canvas,
        keys::{self, Hint, Keys},
        palette::{CREAM, FIRE, GOLD, HEATHER, LAVENDER, NIGHT, PANEL_EDGE, faded, lit, mixed},
        panel::draw_panel,
        pictures::{draw_standing, standing_width},
        screen::{Frame, STAGE},
        text::Ink,
    },
};

/// How many are shown at once.
const ROWS: usize = 8;
const ROW: f32 = 40.0;
const WIDTH: f32 = 700.0;
/// For how long it is said what came of a comparison, in seconds.
const SAID_S: f32 = 12.0;

/// The council, while it sits.
#[derive(Default)]
pub struct Council {
    sits: bool,
    chosen: Option<NodeId>,
    /// Who is to be banned as soon as that is said again.
    doomed: Option<NodeId>,
    /// Against whom this player has voted.
    voted: Option<NodeId>,
    /// What came of the last comparison, in which colour, and for how many seconds that has been said.
    said: Option<(String, Color, f32)>,
}

impl Council {
    /// Hears of something that happened.
    pub fn happened(&mut self, event: &Event<Arena>) {
        if let Some((what, colour)) = comparing::outcome(event) {
            self.said = Some((what, colour, 0.0));
        }
    }

    /// Some seconds have passed.
    pub fn pass(&mut self, seconds: f32) {
        if let Some((.., age)) = &mut self.said {
            *age += seconds;
        }
        self.said.take_if(|(.., age)| *age > SAID_S);
    }

    /// Whether it sits: then all keys belong to it.
    pub fn sits(&self) -> bool {
        self.sits
    }

    /// Hears the keys of a frame. What is to be done.
    pub fn hear(&mut self, keys: &Keys, view: &View<Arena>) -> Option<Command<Arena>> {
        if !self.sits {
            self.sits = keys.council;
            return None;
        }
        if keys.escape {
            self.sits = false;
            self.doomed = None;
            return None;
        }
        if let Some(pairing) = &view.pairing {
            return comparing::hear(keys, pairing);
        }
        let others = others(view);
        let at = others.iter().position(|member| Some(member.id) == self.chosen).unwrap_or(0);
        let by = i32::from(keys.down) - i32::from(keys.up) + keys.lines;
        let at = at.saturating_add_signed(by as isize).min(others.len().saturating_sub(1));
        let chosen = others.get(at)?.id;
        if self.chosen != Some(chosen) {
            (self.chosen, self.doomed) = (Some(chosen), None);
        }
        if keys.pair {
            (self.said, self.doomed) = (None, None);
            return Some(Command::Pair(chosen));
        }
        if view.host != Some(view.me) {
            let host = view.host.filter(|_| keys.vote)?;
            self.voted = Some(host);
            return Some(Command::VoteOut(host));
        }
        if keys.council {
            return Some(Command::Kick(chosen));
        }
        if keys.ban && self.doomed.replace(chosen) == Some(chosen) {
            self.doomed = None;
            return Some(Command::Ban(chosen));
        }
        None
    }

    /// Draws it over everything else.
    pub fn draw(&self, frame: &Frame, view: &View<Arena>, names: &BTreeMap<NodeId, String>) {
        if !self.sits {
            return;
        }
        let c = &frame.stage;
        c.block(frame.visible, faded(NIGHT, 0.5));
        if let Some(pairing) = &view.pairing {
            let who = names.get(&pairing.peer).map_or(pairing.name.as_str(), String::as_str);
            return comparing::draw(c, pairing, who);
        }
        let others = others(view);
        let rows = others.len().clamp(1, ROWS);
        let hosts = view.host == Some(view.me);
        let (note, colour) = self.note(view, hosts, names);
        let ink = Ink::plain(18.0, colour).centred();
        let note = c.wrapped(&note, WIDTH - 60.0, 2, ink);
        let above = 74.0 + note.len() as f32 * 22.0;
        let height = above + 76.0 + rows as f32 * ROW;
        let place = Rect::new((STAGE.x - WIDTH) / 2.0, (STAGE.y - height) / 2.0, WIDTH, height);
        draw_panel(c, place);
        c.round_frame(place, 14.0, 1.8, faded(GOLD, 0.8));
        let middle = place.center().x;
        c.text("The council", vec2(middle, place.y + 44.0), Ink::royal(28.0, GOLD));
        for (line, text) in note.iter().enumerate() {
            c.text(text, vec2(middle, place.y + 74.0 + line as f32 * 22.0), ink);
        }
        let chosen = others.iter().position(|member| Some(member.id) == self.chosen).unwrap_or(0);
        let first = (chosen + 1).saturating_sub(ROWS);
        for (line, member) in others.iter().enumerate().skip(first).take(ROWS) {
            let y = place.y + above - 2.0 + (line - first) as f32 * ROW;
            let row = Rect::new(place.x + 24.0, y, place.w - 48.0, ROW - 4.0);
            let name = names.get(&member.id).map_or(member.name.as_str(), String::as_str);
            draw_member(c, row, (member, name), view.host, line == chosen);
        }
        if others.is_empty() {
            let ink = Ink::plain(18.0, HEATHER).centred();
            c.text("nobody else is here", vec2(middle, place.y + above + 24.0), ink);
        }
        // In two lines: in a small window one would be too wide to be read.
        let choose = Hint { keys: "up down", does: "choose" };
        let compare = Hint { keys: "P", does: "compare pictures" };
        let back = Hint { keys: "Esc", does: "back" };
        let [upper, lower] = match (others.is_empty(), hosts) {
            (true, _) => [vec![], vec![back]],
            (false, true) => [
                vec![choose, compare, back],
                vec![
                    Hint { keys: "K", does: "out for a minute" },
                    Hint { keys: "B", does: "out for good" },
                ],
            ],
            (false, false) => [
                vec![choose, compare, back],
                vec![Hint { keys: "V", does: "vote against the host" }],
            ],
        };
        keys::draw_hints(c, vec2(middle, place.bottom() - 58.0), &upper);
        keys::draw_hints(c, vec2(middle, place.bottom() - 26.0), &lower);
    }

    fn note(
        &self,
        view: &View<Arena>,
        hosts: bool,
        names: &BTreeMap<NodeId, String>,
    ) -> (String, Color) {
        if let Some((said, colour, _)) = self.said.as_ref().filter(|_| self.doomed.is_none()) {
            return (said.clone(), *colour);
        }
        let name = |id: NodeId| names.get(&id).map_or("somebody", String::as_str);
        match (self.doomed, self.voted.filter(|voted| view.host == Some(*voted))) {
            (Some(doomed), _) if hosts => {
                let who = name(doomed);
                (format!("B once more: {who} never comes back here"), mixed(FIRE, CREAM, 0.4))
            }
            (_, Some(voted)) if !hosts => {
                (format!("your vote is against {}", name(voted)), mixed(FIRE, CREAM, 0.4))
            }
            _ if hosts => ("you host: you say who goes".to_owned(), LAVENDER),
            _ => ("more than half of those present, and the host goes".to_owned(), LAVENDER),
        }
    }
}

fn others(view: &View<Arena>) -> Vec<&MemberView> {
    view.members.iter().filter(|member| member.id != view.me).collect()
}

fn draw_member(
    c: &Canvas,
    row: Rect,
    (member, name): (&MemberView, &str),
    host: Option<NodeId>,
    chosen: bool,
) {
    if chosen {
        c.round_rect(row, 8.0, faded(PANEL_EDGE, 0.7));
        c.round_frame(row, 8.0, 1.4, GOLD);
    }
    let colour = if member.away { HEATHER } else { CREAM };
    let ink = Ink::plain(20.0, if chosen { lit(colour, 0.2) } else { colour });
    let baseline = row.y + 25.0;
    if host == Some(member.id) {
        draw_crown(c, vec2(row.x + 20.0, row.center().y + 6.0), 20.0, 0.0, 0.0);
    }
    let room = row.w - 330.0 - standing_width(member.standing);
    let width = c.text(&c.fitted(name, room, ink), vec2(row.x + 42.0, baseline), ink);
    let mark = vec2(row.x + 42.0 + width + 16.0, row.center().y);
    draw_standing(c, mark, 15.0, member.standing);
    // Names can be the same; these are not.
    let (says, colour) = match member.standing {
        Standing::Unknown => (format!("{:?}", member.id), HEATHER),
        Standing::Paired => ("you have compared".to_owned(), LAVENDER),
        Standing::OtherKey => {
            ("not the one you know: another key".to_owned(), mixed(FIRE, CREAM, 0.3))
        }
    };
    let ink = Ink::plain(16.0, colour).right();
    c.text(&c.fitted(&says, 280.0, ink), vec2(row.right() - 12.0, baseline - 1.0), ink);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        node::PairingView,
        pairing::{Ended, Stage, Told},
        text::Name,
        types::{Instant, Role},
    };

    fn id(number: u128) -> NodeId {
        NodeId::from_u128(number)
    }

    fn view(host: u128) -> View<Arena> {
        let members = [1, 2, 3].map(|number| MemberView {
            id: id(number),
            name: Name::new("somebody"),
            away: false,
            standing: Standing::default(),
        });
        View {
            host: Some(id(host)),
            members: members.into(),
            ..View::new(Instant(0), id(1), Name::new("me"), Role::Player)
        }
    }

    fn keys(set: fn(&mut Keys)) -> Keys {
        let mut keys = Keys::default();
        set(&mut keys);
        keys
    }

    #[test]
    fn a_host_lets_go_whom_it_chose_and_bans_when_it_says_so_twice() {
        let (k, b, down) =
            (keys(|k| k.council = true), keys(|k| k.ban = true), keys(|k| k.down = true));
        let view = view(1);
        let mut council = Council::default();
        assert!(council.hear(&b, &view).is_none() && !council.sits());
        assert!(council.hear(&k, &view).is_none() && council.sits());
        assert!(matches!(council.hear(&k, &view), Some(Command::Kick(who)) if who == id(2)));
        assert!(council.hear(&b, &view).is_none());
        assert!(council.hear(&down, &view).is_none());
        assert!(council.hear(&b, &view).is_none(), "somebody else was chosen in between");
        assert!(matches!(council.hear(&b, &view), Some(Command::Ban(who)) if who == id(3)));
        assert!(council.hear(&keys(|k| k.vote = true), &view).is_none(), "it is no vote");
    }

    #[test]
    fn a_member_votes_against_the_host_and_kicks_nobody() {
        let view = view(3);
        let mut council = Council::default();
        council.hear(&keys(|k| k.council = true), &view);
        assert!(council.hear(&keys(|k| k.council = true), &view).is_none());
        assert!(council.hear(&keys(|k| k.ban = true), &view).is_none());
        let vote = council.hear(&keys(|k| k.vote = true), &view);
        assert!(matches!(vote, Some(Command::VoteOut(who)) if who == id(3)));
        council.hear(&keys(|k| k.escape = true), &view);
        assert!(!council.sits());
    }

    #[test]
    fn whoever_sits_there_may_compare_with_whom_it_chose() {
        for host in [1, 3] {
            let mut view = view(host);
            let mut council = Council::default();
            let (pair, enter) = (keys(|k| k.pair = true), keys(|k| k.enter = true));
            assert!(council.hear(&pair, &view).is_none(), "it does not sit");
            council.hear(&keys(|k| k.council = true), &view);
            council.hear(&keys(|k| k.down = true), &view);
            let asked = council.hear(&pair, &view);
            assert!(matches!(asked, Some(Command::Pair(who)) if who == id(3)), "{asked:?}");
            // All keys belong to the comparison while there is one.
            let (peer, name) = (id(3), Name::new("somebody"));
            view.pairing = Some(PairingView { peer, name: name.clone(), stage: Stage::Asked });
            let agreed = council.hear(&enter, &view);
            assert!(matches!(agreed, Some(Command::Pair(who)) if who == id(3)), "{agreed:?}");
            assert!(council.hear(&keys(|k| k.council = true), &view).is_none(), "it kicks nobody");
            view.pairing = None;
            let told = Told::Ended { why: Ended::Differs, by_them: true };
            council.happened(&Event::Pairing { peer, name, told });
            let (note, _) = council.note(&view, host == 1, &BTreeMap::new());
            assert!(note.contains("other pictures"), "{note}");
            council.pass(SAID_S + 1.0);
            let (note, _) = council.note(&view, host == 1, &BTreeMap::new());
            assert!(!note.contains("other pictures"), "{note}");
        }
    }
}
