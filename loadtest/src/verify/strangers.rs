//! Strangers who push and sessions that crawl: P20.

use std::{net::Ipv4Addr, time::Duration};

use anyhow::{Context as _, Result};
use shared::{
    frame::opcode,
    protocol::{
        control::{Resume, TopicSeq},
        message::MessageCreated,
        ping::Ping,
    },
};
use tokio::{
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval, timeout},
};

use super::trial::{BACK, Trial};
use crate::{
    checker::{ack_times, quantile},
    client::{
        Options,
        link::{Dialect, Link},
    },
    fixture::Fixture,
    history::Entry,
    random::nonce,
    requests::log_in,
    transport::{Transport, TransportClient},
    workload::Plan,
};

/// What a member may still expect of signing in and of a message.
const SOON: Duration = Duration::from_secs(5);
/// Strangers are all at one address, and members at another.
const STRANGE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 66);
/// Frames of a stranger in each tenth of a second: as many as the flood guard lets pass.
const FRAMES: usize = 9;
/// Messages that those who crawl have before them: more than the buffers of a socket hold.
const LARGE: u64 = 4_000;
/// A crawler reads so rarely that nothing but the socket's buffers moves.
const CRAWL: Duration = Duration::from_secs(4);

/// P20: strangers ask as much as they may from one address, guess passwords and tokens,
/// and sessions resume from far behind and hardly read. Members go on as before.
pub(super) async fn starved(trial: &mut Trial<'_>) -> Result<()> {
    let large = trial.fixture(6).await?;
    let fill = Plan {
        writers: 12,
        readers: 0,
        every: Duration::ZERO,
        bytes: 1_990,
        ..Plan::default()
    };
    let filling = trial.workload(&large, &fill).await?;
    filling.progress(LARGE, BACK).await?;
    trial.judge(filling).await?;
    let plan = Plan {
        writers: 4,
        readers: 4,
        ..Plan::patient()
    };
    let (fixture, workload) = trial.begin(6, &plan, 400).await?;
    let calm = workload.now();
    let mut strangers = JoinSet::new();
    let (flooders, guessers) = trial.terms.size.choose((40, 4), (80, 8), (200, 16));
    let crawlers = trial.terms.size.choose(130, 160, 200);
    trial.note(format!(
        "{flooders} strangers flood, {guessers} guess tokens, {crawlers} sessions crawl"
    ));
    for number in 0..flooders {
        strangers.spawn(flood(gateway(&fixture, number)?, number));
    }
    for number in 0..guessers {
        strangers.spawn(guess(gateway(&fixture, number)?));
    }
    for number in 0..crawlers {
        strangers.spawn(crawl(large.clone(), number));
    }
    let end = Instant::now() + trial.terms.length;
    let mut worst = Duration::ZERO;
    for number in 0.. {
        worst = worst.max(newcomer(&fixture, number).await?);
        workload.progress(20, BACK).await?;
        if Instant::now() > end {
            break;
        }
    }
    let stormy = workload.now();
    let lost: Vec<usize> = (0..plan.readers)
        .filter(|number| {
            let reader = workload.readers.get(*number);
            reader.is_some_and(|reader| reader.was_lost())
        })
        .collect();
    strangers.shutdown().await;
    let history = trial.judge(workload).await?.history;
    trial.demand(lost.is_empty(), || format!("readers {lost:?} were closed"));
    trial.measured(format!(
        "who came in meanwhile heard the room after {worst:?} at most"
    ));
    trial.in_time("coming in", SOON, worst);
    compare(trial, &history, calm, stormy);
    Ok(())
}

fn gateway(fixture: &Fixture, number: usize) -> Result<String> {
    let gateway = fixture.gateways.iter().cycle().nth(number);
    gateway.cloned().context("a gateway")
}

/// Acknowledgements take at most twice as long; milliseconds are judged only where the
/// machine is quiet.
fn compare(trial: &mut Trial<'_>, history: &[Entry], calm: u64, stormy: u64) {
    let p99 = |from, to| quantile(&ack_times(history, from..to), 0.99);
    let (before, after) = (p99(0, calm), p99(calm, stormy));
    trial.measured(format!(
        "acknowledged within {after} us (p99), {before} us before"
    ));
    let strict = trial.terms.strict;
    trial.demand(!strict || after <= before * 2, || {
        format!("members wait {after} us, not {before} us")
    });
}

/// Somebody comes in and hears what is said: how long that takes.
async fn newcomer(fixture: &Fixture, number: usize) -> Result<Duration> {
    let began = Instant::now();
    let client = fixture.enter(number, Options::default()).await?;
    let heard = |seen: &crate::client::log::Seen| seen.event::<MessageCreated>().map(drop);
    let heard = client.log().wait(0, BACK, heard).await;
    heard.context("who came in hears nothing")?;
    client.close().await;
    Ok(began.elapsed())
}

/// Asks without signing in, until it is closed; then again.
async fn flood(gateway: String, number: usize) {
    loop {
        // Being closed is what a stranger has to expect.
        drop(flood_once(&gateway, number).await);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn flood_once(gateway: &str, number: usize) -> Result<()> {
    let mut link = Link::open_with(gateway, Dialect::MessagePack, (Some(STRANGE), None)).await?;
    link.expect_control(opcode::HELLO).await?;
    let mut pace = interval(Duration::from_millis(100));
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut request = 0;
    loop {
        tokio::select! {
            incoming = link.next() => drop(incoming?),
            _ = pace.tick() => {
                for _ in 0..FRAMES {
                    request += 1;
                    if number.is_multiple_of(4) {
                        let log_in = log_in(&format!("nobody-{number}"), &nonce());
                        link.send_request(request, 0, &log_in).await?;
                    } else {
                        link.send_request(request, 0, &Ping {}).await?;
                    }
                }
            }
        }
    }
}

/// Tries one token after the other.
async fn guess(gateway: String) {
    loop {
        let token = nonce() + &nonce();
        if let Ok(client) = TransportClient::open(Transport::Http, &gateway, Some(&token)).await {
            drop(client.ask_http("servers_list", 0, b"{}").await);
        }
    }
}

/// Resumes from the beginning, and hardly reads what comes.
async fn crawl(fixture: Fixture, number: usize) {
    loop {
        drop(crawl_once(&fixture, number).await);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn crawl_once(fixture: &Fixture, number: usize) -> Result<()> {
    let client = fixture.enter(number, Options::default()).await?;
    let epoch = client.ready().context("a session that is open")?.epoch;
    client.close().await;
    let token = fixture.find_token(number)?;
    let socket = (Some(STRANGE), Some(4_096));
    let gateway = gateway(fixture, number)?;
    let mut link = Link::open_with(&gateway, Dialect::MessagePack, socket).await?;
    link.expect_control(opcode::HELLO).await?;
    let topics = vec![TopicSeq {
        topic: fixture.server.get(),
        seq: 0,
    }];
    let resume = Resume {
        token: token.to_owned(),
        epoch,
        topics,
    };
    link.send_control(opcode::RESUME, &resume).await?;
    loop {
        tokio::time::sleep(CRAWL).await;
        drop(timeout(CRAWL, link.next()).await??);
    }
}
