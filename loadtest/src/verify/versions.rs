//! Programs of two versions side by side, clocks that disagree, and a Redis that is
//! older than it was: P22, and P1 to P4 where time and versions are not one.

use std::path::Path;

use anyhow::{Context as _, Result};
use shared::{error::Reason, frame::opcode, protocol::blocks};
use tokio::time::sleep;

use super::{
    readers::roll,
    schedule::{self, Who},
    signin,
    trial::{BACK, Trial},
};
use crate::{
    client::CallError,
    cluster::redis_tell,
    environment::variable,
    fixture::Fixture,
    transport::{Transport, TransportClient},
    workload::{Plan, Workload},
};

/// The place of an opcode, among those of its kind, that no program knows yet: the last one
/// of the first family.
const LATER: u16 = blocks::SIZE - 1;
/// A gateway is 30 s behind and a worker 30 s ahead: everything works, and ids rise.
pub(super) async fn clocks(trial: &mut Trial<'_>) -> Result<()> {
    let plan = Plan {
        readers: 4,
        ..Plan::default()
    };
    let (fixture, workload) = trial.begin(4, &plan, 100).await?;
    for number in 0..6 {
        let mut gateways = fixture.gateways.clone();
        gateways.rotate_left(number % 2);
        let signed = signin::sign_in(&gateways, None).await;
        signed.with_context(|| format!("signing in on gateway {}", number % 2 + 1))?;
    }
    for number in 0..2 {
        roll(trial, Who::Worker(number)).await?;
        workload.progress(50, BACK).await?;
    }
    sleep(trial.terms.length).await;
    let report = trial.judge(workload).await?.report;
    trial.demand_no_gaps(&report);
    Ok(())
}

/// A replica that lags takes the place of Redis: what it has is older than what was
/// answered, and numbers are given again.
pub(super) async fn lagging(trial: &mut Trial<'_>) -> Result<()> {
    let (_, workload) = trial.begin(4, &Plan::default(), 60).await?;
    let spare = trial.cluster.spare.as_ref().context("another Redis")?;
    let (old, new) = (trial.cluster.redis.port(), spare.port());
    redis_tell(spare, &format!("REPLICAOF 127.0.0.1 {old}")).await?;
    // What it gets from now on it has; then it hears no more.
    workload.progress(200, BACK).await?;
    redis_tell(spare, "REPLICAOF NO ONE").await?;
    trial.note("the replica hears no more");
    workload.progress(300, BACK).await?;
    trial.note("the master dies; the replica is in its place");
    super::health::lead(trial, new);
    trial.cluster.redis.kill()?;
    workload
        .progress(100, BACK)
        .await
        .context("on the replica")?;
    trial.all_ready(true, BACK).await?;
    sleep(trial.terms.length / 4).await;
    workload.progress(30, BACK).await?;
    let report = trial.judge(workload).await?.report;
    trial.demand_no_gaps(&report);
    Ok(())
}

/// P22: every process becomes one of the new version, one after the other, and then one
/// of the old version again. The schema gains a step that the old one does not know.
pub(super) async fn upgraded(trial: &mut Trial<'_>) -> Result<()> {
    let new = std::path::absolute(std::env::current_exe()?.parent().context("a folder")?)?;
    let old = variable("CONFAB_OLD_BIN_DIR").map(std::path::PathBuf::from);
    let (old, new) = (old.as_deref(), old.as_ref().map(|_| new.as_path()));
    let plan = Plan {
        readers: 4,
        ..Plan::default()
    };
    if let Some(old) = old {
        trial.note(format!("all begin with the programs of {}", old.display()));
        let order = way_back(trial);
        each(trial, order, Some(old), None).await?;
    }
    let (fixture, workload) = trial.begin(4, &plan, 60).await?;
    trial.note("a step that the old programs do not know is added to the schema");
    let later = trial.cluster.sql(async |client| {
        let step = "ALTER TABLE messages ADD COLUMN later integer NOT NULL DEFAULT 0;
                    INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                        VALUES (9999, 'later', true, '', 0);
                    INSERT INTO jobs (kind, body) VALUES ('later', '');
                    INSERT INTO internal_outbox (target, source, number, opcode, scope, body)
                        SELECT id, 1, 1, 65535, 0, '' FROM partitions";
        client.batch_execute(step).await
    });
    later.await.context("a later step of the schema")?;
    let order = schedule::ours(&trial.cluster);
    each(trial, order, new, Some(&workload)).await?;
    ask_later(trial, &fixture).await?;
    trial.note("back to the old version");
    let order = way_back(trial);
    each(trial, order, old, Some(&workload)).await?;
    ask_later(trial, &fixture).await?;
    let kept = trial.cluster.sql(async |client| {
        let kept = "SELECT (SELECT count(*) FROM jobs WHERE kind = 'later' AND attempts = 0)
                         + (SELECT count(*) FROM internal_outbox WHERE opcode = 65535)";
        client.query_one(kept, &[]).await?.try_get::<_, i64>(0)
    });
    let kept = kept.await.context("what a later program left")?;
    trial.demand(kept == 65, || {
        format!("{kept} of 65 things that a later program left are there")
    });
    let report = trial.judge(workload).await?.report;
    trial.demand_no_unknown(&report);
    trial.demand_everything(&report, plan.readers);
    Ok(())
}

/// What a later program asks is refused by number, at once, at every gateway.
async fn ask_later(trial: &mut Trial<'_>, fixture: &Fixture) -> Result<()> {
    let token = fixture.tokens.first().map(String::as_str);
    for gateway in &fixture.gateways {
        let mut client = TransportClient::open(Transport::MessagePack, gateway, token).await?;
        for opcode in [opcode::FIRST_LANE, opcode::FIRST_ANY].map(|first| first + LATER) {
            let refused = client
                .ask_binary(opcode, fixture.server.get(), &[0x90])
                .await;
            let expected = matches!(&refused, Err(CallError::Refused(refusal))
                if refusal.reason == Reason::UnknownCommand);
            trial.demand(expected, || format!("opcode {opcode}: {refused:?}"));
        }
    }
    Ok(())
}

/// The order of the way back: a worker of before waits until no newer gateway is left.
fn way_back(trial: &Trial<'_>) -> Vec<Who> {
    schedule::ours(&trial.cluster).into_iter().rev().collect()
}

/// Every process is ended politely and started again, in this order, from another folder if it says so.
async fn each(
    trial: &mut Trial<'_>,
    order: Vec<Who>,
    dir: Option<&Path>,
    load: Option<&Workload>,
) -> Result<()> {
    for who in order {
        if let Some(dir) = dir {
            schedule::node(&trial.cluster, who)?.moves_to(dir);
        }
        roll(trial, who).await?;
        if let Some(load) = load {
            load.progress(30, BACK)
                .await
                .with_context(|| format!("after {who}"))?;
        }
    }
    Ok(())
}
