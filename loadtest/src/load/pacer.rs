//! When messages are meant to leave, and in which room: decided before, whatever the cluster does.

use super::clock::SECOND;
use crate::random::Random;

/// The rhythm of an open loop.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pacing {
    /// One after the other, equally far apart.
    Constant,
    /// As independent people would: exponentially distributed gaps.
    Poisson,
    /// So many at once, then nothing until the rate is kept.
    Burst(u32),
}

/// Who publishes how.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The first so many members publish, each in its first channel.
    pub publishers: usize,
    /// Messages per second of all of them.
    pub rate: f64,
    /// The rhythm.
    pub pacing: Pacing,
    /// Who publishes how often.
    pub popularity: Popularity,
    /// Unacknowledged messages per publisher: a closed loop, whatever the rate is.
    pub window: Option<u32>,
    /// Typing signals per second, of all publishers.
    pub typing: f64,
}

/// Says when each message is meant to leave.
#[derive(Debug)]
pub struct Pacer {
    pacing: Pacing,
    /// Nanoseconds between two messages.
    gap: f64,
    next: f64,
    left: u32,
    random: Random,
}

impl Pacer {
    /// A pacer of `rate` messages a second from `begin` on.
    pub fn new(pacing: Pacing, rate: f64, begin: u64, seed: u64) -> Self {
        let mut pacer = Self {
            pacing,
            gap: nanos(SECOND) / rate.max(1e-9),
            next: nanos(begin),
            left: 0,
            random: Random::new(seed),
        };
        if pacing == Pacing::Poisson {
            pacer.step();
        }
        pacer.left = pacer.burst();
        pacer
    }

    /// When the next message is meant to leave.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "nanoseconds since boot are positive and below 2^53"
    )]
    pub fn next_at(&self) -> u64 {
        self.next as u64
    }

    /// The intended time of the next message if that has come.
    pub fn due(&mut self, now: u64) -> Option<u64> {
        let at = self.next_at();
        if at > now {
            return None;
        }
        self.left -= 1;
        if self.left == 0 {
            self.step();
            self.left = self.burst();
        }
        Some(at)
    }

    fn burst(&self) -> u32 {
        match self.pacing {
            Pacing::Burst(count) => count.max(1),
            Pacing::Constant | Pacing::Poisson => 1,
        }
    }

    fn step(&mut self) {
        self.next += match self.pacing {
            Pacing::Constant => self.gap,
            Pacing::Poisson => -(1.0 - uniform(&mut self.random)).ln() * self.gap,
            Pacing::Burst(count) => self.gap * f64::from(count.max(1)),
        };
    }
}

/// How often each room is spoken in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Popularity {
    /// One after the other.
    Even,
    /// The n-th room in proportion to `1 / n^exponent`: few loud ones, many quiet.
    Zipf(f64),
}

/// Chooses who speaks next.
#[derive(Debug)]
pub struct Choice {
    count: usize,
    next: usize,
    /// Sums of the weights, for what is not even.
    sums: Vec<f64>,
    random: Random,
}

impl Choice {
    /// A choice among `count`.
    pub fn new(popularity: Popularity, count: usize, seed: u64) -> Self {
        let mut sum = 0.0;
        let sums = match popularity {
            Popularity::Even => Vec::new(),
            Popularity::Zipf(exponent) => (1..=u32::try_from(count).unwrap_or(u32::MAX))
                .map(|rank| {
                    sum += f64::from(rank).powf(-exponent);
                    sum
                })
                .collect(),
        };
        Self {
            count,
            next: 0,
            sums,
            random: Random::new(seed),
        }
    }

    /// The next one; 0 when there are none.
    pub fn pick(&mut self) -> usize {
        match self.sums.last() {
            None => {
                let at = self.next;
                self.next = if at + 1 < self.count { at + 1 } else { 0 };
                at
            }
            Some(total) => {
                let point = uniform(&mut self.random) * total;
                let at = self.sums.partition_point(|sum| *sum <= point);
                at.min(self.count.saturating_sub(1))
            }
        }
    }
}

/// A number from 0 up to, but not including, 1.
pub fn uniform(random: &mut Random) -> f64 {
    nanos(random.next() >> 11) / nanos(1 << 53)
}

#[expect(clippy::cast_precision_loss, reason = "below 2^53")]
fn nanos(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(pacing: Pacing, seconds: u64) -> Vec<u64> {
        let mut pacer = Pacer::new(pacing, 1_000.0, 5 * SECOND, 7);
        let end = (5 + seconds) * SECOND;
        std::iter::from_fn(|| pacer.due(end - 1)).collect()
    }

    #[test]
    fn a_constant_rate_is_even() {
        let times = times(Pacing::Constant, 2);
        assert_eq!(times.len(), 2_000);
        assert_eq!(times[0], 5 * SECOND);
        assert!(times.windows(2).all(|pair| pair[1] - pair[0] == 1_000_000));
    }

    #[test]
    fn poisson_keeps_the_rate_with_uneven_gaps() {
        let times = times(Pacing::Poisson, 100);
        assert!((98_000..102_000).contains(&times.len()), "{}", times.len());
        let gaps = times.windows(2).map(|pair| pair[1] - pair[0]);
        let long = gaps.filter(|gap| *gap > 1_000_000).count();
        // Of exponential gaps 1/e are longer than the mean.
        assert!((35_000..39_000).contains(&long), "{long}");
    }

    #[test]
    fn a_burst_leaves_at_once_and_keeps_the_rate() {
        let times = times(Pacing::Burst(50), 2);
        assert_eq!(times.len(), 2_000);
        assert!(times[..50].iter().all(|at| *at == times[0]));
        assert_eq!(times[50] - times[0], 50_000_000);
    }

    #[test]
    fn what_is_not_due_waits_and_what_is_late_keeps_its_time() {
        let mut pacer = Pacer::new(Pacing::Constant, 10.0, SECOND, 1);
        assert_eq!(pacer.due(SECOND - 1), None);
        assert_eq!(pacer.due(3 * SECOND), Some(SECOND));
        assert_eq!(pacer.due(3 * SECOND), Some(SECOND + SECOND / 10));
    }

    #[test]
    fn popular_rooms_are_spoken_in_more_often() {
        let mut even = Choice::new(Popularity::Even, 3, 1);
        let turns: Vec<usize> = (0..7).map(|_| even.pick()).collect();
        assert_eq!(turns, [0, 1, 2, 0, 1, 2, 0]);
        let mut zipf = Choice::new(Popularity::Zipf(1.0), 100, 1);
        let mut counts = [0; 100];
        for _ in 0..100_000 {
            counts[zipf.pick()] += 1;
        }
        // The harmonic sum of 100 is 5.19.
        assert!((18_000..20_500).contains(&counts[0]), "{}", counts[0]);
        assert!((8_900..10_300).contains(&counts[1]), "{}", counts[1]);
        assert!(counts[99] > 100);
        assert_eq!(Choice::new(Popularity::Even, 0, 1).pick(), 0);
    }
}
