//! The council: who is to go. The host lets somebody go, for a minute or for good; everybody else may vote
//! against the host.
use std::collections::BTreeMap;

use macroquad::math::{Rect, vec2};

use crate::{
    arena::Arena,
    node::{Command, MemberView, View},
    types::NodeId,
    ui::{
        crown::draw_crown,
        draw::Canvas,
        keys::{self, Hint, Keys},
        palette::{CREAM, FIRE, GOLD, HEATHER, LAVENDER, NIGHT, PANEL_EDGE, faded, lit, mixed},
        panel::draw_panel,
        screen::{Frame, STAGE},
        text::Ink,
    },
};

/// How many are shown at once.
const ROWS: usize = 8;
const ROW: f32 = 34.0;

/// The council, while it sits.
#[derive(Default)]
pub struct Council {
    sits: bool,
    chosen: Option<NodeId>,
    /// Who is to be banned as soon as that is said again.
    doomed: Option<NodeId>,
    /// Against whom this player has voted.
    voted: Option<NodeId>,
}

impl Council {
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
        let others = others(view);
        let at = others.iter().position(|member| Some(member.id) == self.chosen).unwrap_or(0);
        let by = i32::from(keys.down) - i32::from(keys.up) + keys.lines;
        let at = at.saturating_add_signed(by as isize).min(others.len().saturating_sub(1));
        let chosen = others.get(at)?.id;
        if self.chosen != Some(chosen) {
            (self.chosen, self.doomed) = (Some(chosen), None);
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
        let others = others(view);
        let rows = others.len().clamp(1, ROWS);
        let height = 150.0 + rows as f32 * ROW;
        let place = Rect::new(STAGE.x / 2.0 - 320.0, (STAGE.y - height) / 2.0, 640.0, height);
        c.block(frame.visible, faded(NIGHT, 0.5));
        draw_panel(c, place);
        c.round_frame(place, 14.0, 1.8, faded(GOLD, 0.8));
        let middle = place.center().x;
        let hosts = view.host == Some(view.me);
        c.text("The council", vec2(middle, place.y + 42.0), Ink::royal(24.0, GOLD));
        let (note, colour) = self.note(view, hosts, names);
        let ink = Ink::plain(15.0, colour).centred();
        let note = c.fitted(&note, place.w - 40.0, ink);
        c.text(&note, vec2(middle, place.y + 68.0), ink);
        let chosen = others.iter().position(|member| Some(member.id) == self.chosen).unwrap_or(0);
        let first = (chosen + 1).saturating_sub(ROWS);
        for (line, member) in others.iter().enumerate().skip(first).take(ROWS) {
            let y = place.y + 84.0 + (line - first) as f32 * ROW;
            let row = Rect::new(place.x + 24.0, y, place.w - 48.0, ROW - 4.0);
            let name = names.get(&member.id).map_or(member.name.as_str(), String::as_str);
            draw_member(c, row, (member, name), view.host, hosts && line == chosen);
        }
        let hints: &[Hint] = match (others.is_empty(), hosts) {
            (true, _) => &[Hint { keys: "Esc", does: "back" }],
            (false, true) => &[
                Hint { keys: "up down", does: "choose" },
                Hint { keys: "K", does: "out for a minute" },
                Hint { keys: "B", does: "out for good" },
                Hint { keys: "Esc", does: "back" },
            ],
            (false, false) => &[
                Hint { keys: "V", does: "vote against the host" },
                Hint { keys: "Esc", does: "back" },
            ],
        };
        keys::draw_hints(c, vec2(middle, place.bottom() - 34.0), hints);
    }

    fn note(
        &self,
        view: &View<Arena>,
        hosts: bool,
        names: &BTreeMap<NodeId, String>,
    ) -> (String, macroquad::color::Color) {
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
    let ink = Ink::plain(17.0, if chosen { lit(colour, 0.2) } else { colour });
    let baseline = row.y + 21.0;
    if host == Some(member.id) {
        draw_crown(c, vec2(row.x + 18.0, row.center().y), 18.0, 0.0, 0.0);
    }
    c.text(&c.fitted(name, row.w - 190.0, ink), vec2(row.x + 36.0, baseline), ink);
    // Names can be the same; these are not.
    let mark = Ink::plain(13.0, HEATHER).right();
    c.text(&format!("{:?}", member.id), vec2(row.right() - 12.0, baseline - 1.0), mark);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        accounts::Standing,
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
}
