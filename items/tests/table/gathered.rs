//! Reads that arrive while others are in flight, and are gathered into batches.

use std::future::Future;
use std::num::NonZeroU32;
use std::pin::Pin;
use std::time::Duration;

use aws_config::Region;
use aws_sdk_dynamodb::config::{AsyncSleep, Credentials, Sleep};
use futures_util::future;
use picus_items::{Budget, Content, Error, ErrorKind, Item, Key, Room, Settings, Table};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time;

use crate::by_hand::{ByHand, Call};
use crate::given::{json as told, over};

pub(crate) type Read = JoinHandle<Result<Item, Error>>;

/// Skips the SDK's waits between attempts. The SDK's deadlines, which are longer, never pass.
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
/// How long a test waits for a call.
const PATIENCE: Duration = Duration::from_mins(1);

/// A table, and its calls to DynamoDB.
pub(crate) struct Given {
    table: Table,
    calls: mpsc::UnboundedReceiver<Call>,
}

/// A table that gathers reads. All tables of one region share the SDK's retry tokens, so each test uses its own
/// region.
pub(crate) async fn given(region: &'static str, max_attempts: u32) -> Given {
    let (sender, calls) = mpsc::unbounded_channel();
    let config = aws_config::from_env()
        .region(Region::from_static(region))
        .credentials_provider(Credentials::new("test", "test", None, None, "tests"))
        .sleep_impl(NoWaits)
        .http_client(over(ByHand(sender)))
        .load()
        .await;
    let settings = Settings {
        max_attempts: NonZeroU32::new(max_attempts),
        attempt_timeout: DEADLINE,
        operation_timeout: DEADLINE,
        gathers_reads: true,
        ..Settings::default()
    };
    Given { table: Table::new(&config, &settings), calls }
}

impl Given {
    /// Starts a read, and lets it run until it waits for a call's answer.
    async fn read(&self, key: &str) -> Read {
        let [read] = self.reads([key]).await;
        read
    }

    /// Starts several reads at the same time.
    async fn reads<const N: usize>(&self, keys: [&str; N]) -> [Read; N] {
        self.reads_within(keys.map(|key| (key, |read| read))).await
    }

    pub(crate) async fn reads_within<F, const N: usize>(
        &self,
        reads: [(&str, impl FnOnce(GetFuture) -> F); N],
    ) -> [Read; N]
    where
        F: Future<Output = Result<Item, Error>> + Send + 'static,
    {
        let begun = reads.map(|(key, within)| {
            let (table, key) = (self.table.clone(), Key::new(key).unwrap());
            tokio::spawn(within(Box::pin(async move { table.get(&key).await })))
        });
        settle().await;
        begun
    }

    /// Starts a call that stays in flight until the returned value is dropped, so that later reads are
    /// gathered.
    pub(crate) async fn busy(&mut self) -> Busy {
        let read = self.read("busy").await;
        Busy { read, _call: self.call("GetItem", &["busy"]).await }
    }

    /// The next call, which must have been made already.
    pub(crate) async fn call(&mut self, operation: &str, keys: &[&str]) -> Call {
        settle().await;
        let call = self.calls.try_recv().expect("a call");
        assert_eq!((call.operation.as_str(), call.keys()), (operation, keys.to_vec()));
        call
    }

    /// Waits for the next call.
    pub(crate) async fn next(&mut self) -> Call {
        let call = time::timeout(PATIENCE, self.calls.recv()).await;
        call.expect("a call within a minute").expect("the table is there")
    }

    async fn no_call(&mut self) {
        settle().await;
        assert!(self.calls.try_recv().is_err());
    }
}

/// A call in flight.
pub(crate) struct Busy {
    read: Read,
    _call: Call,
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.read.abort();
    }
}

pub(crate) type GetFuture = Pin<Box<dyn Future<Output = Result<Item, Error>> + Send>>;

/// Lets all tasks run until they wait.
async fn settle() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}

pub(crate) async fn id(read: Read) -> String {
    told(&read.await.unwrap().unwrap())["object_id"].as_str().unwrap().to_owned()
}

pub(crate) async fn kind(read: Read) -> ErrorKind {
    let error = read.await.unwrap().unwrap_err();
    assert!(error.message().starts_with("Could not get item"), "{error}");
    assert!(std::error::Error::source(&error).is_some(), "the log needs the cause");
    error.kind()
}

#[tokio::test]
async fn a_single_read_is_sent_at_once_and_alone() {
    let mut given = given("alone", 1).await;
    for key in ["a", "b"] {
        let (table, id) = (given.table.clone(), Key::new(key).unwrap());
        let mut read = Box::pin(async move { table.get(&id).await });
        assert!(future::poll_immediate(&mut read).await.is_none());
        // It does not wait for the end of the turn.
        let call = given.calls.try_recv().expect("a call");
        assert_eq!((call.operation.as_str(), call.keys()), ("GetItem", vec![key]));
        call.find_all();
        assert!(read.await.is_ok());
    }
    // One call in flight does not delay it.
    let _busy = given.busy().await;
    let read = given.read("c").await;
    given.call("GetItem", &["c"]).await.find_all();
    assert_eq!(id(read).await, "c");
}

#[tokio::test]
async fn simultaneous_reads_go_in_one_batch_except_the_first() {
    let mut given = given("gathered", 1).await;
    let [a, b, c, again] = given.reads(["a", "b", "c", "b"]).await;
    given.call("GetItem", &["a"]).await.find_all();
    let together = given.call("BatchGetItem", &["b", "c"]).await;
    // A read that arrives now must see writes made since the batch was sent, so it does not join the batch.
    let later = given.read("b").await;
    let own = given.call("GetItem", &["b"]).await;
    together.find(&["b"], &[], "");
    assert_eq!(id(a).await, "a");
    assert_eq!((id(b).await, id(again).await), ("b".to_owned(), "b".to_owned()));
    let missing = c.await.unwrap().unwrap_err();
    assert_eq!(
        (missing.kind(), missing.message()),
        (ErrorKind::NotFound, "Item with key 'c' not found")
    );
    own.find_all();
    assert_eq!(id(later).await, "b");
    // No call is in flight any more.
    let alone = given.read("d").await;
    given.call("GetItem", &["d"]).await.find_all();
    assert_eq!(id(alone).await, "d");
}

#[tokio::test]
async fn a_call_asks_for_at_most_a_hundred_keys() {
    let mut given = given("hundred", 1).await;
    let _busy = given.busy().await;
    let keys: Vec<_> = (0..150).map(|number| format!("k{number}")).collect();
    let keys: [&str; 150] = std::array::from_fn(|number| keys[number].as_str());
    let reads = given.reads(keys).await;
    for expected in [100, 50] {
        let call = given.next().await;
        given.no_call().await;
        assert_eq!(call.keys().len(), expected);
        call.find_all();
    }
    for (key, read) in keys.into_iter().zip(reads) {
        assert_eq!(id(read).await, key);
    }
}

#[tokio::test]
async fn a_caller_that_leaves_does_not_affect_the_others() {
    let mut given = given("left", 1).await;
    let [a, b, c] = given.reads(["a", "b", "c"]).await;
    let alone = given.call("GetItem", &["a"]).await;
    // If the only caller of a call leaves, the call is cancelled.
    a.abort();
    settle().await;
    assert!(alone.answer.is_closed());
    let together = given.call("BatchGetItem", &["b", "c"]).await;
    b.abort();
    settle().await;
    together.find_all();
    assert_eq!(id(c).await, "c");
    let alone = given.read("d").await;
    given.call("GetItem", &["d"]).await.find_all();
    assert_eq!(id(alone).await, "d");
}

#[tokio::test]
async fn a_batch_omits_callers_that_left_before_it_was_sent() {
    let mut given = given("left-before", 1).await;
    let _busy = given.busy().await;
    let mut reads = ["a", "b", "c"].map(|key| {
        let (table, key) = (given.table.clone(), Key::new(key).unwrap());
        Box::pin(async move { table.get(&key).await })
    });
    // All three reads start, and one is cancelled, before any task runs.
    for read in &mut reads {
        assert!(future::poll_immediate(read).await.is_none());
    }
    let [a, b, c] = reads;
    drop(a);
    let others = tokio::spawn(future::join(b, c));
    given.call("BatchGetItem", &["b", "c"]).await.find_all();
    let (b, c) = others.await.unwrap();
    assert!(b.is_ok() && c.is_ok());
}

#[tokio::test]
async fn unprocessed_keys_are_read_again() {
    let mut given = given("unread", 3).await;
    let _busy = given.busy().await;
    let [b, c, d] = given.reads(["b", "c", "d"]).await;
    let together = given.call("BatchGetItem", &["b", "c", "d"]).await;
    together.find(&["c"], &["b", "d"], "");
    let again = given.next().await;
    assert_eq!(again.keys(), ["b", "d"]);
    again.find(&[], &["d"], "");
    let again = given.next().await;
    assert_eq!(again.keys(), ["d"]);
    again.find(&[], &["d"], "");
    // `c` was found and `b` was not. `d` stayed unprocessed for three attempts.
    assert_eq!(id(c).await, "c");
    assert_eq!(b.await.unwrap().unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(kind(d).await, ErrorKind::Throttled);
}

#[tokio::test]
async fn retries_of_unprocessed_keys_use_the_shared_tokens() {
    let mut given = given("unread-tokens", 4).await;
    let _busy = given.busy().await;
    // A retry after a throttle takes 5 of the 500 tokens.
    let mut asked = 0;
    for _ in 0..50 {
        let [b, c] = given.reads(["b", "c"]).await;
        while !b.is_finished() {
            let call = time::timeout(PATIENCE, given.calls.recv()).await;
            let Ok(Some(call)) = call else { break };
            asked += 1;
            call.find(&[], &["b", "c"], "");
            settle().await;
        }
        assert_eq!((kind(b).await, kind(c).await), (ErrorKind::Throttled, ErrorKind::Throttled));
    }
    assert_eq!(asked, 50 + 500 / 5);
}

#[tokio::test]
async fn a_failed_batch_fails_each_of_its_reads() {
    let denied = json!({"__type": "x#AccessDeniedException"});
    let throttled = json!({"__type": "x#ProvisionedThroughputExceededException"});
    for (status, body, expected) in [
        (500, json!({}), ErrorKind::Internal),
        (400, denied, ErrorKind::Internal),
        (400, throttled, ErrorKind::Throttled),
    ] {
        let mut given = given("failed", 1).await;
        let _busy = given.busy().await;
        let [b, c] = given.reads(["b", "c"]).await;
        given.call("BatchGetItem", &["b", "c"]).await.say(status, &body);
        assert_eq!((kind(b).await, kind(c).await), (expected, expected));
    }
}

#[tokio::test]
async fn an_answer_cut_at_the_size_limit_costs_no_attempt() {
    let mut given = given("cut", 1).await;
    let _busy = given.busy().await;
    let [b, c] = given.reads(["b", "c"]).await;
    let text = "x".repeat(600_000);
    given.call("BatchGetItem", &["b", "c"]).await.find(&["c"], &["b"], &text);
    assert_eq!(id(c).await, "c");
    given.call("BatchGetItem", &["b"]).await.find_all();
    assert_eq!(id(b).await, "b");
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_not_asked_for_again_once_its_time_has_passed() {
    let mut given = given("late", 1).await;
    let _busy = given.busy().await;
    let [b, c] = given.reads(["b", "c"]).await;
    let call = given.call("BatchGetItem", &["b", "c"]).await;
    time::advance(DEADLINE).await;
    call.find(&["c"], &["b"], &"x".repeat(600_000));
    assert_eq!(id(c).await, "c");
    given.no_call().await;
    assert_eq!(kind(b).await, ErrorKind::DeadlineExceeded);
}

#[tokio::test]
async fn a_batch_without_room_in_memory_is_split_and_each_read_accounts_for_its_item() {
    let mut given = given("room", 1).await;
    let budget = Budget::new(200_000);
    let text = "x".repeat(30_000);
    let _busy = given.busy().await;
    let rooms = [0; 3].map(|_| budget.room());
    let within = |room: &Room| {
        let room = room.clone();
        move |read| room.within(read)
    };
    let [b, c, d] = &rooms;
    let reads = [("b", within(b)), ("c", within(c)), ("c", within(d))];
    let reads = given.reads_within(reads).await;
    given.call("BatchGetItem", &["b", "c"]).await.find(&["b", "c"], &[], &"x".repeat(60_000));
    given.call("BatchGetItem", &["b"]).await.find(&["b"], &[], &text);
    given.call("BatchGetItem", &["c"]).await.find(&["c"], &[], &text);
    settle().await;
    let free = budget.free();
    assert!(free < 200_000 - 3 * 2 * text.len(), "{free}");
    for read in reads {
        assert!(read.await.unwrap().is_ok());
    }
    for room in rooms {
        room.release(Content::Reply);
    }
    assert_eq!(budget.free(), 200_000 / 1024 * 1024);
}

#[tokio::test]
async fn only_the_reads_without_room_in_memory_fail() {
    let mut given = given("own-room", 1).await;
    let budget = Budget::new(100_000);
    let _busy = given.busy().await;
    let rooms = [0; 3].map(|_| budget.room());
    let reads = rooms.each_ref().map(|room| {
        let room = room.clone();
        ("b", move |read| room.within(read))
    });
    let reads = given.reads_within(reads).await;
    // The budget has room for one of three copies.
    given.call("BatchGetItem", &["b"]).await.find(&["b"], &[], &"x".repeat(30_000));
    settle().await;
    let (mut found, mut refused) = (0, 0);
    for read in reads {
        match read.await.unwrap() {
            Ok(_) => found += 1,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Overloaded, "{error}");
                refused += 1;
            }
        }
    }
    assert_eq!((found, refused), (1, 2));
}
