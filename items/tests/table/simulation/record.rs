//! Records what clients ask and what they are answered, in order, and the writes whose effect the clients do not know.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use picus_testing::history::{History, Operation, Outcome};
use tokio::time::Instant;

/// One operation of a client, or one write that the network delivers.
#[derive(Debug)]
struct Asked {
    /// The client's number. `None` for a write that the network may deliver again, or after the client gave up.
    client: Option<usize>,
    key: String,
    operation: Operation,
    at: usize,
    outcome: Option<(usize, Outcome)>,
    /// The write had no effect, or only the effect that the client's operation already records.
    settled: bool,
}

/// The record of a run.
#[derive(Debug)]
pub(super) struct Record {
    begun: Instant,
    moment: usize,
    asked: Vec<Asked>,
    told: String,
}

impl Record {
    pub(super) fn begin() -> Self {
        Self { begun: Instant::now(), moment: 0, asked: Vec::new(), told: String::new() }
    }

    /// Adds a line to the printed events.
    pub(super) fn tell(&mut self, text: &str) {
        let at = self.begun.elapsed().as_millis();
        // Writing to a `String` can't fail.
        let _ = writeln!(self.told, "{at:>6} ms  {text}");
    }

    pub(super) fn text(&self) -> &str {
        &self.told
    }

    /// Numbers the events in their order.
    pub(super) fn now(&mut self) -> usize {
        self.moment += 1;
        self.moment
    }

    /// Records that a client starts an operation. Returns the operation's number.
    pub(super) fn ask(&mut self, client: usize, key: &str, operation: Operation) -> usize {
        self.tell(&format!("client {client}: {operation:?} {key}"));
        let at = self.now();
        self.add(Some(client), key, operation, at)
    }

    pub(super) fn answer(&mut self, number: usize, outcome: Outcome) {
        let at = self.now();
        let asked = &mut self.asked[number];
        asked.outcome = Some((at, outcome));
        let text = format!("client {:?}: {:?} -> {outcome:?}", asked.client, asked.operation);
        self.tell(&text);
    }

    /// Records a read that began at `since` and has this outcome.
    pub(super) fn has_read(&mut self, client: usize, key: &str, since: usize, outcome: Outcome) {
        let number = self.add(Some(client), key, Operation::Get, since);
        self.answer(number, outcome);
    }

    /// Records that a client's write was sent. Until `settle`, it may take effect at any later time, or never.
    pub(super) fn send(&mut self, of: usize, key: &str) -> usize {
        // Until now the operation had no key: a put without an idempotency key makes its id here.
        key.clone_into(&mut self.asked[of].key);
        let (operation, at) = (self.asked[of].operation, self.now());
        self.add(None, key, operation, at)
    }

    /// Records that a write has no effect besides the outcome that its client knows.
    pub(super) fn settle(&mut self, sent: usize) {
        self.asked[sent].settled = true;
    }

    fn add(&mut self, client: Option<usize>, key: &str, operation: Operation, at: usize) -> usize {
        let key = key.to_owned();
        self.asked.push(Asked { client, key, operation, at, outcome: None, settled: false });
        self.asked.len() - 1
    }

    /// The history of each key. An operation without an answer is left out: the writes that were sent for it
    /// stand for it.
    pub(super) fn histories(&self) -> BTreeMap<&str, History> {
        let mut events = Vec::new();
        for (number, asked) in self.asked.iter().enumerate() {
            let in_vain = asked.client.is_some() && asked.outcome.is_none();
            if in_vain || asked.settled {
                continue;
            }
            // Each write of the network counts as a new client.
            let client = asked.client.unwrap_or(1_000 + number);
            events.push((asked.at, asked, client, None));
            if let Some((at, outcome)) = asked.outcome {
                events.push((at, asked, client, Some(outcome)));
            }
        }
        events.sort_by_key(|(at, ..)| *at);
        let mut histories = BTreeMap::new();
        for (_, asked, client, outcome) in events {
            let history = histories.entry(asked.key.as_str()).or_insert_with(History::default);
            match outcome {
                None => history.invoke(client, asked.operation),
                Some(outcome) => history.answer(client, outcome),
            }
        }
        histories
    }
}
