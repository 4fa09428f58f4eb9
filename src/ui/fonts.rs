//! The letters of all writings.
//!
//! Two faces: Cinzel for what is royal, Nunito for everything else. What Cinzel lacks is drawn in
//! Nunito, what that lacks in GNU Unifont, which has a bitmap of nearly every character of the world's
//! writings. What even that lacks, emoji above all, is a box each, so that there is something to see.
use std::{cell::RefCell, collections::BTreeMap};

use fontdue::{Font, FontSettings};
use macroquad::math::Rect;
use miniz_oxide::inflate::decompress_to_vec_with_limit;

use super::{
    bitmaps::{Bitmap, SIDE},
    pixels::Pixels,
};

/// The faces, as `build.rs` has packed them.
const ROYAL: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/Cinzel-Bold"));
const PLAIN: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/Nunito-ExtraBold"));

/// More than either has.
const UNPACKED_BYTES_MAX: usize = 1 << 20;

/// Of what height a bitmap character is, in pixels of its bitmap.
pub const BITMAP: usize = SIDE;

/// Which hand a text is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Face {
    /// Roman capitals, for proclamations.
    Royal,
    /// Round and friendly, for everything else.
    Plain,
}

/// The faces, loaded.
pub struct Fonts {
    royal: Font,
    plain: Font,
    /// How much room each letter takes, at each size that was asked for.
    rooms: RefCell<BTreeMap<(Source, char, u16), Room>>,
}

/// The fonts that are part of the program cannot be read: a broken build.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the fonts inside the program are damaged; build it again")]
pub struct FontsDamaged;

/// Where one character comes from.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// Cinzel.
    Royal,
    /// Nunito.
    Plain,
    /// GNU Unifont.
    Bitmap,
}

/// How much room a letter takes, in pixels.
#[derive(Clone, Copy)]
pub struct Room {
    /// How far it moves the pen.
    pub advance: f32,
    /// Its picture, as seen from the pen on the base line.
    pub picture: Rect,
}

impl Fonts {
    /// Loads the fonts that are part of the program.
    ///
    /// # Errors
    /// [`FontsDamaged`] if the build is broken.
    pub fn load() -> Result<Self, FontsDamaged> {
        let load = |packed| {
            let bytes = decompress_to_vec_with_limit(packed, UNPACKED_BYTES_MAX)
                .map_err(|_| FontsDamaged)?;
            Font::from_bytes(bytes, FontSettings::default()).map_err(|_| FontsDamaged)
        };
        Ok(Self { royal: load(ROYAL)?, plain: load(PLAIN)?, rooms: RefCell::default() })
    }

    /// Where one character comes from if it is written in `face`.
    pub fn source(&self, face: Face, c: char) -> Source {
        if face == Face::Royal && self.royal.has_glyph(c) {
            Source::Royal
        } else if self.plain.has_glyph(c) {
            Source::Plain
        } else {
            Source::Bitmap
        }
    }

    fn font(&self, source: Source) -> Option<&Font> {
        match source {
            Source::Royal => Some(&self.royal),
            Source::Plain => Some(&self.plain),
            Source::Bitmap => None,
        }
    }

    /// How much room one character takes at `size_px`.
    pub fn room(&self, source: Source, c: char, size_px: u16) -> Room {
        let key = (source, c, size_px);
        if let Some(room) = self.rooms.borrow().get(&key) {
            return *room;
        }
        let room = match self.font(source) {
            Some(font) => {
                let metrics = font.metrics(c, size_px.into());
                let (width, height) = (metrics.width as f32, metrics.height as f32);
                let top = -height - metrics.ymin as f32;
                Room {
                    advance: metrics.advance_width,
                    picture: Rect::new(metrics.xmin as f32, top, width, height),
                }
            }
            None => {
                let width = bitmap(c).map_or(0, Bitmap::width) as f32;
                let scale = bitmap_scale(size_px);
                let side = BITMAP as f32 * scale;
                Room { advance: width * scale, picture: Rect::new(0.0, -side * 0.86, side, side) }
            }
        };
        self.rooms.borrow_mut().insert(key, room);
        room
    }

    /// The picture of one character at `size_px`.
    pub fn picture(&self, source: Source, c: char, size_px: u16) -> Pixels {
        match self.font(source) {
            Some(font) => {
                let (metrics, coverage) = font.rasterize(c, size_px.into());
                Pixels::white(metrics.width, metrics.height, |x, y| {
                    f32::from(coverage[y * metrics.width + x]) / 255.0
                })
            }
            None => {
                let glyph = bitmap(c);
                Pixels::white(BITMAP, BITMAP, |x, y| {
                    let set = glyph.is_some_and(|it| x < it.width() && it.is_set(x, y));
                    if set { 1.0 } else { 0.0 }
                })
            }
        }
    }
}

/// The bitmap of a character, or that of one which nobody knows; none for what only changes the looks
/// of its neighbours.
fn bitmap(c: char) -> Option<Bitmap> {
    match c {
        '\u{200c}'..='\u{200d}' | '\u{fe00}'..='\u{fe0f}' => None,
        '\u{1f3fb}'..='\u{1f3ff}' | '\u{e0000}'..='\u{e0fff}' => None,
        _ => Bitmap::of(c).or_else(|| Bitmap::of(char::REPLACEMENT_CHARACTER)),
    }
}

/// Bitmap characters are a little smaller than the line, as letters are.
fn bitmap_scale(size_px: u16) -> f32 {
    f32::from(size_px) * 0.95 / BITMAP as f32
}
