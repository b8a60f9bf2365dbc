//! Handshake, sub-protocols, commands, replies, refusals, deadlines of sessions.

use std::time::{Duration, Instant};

use crate::support::{
    ALICE, BOB, SERVER,
    client::{Client, Got, refused, request},
    start, start_on, token, until,
    world::{Lanes, World},
};
use shared::{
    bus::{Bus, envelope::NodeQuery},
    error::{Reason, Refusal},
    frame,
    ids::UserId,
};
use tokio_tungstenite::tungstenite::{Message, http::StatusCode, protocol::CloseFrame};

#[tokio::test]
async fn a_handshake_that_is_wrong_is_refused() {
    let gateway = start(&["--origins", "https://chat.example"]).await;
    let address = gateway.address;
    let unknown = request(address, &[("sec-websocket-protocol", "chat, confab.v9")]);
    assert_eq!(refused(unknown).await, StatusCode::BAD_REQUEST);
    let headers = [
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "AAAAAAAAAAAAAAAAAAAAAA=="),
        ("sec-websocket-protocol", "chat"),
    ];
    let (_, _, text) = crate::support::http::send(address, "GET", "/ws", &headers, "").await;
    let known = "protocol: confab.v1.msgpack or confab.v1.json";
    assert!(text.contains(known), "{text}");
    let evil = request(address, &[("origin", "https://evil.example")]);
    assert_eq!(refused(evil).await, StatusCode::FORBIDDEN);
    let old = request(address, &[("sec-websocket-version", "8")]);
    assert_eq!(refused(old).await, StatusCode::UPGRADE_REQUIRED);
    let key = request(address, &[("sec-websocket-key", "short")]);
    assert_eq!(refused(key).await, StatusCode::BAD_REQUEST);
    let plain = request(address, &[("upgrade", "h2c")]);
    assert_eq!(refused(plain).await, StatusCode::UPGRADE_REQUIRED);
    let listed = request(address, &[("origin", "https://chat.example")]);
    assert!(tokio_tungstenite::connect_async(listed).await.is_ok());
    let own = format!("http://{address}");
    let own = request(address, &[("origin", &own)]);
    assert!(tokio_tungstenite::connect_async(own).await.is_ok());
}

#[tokio::test]
async fn places_are_limited_and_given_back() {
    let gateway = start(&["--max-address-connections", "2"]).await;
    let first = Client::connect(gateway.address).await;
    let _second = Client::connect(gateway.address).await;
    let third = turned_away(gateway.address).await;
    assert_eq!(third, 4009);
    drop(first);
    until("the place is free", async || {
        let mut client = Client::connect_any(gateway.address).await;
        matches!(client.next().await, Got::Hello(_))
    })
    .await;
    let gateway = start(&["--max-connections", "1"]).await;
    let _first = Client::connect(gateway.address).await;
    assert_eq!(turned_away(gateway.address).await, 4009);
}

/// The close code of a connection that gets nothing else.
async fn turned_away(address: std::net::SocketAddr) -> u16 {
    match Client::connect_any(address).await.next().await {
        Got::Closed(code) => code,
        other => panic!("not turned away: {other:?}"),
    }
}

#[tokio::test]
async fn commands_go_out_byte_exactly_and_replies_come_back() {
    let gateway = start(&[]).await;
    let caller = gateway.world.account("t", ALICE);
    let (mut alice, ready) = Client::open(gateway.address, "t").await;
    assert_eq!(ready.session_id, caller.session);
    assert_eq!(ready.user.user_id, UserId::new(ALICE).unwrap());
    assert_eq!(ready.epoch, "epoch");
    // A body that a re-encoding would change: integers and strings in long forms.
    let body = [0x92, 0xcd, 0, 5, 0xd9, 2, b'h', b'i'];
    for request in 1..=50 {
        alice.send(16, request, SERVER, &body).await;
    }
    for request in 1..=50 {
        assert_eq!(alice.next().await, Got::Reply(request, body.to_vec()));
    }
    let commands = gateway.world.state().commands.clone();
    assert_eq!(commands.len(), 50);
    let rises = commands.is_sorted_by(|a, b| a.ticket < b.ticket);
    assert!(rises, "in order, each under a number of its own");
    let command = &commands[0];
    assert_eq!(command.caller, Some(caller));
    assert_eq!((command.opcode, command.scope), (16, SERVER));
    assert_eq!(command.body, body);
    assert!(command.patience_ms > 0 && command.address != 0);
    // Scope 0 is the account's own partition, which the world checks.
    alice.send(28, 51, 0, &[0x91, 0xa1, b'n']).await;
    assert!(matches!(alice.next().await, Got::Reply(51, _)));
}

#[tokio::test]
async fn queries_go_to_any_worker_with_or_without_a_session() {
    let gateway = start(&[]).await;
    gateway.world.account("t", ALICE);
    let mut client = Client::connect(gateway.address).await;
    client.send(2_062, 1, 0, &[0x90]).await;
    assert_eq!(client.next().await, Got::Reply(1, vec![0x90]));
    client.identify("t").await;
    client.ready().await;
    // Larger than a chunk.
    let body = [&[0x91, 0xda, 0xea, 0x60][..], &vec![b'x'; 60_000]].concat();
    client.send(2_053, 2, SERVER, &body).await;
    assert_eq!(client.next().await, Got::Reply(2, body));
    let queries = gateway.world.state().queries.clone();
    assert_eq!(queries[0].caller, None);
    assert_eq!(queries[1].caller.as_ref().unwrap().user.get(), ALICE);
}

#[tokio::test]
async fn json_has_the_same_commands_with_named_fields() {
    let gateway = start(&[]).await;
    gateway.world.account("t", ALICE);
    gateway.world.member(SERVER, ALICE, &[1]);
    let mut alice = Client::connect_json(gateway.address).await;
    assert!(
        alice
            .text()
            .await
            .starts_with(r#"{"control":"hello","body":{"node":"#)
    );
    let say = async |client: &mut Client, text: &str| client.raw(Message::text(text)).await;
    let token = token("t");
    let identify = format!(r#"{{"control":"identify","body":{{"token":"{token}"}}}}"#);
    say(&mut alice, &identify).await;
    let ready = alice.text().await;
    assert!(
        ready.starts_with(r#"{"control":"ready","body":{"session_id":"510000""#),
        "{ready}"
    );
    gateway.world.emit(SERVER, Some(1), None).await;
    assert_eq!(
        alice.text().await,
        r#"{"event":"message_deleted","topic":"4096321","seq":1,"body":{"channel_id":"1","message_id":"1"}}"#
    );
    // A newer worker knows more of it than this gateway.
    let mut newer = gateway.world.write(SERVER, Some(1), None);
    newer.body = vec![0x94, 1, 2, 0xc0, 0x91, 3].into();
    gateway.world.publish(&[newer]).await;
    assert_eq!(
        alice.text().await,
        r#"{"event":"message_deleted","topic":"4096321","seq":2,"body":{"channel_id":"1","message_id":"2"}}"#
    );
    gateway.world.state().lanes = Lanes::Silent;
    say(
        &mut alice,
        r#"{"command":"message_new","request":3,"scope":"4096321","body":{"nonce":"n","channel_id":"1","content":"hi"}}"#,
    )
    .await;
    until("the command arrived", async || {
        !gateway.world.state().commands.is_empty()
    })
    .await;
    let command = gateway.world.state().commands.clone().remove(0);
    assert_eq!((command.opcode, command.scope), (16, SERVER));
    let newer = frame::reply(3, &[0x93, 9, 5, 0xa3, b'n', b'e', b'w']);
    gateway.world.answer(&command, &newer).await;
    assert_eq!(
        alice.text().await,
        r#"{"reply":3,"body":{"message_id":"9","seq":5}}"#
    );
    for (text, expected) in [
        (
            "{",
            r#"{"refusal":0,"code":1,"reason":"malformed","detail":"EOF while parsing an object","retry_after":null}"#,
        ),
        (
            r#"{"command":"nope","request":4}"#,
            r#"{"refusal":4,"code":2,"reason":"unknown_command","detail":"command","retry_after":null}"#,
        ),
    ] {
        say(&mut alice, text).await;
        assert_eq!(alice.text().await, expected);
    }
    alice.raw(Message::binary(vec![0x90])).await;
    assert_eq!(alice.closed().await, 1003);
}

#[tokio::test]
async fn what_may_not_be_sent_gets_a_numbered_answer() {
    let gateway = start(&[]).await;
    gateway.world.account("t", ALICE);
    let refusal = |request, reason: Reason| Got::Refusal(request, reason.into());
    let mut client = Client::connect(gateway.address).await;
    client.send(16, 1, SERVER, &[0x90]).await;
    assert_eq!(client.next().await, refusal(1, Reason::Unauthenticated));
    client.send(61_440, 2, 0, &[0x90]).await;
    assert_eq!(client.next().await, refusal(2, Reason::UnknownCommand));
    client.send(6, 3, 0, &[0x90]).await;
    assert_eq!(client.next().await, refusal(3, Reason::UnknownCommand));
    client.send(4, 4, 0, &[0x90]).await;
    assert_eq!(client.next().await, refusal(4, Reason::Malformed));
    client.identify("t").await;
    client.ready().await;
    client.send(16, 5, 1 << 53, &[0x90]).await;
    let scope = Refusal::field(Reason::Malformed, "scope");
    assert_eq!(client.next().await, Got::Refusal(5, scope));

    let deep = [&[0x94, 16, 6, 0][..], &[0x91; 9], &[0xc0]].concat();
    client.raw(Message::binary(deep)).await;
    assert_eq!(client.next().await, refusal(6, Reason::Malformed));

    let mut wrong = Client::connect(gateway.address).await;
    wrong.identify("nobody's").await;
    assert_eq!(wrong.closed().await, 4503);
    for (bytes, code) in [
        (vec![0xc1], 4500),
        (vec![0x94, 16, 1], 4500),
        (vec![0; 65_537], 1009),
    ] {
        let mut client = Client::connect(gateway.address).await;
        client.raw(Message::binary(bytes)).await;
        assert_eq!(client.closed().await, code);
    }
    let mut text = Client::connect(gateway.address).await;
    text.raw(Message::text("hi")).await;
    assert_eq!(text.closed().await, 1003);
}

#[tokio::test]
async fn a_number_in_use_and_too_many_at_once_are_refused() {
    let gateway = start(&["--max-pending", "2"]).await;
    gateway.world.account("t", ALICE);
    gateway.world.state().lanes = Lanes::Silent;
    let (mut alice, _) = Client::open(gateway.address, "t").await;
    alice.send(16, 1, SERVER, &[0x90]).await;
    alice.send(16, 1, SERVER, &[0x90]).await;
    let again = Refusal::field(Reason::Malformed, "request");
    assert_eq!(alice.next().await, Got::Refusal(1, again));
    alice.send(16, 2, SERVER, &[0x90]).await;
    alice.send(16, 3, SERVER, &[0x90]).await;
    let busy = Refusal::retry(Reason::Busy, 200);
    assert_eq!(alice.next().await, Got::Refusal(3, busy));
}

#[tokio::test]
async fn a_lane_that_is_away_or_behind_is_given_nothing() {
    let gateway = start(&["--max-backlog", "10"]).await;
    gateway.world.account("t", ALICE);
    let (mut alice, _) = Client::open(gateway.address, "t").await;
    gateway.world.state().backlog = 11;
    let busy = Got::Refusal(0, Refusal::retry(Reason::Busy, 1_000));
    let mut request = 0;
    let mut refuses = async |alice: &mut Client| loop {
        request += 1;
        alice.send(16, request, SERVER, &[0x90]).await;
        match alice.next().await {
            Got::Reply(..) => {}
            Got::Refusal(_, refusal) => return Got::Refusal(0, refusal),
            other => panic!("{other:?}"),
        }
        gateway.world.beat().await;
    };
    assert_eq!(refuses(&mut alice).await, busy);
}

#[tokio::test]
async fn a_command_without_an_answer_is_unknown() {
    let gateway = start(&["--answer-ms", "50"]).await;
    gateway.world.account("t", ALICE);
    gateway.world.state().lanes = Lanes::Silent;
    let (mut alice, _) = Client::open(gateway.address, "t").await;
    alice.send(16, 1, SERVER, &[0x90]).await;
    assert_eq!(alice.next().await, Got::Refusal(1, Reason::Unknown.into()));
    // The late answer is nobody's any more.
    let command = gateway.world.state().commands.clone().remove(0);
    let late = frame::reply(1, &[0x90]);
    gateway.world.answer(&command, &late).await;
    alice.is_quiet(5).await;
}

#[tokio::test]
async fn silence_and_missing_identity_close() {
    let gateway = start(&["--identify-ms", "50", "--heartbeat-ms", "100"]).await;
    gateway.world.account("t", ALICE);
    let mut nobody = Client::connect(gateway.address).await;
    assert_eq!(nobody.closed().await, 4002);
}

#[tokio::test]
async fn who_does_not_answer_a_ping_is_closed_and_who_does_is_not() {
    let gateway = start(&["--heartbeat-ms", "200"]).await;
    gateway.world.account("t", ALICE);
    let (mut alice, _) = Client::open(gateway.address, "t").await;
    // Reads nothing, so it answers nothing.
    let mut silent = Client::sleeper(gateway.address, "t").await;
    let begin = Instant::now();
    let mut rest = Vec::new();
    let reading = tokio::io::AsyncReadExt::read_to_end(&mut silent, &mut rest);
    let waiting = async {
        // The library answers pings while it reads; nothing else is ever sent.
        let nothing = tokio::time::timeout(Duration::from_secs(2), alice.next()).await;
        assert!(nothing.is_err(), "{nothing:?}");
    };
    let (read, ()) = tokio::join!(reading, waiting);
    read.unwrap();
    assert!(begin.elapsed() >= Duration::from_millis(270));
    let ping_and_end = [
        &[0x89, 0, 0x88, 18][..],
        &4_001_u16.to_be_bytes(),
        b"HeartbeatTimeout",
    ]
    .concat();
    assert!(rest.ends_with(&ping_and_end), "{rest:x?}");
    alice.is_quiet(1).await;
}

#[tokio::test]
async fn a_flood_closes() {
    let gateway = start(&["--flood-frames", "10"]).await;
    let mut client = Client::connect(gateway.address).await;
    for _ in 0..60 {
        if !client.try_raw(Message::Pong(Vec::new().into())).await {
            break;
        }
    }
    assert_eq!(client.closed().await, 4502);
}

#[tokio::test]
async fn who_asks_too_much_is_read_no_faster_than_he_may_ask() {
    let gateway = start(&["--stranger-rate", "10"]).await;
    let mut client = Client::connect(gateway.address).await;
    let ping = shared::protocol::row_named("ping").unwrap().opcode;
    let began = Instant::now();
    // What was read is answered at once; what comes then waits in the socket.
    client.all(ping, 1..=60, 0, &[0x90]).await;
    let mut refused = 0;
    for _ in 0..60 {
        if let Got::Refusal(_, refusal) = client.next().await {
            assert_eq!(refusal, Refusal::retry(Reason::RateLimited, 100));
            refused += 1;
        }
    }
    client.is_quiet(1).await;
    assert!((5..=20).contains(&refused), "{refused}");
    assert!(began.elapsed() >= Duration::from_millis(100) * (refused - 1));
}

#[tokio::test]
async fn a_stranger_who_asks_too_much_still_has_to_sign_in_in_time() {
    let gateway = start(&["--stranger-rate", "1", "--identify-ms", "1000"]).await;
    let ping = shared::protocol::row_named("ping").unwrap().opcode;
    let began = Instant::now();
    let mut client = Client::connect(gateway.address).await;
    client.all(ping, 1..=60, 0, &[0x90]).await;
    assert_eq!(client.closed().await, 4002);
    let took = began.elapsed();
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[tokio::test]
async fn an_account_that_opens_session_after_session_has_to_wait() {
    let gateway = start(&[]).await;
    gateway.world.account("t", ALICE);
    gateway.world.account("b", BOB);
    let (began, mut opened, mut refused) = (Instant::now(), 0, 0);
    for _ in 0..150 {
        let mut client = Client::connect(gateway.address).await;
        client.identify("t").await;
        match client.next().await {
            Got::Ready(_) => opened += 1,
            Got::Closed(4009) => refused += 1,
            other => panic!("{other:?}"),
        }
    }
    let seconds = usize::try_from(began.elapsed().as_secs()).unwrap();
    assert!((60..=62 + 2 * seconds).contains(&opened), "{opened}");
    // Who was refused once is known for a while.
    let asked = gateway.world.state().asked.clone();
    let asked = asked
        .iter()
        .filter(|query| matches!(query, NodeQuery::Open { .. }));
    let in_vain = asked.count() - opened;
    assert!(
        (1..=2 + seconds).contains(&in_vain),
        "{in_vain} of {refused}"
    );
    Client::open(gateway.address, "b").await;
}

#[tokio::test]
async fn what_a_flood_carries_is_done_for_nobody() {
    let gateway = start(&["--flood-frames", "10"]).await;
    gateway.world.account("a", ALICE);
    gateway.world.state().lanes = Lanes::Silent;
    let (mut client, _) = Client::open(gateway.address, "a").await;
    // All at once: they are read together.
    client.all(16, 1..=60, SERVER, &[0x90]).await;
    assert_eq!(client.closed().await, 4502);
    assert_eq!(gateway.world.state().commands.len(), 0);
}

#[tokio::test]
async fn heartbeats_pings_and_goodbyes_are_answered() {
    let gateway = start(&[]).await;
    let mut client = Client::connect(gateway.address).await;
    client.is_quiet(77).await;
    client
        .raw(Message::Close(Some(CloseFrame {
            code: 1000.into(),
            reason: "".into(),
        })))
        .await;
    assert_eq!(client.closed().await, 1000);
}

#[tokio::test]
async fn an_answer_to_a_gateway_that_was_is_not_for_its_successor() {
    let world = World::start(&Bus::memory());
    let before = start_on(world.clone(), &["--node", "same"]).await;
    let after = start_on(world.clone(), &["--node", "same"]).await;
    world.account("a", ALICE);
    world.account("b", ALICE + 1);
    let (mut alice, _) = Client::open(before.address, "a").await;
    let (mut bob, _) = Client::open(after.address, "b").await;
    world.state().lanes = Lanes::Silent;
    for client in [&mut alice, &mut bob] {
        client.send(16, 1, SERVER, &[0x90]).await;
    }
    until("both commands arrived", async || {
        world.state().commands.len() == 2
    })
    .await;
    // The counters of both processes began anew: same connection, same request.
    let commands = world.state().commands.clone();
    for command in commands {
        let user = command.caller.as_ref().unwrap().user.get();
        let name = if user == ALICE { b'a' } else { b'b' };
        let reply = frame::reply(0, &[0x91, 0xa1, name]);
        world.answer(&command, &reply).await;
    }
    assert_eq!(bob.next().await, Got::Reply(1, vec![0x91, 0xa1, b'b']));
    assert_eq!(alice.next().await, Got::Reply(1, vec![0x91, 0xa1, b'a']));
}
