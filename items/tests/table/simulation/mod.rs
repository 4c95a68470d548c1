//! Many clients, a bad network, and a checker: the real SDK over a transport that loses, delays, repeats and reorders
//! calls and answers, on the real engine. All chances come from a seed and time is paused, so that the same seed
//! gives the same history. Each key's history must be linearizable.
//!
//! More seeds, or one of them with all that happens:
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
/// How many seeds are played, unless `PICUS_SEEDS` says otherwise.
const SEEDS: u64 = 500;
/// A planted fault must be found within this many seeds.
const SEEDS_TO_FIND: u64 = 1_000;

/// What came of a seed.
struct Played {
    /// All that happened, for people.
    text: String,
    operations: usize,
    wrong: Vec<String>,
}

fn play(seed: u64, plant: Option<Plant>) -> Played {
    static REGION: AtomicU64 = AtomicU64::new(0);
    let region = format!("simulation-{}", REGION.fetch_add(1, Relaxed));
    // The SDK's own chances come from the thread's generator.
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
    // A check may take too long in real time only.
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

/// Plays these seeds, on all processors, until as many as `enough` are wrong. Returns the number of operations, and
/// what is wrong.
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
fn a_read_that_is_joined_to_a_call_sent_before_it_is_found() {
    finds(Plant::JoinedRead);
}

#[test]
fn a_put_that_is_tried_again_without_its_condition_is_found() {
    finds(Plant::PutWithoutCondition);
}

#[test]
fn keys_that_were_left_unread_and_are_taken_for_missing_are_found() {
    finds(Plant::LostUnprocessedKeys);
}

#[test]
fn reads_that_may_be_stale_are_found() {
    finds(Plant::StaleReads);
}
