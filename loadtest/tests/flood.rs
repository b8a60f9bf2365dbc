//! Floods: many sockets of one address push as fast as the flood guard lets them, and
//! those who are in notice nothing.

use std::{
    io::{ErrorKind, Write},
    time::Duration,
};

use anyhow::{Context, Result};
use futures_util::future::try_join_all;
use loadtest::{
    client::link::{Dialect, Link},
    cluster::{Settings, node_metric},
    harness::{Harness, Person, holds, same, scenario_on},
    http,
    requests::{self, encode_request, send_message},
    transport::binary,
    websocket::{Data, OpCode, upgrade_request, write_frame},
};
use shared::protocol::{self, Request, account::LogIn, message::NewMessage, ping::Ping};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, interval, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Sockets that push.
const SOCKETS: usize = 24;
/// Sockets on which bytes are poured, and the frames of each in a tenth of a second: 25,000
/// in a second.
const BARE: usize = 256;
const POURED: usize = 10;
/// Frames per second of each: what the flood guard lets through.
const PER_SECOND: u64 = 95;
/// Messages that a member sends before and while others push.
const SENDS: usize = 60;

/// Frames that a gateway has read.
const FRAMES_READ: &str = "confab_gateway_frames_in_total";

/// What is pushed: opcode, scope and body.
type Frame = (u16, u64, Vec<u8>);

/// A cluster with the bounds that it has by default.
fn guarded() -> Settings {
    let defaults = [
        ("CONFAB_ACCOUNT_RATE", "40"),
        ("CONFAB_ADDRESS_RATE", "400"),
        ("CONFAB_STRANGER_RATE", "10"),
        ("CONFAB_MAX_ADDRESS_CONNECTIONS", "1000"),
    ];
    Settings {
        environment: defaults
            .map(|(name, value)| (name, value.to_owned()))
            .into(),
        ..Settings::default()
    }
}

/// Pushes one frame again and again, and reads what comes, until it is told to stop.
async fn push(mut link: Link, frame: Frame, stop: CancellationToken) -> u64 {
    let (opcode, scope, body) = frame;
    let mut ticks = interval(Duration::from_millis(50));
    let mut pushed = 0;
    while !stop.is_cancelled() {
        ticks.tick().await;
        for _ in 0..PER_SECOND / 20 {
            let number = u32::try_from(pushed % 1_000_000).unwrap_or_default();
            if link
                .send(binary(opcode, number, scope, &body))
                .await
                .is_err()
            {
                return pushed;
            }
            pushed += 1;
        }
        while let Ok(Ok(_)) = timeout(Duration::from_millis(1), link.next()).await {}
    }
    pushed
}

/// A socket past its handshake, on which bytes are pushed that were made before: what it
/// costs is what it costs the gateway.
async fn bare(address: &str) -> Result<TcpStream> {
    let host = address.replace("ws://", "");
    let mut socket = TcpStream::connect(&host).await?;
    let request = upgrade_request(host.parse()?, [7; 16]);
    socket.write_all(&request).await?;
    let mut head = [0; 12];
    socket.read_exact(&mut head).await?;
    holds(&head == b"HTTP/1.1 101", &String::from_utf8_lossy(&head))?;
    Ok(socket)
}

/// Many pings in one write, ten times a second, as long as the gateway takes them.
async fn pour(socket: TcpStream, stop: CancellationToken) -> u64 {
    let mut masked = Vec::new();
    let ping = encode_request(1, 0, &Ping {});
    write_frame(&mut masked, OpCode::Data(Data::Binary), &ping, Some([0; 4]));
    let bytes = masked.repeat(POURED);
    let (mut reading, writing) = socket.into_split();
    let mut scratch = vec![0; 16 * 1024];
    let mut ticks = interval(Duration::from_millis(102));
    let mut pushed = 0;
    let mut rest = &bytes[..];
    loop {
        tokio::select! {
            () = stop.cancelled() => return pushed,
            read = reading.read(&mut scratch) => {
                if read.is_err() || read.is_ok_and(|read| read == 0) {
                    return pushed;
                }
            }
            _ = ticks.tick() => match writing.try_write(rest) {
                Ok(count) => {
                    pushed += (count / masked.len()) as u64;
                    rest = rest.get(count..).filter(|rest| !rest.is_empty()).unwrap_or(&bytes);
                }
                // The gateway does not read: that is what it is to do.
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(_gone) => return pushed,
            },
        }
    }
}

/// The times that a member waited for each acknowledgement, sorted.
async fn waits(person: &Person) -> Result<Vec<Duration>> {
    let general = person.channel("#general").await?;
    let mut waits = Vec::with_capacity(SENDS);
    // Slowly enough to stay within what one account may do.
    let mut ticks = interval(Duration::from_millis(40));
    for _ in 0..SENDS {
        ticks.tick().await;
        let began = Instant::now();
        person.call(&send_message(general, "hi")).await?;
        waits.push(began.elapsed());
    }
    waits.sort_unstable();
    Ok(waits)
}

fn median(waits: &[Duration]) -> Duration {
    waits.get(waits.len() / 2).copied().unwrap_or_default()
}

/// How many entries the gateways sent to lanes, and how many questions to workers.
async fn sent(harness: &Harness) -> Result<(u64, u64)> {
    let commands = counted(harness, "confab_gateway_commands_total").await?;
    let queries = counted(harness, "confab_gateway_queries_total").await?;
    Ok((commands, queries))
}

/// What all gateways counted.
async fn counted(harness: &Harness, metric: &str) -> Result<u64> {
    let mut sum = 0;
    for gateway in &harness.cluster.gateways {
        sum += node_metric(gateway, metric).await?;
    }
    Ok(sum)
}

/// Measures a member alone and while others push; what is sent on of what they push, and
/// that the other one hears the member at the end.
async fn measured<F: Future<Output = u64> + Send + 'static>(
    harness: &Harness,
    [member, other]: [&Person; 2],
    pushers: impl FnOnce(CancellationToken) -> Vec<F>,
) -> Result<()> {
    let alone = waits(member).await?;
    let before = sent(harness).await?;
    let unread = counted(harness, FRAMES_READ).await?;
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let pushing: Vec<_> = pushers(stop.clone())
        .into_iter()
        .map(|pusher| tasks.spawn(pusher))
        .collect();
    let began = Instant::now();
    let pressed = waits(member).await?;
    let seconds = began.elapsed().as_secs() + 2;
    stop.cancel();
    let mut pushed = 0;
    for task in pushing {
        pushed += task.await.context("a task that pushes")?;
    }
    let after = sent(harness).await?;
    let taken = counted(harness, FRAMES_READ).await? - unread;
    let report = format!(
        "{pushed} frames, {taken} read, in {:?}; commands {}, questions {}; median {:?} alone, {:?} pressed; worst {:?}, {:?}",
        began.elapsed(),
        after.0 - before.0,
        after.1 - before.1,
        median(&alone),
        median(&pressed),
        alone.last(),
        pressed.last(),
    );
    // Shown with `--nocapture`.
    writeln!(std::io::stderr(), "{report}")?;
    // The sends of the member, and what the accounts and the address may do besides.
    let most = SENDS as u64 + 2 * (4 * 40 + 40 * seconds);
    holds(after.0 - before.0 <= most, &report)?;
    holds(
        after.1 - before.1 <= 2 * (4 * 10 + 10 * seconds) + 50,
        &report,
    )?;
    // A machine that is busy with other tests must not fail this one: a floor.
    let floor = Duration::from_millis(25);
    holds(median(&pressed) <= 2 * median(&alone).max(floor), &report)?;
    member.send("#general", "still here").await?;
    other.sees("still here").await.map(drop)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_who_push_starve_nobody() -> Result<()> {
    scenario_on(guarded(), async |harness| {
        let [alice, bob] = harness.members().await?;
        let address = harness.address(0)?;
        // Guessed tokens reach no worker: none is signed.
        let host = address.replace("ws://", "");
        let (_, before) = sent(harness).await?;
        for number in 0..200 {
            let token = format!("{number:0136x}");
            let path = "/api/v1/commands/sessions_list";
            let response = http::post(&host, path, Some(&token), b"{}").await?;
            same(&response.status, &401)?;
        }
        // What gateways ask for themselves meanwhile is not about tokens.
        let asked = sent(harness).await?.1 - before;
        holds(asked < 20, &format!("{asked} questions"))?;
        let log_in = requests::log_in(&alice.user.name, "a guess at a password");
        let frames = try_join_all((0..SOCKETS).map(async |number| {
            let link = Link::open(&address, Dialect::MessagePack, None).await?;
            let frame = if number % 2 == 0 {
                (Ping::ROW.opcode, 0, protocol::encode(&Ping {}))
            } else {
                (LogIn::ROW.opcode, 0, protocol::encode(&log_in))
            };
            anyhow::Ok((link, frame))
        }))
        .await?;
        measured(harness, [&alice, &bob], |stop| {
            let pusher = |(link, frame)| push(link, frame, stop.clone());
            frames.into_iter().map(pusher).collect()
        })
        .await
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_pushes_starves_nobody() -> Result<()> {
    scenario_on(guarded(), async |harness| {
        let [alice, bob, mallory] = harness.members().await?;
        let address = harness.address(0)?;
        let channel = mallory.channel("#general").await?;
        // A repeat of one nonce: no limit of the workers draws for it.
        let repeat = protocol::encode(&send_message(channel, "again"));
        let frames = try_join_all((0..SOCKETS).map(async |_| {
            let mut link = Link::open(&address, Dialect::MessagePack, None).await?;
            link.open_session(Some(&mallory.token)).await?;
            let frame = (NewMessage::ROW.opcode, mallory.scope(), repeat.clone());
            anyhow::Ok((link, frame))
        }))
        .await?;
        measured(harness, [&alice, &bob], |stop| {
            let pusher = |(link, frame)| push(link, frame, stop.clone());
            frames.into_iter().map(pusher).collect()
        })
        .await
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_that_are_poured_onto_a_gateway_starve_nobody() -> Result<()> {
    scenario_on(guarded(), async |harness| {
        let [alice, bob] = harness.members().await?;
        let address = harness.address(0)?;
        let sockets = try_join_all((0..BARE).map(|_| bare(&address))).await?;
        measured(harness, [&alice, &bob], |stop| {
            let pusher = |socket| pour(socket, stop.clone());
            sockets.into_iter().map(pusher).collect()
        })
        .await
    })
    .await
}
