//! Checks the history of one key: could a single item, which is put, got and deleted at single moments, have given
//! these responses?

use std::thread;
use std::time::Duration;

use stateright::semantics::{ConsistencyTester as _, LinearizabilityTester, SequentialSpec};
use tokio::sync::oneshot;
use tokio::time;

/// The longest time for a check. A correct history takes milliseconds.
const CHECK_TIMEOUT: Duration = Duration::from_mins(1);

/// The item with this key: its number, if the item exists.
#[derive(Debug, Clone, Default)]
pub struct Item(Option<u64>);

/// A request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// With the key, and with a number that no other put has.
    Put(u64),
    /// Of the item, whichever it is.
    Get,
    /// Of any item, or of the one with this number alone.
    Delete(Option<u64>),
}

/// A response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The item of the put is there.
    Written,
    /// Another item exists already.
    Conflict,
    /// The item with this number.
    Found(u64),
    /// There is no item.
    NotFound,
    /// There is no item any more.
    Deleted,
    /// Another item is there than the one to be deleted.
    NotMeant,
}

impl SequentialSpec for Item {
    type Op = Operation;
    type Ret = Outcome;

    fn invoke(&mut self, operation: &Operation) -> Outcome {
        match (*operation, self.0) {
            (Operation::Put(number), None) => {
                self.0 = Some(number);
                Outcome::Written
            }
            // A put of an item that exists is a repeated request.
            (Operation::Put(number), Some(found)) if number == found => Outcome::Written,
            (Operation::Put(_), Some(_)) => Outcome::Conflict,
            (Operation::Get, Some(number)) => Outcome::Found(number),
            (Operation::Delete(Some(meant)), Some(found)) if meant != found => Outcome::NotMeant,
            (Operation::Delete(_), Some(_)) => {
                self.0 = None;
                Outcome::Deleted
            }
            (Operation::Get | Operation::Delete(_), None) => Outcome::NotFound,
        }
    }
}

/// Whether a history is linearizable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is.
    Linearizable,
    /// It is not.
    Not,
    /// The check took too long.
    Unknown,
}

/// Requests and responses, in the order in which clients sent and received them.
#[derive(Debug)]
pub struct History {
    tester: LinearizabilityTester<usize, Item>,
    operations: usize,
    /// Requests with their numbers, and their responses.
    told: Vec<String>,
}

impl Default for History {
    /// The history of an item that does not exist yet.
    fn default() -> Self {
        let tester = LinearizabilityTester::new(Item::default());
        Self { tester, operations: 0, told: Vec::new() }
    }
}

impl History {
    /// Adds a request that a client is about to send. The client has no other request in flight.
    pub fn invoke(&mut self, client: usize, operation: Operation) {
        self.operations += 1;
        self.told.push(format!("{client}: {operation:?}"));
        // A mistake here makes the history invalid, which also means not linearizable.
        let _ = self.tester.on_invoke(client, operation);
    }

    /// Adds the response. A request without one stays open: it may take effect at any later time, or never. Its
    /// client goes on under another number.
    pub fn answer(&mut self, client: usize, outcome: Outcome) {
        self.told.push(format!("{client}: -> {outcome:?}"));
        let _ = self.tester.on_return(client, outcome);
    }

    /// The number of requests.
    #[must_use]
    pub fn operations(&self) -> usize {
        self.operations
    }

    /// The history as text, for people.
    #[must_use]
    pub fn text(&self) -> String {
        self.told.join("; ")
    }

    /// Checks it in a thread of its own, so that a check that takes too long can be left alone.
    pub async fn check(&self) -> Verdict {
        let tester = self.tester.clone();
        let (tell, told) = oneshot::channel();
        thread::spawn(move || {
            // The caller may have given up.
            let _ = tell.send(tester.is_consistent());
        });
        match time::timeout(CHECK_TIMEOUT, told).await {
            Ok(Ok(true)) => Verdict::Linearizable,
            Ok(Ok(false)) => Verdict::Not,
            _ => Verdict::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An event of a client: its request, or the response to it.
    enum Event {
        Ask(usize, Operation),
        Answer(usize, Outcome),
    }
    use Event::{Answer, Ask};
    use Operation::{Delete, Get, Put};
    use Outcome::{Conflict, Deleted, Found, NotFound, Written};

    async fn verdict(events: &[Event]) -> Verdict {
        let mut history = History::default();
        for event in events {
            match event {
                Ask(client, operation) => history.invoke(*client, *operation),
                Answer(client, outcome) => history.answer(*client, *outcome),
            }
        }
        history.check().await
    }

    #[tokio::test]
    async fn a_stale_get_is_found() {
        let mut events = vec![
            Ask(0, Put(1)),
            Answer(0, Written),
            Ask(1, Put(2)),
            Answer(1, Conflict),
            Ask(0, Delete(None)),
            Answer(0, Deleted),
            Ask(1, Get),
        ];
        events.push(Answer(1, NotFound));
        assert_eq!(verdict(&events).await, Verdict::Linearizable);
        events.pop();
        events.push(Answer(1, Found(1)));
        assert_eq!(verdict(&events).await, Verdict::Not);
    }

    #[tokio::test]
    async fn a_request_without_a_response_may_take_effect_once_at_any_time_or_never() {
        let unanswered = || {
            vec![
                Ask(0, Put(1)),
                Answer(0, Written),
                Ask(1, Delete(None)),
                Ask(0, Get),
                Answer(0, Found(1)),
            ]
        };
        let then = |more: Vec<Event>| unanswered().into_iter().chain(more).collect::<Vec<_>>();
        let late = then(vec![Ask(0, Get), Answer(0, NotFound)]);
        let never = then(vec![Ask(0, Delete(None)), Answer(0, Deleted)]);
        let twice = then(vec![
            Ask(0, Get),
            Answer(0, NotFound),
            Ask(0, Put(2)),
            Answer(0, Written),
            Ask(0, Get),
            Answer(0, NotFound),
        ]);
        assert_eq!(verdict(&late).await, Verdict::Linearizable);
        assert_eq!(verdict(&never).await, Verdict::Linearizable);
        assert_eq!(verdict(&twice).await, Verdict::Not);
    }
}
