//! Alarms on what a real collector wrote: two scrapes stand for a minute.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::future;
use picus_cloudwatch::alarm::State;
use picus_cloudwatch::data::Minute;
use picus_cloudwatch::definition::{Alarm, Kind};
use picus_cloudwatch::metric::Metric;
use picus_cloudwatch::metric_sink::MetricSink;
use picus_cloudwatch::watch::Watch;
use picus_drills::{self as drill, TEMPLATE};
use picus_local::deployment::{Deployment, Service};
use picus_local::dynamodb::DynamoDbFault;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::eventually;
use super::sidecar::Observed;
use crate::given::options;
use crate::task_metadata::TASK_ID;

/// How long each part of the story takes, in seconds and scrapes alike.
const PART: u64 = 10;
/// Past the objective, and short of every time-out.
const SLOW: Duration = Duration::from_millis(1500);
const SETTINGS: [(&str, &str); 2] =
    [("PICUS_LATENCY_OBJECTIVE_SECONDS", "1"), ("PICUS_MAX_IN_FLIGHT", "8")];

#[tokio::test]
#[ignore = "needs a collector and an emulator of AWS: run ci/collector"]
async fn alarms_fire_and_end_by_what_a_collector_wrote() {
    let mut options = options();
    options.environment.extend(SETTINGS.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let mut observed = Observed::start(options).await;
    observed.start_collector(&[]).await;
    // The first scrape of a counter has no rate yet.
    sleep(Duration::from_secs(3)).await;

    let calm = part(&observed, 1).await;
    observed.system.dynamodb_fault(Some(DynamoDbFault::Slow(1, SLOW)));
    let fault = part(&observed, 12).await;
    observed.system.dynamodb_fault(None);
    let after = part(&observed, 1).await;
    observed.stop().await;

    let mut watch = Watch::new(drill::alarms(TEMPLATE).unwrap());
    assert_eq!(firing(&mut watch, &calm, 90), [""; 0].into());
    // What comes too late on a route counts as failed there.
    let slow = [
        "picus-availability-ticket",
        "picus-latency-page",
        "picus-latency-ticket",
        "picus-load-shed",
        "picus-route-page",
    ];
    assert_eq!(firing(&mut watch, &fault, 15), slow.into());
    // Longer than the ticket's six hours.
    assert_eq!(firing(&mut watch, &after, 400), [""; 0].into());
    assert_eq!(firing(&mut watch, &[minute(&[])], 15), ["picus-service-telemetry-lost"].into());
}

#[tokio::test]
#[ignore = "needs a collector and an emulator of AWS: run ci/collector"]
async fn spans_that_are_lost_fire_their_alarm_by_what_a_collector_wrote() {
    let mut options = options();
    let settings = [
        // Nothing listens on the port of "discard".
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9"),
    ];
    options.environment.extend(settings.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let mut observed = Observed::start(options).await;
    observed.start_collector(&[]).await;
    sleep(Duration::from_secs(3)).await;
    let lost = part(&observed, 1).await;
    observed.stop().await;
    let mut watch = Watch::new(drill::alarms(TEMPLATE).unwrap());
    assert!(firing(&mut watch, &lost, 20).contains("picus-telemetry-dropped"));
}

/// The alarms that watch what the collector writes, themselves or by their parts.
static WATCHING: LazyLock<Vec<String>> = LazyLock::new(|| {
    let alarms = drill::alarms(TEMPLATE).unwrap();
    let by_the_service = |metric: &Metric| {
        metric.namespace == "Picus"
            && metric.dimensions.get("service_name").is_some_and(|name| name == "picus-service")
    };
    let feeds = |alarm: &Alarm| alarm.metrics().any(by_the_service);
    let watches = |alarm: &Alarm| match &alarm.kind {
        Kind::Metric(_) => feeds(alarm),
        Kind::Composite(rule) => {
            let parts = rule.alarms();
            alarms.iter().any(|part| parts.contains(&part.name.as_str()) && feeds(part))
        }
    };
    let promising = alarms.iter().filter(|alarm| alarm.fires_within.is_some() && watches(alarm));
    promising.map(|alarm| alarm.name.clone()).collect()
});

/// Those of them that are on after so many of these minutes.
fn firing(watch: &mut Watch, minutes: &[Minute], count: usize) -> BTreeSet<&'static str> {
    // The requests of one part may end in the next one's first minutes.
    for minute in minutes[minutes.len() / 2..].iter().cycle().take(count) {
        watch.minute(minute).unwrap();
    }
    let is_on = |alarm: &&String| match watch.state(alarm) {
        Some(State::Alarm) => true,
        Some(State::Ok) => false,
        other => panic!("{alarm}: {other:?}"),
    };
    WATCHING.iter().filter(is_on).map(String::as_str).collect()
}

/// Lets a part go by, with so many requests at once, and returns what the collector wrote in it.
async fn part(observed: &Observed, clients: usize) -> Vec<Minute> {
    let (from, end) = (now(), Instant::now() + Duration::from_secs(PART));
    while Instant::now() < end {
        let gets = (0..clients).map(|_| observed.client.get_status("none"));
        future::join_all(gets).await;
        sleep(Duration::from_millis(100)).await;
    }
    let to = now();
    eventually(async || {
        let scrapes = scrapes(observed).await;
        let is_whole = scrapes.last_key_value().is_some_and(|(last, _)| *last > to);
        let within: Vec<_> = scrapes.range(from..to).map(|(_, documents)| documents).collect();
        let (pairs, _) = within.as_chunks::<2>();
        let minutes = pairs.iter().map(|[one, other]| minute(&[&one[..], &other[..]].concat()));
        if is_whole { Ok(minutes.collect()) } else { Err("the collector wrote no more".to_owned()) }
    })
    .await
}

/// The documents of each scrape, by its time.
async fn scrapes(observed: &Observed) -> BTreeMap<u64, Vec<String>> {
    let mut scrapes = BTreeMap::<_, Vec<_>>::new();
    for document in observed.aws.emf_documents(TASK_ID).await {
        // Distributions have times of their own, and no alarm watches them.
        if document.contains("\"Values\"") {
            continue;
        }
        let time = serde_json::from_str::<Value>(&document).unwrap()["_aws"]["Timestamp"].as_u64();
        // What no dimension set is declared of is logged, and is no metric.
        let Some(time) = time else { continue };
        scrapes.entry(time).or_default().push(document);
    }
    scrapes
}

/// A minute of the one task that runs, by what was written.
fn minute(documents: &[String]) -> Minute {
    let metrics = MetricSink::on();
    for document in documents {
        metrics.read_line(document);
    }
    let Service { cluster, name, .. } =
        Deployment::read(picus_local::deployment::TEMPLATE).unwrap().service;
    let dimensions = [("ClusterName", cluster.as_str()), ("ServiceName", name.as_str())];
    metrics.record(Metric::new("ECS/ContainerInsights", "RunningTaskCount", &dimensions), 1.0);
    metrics.minute()
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    since.as_millis().try_into().unwrap()
}
