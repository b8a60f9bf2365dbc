//! One transaction: everything that came while the last one committed.
//!
//! ```text
//! nonces → limits → each command in memory and arrays → account topics
//!   → BEGIN + rows + events + nonces + fence + COMMIT in one pipeline → publish
//! ```
//!
//! The transaction begins when a command first needs it, so nothing waits for
//! Redis inside one, and a batch that only says no has none.
//!
//! A batch that fails by its own fault is replayed command by command with the
//! same limit decisions, and the culprit is refused. One that fails by the
//! database's is not answered at all: the lane starts anew and reads it again.

use std::collections::BTreeMap;

use foldhash::HashMap;
use futures_util::future::try_join;
use serde_bytes::ByteBuf;
use shared::{
    bus::{
        Bus, Decision, StreamId,
        envelope::{Answer, Envelope},
    },
    domain::limits::RateLimit,
    error::{Reason, Refusal},
    frame,
    ids::Partition,
    telemetry,
};
use tokio::time::Instant;
use tracing::{Instrument, debug_span, error, warn};

use super::{
    Lane, LaneParts, appetite,
    consume::{Source, Work},
    publish::Outgoing,
    register,
    run::run_steps,
    steps::Step,
};
use crate::{
    context::{Context, Current, Emitted, TopicWriter},
    days::MS_PER_DAY,
    error::{Error, StoreError},
    limiter::Subject,
    store::write::machine::{Batch, Counters, Known, NonceKey},
};

/// Why a batch did not commit.
pub(super) enum Failure {
    /// A command is at fault, and this is what it is told if it is alone.
    Poison(Refusal),
    /// The database is, or nobody knows whether it committed.
    Lost(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            // Rolled back: a deadlock, a lock or a statement that took too long. Alone,
            // whoever caused it is found.
            Error::Store(store) if store.is_passing() => {
                warn!(error = %store, "transaction went back");
                Self::Poison(Reason::Unavailable.into())
            }
            Error::Store(store) if !store.is_outage() => {
                error!(error = %store, "statement failed");
                Self::Poison(Reason::Internal.into())
            }
            other => Self::Lost(other),
        }
    }
}

/// What became of a command: the encoded reply, or a refusal.
pub(super) type Verdict = Result<Vec<u8>, Refusal>;

impl Lane<'_> {
    /// Executes everything that came.
    pub(super) async fn execute(&mut self, works: Vec<Work>) -> Result<(), Error> {
        let (alone, mut rest): (Vec<Work>, Vec<Work>) =
            works.into_iter().partition(|work| self.goes_alone(work));
        for work in alone {
            self.execute_alone(work).await?;
        }
        while !rest.is_empty() {
            let later = rest.split_off(appetite::batch(&rest));
            let mut batch = std::mem::replace(&mut rest, later);
            self.breathe_if_due().await?;
            self.note(&batch).await?;
            match self.commit(&mut batch).await {
                Ok(done) if done < batch.len() => {
                    batch.drain(..done);
                    batch.append(&mut rest);
                    rest = batch;
                }
                Ok(_) => {}
                Err(Failure::Lost(error)) => return Err(error),
                Err(Failure::Poison(_)) => self.one_by_one(batch).await?,
            }
        }
        Ok(())
    }

    /// However long a turn takes, gateways hear that the lane lives.
    pub(super) async fn breathe_if_due(&mut self) -> Result<(), Error> {
        if Instant::now() >= self.next_tick {
            self.breathe().await?;
        }
        Ok(())
    }

    /// Replays a batch that a command spoiled; what the limiter said stays said.
    pub(super) async fn one_by_one(&mut self, batch: Vec<Work>) -> Result<(), Error> {
        for mut work in batch {
            self.breathe_if_due().await?;
            if let Err(failure) = self.commit(std::slice::from_mut(&mut work)).await {
                let refusal = match failure {
                    Failure::Lost(error) => return Err(error),
                    Failure::Poison(refusal) => refusal,
                };
                self.parts.metrics.poison.inc();
                work.verdict = Some(refusal);
                match self.commit(std::slice::from_mut(&mut work)).await {
                    Ok(_) => {}
                    Err(Failure::Lost(error)) => return Err(error),
                    Err(Failure::Poison(_)) => return Err(StoreError::Fenced.into()),
                }
            }
        }
        Ok(())
    }

    /// Executes works in one transaction and publishes what came of them. Says how many:
    /// where their answers are large, the last ones are left to the next batch.
    pub(super) async fn commit(&mut self, works: &mut [Work]) -> Result<usize, Failure> {
        let now_ms = self.parts.clock.now_ms();
        let (mut verdicts, steps) = self.sort_out(works, now_ms);
        let keys: Vec<NonceKey> = steps.iter().filter_map(|step| step.key.clone()).collect();
        let named: Vec<_> = steps.iter().filter_map(Step::message).collect();
        let (known, authors) = try_join(
            self.writer.find_nonces(&keys),
            self.writer.find_authors(&named),
        )
        .await
        .map_err(Failure::from)?;
        let mut found: HashMap<_, _> = named.into_iter().map(|place| (place, None)).collect();
        found.extend(
            authors
                .into_iter()
                .map(|(place, author)| (place, Some(author))),
        );
        let mut known: HashMap<NonceKey, Known> = known
            .into_iter()
            .filter_map(|(place, known)| Some((keys.get(place)?.clone(), known)))
            .collect();
        self.count_repeats(works, &steps, &known, now_ms);
        draw(self.parts, works, &steps, &known).await;
        let wanted = register::wanted(&steps, works);
        let registers = self.writer.load_registers(&wanted).await?;

        let mut counters: BTreeMap<Partition, Counters> = works
            .iter()
            .filter_map(|work| Some((work.partition, self.owned.get(&work.partition)?.counters)))
            .collect();
        let mut ctx = Context {
            writer: &self.writer,
            keys: &self.parts.keys,
            caps: self.parts.caps,
            memory: &mut self.memory,
            counters: &mut counters,
            batch: Batch {
                registers,
                ..Batch::default()
            },
            emitted: Vec::new(),
            woken: Vec::new(),
            now_ms,
            authors: found,
            begun: false,
            writes: 0,
            command: Current {
                partition: works
                    .first()
                    .map_or(Partition::of(0), |work| work.partition),
                scope: 0,
                caller: None,
                trace: None,
            },
        };
        let executed = run_steps(&mut ctx, works, steps, &mut known, &mut verdicts).await;
        let done = *executed.as_ref().unwrap_or(&works.len());
        let works = works.get(..done).unwrap_or_default();
        verdicts.truncate(done);
        advance(ctx.counters, works);
        for work in works {
            if let Source::Internal { source, number, .. } = work.source {
                ctx.batch.applied.insert((work.partition, source), number);
            }
        }
        // What decides that an entry is not executed must outlive this lane.
        let durable = ctx.writes > 0
            || !ctx.batch.applied.is_empty()
            || works.iter().any(|work| work.verdict.is_some())
            || (executed.is_ok() && !leaves_streams(&self.parts.bus, works, &verdicts).await);
        let sealed = match executed {
            Ok(_) if durable => seal(&mut ctx).await.map_err(Failure::from),
            Ok(_) => Ok(ctx.emitted.iter().map(|event| event.envelope(0)).collect()),
            Err(failure) => Err(failure),
        };
        let Context {
            batch,
            woken,
            begun,
            ..
        } = ctx;
        let committed = match sealed {
            Ok(events) if durable => {
                #[cfg(feature = "sabotage")]
                if crate::sabotage::acknowledges_early() {
                    self.tell(works, verdicts.clone(), Vec::new(), Vec::new())
                        .await?;
                }
                let timer = self.parts.metrics.commit_seconds.start_timer();
                let day = i32::try_from(now_ms / MS_PER_DAY).unwrap_or(i32::MAX);
                let span = debug_span!("commit", commands = works.len());
                telemetry::adopt(&span, traces(works).next());
                telemetry::link(&span, traces(works).skip(1));
                let result = self
                    .writer
                    .commit(&batch, &counters, day, begun)
                    .instrument(span)
                    .await;
                timer.observe_duration();
                result.map(|()| events).map_err(Failure::from)
            }
            // It was only looked at.
            Ok(events) if begun => {
                let ended = self.writer.rollback().await;
                ended
                    .map(|()| events)
                    .map_err(|error| Failure::Lost(error.into()))
            }
            other => other,
        };
        match committed {
            Ok(events) => {
                if durable {
                    self.keep(&counters, &batch);
                }
                // Signals and refusals load servers, too.
                self.memory.shrink();
                self.pass(works);
                self.tell(works, verdicts, events, woken).await?;
                Ok(done)
            }
            Err(failure) => {
                // What happened in memory did not happen.
                self.memory.clear();
                if let Failure::Poison(_) = failure {
                    self.writer
                        .rollback()
                        .await
                        .map_err(|error| Failure::Lost(error.into()))?;
                }
                Err(failure)
            }
        }
    }

    /// Makes true what the batch changed.
    fn keep(&mut self, counters: &BTreeMap<Partition, Counters>, batch: &Batch) {
        let metrics = &self.parts.metrics;
        metrics.events.inc_by(batch.events.len() as u64);
        for (partition, counters) in counters {
            if let Some(owned) = self.owned.get_mut(partition) {
                owned.counters = *counters;
            }
        }
        for event in &batch.events {
            if let Some(owned) = self.owned.get_mut(&event.partition) {
                owned.heads.note(event.topic, event.seq);
            }
        }
        for (user, version) in batch.registers.moved() {
            if let Some(owned) = self.owned.get_mut(&user.partition()) {
                owned.registers.insert(user.get(), version);
            }
        }
    }

    /// Tells the gateways, and the lanes that have an internal command now.
    async fn tell(
        &mut self,
        works: &[Work],
        verdicts: Vec<Option<Verdict>>,
        events: Vec<Envelope>,
        woken: Vec<Partition>,
    ) -> Result<(), Failure> {
        let metrics = &self.parts.metrics;
        #[expect(clippy::cast_precision_loss, reason = "at most 256")]
        metrics.batch_commands.observe(works.len() as f64);
        let mut answers = Vec::with_capacity(works.len());
        for (work, verdict) in works.iter().zip(verdicts) {
            let Some(entry) = &work.entry else { continue };
            let verdict = verdict.unwrap_or_else(|| Err(Reason::Internal.into()));
            let payload = match &verdict {
                Ok(body) => {
                    if let Some(row) = shared::protocol::row(entry.opcode) {
                        metrics.commands.with_label_values(&[row.name]).inc();
                    }
                    frame::reply(0, body)
                }
                Err(refusal) => {
                    metrics
                        .refusals
                        .with_label_values(&[refusal.reason.name()])
                        .inc();
                    frame::refusal(0, refusal)
                }
            };
            if !entry.node.is_empty() {
                let answer = Answer {
                    connection: entry.connection,
                    ticket: entry.ticket,
                    payload: ByteBuf::from(payload),
                };
                answers.push((entry.node.clone(), answer));
            }
        }
        let told = self.publisher.send(Outgoing { events, answers }).await;
        told.map_err(Failure::Lost)?;
        for partition in woken {
            if self.owned.contains_key(&partition) {
                self.internal_due = true;
            } else if let Err(error) = self.parts.bus.append(partition, bytes::Bytes::new()).await {
                // Its lane looks by itself within a second.
                warn!(%partition, %error, "lane was not woken");
            }
        }
        Ok(())
    }
}

/// Asks the limiter once for the whole batch. A nonce that is known draws
/// nothing, and neither does a replay.
async fn draw(
    parts: &LaneParts,
    works: &mut [Work],
    steps: &[Step],
    known: &HashMap<NonceKey, Known>,
) {
    let mut places = Vec::new();
    let mut wants = Vec::new();
    for step in steps {
        let Some(work) = works.get(step.place) else {
            continue;
        };
        if step.late.is_some() {
            continue;
        }
        let repeat = step.key.as_ref().is_some_and(|key| known.contains_key(key));
        let limit = step.command.row().limit;
        let caller = work.entry.as_ref().and_then(|entry| entry.caller.as_ref());
        if let (false, None, Source::Stream(_), Some(caller)) =
            (repeat, &work.limited, work.source, caller)
            && limit != RateLimit::Unlimited
        {
            places.push(step.place);
            wants.push((limit, Subject::Account(caller.user)));
        }
    }
    if wants.is_empty() {
        return;
    }
    let decisions = parts.limiter.draw(&wants).await;
    for (place, decision) in places.into_iter().zip(decisions) {
        if let Some(work) = works.get_mut(place) {
            work.limited = Some(match decision {
                Decision::Allowed => Ok(()),
                Decision::Limited(ms) => Err(Refusal::retry(Reason::RateLimited, ms)),
            });
        }
    }
}

/// Takes a batch that changed nothing out of the streams before its refusals
/// are told: whoever takes over must not execute what was refused. Repeats and
/// signals may come twice. `false` when Redis did not do it.
async fn leaves_streams(bus: &Bus, works: &[Work], verdicts: &[Option<Verdict>]) -> bool {
    if !verdicts
        .iter()
        .any(|verdict| matches!(verdict, Some(Err(_))))
    {
        return true;
    }
    let mut ends: BTreeMap<Partition, StreamId> = BTreeMap::new();
    for work in works {
        if let Source::Stream(id) = work.source {
            let end = ends.entry(work.partition).or_default();
            *end = id.max(*end);
        }
    }
    let trims = ends
        .into_iter()
        .map(|(partition, end)| bus.trim(partition, end.next()));
    let trimmed = futures_util::future::join_all(trims).await;
    trimmed.iter().all(Result::is_ok)
}

/// Gives every event its seq and its position. Topics that several lanes write
/// are locked here, last before COMMIT: whoever reads n can read all below.
async fn seal(ctx: &mut Context<'_>) -> Result<Vec<Envelope>, Error> {
    let mut shared_topics: Vec<u64> = ctx
        .emitted
        .iter()
        .filter(|event| event.writer == TopicWriter::Any)
        .map(|event| event.topic)
        .collect();
    shared_topics.sort_unstable();
    shared_topics.dedup();
    let mut heads = if shared_topics.is_empty() {
        BTreeMap::new()
    } else {
        ctx.writer.lock_topics(&shared_topics).await?
    };
    let mut envelopes = Vec::with_capacity(ctx.emitted.len());
    for event in &ctx.emitted {
        let seq = match event.writer {
            TopicWriter::Nobody(_) => {
                envelopes.push(event.envelope(0));
                continue;
            }
            TopicWriter::Lane(seq) => seq,
            TopicWriter::Any => {
                // An account that is gone has no topic, and nobody to tell.
                let Some(head) = heads.get_mut(&event.topic) else {
                    continue;
                };
                *head += 1;
                ctx.batch.heads.insert(event.topic, *head);
                *head
            }
        };
        envelopes.push(event.envelope(seq));
        let counters = ctx
            .counters
            .get_mut(&event.partition)
            .ok_or(StoreError::Fenced)?;
        counters.position += 1;
        ctx.batch
            .events
            .push(Emitted::row(event, seq, counters.position));
    }
    Ok(envelopes)
}

/// Moves the offsets to the last entry of each stream in the batch.
fn advance(counters: &mut BTreeMap<Partition, Counters>, works: &[Work]) {
    for work in works {
        if let (Source::Stream(id), Some(counters)) =
            (work.source, counters.get_mut(&work.partition))
        {
            counters.offset = StreamId::max(counters.offset, id);
        }
    }
}

/// The commands that are traced: a batch belongs to the trace of the first one, and is linked
/// to the others.
fn traces(works: &[Work]) -> impl Iterator<Item = &str> {
    works
        .iter()
        .filter_map(|work| work.entry.as_ref()?.trace.as_deref())
}
