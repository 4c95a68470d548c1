//! Runs the alarms on the metrics that a real collector published. Two scrapes count as one minute.

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

/// The length of each part of the test, in seconds. The collector scrapes once a second.
const PART: u64 = 10;
/// Longer than the latency objective, shorter than every time-out.
const SLOW: Duration = Duration::from_millis(1500);
const SETTINGS: [(&str, &str); 2] =
    [("PICUS_LATENCY_OBJECTIVE_SECONDS", "1"), ("PICUS_MAX_IN_FLIGHT", "8")];

#[tokio::test]
#[ignore = "needs a collector and an emulator of AWS: run ci/collector"]
async fn alarms_fire_and_end_on_the_metrics_of_a_real_collector() {
    let mut options = options();
    options.environment.extend(SETTINGS.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let mut observed = Observed::start(options).await;
    observed.start_collector(&[]).await;
    // A counter's first scrape gives no increase yet.
    sleep(Duration::from_secs(3)).await;

    let calm = part(&observed, 1).await;
    observed.system.dynamodb_fault(Some(DynamoDbFault::Slow(1, SLOW)));
    let fault = part(&observed, 12).await;
    observed.system.dynamodb_fault(None);
    let after = part(&observed, 1).await;
    observed.stop().await;

    let mut watch = Watch::new(drill::alarms(TEMPLATE).unwrap());
    assert_eq!(firing(&mut watch, &calm, 90), [""; 0].into());
    // The alarms on a single route count a late response as failed, so `picus-route-page` fires too.
    let slow = [
        "picus-availability-ticket",
        "picus-latency-page",
        "picus-latency-ticket",
        "picus-load-shed",
        "picus-route-page",
    ];
    assert_eq!(firing(&mut watch, &fault, 15), slow.into());
    // Longer than the six hours of the tickets' short windows.
    assert_eq!(firing(&mut watch, &after, 400), [""; 0].into());
    assert_eq!(firing(&mut watch, &[minute(&[])], 15), ["picus-service-telemetry-lost"].into());
}

#[tokio::test]
#[ignore = "needs a collector and an emulator of AWS: run ci/collector"]
async fn lost_spans_fire_their_alarm_on_the_metrics_of_a_real_collector() {
    let mut options = options();
    let settings = [
        // Port 9 is "discard": nothing listens there.
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

/// The alarms that watch metrics of the service, themselves or through the alarms of their rule.
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

/// The alarms of [`WATCHING`] that are in ALARM after `count` minutes.
fn firing(watch: &mut Watch, minutes: &[Minute], count: usize) -> BTreeSet<&'static str> {
    // The first half is skipped: requests of the part before may end there.
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

/// Runs one part of the test with this many concurrent clients. Returns what the collector published meanwhile.
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

/// The documents of each scrape, by the scrape's time.
async fn scrapes(observed: &Observed) -> BTreeMap<u64, Vec<String>> {
    let mut scrapes = BTreeMap::<_, Vec<_>>::new();
    for document in observed.aws.emf_documents(TASK_ID).await {
        // Distributions are published at other times, and no alarm watches them.
        if document.contains("\"Values\"") {
            continue;
        }
        let time = serde_json::from_str::<Value>(&document).unwrap()["_aws"]["Timestamp"].as_u64();
        // A metric without a declared dimension set becomes a plain log line.
        let Some(time) = time else { continue };
        scrapes.entry(time).or_default().push(document);
    }
    scrapes
}

/// A minute with the metrics of these documents, and one running task.
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
