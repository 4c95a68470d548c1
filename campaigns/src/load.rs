//! Clients that send at a fixed rate, whatever the responses are.

use std::ops::Range;
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
/// The most retries that clients have left when they could always afford them.
const MAX_RETRIES_LEFT: f64 = 100.0;

/// The settings of the clients.
#[derive(Debug, Clone)]
pub(crate) struct Load {
    /// New requests per second, not counting retries.
    pub(crate) rate: f64,
    /// How long a client waits for each response.
    pub(crate) patience: Duration,
    /// The most attempts for a request.
    pub(crate) tries: u32,
    /// The most retries, as a share of the requests.
    pub(crate) budget: f64,
    /// The ids to get.
    pub(crate) ids: Arc<[String]>,
}

/// The results of some requests.
#[derive(Debug, Default)]
pub(crate) struct Outcomes {
    requests: Vec<Ended>,
    /// Each attempt that got 503.
    refused: Vec<Ended>,
    attempts: usize,
    /// By how much each request was sent too late.
    late: Vec<Duration>,
    length: Duration,
}

/// A request or an attempt.
#[derive(Debug, Clone, Copy)]
struct Ended {
    /// When, since the beginning.
    at: Duration,
    took: Duration,
    /// The last status, or 0 if there was none.
    status: u16,
    /// Whether requests were still being sent.
    in_time: bool,
}

impl Ended {
    fn is_good(&self) -> bool {
        (1..300).contains(&self.status)
    }
}

impl Outcomes {
    pub(crate) fn good(&self) -> usize {
        self.requests.iter().filter(|request| request.is_good()).count()
    }

    /// The last statuses of the requests that did not succeed.
    pub(crate) fn failed(&self) -> Vec<u16> {
        let failed = self.requests.iter().filter(|request| !request.is_good());
        failed.map(|request| request.status).collect()
    }

    /// Requests per second that succeeded while requests were being sent.
    pub(crate) fn goodput(&self) -> f64 {
        let good = self.requests.iter().filter(|request| request.is_good() && request.in_time);
        f64::from(count(good.count())) / self.length.as_secs_f64()
    }

    /// This percentage of the successful requests took at most so many milliseconds.
    pub(crate) fn quantile_ms(&self, percent: usize) -> f64 {
        let good = self.requests.iter().filter(|request| request.is_good());
        quantile_ms(good.map(|request| request.took).collect(), percent)
    }

    /// How many attempts got 503.
    pub(crate) fn refused(&self) -> usize {
        self.refused.len()
    }

    /// This percentage of those attempts took at most so many milliseconds.
    pub(crate) fn refused_quantile_ms(&self, percent: usize) -> f64 {
        quantile_ms(self.refused.iter().map(|attempt| attempt.took).collect(), percent)
    }

    pub(crate) fn attempts(&self) -> usize {
        self.attempts
    }

    /// This percentage of the requests was sent at most so many milliseconds too late.
    pub(crate) fn late_quantile_ms(&self, percent: usize) -> f64 {
        quantile_ms(self.late.clone(), percent)
    }

    /// What ended in this part of the time in which requests were sent.
    pub(crate) fn within(&self, part: Range<Duration>) -> Self {
        let of =
            |all: &[Ended]| all.iter().filter(|ended| part.contains(&ended.at)).copied().collect();
        let length = part.end.saturating_sub(part.start);
        let (requests, refused) = (of(&self.requests), of(&self.refused));
        Self { requests, refused, length, ..Self::default() }
    }

    /// Adds other results.
    pub(crate) fn add(&mut self, more: Self) {
        self.requests.extend(more.requests);
        self.refused.extend(more.refused);
        self.late.extend(more.late);
        self.attempts += more.attempts;
        self.length += more.length;
    }
}

fn quantile_ms(mut times: Vec<Duration>, percent: usize) -> f64 {
    times.sort_unstable();
    let at = times.len() * percent / 100;
    times.get(at).or(times.last()).map_or(0.0, |time| time.as_secs_f64() * 1e3)
}

/// The clients, and what they have seen.
struct Clients {
    client: Client,
    load: Load,
    begun: Instant,
    length: Duration,
    places: Semaphore,
    retries_left: Mutex<f64>,
    outcomes: Mutex<Outcomes>,
}

/// Sends at the rate for this time, and waits for the responses. Two of ten requests are puts.
pub(crate) async fn send(
    client: &Client,
    load: &Load,
    rng: &mut Rng,
    length: Duration,
) -> Outcomes {
    let clients = Arc::new(Clients {
        client: client.clone(),
        load: load.clone(),
        begun: Instant::now(),
        length,
        places: Semaphore::new(MAX_WAITING),
        retries_left: Mutex::default(),
        outcomes: Mutex::new(Outcomes { length, ..Outcomes::default() }),
    });
    // On a thread of the runtime like the requests, so that its delays are theirs.
    let sent = tokio::spawn(clients.clone().send(rng.fork()));
    // Fails only if it panics, which is a fault of this program.
    sent.await.expect("the clients don't panic");
    std::mem::take(&mut *clients.outcomes.lock())
}

impl Clients {
    async fn send(self: Arc<Self>, mut rng: Rng) {
        let period = Duration::from_secs_f64(1.0 / self.load.rate);
        let mut ticks = time::interval_at(self.begun, period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut requests = JoinSet::new();
        loop {
            let due = ticks.tick().await;
            if due >= self.begun + self.length {
                break;
            }
            self.outcomes.lock().late.push(due.elapsed());
            while requests.try_join_next().is_some() {}
            let (clients, rng) = (self.clone(), rng.fork());
            requests.spawn(async move { clients.ask(rng).await });
        }
        requests.join_all().await;
    }

    /// Sends one request, and retries it as docs/API.md says.
    async fn ask(&self, mut rng: Rng) {
        let begun = Instant::now();
        self.earn_retries();
        let id = rng.choice(self.load.ids.iter()).filter(|_| rng.u8(..10) > 1);
        let key = rng.u64(..).to_string();
        let mut ended = self.attempt(id, &key).await;
        for attempt in 1..self.load.tries {
            if ended.is_good() || !self.may_retry() {
                break;
            }
            let wait = match ended.status {
                503 => 1000 + rng.u64(..1000),
                _ => rng.u64(..200 << attempt),
            };
            time::sleep(Duration::from_millis(wait)).await;
            ended = self.attempt(id, &key).await;
        }
        self.outcomes.lock().requests.push(Ended { took: begun.elapsed(), ..ended });
    }

    async fn attempt(&self, id: Option<&String>, key: &str) -> Ended {
        let begun = Instant::now();
        let answer = async {
            match id {
                Some(id) => self.client.get(id).await,
                None => self.client.put(&item(0), Some(key)).await,
            }
        };
        let answer = match self.places.try_acquire() {
            Ok(_place) => time::timeout(self.load.patience, answer).await.ok().flatten(),
            Err(_) => None,
        };
        let at = self.begun.elapsed();
        let status = answer.map_or(0, |answer| answer.status);
        let ended = Ended { at, took: begun.elapsed(), status, in_time: at < self.length };
        let mut outcomes = self.outcomes.lock();
        outcomes.attempts += 1;
        if status == 503 {
            outcomes.refused.push(ended);
        }
        ended
    }

    fn earn_retries(&self) {
        let mut left = self.retries_left.lock();
        *left = (*left + self.load.budget).min(MAX_RETRIES_LEFT);
    }

    fn may_retry(&self) -> bool {
        let mut left = self.retries_left.lock();
        let may = *left >= 1.0;
        if may {
            *left -= 1.0;
        }
        may
    }
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

pub(crate) fn item(bytes: usize) -> Value {
    json!({ "filler": "x".repeat(bytes) })
}
