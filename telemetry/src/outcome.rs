//! The outcome of a request, and the histogram of durations for each outcome.

use std::cell::RefCell;
use std::time::Duration;

use metrics::{Histogram, Label};
use picus_catalogue::HTTP_SERVER_REQUEST_DURATION;

thread_local! {
    /// Each thread looks up each histogram once. There are only a few outcomes.
    static DURATIONS: RefCell<Vec<(Outcome, Histogram)>> = const { RefCell::new(Vec::new()) };
}

/// The labels of a request's duration. Empty ones are left out, because CloudWatch takes no dimension without a
/// value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// First, because it differs most often, which makes comparing fast.
    pub(crate) status: Option<u16>,
    pub(crate) method: &'static str,
    pub(crate) scheme: &'static str,
    pub(crate) route: &'static str,
    pub(crate) error: Option<&'static str>,
}

impl Outcome {
    /// Records one request's duration.
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
