//! Which minutes an answer is about, from a request's query.

use std::collections::HashMap;
use std::ops::Range;

use hyper::Uri;
use serde_json::{Value, json};

use crate::answer::Refusal;
use crate::store::{DAY, Store};

/// A request's query, by name.
pub(crate) struct Query(HashMap<String, String>);

impl Query {
    pub(crate) fn of(uri: &Uri) -> Self {
        let pairs = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
        Self(pairs.into_owned().collect())
    }

    /// A text; `None` if it is missing or empty.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|text| !text.is_empty())
    }

    /// A number; `None` if it is missing.
    pub(crate) fn number(&self, name: &str) -> Result<Option<u64>, Refusal> {
        let wrong = |text| Refusal::Bad(format!("{name} is a number, not `{text}`"));
        self.text(name).map(|text| text.parse().map_err(|_| wrong(text))).transpose()
    }

    /// `?minutes=60&until=12`
    pub(crate) fn range(&self, store: &Store) -> Result<Range<usize>, Refusal> {
        let number = |name| Ok(self.number(name)?.and_then(|number| usize::try_from(number).ok()));
        Ok(range(store, number("minutes")?, number("until")?))
    }
}

/// Minutes that are kept: so many, before `until` or now.
pub(crate) fn range(store: &Store, minutes: Option<usize>, until: Option<usize>) -> Range<usize> {
    let until = until.unwrap_or(usize::MAX).clamp(store.oldest(), store.minutes());
    let minutes = minutes.unwrap_or(60).clamp(1, DAY);
    until.saturating_sub(minutes).max(store.oldest())..until
}

/// When each minute of a range ended.
pub(crate) fn times(store: &Store, range: &Range<usize>) -> Value {
    json!(range.clone().filter_map(|minute| store.ended(minute)).collect::<Vec<_>>())
}
