//! Real processes on hosts of their own: network namespaces around a switch, whose cables are
//! pulled and whose network is cut in pieces.
//!
//! | part | holds |
//! |---|---|
//! | `together` | how they find each other |
//! | `addresses` | the same on machines with odd addresses, or several |
//! | `firewalls` | the same behind firewalls: what the README advises |
//! | `crashes` | processes and machines that are gone from one moment to the next |
//! | `pauses` | processes that stand still for a while |
//! | `cuts` | cables and switches |
//! | `reach` | who is heard and cannot be reached |
//! | `scene` | a laboratory with a player at each host, and what is measured there |
//! | `judge` | what is true whatever happens |
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
mod lab;
#[path = "../common/peers.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod peers;

mod addresses;
mod crashes;
mod cuts;
mod firewalls;
mod judge;
mod pauses;
mod reach;
mod scene;
mod together;
