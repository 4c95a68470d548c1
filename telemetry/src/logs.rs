//! Logs: one JSON object a line, with the ids of its request.

use std::fmt;
use std::io::Write;
use std::str::FromStr;

use serde::Serializer as _;
use serde::ser::SerializeMap;
use serde_json::ser::{CharEscape, Formatter};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::{FilterExt as _, LevelFilter, ParseError, Targets};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

use crate::context::{self, RequestContext};
use crate::log_writer::Lines;
use crate::service::Service;
use crate::traces;
use picus_settings::write_visible;

/// The layer that writes each event as one line.
pub(crate) fn layer<S>(
    service: &Service,
    filter: &LogFilter,
    lines: Lines,
) -> impl Layer<S> + use<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let logs = JsonLines { service: service.clone(), lines };
    // Picus logs nothing below DEBUG, and libraries write bodies and credentials there.
    logs.with_filter(filter.0.clone().and(LevelFilter::DEBUG))
}

/// Which logs are written, in the syntax of `RUST_LOG`: a level, or `target=level,…`.
#[derive(Debug, Clone)]
pub struct LogFilter(Targets);

impl FromStr for LogFilter {
    type Err = String;

    /// A single word must be a level. `Targets` would take a misspelt level for the name of a target, and then write
    /// no logs.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut words = text.split(',').filter(|part| !part.contains('='));
        if let Some(word) =
            words.find(|word| word.is_empty() || word.parse::<LevelFilter>().is_err())
        {
            return Err(format!(
                "`{}` is no level: they are error, warn, info, debug, trace and off",
                word.escape_debug()
            ));
        }
        text.parse().map(Self).map_err(|error: ParseError| error.to_string())
    }
}

/// Writes each event as a line.
struct JsonLines {
    service: Service,
    lines: Lines,
}

impl<S> Layer<S> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if attributes.metadata().name() != context::SPAN {
            return;
        }
        let opened = traces::opening(RequestContext::clone);
        if let Some((context, span)) = opened.zip(context.span(id)) {
            span.extensions_mut().insert(context);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut line = Vec::with_capacity(512);
        if self.write_line(&mut line, event, &context).is_ok() {
            line.push(b'\n');
            self.lines.push(&line);
        }
    }
}

impl JsonLines {
    fn write_line<S>(
        &self,
        line: &mut Vec<u8>,
        event: &Event<'_>,
        context: &Context<'_, S>,
    ) -> Result<(), serde_json::Error>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let mut serializer = serde_json::Serializer::with_formatter(line, UnforgeableFormatter);
        let mut map = serializer.serialize_map(None)?;
        let mut time = String::with_capacity(27);
        // It fails only if the writer fails, and a string never does.
        let _ = SystemTime.format_time(&mut Writer::new(&mut time));
        map.serialize_entry("timestamp", &time)?;
        map.serialize_entry("level", event.metadata().level().as_str())?;
        let mut fields = Fields { map: &mut map, result: Ok(()) };
        event.record(&mut fields);
        fields.result?;
        map.serialize_entry("target", event.metadata().target())?;
        map.serialize_entry("service.name", &self.service.name)?;
        map.serialize_entry("service.version", &self.service.version)?;
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(context) = span.extensions().get::<RequestContext>() {
                let ids = context.ids();
                map.serialize_entry("trace_id", &ids.trace_id)?;
                map.serialize_entry("span_id", &ids.span_id)?;
                map.serialize_entry("xray_trace_id", &ids.xray_trace_id)?;
                map.serialize_entry("request_id", &ids.request_id)?;
            }
        }
        map.end()
    }
}

/// Writes an event's fields into the line.
struct Fields<'a, M: SerializeMap> {
    map: &'a mut M,
    result: Result<(), M::Error>,
}

impl<M: SerializeMap> Fields<'_, M> {
    fn entry(&mut self, field: &Field, value: &(impl serde::Serialize + ?Sized)) {
        // The bridge from the `log` crate adds fields that repeat the target.
        if self.result.is_ok() && !field.name().starts_with("log.") {
            self.result = self.map.serialize_entry(field.name(), value);
        }
    }
}

impl<M: SerializeMap> Visit for Fields<'_, M> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.entry(field, &value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.entry(field, &value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.entry(field, &value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.entry(field, &value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.entry(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.entry(field, &format!("{value:?}"));
    }
}

/// Escapes more than JSON demands, so that no text from outside can look like another line or hide its content.
struct UnforgeableFormatter;

impl Formatter for UnforgeableFormatter {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> std::io::Result<()> {
        write_visible(writer, fragment)
    }

    fn write_char_escape<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        escape: CharEscape,
    ) -> std::io::Result<()> {
        serde_json::ser::CompactFormatter.write_char_escape(writer, escape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_a_level_and_levels_of_targets() {
        for good in ["info", "WARN", "off", "info,actix_server=warn,actix_http=off", "a=debug"] {
            assert!(good.parse::<LogFilter>().is_ok(), "{good}");
        }
    }

    #[test]
    fn a_misspelt_level_is_not_taken_for_a_target() {
        for bad in
            ["inof", "info,actix_http", "inof,a=info", "a=inof", "a=b=c", "info,", "info, a=warn,x"]
        {
            let error = bad.parse::<LogFilter>().unwrap_err();
            assert!(!error.is_empty(), "{bad}");
        }
    }
}
