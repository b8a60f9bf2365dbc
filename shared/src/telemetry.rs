//! Logs and traces: what every program starts first.
//!
//! One request is one trace across gateway, lane and pushes. Where it enters
//! decides whether it is traced; everyone after follows ([`adopt_parent`]).

mod json_line;

use std::{
    io,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use opentelemetry::{
    Context, KeyValue,
    trace::{
        SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState, TracerProvider,
    },
};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::{
    Resource,
    trace::{Sampler, SdkTracerProvider},
};
use tracing::{Level, Metadata, Span, Subscriber, level_filters::LevelFilter};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::{
    EnvFilter, Layer,
    filter::{FilterExt as _, filter_fn},
    fmt::{
        MakeWriter,
        format::{FmtSpan, Format},
    },
    layer::SubscriberExt,
    registry::LookupSpan,
    util::SubscriberInitExt,
};

use self::json_line::JsonLine;
use crate::{
    config::{LogFormat, TelemetryConfig},
    tls,
};

/// How long stopping waits for spans that are not exported yet.
const FLUSH: Duration = Duration::from_secs(3);
/// How long the collector may take for one batch.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);

/// Whether spans are exported. Read on every command, so no lock.
static TRACED: AtomicBool = AtomicBool::new(false);

/// Why logs or traces could not be started.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter has no meaning.
    #[error("log filter: {0}")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// The exporter could not be built.
    #[error("trace exporter: {0}")]
    Exporter(String),
    /// It runs already in this process.
    #[error("logs are started already")]
    Started,
}

/// Keeps logs and traces running; exports what is left when dropped.
#[derive(Debug)]
#[must_use = "dropping it stops traces"]
pub struct Telemetry(Option<SdkTracerProvider>);

impl Telemetry {
    /// Exports what is left, for at most a few seconds.
    pub fn shutdown(mut self) {
        self.stop();
    }

    fn stop(&mut self) {
        let Some(provider) = self.0.take() else {
            return;
        };
        TRACED.store(false, Ordering::Relaxed);
        // On a thread of its own: the exporter's HTTP client must not be dropped
        // by a thread of the async runtime.
        let stopped = thread::spawn(move || provider.shutdown_with_timeout(FLUSH)).join();
        if !matches!(stopped, Ok(Ok(()))) {
            tracing::warn!("some spans were not exported");
        }
    }
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Starts logs, and traces when a collector is configured. Once per process; needs
/// no async runtime.
pub fn start(
    program: &'static str,
    node: &str,
    config: &TelemetryConfig,
) -> Result<Telemetry, TelemetryError> {
    let provider = config
        .otlp_endpoint
        .as_deref()
        .map(|endpoint| provider(program, node, endpoint, config.trace_ratio))
        .transpose()?;
    let traces = provider.as_ref().map(|provider| {
        tracing_opentelemetry::layer()
            .with_tracer(provider.tracer(program))
            // What the lines of code and threads are called helps nobody here.
            .with_location(false)
            .with_threads(false)
            .with_filter(filter_fn(is_our_span).with_max_level_hint(LevelFilter::DEBUG))
    });
    tracing_subscriber::registry()
        .with(logs(config, io::stderr)?)
        .with(traces)
        .try_init()
        .map_err(|_already| TelemetryError::Started)?;
    TRACED.store(provider.is_some(), Ordering::Relaxed);
    Ok(Telemetry(provider))
}

/// Spans are traced whatever the log filter says. Those of libraries are not.
fn is_our_span(metadata: &Metadata<'_>) -> bool {
    let library = metadata.target().split("::").next().unwrap_or_default();
    metadata.is_span() && matches!(library, "shared" | "gateway" | "worker" | "loadtest")
}

/// Below `info`, `tokio_postgres` logs what it stores: who asks for details of everything, or of just
/// that, must not get what people write.
fn tells_what_is_stored(metadata: &Metadata<'_>) -> bool {
    metadata.target().starts_with("tokio_postgres") && *metadata.level() > Level::INFO
}

fn logs<S, W>(
    config: &TelemetryConfig,
    writer: W,
) -> Result<Box<dyn Layer<S> + Send + Sync>, TelemetryError>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    // fred warns of each lost connection; the bus says so itself, once.
    let filter = format!("fred=error,{}", config.log_filter);
    let filter = EnvFilter::builder().parse(filter)?;
    let filter = filter.and(filter_fn(|line| !tells_what_is_stored(line)));
    // The filter may ask for spans: then each is a line with its time when it ends.
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(writer)
        .with_span_events(FmtSpan::CLOSE);
    Ok(match config.log_format {
        LogFormat::Text => layer.with_ansi(false).with_filter(filter).boxed(),
        LogFormat::Json => layer
            .json()
            .event_format(JsonLine(Format::default().json().flatten_event(true)))
            .with_filter(filter)
            .boxed(),
    })
}

fn provider(
    program: &'static str,
    node: &str,
    endpoint: &str,
    ratio: f64,
) -> Result<SdkTracerProvider, TelemetryError> {
    // The path is the collector's, so an endpoint is enough, as in the environment
    // variables of OpenTelemetry.
    let endpoint = format!("{}/v1/traces", endpoint.trim_end_matches('/'));
    let resource = Resource::builder()
        .with_service_name(program)
        .with_attribute(KeyValue::new("service.namespace", "confab"))
        .with_attribute(KeyValue::new("service.instance.id", node.to_owned()))
        .build();
    tls::install_provider();
    // A blocking HTTP client may not be built on a thread of the async runtime.
    let built = thread::spawn(move || {
        SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(endpoint)
            .with_timeout(EXPORT_TIMEOUT)
            .build()
    });
    let exporter = built
        .join()
        .map_err(|_panic| TelemetryError::Exporter("its thread ended".to_owned()))?
        .map_err(|error| TelemetryError::Exporter(error.to_string()))?;
    Ok(SdkTracerProvider::builder()
        .with_resource(resource)
        .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(
            ratio,
        ))))
        .with_batch_exporter(exporter)
        .build())
}

/// The W3C trace parent of the current span; `None` when it is not traced.
pub fn trace_parent() -> Option<String> {
    if !TRACED.load(Ordering::Relaxed) {
        return None;
    }
    let context = Span::current().context();
    let span = context.span();
    let context = span.span_context();
    (context.is_valid() && context.is_sampled()).then(|| written(context))
}

/// Makes `span`, not entered yet, a child of the trace parent that came with a
/// request. Without one the request is not traced where it entered, so it is not here.
pub fn adopt_parent(span: &Span, parent: Option<&str>) {
    if !TRACED.load(Ordering::Relaxed) {
        return;
    }
    let parent = parent.and_then(read).unwrap_or_else(untraced);
    let parent = Context::new().with_remote_span_context(parent);
    if let Err(error) = span.set_parent(parent) {
        tracing::trace!(%error, "span keeps its parent");
    }
}

/// Links `span` to the traces of other requests that it is a part of, too: a span has one
/// parent.
pub fn link_traces<'a>(span: &Span, parents: impl Iterator<Item = &'a str>) {
    if !TRACED.load(Ordering::Relaxed) {
        return;
    }
    for parent in parents.filter_map(read) {
        span.add_link(parent);
    }
}

fn written(context: &SpanContext) -> String {
    format!("00-{}-{}-01", context.trace_id(), context.span_id())
}

/// Whether it is a trace parent as [`trace_parent`] writes them: nobody else may write what is stored.
#[must_use]
pub fn is_trace_parent(text: &str) -> bool {
    read(text).is_some_and(|context| written(&context) == text)
}

/// Reads a trace parent of version 00, or of a later one as far as it is the same.
fn read(text: &str) -> Option<SpanContext> {
    let mut parts = text.split('-');
    let (version, trace, span, flags) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let lower_hex = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
    let fits = |part: &str, length| part.len() == length && part.bytes().all(lower_hex);
    let known = fits(version, 2) && version != "ff" && (version != "00" || parts.next().is_none());
    if !known || !fits(trace, 32) || !fits(span, 16) || !fits(flags, 2) {
        return None;
    }
    let context = SpanContext::new(
        TraceId::from_hex(trace).ok()?,
        SpanId::from_hex(span).ok()?,
        TraceFlags::new(u8::from_str_radix(flags, 16).ok()?) & TraceFlags::SAMPLED,
        true,
        TraceState::NONE,
    );
    context.is_valid().then_some(context)
}

/// A parent that was not sampled; nothing below it is exported, so its ids say nothing.
fn untraced() -> SpanContext {
    SpanContext::new(
        TraceId::from(1_u128),
        SpanId::from(1_u64),
        TraceFlags::NOT_SAMPLED,
        true,
        TraceState::NONE,
    )
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use proptest::prelude::*;

    use super::*;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[derive(serde::Deserialize)]
    struct Line {
        level: String,
        message: String,
        #[serde(rename = "channel.id")]
        channel: u64,
    }

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What two lines and a span look like under a filter.
    fn logged(filter: &str, log_format: LogFormat) -> String {
        let config = TelemetryConfig {
            log_filter: filter.to_owned(),
            log_format,
            ..TelemetryConfig::default()
        };
        let lines = Lines::default();
        let writer = lines.clone();
        let layer = logs(&config, move || writer.clone()).unwrap();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            tracing::info!(channel.id = 7, "opened");
            tracing::debug_span!("step").in_scope(|| tracing::debug!("details"));
            // As the driver does, of each statement.
            tracing::debug!(target: concat!("tokio_postgres", "::query"), "executing: a secret");
        });
        let bytes = lines.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn lines_are_text_or_json_and_filtered() {
        let text = logged("info", LogFormat::Text);
        assert!(text.contains("opened channel.id=7"), "{text}");
        assert_eq!(text.lines().count(), 1);
        let detailed = logged("shared=debug", LogFormat::Text);
        assert_eq!(detailed.lines().count(), 3, "{detailed}");
        assert!(
            detailed.contains("step: shared::telemetry::tests: close time.busy="),
            "{detailed}"
        );
        assert_eq!(logged("off", LogFormat::Text), "");

        let json = logged("info", LogFormat::Json);
        let line: Line = serde_json::from_str(&json).unwrap();
        assert_eq!((line.level.as_str(), line.channel), ("INFO", 7));
        assert_eq!(line.message, "opened");
    }

    #[test]
    fn no_filter_shows_what_is_stored() {
        let wishes = ["tokio_postgres", "::query=trace"].concat();
        for filter in ["trace", "off", &wishes, &format!("trace,{wishes}")] {
            let text = logged(filter, LogFormat::Text);
            assert!(!text.contains("a secret"), "{filter}: {text}");
        }
    }

    #[test]
    fn a_filter_without_meaning_is_refused() {
        let config = TelemetryConfig {
            log_filter: "shared=loud".to_owned(),
            ..TelemetryConfig::default()
        };
        let started = start("shared", "node", &config);
        assert!(matches!(started, Err(TelemetryError::Filter(_))));
    }

    #[test]
    fn trace_parents_read_back() {
        let context = read(PARENT).unwrap();
        assert!(context.is_remote() && context.is_sampled());
        assert_eq!(written(&context), PARENT);
        let later = "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00-more";
        assert!(!read(later).unwrap().is_sampled());
        for bad in [
            "",
            "00",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn trace_parents_of_strangers_do_no_harm(text in ".{0,60}|[0-9a-f-]{40,60}") {
            if let Some(context) = read(&text) {
                prop_assert!(context.is_valid());
            }
        }
    }
}
