//! The level of what gateways send to workers, and the order of an update that follows from it.
//!
//! A worker understands every gateway of its level and below; one of a lower level may not understand
//! what a gateway sends. So a gateway takes clients once no such worker is left, and a worker that
//! would be one, on the way back, begins once no such gateway is left.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{BusError, node::Node};
use crate::ops::Health;

/// The level of this program. Raised by one with each request, each field of one, and each question of
/// gateways that workers of before do not know; a test asks for it.
pub const LEVEL: u32 = 2;

/// A process that lives, and what it tells.
type Living = (String, Option<Node>);

/// Why a gateway of this level is not to take clients yet, seen the workers that live. Without any it
/// is not known which will come: where a single one starts again, it is the one of before.
pub fn why_gateway_waits(workers: &[Living]) -> Option<String> {
    if workers.iter().all(|(_, node)| node.is_none()) {
        return Some("no worker lives".to_owned());
    }
    let older = list_names(workers, |level| level < LEVEL);
    (!older.is_empty()).then(|| format!("waits until older workers have gone: {older}"))
}

/// Why a worker of this level is not to begin yet, seen who lives. Gateways that none of the other
/// workers serves get what there is: then an older one is better than none.
pub fn why_worker_waits(gateways: &[Living], workers: &[Living]) -> Option<String> {
    let newer = list_names(gateways, |level| level > LEVEL);
    let served = !list_names(workers, |level| level > LEVEL).is_empty();
    (served && !newer.is_empty()).then(|| format!("waits until newer gateways have gone: {newer}"))
}

/// The names of those at such a level. Who has no key of the cluster tells nothing, and nobody waits for
/// him: he only writes to Redis.
fn list_names(living: &[Living], which: impl Fn(u32) -> bool) -> String {
    let told = living.iter().filter_map(|(_, node)| node.as_ref());
    let found = told.filter(|node| which(node.level));
    found.map(|node| &*node.name).collect::<Vec<_>>().join(", ")
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

/// How often to look who lives.
const LOOK: Duration = Duration::from_millis(500);

impl Wait {
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

    /// Looks who lives, and goes on when it need not wait any more.
    pub async fn look_until_clear<F>(mut self, health: &Health, look: impl Fn() -> F)
    where
        F: Future<Output = Result<Option<String>, BusError>>,
    {
        while !self.note(look().await, health, Instant::now()) {
            sleep(LOOK).await;
        }
    }

    /// Takes what was found: why to wait, if for anybody. Says whether to go on.
    fn note(
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
    use std::fmt::Write as _;

    use serde::de::DeserializeOwned;
    use sha2::{Digest, Sha256};

    use super::*;
    use crate::{
        bus::{
            envelope::{Caller, CallerKind, Entry, NodeQuery, pack, unpack},
            node::VERSION,
        },
        hex,
        ids::{ServerId, SessionId, UserId},
        protocol::{RowKind, coded_rows, control::TopicSeq},
        wire::Shape,
    };

    fn living(name: &str, level: u32) -> Living {
        let node = Node {
            name: name.to_owned(),
            version: VERSION.to_owned(),
            level,
            ..Node::default()
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
        let before_levels = living("before", 0);
        let without_key = ("5f".to_owned(), None);
        let found = |workers: &[Living]| why_gateway_waits(workers);
        assert_eq!(found(&[]).as_deref(), Some("no worker lives"));
        assert_eq!(found(std::slice::from_ref(&without_key)), found(&[]));
        assert_eq!(found(&[same.clone(), newer, without_key]), None);
        assert_eq!(
            found(&[same, older, before_levels]).as_deref(),
            Some("waits until older workers have gone: older, before")
        );
    }

    #[test]
    fn a_worker_waits_for_gateways_that_it_may_not_understand_while_others_do() {
        let (same, newer) = (living("same", LEVEL), living("newer", LEVEL + 1));
        let found = |gateways: &[&Living], workers: &[&Living]| {
            let own = |living: &[&Living]| living.iter().copied().cloned().collect::<Vec<_>>();
            why_worker_waits(&own(gateways), &own(workers))
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

    /// All that a gateway may send: requests with each field and each value of a closed set, its own
    /// questions, and what carries them.
    fn fingerprint() -> String {
        let (mut told, mut hash) = (String::new(), Sha256::new());
        for row in coded_rows().filter(|row| row.kind != RowKind::Internal) {
            hash.update(row.opcode.to_be_bytes());
            describe(&(row.request.shape)(), &mut told);
        }
        told.push_str(&list_known::<NodeQuery>());
        told.push_str(&list_known::<CallerKind>());
        hash.update(told);
        for question in questions() {
            hash.update(pack(&question));
        }
        let caller = Caller {
            user: UserId::new(1).unwrap(),
            session: SessionId::new(1).unwrap(),
            kind: CallerKind::Person,
        };
        hash.update(pack(&Entry {
            caller: Some(caller),
            ..Entry::default()
        }));
        hex::encode(&hash.finalize()).split_off(48)
    }

    /// The names of the variants: the error for an unknown one lists them.
    fn list_known<T: DeserializeOwned>() -> String {
        let unknown = unpack::<T>(&pack(&"?")).err();
        unknown.map(|error| error.to_string()).unwrap_or_default()
    }

    /// One of each, with each field.
    fn questions() -> [NodeQuery; 7] {
        let (token, user, server) = (
            String::new,
            UserId::new(1).unwrap(),
            ServerId::new(1).unwrap(),
        );
        let place = TopicSeq { topic: 1, seq: 1 };
        [
            NodeQuery::Open {
                token: token(),
                resume: Some((token(), vec![place])),
            },
            NodeQuery::Identify { token: token() },
            NodeQuery::Topic { user, server },
            NodeQuery::Events {
                topic: 1,
                after: 1,
                bytes: 1,
            },
            NodeQuery::Heads { topics: vec![1] },
            NodeQuery::Structures {
                servers: vec![(server, vec![user])],
            },
            NodeQuery::Changes {
                topic: 1,
                after: 1,
                until: 1,
            },
        ]
    }

    fn describe(shape: &Shape, told: &mut String) {
        match shape {
            Shape::Optional(inner) => {
                told.push('?');
                describe(inner, told);
            }
            Shape::List(inner) => {
                told.push('*');
                describe(inner, told);
            }
            Shape::Enum(set) => {
                for (number, name, _) in set.values {
                    write!(told, "{number}={name},").unwrap();
                }
            }
            Shape::Struct(shape) => {
                for field in shape.fields {
                    write!(told, "{}:{}:", field.name, field.has_default).unwrap();
                    describe(&(field.shape)(), told);
                }
            }
            plain => write!(told, "{plain:?};").unwrap(),
        }
    }

    #[test]
    fn whatever_changes_what_gateways_send_raises_the_level() {
        // Both at once: a level means one of these for ever.
        assert_eq!((LEVEL, &*fingerprint()), (2, "55727524c2bd6077"));
    }
}
