//! Who lost a right hears nothing more: P16. Here by the overrides of a channel, by leaving,
//! and with a session that ended; in [`moderated`] in all ways that moderators have.

use std::time::Duration;

use anyhow::{Context as _, Result};
use shared::{close::CloseCode, protocol::account::CreateAccount};
use tokio::time::{Instant, sleep, timeout};

use super::{
    moderated,
    schedule::Kind,
    sight::{Session, Watch},
    trial::{BACK, Trial},
};
use crate::{
    client::{Client, Options, Status},
    fixture::Fixture,
    random::{Random, nonce},
    requests::{self, hide_channel, leave_server, revoke_session, set_overrides},
    workload::Plan,
};

/// How soon a revoked session is closed.
const REVOKED: Duration = Duration::from_secs(5);

/// P16.
pub(super) async fn lost(trial: &mut Trial<'_>) -> Result<()> {
    overrides(trial, &[]).await?;
    overrides(trial, &[Kind::KillOurs, Kind::Cut]).await?;
    moderated::taken(trial).await?;
    revoked(trial).await
}

/// A channel is hidden and shown while its owner writes without a pause.
async fn overrides(trial: &mut Trial<'_>, kinds: &[Kind]) -> Result<()> {
    let fixture = trial.fixture(4).await?;
    let mut sessions = Vec::new();
    for number in 0..4 {
        sessions.push(Session::open(&fixture, number).await?);
    }
    let mut watch = Watch::begin(trial, &fixture, &sessions).await?;
    let owned = Fixture {
        tokens: fixture.tokens.iter().take(1).cloned().collect(),
        ..fixture.clone()
    };
    let plan = Plan {
        writers: 3,
        readers: 2,
        every: Duration::from_millis(3),
        ..Plan::default()
    };
    let workload = trial.workload(&owned, &plan).await?;
    workload.progress(30, BACK).await?;
    trial.note("the channel is hidden and shown, again and again");
    let end = Instant::now() + trial.terms.length / 2;
    let mut random = Random::new(trial.terms.seed ^ 1);
    let owner = sessions.first().context("an owner")?;
    let toggling = toggle(&fixture, &owner.client, end, &mut random);
    if kinds.is_empty() {
        toggling.await?;
    } else {
        let (toggled, stormed) = tokio::join!(toggling, trial.storm(kinds, &workload));
        toggled?;
        stormed?;
    }
    let gone = sessions.last().context("somebody to leave")?;
    let leave = leave_server();
    let left = gone.client.call(fixture.server.get(), &leave).await;
    left.context("leaving")?;
    trial.note("one of the members has left");
    workload.progress(100, BACK).await?;
    trial.judge(workload).await?;
    watch.meet(trial, &sessions, "the end").await?;
    let hidden = watch.conclude(trial, &sessions);
    trial.demand(hidden > 0, || "nothing ever was hidden".to_owned());
    Ok(())
}

async fn toggle(
    fixture: &Fixture,
    owner: &Client,
    until: Instant,
    random: &mut Random,
) -> Result<()> {
    let hide = hide_channel(fixture.server.get());
    loop {
        for overrides in [vec![hide.clone()], Vec::new()] {
            let update = set_overrides(fixture.channel, overrides);
            owner
                .call(fixture.server.get(), &update)
                .await
                .context("setting overrides")?;
            sleep(Duration::from_millis(random.below(300))).await;
        }
        if Instant::now() > until {
            return Ok(());
        }
    }
}

/// A session is revoked from another one of the same account.
async fn revoked(trial: &mut Trial<'_>) -> Result<()> {
    let gateways = trial.cluster.addresses();
    let client = Client::connect(gateways.clone(), Options::default());
    let name = format!("p16-{}", nonce().split_off(22));
    let register = CreateAccount {
        password: nonce(),
        ..requests::register(&name)
    };
    let first = client.call(0, &register).await.context("signing up")?;
    client.identify(&first.token).await?;
    for number in 0..4 {
        let mut rotated = gateways.clone();
        rotated.rotate_left(number % gateways.len().max(1));
        let other = Client::connect(rotated, Options::default());
        let log_in = requests::log_in(&name, &register.password);
        let second = other.call(0, &log_in).await.context("signing in")?;
        other.identify(&second.token).await?;
        let mut status = other.status();
        let revoke = revoke_session(second.session_id);
        client.call(0, &revoke).await.context("revoking")?;
        trial.note("a session is revoked");
        let began = Instant::now();
        let closed = status.wait_for(|status| matches!(status, Status::Closed(_)));
        let closed = timeout(trial.allow(REVOKED), closed).await;
        let closed = closed.context("a revoked session stays open")??.clone();
        let took = began.elapsed();
        trial.measured(format!("a revoked session was closed after {took:.3?}"));
        trial.in_time("to close a revoked session", REVOKED, took);
        let due = Status::Closed(Some(CloseCode::Revoked.code()));
        trial.demand(closed == due, || format!("it was closed as {closed:?}"));
    }
    Ok(())
}
