//! What everybody is called, above everybody: name tags that make room for one another.
//!
//! Each tag has a few places around its heir, in an order of liking. They choose one after the
//! other, the viewer's own first; a place where another tag is already, or that is off the board,
//! will not do. A tag keeps its place as long as that will do, so that it does not jump about. Where
//! a crowd leaves no place at all, the tag is left out: the ears and the tunic are there yet.
use std::collections::BTreeMap;

use macroquad::math::{Rect, Vec2, vec2};

use crate::types::NodeId;

/// Where a tag may be, seen from the heir, in the order of liking: beside it, in widths of the tag,
/// and above or below it, in heights.
const PLACES: [(f32, f32); 9] = [
    (0.0, 0.0),
    (0.0, -1.1),
    (-0.45, 0.0),
    (0.45, 0.0),
    (0.0, 3.3),
    (-0.7, 1.5),
    (0.7, 1.5),
    (-0.45, -1.1),
    (0.45, -1.1),
];

/// A tag that looks for a place.
#[derive(Clone, Copy, Debug)]
pub struct Tag {
    /// Whose it is.
    pub whose: NodeId,
    /// The middle of its lower edge, where it would like to be.
    pub wanted: Vec2,
    /// How wide and high it is.
    pub size: Vec2,
}

/// Which place each had in the last frame.
#[derive(Debug, Default)]
pub struct Tags {
    places: BTreeMap<NodeId, usize>,
}

impl Tags {
    /// Finds a place within `board` for as many of the tags as there is room for, in their order.
    /// Returns the rectangle of each.
    pub fn place(&mut self, tags: &[Tag], board: Rect) -> Vec<Option<Rect>> {
        self.places.retain(|id, _| tags.iter().any(|tag| tag.whose == *id));
        let mut taken: Vec<Rect> = Vec::with_capacity(tags.len());
        tags.iter()
            .map(|tag| {
                let before = self.places.get(&tag.whose).copied().unwrap_or(0);
                let free = |place: &usize| {
                    let rect = within(tag, *place, board);
                    !taken.iter().any(|other| other.overlaps(&rect))
                };
                // The first is the best: whoever can have it again goes back to it.
                let place = [0, before].into_iter().chain(1..PLACES.len()).find(free)?;
                self.places.insert(tag.whose, place);
                let rect = within(tag, place, board);
                taken.push(rect);
                Some(rect)
            })
            .collect()
    }
}

/// The rectangle of a tag at one of its places, moved onto the board.
fn within(tag: &Tag, place: usize, board: Rect) -> Rect {
    let (aside, down) = PLACES[place];
    let middle = tag.wanted + vec2(aside, down) * tag.size;
    let bound = |value: f32, from: f32, to: f32| value.max(from).min(to.max(from));
    Rect::new(
        bound(middle.x - tag.size.x / 2.0, board.x, board.right() - tag.size.x),
        bound(middle.y - tag.size.y, board.y, board.bottom() - tag.size.y),
        tag.size.x,
        tag.size.y,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOARD: Rect = Rect { x: 0.0, y: -33.0, w: 1280.0, h: 753.0 };

    fn tag(number: u128, x: f32, y: f32) -> Tag {
        Tag { whose: NodeId::from_u128(number), wanted: vec2(x, y), size: vec2(90.0, 16.0) }
    }

    fn on_board(rect: Rect) -> bool {
        BOARD
            .intersect(rect)
            .is_some_and(|part| (part.w - rect.w).abs() < 1e-3 && (part.h - rect.h).abs() < 1e-3)
    }

    #[test]
    fn tags_lie_neither_on_each_other_nor_off_the_board() {
        for crowd in [2_u128, 8, 33, 64] {
            let at =
                |k: u128| (crate::game::draw(crowd as u64, k as u64) >> 40) as f32 / 16_777_216.0;
            let tags: Vec<Tag> =
                (0..crowd).map(|i| tag(i, at(2 * i) * 1280.0, at(2 * i + 1) * 720.0)).collect();
            let placed: Vec<Rect> =
                Tags::default().place(&tags, BOARD).into_iter().flatten().collect();
            for (i, rect) in placed.iter().enumerate() {
                assert!(on_board(*rect), "{rect:?}");
                assert!(!placed[..i].iter().any(|other| other.overlaps(rect)), "{rect:?}");
            }
            assert!(placed.len() as u128 * 10 >= crowd * 8, "{} of {crowd}", placed.len());
        }
    }

    #[test]
    fn whoever_stands_close_together_is_named_all_the_same() {
        let tags = [tag(1, 400.0, 300.0), tag(2, 410.0, 304.0), tag(3, 395.0, 308.0)];
        let placed = Tags::default().place(&tags, BOARD);
        assert!(placed.iter().all(Option::is_some), "{placed:?}");
    }

    #[test]
    fn a_tag_at_a_corner_is_moved_onto_the_board() {
        for (x, y) in [(0.0, -40.0), (1280.0, 0.0), (0.0, 900.0), (1300.0, 720.0)] {
            let placed = Tags::default().place(&[tag(1, x, y)], BOARD);
            assert!(on_board(placed[0].unwrap()), "{placed:?}");
        }
    }

    #[test]
    fn a_tag_keeps_its_place_while_that_is_free() {
        let mut tags = Tags::default();
        let both = [tag(1, 400.0, 300.0), tag(2, 402.0, 300.0)];
        let first = tags.place(&both, BOARD)[1].unwrap();
        let moved = [tag(1, 401.0, 300.0), tag(2, 403.0, 300.0)];
        let second = tags.place(&moved, BOARD)[1].unwrap();
        assert!((second.point() - first.point()).length() < 2.0, "{first:?} {second:?}");
        // Alone again, it goes back above its heir.
        let alone = tags.place(&[tag(2, 403.0, 300.0)], BOARD)[0].unwrap();
        assert_eq!(alone.center().x, 403.0);
    }
}
