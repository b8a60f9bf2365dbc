//! Limits: whom they refuse, what is left of them, the cooldown, and giving them back.

use anyhow::{Context, Result};
use loadtest::{
    client::CallError,
    cluster::Settings,
    harness::{Harness, Person, holds, refused, same, scenario_on},
    requests::{log_in, search_messages, send_message},
    transport::{Transport, TransportClient},
};
use shared::{
    domain::limits::RateLimit,
    error::Reason,
    protocol::{
        limit::{GetRateLimits, RateLimitStatus, ResetRateLimits},
        session::ListSessions,
    },
};

scenarios! {
    what_is_not_limited_has_no_status,
    an_account_that_is_none_has_nothing_to_reset,
}

/// Three at once, one more in an hour, and an hour of refusals for who wants more.
const HARD: &str = "1/1h+3!1h";
const HOUR_MS: u64 = 3_600_000;

/// Thirty a minute, and five at once.
const THIRTY: &str = "30/60s+5";

fn limited(name: &'static str, limit: &'static str) -> Settings {
    Settings {
        limits: vec![(name, limit)],
        ..Settings::default()
    }
}

/// The milliseconds that a refusal asks to wait, if the rate was the reason.
fn wait_of<T>(result: &Result<T, CallError>) -> Option<u64> {
    let refusal = result.as_ref().err()?.refusal()?;
    (refusal.reason == Reason::RateLimited).then_some(refusal.retry_after)?
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
    scenario_on(limited("CONFAB_LIMIT_SEND", HARD), async |harness| {
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
    scenario_on(limited("CONFAB_LIMIT_SEND", HARD), async |harness| {
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
async fn every_limited_bucket_is_shown_and_reset() -> Result<()> {
    scenario_on(limited("CONFAB_LIMIT_SEARCH", HARD), async |harness| {
        let [alice] = harness.members().await?;
        let admin = harness.admin().await?;
        let user_id = alice.user.user_id;
        let search = search_messages("words");
        for _ in 0..2 {
            for _ in 0..3 {
                alice.client.call(0, &search).await?;
            }
            refused(alice.client.call(0, &search).await, Reason::RateLimited)?;
            let shown = alice.client.call(0, &GetRateLimits {}).await?.buckets;
            let left: Vec<_> = shown
                .iter()
                .map(|status| (status.bucket, status.left))
                .collect();
            same(&left, &vec![(RateLimit::Search, 0)])?;
            admin.client.call(0, &ResetRateLimits { user_id }).await?;
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn the_usual_limit_of_messages_has_a_cooldown_of_a_minute() -> Result<()> {
    scenario_on(limited("CONFAB_LIMIT_SEND", "usual"), async |harness| {
        let [alice] = harness.members().await?;
        let (_, wait) = send_until_refused(&alice).await?;
        holds((30_000..=60_000).contains(&wait), &format!("{wait} ms"))
    })
    .await
}

#[tokio::test]
async fn sending_is_limited_over_all_doors_and_gateways_together() -> Result<()> {
    scenario_on(limited("CONFAB_LIMIT_SEND", THIRTY), async |harness| {
        let [alice, bob] = harness.members().await?;
        let general = alice.channel("#general").await?;
        let twin = harness.client(1);
        twin.identify(&alice.token).await?;
        let (mut accepted, mut refusals) = (0, 0);
        for number in 0..8 {
            let body = send_message(general, format!("message {number}"));
            let results = [
                alice.call(&body.clone()).await,
                twin.call(alice.scope(), &send_message(general, "twin"))
                    .await,
                alice
                    .through(Transport::Http)
                    .await?
                    .call(alice.scope(), &send_message(general, "http"))
                    .await,
            ];
            for result in results {
                if let Some(wait) = wait_of(&result) {
                    holds((1..=60_000).contains(&wait), "a wait that makes sense")?;
                    refusals += 1;
                } else {
                    result.context("neither sent nor limited")?;
                    accepted += 1;
                }
            }
        }
        // The burst, the first one, and what the seconds of the test allow.
        holds(
            (5..=12).contains(&accepted),
            &format!("{accepted} accepted"),
        )?;
        same(&(accepted + refusals), &24)?;
        same(&alice.history(general).await?.len(), &accepted)?;
        // Another account has a bucket of its own.
        bob.send("#general", "bob is not limited").await?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_repeat_of_what_is_stored_is_never_limited() -> Result<()> {
    scenario_on(limited("CONFAB_LIMIT_SEND", THIRTY), async |harness| {
        let [alice] = harness.members().await?;
        let general = alice.channel("#general").await?;
        let request = send_message(general, "once");
        let first = alice.call(&request).await?;
        let mut limited = false;
        for _ in 0..20 {
            limited |= wait_of(&alice.call(&send_message(general, "more")).await).is_some();
        }
        holds(limited, "twenty more are too many")?;
        for mut way in alice.ways().await? {
            same(&way.call(alice.scope(), &request).await?, &first)?;
        }
        let said = alice.history(general).await?.into_iter();
        same(&said.filter(|said| said.content == "once").count(), &1)
    })
    .await
}

#[tokio::test]
async fn guessing_passwords_is_limited_by_address() -> Result<()> {
    scenario_on(limited("CONFAB_LIMIT_SIGN_IN", THIRTY), async |harness| {
        let mut limited = 0;
        for number in 0..16 {
            let guess = log_in("admin", &format!("guess number {number}"));
            let result = harness.client(number).call(0, &guess).await;
            limited += usize::from(wait_of(&result).is_some());
        }
        holds(
            limited >= 4,
            &format!("{limited} of 16 guesses were limited"),
        )
    })
    .await
}

#[tokio::test]
async fn questions_are_limited_apart_from_messages() -> Result<()> {
    scenario_on(limited("CONFAB_LIMIT_READ", THIRTY), async |harness| {
        let [alice] = harness.members().await?;
        let mut limited = 0;
        for _ in 0..20 {
            let result = alice.client.call(0, &ListSessions {}).await;
            limited += usize::from(wait_of(&result).is_some());
        }
        holds(limited >= 8, &format!("{limited} of 20 were limited"))
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
