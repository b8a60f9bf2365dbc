//! Connections: how one is opened, and one that is opened again whenever it ends.
//!
//! A fred client lives here for exactly one connection. fred's own reconnecting
//! is off: it repeats commands that were under way and queues without a bound,
//! and an `XADD` must never run twice.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use fred::{
    interfaces::ClientLike,
    prelude::{Builder, Client, Config, Error, ServerConfig},
    types::{ConnectHandle, RespVersion},
};
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore, watch},
    time::{Instant, sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{BusError, reply::failed};
use crate::tls;

/// How long a command may take.
pub(super) const COMMAND_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a command waits for a connection while there is none.
const LINK_WAIT: Duration = Duration::from_secs(1);
/// How long opening a connection may take, with TLS and signing in.
const OPEN_TIMEOUT: Duration = Duration::from_secs(4);
/// How often an open connection is tried, and how often in vain until it is given up.
const PING_INTERVAL: Duration = Duration::from_secs(1);
const PING_FAILURES: u32 = 2;
/// How often it is said that Redis is out of reach.
const COMPLAINT_INTERVAL: Duration = Duration::from_secs(10);
/// A connection that lived this long was a good one.
const STABLE: Duration = Duration::from_secs(5);
/// How many commands, and how many of their bytes, are under way at once per link.
const MAX_COMMANDS: usize = 50_000;
const MAX_BYTES: u32 = 128 * 1024 * 1024;

/// Where Redis is, and how clients talk to it.
pub(super) struct Address {
    config: Config,
    /// How often a connection was opened: each attempt asks another Sentinel first. One that stands
    /// still takes connections and never answers, and fred would ask it alone, again and again.
    attempts: AtomicUsize,
}

impl Address {
    /// Understands a URL. Errors never hold it: it may hold a password.
    pub(super) fn parse(url: &str) -> Result<Self, BusError> {
        tls::install_provider();
        let mut config = Config::from_url(url)
            .map_err(|error| BusError::Refused(format!("its URL is wrong: {}", error.details())))?;
        if matches!(config.server, ServerConfig::Clustered { .. }) {
            // Reads span streams of many slots: a cluster needs a reader per node.
            let reason = "Redis Cluster is not supported";
            return Err(BusError::Refused(reason.to_owned()));
        }
        config.version = RespVersion::RESP3;
        Ok(Self {
            config,
            attempts: AtomicUsize::new(0),
        })
    }

    /// The configuration of the next attempt.
    fn next_config(&self) -> Config {
        let mut config = self.config.clone();
        if let ServerConfig::Sentinel { hosts, .. } = &mut config.server
            && !hosts.is_empty()
        {
            let first = self.attempts.fetch_add(1, Ordering::Relaxed) % hosts.len();
            hosts.rotate_left(first);
        }
        config
    }

    /// What all clients have in common: one connection, no second attempts.
    pub(super) fn builder(&self) -> Builder {
        let mut builder = Builder::from_config(self.next_config());
        builder.with_performance_config(|performance| {
            performance.default_command_timeout = COMMAND_TIMEOUT;
        });
        builder.with_connection_config(|connection| {
            connection.connection_timeout = Duration::from_secs(2);
            connection.internal_command_timeout = Duration::from_secs(2);
            connection.max_command_attempts = 1;
            connection.max_command_buffer_len = 2 * MAX_COMMANDS;
            // No keepalive: pings and time limits notice a silent peer sooner.
            connection.tcp.nodelay = Some(true);
        });
        builder
    }

    /// Opens a connection for commands.
    pub(super) async fn open(&self) -> Result<Live<Client>, BusError> {
        Live::open(self.builder().build().map_err(|error| failed(&error))?).await
    }
}

/// A client with its connection; dropping it closes the connection and fails
/// what is under way.
pub(super) struct Live<C> {
    pub(super) client: C,
    task: ConnectHandle,
}

impl<C: ClientLike> Live<C> {
    /// Connects a client.
    pub(super) async fn open(client: C) -> Result<Self, BusError> {
        let task = client.connect();
        let mut live = Self { client, task };
        let client = live.client.clone();
        let connected = async {
            tokio::select! {
                connected = client.wait_for_connect() => connected.map_err(|error| failed(&error)),
                reason = live.ended() => Err(reason),
            }
        };
        match timeout(OPEN_TIMEOUT, connected).await {
            Ok(Ok(())) => Ok(live),
            Ok(Err(reason)) => Err(reason),
            Err(_elapsed) => Err(BusError::Unreachable("no answer to hello".to_owned())),
        }
    }

    /// Waits until the connection ends by itself.
    pub(super) async fn ended(&mut self) -> BusError {
        match (&mut self.task).await {
            Ok(Err(error)) => failed(&error),
            Ok(Ok(())) | Err(_) => BusError::Unreachable("the connection was closed".to_owned()),
        }
    }
}

impl<C> Drop for Live<C> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Returns when Redis no longer answers on an open connection.
pub(super) async fn wait_until_silent<C: ClientLike>(client: &C) -> BusError {
    let mut failures = 0;
    loop {
        sleep(PING_INTERVAL).await;
        match barrier(client).await {
            // An error is an answer too.
            Ok(()) | Err(BusError::Refused(_) | BusError::Malformed) => failures = 0,
            Err(reason) => {
                failures += 1;
                if failures == PING_FAILURES {
                    return reason;
                }
            }
        }
    }
}

/// Returns when Redis has done all that was sent before on this connection.
pub(super) async fn barrier<C: ClientLike>(client: &C) -> Result<(), BusError> {
    let ping = client.ping::<fred::types::Value>(None);
    match timeout(COMMAND_TIMEOUT, ping).await {
        Ok(pong) => pong.map(drop).map_err(|error| failed(&error)),
        Err(_elapsed) => Err(BusError::Unreachable("no answer to a ping".to_owned())),
    }
}

/// Waits longer and longer, and says so from time to time.
pub(super) struct Backoff {
    what: &'static str,
    wait_ms: u64,
    complained: Option<Instant>,
    opened: Option<Instant>,
}

impl Backoff {
    const SHORTEST_MS: u64 = 50;
    const LONGEST_MS: u64 = 2000;

    pub(super) const fn new(what: &'static str) -> Self {
        Self {
            what,
            wait_ms: Self::SHORTEST_MS,
            complained: None,
            opened: None,
        }
    }

    /// A connection was opened.
    pub(super) fn opened(&mut self) {
        tracing::debug!(link = self.what, "connected to redis");
        if self.complained.take().is_some() {
            tracing::info!(link = self.what, "connected to redis again");
        }
        self.opened = Some(Instant::now());
    }

    /// Waits before the next attempt: 50 ms, then twice as long each time up to two
    /// seconds, and less by chance so that a fleet does not return in step.
    pub(super) async fn wait(&mut self, reason: &BusError) {
        // One that ended at once was no success: a replica in place of a master.
        if self.opened.take().is_some_and(|at| at.elapsed() >= STABLE) {
            self.wait_ms = Self::SHORTEST_MS;
        }
        let due = self
            .complained
            .is_none_or(|at| at.elapsed() >= COMPLAINT_INTERVAL);
        if due {
            self.complained = Some(Instant::now());
            tracing::warn!(link = self.what, %reason, "no connection to redis, still trying");
        }
        let random = u64::from(getrandom::u32().unwrap_or_default());
        let half = self.wait_ms / 2;
        sleep(Duration::from_millis(half + random % (half + 1))).await;
        self.wait_ms = (self.wait_ms * 2).min(Self::LONGEST_MS);
    }
}

/// A connection that is opened again whenever it ends or Redis falls silent.
pub(super) struct Link {
    current: watch::Receiver<Option<Client>>,
    reset: Arc<Notify>,
    commands: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
}

/// A client with room for one command.
pub(super) struct Turn {
    pub(super) client: Client,
    _command: OwnedSemaphorePermit,
    _bytes: OwnedSemaphorePermit,
}

impl Link {
    /// Starts a link that lives until `stop`.
    pub(super) fn start(
        what: &'static str,
        address: Arc<Address>,
        tasks: &TaskTracker,
        stop: CancellationToken,
    ) -> Self {
        let (sender, current) = watch::channel(None);
        let reset = Arc::new(Notify::new());
        let keeper = keep_connected(what, address, sender, Arc::clone(&reset));
        tasks.spawn(async move { stop.run_until_cancelled(keeper).await });
        Self {
            current,
            reset,
            commands: Arc::new(Semaphore::new(MAX_COMMANDS)),
            bytes: Arc::new(Semaphore::new(MAX_BYTES as usize)),
        }
    }

    /// Waits without end for a connection.
    pub(super) async fn opened(&self) {
        let mut current = self.current.clone();
        // An error means that the link was stopped: then nobody waits any more.
        let _stopped = current.wait_for(Option::is_some).await;
    }

    /// Room for a command of this size. When too much is under way it fails at
    /// once: a queue here would only delay what will time out anyway.
    pub(super) async fn acquire_turn(&self, bytes: usize) -> Result<Turn, BusError> {
        let full = |_| BusError::Unreachable("too many commands are under way".to_owned());
        let bytes = u32::try_from(bytes).unwrap_or(MAX_BYTES).min(MAX_BYTES);
        let command = Arc::clone(&self.commands)
            .try_acquire_owned()
            .map_err(full)?;
        let bytes = Arc::clone(&self.bytes)
            .try_acquire_many_owned(bytes)
            .map_err(full)?;
        Ok(Turn {
            client: self.client().await?,
            _command: command,
            _bytes: bytes,
        })
    }

    async fn client(&self) -> Result<Client, BusError> {
        if let Some(client) = self.current.borrow().as_ref() {
            return Ok(client.clone());
        }
        let mut current = self.current.clone();
        let opened = timeout(LINK_WAIT, current.wait_for(Option::is_some)).await;
        let client = opened
            .ok()
            .and_then(Result::ok)
            .and_then(|client| client.clone());
        client.ok_or_else(|| BusError::Unreachable("there is no connection".to_owned()))
    }

    /// Ends the connection; another one is opened.
    pub(super) fn reset(&self) {
        self.reset.notify_one();
    }

    /// Turns fred's error into ours. Looks for the master again when this one says
    /// that it is none.
    pub(super) fn failed(&self, error: &Error) -> BusError {
        let error = failed(error);
        if matches!(&error, BusError::Refused(text) if text.starts_with("READONLY")) {
            self.reset();
        }
        error
    }
}

/// What asked for a reset while there was no connection meant none that opens later.
pub(super) fn forget_reset(reset: &Notify) {
    pin!(reset.notified()).enable();
}

async fn keep_connected(
    what: &'static str,
    address: Arc<Address>,
    current: watch::Sender<Option<Client>>,
    reset: Arc<Notify>,
) {
    let mut backoff = Backoff::new(what);
    loop {
        let reason = match address.open().await {
            Ok(mut live) => {
                backoff.opened();
                forget_reset(&reset);
                let client = live.client.clone();
                current.send_replace(Some(client.clone()));
                let reason = tokio::select! {
                    reason = live.ended() => reason,
                    reason = wait_until_silent(&client) => reason,
                    () = reset.notified() => BusError::Unreachable("it is no master, or not ours".to_owned()),
                };
                current.send_replace(None);
                reason
            }
            Err(reason) => reason,
        };
        backoff.wait(&reason).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_attempt_asks_another_sentinel_first() {
        let url = "redis-sentinel://:secret@a:1?node=b:2&node=c:3&sentinelServiceName=confab";
        let address = Address::parse(url).unwrap();
        let first = || match address.next_config().server {
            ServerConfig::Sentinel { hosts, .. } => hosts.first().unwrap().port,
            other => panic!("{other:?}"),
        };
        let [one, two, three, four] = [first(), first(), first(), first()];
        assert!(one != two && two != three && three != one && four == one);
    }
}
