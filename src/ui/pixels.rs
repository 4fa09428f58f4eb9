//! A picture in main memory, which no graphics card has to know.

/// A picture: red, green, blue and alpha, row by row.
#[derive(Clone, Debug)]
pub struct Pixels {
    /// How wide it is.
    pub width: usize,
    /// How high it is.
    pub height: usize,
    /// Four for each pixel.
    pub bytes: Vec<u8>,
}

impl Pixels {
    /// A picture that is clear everywhere, and white where light falls through.
    pub fn clear(width: usize, height: usize) -> Self {
        Self { width, height, bytes: [255, 255, 255, 0].repeat(width * height) }
    }

    /// A white picture, as opaque as `alpha` says for each place.
    pub fn white(width: usize, height: usize, alpha: impl Fn(usize, usize) -> f32) -> Self {
        let mut pixels = Self::clear(width, height);
        for y in 0..height {
            for x in 0..width {
                let alpha = (alpha(x, y).clamp(0.0, 1.0) * 255.0).round() as u8;
                pixels.bytes[(y * width + x) * 4 + 3] = alpha;
            }
        }
        pixels
    }
}
