//! Metrics and spans of reads that are sent as one batch.

use std::collections::BTreeMap;
use std::sync::Arc;

use metrics::{
    Counter, CounterFn, Gauge, Histogram, HistogramFn, KeyName, Metadata, SharedString, Unit,
};
use parking_lot::Mutex;
use picus_items::ErrorKind;
use tracing::field::{Field, Visit};
use tracing::span::{Id, Record};
use tracing::{Dispatch, Event, Instrument as _, Subscriber, info_span};
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{Layer, registry};

use crate::gathered::{GetFuture, given, id, kind};

/// All values of each metric, by the metric's name and the operation.
#[derive(Debug, Clone, Default)]
struct Metrics(Arc<Mutex<BTreeMap<String, Vec<f64>>>>);

impl Metrics {
    fn series(&self, key: &metrics::Key) -> Arc<Series> {
        let operation = key.labels().find(|label| label.key() == "db_operation_name");
        let operation = operation.map_or("", metrics::Label::value);
        Arc::new(Series { name: format!("{} {operation}", key.name()), metrics: self.clone() })
    }

    fn of(&self, metric: &picus_catalogue::Metric, operation: &str) -> Vec<f64> {
        let name = format!("{} {operation}", metric.name);
        self.0.lock().get(&name).cloned().unwrap_or_default()
    }
}

struct Series {
    name: String,
    metrics: Metrics,
}

impl HistogramFn for Series {
    fn record(&self, value: f64) {
        self.metrics.0.lock().entry(self.name.clone()).or_default().push(value);
    }
}

impl CounterFn for Series {
    fn increment(&self, value: u64) {
        assert_eq!(value, 1);
        self.record(1.0);
    }

    fn absolute(&self, _: u64) {}
}

impl metrics::Recorder for Metrics {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &metrics::Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.series(key))
    }

    fn register_gauge(&self, _: &metrics::Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, key: &metrics::Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.series(key))
    }
}

/// The fields and events of the calls' spans, with the name of the request's span that each is in.
#[derive(Debug, Clone, Default)]
struct Told(Arc<Mutex<Vec<(&'static str, String)>>>);

impl Told {
    fn of(&self, request: &str) -> Vec<String> {
        let all = self.0.lock();
        all.iter().filter(|(name, _)| *name == request).map(|(_, text)| text.clone()).collect()
    }
}

struct Words(Vec<String>);

impl Visit for Words {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if ["db.operation.batch.size", "error.type", "attempt"].contains(&field.name()) {
            self.0.push(format!("{} {value:?}", field.name()));
        }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Told {
    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let mut words = Words(Vec::new());
        values.record(&mut words);
        let request = context.span(id).and_then(|span| span.parent()).map(|span| span.name());
        let words = words.0.into_iter();
        self.0.lock().extend(
            request.into_iter().flat_map(|name| words.clone().map(move |word| (name, word))),
        );
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut words = Words(Vec::new());
        event.record(&mut words);
        let request = context.event_span(event).and_then(|span| span.parent());
        let words = words.0.into_iter();
        self.0.lock().extend(request.into_iter().flat_map(|span| {
            let name = span.name();
            words.clone().map(move |word| (name, word))
        }));
    }
}

#[tokio::test]
async fn each_request_has_a_span_and_each_call_is_measured_once() {
    let (metrics, told) = (Metrics::default(), Told::default());
    let _recorder = metrics::set_default_local_recorder(&metrics);
    // With only one subscriber, `tracing` caches whether a span is enabled by what the first thread wants. A
    // second subscriber prevents that a test in another thread disables this test's spans.
    let _another = Dispatch::new(registry());
    let _subscriber = tracing::subscriber::set_default(registry().with(told.clone()));

    let mut given = given("observed", 2).await;
    let _busy = given.busy().await;
    let reads = [("b", info_span!("one")), ("c", info_span!("two")), ("b", info_span!("three"))];
    let reads = reads.map(|(key, span)| (key, |read: GetFuture| read.instrument(span)));
    let [b, c, again] = given.reads_within(reads).await;
    given.call("BatchGetItem", &["b", "c"]).await.find(&["b"], &["c"], "");
    given.next().await.find(&[], &["c"], "");
    assert_eq!((id(b).await, id(again).await), ("b".to_owned(), "b".to_owned()));
    assert_eq!(kind(c).await, ErrorKind::Throttled);

    let batch = "BatchGetItem";
    for (metric, operation, count) in [
        (&picus_catalogue::DB_CLIENT_OPERATION_DURATION, batch, 1),
        (&picus_catalogue::DYNAMODB_ATTEMPTS, batch, 2),
        (&picus_catalogue::DYNAMODB_RETRIES, batch, 1),
        (&picus_catalogue::DYNAMODB_THROTTLES, batch, 2),
        (&picus_catalogue::READS_WAIT_DURATION, "", 3),
    ] {
        assert_eq!(metrics.of(metric, operation).len(), count, "{} {operation}", metric.name);
    }
    assert_eq!(metrics.of(&picus_catalogue::READS_BATCH_SIZE, ""), [2.0]);
    let size = "db.operation.batch.size 2";
    for request in ["one", "two", "three"] {
        let told = told.of(request);
        assert_eq!(told.iter().filter(|word| *word == size).count(), 1, "{request}: {told:?}");
        for attempt in ["attempt 1", "attempt 2"] {
            assert!(told.iter().any(|word| word == attempt), "{request}: {told:?}");
        }
    }
}
