//! Input from strangers: refused or closed by a code, never a crash, and never
//! to the harm of others.

use anyhow::{Context, Result, bail};
use loadtest::{
    client::{
        CallError,
        incoming::Incoming,
        link::{Ended, Link, host},
    },
    harness::{Harness, Person, holds, refused, same},
    http,
    random::{Random, nonce, seed},
    requests::{create_channel, encode_control, search_users, send_message},
    transport::{Transport, TransportClient},
};
use shared::{
    close::CloseCode,
    domain::limits::MAX_FRAME_BYTES,
    error::{Reason, Refusal},
    frame::{Frame, opcode},
    ids::MAX_ID,
    protocol::{
        self, Request, channel::CreateChannel, invite::RevokeInvite, message::NewMessage, rows,
    },
    wire::Wire as _,
};
use tokio_tungstenite::tungstenite::Message;

scenarios! {
    truncated_and_deep_frames_are_the_clients_fault,
    broken_json_is_the_clients_fault,
    the_wrong_kind_of_message_is_the_clients_fault,
    invalid_utf8_is_the_clients_fault,
    a_text_with_a_nul_reaches_no_worker,
    oversized_frames_are_refused_by_their_header,
    opcodes_and_names_of_no_request_are_unknown_commands,
    scopes_that_are_no_server_are_unknown_servers,
    the_same_nonce_with_another_body_is_refused,
    nonces_that_are_none_are_refused,
    wrong_types_in_bodies_are_malformed,
    random_bytes_break_nothing,
    a_second_identity_on_one_connection_closes_it,
    a_token_in_the_address_opens_nothing,
}

/// What came of bytes that no client of ours would send.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Refused(Reason),
    Closed(u16),
}

/// Sends one message on a fresh connection that is signed in, and waits for
/// what comes of it.
async fn send_raw(person: &Person, transport: Transport, raw: Message) -> Result<Answer> {
    let mut way = person.through(transport).await?;
    let link = way.link().context("a link")?;
    if let Err(Ended::Closed(code)) = link.send(raw).await {
        return Ok(Answer::Closed(code));
    }
    loop {
        match link.next_soon().await {
            Ok(Incoming::Refusal { refusal, .. }) => return Ok(Answer::Refused(refusal.reason)),
            Ok(Incoming::Reply { .. }) => bail!("it was answered"),
            Ok(_) => {}
            Err(Ended::Closed(code)) => return Ok(Answer::Closed(code)),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Whether it was refused as malformed or the connection was closed as broken; both say that
/// it is the client's fault.
fn blames_the_client(answer: &Answer) -> bool {
    match answer {
        Answer::Refused(reason) => {
            matches!(
                reason,
                Reason::Malformed | Reason::TooLarge | Reason::UnknownCommand
            )
        }
        Answer::Closed(code) => {
            // RFC 6455's own: protocol error, unsupported data, invalid text, too big.
            *code == CloseCode::BadFrame.code() || matches!(code, 1_002 | 1_003 | 1_007 | 1_009)
        }
    }
}

/// Fails unless what comes of a message says that it is the client's fault.
async fn blamed(person: &Person, transport: Transport, raw: Message) -> Result<()> {
    let answer = send_raw(person, transport, raw).await?;
    holds(
        blames_the_client(&answer),
        &format!("{answer:?} blames nobody"),
    )
}

async fn truncated_and_deep_frames_are_the_clients_fault(harness: &Harness) -> Result<()> {
    let [alice] = harness.members().await?;
    let whole = Frame {
        opcode: NewMessage::ROW.opcode,
        request: 1,
        scope: alice.scope(),
        body: &protocol::encode(&NewMessage::sample()),
    }
    .write();
    let mut bad: Vec<Vec<u8>> = (0..whole.len())
        .step_by(5)
        .map(|length| whole.iter().copied().take(length).collect())
        .collect();
    bad.push([&[0x94, 16, 1, 0][..], &[0x91; 60], &[0xc0]].concat());
    bad.push(vec![0x94, 16, 1, 0, 0xdd, 0xff, 0xff, 0xff, 0xff]);
    bad.push(vec![0x94, 16, 1, 0, 0xdb, 0xff, 0xff, 0xff, 0xff, b'x']);
    bad.push(vec![0xc1]);
    bad.push([&whole[..], &[0x90]].concat());
    for bytes in bad {
        blamed(&alice, Transport::MessagePack, Message::binary(bytes)).await?;
    }
    harness.still_serves().await
}

async fn broken_json_is_the_clients_fault(harness: &Harness) -> Result<()> {
    let [alice] = harness.members().await?;
    let deep = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
    for text in [
        "",
        "{",
        "null",
        "[]",
        "{}",
        r#"{"command":7}"#,
        r#"{"command":"ping","request":-1,"body":{}}"#,
        r#"{"command":"ping","request":1,"scope":"x","body":{}}"#,
        r#"{"command":"ping","request":1,"scope":"99999999999999999999","body":{}}"#,
        r#"{"command":"message_new","request":1,"scope":"1","body":{"nonce":7}}"#,
        r#"{"command":"message_new","request":1,"scope":"1","body":[]}"#,
        r#"{"command":"nothing","request":1,"body":{}}"#,
        &format!(r#"{{"command":"ping","request":1,"body":{deep}}}"#),
    ] {
        blamed(&alice, Transport::Json, Message::text(text)).await?;
        let way = alice.through(Transport::Http).await?;
        match way.ask_http("message_new", 1, text.as_bytes()).await {
            Err(CallError::Refused(refusal))
                if blames_the_client(&Answer::Refused(refusal.reason)) => {}
            other => bail!("{text} over HTTP: {other:?}"),
        }
    }
    harness.still_serves().await
}

async fn the_wrong_kind_of_message_is_the_clients_fault(harness: &Harness) -> Result<()> {
    let [alice] = harness.members().await?;
    let text = Message::text(r#"{"command":"ping","request":1,"body":{}}"#);
    blamed(&alice, Transport::MessagePack, text).await?;
    let binary = Message::binary(vec![0x94, 0xcd, 0x08, 0x0e, 1, 0, 0x90]);
    blamed(&alice, Transport::Json, binary).await
}

async fn invalid_utf8_is_the_clients_fault(harness: &Harness) -> Result<()> {
    let [alice] = harness.members().await?;
    let general = alice.channel("#general").await?;
    let body = protocol::encode(&send_message(general, "????"));
    let at = body
        .windows(4)
        .position(|window| window == b"????")
        .context("the text")?;
    let mut body = body;
    body.splice(at..at + 4, [0xff, 0xfe, 0xc0, 0x80]);
    let mut way = alice.through(Transport::MessagePack).await?;
    let result = way
        .ask_binary(NewMessage::ROW.opcode, alice.scope(), &body)
        .await;
    refused(result, Reason::Malformed)?;
    let way = alice.through(Transport::Http).await?;
    let bytes = b"{\"nonce\":\"\xff\xfe\"}";
    let result = way.ask_http("message_new", alice.scope(), bytes).await;
    refused(result, Reason::Malformed)
}

async fn a_text_with_a_nul_reaches_no_worker(harness: &Harness) -> Result<()> {
    let [alice] = harness.members().await?;
    let revoke = RevokeInvite {
        nonce: nonce(),
        code: "\0".to_owned(),
    };
    let list = search_users("a\0");
    for mut way in alice.ways().await? {
        refused(way.call(alice.scope(), &revoke).await, Reason::Malformed)?;
        refused(way.call(0, &list).await, Reason::Malformed)?;
    }
    Ok(())
}

async fn oversized_frames_are_refused_by_their_header(harness: &Harness) -> Result<()> {
    let [alice] = harness.members().await?;
    let large = vec![b'x'; MAX_FRAME_BYTES + 1];
    let binary = Message::binary(large.clone());
    blamed(&alice, Transport::MessagePack, binary).await?;
    let text = Message::text(String::from_utf8(large.clone())?);
    blamed(&alice, Transport::Json, text).await?;
    let address = harness.address(0)?;
    let path = "/api/v1/commands/message_new?scope=1";
    let response = http::post(host(&address)?, path, Some(&alice.token), &large).await?;
    same(&response.status, &413)?;
    harness.still_serves().await
}

async fn opcodes_and_names_of_no_request_are_unknown_commands(harness: &Harness) -> Result<()> {
    let [alice] = harness.members().await?;
    let known: Vec<u16> = rows().map(|row| row.opcode).collect();
    let of_the_gateway = [
        opcode::REPLY,
        opcode::REFUSAL,
        opcode::EVENT,
        opcode::HELLO,
        opcode::READY,
        opcode::CURSOR,
        opcode::RECONNECT,
        opcode::GAP,
    ];
    let free = [11, 15, 127, 2_047, 4_000, 61_439, 65_535];
    holds(
        free.iter().all(|number| !known.contains(number)),
        "the opcodes are free",
    )?;
    let mut way = alice.through(Transport::MessagePack).await?;
    for number in of_the_gateway.into_iter().chain(free) {
        let result = way.ask_binary(number, alice.scope(), &[0x90]).await;
        refused(result, Reason::UnknownCommand)?;
    }
    let way = alice.through(Transport::Http).await?;
    for name in ["nothing", "user_create", "MESSAGE_NEW", "message-new"] {
        refused(way.ask_http(name, 0, b"{}").await, Reason::UnknownCommand)?;
    }
    Ok(())
}

async fn scopes_that_are_no_server_are_unknown_servers(harness: &Harness) -> Result<()> {
    let [alice] = harness.members().await?;
    let general = alice.channel("#general").await?;
    let body = send_message(general, "lost");
    for mut way in alice.ways().await? {
        // None was named: that is what is said, not that it is unknown.
        match way.call(0, &body).await {
            Err(CallError::Refused(refusal)) => {
                same(&refusal, &Refusal::field(Reason::Malformed, "scope"))?;
            }
            other => bail!("{other:?}"),
        }
        for scope in [1, alice.user.user_id.get(), general.get(), MAX_ID] {
            refused(way.call(scope, &body).await, Reason::UnknownServer)?;
        }
    }
    // Too large for an id: the form is wrong, not the server.
    let mut way = alice.through(Transport::MessagePack).await?;
    let result = way
        .ask_binary(NewMessage::ROW.opcode, MAX_ID + 1, &protocol::encode(&body))
        .await;
    let reason = result.err().and_then(|error| error.refusal().cloned());
    holds(
        reason.is_some_and(|refusal| {
            matches!(refusal.reason, Reason::Malformed | Reason::UnknownServer)
        }),
        "an id that is none",
    )
}

async fn the_same_nonce_with_another_body_is_refused(harness: &Harness) -> Result<()> {
    let [alice] = harness.members().await?;
    let general = alice.channel("#general").await?;
    let first = send_message(general, "first");
    alice.call(&first).await?;
    let mut other = send_message(general, "other");
    other.nonce.clone_from(&first.nonce);
    // Nor for another command.
    let create = CreateChannel {
        nonce: first.nonce.clone(),
        ..create_channel("other", Vec::new())
    };
    let due = Reason::NonceReused;
    alice.is_refused(alice.scope(), &other, due).await?;
    alice.is_refused(alice.scope(), &create, due).await?;
    same(&alice.history(general).await?.len(), &1)
}

async fn nonces_that_are_none_are_refused(harness: &Harness) -> Result<()> {
    let [alice] = harness.members().await?;
    let general = alice.channel("#general").await?;
    for bad in ["", "with space", "ünïcode", "new\nline", &"n".repeat(65)] {
        let mut request = send_message(general, "hi");
        request.nonce = bad.to_owned();
        alice
            .is_refused(alice.scope(), &request, Reason::Invalid)
            .await?;
    }
    same(&alice.history(general).await?, &Vec::new())
}

async fn wrong_types_in_bodies_are_malformed(harness: &Harness) -> Result<()> {
    let [alice] = harness.members().await?;
    let mut way = alice.through(Transport::MessagePack).await?;
    for row in rows().filter(|row| row.opcode < opcode::FIRST_INTERNAL) {
        // A number, a text, and an array of what is no value.
        for body in [&[7_u8][..], &[0xa1, b'x'], &[0x92, 0xc1]] {
            match way.ask_binary(row.opcode, alice.scope(), body).await {
                Err(CallError::Refused(refusal)) if refusal.reason == Reason::Malformed => {}
                Err(CallError::Ended(_)) => {
                    way = alice.through(Transport::MessagePack).await?;
                }
                other => bail!("{} with {body:x?}: {other:?}", row.name),
            }
        }
    }
    harness.still_serves().await
}

async fn random_bytes_break_nothing(harness: &Harness) -> Result<()> {
    let seed = seed();
    let mut random = Random::new(seed);
    let [alice] = harness.members().await?;
    for _ in 0..60 {
        let length = 1 + random.below(60);
        let mut bytes: Vec<u8> = (0..length)
            .map(|_| u8::try_from(random.below(256)).unwrap_or_default())
            .collect();
        // Half of them begin like a frame.
        if random.below(2) == 0 {
            bytes.splice(0..1, [0x94, 16, 1, 0]);
        }
        let mut way = alice.through(Transport::MessagePack).await?;
        let link = way.link().context("a link")?;
        drop(link.send(Message::binary(bytes)).await);
    }
    harness
        .still_serves()
        .await
        .with_context(|| format!("seed {seed}"))
}

async fn a_second_identity_on_one_connection_closes_it(harness: &Harness) -> Result<()> {
    let [alice] = harness.members().await?;
    let identify = protocol::control::Identify {
        token: alice.token.clone(),
    };
    let again = Message::binary(encode_control(opcode::IDENTIFY, &identify));
    let answer = send_raw(&alice, Transport::MessagePack, again).await?;
    same(&answer, &Answer::Closed(CloseCode::BadFrame.code()))
}

async fn a_token_in_the_address_opens_nothing(harness: &Harness) -> Result<()> {
    let [alice] = harness.members().await?;
    let address = harness.address(0)?;
    let path = format!(
        "/api/v1/commands/sessions_list?scope=0&token={}",
        alice.token
    );
    let response = http::post(host(&address)?, &path, None, b"{}").await?;
    holds(response.status != 200, "tokens travel in headers only")?;
    let url = format!("{address}/ws?token={}", alice.token);
    if let Ok(mut link) = Link::open(&url).await {
        link.expect_control(opcode::HELLO).await?;
    }
    let mut nobody = TransportClient::open(Transport::Http, &address, None).await?;
    let leave = protocol::account::LogOut { nonce: nonce() };
    refused(nobody.call(0, &leave).await, Reason::Unauthenticated)
}
