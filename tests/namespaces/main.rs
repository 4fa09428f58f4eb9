//! Real processes on hosts of their own: network namespaces around a switch, whose cables are
//! pulled and whose network is cut in pieces.
//!
//! | part | holds |
//! |---|---|
//! | `scene` | a laboratory with a player at each host |
//! | `together` | how they find each other |
//!
//! They need root, and Linux's network namespaces:
//! `cargo test --release --test namespaces -- --ignored --test-threads=1 --show-output`
#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "tests of the impure edge"
)]

#[path = "../../src/cli/lab.rs"]
#[allow(dead_code, reason = "the program uses the rest")]
mod lab;
#[path = "../common/peers.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod peers;

mod scene;
mod together;
