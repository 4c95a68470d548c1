//! Each metric that is referred to is one that is emitted, in exactly this form.

use std::collections::{BTreeMap, BTreeSet};

use picus_local::cloudwatch::dashboard::Search;
use picus_local::cloudwatch::definition::Alarm;
use picus_local::cloudwatch::metric::Metric;
use picus_local::cloudwatch::template;
use picus_telemetry::catalogue;
use regex::Regex;
use serde_json::Value;

use crate::given::{DASHBOARDS, alarms, file, shown};

const OWN: &str = "Picus";
const PROGRAMS: [&str; 2] = ["picus-service", "picus-delete-handler"];

/// The values that a dimension of Picus' own metrics can have; of others any.
fn values(dimension: &str) -> Option<&'static [&'static str]> {
    Some(match dimension {
        "service_name" => &PROGRAMS,
        "http_route" => {
            &["/picus/list", "/picus/put", "/picus/get/{key}", "/picus/{key}", "/health"]
        }
        "db_operation_name" => &["GetItem", "PutItem", "Scan", "DeleteItem"],
        "error_type" => &["queue_full", "export_failed"],
        _ => return None,
    })
}

type Dimensions = BTreeSet<String>;

/// The dimension sets under which a metric is published, by any program or by AWS.
fn dimension_sets(namespace: &str, name: &str) -> BTreeSet<Dimensions> {
    if namespace == OWN {
        let programs = PROGRAMS.into_iter();
        return programs.flat_map(|program| own_dimension_sets(program, name)).collect();
    }
    let published: Value = serde_json::from_str(&file("dashboards/aws-metrics.json")).unwrap();
    sets(&published["namespaces"][namespace][name])
}

/// What the collector declares of the service's metrics, and the delete handler's own documents: all
/// labels of a metric, but for one that may be empty.
fn own_dimension_sets(program: &str, name: &str) -> BTreeSet<Dimensions> {
    let Some(metric) = catalogue::ALL.iter().find(|metric| metric.name == name) else {
        return BTreeSet::new();
    };
    if program == "picus-delete-handler" {
        let all: Dimensions =
            metric.labels.iter().chain(&["service_name"]).map(ToString::to_string).collect();
        let mut without = all.clone();
        without.remove("error_type");
        return [all, without].into();
    }
    let collector = template::read(&file("otel-collector.yaml")).unwrap();
    let declarations = collector["exporters"]["awsemf"]["metric_declarations"].as_array().unwrap();
    let selects = |declaration: &&Value| {
        let selectors = declaration["metric_name_selectors"].as_array().unwrap();
        selectors
            .iter()
            .any(|pattern| Regex::new(pattern.as_str().unwrap()).unwrap().is_match(name))
    };
    declarations
        .iter()
        .filter(selects)
        .flat_map(|declaration| sets(&declaration["dimensions"]))
        .collect()
}

fn sets(value: &Value) -> BTreeSet<Dimensions> {
    let words = |set: &Value| -> Dimensions {
        set.as_array().unwrap().iter().map(|word| word.as_str().unwrap().to_owned()).collect()
    };
    value.as_array().into_iter().flatten().map(words).collect()
}

/// What is wrong with a metric's name.
pub(crate) fn fault(metric: &Metric) -> Option<String> {
    let set = metric.dimensions.keys().cloned().collect();
    let published = match metric.dimensions.get("service_name") {
        Some(program) if metric.namespace == OWN => own_dimension_sets(program, &metric.name),
        _ => dimension_sets(&metric.namespace, &metric.name),
    };
    if !published.contains(&set) {
        return Some(format!("{metric} is not published with these dimensions"));
    }
    let unknown = |(dimension, value): (&String, &String)| {
        let known = values(dimension).filter(|_| metric.namespace == OWN)?;
        (!known.contains(&value.as_str())).then(|| format!("{metric}: no {dimension} is {value}"))
    };
    metric.dimensions.iter().find_map(unknown)
}

fn watched(alarms: &[Alarm]) -> BTreeSet<Metric> {
    alarms.iter().flat_map(Alarm::metrics).cloned().collect()
}

pub(crate) fn faults(alarms: &[Alarm]) -> Vec<String> {
    watched(alarms).iter().filter_map(fault).collect()
}

#[test]
fn each_metric_that_an_alarm_watches_is_published() {
    let faults = faults(&alarms());
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn each_metric_that_a_dashboard_shows_is_published() {
    for name in DASHBOARDS {
        let shown = shown(name);
        assert!(shown.metrics.len() > 5, "{name}");
        let faults: Vec<_> = shown.metrics.iter().filter_map(fault).collect();
        assert!(faults.is_empty(), "{name}: {}", faults.join("\n"));
        for Search { namespace, dimensions, name: metric } in shown.searches {
            let published = dimension_sets(&namespace, &metric);
            assert!(published.contains(&dimensions), "{name} searches for {metric} {dimensions:?}");
        }
    }
}

/// Whatever is emitted is shown or watched somewhere, or nobody needs it.
#[test]
fn each_metric_that_is_emitted_is_used() {
    let mut used: BTreeSet<String> = BTreeSet::new();
    let mut metrics: BTreeSet<Metric> = watched(&alarms());
    for name in DASHBOARDS {
        let shown = shown(name);
        metrics.extend(shown.metrics);
        used.extend(shown.searches.into_iter().map(|search| search.name));
    }
    used.extend(
        metrics.into_iter().filter(|metric| metric.namespace == OWN).map(|metric| metric.name),
    );
    let unused: Vec<_> = catalogue::ALL
        .iter()
        .map(|metric| metric.name)
        .filter(|name| !used.contains(*name))
        .collect();
    assert!(unused.is_empty(), "emitted, but nothing uses them: {}", unused.join(", "));
}

/// A metric with another name, or with a dimension fewer, is found out, whichever it is.
#[test]
fn a_renamed_metric_and_a_dropped_dimension_are_found() {
    let watched = watched(&alarms());
    assert!(watched.len() > 20);
    for metric in watched {
        let renamed = Metric { name: format!("{}s", metric.name), ..metric.clone() };
        assert!(fault(&renamed).is_some(), "{renamed}");
        for dimension in metric.dimensions.keys() {
            let mut fewer = metric.clone();
            fewer.dimensions.remove(dimension);
            let known_without: BTreeMap<_, _> = [
                // Published for the whole cluster, and for the account, as well.
                (("AWS/ECS", "MemoryUtilization"), "ServiceName"),
                (("AWS/Lambda", "Errors"), "FunctionName"),
                (("AWS/Lambda", "Invocations"), "FunctionName"),
                (("AWS/Lambda", "Throttles"), "FunctionName"),
                (("AWS/Lambda", "Duration"), "FunctionName"),
            ]
            .into();
            let published =
                known_without.get(&(&*metric.namespace, &*metric.name)) == Some(&&**dimension);
            assert_eq!(fault(&fewer).is_none(), published, "{fewer}");
        }
    }
}

/// The collector declares a metric only with labels that it has.
#[test]
fn what_the_collector_declares_is_emitted() {
    for metric in &catalogue::ALL {
        let labels: Dimensions =
            metric.labels.iter().chain(&["service_name"]).map(ToString::to_string).collect();
        for set in own_dimension_sets("picus-service", metric.name) {
            assert!(set.is_subset(&labels), "{} has no {set:?}", metric.name);
        }
    }
}
