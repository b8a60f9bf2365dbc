//! A client of the cluster: typed requests, a dense stream of events, and a
//! session that outlives its gateway.
//!
//! - [`link`] is one WebSocket, [`incoming`] what it carries;
//! - [`places`] knows where the client stands, and the rule that nothing is missing;
//! - [`log`] keeps what it saw, [`backoff`] says when it tries again;
//! - `driver` is the task that keeps one session alive.

pub mod backoff;
mod driver;
pub mod incoming;
pub mod link;
pub mod liveness;
pub mod log;
pub mod places;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use shared::{
    error::Refusal,
    protocol::{
        self, Request, Row, RowKind,
        control::Ready,
        message::{Message, MessageCreated},
    },
};
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinSet,
    time::Instant,
};

use self::{
    driver::{Call, Driver, Order},
    link::Ended,
    log::{Log, Seen},
    places::Places,
};

/// Orders that may wait for the driver; a caller beyond them waits itself.
const MAX_ORDERS: usize = 256;

/// How long after its deadline a call without an answer is given up.
const GRACE: Duration = Duration::from_millis(500);

/// Why a call has no reply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The cluster said no.
    #[error("refused: {0}")]
    Refused(Refusal),
    /// The session ended for good, or the request cannot be repeated.
    #[error("disconnected")]
    Disconnected,
    /// The only link ended, of a caller that takes no other.
    #[error(transparent)]
    Ended(#[from] Ended),
    /// Nobody can say whether it took effect.
    #[error("timed out")]
    TimedOut,
    /// The reply has not the form that the protocol says.
    #[error("the reply is malformed")]
    Malformed,
}

impl CallError {
    /// The refusal, if it was one.
    pub const fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }
}

/// How the session stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// On its way to a gateway.
    Connecting,
    /// On this gateway.
    Open(String),
    /// Over, with this close code if with any.
    Closed(Option<u16>),
}

/// What a client may be told to do otherwise.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long a call is repeated before it is given up.
    pub patience: Duration,
    /// The receive buffer of the socket, in bytes.
    pub receive_buffer: Option<u32>,
    /// Heartbeats more often than the gateway asks for, to notice a frozen one soon.
    pub heartbeat: Option<Duration>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            patience: Duration::from_secs(20),
            receive_buffer: None,
            heartbeat: None,
        }
    }
}

/// A client. It connects by itself, and again whenever the connection ends;
/// dropping it ends the session.
#[derive(Debug)]
pub struct Client {
    shared: Arc<Shared>,
    orders: mpsc::Sender<Order>,
    options: Options,
    driver: JoinSet<()>,
}

#[derive(Debug)]
struct Shared {
    log: Log,
    places: Mutex<Places>,
    ready: Mutex<Option<Ready>>,
    status: watch::Sender<Status>,
}

impl Shared {
    fn places(&self) -> MutexGuard<'_, Places> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ready(&self) -> MutexGuard<'_, Option<Ready>> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Client {
    /// A client of these gateways, tried in turn.
    pub fn connect(gateways: Vec<String>, options: Options) -> Self {
        let (orders, inbox) = mpsc::channel(MAX_ORDERS);
        let shared = Arc::new(Shared {
            log: Log::default(),
            places: Mutex::default(),
            ready: Mutex::default(),
            status: watch::Sender::new(Status::Connecting),
        });
        let mut driver = JoinSet::new();
        driver.spawn(Driver::new(Arc::clone(&shared), gateways, options.clone(), inbox).run());
        Self {
            shared,
            orders,
            options,
            driver,
        }
    }

    /// Opens the session of `token`; from here on it is kept open.
    pub async fn identify(&self, token: &str) -> Result<Ready, CallError> {
        let (done, opened) = oneshot::channel();
        self.order(Order::Identify {
            token: token.to_owned(),
            done,
        })
        .await?;
        self.within_patience(opened).await?
    }

    /// Sends a request and waits for its reply. What was not decided, because
    /// the connection ended or the cluster could not say, is repeated with the
    /// same nonce until it is or patience ends.
    pub async fn call<R: Request>(&self, scope: u64, request: &R) -> Result<R::Reply, CallError> {
        let body = self.ask(&R::ROW, scope, protocol::encode(request)).await?;
        protocol::decode_told(&body).map_err(|_refusal| CallError::Malformed)
    }

    /// Sends an encoded request and answers with the encoded reply.
    pub async fn ask(&self, row: &Row, scope: u64, body: Vec<u8>) -> Result<Vec<u8>, CallError> {
        let (done, reply) = oneshot::channel();
        let deadline = Instant::now() + self.options.patience;
        self.order(Order::Call(Call {
            opcode: row.opcode,
            scope,
            body,
            // A signal has no nonce: repeating it might tell twice.
            repeat: row.kind != RowKind::Signal,
            deadline,
            done,
        }))
        .await?;
        // The driver keeps the deadline, except while it is between two gateways.
        tokio::time::timeout_at(deadline + GRACE, reply)
            .await
            .map_err(|_elapsed| CallError::TimedOut)?
            .map_err(|_dropped| CallError::Disconnected)?
    }

    async fn order(&self, order: Order) -> Result<(), CallError> {
        self.within_patience(self.orders.send(order)).await
    }

    /// Waits for what fails only when the session is over.
    async fn within_patience<T, E>(
        &self,
        wait: impl Future<Output = Result<T, E>>,
    ) -> Result<T, CallError> {
        tokio::time::timeout(self.options.patience, wait)
            .await
            .map_err(|_elapsed| CallError::TimedOut)?
            .map_err(|_over| CallError::Disconnected)
    }

    /// Drops the connection without a word, as a crash would, and resumes on
    /// `gateway`, or on the next one of the list.
    pub async fn resume_on(&self, gateway: Option<&str>) -> Result<(), CallError> {
        self.order(Order::Move(gateway.map(str::to_owned))).await
    }

    /// Stops or goes on reading from the socket; a client that does not read
    /// is a slow consumer.
    pub async fn read(&self, reading: bool) -> Result<(), CallError> {
        self.order(Order::Read(reading)).await
    }

    /// Says whether nobody uses this device now; a connection that comes later says so first.
    pub async fn set_idle(&self, idle: bool) -> Result<(), CallError> {
        self.order(Order::Idle(idle)).await
    }

    /// What the client saw.
    pub fn log(&self) -> &Log {
        &self.shared.log
    }

    /// Whether the connection ever ended.
    pub fn was_lost(&self) -> bool {
        let log = self.log().since(0);
        log.iter().any(|seen| matches!(seen, Seen::Lost { .. }))
    }

    /// Waits until the session is told of a message with this text, or finds it among those
    /// that it was told of.
    pub async fn sees_message(&self, text: &str, patience: Duration) -> Option<Message> {
        let message = |seen: &Seen| {
            let created = seen.event::<MessageCreated>()?;
            (created.message.content == text).then_some(created.message)
        };
        self.log().wait(0, patience, message).await
    }

    /// How the session stands.
    pub fn status(&self) -> watch::Receiver<Status> {
        self.shared.status.subscribe()
    }

    /// Waits until the session stands as `wanted` says.
    pub async fn until(&self, wanted: impl FnMut(&Status) -> bool) -> Result<Status, CallError> {
        let mut status = self.status();
        let found = self.within_patience(status.wait_for(wanted)).await?;
        Ok(found.clone())
    }

    /// What the gateway last said when the session opened.
    pub fn ready(&self) -> Option<Ready> {
        self.shared.ready().clone()
    }

    /// The place in a topic.
    pub fn place(&self, topic: u64) -> Option<u64> {
        self.shared.places().get(topic)
    }

    /// The rules of the stream that gateways broke.
    pub fn violations(&self) -> Vec<String> {
        self.shared.places().violations().to_vec()
    }

    /// Says that nobody comes back, and ends.
    pub async fn say_goodbye(self) {
        if self.order(Order::Goodbye).await.is_ok() {
            let closed = self.until(|status| matches!(status, Status::Closed(_)));
            drop(closed.await);
        }
        self.close().await;
    }

    /// Ends the session's task and waits for it.
    pub async fn close(mut self) {
        self.driver.shutdown().await;
    }
}
