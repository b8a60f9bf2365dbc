//! How long to wait before the next attempt, and whether there is one.

use std::time::Duration;

use shared::{close::CloseCode, error::Reason};

use crate::random::Random;

/// The first wait; doubles with each attempt.
const FIRST: Duration = Duration::from_millis(50);
/// The longest wait: a cluster that comes back is found within seconds.
const LONGEST: Duration = Duration::from_secs(3);

/// How long to wait before attempt number `attempt`, from 0. Half of it is
/// random, so that the clients of a dead gateway do not arrive together.
pub fn delay(attempt: u32, random: &mut Random) -> Duration {
    let full = FIRST
        .saturating_mul(1_u32.checked_shl(attempt).unwrap_or(u32::MAX))
        .min(LONGEST);
    let half = full / 2;
    let spread = u64::try_from(half.as_millis()).unwrap_or(u64::MAX);
    half + Duration::from_millis(random.below(spread.saturating_add(1)))
}

/// Whether to connect again after this close code. Codes that are none of
/// ours (1001, 1006, …) come from proxies and crashes: connect again.
pub fn reconnects(code: u16) -> bool {
    CloseCode::ALL
        .iter()
        .find(|(known, _)| known.code() == code)
        .map_or(!(4_500..5_000).contains(&code), |(known, _)| {
            known.reconnect()
        })
}

/// Whether the same request, with the same nonce, may succeed if it is sent
/// again: the cluster did not decide it.
pub const fn undecided(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::Busy | Reason::Unknown | Reason::Unavailable | Reason::Expired
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_are_bounded() {
        let mut random = Random::new(3);
        for attempt in 0..70 {
            let wait = delay(attempt, &mut random);
            assert!(wait <= LONGEST && wait >= FIRST / 2, "{attempt}: {wait:?}");
        }
        assert!(delay(20, &mut random) >= LONGEST / 2);
    }

    #[test]
    fn close_codes_say_whether_to_come_back() {
        assert!(reconnects(4_000) && reconnects(4_008) && reconnects(1_006));
        assert!(!reconnects(4_503) && !reconnects(4_504) && !reconnects(4_999));
        assert!(!reconnects(1_002) && !reconnects(1_009));
    }
}
