//! The newest exemplars: measured values, each with its trace, for the charts that draw their metrics.

use std::collections::VecDeque;
use std::ops::Range;

use parking_lot::Mutex;
use picus_cloudwatch::dashboard::{self, Search};
use picus_cloudwatch::metric::Statistic;
use picus_drills::Exemplar;
use serde_json::{Value, json};

/// The most that are kept.
const KEPT: usize = 2000;

/// The newest exemplars, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Exemplars(Mutex<VecDeque<Exemplar>>);

impl Exemplars {
    pub(crate) fn keep(&self, new: Vec<Exemplar>) {
        let mut kept = self.0.lock();
        kept.extend(new);
        let surplus = kept.len().saturating_sub(KEPT);
        kept.drain(..surplus);
    }

    /// For each minute, the largest value of what a widget draws, with its place on the chart. `ends` are the ends of
    /// the minutes of `time`, in milliseconds since 1970. Only traces that can be opened are named.
    pub(crate) fn of_widget(
        &self,
        widget: &Value,
        time: &Range<u64>,
        ends: &[u64],
        is_open: impl Fn(&str) -> bool,
    ) -> Vec<Value> {
        // The widget's problems are told elsewhere.
        let panels = dashboard::panels(&json!({ "widgets": [widget] })).unwrap_or_default();
        let named = panels.iter().flat_map(|panel| &panel.metrics);
        let named = named.map(|(metric, statistic)| (Search::of(metric), *statistic));
        let searched = panels.iter().flat_map(|panel| panel.searches.clone());
        let drawn: Vec<_> = named.chain(searched).filter(|(_, of)| is_a_value(*of)).collect();
        let is_drawn =
            |exemplar: &&Exemplar| drawn.iter().any(|(search, _)| is_of(exemplar, search));
        let kept = self.0.lock();
        let mut largest: Vec<Option<&Exemplar>> = vec![None; ends.len()];
        let own = kept.iter().filter(|exemplar| time.contains(&exemplar.at)).filter(is_drawn);
        for exemplar in own.filter(|exemplar| is_open(&exemplar.trace_id)) {
            let minute = ends.partition_point(|end| *end < exemplar.at);
            if let Some(known) = largest.get_mut(minute)
                && known.is_none_or(|known| known.value < exemplar.value)
            {
                *known = Some(exemplar);
            }
        }
        let shown = |(index, exemplar): (usize, Option<&Exemplar>)| {
            let Exemplar { labels, value, trace_id, .. } = exemplar?;
            let what = labels.get("http_route").or(labels.get("db_operation_name"));
            Some(json!({ "index": index, "value": value, "trace_id": trace_id, "what": what }))
        };
        largest.into_iter().enumerate().filter_map(shown).collect()
    }
}

/// Whether a statistic is of the size of single values.
fn is_a_value(statistic: Statistic) -> bool {
    !matches!(statistic, Statistic::SampleCount | Statistic::Sum)
}

/// Whether the value is one of those that this search is of.
fn is_of(exemplar: &Exemplar, search: &Search) -> bool {
    search.namespace == "Picus"
        && search.name == exemplar.metric
        && search.dimensions.iter().all(|name| exemplar.labels.contains_key(name))
        && search.values.iter().all(|(name, value)| exemplar.labels.get(name) == Some(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exemplar(route: &str, trace_id: &str, value: f64, at: u64) -> Exemplar {
        let labels = [("http_route", route), ("service_name", "picus-service")];
        Exemplar {
            metric: "http_server_request_duration_seconds",
            labels: labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            value,
            trace_id: trace_id.to_owned(),
            at,
        }
    }

    #[test]
    fn the_slowest_of_each_minute_that_the_widget_draws_and_that_can_be_opened_is_shown() {
        let exemplars = Exemplars::default();
        exemplars.keep(vec![
            exemplar("/x", "old", 9.0, 5),
            exemplar("/x", "quick", 0.1, 15),
            exemplar("/x", "slow", 0.2, 20),
            exemplar("/x", "gone", 0.5, 21),
            exemplar("/x", "next", 0.3, 25),
            exemplar("/y", "other", 0.9, 26),
        ]);
        let shown = |statistic: &str| {
            let row = [
                "Picus",
                "http_server_request_duration_seconds",
                "service_name",
                "picus-service",
                "http_route",
                "/x",
            ];
            let widget = json!({ "properties": { "metrics": [row], "stat": statistic } });
            exemplars.of_widget(&widget, &(10..30), &[20, 30], |id| id != "gone")
        };
        let of = |index, value, id: &str| json!({ "index": index, "value": value, "trace_id": id, "what": "/x" });
        assert_eq!(shown("p99"), [of(0, 0.2, "slow"), of(1, 0.3, "next")]);
        assert_eq!(shown("SampleCount"), [] as [Value; 0], "a count is no duration");
        for number in 0..KEPT as u64 {
            exemplars.keep(vec![exemplar("/x", "new", 1.0, 100 + number)]);
        }
        assert_eq!(exemplars.0.lock().len(), KEPT);
        assert_eq!(shown("p99"), [] as [Value; 0], "the oldest are forgotten");
    }
}
