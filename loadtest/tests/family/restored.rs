//! After a restore that nobody told of, no worker serves: it ends with one sentence that says what
//! to do.

use std::time::Duration;

use anyhow::Result;
use loadtest::{
    cluster::{Node, Settings, Signal, node_ready, redis_tell, services::START},
    harness::{Harness, holds, same, scenario_on},
};

/// How long a worker may take to end by itself.
const END: Duration = Duration::from_secs(20);
const NOT_TOLD: &str = "the database was restored, or moved, since its event log was made";
const NOT_EMPTIED: &str = "Redis holds what belongs to another event log";

fn one_worker() -> Settings {
    Settings {
        workers: 1,
        ..Settings::default()
    }
}

/// The worker ends as what failed, and has said this.
async fn ends(worker: &Node, text: &str) -> Result<()> {
    let status = worker.ended(END).await?;
    same(&status.code(), &Some(1))?;
    let says = worker.tail();
    holds(says.contains(text), &format!("{text:?} is not in {says}"))
}

/// The terms of the partitions: each lane that takes one raises its.
async fn terms(harness: &Harness) -> Result<i64> {
    let terms = harness.cluster.sql(async |client| {
        let sum = "SELECT sum(term)::bigint FROM partitions";
        client.query_one(sum, &[]).await?.try_get(0)
    });
    terms.await
}

#[tokio::test]
async fn no_worker_starts_after_a_restore_until_each_step_was_done() -> Result<()> {
    scenario_on(one_worker(), async |harness| {
        let cluster = &harness.cluster;
        let [worker] = cluster.workers.as_slice() else {
            unreachable!("it has one worker")
        };
        worker.signal(Signal::TERM)?;
        worker.ended(END).await?;
        // As a dump of another server leaves it that was read into this one.
        let restored = "UPDATE deployment SET origin = '1' || origin";
        cluster
            .sql(async |client| client.batch_execute(restored).await)
            .await?;
        let before = terms(harness).await?;
        worker.restart()?;
        ends(worker, NOT_TOLD).await?;
        cluster.operate(&["migrate"]).await?;
        worker.restart()?;
        ends(worker, NOT_TOLD).await?;
        cluster.operate(&["new-epoch"]).await?;
        worker.restart()?;
        ends(worker, NOT_EMPTIED).await?;
        same(&terms(harness).await?, &before)?;
        cluster.flush_redis().await?;
        worker.restart()?;
        cluster.ready(START).await?;
        harness.still_serves().await
    })
    .await
}

#[tokio::test]
async fn a_worker_ends_when_its_redis_becomes_that_of_another_log() -> Result<()> {
    scenario_on(one_worker(), async |harness| {
        let cluster = &harness.cluster;
        harness.still_serves().await?;
        redis_tell(&cluster.redis, "SET origin another").await?;
        for worker in &cluster.workers {
            ends(worker, NOT_EMPTIED).await?;
            cluster.flush_redis().await?;
            worker.restart()?;
            node_ready(worker, START).await?;
        }
        cluster.ready(START).await?;
        harness.still_serves().await
    })
    .await
}
