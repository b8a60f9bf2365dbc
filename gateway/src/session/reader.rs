//! The reading half of a connection: one small task that keeps a buffer only
//! while a frame is incomplete.

use std::{cell::RefCell, io, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::FutureExt;
use shared::close::CloseCode;
use tokio::time::{Instant, sleep_until, timeout};

use super::{
    Session, SessionConfig, Step,
    context::SessionContext,
    frame_reader::{FrameReader, Incoming},
};
use crate::{
    connection::Connection,
    delivery::message::{Close, ToShard},
    dialect::{Dialect, request::NotRead},
    fanout::message::ToFanout,
    limits::memory_budget::MemoryCharge,
    metrics::{EOF, RESET},
    transport::{ReadHalf, WriteHalf},
};

/// How much one read takes from a socket.
const SCRATCH_BYTES: usize = 64 * 1024;
/// How long a closed connection may take to be closed by the other end.
const LINGER: Duration = Duration::from_secs(2);

thread_local! {
    /// Read into by every session of a thread, in turn.
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; SCRATCH_BYTES].into());
}

/// What came with the handshake.
pub struct FromHandshake {
    /// The first bytes of the client, if there were any.
    pub bytes: Vec<u8>,
    /// The token in the cookie of a page.
    pub token: Option<Box<str>>,
}

/// Serves a connection until it ends.
pub async fn run(
    context: Arc<SessionContext>,
    connection: Arc<Connection>,
    read: ReadHalf,
    write: WriteHalf,
    first: FromHandshake,
) {
    context.metrics.connections.inc();
    let add = ToShard::Add(Arc::clone(&connection), write);
    // What is awaited seldom lives on the heap, and only then: this future is
    // what an idle connection costs.
    Box::pin(context.shards.tell(connection.shard, add)).await;
    let FromHandshake { bytes, token } = first;
    let mut reader = Reader::new(&context, &connection, &read, token);
    // By reference: a future that is given the reader keeps it twice.
    let served = reader.serve_connection(bytes);
    // A fault in one session must not reach the others.
    match AssertUnwindSafe(served).catch_unwind().await {
        Ok(Some(end)) if !connection.is_closing() => {
            let closed = &context.metrics.closed_total;
            closed.with_label_values(&[end]).inc();
        }
        Ok(_) => {}
        Err(_panic) => {
            context.metrics.panics_total.inc();
            let close = Close::Code(CloseCode::OutOfSync);
            Box::pin(context.shards.close_connection(&connection, close)).await;
        }
    }
    if connection.is_closing() {
        // Until the client has the close frame; a socket that is dropped with
        // bytes unread takes back what it sent.
        Box::pin(wait_for_close(&read)).await;
    }
    context.metrics.connections.dec();
    // Before the end is announced: an opening that is still under way must not
    // join the stream after it.
    connection.mark_closing();
    if connection.caller().is_some() {
        Box::pin(context.say_ended(connection.id, false)).await;
    }
    // The fan-out passes it on, so that the shard hears nothing about this
    // connection after its end.
    let detach = context.fanout.send(ToFanout::Detach(connection));
    drop(Box::pin(detach).await);
}

/// Waits a little for the other end to close.
pub async fn wait_for_close(read: &ReadHalf) {
    drop(timeout(LINGER, discard_input(read)).await);
}

async fn discard_input(read: &ReadHalf) {
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
    context: &'a Arc<SessionContext>,
    connection: &'a Arc<Connection>,
    read: &'a ReadHalf,
    session: Session,
    frames: FrameReader,
    /// What it keeps of a message that is not complete.
    charge: MemoryCharge,
    /// Until when nothing is read: the client asked more than it may.
    paused: Option<Instant>,
}

impl<'a> Reader<'a> {
    fn new(
        context: &'a Arc<SessionContext>,
        connection: &'a Arc<Connection>,
        read: &'a ReadHalf,
        token: Option<Box<str>>,
    ) -> Self {
        Self {
            context,
            connection,
            read,
            session: Session::new(&context.config, Instant::now()).with_cookie(token),
            frames: FrameReader::new(context.max_frame_bytes, connection.deflates),
            charge: context.memory.charge(),
            paused: None,
        }
    }

    /// When the timer has to ring at the latest.
    fn next_alarm(&self) -> Instant {
        let deadline = self.session.deadline(&self.context.config);
        self.paused.map_or(deadline, |end| end.min(deadline))
    }

    /// Serves until the end; says how the client ended the connection without a word.
    async fn serve_connection(&mut self, first: Vec<u8>) -> Option<&'static str> {
        Box::pin(self.context.send_hello(self.connection)).await;
        let mut steps = Vec::new();
        if self.read_first(first, &mut steps).await {
            return None;
        }
        let timer = sleep_until(self.next_alarm());
        tokio::pin!(timer);
        loop {
            tokio::select! {
                biased;
                () = self.connection.wait_for_change() => {
                    if self.connection.is_closing() {
                        self.session.mark_draining();
                        return None;
                    }
                    if let Some(caller) = self.connection.caller()
                        && let Some(since) = self.session.mark_opened(caller.clone())
                    {
                        let took = since.elapsed().as_secs_f64();
                        self.context.metrics.open_seconds.observe(took);
                    }
                }
                // Before the socket, which may never be empty.
                () = &mut timer => {
                    let now = Instant::now();
                    steps.extend(self.session.tick(&self.context.config, now));
                    self.paused = self.paused.filter(|end| now < *end);
                    // Re-armed when it rings, about once per heartbeat, and for pauses.
                    timer.as_mut().reset(self.next_alarm());
                }
                ready = self.read.readable(), if self.paused.is_none() => {
                    if let Err(end) = ready.map_err(|_error| RESET).and_then(|()| self.read_socket(&mut steps)) {
                        return Some(end);
                    }
                }
            }
            if !steps.is_empty() && Box::pin(self.do_steps(&mut steps)).await {
                return None;
            }
            if self.paused.is_some() {
                timer.as_mut().reset(self.next_alarm());
            }
        }
    }

    /// Takes what came with the handshake.
    async fn read_first(&mut self, mut first: Vec<u8>, steps: &mut Vec<Step>) -> bool {
        if !first.is_empty() {
            self.feed_bytes(&mut first, steps);
        }
        Box::pin(self.do_steps(steps)).await
    }

    /// Reads what the socket has; the error says how it has ended.
    fn read_socket(&mut self, steps: &mut Vec<Step>) -> Result<(), &'static str> {
        SCRATCH.with_borrow_mut(|scratch| match self.read.try_read(scratch) {
            Ok(0) => Err(EOF),
            Ok(count) => {
                if let Some(bytes) = scratch.get_mut(..count) {
                    self.feed_bytes(bytes, steps);
                }
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            Err(_error) => Err(RESET),
        })
    }

    fn feed_bytes(&mut self, bytes: &mut [u8], steps: &mut Vec<Step>) {
        let now = Instant::now();
        let metrics = &self.context.metrics;
        metrics.received_bytes_total.inc_by(bytes.len() as u64);
        let config = &self.context.config;
        if let Some(step) = self.session.count_bytes(config, bytes.len(), now) {
            steps.push(step);
            return;
        }
        let (session, dialect) = (&mut self.session, self.connection.dialect);
        let mut count = 0;
        let result = self.frames.feed(bytes, &mut |incoming| {
            count += 1;
            session.count_frame(config, now)?;
            steps.extend(interpret_message(session, config, dialect, &incoming, now)?);
            Ok(())
        });
        metrics.frames_in_total.inc_by(count);
        let inflated = self.frames.take_inflated();
        let flood = session.count_bytes(config, inflated, now);
        let end = result.err().map(Step::Close).or(flood);
        if end == Some(Step::Close(CloseCode::Flood)) {
            // What a flood carried in front of its end is done for nobody.
            steps.clear();
        }
        steps.extend(end);
        let waiting = self.frames.waiting();
        let held = waiting + steps.iter().map(Step::bytes).sum::<usize>();
        self.charge.set(held);
        // Small requests are soon gone; large ones and unfinished ones are what fills memory.
        if (waiting > 0 || held > SCRATCH_BYTES) && self.context.memory.is_over() {
            *steps = vec![Step::Close(CloseCode::Full)];
        }
    }

    /// Who asks more than he may is read no faster than he may ask: what he sends besides
    /// waits on his side, where it costs nobody anything.
    fn pause_reading(&mut self, pause: Duration) {
        let now = Instant::now();
        let end = self.paused.unwrap_or(now).max(now) + pause;
        self.paused = Some(end.min(now + longest_pause(&self.context.config)));
    }

    /// Does what the session asks for; `true` when the connection is over.
    async fn do_steps(&mut self, steps: &mut Vec<Step>) -> bool {
        for step in steps.drain(..) {
            if self.connection.is_closing() {
                // Revoked, perhaps, while the step before waited for the bus.
                return true;
            }
            let over = matches!(step, Step::Close(_) | Step::Closed(_));
            let pause = self.context.do_step(self.connection, step).await;
            if over {
                return true;
            }
            if let Some(pause) = pause {
                self.pause_reading(pause);
            }
        }
        if steps.capacity() > 0 {
            *steps = Vec::new();
            self.charge.set(self.frames.waiting());
        }
        false
    }
}

/// How long what is read at once may pause a connection: its signs of life are in the same
/// socket, and have to be found in time.
fn longest_pause(config: &SessionConfig) -> Duration {
    config.heartbeat / 4
}

fn interpret_message(
    session: &mut Session,
    config: &SessionConfig,
    dialect: Dialect,
    incoming: &Incoming<'_>,
    now: Instant,
) -> Result<Option<Step>, CloseCode> {
    let read = match *incoming {
        Incoming::Ping(bytes) => return Ok(Some(Step::Pong(bytes.to_vec()))),
        Incoming::Pong => return Ok(None),
        Incoming::Close(code) => return Ok(Some(Step::Closed(code))),
        Incoming::Binary(bytes) => dialect.read_binary(bytes),
        Incoming::Text(text) => dialect.read_text(text),
    };
    match read {
        Ok(request) => Ok(session.take_request(config, request, now)),
        Err(NotRead::Refuse(number, refusal)) => Ok(Some(Step::Refuse(number, refusal))),
        Err(NotRead::Close(code)) => Err(code),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use shared::{
        bus::envelope::{Caller, CallerKind},
        frame::{Frame, opcode},
        ids::{SessionId, UserId},
        wire::Wire,
    };

    use super::*;
    use crate::{dialect::request::Request, limits::token_bucket::Rate};

    fn session_config() -> SessionConfig {
        let rate = |per_second| Rate {
            per_second,
            burst: 4 * per_second,
        };
        SessionConfig {
            heartbeat: Duration::from_secs(30),
            identify: Duration::from_secs(10),
            frames: rate(100),
            bytes: rate(262_144),
            max_topics: 2_000,
        }
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
        let (config, now) = (session_config(), Instant::now());
        let mut session = Session::new(&config, now);
        if live {
            let token = shared::protocol::encode(&("t",));
            let identify = Request {
                opcode: opcode::IDENTIFY,
                request: 0,
                scope: 0,
                body: token,
            };
            session.take_request(&config, identify, now);
            session.mark_opened(Caller {
                user: UserId::sample(),
                session: SessionId::sample(),
                kind: CallerKind::Person,
            });
        }
        let mut frame_reader = FrameReader::new(1_000, true);
        for mut chunk in chunks {
            let fed = frame_reader.feed(&mut chunk, &mut |incoming| {
                session.count_frame(&config, now)?;
                interpret_message(&mut session, &config, dialect, &incoming, now).map(drop)
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
