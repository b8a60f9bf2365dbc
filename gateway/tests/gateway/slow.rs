//! Slow readers harm nobody else.

use shared::bus::envelope::Envelope;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpSocket,
};

use crate::support::{client::Client, http::send, start, until, world::World};

const SERVER: u64 = 4_096_321;

/// A client that opens a session and then reads nothing.
async fn sleeper(address: std::net::SocketAddr) -> tokio::net::TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut stream = socket.connect(address).await.unwrap();
    let handshake = "GET /ws HTTP/1.1\r\nhost: gateway\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
    stream.write_all(handshake.as_bytes()).await.unwrap();
    // Everything up to "hello", then an identify frame with an empty mask.
    let mut bytes = [0; 512];
    assert!(stream.read(&mut bytes).await.unwrap() > 0);
    let frame = [&[0x94, 4, 0, 0, 0x91, 0xa4][..], b"slow"].concat();
    let length = 0x80 | u8::try_from(frame.len()).unwrap();
    let frame = [&[0x82, length, 0, 0, 0, 0][..], &frame].concat();
    stream.write_all(&frame).await.unwrap();
    stream
}

#[tokio::test]
async fn a_slow_consumer_is_closed_and_others_get_everything() {
    let gateway = start(&["--queue-bytes", "65536"]).await;
    let world = &gateway.world;
    world.account("slow", 10_000);
    world.account("quick", 10_001);
    let view = world.view(7, &[1]);
    world.member(SERVER, 10_000, view);
    world.member(SERVER, 10_001, view);
    let (mut quick, _) = Client::open(gateway.address, "quick").await;
    let mut slow = sleeper(gateway.address).await;
    until("both are there", async || {
        let (_, _, text) = send(gateway.ops, "GET", "/metrics", &[], "").await;
        text.contains("confab_gateway_sessions 2")
    })
    .await;
    let mut sent = 0_u64;
    until("the slow one is closed", async || {
        let large: Vec<Envelope> = (0..100)
            .map(|_| {
                let mut event = world.write(SERVER, Some(1), None);
                event.frame = World::large(&event, 1_000);
                event
            })
            .collect();
        world.publish(&large).await;
        let expected: Vec<u64> = (sent + 1..=sent + 100).collect();
        assert_eq!(quick.events(SERVER, 100).await, expected);
        sent += 100;
        let (_, _, text) = send(gateway.ops, "GET", "/metrics", &[], "").await;
        text.contains(r#"confab_gateway_closed_total{close_code="SlowConsumer"} 1"#)
    })
    .await;
    // What the slow one reads in the end stops with the close frame.
    let mut rest = Vec::new();
    slow.read_to_end(&mut rest).await.unwrap();
    let close = [&[0x88, 14][..], &4_008_u16.to_be_bytes(), b"SlowConsumer"].concat();
    assert!(rest.ends_with(&close), "{:x?}", &rest[rest.len() - 20..]);
    quick.is_quiet(1).await;
}
