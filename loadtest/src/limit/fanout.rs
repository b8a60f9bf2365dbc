//! The bare fan-out server: what one client sends goes to all, as bytes.
//!
//! One thread, one epoll, no rule, no session, no Redis. What it reaches per
//! CPU second is what the kernel's sockets cost, so a gateway's share of it says
//! how much of the gateway is overhead.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    os::fd::{AsFd, OwnedFd},
    sync::Arc,
};

use anyhow::{Context, Result};
use clap::Args;
use rustix::event::{
    EventfdFlags,
    epoll::{self, CreateFlags, EventData, EventFlags},
    eventfd,
};

use crate::websocket::{Control, OpCode, answer_upgrade, apply_mask, read_frame, write_frame};

/// Bytes that wait for one socket. One that takes no more is closed.
const LONGEST_QUEUE: usize = 1 << 20;
/// Bytes of one read, of whichever socket.
const READ: usize = 64 * 1_024;
/// Sockets of one turn of the loop.
const TURN: usize = 1_024;

/// What an event is about, if not a socket.
const LISTENER: usize = usize::MAX;
const STOP: usize = usize::MAX - 1;

/// How `loadtest limit` is called.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Where to listen on loopback; 0 takes a free port and prints it.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Write what one turn of the loop brought in one call per socket, not one call per message.
    #[arg(long)]
    coalesce: bool,
    /// End when standard input ends, so that it does not outlive who started it.
    #[arg(long)]
    until_eof: bool,
}

/// The server.
#[derive(Debug)]
pub struct Server {
    epoll: OwnedFd,
    listener: TcpListener,
    stop: Stop,
    coalesce: bool,
    peers: Vec<Option<Peer>>,
    /// Places in `peers` that are free.
    free: Vec<usize>,
    read: Box<[u8]>,
    turn: Turn,
}

/// One socket. 80 bytes while it is idle: the server's memory is the kernel's.
#[derive(Debug)]
struct Peer {
    stream: TcpStream,
    upgraded: bool,
    /// The beginning of what is not whole yet.
    input: Vec<u8>,
    /// What the socket did not take yet.
    output: Vec<u8>,
    /// How much of `output` it took.
    taken: usize,
}

/// What one turn of the loop brought, framed for all.
#[derive(Debug, Default)]
struct Turn {
    bytes: Vec<u8>,
    /// Where each message ends in it.
    ends: Vec<usize>,
}

/// The socket is to be closed.
#[derive(Debug)]
struct Gone;

/// Serves until it is told to stop.
pub fn run(arguments: &Arguments, say: impl Fn(&str)) -> Result<()> {
    let server = Server::bind(arguments.port, arguments.coalesce)?;
    say(&format!("listening on {}", server.address()?));
    if arguments.until_eof {
        let stop = server.stop();
        std::thread::spawn(move || {
            // An error of standard input is an end of it as well.
            drop(io::copy(&mut io::stdin().lock(), &mut io::sink()));
            stop.stop();
        });
    }
    server.run()
}

/// Ends a server from another thread.
#[derive(Debug, Clone)]
pub struct Stop(Arc<OwnedFd>);

impl Stop {
    /// Ends it.
    pub fn stop(&self) {
        // It fails when it was told so very often.
        let _told = rustix::io::write(&self.0, &1_u64.to_ne_bytes());
    }
}

impl Server {
    /// Listens on a port of loopback.
    pub fn bind(port: u16, coalesce: bool) -> Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC).context("opening an epoll")?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let listener =
            TcpListener::bind(address).with_context(|| format!("listening on {address}"))?;
        listener.set_nonblocking(true)?;
        let stop = Stop(Arc::new(eventfd(0, EventfdFlags::CLOEXEC)?));
        watch(&epoll, &listener, LISTENER, EventFlags::IN)?;
        watch(&epoll, &stop.0, STOP, EventFlags::IN)?;
        Ok(Self {
            epoll,
            listener,
            stop,
            coalesce,
            peers: Vec::new(),
            free: Vec::new(),
            read: vec![0; READ].into_boxed_slice(),
            turn: Turn::default(),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> Result<SocketAddr> {
        Ok(self.listener.local_addr()?)
    }

    /// What ends it.
    pub fn stop(&self) -> Stop {
        self.stop.clone()
    }

    /// Serves until it is told to stop.
    pub fn run(mut self) -> Result<()> {
        let mut events = Vec::with_capacity(TURN);
        loop {
            events.clear();
            match epoll::wait(
                &self.epoll,
                rustix::buffer::spare_capacity(&mut events),
                None,
            ) {
                Err(rustix::io::Errno::INTR) => continue,
                waited => waited.context("waiting for sockets")?,
            };
            for event in &events {
                let (flags, data) = (event.flags, event.data);
                match usize::try_from(data.u64()).unwrap_or(LISTENER) {
                    LISTENER => self.accept()?,
                    STOP => return Ok(()),
                    place => {
                        let ended = EventFlags::HUP | EventFlags::RDHUP | EventFlags::ERR;
                        let writable = flags.contains(EventFlags::OUT);
                        if self
                            .serve(place, writable, flags.intersects(ended))
                            .is_err()
                        {
                            self.close(place);
                        }
                    }
                }
            }
            self.fan_out();
        }
    }

    fn accept(&mut self) -> Result<()> {
        loop {
            let stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::Interrupted | ErrorKind::ConnectionAborted
                    ) =>
                {
                    continue;
                }
                // Without descriptors the figures would be those of fewer sockets.
                Err(error) => return Err(error).context("accepting"),
            };
            let ready = stream.set_nodelay(true).and(stream.set_nonblocking(true));
            if ready.is_err() {
                continue;
            }
            let place = self.free.pop().unwrap_or(self.peers.len());
            let news = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP;
            watch(&self.epoll, &stream, place, news)?;
            let peer = Some(Peer::new(stream));
            match self.peers.get_mut(place) {
                Some(free) => *free = peer,
                None => self.peers.push(peer),
            }
        }
    }

    /// Reads what came and writes what waited.
    fn serve(&mut self, place: usize, writable: bool, ending: bool) -> Result<(), Gone> {
        // A socket that was closed in this turn may have an event left.
        let Some(peer) = self.peers.get_mut(place).and_then(Option::as_mut) else {
            return Ok(());
        };
        if writable && !peer.output.is_empty() {
            peer.flush()?;
        }
        loop {
            match peer.stream.read(&mut self.read) {
                Ok(0) => return Err(Gone),
                Ok(length) => {
                    let bytes = self.read.get_mut(..length).unwrap_or_default();
                    peer.take(bytes, &mut self.turn)?;
                    // Less than there was room for: the socket is empty, and its
                    // next byte is a new event. That saves a call per message.
                    if length < READ && !ending {
                        return Ok(());
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Err(Gone),
            }
        }
    }

    fn fan_out(&mut self) {
        if self.turn.ends.is_empty() {
            return;
        }
        let mut gone = Vec::new();
        let mut begin = 0;
        let last = self.turn.bytes.len();
        let one = [last];
        let ends = if self.coalesce {
            &one
        } else {
            self.turn.ends.as_slice()
        };
        for end in ends {
            let bytes = self.turn.bytes.get(begin..*end).unwrap_or_default();
            begin = *end;
            for (place, peer) in self.peers.iter_mut().enumerate() {
                if let Some(peer) = peer.as_mut().filter(|peer| peer.upgraded)
                    && peer.send(bytes).is_err()
                {
                    gone.push(place);
                }
            }
        }
        for place in gone {
            self.close(place);
        }
        self.turn.clear();
    }

    fn close(&mut self, place: usize) {
        if let Some(closed) = self.peers.get_mut(place).and_then(Option::take) {
            // Closing the descriptor takes it out of the epoll.
            drop(closed);
            self.free.push(place);
        }
    }
}

impl Peer {
    const fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            upgraded: false,
            input: Vec::new(),
            output: Vec::new(),
            taken: 0,
        }
    }

    /// Takes what came; what is not whole is kept.
    fn take(&mut self, bytes: &mut [u8], turn: &mut Turn) -> Result<(), Gone> {
        if self.input.is_empty() {
            let used = self.understand(bytes, turn)?;
            self.input
                .extend_from_slice(bytes.get(used..).unwrap_or_default());
            return Ok(());
        }
        let mut input = std::mem::take(&mut self.input);
        input.extend_from_slice(bytes);
        let used = self.understand(&mut input, turn)?;
        if used < input.len() {
            input.drain(..used);
            // Else the memory is given back: most sockets are silent.
            self.input = input;
        }
        Ok(())
    }

    /// Does what whole frames say; answers with how many bytes they were.
    fn understand(&mut self, bytes: &mut [u8], turn: &mut Turn) -> Result<usize, Gone> {
        let mut used = 0;
        if !self.upgraded {
            match answer_upgrade(bytes) {
                Ok(Some((answer, end))) => {
                    self.send(&answer)?;
                    self.upgraded = true;
                    used = end;
                }
                Ok(None) => return Ok(0),
                Err(_broken) => {
                    self.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")?;
                    return Err(Gone);
                }
            }
        }
        loop {
            let rest = bytes.get_mut(used..).unwrap_or_default();
            let Some(frame) = read_frame(rest, true).map_err(|_broken| Gone)? else {
                return Ok(used);
            };
            used += frame.payload.end;
            let payload = rest.get_mut(frame.payload).unwrap_or_default();
            apply_mask(payload, frame.mask.unwrap_or_default());
            match frame.opcode {
                OpCode::Data(_) => turn.push(frame.opcode, payload),
                OpCode::Control(Control::Ping) => self.answer(Control::Pong, payload)?,
                OpCode::Control(Control::Close) => {
                    self.answer(Control::Close, payload)?;
                    return Err(Gone);
                }
                OpCode::Control(_) => {}
            }
        }
    }

    fn answer(&mut self, opcode: Control, payload: &[u8]) -> Result<(), Gone> {
        let mut bytes = Vec::with_capacity(payload.len() + 10);
        write_frame(&mut bytes, OpCode::Control(opcode), payload, None);
        self.send(&bytes)
    }

    /// Writes at once; what the socket does not take waits.
    fn send(&mut self, bytes: &[u8]) -> Result<(), Gone> {
        let mut left = bytes;
        while self.output.is_empty() && !left.is_empty() {
            match self.stream.write(left) {
                Ok(0) => return Err(Gone),
                Ok(length) => left = left.get(length..).unwrap_or_default(),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Err(Gone),
            }
        }
        if self.output.len() - self.taken + left.len() > LONGEST_QUEUE {
            return Err(Gone);
        }
        self.output.extend_from_slice(left);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Gone> {
        while let Some(left) = self
            .output
            .get(self.taken..)
            .filter(|left| !left.is_empty())
        {
            match self.stream.write(left) {
                Ok(0) => return Err(Gone),
                Ok(length) => self.taken += length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    // What was taken must not stay in memory for ever.
                    self.output.drain(..self.taken);
                    self.taken = 0;
                    return Ok(());
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Err(Gone),
            }
        }
        self.output = Vec::new();
        self.taken = 0;
        Ok(())
    }
}

impl Turn {
    fn push(&mut self, opcode: OpCode, payload: &[u8]) {
        write_frame(&mut self.bytes, opcode, payload, None);
        self.ends.push(self.bytes.len());
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }
}

/// Watches a descriptor for what is new there.
fn watch(epoll: &OwnedFd, it: impl AsFd, about: usize, news: EventFlags) -> rustix::io::Result<()> {
    let about = EventData::new_u64(about as u64);
    epoll::add(epoll, it, about, news | EventFlags::ET)
}

#[cfg(test)]
mod tests {
    use std::{thread::JoinHandle, time::Duration};

    use futures_util::{SinkExt, StreamExt};
    use tokio::{io::AsyncWriteExt, net::TcpStream as AsyncStream, time::timeout};
    use tokio_tungstenite::{WebSocketStream, client_async, tungstenite::Message};

    use super::*;

    struct Running {
        address: SocketAddr,
        stop: Stop,
        thread: JoinHandle<Result<()>>,
    }

    fn start(coalesce: bool) -> Running {
        let server = Server::bind(0, coalesce).unwrap();
        Running {
            address: server.address().unwrap(),
            stop: server.stop(),
            thread: std::thread::spawn(move || server.run()),
        }
    }

    impl Running {
        async fn connect(&self) -> WebSocketStream<AsyncStream> {
            let stream = AsyncStream::connect(self.address).await.unwrap();
            client_async("ws://limit/", stream).await.unwrap().0
        }

        fn end(self) {
            self.stop.stop();
            self.thread.join().unwrap().unwrap();
        }
    }

    async fn next(socket: &mut WebSocketStream<AsyncStream>) -> Message {
        let next = timeout(Duration::from_secs(20), socket.next());
        next.await.expect("nothing came").unwrap().unwrap()
    }

    #[tokio::test]
    async fn what_one_sends_all_receive_in_order_and_whole() {
        for coalesce in [false, true] {
            let server = start(coalesce);
            let mut one = server.connect().await;
            let mut two = server.connect().await;
            let sent: Vec<Message> = [1, 125, 126, 70_000, 3]
                .into_iter()
                .map(|length| Message::binary(vec![7_u8; length]))
                .collect();
            for message in &sent {
                one.feed(message.clone()).await.unwrap();
            }
            one.flush().await.unwrap();
            two.send(Message::text("last")).await.unwrap();
            for socket in [&mut one, &mut two] {
                let mut from_one = Vec::new();
                let mut from_two = 0;
                while from_one.len() < sent.len() || from_two == 0 {
                    match next(socket).await {
                        text @ Message::Text(_) => {
                            assert_eq!(text, Message::text("last"));
                            from_two += 1;
                        }
                        other => from_one.push(other),
                    }
                }
                assert_eq!((from_one, from_two), (sent.clone(), 1));
            }
            server.end();
        }
    }

    #[tokio::test]
    async fn pings_are_answered_and_a_close_is_one() {
        let server = start(false);
        let mut socket = server.connect().await;
        socket.send(Message::Ping("p".into())).await.unwrap();
        assert_eq!(next(&mut socket).await, Message::Pong("p".into()));
        socket.close(None).await.unwrap();
        assert!(matches!(next(&mut socket).await, Message::Close(_)));
        let mut stranger = AsyncStream::connect(server.address).await.unwrap();
        stranger.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        let mut answer = Vec::new();
        tokio::io::AsyncReadExt::read_to_end(&mut stranger, &mut answer)
            .await
            .unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 400"));
        server.end();
    }

    #[tokio::test]
    async fn a_socket_that_reads_late_gets_all_and_one_that_never_reads_is_closed() {
        let server = start(false);
        let mut late = server.connect().await;
        let mut sender = server.connect().await;
        // More than the sockets' own buffers hold, less than the queue beyond them.
        let big = Message::binary(vec![1_u8; 400_000]);
        for _ in 0..6 {
            sender.send(big.clone()).await.unwrap();
            assert_eq!(next(&mut sender).await, big);
        }
        for _ in 0..6 {
            assert_eq!(next(&mut late).await, big);
        }
        // Now it never reads: the sender goes on, the silent one ends.
        for _ in 0..40 {
            sender.send(big.clone()).await.unwrap();
            assert_eq!(next(&mut sender).await, big);
        }
        let ended = async {
            while let Some(Ok(message)) = late.next().await {
                assert_eq!(message, big);
            }
        };
        timeout(Duration::from_secs(20), ended)
            .await
            .expect("the silent one was kept");
        server.end();
    }
}
