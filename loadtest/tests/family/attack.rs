//! Attacks: what somebody with an account, or without one, tries on purpose.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use loadtest::{
    client::{CallError, Client, Options, incoming::Incoming, link::Ended},
    cluster::{Cluster, Settings},
    harness::{Harness, eventually, holds, refused, same, scenario_on, unique},
    http,
    random::nonce,
    requests::{
        self, allow_member, delete_channel, get_messages, revoke_session, send_message,
        update_channel,
    },
    transport::{Transport, TransportClient},
};
use shared::{
    close::CloseCode,
    domain::permissions::Permissions,
    error::Reason,
    frame::opcode,
    ids::MAX_ID,
    protocol::{
        self,
        account::CreateAccount,
        channel::UpdateChannel,
        control::{Ready, Resume, TopicSeq},
        message::{GetMessages, MessageCreated},
        ping::Ping,
        server::GetServer,
        session::ListSessions,
    },
};

scenarios! {
    a_channel_at_the_last_position_breaks_no_server,
    who_was_named_in_a_deleted_channel_stays_connected,
    a_revoked_session_opens_no_door,
    places_that_a_client_invents_show_it_nothing,
    who_sends_and_never_reads_is_sent_away_alone,
    json_that_means_two_things_means_nothing,
    paths_and_names_carry_nothing_into_the_answer,
    numbers_beyond_53_bits_are_malformed_at_every_door,
}

fn register(name: &str, invite: Option<&str>) -> CreateAccount {
    CreateAccount {
        invite: invite.map(str::to_owned),
        ..requests::register(&unique(name))
    }
}

async fn a_channel_at_the_last_position_breaks_no_server(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let update = UpdateChannel {
        position: Some(i32::MAX.cast_unsigned()),
        ..update_channel(alice.channel("#general").await?)
    };
    alice.call(&update).await?;
    for name in ["beyond", "further"] {
        alice.creates_channel(name, Vec::new()).await?;
    }
    for mut way in bob.ways().await? {
        let info = way.call(bob.scope(), &GetServer {}).await?;
        same(&info.channels.len(), &3)?;
    }
    bob.client.resume_on(None).await?;
    alice.send("#further", "still here").await?;
    bob.sees("still here").await?;
    Ok(())
}

async fn who_was_named_in_a_deleted_channel_stays_connected(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let to_bob = allow_member(bob.user.user_id.get(), Permissions::VIEW_CHANNEL);
    let channel = alice.creates_channel("ours", vec![to_bob]).await?;
    let mut way = bob.through(Transport::MessagePack).await?;
    let delete = delete_channel(channel);
    alice.call(&delete).await?;
    alice.creates_channel("theirs", Vec::new()).await?;
    alice.send("#theirs", "after it").await?;
    // A link resumes nothing: if it was closed, it shows.
    let link = way.link().context("a link")?;
    loop {
        if let Incoming::Event { opcode, body, .. } = link.next_soon().await?
            && opcode == <MessageCreated as protocol::Event>::OPCODE
        {
            let created: MessageCreated = protocol::decode(&body).map_err(CallError::Refused)?;
            return same(&created.message.content.as_str(), &"after it");
        }
    }
}

#[tokio::test]
async fn of_two_first_accounts_at_once_one_administers() -> Result<()> {
    let settings = Settings {
        signup: "closed",
        ..Settings::default()
    };
    let cluster = Cluster::start(settings).await?;
    let mut others = cluster.addresses();
    others.reverse();
    let one = Client::connect(cluster.addresses(), Options::default());
    let two = Client::connect(others, Options::default());
    let (first, second) = (register("first", None), register("second", None));
    let (first, second) = tokio::join!(one.call(0, &first), two.call(0, &second));
    match (first, second) {
        (Ok(admin), Err(CallError::Refused(refusal)))
        | (Err(CallError::Refused(refusal)), Ok(admin)) => {
            holds(admin.user.admin, "the one who came in administers")?;
            let closed = [Reason::InviteRequired, Reason::Forbidden];
            holds(closed.contains(&refusal.reason), &refusal.to_string())
        }
        (first, second) => bail!("one of them: {first:?} {second:?}"),
    }
}

async fn a_revoked_session_opens_no_door(harness: &Harness) -> Result<()> {
    let alice = harness.registered("alice", 0).await?;
    let stolen = harness.second_session(&alice).await?;
    let token = Some(stolen.token.as_str());
    // Both gateways have just seen the token.
    let mut ways = Vec::new();
    for gateway in 0..2 {
        let address = harness.address(gateway)?;
        let mut way = TransportClient::open(Transport::Http, &address, token).await?;
        way.call(0, &ListSessions {}).await?;
        ways.push((way, address));
    }
    let mut socket =
        TransportClient::open(Transport::MessagePack, &harness.address(1)?, token).await?;
    let revoke = revoke_session(stolen.session_id);
    alice.client.call(0, &revoke).await?;
    let revoked = tokio::time::Instant::now();
    let link = socket.link().context("a link")?;
    let ended = loop {
        match link.next_soon().await {
            Ok(_event) => {}
            Err(ended) => break ended,
        }
    };
    same(&ended, &Ended::Closed(CloseCode::Revoked.code()))?;
    for (mut way, address) in ways {
        // Remembered for two seconds, and the test's own way to ask.
        let left = Duration::from_secs(4).saturating_sub(revoked.elapsed());
        eventually(left, async || {
            let answer = way.call(0, &ListSessions {}).await;
            Ok(holds(answer.is_err(), "a revoked token is remembered"))
        })
        .await?;
        refused(way.call(0, &ListSessions {}).await, Reason::Unauthenticated)?;
        let again = TransportClient::open(Transport::MessagePack, &address, token).await;
        holds(again.is_err(), "a revoked token opens a socket")?;
    }
    Ok(())
}

async fn places_that_a_client_invents_show_it_nothing(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let mallory = harness.guest("mallory", 0).await?;
    alice.send("#general", "among us").await?;
    let epoch = alice.client.ready().context("ready")?.epoch;
    let own = mallory.user.user_id.get();
    let place = |topic, seq| TopicSeq { topic, seq };
    let foreign = [
        alice.scope(),
        alice.user.user_id.get(),
        bob.user.user_id.get(),
    ];
    let foreign: Vec<TopicSeq> = foreign.map(|topic| place(topic, 0)).into();
    let doubled = vec![place(own, 0), place(own, MAX_ID), place(own, MAX_ID - 1)];
    let many = (1..=2_000).map(|topic| place(topic, MAX_ID)).collect();
    for topics in [foreign, doubled, many, vec![place(0, 0), place(MAX_ID, 1)]] {
        let mut way =
            TransportClient::open(Transport::MessagePack, &harness.address(1)?, None).await?;
        let link = way.link().context("a link")?;
        let resume = Resume {
            token: mallory.token.clone(),
            epoch: epoch.clone(),
            topics,
        };
        link.send_control(opcode::RESUME, &resume).await?;
        let ready = link.expect_control(opcode::READY).await?;
        let ready: Ready = protocol::decode(&ready).map_err(CallError::Refused)?;
        same(&ready.servers.len(), &0)?;
        same(
            &ready.topics.iter().map(|t| t.topic).collect::<Vec<_>>(),
            &vec![own],
        )?;
        // Whatever comes before the answer is her own account's.
        link.send_request(2, 0, &Ping {}).await?;
        loop {
            match link.next_soon().await? {
                Incoming::Reply { .. } => break,
                Incoming::Event { topic, .. } => same(&topic, &own)?,
                Incoming::Refusal { refusal, .. } => bail!("the ping was refused: {refusal}"),
                Incoming::Control { .. } => {}
            }
        }
    }
    harness.still_serves().await
}

async fn who_sends_and_never_reads_is_sent_away_alone(harness: &Harness) -> Result<()> {
    let [alice] = harness.members().await?;
    let channel = alice.channel("#general").await?;
    let mut way = alice.through(Transport::MessagePack).await?;
    let link = way.link().context("a link")?;
    let mut sent = Ok(());
    for number in 1..=10_000 {
        let message = send_message(channel, "flood");
        sent = link.send_request(number, alice.scope(), &message).await;
        if sent.is_err() {
            break;
        }
    }
    let mut ended = sent.err();
    while !matches!(ended, Some(Ended::Closed(_) | Ended::Broken(_))) {
        ended = link.next_soon().await.err();
    }
    harness.still_serves().await
}

async fn json_that_means_two_things_means_nothing(harness: &Harness) -> Result<()> {
    let [alice] = harness.members().await?;
    let channel = alice.channel("#general").await?;
    let body = |fields: &str| {
        format!(
            r#"{{"nonce":"{}","channel_id":"{channel}",{fields}}}"#,
            nonce()
        )
    };
    for fields in [
        r#""content":"one","content":"two""#,
        r#""content":"\ud800""#,
        r#""content":"\udc00\ud800""#,
        r#""content":"x","reply_to":1e400"#,
        r#""content":"x","reply_to":99999999999999999999999"#,
        r#""content":"x","reply_to":"-1""#,
        r#""content":"x","reply_to":"0""#,
        r#""content":"x","channel_id":"1""#,
    ] {
        for transport in [Transport::Json, Transport::Http] {
            let mut way = alice.through(transport).await?;
            let body = body(fields);
            let asked = way.ask_json("message_new", alice.scope(), &body);
            refused(asked.await, Reason::Malformed).with_context(|| fields.to_owned())?;
        }
    }
    same(&alice.history(channel).await?.len(), &0)
}

#[tokio::test]
async fn an_invented_address_does_not_escape_the_limit() -> Result<()> {
    let settings = Settings {
        limits: vec![("CONFAB_LIMIT_SIGN_IN", "3/1h+3")],
        ..Settings::default()
    };
    scenario_on(settings, async |harness| {
        let host = harness.address(0)?.replace("ws://", "");
        let mut limited = 0;
        for number in 0..6 {
            let body = r#"{"token":"guessed"}"#;
            let request = format!(
                "POST /api/v1/commands/auth HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\
                 X-Forwarded-For: 10.0.0.{number}\r\nForwarded: for=10.0.0.{number}\r\n\
                 X-Real-IP: 10.0.0.{number}\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
            let response = http::exchange(&host, request.into_bytes()).await?;
            limited += usize::from(response.status == 429);
        }
        holds(limited >= 3, &format!("{limited} of 6 were limited"))
    })
    .await
}

async fn paths_and_names_carry_nothing_into_the_answer(harness: &Harness) -> Result<()> {
    let host = harness.address(0)?.replace("ws://", "");
    for path in [
        "/api/v1/commands/../../ops",
        "/api/v1/commands/%2e%2e%2fmetrics",
        "/api/v1/commands/ping%00",
        "/api/v1/commands/ping/",
        "/api/v1/commands/ping%0d%0aX-Evil:1",
        "/api/v1/commands/user_create",
        "/api/v1/commands//ping",
        "/metrics",
        "/readyz",
    ] {
        let response = http::post(&host, path, None, b"{}").await?;
        same(&response.status, &404).with_context(|| path.to_owned())?;
    }
    let mut nobody = TransportClient::open(Transport::Http, &harness.address(0)?, None).await?;
    for name in ["a\r\nb", "a\nb", "a b", "a\u{1}b", "\u{202e}evil"] {
        let mut sign_up = register("x", None);
        sign_up.name = name.to_owned();
        refused(nobody.call(0, &sign_up).await, Reason::Invalid)?;
    }
    Ok(())
}

async fn numbers_beyond_53_bits_are_malformed_at_every_door(harness: &Harness) -> Result<()> {
    let [alice] = harness.members().await?;
    let channel = alice.channel("#general").await?;
    for number in [MAX_ID + 1, 1 << 63, u64::MAX] {
        let body = format!(r#"{{"channel_id":"{channel}","before":{number}}}"#);
        let page = GetMessages {
            before: Some(number),
            limit: None,
            ..get_messages(channel)
        };
        refused(alice.call(&page).await, Reason::Malformed)?;
        for transport in [Transport::Json, Transport::Http] {
            let mut way = alice.through(transport).await?;
            let asked = way.ask_json("messages_get", alice.scope(), &body);
            refused(asked.await, Reason::Malformed)
                .with_context(|| format!("{transport:?} {number}"))?;
        }
    }
    Ok(())
}
