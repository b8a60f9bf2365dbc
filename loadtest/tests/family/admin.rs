//! What operators do without a client.

use std::time::Duration;

use anyhow::{Result, bail};
use loadtest::{
    client::Status,
    cluster::{Settings, Signal},
    harness::{Harness, Person, eventually, holds, refused, same, scenario_on},
    requests::{PASSWORD, create_invite, log_in},
    transport::Transport,
};
use shared::{
    bus::node::VERSION,
    error::Reason,
    protocol::{
        admin::{DeploymentStatus, GetDeploymentStatus, NodeKind, NodeStatus},
        server::ListServers,
        session::ListSessions,
    },
};

/// A gateway that was killed is missed after its lease, of 12 seconds; on a slow machine later.
const PATIENCE: Duration = Duration::from_secs(40);

scenarios! {
    closed_sessions_end_at_once_and_their_tokens_open_nothing,
    a_disabled_account_cannot_sign_in_until_it_is_enabled,
    a_password_is_reset,
    an_account_administers_the_deployment_until_it_does_not,
    what_waits_for_a_person_is_listed_and_tried_again,
    an_account_that_does_not_exist_is_none,
    an_administrator_sees_who_runs_and_how_much_there_is,
}

async fn admin(harness: &Harness, words: &[&str]) -> Result<()> {
    harness.cluster.administer(words, "").await
}

/// Waits until the connection of somebody is closed; then his token opens nothing.
async fn is_signed_out(person: &Person) -> Result<()> {
    let closed = |status: &Status| matches!(status, Status::Closed(_));
    let status = person.client.until(closed).await?;
    same(&status, &Status::Closed(Some(4_504)))?;
    let mut way = person.through(Transport::Http).await?;
    refused(way.call(0, &ListServers {}).await, Reason::Unauthenticated)
}

async fn closed_sessions_end_at_once_and_their_tokens_open_nothing(
    harness: &Harness,
) -> Result<()> {
    let dora = harness.registered("dora", 0).await?;
    admin(harness, &["close-sessions", &dora.user.name]).await?;
    is_signed_out(&dora).await?;
    let again = harness.second_session(&dora).await?;
    let open = again.client.call(0, &ListSessions {}).await?.sessions;
    same(&open.len(), &1)
}

async fn a_disabled_account_cannot_sign_in_until_it_is_enabled(harness: &Harness) -> Result<()> {
    let dora = harness.registered("dora", 0).await?;
    let name = &dora.user.name;
    admin(harness, &["disable", name]).await?;
    is_signed_out(&dora).await?;
    let client = harness.client(1);
    refused(
        client.call(0, &log_in(name, PASSWORD)).await,
        Reason::Forbidden,
    )?;
    refused(
        client.call(0, &log_in(name, "not the password")).await,
        Reason::WrongCredentials,
    )?;
    admin(harness, &["enable", name]).await?;
    client.call(0, &log_in(name, PASSWORD)).await?;
    Ok(())
}

async fn a_password_is_reset(harness: &Harness) -> Result<()> {
    let dora = harness.registered("dora", 0).await?;
    let name = &dora.user.name;
    let words = ["reset-password", name];
    if harness.cluster.administer(&words, "short\n").await.is_ok() {
        bail!("a password has eight bytes");
    }
    harness
        .cluster
        .administer(&words, "another horse\n")
        .await?;
    is_signed_out(&dora).await?;
    let client = harness.client(1);
    refused(
        client.call(0, &log_in(name, PASSWORD)).await,
        Reason::WrongCredentials,
    )?;
    client.call(0, &log_in(name, "another horse")).await?;
    Ok(())
}

async fn an_account_administers_the_deployment_until_it_does_not(harness: &Harness) -> Result<()> {
    let dora = harness.registered("dora", 0).await?;
    let name = &dora.user.name;
    refused(
        dora.client.call(0, &create_invite()).await,
        Reason::Forbidden,
    )?;
    admin(harness, &["make-admin", name]).await?;
    dora.client.call(0, &create_invite()).await?;
    admin(harness, &["remove-admin", name]).await?;
    refused(
        dora.client.call(0, &create_invite()).await,
        Reason::Forbidden,
    )?;
    for words in [
        &["users"][..],
        &["users", name],
        &["find-users", "do"],
        &["find-users", "do", name],
        &["sign-ups"],
        &["sign-ups", "9007199254740991"],
        &["servers"],
        &["audit", "1"],
    ] {
        admin(harness, words).await?;
    }
    Ok(())
}

async fn what_waits_for_a_person_is_listed_and_tried_again(harness: &Harness) -> Result<()> {
    // Of a kind that no program knows: nobody else takes it.
    let park = "INSERT INTO jobs (kind, body, attempts, parked) VALUES ('test', '', 12, true)
                RETURNING id";
    let id: i64 = harness
        .cluster
        .sql(async |client| Ok(client.query_one(park, &[]).await?.get(0)))
        .await?;
    admin(harness, &["jobs"]).await?;
    admin(harness, &["retry-job", &id.to_string()]).await?;
    let gone = "DELETE FROM jobs WHERE id = $1 AND NOT parked AND attempts = 0";
    let retried = harness
        .cluster
        .sql(async |client| client.execute(gone, &[&id]).await)
        .await?;
    same(&retried, &1)?;
    for nothing in [id.to_string().as_str(), "1/2", "64/1", "x"] {
        let tried = admin(harness, &["retry-job", nothing]).await;
        holds(tried.is_err(), nothing)?;
    }
    Ok(())
}

async fn an_account_that_does_not_exist_is_none(harness: &Harness) -> Result<()> {
    let made = admin(harness, &["make-admin", "nobody-of-this-name"]).await;
    holds(made.is_err(), "there is no such account")
}

/// What the nodes are called, gateways first.
fn names(status: &DeploymentStatus) -> Vec<&str> {
    status.nodes.iter().map(|node| &*node.name).collect()
}

/// Waits until the status is so.
async fn status_until(
    admin: &Person,
    what: &str,
    so: impl Fn(&DeploymentStatus) -> bool,
) -> Result<DeploymentStatus> {
    eventually(PATIENCE, async || {
        let status = admin.client.call(0, &GetDeploymentStatus {}).await?;
        let shown = (names(&status), status.waiting_commands);
        Ok(holds(so(&status), &format!("{what}: {shown:?}")).map(|()| status))
    })
    .await
}

async fn an_administrator_sees_who_runs_and_how_much_there_is(harness: &Harness) -> Result<()> {
    let alice = harness.registered("alice", 0).await?;
    alice.creates_server("Company").await?;
    let admin = harness.admin().await?;
    let status = status_until(&admin, "all lanes have their partitions", |status| {
        let loads = status
            .nodes
            .iter()
            .filter(|node| node.kind == NodeKind::Worker);
        loads.filter_map(|node| node.load).sum::<u32>() == 64
    })
    .await?;
    same(
        &names(&status),
        &vec!["gateway-1", "gateway-2", "worker-1", "worker-2"],
    )?;
    for node in &status.nodes {
        same(&node.version.as_deref(), &Some(VERSION))?;
        holds(
            node.since.is_some_and(|since| since > 1_700_000_000_000),
            "a start",
        )?;
    }
    holds(
        status.accounts >= 2 && status.servers >= 1,
        "what was made is counted",
    )?;
    holds(status.database_bytes > 1_000_000, "a database has a size")?;
    status_until(&admin, "two are connected", |status| {
        let gateways = status
            .nodes
            .iter()
            .filter(|node| node.kind == NodeKind::Gateway);
        gateways.filter_map(|node| node.load).sum::<u32>() >= 2 && status.online >= 2
    })
    .await?;
    let before = status.messages;
    alice.send("#general", "one more").await?;
    for mut way in admin.ways().await? {
        let now = way.call(0, &GetDeploymentStatus {}).await?;
        holds(now.messages > before, "a message is counted")?;
        same(&now.epoch, &status.epoch)?;
    }
    alice
        .is_refused(0, &GetDeploymentStatus {}, Reason::Forbidden)
        .await?;
    Ok(())
}

#[tokio::test]
async fn a_node_that_was_killed_is_missed_and_one_that_was_stopped_is_not() -> Result<()> {
    scenario_on(Settings::default(), async |harness| {
        let admin = harness.admin().await?;
        let lives = |node: &&NodeStatus| node.gone.is_none();
        let all = |status: &DeploymentStatus| status.nodes.iter().filter(lives).count() == 4;
        status_until(&admin, "all nodes are there", all).await?;
        let (Some(gateway), Some(worker)) = (
            harness.cluster.gateways.last(),
            harness.cluster.workers.last(),
        ) else {
            bail!("a cluster has gateways and workers");
        };
        gateway.kill()?;
        worker.signal(Signal::TERM)?;
        worker.ended(PATIENCE).await?;
        let two = |status: &DeploymentStatus| status.nodes.iter().filter(lives).count() == 2;
        let left = status_until(&admin, "they are gone", two).await?;
        same(&names(&left), &vec!["gateway-1", "gateway-2", "worker-1"])?;
        gateway.restart()?;
        let back = status_until(&admin, "it is back", |status| {
            status.nodes.iter().all(|node| node.gone.is_none()) && status.nodes.len() == 3
        });
        same(&names(&back.await?), &names(&left))
    })
    .await
}

#[tokio::test]
async fn who_asks_how_it_is_too_often_is_refused() -> Result<()> {
    let settings = Settings {
        limits: vec![("CONFAB_LIMIT_READ", "1/1h+5")],
        ..Settings::default()
    };
    scenario_on(settings, async |harness| {
        let admin = harness.admin().await?;
        let mut answered = 0;
        while admin.client.call(0, &GetDeploymentStatus {}).await.is_ok() {
            answered += 1;
            holds(answered <= 6, "six are one too many")?;
        }
        let again = admin.client.call(0, &GetDeploymentStatus {}).await;
        refused(again, Reason::RateLimited)
    })
    .await
}
