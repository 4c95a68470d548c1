//! The runbooks and their queries.

use include_dir::{Dir, include_dir};
use serde_json::{Value, json};

use crate::markdown;

static RUNBOOKS: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/../docs/runbooks");

/// The runbook that an alarm's description names.
pub(crate) fn of_description(description: &str) -> Option<&str> {
    let (_, rest) = description.split_once("docs/runbooks/")?;
    let (name, _) = rest.split_once(".md")?;
    text(name).map(|_| name)
}

fn text(name: &str) -> Option<&'static str> {
    RUNBOOKS.get_file(format!("{name}.md"))?.contents_utf8()
}

/// A runbook as HTML. Its links to others lead to their alarms.
pub(crate) fn html(name: &str) -> Option<String> {
    let link = |to: &str| {
        let name = to.split('#').next()?.strip_suffix(".md")?;
        text(name).map(|_| format!("#/alarms/picus-{name}"))
    };
    Some(markdown::html(text(name)?, link))
}

/// A runbook's queries for Logs Insights, each with the sentence before it.
pub(crate) fn queries(name: &str) -> Vec<Value> {
    let parts: Vec<_> = text(name).unwrap_or_default().split("```logs\n").collect();
    let query = |pair: &[&str]| {
        let query = pair[1].split("```").next()?.trim();
        let mut before = pair[0].trim_end().lines().rev().filter(|line| !line.is_empty());
        let title = before.find(|line| !line.starts_with("Logs Insights")).unwrap_or_default();
        let from = format!("docs/runbooks/{name}.md");
        Some(json!({ "title": title.trim(), "query": query, "from": from }))
    };
    parts.windows(2).filter_map(query).collect()
}

/// The queries of all runbooks.
pub(crate) fn all_queries() -> Vec<Value> {
    let names = RUNBOOKS.files().filter_map(|file| file.path().file_stem()?.to_str());
    names.flat_map(queries).collect()
}
