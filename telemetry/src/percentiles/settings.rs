//! Where distributions go, from OpenTelemetry's standard variables for metrics.

use std::str::FromStr;
use std::time::Duration;

use picus_settings::Reader;

use crate::traces::{Endpoint, TraceSettings};

/// Where distributions go, and how often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PercentileSettings {
    /// A collector's whole URL, for OTLP over HTTP.
    pub endpoint: String,
    /// The time between two deliveries.
    pub interval: Duration,
    /// The longest time for one delivery.
    pub timeout: Duration,
}

impl PercentileSettings {
    /// Reads the settings. By default, distributions go to the collector of the `traces`. `None` if they go nowhere.
    pub fn read(env: &mut Reader, traces: &TraceSettings) -> Option<Self> {
        let Wanted(wanted) = env.read(
            "OTEL_METRICS_EXPORTER",
            "prometheus,otlp",
            "`otlp` sends distributions of durations to the collector. Without it, or with `none`, nothing is sent. /metrics is always served.",
        );
        let of_metrics: Option<Endpoint> = env.read_optional(
            "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
            "",
            "The whole URL for distributions of durations. By default they go to `/v1/metrics` below `OTEL_EXPORTER_OTLP_ENDPOINT`.",
        );
        let interval = env.read_milliseconds(
            "OTEL_METRIC_EXPORT_INTERVAL",
            "30000",
            "Milliseconds between two deliveries of distributions.",
        );
        let endpoint = of_metrics.map(Endpoint::into_url);
        let endpoint = endpoint.or_else(|| Some(traces.collector.as_ref()?.below("/v1/metrics")));
        let endpoint = endpoint.filter(|_| wanted && !traces.disabled)?;
        Some(Self { endpoint, interval, timeout: traces.export_timeout })
    }
}

/// Whether distributions are sent, from the names of exporters (OpenTelemetry, "Environment Variable Specification").
struct Wanted(bool);

impl FromStr for Wanted {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut wanted = false;
        for name in text.split(',').map(str::trim) {
            match name.to_ascii_lowercase().as_str() {
                "otlp" => wanted = true,
                "prometheus" | "none" => {}
                _ => return Err("it must be a list of `prometheus`, `otlp` and `none`"),
            }
        }
        Ok(Self(wanted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Set = &'static [(&'static str, &'static str)];

    fn endpoint(set: Set) -> Result<Option<String>, String> {
        let mut env =
            Reader::new(|name| Some(set.iter().find(|(found, _)| *found == name)?.1.to_owned()));
        let traces = TraceSettings::read(&mut env, "http://127.0.0.1:4318");
        let settings = PercentileSettings::read(&mut env, &traces);
        let settings = env.finish(settings).map_err(|error| error.to_string())?;
        Ok(settings.map(|settings| settings.endpoint))
    }

    #[test]
    fn distributions_go_to_the_collector_of_the_traces_by_default() {
        const GENERAL: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a:1/");
        const OF_TRACES: (&str, &str) = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://b:1/x");
        const EXACT: (&str, &str) = ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://c:1/y/");
        let to = |url: &str| Ok(Some(url.to_owned()));
        assert_eq!(endpoint(&[]), to("http://127.0.0.1:4318/v1/metrics"));
        assert_eq!(endpoint(&[GENERAL, OF_TRACES]), to("http://a:1/v1/metrics"));
        assert_eq!(endpoint(&[GENERAL, EXACT]), to("http://c:1/y/"));
        let none_of_traces: Set = &[("OTEL_TRACES_EXPORTER", "none"), GENERAL];
        assert_eq!(endpoint(none_of_traces), to("http://a:1/v1/metrics"));
        for off in [
            &[("OTEL_METRICS_EXPORTER", "none")] as Set,
            &[("OTEL_METRICS_EXPORTER", "prometheus"), EXACT],
            &[("OTEL_SDK_DISABLED", "true"), EXACT],
        ] {
            assert_eq!(endpoint(off), Ok(None), "{off:?}");
        }
    }

    #[test]
    fn an_unknown_exporter_is_named_in_the_error() {
        let error = endpoint(&[("OTEL_METRICS_EXPORTER", "otlp,console")]).unwrap_err();
        assert!(error.starts_with("OTEL_METRICS_EXPORTER"), "{error}");
    }
}
