//! Rate limits, on a cluster of its own that has them on.

use anyhow::{Context, Result};
use loadtest::{
    client::CallError,
    cluster::Settings,
    harness::{holds, same, scenario_on},
    requests::{log_in, send_message},
    transport::Transport,
};
use shared::{error::Reason, protocol::session::ListSessions};

/// Thirty a minute, and five at once.
const LIMIT: &str = "30/60s+5";

fn limited(name: &'static str) -> Settings {
    Settings {
        limits: vec![(name, LIMIT)],
        ..Settings::default()
    }
}

/// The milliseconds that a refusal asks to wait, if the rate was the reason.
fn wait_of<T>(result: &Result<T, CallError>) -> Option<u64> {
    let refusal = result.as_ref().err()?.refusal()?;
    (refusal.reason == Reason::RateLimited).then_some(refusal.retry_after)?
}

#[tokio::test]
async fn sending_is_limited_over_all_doors_and_gateways_together() -> Result<()> {
    scenario_on(limited("CONFAB_LIMIT_SEND"), async |harness| {
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
    scenario_on(limited("CONFAB_LIMIT_SEND"), async |harness| {
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
    scenario_on(limited("CONFAB_LIMIT_SIGN_IN"), async |harness| {
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
    scenario_on(limited("CONFAB_LIMIT_READ"), async |harness| {
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
