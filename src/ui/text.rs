//! Words on the screen, in any writing.
//!
//! Glyphs are rasterised at the size they have on the window, so text is sharp whatever the zoom.
use macroquad::{
    color::Color,
    math::{Rect, Vec2, vec2},
};

pub use super::fonts::Face;
use super::{
    atlas::Piece,
    draw::Canvas,
    fonts::{BITMAP, Source},
};

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
