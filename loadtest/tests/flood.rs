//! Floods: many sockets of one address push as fast as the flood guard lets them, and
//! those who are in notice nothing.

use std::{
    io::{ErrorKind, Write},
    time::Duration,
};

use anyhow::{Context, Result};
use loadtest::{
    cluster::{Settings, node_metric},
    harness::{Harness, Person, holds, same, scenario_on},
    http,
    requests::{self, encode_control, encode_request, send_message},
    websocket::{Data, OpCode, upgrade_request, write_frame},
};
use shared::{
    frame::opcode,
    protocol::{Request, control::Identify, ping::Ping},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, interval},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Sockets that push.
const SOCKETS: usize = 24;
/// Sockets on which bytes are poured as fast as they are taken: 25,000 frames in a second.
const MANY_SOCKETS: usize = 256;
/// Frames of each socket in a tenth of a second: what the flood guard lets through.
const FRAMES: usize = 10;
/// Messages that a member sends before and while others push.
const SENDS: usize = 60;

/// Frames that a gateway has read.
const FRAMES_READ: &str = "confab_gateway_frames_in_total";

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

/// A socket past its handshake: what it costs is what it costs the gateway.
async fn open(address: &str) -> Result<TcpStream> {
    let host = address.replace("ws://", "");
    let mut socket = TcpStream::connect(&host).await?;
    let request = upgrade_request(host.parse()?, [7; 16]);
    socket.write_all(&request).await?;
    let mut head = [0; 12];
    socket.read_exact(&mut head).await?;
    holds(&head == b"HTTP/1.1 101", &String::from_utf8_lossy(&head))?;
    Ok(socket)
}

/// The bytes of a WebSocket message.
fn message(frame: &[u8]) -> Vec<u8> {
    let mut masked = Vec::new();
    write_frame(&mut masked, OpCode::Data(Data::Binary), frame, Some([0; 4]));
    masked
}

/// The bytes of one request, [`FRAMES`] times: each with a number of its own, as one that is
/// pending already is refused unread.
fn burst(scope: u64, request: &impl Request) -> Vec<u8> {
    let numbers = 1..=u32::try_from(FRAMES).unwrap_or_default();
    numbers
        .flat_map(|number| message(&encode_request(number, scope, request)))
        .collect()
}

/// Pushes a burst again and again, and reads what comes, until it is told to stop: ten times a
/// second, as long as the gateway takes them.
async fn push((socket, bytes): (TcpStream, Vec<u8>), stop: CancellationToken) -> u64 {
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
                    pushed += (count * FRAMES / bytes.len()) as u64;
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

/// Measures a member alone and while so many sockets push the bursts that `aim` gives them;
/// that at least so many of these are sent on, and at most what the quotas let through, and that
/// the other one hears the member at the end.
async fn pushed(
    harness: &Harness,
    [member, other]: [&Person; 2],
    (sockets, least): (usize, u64),
    aim: impl AsyncFn(usize, &mut TcpStream) -> Result<Vec<u8>>,
) -> Result<()> {
    let address = harness.address(0)?;
    let mut pushers = Vec::new();
    for number in 0..sockets {
        let mut socket = open(&address).await?;
        let burst = aim(number, &mut socket).await?;
        pushers.push((socket, burst));
    }
    let alone = waits(member).await?;
    let before = sent(harness).await?;
    let unread = counted(harness, FRAMES_READ).await?;
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let pushing: Vec<_> = pushers
        .into_iter()
        .map(|pusher| tasks.spawn(push(pusher, stop.clone())))
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
    let sent_on = (after.0 - before.0) + (after.1 - before.1);
    holds(sent_on >= SENDS as u64 + least, &report)?;
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
        pushed(harness, [&alice, &bob], (SOCKETS, 40), async |number, _| {
            Ok(if number % 2 == 0 {
                burst(0, &Ping {})
            } else {
                burst(0, &log_in)
            })
        })
        .await
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_pushes_starves_nobody() -> Result<()> {
    scenario_on(guarded(), async |harness| {
        let [alice, bob, mallory] = harness.members().await?;
        let channel = mallory.channel("#general").await?;
        // A repeat of one nonce: no limit of the workers draws for it.
        let repeat = burst(mallory.scope(), &send_message(channel, "again"));
        let token = mallory.token.clone();
        let identify = encode_control(opcode::IDENTIFY, &Identify { token });
        let aim = async |_, socket: &mut TcpStream| {
            socket.write_all(&message(&identify)).await?;
            Ok(repeat.clone())
        };
        // As fast as one account may, and no faster: so the sessions are open.
        pushed(harness, [&alice, &bob], (SOCKETS, 160), aim).await
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_that_are_poured_onto_a_gateway_starve_nobody() -> Result<()> {
    scenario_on(guarded(), async |harness| {
        let [alice, bob] = harness.members().await?;
        let aim = async |_, _: &mut TcpStream| Ok(burst(0, &Ping {}));
        pushed(harness, [&alice, &bob], (MANY_SOCKETS, 0), aim).await
    })
    .await
}
