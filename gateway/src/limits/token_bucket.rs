//! The flood guard: how fast one connection may send, before anything is read.

use std::time::Duration;

use tokio::time::Instant;

/// How much a connection may send.
#[derive(Debug, Clone, Copy)]
pub struct Rate {
    /// Per second, in the long run.
    pub per_second: u32,
    /// At once, after a rest.
    pub burst: u32,
}

/// A bucket that fills with time and is drawn from.
#[derive(Debug)]
pub struct TokenBucket {
    /// What is left, in thousandths.
    level: u64,
    filled: Instant,
}

impl TokenBucket {
    /// A full bucket.
    pub fn full(rate: Rate, now: Instant) -> Self {
        Self {
            level: u64::from(rate.burst) * 1_000,
            filled: now,
        }
    }

    /// Draws `amount`; `false` when the bucket does not hold it.
    pub fn draw(&mut self, rate: Rate, amount: usize, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.filled);
        let fresh = millis(passed).saturating_mul(u64::from(rate.per_second));
        if fresh > 0 {
            self.level = (self.level.saturating_add(fresh)).min(u64::from(rate.burst) * 1_000);
            self.filled = now;
        }
        let amount = (amount as u64).saturating_mul(1_000);
        match self.level.checked_sub(amount) {
            Some(level) => {
                self.level = level;
                true
            }
            None => false,
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate {
        per_second: 10,
        burst: 20,
    };

    #[test]
    fn a_burst_passes_and_then_only_the_rate() {
        let start = Instant::now();
        let mut bucket = TokenBucket::full(RATE, start);
        assert!((0..20).all(|_| bucket.draw(RATE, 1, start)));
        assert!(!bucket.draw(RATE, 1, start));
        let later = start + Duration::from_millis(500);
        assert!((0..5).all(|_| bucket.draw(RATE, 1, later)));
        assert!(!bucket.draw(RATE, 1, later));
        let much_later = start + Duration::from_hours(1);
        assert!(bucket.draw(RATE, 20, much_later));
        assert!(!bucket.draw(RATE, 1, much_later));
    }
}
