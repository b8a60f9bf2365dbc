//! One trace runs from the gateway through the lane to COMMIT and the fan-out.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use loadtest::{
    cluster::Settings,
    harness::{holds, scenario_on},
};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest, common::v1::any_value::Value,
};
use prost::Message as _;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::{Instant, sleep},
};

/// Spans are exported in batches, a few seconds apart.
const PATIENCE: Duration = Duration::from_secs(20);

/// The spans of each trace, as `program/name`.
type Traces = Arc<Mutex<BTreeMap<Vec<u8>, BTreeSet<String>>>>;

#[tokio::test]
async fn a_message_is_one_trace_through_both_programs() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let endpoint = format!("http://{}", listener.local_addr()?);
    let traces = Traces::default();
    let mut collector = JoinSet::new();
    collector.spawn(collect(listener, traces.clone()));
    let settings = Settings {
        environment: vec![
            ("CONFAB_OTLP_ENDPOINT", endpoint),
            ("CONFAB_TRACE_RATIO", "1".to_owned()),
        ],
        ..Settings::default()
    };
    scenario_on(settings, async |harness| {
        let [alice, bob] = harness.members().await?;
        alice.send("#general", "traced").await?;
        bob.sees("traced").await?;
        let end = Instant::now() + PATIENCE;
        while !is_whole(&traces) {
            holds(Instant::now() < end, "no trace has all spans")
                .with_context(|| format!("{:?}", lock(&traces)))?;
            sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    })
    .await
}

fn is_whole(traces: &Traces) -> bool {
    let wanted = [
        "gateway/request",
        "worker/command",
        "worker/commit",
        "gateway/fan_out",
    ];
    lock(traces)
        .values()
        .any(|spans| wanted.iter().all(|span| spans.contains(*span)))
}

fn lock(traces: &Traces) -> std::sync::MutexGuard<'_, BTreeMap<Vec<u8>, BTreeSet<String>>> {
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
            let mut traces = lock(traces);
            traces
                .entry(span.trace_id)
                .or_default()
                .insert(format!("{program}/{}", span.name));
        }
    }
    Ok(())
}
