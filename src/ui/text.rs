//! Words on the screen, in any writing.
//!
//! Two faces: Cinzel for what is royal, Nunito for everything else. What Cinzel lacks is drawn in
//! Nunito, what that lacks in GNU Unifont, which has a bitmap of nearly every character of the world's
//! writings: a name is seldom a row of boxes. What even that lacks, emoji above all, is a box each, so
//! that there is something to see. Glyphs are rasterised at the size they have on the window, so text is
//! sharp whatever the zoom.
use std::{cell::RefCell, collections::BTreeMap};

use fontdue::{Font, FontSettings};
use macroquad::{
    color::Color,
    math::{Rect, Vec2, vec2},
};

use super::{
    atlas::{Piece, Pixels},
    draw::Canvas,
};

const ROYAL: &[u8] = include_bytes!("../../assets/Cinzel-Bold.ttf");
const PLAIN: &[u8] = include_bytes!("../../assets/Nunito-ExtraBold.ttf");

/// Of what height a bitmap character is, in pixels of its bitmap.
const BITMAP: usize = 16;

/// Which hand a text is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Face {
    /// Roman capitals, for proclamations.
    Royal,
    /// Round and friendly, for everything else.
    Plain,
}

/// Where the point given lies on the line of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// At its start.
    Left,
    /// In its middle.
    Centre,
    /// At its end.
    Right,
}

/// How a text looks.
#[derive(Clone, Copy, Debug)]
pub struct Ink {
    /// Its hand.
    pub face: Face,
    /// The height of a line, in units of the canvas.
    pub size: f32,
    /// Its colour.
    pub colour: Color,
    /// Where the point given lies.
    pub align: Align,
    /// Space between the letters, as a part of the size.
    pub spacing: f32,
}

impl Ink {
    /// Plain text, from the left.
    pub const fn plain(size: f32, colour: Color) -> Self {
        Self { face: Face::Plain, size, colour, align: Align::Left, spacing: 0.0 }
    }

    /// A proclamation, around the middle.
    pub const fn royal(size: f32, colour: Color) -> Self {
        Self { face: Face::Royal, size, colour, align: Align::Centre, spacing: 0.06 }
    }

    /// The same, around the middle.
    pub const fn centred(self) -> Self {
        Self { align: Align::Centre, ..self }
    }

    /// The same, up to the point given.
    pub const fn right(self) -> Self {
        Self { align: Align::Right, ..self }
    }

    /// The same, in another colour.
    pub const fn coloured(self, colour: Color) -> Self {
        Self { colour, ..self }
    }

    /// The same, with space between the letters.
    pub const fn spaced(self, spacing: f32) -> Self {
        Self { spacing, ..self }
    }
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
enum Source {
    Royal,
    Plain,
    Bitmap,
}

/// How much room a letter takes, in pixels.
#[derive(Clone, Copy)]
struct Room {
    /// How far it moves the pen.
    advance: f32,
    /// Its picture, as seen from the pen on the base line.
    picture: Rect,
}

impl Fonts {
    /// Loads the fonts that are part of the program.
    ///
    /// # Errors
    /// [`FontsDamaged`] if the build is broken.
    pub fn load() -> Result<Self, FontsDamaged> {
        let load =
            |bytes| Font::from_bytes(bytes, FontSettings::default()).map_err(|_| FontsDamaged);
        Ok(Self { royal: load(ROYAL)?, plain: load(PLAIN)?, rooms: RefCell::default() })
    }

    fn source(&self, face: Face, c: char) -> Source {
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
    fn room(&self, source: Source, c: char, size_px: u16) -> Room {
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
                let width = bitmap(c).map_or(0, unifont::Glyph::get_width) as f32;
                let scale = bitmap_scale(size_px);
                let side = BITMAP as f32 * scale;
                Room { advance: width * scale, picture: Rect::new(0.0, -side * 0.86, side, side) }
            }
        };
        self.rooms.borrow_mut().insert(key, room);
        room
    }

    /// The picture of one character at `size_px`.
    fn picture(&self, source: Source, c: char, size_px: u16) -> Pixels {
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
                    let set = glyph.is_some_and(|it| x < it.get_width() && it.get_pixel(x, y));
                    if set { 1.0 } else { 0.0 }
                })
            }
        }
    }
}

/// The bitmap of a character, or that of one which nobody knows; none for what only changes the looks
/// of its neighbours.
fn bitmap(c: char) -> Option<&'static unifont::Glyph> {
    match c {
        '\u{200c}'..='\u{200d}' | '\u{fe00}'..='\u{fe0f}' => None,
        '\u{1f3fb}'..='\u{1f3ff}' | '\u{e0000}'..='\u{e0fff}' => None,
        _ => unifont::get_glyph(c).or_else(|| unifont::get_glyph(char::REPLACEMENT_CHARACTER)),
    }
}

/// Bitmap characters are a little smaller than the line, as letters are.
fn bitmap_scale(size_px: u16) -> f32 {
    f32::from(size_px) * 0.95 / BITMAP as f32
}

impl Canvas<'_> {
    /// Writes `text` with its base line at `point`. Returns how wide it is.
    pub fn text(&self, text: &str, point: Vec2, ink: Ink) -> f32 {
        let studio = self.studio();
        let fonts = &studio.fonts;
        let width = self.text_width(text, ink);
        let start = match ink.align {
            Align::Left => 0.0,
            Align::Centre => width / 2.0,
            Align::Right => width,
        };
        let (size_px, stretch) = self.raster(ink.size);
        let colour = self.colour(ink.colour);
        if colour.a < 0.002 {
            return width;
        }
        let mut pen = self.window(point - vec2(start, 0.0));
        for c in text.chars() {
            let source = fonts.source(ink.face, c);
            let room = fonts.room(source, c, size_px);
            if room.picture.w > 0.0 && c != ' ' {
                let of_size = if source == Source::Bitmap { BITMAP as u16 } else { size_px };
                let piece = Piece::Letter(source as u8, c, of_size);
                let place = studio
                    .atlas
                    .borrow_mut()
                    .find_or_put(piece, |_| fonts.picture(source, c, of_size));
                if let Some(place) = place {
                    let from = pen + room.picture.point() * stretch;
                    let size = room.picture.size() * stretch;
                    self.cut(place, Rect::new(from.x, from.y, size.x, size.y), colour);
                }
            }
            pen.x += room.advance * stretch + ink.spacing * ink.size * self.px();
        }
        width
    }

    /// How wide `text` is, in units of the canvas.
    pub fn text_width(&self, text: &str, ink: Ink) -> f32 {
        let (size_px, stretch) = self.raster(ink.size);
        let fonts = &self.studio().fonts;
        let glyphs: f32 = text
            .chars()
            .map(|c| fonts.room(fonts.source(ink.face, c), c, size_px).advance * stretch)
            .sum();
        let gaps = text.chars().count().saturating_sub(1) as f32;
        glyphs / self.px() + gaps * ink.spacing * ink.size
    }

    /// `text`, or as much of its beginning as fits into `width`, with an ellipsis.
    pub fn fitted(&self, text: &str, width: f32, ink: Ink) -> String {
        if self.text_width(text, ink) <= width {
            return text.to_owned();
        }
        let mut cut = text.to_owned();
        while cut.pop().is_some() {
            let shown = format!("{}…", cut.trim_end());
            if self.text_width(&shown, ink) <= width {
                return shown;
            }
        }
        String::new()
    }

    /// `text`, broken between words into at most `lines_max` lines of `width`; what does not fit is cut
    /// with an ellipsis.
    pub fn wrapped(&self, text: &str, width: f32, lines_max: usize, ink: Ink) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        let mut line = String::new();
        for word in text.split_whitespace() {
            let longer = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
            let full = !line.is_empty() && self.text_width(&longer, ink) > width;
            if full && lines.len() + 1 < lines_max {
                lines.push(std::mem::replace(&mut line, word.to_owned()));
            } else {
                line = longer;
            }
        }
        lines.push(line);
        lines.iter().map(|line| self.fitted(line, width, ink)).collect()
    }

    /// The size to rasterise at, in whole pixels, and by how much that is to be stretched. Large
    /// sizes are rounded coarsely: each size drawn stays in the atlas.
    fn raster(&self, size: f32) -> (u16, f32) {
        let wanted = (size * self.px()).clamp(1.0, 400.0);
        let step = if wanted < 40.0 { 1.0 } else { 4.0 };
        let size_px = (wanted / step).round().max(1.0) * step;
        (size_px as u16, size * self.px() / size_px)
    }
}
