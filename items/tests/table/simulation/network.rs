//! A transport between the SDK and DynamoDB that loses, delays, repeats and reorders calls and answers.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use fastrand::Rng;
use parking_lot::{Mutex, MutexGuard};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::time;

use super::dynamodb::{Answer, Call, DynamoDb};
use super::record::Record;

const THROTTLED: &str = r#"{"__type":"x#ProvisionedThroughputExceededException"}"#;

tokio::task_local! {
    /// The number of the operation that the current client performs.
    pub(super) static OPERATION: usize;
}

/// A fault that the simulation must find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plant {
    /// A read returns what a call found that was sent before the read began.
    JoinedRead,
    /// A retried put overwrites an existing item.
    PutWithoutCondition,
    /// Unprocessed keys are reported as missing items.
    LostUnprocessedKeys,
    /// Reads are eventually consistent.
    StaleReads,
}

/// The percentage of calls, or of keys, that each fault affects.
#[derive(Debug, Clone, Copy)]
pub(super) struct Weather {
    lost: u8,
    slow: u8,
    repeated: u8,
    throttled: u8,
    unread: u8,
}

impl Weather {
    fn of(rng: &mut Rng) -> Self {
        let mut level = || [0, 0, 5, 20][rng.usize(0..4)];
        Self {
            lost: level(),
            slow: level(),
            repeated: level(),
            throttled: level(),
            unread: 2 * level(),
        }
    }

    pub(super) const FAIR: Self = Self { lost: 0, slow: 0, repeated: 0, throttled: 0, unread: 0 };

    /// Whether no fault can make an operation fail.
    pub(super) fn is_fair(self) -> bool {
        self.lost + self.slow + self.throttled + self.unread == 0
    }
}

/// Clones are the same network.
#[derive(Clone)]
pub(super) struct Network(Arc<Mutex<Inner>>);

pub(super) struct Inner {
    rng: Rng,
    pub(super) weather: Weather,
    pub(super) record: Record,
    pub(super) dynamodb: DynamoDb,
    plant: Option<Plant>,
    /// If `JoinedRead` is planted: what the next read of each key returns.
    joined: HashMap<String, Option<Value>>,
}

/// What the network does with a call.
#[derive(Debug)]
struct Fate {
    /// How long the call takes to arrive. `None` if it is lost.
    there: Option<Duration>,
    throttled: bool,
    then: Then,
    /// If the call is repeated: the time until it arrives again.
    again: Option<Duration>,
}

#[derive(Debug)]
enum Then {
    Answer(Duration),
    /// The connection breaks.
    Break(Duration),
    /// No answer comes, until the caller's deadline passes.
    Silence,
}

impl Network {
    pub(super) fn new(mut rng: Rng, plant: Option<Plant>, dynamodb: DynamoDb) -> Self {
        let (weather, record) = (Weather::of(&mut rng), Record::begin());
        let joined = HashMap::new();
        Self(Arc::new(Mutex::new(Inner { rng, weather, record, dynamodb, plant, joined })))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock()
    }

    /// Carries a call to DynamoDB and its answer back, even if the caller has given up.
    async fn carry(self, call: Call, fate: Fate, client: oneshot::Sender<Option<Answer>>) {
        let mut done = None;
        if let Some(there) = fate.there {
            time::sleep(there).await;
            done = Some(match call.operation.as_str() {
                _ if fate.throttled => (400, THROTTLED.to_owned()),
                "BatchGetItem" => self.read_many(&call).await,
                _ => self.lock().dynamodb.perform(&call),
            });
        }
        let changed = done.as_ref().is_some_and(|answer| call.has_changed(answer));
        if let Some(sent) = call.sent.filter(|_| !changed) {
            self.lock().record.settle(sent);
        }
        let answer = match fate.then {
            Then::Answer(back) => {
                time::sleep(back).await;
                done
            }
            Then::Break(back) => {
                time::sleep(back).await;
                None
            }
            Then::Silence => std::future::pending().await,
        };
        if call.is_read() {
            self.lock().dynamodb.under_way.retain(|key, _| !call.keys().contains(&key.as_str()));
        }
        // The SDK may have given up.
        let _ = client.send(answer);
    }

    /// Reads each key of a batch at a different moment.
    async fn read_many(&self, call: &Call) -> Answer {
        let (mut found, mut unread) = (Vec::new(), Vec::new());
        for (at, key) in call.keys().into_iter().enumerate() {
            // DynamoDB reads at least one key.
            let share = self.lock().weather.unread;
            if at > 0 && self.lock().meets(share) {
                unread.push(json!({"object_id": {"S": key}}));
                continue;
            }
            let pause = self.lock().rng.u64(0..12).saturating_sub(9);
            time::sleep(Duration::from_millis(pause)).await;
            found.extend(self.lock().dynamodb.read(key, call));
        }
        let mut inner = self.lock();
        inner.record.tell(&format!("unread: {}", Value::from(unread.clone())));
        let lost = inner.plant == Some(Plant::LostUnprocessedKeys);
        let rest = if unread.is_empty() || lost { json!({}) } else { call.batch_of(&unread) };
        (200, json!({"Responses": {super::TABLE: found}, "UnprocessedKeys": rest}).to_string())
    }
}

impl Inner {
    fn meets(&mut self, share: u8) -> bool {
        share > 0 && self.rng.u8(0..100) < share
    }

    fn delay(&mut self) -> Duration {
        let slow = self.weather.slow;
        Duration::from_millis(match self.meets(slow) {
            true if self.rng.bool() => self.rng.u64(1_000..4_000),
            true => self.rng.u64(10..80),
            false if self.rng.u8(0..8) == 0 => self.rng.u64(5..20),
            false => self.rng.u64(1..5),
        })
    }

    fn fate(&mut self) -> Fate {
        let Weather { lost, repeated, throttled, .. } = self.weather;
        let (there, back) = (self.delay(), self.delay());
        let (arrives, answers) = (!self.meets(lost), !self.meets(lost));
        let again = self.meets(repeated).then(|| there + self.delay());
        let then = match self.rng.bool() {
            _ if arrives && answers => Then::Answer(back),
            true => Then::Break(back),
            false => Then::Silence,
        };
        let throttled = self.meets(throttled);
        Fate { there: arrives.then_some(there), throttled, then, again }
    }

    /// A client begins to read.
    pub(super) fn reads(&mut self, key: &str) {
        if self.plant == Some(Plant::JoinedRead)
            && let Some(item) = self.dynamodb.under_way.get(key)
        {
            self.joined.insert(key.to_owned(), item.clone());
        }
    }

    /// Applies the planted fault to a call before it is sent.
    fn plant(&mut self, call: &mut Call, is_retry: bool) {
        match self.plant {
            Some(Plant::JoinedRead) if call.is_read() => {
                let keys: Vec<_> = call.keys().into_iter().map(str::to_owned).collect();
                let joined = keys.into_iter().filter_map(|key| self.joined.remove_entry(&key));
                call.joined = joined.collect();
            }
            Some(Plant::PutWithoutCondition) if call.operation == "PutItem" && is_retry => {
                for name in ["ConditionExpression", "ReturnValuesOnConditionCheckFailure"] {
                    call.body.as_object_mut().map(|body| body.remove(name));
                }
            }
            Some(Plant::StaleReads) if call.is_read() => call.consistent = false,
            _ => {}
        }
    }
}

impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Network")
    }
}

impl HttpConnector for Network {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let header = |name| request.headers().get(name).unwrap_or_default();
        let operation = header("x-amz-target").rsplit('.').next().unwrap_or_default();
        let is_retry = !header("amz-sdk-request").starts_with("attempt=1");
        let body = serde_json::from_slice(request.body().bytes().unwrap_or_default());
        let mut call = Call::new(operation, body.expect("the SDK sends JSON"));

        let mut inner = self.lock();
        inner.dynamodb.rename(&mut call);
        inner.plant(&mut call, is_retry);
        let fate = inner.fate();
        let text = format!("{} {:?}, retry: {is_retry}, {fate:?}", call.operation, call.keys());
        inner.record.tell(&text);
        let of = OPERATION.try_with(|of| *of).ok().filter(|_| call.is_write());
        let mut send = |call: &mut Call| {
            call.sent = of.map(|of| inner.record.send(of, call.keys()[0]));
            call.sent
        };
        let number = send(&mut call);
        if let Some(after) = fate.again {
            let mut call = call.clone();
            send(&mut call);
            let fate =
                Fate { there: Some(after), throttled: false, then: Then::Silence, again: None };
            tokio::spawn(self.clone().carry(call, fate, oneshot::channel().0));
        }
        drop(inner);

        let (client, answer) = oneshot::channel();
        tokio::spawn(self.clone().carry(call, fate, client));
        let network = self.clone();
        HttpConnectorFuture::new(async move {
            let answer = answer.await.ok().flatten();
            let broken = || ConnectorError::io("the connection broke".into());
            let (status, text) = answer.ok_or_else(broken)?;
            if let Some(number) = number {
                network.lock().record.settle(number);
            }
            let status = status.try_into().expect("it is an HTTP status");
            Ok(HttpResponse::new(status, SdkBody::from(text)))
        })
    }
}
