//! Rate limits across gateways: what is asked, what is answered, the arithmetic.

/// How much of something a key may use: GCRA. With a burst or count of zero it
/// allows nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// How many at once, after a rest.
    pub burst: u32,
    /// How many per `period_ms` in the long run.
    pub count: u32,
    /// The period, in milliseconds.
    pub period_ms: u32,
}

/// What the limiter says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Go on.
    Allowed,
    /// Try again after this many milliseconds.
    Limited(u64),
}

impl Quota {
    /// Microseconds that one draw costs, rounded up: rounding never allows more.
    pub(super) fn cost_us(self) -> u64 {
        let period_us = u64::from(self.period_ms) * 1000;
        period_us.div_ceil(u64::from(self.count.max(1))).max(1)
    }

    /// How far ahead of the clock a key may draw, in microseconds. At most
    /// 2^32 periods of 2^32 ms would not fit a Lua number, so a year is the limit.
    pub(super) fn credit_us(self) -> u64 {
        const YEAR_US: u64 = 366 * 86_400 * 1_000_000;
        if self.count == 0 {
            return 0;
        }
        let credit = self.cost_us().saturating_mul(u64::from(self.burst));
        credit.min(YEAR_US)
    }

    /// Decides one draw: `spent_us` is until when the key has spent, by the same
    /// clock as `now_us`. Answers also the new value, to be kept in any case; a refused draw
    /// takes nothing.
    pub fn draw(self, spent_us: u64, now_us: u64) -> (Decision, u64) {
        let (cost, credit) = (self.cost_us(), self.credit_us());
        // The upper bound cures a clock that was set back, and a quota made smaller.
        let spent = spent_us.clamp(now_us, now_us + credit);
        let new = spent + cost;
        match new.saturating_sub(now_us + credit) {
            0 => (Decision::Allowed, new),
            over_us => (Decision::Limited(over_us.div_ceil(1000)), spent),
        }
    }

    /// What a key has spent after one draw was given back.
    pub fn give_back(self, spent_us: u64, now_us: u64) -> u64 {
        spent_us.saturating_sub(self.cost_us()).max(now_us)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: u64 = 1_800_000_000_000_000;

    #[test]
    fn a_burst_then_the_rate() {
        let quota = Quota {
            burst: 3,
            count: 1,
            period_ms: 500,
        };
        let mut spent = 0;
        let mut draw = |now_us| {
            let (decision, new) = quota.draw(spent, now_us);
            spent = new;
            decision
        };
        for _ in 0..3 {
            assert_eq!(draw(START), Decision::Allowed);
        }
        assert_eq!(draw(START), Decision::Limited(500));
        assert_eq!(draw(START + 499_000), Decision::Limited(1));
        assert_eq!(draw(START + 500_000), Decision::Allowed);
        assert_eq!(draw(START + 500_000), Decision::Limited(500));
    }

    #[test]
    fn a_clock_set_back_does_not_lock_a_key_out() {
        let quota = Quota {
            burst: 1,
            count: 1,
            period_ms: 1000,
        };
        let (decision, kept) = quota.draw(START + 3_600_000_000, START);
        assert_eq!(decision, Decision::Limited(1000));
        assert_eq!(quota.draw(kept, START + 1_000_000).0, Decision::Allowed);
    }

    proptest! {
        #[test]
        fn never_more_than_the_burst_and_the_rate(
            burst in 0_u32..50,
            count in 0_u32..1000,
            period_ms in 0_u32..100_000,
            steps in prop::collection::vec(0_u64..200_000, 1..200),
        ) {
            let quota = Quota { burst, count, period_ms };
            let (mut now, mut spent, mut allowed) = (START, 0, 0_u64);
            for step in steps {
                now += step;
                let (decision, new) = quota.draw(spent, now);
                spent = new;
                if decision == Decision::Allowed {
                    allowed += 1;
                }
            }
            let earned = (now - START) / quota.cost_us();
            prop_assert!(allowed <= u64::from(burst) + earned);
            if count == 0 {
                prop_assert_eq!(allowed, 0);
            }
        }
    }
}
