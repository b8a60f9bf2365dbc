//! The HTTP door: the same commands, one per request.

use std::net::SocketAddr;

use futures_util::future::select_all;
use shared::{
    close::CloseCode,
    error::{Reason, Refusal},
    frame,
    ids::UserId,
    wire::Wire,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{client::Client, http::send, start, until, world::Lanes};

const PATH: &str = "/api/v1/commands/";
const TOKEN: (&str, &str) = ("authorization", "Bearer t");

#[tokio::test]
async fn a_command_by_http_is_the_command_of_the_socket() {
    let gateway = start(&[]).await;
    let caller = gateway.world.account("t", 10_000);
    gateway.world.state().lanes = Lanes::Silent;
    let address = gateway.address;
    let path = format!("{PATH}message_new?scope=4096321");
    let body = r#"{"nonce":"n","channel_id":"1","content":"hi"}"#;
    let answering = async {
        // The second is a newer worker's, which says more; the third a refusal.
        for payload in [&[0x92, 9, 5][..], &[0x93, 9, 5, 0xc0], &[]] {
            until("the command arrived", async || {
                !gateway.world.state().commands.is_empty()
            })
            .await;
            let command = gateway.world.state().commands.clone().remove(0);
            gateway.world.forget_requests();
            assert_eq!((command.opcode, command.scope), (16, 4_096_321));
            assert_eq!(command.caller.as_ref(), Some(&caller));
            let answer = if payload.is_empty() {
                let limited = Refusal::retry(Reason::RateLimited, 1_500);
                frame::refusal(0, &limited)
            } else {
                frame::reply(0, payload)
            };
            gateway.world.answer(&command, &answer).await;
        }
    };
    let asking = async {
        for _ in 0..2 {
            let (status, head, text) = send(address, "POST", &path, &[TOKEN], body).await;
            assert_eq!(
                (status, text.as_str()),
                (200, r#"{"message_id":"9","seq":5}"#)
            );
            assert!(head.contains("x-content-type-options: nosniff"));
            assert!(head.contains("cache-control: no-store"));
        }
        let (status, head, text) = send(address, "POST", &path, &[TOKEN], body).await;
        assert_eq!(status, 429);
        assert!(head.contains("retry-after: 2"), "{head}");
        assert_eq!(
            text,
            r#"{"code":41,"reason":"rate_limited","detail":null,"retry_after":1500}"#
        );
    };
    tokio::join!(answering, asking);
}

#[tokio::test]
async fn requests_that_cannot_be_served_are_refused() {
    let gateway = start(&["--origins", "https://chat.example"]).await;
    gateway.world.account("t", 10_000);
    let address = gateway.address;
    let large = format!(r#"{{"nonce":"{}"}}"#, "x".repeat(70_000));
    let deep = "[".repeat(20);
    let evil = ("origin", "https://evil.example");
    for (method, name, headers, body, expected) in [
        ("POST", "nope", vec![TOKEN], "{}", (404, "unknown_command")),
        (
            "POST",
            "member_join",
            vec![TOKEN],
            "{}",
            (404, "unknown_command"),
        ),
        ("POST", "message_new", vec![TOKEN], "{}", (400, "malformed")),
        (
            "POST",
            "ping?scope=x",
            vec![TOKEN],
            "{}",
            (400, "malformed"),
        ),
        ("POST", "logout", vec![TOKEN], &large, (413, "too_large")),
        ("POST", "logout", vec![TOKEN], &deep, (400, "malformed")),
        (
            "POST",
            "logout",
            vec![],
            r#"{"nonce":"n"}"#,
            (401, "unauthenticated"),
        ),
        (
            "POST",
            "logout",
            vec![("authorization", "Bearer x")],
            r#"{"nonce":"n"}"#,
            (401, "unauthenticated"),
        ),
        (
            "POST",
            "logout",
            vec![("authorization", "Basic x")],
            r#"{"nonce":"n"}"#,
            (401, "unauthenticated"),
        ),
        ("GET", "ping", vec![TOKEN], "", (405, "malformed")),
        ("POST", "ping", vec![TOKEN, evil], "{}", (403, "forbidden")),
    ] {
        let path = format!("{PATH}{name}");
        let (status, head, text) = send(address, method, &path, &headers, body).await;
        let reason = format!(r#""reason":"{}""#, expected.1);
        assert!(
            status == expected.0 && text.contains(&reason),
            "{name}: {status} {text}"
        );
        assert!(!head.contains("access-control-allow-origin"), "{head}");
    }
    let (status, _, text) = send(address, "GET", "/api", &[], "").await;
    assert!(status == 404 && text.contains("unknown_command"), "{text}");
}

#[tokio::test]
async fn listed_pages_may_ask_and_nobody_has_to_sign_in_to_sign_in() {
    let gateway = start(&["--origins", "https://chat.example"]).await;
    let origin = ("origin", "https://chat.example");
    let path = format!("{PATH}ping");
    let (status, head, _) = send(gateway.address, "OPTIONS", &path, &[origin], "").await;
    assert_eq!(status, 204);
    assert!(head.contains("access-control-allow-origin: https://chat.example"));
    assert!(head.contains("access-control-allow-methods: post"));
    // The fake worker echoes the body, which is no "pong": the door says so.
    let (status, head, text) = send(gateway.address, "POST", &path, &[origin], "").await;
    assert!(status == 500 && text.contains("internal"), "{text}");
    assert!(head.contains("vary: origin"));
    let query = gateway.world.state().queries.clone().pop().unwrap();
    let ping = shared::protocol::row_named("ping").unwrap().opcode;
    assert_eq!((query.opcode, query.caller), (ping, None));
}

#[tokio::test]
async fn a_token_whose_session_has_ended_takes_nothing_from_its_owner() {
    let gateway = start(&["--account-rate", "1"]).await;
    gateway.world.account("t", UserId::sample().get());
    let address = gateway.address;
    let path = format!("{PATH}ping");
    let ended = ("authorization", "Bearer ended");
    for _ in 0..20 {
        let (status, _, text) = send(address, "POST", &path, &[ended], "{}").await;
        assert_eq!(status, 401, "{text}");
    }
    for _ in 0..20 {
        let mut client = Client::connect(address).await;
        client.identify("ended").await;
        assert_eq!(client.closed().await, CloseCode::Unauthenticated.code());
    }
    let asked = gateway.world.state().asked.len();
    assert!(asked < 20, "that it opens nothing is remembered: {asked}");
    let (mut client, _) = Client::open(address, "t").await;
    client.heartbeat(1).await;
    for _ in 0..4 {
        let (_, _, text) = send(address, "POST", &path, &[TOKEN], "{}").await;
        assert!(!text.contains("rate_limited"), "{text}");
    }
    let (status, _, text) = send(address, "POST", &path, &[TOKEN], "{}").await;
    assert!(status == 429 && text.contains("rate_limited"), "{text}");
}

/// A request whose body is announced and does not come; what the gateway says first.
async fn announce(address: SocketAddr, bytes: usize) -> (TcpStream, String) {
    let mut socket = TcpStream::connect(address).await.unwrap();
    let ask = format!(
        "POST {PATH}ping HTTP/1.1\r\nhost: gateway\r\nexpect: 100-continue\r\n\
         content-length: {bytes}\r\n\r\n"
    );
    socket.write_all(ask.as_bytes()).await.unwrap();
    let status = status(&mut socket).await;
    (socket, status)
}

/// The first line that comes, as far as its number.
async fn status(socket: &mut TcpStream) -> String {
    let mut line = [0; 12];
    socket.read_exact(&mut line).await.unwrap();
    String::from_utf8_lossy(&line).into_owned()
}

#[tokio::test]
async fn what_is_announced_holds_nothing_and_what_came_a_share() {
    let gateway = start(&["--memory-bytes", "800000"]).await;
    gateway.world.account("t", 10_000);
    let address = gateway.address;
    let mut waiting = Vec::new();
    for _ in 0..20 {
        // It is asked for, so it is being read.
        let (socket, first) = announce(address, 65_536).await;
        assert_eq!(first, "HTTP/1.1 100");
        waiting.push(socket);
    }
    let (mut client, _) = Client::open(address, "t").await;
    let path = format!("{PATH}sessions_list");
    let (_, _, text) = send(address, "POST", &path, &[TOKEN], "{}").await;
    assert!(!text.contains("busy"), "{text}");
    // Four of these are more than HTTP may hold, and far from what all may.
    for socket in &mut waiting {
        socket.read_exact(&mut [0; 13]).await.unwrap();
    }
    for socket in waiting.iter_mut().take(5) {
        socket.write_all(&b" ".repeat(60_000)).await.unwrap();
    }
    let answers = waiting.iter_mut().map(|socket| Box::pin(status(socket)));
    let (first, ..) = select_all(answers).await;
    assert_eq!(first, "HTTP/1.1 503");
    client.is_quiet(1).await;
}

#[tokio::test]
async fn who_may_ask_no_more_is_not_read() {
    let gateway = start(&["--stranger-rate", "1"]).await;
    let mut read = 0;
    let mut waiting = Vec::new();
    let refused = loop {
        let (socket, first) = announce(gateway.address, 65_536).await;
        if first != "HTTP/1.1 100" {
            break first;
        }
        waiting.push(socket);
        read += 1;
        assert!(read < 20, "read {read}");
    };
    assert_eq!(refused, "HTTP/1.1 429");
}

#[tokio::test]
async fn one_address_does_not_take_every_socket() {
    let gateway = start(&["--max-address-connections", "1"]).await;
    let mut idle = Vec::new();
    let mut turned_away = false;
    for _ in 0..200 {
        let mut socket = TcpStream::connect(gateway.address).await.unwrap();
        let ask =
            format!("POST {PATH}ping HTTP/1.1\r\nhost: gateway\r\ncontent-length: 2\r\n\r\n{{}}");
        let mut answer = [0; 12];
        turned_away = socket.write_all(ask.as_bytes()).await.is_err()
            || socket.read_exact(&mut answer).await.is_err();
        if turned_away {
            break;
        }
        idle.push(socket);
    }
    assert!(turned_away, "{} sockets of one address", idle.len());
    // Behind a proxy all come from its address.
    let gateway = start(&["--max-address-connections", "1", "--trusted-proxies", "1"]).await;
    for _ in 0..200 {
        let mut socket = TcpStream::connect(gateway.address).await.unwrap();
        let ask =
            format!("POST {PATH}ping HTTP/1.1\r\nhost: gateway\r\ncontent-length: 2\r\n\r\n{{}}");
        socket.write_all(ask.as_bytes()).await.unwrap();
        socket.read_exact(&mut [0; 12]).await.unwrap();
        idle.push(socket);
    }
}
