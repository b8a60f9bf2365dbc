//! A TCP proxy that does what networks do: cut, delay, swallow, and lose.
//!
//! It reads enough of RESP to lose a single pub/sub message without harming
//! the stream around it; nothing else of what passes is touched.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::JoinSet,
    time::sleep,
};

use crate::resp::{self, Splitter};

/// What the network does at the moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct LinkState {
    /// Nothing arrives, in neither direction, but connections stay.
    blackhole: bool,
    /// New connections are closed at once.
    refuse: bool,
    /// Each piece arrives later by this.
    delay: Duration,
    /// Rises with each cut; connections of an earlier number end.
    cuts: u64,
}

#[derive(Debug)]
struct Shared {
    upstream: Mutex<String>,
    state: watch::Sender<LinkState>,
    /// How many of the next events are to be lost.
    to_drop: AtomicU64,
    /// Of all events, lose each with this number; 0 for none.
    every: AtomicU64,
    events: AtomicU64,
    dropped: AtomicU64,
}

/// A proxy. Dropping it ends all its connections.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    _accepting: JoinSet<()>,
}

impl Proxy {
    /// Starts a proxy to `upstream` on a port of its own.
    pub async fn start(upstream: &str) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .context("binding the proxy")?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            upstream: Mutex::new(upstream.to_owned()),
            state: watch::Sender::new(LinkState::default()),
            to_drop: AtomicU64::new(0),
            every: AtomicU64::new(0),
            events: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
        });
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self {
            address,
            shared,
            _accepting: accepting,
        })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Leads new connections elsewhere; those that are open stay where they are.
    pub fn lead_to(&self, upstream: &str) {
        let known = self.shared.upstream.lock();
        let mut known = known.unwrap_or_else(PoisonError::into_inner);
        upstream.clone_into(&mut known);
    }

    /// Ends all connections; new ones are taken.
    pub fn cut(&self) {
        self.shared.state.send_modify(|state| state.cuts += 1);
    }

    /// Ends all connections and refuses new ones, or takes them again.
    pub fn refuse(&self, refuse: bool) {
        self.shared.state.send_modify(|state| {
            state.refuse = refuse;
            state.cuts += u64::from(refuse);
        });
    }

    /// Lets nothing through while connections stay, or everything again. What
    /// came in the meantime arrives then, as TCP would have it.
    pub fn blackhole(&self, blackhole: bool) {
        self.shared
            .state
            .send_modify(|state| state.blackhole = blackhole);
    }

    /// Delays each piece.
    pub fn delay(&self, delay: Duration) {
        self.shared.state.send_modify(|state| state.delay = delay);
    }

    /// Lets everything through again, at once.
    pub fn heal(&self) {
        self.delay(Duration::ZERO);
        self.blackhole(false);
        self.refuse(false);
        self.drop_every(0);
    }

    /// Loses the next `count` published events.
    pub fn drop_next(&self, count: u64) {
        self.shared.to_drop.store(count, Ordering::SeqCst);
    }

    /// Loses each `n`-th published event; 0 loses none.
    pub fn drop_every(&self, n: u64) {
        self.shared.every.store(n, Ordering::SeqCst);
    }

    /// How many events were lost so far.
    pub fn dropped(&self) -> u64 {
        self.shared.dropped.load(Ordering::SeqCst)
    }
}

impl Shared {
    fn upstream(&self) -> String {
        let upstream = self.upstream.lock();
        upstream.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether this push is one of those to be lost.
    fn loses(&self, element: &[u8]) -> bool {
        if !resp::is_event(element) {
            return false;
        }
        let number = self.events.fetch_add(1, Ordering::SeqCst) + 1;
        let every = self.every.load(Ordering::SeqCst);
        let nth = every > 0 && number.is_multiple_of(every);
        let next = self
            .to_drop
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                left.checked_sub(1)
            })
            .is_ok();
        if nth || next {
            self.dropped.fetch_add(1, Ordering::SeqCst);
        }
        nth || next
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        if !shared.state.borrow().refuse {
            connections.spawn(serve(client, Arc::clone(&shared)));
        }
    }
}

/// Copies both ways until either side ends or the connection is cut.
async fn serve(client: TcpStream, shared: Arc<Shared>) {
    let born = shared.state.borrow().cuts;
    let upstream = shared.upstream();
    let Ok(server) = TcpStream::connect(upstream).await else {
        return;
    };
    let quick = client.set_nodelay(true).and(server.set_nodelay(true));
    if quick.is_err() {
        return;
    }
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let mut state = shared.state.subscribe();
    tokio::select! {
        _ = forward(from_client, to_server, &shared, None) => {}
        _ = forward(from_server, to_client, &shared, Some(Splitter::default())) => {}
        _ = state.wait_for(|state| state.cuts != born) => {}
    }
}

/// Copies one way; with a splitter it loses the events that are to be lost.
async fn forward(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    shared: &Shared,
    mut splitter: Option<Splitter>,
) -> std::io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let length = from.read(&mut buffer).await?;
        if length == 0 {
            return Ok(());
        }
        let mut out = buffer.get(..length).unwrap_or_default().to_vec();
        if let Some(splitter) = &mut splitter {
            splitter.feed(&out);
            out.clear();
            while let Some(element) = splitter.next() {
                if !shared.loses(&element) {
                    out.extend_from_slice(&element);
                }
            }
        }
        pass(shared).await;
        to.write_all(&out).await?;
    }
}

/// Waits as long as the network would.
async fn pass(shared: &Shared) {
    let delay = shared.state.borrow().delay;
    if !delay.is_zero() {
        sleep(delay).await;
    }
    let mut state = shared.state.subscribe();
    // The sender lives as long as `shared`, so the wait ends only when it is over.
    drop(state.wait_for(|state| !state.blackhole).await);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that sends back what it gets.
    async fn echo(tasks: &mut JoinSet<()>) -> Result<String> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        tasks.spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (mut read, mut write) = stream.split();
                drop(tokio::io::copy(&mut read, &mut write).await);
            }
        });
        Ok(address)
    }

    fn push(text: &str) -> String {
        format!("*3\r\n$7\r\nmessage\r\n$10\r\nevents:{{1}}\r\n$1\r\n{text}\r\n")
    }

    #[tokio::test]
    async fn loses_only_the_events_it_was_told_to() -> Result<()> {
        let mut tasks = JoinSet::new();
        let proxy = Proxy::start(&echo(&mut tasks).await?).await?;
        let mut stream = TcpStream::connect(proxy.address()).await?;
        proxy.drop_next(1);
        let sent = format!("+OK\r\n{}{}", push("a"), push("b"));
        stream.write_all(sent.as_bytes()).await?;
        let expected = format!("+OK\r\n{}", push("b"));
        let mut got = vec![0; expected.len()];
        stream.read_exact(&mut got).await?;
        assert_eq!(String::from_utf8(got)?, expected);
        assert_eq!(proxy.dropped(), 1);
        Ok(())
    }

    #[tokio::test]
    async fn a_cut_ends_connections_and_a_blackhole_keeps_them() -> Result<()> {
        let mut tasks = JoinSet::new();
        let proxy = Proxy::start(&echo(&mut tasks).await?).await?;
        let mut stream = TcpStream::connect(proxy.address()).await?;
        proxy.blackhole(true);
        stream.write_all(b"+OK\r\n").await?;
        let mut got = [0; 5];
        let silent = tokio::time::timeout(Duration::from_millis(30), stream.read(&mut got)).await;
        assert!(silent.is_err(), "nothing passes a blackhole");
        proxy.blackhole(false);
        stream.read_exact(&mut got).await?;
        assert_eq!(&got, b"+OK\r\n");
        proxy.cut();
        assert_eq!(stream.read(&mut got).await.unwrap_or(0), 0);
        Ok(())
    }

    #[tokio::test]
    async fn leads_new_connections_elsewhere() -> Result<()> {
        let mut tasks = JoinSet::new();
        let proxy = Proxy::start("127.0.0.1:1").await?;
        proxy.lead_to(&echo(&mut tasks).await?);
        let mut stream = TcpStream::connect(proxy.address()).await?;
        stream.write_all(b"+OK\r\n").await?;
        let mut got = [0; 5];
        stream.read_exact(&mut got).await?;
        assert_eq!(&got, b"+OK\r\n");
        Ok(())
    }
}
