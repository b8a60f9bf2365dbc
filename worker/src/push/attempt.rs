//! One attempt at a push, and what its answer means.

use std::time::Duration;

use tokio::time::Instant;
use tracing::debug;

use super::{
    message::{Message, seal},
    sender::Sender,
};
use crate::{
    outbound::{Answer, OutboundError},
    store::push::{Push, PushTarget},
};

/// The first wait after a failure, and the longest.
const WAITS: (Duration, Duration) = (Duration::from_secs(5), Duration::from_hours(1));

/// After as many a push is given up. In the day that it is worth something a service that asks for patience sees fewer: it is for one that
/// ends each worker that sends it.
const MAX_ATTEMPTS: i16 = 100;

/// What became of a push.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Outcome {
    /// Its service has it.
    Sent,
    /// Its service does not know the device any more.
    Gone,
    /// It is tried again.
    Later(Duration),
    /// It was too large, and is tried again without content.
    Shortened,
    /// Nothing helps.
    Failed,
    /// It came too late.
    Expired,
    /// A newer one takes its place, or too many wait for the device.
    Superseded,
    /// The device is no more, is switched off, or another account has its address.
    Unsubscribed,
    /// What it tells of is read, deleted, or not to be told any more.
    Withdrawn,
}

impl Outcome {
    /// All names.
    pub(super) const NAMES: [&str; 9] = [
        "sent",
        "gone",
        "later",
        "shortened",
        "failed",
        "expired",
        "superseded",
        "unsubscribed",
        "withdrawn",
    ];

    /// What metrics call it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Gone => "gone",
            Self::Later(_) => "later",
            Self::Shortened => "shortened",
            Self::Failed => "failed",
            Self::Expired => "expired",
            Self::Superseded => "superseded",
            Self::Unsubscribed => "unsubscribed",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// How long the push waits, where that was not the end of it.
    pub(super) const fn wait(self) -> Option<Duration> {
        match self {
            Self::Later(wait) => Some(wait),
            Self::Shortened => Some(Duration::ZERO),
            _ => None,
        }
    }
}

/// What becomes of a push that is of use to nobody any more.
pub(super) fn end_early(push: &Push) -> Option<Outcome> {
    if push.target.endpoint.is_empty() {
        Some(Outcome::Unsubscribed)
    } else if push.is_superseded {
        Some(Outcome::Superseded)
    } else if push.is_withdrawn {
        Some(Outcome::Withdrawn)
    } else if push.attempts > MAX_ATTEMPTS {
        Some(Outcome::Failed)
    } else if left_s(push) <= 0.0 {
        Some(Outcome::Expired)
    } else {
        None
    }
}

/// For how many seconds a push is still worth something.
fn left_s(push: &Push) -> f64 {
    f64::from(push.ttl_s) - push.age_s
}

impl Sender {
    /// Sends a push, if it is still of use to anybody.
    pub(super) async fn attempt(&self, push: &Push) -> Outcome {
        match end_early(push) {
            Some(outcome) => outcome,
            None => self.send(push).await,
        }
    }

    async fn send(&self, push: &Push) -> Outcome {
        let PushTarget {
            endpoint,
            p256dh,
            auth,
            vapid,
            ..
        } = &push.target;
        // Other workers may be set otherwise, while settings change.
        let Ok((url, _)) = self.policy.judge_endpoint(endpoint) else {
            return Outcome::Later(self.back_off(push.attempts));
        };
        let now_s = self.clock.now_ms() / 1_000;
        let token = self
            .tokens
            .sign(&self.policy.keys, (vapid, url.origin()), now_s);
        let Ok(Some(token)) = token else {
            return Outcome::Later(self.back_off(push.attempts));
        };
        let message = Message {
            body: &push.body,
            topic: push.topic.as_deref(),
            ttl_s: Duration::from_secs_f64(left_s(push))
                .as_secs()
                .try_into()
                .unwrap_or(push.ttl_s),
            urgency: push.urgency.try_into().unwrap_or_default(),
        };
        let Ok((head, body)) = seal(&message, (p256dh, auth), token) else {
            return Outcome::Failed;
        };
        let began = Instant::now();
        let answer = self.policy.outbound.post(&url, head, body).await;
        let seconds = self
            .metrics
            .answer_seconds
            .with_label_values(&[&push.service]);
        seconds.observe(began.elapsed().as_secs_f64());
        judge(answer, push.body.is_empty(), self.back_off(push.attempts))
    }

    /// Twice as long after each failure, and each time a little different: those who failed together do not
    /// come together again.
    fn back_off(&self, attempts: i16) -> Duration {
        let doublings = u32::from(attempts.saturating_sub(1).unsigned_abs()).min(16);
        let longest = (WAITS.0 * (1 << doublings)).min(WAITS.1);
        longest.mul_f64(0.5 + (self.random)() / 2.0)
    }
}

/// What an answer means for a push, which waits so long where its service does not say otherwise.
fn judge(answer: Result<Answer, OutboundError>, is_empty: bool, wait: Duration) -> Outcome {
    let answer = match answer {
        Ok(answer) => answer,
        Err(OutboundError::NotReachable) => return Outcome::Failed,
        Err(OutboundError::Slow | OutboundError::Failed) => return Outcome::Later(wait),
    };
    match answer.status {
        200..=299 => Outcome::Sent,
        404 | 410 => Outcome::Gone,
        413 if !is_empty => Outcome::Shortened,
        408 | 429 | 500..=599 => {
            let asked = answer.retry_after.unwrap_or_default();
            Outcome::Later(asked.max(wait).min(WAITS.1))
        }
        // Among them 401 and 403: no repeat makes a token right, but the keys of another day may be.
        status => {
            debug!(status, "a push service refuses a push");
            Outcome::Failed
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(5);

    fn judge_status(status: u16, retry_after: Option<u64>) -> Outcome {
        let answer = Answer {
            status,
            retry_after: retry_after.map(Duration::from_secs),
            body: Vec::new(),
        };
        judge(Ok(answer), false, SOON)
    }

    #[test]
    fn an_answer_says_what_becomes_of_a_push() {
        for taken in [200, 201, 202, 204] {
            assert_eq!(judge_status(taken, None), Outcome::Sent);
        }
        for gone in [404, 410] {
            assert_eq!(judge_status(gone, None), Outcome::Gone);
        }
        for refused in [301, 307, 400, 401, 403, 405] {
            assert_eq!(judge_status(refused, None), Outcome::Failed, "{refused}");
        }
        assert_eq!(
            judge(Err(OutboundError::NotReachable), false, SOON),
            Outcome::Failed
        );
    }

    #[test]
    fn what_passes_is_tried_again_when_the_service_says_and_no_later_than_in_an_hour() {
        for passing in [408, 429, 500, 502, 503, 504] {
            assert_eq!(
                judge_status(passing, None),
                Outcome::Later(SOON),
                "{passing}"
            );
        }
        assert_eq!(judge_status(429, Some(1)), Outcome::Later(SOON));
        assert_eq!(
            judge_status(429, Some(60)),
            Outcome::Later(Duration::from_mins(1))
        );
        assert_eq!(judge_status(503, Some(u64::MAX)), Outcome::Later(WAITS.1));
        for error in [OutboundError::Slow, OutboundError::Failed] {
            assert_eq!(judge(Err(error), false, SOON), Outcome::Later(SOON));
        }
    }

    #[test]
    fn what_is_too_large_is_tried_without_content_once() {
        assert_eq!(judge_status(413, None), Outcome::Shortened);
        let answer = Answer {
            status: 413,
            retry_after: None,
            body: Vec::new(),
        };
        assert_eq!(judge(Ok(answer), true, SOON), Outcome::Failed);
    }
}
