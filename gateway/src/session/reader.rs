//! The reading half of a connection: one small task that keeps a buffer only
//! while a frame is incomplete.

use std::{cell::RefCell, io, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::FutureExt;
use shared::{
    close::CloseCode,
    error::{Reason, Refusal},
    frame::{Frame, WebSocketKind, check_body, opcode, websocket},
    protocol::control::{Heartbeat, Hello},
};
use tokio::time::{Instant, sleep_until, timeout};

use super::{
    Request, Session, Step,
    frame_reader::{Assembler, Incoming},
};
use crate::{
    connection::Link,
    delivery::sockets::Close,
    dialect::{Dialect, json},
    fanout::message::{ToFanout, ToShard},
    limits::memory::Charge,
    requests::{
        commands::refusal,
        quotas::{What, Who},
        token_cache::Known,
    },
    runtime::Gateway,
    transport::{ReadHalf, WriteHalf},
};

/// How much one read takes from a socket.
const SCRATCH_BYTES: usize = 64 * 1024;
/// How long a closed connection may take to be closed by the other end.
const LINGER: Duration = Duration::from_secs(2);

/// What metrics call the end of a connection without a close frame: the peer said that it is
/// at its end, or the kernel said that there is no peer any more.
const EOF: &str = "Eof";
/// See [`EOF`].
pub const RESET: &str = "Reset";

thread_local! {
    /// Read into by every session of a thread, in turn.
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; SCRATCH_BYTES].into());
}

/// Serves a connection until it ends.
pub async fn run(
    gateway: Arc<Gateway>,
    link: Arc<Link>,
    read: ReadHalf,
    write: WriteHalf,
    first: Vec<u8>,
) {
    gateway.metrics.connections.inc();
    let add = ToShard::Add(Arc::clone(&link), write);
    // What is awaited seldom lives on the heap, and only then: this future is
    // what an idle connection costs.
    Box::pin(gateway.exchange.tell(link.shard, add)).await;
    let mut reader = Reader::new(&gateway, &link, &read);
    // By reference: a future that is given the reader keeps it twice.
    let served = reader.serve(first);
    // A fault in one session must not reach the others.
    match AssertUnwindSafe(served).catch_unwind().await {
        Ok(Some(end)) if !link.is_closing() => gateway.closed(end),
        Ok(_) => {}
        Err(_panic) => {
            gateway.metrics.panics_total.inc();
            Box::pin(gateway.close(&link, CloseCode::OutOfSync)).await;
        }
    }
    if link.is_closing() {
        // Until the client has the close frame; a socket that is dropped with
        // bytes unread takes back what it sent.
        Box::pin(linger(&read)).await;
    }
    gateway.metrics.connections.dec();
    // Before the end is announced: an opening that is still under way must not
    // join the stream after it.
    link.close();
    // The fan-out passes it on, so that the shard hears nothing about this
    // connection after its end.
    let detach = gateway.exchange.fanout.send(ToFanout::Detach(link));
    drop(Box::pin(detach).await);
}

/// Waits a little for the other end to close.
pub async fn linger(read: &ReadHalf) {
    drop(timeout(LINGER, discard(read)).await);
}

async fn discard(read: &ReadHalf) {
    while read.readable().await.is_ok() {
        match SCRATCH.with_borrow_mut(|scratch| read.try_read(scratch)) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_error) => return,
        }
    }
}

struct Reader<'a> {
    gateway: &'a Arc<Gateway>,
    link: &'a Arc<Link>,
    read: &'a ReadHalf,
    session: Session,
    assembler: Assembler,
    /// What it keeps of a message that is not complete.
    charge: Charge,
    /// Until when nothing is read: the client asked more than it may.
    paused: Option<Instant>,
}

impl<'a> Reader<'a> {
    fn new(gateway: &'a Arc<Gateway>, link: &'a Arc<Link>, read: &'a ReadHalf) -> Self {
        Self {
            gateway,
            link,
            read,
            session: Session::new(&gateway.rules, Instant::now()),
            assembler: Assembler::new(gateway.max_frame_bytes, link.deflates),
            charge: gateway.memory.charge(),
            paused: None,
        }
    }

    /// When the timer has to ring at the latest.
    fn alarm(&self) -> Instant {
        let deadline = self.session.deadline(&self.gateway.rules);
        self.paused.map_or(deadline, |end| end.min(deadline))
    }

    /// Serves until the end; says how the client ended the connection without a word.
    async fn serve(&mut self, first: Vec<u8>) -> Option<&'static str> {
        Box::pin(self.gateway.hello(self.link)).await;
        let mut steps = Vec::new();
        if self.begin(first, &mut steps).await {
            return None;
        }
        let timer = sleep_until(self.alarm());
        tokio::pin!(timer);
        loop {
            tokio::select! {
                biased;
                () = self.link.changed() => {
                    if self.link.is_closing() {
                        self.session.drain();
                        return None;
                    }
                    if let Some(caller) = self.link.caller()
                        && let Some(since) = self.session.opened(caller.clone())
                    {
                        let took = since.elapsed().as_secs_f64();
                        self.gateway.metrics.open_seconds.observe(took);
                    }
                }
                // Before the socket, which may never be empty.
                () = &mut timer => {
                    let now = Instant::now();
                    steps.extend(self.session.tick(&self.gateway.rules, now));
                    self.paused = self.paused.filter(|end| now < *end);
                    // Re-armed when it rings, about once per heartbeat, and for pauses.
                    timer.as_mut().reset(self.alarm());
                }
                ready = self.read.readable(), if self.paused.is_none() => {
                    if let Err(end) = ready.map_err(|_error| RESET).and_then(|()| self.read(&mut steps)) {
                        return Some(end);
                    }
                }
            }
            if !steps.is_empty() && Box::pin(self.act(&mut steps)).await {
                return None;
            }
            if self.paused.is_some() {
                timer.as_mut().reset(self.alarm());
            }
        }
    }

    /// Takes what came with the handshake.
    async fn begin(&mut self, mut first: Vec<u8>, steps: &mut Vec<Step>) -> bool {
        if !first.is_empty() {
            self.take(&mut first, steps);
        }
        Box::pin(self.act(steps)).await
    }

    /// Reads what the socket has; the error says how it has ended.
    fn read(&mut self, steps: &mut Vec<Step>) -> Result<(), &'static str> {
        SCRATCH.with_borrow_mut(|scratch| match self.read.try_read(scratch) {
            Ok(0) => Err(EOF),
            Ok(count) => {
                if let Some(bytes) = scratch.get_mut(..count) {
                    self.take(bytes, steps);
                }
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            Err(_error) => Err(RESET),
        })
    }

    fn take(&mut self, bytes: &mut [u8], steps: &mut Vec<Step>) {
        let now = Instant::now();
        let metrics = &self.gateway.metrics;
        metrics.received_bytes_total.inc_by(bytes.len() as u64);
        let rules = &self.gateway.rules;
        if let Some(step) = self.session.received(rules, bytes.len(), now) {
            steps.push(step);
            return;
        }
        let (session, dialect) = (&mut self.session, self.link.dialect);
        let mut count = 0;
        let result = self.assembler.feed(bytes, &mut |incoming| {
            count += 1;
            session.counted(rules, now)?;
            steps.extend(interpret(session, rules, dialect, incoming, now)?);
            Ok(())
        });
        metrics.frames_in_total.inc_by(count);
        let inflated = self.assembler.take_inflated();
        let flood = session.received(rules, inflated, now);
        let end = result.err().map(Step::Close).or(flood);
        if end == Some(Step::Close(CloseCode::Flood)) {
            // What a flood carried in front of its end is done for nobody.
            steps.clear();
        }
        steps.extend(end);
        let waiting = self.assembler.waiting();
        let held = waiting + steps.iter().map(Step::bytes).sum::<usize>();
        self.charge.set(held);
        // Small requests are soon gone; large ones and unfinished ones are what fills memory.
        if (waiting > 0 || held > SCRATCH_BYTES) && self.gateway.memory.is_over() {
            *steps = vec![Step::Close(CloseCode::Full)];
        }
    }

    /// Who asks more than he may is read no faster than he may ask: what he sends besides
    /// waits on his side, where it costs nobody anything.
    fn pause(&mut self, pause: Duration) {
        let now = Instant::now();
        let end = self.paused.unwrap_or(now).max(now) + pause;
        self.paused = Some(end.min(now + longest_pause(&self.gateway.rules)));
    }

    /// Does what the session asks for; `true` when the connection is over.
    async fn act(&mut self, steps: &mut Vec<Step>) -> bool {
        for step in steps.drain(..) {
            if self.link.is_closing() {
                // Revoked, perhaps, while the step before waited for the bus.
                return true;
            }
            let over = matches!(step, Step::Close(_) | Step::Closed(_));
            let pause = self.gateway.step(self.link, step).await;
            if over {
                return true;
            }
            if let Some(pause) = pause {
                self.pause(pause);
            }
        }
        if steps.capacity() > 0 {
            *steps = Vec::new();
            self.charge.set(self.assembler.waiting());
        }
        false
    }
}

/// How long what is read at once may pause a connection: its signs of life are in the same
/// socket, and have to be found in time.
fn longest_pause(rules: &super::Rules) -> Duration {
    rules.heartbeat / 4
}

fn interpret(
    session: &mut Session,
    rules: &super::Rules,
    dialect: Dialect,
    incoming: Incoming<'_>,
    now: Instant,
) -> Result<Option<Step>, CloseCode> {
    let request = match (incoming, dialect) {
        (Incoming::Ping(bytes), _) => return Ok(Some(Step::Pong(bytes.to_vec()))),
        (Incoming::Pong, _) => return Ok(None),
        (Incoming::Close(code), _) => return Ok(Some(Step::Closed(code))),
        (Incoming::Binary(bytes), Dialect::MessagePack) => {
            // Without a header there is no number that a refusal could carry.
            let frame = Frame::read_header(bytes).map_err(|_refusal| CloseCode::BadFrame)?;
            if let Err(refusal) = check_body(frame.body) {
                return Ok(Some(Step::Refuse(frame.request, refusal)));
            }
            Request {
                opcode: frame.opcode,
                request: frame.request,
                scope: frame.scope,
                body: frame.body.to_vec(),
            }
        }
        (Incoming::Text(text), Dialect::Json) => match json::read(text) {
            Ok(request) => request,
            Err((number, refusal)) => return Ok(Some(Step::Refuse(number, refusal))),
        },
        (Incoming::Binary(_) | Incoming::Text(_), _) => return Err(CloseCode::Unsupported),
    };
    Ok(session.request(rules, request, now))
}

impl Gateway {
    async fn hello(&self, link: &Link) {
        let hello = Hello {
            node: self.node.clone(),
            heartbeat_ms: u64::try_from(self.rules.heartbeat.as_millis()).unwrap_or(u64::MAX),
            max_frame_bytes: self.max_frame_bytes as u64,
        };
        self.send(link, link.dialect.control(opcode::HELLO, &hello))
            .await;
    }

    fn closed(&self, end: &str) {
        self.metrics.closed_total.with_label_values(&[end]).inc();
    }

    /// Queues a frame for a connection.
    pub async fn send(&self, link: &Link, frame: Bytes) {
        let message = ToShard::Send(link.connection, vec![frame]);
        self.exchange.tell(link.shard, message).await;
    }

    /// Ends a connection.
    pub async fn close(&self, link: &Link, code: CloseCode) {
        let message = ToShard::Close(link.connection, Close::Code(code));
        self.exchange.tell(link.shard, message).await;
        // The shard says so too, but a reader that already returns must know.
        link.close();
    }

    /// Says no.
    pub async fn refuse(&self, link: &Link, request: u32, refusal: &Refusal) {
        self.metrics
            .refusals_total
            .with_label_values(&[refusal.reason.name()])
            .inc();
        self.send(link, link.dialect.refusal(request, refusal))
            .await;
    }

    /// Does one thing; says how long the connection is not to be read, if not at once.
    async fn step(self: &Arc<Self>, link: &Arc<Link>, step: Step) -> Option<Duration> {
        match step {
            Step::Command(request) | Step::Query(request) => self.request(link, request).await,
            other => {
                self.answer(link, other).await;
                None
            }
        }
    }

    async fn request(self: &Arc<Self>, link: &Arc<Link>, request: Request) -> Option<Duration> {
        let who = link
            .caller()
            .map_or(Who::Stranger, |caller| Who::Account(caller.user));
        let what = What::with(request.opcode);
        match self.quotas.admit(who, what, link.address, Instant::now()) {
            Ok(()) if request.opcode < opcode::FIRST_ANY => self.command(link, request).await,
            Ok(()) => self.query(link, request).await,
            Err(refusal) => {
                self.refuse(link, request.request, &refusal).await;
                return refusal.retry_after.map(Duration::from_millis);
            }
        }
        None
    }

    async fn answer(self: &Arc<Self>, link: &Arc<Link>, step: Step) {
        match step {
            Step::Command(_) | Step::Query(_) => {}
            Step::Open { token, resume } => {
                // What no worker of this cluster made, none has to look at.
                let Some(claim) = self.queries.claim(&token) else {
                    return self.close(link, CloseCode::Unauthenticated).await;
                };
                let now = Instant::now();
                if self.tokens.known(&token, now) == Some(Known::OpensNothing) {
                    return self.close(link, CloseCode::Unauthenticated).await;
                }
                // Whether the session is open, nobody knows yet: so its owner pays nothing.
                let who = Who::Session(claim.session);
                match self.quotas.admit(who, What::Other, link.address, now) {
                    Ok(()) => self.opener.open(&self.tasks, link, token, resume),
                    Err(_refusal) => self.close(link, CloseCode::OutOfSync).await,
                }
            }
            Step::Heartbeat(number) => {
                let frame = link
                    .dialect
                    .control(opcode::HEARTBEAT, &Heartbeat { number });
                self.send(link, frame).await;
            }
            Step::Ping => {
                let frame = websocket(WebSocketKind::Ping, &[]).into();
                self.send(link, frame).await;
            }
            Step::Pong(bytes) => {
                let frame = websocket(WebSocketKind::Pong, &bytes).into();
                self.send(link, frame).await;
            }
            Step::Refuse(request, refusal) => self.refuse(link, request, &refusal).await,
            Step::Close(code) => self.close(link, code).await,
            Step::Closed(code) => {
                let message = ToShard::Close(link.connection, Close::Echo(code));
                self.exchange.tell(link.shard, message).await;
                link.close();
            }
        }
    }

    async fn command(&self, link: &Arc<Link>, request: Request) {
        let number = request.request;
        let sent = match link.caller() {
            Some(caller) => self.upstream.command(link, caller, request).await,
            None => Err(Reason::Unauthenticated.into()),
        };
        if let Err(refusal) = sent {
            self.refuse(link, number, &refusal).await;
        }
    }

    /// Asks in a task of its own: an answer that takes long must not keep the
    /// session from being read.
    async fn query(self: &Arc<Self>, link: &Arc<Link>, request: Request) {
        let (number, opcode) = (request.request, request.opcode);
        let place = match link.ask(number, self.upstream.bound()) {
            Ok(place) => place,
            Err(busy) => return self.refuse(link, number, &refusal(busy)).await,
        };
        let (gateway, link) = (Arc::clone(self), Arc::clone(link));
        self.tasks.spawn(async move {
            let answer = gateway.upstream.query(&link, request).await;
            drop(place);
            match answer {
                Ok(payload) => {
                    let message = ToShard::Reply {
                        connection: link.connection,
                        opcode,
                        request: number,
                        payload,
                    };
                    gateway.exchange.tell(link.shard, message).await;
                }
                Err(refusal) => gateway.refuse(&link, number, &refusal).await,
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use shared::{
        bus::envelope::{Caller, CallerKind},
        ids::{SessionId, UserId},
        wire::Wire,
    };

    use super::*;
    use crate::{config::Config, session::Rules};

    fn rules() -> Rules {
        use clap::Parser;
        Config::parse_from(["gateway"]).limits.rules()
    }

    fn size<A, B, C, D, E, F: Future>(_: fn(A, B, C, D, E) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn an_idle_session_is_small() {
        // The target is 4 KiB for a connection, with its queue, its topics and
        // what the runtime keeps.
        assert!(size(run) <= 1_024, "{}", size(run));
    }

    /// Gives a session whatever bytes a socket may give.
    fn feed(dialect: Dialect, live: bool, chunks: Vec<Vec<u8>>) {
        let (rules, now) = (rules(), Instant::now());
        let mut session = Session::new(&rules, now);
        if live {
            let token = shared::protocol::encode(&("t",));
            let identify = Request {
                opcode: opcode::IDENTIFY,
                request: 0,
                scope: 0,
                body: token,
            };
            session.request(&rules, identify, now);
            session.opened(Caller {
                user: UserId::sample(),
                session: SessionId::sample(),
                kind: CallerKind::Person,
            });
        }
        let mut assembler = Assembler::new(1_000, true);
        for mut chunk in chunks {
            let fed = assembler.feed(&mut chunk, &mut |incoming| {
                session.counted(&rules, now)?;
                interpret(&mut session, &rules, dialect, incoming, now).map(drop)
            });
            if fed.is_err() {
                return;
            }
        }
    }

    fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
        let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
        [
            &[first, 0xfe, length[0], length[1], 0, 0, 0, 0][..],
            payload,
        ]
        .concat()
    }

    proptest! {
        #[test]
        fn no_bytes_panic_a_session(
            live in any::<bool>(),
            json in any::<bool>(),
            chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..100), 0..6),
        ) {
            feed(if json { Dialect::Json } else { Dialect::MessagePack }, live, chunks);
        }

        #[test]
        fn no_frame_panics_a_session(
            live in any::<bool>(),
            opcode in any::<u16>(),
            request in any::<u32>(),
            scope in any::<u64>(),
            body in proptest::collection::vec(any::<u8>(), 0..60),
            text in r#"\{"(command|control)":"(identify|resume|heartbeat|ping|message_new)","body":.{0,20}\}"#,
        ) {
            let frame = Frame { opcode, request, scope, body: &body };
            feed(Dialect::MessagePack, live, vec![masked(0x82, &frame.write())]);
            feed(Dialect::Json, live, vec![masked(0x81, text.as_bytes())]);
        }
    }
}
