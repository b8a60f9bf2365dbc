//! Redis through fred.
//!
//! Two links for commands, so that scripts, which fred flushes one by one, never
//! hold up the stream of commands; a connection for each reader and subscriber.

mod link;
mod reader;
mod reply;
mod scripts;
mod subscriber;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use fred::{
    interfaces::{
        ClientLike, KeysInterface, PubsubInterface, SortedSetsInterface, StreamsInterface,
    },
    types::{ClusterHash, CustomCommand, SetOptions, Value, scripts::Script},
};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

use self::link::{Address, Link};
pub(super) use self::{reader::RedisReader, subscriber::RedisControl};
use super::{
    Bucket, BusError, Class, ControlKind, Decision, End, KEEP_MS, Quota, StreamEntry, StreamId,
    Subscriber, SubscriberControl, Taken, Topic,
};
use crate::ids::Partition;

/// Where it is said which event log all of this is of.
const ORIGIN: &str = "origin";
/// The digits of the time in front of a query, as the script writes them.
const STAMP_DIGITS: usize = 16;

#[derive(Clone)]
pub(super) struct Redis(Arc<Inner>);

struct Inner {
    address: Arc<Address>,
    /// XADD, PUBLISH: the hot path.
    ingest: Link,
    /// Lua, and what is asked rarely.
    scripts: Link,
    lease: Script,
    leases: Script,
    draw: Script,
    give_back: Script,
    show: Script,
    ask: Script,
    tasks: TaskTracker,
    stop: CancellationToken,
    _stop: DropGuard,
}

impl Redis {
    pub(super) async fn connect(url: &str) -> Result<Self, BusError> {
        let address = Arc::new(Address::parse(url)?);
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let link = |what| Link::start(what, Arc::clone(&address), &tasks, stop.clone());
        let (ingest, scripts) = (link("ingest"), link("scripts"));
        ingest.opened().await;
        scripts.opened().await;
        Ok(Self(Arc::new(Inner {
            address,
            ingest,
            scripts,
            lease: Script::from_lua(scripts::LEASE),
            leases: Script::from_lua(scripts::LEASES),
            draw: Script::from_lua(scripts::DRAW),
            give_back: Script::from_lua(scripts::GIVE_BACK),
            show: Script::from_lua(scripts::SHOW),
            ask: Script::from_lua(scripts::ASK),
            tasks,
            _stop: stop.clone().drop_guard(),
            stop,
        })))
    }

    pub(super) fn reset(&self) {
        self.0.ingest.reset();
        self.0.scripts.reset();
    }

    #[expect(
        clippy::unused_async,
        reason = "part of the interface; it opens its connection on first use"
    )]
    pub(super) async fn reader(&self) -> Result<RedisReader, BusError> {
        Ok(RedisReader::new(Arc::clone(&self.0.address)))
    }

    pub(super) async fn subscriber(&self) -> Result<Subscriber, BusError> {
        let (address, stop) = (Arc::clone(&self.0.address), self.0.stop.child_token());
        Ok(subscriber::start(address, &self.0.tasks, stop).await)
    }

    pub(super) async fn append(
        &self,
        partition: Partition,
        entry: Bytes,
    ) -> Result<StreamId, BusError> {
        let turn = self.0.ingest.acquire_turn(entry.len()).await?;
        let id: Result<String, _> = turn
            .client
            .xadd(reply::stream(partition), false, None, "*", ("e", entry))
            .await;
        id.map_err(|error| self.0.ingest.failed(&error))?.parse()
    }

    pub(super) async fn append_all(
        &self,
        entries: Vec<(Partition, Bytes)>,
    ) -> Vec<Result<(), BusError>> {
        let count = entries.len();
        match self.pipelined(entries).await {
            Ok(results) => results,
            Err(error) => vec![Err(error); count],
        }
    }

    /// One result per entry, or what befell all of them.
    async fn pipelined(
        &self,
        entries: Vec<(Partition, Bytes)>,
    ) -> Result<Vec<Result<(), BusError>>, BusError> {
        let count = entries.len();
        let size = entries.iter().map(|(_, entry)| entry.len()).sum();
        let turn = self.0.ingest.acquire_turn(size).await?;
        let failed = |error| self.0.ingest.failed(&error);
        let pipeline = turn.client.pipeline();
        for (partition, entry) in entries {
            // Only queued here; the answers come with `try_all`.
            let key = reply::stream(partition);
            let queued = pipeline.xadd(key, false, None, "*", ("e", entry)).await;
            queued.map(|queued: Value| drop(queued)).map_err(failed)?;
        }
        let appended: Vec<Result<Value, _>> = pipeline.try_all().await;
        let mut results: Vec<_> = appended
            .into_iter()
            .map(|appended| appended.map(drop).map_err(failed))
            .collect();
        if results.len() == count {
            return Ok(results);
        }
        // No answers but one reason: nobody knows what became of any of them.
        let reason = results.pop().and_then(Result::err);
        Err(reason.unwrap_or_else(|| BusError::Unreachable("answers are missing".to_owned())))
    }

    pub(super) async fn mark_stream(
        &self,
        partition: Partition,
        id: StreamId,
    ) -> Result<bool, BusError> {
        let turn = self.0.scripts.acquire_turn(0).await?;
        let (key, fields) = (reply::stream(partition), ("m", ""));
        let marked: Result<Value, _> = turn
            .client
            .xadd(key, false, None, id.to_string(), fields)
            .await;
        match marked.map_err(|error| self.0.scripts.failed(&error)) {
            Ok(_) => Ok(true),
            // "The ID specified in XADD is equal or smaller than the target stream
            // top item", or for the lowest place of all "must be greater than 0-0".
            Err(BusError::Refused(text))
                if text.contains("equal or smaller") || text.contains("greater than 0-0") =>
            {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    pub(super) async fn trim_stream(
        &self,
        partition: Partition,
        id: StreamId,
    ) -> Result<(), BusError> {
        let turn = self.0.scripts.acquire_turn(0).await?;
        let below = ("MINID", "=", id.to_string());
        let trimmed: Result<Value, _> = turn.client.xtrim(reply::stream(partition), below).await;
        trimmed
            .map(drop)
            .map_err(|error| self.0.scripts.failed(&error))
    }

    pub(super) async fn backlog(&self, partition: Partition) -> Result<u64, BusError> {
        let turn = self.0.scripts.acquire_turn(0).await?;
        let length: Result<u64, _> = turn.client.xlen(reply::stream(partition)).await;
        length.map_err(|error| self.0.scripts.failed(&error))
    }

    pub(super) async fn publish(&self, messages: Vec<(Topic, Bytes)>) -> Result<(), BusError> {
        if messages.is_empty() {
            return Ok(());
        }
        let size = messages.iter().map(|(_, bytes)| bytes.len()).sum();
        let turn = self.0.ingest.acquire_turn(size).await?;
        let failed = |error| self.0.ingest.failed(&error);
        let pipeline = turn.client.pipeline();
        for (topic, bytes) in messages {
            // Only queued here; the answers come with `all`.
            let queued: Value = pipeline
                .publish(topic.to_string(), bytes)
                .await
                .map_err(failed)?;
            drop(queued);
        }
        let published: Result<Value, _> = pipeline.all().await;
        published.map(drop).map_err(failed)
    }

    pub(super) async fn push_query(&self, class: Class, entry: Bytes) -> Result<bool, BusError> {
        let turn = self.0.scripts.acquire_turn(entry.len()).await?;
        let (bound, keep) = (class.bound().to_string(), KEEP_MS.to_string());
        let arguments: Vec<Value> = vec![entry.into(), bound.into(), keep.into()];
        let handed: Result<u64, _> = self
            .0
            .ask
            .evalsha_with_reload(&turn.client, queries(class), arguments)
            .await;
        handed
            .map(|handed| handed == 1)
            .map_err(|error| self.0.scripts.failed(&error))
    }

    pub(super) async fn now_ms(&self) -> Result<u64, BusError> {
        let turn = self.0.scripts.acquire_turn(0).await?;
        let command = CustomCommand::new_static("TIME", ClusterHash::FirstKey, false);
        let time: Result<Vec<u64>, _> = turn.client.custom(command, Vec::<Value>::new()).await;
        match time
            .map_err(|error| self.0.scripts.failed(&error))?
            .as_slice()
        {
            [seconds, microseconds] => Ok(seconds * 1000 + microseconds / 1000),
            _ => Err(BusError::Malformed),
        }
    }

    pub(super) async fn name_origin(&self, origin: &str) -> Result<String, BusError> {
        let turn = self.0.scripts.acquire_turn(0).await?;
        let failed = |error| self.0.scripts.failed(&error);
        // It nearly always is there, and a Redis that takes no writes still says so.
        let said: Option<String> = turn.client.get(ORIGIN).await.map_err(failed)?;
        if let Some(said) = said {
            return Ok(said);
        }
        let only_new = Some(SetOptions::NX);
        let said: Result<Option<String>, _> =
            turn.client.set(ORIGIN, origin, None, only_new, true).await;
        Ok(said.map_err(failed)?.unwrap_or_else(|| origin.to_owned()))
    }

    pub(super) async fn renew_lease(
        &self,
        prefix: &str,
        name: &str,
        ttl: Duration,
        told: Bytes,
    ) -> Result<Vec<String>, BusError> {
        let turn = self.0.scripts.acquire_turn(told.len()).await?;
        // A year is for ever, and stays far below what Lua's numbers hold.
        let ttl = ttl.as_millis().min(366 * 86_400_000);
        let arguments: Vec<Value> = vec![name.into(), ttl.to_string().into(), told.into()];
        let names: Result<Vec<String>, _> = self
            .0
            .lease
            .evalsha_with_reload(&turn.client, lease_keys(prefix), arguments)
            .await;
        let mut names = names.map_err(|error| self.0.scripts.failed(&error))?;
        names.sort_unstable();
        Ok(names)
    }

    pub(super) async fn list_leases(&self, prefix: &str) -> Result<Vec<(String, Bytes)>, BusError> {
        let turn = self.0.scripts.acquire_turn(0).await?;
        let listed: Result<Vec<Bytes>, _> = self
            .0
            .leases
            .evalsha_with_reload(&turn.client, lease_keys(prefix), Vec::<String>::new())
            .await;
        let listed = listed.map_err(|error| self.0.scripts.failed(&error))?;
        let read = |pair: &[Bytes]| match pair {
            [name, told] => Some((String::from_utf8(name.to_vec()).ok()?, told.clone())),
            _ => None,
        };
        let mut leases: Vec<_> = listed.chunks_exact(2).filter_map(read).collect();
        leases.sort_unstable();
        Ok(leases)
    }

    pub(super) async fn release_lease(&self, prefix: &str, name: &str) -> Result<(), BusError> {
        let turn = self.0.scripts.acquire_turn(0).await?;
        let released: Result<Value, _> = turn.client.zrem(lease_key(prefix), name).await;
        released
            .map(drop)
            .map_err(|error| self.0.scripts.failed(&error))
    }

    pub(super) async fn draw(&self, draws: &[(String, Quota)]) -> Result<Vec<Decision>, BusError> {
        if draws.is_empty() {
            return Ok(Vec::new());
        }
        let turn = self.0.scripts.acquire_turn(0).await?;
        let keys = bucket_keys(draws.iter().map(|(key, _)| key));
        let arguments: Vec<String> = draws
            .iter()
            .flat_map(|(_, quota)| [quota.cost_us(), quota.credit_us(), quota.cooldown_us()])
            .map(|number| number.to_string())
            .collect();
        let early: Result<Vec<u64>, _> = self
            .0
            .draw
            .evalsha_with_reload(&turn.client, keys, arguments)
            .await;
        let early = early.map_err(|error| self.0.scripts.failed(&error))?;
        if early.len() != draws.len() {
            return Err(BusError::Malformed);
        }
        Ok(early.into_iter().map(decision).collect())
    }

    pub(super) async fn give_back(&self, draws: &[(String, Quota)]) -> Result<(), BusError> {
        if draws.is_empty() {
            return Ok(());
        }
        let turn = self.0.scripts.acquire_turn(0).await?;
        let keys: Vec<String> = draws.iter().map(|(key, _)| limit_key(key)).collect();
        let costs: Vec<String> = draws
            .iter()
            .map(|(_, quota)| quota.cost_us().to_string())
            .collect();
        let given: Result<Value, _> = self
            .0
            .give_back
            .evalsha_with_reload(&turn.client, keys, costs)
            .await;
        given
            .map(drop)
            .map_err(|error| self.0.scripts.failed(&error))
    }

    pub(super) async fn show_buckets(
        &self,
        keys: &[String],
    ) -> Result<(u64, Vec<Bucket>), BusError> {
        let turn = self.0.scripts.acquire_turn(0).await?;
        let shown: Result<Vec<u64>, _> = self
            .0
            .show
            .evalsha_with_reload(&turn.client, bucket_keys(keys), Vec::<String>::new())
            .await;
        let shown = shown.map_err(|error| self.0.scripts.failed(&error))?;
        let Some((now_us, kept)) = shown.split_first() else {
            return Err(BusError::Malformed);
        };
        let buckets = kept.chunks_exact(2).filter_map(|kept| match kept {
            [spent_us, barred_us] => Some(Bucket {
                spent_us: *spent_us,
                barred_us: *barred_us,
            }),
            _ => None,
        });
        Ok((*now_us, buckets.collect()))
    }

    pub(super) async fn reset_buckets(&self, keys: &[String]) -> Result<(), BusError> {
        if keys.is_empty() {
            return Ok(());
        }
        let turn = self.0.scripts.acquire_turn(0).await?;
        let deleted: Result<Value, _> = turn.client.del(bucket_keys(keys)).await;
        deleted
            .map(drop)
            .map_err(|error| self.0.scripts.failed(&error))
    }
}

/// The list of a class.
fn queries(class: Class) -> String {
    format!("queries:{{{}}}", class.name())
}

fn decision(early_us: u64) -> Decision {
    match early_us {
        0 => Decision::Allowed,
        early => Decision::Limited(early.div_ceil(1000)),
    }
}

fn lease_key(prefix: &str) -> String {
    format!("lease:{{{prefix}}}")
}

/// Where the leases are, and what is told with them.
fn lease_keys(prefix: &str) -> Vec<String> {
    let leases = lease_key(prefix);
    let told = format!("{leases}:told");
    vec![leases, told]
}

fn limit_key(key: &str) -> String {
    format!("limit:{{{key}}}")
}

/// Of each bucket, where it is kept what it spent, and until when it is refused.
fn bucket_keys<'a>(keys: impl IntoIterator<Item = &'a String>) -> Vec<String> {
    let of = |key: &String| {
        let spent = limit_key(key);
        let barred = format!("{spent}:cooldown");
        [spent, barred]
    };
    keys.into_iter().flat_map(of).collect()
}
