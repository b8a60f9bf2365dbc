//! Waiting for entries and queries, on a connection that nobody else uses.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use bytes::Bytes;
use fred::{
    interfaces::{ClientLike, ListInterface, StreamsInterface},
    prelude::{Client, Error, Options},
    types::{ClusterHash, CustomCommand, Value},
};
use tokio::time::{Instant, sleep};

use super::{
    BusError, QUERIES, StreamEntry, StreamId,
    link::{Address, COMMAND_TIMEOUT, Live, Patience},
    reply::{self, failed},
};
use crate::ids::Partition;

/// Opens its connection on first use, and anew after each failure.
///
/// A call may be dropped half-way: the same call goes on where it was, so no query
/// is taken in vain. Another call gives the old one up, with its connection.
pub(in crate::bus) struct Reader {
    address: Arc<Address>,
    live: Option<Live<Client>>,
    patience: Patience,
    under_way: Option<(Call, Answer)>,
}

type Answer = Pin<Box<dyn Future<Output = Result<Value, Error>> + Send>>;

#[derive(Clone, PartialEq, Eq)]
enum Call {
    Read(Vec<(Partition, StreamId)>, u64),
    Take,
}

impl Reader {
    pub(super) const fn new(address: Arc<Address>) -> Self {
        Self {
            address,
            live: None,
            patience: Patience::new("reader"),
            under_way: None,
        }
    }

    pub(in crate::bus) async fn read(
        &mut self,
        after: &[(Partition, StreamId)],
        count: u64,
        wait: Duration,
    ) -> Result<Vec<StreamEntry>, BusError> {
        if after.is_empty() {
            // Nothing can come; whoever asks in a loop must not spin.
            sleep(wait).await;
            return Ok(Vec::new());
        }
        let found = self.answer(Call::Read(after.to_vec(), count), wait).await?;
        reply::entries(found, after)
    }

    pub(in crate::bus) async fn take(&mut self, wait: Duration) -> Result<Option<Bytes>, BusError> {
        let query = match self.answer(Call::Take, wait).await? {
            Value::Null => return Ok(None),
            // The name of the list, then the query.
            Value::Array(mut pair) => pair.pop().unwrap_or(Value::Null),
            query => query,
        };
        reply::bytes(query).map(Some).ok_or(BusError::Malformed)
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
                    self.patience.opened();
                    self.live = Some(live);
                }
                Err(reason) if started.elapsed() >= COMMAND_TIMEOUT => return Err(reason),
                Err(reason) => self.patience.wait(&reason).await,
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
        Call::Take => Box::pin(async move {
            let Some(wait) = wait else {
                return client.rpop(QUERIES, None).await;
            };
            // Not fred's own: it reports "nothing came" as it reports a time-out.
            let command = CustomCommand::new_static("BRPOP", ClusterHash::FirstKey, true);
            let arguments = vec![QUERIES.to_owned(), wait.as_secs_f64().to_string()];
            client.custom(command, arguments).await
        }),
    }
}

fn milliseconds(wait: Duration) -> u64 {
    u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)
}
