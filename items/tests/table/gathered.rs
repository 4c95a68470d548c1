//! Reads that come while others are under way.

use std::future::Future;
use std::num::{NonZeroU32, NonZeroUsize};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use aws_config::Region;
use aws_sdk_dynamodb::config::{AsyncSleep, Credentials, Sleep};
use futures_util::future;
use picus_items::{Budget, Content, Error, ErrorKind, Gathering, Item, Key, Settings, Table};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{self, Instant};

use crate::by_hand::{ByHand, Call};
use crate::given::json as told;

type Read = JoinHandle<Result<Item, Error>>;

/// Ends the wait for the next attempt at once; the SDK's deadlines, which are longer, never pass.
#[derive(Debug)]
struct NoWaits;

impl AsyncSleep for NoWaits {
    fn sleep(&self, duration: Duration) -> Sleep {
        if duration >= DEADLINE {
            return Sleep::new(future::pending());
        }
        Sleep::new(future::ready(()))
    }
}

const DEADLINE: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_mins(1);

/// A table, and the calls that are made to it.
struct Given {
    table: Table,
    calls: mpsc::UnboundedReceiver<Call>,
}

/// A table that gathers past one call. Calls to one region share their tokens, in all of the tests.
async fn given(region: &'static str, max_attempts: u32) -> Given {
    let gathering = Gathering { past: NonZeroUsize::MIN, patience: PATIENCE };
    given_so(region, max_attempts, gathering, DEADLINE).await
}

async fn given_so(
    region: &'static str,
    max_attempts: u32,
    gathering: Gathering,
    operation_timeout: Duration,
) -> Given {
    let (sender, calls) = mpsc::unbounded_channel();
    let config = aws_config::from_env()
        .region(Region::from_static(region))
        .credentials_provider(Credentials::new("test", "test", None, None, "tests"))
        .sleep_impl(NoWaits)
        .http_client(ByHand(sender))
        .load()
        .await;
    let settings = Settings {
        max_attempts: NonZeroU32::new(max_attempts),
        attempt_timeout: DEADLINE,
        operation_timeout,
        gathering: Some(gathering),
        ..Settings::default()
    };
    Given { table: Table::new(&config, &settings), calls }
}

impl Given {
    /// Begins to read, and waits until that has come as far as it comes by itself.
    async fn read(&self, key: &str) -> Read {
        self.read_within(key, |read| read).await
    }

    async fn read_within<F>(&self, key: &str, within: impl FnOnce(GetFuture) -> F) -> Read
    where
        F: Future<Output = Result<Item, Error>> + Send + 'static,
    {
        let (table, key) = (self.table.clone(), Key::new(key).unwrap());
        let read = tokio::spawn(within(Box::pin(async move { table.get(&key).await })));
        settle().await;
        read
    }

    /// The next call, which has been made already.
    async fn call(&mut self, operation: &str, keys: &[&str]) -> Call {
        settle().await;
        let call = self.calls.try_recv().expect("a call");
        assert_eq!((call.operation.as_str(), call.keys()), (operation, keys.to_vec()));
        call
    }

    /// The next call, which may be yet to come.
    async fn next(&mut self) -> Call {
        let call = time::timeout(PATIENCE, self.calls.recv()).await;
        call.expect("a call within a minute").expect("the table is there")
    }

    async fn no_call(&mut self) {
        settle().await;
        assert!(self.calls.try_recv().is_err());
    }
}

type GetFuture = Pin<Box<dyn Future<Output = Result<Item, Error>> + Send>>;

/// Lets all that can go on do so.
async fn settle() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}

async fn id(read: Read) -> String {
    told(&read.await.unwrap().unwrap())["object_id"].as_str().unwrap().to_owned()
}

async fn kind(read: Read) -> ErrorKind {
    let error = read.await.unwrap().unwrap_err();
    assert!(error.message().starts_with("Could not get item"), "{error}");
    assert!(std::error::Error::source(&error).is_some(), "the log needs the cause");
    error.kind()
}

#[tokio::test]
async fn reads_that_come_while_one_is_under_way_go_together_once_it_has_ended() {
    let mut given = given("gathered", 1).await;
    let first = given.read("a").await;
    let alone = given.call("GetItem", &["a"]).await;
    let waiting = [given.read("b").await, given.read("c").await, given.read("b").await];
    given.no_call().await;
    alone.find_all();
    assert_eq!(id(first).await, "a");
    let together = given.call("BatchGetItem", &["b", "c"]).await;
    // What comes now may ask for what was written since: it does not join.
    let later = given.read("b").await;
    given.no_call().await;
    together.find(&["b"], &[], "");
    let [b, c, again] = waiting;
    assert_eq!((id(b).await, id(again).await), ("b".to_owned(), "b".to_owned()));
    let missing = c.await.unwrap().unwrap_err();
    assert_eq!(
        (missing.kind(), missing.message()),
        (ErrorKind::NotFound, "Item with key 'c' not found")
    );
    given.call("BatchGetItem", &["b"]).await.find_all();
    assert_eq!(id(later).await, "b");
    // Nothing is under way any more.
    let alone = given.read("d").await;
    given.call("GetItem", &["d"]).await.find_all();
    assert_eq!(id(alone).await, "d");
}

#[tokio::test]
async fn a_call_asks_for_at_most_a_hundred_keys() {
    let mut given = given("hundred", 1).await;
    let _first = given.read("a").await;
    let alone = given.call("GetItem", &["a"]).await;
    let mut reads = Vec::new();
    for number in 0..150 {
        reads.push(given.read(&format!("k{number}")).await);
    }
    alone.find_all();
    settle().await;
    let one = given.next().await;
    given.no_call().await;
    assert_eq!(one.keys().len(), 100);
    one.find_all();
    settle().await;
    let other = given.next().await;
    assert_eq!(other.keys().len(), 50);
    other.find_all();
    for (number, read) in reads.into_iter().enumerate() {
        assert_eq!(id(read).await, format!("k{number}"));
    }
}

#[tokio::test]
async fn who_leaves_costs_the_others_nothing() {
    let mut given = given("left", 1).await;
    let first = given.read("a").await;
    let alone = given.call("GetItem", &["a"]).await;
    let [b, c, d] = [given.read("b").await, given.read("c").await, given.read("d").await];
    b.abort();
    // The one that is alone leaves, and its call with it.
    first.abort();
    let together = given.call("BatchGetItem", &["c", "d"]).await;
    assert!(alone.answer.is_closed());
    c.abort();
    settle().await;
    together.find_all();
    assert_eq!(id(d).await, "d");
}

#[tokio::test]
async fn a_call_that_hangs_keeps_others_waiting_for_a_moment_only() {
    let gathering =
        Gathering { patience: Duration::from_millis(50), ..Gathering::past(NonZeroUsize::MIN) };
    let mut given = given_so("hangs", 1, gathering, DEADLINE).await;
    let hangs = given.read("a").await;
    let _call = given.next().await;
    let read = given.read("b").await;
    given.next().await.find_all();
    assert_eq!(id(read).await, "b");
    assert!(!hangs.is_finished());
}

#[tokio::test]
async fn each_read_has_its_own_deadline() {
    let gathering = Gathering { past: NonZeroUsize::MIN, patience: PATIENCE };
    let mut given = given_so("deadline", 1, gathering, Duration::from_millis(300)).await;
    let begun = Instant::now();
    let _hangs = given.read("a").await;
    let read = given.read("b").await;
    assert_eq!(kind(read).await, ErrorKind::DeadlineExceeded);
    assert!(begun.elapsed() < Duration::from_secs(5), "the call before it never ends");
    given.call("GetItem", &["a"]).await;
}

#[tokio::test]
async fn what_is_left_unread_is_read_again_and_alone() {
    let mut given = given("unread", 3).await;
    let first = given.read("a").await;
    let alone = given.call("GetItem", &["a"]).await;
    let [b, c, d] = [given.read("b").await, given.read("c").await, given.read("d").await];
    alone.find_all();
    let together = given.call("BatchGetItem", &["b", "c", "d"]).await;
    together.find(&["c"], &["b", "d"], "");
    let again = given.next().await;
    assert_eq!(again.keys(), ["b", "d"]);
    again.find(&[], &["d"], "");
    let again = given.next().await;
    assert_eq!(again.keys(), ["d"]);
    again.find(&[], &["d"], "");
    // What was found is there; what was not found in three attempts is not known.
    assert_eq!(id(c).await, "c");
    assert_eq!(b.await.unwrap().unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(kind(d).await, ErrorKind::Throttled);
    drop(first);
}

#[tokio::test]
async fn what_is_left_unread_takes_from_the_tokens_of_all_calls() {
    let mut given = given("unread-tokens", 4).await;
    let _first = given.read("a").await;
    given.call("GetItem", &["a"]).await.find_all();
    // Of 500 tokens, an attempt after a throttle takes 5.
    let mut asked = 0;
    for _ in 0..50 {
        let blocks = given.read("a").await;
        let alone = given.call("GetItem", &["a"]).await;
        let read = given.read("b").await;
        blocks.abort();
        settle().await;
        drop(alone);
        while !read.is_finished() {
            let call = time::timeout(Duration::from_mins(1), given.calls.recv()).await;
            let Ok(Some(call)) = call else { break };
            asked += 1;
            call.find(&[], &["b"], "");
            settle().await;
        }
        assert_eq!(kind(read).await, ErrorKind::Throttled);
    }
    assert_eq!(asked, 50 + 500 / 5);
}

#[tokio::test]
async fn a_failed_call_is_the_failure_of_each() {
    let denied = json!({"__type": "x#AccessDeniedException"});
    let throttled = json!({"__type": "x#ProvisionedThroughputExceededException"});
    for (status, body, expected) in [
        (500, json!({}), ErrorKind::Internal),
        (400, denied, ErrorKind::Internal),
        (400, throttled, ErrorKind::Throttled),
    ] {
        let mut given = given("failed", 1).await;
        let _first = given.read("a").await;
        let alone = given.call("GetItem", &["a"]).await;
        let (b, c) = (given.read("b").await, given.read("c").await);
        alone.find_all();
        given.call("BatchGetItem", &["b", "c"]).await.say(status, &body);
        assert_eq!((kind(b).await, kind(c).await), (expected, expected));
    }
}

#[tokio::test]
async fn an_answer_that_is_cut_for_its_size_costs_no_attempt() {
    let mut given = given("cut", 1).await;
    let _first = given.read("a").await;
    let alone = given.call("GetItem", &["a"]).await;
    let (b, c) = (given.read("b").await, given.read("c").await);
    alone.find_all();
    let text = "x".repeat(600_000);
    given.call("BatchGetItem", &["b", "c"]).await.find(&["c"], &["b"], &text);
    assert_eq!(id(c).await, "c");
    given.call("BatchGetItem", &["b"]).await.find_all();
    assert_eq!(id(b).await, "b");
}

#[tokio::test]
async fn a_batch_that_finds_no_room_is_read_in_smaller_ones_and_each_read_holds_its_item() {
    let mut given = given("room", 1).await;
    let budget = Budget::new(200_000);
    let text = "x".repeat(30_000);
    let _first = given.read("a").await;
    let alone = given.call("GetItem", &["a"]).await;
    let mut reads = Vec::new();
    for key in ["b", "c", "c"] {
        let room = Arc::new(budget.room());
        let held = room.clone();
        reads.push((given.read_within(key, |read| held.within(read)).await, room));
    }
    alone.find_all();
    given.call("BatchGetItem", &["b", "c"]).await.find(&["b", "c"], &[], &"x".repeat(60_000));
    given.call("BatchGetItem", &["b"]).await.find(&["b"], &[], &text);
    given.call("BatchGetItem", &["c"]).await.find(&["c"], &[], &text);
    settle().await;
    let free = budget.free();
    assert!(free < 200_000 - 3 * 2 * text.len(), "{free}");
    for (read, room) in reads {
        assert!(read.await.unwrap().is_ok());
        room.release(Content::Reply);
    }
    assert_eq!(budget.free(), 200_000 / 1024 * 1024);
}
