//! Writers and readers in a fixture, who write down all that they do and see.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::{Context, Result, bail};
use shared::protocol::message::{MessageCreated, MessageSent, NewMessage};
use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    checker::{self, Fault, Kind, Report},
    client::{CallError, Client, Options, log::Seen},
    fixture::Fixture,
    history::{Entry, History, Op, Outcome, What},
    random::nonce,
    requests::send_message,
};

/// What a workload is to do.
#[derive(Debug, Clone)]
pub struct Plan {
    /// How many write.
    pub writers: usize,
    /// How many read.
    pub readers: usize,
    /// The pace of each writer.
    pub every: Duration,
    /// How often each message is sent in all, in turn over two sessions.
    pub sends: usize,
    /// Bytes of each message, at least those of its name.
    pub bytes: usize,
    /// How the clients are to behave.
    pub options: Options,
    /// How long readers have to see the end of the history.
    pub catch_up: Duration,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            writers: 3,
            readers: 2,
            every: Duration::from_millis(10),
            sends: 1,
            bytes: 0,
            options: Options {
                heartbeat: Some(Duration::from_millis(500)),
                ..Options::default()
            },
            catch_up: Duration::from_secs(30),
        }
    }
}

impl Plan {
    /// Clients that beat as rarely as the gateway asks for: for trials in which how long a busy
    /// machine leaves a heartbeat unanswered is not the question.
    pub fn patient() -> Self {
        Self {
            options: Options::default(),
            ..Self::default()
        }
    }
}

/// A workload under way.
#[derive(Debug)]
pub struct Workload {
    fixture: Fixture,
    history: Arc<History>,
    /// The readers, by number.
    pub readers: Vec<Arc<Client>>,
    progress: Vec<watch::Receiver<u64>>,
    acknowledged: watch::Sender<u64>,
    stop: CancellationToken,
    catch_up: Duration,
    writers: TaskTracker,
    followers: TaskTracker,
}

/// How a workload ended.
#[derive(Debug)]
pub struct Ended {
    /// What the checker says.
    pub report: Report,
    /// All that was written down.
    pub history: Vec<Entry>,
}

impl Workload {
    /// Starts writers and readers; the history goes to a file in `dir`. Besides the readers of
    /// the plan there are `others`, who enter by gateways and behave in ways of their own.
    pub async fn start(
        fixture: &Fixture,
        plan: &Plan,
        others: &[(Fixture, Options)],
        dir: &Path,
    ) -> Result<Self> {
        let run = nonce().split_off(24);
        let path = dir.join(format!("history-{run}.jsonl"));
        let mut workload = Self {
            fixture: fixture.clone(),
            history: Arc::new(History::create(&path)?),
            readers: Vec::new(),
            progress: Vec::new(),
            acknowledged: watch::Sender::new(0),
            stop: CancellationToken::new(),
            catch_up: plan.catch_up,
            writers: TaskTracker::new(),
            followers: TaskTracker::new(),
        };
        for _ in 0..plan.readers {
            workload.read(fixture, plan.options.clone()).await?;
        }
        for (fixture, options) in others {
            workload.read(fixture, options.clone()).await?;
        }
        for number in 0..plan.writers {
            let writer = Writer {
                name: format!("{run}-w{number}"),
                fixture: fixture.clone(),
                sessions: vec![
                    fixture.enter(number, plan.options.clone()).await?,
                    fixture
                        .enter(number + fixture.tokens.len(), plan.options.clone())
                        .await?,
                ],
                plan: plan.clone(),
                history: Arc::clone(&workload.history),
                acknowledged: workload.acknowledged.clone(),
            };
            let stop = workload.stop.clone();
            workload.writers.spawn(writer.run(stop));
        }
        Ok(workload)
    }

    async fn read(&mut self, fixture: &Fixture, options: Options) -> Result<()> {
        let number = self.readers.len();
        let client = Arc::new(fixture.enter(number, options).await?);
        let (seen, progress) = watch::channel(0);
        let name = format!("r{number}");
        let began = What {
            seq: Some(fixture.head(&client).await?),
            ..What::default()
        };
        self.history.write(&name, Op::Open, Outcome::Ok, began)?;
        let follower = Follower {
            name,
            client: Arc::clone(&client),
            history: Arc::clone(&self.history),
            fixture: self.fixture.clone(),
            seen,
        };
        self.followers.spawn(follower.run());
        self.readers.push(client);
        self.progress.push(progress);
        Ok(())
    }

    /// Microseconds since the workload began, by the clock of its history.
    pub fn now(&self) -> u64 {
        self.history.now()
    }

    /// What all of them did and saw, for who writes besides.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// How many messages were acknowledged so far.
    pub fn acknowledged(&self) -> u64 {
        *self.acknowledged.borrow()
    }

    /// Waits until `count` more messages were acknowledged.
    pub async fn progress(&self, count: u64, patience: Duration) -> Result<()> {
        let wanted = self.acknowledged() + count;
        let mut acknowledged = self.acknowledged.subscribe();
        let reached = acknowledged.wait_for(|now| *now >= wanted);
        if timeout(patience, reached).await.is_err() {
            bail!(
                "{} messages were acknowledged within {patience:?}, not {wanted}",
                self.acknowledged()
            );
        }
        Ok(())
    }

    /// Waits until reader `number` saw the message at `seq`.
    pub async fn reader_at(&self, number: usize, seq: u64, patience: Duration) -> Result<()> {
        let mut progress = self.progress.get(number).context("no such reader")?.clone();
        let reached = progress.wait_for(|seen| *seen >= seq);
        match timeout(patience, reached).await {
            Ok(Ok(_)) => Ok(()),
            _ => bail!("reader {number} does not get to {seq} within {patience:?}"),
        }
    }

    /// Stops the writers and waits for what they have under way.
    pub async fn stop_writing(&self) {
        self.stop.cancel();
        self.writers.close();
        self.writers.wait().await;
    }

    /// Ends the workload: stops writing, waits for the readers, compares.
    pub async fn finish(self) -> Result<Ended> {
        self.stop_writing().await;
        let last = self.write_stored().await?;
        for number in 0..self.readers.len() {
            // A reader that does not get there is a fault that the checker names.
            drop(self.reader_at(number, last, self.catch_up).await);
        }
        let history = self.history.read_back()?;
        let mut report = checker::check(&history);
        for (number, reader) in self.readers.iter().enumerate() {
            let violations = reader.violations();
            let faults = violations.iter().map(|text| {
                let kind = if text.contains("a repeat") {
                    Kind::Double
                } else {
                    Kind::Lost
                };
                let mut fault = Fault::new(kind, format!("r{number}: {text}"));
                fault.reader = Some(format!("r{number}"));
                fault
            });
            report.faults.extend(faults);
        }
        Ok(Ended { report, history })
    }

    /// Writes down what the cluster has; answers with its last place.
    async fn write_stored(&self) -> Result<u64> {
        let client = self.fixture.enter(0, Options::default()).await?;
        let messages = self.fixture.history(&client).await?;
        client.close().await;
        for message in &messages {
            let what = What {
                nonce: Some(name(&message.content)),
                id: Some(message.message_id.get()),
                seq: Some(message.seq),
            };
            self.history.write("end", Op::Stored, Outcome::Ok, what)?;
        }
        Ok(messages.last().map_or(0, |message| message.seq))
    }
}

impl Drop for Workload {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// The name that a message begins with.
fn name(content: &str) -> &str {
    content.split(' ').next().unwrap_or_default()
}

struct Writer {
    name: String,
    fixture: Fixture,
    sessions: Vec<Client>,
    plan: Plan,
    history: Arc<History>,
    acknowledged: watch::Sender<u64>,
}

impl Writer {
    async fn run(self, stop: CancellationToken) -> Result<()> {
        // A pace of nothing is as fast as the answers come.
        let mut pace = interval(self.plan.every.max(Duration::from_micros(1)));
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for number in 1_u64.. {
            if stop.run_until_cancelled(pace.tick()).await.is_none() {
                break;
            }
            let nonce = format!("{}-{number}", self.name);
            for session in self.sessions.iter().cycle().take(self.plan.sends) {
                self.send(session, &nonce).await?;
            }
        }
        Ok(())
    }

    async fn send(&self, session: &Client, nonce: &str) -> Result<()> {
        let padding = self.plan.bytes.saturating_sub(nonce.len() + 1);
        let message = NewMessage {
            nonce: nonce.to_owned(),
            ..send_message(
                self.fixture.channel,
                format!("{nonce} {}", "x".repeat(padding)),
            )
        };
        let sending = session.call(self.fixture.server.get(), &message);
        if record_send(&self.history, (&self.name, nonce), sending)
            .await?
            .is_ok()
        {
            self.acknowledged.send_modify(|count| *count += 1);
        }
        Ok(())
    }
}

/// Writes down that somebody sends a message of this name, and what comes of it.
pub async fn record_send(
    history: &History,
    (client, nonce): (&str, &str),
    sending: impl Future<Output = Result<MessageSent, CallError>>,
) -> Result<Result<MessageSent, CallError>> {
    let mut what = What {
        nonce: Some(nonce),
        ..What::default()
    };
    history.write(client, Op::Send, Outcome::Invoke, what)?;
    let sent = sending.await;
    let outcome = match &sent {
        Ok(sent) => {
            what.id = Some(sent.message_id.get());
            what.seq = Some(sent.seq);
            Outcome::Ok
        }
        Err(CallError::Refused(_)) => Outcome::Fail,
        Err(_) => Outcome::Info,
    };
    history.write(client, Op::Send, outcome, what)?;
    Ok(sent)
}

/// Writes down what a reader sees.
struct Follower {
    name: String,
    client: Arc<Client>,
    history: Arc<History>,
    fixture: Fixture,
    seen: watch::Sender<u64>,
}

impl Follower {
    async fn run(self) -> Result<()> {
        let mut position = 0;
        let forever = Duration::from_hours(1);
        while !self.seen.is_closed() {
            self.client
                .log()
                .wait(position, forever, |_| Some(()))
                .await
                .context("nothing happens any more")?;
            for seen in self.client.log().since(position) {
                position += 1;
                self.follow(&seen)?;
            }
        }
        Ok(())
    }

    fn follow(&self, seen: &Seen) -> Result<()> {
        if let Some(created) = seen.event::<MessageCreated>()
            && created.channel_id == self.fixture.channel
        {
            let what = What {
                nonce: Some(name(&created.message.content)),
                id: Some(created.message.message_id.get()),
                seq: Some(created.message.seq),
            };
            self.history
                .write(&self.name, Op::Receive, Outcome::Ok, what)?;
            self.seen.send_replace(created.message.seq);
        }
        let op = match seen {
            Seen::Gap(gap) if gap.topic == self.fixture.server.get() => Op::Gap,
            Seen::Opened { resumed: true, .. } => Op::Resume,
            Seen::Lost { .. } => Op::Lost,
            _ => return Ok(()),
        };
        self.history
            .write(&self.name, op, Outcome::Ok, What::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_begins_with_its_name() {
        assert_eq!(name("run-w1-7 xxxx"), "run-w1-7");
        assert_eq!(name("run-w1-7 "), "run-w1-7");
        assert_eq!(name(""), "");
    }
}
