//! What whoever has no heir on the board looks at: the whole of it, or one of those who play, from nearer.
//!
//! Left and right go from one to the next, and past the last one to the whole board again, which Escape leads to, too.
//! Whoever is followed is marked as the viewer's own heir would be.

use macroquad::math::vec2;

use super::{WINDOW, draw_pill};
use crate::{
    arena::{Arena, World},
    node::{View, place_in_line},
    types::{NodeId, Role},
    ui::{
        draw::Canvas,
        keys::{Hint, Keys},
    },
};

/// Whom a spectator follows.
#[derive(Debug, Default)]
pub struct Following {
    whom: Option<NodeId>,
}

impl Following {
    /// Whom the viewer looks at, if it is one of those who play and not the whole board.
    pub fn whom(&self) -> Option<NodeId> {
        self.whom
    }

    /// Hears the keys of a frame. Whether Escape was meant for it.
    pub fn hear(&mut self, keys: &Keys, watches: bool, world: Option<&World>) -> bool {
        let players = world.iter().flat_map(|world| &world.players);
        let players = players.filter(|(_, player)| !player.is_away());
        let players: Vec<NodeId> = players.map(|(id, _)| *id).collect();
        let at = self.whom.and_then(|whom| players.iter().position(|id| *id == whom));
        self.whom = self.whom.filter(|_| watches && at.is_some());
        if !watches {
            return false;
        }
        let (first, last) = (players.first(), players.last());
        match (keys.left, keys.right, at) {
            (true, false, None) => self.whom = last.copied(),
            (false, true, None) => self.whom = first.copied(),
            (true, false, Some(at)) => {
                self.whom = at.checked_sub(1).and_then(|at| players.get(at)).copied();
            }
            (false, true, Some(at)) => self.whom = players.get(at + 1).copied(),
            _ => {}
        }
        keys.escape && self.whom.take().is_some()
    }

    /// What can be pressed.
    pub fn hints(&self) -> &'static [Hint] {
        match self.whom {
            Some(_) => &[
                Hint { keys: "left right", does: "another one" },
                Hint { keys: "Esc", does: "the whole board" },
                Hint { keys: "Tab", does: "scores" },
                Hint { keys: "Enter", does: "talk" },
            ],
            None => &[
                Hint { keys: "left right", does: "follow somebody" },
                Hint { keys: "Tab", does: "scores" },
                Hint { keys: "Enter", does: "talk" },
                Hint { keys: "F11", does: "full screen" },
                Hint { keys: "Esc", does: "leave" },
            ],
        }
    }

    /// Says at the upper edge of the board that the viewer watches, whom, and when it plays.
    pub fn draw(&self, c: &Canvas, view: &View<Arena>, called: impl Fn(NodeId) -> String) {
        let at = vec2(WINDOW.center().x, WINDOW.y + 40.0);
        draw_pill(c, &said(view.role, view.ahead, self.whom.map(called)), at, 0.85);
    }
}

/// What is said of somebody who watches.
fn said(role: Role, ahead: Option<usize>, whom: Option<String>) -> String {
    let watches = whom.map_or("you watch".to_owned(), |whom| format!("you watch {whom}"));
    match role {
        Role::Waiting => format!("full: {watches}, and {}", place_in_line(ahead.unwrap_or(0))),
        Role::Player | Role::Spectator => watches,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        game::{Game, News},
        text::Name,
    };

    fn id(number: u128) -> NodeId {
        NodeId::from_u128(number)
    }

    /// Three play: 1, 2 and 3.
    fn world() -> World {
        let mut world = Arena::new_world(7);
        let joined = (1..4).map(|number| News::Joined(id(number), Name::new("x")));
        let news: Vec<_> = joined.collect();
        Arena::step(&mut world, &news, &mut Vec::new());
        world
    }

    /// Whom somebody follows after each of these keys.
    fn follows(keys: &[Keys]) -> Vec<Option<u128>> {
        let (mut following, world) = (Following::default(), world());
        let mut whom = |keys: &Keys| {
            following.hear(keys, true, Some(&world));
            following.whom().map(NodeId::as_u128)
        };
        keys.iter().map(&mut whom).collect()
    }

    #[test]
    fn left_and_right_go_from_one_player_to_the_next_and_back_to_the_whole_board() {
        let (left, right) =
            (|| Keys { left: true, ..Keys::default() }, || Keys { right: true, ..Keys::default() });
        let after = follows(&[right(), right(), right(), right(), right()]);
        assert_eq!(after, [Some(1), Some(2), Some(3), None, Some(1)]);
        let after = follows(&[left(), Keys::default(), left(), left(), left(), left()]);
        assert_eq!(after, [Some(3), Some(3), Some(2), Some(1), None, Some(3)]);
    }

    #[test]
    fn escape_leads_to_the_whole_board_first_and_only_then_away() {
        let (mut following, world) = (Following::default(), world());
        let escape = Keys { escape: true, ..Keys::default() };
        assert!(!following.hear(&escape, true, Some(&world)));
        following.hear(&Keys { right: true, ..Keys::default() }, true, Some(&world));
        assert!(following.hear(&escape, true, Some(&world)));
        assert_eq!(following.whom(), None);
        assert!(!following.hear(&escape, true, Some(&world)));
    }

    #[test]
    fn nobody_is_followed_who_is_gone_nor_by_somebody_who_plays() {
        let right = Keys { right: true, ..Keys::default() };
        let (mut following, mut world) = (Following::default(), world());
        following.hear(&right, true, Some(&world));
        world.players.remove(&id(1));
        following.hear(&Keys::default(), true, Some(&world));
        assert_eq!(following.whom(), None);
        following.hear(&right, true, Some(&world));
        assert_eq!(following.whom(), Some(id(2)));
        let mut events = Vec::new();
        Arena::step(&mut world, &[News::Left(id(3))], &mut events);
        following.hear(&right, true, Some(&world));
        assert_eq!(following.whom(), None, "the last one is away");
        following.hear(&right, true, Some(&world));
        following.hear(&right, false, Some(&world));
        assert_eq!(following.whom(), None);
        following.hear(&right, true, None);
        assert_eq!(following.whom(), None);
    }

    #[test]
    fn it_is_said_whom_one_watches_and_when_one_plays() {
        let ada = || Some("Ada".to_owned());
        assert_eq!(said(Role::Spectator, None, None), "you watch");
        assert_eq!(said(Role::Spectator, None, ada()), "you watch Ada");
        assert_eq!(said(Role::Waiting, Some(0), None), "full: you watch, and are next");
        let third = "full: you watch Ada, and come in after 2 others";
        assert_eq!(said(Role::Waiting, Some(2), ada()), third);
    }
}
