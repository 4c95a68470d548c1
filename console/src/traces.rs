//! The newest traces, and the waterfall of one.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::UNIX_EPOCH;

use parking_lot::Mutex;
use picus_local::load_balancer::Access;
use picus_local::traces::Span;
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::answer::{Answer, Refusal};
use crate::logs::Logs;
use crate::range::Query;

/// The most traces that are kept, and the most spans of one.
const TRACES: usize = 2000;
const SPANS: usize = 100;

/// The newest traces.
#[derive(Debug, Default)]
pub(crate) struct Traces(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    /// The ids, oldest first.
    order: VecDeque<String>,
    spans: HashMap<String, Vec<Span>>,
    /// What the load balancer's access log says, by trace.
    accesses: HashMap<String, Access>,
    access_order: VecDeque<String>,
    /// Whether anything collects traces here.
    is_on: bool,
}

impl Traces {
    /// Keeps the spans that the collector receives.
    pub(crate) async fn keep(&self, deliveries: &mut UnboundedReceiver<Vec<Span>>) {
        self.0.lock().is_on = true;
        while let Some(spans) = deliveries.recv().await {
            for span in spans {
                self.push(span);
            }
        }
    }

    /// Whether this trace is kept.
    pub(crate) fn has(&self, id: &str) -> bool {
        self.0.lock().spans.contains_key(id)
    }

    /// Keeps the newest entries of the access log.
    pub(crate) async fn keep_accesses(&self, mut log: UnboundedReceiver<Access>) {
        while let Some(access) = log.recv().await {
            let root = access.trace.split(';').find_map(|part| part.strip_prefix("Root="));
            let Some(id) = root.map(plain_id) else { continue };
            let mut kept = self.0.lock();
            kept.access_order.push_back(id.clone());
            kept.accesses.insert(id, access);
            // An entry comes before its spans.
            if kept.access_order.len() > 2 * TRACES
                && let Some(oldest) = kept.access_order.pop_front()
            {
                kept.accesses.remove(&oldest);
            }
        }
    }

    fn push(&self, span: Span) {
        let mut kept = self.0.lock();
        let id = span.trace_id.clone();
        if !kept.spans.contains_key(&id) {
            kept.order.push_back(id.clone());
            if kept.order.len() > TRACES
                && let Some(oldest) = kept.order.pop_front()
            {
                kept.spans.remove(&oldest);
            }
        }
        let spans = kept.spans.entry(id).or_default();
        if spans.len() < SPANS {
            spans.push(span);
        }
    }
}

/// `?route=&status=5xx&least_ms=&id=&code=&from=&until=&limit=`
pub(crate) fn list(traces: &Traces, query: &Query) -> Answer {
    let limit = usize::try_from(query.number("limit")?.unwrap_or(100).clamp(1, TRACES as u64));
    let least = query.number("least_ms")?.unwrap_or(0);
    let (from, until) = (query.number("from")?, query.number("until")?);
    let id = query.text("id").map(plain_id);
    let kept = traces.0.lock();
    let is_wanted = |trace: &Value| {
        let text = |name: &str| trace[name].as_str().unwrap_or_default();
        let start = trace["start"].as_u64().unwrap_or_default();
        trace["duration_ms"].as_f64() >= Some(ms(least))
            && from.is_none_or(|from| start >= from)
            && until.is_none_or(|until| start < until)
            && id.as_ref().is_none_or(|id| text("id").starts_with(id.as_str()))
            && query.text("route").is_none_or(|route| text("route") == route)
            && query.text("code").is_none_or(|code| text("code") == code)
            && query.text("status").is_none_or(|status| is_of(&trace["status"], status))
    };
    let newest = kept.order.iter().rev().filter_map(|id| summary(kept.spans.get(id)?));
    let traces: Vec<_> = newest.filter(is_wanted).take(limit.unwrap_or(100)).collect();
    let note = (!kept.is_on).then_some("the programs send their traces elsewhere (--otlp)");
    Ok(json!({ "traces": traces, "kept": kept.order.len(), "note": note }))
}

/// `503`, or `5xx`.
fn is_of(status: &Value, wanted: &str) -> bool {
    let status = status.as_u64().map(|status| status.to_string()).unwrap_or_default();
    let wanted = wanted.trim_end_matches(['x', 'X']);
    !wanted.is_empty() && status.starts_with(wanted)
}

/// A trace's id, given as X-Ray writes it or as W3C does.
fn plain_id(id: &str) -> String {
    let id = id.trim().trim_start_matches("Root=");
    id.strip_prefix("1-").unwrap_or(id).replace('-', "").to_ascii_lowercase()
}

/// A trace's id as X-Ray writes it.
pub(crate) fn xray_id(id: &str) -> String {
    // A sender may use any id.
    let (start, end) = id.split_at_checked(8).unwrap_or_default();
    format!("1-{start}-{end}")
}

#[expect(clippy::cast_precision_loss, reason = "no trace is 2^52 milliseconds long")]
fn ms(number: u64) -> f64 {
    number as f64
}

/// Milliseconds from `start` to a time in nanoseconds.
#[expect(clippy::cast_precision_loss, reason = "no trace is 2^52 nanoseconds long")]
fn since(start: u64, time: u64) -> f64 {
    time.saturating_sub(start) as f64 / 1e6
}

fn end(span: &Span) -> u64 {
    span.start + u64::try_from(span.duration.as_nanos()).unwrap_or_default()
}

fn service(span: &Span) -> &str {
    span.resource.get("service.name").and_then(Value::as_str).unwrap_or_default()
}

fn summary(spans: &[Span]) -> Option<Value> {
    let root = spans.iter().filter(|span| span.is_server).min_by_key(|span| span.start);
    let root = root.or_else(|| spans.iter().min_by_key(|span| span.start))?;
    let last = spans.iter().map(end).max().unwrap_or_default();
    let attribute = |name: &str| root.attributes.get(name).cloned().unwrap_or_default();
    Some(json!({
        "id": root.trace_id,
        "xray_id": xray_id(&root.trace_id),
        "name": root.name,
        "route": attribute("http.route"),
        "service": service(root),
        "status": attribute("http.response.status_code"),
        "code": attribute("error.code"),
        "start": root.start / 1_000_000,
        "duration_ms": since(root.start, last),
        "spans": spans.len(),
        "failed": spans.iter().any(|span| span.failed),
    }))
}

/// One trace, its spans in the order of a waterfall, with its log lines.
pub(crate) fn one(traces: &Traces, logs: &Logs, id: &str) -> Answer {
    let id = plain_id(id);
    let (spans, access) = {
        let kept = traces.0.lock();
        (kept.spans.get(&id).cloned(), kept.accesses.get(&id).cloned())
    };
    let mut spans = spans.ok_or_else(|| Refusal::Unknown(format!("trace {id} here")))?;
    spans.sort_by_key(|span| span.start);
    let mut shown = summary(&spans).unwrap_or_default();
    let first = spans.first().map(|span| span.start).unwrap_or_default();
    let start = access.as_ref().map_or(first, |access| received(access).min(first));
    let below = usize::from(access.is_some());
    let bars = waterfall(&spans).into_iter().map(|(span, depth)| of(span, depth + below, start));
    shown["spans"] = access.iter().map(|access| of_access(access, start)).chain(bars).collect();
    shown["lines"] = json!(logs.of_trace(&id));
    Ok(shown)
}

/// Each span after its parent, with its depth. One whose parent is elsewhere is at depth 0.
fn waterfall(spans: &[Span]) -> Vec<(&Span, usize)> {
    let mut children: BTreeMap<&str, Vec<&Span>> = BTreeMap::new();
    for span in spans {
        let is_known = spans.iter().any(|other| other.span_id == span.parent_span_id);
        let parent = if is_known { span.parent_span_id.as_str() } else { "" };
        children.entry(parent).or_default().push(span);
    }
    let mut waiting: Vec<_> =
        children.remove("").unwrap_or_default().into_iter().rev().map(|span| (span, 0)).collect();
    let mut shown = Vec::new();
    while let Some((span, depth)) = waiting.pop() {
        shown.push((span, depth));
        let own = children.remove(span.span_id.as_str()).unwrap_or_default();
        waiting.extend(own.into_iter().rev().map(|child| (child, depth + 1)));
    }
    shown
}

fn of(span: &Span, depth: usize, start: u64) -> Value {
    let kind = match (span.is_server, span.is_client) {
        (true, _) => "server",
        (_, true) => "client",
        _ => "internal",
    };
    let event = |event: &picus_local::traces::Event| json!({ "name": event.name, "attributes": event.attributes });
    json!({
        "id": span.span_id,
        "parent": span.parent_span_id,
        "name": span.name,
        "service": service(span),
        "kind": kind,
        "start_ms": since(start, span.start),
        "duration_ms": span.duration.as_secs_f64() * 1e3,
        "depth": depth,
        "failed": span.failed,
        "attributes": span.attributes,
        "events": span.events.iter().map(event).collect::<Vec<_>>(),
    })
}

/// When the load balancer received a request, in nanoseconds since 1970.
fn received(access: &Access) -> u64 {
    let since = access.received.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or_default()
}

/// The load balancer's bar. X-Ray has no such span: it is what the access log says.
fn of_access(access: &Access, start: u64) -> Value {
    let Access { method, path, status, .. } = access;
    let mut attributes = json!({
        "elb_status_code": status,
        "request": format!("{method} {path}"),
        "trace_id": access.trace,
    });
    if let Some(target) = &access.target {
        attributes["target_group"] = json!(target.group);
        if let Some((status, took)) = target.answered {
            attributes["target_status_code"] = json!(status);
            attributes["target_processing_time"] = json!(took.as_secs_f64());
        }
    }
    json!({
        "id": "access-log",
        "parent": "",
        "name": format!("{method} {}", path.split('?').next().unwrap_or_default()),
        "service": "load balancer",
        "kind": "access log",
        "start_ms": since(start, received(access)),
        "duration_ms": access.took.as_secs_f64() * 1e3,
        "depth": 0,
        "failed": *status >= 500 || *status == 460,
        "attributes": attributes,
        "events": [],
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn span(trace: usize, id: &str, parent: &str, start: u64) -> Span {
        Span {
            resource: [("service.name".to_owned(), json!("picus-service"))].into(),
            schema_url: String::new(),
            name: id.to_owned(),
            is_server: parent.is_empty(),
            is_client: !parent.is_empty(),
            trace_id: format!("{trace:032x}"),
            span_id: id.to_owned(),
            parent_span_id: parent.to_owned(),
            trace_state: String::new(),
            start,
            duration: Duration::from_millis(2),
            failed: false,
            attributes: [("http.response.status_code".to_owned(), json!(503))].into(),
            events: Vec::new(),
        }
    }

    #[test]
    fn only_the_newest_traces_and_a_limited_number_of_spans_are_kept() {
        let traces = Traces::default();
        for trace in 0..TRACES + 5 {
            traces.push(span(trace, "a", "", 0));
        }
        for _ in 0..SPANS + 5 {
            traces.push(span(TRACES, "b", "a", 0));
        }
        let kept = traces.0.lock();
        assert_eq!((kept.order.len(), kept.spans.len()), (TRACES, TRACES));
        assert!(!kept.spans.contains_key(&format!("{:032x}", 4)));
        assert_eq!(kept.spans[&format!("{TRACES:032x}")].len(), SPANS);
    }

    #[test]
    fn a_waterfall_has_children_under_their_parents_and_ends_even_in_a_circle() {
        let spans = [
            span(1, "a", "gone", 0),
            span(1, "b", "a", 1),
            span(1, "d", "b", 2),
            span(1, "c", "a", 3),
        ];
        let order: Vec<_> =
            waterfall(&spans).into_iter().map(|(span, depth)| (span.name.clone(), depth)).collect();
        let expected = [("a", 0), ("b", 1), ("d", 2), ("c", 1)];
        assert_eq!(order, expected.map(|(name, depth)| (name.to_owned(), depth)));
        let circle = [span(1, "a", "b", 0), span(1, "b", "a", 1)];
        assert_eq!(waterfall(&circle).len(), 0);
    }

    #[test]
    fn a_trace_id_may_have_two_forms_and_a_status_may_be_a_class() {
        let id = "67891233abcdef012345678912345678";
        for form in [id, "1-67891233-abcdef012345678912345678", &format!("Root={}", xray_id(id))] {
            assert_eq!(plain_id(form), id);
        }
        let status = json!(503);
        assert!(is_of(&status, "503") && is_of(&status, "5xx"));
        assert!(!is_of(&status, "4xx") && !is_of(&status, "xx"));
    }
}
