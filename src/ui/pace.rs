//! The rhythm of the frames.
use std::time::Duration;

use super::Console;
use crate::types::Instant;

/// How long before a frame is due the window stops sleeping and watches the clock instead.
const WATCHFUL: Duration = Duration::from_millis(1);

/// Keeps the frames apart: the screen's own rhythm cannot be relied on.
pub struct Pace {
    span: Duration,
    due: Instant,
}

impl Pace {
    /// So many frames in a second, from here on.
    pub fn new(console: &dyn Console, frames_per_second: u32) -> Self {
        Self { span: Duration::from_secs(1) / frames_per_second.max(1), due: console.now() }
    }

    /// Waits until the next frame is due. A frame that is late moves all that follow.
    #[expect(clippy::disallowed_methods, reason = "the impure edge")]
    pub fn wait(&mut self, console: &dyn Console) {
        self.due += self.span;
        let now = console.now();
        if self.due.since(now).is_zero() {
            self.due = now;
            return;
        }
        let rest = self.due.since(now);
        if rest > WATCHFUL {
            std::thread::sleep(rest - WATCHFUL);
        }
        while !self.due.since(console.now()).is_zero() {
            std::hint::spin_loop();
        }
    }
}
