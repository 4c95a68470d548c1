//! Simulated clients that use the same few items concurrently.

use std::collections::HashMap;
use std::time::Duration;

use aws_config::{Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_dynamodb::config::{AsyncSleep, Credentials, SharedAsyncSleep, Sleep};
use fastrand::Rng;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use picus_items::{Error, ErrorKind, IdempotencyKey, Item, Key, Limit, Settings, Table};
use picus_testing::history::{Operation, Outcome};
use tokio::task::JoinSet;
use tokio::time::{self, Instant};
use uuid::Uuid;

use super::network::{Network, OPERATION, Weather};
use crate::given::{item, json, over};

const CLIENTS: usize = 6;
/// Operations of each client. The time to check a history grows fast with its length.
const OPERATIONS: u64 = 6;
/// Items that all clients know.
const SHARED: usize = 2;
/// How long it takes at most until all delayed calls have arrived.
const CALM: Duration = Duration::from_mins(1);

/// Lets the SDK wait in simulated time.
#[derive(Debug)]
struct PausedTime;

impl AsyncSleep for PausedTime {
    fn sleep(&self, duration: Duration) -> Sleep {
        Sleep::new(time::sleep(duration))
    }
}

fn order(number: usize) -> String {
    format!("order-{number}")
}

/// The id of the item that an idempotency key stands for.
fn id_of(order: &str) -> String {
    let namespace = Uuid::new_v5(&Uuid::NAMESPACE_DNS, b"picus.idempotency-key");
    Uuid::new_v5(&namespace, order.as_bytes()).to_string()
}

pub(super) fn shared_ids() -> Vec<String> {
    (0..SHARED).map(|number| id_of(&order(number))).collect()
}

fn key(id: &str) -> Key {
    Key::new(id).unwrap()
}

fn number_of(item: &Item) -> u64 {
    json(item)["number"].as_u64().unwrap()
}

/// The service that all clients share.
#[derive(Clone)]
struct Service {
    network: Network,
    gathered: Table,
    /// The same table, without gathering: each read is one call.
    alone: Table,
}

impl Service {
    /// All tables of one region share the SDK's retry tokens, so each run uses its own region.
    fn new(network: Network, region: String) -> Self {
        let credentials = Credentials::new("test", "test", None, None, "tests");
        let config = SdkConfig::builder()
            .region(Region::new(region))
            .endpoint_url("http://dynamodb.test")
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .sleep_impl(SharedAsyncSleep::new(PausedTime))
            .http_client(over(network.clone()))
            .build();
        let gathers = Settings { gathers_reads: true, ..Settings::default() };
        let gathered = Table::new(&config, &gathers);
        Self { network, gathered, alone: Table::new(&config, &Settings::default()) }
    }
}

/// Lets all clients finish, and then reads every item once. Returns the errors that do not depend on the order
/// of operations, such as a read that took too long.
pub(super) async fn play(network: Network, region: String, mut rng: Rng) -> Vec<String> {
    let service = Service::new(network.clone(), region);
    let client = |number, rng| Client {
        service: service.clone(),
        number,
        rng,
        seen: HashMap::new(),
        own: Vec::new(),
        wrong: Vec::new(),
    };
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        clients.spawn(client(number, Rng::with_seed(rng.u64(..))).work());
    }
    let mut wrong: Vec<_> = clients.join_all().await.into_iter().flatten().collect();
    time::sleep(CALM).await;
    network.lock().weather = Weather::FAIR;
    let mut last = client(CLIENTS, rng);
    let names = network.lock().dynamodb.names();
    for name in names {
        last.get(&name, false).await;
    }
    wrong.extend(last.wrong);
    wrong
}

struct Client {
    service: Service,
    number: usize,
    rng: Rng,
    /// The number that each item had when this client last saw it.
    seen: HashMap<String, u64>,
    /// The ids of this client's items that no other client knows.
    own: Vec<String>,
    wrong: Vec<String>,
}

impl Client {
    async fn work(mut self) -> Vec<String> {
        for step in 0..OPERATIONS {
            time::sleep(Duration::from_millis(self.rng.u64(0..8))).await;
            let order = order(self.rng.usize(0..SHARED));
            let id = id_of(&order);
            let number = self.number as u64 * OPERATIONS + step;
            let seen = self.seen.get(&id).copied().unwrap_or(number);
            let own = self.own.last().cloned();
            match self.rng.u8(0..20) {
                0..5 => self.put(number, Some(&order)).await,
                5 => self.put(seen, Some(&order)).await,
                6 => self.put(number, None).await,
                7..12 => self.get(&id, true).await,
                12 => self.get(&own.unwrap_or(id), false).await,
                13..15 => self.get_and_leave(&id).await,
                15 => self.delete(&own.unwrap_or(id)).await,
                16..18 => self.delete(&id).await,
                18 => self.delete_if(&id, seen).await,
                _ => self.list().await,
            }
        }
        self.wrong
    }

    async fn put(&mut self, number: u64, order: Option<&str>) {
        let table = self.service.gathered.clone();
        let id = order.map(id_of);
        let put = async {
            let item = item(&format!(r#"{{"number":{number}}}"#));
            let order = order.map(|order| IdempotencyKey::new(order).unwrap());
            let id = table.put(item, order.as_ref()).await?;
            Ok((Outcome::Written, Some(id)))
        };
        let operation = Operation::Put(number);
        let new = self.ask(&id.clone().unwrap_or_default(), operation, put.boxed()).await.flatten();
        match (id, new) {
            (Some(id), _) => _ = self.seen.insert(id, number),
            (None, new) => self.own.extend(new.map(|id| id.to_string())),
        }
    }

    async fn get(&mut self, id: &str, gathered: bool) {
        let Service { gathered: with_others, alone, .. } = self.service.clone();
        let table = if gathered { with_others } else { alone };
        let get = async {
            let number = number_of(&table.get(&key(id)).await?);
            Ok((Outcome::Found(number), number))
        };
        if let Some(number) = self.ask(id, Operation::Get, get.boxed()).await {
            self.seen.insert(id.to_owned(), number);
        }
    }

    async fn get_and_leave(&mut self, id: &str) {
        let patience = Duration::from_millis(self.rng.u64(0..8));
        let left = time::timeout(patience, self.service.gathered.get(&key(id))).await.is_err();
        let text = format!("client {}: left a read of {id}: {left}", self.number);
        self.service.network.lock().record.tell(&text);
    }

    async fn delete(&mut self, id: &str) {
        let table = self.service.gathered.clone();
        let delete = async { table.delete(&key(id)).await.map(|()| (Outcome::Deleted, ())) };
        self.ask(id, Operation::Delete(None), delete.boxed()).await;
    }

    async fn delete_if(&mut self, id: &str, meant: u64) {
        let table = self.service.gathered.clone();
        let is_meant = |item: &Item| number_of(item) == meant;
        let delete =
            async { table.delete_if(&key(id), is_meant).await.map(|()| (Outcome::Deleted, ())) };
        self.ask(id, Operation::Delete(Some(meant)), delete.boxed()).await;
    }

    /// Records a list as one read of each item.
    async fn list(&mut self) {
        let Self { service: Service { network, gathered, .. }, number, .. } = self;
        let since = network.lock().record.now();
        let listed = if self.rng.bool() { scan(gathered).await } else { pages(gathered).await };
        let mut inner = network.lock();
        let listed = match listed {
            Ok(listed) => listed,
            Err(error) if inner.weather.is_fair() => return self.wrong.push(format!("{error:?}")),
            Err(_) => return,
        };
        for name in inner.dynamodb.names() {
            let found: Vec<_> = listed.iter().filter(|(id, _)| *id == name).collect();
            if found.len() > 1 {
                self.wrong.push(format!("{name} is listed {} times", found.len()));
            }
            let outcome = found.first().map_or(Outcome::NotFound, |(_, at)| Outcome::Found(*at));
            inner.record.has_read(*number, &name, since, outcome);
        }
    }

    /// Performs an operation, and records its outcome.
    async fn ask<T>(
        &mut self,
        id: &str,
        operation: Operation,
        work: BoxFuture<'_, Result<(Outcome, T), Error>>,
    ) -> Option<T> {
        let network = self.service.network.clone();
        let (number, fair) = {
            let mut inner = network.lock();
            let name = inner.dynamodb.name(id);
            if operation == Operation::Get {
                inner.reads(&name);
            }
            (inner.record.ask(self.number, &name, operation), inner.weather.is_fair())
        };
        let begun = Instant::now();
        let result = OPERATION.scope(number, work).await;
        // A conditional delete makes two calls.
        let most = Settings::default().operation_timeout * 2;
        let most = if operation == Operation::Get { most / 2 } else { most };
        if begun.elapsed() > most + Duration::from_millis(5) {
            self.wrong.push(format!("{operation:?} took {:?}", begun.elapsed()));
        }
        let record = &mut network.lock().record;
        let (outcome, result) = match result {
            Ok((outcome, result)) => (Some(outcome), Some(result)),
            Err(error) => {
                // The error's text contains random ids, which differ between runs of one seed.
                let kind = error.kind();
                record.tell(&format!("client {}: {operation:?}: {kind:?}", self.number));
                let outcome = refusal(&error);
                if fair && outcome.is_none() {
                    self.wrong.push(format!("{operation:?} failed without a fault: {error:?}"));
                }
                (outcome, None)
            }
        };
        if let Some(outcome) = outcome {
            record.answer(number, outcome);
        }
        result
    }
}

/// The outcome that an error stands for, or `None` if the error leaves it open.
fn refusal(error: &Error) -> Option<Outcome> {
    match error.kind() {
        ErrorKind::NotFound => Some(Outcome::NotFound),
        ErrorKind::IdempotencyConflict => Some(Outcome::Conflict),
        ErrorKind::PreconditionFailed => Some(Outcome::NotMeant),
        ErrorKind::Throttled | ErrorKind::DeadlineExceeded | ErrorKind::Internal => None,
        other => panic!("{other:?} is not expected: {error:?}"),
    }
}

type Listed = Result<Vec<(String, u64)>, Error>;

fn listed(items: &[Item]) -> impl Iterator<Item = (String, u64)> {
    items.iter().map(|item| {
        let id = json(item)["object_id"].as_str().unwrap().to_owned();
        (id, number_of(item))
    })
}

async fn scan(table: &Table) -> Listed {
    let (mut all, mut next) = (Vec::new(), None);
    loop {
        let (items, rest) = table.scan(next, 2).await?;
        all.extend(listed(&items));
        next = rest;
        if next.is_none() {
            return Ok(all);
        }
    }
}

async fn pages(table: &Table) -> Listed {
    let (mut all, mut next) = (Vec::new(), None);
    loop {
        let page = table.page(Limit::parse("1").unwrap(), next).await?;
        all.extend(listed(&page.items));
        next = page.next;
        if next.is_none() {
            return Ok(all);
        }
    }
}
