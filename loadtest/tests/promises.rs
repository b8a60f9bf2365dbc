//! The promises, each under the fault that would break it, with real processes.
//!
//! Every test has a cluster of its own, a workload that writes down all that it
//! does and sees, and a checker that shares no code with the servers. Set
//! `CONFAB_SEED` to repeat a run.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result, bail};
use loadtest::{
    client::{Client, Options, Status, log::Seen},
    cluster::{Cluster, Node, Settings, Signal, node_metric, node_ready},
    random::{Random, seed},
    room::Room,
    stage::{Stage, holds, message, same, scene_on},
    workload::{Ended, Plan, Workload},
};
use shared::protocol::message::MessageCreated;
use tokio::{sync::Semaphore, time::Instant};

/// Two clusters at once would measure each other.
static TURN: Semaphore = Semaphore::const_new(1);

const SOON: Duration = Duration::from_secs(15);

/// Plays on a cluster of its own, alone, and names the seed when it fails.
async fn alone(
    settings: Settings,
    play: impl AsyncFnOnce(&Stage, &mut Random) -> Result<()>,
) -> Result<()> {
    let _turn = TURN.acquire().await?;
    let seed = seed();
    let mut random = Random::new(seed);
    scene_on(settings, async |stage| play(stage, &mut random).await)
        .await
        .with_context(|| format!("with CONFAB_SEED={seed}"))
}

async fn room(stage: &Stage, people: usize) -> Result<Room> {
    Room::open(stage.cluster.addresses(), people).await
}

async fn start(stage: &Stage, room: &Room, plan: &Plan) -> Result<Workload> {
    Workload::start(room, plan, stage.cluster.dir()).await
}

/// Ends the workload; the report must hold.
async fn kept(workload: Workload) -> Result<Ended> {
    let ended = workload.finish().await?;
    holds(ended.report.holds(), &ended.report.to_string())?;
    holds(ended.report.acknowledged > 0, "nothing was acknowledged")?;
    Ok(ended)
}

fn proxied() -> Settings {
    Settings {
        proxies: true,
        ..Settings::default()
    }
}

/// Kills one process of the cluster, at random, and starts it again.
async fn strike(cluster: &Cluster, random: &mut Random) -> Result<()> {
    match random.below(4) {
        0 => {
            cluster.postgres.kill()?;
            cluster.restart_postgres().await
        }
        1 => cluster.restart_redis().await,
        2 => random.pick(&cluster.workers).context("a worker")?.restart(),
        _ => random
            .pick(&cluster.gateways)
            .context("a gateway")?
            .restart(),
    }
}

#[tokio::test]
async fn p1_no_acknowledged_message_is_lost_whatever_is_killed() -> Result<()> {
    alone(Settings::default(), async |stage, random| {
        let room = room(stage, 4).await?;
        let workload = start(stage, &room, &Plan::default()).await?;
        for _ in 0..5 {
            workload.progress(60, SOON * 2).await?;
            strike(&stage.cluster, random).await?;
        }
        workload.progress(60, SOON * 2).await?;
        kept(workload).await.map(drop)
    })
    .await
}

#[tokio::test]
async fn p2_a_command_sent_three_times_takes_effect_once() -> Result<()> {
    alone(Settings::default(), async |stage, random| {
        let room = room(stage, 3).await?;
        let plan = Plan {
            sends: 3,
            ..Plan::default()
        };
        let workload = start(stage, &room, &plan).await?;
        for _ in 0..3 {
            workload.progress(90, SOON * 2).await?;
            let gateway = random.pick(&stage.cluster.gateways).context("a gateway")?;
            gateway.restart()?;
            random
                .pick(&stage.cluster.workers)
                .context("a worker")?
                .restart()?;
        }
        workload.progress(90, SOON * 2).await?;
        kept(workload).await.map(drop)
    })
    .await
}

#[tokio::test]
async fn p3_everyone_sees_one_order() -> Result<()> {
    alone(Settings::default(), async |stage, _| {
        let room = room(stage, 4).await?;
        let plan = Plan {
            writers: 4,
            readers: 4,
            every: Duration::from_millis(2),
            ..Plan::default()
        };
        let workload = start(stage, &room, &plan).await?;
        workload.progress(600, SOON * 2).await?;
        let ended = kept(workload).await?;
        same(&ended.report.gaps, &0)?;
        same(&ended.report.received, &(ended.report.stored * 4))
    })
    .await
}

#[tokio::test]
async fn p4_a_live_connection_has_no_hole_when_the_link_to_redis_fails() -> Result<()> {
    alone(proxied(), async |stage, _| {
        let room = room(stage, 4).await?;
        let plan = Plan {
            readers: 4,
            ..Plan::default()
        };
        let workload = start(stage, &room, &plan).await?;
        let proxies = &stage.cluster.proxies;
        let link = proxies.first().context("a proxy")?;
        workload.progress(50, SOON).await?;

        for proxy in proxies {
            proxy.drop_every(7);
        }
        workload.progress(100, SOON).await?;
        for proxy in proxies {
            proxy.drop_every(0);
        }
        let lost: u64 = proxies.iter().map(loadtest::proxy::Proxy::dropped).sum();
        holds(lost > 0, "the proxies lost events")?;

        link.cut();
        workload.progress(50, SOON).await?;
        link.blackhole(true);
        // The writers on the other gateway go on.
        workload.progress(50, SOON).await?;
        link.blackhole(false);
        workload.progress(50, SOON).await?;

        stage.cluster.redis.signal(Signal::Stop)?;
        let paused = Instant::now();
        let silent = workload.progress(200, Duration::from_secs(2)).await;
        stage.cluster.redis.signal(Signal::Continue)?;
        holds(
            silent.is_err() && paused.elapsed() >= Duration::from_secs(2),
            "without Redis nothing moves",
        )?;
        workload.progress(50, SOON).await?;
        kept(workload).await.map(drop)
    })
    .await
}

#[tokio::test]
async fn p5_a_resume_on_another_gateway_returns_exactly_what_was_missed() -> Result<()> {
    alone(Settings::default(), async |stage, _| {
        let room = room(stage, 4).await?;
        let plan = Plan {
            writers: 6,
            readers: 4,
            every: Duration::from_millis(3),
            ..Plan::default()
        };
        let workload = start(stage, &room, &plan).await?;
        workload.progress(200, SOON).await?;
        let gateway = stage.cluster.gateways.first().context("a gateway")?;
        gateway.kill()?;
        workload.progress(300, SOON * 2).await?;
        let readers = workload.readers.clone();
        let ended = kept(workload).await?;
        same(&ended.report.gaps, &0)?;
        same(&ended.report.received, &(ended.report.stored * 4))?;
        let resumed = readers.iter().filter(|reader| resumes(reader) > 0).count();
        holds(resumed >= 2, &format!("{resumed} readers resumed"))
    })
    .await
}

/// How often a client resumed.
fn resumes(client: &Client) -> usize {
    let log = client.log().since(0);
    log.iter()
        .filter(|seen| matches!(seen, Seen::Opened { resumed: true, .. }))
        .count()
}

#[tokio::test]
async fn p6_the_last_event_of_a_quiet_topic_arrives_within_five_seconds() -> Result<()> {
    alone(proxied(), async |stage, _| {
        let [alice, bob] = stage.company().await?;
        let general = alice.channel("#general").await?;
        alice.send("#general", "first").await?;
        bob.sees("first").await?;
        // Bob is on the second gateway, and alice writes over the first.
        let link = stage.cluster.proxies.get(1).context("a proxy")?;
        for number in 0..3 {
            let dropped = link.dropped();
            link.drop_next(1);
            let text = format!("lost on the way {number}");
            alice.call(&message(general, &text)).await?;
            let sent = Instant::now();
            let five = Duration::from_secs(5);
            bob.client
                .log()
                .wait(0, five + Duration::from_secs(1), |seen| {
                    seen.event::<MessageCreated>()
                        .filter(|created| created.message.content == text)
                })
                .await
                .with_context(|| format!("{text}: not repaired in time"))?;
            same(&link.dropped(), &(dropped + 1))?;
            holds(sent.elapsed() <= five, &format!("{:?}", sent.elapsed()))?;
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn p8_a_slow_reader_harms_nobody_and_loses_nothing() -> Result<()> {
    alone(Settings::default(), async |stage, _| {
        let room = room(stage, 4).await?;
        let slow = room.enter(0, slow_reader()).await?;
        let began = slow.log().end();
        let gateway = stage.cluster.gateways.first().context("a gateway")?;
        let before = gateway.resident_kib().context("its memory")?;
        slow.read(false).await?;
        let plan = Plan {
            writers: 4,
            readers: 2,
            every: Duration::from_millis(2),
            bytes: 1_900,
            // How long a busy machine leaves a heartbeat unanswered is no harm of the slow one.
            options: Options::default(),
            ..Plan::default()
        };
        let workload = start(stage, &room, &plan).await?;
        write_until_cut(&workload, gateway).await?;
        let grown = gateway.resident_kib().context("its memory")?;
        let grown = grown.saturating_sub(before);
        holds(grown < 65_536, &format!("the gateway grew by {grown} KiB"))?;
        slow.read(true).await?;

        let readers = workload.readers.clone();
        let ended = kept(workload).await?;
        same(&ended.report.gaps, &0)?;
        same(&ended.report.received, &(ended.report.stored * 2))?;
        for (number, reader) in readers.iter().enumerate() {
            holds(!lost(reader), &format!("reader {number} was cut too"))?;
        }
        all_seen(&slow, began, ended.report.stored).await?;
        holds(lost(&slow), "the slow reader never saw that it was cut")
    })
    .await
}

/// How much is written at most until a reader that reads nothing is cut: 40 MB,
/// many times what its queue and the buffers of its socket hold.
const MOST_UNREAD: u64 = 20_000;

/// Writes until the gateway says that it cut a slow reader.
async fn write_until_cut(workload: &Workload, gateway: &Node) -> Result<()> {
    let cut = r#"confab_gateway_closed_total{close_code="SlowConsumer"}"#;
    while node_metric(gateway, cut).await? == 0 {
        let written = workload.acknowledged();
        holds(
            written < MOST_UNREAD,
            &format!("it was not cut after {written} messages"),
        )?;
        workload.progress(200, SOON * 2).await?;
    }
    Ok(())
}

/// Whether a client's connection ever ended.
fn lost(client: &Client) -> bool {
    let log = client.log().since(0);
    log.iter().any(|seen| matches!(seen, Seen::Lost { .. }))
}

/// A client whose socket holds little.
fn slow_reader() -> Options {
    Options {
        receive_buffer: Some(4_096),
        ..Options::default()
    }
}

/// Waits until a client saw `count` messages, each once and in order.
async fn all_seen(client: &Client, from: u64, count: usize) -> Result<()> {
    let mut seqs = Vec::new();
    let pick = |seen: &Seen| {
        seqs.extend(
            seen.event::<MessageCreated>()
                .map(|event| event.message.seq),
        );
        (seqs.len() == count).then_some(())
    };
    let whole = client.log().wait(from, SOON * 2, pick).await;
    holds(
        whole.is_some(),
        &format!("the slow reader saw {} of {count}", seqs.len()),
    )?;
    let dense = (1..).zip(&seqs).all(|(due, seq)| due == *seq);
    holds(dense, "the slow reader saw them in order")?;
    same(&client.violations(), &Vec::new())
}

#[tokio::test]
async fn p9_a_rolling_deployment_loses_nothing_and_makes_no_herd() -> Result<()> {
    alone(Settings::default(), async |stage, _| {
        let room = room(stage, 4).await?;
        let plan = Plan {
            readers: 16,
            ..Plan::default()
        };
        let workload = start(stage, &room, &plan).await?;
        workload.progress(30, SOON).await?;
        for node in stage.cluster.gateways.iter().chain(&stage.cluster.workers) {
            roll(node).await?;
            workload.progress(30, SOON * 2).await?;
        }
        let delays = asked_delays(&workload.readers);
        let ended = kept(workload).await?;
        same(&ended.report.gaps, &0)?;
        same(&ended.report.unknown, &0)?;
        holds(delays.len() >= 8, "those on the gateway were asked to go")?;
        let mut distinct = delays.clone();
        distinct.dedup();
        holds(
            distinct.len() * 2 > delays.len(),
            &format!("they were asked to go together: {delays:?}"),
        )
    })
    .await
}

/// Ends a process politely and starts it again.
async fn roll(node: &Node) -> Result<()> {
    node.signal(Signal::Term)?;
    let status = node.ended(SOON * 3).await?;
    holds(status.success(), &format!("{}: {status}", node.name()))?;
    node.restart()?;
    node_ready(node, SOON).await
}

/// What readers were asked to wait before they go elsewhere, sorted.
fn asked_delays(readers: &[Arc<Client>]) -> Vec<u64> {
    let mut delays: Vec<u64> = readers
        .iter()
        .flat_map(|reader| reader.log().since(0))
        .filter_map(|seen| match seen {
            Seen::Asked { delay_ms } => Some(delay_ms),
            _ => None,
        })
        .collect();
    delays.sort_unstable();
    delays
}

#[tokio::test]
async fn p10_losing_redis_entirely_loses_no_acknowledged_message() -> Result<()> {
    alone(Settings::default(), async |stage, _| {
        let room = room(stage, 4).await?;
        let workload = start(stage, &room, &Plan::default()).await?;
        let ten = Duration::from_secs(10);
        workload.progress(60, SOON).await?;
        stage.cluster.flush_redis().await?;
        workload.progress(60, ten).await.context("after FLUSHALL")?;
        stage.cluster.restart_redis().await?;
        workload
            .progress(60, ten)
            .await
            .context("after an empty restart")?;
        kept(workload).await.map(drop)
    })
    .await
}

#[tokio::test]
async fn p11_without_postgres_nothing_is_acknowledged_and_sockets_stay() -> Result<()> {
    alone(Settings::default(), async |stage, _| {
        let room = room(stage, 4).await?;
        let workload = start(stage, &room, &Plan::default()).await?;
        workload.progress(60, SOON).await?;

        stage.cluster.postgres.kill()?;
        let second = Duration::from_secs(1);
        // Its processes need a moment to notice; what they commit until then counts.
        drop(workload.progress(u64::MAX / 2, second).await);
        let silent = workload.progress(1, second * 4).await;
        holds(silent.is_err(), "it was acknowledged without Postgres")?;
        for reader in &workload.readers {
            let status = reader.status().borrow().clone();
            holds(
                matches!(status, Status::Open(_)) && resumes(reader) == 0,
                &format!("a socket did not stay: {status:?}"),
            )?;
        }
        stage.cluster.restart_postgres().await?;
        workload.progress(60, SOON * 2).await?;
        kept(workload).await.map(drop)
    })
    .await
}

#[tokio::test]
async fn p11_a_frozen_postgres_is_survived_too() -> Result<()> {
    alone(Settings::default(), async |stage, _| {
        let room = room(stage, 2).await?;
        let workload = start(stage, &room, &Plan::default()).await?;
        workload.progress(60, SOON).await?;
        stage.cluster.postgres.signal_all(Signal::Stop)?;
        let wait = Duration::from_secs(3);
        drop(
            workload
                .progress(u64::MAX / 2, Duration::from_millis(200))
                .await,
        );
        let silent = workload.progress(1, wait).await;
        stage.cluster.postgres.signal_all(Signal::Continue)?;
        if silent.is_ok() {
            bail!("it was acknowledged while Postgres was frozen");
        }
        workload.progress(60, SOON * 2).await?;
        kept(workload).await.map(drop)
    })
    .await
}
