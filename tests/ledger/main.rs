//! What the ledger promises (D1 to D6), tried on histories that nobody would think of.
#![expect(clippy::unwrap_used, reason = "tests")]

mod clocks;
mod exchanging;
mod histories;
mod merging;
