//! Traces for people: a line a span, those of one trace together, each under the one that it is a
//! part of. They go to stderr, so that stdout is the programs' alone.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::collector::Collector;
use super::span::Span;
use crate::lines::Lines;

/// Shows spans there until none can come any more.
pub async fn show(mut collector: Collector, stderr: Lines) {
    while let Some(spans) = collector.spans.recv().await {
        stderr.push(lines(spans));
    }
}

fn lines(spans: Vec<Span>) -> String {
    let mut traces: BTreeMap<String, Vec<Span>> = BTreeMap::new();
    for span in spans {
        traces.entry(span.trace_id.clone()).or_default().push(span);
    }
    let mut text = String::new();
    for spans in traces.values_mut() {
        spans.sort_by_key(|span| span.start);
        let is_root =
            |span: &&Span| !spans.iter().any(|other| other.span_id == span.parent_span_id);
        for root in spans.iter().filter(is_root) {
            write_tree(&mut text, spans, root, 0);
        }
    }
    text
}

fn write_tree(text: &mut String, spans: &[Span], span: &Span, depth: usize) {
    let trace = format!("1-{}-{}", &span.trace_id[..8], &span.trace_id[8..]);
    let who = span.resource.get("service.name").and_then(|name| name.as_str()).unwrap_or("?");
    let name = format!("{}{}", "  ".repeat(depth), span.name);
    let milliseconds = span.duration.as_secs_f64() * 1e3;
    let outcome = ["error.type", "http.response.status_code"]
        .into_iter()
        .find_map(|name| span.attributes.get(name))
        .map_or_else(|| "ok".to_owned(), |value| value.to_string().replace('"', ""));
    // A string takes all that is written to it.
    let _ =
        writeln!(text, "trace {trace}  {who:<20}  {name:<30}  {milliseconds:>9.1} ms  {outcome}");
    for event in &span.events {
        let told: Vec<_> =
            event.attributes.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let _ = writeln!(
            text,
            "{:<48}{}{}: {}",
            "",
            "  ".repeat(depth + 1),
            event.name,
            told.join(" ")
        );
    }
    for child in spans.iter().filter(|other| other.parent_span_id == span.span_id) {
        write_tree(text, spans, child, depth + 1);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::traces::span::Event;

    fn span(name: &str, id: &str, parent: &str, start: u64) -> Span {
        Span {
            resource: [("service.name".to_owned(), json!("picus-service"))].into(),
            name: name.to_owned(),
            schema_url: String::new(),
            is_server: parent.is_empty(),
            is_client: !parent.is_empty(),
            trace_id: "67891233abcdef012345678912345678".to_owned(),
            span_id: id.to_owned(),
            parent_span_id: parent.to_owned(),
            start,
            duration: Duration::from_micros(1500),
            failed: false,
            attributes: [("http.response.status_code".to_owned(), json!(200))].into(),
            events: vec![],
        }
    }

    #[test]
    fn a_part_stands_under_its_whole_in_the_order_of_time() {
        let mut failed = span("GetItem", "c", "a", 3);
        failed.attributes = [("error.type".to_owned(), json!("timeout"))].into();
        let event =
            Event { name: "exception".into(), attributes: [("n".to_owned(), json!(1))].into() };
        failed.events = vec![event];
        let spans = vec![failed, span("PutItem", "b", "a", 2), span("GET /a", "a", "", 1)];
        let text = lines(spans);
        let ends: Vec<_> = text.lines().map(|line| line.split_at(50).1.trim_end()).collect();
        let [get, put, failed, event] = ends[..] else { panic!("{text}") };
        assert!(get.contains(" GET /a ") && get.ends_with("1.5 ms  200"), "{text}");
        assert!(put.contains("   PutItem ") && put.ends_with("200"), "{text}");
        assert!(failed.contains("   GetItem ") && failed.ends_with("timeout"), "{text}");
        assert_eq!(event.trim(), "exception: n=1", "{text}");
        assert!(
            text.starts_with("trace 1-67891233-abcdef012345678912345678  picus-service "),
            "{text}"
        );
    }

    #[test]
    fn a_part_without_its_whole_is_shown_all_the_same() {
        assert_eq!(lines(vec![span("PutItem", "b", "elsewhere", 1)]).lines().count(), 1);
    }
}
