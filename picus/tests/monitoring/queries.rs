//! Runs each query of a runbook, a dashboard or `docs/OPERATIONS.md` on the log lines that the real system wrote
//! under the document's faults, and on those of a healthy system.

use std::collections::BTreeSet;

use futures_util::{StreamExt as _, stream};
use regex::Regex;

use crate::given::{DASHBOARDS, dashboard, file};
use crate::runbooks::runbooks;
use crate::scenes::{HANDLER, Logged, SERVICE, Scene, lines};
use picus_cloudwatch::insights::{self, Row};

/// What a query finds while all is well.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Well {
    /// Nothing: it shows faults.
    Nothing,
    /// Something: it shows traffic.
    Traffic,
    /// Either: it shows slow requests, and a machine may be busy.
    Either,
}

use Scene::{
    CollectorShort, CollectorTroubled, Flooded, HandlerCrashes, HandlerHangs, HandlerRefuses,
    ServiceFails, ServiceRefuses, Slow, Throttled, TooSlow, TracesRefused, Unreachable,
};
use Well::{Either, Nothing, Traffic};

/// For each document: its faults, and what each of its queries finds without a fault.
const DOCUMENTS: &[(&str, &[Scene], &[Well])] = &[
    ("availability-page", &[Unreachable], &[Nothing, Nothing]),
    ("availability-ticket", &[Unreachable], &[Nothing, Nothing]),
    ("delete-handler-duration", &[TooSlow], &[Traffic, Either, Traffic]),
    (
        "delete-handler-errors",
        &[HandlerCrashes, HandlerHangs, HandlerRefuses],
        &[Nothing, Nothing, Traffic],
    ),
    ("delete-handler-telemetry-lost", &[TracesRefused], &[Traffic, Nothing]),
    ("delete-handler-throttles", &[Slow], &[Traffic]),
    ("dynamodb-throttling", &[Throttled], &[Nothing, Nothing, Traffic, Traffic]),
    ("latency-page", &[Slow], &[Traffic, Either]),
    ("latency-ticket", &[Slow], &[Traffic]),
    ("load-shed", &[Flooded], &[Traffic, Nothing, Traffic]),
    ("no-healthy-target", &[ServiceRefuses, ServiceFails, Slow], &[Traffic, Traffic]),
    ("outage", &[Unreachable], &[Nothing]),
    ("page", &[Unreachable], &[Nothing]),
    ("route-page", &[Unreachable, Slow], &[Either, Nothing]),
    ("service-memory", &[Slow, CollectorShort], &[Traffic, Traffic, Nothing]),
    ("service-telemetry-lost", &[CollectorTroubled, CollectorShort], &[Traffic, Nothing]),
    ("tasks-below-desired", &[ServiceRefuses, ServiceFails], &[Nothing]),
    (
        "telemetry-dropped",
        &[TracesRefused, CollectorTroubled, CollectorShort],
        &[Nothing, Nothing, Nothing, Traffic],
    ),
    ("overview", &[Unreachable], &[Traffic, Traffic]),
    ("service", &[Unreachable], &[Traffic, Nothing]),
    ("delete-handler", &[Unreachable, HandlerCrashes, HandlerHangs], &[Nothing, Nothing]),
    ("data", &[Unreachable], &[Nothing]),
    ("OPERATIONS", &[Unreachable], &[Nothing, Nothing, Either]),
];

/// A query, and its log groups.
type Asked = (Vec<String>, String);

/// A document's queries. The line before each query names its log groups, as people choose them in the console.
/// `SOURCE` in a query works only in the API.
fn asked(document: &str) -> Vec<Asked> {
    let path = if document == "OPERATIONS" {
        "docs/OPERATIONS.md".to_owned()
    } else {
        format!("docs/runbooks/{document}.md")
    };
    let text = file(&path);
    let blocks: Vec<&str> = text.split("```logs\n").collect();
    let before_and_query = blocks.windows(2).map(|pair| {
        let before = pair[0].trim_end().lines().last().unwrap();
        let groups: Vec<_> =
            before.split('`').filter(|part| part.starts_with('/')).map(Into::into).collect();
        assert!(
            !groups.is_empty(),
            "{document}: the line before a query must name its log groups, but it is: {before}"
        );
        (groups, pair[1].split("```").next().unwrap().to_owned())
    });
    before_and_query.collect()
}

/// A dashboard's queries, which name their log groups themselves.
fn shown(name: &str) -> Vec<Asked> {
    let source = Regex::new(r"SOURCE '([^']+)' \| ").unwrap();
    let widgets = dashboard(name)["widgets"].as_array().unwrap().clone();
    let queries = widgets.iter().filter_map(|widget| widget["properties"]["query"].as_str());
    let of_groups = |query| {
        let groups = source.captures_iter(query).map(|found| found[1].to_owned()).collect();
        (groups, source.replace_all(query, "").into_owned())
    };
    queries.map(of_groups).collect()
}

fn of_groups(lines: &[Logged], groups: &[String]) -> Vec<Row> {
    let wanted = lines.iter().filter(|(group, _)| groups.iter().any(|wanted| wanted == group));
    wanted.map(|(_, row)| row.clone()).collect()
}

async fn hold(document: &str, queries: Vec<Asked>) {
    let known = DOCUMENTS.iter().find(|(name, ..)| *name == document);
    let (_, scenes, finds) = known.unwrap_or_else(|| {
        panic!(
            "{document}: add it, with its faults, to DOCUMENTS in picus/tests/monitoring/queries.rs"
        )
    });
    assert_eq!(queries.len(), finds.len(), "{document}: so many queries");
    let mut faulty: Vec<Logged> = Vec::new();
    for scene in *scenes {
        faulty.extend_from_slice(lines(*scene).await);
    }
    // At least one query finds each fault.
    for scene in *scenes {
        let lines = lines(*scene).await;
        let finds = |(groups, text): &Asked| {
            let text = in_the_place_of_examples(text, lines);
            !insights::read(&text).unwrap().run(&of_groups(lines, groups)).unwrap().is_empty()
        };
        assert!(queries.iter().any(finds), "{document}: none of its queries finds {scene:?}");
    }
    let healthy = lines(Scene::Nothing).await;
    for ((groups, text), well) in queries.iter().zip(*finds) {
        assert!(
            groups.iter().all(|group| [SERVICE, HANDLER].contains(&group.as_str())),
            "{groups:?}"
        );
        let text = in_the_place_of_examples(text, &faulty);
        let query = insights::read(&text).unwrap();
        let (faulty, healthy) = (of_groups(&faulty, groups), of_groups(healthy, groups));
        for field in &query.fields {
            let has = |row: &Row| row.contains_key(field);
            assert!(
                faulty.iter().chain(&healthy).any(has),
                "{document}: no line has {field}: {text}"
            );
        }
        let rows = query.run(&faulty).unwrap();
        assert!(!rows.is_empty(), "{document}: this query finds nothing under {scenes:?}: {text}");
        for column in query.shown() {
            let filled = rows.iter().any(|row| row.contains_key(column));
            assert!(filled, "{document}: {column} is empty under {scenes:?}: {text}");
        }
        let rows = query.run(&healthy).unwrap();
        let as_said = *well == Either || rows.is_empty() == (*well == Nothing);
        assert!(
            as_said,
            "{document}: while all is well, this query should find {well:?}, but finds {rows:?}: {text}"
        );
    }
}

/// A query for one request, with real ids instead of the examples.
fn in_the_place_of_examples(query: &str, lines: &[Logged]) -> String {
    let of = |field: &str| {
        let mut found = lines.iter().filter_map(|(_, row)| row.get(field)?.as_str());
        found.next().unwrap_or_default().to_owned()
    };
    query
        .replace("1-67891233-abcdef012345678912345678", &of("xray_trace_id"))
        .replace("order-17", &of("request_id"))
}

#[tokio::test]
async fn the_queries_of_each_runbook_find_its_fault() {
    // Several at a time, because most of them wait.
    let scenes = DOCUMENTS.iter().flat_map(|(_, scenes, _)| *scenes);
    stream::iter(scenes.map(|scene| lines(*scene))).buffer_unordered(4).count().await;
    for runbook in runbooks() {
        hold(&runbook, asked(&runbook)).await;
    }
}

#[tokio::test]
async fn the_queries_of_each_dashboard_find_what_they_show() {
    for name in DASHBOARDS {
        hold(name, shown(name)).await;
    }
}

#[tokio::test]
async fn the_queries_of_the_operators_document_find_a_request() {
    hold("OPERATIONS", asked("OPERATIONS")).await;
}

/// The sum of a column in a runbook's first query.
async fn sum(runbook: &str, scene: Scene, column: &str) -> f64 {
    let (groups, text) = asked(runbook).swap_remove(0);
    let rows = insights::read(&text).unwrap().run(&of_groups(lines(scene).await, &groups)).unwrap();
    rows.iter().map(|row| row[column].as_f64().unwrap()).sum()
}

#[tokio::test]
async fn a_runbooks_count_differs_between_fault_and_health() {
    assert!(sum("load-shed", Flooded, "shed").await > 0.0);
    assert!(sum("load-shed", Scene::Nothing, "shed").await < 1.0);
    let lost = "delete-handler-telemetry-lost";
    for (scene, metrics) in [(Scene::Nothing, true), (HandlerCrashes, false)] {
        assert_eq!(sum(lost, scene, "metrics").await > 0.0, metrics, "{scene:?}");
        assert!(sum(lost, scene, "invocations").await > 0.0, "{scene:?}");
    }
}

/// The runbook describes Lambda's own lines as they are.
#[tokio::test]
async fn the_runbook_of_failed_invocations_tells_them_apart() {
    let (groups, text) = asked("delete-handler-errors").swap_remove(0);
    for (scene, kind, status, error) in [
        (HandlerCrashes, "platform.report", "error", Some("Runtime.ExitError")),
        (HandlerHangs, "platform.report", "timeout", None),
        (HandlerRefuses, "platform.initReport", "error", Some("Runtime.ExitError")),
    ] {
        let rows =
            insights::read(&text).unwrap().run(&of_groups(lines(scene).await, &groups)).unwrap();
        let found = rows.iter().any(|row| {
            row["type"] == kind
                && row["record.status"] == status
                && row.get("record.errorType").and_then(|word| word.as_str()) == error
        });
        assert!(found, "{scene:?}: {rows:?}");
        let runbook = file("docs/runbooks/delete-handler-errors.md");
        for word in [kind, status].into_iter().chain(error) {
            assert!(runbook.contains(&format!("`{word}`")), "{word}");
        }
    }
}

/// The lines of the level INFO: see the Lambda Developer Guide, "System log level event mapping".
#[tokio::test]
async fn lambdas_own_lines_are_those_of_its_level() {
    let ever = ["platform.initStart", "platform.start", "platform.report"];
    for (scene, besides) in [
        (Scene::Nothing, None),
        (HandlerCrashes, Some("platform.runtimeDone")),
        (HandlerHangs, Some("platform.runtimeDone")),
        (HandlerRefuses, Some("platform.initReport")),
    ] {
        let rows = lines(scene).await.iter().map(|(_, row)| row);
        let kinds: BTreeSet<_> = rows.filter_map(|row| row.get("type")?.as_str()).collect();
        let wanted: BTreeSet<_> = ever.into_iter().chain(besides).collect();
        assert!(kinds.is_superset(&wanted), "{scene:?}: {kinds:?}");
        assert_eq!(kinds.len() == wanted.len(), scene != HandlerRefuses, "{scene:?}: {kinds:?}");
    }
}
