//! The examples: their rules under the simulator, with faults, and their programs as real processes whose
//! host is killed.
//!
//! What a test of processes starts is built by `cargo test`, or by `cargo build --examples`.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "tests of the impure edge"
)]

#[path = "../../examples/tiles/bot.rs"]
#[expect(dead_code, reason = "the program uses the rest")]
mod bot;
#[path = "../../examples/tiles/path.rs"]
mod path;
#[path = "../../examples/tiles/rules.rs"]
mod rules;

mod lots;
mod processes;
