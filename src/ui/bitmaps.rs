//! A bitmap of nearly every character of the world's writings: GNU Unifont, as `build.rs` has packed it.
//!
//! Most who play never need one, so it is unpacked when the first one is wanted.

use std::{cmp::Ordering, sync::LazyLock};

use miniz_oxide::inflate::decompress_to_vec_with_limit;

/// Of what height a bitmap is, and of what width at most.
pub const SIDE: usize = 16;

/// A code point, and the rows.
const RECORD_BYTES: usize = 3 + 2 * SIDE;

/// In the first byte of a code point: the bitmap has its whole width.
const WIDE: u8 = 0x80;

/// More than there are.
const UNPACKED_BYTES_MAX: usize = 4 << 20;

static UNPACKED: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let packed = include_bytes!(concat!(env!("OUT_DIR"), "/unifont"));
    decompress_to_vec_with_limit(packed, UNPACKED_BYTES_MAX).unwrap_or_default()
});

/// The picture of one character.
#[derive(Clone, Copy, Debug)]
pub struct Bitmap {
    record: &'static [u8; RECORD_BYTES],
}

impl Bitmap {
    /// That of `c`, if there is one.
    pub fn of(c: char) -> Option<Self> {
        let (records, _) = UNPACKED.as_chunks::<RECORD_BYTES>();
        let wanted = u32::from(c).to_be_bytes();
        let order = |[first, second, third, ..]: &[u8; RECORD_BYTES]| -> Ordering {
            [first & !WIDE, *second, *third][..].cmp(&wanted[1..])
        };
        let at = records.binary_search_by(order).ok()?;
        records.get(at).map(|record| Self { record })
    }

    /// How many pixels wide it is: 8 or 16.
    pub fn width(self) -> usize {
        if self.record[0] & WIDE == 0 { SIDE / 2 } else { SIDE }
    }

    /// Whether a pixel is set.
    pub fn is_set(self, x: usize, y: usize) -> bool {
        let row = self.record.get(3 + 2 * y..5 + 2 * y).and_then(|row| row.first_chunk());
        row.is_some_and(|row| x < SIDE && u16::from_be_bytes(*row) & (0x8000 >> x) != 0)
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
        assert!(UNPACKED.len() > 50_000 * RECORD_BYTES);
        assert!(Bitmap::of('\u{1f600}').is_none(), "no emoji");
    }
}
