//! The map of the system: how many requests go along each edge, how many fail, and how long they take.

use std::ops::Range;

use picus_cloudwatch::alarm::State;
use picus_cloudwatch::data::History;
use picus_cloudwatch::metric::{Metric, Statistic};
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::clients;
use crate::dashboards;
use crate::plant::Plant;
use crate::range::Query;
use crate::store::Store;

/// The operations of the service. The others are the delete handler's.
const OF_SERVICE: [&str; 4] = ["GetItem", "BatchGetItem", "PutItem", "Scan"];
const OF_HANDLER: [&str; 1] = ["DeleteItem"];

/// An edge of the map: the metrics that count its requests, its failures, and its seconds or milliseconds.
struct Edge {
    from: &'static str,
    to: &'static str,
    requests: Vec<(Metric, Statistic)>,
    errors: Vec<Metric>,
    latency: Vec<Metric>,
    /// How many milliseconds one of the latency's unit has.
    milliseconds: f64,
}

/// What an edge carried.
struct Carried {
    requests: Option<f64>,
    errors_percent: Option<f64>,
    p50_ms: Option<f64>,
    p99_ms: Option<f64>,
}

pub(crate) fn overview(plant: &Plant, query: &Query) -> Answer {
    let store = plant.store.read();
    let range = query.range(&store)?;
    let history = store.history();
    let edges = edges(plant);
    let carried: Vec<_> = edges.iter().map(|edge| edge.carried(history, &range)).collect();
    let shown = edges.iter().zip(&carried).map(|(edge, carried)| {
        json!({
            "from": edge.from,
            "to": edge.to,
            "per_minute": carried.requests.map(|requests| requests / minutes(&range)),
            "errors_percent": carried.errors_percent,
            "p50_ms": carried.p50_ms,
            "p99_ms": carried.p99_ms,
            "health": health(carried.errors_percent),
        })
    });
    let shown: Vec<_> = shown.collect();
    let slis = carried.first().and_then(|all| all.errors_percent);
    Ok(json!({
        "from": range.start,
        "until": range.end,
        "nodes": nodes(plant, &edges, &carried),
        "edges": shown,
        "slos": dashboards::budgets(plant, &store, &range),
        "clients": clients(history, &range, slis),
        "alarms_on": alarms_on(&store, range.end),
    }))
}

fn edges(plant: &Plant) -> Vec<Edge> {
    let name = |name: &str| plant.names.get(name).and_then(Value::as_str).unwrap_or_default();
    let balancer = ("LoadBalancer", name("LoadBalancerFullName"));
    let elb = |metric: &str, group: Option<&str>| {
        let group = group.map(|group| ("TargetGroup", group));
        let dimensions: Vec<_> = [balancer].into_iter().chain(group).collect();
        Metric::new("AWS/ApplicationELB", metric, &dimensions)
    };
    let to_group = |to, group: &str| Edge {
        from: "load-balancer",
        to,
        requests: vec![(elb("RequestCount", Some(group)), Statistic::Sum)],
        errors: ["HTTPCode_Target_5XX_Count", "LambdaUserError"]
            .map(|metric| elb(metric, Some(group)))
            .into(),
        latency: vec![elb("TargetResponseTime", Some(group))],
        milliseconds: 1e3,
    };
    let table = |metric: &str, operation: &str| {
        Metric::new(
            "AWS/DynamoDB",
            metric,
            &[("TableName", name("TableName")), ("Operation", operation)],
        )
    };
    let to_table = |from, operations: &[&str]| {
        let failed = ["SystemErrors", "ThrottledRequests"];
        let of = |metric: &str| {
            operations.iter().map(|operation| table(metric, operation)).collect::<Vec<_>>()
        };
        let latency = of("SuccessfulRequestLatency");
        let errors: Vec<_> = failed.iter().flat_map(|metric| of(metric)).collect();
        let good = latency.iter().map(|metric| (metric.clone(), Statistic::SampleCount));
        let bad = errors.iter().map(|metric| (metric.clone(), Statistic::Sum));
        let requests = good.chain(bad).collect();
        Edge { from, to: "dynamodb", requests, errors, latency, milliseconds: 1.0 }
    };
    let refused = elb("HTTPCode_ELB_5XX_Count", None);
    let clients = Edge {
        from: "client",
        to: "load-balancer",
        requests: vec![
            (elb("RequestCount", None), Statistic::Sum),
            (refused.clone(), Statistic::Sum),
        ],
        errors: vec![elb("HTTPCode_Target_5XX_Count", None), refused],
        latency: vec![elb("TargetResponseTime", None)],
        milliseconds: 1e3,
    };
    vec![
        clients,
        to_group("service", name("ServiceTargetGroupFullName")),
        to_group("delete-handler", name("FunctionTargetGroupFullName")),
        to_table("service", &OF_SERVICE),
        to_table("delete-handler", &OF_HANDLER),
    ]
}

impl Edge {
    fn carried(&self, history: &History, range: &Range<usize>) -> Carried {
        let statistic = |metric: &Metric, statistic| {
            history.statistic(metric, statistic, range.end, range.len())
        };
        let requests = self.requests.iter().filter_map(|(metric, of)| statistic(metric, *of));
        let requests = requests.reduce(|one, other| one + other);
        let errors = self.errors.iter().filter_map(|metric| statistic(metric, Statistic::Sum));
        // The sum of nothing would be -0.
        let errors = errors.fold(0.0, |one, other| one + other);
        // Of several operations, the slowest counts.
        let percentile = |percent| {
            let each = self.latency.iter();
            let each = each.filter_map(|metric| statistic(metric, Statistic::Percentile(percent)));
            each.reduce(f64::max).map(|latency| latency * self.milliseconds)
        };
        Carried {
            requests,
            errors_percent: requests.map(|requests| 100.0 * errors / requests),
            p50_ms: percentile(50.0),
            p99_ms: percentile(99.0),
        }
    }
}

fn health(errors_percent: Option<f64>) -> &'static str {
    match errors_percent {
        None => "unknown",
        Some(percent) if percent < 1.0 => "ok",
        Some(percent) if percent < 50.0 => "degraded",
        Some(_) => "down",
    }
}

/// A node is as well as the edges that lead to it; the service also as its tasks are.
fn nodes(plant: &Plant, edges: &[Edge], carried: &[Carried]) -> Vec<Value> {
    let facts = plant.facts.read();
    let (healthy, wanted) = (facts.healthy, facts.wanted_tasks as usize);
    let all = [
        ("client", "Clients"),
        ("load-balancer", "Load balancer"),
        ("service", "Service"),
        ("delete-handler", "Delete handler"),
        ("dynamodb", "DynamoDB"),
    ];
    let node = |(id, title): (&str, &str)| {
        let into = edges.iter().zip(carried).filter(|(edge, _)| edge.to == id);
        let worst = into.filter_map(|(_, carried)| carried.errors_percent).reduce(f64::max);
        let mut shown = json!({ "id": id, "title": title, "health": health(worst), "notes": [] });
        if id == "service" {
            shown["healthy"] = json!(healthy);
            shown["wanted"] = json!(wanted);
            if healthy == 0 {
                shown["health"] = json!("down");
            } else if healthy < wanted {
                shown["health"] = json!("degraded");
            }
        }
        shown
    };
    all.map(node).into()
}

fn clients(history: &History, range: &Range<usize>, slis_failed_percent: Option<f64>) -> Value {
    let sum = |name| {
        let metric = Metric::new(clients::NAMESPACE, name, &[]);
        history.statistic(&metric, Statistic::Sum, range.end, range.len()).unwrap_or(0.0)
    };
    let (sent, failed, gave_up) = (sum("Requests"), sum("Failed"), sum("GaveUp"));
    let percent = (sent > 0.0).then(|| 100.0 * (failed + gave_up) / sent);
    json!({
        "sent": sent,
        "failed": failed,
        "gave_up": gave_up,
        "failed_percent": percent,
        "slis_failed_percent": slis_failed_percent,
    })
}

fn alarms_on(store: &Store, minute: usize) -> Vec<Value> {
    let on = store.own().filter_map(|alarm| {
        let (state, change) = store.state(&alarm.name, minute);
        let change = change.filter(|_| state == State::Alarm)?;
        Some(json!({
            "name": alarm.name,
            "since": change.at,
            "minute": change.transition.minute,
            "reason": change.transition.reason,
        }))
    });
    on.collect()
}

#[expect(clippy::cast_precision_loss, reason = "at most a day of minutes")]
fn minutes(range: &Range<usize>) -> f64 {
    range.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The map leaves out the calls of an operation that is missing here.
    #[test]
    fn the_map_counts_every_call_that_a_role_allows() {
        let policies = [
            include_str!("../../policies/ecs-task-role.json"),
            include_str!("../../policies/picus-lambda-role.json"),
        ];
        let allowed: BTreeSet<_> = policies
            .iter()
            .flat_map(|policy| policy.split("\"dynamodb:").skip(1))
            .filter_map(|action| action.split('"').next())
            .collect();
        let shown: BTreeSet<_> = OF_SERVICE.into_iter().chain(OF_HANDLER).collect();
        assert_eq!(shown, allowed, "change OF_SERVICE or OF_HANDLER in console/src/overview.rs");
    }
}
