//! The bare fan-out server: what one client sends goes to all, as bytes.
//!
//! One thread, one epoll, no rule, no session, no Redis. What it reaches per
//! CPU second is what the kernel's sockets cost, so a gateway's share of it says
//! how much of the gateway is overhead.

use std::{
    io::ErrorKind,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    os::fd::{AsFd, OwnedFd},
};

use anyhow::{Context, Result};
use clap::Args;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};

use crate::{
    socket::{Gone, Socket},
    websocket::{Control, OpCode, answer_upgrade, apply_mask, read_frame, write_frame},
};

/// Bytes that wait for one socket. One that takes no more is closed.
const LONGEST_QUEUE: usize = 1 << 20;
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
    /// End when the pipe that is the standard input is closed, so that it does not outlive who
    /// started it.
    #[arg(long)]
    until_eof: bool,
}

/// The server.
#[derive(Debug)]
pub struct Server {
    epoll: OwnedFd,
    listener: TcpListener,
    coalesce: bool,
    peers: Vec<Option<Peer>>,
    /// Places in `peers` that are free.
    free: Vec<usize>,
    buffer: Vec<u8>,
    turn: Turn,
}

/// One socket.
#[derive(Debug)]
struct Peer {
    socket: Socket,
    upgraded: bool,
}

/// What one turn of the loop brought, framed for all.
#[derive(Debug, Default)]
struct Turn {
    bytes: Vec<u8>,
    /// Where each message ends in it.
    ends: Vec<usize>,
}

/// Serves until it is told to stop.
pub fn run(arguments: &Arguments, say: impl Fn(&str)) -> Result<()> {
    let server = Server::bind(arguments.port, arguments.coalesce)?;
    say(&format!("listening on {}", server.address()?));
    if arguments.until_eof {
        server.stop_with(&std::io::stdin())?;
    }
    server.run()
}

impl Server {
    /// Listens on a port of loopback.
    pub fn bind(port: u16, coalesce: bool) -> Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC).context("opening an epoll")?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let listener =
            TcpListener::bind(address).with_context(|| format!("listening on {address}"))?;
        listener.set_nonblocking(true)?;
        let about = EventData::new_u64(LISTENER as u64);
        epoll::add(&epoll, &listener, about, EventFlags::IN)?;
        Ok(Self {
            epoll,
            listener,
            coalesce,
            peers: Vec::new(),
            free: Vec::new(),
            buffer: Vec::new(),
            turn: Turn::default(),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> Result<SocketAddr> {
        Ok(self.listener.local_addr()?)
    }

    /// Stops when the other end of this pipe or socket is closed.
    pub fn stop_with(&self, pipe: &impl AsFd) -> Result<()> {
        let about = EventData::new_u64(STOP as u64);
        epoll::add(&self.epoll, pipe, about, EventFlags::RDHUP)?;
        Ok(())
    }

    /// Serves until it is told to stop.
    pub fn run(mut self) -> Result<()> {
        let mut events = Vec::with_capacity(TURN);
        loop {
            events.clear();
            let space = rustix::buffer::spare_capacity(&mut events);
            match epoll::wait(&self.epoll, space, None) {
                Err(rustix::io::Errno::INTR) => continue,
                waited => waited.context("waiting for sockets")?,
            };
            for event in &events {
                let (flags, data) = (event.flags, event.data);
                match usize::try_from(data.u64()).unwrap_or(LISTENER) {
                    LISTENER => self.accept()?,
                    STOP => return Ok(()),
                    place => {
                        if self.serve(place, flags).is_err() {
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
            let peer = Some(Peer {
                socket: Socket::watch(stream.into(), &self.epoll, place, EventFlags::IN)?,
                upgraded: false,
            });
            match self.peers.get_mut(place) {
                Some(free) => *free = peer,
                None => self.peers.push(peer),
            }
        }
    }

    /// Reads what came and writes what waited.
    fn serve(&mut self, place: usize, flags: EventFlags) -> Result<(), Gone> {
        // A socket that was closed in this turn may have an event left.
        let Some(peer) = self.peers.get_mut(place).and_then(Option::as_mut) else {
            return Ok(());
        };
        if flags.contains(EventFlags::OUT) {
            peer.socket.flush()?;
        }
        if flags.intersects(EventFlags::IN | EventFlags::HUP | EventFlags::ERR)
            && let Some(bytes) = peer.socket.read(&mut self.buffer, usize::MAX)?
        {
            let used = peer.understand(bytes, &mut self.turn)?;
            peer.socket.keep(bytes.get(used..).unwrap_or_default());
        }
        peer.socket.set_interest(&self.epoll, true)
    }

    fn fan_out(&mut self) {
        if self.turn.ends.is_empty() {
            return;
        }
        let mut gone = Vec::new();
        let mut begin = 0;
        let all = [self.turn.bytes.len()];
        let ends = if self.coalesce {
            &all
        } else {
            self.turn.ends.as_slice()
        };
        for end in ends {
            let bytes = self.turn.bytes.get(begin..*end).unwrap_or_default();
            begin = *end;
            for (place, peer) in self.peers.iter_mut().enumerate() {
                if let Some(peer) = peer.as_mut().filter(|peer| peer.upgraded)
                    && peer.send(bytes, &self.epoll).is_err()
                {
                    gone.push(place);
                }
            }
        }
        for place in gone {
            self.close(place);
        }
        self.turn.bytes.clear();
        self.turn.ends.clear();
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
    /// Does what whole frames say; answers with how many bytes they were.
    fn understand(&mut self, bytes: &mut [u8], turn: &mut Turn) -> Result<usize, Gone> {
        let mut used = 0;
        if !self.upgraded {
            match answer_upgrade(bytes) {
                Ok(Some((answer, end))) => {
                    self.socket.send(&answer)?;
                    self.upgraded = true;
                    used = end;
                }
                Ok(None) => return Ok(0),
                Err(_broken) => {
                    self.socket
                        .send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")?;
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
                OpCode::Data(_) => {
                    write_frame(&mut turn.bytes, frame.opcode, payload, None);
                    turn.ends.push(turn.bytes.len());
                }
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
        self.socket.send(&bytes)
    }

    fn send(&mut self, bytes: &[u8], epoll: &OwnedFd) -> Result<(), Gone> {
        self.socket.send(bytes)?;
        if self.socket.out().len() > LONGEST_QUEUE {
            return Err(Gone);
        }
        self.socket.set_interest(epoll, true)
    }
}

#[cfg(test)]
mod tests {
    use std::{os::unix::net::UnixStream, thread::JoinHandle, time::Duration};

    use futures_util::{SinkExt, StreamExt};
    use tokio::{io::AsyncWriteExt, net::TcpStream as AsyncStream, time::timeout};
    use tokio_tungstenite::{WebSocketStream, client_async, tungstenite::Message};

    use super::*;

    struct Running {
        address: SocketAddr,
        stop: UnixStream,
        thread: JoinHandle<Result<()>>,
    }

    fn start(coalesce: bool) -> Running {
        let server = Server::bind(0, coalesce).unwrap();
        let (stop, other_end) = UnixStream::pair().unwrap();
        server.stop_with(&other_end).unwrap();
        Running {
            address: server.address().unwrap(),
            stop,
            thread: std::thread::spawn(move || {
                let served = server.run();
                drop(other_end);
                served
            }),
        }
    }

    impl Running {
        async fn connect(&self) -> WebSocketStream<AsyncStream> {
            let stream = AsyncStream::connect(self.address).await.unwrap();
            client_async("ws://limit/", stream).await.unwrap().0
        }

        fn end(self) {
            drop(self.stop);
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
