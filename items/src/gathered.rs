//! Reads of one item, gathered where many come at once: an SDK call is most of what a read costs, and one call can
//! read a hundred items.
//!
//! A read is made at once and alone while no other is under way. Otherwise it goes with those that come in the same
//! turn of the runtime: the more there is to do, the more come in one turn. No read joins a call that was sent before
//! it came, so that each sees every write that was acknowledged before it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::types::AttributeValue;
use parking_lot::Mutex;
use picus_catalogue as catalogue;
use tokio::sync::oneshot;
use tokio::time::Instant;
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

type Answer = Result<Option<Attributes>, Error>;

/// The reads of one table.
#[derive(Debug)]
pub(crate) struct Gathered {
    reads: Reads,
    /// The longest that a read may take.
    timeout: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// How many calls are under way.
    calls: usize,
    /// The reads that came in this turn.
    waiting: Vec<Waiting>,
}

/// A read that waits for the end of the turn.
#[derive(Debug)]
struct Waiting {
    key: Key,
    since: Instant,
    /// The request's, and then that of the call.
    span: Span,
    room: Option<Room>,
    outcome: oneshot::Sender<Outcome>,
}

#[derive(Debug)]
enum Outcome {
    /// No other came in this turn.
    Alone(Call),
    Answered(Answer),
}

enum Turn {
    Now(Call),
    Later(oneshot::Receiver<Outcome>),
}

/// A call that is under way.
#[derive(Debug)]
struct Call(Arc<Gathered>);

impl Drop for Call {
    fn drop(&mut self) {
        self.0.state.lock().calls -= 1;
    }
}

impl Gathered {
    /// `timeout` is the longest that a read may take.
    pub(crate) fn new(reads: Reads, timeout: Duration) -> Arc<Self> {
        Arc::new(Self { reads, timeout, state: Mutex::default() })
    }

    /// Reads an item. Who drops this costs the others nothing.
    pub(crate) async fn read(self: &Arc<Self>, key: &Key) -> Answer {
        let _call = match self.turn(key) {
            Turn::Now(call) => call,
            Turn::Later(outcome) => match outcome.await {
                Ok(Outcome::Alone(call)) => call,
                Ok(Outcome::Answered(answer)) => return answer,
                // The time of all that were in its batch has passed.
                Err(_) => {
                    let late = SdkError::timeout_error("the read took too long with others");
                    return Err(Failed::new(late).error());
                }
            },
        };
        self.reads.one(Operation::Get, key, self.reads.consistent).await
    }

    fn turn(self: &Arc<Self>, key: &Key) -> Turn {
        let mut state = self.state.lock();
        if state.calls == 0 {
            return Turn::Now(self.begin(&mut state));
        }
        let (outcome, receiver) = oneshot::channel();
        state.waiting.push(Waiting {
            key: key.clone(),
            since: Instant::now(),
            span: Span::current(),
            room: room::current(),
            outcome,
        });
        if state.waiting.len() == 1 {
            tokio::spawn(self.clone().end_turn());
        }
        Turn::Later(receiver)
    }

    fn begin(self: &Arc<Self>, state: &mut State) -> Call {
        state.calls += 1;
        Call(self.clone())
    }

    /// Makes a call for all that came in this turn.
    async fn end_turn(self: Arc<Self>) {
        let (mut reads, call) = {
            let mut state = self.state.lock();
            (mem::take(&mut state.waiting), self.begin(&mut state))
        };
        reads.retain(|read| !read.outcome.is_closed());
        for read in &reads {
            metrics::histogram!(catalogue::READS_WAIT_DURATION.name).record(read.since.elapsed());
        }
        match reads.pop() {
            // Who no longer waits is not there to take it, here and below.
            Some(read) if reads.is_empty() => drop(read.outcome.send(Outcome::Alone(call))),
            last => {
                reads.extend(last);
                self.call(reads).await;
            }
        }
    }

    /// Makes calls for all of these, until each has its answer.
    async fn call(&self, reads: Vec<Waiting>) {
        let mut waiting = BTreeMap::<_, Vec<_>>::new();
        for mut read in reads {
            read.span =
                read.span.in_scope(|| observe::span(Operation::GetMany, &self.reads.target));
            waiting.entry(read.key.clone()).or_default().push(read);
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

fn fail(reads: Vec<Waiting>, failed: &Failed) {
    for read in reads {
        let _ = read.outcome.send(Outcome::Answered(Err(failed.error())));
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
        let _ = read.outcome.send(Outcome::Answered(answer));
    }
    if let Some(read) = last {
        let answer = hold(&read).map(|()| item);
        let _ = read.outcome.send(Outcome::Answered(answer));
    }
}
