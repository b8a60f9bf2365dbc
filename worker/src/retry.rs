//! How patient the work beside the commands of clients is: internal commands and jobs that
//! fail are tried again, and in the end wait for a person.

use std::time::Duration;

/// After this many failures it waits for a person: some ten minutes after the first.
pub(crate) const MAX_ATTEMPTS: i16 = 12;
/// The wait after the first failure; each next is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// The longest wait between two attempts.
const LONGEST_WAIT: Duration = Duration::from_mins(2);

/// How long to wait after this many failures.
pub(crate) fn wait_after(attempts: i16) -> Duration {
    let doublings = u32::from(attempts.saturating_sub(1).unsigned_abs()).min(16);
    (FIRST_WAIT * (1 << doublings)).min(LONGEST_WAIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_wait_is_longer_up_to_two_minutes() {
        let waits: Vec<Duration> = (1..=MAX_ATTEMPTS).map(wait_after).collect();
        assert!(waits.windows(2).all(|two| two[0] <= two[1]), "{waits:?}");
        assert_eq!(waits[0], Duration::from_millis(500));
        let minutes = waits.iter().sum::<Duration>().as_secs_f64() / 60.0;
        assert!((8.0..12.0).contains(&minutes), "{minutes}");
    }
}
