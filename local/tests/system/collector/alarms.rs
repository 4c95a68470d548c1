//! Alarms on what a real collector wrote: each scrape stands for a minute.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::future;
use picus_local::cloudwatch::alarm::State;
use picus_local::cloudwatch::data::Minute;
use picus_local::cloudwatch::meter::Meter;
use picus_local::cloudwatch::watch::Watch;
use picus_local::drill::{self, TEMPLATE};
use picus_local::dynamodb::Fault;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::eventually;
use super::sidecar::Observed;
use crate::given::options;
use crate::task_metadata::TASK_ID;

const ALARMS: [&str; 3] = ["picus-latency-page", "picus-load-shed", "picus-service-telemetry-lost"];
/// How long each part of the story takes, in scrapes and seconds alike.
const PART: u64 = 8;
/// Past the objective, and short of every time-out.
const SLOW: Duration = Duration::from_millis(1500);
const SETTINGS: [(&str, &str); 2] =
    [("PICUS_LATENCY_OBJECTIVE_SECONDS", "1"), ("PICUS_MAX_IN_FLIGHT", "8")];

#[tokio::test]
#[ignore = "needs a collector and an emulator of AWS: run .ci/collector"]
async fn alarms_fire_and_end_by_what_a_collector_wrote() {
    let mut options = options();
    options.environment.extend(SETTINGS.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let mut observed = Observed::start(options).await;
    observed.start_collector(&[]).await;
    // The first scrape of a counter has no rate yet.
    sleep(Duration::from_secs(3)).await;

    let calm = part(&observed, 1).await;
    observed.system.dynamodb_fault(Some(Fault::Slow(1, SLOW)));
    let fault = part(&observed, 12).await;
    observed.system.dynamodb_fault(None);
    let after = part(&observed, 1).await;
    observed.stop().await;

    let mut watch = Watch::new(drill::alarms(TEMPLATE).unwrap());
    let mut states = |minutes: &[Minute], count: usize| {
        // The requests of one part may end in the next one's first minutes.
        for minute in minutes[minutes.len() / 2..].iter().cycle().take(count) {
            watch.minute(minute).unwrap();
        }
        ALARMS.map(|alarm| watch.state(alarm).unwrap())
    };
    assert_eq!(states(&calm, 90), [State::Ok; 3]);
    assert_eq!(states(&fault, 15), [State::Alarm, State::Alarm, State::Ok]);
    assert_eq!(states(&after, 90), [State::Ok; 3]);
    assert_eq!(states(&[Minute::default()], 15), [State::Ok, State::Ok, State::Alarm]);
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
        let minutes = minutes(observed).await;
        let is_whole = minutes.last_key_value().is_some_and(|(last, _)| *last > to);
        let within = minutes.range(from..to).map(|(_, minute)| minute.clone()).collect();
        if is_whole { Ok(within) } else { Err("the collector wrote no more".to_owned()) }
    })
    .await
}

/// All that was written, by the time of the scrape.
async fn minutes(observed: &Observed) -> BTreeMap<u64, Minute> {
    let mut minutes = BTreeMap::<_, Meter>::new();
    for document in observed.aws.emf_documents(TASK_ID).await {
        let time = serde_json::from_str::<Value>(&document).unwrap()["_aws"]["Timestamp"].as_u64();
        minutes.entry(time.unwrap()).or_insert_with(Meter::on).read_line(&document);
    }
    minutes.into_iter().map(|(time, meter)| (time, meter.minute())).collect()
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    since.as_millis().try_into().unwrap()
}
