//! Time as a parameter: nothing but the programs' entry points reads the wall clock.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

/// Tells the time. Clones tell the same time.
#[derive(Clone)]
pub struct Clock(Source);

#[derive(Clone)]
enum Source {
    System,
    Manual(Arc<AtomicU64>),
}

impl Clock {
    /// The clock of the machine.
    pub const fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands until it is set, for tests.
    pub fn manual(now_ms: u64) -> Self {
        Self(Source::Manual(Arc::new(AtomicU64::new(now_ms))))
    }

    /// Sets a manual clock; the machine's clock stays as it is.
    pub fn set(&self, now_ms: u64) {
        if let Source::Manual(now) = &self.0 {
            now.store(now_ms, Ordering::Relaxed);
        }
    }

    /// Milliseconds since 1970.
    pub fn now_ms(&self) -> u64 {
        match &self.0 {
            #[expect(
                clippy::disallowed_methods,
                reason = "the one place that reads the wall clock"
            )]
            Source::System => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX)),
            Source::Manual(now) => now.load(Ordering::Relaxed),
        }
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}
