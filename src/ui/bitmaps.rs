//! A bitmap of nearly every character of the world's writings: GNU Unifont, as `build.rs` has packed it.
//!
//! Most who play never need one, so it is unpacked when the first one is wanted.

use std::sync::LazyLock;

use miniz_oxide::inflate::decompress_to_vec_with_limit;

/// Of what height a bitmap is, and of what width at most.
pub const SIDE: usize = 16;

/// The first code point, how many there are, and the width in halves.
const RUN_BYTES: usize = 3 + 2 + 1;

/// More than there are.
const UNPACKED_BYTES_MAX: usize = 4 << 20;

static UNPACKED: LazyLock<Unpacked> = LazyLock::new(|| {
    let packed = include_bytes!(concat!(env!("OUT_DIR"), "/unifont"));
    let bytes = decompress_to_vec_with_limit(packed, UNPACKED_BYTES_MAX).unwrap_or_default();
    Unpacked::read(&bytes).unwrap_or_default()
});

/// Half a bitmap, which is 8 pixels wide: its rows, the leftmost pixel in the highest bit.
type Half = [u8; SIDE];

/// All bitmaps.
#[derive(Default)]
struct Unpacked {
    /// In the order of their code points.
    runs: Vec<Run>,
    halves: Vec<Half>,
}

/// Successive code points, all of one width.
struct Run {
    first: u32,
    count: u32,
    /// How many halves each has: one or two.
    width: usize,
    /// Where the halves of the first one begin.
    at: usize,
}

impl Unpacked {
    fn read(bytes: &[u8]) -> Option<Self> {
        let (count, bytes) = bytes.split_first_chunk()?;
        let (runs, halves) =
            bytes.split_at_checked(RUN_BYTES * usize::from(u16::from_be_bytes(*count)))?;
        let mut at = 0;
        let read = |&[a, b, c, d, e, width]: &[u8; RUN_BYTES]| {
            let (first, count) =
                (u32::from_be_bytes([0, a, b, c]), u32::from_be_bytes([0, 0, d, e]));
            let run = Run { first, count, width: width.into(), at };
            at += run.count as usize * run.width;
            run
        };
        Some(Self {
            runs: runs.as_chunks().0.iter().map(read).collect(),
            halves: halves.as_chunks().0.to_vec(),
        })
    }

    fn find(&self, c: char) -> Option<&[Half]> {
        let code = u32::from(c);
        let after = self.runs.partition_point(|run| run.first <= code);
        let run = self.runs.get(after.checked_sub(1)?)?;
        let nth = Some(code - run.first).filter(|nth| *nth < run.count)? as usize;
        self.halves.get(run.at + nth * run.width..)?.get(..run.width)
    }
}

/// The picture of one character.
#[derive(Clone, Copy, Debug)]
pub struct Bitmap {
    halves: &'static [Half],
}

impl Bitmap {
    /// That of `c`, if there is one.
    pub fn of(c: char) -> Option<Self> {
        UNPACKED.find(c).map(|halves| Self { halves })
    }

    /// How many pixels wide it is: 8 or 16.
    pub fn width(self) -> usize {
        self.halves.len() * SIDE / 2
    }

    /// Whether a pixel is set.
    pub fn is_set(self, x: usize, y: usize) -> bool {
        let row = self.halves.get(x / 8).and_then(|half| half.get(y));
        row.is_some_and(|row| row & (0x80 >> (x % 8)) != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(c: char) -> Vec<String> {
        let bitmap = Bitmap::of(c).unwrap();
        let pixel = |x, y| if bitmap.is_set(x, y) { '#' } else { '.' };
        (0..SIDE).map(|y| (0..bitmap.width()).map(|x| pixel(x, y)).collect()).collect()
    }

    #[test]
    fn a_letter_has_half_the_width_and_looks_like_one() {
        let letter = drawn('T');
        assert!(letter.iter().all(|row| row.len() == 8));
        assert_eq!(letter[4..6], [".#######", "....#..."], "{letter:#?}");
    }

    #[test]
    fn characters_of_all_the_world_are_there_and_wide_ones_are_wide() {
        for (c, width) in [('ß', 8), ('ж', 8), ('語', 16), ('한', 16)] {
            let bitmap = Bitmap::of(c).unwrap();
            assert_eq!(bitmap.width(), width, "{c}");
            let set = (0..SIDE).any(|y| (0..SIDE).any(|x| bitmap.is_set(x, y)));
            assert!(set, "{c}");
        }
        assert!(UNPACKED.halves.len() > 100_000);
        assert!(Bitmap::of('\u{1f600}').is_none(), "no emoji");
    }
}
