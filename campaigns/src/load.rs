//! Clients that send at a rate of their own, whatever the answers are, and what they got.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{self, Instant, MissedTickBehavior};

use crate::client::{Answer, Client};

/// Requests that wait for an answer at once: past this, a client of the real world would be gone too.
const MAX_WAITING: usize = 4000;

/// How requests are sent.
#[derive(Debug, Clone)]
pub(crate) struct Load {
    /// New requests a second, without those that are sent again.
    pub(crate) rate: f64,
    /// How long a client waits for each answer.
    pub(crate) patience: Duration,
    /// How often a client sends a request at most.
    pub(crate) tries: u32,
    /// What is got.
    pub(crate) ids: Arc<[String]>,
}

/// What became of the requests of a while.
#[derive(Debug, Default)]
pub(crate) struct Outcomes {
    /// How long each that was answered well took, its tries together.
    took: Vec<Duration>,
    /// What the others got last: a status, or 0 for none.
    failed: Vec<u16>,
    length: Duration,
}

impl Outcomes {
    pub(crate) fn good(&self) -> usize {
        self.took.len()
    }

    /// What requests got that were not answered well.
    pub(crate) fn failed(&self) -> &[u16] {
        &self.failed
    }

    /// Requests answered well, a second.
    pub(crate) fn goodput(&self) -> f64 {
        f64::from(count(self.good())) / self.length.as_secs_f64()
    }

    /// So many milliseconds or less took this share, in percent, of those answered well.
    pub(crate) fn quantile_ms(&mut self, percent: usize) -> f64 {
        self.took.sort_unstable();
        let at = self.took.len() * percent / 100;
        self.took.get(at).or(self.took.last()).map_or(0.0, |took| took.as_secs_f64() * 1e3)
    }

    /// Adds those of another while.
    pub(crate) fn add(&mut self, more: Self) {
        self.took.extend(more.took);
        self.failed.extend(more.failed);
        self.length += more.length;
    }
}

/// Sends at the rate for so long, and waits for what was sent. Of ten requests two are puts.
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

/// Sends one request, again if need be, and as soon as a hurried client would.
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

/// So many as a fraction can be made of; nobody counts further.
pub(crate) fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Puts so many items of so many bytes, and tells their ids.
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
