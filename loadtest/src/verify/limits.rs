//! One account over three gateways draws from one bucket: P12.

use std::time::Duration;

use anyhow::{Context as _, Result};
use futures_util::future::join_all;
use shared::{error::Reason, protocol::session::ListSessions};
use tokio::time::{Instant, sleep};

use super::{
    schedule::{Fault, Who},
    trial::Trial,
};
use crate::{
    client::{CallError, Client, Options, backoff::undecided},
    cluster::redis_tell,
    fixture::Fixture,
    requests::send_message,
};

/// What may be sent and asked in this trial: ten at once, and five a second.
const BURST: u64 = 10;
const PER_SECOND: u64 = 5;
/// Sessions of the account: two on each gateway.
const SESSIONS: usize = 6;
/// The shortest time that tells a rate from a burst.
const LEAST: Duration = Duration::from_secs(3);
/// So long Redis stands still.
const FROZEN: Duration = Duration::from_secs(2);
/// So soon somebody who was refused tries again, whatever he was told to wait.
const IMPATIENT: Duration = Duration::from_millis(20);
/// All that Redis keeps but buckets: who may not touch those cannot count there.
const WITHOUT_BUCKETS: &str = "ACL SETUSER default resetkeys ~in:* ~queries:* ~lease:*";
const WITH_ALL: &str = "ACL SETUSER default allkeys";

/// What came of the attempts of one stage.
#[derive(Debug, Default, Clone, Copy)]
struct Tally {
    /// Messages that were stored.
    stored: u64,
    /// Questions that were answered.
    answered: u64,
    /// Attempts that were refused because of the rate.
    limited: u64,
    /// Attempts that nobody decided.
    unknown: u64,
    /// How long the stage was, from before the first attempt until after the last answer.
    took: Duration,
}

/// P12.
pub(super) async fn held(trial: &mut Trial<'_>) -> Result<()> {
    let fixture = trial.fixture(1).await?;
    let mut clients = Vec::new();
    for number in 0..SESSIONS {
        let options = Options {
            patience: Duration::from_secs(5),
            ..Options::default()
        };
        clients.push(fixture.enter(number, options).await?);
    }
    let length = (trial.terms.length / 3).max(LEAST);
    trial.note("one account writes and asks over three gateways, as fast as it can");
    let counted = hammer(trial, &fixture, &clients, length).await?;
    judge(trial, "counted together", &counted, 1);
    at_least(trial, "counted together", &counted);

    // While Redis stands still nothing arrives. What comes through when it goes on, each
    // worker may have counted by itself, until it asks Redis again.
    let workers = u64::try_from(trial.cluster.workers.len())?;
    let before = stored(trial, &fixture).await?;
    let began = Instant::now();
    let freezing = async {
        trial.inflict(Fault::Freeze(Who::Redis)).await?;
        sleep(FROZEN).await;
        trial.inflict(Fault::Continue(Who::Redis)).await
    };
    let trying = attempts(&fixture, &clients, FROZEN + length);
    let (frozen, tallies) = tokio::join!(freezing, trying);
    frozen?;
    let paused = gather(trial, &fixture, tallies?, (before, began)).await?;
    judge(trial, "with Redis frozen", &paused, 1 + workers);

    trial.note("Redis lets nobody touch a bucket");
    redis_tell(&trial.cluster.redis, WITHOUT_BUCKETS).await?;
    let alone = hammer(trial, &fixture, &clients, length).await;
    redis_tell(&trial.cluster.redis, WITH_ALL).await?;
    trial.note("Redis counts again");
    let alone = alone?;
    // Buckets begin anew in each worker; a lane is in one of them, questions are in all.
    judge(trial, "counted by workers", &alone, workers);
    at_least(trial, "counted by workers", &alone);
    Ok(())
}

/// All sessions try for so long.
async fn hammer(
    trial: &mut Trial<'_>,
    fixture: &Fixture,
    clients: &[Client],
    length: Duration,
) -> Result<Tally> {
    let before = stored(trial, fixture).await?;
    let began = Instant::now();
    let tallies = attempts(fixture, clients, length).await?;
    gather(trial, fixture, tallies, (before, began)).await
}

async fn attempts(fixture: &Fixture, clients: &[Client], length: Duration) -> Result<Vec<Tally>> {
    let until = Instant::now() + length;
    let trying = clients.iter().map(|client| attempt(fixture, client, until));
    join_all(trying).await.into_iter().collect()
}

/// Adds up what each session was told; what was stored the database says.
async fn gather(
    trial: &mut Trial<'_>,
    fixture: &Fixture,
    tallies: Vec<Tally>,
    (before, began): (u64, Instant),
) -> Result<Tally> {
    let took = began.elapsed();
    let mut sum = Tally {
        stored: stored(trial, fixture).await?.saturating_sub(before),
        took,
        ..Tally::default()
    };
    let mut acknowledged = 0;
    for tally in tallies {
        acknowledged += tally.stored;
        sum.answered += tally.answered;
        sum.limited += tally.limited;
        sum.unknown += tally.unknown;
    }
    let counts = &mut trial.outcome.counts;
    counts.sent += usize::try_from(acknowledged + sum.limited + sum.unknown)?;
    counts.acknowledged += usize::try_from(acknowledged)?;
    counts.unknown += usize::try_from(sum.unknown)?;
    counts.stored += usize::try_from(sum.stored)?;
    trial.demand(acknowledged <= sum.stored, || {
        format!("{acknowledged} were acknowledged and {} stored", sum.stored)
    });
    Ok(sum)
}

/// Writes and asks in turn.
async fn attempt(fixture: &Fixture, client: &Client, until: Instant) -> Result<Tally> {
    let mut tally = Tally::default();
    while Instant::now() < until {
        let message = send_message(fixture.channel, "one more");
        let sent = client.call(fixture.server.get(), &message).await;
        tally.stored += u64::from(tally.came(sent)?);
        let asked = client.call(0, &ListSessions {}).await;
        tally.answered += u64::from(tally.came(asked)?);
        sleep(IMPATIENT).await;
    }
    Ok(tally)
}

impl Tally {
    /// Whether it was accepted; an error where it was refused for another reason than the rate.
    fn came<T>(&mut self, result: Result<T, CallError>) -> Result<bool> {
        match result {
            Ok(_) => return Ok(true),
            Err(CallError::Refused(refusal)) if refusal.reason == Reason::RateLimited => {
                self.limited += 1;
            }
            // Redis stands still, or has just gone on.
            Err(CallError::TimedOut | CallError::Disconnected) => self.unknown += 1,
            Err(CallError::Refused(refusal)) if undecided(refusal.reason) => self.unknown += 1,
            Err(error) => return Err(error).context("neither accepted nor limited"),
        }
        Ok(false)
    }
}

async fn stored(trial: &Trial<'_>, fixture: &Fixture) -> Result<u64> {
    let channel = fixture.channel.get().cast_signed();
    let count = trial.cluster.sql(async |client| {
        let count = "SELECT count(*) FROM messages WHERE channel = $1";
        client.query_one(count, &[&channel]).await?.try_get(0)
    });
    let count: i64 = count.await.context("counting messages")?;
    Ok(count.cast_unsigned())
}

/// What a bucket gives out in a time, besides what it began with.
fn refilled(took: Duration) -> u64 {
    let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    ms.saturating_mul(PER_SECOND) / 1_000
}

/// Accepted is at most burst + rate × time, of so many buckets.
fn judge(trial: &mut Trial<'_>, how: &str, tally: &Tally, buckets: u64) {
    let most = buckets * (BURST + refilled(tally.took) + 1);
    trial.measured(format!(
        "{how}: {} messages and {} questions in {:.3?} of at most {most}; {} refused, {} undecided",
        tally.stored, tally.answered, tally.took, tally.limited, tally.unknown
    ));
    for (what, accepted) in [("messages", tally.stored), ("questions", tally.answered)] {
        trial.demand(accepted <= most, || {
            format!("{how}: {accepted} {what} were accepted, and at most {most} may be")
        });
    }
    trial.demand(tally.limited > 0, || format!("{how}: nobody was refused"));
}

/// A limit is no closed door: half of what may come in does.
fn at_least(trial: &mut Trial<'_>, how: &str, tally: &Tally) {
    let least = refilled(tally.took) / 2;
    for (what, accepted) in [("messages", tally.stored), ("questions", tally.answered)] {
        trial.demand(accepted >= least, || {
            format!("{how}: only {accepted} {what} came through, of {least} that have to")
        });
    }
}
