//! What became of a request, and the histogram of the durations of its like.

use std::cell::RefCell;
use std::time::Duration;

use metrics::{Histogram, Label};
use picus_catalogue::HTTP_SERVER_REQUEST_DURATION;

thread_local! {
    /// Each histogram is looked up once on each thread: there are as many as outcomes, which are few.
    static DURATIONS: RefCell<Vec<(Outcome, Histogram)>> = const { RefCell::new(Vec::new()) };
}

/// What became of a request: the labels of its duration. Empty ones are left out, for CloudWatch takes no
/// dimension without a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// First, for it differs most.
    pub(crate) status: Option<u16>,
    pub(crate) method: &'static str,
    pub(crate) scheme: &'static str,
    pub(crate) route: &'static str,
    pub(crate) error: Option<&'static str>,
}

impl Outcome {
    /// Adds one that took so long.
    pub(crate) fn record(self, elapsed: Duration) {
        DURATIONS.with_borrow_mut(|durations| {
            if let Some((_, histogram)) = durations.iter().find(|(outcome, _)| *outcome == self) {
                histogram.record(elapsed);
            } else {
                let histogram =
                    metrics::histogram!(HTTP_SERVER_REQUEST_DURATION.name, self.labels());
                histogram.record(elapsed);
                durations.push((self, histogram));
            }
        });
    }

    fn labels(self) -> Vec<Label> {
        let known = [
            ("http_request_method", self.method),
            ("url_scheme", self.scheme),
            ("http_route", self.route),
            ("error_type", self.error.unwrap_or_default()),
        ];
        let known = known.into_iter().filter(|(_, value)| !value.is_empty());
        let known = known.map(|(name, value)| Label::from_static_parts(name, value));
        let status =
            self.status.map(|status| Label::new("http_response_status_code", status.to_string()));
        known.chain(status).collect()
    }
}
