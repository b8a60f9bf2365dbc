//! A line of the log in JSON that says to which trace it belongs.

use std::fmt;

use opentelemetry::{Context, trace::TraceContextExt};
use tracing::{Event, Subscriber};
use tracing_subscriber::{
    fmt::{
        FmtContext, FormatEvent, FormatFields,
        format::{Format, Json, Writer},
    },
    registry::LookupSpan,
};

/// Writes an event as [`Format<Json>`] does, and `trace_id` and `span_id` at its end while a span
/// is entered that is exported: the names by which log stores find a line's trace.
#[derive(Debug)]
pub(super) struct JsonLine(pub(super) Format<Json>);

impl<S, N> FormatEvent<S, N> for JsonLine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        // Entering a span makes it the current one here, too.
        let entered = Context::current();
        let span = entered.span();
        let trace = span.span_context();
        if !trace.is_sampled() {
            return self.0.format_event(context, writer, event);
        }
        let mut line = String::new();
        self.0
            .format_event(context, Writer::new(&mut line), event)?;
        let object = line.trim_end().strip_suffix('}').ok_or(fmt::Error)?;
        let (trace_id, span_id) = (trace.trace_id(), trace.span_id());
        writeln!(
            writer,
            r#"{object},"trace_id":"{trace_id}","span_id":"{span_id}"}}"#
        )
    }
}
