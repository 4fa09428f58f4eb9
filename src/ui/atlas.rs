//! One picture that everything is cut from: discs, glows, letters and baked figures.
//!
//! A disc is four corners of a white disc in here instead of a ring of triangles, and a crown is
//! four corners of a crown that was drawn once. The picture lies in main memory and is handed to the
//! graphics card when it has changed; so nothing in here needs a window.
//!
//! *Full.* The picture grows by doubling, up to `SIDE_MAX`. What finds no room even then is not
//! drawn in this frame, and the picture starts afresh with the next one: this takes a screen full of
//! different letters.
use std::collections::BTreeMap;

use macroquad::math::{Vec2, vec2};

use super::{bake, pixels::Pixels, sheet::Sheet};

/// The side of the picture at first, in pixels.
const SIDE_MIN: usize = 1_024;
/// The side of the picture at most, in pixels: what every graphics card takes.
const SIDE_MAX: usize = 4_096;
/// Pixels left free around each piece, so that none shines into its neighbour.
const GAP: usize = 2;
/// The radii of the discs that are kept, in pixels: each disc is drawn by the next larger one.
const DISC_RADII: [u16; 12] = [2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 72, 108];
/// The radius of the glow that is kept.
const GLOW_RADIUS: u16 = 48;
/// How a glow fades: at which part of its reach it has which strength.
const GLOW: [(f32, f32); 6] =
    [(0.0, 1.0), (0.2, 0.88), (0.4, 0.6), (0.6, 0.3), (0.8, 0.09), (1.0, 0.0)];

/// What a piece shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Piece {
    /// A spot of plain white: for whatever has a colour of its own only.
    White,
    /// A disc of that radius.
    Disc(u16),
    /// Light that fades out.
    Glow,
    /// A letter: of which font, which, at which size.
    Letter(u8, char, u16),
    /// A figure: its name, how it stands, at how many 64ths of a pixel per unit.
    Sprite(&'static str, u16, u32),
}

/// Where a piece lies in the picture, in its pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// Its upper left corner.
    pub from: Vec2,
    /// Its lower right corner.
    pub to: Vec2,
}

impl Place {
    /// Its middle.
    pub fn middle(&self) -> Vec2 {
        (self.from + self.to) / 2.0
    }
}

/// The picture.
pub struct Atlas {
    pixels: Pixels,
    pieces: BTreeMap<Piece, Place>,
    /// The shelf that is being filled: where it begins, how far it is filled, how high it is.
    shelf: (usize, usize, usize),
    /// Something was put in since the picture was handed over last.
    changed: bool,
    full: bool,
}

impl Default for Atlas {
    fn default() -> Self {
        let mut atlas = Self {
            pixels: Pixels::clear(SIDE_MIN, SIDE_MIN),
            pieces: BTreeMap::new(),
            shelf: (GAP, GAP, 0),
            changed: true,
            full: false,
        };
        atlas.begin();
        atlas
    }
}

impl Atlas {
    /// Where a piece lies, if it is there.
    pub fn find(&self, piece: Piece) -> Option<Place> {
        self.pieces.get(&piece).copied()
    }

    /// Where a piece lies; it is made if it is not there yet. None: there is no room.
    pub fn find_or_put(
        &mut self,
        piece: Piece,
        make: impl FnOnce(&Self) -> Pixels,
    ) -> Option<Place> {
        if let Some(place) = self.find(piece) {
            return Some(place);
        }
        let pixels = make(self);
        self.put(piece, &pixels)
    }

    /// A figure, baked from what draws it.
    pub fn find_or_bake(
        &mut self,
        piece: Piece,
        width: usize,
        height: usize,
        sheet: &Sheet,
    ) -> Option<Place> {
        self.find_or_put(piece, |atlas| bake::bake(sheet, &atlas.pixels, width, height))
    }

    /// White.
    pub fn white(&self) -> Vec2 {
        self.find(Piece::White).map_or(Vec2::ZERO, |place| place.middle())
    }

    /// The disc to draw one of `radius` pixels with.
    pub fn disc(&self, radius: f32) -> Option<(Place, f32)> {
        let kept = DISC_RADII.iter().find(|kept| f32::from(**kept) >= radius).or(DISC_RADII.last());
        let kept = *kept?;
        Some((self.find(Piece::Disc(kept))?, f32::from(kept)))
    }

    /// Light that fades out towards the edge of its place.
    pub fn glow(&self) -> Option<Place> {
        self.find(Piece::Glow)
    }

    /// The picture, if it has changed since the last call.
    pub fn take_changed(&mut self) -> Option<&Pixels> {
        std::mem::take(&mut self.changed).then_some(&self.pixels)
    }

    /// The side of the picture, in pixels.
    pub fn side(&self) -> f32 {
        self.pixels.width as f32
    }

    /// Starts afresh if there was no room. To be called between two frames.
    pub fn tidy(&mut self) {
        if self.full {
            *self = Self::default();
        }
    }

    fn begin(&mut self) {
        self.put(Piece::White, &Pixels::white(4, 4, |_, _| 1.0));
        for radius in DISC_RADII {
            // One pixel more than the disc, for the edge that fades over one pixel.
            let middle = f32::from(radius) + 1.0;
            let side = 2 * (usize::from(radius) + 1);
            let disc = Pixels::white(side, side, |x, y| {
                let from = vec2(x as f32 + 0.5 - middle, y as f32 + 0.5 - middle).length();
                f32::from(radius) + 0.5 - from
            });
            self.put(Piece::Disc(radius), &disc);
        }
        let middle = f32::from(GLOW_RADIUS);
        let side = 2 * usize::from(GLOW_RADIUS);
        let glow = Pixels::white(side, side, |x, y| {
            strength(vec2(x as f32 + 0.5 - middle, y as f32 + 0.5 - middle).length() / middle)
        });
        self.put(Piece::Glow, &glow);
    }

    fn put(&mut self, piece: Piece, pixels: &Pixels) -> Option<Place> {
        let (x, y) = self.claim(pixels.width, pixels.height)?;
        for row in 0..pixels.height {
            let from = row * pixels.width * 4;
            let to = ((y + row) * self.pixels.width + x) * 4;
            let row = &pixels.bytes[from..from + pixels.width * 4];
            self.pixels.bytes[to..to + row.len()].copy_from_slice(row);
        }
        let from = vec2(x as f32, y as f32);
        let place = Place { from, to: from + vec2(pixels.width as f32, pixels.height as f32) };
        self.pieces.insert(piece, place);
        self.changed = true;
        Some(place)
    }

    fn claim(&mut self, width: usize, height: usize) -> Option<(usize, usize)> {
        loop {
            let side = self.pixels.width;
            let (mut top, mut filled, mut shelf) = self.shelf;
            if filled + width + GAP > side {
                top += shelf + GAP;
                (filled, shelf) = (GAP, 0);
            }
            if filled + width + GAP <= side && top + height + GAP <= side {
                self.shelf = (top, filled + width + GAP, shelf.max(height));
                return Some((filled, top));
            }
            if side == SIDE_MAX {
                self.full = true;
                return None;
            }
            self.grow();
        }
    }

    /// Makes the picture twice as wide and as high; every piece stays where it is.
    fn grow(&mut self) {
        let before = self.pixels.width;
        let mut larger = Pixels::clear(before * 2, before * 2);
        for row in 0..before {
            let old = &self.pixels.bytes[row * before * 4..][..before * 4];
            larger.bytes[row * before * 8..][..before * 4].copy_from_slice(old);
        }
        // What lies to the right of the old picture is filled only below it, where shelves go on.
        self.shelf = (before.max(self.shelf.0), GAP, 0);
        self.pixels = larger;
        self.changed = true;
    }
}

/// How strong a glow is at `part` of its reach.
fn strength(part: f32) -> f32 {
    let outer = GLOW.iter().position(|(reach, _)| part < *reach).unwrap_or(GLOW.len() - 1).max(1);
    let ((from, strong), (to, weak)) = (GLOW[outer - 1], GLOW[outer]);
    let along = ((part - from) / (to - from)).clamp(0.0, 1.0);
    strong + (weak - strong) * along
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(number: usize) -> Piece {
        Piece::Letter(0, char::from_u32(0x4e00 + number as u32).unwrap(), 40)
    }

    #[test]
    fn the_picture_grows_until_it_is_full_and_then_starts_afresh() {
        let mut atlas = Atlas::default();
        let mut put = 0;
        while atlas.find_or_put(letter(put), |_| Pixels::white(120, 120, |_, _| 1.0)).is_some() {
            put += 1;
        }
        assert!(put > 600, "{put}");
        assert_eq!(atlas.side() as usize, SIDE_MAX);
        atlas.tidy();
        assert_eq!(atlas.side() as usize, SIDE_MIN);
        assert!(atlas.find(letter(0)).is_none());
        assert!(atlas.glow().is_some() && atlas.disc(5.0).is_some());
    }

    #[test]
    fn no_two_pieces_lie_on_each_other() {
        let mut atlas = Atlas::default();
        for number in 0..400 {
            let side = 7 + number % 40;
            atlas.find_or_put(letter(number), |_| Pixels::white(side, 2 * side, |_, _| 1.0));
        }
        let places: Vec<Place> = atlas.pieces.values().copied().collect();
        for (i, a) in places.iter().enumerate() {
            for b in &places[..i] {
                let apart = a.from.cmpge(b.to).any() || b.from.cmpge(a.to).any();
                assert!(apart, "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn a_disc_is_drawn_by_the_next_larger_one() {
        let atlas = Atlas::default();
        for (wanted, kept) in [(0.5, 2.0), (12.0, 12.0), (12.1, 16.0), (900.0, 108.0)] {
            assert_eq!(atlas.disc(wanted).map(|(_, kept)| kept), Some(kept));
        }
    }

    #[test]
    fn a_glow_is_strong_in_the_middle_and_nothing_at_its_reach() {
        assert_eq!(strength(0.0), 1.0);
        assert!((strength(0.3) - 0.74).abs() < 1e-4);
        assert_eq!(strength(1.0), 0.0);
        assert_eq!(strength(1.4), 0.0);
    }
}
