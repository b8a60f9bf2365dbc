//! Who lost a right hears nothing more: P16, as far as rights can be lost by now:
//! by the overrides of a channel, by leaving, and with a revoked session.

use std::{collections::BTreeSet, time::Duration};

use anyhow::{Context as _, Result, bail};
use shared::{
    close::CloseCode,
    protocol::{
        account::CreateAccount, channel::ChannelUpdated, control::TopicSeq,
        message::MessageCreated, server::MemberLeft,
    },
};
use tokio::time::{Instant, sleep, timeout};

use super::{
    schedule::Kind,
    trial::{BACK, Trial},
};
use crate::{
    client::{Client, Options, Status, log::Seen},
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
    revoked(trial).await
}

/// A channel is hidden and shown while its owner writes without a pause.
async fn overrides(trial: &mut Trial<'_>, kinds: &[Kind]) -> Result<()> {
    let fixture = trial.fixture(4).await?;
    let owner = fixture.enter(0, Options::default()).await?;
    let mut members = Vec::new();
    for number in 1..4 {
        members.push(fixture.enter(number, Options::default()).await?);
    }
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
    let until = Instant::now() + trial.terms.length / 2;
    let mut random = Random::new(trial.terms.seed ^ 1);
    let toggling = toggle(&fixture, &owner, until, &mut random);
    if kinds.is_empty() {
        toggling.await?;
    } else {
        let (toggled, stormed) = tokio::join!(toggling, trial.storm(kinds, &workload));
        toggled?;
        stormed?;
    }
    let gone = members.pop().context("somebody to leave")?;
    let leave = leave_server();
    gone.call(fixture.server.get(), &leave)
        .await
        .context("leaving")?;
    trial.note("one of the members has left");
    workload.progress(100, BACK).await?;
    trial.judge(workload).await?;

    let end = "the end";
    fixture.say(&owner, end).await?;
    for client in members.iter().chain([&owner]) {
        if client.sees_message(end, BACK).await.is_none() {
            bail!("a member does not see the end");
        }
    }
    let truth = Truth::from_log(&fixture, &owner);
    let hidden = truth.hidden.len();
    trial.measured(format!(
        "{hidden} of {} messages were hidden from the members",
        truth.messages.len()
    ));
    trial.demand(hidden > 0, || "nothing ever was hidden".to_owned());
    for member in &members {
        truth.compare(trial, &fixture, member, kinds.is_empty());
    }
    let late = seen(&fixture, &gone)
        .into_iter()
        .filter(|seq| truth.left.is_some_and(|left| *seq > left));
    let late: Vec<u64> = late.collect();
    trial.demand(late.is_empty(), || {
        format!("who had left was told of {late:?}")
    });
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

/// What the owner saw, who sees everything.
struct Truth {
    messages: BTreeSet<u64>,
    hidden: BTreeSet<u64>,
    /// Where the channel was hidden.
    hides: BTreeSet<u64>,
    /// Where the last member left.
    left: Option<u64>,
}

impl Truth {
    fn from_log(fixture: &Fixture, owner: &Client) -> Self {
        let mut truth = Self {
            messages: BTreeSet::new(),
            hidden: BTreeSet::new(),
            hides: BTreeSet::new(),
            left: None,
        };
        let mut is_hidden = false;
        for seen in owner.log().since(0) {
            let Seen::Event { topic, seq, .. } = &seen else {
                continue;
            };
            if *topic != fixture.server.get() {
                continue;
            }
            if let Some(updated) = seen.event::<ChannelUpdated>() {
                is_hidden = !updated.channel.overrides.is_empty();
                if is_hidden {
                    truth.hides.insert(*seq);
                }
            } else if seen.event::<MemberLeft>().is_some() {
                truth.left = Some(*seq);
            } else if seen.event::<MessageCreated>().is_some() {
                truth.messages.insert(*seq);
                if is_hidden {
                    truth.hidden.insert(*seq);
                }
            }
        }
        truth
    }

    /// Whether a resume leaves out a message: its channel was hidden before its end.
    fn leaves_out(&self, message: u64, seen: &BTreeSet<u64>, resumes: &[u64]) -> bool {
        let next = seen.range(message..).next().copied().unwrap_or(u64::MAX);
        resumes.iter().any(|place| *place < message)
            && self.hides.range(message..next).next().is_some()
    }

    /// What a member saw against it; `whole` when he may have missed nothing.
    fn compare(&self, trial: &mut Trial<'_>, fixture: &Fixture, member: &Client, whole: bool) {
        let seen = seen(fixture, member);
        trial.outcome.counts.received += seen.len();
        let leaked: Vec<&u64> = seen.intersection(&self.hidden).collect();
        trial.outcome.counts.wrong += leaked.len();
        trial.demand(leaked.is_empty(), || {
            format!("a member saw what was hidden from him: events {leaked:?}")
        });
        let told = |seen: &Seen| matches!(seen, Seen::Gap { .. });
        let gaps = member
            .log()
            .since(0)
            .iter()
            .filter(|seen| told(seen))
            .count();
        trial.outcome.counts.gaps += gaps;
        trial.demand(gaps == 0 || !whole, || {
            "a member was told of a gap".to_owned()
        });
        if gaps == 0 {
            let resumes = resumes(fixture, member);
            let missing: Vec<&u64> = self
                .messages
                .difference(&self.hidden)
                .filter(|seq| !seen.contains(seq) && !self.leaves_out(**seq, &seen, &resumes))
                .collect();
            trial.outcome.counts.lost += missing.len();
            trial.demand(missing.is_empty(), || {
                format!("a member missed what he might see: events {missing:?}")
            });
        }
        for violation in member.violations() {
            trial.outcome.find(violation);
        }
    }
}

/// The places in the server's topic that a client resumed from.
fn resumes(fixture: &Fixture, client: &Client) -> Vec<u64> {
    let log = client.log().since(0);
    let begins = log.iter().filter_map(|seen| match seen {
        Seen::Opened {
            resumed: true,
            topics,
            ..
        } => Some(topics),
        _ => None,
    });
    let ours = |topic: &&TopicSeq| topic.topic == fixture.server.get();
    begins
        .flatten()
        .filter(ours)
        .map(|topic| topic.seq)
        .collect()
}

/// The places in the server's topic of the messages that somebody saw.
fn seen(fixture: &Fixture, client: &Client) -> BTreeSet<u64> {
    let log = client.log().since(0);
    let mine = log.iter().filter_map(|seen| match seen {
        Seen::Event { topic, seq, .. } if *topic == fixture.server.get() => {
            seen.event::<MessageCreated>().map(|_| *seq)
        }
        _ => None,
    });
    mine.collect()
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
