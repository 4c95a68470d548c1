//! Formats the programs' lines for a terminal: short, aligned and coloured, without lines that nobody waits for. All
//! text from outside is escaped.

use anstyle::{AnsiColor, Color, Style};
use picus_settings::visible;
use serde_json::{Map, Value};

const DIM: Style = Style::new().dimmed();
const GREEN: Style = colour(AnsiColor::Green);
const YELLOW: Style = colour(AnsiColor::Yellow);
pub(crate) const RED: Style = colour(AnsiColor::Red).bold();
/// For a line without a timestamp.
const NO_CLOCK: &str = "        ";
/// Fields that are the same in every line, or only for programs.
const SELDOM_READ: [&str; 5] = ["target", "service.name", "service.version", "trace_id", "span_id"];
/// Ids that lead elsewhere.
const IDS: [&str; 4] =
    ["service.instance.id", "xray_trace_id", "lambda_xray_trace_id", "request_id"];
/// Fields of a request that are not in the beginning of its line.
const OF_REQUESTS: [&str; 5] = [
    "time_to_first_byte_ms",
    "http.request.body.size",
    "http.response.body.size",
    "exception.type",
    "exception.message",
];

const fn colour(colour: AnsiColor) -> Style {
    Style::new().fg_color(Some(Color::Ansi(colour)))
}

/// Formats a line of `who`. Returns `None` for lines that nobody caused or that accompany every request, unless `all`
/// is set: successful health checks, metrics, and Lambda's lines about successes.
pub(crate) fn readable(who: &str, line: &str, all: bool) -> Option<String> {
    let Ok(Value::Object(mut fields)) = serde_json::from_str::<Value>(line) else {
        return Some(format!("{NO_CLOCK} {who:<14} {}", visible(line)));
    };
    if let Some(aws) = fields.remove("_aws") {
        return all.then(|| {
            let clock = aws["Timestamp"].as_u64().map(clock_of).unwrap_or_default();
            format!("{} {who:<14} METRIC{}", paint(DIM, &clock), rest("", &fields))
        });
    }
    if let Some(Value::Object(record)) = fields.remove("record") {
        let kind = take(&mut fields, "type");
        let failed = record.get("status").is_some_and(|status| status != "success");
        // The report says the same, and more.
        let is_told = failed && kind != "platform.runtimeDone";
        let kind = if failed { paint(RED, &kind) } else { visible(&kind).into_owned() };
        let clock = clock(&take(&mut fields, "time"));
        return (all || is_told).then(|| format!("{clock} {who:<14} {kind}{}", rest("", &record)));
    }
    fields.retain(|name, _| !SELDOM_READ.contains(&name.as_str()));
    let clock = clock(&take(&mut fields, "timestamp"));
    let (level, message) = (take(&mut fields, "level"), take(&mut fields, "message"));
    if message == "request" && fields.contains_key("http.request.method") {
        return request(&clock, &mut fields, all);
    }
    if !all {
        fields.retain(|name, _| !IDS.contains(&name.as_str()));
    }
    let level = match &*level {
        "INFO" => String::new(),
        "ERROR" => paint(RED, "ERROR "),
        "WARN" => paint(YELLOW, "WARN "),
        other => format!("{} ", visible(other)),
    };
    Some(format!("{clock} {who:<14} {level}{}{}", visible(&message), rest("", &fields)))
}

/// `12:00:01 POST   /picus/put       201    4.1 ms 5a0a3bb2-…`
fn request(clock: &str, fields: &mut Map<String, Value>, all: bool) -> Option<String> {
    let route = take(fields, "http.route");
    let status = fields.remove("http.response.status_code").and_then(|status| status.as_u64());
    if !all && route == "/health" && status.is_some_and(|status| status < 400) {
        return None;
    }
    let (style, status) = match status {
        Some(status @ ..400) => (GREEN, status.to_string()),
        Some(status @ ..500) => (YELLOW, status.to_string()),
        Some(status) => (RED, status.to_string()),
        None => (RED, "---".to_owned()),
    };
    let took = fields.remove("duration_ms").and_then(|took| took.as_f64()).unwrap_or_default();
    let method = take(fields, "http.request.method");
    let mut line = format!(
        "{clock} {:<6} {:<16} {} {took:>6.1} ms",
        visible(&method),
        visible(&route),
        paint(style, &status),
    );
    let mut add = |text: String| {
        if !text.is_empty() {
            line.push(' ');
            line.push_str(&text);
        }
    };
    for name in ["object_id", "error.code"] {
        add(visible(&take(fields, name)).into_owned());
    }
    let error = take(fields, "exception.message");
    if !error.is_empty() {
        // People who look into a failure need its trace.
        add(visible(&take(fields, "xray_trace_id")).into_owned());
        add(paint(RED, &error));
    }
    if fields.remove("aborted").is_some() {
        add(paint(YELLOW, "ended before the answer did"));
    }
    if !all {
        fields.retain(|name, _| {
            !IDS.contains(&name.as_str()) && !OF_REQUESTS.contains(&name.as_str())
        });
    }
    Some(line + &rest("", fields))
}

/// Fields as `name=value`. Nested fields have both names.
fn rest(prefix: &str, fields: &Map<String, Value>) -> String {
    let one = |(name, value): (&String, &Value)| match value {
        Value::Object(within) => rest(&format!("{prefix}{name}."), within),
        value => visible(&format!(" {prefix}{name}={}", plain(value))).into_owned(),
    };
    fields.iter().map(one).collect()
}

fn take(fields: &mut Map<String, Value>, name: &str) -> String {
    fields.remove(name).as_ref().map(plain).unwrap_or_default()
}

/// A text without quotes, or a number without needless digits.
pub(crate) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) if number.is_f64() => {
            let number = number.as_f64().unwrap_or_default();
            ((number * 1e6).round() / 1e6).to_string()
        }
        other => other.to_string(),
    }
}

pub(crate) fn paint(style: Style, text: &str) -> String {
    format!("{style}{}{style:#}", visible(text))
}

/// Hour, minute and second of a timestamp.
fn clock(timestamp: &str) -> String {
    paint(DIM, timestamp.get(11..19).unwrap_or(NO_CLOCK))
}

fn clock_of(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    format!("{:02}:{:02}:{:02}", seconds / 3600 % 24, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use anstream::adapter::strip_str;
    use serde_json::json;

    use super::*;

    fn shown(line: &Value, all: bool) -> Option<String> {
        readable("service", &line.to_string(), all).map(|line| strip_str(&line).to_string())
    }

    fn answered(method: &str, route: &str, status: u16) -> Value {
        json!({
            "timestamp": "2026-01-02T12:00:01.678901Z", "level": "INFO", "message": "request",
            "http.request.method": method, "http.route": route,
            "http.response.status_code": status, "duration_ms": 4.123, "target": "t",
            "time_to_first_byte_ms": 4.1, "xray_trace_id": "1-2", "request_id": "r",
        })
    }

    #[test]
    fn a_request_is_a_short_line_with_aligned_columns() {
        let mut put = answered("POST", "/picus/put", 201);
        put["object_id"] = json!("5a0a");
        let get = shown(&answered("GET", "/picus/get/{key}", 404), false).unwrap();
        assert_eq!(get, "12:00:01 GET    /picus/get/{key} 404    4.1 ms");
        let put = shown(&put, false).unwrap();
        assert_eq!(put, "12:00:01 POST   /picus/put       201    4.1 ms 5a0a");
    }

    #[test]
    fn a_failed_request_shows_its_cause_and_trace() {
        let mut failed = answered("GET", "/picus/list", 500);
        failed["error.code"] = json!("internal");
        failed["exception.message"] = json!("no table");
        failed["aborted"] = json!(true);
        let line = shown(&failed, false).unwrap();
        let end = "500    4.1 ms internal 1-2 no table ended before the answer did";
        assert!(line.ends_with(end), "{line}");
    }

    #[test]
    fn health_checks_are_shown_on_failure_or_if_all_lines_are_asked_for() {
        let good = answered("GET", "/health", 200);
        assert_eq!(shown(&good, false), None);
        assert!(shown(&good, true).unwrap().contains("request_id=r"));
        assert!(shown(&answered("GET", "/health", 503), false).unwrap().contains("503"));
    }

    #[test]
    fn metrics_are_shown_only_if_all_lines_are_asked_for() {
        let line =
            json!({ "_aws": { "Timestamp": 43_201_999 }, "a": "b", "n_seconds": 0.123_456_789 });
        assert_eq!(shown(&line, false), None);
        let metric = shown(&line, true).unwrap();
        assert_eq!(metric, "12:00:01 service        METRIC a=b n_seconds=0.123457");
    }

    #[test]
    fn lambdas_lines_are_shown_on_failure_or_if_all_lines_are_asked_for() {
        let line = |kind: &str, status: &str| {
            let record = json!({ "metrics": { "durationMs": 1.5 }, "status": status });
            json!({ "time": "2026-01-02T12:00:01.678Z", "type": kind, "record": record })
        };
        assert_eq!(shown(&line("platform.report", "success"), false), None);
        assert_eq!(shown(&line("platform.runtimeDone", "timeout"), false), None);
        let report = "12:00:01 service        platform.report metrics.durationMs=1.5 status=";
        for (status, all) in [("success", true), ("timeout", false)] {
            let found = shown(&line("platform.report", status), all);
            assert_eq!(found, Some(format!("{report}{status}")));
        }
    }

    #[test]
    fn other_lines_are_shown_with_their_program() {
        let line = json!({
            "timestamp": "2026-01-02T12:00:01.678901Z", "level": "WARN", "message": "late",
            "n": 1, "service.name": "picus-service", "service.instance.id": "i",
        });
        assert_eq!(shown(&line, false).unwrap(), "12:00:01 service        WARN late n=1");
        let text = readable("service", "plain text", false).unwrap();
        assert_eq!(text, "         service        plain text");
    }

    #[test]
    fn a_status_is_coloured_by_its_class() {
        for (status, style) in [(201, GREEN), (304, GREEN), (404, YELLOW), (503, RED)] {
            let line = answered("GET", "/picus/list", status).to_string();
            let line = readable("service", &line, false).unwrap();
            assert!(line.contains(&format!("{style}{status}{style:#}")), "{line:?}");
        }
    }
}
