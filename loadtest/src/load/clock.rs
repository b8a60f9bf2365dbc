//! The clock of intended times, and the CPU time of a thread.

use rustix::time::{ClockId, Timespec, clock_gettime};

/// Nanoseconds in a second.
pub const SECOND: u64 = 1_000_000_000;

/// Nanoseconds of `CLOCK_MONOTONIC`.
pub fn now() -> u64 {
    nanos(clock_gettime(ClockId::Monotonic))
}

/// Nanoseconds of CPU that this thread used.
pub fn thread_cpu() -> u64 {
    nanos(clock_gettime(ClockId::ThreadCPUTime))
}

fn nanos(time: Timespec) -> u64 {
    // Both clocks begin at zero and never reach the year 2500.
    u64::try_from(time.tv_sec).unwrap_or_default() * SECOND
        + u64::try_from(time.tv_nsec).unwrap_or_default()
}
