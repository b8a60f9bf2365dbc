//! The level of what gateways send to workers, and the order of an update that follows from it.
//!
//! A worker understands every gateway of its level and below; one of a lower level may not understand
//! what a gateway sends. So a gateway takes clients once no such worker is left, and a worker that
//! would be one, on the way back, begins once no such gateway is left.

use std::time::Duration;

use tokio::time::Instant;

use super::{BusError, node::Node};
use crate::ops::Health;

/// The level of this program. Raised by one with each request, each field of one, and each question of
/// gateways that workers of before do not know; a test asks for it.
pub const LEVEL: u32 = 1;

/// A process that lives, and what it tells.
type Living = (String, Option<Node>);

/// Why a gateway of this level is not to take clients yet, seen the workers that live. Without any it
/// is not known which will come: where a single one starts again, it is the one of before.
pub fn find_older_workers(workers: &[Living]) -> Option<String> {
    if workers.is_empty() {
        return Some("no worker lives".to_owned());
    }
    let older = list_names(workers, |level| level < LEVEL);
    (!older.is_empty()).then(|| format!("waits until older workers have gone: {older}"))
}

/// Why a worker of this level is not to begin yet, seen who lives. Gateways that none of the other
/// workers serves get what there is: then an older one is better than none.
pub fn find_newer_gateways(gateways: &[Living], workers: &[Living]) -> Option<String> {
    let newer = list_names(gateways, |level| level > LEVEL);
    let served = workers.iter().any(|worker| level_of(worker) > LEVEL);
    (served && !newer.is_empty()).then(|| format!("waits until newer gateways have gone: {newer}"))
}

/// What tells no level is of a program from before there were any.
fn level_of((_, node): &Living) -> u32 {
    node.as_ref().map_or(0, |node| node.level)
}

fn list_names(living: &[Living], which: impl Fn(u32) -> bool) -> String {
    let found = living.iter().filter(|living| which(level_of(living)));
    let names = found.map(|(process, node)| node.as_ref().map_or(&**process, |node| &node.name));
    names.collect::<Vec<_>>().join(", ")
}

/// A program that waits until nobody lives whom it must not meet.
#[derive(Debug)]
pub struct Wait {
    check: &'static str,
    /// For how long nobody may have been found.
    clear: Duration,
    /// The same, once somebody was.
    after: Duration,
    since: Option<Instant>,
    said: bool,
}

impl Wait {
    /// How often to look who lives.
    pub const LOOK: Duration = Duration::from_millis(500);

    /// It shows under this name that it waits. It goes on when nobody was found for the first time, or
    /// for the second once somebody was.
    pub const fn new(check: &'static str, clear: Duration, after: Duration) -> Self {
        Self {
            check,
            clear,
            after,
            since: None,
            said: false,
        }
    }

    /// Takes what was found: why to wait, if for anybody. Says whether to go on.
    pub fn note(
        &mut self,
        found: Result<Option<String>, BusError>,
        health: &Health,
        now: Instant,
    ) -> bool {
        match found {
            Ok(None) => {
                let since = *self.since.get_or_insert(now);
                let goes_on = now.saturating_duration_since(since) >= self.clear;
                if goes_on {
                    health.set_check(self.check, Ok(()));
                }
                return goes_on;
            }
            Ok(Some(reason)) => {
                if !self.said {
                    tracing::info!("not ready yet: {reason}");
                }
                (self.said, self.clear) = (true, self.after);
                health.set_check(self.check, Err(reason));
            }
            Err(error) => tracing::debug!(%error, "nobody knows who lives"),
        }
        self.since = None;
        false
    }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;
    use crate::{
        bus::{
            envelope::{Entry, NodeQuery, pack, unpack},
            node::VERSION,
        },
        hex,
        protocol::{RowKind, coded_rows},
    };

    fn living(name: &str, level: u32) -> Living {
        let node = Node {
            name: name.to_owned(),
            version: VERSION.to_owned(),
            since_ms: 0,
            load: 0,
            backlog: 0,
            told_ms: 0,
            level,
        };
        (format!("{name}~1"), Some(node))
    }

    #[test]
    fn a_gateway_waits_for_each_worker_that_may_not_understand_it() {
        let (older, same, newer) = (
            living("older", LEVEL - 1),
            living("same", LEVEL),
            living("newer", LEVEL + 1),
        );
        let silent = ("5f".to_owned(), None);
        let found = |workers: &[Living]| find_older_workers(workers);
        assert_eq!(found(&[]).as_deref(), Some("no worker lives"));
        assert_eq!(found(&[same.clone(), newer]), None);
        assert_eq!(
            found(&[same, older, silent]).as_deref(),
            Some("waits until older workers have gone: older, 5f")
        );
    }

    #[test]
    fn a_worker_waits_for_gateways_that_it_may_not_understand_while_others_do() {
        let (same, newer) = (living("same", LEVEL), living("newer", LEVEL + 1));
        let found = |gateways: &[&Living], workers: &[&Living]| {
            let own = |living: &[&Living]| living.iter().copied().cloned().collect::<Vec<_>>();
            find_newer_gateways(&own(gateways), &own(workers))
        };
        // One that takes no clients yet tells no level.
        let waiting = living("waiting", 0);
        assert_eq!(found(&[&same, &waiting], &[&newer]), None);
        assert_eq!(found(&[&newer], &[]), None);
        assert_eq!(found(&[&newer], &[&same]), None, "nobody else serves it");
        assert_eq!(
            found(&[&newer, &same], &[&same, &newer]).as_deref(),
            Some("waits until newer gateways have gone: newer")
        );
    }

    #[test]
    fn who_waits_goes_on_once_nobody_was_found_for_long_enough() {
        const SECOND: Duration = Duration::from_secs(1);
        let (health, start) = (Health::new(&["others"]), Instant::now());
        let mut wait = Wait::new("others", Duration::ZERO, 2 * SECOND);
        let somebody = || Ok(Some("somebody".to_owned()));
        let mut note = |found, second| wait.note(found, &health, start + second * SECOND);
        assert!(!note(Err(BusError::Malformed), 0));
        assert!(!note(somebody(), 1));
        assert!(!note(Ok(None), 2));
        assert!(!note(Err(BusError::Malformed), 3), "nobody knows");
        assert!(!note(Ok(None), 4) && !note(Ok(None), 5) && !health.is_ready());
        assert!(note(Ok(None), 6) && health.is_ready());
        let mut fresh = Wait::new("others", Duration::ZERO, 2 * SECOND);
        assert!(fresh.note(Ok(None), &health, start), "it never waited");
    }

    /// All that a gateway may send: requests with each field, its own questions, and what carries them.
    fn fingerprint() -> String {
        let mut hash = Sha256::new();
        for row in coded_rows().filter(|row| row.kind != RowKind::Internal) {
            hash.update(row.opcode.to_be_bytes());
            hash.update((row.request.sample)());
        }
        // The error for an unknown name lists the known ones.
        let names = unpack::<NodeQuery>(&pack(&"?")).err();
        hash.update(names.map(|error| error.to_string()).unwrap_or_default());
        hash.update(pack(&Entry::default()));
        hex::encode(&hash.finalize()).split_off(48)
    }

    #[test]
    fn whatever_changes_what_gateways_send_raises_the_level() {
        // Both at once: a level means one of these for ever.
        assert_eq!((LEVEL, &*fingerprint()), (1, "53f51fecff49f86d"));
    }
}
