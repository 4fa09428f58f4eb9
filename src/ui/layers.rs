//! Still layers: what stays as it is from frame to frame, drawn once into a picture of its own.
//!
//! A layer is painted anew when what it shows has changed, which its key tells, or its size on the
//! window has. In all other frames it costs four corners for each piece of it that is shown.
use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
};

use super::sheet::Sheet;

/// The longest side of a layer, in pixels. What would be larger is drawn frame by frame.
pub const SIDE_MAX: f32 = 8_192.0;

/// One layer.
#[derive(Debug)]
pub struct Layer {
    /// What it shows, and how large.
    pub key: u64,
    /// Its width and height, in pixels.
    pub size: (u32, u32),
    /// What is to be printed into it before it is shown; none once that is done.
    pub fresh: Option<Sheet>,
}

/// All layers, by name.
pub type Layers = BTreeMap<&'static str, Layer>;

/// A key that differs where what is hashed does.
pub fn key_of(shown: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    shown.hash(&mut hasher);
    hasher.finish()
}
