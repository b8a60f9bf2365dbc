//! Waiting for entries and queries, on a connection that nobody else uses.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use fred::{
    interfaces::{ClientLike, StreamsInterface},
    prelude::{Client, Error, Options},
    types::{ClusterHash, CustomCommand, Value},
};
use tokio::time::{Instant, sleep};

use super::{
    BusError, Class, End, StreamEntry, StreamId, Taken,
    link::{Address, Backoff, COMMAND_TIMEOUT, Live},
    queries,
    reply::{self, failed},
};
use crate::ids::Partition;

/// Opens its connection on first use, and again after each failure.
///
/// A call may be dropped half-way: the same call goes on where it was, so no query
/// is taken in vain. Another call gives the old one up, with its connection.
pub(in crate::bus) struct RedisReader {
    address: Arc<Address>,
    live: Option<Live<Client>>,
    backoff: Backoff,
    under_way: Option<(Call, Answer)>,
    /// When Redis' clock was looked at, and what it said, in milliseconds.
    clock: Option<(Instant, u64)>,
}

/// For how long one look at the clock of Redis is enough.
const CLOCK_AGE: Duration = Duration::from_secs(1);

type Answer = Pin<Box<dyn Future<Output = Result<Value, Error>> + Send>>;

#[derive(Clone, PartialEq, Eq)]
enum Call {
    Read(Vec<(Partition, StreamId)>, u64),
    Take(Vec<Class>, End),
    Time,
}

impl RedisReader {
    pub(super) const fn new(address: Arc<Address>) -> Self {
        Self {
            address,
            live: None,
            backoff: Backoff::new("reader"),
            under_way: None,
            clock: None,
        }
    }

    pub(in crate::bus) async fn read(
        &mut self,
        after: &[(Partition, StreamId)],
        count: u64,
        wait: Duration,
    ) -> Result<Vec<StreamEntry>, BusError> {
        if after.is_empty() {
            // Nothing can come; a caller that asks in a loop must not spin.
            sleep(wait).await;
            return Ok(Vec::new());
        }
        let found = self.answer(Call::Read(after.to_vec(), count), wait).await?;
        reply::entries(found, after)
    }

    pub(in crate::bus) async fn take_query(
        &mut self,
        classes: &[Class],
        end: End,
        wait: Duration,
    ) -> Result<Option<Taken>, BusError> {
        let call = Call::Take(classes.to_vec(), end);
        // Before, not after: a query that was taken must not be lost to another question.
        self.look_at_clock(&call).await?;
        let found = self.answer(call, wait).await?;
        let now = self.clock.map_or(0, |(at, ms)| {
            ms.saturating_add(u64::try_from(at.elapsed().as_millis()).unwrap_or(u64::MAX))
        });
        reply::taken(found, now)
    }

    /// Asks Redis for its time, once a second. A wait that is under way goes on.
    async fn look_at_clock(&mut self, next: &Call) -> Result<(), BusError> {
        let waits = matches!(&self.under_way, Some((call, _)) if call == next);
        if waits || self.clock.is_some_and(|(at, _)| at.elapsed() < CLOCK_AGE) {
            return Ok(());
        }
        let time = self.answer(Call::Time, Duration::ZERO).await?;
        self.clock = Some((Instant::now(), reply::time_ms(time)?));
        Ok(())
    }

    async fn answer(&mut self, call: Call, wait: Duration) -> Result<Value, BusError> {
        let answer = match self.under_way.take() {
            Some((same, answer)) if same == call => answer,
            given_up => {
                if given_up.is_some() {
                    self.live = None;
                }
                ask(&self.client().await?, &call, wait)
            }
        };
        let answer = &mut self.under_way.insert((call, answer)).1;
        let answer = answer.as_mut().await.map_err(|error| failed(&error));
        self.under_way = None;
        if answer.as_ref().is_err_and(ends_connection) {
            self.live = None;
        }
        answer
    }

    async fn client(&mut self) -> Result<Client, BusError> {
        let started = Instant::now();
        loop {
            if let Some(live) = &self.live {
                return Ok(live.client.clone());
            }
            match self.address.open().await {
                Ok(live) => {
                    self.backoff.opened();
                    self.live = Some(live);
                }
                Err(reason) if started.elapsed() >= COMMAND_TIMEOUT => return Err(reason),
                Err(reason) => self.backoff.wait(&reason).await,
            }
        }
    }
}

/// After a time-out the old wait still blocks the connection. A master that became
/// a replica is no place to read from.
fn ends_connection(error: &BusError) -> bool {
    match error {
        BusError::Unreachable(_) => true,
        BusError::Refused(text) => text.starts_with("READONLY"),
        BusError::Malformed => false,
    }
}

/// Redis may stay silent for as long as it was told to wait, and little longer.
fn ask(client: &Client, call: &Call, wait: Duration) -> Answer {
    let client = client.with_options(&Options {
        timeout: Some(wait + COMMAND_TIMEOUT),
        max_attempts: Some(1),
        ..Options::default()
    });
    // To Redis, waiting for zero would mean for ever.
    let wait = Some(wait).filter(|wait| wait.as_millis() > 0);
    match call {
        Call::Read(after, count) => {
            let keys: Vec<String> = after.iter().map(|(p, _)| reply::stream(*p)).collect();
            let ids: Vec<String> = after.iter().map(|(_, id)| id.to_string()).collect();
            let (count, block) = (Some(*count), wait.map(milliseconds));
            Box::pin(async move { client.xread(count, block, keys, ids).await })
        }
        Call::Take(classes, end) => {
            let mut arguments = vec![classes.len().to_string()];
            arguments.extend(classes.iter().map(|class| queries(*class)));
            arguments.push(match end {
                End::Oldest => "RIGHT".to_owned(),
                End::Newest => "LEFT".to_owned(),
            });
            // Not fred's own: it reports "nothing came" as it reports a time-out.
            let command = match wait {
                None => CustomCommand::new_static("LMPOP", ClusterHash::FirstKey, false),
                Some(wait) => {
                    arguments.insert(0, wait.as_secs_f64().to_string());
                    CustomCommand::new_static("BLMPOP", ClusterHash::FirstKey, true)
                }
            };
            Box::pin(async move { client.custom(command, arguments).await })
        }
        Call::Time => {
            let command = CustomCommand::new_static("TIME", ClusterHash::FirstKey, false);
            Box::pin(async move { client.custom(command, Vec::<Value>::new()).await })
        }
    }
}

fn milliseconds(wait: Duration) -> u64 {
    u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)
}
