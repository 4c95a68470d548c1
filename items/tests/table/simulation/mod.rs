//! Simulates clients on a bad network, and checks that each key's history is linearizable. The SDK and the
//! DynamoDB engine are real. Between them, a transport loses, delays, repeats and reorders calls and answers.
//! All randomness comes from a seed, and time is simulated, so one seed always gives the same history.
//! To play more seeds, or to print all events of one:
//!
//! ```sh
//! PICUS_SEEDS=10000 cargo test --workspace --test table -- simulation::every
//! PICUS_SEED=17 cargo test --workspace --test table -- simulation::every --nocapture
//! ```

mod clients;
mod dynamodb;
mod network;
mod record;

use std::env;
use std::fmt::Write as _;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;

use fastrand::Rng;
use parking_lot::Mutex;
use picus_testing::history::Verdict;
use tokio::runtime::Builder;

use dynamodb::DynamoDb;
use network::{Network, Plant};

const TABLE: &str = "picus_data";
/// The number of seeds, unless `PICUS_SEEDS` sets it.
const SEEDS: u64 = 500;
/// A planted fault must be found within this many seeds.
const SEEDS_TO_FIND: u64 = 1_000;

/// The result of one seed.
struct Played {
    /// All events, one a line.
    text: String,
    operations: usize,
    wrong: Vec<String>,
}

fn play(seed: u64, plant: Option<Plant>) -> Played {
    static REGION: AtomicU64 = AtomicU64::new(0);
    let region = format!("simulation-{}", REGION.fetch_add(1, Relaxed));
    // The SDK takes its random numbers from the thread's generator.
    fastrand::seed(seed);
    let mut rng = Rng::with_seed(seed);
    let paused = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let (network, mut wrong) = paused.block_on(async {
        let dynamodb = DynamoDb::new(rng.fork(), clients::shared_ids());
        let network = Network::new(rng.fork(), plant, dynamodb);
        let wrong = clients::play(network.clone(), region, rng).await;
        (network, wrong)
    });
    let record = &network.lock().record;
    // The checker's time limit is in real time.
    let real = Builder::new_current_thread().enable_time().build().unwrap();
    let mut operations = 0;
    for (key, history) in record.histories() {
        operations += history.operations();
        let verdict = real.block_on(history.check());
        if verdict != Verdict::Linearizable {
            wrong.push(format!("{key}: {verdict:?}: {}", history.text()));
        }
    }
    Played { text: record.text().to_owned(), operations, wrong }
}

/// Plays these seeds on all processors, until `enough` seeds have failed. Returns the number of operations, and
/// the failures.
fn play_all(seeds: Range<u64>, plant: Option<Plant>, enough: usize) -> (usize, Vec<(u64, String)>) {
    let next = AtomicU64::new(seeds.start);
    let found = Mutex::new((0, Vec::new()));
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, Into::into) {
            scope.spawn(|| {
                while found.lock().1.len() < enough {
                    let seed = next.fetch_add(1, Relaxed);
                    if !seeds.contains(&seed) {
                        break;
                    }
                    let played = play(seed, plant);
                    let mut found = found.lock();
                    found.0 += played.operations;
                    if !played.wrong.is_empty() {
                        found.1.push((seed, played.wrong.join("\n")));
                    }
                }
            });
        }
    });
    found.into_inner()
}

fn number(name: &str) -> Option<u64> {
    env::var(name).ok().map(|text| text.parse().expect("it is a number"))
}

#[test]
fn every_history_is_linearizable() {
    if let Some(seed) = number("PICUS_SEED") {
        let played = play(seed, None);
        println!("{}", played.text);
        assert!(played.wrong.is_empty(), "{}", played.wrong.join("\n"));
        return;
    }
    let seeds = number("PICUS_SEEDS").unwrap_or(SEEDS);
    let (operations, wrong) = play_all(0..seeds, None, 10);
    println!("{seeds} seeds, {operations} operations");
    let mut told = String::new();
    for (seed, wrong) in &wrong {
        let _ = writeln!(told, "PICUS_SEED={seed} shows it: {wrong}");
    }
    assert!(wrong.is_empty(), "{told}");
}

#[test]
fn the_same_seed_gives_the_same_history() {
    for seed in 0..20 {
        let again = thread::spawn(move || play(seed, None).text);
        let text = play(seed, None).text;
        assert!(text.lines().count() > 30, "{text}");
        assert_eq!(text, again.join().unwrap(), "seed {seed}");
    }
}

/// Whether the simulation finds a fault, and how soon.
fn finds(plant: Plant) {
    let (_, wrong) = play_all(0..SEEDS_TO_FIND, Some(plant), 1);
    let seeds: Vec<_> = wrong.iter().map(|(seed, _)| seed).collect();
    println!("{plant:?} is found by {seeds:?}");
    assert!(wrong.iter().any(|(_, wrong)| wrong.contains("Not: ")), "{plant:?}: {wrong:?}");
}

#[test]
fn the_simulation_finds_reads_that_join_an_earlier_call() {
    finds(Plant::JoinedRead);
}

#[test]
fn the_simulation_finds_retried_puts_without_their_condition() {
    finds(Plant::PutWithoutCondition);
}

#[test]
fn the_simulation_finds_unprocessed_keys_reported_as_missing() {
    finds(Plant::LostUnprocessedKeys);
}

#[test]
fn the_simulation_finds_stale_reads() {
    finds(Plant::StaleReads);
}
