//! Words on the screen, in any writing.
//!
//! Two faces: Cinzel for what is royal, Nunito for everything else. What Cinzel lacks is drawn in
//! Nunito, what that lacks in GNU Unifont, which has a bitmap of every character there is: a name
//! is never a row of boxes. Glyphs are rasterised at the size they have on the window, so text is
//! sharp whatever the zoom.
use std::{cell::RefCell, collections::BTreeMap};

use macroquad::{
    color::{Color, WHITE},
    math::{Rect, Vec2, vec2},
    text::{Font, TextParams, draw_text_ex, load_ttf_font_from_bytes, measure_text},
    texture::{DrawTextureParams, FilterMode, Image, Texture2D, draw_texture_ex},
};

use super::draw::Canvas;

const ROYAL: &[u8] = include_bytes!("../../assets/Cinzel-Bold.ttf");
const PLAIN: &[u8] = include_bytes!("../../assets/Nunito-ExtraBold.ttf");

/// Of what height a bitmap character is, in pixels of its bitmap.
const BITMAP: u16 = 16;

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
    royal: Loaded,
    plain: Loaded,
    bitmaps: RefCell<BTreeMap<char, Texture2D>>,
}

struct Loaded {
    font: Font,
    table: ttf_parser::Face<'static>,
}

/// The fonts that are part of the program cannot be read: a broken build.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the fonts inside the program are damaged; build it again")]
pub struct FontsDamaged;

impl Loaded {
    fn new(bytes: &'static [u8]) -> Result<Self, FontsDamaged> {
        Ok(Self {
            font: load_ttf_font_from_bytes(bytes).map_err(|_| FontsDamaged)?,
            table: ttf_parser::Face::parse(bytes, 0).map_err(|_| FontsDamaged)?,
        })
    }

    fn has(&self, c: char) -> bool {
        self.table.glyph_index(c).is_some()
    }
}

/// Where one character comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    Royal,
    Plain,
    Bitmap,
}

impl Fonts {
    /// Loads the fonts that are part of the program. To be called with a window open.
    ///
    /// # Errors
    /// [`FontsDamaged`] if the build is broken.
    pub fn load() -> Result<Self, FontsDamaged> {
        Ok(Self {
            royal: Loaded::new(ROYAL)?,
            plain: Loaded::new(PLAIN)?,
            bitmaps: RefCell::default(),
        })
    }

    fn source(&self, face: Face, c: char) -> Source {
        if face == Face::Royal && self.royal.has(c) {
            Source::Royal
        } else if self.plain.has(c) {
            Source::Plain
        } else {
            Source::Bitmap
        }
    }

    fn font(&self, source: Source) -> Option<&Font> {
        match source {
            Source::Royal => Some(&self.royal.font),
            Source::Plain => Some(&self.plain.font),
            Source::Bitmap => None,
        }
    }

    /// The advance of one character at `size_px`.
    fn advance_px(&self, source: Source, c: char, size_px: u16) -> f32 {
        match self.font(source) {
            Some(font) => {
                let mut utf8 = [0; 4];
                measure_text(&*c.encode_utf8(&mut utf8), Some(font), size_px, 1.0).width
            }
            None => {
                let width = unifont::get_glyph(c).map_or(8, unifont::Glyph::get_width);
                width as f32 * bitmap_scale(size_px)
            }
        }
    }

    fn bitmap(&self, c: char) -> Option<Texture2D> {
        if let Some(texture) = self.bitmaps.borrow().get(&c) {
            return Some(texture.clone());
        }
        let glyph = unifont::get_glyph(c)?;
        let mut image = Image::gen_image_color(BITMAP, BITMAP, faded_white());
        for y in 0..BITMAP {
            for x in 0..glyph.get_width() {
                if glyph.get_pixel(x, y as usize) {
                    image.set_pixel(x as u32, y as u32, WHITE);
                }
            }
        }
        let texture = Texture2D::from_image(&image);
        texture.set_filter(FilterMode::Linear);
        self.bitmaps.borrow_mut().insert(c, texture.clone());
        Some(texture)
    }
}

/// White even where it is clear, so that smoothing does not darken the edges.
const fn faded_white() -> Color {
    Color::new(1.0, 1.0, 1.0, 0.0)
}

/// Bitmap characters are a little smaller than the line, as letters are.
fn bitmap_scale(size_px: u16) -> f32 {
    size_px as f32 * 0.95 / BITMAP as f32
}

impl Canvas<'_> {
    /// Writes `text` with its base line at `point`. Returns how wide it is.
    pub fn text(&self, text: &str, point: Vec2, ink: Ink) -> f32 {
        let fonts = self.fonts();
        let width = self.text_width(text, ink);
        let start = match ink.align {
            Align::Left => 0.0,
            Align::Centre => width / 2.0,
            Align::Right => width,
        };
        let (size_px, stretch) = self.raster(ink.size);
        let colour = self.colour(ink.colour);
        let mut pen = self.window(point - vec2(start, 0.0));
        let mut utf8 = [0; 4];
        for c in text.chars() {
            let source = fonts.source(ink.face, c);
            match fonts.font(source) {
                Some(font) => {
                    let params = TextParams {
                        font: Some(font),
                        font_size: size_px,
                        font_scale: stretch,
                        color: colour,
                        ..TextParams::default()
                    };
                    draw_text_ex(&*c.encode_utf8(&mut utf8), pen.x, pen.y, params);
                }
                None => {
                    if let Some(texture) = fonts.bitmap(c) {
                        let side = BITMAP as f32 * bitmap_scale(size_px) * stretch;
                        let params = DrawTextureParams {
                            dest_size: Some(Vec2::splat(side)),
                            source: Some(Rect::new(0.0, 0.0, BITMAP.into(), BITMAP.into())),
                            ..DrawTextureParams::default()
                        };
                        draw_texture_ex(&texture, pen.x, pen.y - side * 0.86, colour, params);
                    }
                }
            }
            pen.x +=
                fonts.advance_px(source, c, size_px) * stretch + ink.spacing * ink.size * self.px();
        }
        width
    }

    /// How wide `text` is, in units of the canvas.
    pub fn text_width(&self, text: &str, ink: Ink) -> f32 {
        let (size_px, stretch) = self.raster(ink.size);
        let fonts = self.fonts();
        let glyphs: f32 = text
            .chars()
            .map(|c| fonts.advance_px(fonts.source(ink.face, c), c, size_px) * stretch)
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

    /// The size to rasterise at, in whole pixels, and by how much that is to be stretched. Large
    /// sizes are rounded coarsely: each size drawn stays in the atlas.
    fn raster(&self, size: f32) -> (u16, f32) {
        let wanted = (size * self.px()).clamp(1.0, 400.0);
        let step = if wanted < 40.0 { 1.0 } else { 4.0 };
        let size_px = (wanted / step).round().max(1.0) * step;
        (size_px as u16, size * self.px() / size_px)
    }
}
