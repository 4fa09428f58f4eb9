//! Waiting until a microsecond.
//!
//! epoll counts in milliseconds, rounded up: a tick would be late by half a millisecond on average.
//! So on Linux the deadline is a file of its own among those waited for. The other systems' waits
//! are used as they are.

use std::{io, time::Duration};

use mio::{Poll, Token};

use crate::{runtime::clock, types::Instant};

#[cfg(target_os = "linux")]
pub use linux::Timer;
#[cfg(not(target_os = "linux"))]
pub use plain::Timer;

/// What the poll calls the timer, where it is a file of its own.
pub const TIMER: Token = Token(1);

/// How long `poll` may wait for `deadline`, where the wait itself is the timer.
fn span(deadline: Option<Instant>) -> Option<Duration> {
    deadline.map(|deadline| deadline.since(clock::now()))
}

#[cfg(target_os = "linux")]
mod linux {
    use std::os::fd::{AsRawFd, OwnedFd};

    use mio::{Interest, unix::SourceFd};
    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    };

    use super::*;

    /// A deadline to wait for.
    pub struct Timer {
        file: Option<OwnedFd>,
        set_to: Option<Instant>,
    }

    impl Timer {
        /// A timer for waits on `poll`. Where the system refuses one, the wait itself must do.
        pub fn new(poll: &Poll) -> Self {
            let file = register(poll).ok();
            Self { file, set_to: None }
        }

        /// Prepares for a wait until `deadline`, and says how long `poll` may take.
        pub fn arm(&mut self, deadline: Option<Instant>) -> Option<Duration> {
            let (Some(file), Some(deadline)) = (&self.file, deadline) else {
                return span(deadline);
            };
            if deadline <= clock::now() {
                return Some(Duration::ZERO);
            }
            if self.set_to != Some(deadline) {
                let at = Itimerspec {
                    it_interval: Timespec { tv_sec: 0, tv_nsec: 0 },
                    it_value: Timespec {
                        tv_sec: (deadline.0 / 1_000_000) as i64,
                        tv_nsec: (deadline.0 % 1_000_000 * 1_000) as _,
                    },
                };
                if timerfd_settime(file, TimerfdTimerFlags::ABSTIME, &at).is_err() {
                    return span(Some(deadline));
                }
                self.set_to = Some(deadline);
            }
            None
        }
    }

    fn register(poll: &Poll) -> io::Result<OwnedFd> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let file = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        let mut source = SourceFd(&file.as_raw_fd());
        poll.registry().register(&mut source, TIMER, Interest::READABLE)?;
        Ok(file)
    }
}

#[cfg(not(target_os = "linux"))]
mod plain {
    use super::*;

    /// A deadline to wait for.
    pub struct Timer;

    impl Timer {
        /// A timer for waits on `poll`.
        pub fn new(_poll: &Poll) -> Self {
            Self
        }

        /// Prepares for a wait until `deadline`, and says how long `poll` may take.
        pub fn arm(&mut self, deadline: Option<Instant>) -> Option<Duration> {
            span(deadline)
        }
    }
}
