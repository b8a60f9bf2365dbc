//! Programs of two levels side by side: who waits for whom, so that one command may replace them all.

use std::time::Duration;

use anyhow::Result;
use loadtest::{
    cluster::{Node as Process, Settings, Signal, node_is_ready, node_ready, settings::KEY},
    harness::{Harness, eventually, holds, same, scenario_on},
    http,
};
use shared::{
    bus::{
        Bus,
        level::LEVEL,
        node::{Node, NodeLease},
    },
    protocol::admin::NodeKind,
};

const PATIENCE: Duration = Duration::from_secs(20);

/// A program of another level that lives, as far as it tells.
struct Other {
    bus: Bus,
    lease: NodeLease,
}

impl Other {
    async fn lives(harness: &Harness, kind: NodeKind, name: &str, level: u32) -> Result<Self> {
        let bus = Bus::connect(harness.cluster.redis_url()).await?;
        let lease = NodeLease {
            kind,
            process: name.to_owned(),
            ttl: Duration::from_hours(1),
        };
        let node = Node {
            name: name.to_owned(),
            version: "another".to_owned(),
            level,
            ..Node::default()
        };
        lease.renew(&bus, &KEY.parse()?, &node).await?;
        Ok(Self { bus, lease })
    }

    async fn goes(self) -> Result<()> {
        Ok(self.lease.release(&self.bus).await?)
    }
}

async fn restart(process: &Process) -> Result<()> {
    process.signal(Signal::TERM)?;
    holds(process.ended(PATIENCE).await?.success(), "it ended badly")?;
    process.restart()
}

/// It is not ready, and for this reason alone.
async fn waits(process: &Process, report: &str) -> Result<()> {
    let host = format!("127.0.0.1:{}", process.ops_port());
    let says = async || -> Result<()> {
        let answer = http::get(&host, "/readyz").await?;
        let body = String::from_utf8_lossy(&answer.body).into_owned();
        same(&(answer.status, &*body), &(503, report))
    };
    // Until it has started nobody answers.
    eventually(PATIENCE, async || Ok(says().await)).await
}

#[tokio::test]
async fn a_gateway_takes_clients_once_the_last_older_worker_has_gone() -> Result<()> {
    const WAITS: &str = "waits until older workers have gone: older";
    scenario_on(Settings::default(), async |harness| {
        let [serving, new] = harness.cluster.gateways.as_slice() else {
            unreachable!("it has two gateways")
        };
        let older = Other::lives(harness, NodeKind::Worker, "older", LEVEL - 1).await?;
        restart(new).await?;
        waits(new, &format!("bus: ok\nworkers: {WAITS}\n")).await?;
        holds(node_is_ready(serving).await, "it had clients already")?;
        older.goes().await?;
        node_ready(new, PATIENCE).await?;
        same(&new.log_text().matches(WAITS).count(), &1)?;
        harness.still_serves().await
    })
    .await
}

#[tokio::test]
async fn a_worker_of_before_begins_once_the_last_newer_gateway_has_gone() -> Result<()> {
    const WAITS: &str = "waits until newer gateways have gone: newer-gateway";
    scenario_on(Settings::default(), async |harness| {
        let [before, _] = harness.cluster.workers.as_slice() else {
            unreachable!("it has two workers")
        };
        let lives = async |kind, name| Other::lives(harness, kind, name, LEVEL + 1).await;
        let gateway = lives(NodeKind::Gateway, "newer-gateway").await?;
        // Where no newer worker lives an older one is better than none.
        restart(before).await?;
        node_ready(before, PATIENCE).await?;
        let worker = lives(NodeKind::Worker, "newer-worker").await?;
        restart(before).await?;
        let unknown = "not checked yet";
        let report =
            format!("bus: {unknown}\ndatabase: {unknown}\ngateways: {WAITS}\nlanes: {unknown}\n");
        waits(before, &report).await?;
        harness.still_serves().await?;
        gateway.goes().await?;
        node_ready(before, PATIENCE).await?;
        same(&before.log_text().matches(WAITS).count(), &1)?;
        worker.goes().await
    })
    .await
}
