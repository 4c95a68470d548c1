//! Exports the catalogue as a registry of OpenTelemetry Weaver, so that other teams' tools can check and document the
//! telemetry. `weaver registry live-check --registry catalogue/registry` compares a running system with it.

use std::fmt::Write as _;

use crate::conventions::{SCHEMA_URL, VERSION};
use crate::spans::{self, Level};
use crate::{ALL, Kind, Metric};

/// The registry's files, by name. They are kept in `catalogue/registry`, and a test compares them.
#[must_use]
pub fn files() -> [(&'static str, String); 4] {
    [
        ("manifest.yaml", manifest()),
        ("attributes.yaml", attributes()),
        ("metrics.yaml", metrics()),
        ("spans.yaml", spans()),
    ]
}

fn manifest() -> String {
    let version = env!("CARGO_PKG_VERSION");
    format!(
        "name: picus
description: What Picus emits besides OpenTelemetry's own.
schema_url: https://github.com/picus/picus/schemas/{version}
dependencies:
  - schema_url: {SCHEMA_URL}
    registry_path: https://github.com/open-telemetry/semantic-conventions@v{VERSION}[model]
"
    )
}

fn attributes() -> String {
    let mut text = "groups:
  - id: registry.picus
    type: attribute_group
    display_name: Picus Attributes
    brief: Attributes that OpenTelemetry does not know.
    attributes:
"
    .to_owned();
    for attribute in spans::ATTRIBUTES {
        // Writing to a string never fails, here and below.
        let _ = write!(
            text,
            "      - id: {}
        type: {}
        stability: stable
        brief: {:?}
        examples: [{:?}]
",
            attribute.name, attribute.kind, attribute.brief, attribute.example
        );
    }
    text
}

/// Attributes that OpenTelemetry defines are imported; the others are defined here.
fn metrics() -> String {
    let is_own = |metric: &&Metric| metric.otel_name.starts_with("picus.");
    let mut text = "imports:\n  metrics:\n".to_owned();
    for metric in ALL.iter().filter(|metric| !is_own(metric)) {
        let _ = writeln!(text, "    - {}", metric.otel_name);
    }
    text.push_str("groups:\n");
    for metric in ALL.iter().filter(is_own) {
        let instrument = match metric.kind {
            Kind::Counter => "counter",
            Kind::UpDownCounter => "updowncounter",
            Kind::Gauge => "gauge",
            Kind::Histogram(_) => "histogram",
        };
        let _ = write!(
            text,
            "  - id: metric.{name}
    type: metric
    metric_name: {name}
    instrument: {instrument}
    unit: {:?}
    stability: stable
    brief: {:?}
    attributes:",
            metric.otel_unit,
            metric.help,
            name = metric.otel_name
        );
        if metric.labels.is_empty() {
            text.push_str(" []");
        }
        text.push('\n');
        for label in metric.labels {
            let _ = writeln!(text, "      - ref: {}", attribute(label));
        }
    }
    text
}

fn spans() -> String {
    let mut text = "groups:\n".to_owned();
    for span in spans::ALL {
        let _ = write!(
            text,
            "  - id: span.{}
    type: span
    span_kind: {}
    stability: stable
    brief: {:?}
    attributes:
",
            span.id, span.kind, span.brief
        );
        for (name, level) in span.attributes {
            let level = match level {
                Level::Required => "required".to_owned(),
                Level::ConditionallyRequired => {
                    "\n          conditionally_required: where there is one".to_owned()
                }
            };
            let _ = writeln!(text, "      - ref: {name}\n        requirement_level: {level}");
        }
    }
    text.replace(": \n", ":\n")
}

/// The attribute that a label was made from.
#[must_use]
pub fn attribute(label: &str) -> String {
    match label {
        // The only attribute with an underscore in its own name.
        "http_response_status_code" => "http.response.status_code".to_owned(),
        _ => label.replace('_', "."),
    }
}
