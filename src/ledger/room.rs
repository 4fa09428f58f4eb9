//! How much a ledger may hold, and that people are told before it is full.

use super::{Ledger, Out, entry::Writer, vector::WRITERS_MAX};

/// The most entries and pages in one ledger.
pub const ROWS_MAX: usize = 1 << 20;

/// The most bytes that they take up.
pub const BYTES_MAX: usize = 512 << 20;

/// From how many hundredths of any limit on people are told.
pub const FULL_SOON_PERCENT: usize = 90;

/// How full a ledger is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Fullness {
    /// There is room.
    #[default]
    Roomy,
    /// Nine tenths of what it may hold are there.
    Soon,
    /// Nothing more finds room, so nothing more is counted.
    Full,
}

impl Fullness {
    /// What people should know of it, if anything, and what they can do.
    pub fn words(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Roomy => None,
            Self::Soon => Some((
                "The book of points is nearly full",
                "nine tenths are used; begin a session of another name before it is full",
            )),
            Self::Full => Some((
                "The book of points is full",
                "from here on no point is kept; begin a session of another name",
            )),
        }
    }
}

impl Ledger {
    /// How many entries and pages it has: what it has to hold.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// How full it is.
    pub fn fullness(&self) -> Fullness {
        self.fullness
    }

    /// Whether so many more rows find room.
    pub(super) fn has_room(&self, writer: Writer, rows: usize) -> bool {
        let stranger = !self.streams.contains_key(&writer) && self.streams.len() >= WRITERS_MAX;
        self.rows + rows <= ROWS_MAX && self.bytes < BYTES_MAX && !stranger
    }

    /// So many rows and bytes are more, or less. People are told once when it gets tight.
    pub(super) fn grow(&mut self, rows: isize, bytes: isize) {
        self.rows = self.rows.saturating_add_signed(rows);
        self.bytes = self.bytes.saturating_add_signed(bytes);
        let used = [
            self.rows * 100 / ROWS_MAX,
            self.bytes * 100 / BYTES_MAX,
            self.streams.len() * 100 / WRITERS_MAX,
        ];
        let fullness = match used.into_iter().max().unwrap_or_default() {
            100.. => Fullness::Full,
            FULL_SOON_PERCENT.. => Fullness::Soon,
            _ => Fullness::Roomy,
        };
        if fullness > self.fullness {
            self.out.push_back(Out::Filling(fullness));
        }
        self.fullness = fullness;
    }
}
