//! Reads of the event log for sessions that resume. Whoever continues from the
//! same place shares one read and the frames made from it.

use std::{collections::HashMap, hash::Hash, sync::Arc, time::Duration};

use foldhash::fast::RandomState;
use parking_lot::Mutex;
use shared::{
    bus::envelope::{Effect, NodeAnswer, NodeQuery},
    domain::rights::Change,
    error::Refusal,
};
use tokio::{
    sync::{OnceCell, Semaphore},
    time::Instant,
};

use crate::{
    delivery::event::Event,
    fanout::{
        effect::{Consequence, interpret_effect},
        topic::TopicKind,
    },
    requests::{gateway_queries::refuse_answer, queries::Queries},
};

/// How many pages are read at once; the other questions of a gateway need room, too.
const READERS: usize = 16;
/// How many answers are kept for others who ask the same.
const KEPT: usize = 64;
/// How long: what was deleted since must not be shown for longer.
const FRESH: Duration = Duration::from_secs(2);

/// The log, as sessions read it. Clones share everything.
#[derive(Clone)]
pub struct EventLog {
    queries: Queries,
    readers: Arc<Semaphore>,
    pages: Arc<Cache<(u64, u64), ReplayPage>>,
    changes: Arc<Cache<(u64, u64, u64), Changes>>,
    page_bytes: u32,
}

/// A part of the log of one topic.
#[derive(Debug)]
pub struct ReplayPage {
    /// The events with what they do, dense, oldest first.
    pub events: Vec<(Event, Option<Effect>)>,
    /// The log no longer holds the event after the place asked for.
    pub too_old: bool,
}

/// The changes of rights in a part of a log; none when they cannot be undone.
pub type Changes = Option<Vec<Vec<Change>>>;

impl EventLog {
    /// Reads with `queries`, about so many bytes at once.
    pub fn new(queries: Queries, page_bytes: usize) -> Self {
        Self {
            queries,
            readers: Arc::new(Semaphore::new(READERS)),
            pages: Arc::default(),
            changes: Arc::default(),
            page_bytes: u32::try_from(page_bytes).unwrap_or(u32::MAX),
        }
    }

    /// What follows a place.
    pub async fn get_page(&self, topic: u64, after: u64) -> Result<Arc<ReplayPage>, Refusal> {
        let page = self
            .pages
            .get((topic, after), || self.read_page(topic, after))
            .await?;
        if page.events.is_empty() {
            // More may come at any moment.
            self.pages.forget(&(topic, after));
        }
        Ok(page)
    }

    async fn read_page(&self, topic: u64, after: u64) -> Result<ReplayPage, Refusal> {
        let _reader = self.readers.acquire().await;
        let read = self
            .queries
            .read_events(topic, after, self.page_bytes)
            .await?;
        Ok(ReplayPage {
            too_old: read.too_old,
            events: read
                .events
                .iter()
                .map(|envelope| (Event::new(envelope), envelope.effect()))
                .collect(),
        })
    }

    /// The changes of rights behind `after` and up to `until`.
    pub async fn get_changes(
        &self,
        topic: u64,
        after: u64,
        until: u64,
    ) -> Result<Arc<Changes>, Refusal> {
        let key = (topic, after, until);
        self.changes
            .get(key, || self.read_changes(topic, after, until))
            .await
    }

    async fn read_changes(&self, topic: u64, after: u64, until: u64) -> Result<Changes, Refusal> {
        let _reader = self.readers.acquire().await;
        let query = NodeQuery::Changes {
            topic,
            after,
            until,
        };
        match self.queries.ask_for_gateway(&query).await {
            Ok(NodeAnswer::Changes(None)) => Ok(None),
            Ok(NodeAnswer::Changes(Some(list))) => {
                Ok(list.iter().map(|(_, effect)| read_rights(effect)).collect())
            }
            other => Err(refuse_answer(other)),
        }
    }
}

/// The changes of rights of an event's effect; none when it is something else.
fn read_rights(effect: &[u8]) -> Option<Vec<Change>> {
    let effect = Effect::read(effect);
    match interpret_effect(TopicKind::Server, Some(&effect)) {
        Consequence::Rights { changes, .. } => Some(changes.to_vec()),
        _ => None,
    }
}

/// Answers that several ask for: the first one asks, the others wait.
#[derive(Debug)]
struct Cache<K, V>(Mutex<Kept<K, V>>);

type Kept<K, V> = HashMap<K, (Instant, Arc<OnceCell<Arc<V>>>), RandomState>;

impl<K, V> Default for Cache<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash, V> Cache<K, V> {
    async fn get<F: Future<Output = Result<V, Refusal>>>(
        &self,
        key: K,
        read: impl FnOnce() -> F,
    ) -> Result<Arc<V>, Refusal> {
        let cell = self.cell(key);
        let read = || async { read().await.map(Arc::new) };
        cell.get_or_try_init(read).await.cloned()
    }

    fn cell(&self, key: K) -> Arc<OnceCell<Arc<V>>> {
        let now = Instant::now();
        let mut kept = self.0.lock();
        kept.retain(|_, (since, _)| now < *since + FRESH);
        if kept.len() >= KEPT && !kept.contains_key(&key) {
            // Nobody shares it, which costs a question.
            return Arc::default();
        }
        Arc::clone(&kept.entry(key).or_insert_with(|| (now, Arc::default())).1)
    }

    fn forget(&self, key: &K) {
        self.0.lock().remove(key);
    }
}
