//! Queries: what any worker answers, apart from the lanes, so that reading
//! never waits behind writing.
//!
//! [`run`] takes entries from the lists of their classes one by one in a few tasks, each
//! of which serves some classes first. A forwarded
//! request ends with an entry in the stream of its lane, everything else with the
//! chunks of an answer on the topic of the gateway that asked.

mod account;
mod admin;
mod channel;
mod context;
mod deployment;
mod export;
mod gateway_queries;
mod invite;
mod limit;
mod member;
mod message;
mod metrics;
mod moderation;
mod notification;
mod password;
mod permitted;
mod ping;
mod presence;
mod push;
mod role;
mod search;
mod server;
mod session;
mod unread;
mod user;

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::FutureExt as _;
use shared::{
    bus::{
        Bus, Class, End, Reader, Taken, Topic,
        envelope::{CHUNK_BYTES, Chunk, Entry, NodeAnswer, NodeQuery, pack, unpack},
        sealed::{self, Way},
    },
    clock::Clock,
    domain::limits::MAX_PAGE,
    error::{Reason, Refusal},
    frame,
    keys::{ClusterKeys, NoRandomness},
    protocol::{Dispatch as _, Forward, Outcome, Query, account::SignUp, row},
    telemetry,
};
use tokio::{
    task::JoinSet,
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, Span};

use self::context::QueryContext;
pub(crate) use self::metrics::QueryMetrics;
use crate::{
    error::Error, limiter::Limiter, password::Hasher, presence::Presence, push::PushPolicy,
    store::read::Store,
};

/// The opcode of what a gateway asks for itself.
const NODE_QUERY: u16 = 0;
/// How long a task waits for a query before it looks whether it is to stop.
const TAKE_WAIT: Duration = Duration::from_secs(1);
/// How long a task leaves Redis alone after it failed.
const BACK_OFF: Duration = Duration::from_millis(500);
/// No query runs longer, whatever deadline it names.
const MAX_RUN: Duration = Duration::from_secs(10);
/// A query that waited longer is late: then there is more to do than can be done, and
/// the newest are taken first.
const LATE: Duration = Duration::from_secs(1);
/// How many of the newest are taken before the oldest is looked at again.
const NEWEST: u32 = 16;
/// Chunks published at once: half a mebibyte, so that an answer of many
/// mebibytes does not fill a gateway's output buffer at Redis.
const PUBLISH_CHUNKS: usize = 8;

/// Who may sign up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SignUpConfig {
    /// With a name and a password.
    pub(crate) invites: SignUp,
    /// Without either.
    pub(crate) guests: bool,
}

/// What queries need.
pub(crate) struct Deps {
    /// Where they come from and go to.
    pub(crate) bus: Bus,
    /// What they read; with at least `tasks` connections, no query waits for one.
    pub(crate) store: Store,
    /// How many of them somebody may ask.
    pub(crate) limiter: Limiter,
    /// Verifies passwords. Its places should be fewer than `tasks`, so that a
    /// storm of sign-ins leaves room for other queries.
    pub(crate) hasher: Hasher,
    /// Tells the time.
    pub(crate) clock: Clock,
    /// Who may sign up.
    pub(crate) sign_up: SignUpConfig,
    /// Who is there.
    pub(crate) presence: Presence,
    /// Opens what travelled sealed, and seals what goes on.
    pub(crate) keys: ClusterKeys,
    /// Who may be told by web push; none where that is off.
    pub(crate) push: Option<Arc<PushPolicy>>,
    /// What operators see.
    pub(crate) metrics: QueryMetrics,
    /// How many are answered at a time.
    pub(crate) tasks: usize,
}

/// Answers queries until `stop`, then ends those under way. Ends before only when a task
/// panics: nobody would take its place.
pub(crate) async fn run(deps: Arc<Deps>, stop: CancellationToken) {
    let tasks = deps.tasks.max(1);
    let serving =
        (0..tasks).map(|task| serve_queries(deps.clone(), classes_of(task, tasks), stop.clone()));
    join_tasks(serving.collect()).await;
}

/// Waits for all tasks, or for the first one that panics; then the others are dropped.
async fn join_tasks(mut tasks: JoinSet<()>) {
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended {
            tracing::error!(%error, "a task of the queries ended");
            return;
        }
    }
}

/// Which classes a task serves, the first of them that has a query first: a quarter of
/// the tasks for each class, and strangers, whose passwords take long to verify, never
/// more than theirs. What a class does not use, the others do; but what accounts ask may take long,
/// so of four tasks or more it leaves one to the gateways and those who come, and one to strangers.
fn classes_of(task: usize, tasks: usize) -> &'static [Class] {
    use Class::{Account, Node, Session, Stranger};
    match task * 4 / tasks.max(1) {
        _ if tasks <= 1 => &Class::ALL,
        _ if tasks >= 4 && task == 0 => &[Node, Session],
        _ if tasks >= 4 && task + 1 == tasks => &[Stranger, Node, Session],
        _ if task + 1 == tasks => &[Stranger, Node, Session, Account],
        0 => &[Node, Session, Account],
        1 => &[Session, Node, Account],
        2 => &[Account, Node, Session],
        _ => &[Stranger, Node, Session, Account],
    }
}

async fn serve_queries(deps: Arc<Deps>, classes: &'static [Class], stop: CancellationToken) {
    while !stop.is_cancelled() {
        let error = match deps.bus.reader().await {
            Ok(mut reader) => match take_queries(&deps, &mut reader, classes, &stop).await {
                Ok(()) => return,
                Err(error) => error,
            },
            Err(error) => error.into(),
        };
        tracing::warn!(%error, "queries cannot be taken");
        stop.run_until_cancelled(tokio::time::sleep(BACK_OFF)).await;
    }
}

async fn take_queries(
    deps: &Arc<Deps>,
    reader: &mut Reader,
    classes: &[Class],
    stop: &CancellationToken,
) -> Result<(), Error> {
    let mut newest = 0_u32;
    while !stop.is_cancelled() {
        let end = if newest > 0 { End::Newest } else { End::Oldest };
        newest = newest.saturating_sub(1);
        // Not cancelled by `stop`: a query taken and dropped would be lost.
        let Some(taken) = reader.take_query(classes, end, TAKE_WAIT).await? else {
            newest = 0;
            continue;
        };
        deps.metrics
            .query_wait_seconds
            .with_label_values(&[taken.class.name()])
            .observe(taken.waited.as_secs_f64());
        if end == End::Oldest && taken.waited > LATE {
            newest = NEWEST;
        }
        answer_entry(deps, &taken).await;
    }
    Ok(())
}

/// Answers one packed entry.
async fn answer_entry(deps: &Arc<Deps>, taken: &Taken) {
    let entry = match Entry::read(&taken.bytes, Way::Query, &deps.keys) {
        Ok(entry) => entry,
        Err(error) => {
            deps.metrics.query_malformed_total.inc();
            tracing::warn!(%error, "a query is not taken");
            return;
        }
    };
    let Some(time_left) = time_left(&entry, taken.waited) else {
        deps.metrics.query_late_total.inc();
        return;
    };
    let started = Instant::now();
    let address = Address {
        node: entry.node.clone(),
        ticket: entry.ticket,
    };
    let (name, answer) = if entry.is_old(deps.clock.now_ms()) {
        tracing::warn!(node = entry.node, "an old query came back");
        ("old", Some(too_old(entry.opcode)))
    } else if entry.opcode == NODE_QUERY {
        let (name, answer) = Box::pin(answer_gateway(deps, &entry.body, time_left)).await;
        (name, Some(pack(&answer).to_vec()))
    } else {
        let span = query_span(&entry);
        Box::pin(answer_client(deps, entry, time_left).instrument(span)).await
    };
    deps.metrics.queries_total.with_label_values(&[name]).inc();
    deps.metrics
        .query_seconds
        .with_label_values(&[name])
        .observe(started.elapsed().as_secs_f64());
    if let Some(answer) = answer {
        publish_answer(deps, &address, &answer).await;
    }
}

/// A query as a span of the trace that it came with.
fn query_span(entry: &Entry) -> Span {
    let span = tracing::debug_span!("query", name = row(entry.opcode).map(|row| row.name));
    telemetry::adopt_parent(&span, entry.trace.as_deref());
    span
}

fn too_old(opcode: u16) -> Vec<u8> {
    if opcode == NODE_QUERY {
        return pack(&NodeAnswer::Failed).to_vec();
    }
    frame::refusal(0, &Reason::Expired.into())
}

/// Nothing is done for a gateway that gave up waiting.
fn time_left(entry: &Entry, waited: Duration) -> Option<Duration> {
    if entry.patience_ms == 0 {
        return Some(MAX_RUN);
    }
    let left = Duration::from_millis(entry.patience_ms).checked_sub(waited)?;
    (!left.is_zero()).then(|| left.min(MAX_RUN))
}

async fn answer_gateway(
    deps: &Arc<Deps>,
    body: &[u8],
    time_left: Duration,
) -> (&'static str, NodeAnswer) {
    let Ok(query) = unpack::<NodeQuery>(body) else {
        deps.metrics.query_malformed_total.inc();
        return ("node_malformed", NodeAnswer::Failed);
    };
    let name = gateway_queries::name(&query);
    match run_handler(deps, time_left, gateway_queries::answer(deps, query)).await {
        Ok(answer) => (name, answer),
        Err(error) => {
            log_failure(name, &error);
            (name, NodeAnswer::Failed)
        }
    }
}

/// The finished frame, or none when a lane will answer.
async fn answer_client(
    deps: &Arc<Deps>,
    entry: Entry,
    time_left: Duration,
) -> (&'static str, Option<Vec<u8>>) {
    let (name, result) = match Query::decode(entry.opcode, &entry.body) {
        Ok(query) => {
            let name = query.row().name;
            let mut ctx = QueryContext::new(
                deps.clone(),
                entry.caller.clone(),
                entry.scope,
                entry.address,
            );
            let work = Box::pin(query.dispatch(&mut ctx));
            let outcome = run_handler(deps, time_left, work).await;
            ctx.release().await;
            match outcome {
                Ok(Outcome::Reply(body)) => (name, Ok(Some(body))),
                Ok(Outcome::Forward(to)) => (name, forward(deps, entry, to).await.map(|()| None)),
                Err(error) => (name, Err(error)),
            }
        }
        Err(refusal) => ("unknown", Err(refusal.into())),
    };
    let answer = match result {
        Ok(body) => body.map(|body| frame::reply(0, &body)),
        Err(error) => {
            log_failure(name, &error);
            let refusal = error.refusal();
            let reason = refusal.reason.name();
            deps.metrics
                .query_refusals_total
                .with_label_values(&[reason])
                .inc();
            Some(frame::refusal(0, &refusal))
        }
    };
    (name, answer)
}

/// Runs a handler within its time; a panic is caught, so that it takes neither
/// the task nor the other queries with it.
async fn run_handler<T>(
    deps: &Deps,
    time_left: Duration,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    match timeout(time_left, AssertUnwindSafe(work).catch_unwind()).await {
        Ok(Ok(result)) => result,
        Ok(Err(_panic)) => {
            deps.metrics.query_panics_total.inc();
            Err(Error::Internal("the handler panicked".to_owned()))
        }
        Err(_elapsed) => Err(Reason::Unavailable.into()),
    }
}

/// Hands what a forwarded request became to its lane, in the name of the one who asked.
async fn forward(deps: &Deps, entry: Entry, to: Forward) -> Result<(), Error> {
    let entry = Entry {
        opcode: to.opcode,
        scope: to.scope,
        body: to.body,
        ..entry
    };
    let written = entry
        .write(Way::Lane(to.partition), &deps.keys)
        .map_err(|error| Error::Internal(error.to_string()))?;
    deps.bus.append(to.partition, written).await?;
    Ok(())
}

/// A mistake of ours is an error, an outage a warning, a refusal neither.
fn log_failure(name: &str, error: &Error) {
    match error.refusal().reason {
        Reason::Internal => tracing::error!(command.name = name, %error, "query failed"),
        Reason::Unavailable | Reason::Unknown => {
            tracing::warn!(command.name = name, %error, "query failed");
        }
        reason => tracing::debug!(
            command.name = name,
            refusal = reason.name(),
            "query refused"
        ),
    }
}

/// Who waits for an answer.
struct Address {
    node: String,
    ticket: u64,
}

/// Publishes an answer in chunks. What cannot be published is lost: the gateway
/// gives up at its deadline and the client asks again.
async fn publish_answer(deps: &Deps, to: &Address, answer: &[u8]) {
    if to.node.is_empty() {
        return;
    }
    let topic = Topic::Chunks(to.node.clone());
    let chunks = split_chunks(to, answer);
    for batch in chunks.chunks(PUBLISH_CHUNKS) {
        let sealed: Result<_, NoRandomness> = batch
            .iter()
            .map(|chunk| Ok((topic.clone(), sealed::seal(chunk, &topic, &deps.keys)?)))
            .collect();
        let published = match sealed {
            Ok(messages) => deps.bus.publish(messages).await.map_err(Error::from),
            Err(error) => Err(Error::Internal(error.to_string())),
        };
        if let Err(error) = published {
            deps.metrics.query_unsent_total.inc();
            tracing::warn!(%error, "an answer could not be published");
            return;
        }
    }
}

/// Cuts an answer into chunks, at least one.
fn split_chunks(to: &Address, answer: &[u8]) -> Vec<Chunk> {
    let count = answer.len().div_ceil(CHUNK_BYTES).max(1);
    // No answer has 2^32 chunks; were it so, the zip would end.
    (0_u32..)
        .zip(0..count)
        .map(|(index, place)| {
            let rest = answer.get(place * CHUNK_BYTES..).unwrap_or_default();
            Chunk {
                ticket: to.ticket,
                index,
                last: place + 1 == count,
                bytes: rest.get(..CHUNK_BYTES).unwrap_or(rest).to_vec(),
            }
        })
        .collect()
}

/// The size of a page: what the client names, from 1 to 200, or the default.
fn page_limit(limit: Option<u32>, default: u32) -> Result<u32, Refusal> {
    match limit {
        None => Ok(default),
        Some(limit @ 1..=MAX_PAGE) => Ok(limit),
        Some(_) => Err(Refusal::field(Reason::Invalid, "limit")),
    }
}

#[cfg(test)]
mod tests;
