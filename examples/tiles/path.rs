//! Tiles and the paths on them: a tile has eight ends, two on each side, joined in pairs.
//!
//! Ends are numbered clockwise, from the left one of the upper side: 0 and 1 above, 2 and 3 on the right,
//! 4 and 5 below, 6 and 7 on the left.

use std::{collections::BTreeMap, sync::LazyLock};

use serde::{Deserialize, Serialize};

/// The ends of a tile.
pub const ENDS: u8 = 8;

/// The cells along one side of the board.
pub const SIDE: u8 = 6;

/// The cells of the board.
pub const CELLS: u8 = SIDE * SIDE;

/// So many ways there are to join eight ends in pairs, if those that can be turned into one another
/// count as one.
pub const KINDS: usize = 35;

/// Which end is joined with which.
pub type Pairs = [u8; ENDS as usize];

/// All kinds of tiles.
static ALL: LazyLock<Vec<Pairs>> = LazyLock::new(|| {
    let mut found = Vec::with_capacity(KINDS);
    join(&mut [ENDS; ENDS as usize], &mut found);
    found
});

/// Joins the first end that is free with each of the others, and so on; keeps what is the least of its
/// four turns.
fn join(pairs: &mut Pairs, found: &mut Vec<Pairs>) {
    let Some(one) = (0..ENDS).find(|end| pairs[usize::from(*end)] == ENDS) else {
        if (1..4).all(|quarters| *pairs <= turned(pairs, quarters)) {
            found.push(*pairs);
        }
        return;
    };
    for other in one + 1..ENDS {
        if pairs[usize::from(other)] == ENDS {
            (pairs[usize::from(one)], pairs[usize::from(other)]) = (other, one);
            join(pairs, found);
            (pairs[usize::from(one)], pairs[usize::from(other)]) = (ENDS, ENDS);
        }
    }
}

/// The same, turned clockwise by so many quarters.
fn turned(pairs: &Pairs, quarters: u8) -> Pairs {
    let by = quarters % 4 * 2;
    let mut turned = [0; ENDS as usize];
    for (end, other) in (0..).zip(pairs) {
        turned[usize::from((end + by) % ENDS)] = (other + by) % ENDS;
    }
    turned
}

/// A tile as it lies, or as it is about to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tile {
    /// Which of the [`KINDS`].
    pub kind: u8,
    /// By how many quarters it is turned clockwise.
    pub turned: u8,
}

impl Tile {
    /// Whether there is such a tile.
    pub fn exists(self) -> bool {
        usize::from(self.kind) < KINDS && self.turned < 4
    }

    /// Which end is joined with which. What does not exist is like the first kind.
    pub fn pairs(self) -> Pairs {
        turned(&ALL[usize::from(self.kind) % KINDS], self.turned)
    }

    /// The other end of the path that begins at this one.
    fn across(self, end: u8) -> u8 {
        self.pairs()[usize::from(end % ENDS)]
    }
}

/// An end of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spot {
    /// The cell, row by row from the upper left one.
    pub cell: u8,
    /// Which of its ends.
    pub end: u8,
}

impl Spot {
    /// Whether there is such a spot.
    pub fn exists(self) -> bool {
        self.cell < CELLS && self.end < ENDS
    }

    /// The column and the row of the cell.
    pub fn place(self) -> (u8, u8) {
        (self.cell % SIDE, self.cell / SIDE)
    }

    /// The same spot, seen from the other side of the edge between two cells; none at the edge of the
    /// board.
    pub fn beyond(self) -> Option<Spot> {
        let (x, y) = self.place();
        let (x, y) = match self.end / 2 {
            0 => (x, y.checked_sub(1)?),
            1 => (x + 1, y),
            2 => (x, y + 1),
            _ => (x.checked_sub(1)?, y),
        };
        // Clockwise from here is the other way round from there.
        let end = [5, 4, 7, 6, 1, 0, 3, 2][usize::from(self.end % ENDS)];
        (x < SIDE && y < SIDE).then_some(Spot { cell: y * SIDE + x, end })
    }

    /// Whether it lies at the edge of the board.
    pub fn is_at_edge(self) -> bool {
        self.exists() && self.beyond().is_none()
    }

    /// All spots at the edge of the board.
    pub fn of_edge() -> impl Iterator<Item = Spot> {
        let spots = (0..CELLS).flat_map(|cell| (0..ENDS).map(move |end| Spot { cell, end }));
        spots.filter(|spot| spot.is_at_edge())
    }
}

/// The tiles that lie on the board, by their cells.
pub type Board = BTreeMap<u8, Tile>;

/// A way over the tiles of a board.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// Each tile on it: the cell, the end where it comes in, and the one where it goes out.
    pub tiles: Vec<(u8, u8, u8)>,
    /// The end of an empty cell at which it ends; none if it leaves the board.
    pub at: Option<Spot>,
}

/// Follows the path that begins at `from`, to its end, over as many tiles as it leads.
pub fn follow(board: &Board, from: Spot) -> Way {
    let mut way = Way { tiles: Vec::new(), at: Some(from) };
    while let Some(spot) = way.at
        && let Some(tile) = board.get(&spot.cell)
        // A path that begins at the edge, or in an empty cell, has no loops: no board has a longer one.
        && way.tiles.len() < usize::from(CELLS) * 4
    {
        let out = tile.across(spot.end);
        way.tiles.push((spot.cell, spot.end, out));
        way.at = Spot { cell: spot.cell, end: out }.beyond();
    }
    way
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn there_are_35_kinds_and_no_two_are_turns_of_one() {
        assert_eq!(ALL.len(), KINDS);
        let turns = |pairs: &Pairs| (0..4).map(|quarters| turned(pairs, quarters)).collect();
        let all: Vec<BTreeSet<Pairs>> = ALL.iter().map(turns).collect();
        assert!(all.iter().all(|turns| (1..=4).contains(&turns.len())));
        let different: BTreeSet<&Pairs> = all.iter().flatten().collect();
        assert_eq!(different.len(), all.iter().map(BTreeSet::len).sum::<usize>());
        assert_eq!(different.len(), 105, "all ways to join eight ends in pairs");
    }

    #[test]
    fn each_end_of_a_tile_is_joined_with_another_one_and_that_one_with_it() {
        for tile in
            (0..KINDS as u8).flat_map(|kind| (0..4).map(move |turned| Tile { kind, turned }))
        {
            assert!(tile.exists());
            for end in 0..ENDS {
                assert_ne!(tile.across(end), end);
                assert_eq!(tile.across(tile.across(end)), end);
            }
        }
    }

    #[test]
    fn an_edge_between_two_cells_has_two_sides_and_the_board_has_48_ends_at_its_edge() {
        for cell in 0..CELLS {
            for spot in (0..ENDS).map(|end| Spot { cell, end }) {
                assert_eq!(spot.beyond().is_none(), spot.is_at_edge());
                assert!(spot.beyond().is_none_or(|beyond| beyond.beyond() == Some(spot)));
            }
        }
        assert_eq!(Spot::of_edge().count(), 8 * usize::from(SIDE));
        assert_eq!(Spot { cell: 7, end: 2 }.beyond(), Some(Spot { cell: 8, end: 7 }));
        assert_eq!(Spot { cell: 7, end: 0 }.beyond(), Some(Spot { cell: 1, end: 5 }));
    }

    #[test]
    fn a_path_leads_over_all_tiles_on_it_and_can_be_gone_back() {
        // Whatever lies there: who goes back from where a path leaves a full board comes out at its start.
        for seed in 0..200 {
            let draw = |cell: u8| interregnum::draw(seed, cell.into());
            let tile = |cell| Tile {
                kind: (draw(cell) % KINDS as u64) as u8,
                turned: (draw(cell) >> 32) as u8 % 4,
            };
            let mut board: Board = (0..CELLS).map(|cell| (cell, tile(cell))).collect();
            for start in Spot::of_edge() {
                let way = follow(&board, start);
                assert_eq!(way.at, None);
                let (cell, _, end) = *way.tiles.last().unwrap();
                let back = follow(&board, Spot { cell, end });
                let reversed: Vec<_> =
                    way.tiles.iter().rev().map(|(c, i, o)| (*c, *o, *i)).collect();
                assert_eq!(back.tiles, reversed);
            }
            // Where there is no tile it stops, before it.
            board.remove(&14);
            for start in Spot::of_edge() {
                let way = follow(&board, start);
                assert!(way.at.is_none_or(|at| at.cell == 14));
                assert!(way.tiles.iter().all(|(cell, ..)| *cell != 14));
            }
        }
    }
}
