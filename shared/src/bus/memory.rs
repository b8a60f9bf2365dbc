//! The twin of Redis inside the process: the same meaning, no network.
//!
//! Its clock is the runtime's, so a test that pauses time also holds leases and
//! limits still.

use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    sync::Notify,
    time::{Instant, timeout},
};

use super::{
    Bucket, BusError, Class, ControlKind, Decision, End, KEEP_MS, Quota, StreamEntry, StreamId,
    Subscriber, SubscriberControl, Taken, Topic, inbox::Inbox,
};
use crate::{clock::Clock, ids::Partition};

#[derive(Clone)]
pub(super) struct Memory(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    /// Wakes those who wait for entries or queries.
    arrived: Notify,
    started: Instant,
    started_ms: u64,
}

#[derive(Default)]
struct State {
    streams: HashMap<Partition, Stream>,
    /// Of each class, the oldest first, with the time when each came.
    queries: [VecDeque<(u64, Bytes)>; Class::ALL.len()],
    subscribers: Vec<Arc<Link>>,
    /// Until when, in milliseconds, and what is told with each.
    leases: BTreeMap<(String, String), (u64, Bytes)>,
    /// Which event log it is of, once somebody said so.
    origin: Option<String>,
    /// What is kept of the keys of limits.
    buckets: HashMap<String, Bucket>,
}

#[derive(Default)]
struct Stream {
    last: StreamId,
    entries: BTreeMap<StreamId, Bytes>,
}

#[derive(Default)]
struct Link {
    inbox: Arc<Inbox>,
    topics: Mutex<HashSet<Topic>>,
}

impl Default for Memory {
    fn default() -> Self {
        Self(Arc::new(Shared {
            state: Mutex::default(),
            arrived: Notify::new(),
            started: Instant::now(),
            started_ms: Clock::system().now_ms(),
        }))
    }
}

#[expect(
    clippy::unused_async,
    reason = "the same signatures as those of Redis, where they wait"
)]
impl Memory {
    pub(super) async fn append(
        &self,
        partition: Partition,
        entry: Bytes,
    ) -> Result<StreamId, BusError> {
        let now = StreamId {
            ms: self.now_us() / 1000,
            seq: 0,
        };
        let mut state = self.lock();
        let stream = state.streams.entry(partition).or_default();
        let id = now.max(stream.last.next());
        stream.append(id, entry);
        drop(state);
        self.0.arrived.notify_waiters();
        Ok(id)
    }

    pub(super) async fn append_all(
        &self,
        entries: Vec<(Partition, Bytes)>,
    ) -> Vec<Result<(), BusError>> {
        let mut results = Vec::with_capacity(entries.len());
        for (partition, entry) in entries {
            results.push(self.append(partition, entry).await.map(drop));
        }
        results
    }

    pub(super) async fn mark_stream(
        &self,
        partition: Partition,
        id: StreamId,
    ) -> Result<bool, BusError> {
        let mut state = self.lock();
        let stream = state.streams.entry(partition).or_default();
        let ahead = id <= stream.last;
        if !ahead {
            stream.append(id, Bytes::new());
        }
        drop(state);
        self.0.arrived.notify_waiters();
        Ok(!ahead)
    }

    pub(super) async fn trim_stream(
        &self,
        partition: Partition,
        id: StreamId,
    ) -> Result<(), BusError> {
        if let Some(stream) = self.lock().streams.get_mut(&partition) {
            stream.entries = stream.entries.split_off(&id);
        }
        Ok(())
    }

    pub(super) async fn backlog(&self, partition: Partition) -> Result<u64, BusError> {
        let state = self.lock();
        let stream = state.streams.get(&partition);
        Ok(stream.map_or(0, |stream| stream.entries.len() as u64))
    }

    pub(super) async fn publish(&self, messages: Vec<(Topic, Bytes)>) -> Result<(), BusError> {
        // Under the lock from first to last, so all subscribers hear one order.
        let mut state = self.lock();
        state.subscribers.retain(|link| !link.inbox.is_closed());
        for link in &state.subscribers {
            let topics = link.topics();
            let heard = messages.iter().filter(|(topic, _)| topics.contains(topic));
            link.inbox.push(heard.cloned());
        }
        Ok(())
    }

    pub(super) async fn subscriber(&self) -> Result<Subscriber, BusError> {
        let link = Arc::new(Link::default());
        self.lock().subscribers.push(Arc::clone(&link));
        Ok(Subscriber {
            inbox: Arc::clone(&link.inbox),
            control: SubscriberControl(ControlKind::Memory(MemoryControl(link))),
            _stop: None,
        })
    }

    pub(super) async fn push_query(&self, class: Class, entry: Bytes) -> Result<bool, BusError> {
        let now = self.now_us() / 1000;
        let mut state = self.lock();
        let Some(queue) = state.queries.get_mut(class.index()) else {
            return Ok(false);
        };
        while queue
            .front()
            .is_some_and(|(since, _)| now.saturating_sub(*since) >= KEEP_MS)
        {
            queue.pop_front();
        }
        if queue.len() as u64 >= class.bound() {
            return Ok(false);
        }
        queue.push_back((now, entry));
        drop(state);
        self.0.arrived.notify_waiters();
        Ok(true)
    }

    pub(super) async fn now_ms(&self) -> Result<u64, BusError> {
        Ok(self.now_us() / 1000)
    }

    pub(super) async fn name_origin(&self, origin: &str) -> Result<String, BusError> {
        let mut state = self.lock();
        let said = state.origin.get_or_insert_with(|| origin.to_owned());
        Ok(said.clone())
    }

    pub(super) async fn renew_lease(
        &self,
        prefix: &str,
        name: &str,
        ttl: Duration,
        told: Bytes,
    ) -> Result<Vec<String>, BusError> {
        let now = self.now_us() / 1000;
        let ttl = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX);
        let key = (prefix.to_owned(), name.to_owned());
        {
            let mut state = self.lock();
            let lease = state.leases.entry(key).or_default();
            lease.0 = now.saturating_add(ttl);
            if !told.is_empty() {
                lease.1 = told;
            }
        }
        let leases = self.list_leases(prefix).await?;
        Ok(leases.into_iter().map(|(name, _)| name).collect())
    }

    pub(super) async fn list_leases(&self, prefix: &str) -> Result<Vec<(String, Bytes)>, BusError> {
        let now = self.now_us() / 1000;
        let mut state = self.lock();
        state.leases.retain(|_, (until, _)| *until > now);
        let same = state.leases.iter().filter(|((of, _), _)| of == prefix);
        Ok(same
            .map(|((_, name), (_, told))| (name.clone(), told.clone()))
            .collect())
    }

    pub(super) async fn release_lease(&self, prefix: &str, name: &str) -> Result<(), BusError> {
        let key = (prefix.to_owned(), name.to_owned());
        self.lock().leases.remove(&key);
        Ok(())
    }

    pub(super) async fn draw(&self, draws: &[(String, Quota)]) -> Result<Vec<Decision>, BusError> {
        let now = self.now_us();
        let mut state = self.lock();
        state.buckets.retain(|_, bucket| bucket.is_live(now));
        let mut decide = |(key, quota): &(String, Quota)| {
            let kept = state.buckets.get(key).copied().unwrap_or_default();
            let (decision, kept) = quota.draw(kept, now);
            state.buckets.insert(key.clone(), kept);
            decision
        };
        Ok(draws.iter().map(&mut decide).collect())
    }

    pub(super) async fn give_back(&self, draws: &[(String, Quota)]) -> Result<(), BusError> {
        let now = self.now_us();
        let mut state = self.lock();
        for (key, quota) in draws {
            if let Some(bucket) = state.buckets.get_mut(key) {
                *bucket = quota.give_back(*bucket, now);
            }
        }
        Ok(())
    }

    pub(super) async fn show_buckets(
        &self,
        keys: &[String],
    ) -> Result<(u64, Vec<Bucket>), BusError> {
        let (now, state) = (self.now_us(), self.lock());
        let kept = keys.iter().map(|key| state.buckets.get(key));
        Ok((
            now,
            kept.map(|kept| kept.copied().unwrap_or_default()).collect(),
        ))
    }

    pub(super) async fn reset_buckets(&self, keys: &[String]) -> Result<(), BusError> {
        let mut state = self.lock();
        for key in keys {
            state.buckets.remove(key);
        }
        Ok(())
    }

    pub(super) async fn read(
        &mut self,
        after: &[(Partition, StreamId)],
        count: u64,
        wait: Duration,
    ) -> Result<Vec<StreamEntry>, BusError> {
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let found = self.wait_for(wait, |state| {
            let entries = state.read(after, count);
            (!entries.is_empty()).then_some(entries)
        });
        Ok(found.await.unwrap_or_default())
    }

    pub(super) async fn take_query(
        &mut self,
        classes: &[Class],
        end: End,
        wait: Duration,
    ) -> Result<Option<Taken>, BusError> {
        let found = self.wait_for(wait, |state| state.take(classes, end)).await;
        Ok(found.map(|(class, since, bytes)| Taken {
            class,
            bytes,
            waited: Duration::from_millis((self.now_us() / 1000).saturating_sub(since)),
        }))
    }

    /// Looks now, and again whenever something arrives, for as long as `wait`.
    async fn wait_for<T>(
        &self,
        wait: Duration,
        mut look: impl FnMut(&mut State) -> Option<T>,
    ) -> Option<T> {
        let found = async {
            loop {
                let arrived = self.0.arrived.notified();
                tokio::pin!(arrived);
                // Listens before it looks, so nothing arrives in between unnoticed.
                arrived.as_mut().enable();
                if let Some(found) = look(&mut self.lock()) {
                    return found;
                }
                arrived.await;
            }
        };
        timeout(wait, found).await.ok()
    }

    fn now_us(&self) -> u64 {
        let elapsed = u64::try_from(self.0.started.elapsed().as_micros()).unwrap_or(u64::MAX);
        (self.0.started_ms * 1000).saturating_add(elapsed)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take(&mut self, classes: &[Class], end: End) -> Option<(Class, u64, Bytes)> {
        classes.iter().find_map(|class| {
            let queue = self.queries.get_mut(class.index())?;
            let (since, bytes) = match end {
                End::Oldest => queue.pop_front(),
                End::Newest => queue.pop_back(),
            }?;
            Some((*class, since, bytes))
        })
    }

    fn read(&self, after: &[(Partition, StreamId)], count: usize) -> Vec<StreamEntry> {
        let mut found = Vec::new();
        for (partition, id) in after {
            let Some(stream) = self.streams.get(partition) else {
                continue;
            };
            let entries = stream.entries.range(id.next()..).take(count);
            found.extend(entries.map(|(id, bytes)| StreamEntry {
                partition: *partition,
                id: *id,
                bytes: bytes.clone(),
            }));
        }
        found
    }
}

impl Stream {
    fn append(&mut self, id: StreamId, entry: Bytes) {
        self.last = id;
        self.entries.insert(id, entry);
    }
}

impl Link {
    fn topics(&self) -> MutexGuard<'_, HashSet<Topic>> {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Clone)]
pub(super) struct MemoryControl(Arc<Link>);

#[expect(
    clippy::unused_async,
    reason = "the same signatures as those of Redis, where they wait"
)]
impl MemoryControl {
    pub(super) async fn subscribe(&self, topics: Vec<Topic>) -> Result<(), BusError> {
        self.0.topics().extend(topics);
        Ok(())
    }

    pub(super) async fn unsubscribe(&self, topics: Vec<Topic>) -> Result<(), BusError> {
        let mut heard = self.0.topics();
        for topic in &topics {
            heard.remove(topic);
        }
        Ok(())
    }

    pub(super) async fn reset(&self) {
        self.0.inbox.lose();
    }
}
