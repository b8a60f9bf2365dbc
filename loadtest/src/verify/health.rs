//! What a cluster notices of itself, and what it gives back: P7, P17.

use std::time::Duration;

use anyhow::{Context as _, Result};
use futures_util::future::try_join_all;

use super::{
    schedule::{Fault, Who},
    trial::{BACK, Trial, until},
};
use crate::{
    client::{Client, Options},
    cluster::{Node, node_metric, redis_tell},
    fixture::Fixture,
    proxy::Proxy,
    workload::{Plan, Workload},
};

/// How soon a stale link is noticed.
const NOTICED: Duration = Duration::from_secs(15);

/// P7: Redis stands still; then its master is replaced in each way there is.
pub(super) async fn stale_redis(trial: &mut Trial<'_>) -> Result<()> {
    let (_, workload) = trial.begin(4, &Plan::patient(), 60).await?;

    trial.inflict(Fault::Freeze(Who::Redis)).await?;
    let took = trial.all_ready(false, trial.allow(NOTICED)).await?;
    trial.measured(format!("all were not ready {took:.1?} after SIGSTOP"));
    trial.in_time("to notice a stale link", NOTICED, took);
    trial.inflict(Fault::Continue(Who::Redis)).await?;
    healed(trial, &workload, "SIGCONT").await?;

    let spare = trial
        .cluster
        .spare
        .as_ref()
        .context("another Redis")?
        .port();
    let (old, new) = (trial.cluster.redis.port(), spare);
    trial.note("the master dies; an empty one is in its place");
    lead(trial, new);
    trial.cluster.redis.kill()?;
    healed(trial, &workload, "the master died").await?;

    trial.note("back to the first one, which is empty now; nobody's link is cut");
    trial.cluster.restart_redis().await?;
    lead(trial, old);
    demote(trial, old).await?;
    healed(trial, &workload, "the master was demoted").await?;

    trial.note("the workers alone are led to the other one, both being masters");
    let spare = trial.cluster.spare.as_ref().context("another Redis")?;
    redis_tell(spare, "REPLICAOF NO ONE").await?;
    lead(trial, new);
    trial.cluster.worker_proxies.iter().for_each(Proxy::cut);
    healed(trial, &workload, "the gateways were on the wrong Redis").await?;
    trial.judge(workload).await.map(drop)
}

/// New links go to this Redis; those that are open stay.
pub(super) fn lead(trial: &Trial<'_>, port: u16) {
    let proxies = trial.cluster.proxies.iter();
    for proxy in proxies.chain(&trial.cluster.worker_proxies) {
        proxy.lead_to(&format!("127.0.0.1:{port}"));
    }
}

/// Makes the other Redis a replica of the one at `port`, as a failover does.
async fn demote(trial: &Trial<'_>, port: u16) -> Result<()> {
    let spare = trial.cluster.spare.as_ref().context("another Redis")?;
    redis_tell(spare, &format!("REPLICAOF 127.0.0.1 {port}")).await
}

async fn healed(trial: &mut Trial<'_>, workload: &Workload, after: &str) -> Result<()> {
    let began = tokio::time::Instant::now();
    workload
        .progress(60, BACK)
        .await
        .with_context(|| format!("no service after: {after}"))?;
    let served = began.elapsed().as_secs_f64();
    trial
        .all_ready(true, BACK)
        .await
        .with_context(|| format!("after: {after}"))?;
    // Those who read hear of what is written now, too.
    let written = workload.acknowledged();
    for number in 0..workload.readers.len() {
        let heard = workload
            .reader_at(number, written.saturating_sub(10), BACK)
            .await;
        heard.with_context(|| format!("after: {after}"))?;
    }
    trial.measured(format!("service is back {served:.1} s after: {after}"));
    Ok(())
}

/// What a process holds.
#[derive(Debug, Clone)]
struct Held {
    name: String,
    descriptors: usize,
    resident_kib: u64,
}

/// Descriptors that come and go by themselves: pools and queries under way.
const LOOSE: usize = 24;
/// Memory that an allocator may keep after the second round, in KiB.
const KEPT: u64 = 16_384;
/// Connections that are open at once.
const AT_ONCE: usize = 50;

/// P17: very many connect, sign in, say something, and go.
pub(super) async fn churn(trial: &mut Trial<'_>) -> Result<()> {
    let fixture = trial.fixture(8).await?;
    let round = trial.terms.size.choose(500, 5_000, 50_000);
    let fresh = held(trial).await?;
    trial.note(format!("{round} connects and disconnects"));
    come_and_go(&fixture, round).await?;
    let warm = held(trial).await?;
    trial.note(format!("{round} more"));
    come_and_go(&fixture, round).await?;
    let after = held(trial).await?;
    let quiet = |trial: &Trial<'_>| trial.terms.size.choose(KEPT, KEPT, KEPT * 2);
    for ((fresh, warm), after) in fresh.iter().zip(&warm).zip(&after) {
        trial.measured(format!(
            "{}: {} → {} → {} descriptors, {} → {} → {} KiB",
            after.name,
            fresh.descriptors,
            warm.descriptors,
            after.descriptors,
            fresh.resident_kib,
            warm.resident_kib,
            after.resident_kib
        ));
        trial.demand(after.descriptors <= fresh.descriptors + LOOSE, || {
            format!(
                "{} keeps {} descriptors, of {}",
                after.name, after.descriptors, fresh.descriptors
            )
        });
        let grown = after.resident_kib.saturating_sub(warm.resident_kib);
        let most = quiet(trial);
        trial.demand(grown <= most, || {
            format!("{} grew by {grown} KiB over the second round", after.name)
        });
    }
    trial.outcome.counts.sent += round * 2;
    trial.outcome.counts.acknowledged += round * 2;
    let reader = fixture.enter(0, Options::default()).await?;
    let stored = fixture.history(&reader).await?.len();
    trial.outcome.counts.stored = stored;
    trial.demand(stored == round * 2, || {
        format!("{stored} of {} are stored", round * 2)
    });
    Ok(())
}

async fn come_and_go(fixture: &Fixture, count: usize) -> Result<()> {
    let mut left: Vec<usize> = (0..count).collect();
    while !left.is_empty() {
        let now = left.split_off(left.len().saturating_sub(AT_ONCE));
        try_join_all(now.into_iter().map(|number| visit(fixture, number))).await?;
    }
    Ok(())
}

async fn visit(fixture: &Fixture, number: usize) -> Result<()> {
    let client: Client = fixture.enter(number, Options::default()).await?;
    fixture.say(&client, "here").await?;
    client.close().await;
    Ok(())
}

/// What each process holds, once nobody is connected any more.
async fn held(trial: &Trial<'_>) -> Result<Vec<Held>> {
    for gateway in &trial.cluster.gateways {
        until("nobody is connected", BACK, async || {
            Ok(node_metric(gateway, "confab_gateway_connections").await? == 0)
        })
        .await?;
    }
    let all = trial.ours().map(|node: &Node| {
        Ok(Held {
            name: node.name().to_owned(),
            descriptors: node.descriptors().context("descriptors")?,
            resident_kib: node.resident_kib().context("memory")?,
        })
    });
    all.collect()
}
