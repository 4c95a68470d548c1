//! Compares spans, resources and log lines with the conventions.

use std::collections::{BTreeMap, BTreeSet};

use picus_catalogue::conventions::SCHEMA_URL;
use picus_catalogue::spans::{self, Level};
use picus_local::traces::Span;
use serde_json::{Map, Value};

use super::Findings;
use super::model::{Levels, Model};

/// The span's entry in the catalogue, and its groups in the conventions.
fn class(span: &Span) -> (&'static spans::Span, Vec<String>) {
    let groups = |names: &[&str]| names.iter().map(ToString::to_string).collect();
    if span.is_client {
        let operation = span.attributes["db.operation.name"].as_str().unwrap().to_lowercase();
        return (&spans::CALL, vec!["db.client".to_owned(), format!("dynamodb.{operation}")]);
    }
    assert!(span.is_server, "{span:?}");
    if span.resource["service.name"] == "picus-service" {
        (&spans::SERVICE_REQUEST, groups(&["http.server"]))
    } else {
        (&spans::HANDLER_REQUEST, groups(&["http.server", "faas.server", "aws.lambda.server"]))
    }
}

/// Checks that each span has only attributes that the catalogue declares for it, and that every declared
/// attribute was emitted.
pub(super) fn assert_as_declared(all: &[Span]) {
    let mut seen: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for span in all {
        assert_eq!(span.schema_url, SCHEMA_URL, "{}", span.name);
        let (declared, _) = class(span);
        for name in span.attributes.keys() {
            let known = declared.attributes.iter().any(|(known, _)| known == name);
            assert!(known, "{}: {name} is not in the catalogue", declared.id);
            seen.entry(declared.id).or_default().insert(name);
        }
        for (name, _) in declared.attributes.iter().filter(|(_, level)| *level == Level::Required) {
            assert!(span.attributes.contains_key(*name), "{}: no {name}: {span:#?}", span.name);
        }
        let wanted = match span.attributes.get("db.operation.name") {
            Some(operation) => format!("DynamoDB.{}", operation.as_str().unwrap()),
            None => server_name(span),
        };
        assert_eq!(span.name, wanted);
    }
    for span in spans::ALL {
        for (name, _) in span.attributes {
            assert!(seen[span.id].contains(name), "{}: {name} was never seen", span.id);
        }
    }
}

fn server_name(span: &Span) -> String {
    let method = span.attributes["http.request.method"].as_str().unwrap();
    let method = if method == "_OTHER" { "HTTP" } else { method };
    match span.attributes.get("http.route") {
        Some(route) => format!("{method} {}", route.as_str().unwrap()),
        None => method.to_owned(),
    }
}

pub(super) fn of_spans(model: &Model, all: &[Span]) -> Findings {
    let mut found = Findings::new();
    // By group: the attributes that at least one of its spans has, and the number of its spans.
    let mut present: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for span in all {
        let (declared, groups) = class(span);
        let mut known = Levels::new();
        for group in groups {
            assert_eq!(model.kind(&group), declared.kind, "{group}");
            let levels = model.levels("spans", &group);
            for (name, _) in levels.iter().filter(|(_, level)| *level == "required") {
                if !span.attributes.contains_key(name) {
                    found.insert(format!("span {group}: required_attribute_not_present, {name}"));
                }
            }
            present.entry(group).or_default().extend(span.attributes.keys().cloned());
            known.extend(levels);
        }
        for (name, value) in &span.attributes {
            if let Some(fault) = model.fault_of(name, value) {
                found.insert(fault);
            } else if !known.contains_key(name) {
                found.insert(format!("span {}: unexpected attribute, {name}", declared.id));
            }
        }
        for event in &span.events {
            // OpenTelemetry has deprecated span events in favour of log records.
            found.insert(format!("event {}: on a span", event.name));
            found.extend(event.attributes.iter().filter_map(|(name, value)| {
                model.fault_of(name, value).map(|fault| format!("event {}: {fault}", event.name))
            }));
        }
    }
    for (group, attributes) in present {
        for (name, level) in model.levels("spans", &group) {
            if !attributes.contains(&name) && level != "opt_in" && level != "required" {
                found.insert(format!("span {group}: {level}_attribute_not_present, {name}"));
            }
        }
    }
    found
}

pub(super) fn of_resources(model: &Model, all: &[Span]) -> Findings {
    let mut found = Findings::new();
    let mut instances = BTreeMap::<_, BTreeSet<_>>::new();
    for Span { resource, .. } in all {
        for entity in ["service", "service.instance", "telemetry.sdk"] {
            for (name, level) in model.levels("entities", entity) {
                if !resource.contains_key(&name) {
                    found.insert(format!("entity {entity}: {level}_attribute_not_present, {name}"));
                }
            }
        }
        found.extend(resource.iter().filter_map(|(name, value)| model.fault_of(name, value)));
        let [service, instance] = ["service.name", "service.instance.id"]
            .map(|name| resource.get(name).and_then(Value::as_str).unwrap_or_default());
        instances.entry(service).or_default().insert(instance);
    }
    // There is one task.
    assert_eq!(instances["picus-service"].len(), 1, "{instances:?}");
    assert!(instances["picus-service"].is_disjoint(&instances["picus-delete-handler"]));
    found
}

/// Picus' names for the fields of OpenTelemetry's log data model.
const FIELDS: [&str; 6] = ["timestamp", "level", "message", "target", "trace_id", "span_id"];

pub(super) fn of_lines(model: &Model, lines: &[(&'static str, String)]) -> Findings {
    let mut found = Findings::new();
    let mut failures = 0;
    for (program, line) in lines {
        let line: Map<String, Value> = serde_json::from_str(line).unwrap();
        // Skips Lambda's own lines, and metrics for CloudWatch.
        if line.contains_key("_aws") || line.contains_key("record") {
            continue;
        }
        assert!(line.contains_key("message"), "{program}: {line:?}");
        if line["level"] == "ERROR" {
            failures += 1;
            for name in ["exception.type", "exception.message"] {
                assert!(line.contains_key(name), "{name} of a failure: {line:?}");
            }
        }
        let attributes = line.iter().filter(|(name, _)| !FIELDS.contains(&name.as_str()));
        found.extend(attributes.filter_map(|(name, value)| {
            model.fault_of(name, value).map(|fault| format!("log line: {fault}"))
        }));
    }
    assert!(failures > 3, "{failures}");
    found
}
