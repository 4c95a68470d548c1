//! Reads of one item, gathered where many come at once: an SDK call is most of what a read costs, and one call can
//! read a hundred items.
//!
//! A read is made at once and alone while few are. Otherwise it waits until one of these has ended; then all that
//! wait go in one call. No read joins a call that was sent before it came, so that each sees every write that was
//! acknowledged before it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::types::AttributeValue;
use parking_lot::Mutex;
use picus_catalogue as catalogue;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::{self, Instant};
use tracing::Span;

use crate::attributes::{Attributes, OBJECT_ID, extent};
use crate::error::Error;
use crate::held_client::unread;
use crate::key::Key;
use crate::observe::{self, Spans};
use crate::operation::Operation;
use crate::reads::{Failed, Reads};
use crate::room::{self, Content, Room};

/// The most keys that one call may ask for (Amazon DynamoDB API Reference, `BatchGetItem`).
const MOST_KEYS: usize = 100;
/// By how much a batch that finds no room in memory is made smaller.
const SHRINK: usize = 8;
/// DynamoDB answers in a few milliseconds.
const PATIENCE: Duration = Duration::from_millis(20);

/// When reads are gathered.
#[derive(Debug, Clone, Copy)]
pub struct Gathering {
    /// How many calls are made for reads at once; reads that come meanwhile wait for one of them to end.
    pub past: NonZeroUsize,
    /// The longest that a call keeps others waiting: one that hangs does not hold up what comes after it.
    pub patience: Duration,
}

impl Gathering {
    /// With a patience that suits DynamoDB.
    #[must_use]
    pub fn past(past: NonZeroUsize) -> Self {
        Self { past, patience: PATIENCE }
    }
}

type Answer = Result<Option<Attributes>, Error>;

/// The reads of one table.
#[derive(Debug)]
pub(crate) struct Gathered {
    reads: Reads,
    gathering: Gathering,
    /// The longest that a read may take.
    timeout: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    calls: usize,
    waiting: Vec<Waiting>,
}

impl State {
    /// Those that go in the next call. More wait for another one.
    fn next(&mut self) -> Vec<Waiting> {
        let count = self.waiting.len().min(MOST_KEYS);
        self.waiting.drain(..count).collect()
    }
}

/// A read that waits for its call.
#[derive(Debug)]
struct Waiting {
    key: Key,
    since: Instant,
    span: Span,
    room: Option<Room>,
    answer: oneshot::Sender<Answer>,
}

enum Turn {
    Now(Slot),
    Later(Span, oneshot::Receiver<Answer>),
}

impl Gathered {
    /// `timeout` is the longest that a read may take.
    pub(crate) fn new(reads: Reads, gathering: Gathering, timeout: Duration) -> Arc<Self> {
        Arc::new(Self { reads, gathering, timeout, state: Mutex::default() })
    }

    /// Reads an item. Who drops this costs the others nothing.
    pub(crate) async fn read(self: &Arc<Self>, key: &Key) -> Answer {
        let (span, answer) = match self.turn(key) {
            Turn::Now(slot) => {
                let call = self.reads.one(Operation::Get, key, self.reads.consistent);
                return slot.during(Box::pin(call)).await;
            }
            Turn::Later(span, answer) => (span, answer),
        };
        // Nobody answers where the time of all that were in its batch has passed.
        if let Ok(Ok(answer)) = time::timeout(self.timeout, answer).await {
            return answer;
        }
        let failed = Failed::new(SdkError::timeout_error("the read took too long with others"));
        failed.trace(&span);
        Err(failed.error())
    }

    fn turn(self: &Arc<Self>, key: &Key) -> Turn {
        let mut state = self.state.lock();
        if state.calls < self.gathering.past.get() {
            state.calls += 1;
            return Turn::Now(Slot(self.clone()));
        }
        let span = observe::span(Operation::GetMany, &self.reads.target);
        let (sender, receiver) = oneshot::channel();
        state.waiting.push(Waiting {
            key: key.clone(),
            since: Instant::now(),
            span: span.clone(),
            room: room::current(),
            answer: sender,
        });
        Turn::Later(span, receiver)
    }

    /// Makes calls for all that wait, until each has its answer.
    async fn call(&self) {
        let mut waiting = BTreeMap::<_, Vec<_>>::new();
        for read in self.state.lock().next() {
            if !read.answer.is_closed() {
                metrics::histogram!(catalogue::READS_WAIT_DURATION.name)
                    .record(read.since.elapsed());
                waiting.entry(read.key.clone()).or_default().push(read);
            }
        }
        let deadline = Instant::now() + self.timeout;
        let mut size = MOST_KEYS;
        while !waiting.is_empty() && Instant::now() < deadline {
            let keys: Vec<_> = waiting.keys().take(size).cloned().collect();
            let reads = || keys.iter().filter_map(|key| waiting.get(key)).flatten();
            let spans = reads().map(|read| &read.span).filter(|span| !span.is_disabled());
            let call = self.reads.many(&keys, Spans(spans.cloned().collect()));
            // A room beside theirs, until it is known which of them has how much.
            let room = reads().find_map(|read| read.room.as_ref()).map(Room::beside);
            let (progress, outcome) = match room {
                Some(room) => room.within(call).await,
                None => call.await,
            };
            let mut found: HashMap<_, _> = progress.found.into_iter().filter_map(by_id).collect();
            let rest: BTreeSet<_> = progress.rest.into_iter().collect();
            for key in &keys {
                let known = !rest.contains(key);
                let again = match &outcome {
                    Ok(()) => true,
                    Err(failed) => failed.is_no_room() && keys.len() > 1,
                };
                if known || !again {
                    let reads = waiting.remove(key).unwrap_or_default();
                    match &outcome {
                        Err(failed) if !known => fail(reads, failed),
                        _ => answer(reads, found.remove(key.as_str())),
                    }
                }
            }
            if outcome.is_err_and(|failed| failed.is_no_room()) {
                size = (keys.len() / SHRINK).max(1);
            }
        }
    }
}

fn by_id(item: Attributes) -> Option<(String, Attributes)> {
    let id = item.get(OBJECT_ID).and_then(|id| AttributeValue::as_s(id).ok()).cloned();
    id.map(|id| (id, item))
}

/// Who no longer waits for an answer is not there to take it, here and below.
fn fail(reads: Vec<Waiting>, failed: &Failed) {
    for read in reads {
        let _ = read.answer.send(Err(failed.error()));
    }
}

/// Each holds the item in its own room, as if it had read it alone.
fn answer(mut reads: Vec<Waiting>, item: Option<Attributes>) {
    let (bytes, values) = item.as_ref().map_or((0, 0), extent);
    let weight = room::weight_of_reply(bytes, values);
    let last = reads.pop();
    let hold = |read: &Waiting| {
        let held = read.room.as_ref().map_or(Ok(()), |room| room.hold(Content::Reply, weight));
        held.map_err(|no_room| {
            let failed = Failed::new(SdkError::dispatch_failure(unread(no_room)));
            failed.trace(&read.span);
            failed.error()
        })
    };
    for read in reads {
        let answer = hold(&read).map(|()| item.clone());
        let _ = read.answer.send(answer);
    }
    if let Some(read) = last {
        let answer = hold(&read).map(|()| item);
        let _ = read.answer.send(answer);
    }
}

/// One of the calls that are made at once.
struct Slot(Arc<Gathered>);

impl Slot {
    /// Works in this slot, and leaves it after a while to others.
    async fn during<F: Future + Unpin>(self, mut work: F) -> F::Output {
        if let Ok(output) = time::timeout(self.0.gathering.patience, &mut work).await {
            return output;
        }
        drop(self);
        work.await
    }
}

impl Drop for Slot {
    /// The next call takes its place, for all that wait by the time that it begins.
    fn drop(&mut self) {
        let Self(gathered) = self;
        let mut state = gathered.state.lock();
        // Without a runtime nobody waits for long.
        match Handle::try_current() {
            Ok(runtime) if !state.waiting.is_empty() => {
                let gathered = gathered.clone();
                runtime.spawn(async move {
                    let slot = Self(gathered.clone());
                    slot.during(Box::pin(gathered.call())).await;
                });
            }
            _ => state.calls -= 1,
        }
    }
}
