//! Clients that send at a fixed rate, whatever the responses are.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{self, Instant, MissedTickBehavior};

use crate::client::{Answer, Client};

/// The most requests that wait for a response. With more, real clients would be gone, too.
const MAX_WAITING: usize = 4000;

/// The settings of the clients.
#[derive(Debug, Clone)]
pub(crate) struct Load {
    /// New requests per second, not counting retries.
    pub(crate) rate: f64,
    /// How long a client waits for each response.
    pub(crate) patience: Duration,
    /// The most attempts for a request.
    pub(crate) tries: u32,
    /// The ids to get.
    pub(crate) ids: Arc<[String]>,
}

/// The results of some requests.
#[derive(Debug, Default)]
pub(crate) struct Outcomes {
    /// How long each successful request took, with all its attempts.
    took: Vec<Duration>,
    /// The last status of each other request, or 0 if there was none.
    failed: Vec<u16>,
    length: Duration,
}

impl Outcomes {
    pub(crate) fn good(&self) -> usize {
        self.took.len()
    }

    /// The last statuses of the requests that did not succeed.
    pub(crate) fn failed(&self) -> &[u16] {
        &self.failed
    }

    /// Successful requests per second.
    pub(crate) fn goodput(&self) -> f64 {
        f64::from(count(self.good())) / self.length.as_secs_f64()
    }

    /// This percentage of the successful requests took at most so many milliseconds.
    pub(crate) fn quantile_ms(&mut self, percent: usize) -> f64 {
        self.took.sort_unstable();
        let at = self.took.len() * percent / 100;
        self.took.get(at).or(self.took.last()).map_or(0.0, |took| took.as_secs_f64() * 1e3)
    }

    /// Adds other results.
    pub(crate) fn add(&mut self, more: Self) {
        self.took.extend(more.took);
        self.failed.extend(more.failed);
        self.length += more.length;
    }
}

/// Sends at the rate for this time, and waits for the responses. Two of ten requests are puts.
pub(crate) async fn send(
    client: &Client,
    load: &Load,
    rng: &mut Rng,
    length: Duration,
) -> Outcomes {
    let outcomes = Arc::new(Mutex::new(Outcomes { length, ..Outcomes::default() }));
    let places = Arc::new(Semaphore::new(MAX_WAITING));
    let mut ticks = time::interval(Duration::from_secs_f64(1.0 / load.rate));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut requests = JoinSet::new();
    let until = Instant::now() + length;
    while ticks.tick().await < until {
        while requests.try_join_next().is_some() {}
        let Ok(place) = places.clone().try_acquire_owned() else {
            outcomes.lock().failed.push(0);
            continue;
        };
        let id = rng.choice(load.ids.iter()).filter(|_| rng.u8(..10) > 1).cloned();
        let (client, load, outcomes) = (client.clone(), load.clone(), outcomes.clone());
        let mut rng = rng.fork();
        requests.spawn(async move {
            let began = Instant::now();
            let outcome = ask(&client, &load, id.as_deref(), &mut rng).await;
            drop(place);
            let mut outcomes = outcomes.lock();
            match outcome {
                Ok(()) => outcomes.took.push(began.elapsed()),
                Err(status) => outcomes.failed.push(status),
            }
        });
    }
    requests.join_all().await;
    std::mem::take(&mut *outcomes.lock())
}

/// Sends one request, and retries it as quickly as a hurried client.
async fn ask(client: &Client, load: &Load, id: Option<&str>, rng: &mut Rng) -> Result<(), u16> {
    let key = rng.u64(..).to_string();
    let mut last = 0;
    for attempt in 0..load.tries {
        if attempt > 0 {
            time::sleep(Duration::from_millis(rng.u64(0..100 << attempt))).await;
        }
        let answer = async {
            match id {
                Some(id) => client.get(id).await,
                None => client.put(&item(0), Some(&key)).await,
            }
        };
        let answer = time::timeout(load.patience, answer).await.ok().flatten();
        last = answer.map_or(0, |answer| answer.status);
        if last < 300 && last > 0 {
            return Ok(());
        }
    }
    Err(last)
}

/// Converts a count for a fraction. No count here is larger.
pub(crate) fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Puts this many items of this size, and returns their ids.
pub(crate) async fn fill(client: &Client, items: usize, bytes: usize) -> Arc<[String]> {
    let mut ids = Vec::new();
    for _ in 0..items {
        let answer = client.put(&item(bytes), None).await;
        ids.extend(answer.as_ref().and_then(Answer::object_id));
    }
    ids.into()
}

fn item(bytes: usize) -> Value {
    json!({ "filler": "x".repeat(bytes) })
}
