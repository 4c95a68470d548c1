//! What clients ask and learn, in order, and each write that may have been done beside what they learn.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use picus_testing::history::{History, Operation, Outcome};
use tokio::time::Instant;

/// One operation, of a client or of the network's.
#[derive(Debug)]
struct Asked {
    /// Who asked; nobody, where the network itself does a client's write once more.
    client: Option<usize>,
    key: String,
    operation: Operation,
    at: usize,
    outcome: Option<(usize, Outcome)>,
    /// It is known to have no effect, or none beside that of its client's operation.
    settled: bool,
}

/// All of a run.
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

    /// A line for people.
    pub(super) fn tell(&mut self, text: &str) {
        let at = self.begun.elapsed().as_millis();
        // A `String` takes all.
        let _ = writeln!(self.told, "{at:>6} ms  {text}");
    }

    pub(super) fn text(&self) -> &str {
        &self.told
    }

    /// The order of what happens.
    pub(super) fn now(&mut self) -> usize {
        self.moment += 1;
        self.moment
    }

    /// A client asks for something. Its number is for what follows.
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

    /// A read whose outcome is known now, and that began at this moment.
    pub(super) fn has_read(&mut self, client: usize, key: &str, since: usize, outcome: Outcome) {
        let number = self.add(Some(client), key, Operation::Get, since);
        self.answer(number, outcome);
    }

    /// Sends a write of a client's: it may be done at any later time, or never, until it is settled.
    pub(super) fn send(&mut self, of: usize, key: &str) -> usize {
        // A client learns the id of a new item with the answer.
        key.clone_into(&mut self.asked[of].key);
        let (operation, at) = (self.asked[of].operation, self.now());
        self.add(None, key, operation, at)
    }

    /// A write has no effect beside what its client learns.
    pub(super) fn settle(&mut self, sent: usize) {
        self.asked[sent].settled = true;
    }

    fn add(&mut self, client: Option<usize>, key: &str, operation: Operation, at: usize) -> usize {
        let key = key.to_owned();
        self.asked.push(Asked { client, key, operation, at, outcome: None, settled: false });
        self.asked.len() - 1
    }

    /// Each key's history. What a client asked for and got no answer to counts as what was sent for it.
    pub(super) fn histories(&self) -> BTreeMap<&str, History> {
        let mut events = Vec::new();
        for (number, asked) in self.asked.iter().enumerate() {
            let in_vain = asked.client.is_some() && asked.outcome.is_none();
            if in_vain || asked.settled {
                continue;
            }
            // Each of the network's is a client of its own that never asks again.
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
