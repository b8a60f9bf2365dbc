//! Waiting for entries and queries, on a connection that nobody else uses.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use fred::{
    interfaces::{ClientLike, ListInterface, StreamsInterface},
    prelude::{Client, Options},
    types::{ClusterHash, CustomCommand, Value},
};
use tokio::time::{Instant, sleep};

use super::{
    BusError, QUERIES, StreamEntry, StreamId,
    link::{Address, COMMAND_TIMEOUT, Live, Patience},
    reply::{self, failed},
};
use crate::ids::Partition;

/// Opens its connection on first use, and anew after each failure. It is also
/// closed when a call is dropped half-way, so an old wait never delays a new one.
pub(in crate::bus) struct Reader {
    address: Arc<Address>,
    live: Option<Live<Client>>,
}

impl Reader {
    pub(super) const fn new(address: Arc<Address>) -> Self {
        Self {
            address,
            live: None,
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
        let live = self.live().await?;
        let keys: Vec<String> = after.iter().map(|(p, _)| reply::stream(*p)).collect();
        let ids: Vec<String> = after.iter().map(|(_, id)| id.to_string()).collect();
        // To Redis, zero would mean for ever.
        let block = Some(milliseconds(wait)).filter(|wait| *wait > 0);
        let client = live.client.with_options(&patient(wait));
        let found = client.xread::<Value, _, _>(Some(count), block, keys, ids);
        let found = found.await.map_err(|error| failed(&error));
        let found = self.keep_unless_lost(live, found)?;
        reply::entries(found, after)
    }

    /// Dropped half-way, it may take a query that nobody answers then: whoever asked
    /// gives up at the deadline. So only end a program in it.
    pub(in crate::bus) async fn take(&mut self, wait: Duration) -> Result<Option<Bytes>, BusError> {
        let live = self.live().await?;
        let client = live.client.with_options(&patient(wait));
        let found: Result<Value, _> = if wait.is_zero() {
            client.rpop(QUERIES, None).await
        } else {
            // Not fred's own: it reports "nothing came" as it reports a time-out.
            let command = CustomCommand::new_static("BRPOP", ClusterHash::FirstKey, true);
            let arguments = vec![QUERIES.to_owned(), wait.as_secs_f64().to_string()];
            client.custom(command, arguments).await
        };
        let found = found.map_err(|error| failed(&error));
        let found = self.keep_unless_lost(live, found)?;
        let query = match found {
            Value::Null => return Ok(None),
            // The name of the list, then the query.
            Value::Array(mut pair) => pair.pop().unwrap_or(Value::Null),
            query => query,
        };
        reply::bytes(query).map(Some).ok_or(BusError::Malformed)
    }

    /// Takes the connection out; it comes back when the call ended well.
    async fn live(&mut self) -> Result<Live<Client>, BusError> {
        if let Some(live) = self.live.take() {
            return Ok(live);
        }
        let started = Instant::now();
        let mut patience = Patience::new("reader");
        loop {
            match self.address.open().await {
                Ok(live) => return Ok(live),
                Err(reason) if started.elapsed() >= COMMAND_TIMEOUT => return Err(reason),
                Err(reason) => patience.wait(&reason).await,
            }
        }
    }

    fn keep_unless_lost<T>(
        &mut self,
        live: Live<Client>,
        found: Result<T, BusError>,
    ) -> Result<T, BusError> {
        let lost = match &found {
            Ok(_) | Err(BusError::Malformed) => false,
            Err(BusError::Unreachable(_)) => true,
            // A master that became a replica: look for the new one.
            Err(BusError::Refused(text)) => text.starts_with("READONLY"),
        };
        if !lost {
            self.live = Some(live);
        }
        found
    }
}

/// Redis may stay silent for as long as it was told to wait, but no longer.
fn patient(wait: Duration) -> Options {
    Options {
        timeout: Some(wait + COMMAND_TIMEOUT),
        max_attempts: Some(1),
        ..Options::default()
    }
}

fn milliseconds(wait: Duration) -> u64 {
    u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)
}
