//! What was mentioned, what arrived, and whether each push came once.

use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use serde::Deserialize;

use crate::{load::clock, measure::Checks};

/// A push that arrived: some bytes, as there are a thousand a second.
#[derive(Debug, Clone, Copy)]
struct Arrival {
    browser: usize,
    message: u64,
    /// By the clock of intended times.
    at: u64,
}

/// All that arrived, in its order.
#[derive(Debug, Default)]
pub(super) struct PushLedger {
    arrivals: Mutex<Vec<Arrival>>,
    bytes: AtomicU64,
    unreadable: AtomicU64,
}

/// A message that was acknowledged.
#[derive(Debug, Clone)]
pub(super) struct SentMention {
    /// Its id.
    pub(super) message: u64,
    /// When it was meant to leave.
    pub(super) intended: u64,
    /// The browsers of those whom it names.
    pub(super) browsers: Vec<usize>,
}

/// What a comparison shows.
#[derive(Debug, Default)]
pub(super) struct PushComparison {
    /// What was expected, came, came twice or never, or was no push of these messages.
    pub(super) checks: Checks,
    /// How old each arrival was, in nanoseconds; none where it came again, or was of no message.
    pub(super) ages: Vec<Option<u64>>,
}

#[derive(Deserialize)]
struct Told {
    message_id: String,
}

impl PushLedger {
    fn arrivals(&self) -> MutexGuard<'_, Vec<Arrival>> {
        self.arrivals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a push to a browser.
    pub(super) fn note(&self, browser: usize, body: &[u8]) {
        let at = clock::now();
        self.bytes.fetch_add(body.len() as u64, Ordering::Relaxed);
        let told: Option<Told> = serde_json::from_slice(body).ok();
        match told.and_then(|told| told.message_id.parse().ok()) {
            Some(message) => self.arrivals().push(Arrival {
                browser,
                message,
                at,
            }),
            None => {
                self.unreadable.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// How many arrived so far.
    pub(super) fn count(&self) -> usize {
        self.arrivals().len()
    }

    /// Bytes that a push tells, in the mean.
    pub(super) fn mean_bytes(&self) -> u64 {
        let count = self.count() as u64;
        self.bytes
            .load(Ordering::Relaxed)
            .checked_div(count)
            .unwrap_or_default()
    }

    /// Holds what arrived against what was mentioned.
    pub(super) fn compare(&self, mentions: &[SentMention]) -> PushComparison {
        let mut due: HashMap<(u64, usize), (u64, bool)> = HashMap::new();
        for mention in mentions {
            let browsers = mention.browsers.iter();
            due.extend(browsers.map(|it| ((mention.message, *it), (mention.intended, false))));
        }
        let mut found = PushComparison::default();
        found.checks.expected = due.len() as u64;
        found.checks.corrupt = self.unreadable.load(Ordering::Relaxed);
        for arrival in self.arrivals().iter() {
            let age = match due.get_mut(&(arrival.message, arrival.browser)) {
                None => {
                    found.checks.corrupt += 1;
                    None
                }
                Some((_, true)) => {
                    found.checks.double += 1;
                    None
                }
                Some((intended, arrived)) => {
                    *arrived = true;
                    found.checks.received += 1;
                    Some(arrival.at.saturating_sub(*intended))
                }
            };
            found.ages.push(age);
        }
        found.checks.missing = found.checks.expected - found.checks.received;
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(ledger: &PushLedger, browser: usize, message: u64) {
        let body = format!(r#"{{"kind":"message","message_id":"{message}"}}"#);
        ledger.note(browser, body.as_bytes());
    }

    #[test]
    fn each_push_is_expected_once_at_each_browser_of_the_named() {
        let ledger = PushLedger::default();
        let mentions = [SentMention {
            message: 7,
            intended: 1,
            browsers: vec![0, 1],
        }];
        note(&ledger, 0, 7);
        let checks = ledger.compare(&mentions).checks;
        assert_eq!(
            (checks.expected, checks.received, checks.missing),
            (2, 1, 1)
        );
        note(&ledger, 1, 7);
        let found = ledger.compare(&mentions);
        assert!(found.checks.hold(), "{:?}", found.checks);
        assert!(found.ages.iter().all(Option::is_some));

        note(&ledger, 1, 7);
        let found = ledger.compare(&mentions);
        assert_eq!((found.checks.double, found.checks.missing), (1, 0));
        assert_eq!(found.ages.last(), Some(&None));

        note(&ledger, 2, 7);
        note(&ledger, 0, 8);
        ledger.note(0, b"no message");
        assert_eq!(ledger.compare(&mentions).checks.corrupt, 3);
    }
}
