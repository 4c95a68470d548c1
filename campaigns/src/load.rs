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
    /// How many of them ended while requests were still being sent.
    in_time: usize,
    /// How long each attempt took that got 503.
    refused: Vec<Duration>,
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

    /// Requests per second that succeeded while requests were being sent.
    pub(crate) fn goodput(&self) -> f64 {
        f64::from(count(self.in_time)) / self.length.as_secs_f64()
    }

    /// This percentage of the successful requests took at most so many milliseconds.
    pub(crate) fn quantile_ms(&mut self, percent: usize) -> f64 {
        quantile_ms(&mut self.took, percent)
    }

    /// How many attempts got 503.
    pub(crate) fn refused(&self) -> usize {
        self.refused.len()
    }

    /// This percentage of those attempts took at most so many milliseconds.
    pub(crate) fn refused_quantile_ms(&mut self, percent: usize) -> f64 {
        quantile_ms(&mut self.refused, percent)
    }

    /// Adds other results.
    pub(crate) fn add(&mut self, more: Self) {
        self.took.extend(more.took);
        self.in_time += more.in_time;
        self.refused.extend(more.refused);
        self.failed.extend(more.failed);
        self.length += more.length;
    }
}

fn quantile_ms(times: &mut [Duration], percent: usize) -> f64 {
    times.sort_unstable();
    let at = times.len() * percent / 100;
    times.get(at).or(times.last()).map_or(0.0, |time| time.as_secs_f64() * 1e3)
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
            let (outcome, refused) = ask(&client, &load, id.as_deref(), &mut rng).await;
            drop(place);
            let mut outcomes = outcomes.lock();
            outcomes.refused.extend(refused);
            match outcome {
                Ok(()) => {
                    outcomes.took.push(began.elapsed());
                    outcomes.in_time += usize::from(Instant::now() < until);
                }
                Err(status) => outcomes.failed.push(status),
            }
        });
    }
    requests.join_all().await;
    std::mem::take(&mut *outcomes.lock())
}

/// Sends one request, and retries it as quickly as a hurried client. Also returns how long each 503 took.
async fn ask(
    client: &Client,
    load: &Load,
    id: Option<&str>,
    rng: &mut Rng,
) -> (Result<(), u16>, Vec<Duration>) {
    let key = rng.u64(..).to_string();
    let (mut last, mut refused) = (0, Vec::new());
    for attempt in 0..load.tries {
        if attempt > 0 {
            time::sleep(Duration::from_millis(rng.u64(0..100 << attempt))).await;
        }
        let began = Instant::now();
        let answer = async {
            match id {
                Some(id) => client.get(id).await,
                None => client.put(&item(0), Some(&key)).await,
            }
        };
        let answer = time::timeout(load.patience, answer).await.ok().flatten();
        last = answer.map_or(0, |answer| answer.status);
        match last {
            1..300 => return (Ok(()), refused),
            503 => refused.push(began.elapsed()),
            _ => {}
        }
    }
    (Err(last), refused)
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
