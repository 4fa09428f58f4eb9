//! What a screen is: shown one frame after the other, on a stage.
use std::sync::Arc;

use macroquad::math::{Rect, Vec2};

use super::{console::Console, draw::Canvas, keys::Keys};
use crate::{
    arena::{Arena, Controls},
    node::{Event, View},
    types::Instant,
};

/// The size of the stage, in units.
pub const STAGE: Vec2 = Vec2::new(1280.0, 720.0);

/// How many vertices a frame may have, whatever happens on the screen: software must draw it sixty
/// times in a second too. F3 shows how many there are.
pub const VERTICES_BUDGET: usize = 18_000;

/// What a screen is shown in one frame.
pub struct Frame<'a> {
    /// Where to draw: the stage, in units.
    pub stage: Canvas<'a>,
    /// What of the stage's surroundings the window shows, in units; holds the whole stage.
    pub visible: Rect,
    /// The node that is played.
    pub console: &'a dyn Console,
    /// What it shows.
    pub view: Option<Arc<View<Arena>>>,
    /// What happened since the frame before.
    pub events: &'a [Event<Arena>],
    /// What is pressed, held down and typed.
    pub keys: &'a Keys,
    /// When that was so.
    pub heard: Instant,
    /// What time it is.
    pub now: Instant,
    /// Seconds since the frame before.
    pub passed: f32,
    /// Seconds since the window opened.
    pub seconds: f32,
    /// The average time between two frames, in milliseconds.
    pub frame_ms: f32,
}

/// What comes after a frame.
pub enum Turn {
    /// The same screen.
    Stay,
    /// Another one, on top.
    Enter(Box<dyn Screen>),
    /// The one below.
    Back,
}

/// A screen.
pub trait Screen {
    /// What the player holds down of what is for the game.
    fn controls(&self, keys: &Keys) -> Controls;

    /// Draws one frame of it, and says what comes next.
    fn frame(&mut self, frame: &Frame) -> Turn;
}
