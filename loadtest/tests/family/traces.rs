//! One trace runs from the gateway through the lane to COMMIT, the fan-out and pushes, and what is logged
//! on the way says which one. What people write and what they are called is never logged.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use loadtest::{
    cluster::{Node, Settings},
    harness::{Harness, eventually, holds, scenario_on},
    requests::{PASSWORD, log_in, set_keywords},
};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest, common::v1::any_value::Value,
};
use prost::Message as _;
use serde::Deserialize;
use shared::{error::Reason, protocol::limit::ResetRateLimits};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use crate::push::pushed_with;

/// Spans are exported in batches, a few seconds apart.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a message leaves in both programs.
const WHOLE: [&str; 4] = [
    "gateway/request",
    "worker/command",
    "worker/commit",
    "gateway/fan_out",
];

/// The spans of each trace, as `program/name`, by its id in hexadecimal.
type Traces = Arc<Mutex<BTreeMap<String, BTreeSet<String>>>>;

#[tokio::test]
async fn a_message_is_one_trace_through_both_programs() -> Result<()> {
    traced(&[], async |harness, traces| {
        let [alice, bob] = harness.members().await?;
        alice.send("#general", "traced").await?;
        bob.sees("traced").await?;
        shows(traces, &WHOLE).await
    })
    .await
}

#[tokio::test]
async fn a_push_belongs_to_the_trace_of_its_message() -> Result<()> {
    let (environment, traces, _collector) = start_collector().await?;
    pushed_with(environment, async |stage| {
        let [alice, bob] = stage.harness.members().await?;
        let (browser, _) = stage.subscribes(&bob).await?;
        bob.client.call(0, &set_keywords(&["lunch"])).await?;
        alice.send("#general", "lunch?").await?;
        stage.service.wait_for(&browser, 1).await?;
        shows(&traces, &[WHOLE.as_slice(), &["worker/push"]].concat()).await
    })
    .await
}

#[tokio::test]
async fn a_line_in_json_names_its_trace() -> Result<()> {
    // Spans that are in the log, too, are traced as well.
    let settings = [("CONFAB_LOG_FORMAT", "json"), ("CONFAB_LOG", "debug")];
    traced(&settings, async |harness, traces| {
        let admin = harness.admin().await?;
        let user_id = admin.user.user_id;
        admin.client.call(0, &ResetRateLimits { user_id }).await?;
        let line = logged(harness, "limits were reset").await?;
        let line: Line = serde_json::from_str(&line)?;
        eventually(PATIENCE, async || {
            let traces = lock(traces);
            let spans = traces.get(&line.trace_id);
            let known = spans.is_some_and(|spans| spans.contains("gateway/request"));
            Ok(holds(known, &format!("{line:?} is in none of {traces:?}")))
        })
        .await
    })
    .await
}

#[tokio::test]
async fn nothing_is_logged_that_people_wrote() -> Result<()> {
    let settings = [("CONFAB_LOG_FORMAT", "json"), ("CONFAB_LOG", "trace")];
    traced(&settings, async |harness, _traces| {
        let alice = harness.registered("cassandra", 0).await?;
        alice.creates_server("Delphi").await?;
        alice.send("#general", "Troy will burn").await?;
        alice.sees("Troy will burn").await?;
        alice
            .is_refused(
                0,
                &log_in(&alice.user.name, "apollo-7"),
                Reason::WrongCredentials,
            )
            .await?;
        logged(harness, "close").await?;
        for secret in [
            "cassandra",
            "Delphi",
            "Troy",
            "apollo-7",
            PASSWORD,
            &alice.token,
        ] {
            let line = line_with(harness, secret);
            holds(line.is_none(), &format!("{line:?} tells {secret:?}"))?;
        }
        Ok(())
    })
    .await
}

/// A line of the log, as far as it says where it belongs.
#[derive(Debug, Deserialize)]
struct Line {
    trace_id: String,
}

/// A scenario on a cluster that sends all of its spans here.
async fn traced(
    settings: &[(&'static str, &str)],
    play: impl AsyncFnOnce(&Harness, &Traces) -> Result<()>,
) -> Result<()> {
    let (mut environment, traces, _collector) = start_collector().await?;
    environment.extend(
        settings
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned())),
    );
    let settings = Settings {
        environment,
        ..Settings::default()
    };
    scenario_on(settings, async |harness| play(harness, &traces).await).await
}

/// The settings with which a cluster sends all of its spans here, those that came, and what takes them.
async fn start_collector() -> Result<(Vec<(&'static str, String)>, Traces, JoinSet<Result<()>>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let endpoint = format!("http://{}", listener.local_addr()?);
    let traces = Traces::default();
    let mut collector = JoinSet::new();
    collector.spawn(collect(listener, traces.clone()));
    let environment = vec![
        ("CONFAB_OTLP_ENDPOINT", endpoint),
        ("CONFAB_TRACE_RATIO", "1".to_owned()),
    ];
    Ok((environment, traces, collector))
}

/// Waits until one trace has all of these spans.
async fn shows(traces: &Traces, wanted: &[&str]) -> Result<()> {
    eventually(PATIENCE, async || {
        let traces = lock(traces);
        let is_whole = |spans: &BTreeSet<String>| wanted.iter().all(|span| spans.contains(*span));
        let whole = traces.values().any(is_whole);
        Ok(holds(whole, &format!("no trace has all spans: {traces:?}")))
    })
    .await
}

/// The first line that the cluster's programs log with this in it, waited for.
async fn logged(harness: &Harness, text: &str) -> Result<String> {
    eventually(PATIENCE, async || {
        Ok(line_with(harness, text).context("nothing was logged"))
    })
    .await
}

/// The first line of a log of the cluster's programs that has this in it.
fn line_with(harness: &Harness, text: &str) -> Option<String> {
    let cluster = &harness.cluster;
    let programs = cluster.workers.iter().chain(&cluster.gateways);
    let logs: String = programs.map(Node::log_text).collect();
    let line = logs.lines().find(|line| line.contains(text));
    line.map(str::to_owned)
}

fn lock(traces: &Traces) -> std::sync::MutexGuard<'_, BTreeMap<String, BTreeSet<String>>> {
    traces.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes what four programs export.
async fn collect(listener: TcpListener, traces: Traces) -> Result<()> {
    let mut connections = JoinSet::new();
    loop {
        let (socket, _) = listener.accept().await?;
        connections.spawn(serve(socket, traces.clone()));
    }
}

async fn serve(mut socket: TcpStream, traces: Traces) -> Result<()> {
    let mut bytes = Vec::new();
    loop {
        while let Some((body, end)) = request(&bytes) {
            keep(&traces, body)?;
            bytes.drain(..end);
            socket
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                .await?;
        }
        if socket.read_buf(&mut bytes).await? == 0 {
            return Ok(());
        }
    }
}

/// The body of the first request and where it ends, once it is complete.
fn request(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let head = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(bytes.get(..head)?).to_ascii_lowercase();
    let length = text
        .split("content-length: ")
        .nth(1)?
        .split("\r\n")
        .next()?;
    let end = head + length.parse::<usize>().ok()?;
    Some((bytes.get(head..end)?, end))
}

fn keep(traces: &Traces, body: &[u8]) -> Result<()> {
    for exported in ExportTraceServiceRequest::decode(body)?.resource_spans {
        let attributes = exported
            .resource
            .map(|resource| resource.attributes)
            .unwrap_or_default();
        let name = attributes
            .into_iter()
            .find(|attribute| attribute.key == "service.name");
        let Some(Value::StringValue(program)) = name.and_then(|name| name.value?.value) else {
            bail!("a program without a name");
        };
        for span in exported
            .scope_spans
            .into_iter()
            .flat_map(|scope| scope.spans)
        {
            let trace_id = span.trace_id.as_slice().try_into()?;
            let trace_id = format!("{:032x}", u128::from_be_bytes(trace_id));
            let mut traces = lock(traces);
            traces
                .entry(trace_id)
                .or_default()
                .insert(format!("{program}/{}", span.name));
        }
    }
    Ok(())
}
