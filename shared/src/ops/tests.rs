//! The port with real sockets: what it says, and whom it cuts off.

use std::net::SocketAddr;

use prometheus::IntCounter;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    runtime::Runtime,
};

use super::*;

const HOUR: Duration = Duration::from_hours(1);
const MOMENT: Duration = Duration::from_millis(20);

struct Port {
    address: SocketAddr,
    health: Health,
    open: OpsPort,
}

/// With nothing that ends by itself.
async fn open_port(names: &[&'static str]) -> Port {
    let bounds = Bounds {
        connections: 2,
        lifetime: HOUR,
    };
    open_bounded(names, bounds, Turns::new(Handle::current(), HOUR)).await
}

async fn open_bounded(names: &[&'static str], bounds: Bounds, turns: Turns) -> Port {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let registry = Registry::new();
    let counter = IntCounter::new("answers_total", "Answers.").unwrap();
    counter.inc_by(42);
    registry.register(Box::new(counter)).unwrap();
    let health = Health::new(names);
    let router = build_router(registry, health.clone(), turns).unwrap();
    Port {
        address,
        health,
        open: open(listener, router, bounds).unwrap(),
    }
}

impl Port {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn get(&self, path: &str) -> (u16, String) {
        let mut socket = self.connect().await;
        let request = format!("GET {path} HTTP/1.1\r\nhost: ops\r\n\r\n");
        socket.write_all(request.as_bytes()).await.unwrap();
        read_answer(&mut socket).await
    }
}

/// Until the other side closes.
async fn read_answer(socket: &mut TcpStream) -> (u16, String) {
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap();
    (status.parse().unwrap(), body.to_owned())
}

/// The same where something that was sent stays unread: then it may end with a reset.
async fn read_all(socket: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).await.unwrap_or_default();
    String::from_utf8(answer).unwrap()
}

/// Nothing more comes: the other side has closed, in whichever way.
async fn is_closed(socket: &mut TcpStream) -> bool {
    matches!(socket.read(&mut [0]).await, Ok(0) | Err(_))
}

#[tokio::test]
async fn metrics_hold_ours_and_those_of_the_process() {
    let port = open_port(&[]).await;
    let (status, text) = port.get("/metrics").await;
    assert_eq!(status, 200);
    assert!(text.contains("answers_total 42"), "{text}");
    assert!(text.contains("process_resident_memory_bytes"), "{text}");
}

#[tokio::test]
async fn ready_only_when_every_check_holds_and_not_draining() {
    let port = open_port(&["lanes", "bus"]).await;
    assert!(!port.health.was_ready());
    assert_eq!(port.get("/healthz").await, (200, "ok".to_owned()));
    let (status, text) = port.get("/readyz").await;
    assert_eq!(status, 503);
    assert_eq!(text, "bus: not checked yet\nlanes: not checked yet\n");

    port.health.set_check("bus", Ok(()));
    port.health
        .set_check("lanes", Err("none\nowned".to_owned()));
    let (status, text) = port.get("/readyz").await;
    assert_eq!(
        (status, text.as_str()),
        (503, "bus: ok\nlanes: none owned\n")
    );

    assert!(port.get("/metrics").await.1.contains("confab_ready 0\n"));

    port.health.set_check("lanes", Ok(()));
    assert_eq!(port.get("/readyz").await.0, 200);
    assert!(port.get("/metrics").await.1.contains("confab_ready 1\n"));

    port.health.start_draining();
    let (status, text) = port.get("/readyz").await;
    assert_eq!(
        (status, text.as_str()),
        (503, "draining\nbus: ok\nlanes: ok\n")
    );
    assert!(port.health.was_ready());
    assert_eq!(port.get("/healthz").await.0, 200);
}

#[tokio::test]
async fn stops_when_told_even_with_a_connection_open() {
    let port = open_port(&[]).await;
    let mut half = port.connect().await;
    half.write_all(b"GET /metrics").await.unwrap();
    assert_eq!(port.get("/healthz").await.0, 200);
    port.open.close().await;
    assert!(is_closed(&mut half).await);
    assert!(TcpStream::connect(port.address).await.is_err());
}

#[tokio::test]
async fn the_port_closes_with_the_program_that_fails() {
    let port = open_port(&[]).await;
    let closed = port.open.closed.clone();
    drop(port.open);
    closed.cancelled().await;
    assert!(TcpStream::connect(port.address).await.is_err());
}

#[tokio::test]
async fn who_says_nothing_or_half_of_it_is_cut_off() {
    let bounds = Bounds {
        connections: 2,
        lifetime: MOMENT,
    };
    let port = open_bounded(&[], bounds, Turns::new(Handle::current(), HOUR)).await;
    let (mut silent, mut slow) = (port.connect().await, port.connect().await);
    slow.write_all(b"GET /metrics HTTP/1.1\r\n").await.unwrap();
    assert!(is_closed(&mut silent).await);
    assert!(is_closed(&mut slow).await);
}

#[tokio::test]
async fn one_too_many_ends_the_oldest() {
    let port = open_port(&[]).await;
    let (mut oldest, mut second) = (port.connect().await, port.connect().await);
    assert_eq!(port.get("/readyz").await.0, 200);
    assert!(is_closed(&mut oldest).await);
    // The one that came meanwhile is gone by itself.
    second
        .write_all(b"GET /healthz HTTP/1.1\r\nhost: ops\r\n\r\n")
        .await
        .unwrap();
    assert_eq!(read_answer(&mut second).await, (200, "ok".to_owned()));
}

#[tokio::test]
async fn a_request_that_is_too_large_is_refused() {
    let port = open_port(&[]).await;
    let mut socket = port.connect().await;
    let headers = format!("GET / HTTP/1.1\r\nx: {}", "x".repeat(9_000));
    socket.write_all(headers.as_bytes()).await.unwrap();
    assert!(read_all(&mut socket).await.starts_with("HTTP/1.1 431"));
}

#[tokio::test]
async fn a_connection_brings_one_request() {
    let port = open_port(&[]).await;
    let mut socket = port.connect().await;
    let twice = "GET /healthz HTTP/1.1\r\nhost: ops\r\n\r\n".repeat(2);
    socket.write_all(twice.as_bytes()).await.unwrap();
    let answers = read_all(&mut socket).await;
    assert_eq!(answers.matches("HTTP/1.1 200").count(), 1, "{answers}");
}

#[test]
fn a_process_whose_tasks_get_no_turn_says_so_and_the_rest_besides() {
    // Two runtimes: that of the clients does nothing until somebody drives it.
    let (clients, others) = (one_thread(), one_thread());
    let port = others.block_on(open_stuck(&clients));
    for _ in 0..2 {
        let (status, text) = others.block_on(port.get("/healthz"));
        assert_eq!((status, text.as_str()), (503, "no task gets its turn"));
    }
    // What its checks found was found long ago.
    assert_eq!(others.block_on(port.get("/readyz")).0, 503);
    assert_eq!(others.block_on(port.get("/metrics")).0, 200);
    assert_eq!(clients.metrics().num_alive_tasks(), 1);
    thread::scope(|scope| {
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        scope.spawn(|| clients.block_on(stopped));
        let healthy = || others.block_on(port.get("/healthz")).0 == 200;
        while !healthy() {}
        stop.cancel();
    });
}

async fn open_stuck(clients: &Runtime) -> Port {
    let bounds = Bounds {
        connections: 2,
        lifetime: HOUR,
    };
    open_bounded(&[], bounds, Turns::new(clients.handle().clone(), MOMENT)).await
}

fn one_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}
