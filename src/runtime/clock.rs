//! The only reader of the clocks in this crate.
//!
//! On Unix it is `CLOCK_MONOTONIC` in microseconds, so that the times printed by several processes
//! of one machine can be compared. Elsewhere time starts with the process.

use std::time::{Duration, SystemTime};

use crate::{ledger::entry::WallTime, types::Instant};

/// What time it is.
#[cfg(unix)]
pub fn now() -> Instant {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    Instant(time.tv_sec as u64 * 1_000_000 + time.tv_nsec as u64 / 1_000)
}

/// How long this machine has been suspended since it was started, as far as [`now`] does not count
/// that: only Linux's monotonic clock stands still during a suspend.
#[cfg(target_os = "linux")]
pub fn suspended() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let boot = Instant(time.tv_sec as u64 * 1_000_000 + time.tv_nsec as u64 / 1_000);
    boot.since(now())
}

/// How long this machine has been suspended since it was started, as far as [`now`] does not count
/// that.
#[cfg(not(target_os = "linux"))]
pub fn suspended() -> Duration {
    Duration::ZERO
}

/// What time it is.
#[cfg(not(unix))]
#[expect(clippy::disallowed_methods, reason = "the impure edge")]
pub fn now() -> Instant {
    use std::{sync::OnceLock, time};

    static START: OnceLock<time::Instant> = OnceLock::new();
    let start = START.get_or_init(time::Instant::now);
    // One second ahead, so that "a moment ago" exists from the start.
    Instant(1_000_000 + start.elapsed().as_micros() as u64)
}

/// What people would say what time it is. It may be wrong, and be set at any time.
#[expect(clippy::disallowed_methods, reason = "the impure edge")]
pub fn wall_time() -> WallTime {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    WallTime(since.map_or(0, |since| since.as_secs()))
}

/// How much time on a processor this process has had, where the system tells.
#[cfg(unix)]
pub fn processor() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// How much time on a processor this process has had, where the system tells.
#[cfg(not(unix))]
pub fn processor() -> Duration {
    Duration::ZERO
}
