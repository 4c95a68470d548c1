//! Each metric that an alarm or a panel uses is emitted, in exactly this form.

mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use picus_api::route;
use picus_catalogue::{self as catalogue, Kind, conventions};
use picus_cloudwatch::dashboard::{Panel, Search};
use picus_cloudwatch::definition::Alarm;
use picus_cloudwatch::metric::{Metric, Statistic};
use picus_cloudwatch::template;
use regex::Regex;
use serde_json::Value;

use crate::given::{DASHBOARDS, alarms, file, panels};

const OWN: &str = "Picus";
const SERVICE: &str = "picus-service";
const HANDLER: &str = "picus-delete-handler";

const ALONE: &[&[&str]] = &[&[]];
const BY_ROUTE: &[&[&str]] = &[&["http_route"]];
const BY_OPERATION: &[&[&str]] = &[&["db_operation_name"]];
const ALSO_BY_ERROR: &[&[&str]] = &[&[], &["error_type"]];

/// The metrics in the delete handler's documents, with their dimension sets besides `service_name`. A set has all
/// labels that are known at the moment.
const OF_THE_HANDLER: [(&str, &[&[&str]]); 13] = [
    (
        "http_server_request_duration_seconds",
        &[
            &["http_route"],
            &["http_request_method", "url_scheme", "http_route", "http_response_status_code"],
            &[
                "http_request_method",
                "url_scheme",
                "http_route",
                "http_response_status_code",
                "error_type",
            ],
            &["http_request_method", "url_scheme", "http_response_status_code"],
        ],
    ),
    ("picus_requests_failed_total", BY_ROUTE),
    ("picus_requests_measured_total", BY_ROUTE),
    ("picus_requests_within_objective_total", BY_ROUTE),
    ("faas_coldstarts_total", &[&["faas_trigger"]]),
    (
        "db_client_operation_duration_seconds",
        &[
            &["db_system_name", "db_operation_name"],
            &["db_system_name", "db_operation_name", "error_type"],
        ],
    ),
    ("picus_dynamodb_attempts_total", BY_OPERATION),
    ("picus_dynamodb_retries_total", BY_OPERATION),
    ("picus_dynamodb_throttles_total", BY_OPERATION),
    ("picus_dynamodb_consumed_capacity_units", BY_OPERATION),
    ("picus_log_lines_dropped_total", ALONE),
    ("otel_sdk_processor_span_processed_total", ALSO_BY_ERROR),
    ("otel_sdk_exporter_span_exported_total", ALSO_BY_ERROR),
];

/// Dimensions that tell parts of Picus apart. An alarm or a panel must give all of them that a metric has, otherwise
/// it shows the whole account. [`WHOLE`] lists those that mean to.
const TELLING: [&str; 18] = [
    "LoadBalancer",
    "TargetGroup",
    "ClusterName",
    "ServiceName",
    "FunctionName",
    "TableName",
    "Operation",
    "service_name",
    "service_version",
    "http_request_method",
    "url_scheme",
    "http_route",
    "http_response_status_code",
    "db_system_name",
    "db_operation_name",
    "faas_trigger",
    "cpu_mode",
    "error_type",
];

const ALL_REQUESTS: &str = "the objective is of all requests, whoever answers";
const A_ZONE: &str = "a zone that fails does so for every target group";
const ALL_ROUTES: &str = "all routes share the budget";
const THE_REST: &str =
    "less the delete handler's they are the service's, in whichever target group";
const BESIDE: &str = "those that were not lost, beside those that were";

const WHATEVER_BECAME_OF_THEM: &str = "percentiles are of a route's requests, and do not add up";

/// Metrics that are meant as a whole: the beginning of an alarm's name or a panel's title, the metric, and the
/// reason.
const WHOLE: [(&str, &str, &str); 24] = [
    ("picus-availability-", "RequestCount", ALL_REQUESTS),
    ("picus-availability-", "HTTPCode_Target_5XX_Count", ALL_REQUESTS),
    ("Availability budget", "RequestCount", ALL_REQUESTS),
    ("Availability budget", "HTTPCode_Target_5XX_Count", ALL_REQUESTS),
    ("Requests without a 5xx", "RequestCount", ALL_REQUESTS),
    ("Requests without a 5xx", "HTTPCode_Target_5XX_Count", ALL_REQUESTS),
    ("picus-latency-", "picus_requests_measured_total", ALL_ROUTES),
    ("picus-latency-", "picus_requests_within_objective_total", ALL_ROUTES),
    ("Latency budget left", "picus_requests_measured_total", ALL_ROUTES),
    ("Latency budget left", "picus_requests_within_objective_total", ALL_ROUTES),
    ("How fast the budgets burn", "RequestCount", ALL_REQUESTS),
    ("How fast the budgets burn", "HTTPCode_Target_5XX_Count", ALL_REQUESTS),
    ("How fast the budgets burn", "picus_requests_measured_total", ALL_ROUTES),
    ("How fast the budgets burn", "picus_requests_within_objective_total", ALL_ROUTES),
    ("Failed by zone", "HTTPCode_Target_5XX_Count", A_ZONE),
    ("Failed by zone", "TargetConnectionErrorCount", A_ZONE),
    ("Requests · ", "RequestCount", THE_REST),
    ("Failed requests", "HTTPCode_Target_5XX_Count", THE_REST),
    (
        "Time of a call with its retries",
        "db_client_operation_duration_seconds",
        "calls that failed are counted here, and once more by their error",
    ),
    (
        "Time to the last byte, by route",
        "http_server_request_duration_seconds",
        WHATEVER_BECAME_OF_THEM,
    ),
    (
        "Time to the response by route",
        "http_server_request_duration_seconds",
        WHATEVER_BECAME_OF_THEM,
    ),
    ("Responses by status", "http_server_request_duration_seconds", "a path that nobody knows"),
    ("Lost telemetry", "otel_sdk_processor_span_processed_total", BESIDE),
    ("Lost telemetry", "otel_sdk_exporter_span_exported_total", BESIDE),
];

/// The possible values of a dimension, where they are known.
fn values(dimension: &str) -> Option<&'static [&'static str]> {
    Some(match dimension {
        "service_name" => &[SERVICE, HANDLER],
        "http_route" => &route::ALL,
        "url_scheme" => &["http", "https"],
        "db_system_name" => &[conventions::DB_SYSTEM_NAME],
        "db_operation_name" => &["GetItem", "BatchGetItem", "PutItem", "Scan", "DeleteItem"],
        "faas_trigger" => &["http"],
        "cpu_mode" => &["user", "system"],
        "error_type" => &["queue_full", "export_failed", "rejected"],
        "LoadBalancer" => &["app/picus-alb/0123456789abcdef"],
        _ => return None,
    })
}

type Dimensions = BTreeSet<String>;

static PUBLISHED: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(&file("dashboards/aws-metrics.json")).unwrap());
/// Patterns of metric names, each with the dimension sets that its metrics are published with.
type Declarations = Vec<(Regex, BTreeSet<Dimensions>)>;

/// The collector's declarations for scraped metrics.
static SCRAPED: LazyLock<Declarations> = LazyLock::new(|| declarations("awsemf"));
/// The collector's declarations for distributions.
static DISTRIBUTIONS: LazyLock<Declarations> = LazyLock::new(|| declarations("awsemf/percentiles"));

fn declarations(exporter: &str) -> Declarations {
    let collector = template::read(&file("otel-collector.yaml")).unwrap();
    let declarations = collector["exporters"][exporter]["metric_declarations"].as_array().unwrap();
    let patterns = declarations.iter().flat_map(|declaration| {
        let selectors = declaration["metric_name_selectors"].as_array().unwrap();
        let regex = |pattern: &Value| Regex::new(pattern.as_str().unwrap()).unwrap();
        selectors.iter().map(move |pattern| (regex(pattern), sets(&declaration["dimensions"])))
    });
    patterns.collect()
}

/// The dimension sets that a metric is published with, by AWS, by this program, or by any program.
fn dimension_sets(namespace: &str, name: &str, program: Option<&str>) -> BTreeSet<Dimensions> {
    if namespace != OWN {
        return sets(&PUBLISHED["namespaces"][namespace][name]);
    }
    match program {
        Some(HANDLER) => of_the_handler(name),
        Some(SERVICE) => of_the_service(name),
        Some(_) => BTreeSet::new(),
        None => of_the_service(name).into_iter().chain(of_the_handler(name)).collect(),
    }
}

fn of_the_handler(name: &str) -> BTreeSet<Dimensions> {
    let found = OF_THE_HANDLER.iter().filter(|(metric, _)| *metric == name);
    let sets = found.flat_map(|(_, sets)| sets.iter());
    sets.map(|set| set.iter().chain(&["service_name"]).map(ToString::to_string).collect()).collect()
}

/// The collector's declarations for a metric of the service.
fn of_the_service(name: &str) -> BTreeSet<Dimensions> {
    [&SCRAPED, &DISTRIBUTIONS].into_iter().flat_map(|declared| selected(declared, name)).collect()
}

fn selected(declared: &Declarations, name: &str) -> BTreeSet<Dimensions> {
    let selecting = declared.iter().filter(|(pattern, _)| pattern.is_match(name));
    selecting.flat_map(|(_, sets)| sets.clone()).collect()
}

/// Whether CloudWatch gets the distribution of a metric. The handler publishes each value. Of scraped metrics, the
/// collector knows only count and sum (docs/COLLECTOR.md).
fn is_distributed(search: &Search) -> bool {
    let by_handler = search.values.get("service_name").is_some_and(|program| program == HANDLER);
    by_handler || selected(&DISTRIBUTIONS, &search.name).contains(&search.dimensions)
}

/// Statistics that need no distribution.
fn is_of_count_and_sum(statistic: Statistic) -> bool {
    matches!(statistic, Statistic::SampleCount | Statistic::Sum | Statistic::Average)
}

fn sets(value: &Value) -> BTreeSet<Dimensions> {
    let words = |set: &Value| -> Dimensions {
        set.as_array().unwrap().iter().map(|word| word.as_str().unwrap().to_owned()).collect()
    };
    value.as_array().into_iter().flatten().map(words).collect()
}

/// The fault in a metric's name or dimensions.
pub(crate) fn fault(metric: &Metric) -> Option<String> {
    fault_of_search(&Search::of(metric))
}

fn fault_of_search(search: &Search) -> Option<String> {
    let Search { namespace, dimensions, name, values: wanted } = search;
    let program = wanted.get("service_name").map(String::as_str);
    if !dimension_sets(namespace, name, program).contains(dimensions) {
        let place = match (namespace.as_str(), program) {
            (OWN, Some(HANDLER)) => "OF_THE_HANDLER in picus/tests/monitoring/references.rs",
            (OWN, _) => "metric_declarations in otel-collector.yaml",
            _ => "dashboards/aws-metrics.json",
        };
        return Some(format!(
            "{name} is not published with {dimensions:?} by {program:?}: see {place}"
        ));
    }
    let unknown = |(dimension, value): (&String, &String)| {
        let is_known = values(dimension).is_none_or(|known| known.contains(&value.as_str()));
        (!is_known || !dimensions.contains(dimension))
            .then(|| format!("{name}: {dimension} is never {value}; if it is new, add it to `values` in picus/tests/monitoring/references.rs"))
    };
    wanted.iter().find_map(unknown)
}

/// Whether [`WHOLE`] allows this alarm or panel to show more than one part.
fn is_meant(whose: &str, name: &str) -> impl Fn(&&(&str, &str, &str)) -> bool {
    move |(beginning, metric, _)| whose.starts_with(beginning) && *metric == name
}

/// The fault in a reference of this alarm or panel.
fn fault_in(whose: &str, search: &Search) -> Option<String> {
    let told_apart_by = || {
        let program = search.values.get("service_name").map(String::as_str);
        let published = dimension_sets(&search.namespace, &search.name, program);
        let fuller = published.into_iter().find(|set| {
            set.len() > search.dimensions.len()
                && set.is_superset(&search.dimensions)
                && set.iter().all(|name| {
                    TELLING.contains(&name.as_str()) || search.dimensions.contains(name)
                })
        })?;
        let is_meant = WHOLE.iter().any(|entry| is_meant(whose, &search.name)(&entry));
        (!is_meant).then(|| format!("{whose}: give {} all of {fuller:?}, or add it to WHOLE in picus/tests/monitoring/references.rs", search.name))
    };
    let fault = fault_of_search(search).map(|fault| format!("{whose}: {fault}"));
    fault.or_else(told_apart_by)
}

pub(crate) fn faults(alarms: &[Alarm]) -> Vec<String> {
    let fault = |alarm: &Alarm| {
        let faults =
            alarm.metrics().filter_map(|metric| fault_in(&alarm.name, &Search::of(metric)));
        faults.collect::<Vec<_>>()
    };
    alarms.iter().flat_map(fault).collect()
}

pub(crate) fn faults_of_panel(panel: &Panel) -> Vec<String> {
    let mut faults: Vec<_> =
        panel.references().filter_map(|search| fault_in(&panel.title, &search)).collect();
    for (index, shown) in panel.metrics.iter().enumerate() {
        let (metric, _) = shown;
        if panel.metrics[..index].contains(shown) {
            faults.push(format!("{}: {metric} is shown twice", panel.title));
        }
    }
    let named = panel.metrics.iter().map(|(metric, statistic)| (Search::of(metric), *statistic));
    for (search, statistic) in named.chain(panel.searches.iter().cloned()) {
        let is_histogram = catalogue::ALL
            .iter()
            .any(|known| known.name == search.name && matches!(known.kind, Kind::Histogram(_)));
        if is_histogram && !is_of_count_and_sum(statistic) && !is_distributed(&search) {
            faults.push(format!("{}: CloudWatch can't compute {statistic:?} of {search:?}, whose distribution is not published", panel.title));
        }
    }
    for (index, search) in panel.searches.iter().enumerate() {
        if panel.title.contains("by zone") && !search.0.dimensions.contains("AvailabilityZone") {
            faults.push(format!("{}: {search:?} does not tell zones apart", panel.title));
        }
        if panel.searches[..index].contains(search) {
            faults.push(format!("{}: {search:?} is there twice", panel.title));
        }
    }
    faults
}

/// The counters of the latency SLO: one for all routes of the service, and one for each route of the delete handler.
pub(crate) fn counters_of_the_slo() -> Vec<Metric> {
    let of_handler =
        route::SLO_OF_HANDLER.map(|route| vec![("service_name", HANDLER), ("http_route", route)]);
    counters(&[vec![("service_name", SERVICE)]].into_iter().chain(of_handler).collect::<Vec<_>>())
}

/// The same for each route.
pub(crate) fn counters_by_route() -> Vec<Metric> {
    let of = |program, route| vec![("service_name", program), ("http_route", route)];
    let of_service = route::SLO_OF_SERVICE.map(|route| of(SERVICE, route));
    let of_handler = route::SLO_OF_HANDLER.map(|route| of(HANDLER, route));
    counters(&of_service.into_iter().chain(of_handler).collect::<Vec<_>>())
}

fn counters(dimensions: &[Vec<(&str, &str)>]) -> Vec<Metric> {
    let both = |set: &Vec<(&str, &str)>| {
        [catalogue::REQUESTS_MEASURED, catalogue::REQUESTS_WITHIN_OBJECTIVE]
            .map(|counter| Metric::new(OWN, counter.name, set))
    };
    dimensions.iter().flat_map(both).collect()
}
