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
//! database's is not answered at all: the lane connects again and reads it again.

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
use tracing::{Instrument, debug_span, warn};

use super::{
    Lane, LaneParts,
    inbox::{PendingEntry, Source},
    publish::Outgoing,
    read_size, register_windows,
    run::run_steps,
    steps::Step,
    verdict::{Failure, Verdict},
};
use crate::{
    day::MS_PER_DAY,
    error::{Error, StoreError},
    limiter::Subject,
    store::write::{
        self,
        nonce::{FirstResult, NonceKey},
        transaction::{PartitionCounters, PendingRows},
    },
    transaction::{Start, Transaction},
};

impl Lane<'_> {
    /// Executes everything that came.
    pub(super) async fn execute(&mut self, pending: Vec<PendingEntry>) -> Result<(), Error> {
        let (alone, mut rest): (Vec<PendingEntry>, Vec<PendingEntry>) =
            pending.into_iter().partition(|item| self.is_isolated(item));
        for item in alone {
            self.execute_isolated(item).await?;
        }
        while !rest.is_empty() {
            let later = rest.split_off(read_size::transaction_size(&rest));
            let mut batch = std::mem::replace(&mut rest, later);
            self.keep_alive_if_due().await?;
            self.note_ranges(&batch).await?;
            match self.execute_transaction(&mut batch).await {
                Ok(done) if done < batch.len() => {
                    batch.drain(..done);
                    batch.append(&mut rest);
                    rest = batch;
                }
                Ok(_) => {}
                Err(Failure::Lost(error)) => return Err(error),
                Err(Failure::Poison(_)) => self.execute_singly(batch).await?,
            }
        }
        Ok(())
    }

    /// However long a turn takes, gateways hear that the lane lives.
    pub(super) async fn keep_alive_if_due(&mut self) -> Result<(), Error> {
        if Instant::now() >= self.next_tick {
            self.keep_alive().await?;
        }
        Ok(())
    }

    /// Replays a batch that a command spoiled; what the limiter said stays said.
    pub(super) async fn execute_singly(&mut self, batch: Vec<PendingEntry>) -> Result<(), Error> {
        for mut item in batch {
            self.keep_alive_if_due().await?;
            let Some(refusal) = self.execute_alone(&mut item).await? else {
                continue;
            };
            self.parts.metrics.poison_total.inc();
            item.verdict = Some(refusal);
            if self.execute_alone(&mut item).await?.is_some() {
                return Err(StoreError::Fenced.into());
            }
        }
        Ok(())
    }

    /// Executes an entry by itself; answers what it is told when it spoils even that.
    pub(super) async fn execute_alone(
        &mut self,
        item: &mut PendingEntry,
    ) -> Result<Option<Refusal>, Error> {
        match self.execute_transaction(std::slice::from_mut(item)).await {
            Ok(_) => Ok(None),
            Err(Failure::Poison(refusal)) => Ok(Some(refusal)),
            Err(Failure::Lost(error)) => Err(error),
        }
    }

    /// Executes entries in one transaction and publishes what came of them. Says how many:
    /// where their answers are large, the last ones are left to the next batch.
    pub(super) async fn execute_transaction(
        &mut self,
        pending: &mut [PendingEntry],
    ) -> Result<usize, Failure> {
        let now_ms = self.parts.clock.now_ms();
        let (mut verdicts, steps) = self.sort_out(pending, now_ms);
        let keys: Vec<NonceKey> = steps.iter().filter_map(|step| step.key.clone()).collect();
        let named: Vec<_> = steps.iter().filter_map(Step::named_message).collect();
        let (known, messages) = try_join(
            write::nonce::find_results(&self.connection, &keys),
            write::message::find_messages(self.connection.reads(), &named),
        )
        .await
        .map_err(Failure::from)?;
        let mut found: HashMap<_, _> = named.into_iter().map(|place| (place, None)).collect();
        let messages = messages.into_iter();
        found.extend(messages.map(|(place, message)| (place, Some(message))));
        let mut known: HashMap<NonceKey, FirstResult> = known
            .into_iter()
            .filter_map(|(place, known)| Some((keys.get(place)?.clone(), known)))
            .collect();
        self.count_repeats(pending, &steps, &known, now_ms);
        draw_limits(self.parts, pending, &steps, &known).await;
        let wanted = register_windows::keys_of(&steps, pending);
        let registers = write::register::load_registers(&self.connection, &wanted).await?;

        let counters: BTreeMap<Partition, PartitionCounters> = pending
            .iter()
            .filter_map(|item| Some((item.partition, self.owned.get(&item.partition)?.counters)))
            .collect();
        let mut tx = Transaction::new(Start {
            connection: self.connection.clone(),
            keys: self.parts.keys.clone(),
            caps: self.parts.caps,
            push: self.parts.push.clone(),
            telling: self.parts.telling.clone(),
            state: std::mem::take(&mut self.state),
            counters,
            registers,
            messages: found,
            now_ms,
        });
        let executed = run_steps(&mut tx, pending, steps, &mut known, &mut verdicts).await;
        let done = *executed.as_ref().unwrap_or(&pending.len());
        let pending = pending.get(..done).unwrap_or_default();
        verdicts.truncate(done);
        for item in pending {
            match item.source {
                Source::Stream(id) => tx.advance_offset(item.partition, id),
                Source::Internal { source, number, .. } => {
                    tx.apply_internal(item.partition, source, number);
                }
            }
        }
        // What decides that an entry is not executed must outlive this lane.
        let durable = tx.has_changes()
            || pending.iter().any(|item| item.verdict.is_some())
            || (executed.is_ok() && !leaves_streams(&self.parts.bus, pending, &verdicts).await);
        let committed = match executed {
            Ok(_) if durable => {
                #[cfg(feature = "sabotage")]
                if crate::sabotage::acknowledges_early() {
                    self.publish_outcome(pending, verdicts.clone(), Vec::new(), Vec::new())
                        .await?;
                }
                self.commit(&mut tx, pending).await
            }
            Ok(_) => {
                let ended = tx.end().await;
                ended
                    .map(|()| tx.signals())
                    .map_err(|error| Failure::Lost(error.into()))
            }
            Err(failure) => Err(failure),
        };
        match committed {
            Ok(events) => {
                self.state = std::mem::take(&mut tx.state);
                if durable {
                    self.keep_committed(&tx.counters, &tx.rows);
                }
                // Signals and refusals load servers, too.
                self.state.shrink();
                self.mark_done(pending);
                self.publish_outcome(pending, verdicts, events, tx.woken)
                    .await?;
                Ok(done)
            }
            // What happened in memory did not happen: it goes with the transaction.
            Err(failure) => {
                if let Failure::Poison(_) = failure {
                    write::transaction::rollback(&self.connection)
                        .await
                        .map_err(|error| Failure::Lost(error.into()))?;
                }
                Err(failure)
            }
        }
    }

    /// Stores a transaction; answers its finished events.
    async fn commit(
        &mut self,
        tx: &mut Transaction,
        pending: &[PendingEntry],
    ) -> Result<Vec<Envelope>, Failure> {
        let events = tx.number_events().await?;
        let day = i32::try_from(tx.now_ms() / MS_PER_DAY).unwrap_or(i32::MAX);
        let timer = self.parts.metrics.commit_seconds.start_timer();
        let span = debug_span!("commit", commands = pending.len());
        telemetry::adopt_parent(&span, traces(pending).next());
        telemetry::link_traces(&span, traces(pending).skip(1));
        let result = tx.commit(day).instrument(span).await;
        timer.observe_duration();
        result?;
        Ok(events)
    }

    /// Makes true what the batch changed.
    fn keep_committed(
        &mut self,
        counters: &BTreeMap<Partition, PartitionCounters>,
        rows: &PendingRows,
    ) {
        let metrics = &self.parts.metrics;
        metrics.events_total.inc_by(rows.events.len() as u64);
        for (partition, counters) in counters {
            if let Some(owned) = self.owned.get_mut(partition) {
                owned.counters = *counters;
            }
        }
        for event in &rows.events {
            if let Some(owned) = self.owned.get_mut(&event.partition) {
                owned.heads.record(event.topic, event.seq);
            }
        }
        metrics
            .registers_total
            .inc_by(rows.registers.changed().count() as u64);
        for (user, head) in rows.registers.changed_heads() {
            metrics.register_accounts_total.inc();
            if let Some(owned) = self.owned.get_mut(&user.partition()) {
                owned.registers.insert(user.get(), head.version);
            }
        }
    }

    /// Tells the gateways, and the lanes that have an internal command now.
    async fn publish_outcome(
        &mut self,
        pending: &[PendingEntry],
        verdicts: Vec<Option<Verdict>>,
        events: Vec<Envelope>,
        woken: Vec<Partition>,
    ) -> Result<(), Failure> {
        let metrics = &self.parts.metrics;
        #[expect(clippy::cast_precision_loss, reason = "at most 256")]
        metrics.batch_commands.observe(pending.len() as f64);
        let mut answers = Vec::with_capacity(pending.len());
        for (item, verdict) in pending.iter().zip(verdicts) {
            let Some(entry) = &item.entry else { continue };
            let verdict = verdict.unwrap_or_else(|| Err(Reason::Internal.into()));
            let payload = match &verdict {
                Ok(body) => {
                    if let Some(row) = shared::protocol::row(entry.opcode) {
                        metrics.commands_total.with_label_values(&[row.name]).inc();
                    }
                    frame::reply(0, body)
                }
                Err(refusal) => {
                    metrics
                        .refusals_total
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
async fn draw_limits(
    parts: &LaneParts,
    pending: &mut [PendingEntry],
    steps: &[Step],
    known: &HashMap<NonceKey, FirstResult>,
) {
    let (mut places, mut wants) = (Vec::new(), Vec::new());
    for step in steps {
        let Some(item) = pending.get(step.place) else {
            continue;
        };
        if step.late.is_some() {
            continue;
        }
        let repeat = step.key.as_ref().is_some_and(|key| known.contains_key(key));
        let limit = step.command.row().limit;
        let caller = item.entry.as_ref().and_then(|entry| entry.caller.as_ref());
        if let (false, None, Source::Stream(_), Some(caller)) =
            (repeat, &item.limited, item.source, caller)
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
        if let Some(item) = pending.get_mut(place) {
            item.limited = Some(match decision {
                Decision::Allowed => Ok(()),
                Decision::Limited(ms) => Err(Refusal::retry(Reason::RateLimited, ms)),
            });
        }
    }
}

/// Takes a batch that changed nothing out of the streams before its refusals
/// are told: a lane that takes over must not execute what was refused. Repeats and
/// signals may come twice. `false` when Redis did not do it.
async fn leaves_streams(bus: &Bus, pending: &[PendingEntry], verdicts: &[Option<Verdict>]) -> bool {
    if !verdicts
        .iter()
        .any(|verdict| matches!(verdict, Some(Err(_))))
    {
        return true;
    }
    let mut ends: BTreeMap<Partition, StreamId> = BTreeMap::new();
    for item in pending {
        if let Source::Stream(id) = item.source {
            let end = ends.entry(item.partition).or_default();
            *end = id.max(*end);
        }
    }
    let trims = ends
        .into_iter()
        .map(|(partition, end)| bus.trim_stream(partition, end.next()));
    let trimmed = futures_util::future::join_all(trims).await;
    trimmed.iter().all(Result::is_ok)
}

/// The commands that are traced: a batch belongs to the trace of the first one, and is linked
/// to the others.
fn traces(pending: &[PendingEntry]) -> impl Iterator<Item = &str> {
    pending
        .iter()
        .filter_map(|item| item.entry.as_ref()?.trace.as_deref())
}
