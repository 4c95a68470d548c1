//! The latency SLO: counts responses, those that began in time, and by the same routes those that failed.

use std::time::Duration;

use metrics::Counter;

use picus_catalogue as catalogue;

/// The SLO's time, and the counters of each route that it covers.
#[derive(Debug)]
pub struct LatencySlo {
    within: Duration,
    routes: Vec<Route>,
}

struct Route {
    template: &'static str,
    measured: Counter,
    within: Counter,
}

impl std::fmt::Debug for Route {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.template)
    }
}

impl LatencySlo {
    /// For `routes`, responses must begin `within` this time. Call it after telemetry has started: the counters then
    /// exist at zero, so that the first request shows as an increase.
    #[must_use]
    pub fn new(within: Duration, routes: &[&'static str]) -> Self {
        let counter = |metric: &catalogue::Metric, route: &'static str| {
            let counter = metrics::counter!(metric.name, "http_route" => route);
            counter.absolute(0);
            counter
        };
        let routes = routes.iter().map(|template| Route {
            template,
            measured: counter(&catalogue::REQUESTS_MEASURED, template),
            within: counter(&catalogue::REQUESTS_WITHIN_OBJECTIVE, template),
        });
        Self { within, routes: routes.collect() }
    }

    /// Whether a client has waited longer than the SLO's time. Always false for a route that the SLO does not cover.
    pub(crate) fn is_missed(&self, route: &str, after: Duration) -> bool {
        after > self.within && self.routes.iter().any(|known| known.template == route)
    }

    /// Counts a 5xx response. The load balancer counts these too, but does not know routes.
    pub(crate) fn fail(&self, route: &str) {
        if let Some(route) = self.routes.iter().find(|known| known.template == route) {
            // Registered at the first failure, unlike the others: a route that never failed costs no metric.
            metrics::counter!(catalogue::REQUESTS_FAILED.name, "http_route" => route.template)
                .increment(1);
        }
    }

    /// Counts a response that began `after` this time, or a client that gave up after it.
    pub(crate) fn record(&self, route: &str, after: Duration) {
        if let Some(route) = self.routes.iter().find(|known| known.template == route) {
            route.measured.increment(1);
            if after <= self.within {
                route.within.increment(1);
            }
        }
    }
}
