//! The task that keeps one session alive, whatever happens to its gateways.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use shared::{
    close::CloseCode,
    error::{Reason, Refusal},
    frame::{Frame, opcode},
    protocol::{
        self, Event,
        control::{
            Cursor, Gap, Heartbeat, Hello, Identify, Ready, Reconnect, Resume, Sight, TopicSeq,
        },
        server::{ServerJoined, ServerLeft},
    },
    wire::Wire,
};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, MissedTickBehavior, interval, sleep},
};
use tokio_tungstenite::tungstenite::Message;

use super::{
    CallError, Options, Shared, Status, backoff,
    incoming::Incoming,
    link::{Dialect, Ended, GOODBYE, Link},
    liveness::{HEARTBEATS, answer_patience},
    log::Seen,
};
use crate::random::{Random, entropy};

/// Requests under way; beyond them callers wait.
const MAX_PENDING: usize = 1_024;
/// How often deadlines and repeats are looked at.
const TICK: Duration = Duration::from_millis(25);
/// A session that is not open after this time is tried elsewhere.
const OPENING: Duration = Duration::from_secs(10);
/// Silent heartbeats after which a gateway counts as frozen or gone, if that is sooner.
const MISSED_HEARTBEATS: u32 = 3;

/// What the client asks of its driver.
#[derive(Debug)]
pub(super) enum Order {
    Call(Call),
    Identify {
        token: String,
        done: oneshot::Sender<Result<Ready, CallError>>,
    },
    Move(Option<String>),
    Read(bool),
    Idle(bool),
    Goodbye,
}

/// A request under way.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) opcode: u16,
    pub(super) scope: u64,
    pub(super) body: Vec<u8>,
    pub(super) repeat: bool,
    pub(super) deadline: Instant,
    pub(super) done: oneshot::Sender<Result<Vec<u8>, CallError>>,
}

struct Pending {
    call: Call,
    sent: bool,
    attempts: u32,
    again_at: Option<Instant>,
}

/// Why the driver leaves a link.
enum Leave {
    /// For another gateway, after a wait that grows.
    Lost,
    /// For this gateway, or the next one, at once.
    Move(Option<String>),
    /// For good.
    Closed(u16),
    /// The client was dropped.
    Dropped,
}

pub(super) struct Driver {
    shared: Arc<Shared>,
    gateways: Vec<String>,
    at: usize,
    options: Options,
    orders: mpsc::Receiver<Order>,
    pending: BTreeMap<u32, Pending>,
    last_request: u32,
    token: Option<String>,
    identifying: Option<oneshot::Sender<Result<Ready, CallError>>>,
    epoch: Option<String>,
    reading: bool,
    /// Nobody uses this device.
    idle: bool,
    random: Random,
}

/// One link and how far its session has come.
struct Session {
    link: Link,
    open: bool,
    greeted: bool,
    resuming: bool,
    heartbeat: Option<Duration>,
    beat_at: Instant,
    /// How long a heartbeat may stay without an answer.
    patience: Duration,
    /// When the first one was sent that nothing was heard after.
    unanswered: Option<Instant>,
    number: u64,
    leave_at: Option<Instant>,
    since: Instant,
}

impl Driver {
    pub(super) fn new(
        shared: Arc<Shared>,
        gateways: Vec<String>,
        options: Options,
        orders: mpsc::Receiver<Order>,
    ) -> Self {
        Self {
            shared,
            gateways,
            at: 0,
            options,
            orders,
            pending: BTreeMap::new(),
            last_request: 0,
            token: None,
            identifying: None,
            epoch: None,
            reading: true,
            idle: false,
            random: Random::new(entropy()),
        }
    }

    pub(super) async fn run(mut self) {
        let mut attempt = 0;
        loop {
            let Some(gateway) = self.gateways.get(self.at).cloned() else {
                return self.end(None);
            };
            self.shared.status.send_replace(Status::Connecting);
            let socket = (None, self.options.receive_buffer);
            let opened = Link::open_with(&gateway, Dialect::MessagePack, socket).await;
            let leave = match opened {
                Ok(link) => {
                    let mut session = Session::new(link);
                    let leave = self.run_session(&mut session, &gateway).await;
                    if session.open {
                        attempt = 0;
                    }
                    leave
                }
                Err(_unreachable) => Leave::Lost,
            };
            self.forget_link();
            match leave {
                Leave::Lost => {
                    self.step();
                    let wait = backoff::delay(attempt, &mut self.random);
                    attempt = attempt.saturating_add(1);
                    self.expire();
                    sleep(wait).await;
                }
                Leave::Move(Some(gateway)) => self.go_to(gateway),
                Leave::Move(None) => self.step(),
                Leave::Closed(code) => return self.end(Some(code)),
                Leave::Dropped => return,
            }
        }
    }

    fn step(&mut self) {
        self.at = (self.at + 1) % self.gateways.len().max(1);
    }

    fn go_to(&mut self, gateway: String) {
        if let Some(at) = self.gateways.iter().position(|known| *known == gateway) {
            self.at = at;
        } else {
            self.at = self.gateways.len();
            self.gateways.push(gateway);
        }
    }

    /// The numbers of some of the requests under way, in the order of the calls.
    fn pending_where(&self, wanted: impl Fn(&Pending) -> bool) -> Vec<u32> {
        let pending = self.pending.iter();
        let found = pending.filter(|(_, pending)| wanted(pending));
        found.map(|(request, _)| *request).collect()
    }

    /// What was sent and has no nonce cannot be repeated.
    fn forget_link(&mut self) {
        for request in self.pending_where(|pending| pending.sent && !pending.call.repeat) {
            self.complete(request, Err(CallError::Disconnected));
        }
        for pending in self.pending.values_mut() {
            pending.sent = false;
            pending.again_at = None;
        }
    }

    fn end(&mut self, code: Option<u16>) {
        self.shared.status.send_replace(Status::Closed(code));
        self.orders.close();
        if let Some(done) = self.identifying.take() {
            let refusal = Refusal::from(Reason::Unauthenticated);
            // A caller that gave up needs no answer.
            drop(done.send(Err(CallError::Refused(refusal))));
        }
        for pending in std::mem::take(&mut self.pending).into_values() {
            drop(pending.call.done.send(Err(CallError::Disconnected)));
        }
    }

    async fn run_session(&mut self, session: &mut Session, gateway: &str) -> Leave {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let room = self.pending.len() < MAX_PENDING;
            let step = tokio::select! {
                incoming = session.link.next(), if self.reading => match incoming {
                    Ok(incoming) => self.on_frame(session, gateway, incoming).await,
                    Err(ended) => Err(ended),
                },
                order = self.orders.recv(), if room => match order {
                    Some(Order::Move(gateway)) => return Leave::Move(gateway),
                    Some(Order::Goodbye) => {
                        session.link.say_goodbye().await;
                        return Leave::Closed(GOODBYE);
                    }
                    Some(Order::Identify { token, done }) if self.token.is_some() => {
                        // A connection has one identity: the new one needs a new connection.
                        self.identity(token, done);
                        return Leave::Move(Some(gateway.to_owned()));
                    }
                    Some(order) => self.apply(session, order).await,
                    None => return Leave::Dropped,
                },
                _ = tick.tick() => {
                    if session.leave_at.is_some_and(|at| at <= Instant::now()) {
                        return Leave::Move(None);
                    }
                    self.tick(session).await
                },
            };
            if let Err(ended) = step {
                return self.on_ended(&ended);
            }
        }
    }

    fn on_ended(&mut self, ended: &Ended) -> Leave {
        let code = match ended {
            Ended::Closed(code) => Some(*code),
            Ended::Broken(_) => None,
            Ended::NoFrame(_) => {
                self.shared.places().violation(ended.to_string());
                None
            }
        };
        self.shared.log.push(Seen::Lost { code });
        match code {
            Some(code) if !backoff::reconnects(code) => Leave::Closed(code),
            _ => Leave::Lost,
        }
    }

    async fn apply(&mut self, session: &mut Session, order: Order) -> Result<(), Ended> {
        match order {
            Order::Call(call) => {
                self.last_request = self.last_request.wrapping_add(1).max(1);
                let pending = Pending {
                    call,
                    sent: false,
                    attempts: 0,
                    again_at: None,
                };
                self.pending.insert(self.last_request, pending);
                if session.open {
                    self.send(session, self.last_request).await?;
                }
            }
            Order::Identify { token, done } => {
                self.identity(token, done);
                if session.greeted {
                    self.open(session).await?;
                }
            }
            Order::Read(reading) => self.reading = reading,
            Order::Idle(idle) => {
                self.idle = idle;
                session.tell_idle(idle).await?;
            }
            Order::Move(_) | Order::Goodbye => {}
        }
        Ok(())
    }

    fn identity(&mut self, token: String, done: oneshot::Sender<Result<Ready, CallError>>) {
        self.token = Some(token);
        self.epoch = None;
        self.identifying = Some(done);
    }

    async fn send(&mut self, session: &mut Session, request: u32) -> Result<(), Ended> {
        let Some(pending) = self.pending.get_mut(&request) else {
            return Ok(());
        };
        pending.sent = true;
        pending.again_at = None;
        let frame = Frame {
            opcode: pending.call.opcode,
            request,
            scope: pending.call.scope,
            body: &pending.call.body,
        };
        session.link.send(Message::binary(frame.write())).await
    }

    /// Sends what waits for a session, in the order of the calls.
    async fn flush(&mut self, session: &mut Session) -> Result<(), Ended> {
        for request in self.pending_where(|pending| !pending.sent) {
            self.send(session, request).await?;
        }
        Ok(())
    }

    /// Identifies or resumes; without a token the link is open as it is.
    async fn open(&mut self, session: &mut Session) -> Result<(), Ended> {
        let Some(token) = self.token.clone() else {
            session.open = true;
            return self.flush(session).await;
        };
        session.open = false;
        session.since = Instant::now();
        if self.idle {
            session.tell_idle(true).await?;
        }
        session.resuming = self.epoch.is_some();
        let link = &mut session.link;
        let Some(epoch) = self.epoch.clone() else {
            return link
                .send_control(opcode::IDENTIFY, &Identify { token })
                .await;
        };
        let topics = self.shared.places().all();
        let resume = Resume {
            token,
            epoch,
            topics,
        };
        link.send_control(opcode::RESUME, &resume).await
    }

    async fn on_frame(
        &mut self,
        session: &mut Session,
        gateway: &str,
        incoming: Incoming,
    ) -> Result<(), Ended> {
        session.unanswered = None;
        match incoming {
            Incoming::Reply { request, body } => self.complete(request, Ok(body.into())),
            Incoming::Refusal { request: 0, .. } if !session.open => {
                // The token was refused: no other gateway knows it either.
                return Err(Ended::Closed(CloseCode::Unauthenticated.code()));
            }
            Incoming::Refusal { request, refusal } => self.on_refusal(request, refusal),
            Incoming::Event {
                topic,
                seq,
                opcode,
                body,
            } => self.on_event(topic, seq, opcode, &body),
            Incoming::Control { opcode, body } => {
                return self.on_control(session, gateway, opcode, &body).await;
            }
        }
        Ok(())
    }

    fn on_event(&self, topic: u64, seq: u64, opcode: u16, body: &Bytes) {
        let fresh = self.shared.places().event(topic, seq);
        self.shared.log.push(Seen::Event {
            topic,
            seq,
            opcode,
            body: body.clone(),
        });
        if !fresh {
            return;
        }
        if opcode == ServerLeft::OPCODE
            && let Ok(left) = protocol::decode_told::<ServerLeft>(body)
        {
            self.shared.places().forget(left.server_id.get());
        }
        if opcode == ServerJoined::OPCODE
            && let Ok(joined) = protocol::decode_told::<ServerJoined>(body)
            && let Some(ready) = self.shared.ready().as_mut()
        {
            ready.servers.push(joined.server);
        }
    }

    async fn on_control(
        &mut self,
        session: &mut Session,
        gateway: &str,
        opcode: u16,
        body: &Bytes,
    ) -> Result<(), Ended> {
        let seen = match opcode {
            opcode::HELLO => {
                let hello: Hello = decode(body)?;
                session.greet(&hello, self.options.heartbeat);
                if self.token.is_none() {
                    let open = Status::Open(gateway.to_owned());
                    self.shared.status.send_replace(open);
                }
                return self.open(session).await;
            }
            opcode::READY => {
                self.on_ready(session, gateway, decode(body)?);
                return self.flush(session).await;
            }
            opcode::HEARTBEAT => return Ok(()),
            opcode::CURSOR => {
                let cursor: Cursor = decode(body)?;
                self.shared.places().cursor(&cursor.topics);
                Seen::Cursor(cursor)
            }
            opcode::REGISTERS => Seen::Registers(decode(body)?),
            opcode::SIGHT => {
                let sight: Sight = decode(body)?;
                let (topic, seq) = (sight.topic, sight.seq);
                self.shared.places().cursor(&[TopicSeq { topic, seq }]);
                Seen::Sight(sight)
            }
            opcode::RECONNECT => {
                let asked: Reconnect = decode(body)?;
                session.leave_at = Some(Instant::now() + Duration::from_millis(asked.delay_ms));
                Seen::Asked(asked)
            }
            opcode::GAP => {
                let gap: Gap = decode(body)?;
                self.shared.places().gap(gap.topic, gap.seq);
                Seen::Gap(gap)
            }
            _ => return Err(Ended::NoFrame(format!("control frame {opcode}"))),
        };
        self.shared.log.push(seen);
        Ok(())
    }

    fn on_ready(&mut self, session: &mut Session, gateway: &str, ready: Ready) {
        session.open = true;
        let resumed = session.resuming;
        self.shared.places().ready(&ready.topics, resumed);
        self.epoch = Some(ready.epoch.clone());
        *self.shared.ready() = Some(ready.clone());
        self.shared.log.push(Seen::Opened {
            gateway: gateway.to_owned(),
            resumed,
            topics: ready.topics.clone(),
        });
        let open = Status::Open(gateway.to_owned());
        self.shared.status.send_replace(open);
        if let Some(done) = self.identifying.take() {
            drop(done.send(Ok(ready)));
        }
    }

    fn on_refusal(&mut self, request: u32, refusal: Refusal) {
        let Some(pending) = self.pending.get_mut(&request) else {
            return;
        };
        if pending.call.repeat && backoff::undecided(refusal.reason) {
            let wait = backoff::delay(pending.attempts, &mut self.random);
            let asked = Duration::from_millis(refusal.retry_after.unwrap_or_default());
            pending.attempts = pending.attempts.saturating_add(1);
            pending.again_at = Some(Instant::now() + wait.max(asked));
        } else {
            self.complete(request, Err(CallError::Refused(refusal)));
        }
    }

    fn complete(&mut self, request: u32, result: Result<Vec<u8>, CallError>) {
        if let Some(pending) = self.pending.remove(&request) {
            // A caller that gave up needs no answer.
            drop(pending.call.done.send(result));
        }
    }

    /// Gives up what is too old.
    fn expire(&mut self) {
        let now = Instant::now();
        for request in self.pending_where(|pending| pending.call.deadline <= now) {
            self.complete(request, Err(CallError::TimedOut));
        }
    }

    async fn tick(&mut self, session: &mut Session) -> Result<(), Ended> {
        self.expire();
        session.heartbeat(self.reading).await?;
        if !session.open {
            return if session.since.elapsed() > OPENING {
                Err(Ended::Broken("the session does not open".to_owned()))
            } else {
                Ok(())
            };
        }
        let now = Instant::now();
        let due = |pending: &Pending| pending.again_at.is_some_and(|at| at <= now);
        for request in self.pending_where(due) {
            self.send(session, request).await?;
        }
        Ok(())
    }
}

impl Session {
    fn new(link: Link) -> Self {
        Self {
            link,
            open: false,
            greeted: false,
            resuming: false,
            heartbeat: None,
            beat_at: Instant::now(),
            patience: OPENING,
            unanswered: None,
            number: 0,
            leave_at: None,
            since: Instant::now(),
        }
    }

    fn greet(&mut self, hello: &Hello, wanted: Option<Duration>) {
        let asked = Duration::from_millis(hello.heartbeat_ms.max(1));
        let every = wanted.unwrap_or(asked).min(asked / HEARTBEATS);
        self.heartbeat = Some(every);
        self.patience = (every * MISSED_HEARTBEATS).min(answer_patience(asked));
        self.greeted = true;
    }

    /// Sends a heartbeat when one is due; fails when nothing is heard after one.
    async fn heartbeat(&mut self, reading: bool) -> Result<(), Ended> {
        let now = Instant::now();
        if !reading {
            self.unanswered = None;
        }
        if self
            .unanswered
            .is_some_and(|since| now >= since + self.patience)
        {
            return Err(Ended::Broken("heartbeats are not answered".to_owned()));
        }
        let Some(every) = self.heartbeat.filter(|_| self.beat_at <= now) else {
            return Ok(());
        };
        self.beat_at = now + every;
        self.unanswered.get_or_insert(now);
        self.number += 1;
        self.send_heartbeat(None).await
    }

    /// Says whether somebody uses this device.
    async fn tell_idle(&mut self, idle: bool) -> Result<(), Ended> {
        self.number += 1;
        self.send_heartbeat(Some(idle)).await
    }

    async fn send_heartbeat(&mut self, idle: Option<bool>) -> Result<(), Ended> {
        let number = self.number;
        let heartbeat = Heartbeat { number, idle };
        self.link.send_control(opcode::HEARTBEAT, &heartbeat).await
    }
}

fn decode<T: Wire>(body: &Bytes) -> Result<T, Ended> {
    protocol::decode_told(body).map_err(|refusal| Ended::NoFrame(refusal.to_string()))
}
