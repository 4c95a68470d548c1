//! Alarms and runbooks belong together, and a runbook's queries name only what the logs have.

use std::collections::BTreeSet;
use std::fs;

use crate::given::{DASHBOARDS, alarms, dashboard, file, root};

/// What a runbook says, in this order.
const SECTIONS: [&str; 6] =
    ["What users see", "Confirm", "Causes", "What to do", "Undo", "Escalate"];

/// The fields of the log lines, and those that CloudWatch adds.
const FIELDS: [&str; 25] = [
    "timestamp",
    "level",
    "message",
    "target",
    "service.name",
    "service.version",
    "trace_id",
    "span_id",
    "xray_trace_id",
    "request_id",
    "http.request.method",
    "http.route",
    "http.response.status_code",
    "http.request.body.size",
    "http.response.body.size",
    "duration_ms",
    "object_id",
    "error.code",
    "error.chain",
    "aborted",
    "error",
    "@timestamp",
    "@message",
    "@logStream",
    "@log",
];

/// The words of CloudWatch Logs Insights.
const WORDS: [&str; 24] = [
    "fields",
    "filter",
    "stats",
    "sort",
    "limit",
    "by",
    "as",
    "asc",
    "desc",
    "and",
    "or",
    "not",
    "like",
    "in",
    "count",
    "sum",
    "avg",
    "min",
    "max",
    "pct",
    "bin",
    "ispresent",
    "SOURCE",
    "strcontains",
];

fn runbooks() -> BTreeSet<String> {
    let files = fs::read_dir(root().join("docs/runbooks")).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    names.map(|name| name.strip_suffix(".md").unwrap().to_owned()).collect()
}

/// The blocks of a document that are marked with a language.
pub(crate) fn blocks(text: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    let blocks = text.split(fence.as_str()).skip(1);
    blocks.map(|block| block.split("```").next().unwrap().to_owned()).collect()
}

#[test]
fn each_alarm_has_its_runbook_and_each_runbook_its_alarm() {
    let runbooks = runbooks();
    let mut linked = BTreeSet::new();
    for alarm in alarms() {
        let (_, link) =
            alarm.description.rsplit_once("Runbook: https://example.com/runbooks/").unwrap();
        let runbook = link.strip_suffix(".md").unwrap_or_else(|| panic!("{}: {link}", alarm.name));
        assert!(runbooks.contains(runbook), "{}: there is no docs/runbooks/{link}", alarm.name);
        if alarm.fires_within.is_some() {
            assert_eq!(format!("picus-{runbook}"), alarm.name);
            linked.insert(runbook.to_owned());
        }
    }
    assert_eq!(linked, runbooks, "a runbook without its alarm");
}

#[test]
fn each_runbook_says_the_same_things_in_the_same_order() {
    for name in runbooks() {
        let text = file(&format!("docs/runbooks/{name}.md"));
        assert!(text.starts_with(&format!("# picus-{name}\n")), "{name}");
        let sections: Vec<&str> =
            text.lines().filter_map(|line| line.strip_prefix("## ")).collect();
        assert_eq!(sections, SECTIONS, "{name}");
        let length = text.lines().count();
        assert!((20..=110).contains(&length), "{name}: {length} lines");
    }
}

#[test]
fn links_between_runbooks_lead_somewhere() {
    for name in runbooks() {
        let text = file(&format!("docs/runbooks/{name}.md"));
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for target in targets.filter(|target| !target.starts_with("http")) {
            let path = root().join("docs/runbooks").join(target.split('#').next().unwrap());
            assert!(path.exists(), "{name} links to {target}");
        }
    }
}

/// The fields that a query names.
fn fields(query: &str) -> BTreeSet<String> {
    // Texts and patterns name nothing.
    let mut bare = String::new();
    for (delimiter, keep) in [('\'', false), ('/', false)] {
        let source = if bare.is_empty() { query.to_owned() } else { bare.clone() };
        let parts = source.split(delimiter).enumerate();
        bare = parts
            .filter(|(index, _)| (index % 2 == 0) != keep)
            .map(|(_, part)| part)
            .collect::<Vec<_>>()
            .join(" ");
    }
    let mut named = BTreeSet::new();
    let mut aliases = BTreeSet::new();
    let mut before = "";
    let separators = |sign: char| !(sign.is_alphanumeric() || "_.@`".contains(sign));
    for word in bare.split(separators).filter(|word| !word.is_empty()) {
        let name = word.trim_matches('`');
        if before == "as" {
            aliases.insert(name.to_owned());
        } else if name.parse::<f64>().is_err() && !(WORDS.contains(&name)) {
            named.insert(name.to_owned());
        }
        before = word;
    }
    named.retain(|name| {
        !aliases.contains(name)
            && name.trim_end_matches(|sign: char| "smhd".contains(sign)).parse::<u32>().is_err()
    });
    named
}

fn check(whose: &str, query: &str) {
    let named = fields(query);
    assert!(!named.is_empty(), "{whose}: {query}");
    for field in named {
        assert!(FIELDS.contains(&field.as_str()), "{whose}: no log line has `{field}`: {query}");
        let plain =
            field.trim_start_matches('@').chars().all(|sign| sign.is_alphanumeric() || sign == '_');
        assert!(
            plain || query.contains(&format!("`{field}`")),
            "{whose}: `{field}` needs its backticks: {query}"
        );
    }
}

#[test]
fn queries_name_only_fields_that_the_logs_have() {
    let mut queries = 0;
    for name in runbooks() {
        for query in blocks(&file(&format!("docs/runbooks/{name}.md")), "logs") {
            check(&name, &query);
            queries += 1;
        }
    }
    for name in DASHBOARDS {
        for widget in dashboard(name)["widgets"].as_array().unwrap() {
            if let Some(query) = widget["properties"]["query"].as_str() {
                check(name, query);
                queries += 1;
            }
        }
    }
    assert!(queries >= 15, "{queries}");
}

#[test]
fn the_fields_of_a_query_are_found() {
    let query = "SOURCE '/ecs/x' | filter message = 'a b' and `error.code` like /q r/ | stats count(*) as n, pct(duration_ms, 99) by bin(5m), http.route | sort n desc";
    let expected = ["duration_ms", "error.code", "http.route", "message"].map(str::to_owned);
    assert_eq!(fields(query), expected.into());
}
