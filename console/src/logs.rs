//! The programs' newest log lines, and queries of them.

use std::collections::VecDeque;
use std::ops::Range;

use parking_lot::Mutex;
use picus_cloudwatch::insights::{self, Row};
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::answer::Answer;
use crate::clock::now_ms;
use crate::range::Query;
use crate::store::Store;

/// The most lines, and the most bytes, that are kept.
const LINES: usize = 20_000;
const BYTES: usize = 32 * 1024 * 1024;

#[derive(Debug, Clone)]
struct Line {
    seq: u64,
    at: u64,
    stream: &'static str,
    text: String,
}

/// The newest lines.
#[derive(Debug, Default)]
pub(crate) struct Logs(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    lines: VecDeque<Line>,
    bytes: usize,
    seq: u64,
}

impl Logs {
    /// Keeps lines as they come, until their sender is gone.
    pub(crate) async fn keep(&self, mut lines: UnboundedReceiver<(&'static str, String)>) {
        while let Some((stream, text)) = lines.recv().await {
            self.push(stream, text);
        }
    }

    fn push(&self, stream: &'static str, text: String) {
        let mut kept = self.0.lock();
        kept.seq += 1;
        kept.bytes += text.len();
        let line = Line { seq: kept.seq, at: now_ms(), stream, text };
        kept.lines.push_back(line);
        while kept.lines.len() > LINES || kept.bytes > BYTES {
            let Some(oldest) = kept.lines.pop_front() else { break };
            kept.bytes -= oldest.text.len();
        }
    }

    /// The lines that are as wanted, newest first, at most so many.
    fn newest(&self, limit: usize, is_wanted: impl Fn(&Line) -> bool) -> Vec<Line> {
        let kept = self.0.lock();
        kept.lines.iter().rev().filter(|line| is_wanted(line)).take(limit).cloned().collect()
    }

    fn last(&self) -> u64 {
        self.0.lock().seq
    }

    /// The lines of a trace, oldest first.
    pub(crate) fn of_trace(&self, id: &str) -> Vec<Value> {
        let mut lines = self.newest(200, |line| line.text.contains(id));
        lines.reverse();
        lines.iter().map(shown).collect()
    }

    /// Runs a query of Logs Insights over the lines of this time.
    pub(crate) fn run(&self, text: &str, time: &Range<u64>) -> Result<Found, String> {
        let (groups, text) = without_sources(text);
        let query = insights::read(&text).map_err(|error| error.to_string())?;
        let is_of =
            |stream: &str| groups.is_empty() || groups.iter().any(|group| group.contains(stream));
        let lines = self.newest(LINES, |line| time.contains(&line.at) && is_of(line.stream));
        let rows: Vec<_> = lines.iter().map(row).collect();
        let found = query.run(&rows).map_err(|error| error.to_string())?;
        let mut columns = query.shown().to_vec();
        for name in found.iter().flat_map(Row::keys) {
            if !columns.contains(name) {
                columns.push(name.clone());
            }
        }
        Ok(Found { columns, rows: found, scanned: rows.len() })
    }
}

/// The result of a query.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<Row>,
    pub(crate) scanned: usize,
}

/// The log groups that a dashboard's query names, and the rest of the query.
fn without_sources(text: &str) -> (Vec<String>, String) {
    let (mut groups, mut rest) = (Vec::new(), text.trim());
    while let Some((group, after)) =
        rest.strip_prefix("SOURCE '").and_then(|source| source.split_once('\''))
    {
        groups.push(group.replace("function", "handler"));
        rest = after.trim_start().trim_start_matches('|').trim_start();
    }
    (groups, rest.to_owned())
}

fn row(line: &Line) -> Row {
    let mut row = insights::line(line.stream, &line.text);
    row.insert("@timestamp".to_owned(), json!(line.at));
    row
}

fn shown(line: &Line) -> Value {
    let mut fields = row(line);
    fields.retain(|name, _| !name.starts_with('@'));
    let text = |value: Option<Value>| match value {
        Some(Value::String(text)) => text,
        Some(value) => value.to_string(),
        None => String::new(),
    };
    let (level, kind) = (text(fields.remove("level")), fields.get("type").cloned());
    let is_metric = fields.keys().any(|name| name.starts_with("_aws"));
    let message = match fields.remove("message") {
        Some(message) => text(Some(message)),
        None if is_metric => "metrics".to_owned(),
        None if kind.is_some() => text(kind),
        None => line.text.clone(),
    };
    json!({
        "seq": line.seq,
        "at": line.at,
        "stream": line.stream,
        "level": level,
        "message": message,
        "fields": fields,
        "text": line.text,
    })
}

/// `?after=&limit=&text=&stream=&level=&trace=&from=&until=`
pub(crate) fn tail(logs: &Logs, query: &Query) -> Answer {
    let limit = query.number("limit")?.unwrap_or(200).clamp(1, 1000);
    let after = query.number("after")?.unwrap_or(0);
    let (from, until) = (query.number("from")?.unwrap_or(0), query.number("until")?);
    let time = from..until.unwrap_or(u64::MAX);
    let part = query.text("text").map(str::to_lowercase);
    let level = query.text("level").map(|level| format!("\"level\":\"{level}\""));
    let is_wanted = |line: &Line| {
        line.seq > after
            && time.contains(&line.at)
            && query.text("stream").is_none_or(|stream| line.stream == stream)
            && query.text("trace").is_none_or(|trace| line.text.contains(trace))
            && level.as_ref().is_none_or(|level| line.text.contains(level))
            && part.as_ref().is_none_or(|part| line.text.to_lowercase().contains(part))
    };
    let mut lines = logs.newest(usize::try_from(limit).unwrap_or(200), is_wanted);
    lines.reverse();
    let lines: Vec<_> = lines.iter().map(shown).collect();
    Ok(json!({ "lines": lines, "last": logs.last() }))
}

/// `?query=filter …&minutes=60`
pub(crate) fn query(logs: &Logs, store: &Store, query: &Query) -> Answer {
    let time = store.time(&query.range(store)?);
    Ok(match logs.run(query.text("query").unwrap_or_default(), &time) {
        Ok(found) => json!({
            "columns": found.columns,
            "rows": found.rows,
            "scanned": found.scanned,
            "error": null,
        }),
        Err(error) => json!({ "columns": [], "rows": [], "scanned": 0, "error": error }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_kept_within_bounds_and_queried() {
        let logs = Logs::default();
        for number in 0..LINES + 10 {
            logs.push("service", format!("{{\"message\":\"request\",\"n\":{number}}}"));
        }
        logs.push("delete-handler", "{\"message\":\"request\",\"n\":1}".to_owned());
        assert_eq!(logs.newest(usize::MAX, |_| true).len(), LINES);
        let count = |query: &str| {
            let found = logs.run(query, &(0..u64::MAX)).unwrap();
            (found.columns, found.rows[0]["c"].clone())
        };
        let of_all = count("filter message = 'request' | stats count(*) as c");
        assert_eq!(of_all, (vec!["c".to_owned()], json!(20_000.0)));
        let source = "SOURCE '/aws/lambda/picus-delete-function' | stats count(*) as c";
        assert_eq!(count(source).1, json!(1.0));
        assert!(logs.run("frobnicate", &(0..u64::MAX)).is_err());
        let large = "x".repeat(BYTES / 2 + 1);
        logs.push("service", large.clone());
        logs.push("service", large);
        assert_eq!(logs.newest(usize::MAX, |_| true).len(), 1);
    }
}
