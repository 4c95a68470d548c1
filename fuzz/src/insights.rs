//! Queries of Logs Insights. The first line is the query, the others are what it reads.

use picus_cloudwatch::insights::{self, line};

pub(crate) fn check(text: &[u8]) {
    let Ok(text) = std::str::from_utf8(text) else { return };
    let (query, lines) = text.split_once('\0').unwrap_or((text, "{\"a\":1}\n{\"a\":\"b\"}"));
    let Ok(query) = insights::read(query) else { return };
    let _ = query.shown();
    let lines: Vec<_> = lines.lines().map(|text| line("stream", text)).collect();
    // Not every query that reads well can be run.
    let _ = query.run(&lines);
}
