//! The ledger on a real disk: torn, flipped, killed in the middle of a write, and large.
//!
//! What takes long is ignored: `cargo test --release --test store -- --ignored --nocapture`.
#![cfg(feature = "store")]
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "tests of the impure edge"
)]

mod damaged;
mod folder;
mod killed;
mod large;
mod month;
mod points;
