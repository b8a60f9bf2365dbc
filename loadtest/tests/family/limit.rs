//! Limits: what is left of them, the cooldown, and giving them back.

use anyhow::{Context, Result};
use loadtest::{
    client::CallError,
    cluster::Settings,
    harness::{Harness, Person, holds, refused, same, scenario_on},
    requests::send_message,
    transport::TransportClient,
};
use shared::{
    domain::limits::RateLimit,
    error::Reason,
    protocol::limit::{GetRateLimits, RateLimitStatus, ResetRateLimits},
};

scenarios! {
    what_is_not_limited_has_no_status,
    an_account_that_is_none_has_nothing_to_reset,
}

/// Three at once, one more in an hour, and an hour of refusals for who wants more.
const HARD: &str = "1/1h+3!1h";
const HOUR_MS: u64 = 3_600_000;

fn limited(limit: &'static str) -> Settings {
    Settings {
        limits: vec![("CONFAB_LIMIT_SEND", limit)],
        ..Settings::default()
    }
}

/// The bucket that messages draw from.
async fn send_bucket(way: &mut TransportClient) -> Result<RateLimitStatus> {
    let shown = way.call(0, &GetRateLimits {}).await?.buckets;
    let mut shown = shown.into_iter();
    let found = shown.find(|status| status.bucket == RateLimit::Send);
    found.context("messages are limited")
}

/// Sends until it is refused; answers how often it was not, and what it is told to wait.
async fn send_until_refused(person: &Person) -> Result<(u64, u64)> {
    let general = person.channel("#general").await?;
    let mut sent = 0;
    loop {
        match person.call(&send_message(general, "more")).await {
            Ok(_) => sent += 1,
            Err(CallError::Refused(refusal)) => {
                same(&refusal.reason, &Reason::RateLimited)?;
                return Ok((sent, refusal.retry_after.context("it says when")?));
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Whether something is an hour, but for what passed while the test ran.
fn about_an_hour(ms: u64) -> bool {
    (HOUR_MS - 120_000..=HOUR_MS).contains(&ms)
}

#[tokio::test]
async fn who_exceeds_a_limit_waits_for_the_cooldown_and_sees_it_over_every_door() -> Result<()> {
    scenario_on(limited(HARD), async |harness| {
        let [alice, bob] = harness.members().await?;
        for mut way in alice.ways().await? {
            let status = send_bucket(&mut way).await?;
            // Asking draws nothing.
            same(&(status.burst, status.left), &(3, 3))?;
            same(&(status.retry_after, status.whole_after), &(0, 0))?;
        }
        alice.send("#general", "one").await?;
        for mut way in alice.ways().await? {
            let status = send_bucket(&mut way).await?;
            same(&(status.left, status.retry_after), &(2, 0))?;
            holds(about_an_hour(status.whole_after), "one is to come back")?;
        }
        let (sent, wait) = send_until_refused(&alice).await?;
        same(&sent, &2)?;
        holds(about_an_hour(wait), &format!("{wait} ms is no hour"))?;
        let (sent, later) = send_until_refused(&alice).await?;
        same(&sent, &0)?;
        holds(later <= wait, "being refused prolongs nothing")?;
        for mut way in alice.ways().await? {
            let status = send_bucket(&mut way).await?;
            same(&status.left, &0)?;
            holds(about_an_hour(status.retry_after), "it waits for an hour")?;
            holds(
                status.whole_after >= status.retry_after,
                "nothing is whole before it may be used",
            )?;
        }
        bob.send("#general", "another has buckets of his own")
            .await
            .map(drop)
    })
    .await
}

#[tokio::test]
async fn an_administrator_resets_an_account_over_every_door() -> Result<()> {
    scenario_on(limited(HARD), async |harness| {
        let [alice] = harness.members().await?;
        let admin = harness.admin().await?;
        let user_id = alice.user.user_id;
        refused(
            alice.client.call(0, &ResetRateLimits { user_id }).await,
            Reason::Forbidden,
        )?;
        for mut way in admin.ways().await? {
            same(&send_until_refused(&alice).await?.0, &3)?;
            way.call(0, &ResetRateLimits { user_id }).await?;
            let status = send_bucket(&mut alice.ways().await?.remove(0)).await?;
            same(&(status.left, status.whole_after), &(3, 0))?;
        }
        same(&send_until_refused(&alice).await?.0, &3)
    })
    .await
}

#[tokio::test]
async fn the_usual_limit_of_messages_has_a_cooldown_of_a_minute() -> Result<()> {
    scenario_on(limited("usual"), async |harness| {
        let [alice] = harness.members().await?;
        let (_, wait) = send_until_refused(&alice).await?;
        holds((30_000..=60_000).contains(&wait), &format!("{wait} ms"))
    })
    .await
}

async fn what_is_not_limited_has_no_status(harness: &Harness) -> Result<()> {
    let alice = harness.guest("alice", 0).await?;
    for mut way in alice.ways().await? {
        same(&way.call(0, &GetRateLimits {}).await?.buckets, &Vec::new())?;
    }
    Ok(())
}

async fn an_account_that_is_none_has_nothing_to_reset(harness: &Harness) -> Result<()> {
    let admin = harness.admin().await?;
    let user_id = shared::ids::Id::new(77).context("an id")?;
    for mut way in admin.ways().await? {
        way.call(0, &ResetRateLimits { user_id }).await?;
    }
    Ok(())
}
