//! Executes the commands of a batch in order, each so that it spoils no other one.

use std::{any::Any, panic::AssertUnwindSafe};

use foldhash::HashMap;
use futures_util::FutureExt;
use shared::{
    error::Reason,
    ids::ServerId,
    protocol::{Command, Dispatch as _},
    telemetry,
};
use tracing::{Instrument, debug_span, error};

use super::{
    inbox::{PendingEntry, Source},
    steps::Step,
    verdict::{Failure, Verdict},
};
use crate::{
    commands,
    error::Error,
    store::write::nonce::{FirstResult, NonceKey},
    transaction::{Context, CurrentCommand, Transaction},
};

/// Bytes of replies that end a batch: nearly all are small, a server as its new member sees
/// it may have 2 MB. What is left has the next batch, so that a rush of people who join
/// takes no more memory than this.
const REPLY_BYTES: usize = 4 << 20;

/// Executes each command that is not decided yet, in order. Answers how many entries this was:
/// all of them, unless their replies were large.
pub(super) async fn run_steps(
    tx: &mut Transaction,
    pending: &[PendingEntry],
    steps: Vec<Step>,
    known: &mut HashMap<NonceKey, FirstResult>,
    verdicts: &mut [Option<Verdict>],
) -> Result<usize, Failure> {
    let mut bytes = 0;
    for step in steps {
        let Some(item) = pending.get(step.place) else {
            continue;
        };
        let first = step.key.as_ref().and_then(|key| known.get(key));
        let opcode = step.command.row().opcode;
        let verdict = match decide_early(item, &step, first) {
            Some(Ok(kept)) => repeat_step(tx, item, opcode, kept).await?,
            Some(refused) => refused,
            None => run_step(tx, item, step.command).await?,
        };
        if let (Some(key), Ok(body)) = (step.key, &verdict)
            && !known.contains_key(&key)
        {
            let first = FirstResult {
                body_hash: step.body_hash,
                result: commands::repeat::keep_reply(opcode, body),
            };
            tx.keep_result(key.clone(), first.clone());
            known.insert(key, first);
        }
        bytes += verdict.as_ref().map_or(0, Vec::len);
        if let Some(place) = verdicts.get_mut(step.place) {
            *place = Some(verdict);
        }
        if bytes > REPLY_BYTES {
            return Ok(step.place + 1);
        }
    }
    Ok(pending.len())
}

/// Answers a repeat. Where that fails nobody may say that nothing took effect: the first
/// attempt did.
async fn repeat_step(
    tx: &mut Transaction,
    item: &PendingEntry,
    opcode: u16,
    kept: Vec<u8>,
) -> Result<Verdict, Failure> {
    let mut ctx = tx.context(current_command(item));
    let handled = AssertUnwindSafe(commands::repeat::answer_repeat(&mut ctx, opcode, kept))
        .catch_unwind()
        .await;
    match verdict(item, handled, ctx) {
        Ok(Err(_refusal)) => Ok(Err(Reason::Unknown.into())),
        Err(Failure::Poison(_refusal)) => Err(Failure::Poison(Reason::Unknown.into())),
        other => other,
    }
}

/// What the context knows of a command.
fn current_command(item: &PendingEntry) -> CurrentCommand {
    let entry = item.entry.as_ref();
    CurrentCommand {
        partition: item.partition,
        scope: entry.map_or(0, |entry| entry.scope),
        caller: entry.and_then(|entry| entry.caller.clone()),
        trace: entry
            .and_then(|entry| entry.trace.clone())
            .filter(|trace| telemetry::is_trace_parent(trace)),
    }
}

/// What need not be executed.
fn decide_early(item: &PendingEntry, step: &Step, first: Option<&FirstResult>) -> Option<Verdict> {
    if let Some(first) = first {
        // Before permission, limits and age: the third retry of a stored message is
        // not refused because its author was kicked meanwhile.
        return Some(if first.body_hash == step.body_hash {
            Ok(first.result.clone())
        } else {
            Err(Reason::NonceReused.into())
        });
    }
    if let Some(late) = &step.late {
        return Some(Err(late.clone()));
    }
    let limited = item.limited.as_ref()?;
    limited.as_ref().err().cloned().map(Err)
}

async fn run_step(
    tx: &mut Transaction,
    item: &PendingEntry,
    command: Command,
) -> Result<Verdict, Failure> {
    let Some(entry) = &item.entry else {
        return Ok(Err(Reason::Malformed.into()));
    };
    let span = debug_span!("command", name = command.row().name);
    telemetry::adopt_parent(&span, entry.trace.as_deref());
    let mut ctx = tx.context(current_command(item));
    let internal = matches!(item.source, Source::Internal { .. });
    let work = async {
        if internal && is_server_gone(&mut ctx).await? {
            return Ok(Vec::new());
        }
        command.dispatch(&mut ctx).await
    };
    let handled = AssertUnwindSafe(work.instrument(span)).catch_unwind().await;
    verdict(item, handled, ctx)
}

/// Whether the server that an internal command is for is gone: then there is nothing left to do for
/// it, where a refusal would be tried again.
async fn is_server_gone(ctx: &mut Context<'_>) -> Result<bool, Error> {
    let server = ServerId::new(ctx.scope());
    if server.is_none_or(|server| server.partition() != ctx.partition()) {
        return Ok(false);
    }
    match ctx.server().await {
        Ok(_server) => Ok(false),
        Err(Error::Refused(refusal)) if refusal.reason == Reason::UnknownServer => Ok(true),
        Err(error) => Err(error),
    }
}

/// What a handler's end means for its command and for the others of its transaction.
fn verdict(
    item: &PendingEntry,
    handled: Result<Result<Vec<u8>, Error>, Box<dyn Any + Send>>,
    ctx: Context<'_>,
) -> Result<Verdict, Failure> {
    let internal = matches!(item.source, Source::Internal { .. });
    let clean = !matches!(handled, Ok(Ok(_))) && ctx.take_back();
    match handled {
        Ok(Ok(body)) => Ok(Ok(body)),
        // Nobody hears a refusal: it must not count as done.
        Ok(Err(Error::Refused(refusal))) if internal => Err(Failure::Poison(refusal)),
        Ok(Err(Error::Refused(refusal))) if clean => Ok(Err(refusal)),
        // Half-written: the whole batch goes back, and this command is refused alone.
        Ok(Err(Error::Refused(refusal))) => Err(Failure::Poison(refusal)),
        // A row that nobody can read: Postgres knows nothing of it, so the others go on.
        Ok(Err(Error::Store(unreadable))) if clean && unreadable.is_ours() && !internal => {
            let scope = item.entry.as_ref().map_or(0, |entry| entry.scope);
            error!(error = %unreadable, scope, "row cannot be read");
            Ok(Err(Reason::Internal.into()))
        }
        Ok(Err(error)) => Err(error.into()),
        Err(_panic) => {
            error!("command panicked");
            Err(Failure::Poison(Reason::Internal.into()))
        }
    }
}
