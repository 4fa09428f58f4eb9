//! Whether SQLite's log (the file `-wal`) is whole.
//!
//! SQLite reads its log up to the first frame whose checksum is wrong and takes that for the end: so
//! a process that was killed while it wrote leaves no trace. But a log that was damaged later ends
//! there too, and nobody is told. This looks whether frames of the same log follow behind its end.
//! (A log is overwritten from its start again and again; frames of older rounds, with other salts,
//! follow in every healthy one.) The format is documented at sqlite.org/fileformat2.html.

use std::{
    fs,
    io::{self, ErrorKind},
    path::Path,
};

const HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 24;
/// Page sizes that SQLite knows.
const PAGE_BYTES: std::ops::RangeInclusive<usize> = 512..=65_536;

/// Whether the log of the database at `path` has an end that nobody wrote.
pub fn is_cut_short(path: &Path) -> io::Result<bool> {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    match fs::read(name) {
        Ok(log) => Ok(!is_whole(&log)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn is_whole(log: &[u8]) -> bool {
    let Some((header, mut rest)) = log.split_at_checked(HEADER_BYTES) else {
        return log.is_empty();
    };
    let big_endian = word(header, 0) == 0x377f_0683;
    let page_bytes = word(header, 8) as usize;
    let mut sum = Sum { big_endian, sums: (0, 0) };
    sum.add(&header[..24]);
    if !PAGE_BYTES.contains(&page_bytes) || sum.sums != (word(header, 24), word(header, 28)) {
        return false;
    }
    let frame_bytes = FRAME_HEADER_BYTES + page_bytes;
    let salts = &header[16..24];
    // As far as SQLite reads.
    while let Some((frame, next)) = rest.split_at_checked(frame_bytes) {
        sum.add(&frame[..8]);
        sum.add(&frame[FRAME_HEADER_BYTES..]);
        if frame[8..16] != *salts || sum.sums != (word(frame, 16), word(frame, 20)) {
            break;
        }
        rest = next;
    }
    // Behind that there may be whole frames of older logs.
    rest.len().is_multiple_of(frame_bytes)
        && rest.chunks(frame_bytes).all(|frame| frame[8..16] != *salts)
}

fn word(bytes: &[u8], at: usize) -> u32 {
    bytes[at..].first_chunk().map_or(0, |word| u32::from_be_bytes(*word))
}

/// The checksum of the log's format.
struct Sum {
    big_endian: bool,
    sums: (u32, u32),
}

impl Sum {
    fn add(&mut self, bytes: &[u8]) {
        for pair in bytes.chunks_exact(8) {
            let word = |at| {
                let word = word(pair, at);
                if self.big_endian { word } else { word.swap_bytes() }
            };
            let (first, second) = (word(0), word(4));
            self.sums.0 = self.sums.0.wrapping_add(first).wrapping_add(self.sums.1);
            self.sums.1 = self.sums.1.wrapping_add(second).wrapping_add(self.sums.0);
        }
    }
}
