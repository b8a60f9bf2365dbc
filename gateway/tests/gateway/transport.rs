//! What carries connections: TLS, the PROXY protocol.

use std::{net::SocketAddr, sync::Arc};

use futures_util::StreamExt;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, ServerName, pem::PemObject},
    },
};
use tokio_tungstenite::{client_async, tungstenite::Message};

use crate::support::{
    SERVER,
    client::{Client, Got, request},
    start, start_unheard,
};

/// A certificate for 127.0.0.1 that is good for nothing but these tests.
const CERTIFICATE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/gateway/tls/gateway.pem");
const KEY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/gateway/tls/gateway.key");

fn connector() -> TlsConnector {
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_file(CERTIFICATE).unwrap();
    roots.add(certificate).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config).into()
}

#[tokio::test]
async fn tls_is_spoken_where_there_is_a_certificate() {
    let flags = ["--tls-certificate", CERTIFICATE, "--tls-key", KEY];
    let gateway = start_unheard(&flags).await;
    gateway.world.state().answer_bytes = Some(400_000);
    let tcp = TcpStream::connect(gateway.address).await.unwrap();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let tls = connector().connect(name, tcp).await.unwrap();
    let own = format!("https://{}", gateway.address);
    let request = request(gateway.address, &[("origin", &own)]);
    let (socket, _) = client_async(request, tls).await.unwrap();
    let mut client = Client::over(socket);
    assert!(matches!(client.next().await, Got::Hello(_)));
    // More than the buffers of TLS and of the socket hold, in both directions.
    for request in 1..=3 {
        let body = [&[0x91, 0xda, 0xea, 0x60][..], &vec![b'x'; 60_000]].concat();
        client.send(2_053, request, SERVER, &body).await;
    }
    for _ in 1..=3 {
        match client.next().await {
            Got::Reply(_, body) => assert_eq!(body.len(), 400_000),
            other => panic!("{other:?}"),
        }
    }
    client.is_quiet(9).await;
    // A page that came without TLS is another one.
    let tcp = TcpStream::connect(gateway.address).await.unwrap();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let tls = connector().connect(name, tcp).await.unwrap();
    let other = format!("http://{}", gateway.address);
    let request = crate::support::client::request(gateway.address, &[("origin", &other)]);
    assert!(client_async(request, tls).await.is_err());
    // And whoever speaks no TLS gets no answer.
    let mut plain = TcpStream::connect(gateway.address).await.unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    drop(plain.read_to_end(&mut answer).await);
    assert!(!answer.starts_with(b"HTTP"));
}

/// What a WebSocket behind a proxy says first.
async fn behind(address: SocketAddr, header: &[u8]) -> Option<Message> {
    let mut tcp = TcpStream::connect(address).await.unwrap();
    tcp.write_all(header).await.unwrap();
    let (mut socket, _) = client_async(request(address, &[]), tcp).await.ok()?;
    socket.next().await?.ok()
}

#[tokio::test]
async fn a_proxy_names_the_client_in_front_of_the_connection() {
    let flags = ["--proxy-protocol", "--max-address-connections", "1"];
    let gateway = start_unheard(&flags).await;
    let address = gateway.address;
    let first = b"PROXY TCP4 203.0.113.7 10.0.0.1 50000 80\r\n";
    let mut tcp = TcpStream::connect(address).await.unwrap();
    tcp.write_all(first).await.unwrap();
    let (mut held, _) = client_async(request(address, &[]), tcp).await.unwrap();
    assert!(matches!(held.next().await, Some(Ok(Message::Binary(_)))));
    // The same client again, and another one; all come from the same proxy.
    let second = b"PROXY TCP4 203.0.113.7 10.0.0.1 50001 80\r\n";
    let Some(Message::Close(Some(close))) = behind(address, second).await else {
        panic!("an address has one place");
    };
    assert_eq!(u16::from(close.code), 4009);
    let other = b"PROXY TCP6 2001:db8::1 2001:db8::2 50000 80\r\n";
    assert!(matches!(
        behind(address, other).await,
        Some(Message::Binary(_))
    ));
    assert_eq!(behind(address, b"").await, None, "without a header");
}

#[tokio::test]
async fn who_is_no_trusted_proxy_names_nobody_and_does_not_get_in() {
    let flags = [
        "--proxy-protocol",
        "--trusted-proxy-addresses",
        "10.0.0.0/8",
    ];
    let gateway = start_unheard(&flags).await;
    let header = b"PROXY TCP4 203.0.113.7 10.0.0.1 50000 80\r\n";
    assert_eq!(behind(gateway.address, header).await, None);
}

/// The next frame: its first byte and its payload.
async fn frame(tcp: &mut TcpStream) -> (u8, Vec<u8>) {
    let [first, short] = tcp.read_u16().await.unwrap().to_be_bytes();
    let length = match short {
        126 => usize::from(tcp.read_u16().await.unwrap()),
        127 => usize::try_from(tcp.read_u64().await.unwrap()).unwrap(),
        short => usize::from(short),
    };
    let mut payload = vec![0; length];
    tcp.read_exact(&mut payload).await.unwrap();
    (first, payload)
}

#[tokio::test]
async fn messages_are_compressed_for_those_who_ask_for_it() {
    let gateway = start(&[]).await;
    let mut tcp = TcpStream::connect(gateway.address).await.unwrap();
    let handshake = "GET /ws HTTP/1.1\r\nhost: gateway\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\nsec-websocket-extensions: permessage-deflate; client_max_window_bits\r\n\r\n";
    tcp.write_all(handshake.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(tcp.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    assert!(head.contains(gateway::deflate::ACCEPTED), "{head}");
    // "hello" is small, so it comes as it is.
    assert_eq!(frame(&mut tcp).await.0, 0x82);
    let text = "so it goes ".repeat(1_000);
    let body = shared::protocol::encode(&(text.as_str(),));
    let query = shared::frame::Frame {
        opcode: 2_053,
        request: 1,
        scope: SERVER,
        body: &body,
    };
    let whole = shared::frame::websocket(shared::frame::WebSocketKind::Binary, &query.write());
    let small = gateway::deflate::frame(&whole).unwrap();
    let payload = shared::frame::websocket_payload(&small).unwrap();
    let length = u8::try_from(payload.len()).unwrap();
    assert!(length < 126);
    // With a mask of zeros.
    let sent = [&[0xc2, 0x80 | length, 0, 0, 0, 0][..], payload].concat();
    tcp.write_all(&sent).await.unwrap();
    let (first, payload) = frame(&mut tcp).await;
    assert!(first == 0xc2 && payload.len() < 200, "{}", payload.len());
    let reply = gateway::deflate::inflate(&payload, 65_536).unwrap();
    assert_eq!(reply, shared::frame::reply(1, &body));
}
