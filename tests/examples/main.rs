//! The examples: on a simulated network that fails, and as real processes whose host is killed.
//!
//! What a test of processes starts is built by `cargo test`, or by `cargo build --examples`.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "tests of the impure edge"
)]

#[path = "../../examples/tiles/bot.rs"]
mod bot;
#[path = "../../examples/counter.rs"]
#[expect(dead_code, reason = "the program uses the rest")]
mod counter;
#[path = "../../examples/tiles/path.rs"]
mod path;
#[path = "../../examples/pong.rs"]
#[expect(dead_code, reason = "the program uses the rest")]
mod pong;
#[path = "../../examples/tiles/rules.rs"]
mod rules;

mod lots;
mod processes;
mod small;
