//! Invented data, minute by minute, and how an alarm fares with it. `picus drill` does the same with a real system's.

mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use picus_api::route;
use picus_cloudwatch::alarm::State;
use picus_cloudwatch::data::{Datum, Minute};
use picus_cloudwatch::definition::{Alarm, Kind};
use picus_cloudwatch::metric::Metric;
use picus_cloudwatch::watch::Watch;

use crate::given::{alarms, alarms_of, template};
use crate::references::{counters_by_route, counters_of_the_slo};

const LOAD_BALANCER: (&str, &str) = ("LoadBalancer", "app/picus-alb/0123456789abcdef");
const GROUP: (&str, &str) = ("TargetGroup", "targetgroup/picus-ecs-tg/0123456789abcdef");
const OTHER_GROUP: (&str, &str) =
    ("TargetGroup", "targetgroup/picus-ecs-tg-canary/0123456789abcdef");
const FUNCTION_GROUP: (&str, &str) =
    ("TargetGroup", "targetgroup/picus-lambda-tg/0123456789abcdef");
const TASKS: [(&str, &str); 2] =
    [("ClusterName", "picus-cluster"), ("ServiceName", "picus-service")];
const HANDLER: (&str, &str) = ("service_name", "picus-delete-handler");
const SERVICE: (&str, &str) = ("service_name", "picus-service");

fn balancer(name: &str) -> Metric {
    Metric::new("AWS/ApplicationELB", name, &[LOAD_BALANCER])
}

fn of_group(name: &str, group: (&str, &str)) -> Metric {
    Metric::new("AWS/ApplicationELB", name, &[LOAD_BALANCER, group])
}

fn function(name: &str) -> Metric {
    Metric::new("AWS/Lambda", name, &[("FunctionName", "picus-delete-function")])
}

fn healthy() -> Metric {
    of_group("HealthyHostCount", GROUP)
}

fn healthy_in_the_other_group() -> Metric {
    of_group("HealthyHostCount", OTHER_GROUP)
}

fn table(name: &str) -> Metric {
    Metric::new("AWS/DynamoDB", name, &[("TableName", "picus_data")])
}

fn of_service(name: &str) -> Metric {
    Metric::new("Picus", name, &[SERVICE])
}

fn routes(name: &str) -> Vec<Metric> {
    counters_of_the_slo().into_iter().filter(|metric| metric.name == name).collect()
}

/// A counter of one route of the service.
fn of_route(name: &str, route: &str) -> Metric {
    Metric::new("Picus", name, &[SERVICE, ("http_route", route)])
}

/// The counters of a route in a minute with this many requests, of which `failed` fail.
pub(crate) fn of_a_route(route: &str, requests: f64, failed: f64) -> Vec<(Metric, Option<f64>)> {
    let good = Some(requests - failed);
    vec![
        (of_route("picus_requests_failed_total", route), (failed > 0.0).then_some(failed)),
        (of_route("picus_requests_measured_total", route), good),
        (of_route("picus_requests_within_objective_total", route), good),
    ]
}

/// The path of the route that has this name in the template's `Routes`.
fn path(name: &str) -> &'static str {
    match name {
        "list" => route::LIST,
        "put" => route::PUT,
        "get" => route::GET,
        other => panic!("no route is called {other}"),
    }
}

fn attempts() -> Metric {
    Metric::new(
        "Picus",
        "picus_dynamodb_attempts_total",
        &[HANDLER, ("db_operation_name", "DeleteItem")],
    )
}

fn running() -> Metric {
    Metric::new("ECS/ContainerInsights", "RunningTaskCount", &TASKS)
}

/// A healthy minute, except for these metrics, which have another value or none.
pub(crate) fn minute(otherwise: &[(Metric, Option<f64>)]) -> Minute {
    let mut values: HashMap<Metric, f64> = HashMap::from([
        (balancer("RequestCount"), 100.0),
        (of_group("HTTPCode_Target_2XX_Count", GROUP), 75.0),
        (healthy(), 2.0),
        (running(), 2.0),
        (Metric::new("ECS/ContainerInsights", "DesiredTaskCount", &TASKS), 2.0),
        (Metric::new("AWS/ECS", "MemoryUtilization", &TASKS), 40.0),
        (of_service("process_uptime_seconds"), 100.0),
        (of_service("picus_requests_shed_total"), 0.0),
        (of_service("picus_log_lines_dropped_total"), 0.0),
        (function("Invocations"), 10.0),
        (function("Errors"), 0.0),
        (function("Throttles"), 0.0),
        (function("Duration"), 50.0),
        (attempts(), 10.0),
    ]);
    for metric in counters_of_the_slo().into_iter().chain(counters_by_route()) {
        values.insert(metric, 25.0);
    }
    for (metric, value) in otherwise {
        match value {
            Some(value) => values.insert(metric.clone(), *value),
            None => values.remove(metric),
        };
    }
    let data = values.into_iter().map(|(metric, value)| {
        // Two tasks send two samples each.
        let times = if metric == of_service("process_uptime_seconds") { 4 } else { 1 };
        (metric, Arc::new(Datum::of(&vec![value; times]).unwrap()))
    });
    Minute(data.collect())
}

/// A minute with the fault of this alarm.
pub(crate) fn fault(alarm: &str) -> Minute {
    let one = |metric: Metric, value: f64| minute(&[(metric, Some(value))]);
    match alarm {
        "picus-page" => fault("picus-availability-page"),
        "picus-outage" | "picus-availability-outage-5m" => {
            one(balancer("HTTPCode_Target_5XX_Count"), 100.0)
        }
        name if name.starts_with("picus-availability-") => {
            one(balancer("HTTPCode_Target_5XX_Count"), 50.0)
        }
        name if name.starts_with("picus-latency-") => {
            let slow = routes("picus_requests_within_objective_total")
                .into_iter()
                .map(|metric| (metric, Some(0.0)));
            minute(&slow.collect::<Vec<_>>())
        }
        "picus-route-page" => minute(&of_a_route(route::LIST, 25.0, 25.0)),
        "picus-route-delete-10m" | "picus-route-delete-6h" => {
            one(of_group("LambdaUserError", FUNCTION_GROUP), 25.0)
        }
        name if name.starts_with("picus-route-") => {
            minute(&of_a_route(path(name.split('-').nth(2).unwrap_or_default()), 25.0, 25.0))
        }
        name if name.starts_with("picus-group-service-") => {
            one(of_group("HTTPCode_Target_5XX_Count", GROUP), 50.0)
        }
        "picus-no-healthy-target" => one(healthy(), 0.0),
        "picus-delete-handler-errors" => one(function("Errors"), 5.0),
        "picus-tasks-below-desired" => one(running(), 1.0),
        "picus-service-memory" => one(Metric::new("AWS/ECS", "MemoryUtilization", &TASKS), 95.0),
        "picus-load-shed" => one(of_service("picus_requests_shed_total"), 5.0),
        "picus-dynamodb-throttling" => one(table("WriteThrottleEvents"), 3.0),
        "picus-delete-handler-throttles" => one(function("Throttles"), 3.0),
        "picus-delete-handler-duration" => one(function("Duration"), 4500.0),
        "picus-service-telemetry-lost" => minute(&[(of_service("process_uptime_seconds"), None)]),
        "picus-delete-handler-telemetry-lost" => {
            let measured = Metric::new(
                "Picus",
                "picus_requests_measured_total",
                &[HANDLER, ("http_route", "/picus/{key}")],
            );
            minute(&[(measured, None), (attempts(), None)])
        }
        "picus-telemetry-dropped" => one(of_service("picus_log_lines_dropped_total"), 3.0),
        other => panic!(
            "picus/tests/monitoring/synthetic.rs: add the data of {other}'s fault to `fault`, and its metrics while all is well to `minute`"
        ),
    }
}

/// How long an alarm took to fire, and to be OK again.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fared {
    FiredWithoutReason,
    NeverFired,
    NeverEnded,
    Well { fired_after: usize },
}

/// Two hours of `well`, then `ill` until the alarm fires or the time is up, then `well` until it ends.
pub(crate) fn fare(
    alarms: &[Alarm],
    name: &str,
    well: &Minute,
    ill: &Minute,
    at_most: usize,
) -> Fared {
    let mut watch = Watch::new(alarms.to_vec());
    let mut until = |minute: &Minute, state: State, at_most: usize| {
        (1..=at_most).find(|_| {
            watch.minute(minute).unwrap();
            watch.state(name) == Some(state)
        })
    };
    if until(well, State::Alarm, 120).is_some() {
        return Fared::FiredWithoutReason;
    }
    let Some(fired_after) = until(ill, State::Alarm, at_most) else { return Fared::NeverFired };
    // The windows of tickets cover days, so tickets may also end after days.
    match until(well, State::Ok, 3 * 24 * 60 + 10) {
        Some(_) => Fared::Well { fired_after },
        None => Fared::NeverEnded,
    }
}

pub(crate) fn only(alarm: &Alarm) -> Vec<Alarm> {
    vec![alarm.clone()]
}

/// A minute without requests, except for these metrics.
pub(crate) fn quiet(otherwise: &[(Metric, Option<f64>)]) -> Minute {
    let of_requests = counters_of_the_slo()
        .into_iter()
        .chain(counters_by_route())
        .chain([
            balancer("RequestCount"),
            of_group("HTTPCode_Target_2XX_Count", GROUP),
            attempts(),
            function("Invocations"),
            function("Errors"),
            function("Throttles"),
            function("Duration"),
        ])
        .map(|metric| (metric, None));
    minute(&of_requests.chain(otherwise.iter().cloned()).collect::<Vec<_>>())
}
