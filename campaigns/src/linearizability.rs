//! Many clients put, get and delete a few keys, while tasks and delete handlers are killed. For each key, the
//! responses must be possible for a single item that changes at single moments.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use clap::Args;
use fastrand::Rng;
use parking_lot::Mutex;
use picus_testing::history::{History, Operation, Outcome, Verdict};
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{self, Instant};

use crate::client::{Answer, Client};
use crate::context::{CampaignError, Context};
use crate::program::{self, Program};
use crate::report::Report;

const CLIENTS: usize = 8;
/// So few that several clients share a key at any time.
const KEYS: usize = 4;
/// Operations of each client in a round. Each round has its own keys, so that histories stay short: the time to check
/// one grows fast with its length.
const OPERATIONS: usize = 12;
/// For the same reason, a client ends its round after this many requests without a response.
const MAX_OPEN: usize = 2;
/// A part is killed after this many milliseconds of the round.
const KILL_AFTER_MS: std::ops::Range<u64> = 0..60;
/// The longest time until everything works again after a kill.
const RECOVERY: Duration = Duration::from_secs(30);

#[derive(Args)]
pub(crate) struct Arguments {
    /// How many rounds are played, with a kill in each [default: 25, or 1000 at size large]
    #[arg(long)]
    rounds: Option<usize>,
}

/// One key of a round.
struct Key {
    name: String,
    id: String,
    history: Mutex<History>,
}

/// Counters that all clients of a campaign share.
#[derive(Default)]
struct Counts {
    /// The next number of a put.
    put: AtomicUsize,
    open: AtomicUsize,
}

pub(crate) async fn run(context: &Context, arguments: &Arguments) -> Result<Report, CampaignError> {
    let rounds = context.count(arguments.rounds, 25, 1000);
    let folder = tempfile::tempdir()?;
    let mut rng = Rng::with_seed(context.seed);
    let mut report = Report::default();
    let program = Program::start(&context.picus, folder.path(), &["--tasks", "3"]).await?;
    let client = Client::of(program.address);
    let counts = Arc::new(Counts::default());
    let (mut kills, mut operations, mut longest) = (0, 0, 0);
    for round in 0..rounds {
        let Some(keys) = keys(&client, round).await else {
            report.fail(format!("after {kills} kills the system does not recover"));
            break;
        };
        let next_client = Arc::new(AtomicUsize::new(0));
        let mut clients = JoinSet::new();
        for _ in 0..CLIENTS {
            let rng = Rng::with_seed(rng.u64(..));
            let (keys, next_client, counts) = (keys.clone(), next_client.clone(), counts.clone());
            clients.spawn(play(client.clone(), rng, keys, next_client, counts));
        }
        time::sleep(Duration::from_millis(rng.u64(KILL_AFTER_MS))).await;
        if let Some(part) = rng.choice(program.children()) {
            program::kill(part);
            kills += 1;
        }
        for wrong in clients.join_all().await.into_iter().flatten() {
            report.fail(wrong);
        }
        for key in keys.iter() {
            let history = std::mem::take(&mut *key.history.lock());
            operations += history.operations();
            longest = longest.max(history.operations());
            match history.check().await {
                Verdict::Linearizable => {}
                Verdict::Not => report.fail(format!("not linearizable: {}", history.text())),
                Verdict::Unknown => {
                    report.fail(format!("checking takes too long: {}", history.text()));
                }
            }
        }
    }
    report.check(program.kill().await?, || "a process runs on".to_owned());
    report.figure("rounds", rounds);
    report.figure("kills of a task or a handler", kills);
    report.figure("operations checked", operations);
    report.figure("of them without an answer", counts.open.load(Ordering::Relaxed));
    report.figure("operations on the busiest key", longest);
    Ok(report)
}

/// New keys without items. To learn the id of a key, an item must be put and deleted.
async fn keys(client: &Client, round: usize) -> Option<Arc<[Key]>> {
    let attempt = AtomicUsize::new(0);
    let mut keys = Vec::new();
    for _ in 0..KEYS {
        let key = until_some(async || {
            // A put without a response may take effect later, during the round. Its key is not used.
            let name = format!("round-{round}-{}", attempt.fetch_add(1, Ordering::Relaxed));
            let put = client.put(&json!({ "number": 0 }), Some(&name)).await?;
            let id = put.object_id().filter(|_| put.status == 201)?;
            let deleted = client.delete(&id).await?.status == 200;
            deleted.then(|| Key { name, id, history: Mutex::new(History::default()) })
        });
        keys.push(key.await?);
    }
    Some(keys.into())
}

/// Retries until there is a result, for a while.
async fn until_some<T>(try_it: impl AsyncFn() -> Option<T>) -> Option<T> {
    let until = Instant::now() + RECOVERY;
    while Instant::now() < until {
        if let Some(found) = try_it().await {
            return Some(found);
        }
        time::sleep(Duration::from_millis(20)).await;
    }
    None
}

/// One client's round. Returns responses that no item could give, in whatever order.
async fn play(
    client: Client,
    mut rng: Rng,
    keys: Arc<[Key]>,
    next_client: Arc<AtomicUsize>,
    counts: Arc<Counts>,
) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut number = next_client.fetch_add(1, Ordering::Relaxed);
    let mut open = 0;
    for _ in 0..OPERATIONS {
        let Some(key) = rng.choice(keys.iter()) else { break };
        let operation = match rng.u8(..10) {
            0..=3 => Operation::Put(counts.put.fetch_add(1, Ordering::Relaxed) as u64 + 1),
            4..=7 => Operation::Get,
            _ => Operation::Delete(None),
        };
        key.history.lock().invoke(number, operation);
        let answer = send(&client, key, operation).await;
        match answer.as_ref().map(|answer| outcome(operation, answer)) {
            Some(Ok(Some(outcome))) => key.history.lock().answer(number, outcome),
            Some(Err(unexpected)) => wrong.push(format!("{operation:?} is {unexpected}")),
            None | Some(Ok(None)) => {
                counts.open.fetch_add(1, Ordering::Relaxed);
                number = next_client.fetch_add(1, Ordering::Relaxed);
                open += 1;
                if open == MAX_OPEN {
                    break;
                }
            }
        }
    }
    wrong
}

async fn send(client: &Client, key: &Key, operation: Operation) -> Option<Answer> {
    match operation {
        Operation::Put(number) => client.put(&json!({ "number": number }), Some(&key.name)).await,
        Operation::Get => client.get(&key.id).await,
        Operation::Delete(_) => client.delete(&key.id).await,
    }
}

/// The outcome in a response; `None` if it leaves open whether the request was performed; an error if it is wrong.
fn outcome(operation: Operation, answer: &Answer) -> Result<Option<Outcome>, String> {
    let number = || answer.json()?["number"].as_u64();
    let unexpected = || format!("{}: {}", answer.status, String::from_utf8_lossy(&answer.body));
    let outcome = match (operation, answer.status) {
        (_, 500..) => return Ok(None),
        (Operation::Put(_), 201) => Outcome::Written,
        (Operation::Put(_), 409) => Outcome::Conflict,
        (Operation::Get, 200) => Outcome::Found(number().ok_or_else(unexpected)?),
        (Operation::Delete(_), 200) => Outcome::Deleted,
        (Operation::Get | Operation::Delete(_), 404) => Outcome::NotFound,
        _ => return Err(unexpected()),
    };
    Ok(Some(outcome))
}
