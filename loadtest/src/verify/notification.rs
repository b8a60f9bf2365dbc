//! P13: who is away is told of each mention, whatever is killed, and once unless a worker dies meanwhile.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context as _, Result};
use serde::Deserialize;
use shared::{
    ids::{ChannelId, Id, MessageId, UserId},
    protocol::message::MessageSent,
};
use tokio::time::Instant;

use super::{
    schedule::{Kind, Schedule},
    trial::{BACK, Trial, until},
};
use crate::{
    away::AwayServer,
    checker,
    client::{CallError, Options},
    push_service::{Answer, Browser, PushService, count_waiting},
    requests::{send_message, subscribe_push},
};

/// What is killed: leases of half a minute end behind each of these.
const KINDS: &[Kind] = &[
    Kind::Kill,
    Kind::Kill,
    Kind::KillOurs,
    Kind::Freeze,
    Kind::FreezeAndKill,
    Kind::Roll,
];
/// How long it may take, once all is healed, until nothing waits: a lease, and the waits of a service that could not take it.
const CALM: Duration = Duration::from_mins(3);
/// How long the writer waits between two mentions.
const PACE: Duration = Duration::from_millis(40);
/// The state of a notification whose devices were told.
const TOLD: i16 = 1;
/// Patience of the writer with an answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Somebody who is away, and his browsers.
struct Absent {
    user: UserId,
    browsers: Vec<Browser>,
}

/// A mention that was acknowledged, or whose fate nobody knows.
struct Mention {
    message: MessageId,
    absent: usize,
}

#[derive(Deserialize)]
struct Told {
    message_id: String,
}

/// Mentions of people who are away while everything is killed: each that was acknowledged is told to each browser, of
/// those that its service still knows.
pub(super) async fn told(trial: &mut Trial<'_>) -> Result<()> {
    let size = trial.terms.size;
    let stage = Stage::open(trial, size.choose(20, 40, 100), size.choose(8, 20, 50)).await?;
    let end = Instant::now() + trial.terms.length;
    let every = Duration::from_millis(size.choose(1_500, 2_000, 2_500));
    let schedule = Schedule::random(&mut trial.random, trial.terms.length, every, KINDS);
    let (mentions, played) = tokio::join!(stage.mention_all(end), trial.play(&schedule));
    played?;
    let mentions = mentions?;
    trial.outcome.counts.sent += stage.people.len() * stage.away.channels.len();
    trial.outcome.counts.acknowledged += mentions.len();
    trial.demand(!mentions.is_empty(), || {
        "nothing was acknowledged".to_owned()
    });
    stage.wait_until_calm(trial).await?;
    stage.judge(trial, &mentions).await
}

/// A server of people who are away, and one who writes.
struct Stage {
    away: AwayServer,
    people: Vec<Absent>,
}

impl Stage {
    async fn open(trial: &mut Trial<'_>, people: usize, channels: usize) -> Result<Self> {
        let options = Options {
            patience: PATIENCE,
            ..Options::default()
        };
        let away = AwayServer::open(trial.cluster.addresses(), options, channels).await?;
        let mut absent = Vec::new();
        for number in 0..people {
            let entered = enter(trial, &away, number).await;
            absent.push(entered.context("somebody who is away")?);
        }
        Ok(Self {
            away,
            people: absent,
        })
    }

    /// Mentions everybody once in each channel, until the time is over: so that no push takes the place of another one.
    /// Answers what was acknowledged.
    async fn mention_all(&self, end: Instant) -> Result<Vec<Mention>> {
        let mut mentions = Vec::new();
        for channel in &self.away.channels {
            for (absent, person) in self.people.iter().enumerate() {
                if Instant::now() >= end {
                    return Ok(mentions);
                }
                let text = format!("<@{}>", person.user);
                if let Some(MessageSent { message_id, .. }) = self.send(*channel, &text).await? {
                    mentions.push(Mention {
                        message: message_id,
                        absent,
                    });
                }
                tokio::time::sleep(PACE).await;
            }
        }
        Ok(mentions)
    }

    /// Sends until it is known what came of it, or nobody can say; each time with the same nonce.
    async fn send(&self, channel: ChannelId, text: &str) -> Result<Option<MessageSent>> {
        let request = send_message(channel, text);
        let deadline = Instant::now() + BACK;
        loop {
            match self
                .away
                .writer
                .call(self.away.server.get(), &request)
                .await
            {
                Ok(sent) => return Ok(Some(sent)),
                Err(CallError::TimedOut | CallError::Disconnected | CallError::Refused(_))
                    if Instant::now() < deadline =>
                {
                    tokio::time::sleep(PACE).await;
                }
                Err(CallError::TimedOut | CallError::Disconnected) => return Ok(None),
                Err(error) => return Err(error).context("mentioning somebody"),
            }
        }
    }

    /// Waits until every notification has ended and no push is left.
    async fn wait_until_calm(&self, trial: &mut Trial<'_>) -> Result<()> {
        let began = Instant::now();
        let cluster = &trial.cluster;
        until("every notification ends", CALM, async || {
            // Postgres may just be coming back.
            Ok(count_waiting(cluster)
                .await
                .is_ok_and(|waiting| waiting == 0))
        })
        .await?;
        trial.measured(format!(
            "nothing waits {:.1?} after all was healed",
            began.elapsed()
        ));
        Ok(())
    }

    /// Holds what browsers got against what was acknowledged.
    async fn judge(&self, trial: &mut Trial<'_>, mentions: &[Mention]) -> Result<()> {
        let ended = read_states(trial).await?;
        let service = trial.push_service()?;
        let refused = service.count_refused();
        let mut found = Found::default();
        for (place, person) in self.people.iter().enumerate() {
            let mine = mentions.iter().filter(|mention| mention.absent == place);
            let mine: Vec<MessageId> = mine.map(|mention| mention.message).collect();
            found.compare(service, (person, &mine), &ended)?;
        }
        trial.outcome.counts.stored += ended.len();
        trial.outcome.counts.received += found.arrived;
        for fault in found.faults {
            trial.outcome.fault(checker::Kind::Lost, fault);
        }
        trial.demand(refused == 0, || {
            format!("{refused} requests were not signed, or could not be opened")
        });
        let (count, arrived, again) = (mentions.len(), found.arrived, found.again);
        trial.measured(format!(
            "{count} mentions acknowledged, {arrived} pushes arrived, {again} of them once more: the worker ended, or the service took long, before that was noted"
        ));
        Ok(())
    }
}

/// What became of telling each account of each message.
type States = BTreeMap<(MessageId, UserId), i16>;

async fn read_states(trial: &Trial<'_>) -> Result<States> {
    let states = "SELECT message, account, state FROM notifications";
    let rows = trial
        .cluster
        .sql(async |client| client.query(states, &[]).await);
    let mut ended = BTreeMap::new();
    for row in rows.await? {
        let number = |column| row.try_get::<_, i64>(column).map(i64::cast_unsigned);
        let message = Id::new(number(0)?).context("a message")?;
        let account = Id::new(number(1)?).context("an account")?;
        ended.insert((message, account), row.try_get(2)?);
    }
    Ok(ended)
}

/// What a comparison shows.
#[derive(Default)]
struct Found {
    /// Pushes that were due and came.
    arrived: usize,
    /// How often one came that had come before.
    again: usize,
    faults: Vec<String>,
}

impl Found {
    fn compare(
        &mut self,
        service: &PushService,
        (person, mentions): (&Absent, &[MessageId]),
        ended: &States,
    ) -> Result<()> {
        let Absent { user, browsers } = person;
        for message in mentions {
            let state = ended.get(&(*message, *user));
            if state != Some(&TOLD) {
                self.faults
                    .push(format!("{user} was not told of {message}: {state:?}"));
            }
        }
        for browser in browsers {
            let told = read_told(service, browser)?;
            for message in mentions {
                match told.get(&message.to_string()) {
                    None => self
                        .faults
                        .push(format!("a browser of {user} never heard of {message}")),
                    Some(times) => {
                        self.arrived += 1;
                        self.again += times - 1;
                    }
                }
            }
        }
        Ok(())
    }
}

/// Somebody joins by requests alone, with two browsers whose service takes what it gets sooner or later.
async fn enter(trial: &mut Trial<'_>, away: &AwayServer, number: usize) -> Result<Absent> {
    let gateways = trial.cluster.addresses();
    let gateway = gateways.get(number % gateways.len().max(1));
    let (mut way, user) = away.enter(gateway.context("a gateway")?).await?;
    let mut browsers = Vec::new();
    for _ in 0..2 {
        let answers: Vec<Answer> = (0..4).map(|_| draw_answer(trial)).collect();
        let service = trial.push_service()?;
        let browser = service.subscribe(trial.push_key()?)?;
        service.will_answer(&browser, answers);
        way.call(0, &subscribe_push(&browser)).await?;
        browsers.push(browser);
    }
    Ok(Absent { user, browsers })
}

/// One in three is no 201.
fn draw_answer(trial: &mut Trial<'_>) -> Answer {
    match trial.random.below(9) {
        0 => Answer::status(500),
        1 => Answer {
            retry_after: Some(1),
            ..Answer::status(429)
        },
        2 => Answer {
            after: Duration::from_secs(1),
            ..Answer::status(201)
        },
        _ => Answer::status(201),
    }
}

/// How often a browser was told of each message.
fn read_told(service: &PushService, browser: &Browser) -> Result<BTreeMap<String, usize>> {
    let mut told = BTreeMap::new();
    for push in service.pushes_of(browser).0 {
        let read: Told = serde_json::from_slice(&push.body).context("what a browser was told")?;
        *told.entry(read.message_id).or_default() += 1;
    }
    Ok(told)
}
