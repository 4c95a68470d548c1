//! Records what clients were told, and so which items must exist.

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};

use crate::report::Report;

/// What the last response about an item says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Its put was acknowledged.
    Present,
    /// A delete was sent, but got no response.
    Unsure,
    /// Its delete was acknowledged.
    Deleted,
}

/// A put without a response.
#[derive(Debug, Clone)]
pub(crate) struct UnsurePut {
    /// The number in its item.
    pub(crate) number: u64,
    /// Its `Idempotency-Key`.
    pub(crate) key: Option<String>,
}

/// All items, as clients were told of them.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// By id: the number in the item, and its state.
    items: HashMap<String, (u64, State)>,
    unsure: HashMap<u64, UnsurePut>,
}

/// An item with a number of its own.
pub(crate) fn item(number: u64) -> Value {
    json!({ "number": number, "text": "a campaign's" })
}

impl Ledger {
    pub(crate) fn set(&mut self, id: String, number: u64, state: State) {
        self.items.insert(id, (number, state));
    }

    pub(crate) fn add_unsure(&mut self, put: UnsurePut) {
        self.unsure.insert(put.number, put);
    }

    /// Takes all puts without a response whose items do not exist.
    pub(crate) fn take_unsure(&mut self) -> Vec<UnsurePut> {
        self.unsure.drain().map(|(_, put)| put).collect()
    }

    /// The items that must exist.
    pub(crate) fn present(&self) -> impl Iterator<Item = (&String, u64)> {
        let is_there = |(id, (number, state)): (_, &(u64, State))| {
            (*state == State::Present).then_some((id, *number))
        };
        self.items.iter().filter_map(is_there)
    }

    /// Compares itself with a list, and learns from it which unanswered requests were performed.
    pub(crate) fn compare(&mut self, listed: &[Value], report: &mut Report) {
        let mut seen = HashSet::new();
        for found in listed {
            let (Some(id), Some(number)) = (found["object_id"].as_str(), found["number"].as_u64())
            else {
                report.fail(format!("an item that nobody put: {found}"));
                continue;
            };
            let mut expected = item(number);
            expected["object_id"] = json!(id);
            report.check(*found == expected, || format!("changed: {found}"));
            report.check(seen.insert(id.to_owned()), || format!("listed twice: {id}"));
            if let Some((known, state)) = self.items.get_mut(id) {
                report.check(*known == number, || format!("changed: {id} has {number}"));
                match state {
                    State::Deleted => report.fail(format!("resurrected: {id}")),
                    State::Unsure => *state = State::Present,
                    State::Present => {}
                }
            } else {
                let is_known = self.unsure.remove(&number).is_some();
                report.check(is_known, || format!("written twice, or by nobody: {found}"));
                self.items.insert(id.to_owned(), (number, State::Present));
            }
        }
        for (id, (_, state)) in self.items.iter_mut().filter(|(id, _)| !seen.contains(*id)) {
            match state {
                State::Present => report.fail(format!("lost: {id}")),
                State::Unsure => *state = State::Deleted,
                State::Deleted => {}
            }
        }
        // A fault is reported only once.
        self.items.retain(|id, (_, state)| (*state == State::Present) == seen.contains(id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_id(number: u64, id: &str) -> Value {
        let mut item = item(number);
        item["object_id"] = json!(id);
        item
    }

    /// Whether a list is right after these items, and after an unanswered put of the number 9.
    fn is_good(items: &[(&str, u64, State)], listed: &[Value]) -> bool {
        let (mut ledger, mut report) = (Ledger::default(), Report::default());
        for (id, number, state) in items {
            ledger.set((*id).to_owned(), *number, *state);
        }
        ledger.add_unsure(UnsurePut { number: 9, key: None });
        ledger.compare(listed, &mut report);
        report.is_good()
    }

    #[test]
    fn acknowledged_items_must_be_listed_and_others_may_be() {
        let items = [("a", 1, State::Present), ("b", 2, State::Unsure), ("c", 3, State::Deleted)];
        let [a, b] = [with_id(1, "a"), with_id(2, "b")];
        assert!(is_good(&items, std::slice::from_ref(&a)));
        assert!(is_good(&items, &[a.clone(), b.clone(), with_id(9, "z")]));
        for (why, listed) in [
            ("lost", vec![b]),
            ("resurrected", vec![a.clone(), with_id(3, "c")]),
            ("changed", vec![with_id(4, "a")]),
            ("twice", vec![a.clone(), a.clone()]),
            ("written twice", vec![a.clone(), with_id(9, "y"), with_id(9, "z")]),
            ("by nobody", vec![a, with_id(10, "z")]),
        ] {
            assert!(!is_good(&items, &listed), "{why}");
        }
    }
}
