//! How the window is to be.
use super::screen::STAGE;
use crate::{
    keys::Lock,
    text::{Name, SessionName},
};

/// How the window is to be.
#[derive(Clone, Debug)]
pub struct Options {
    /// What its player is called at the start.
    pub name: Name,
    /// The session that the title offers whether anybody is heard in it or not.
    pub session: SessionName,
    /// What opens that one, if it is locked or is to be.
    pub lock: Option<Lock>,
    /// Skip the title: the node has been told to play already.
    pub play: bool,
    /// Its width and height in pixels.
    pub size_px: (u32, u32),
    /// Its frames in a second, at most. Whatever this is, the game runs at its own pace.
    pub frames_per_second: u32,
}

impl Options {
    /// A window of the usual size that begins with the title.
    pub fn new(name: Name) -> Self {
        Self {
            name,
            session: SessionName::default(),
            lock: None,
            play: false,
            size_px: (STAGE.x as u32, STAGE.y as u32),
            frames_per_second: 60,
        }
    }
}
