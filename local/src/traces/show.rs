//! Prints traces for people: a line for each trace, and below it a line for each span, indented under its parent.
//! They go to stderr, because stdout is for the programs' lines.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anstyle::Style;
use tokio::sync::mpsc::UnboundedReceiver;

use super::span::{Event, Span};
use crate::lines::Lines;
use crate::readable::{RED, paint, plain};
use picus_settings::visible;

/// Prints spans until no more can come.
pub async fn show(mut spans: UnboundedReceiver<Vec<Span>>, stderr: Lines) {
    while let Some(spans) = spans.recv().await {
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
            // A sender may use any id.
            let (start, end) = root.trace_id.split_at_checked(8).unwrap_or_default();
            let who = root.resource.get("service.name").map(plain).unwrap_or_default();
            // Writing to a string never fails, here and below.
            let _ = writeln!(text, "trace 1-{start}-{end} {}", visible(&who));
            write_tree(&mut text, spans, root, 0);
        }
    }
    text
}

fn write_tree(text: &mut String, spans: &[Span], span: &Span, depth: usize) {
    let indent = "  ".repeat(depth);
    let milliseconds = span.duration.as_secs_f64() * 1e3;
    let status = span.attributes.get("http.response.status_code").map(plain);
    let error = span.attributes.get("error.type").map(plain);
    let outcome: Vec<_> = status.into_iter().chain(error).collect();
    let outcome = if outcome.is_empty() { "ok".to_owned() } else { outcome.join(" ") };
    let style = if span.failed { RED } else { Style::new() };
    let outcome = paint(style, &outcome);
    let _ = writeln!(text, "{milliseconds:>9.1} ms  {indent}{}  {outcome}", visible(&span.name));
    for event in &span.events {
        let _ = writeln!(text, "{:14}{indent}  {}", "", visible(&said(event)));
    }
    for child in spans.iter().filter(|other| other.parent_span_id == span.span_id) {
        write_tree(text, spans, child, depth + 1);
    }
}

/// An event in words: an error's text without Rust's names for its parts.
fn said(event: &Event) -> String {
    let attribute = |name: &str| event.attributes.get(name).map(plain);
    let error = attribute("exception.message").or_else(|| attribute("aws.http.error_message"));
    let error = error.unwrap_or_default();
    let kind = attribute("exception.type").or_else(|| {
        let attempt = attribute("attempt").map(|number| format!("attempt {number}"))?;
        let status = attribute("http.response.status_code").filter(|status| status != "0");
        Some(status.map_or_else(|| attempt.clone(), |status| format!("{attempt}, {status}")))
    });
    let parts = [Some(event.name.clone()), kind, Some(without_debug(&error).to_owned())];
    parts.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": ")
}

/// The text before a `Debug` output begins: a capitalised name with fields in braces, or fields in brackets after the
/// text.
fn without_debug(text: &str) -> &str {
    let is_debug = |text: &str| {
        let name = text.trim_start_matches('(');
        let end = name.find(|character: char| !character.is_alphanumeric()).unwrap_or(name.len());
        let is_named = name.starts_with(|first: char| first.is_ascii_uppercase());
        is_named && (name[end..].starts_with(" { ") || name[end..].starts_with('('))
    };
    let starts = text.match_indices(" (").map(|(at, _)| at + 1);
    let start = std::iter::once(0).chain(starts).find(|at| is_debug(&text[*at..]));
    start.map_or(text, |at| &text[..at]).trim_end()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use anstream::adapter::strip_str;
    use serde_json::json;

    use super::*;

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
            trace_state: String::new(),
            start,
            duration: Duration::from_micros(1500),
            failed: false,
            attributes: [("http.response.status_code".to_owned(), json!(200))].into(),
            events: vec![],
        }
    }

    #[test]
    fn child_spans_are_shown_below_their_parent_in_order_of_time() {
        let mut failed = span("GetItem", "c", "a", 3);
        failed.attributes = [("error.type".to_owned(), json!("timeout"))].into();
        let event = Event {
            name: "exception".into(),
            attributes: [("attempt".to_owned(), json!("1"))].into(),
        };
        failed.events = vec![event];
        let spans = vec![failed, span("PutItem", "b", "a", 2), span("GET /a", "a", "", 1)];
        let text = lines(spans);
        let text = strip_str(&text).to_string();
        assert_eq!(
            text.lines().collect::<Vec<_>>(),
            [
                "trace 1-67891233-abcdef012345678912345678 picus-service",
                "      1.5 ms  GET /a  200",
                "      1.5 ms    PutItem  200",
                "      1.5 ms    GetItem  timeout",
                "                  exception: attempt 1",
            ]
        );
    }

    #[test]
    fn an_error_is_shown_without_debug_text() {
        let sent = "connection closed before message completed";
        let debug = "DispatchFailure { source: ConnectorError { kind: Other(None) } }";
        for (given, shown) in [
            (
                format!("dispatch failure: {sent} (DispatchFailure({debug}))"),
                format!("dispatch failure: {sent}"),
            ),
            (debug.to_owned(), String::new()),
            ("no item (of 3) is there".to_owned(), "no item (of 3) is there".to_owned()),
            ("plain".to_owned(), "plain".to_owned()),
        ] {
            assert_eq!(without_debug(&given), shown);
        }
    }

    #[test]
    fn text_in_a_span_can_not_forge_a_line_and_no_id_causes_a_panic() {
        let mut forged = span("GET \n\u{1b}]0;x\u{7}", "a", "", 1);
        forged.trace_id = "ö".to_owned();
        forged.attributes = [("error.type".to_owned(), json!("a\nb"))].into();
        let event = [("exception.message".to_owned(), json!("c\n\u{202e}d"))].into();
        forged.events = vec![Event { name: "exception".into(), attributes: event }];
        let text = lines(vec![forged]);
        assert_eq!(text.lines().count(), 3, "{text:?}");
        let text = strip_str(&text).to_string();
        assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text:?}");
    }

    #[test]
    fn a_span_without_its_parent_is_shown_too() {
        assert_eq!(lines(vec![span("PutItem", "b", "elsewhere", 1)]).lines().count(), 2);
    }
}
