//! placeholder
pub mod arena;
pub mod bits;
pub mod cluster;
pub mod config;
pub mod game;
pub mod io;
pub mod node;
pub mod replica;
pub mod runtime;
pub mod sim;
pub mod text;
pub mod types;
#[cfg(feature = "window")]
pub mod ui;
pub mod wire;
