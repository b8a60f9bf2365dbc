//! How a step of a session is done.

use std::{sync::Arc, time::Duration};

use shared::{
    close::CloseCode,
    error::{Reason, Refusal},
    frame::{ServerFrame, WebSocketKind, opcode, websocket},
    ids::ServerId,
    protocol::{
        Request as _,
        control::{Heartbeat, Hello},
        decode,
        presence::{MemberPresence, Presences, WatchPresences},
    },
};
use tokio::time::Instant;

use super::{ResumePoint, Step, context::SessionContext};
use crate::{
    connection::Connection,
    delivery::message::{Close, ToShard},
    dialect::request::Request,
    presence::{ToPresence, Watching},
    requests::{
        entries::Asker,
        quotas::{What, Who},
        token_cache::Known,
    },
};

/// The close code of a client that does not mean to come back: that of RFC 6455 for who is done.
const GOODBYE: u16 = 1_000;

impl SessionContext {
    /// Sends the first frame of a connection.
    pub async fn send_hello(&self, connection: &Connection) {
        let hello = Hello {
            node: self.node.clone(),
            heartbeat_ms: u64::try_from(self.config.heartbeat.as_millis()).unwrap_or(u64::MAX),
            max_frame_bytes: self.max_frame_bytes as u64,
        };
        let frame = connection.dialect.control(opcode::HELLO, &hello);
        self.shards.send_frames(connection, vec![frame]).await;
    }

    /// Does one step; says how long the connection is not to be read, if not at once.
    pub async fn do_step(
        self: &Arc<Self>,
        connection: &Arc<Connection>,
        step: Step,
    ) -> Option<Duration> {
        match step {
            Step::Command(request) | Step::Query(request) => {
                return self.send_request(connection, request).await;
            }
            Step::Open { token, resume } => self.try_opening(connection, token, resume).await,
            Step::Heartbeat(number, idle) => {
                // Before there is a session it is kept until there is one.
                if idle.is_some_and(|idle| connection.set_idle(idle))
                    && connection.caller().is_some()
                {
                    Box::pin(self.tell_idle(connection)).await;
                }
                let heartbeat = Heartbeat { number, idle: None };
                let frame = connection.dialect.control(opcode::HEARTBEAT, &heartbeat);
                self.shards.send_frames(connection, vec![frame]).await;
            }
            Step::Ping => {
                self.send_websocket(connection, WebSocketKind::Ping, &[])
                    .await;
            }
            Step::Pong(bytes) => {
                self.send_websocket(connection, WebSocketKind::Pong, &bytes)
                    .await;
            }
            Step::Refuse(request, refusal) => {
                self.shards
                    .refuse_request(connection, request, &refusal)
                    .await;
            }
            Step::Close(code) => {
                self.end_session(connection, code).await;
            }
            Step::Closed(code) => {
                if code == Some(GOODBYE) {
                    Box::pin(self.say_ended(connection.id, true)).await;
                }
                self.shards
                    .close_connection(connection, Close::Echo(code))
                    .await;
            }
        }
        None
    }

    async fn send_websocket(&self, connection: &Connection, kind: WebSocketKind, payload: &[u8]) {
        let frame = websocket(kind, payload).into();
        self.shards.send_frames(connection, vec![frame]).await;
    }

    async fn send_request(
        self: &Arc<Self>,
        connection: &Arc<Connection>,
        request: Request,
    ) -> Option<Duration> {
        let who = connection
            .caller()
            .map_or(Who::Stranger, |caller| Who::Account(caller.user));
        let what = What::with(request.opcode);
        let quotas = &self.requests.quotas;
        let number = request.request;
        let sent = match quotas.admit_request(who, what, connection.address, Instant::now()) {
            Ok(()) if request.opcode < opcode::FIRST_ANY => {
                self.send_command(connection, request).await
            }
            Ok(()) => self.start_query(connection, request),
            Err(refusal) => {
                let shards = &self.shards;
                shards.refuse_request(connection, number, &refusal).await;
                return refusal.retry_after.map(Duration::from_millis);
            }
        };
        if let Err(refusal) = sent {
            let shards = &self.shards;
            shards.refuse_request(connection, number, &refusal).await;
        }
        None
    }

    async fn try_opening(
        self: &Arc<Self>,
        connection: &Arc<Connection>,
        token: String,
        resume: Option<ResumePoint>,
    ) {
        if let Err(code) = self.check_opening(connection, &token) {
            self.end_session(connection, code).await;
            return;
        }
        self.start_opening(connection, token, resume);
    }

    /// Says that the session of a connection is over, and whether its client is done. Who said so
    /// once has ended.
    pub async fn say_ended(&self, connection_id: u64, goodbye: bool) {
        let ended = ToPresence::Ended(connection_id, goodbye);
        self.presence.tell(ended).await;
    }

    /// Says that somebody uses the device of a connection, or nobody does any more.
    async fn tell_idle(&self, connection: &Arc<Connection>) {
        let message = ToPresence::Idle(Arc::clone(connection));
        self.presence.tell(message).await;
    }

    /// Whether a worker has to be asked about a token.
    fn check_opening(&self, connection: &Connection, token: &str) -> Result<(), CloseCode> {
        // What no worker of this cluster made, none has to look at.
        let claim = self.requests.entries.check_token(token);
        let claim = claim.ok_or(CloseCode::Unauthenticated)?;
        let now = Instant::now();
        if self.requests.token_cache.find_known(token, now) == Some(Known::OpensNothing) {
            return Err(CloseCode::Unauthenticated);
        }
        // Whether the session is open, nobody knows yet: so its owner pays nothing.
        let who = Who::Session(claim.session);
        let admitted =
            self.requests
                .quotas
                .admit_request(who, What::Other, connection.address, now);
        admitted.map_err(|_refusal| CloseCode::OutOfSync)
    }

    async fn send_command(
        &self,
        connection: &Arc<Connection>,
        request: Request,
    ) -> Result<(), Refusal> {
        let caller = connection.caller().ok_or(Reason::Unauthenticated)?;
        self.requests
            .commands
            .send_command(connection, caller, request)
            .await
    }

    /// Asks in a task of its own: an answer that takes long must not keep the
    /// session from being read.
    fn start_query(
        self: &Arc<Self>,
        connection: &Arc<Connection>,
        request: Request,
    ) -> Result<(), Refusal> {
        let (number, opcode) = (request.request, request.opcode);
        let pending = connection.add_query(number, self.requests.commands.max_pending())?;
        let (context, connection) = (Arc::clone(self), Arc::clone(connection));
        self.tasks.spawn(async move {
            let asker = Asker {
                connection_id: connection.id,
                caller: connection.caller().cloned(),
                address: connection.address,
            };
            let watched = watched_server(&request);
            if watched.is_some() {
                // Only who hears a server's topic hears who leaves it.
                drop(connection.attaching.acquire().await);
            }
            let asked = Instant::now();
            let answer = context.requests.queries.ask_worker(asker, request).await;
            drop(pending);
            let members = match (&answer, watched) {
                (Ok(payload), Some(server)) => read_members(payload).map(|it| (server, it)),
                _ => None,
            };
            match (answer, members) {
                (Ok(payload), Some((server, members))) => {
                    let watching = Watching {
                        connection: Arc::clone(&connection),
                        server,
                        opcode,
                        request: number,
                        payload,
                        members,
                        asked,
                    };
                    let message = ToPresence::Watch(Box::new(watching));
                    context.presence.tell(message).await;
                }
                (Ok(payload), None) => {
                    let message = ToShard::Reply {
                        connection_id: connection.id,
                        opcode,
                        request: number,
                        payload,
                    };
                    context.shards.tell(connection.shard, message).await;
                }
                (Err(refusal), _) => {
                    context
                        .shards
                        .refuse_request(&connection, number, &refusal)
                        .await;
                }
            }
        });
        Ok(())
    }
}

/// The server of a request to watch.
fn watched_server(request: &Request) -> Option<ServerId> {
    (request.opcode == WatchPresences::ROW.opcode)
        .then(|| ServerId::new(request.scope))
        .flatten()
}

/// What a worker answered to who watches; none for a refusal. The one reply that a gateway
/// reads: it says who may be watched.
fn read_members(payload: &[u8]) -> Option<Vec<MemberPresence>> {
    match ServerFrame::read(payload)? {
        ServerFrame::Reply { body, .. } => Some(decode::<Presences>(body).ok()?.members),
        _ => None,
    }
}
