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
    /// For how long who exceeds it is refused, in milliseconds; 0 for no longer than until
    /// there is something to draw again.
    pub cooldown_ms: u32,
}

/// What is kept of a key, by the clock of who counts; before the first draw, zeros.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bucket {
    /// Until when it has spent, in microseconds.
    pub spent_us: u64,
    /// Until when it is refused whatever is left, in microseconds.
    pub barred_us: u64,
}

impl Bucket {
    /// Whether it says anything that an unknown key does not.
    pub const fn is_live(self, now_us: u64) -> bool {
        self.spent_us > now_us || self.barred_us > now_us
    }
}

/// What a key may draw now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    /// How many draws at once.
    pub draws: u32,
    /// In how many milliseconds the next draw is allowed; 0 for at once.
    pub next_ms: u64,
    /// In how many milliseconds all of the burst is there again; 0 where it is.
    pub whole_ms: u64,
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

    /// How long a key is refused that drew too much, in microseconds.
    pub(super) fn cooldown_us(self) -> u64 {
        u64::from(self.cooldown_ms) * 1000
    }

    /// What is known of a key, within what this quota can have made of it: that cures a clock
    /// that was set back, and a quota made smaller.
    fn bound(self, kept: Bucket, now_us: u64) -> Bucket {
        Bucket {
            spent_us: kept.spent_us.clamp(now_us, now_us + self.credit_us()),
            barred_us: kept.barred_us.clamp(now_us, now_us + self.cooldown_us()),
        }
    }

    /// Decides one draw by what was kept of the key. Answers also what is to be kept, in any
    /// case. A refused draw takes nothing; the first one begins the cooldown, and those during
    /// it do not prolong it.
    pub fn draw(self, kept: Bucket, now_us: u64) -> (Decision, Bucket) {
        let mut bucket = self.bound(kept, now_us);
        let over_us = self.over_us(bucket, now_us);
        let barred = bucket.barred_us > now_us;
        if over_us == 0 && !barred {
            bucket.spent_us += self.cost_us();
            return (Decision::Allowed, bucket);
        }
        if !barred {
            bucket.barred_us = now_us + self.cooldown_us();
        }
        let wait_us = over_us.max(bucket.barred_us - now_us);
        (Decision::Limited(wait_us.div_ceil(1000)), bucket)
    }

    /// By how much one more draw would be too early.
    fn over_us(self, bucket: Bucket, now_us: u64) -> u64 {
        let new = bucket.spent_us + self.cost_us();
        new.saturating_sub(now_us + self.credit_us())
    }

    /// What a key may draw, without drawing.
    pub fn left(self, kept: Bucket, now_us: u64) -> Left {
        let bucket = self.bound(kept, now_us);
        let barred_us = bucket.barred_us - now_us;
        let free_us = now_us + self.credit_us() - bucket.spent_us;
        let draws = if barred_us > 0 {
            0
        } else {
            free_us / self.cost_us()
        };
        let next_us = self.over_us(bucket, now_us).max(barred_us);
        let whole_us = (bucket.spent_us - now_us).max(barred_us);
        Left {
            draws: u32::try_from(draws).unwrap_or(u32::MAX),
            next_ms: next_us.div_ceil(1000),
            whole_ms: whole_us.div_ceil(1000),
        }
    }

    /// What is to be kept of a key after one draw was given back.
    pub fn give_back(self, kept: Bucket, now_us: u64) -> Bucket {
        let spent = kept.spent_us.saturating_sub(self.cost_us());
        Bucket {
            spent_us: spent.max(now_us),
            ..kept
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: u64 = 1_800_000_000_000_000;

    fn quota(burst: u32, count: u32, period_ms: u32) -> Quota {
        Quota {
            burst,
            count,
            period_ms,
            cooldown_ms: 0,
        }
    }

    /// Draws one after the other.
    struct Drawer(Quota, Bucket);

    impl Drawer {
        fn draw(&mut self, now_us: u64) -> Decision {
            let (decision, kept) = self.0.draw(self.1, now_us);
            self.1 = kept;
            decision
        }
    }

    #[test]
    fn a_burst_then_the_rate() {
        let mut key = Drawer(quota(3, 1, 500), Bucket::default());
        for _ in 0..3 {
            assert_eq!(key.draw(START), Decision::Allowed);
        }
        assert_eq!(key.draw(START), Decision::Limited(500));
        assert_eq!(key.draw(START + 499_000), Decision::Limited(1));
        assert_eq!(key.draw(START + 500_000), Decision::Allowed);
        assert_eq!(key.draw(START + 500_000), Decision::Limited(500));
    }

    #[test]
    fn who_draws_too_much_is_refused_for_the_cooldown_and_no_longer() {
        let cooled = Quota {
            cooldown_ms: 60_000,
            ..quota(2, 1, 2_000)
        };
        let mut key = Drawer(cooled, Bucket::default());
        for _ in 0..2 {
            assert_eq!(key.draw(START), Decision::Allowed);
        }
        assert_eq!(key.draw(START), Decision::Limited(60_000));
        // By the rate alone it could draw again, and asking prolongs nothing.
        assert_eq!(key.draw(START + 20_000_000), Decision::Limited(40_000));
        assert_eq!(key.draw(START + 59_999_001), Decision::Limited(1));
        let left = cooled.left(key.1, START + 20_000_000);
        assert_eq!(
            (left.draws, left.next_ms, left.whole_ms),
            (0, 40_000, 40_000)
        );
        for _ in 0..2 {
            assert_eq!(key.draw(START + 60_000_000), Decision::Allowed);
        }
        assert_eq!(key.draw(START + 60_000_000), Decision::Limited(60_000));
    }

    #[test]
    fn a_clock_set_back_does_not_lock_a_key_out() {
        let cooled = Quota {
            cooldown_ms: 500,
            ..quota(1, 1, 1000)
        };
        let later = Bucket {
            spent_us: START + 3_600_000_000,
            barred_us: START + 3_600_000_000,
        };
        let (decision, kept) = cooled.draw(later, START);
        assert_eq!(decision, Decision::Limited(1000));
        assert_eq!(cooled.draw(kept, START + 1_000_000).0, Decision::Allowed);
    }

    prop_compose! {
        fn quotas()(
            burst in 0_u32..50,
            count in 0_u32..1000,
            period_ms in 0_u32..100_000,
            cooldown_ms in prop_oneof![Just(0), 0_u32..1_000],
        ) -> Quota {
            Quota { burst, count, period_ms, cooldown_ms }
        }
    }

    proptest! {
        #[test]
        fn never_more_than_the_burst_and_the_rate(
            quota in quotas(),
            steps in prop::collection::vec(0_u64..200_000, 1..200),
        ) {
            let (mut now, mut key, mut allowed) = (START, Drawer(quota, Bucket::default()), 0_u64);
            for step in steps {
                now += step;
                if key.draw(now) == Decision::Allowed {
                    allowed += 1;
                }
            }
            let earned = (now - START) / quota.cost_us();
            prop_assert!(allowed <= u64::from(quota.burst) + earned);
            if quota.count == 0 {
                prop_assert_eq!(allowed, 0);
            }
        }

        #[test]
        fn what_is_told_to_wait_is_exact_and_what_is_left_can_be_drawn(
            quota in quotas(),
            steps in prop::collection::vec(0_u64..200_000, 1..40),
        ) {
            let (mut now, mut key) = (START, Drawer(quota, Bucket::default()));
            for step in steps {
                now += step;
                let left = quota.left(key.1, now);
                let decision = key.draw(now);
                match decision {
                    Decision::Allowed => prop_assert!(left.draws > 0 && left.next_ms == 0),
                    Decision::Limited(wait_ms) => {
                        prop_assert_eq!(left.draws, 0);
                        prop_assert!(left.next_ms <= wait_ms);
                        prop_assert_eq!(quota.left(key.1, now).next_ms, wait_ms);
                        let possible = quota.count > 0 && quota.burst > 0;
                        let then = key.0.draw(key.1, now + wait_ms * 1000).0;
                        prop_assert!(!possible || then == Decision::Allowed);
                        let before = key.0.draw(key.1, now + wait_ms * 1000 - 1001).0;
                        prop_assert!(before != Decision::Allowed);
                    }
                }
                let rest = quota.left(key.1, now);
                let whole = quota.left(key.1, now + rest.whole_ms * 1000);
                prop_assert_eq!(whole.draws, if quota.count == 0 { 0 } else { quota.burst });
            }
        }
    }
}
