//! Server-sent events: the state at once and after each change, and each change of an alarm. A reader that comes back
//! needs nothing from before.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::Response;
use hyper::body::Frame;
use picus_local::server::{Body, BoxError};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time;

use crate::answer;
use crate::plant::Plant;
use crate::state::state;

/// How often a quiet stream sends something, so that both sides notice when the other is gone.
const QUIET: Duration = Duration::from_secs(15);

struct Reader {
    plant: Arc<Plant>,
    changed: watch::Receiver<bool>,
    /// How many changes of alarms it has been told.
    told: usize,
    is_new: bool,
}

/// The stream for one reader.
pub(crate) fn stream(plant: Arc<Plant>) -> Response<Body> {
    let (told, changed) = (plant.store.read().changed(), plant.changed.subscribe());
    let reader = Reader { plant, changed, told, is_new: true };
    let events = stream::unfold(reader, |mut reader| async {
        let text = reader.next().await?;
        Some((Ok::<_, BoxError>(Frame::data(Bytes::from(text))), reader))
    });
    answer::of("text/event-stream", StreamBody::new(events).boxed_unsync())
}

impl Reader {
    /// `None` when everything stops.
    async fn next(&mut self) -> Option<String> {
        if std::mem::take(&mut self.is_new) {
            let state = event("state", &state(&self.plant));
            return Some(format!("retry: 1000\n\n{state}"));
        }
        match time::timeout(QUIET, self.changed.changed()).await {
            Err(_) => return Some(": still here\n\n".to_owned()),
            Ok(changed) => changed.ok()?,
        }
        if !*self.changed.borrow_and_update() {
            return None;
        }
        let mut text = event("state", &state(&self.plant));
        let store = self.plant.store.read();
        for change in store.changes().filter(|change| {
            change.number >= self.told
                && store.own().any(|alarm| alarm.name == change.transition.alarm)
        }) {
            let transition = &change.transition;
            text += &event(
                "alarm",
                &json!({
                    "minute": transition.minute,
                    "at": change.at,
                    "alarm": transition.alarm,
                    "from": transition.from.to_string(),
                    "to": transition.to.to_string(),
                    "reason": transition.reason,
                }),
            );
        }
        self.told = store.changed();
        Some(text)
    }
}

/// JSON has no line breaks of its own.
fn event(name: &str, data: &Value) -> String {
    format!("event: {name}\ndata: {data}\n\n")
}
