//! Settings of traces, read from OpenTelemetry's standard variables.

use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use opentelemetry_sdk::trace::Sampler;

use picus_settings::Reader;

/// Settings of traces.
#[derive(Debug, Clone)]
pub struct TraceSettings {
    /// Where spans go; `None` if traces are off.
    pub exporter: Option<Exporter>,
    /// Decides for a request whose caller did not decide.
    pub sampler: Sampler,
    /// The longest time for one delivery.
    pub export_timeout: Duration,
    /// The most spans that wait for delivery.
    pub max_queue_size: usize,
    /// The most spans in one delivery.
    pub max_export_batch_size: usize,
    /// The longest time that a span waits for others, to be delivered with them.
    pub schedule_delay: Duration,
    /// The collector for every signal that has no collector of its own.
    pub collector: Option<Endpoint>,
    /// Whether nothing is sent anywhere.
    pub disabled: bool,
}

/// Where spans go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exporter {
    /// To a collector at this whole URL, by OTLP over HTTP.
    Otlp(String),
    /// To an X-Ray daemon at this host and port, by UDP. Lambda runs one beside each traced function.
    XrayDaemon(String),
}

impl TraceSettings {
    /// Reads the settings. `default_endpoint` is the usual place of the collector; empty if there usually is none.
    pub fn read(env: &mut Reader, default_endpoint: &'static str) -> Self {
        let disabled = env.read_bool(
            "OTEL_SDK_DISABLED",
            "false",
            "`true` turns off traces and distributions of durations.",
        );
        let Wanted(wanted) = env.read(
            "OTEL_TRACES_EXPORTER",
            "otlp",
            "`none` turns off traces. `otlp` sends them to the collector, or to the X-Ray daemon.",
        );
        let otlp: Option<Endpoint> = env.read_optional(
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            default_endpoint,
            "The collector's URL for OTLP over HTTP. Traces go to `/v1/traces` below it.",
        );
        let of_traces: Option<Endpoint> = env.read_optional(
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
            "",
            "The whole URL for traces. It overrides `OTEL_EXPORTER_OTLP_ENDPOINT`.",
        );
        let daemon: Option<DaemonAddress> = env.read_optional(
            "AWS_XRAY_DAEMON_ADDRESS",
            "",
            "The X-Ray daemon, which gets the traces if there is no collector. Lambda sets it.",
        );
        let sampler: Kind = env.read(
            "OTEL_TRACES_SAMPLER",
            "parentbased_always_on",
            "Which requests are traced: always_on, always_off, traceidratio, or one of these with the prefix `parentbased_`, which follows the caller's decision if there is one.",
        );
        let ratio = env.read_within(
            "OTEL_TRACES_SAMPLER_ARG",
            "1",
            0.0..=1.0,
            "The share of requests that traceidratio traces.",
        );
        let max_queue_size = env.read_within(
            "OTEL_BSP_MAX_QUEUE_SIZE",
            "2048",
            1..=1_000_000,
            "The most spans that wait for delivery. More are dropped, and counted.",
        );
        let max_export_batch_size: usize = env.read_within(
            "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
            "512",
            1..=1_000_000,
            "The most spans in one delivery.",
        );
        Self {
            exporter: of_traces
                .map(|Endpoint(url)| url)
                .or_else(|| otlp.as_ref().map(|endpoint| endpoint.below("/v1/traces")))
                .map(Exporter::Otlp)
                .or_else(|| daemon.map(|DaemonAddress(address)| Exporter::XrayDaemon(address)))
                .filter(|_| wanted && !disabled),
            sampler: sampler.with(ratio),
            export_timeout: env.read_milliseconds(
                "OTEL_EXPORTER_OTLP_TIMEOUT",
                "10000",
                "The longest time for one delivery, in milliseconds.",
            ),
            max_queue_size,
            max_export_batch_size: max_export_batch_size.min(max_queue_size),
            schedule_delay: env.read_milliseconds(
                "OTEL_BSP_SCHEDULE_DELAY",
                "5000",
                "The longest time that a span waits for others to fill a delivery, in milliseconds.",
            ),
            collector: otlp,
            disabled,
        }
    }
}

/// Whether traces are on, from the name of an exporter (OpenTelemetry, "Environment Variable Specification").
struct Wanted(bool);

impl FromStr for Wanted {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.to_ascii_lowercase().as_str() {
            "otlp" => Ok(Self(true)),
            "none" => Ok(Self(false)),
            _ => Err("it must be `otlp` or `none`"),
        }
    }
}

/// A collector's URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint(String);

impl Endpoint {
    pub(crate) fn into_url(self) -> String {
        self.0
    }

    pub(crate) fn below(&self, path: &str) -> String {
        format!("{}{path}", self.0.trim_end_matches('/'))
    }
}

impl FromStr for Endpoint {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rest = text.strip_prefix("http://").ok_or("it must begin with http://")?;
        if rest.is_empty() || rest.starts_with('/') {
            return Err("it names no host");
        }
        Ok(Self(text.to_owned()))
    }
}

/// The host (name or address) and port of an X-Ray daemon, for segments.
struct DaemonAddress(String);

impl FromStr for DaemonAddress {
    type Err = &'static str;

    /// `host:port`, or `tcp:host:port udp:host:port` in either order (AWS X-Ray Developer Guide, "Configuring the
    /// X-Ray SDK"). Segments go by UDP. TCP is for sampling rules, which Picus does not use.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let words: Vec<_> = text.split_whitespace().collect();
        let address = match words[..] {
            [one] => one,
            [one, other] => {
                let (tcp, udp) = if one.starts_with("udp:") { (other, one) } else { (one, other) };
                let both = tcp.strip_prefix("tcp:").filter(|tcp| is_address(tcp));
                both.and(udp.strip_prefix("udp:")).unwrap_or_default()
            }
            _ => "",
        };
        let address = Some(address).filter(|address| is_address(address));
        address
            .map(|address| Self(address.to_owned()))
            .ok_or("it must be `host:port`, or `tcp:host:port udp:host:port`")
    }
}

fn is_address(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let is_name = !host.is_empty() && !host.contains([':', '/', '[', ']']);
    port.parse::<u16>().is_ok() && (is_name || text.parse::<SocketAddr>().is_ok())
}

/// A sampler, from its name (OpenTelemetry, "Environment Variable Specification").
struct Kind {
    parent_based: bool,
    root: Root,
}

enum Root {
    AlwaysOn,
    AlwaysOff,
    Ratio,
}

impl FromStr for Kind {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.to_ascii_lowercase();
        let root = text.strip_prefix("parentbased_");
        let parent_based = root.is_some();
        let root = match root.unwrap_or(&text) {
            "always_on" => Root::AlwaysOn,
            "always_off" => Root::AlwaysOff,
            "traceidratio" => Root::Ratio,
            _ => return Err("it must be one of the samplers that --help lists"),
        };
        Ok(Self { parent_based, root })
    }
}

impl Kind {
    fn with(self, ratio: f64) -> Sampler {
        let root = match self.root {
            Root::AlwaysOn => Sampler::AlwaysOn,
            Root::AlwaysOff => Sampler::AlwaysOff,
            Root::Ratio => Sampler::TraceIdRatioBased(ratio),
        };
        if self.parent_based { Sampler::ParentBased(Box::new(root)) } else { root }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Set = &'static [(&'static str, &'static str)];

    fn read(set: Set, default_endpoint: &'static str) -> Result<TraceSettings, String> {
        let mut env =
            Reader::new(|name| Some(set.iter().find(|(found, _)| *found == name)?.1.to_owned()));
        let settings = TraceSettings::read(&mut env, default_endpoint);
        env.finish(settings).map_err(|error| error.to_string())
    }

    #[test]
    fn the_exporter_is_otlp_or_the_daemon_or_none() {
        const GENERAL: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a:1/");
        const EXACT: (&str, &str) = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://b:1/x/");
        const DAEMON: (&str, &str) = ("AWS_XRAY_DAEMON_ADDRESS", "169.254.79.129:2000");
        let exporter = |set, default| read(set, default).unwrap().exporter;
        let otlp = |url: &str| Some(Exporter::Otlp(url.to_owned()));
        let default = "http://127.0.0.1:4318";
        assert_eq!(exporter(&[DAEMON], default), otlp("http://127.0.0.1:4318/v1/traces"));
        assert_eq!(exporter(&[GENERAL], default), otlp("http://a:1/v1/traces"));
        assert_eq!(exporter(&[GENERAL, EXACT], default), otlp("http://b:1/x/"));
        let daemon = Exporter::XrayDaemon(DAEMON.1.to_owned());
        assert_eq!(exporter(&[DAEMON], ""), Some(daemon));
        assert_eq!(exporter(&[], ""), None);
        assert_eq!(
            exporter(&[DAEMON, ("OTEL_TRACES_EXPORTER", "otlp")], ""),
            exporter(&[DAEMON], "")
        );
        for off in [
            &[DAEMON, ("OTEL_SDK_DISABLED", "true")] as Set,
            &[DAEMON, ("OTEL_SDK_DISABLED", "TRUE")],
            &[DAEMON, ("OTEL_TRACES_EXPORTER", "none")],
        ] {
            assert_eq!(exporter(off, default), None, "{off:?}");
        }
    }

    #[test]
    fn samplers_have_their_standard_names() {
        let sampler = |set| format!("{:?}", read(set, "").unwrap().sampler);
        assert_eq!(sampler(&[]), "ParentBased(AlwaysOn)");
        assert_eq!(sampler(&[("OTEL_TRACES_SAMPLER", "always_off")]), "AlwaysOff");
        let ratio: Set = &[
            ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
            ("OTEL_TRACES_SAMPLER_ARG", "0.05"),
        ];
        assert_eq!(sampler(ratio), "ParentBased(TraceIdRatioBased(0.05))");
    }

    #[test]
    fn names_of_the_specification_may_be_in_any_case() {
        let settings = read(
            &[
                ("OTEL_TRACES_SAMPLER", "ParentBased_Always_OFF"),
                ("OTEL_TRACES_EXPORTER", "NONE"),
                ("AWS_XRAY_DAEMON_ADDRESS", "a:1"),
            ],
            "",
        );
        let settings = settings.unwrap();
        assert_eq!(format!("{:?}", settings.sampler), "ParentBased(AlwaysOff)");
        assert_eq!(settings.exporter, None);
    }

    #[test]
    fn the_daemons_address_is_a_host_and_a_udp_port() {
        let udp = |text: &str| text.parse::<DaemonAddress>().ok().map(|daemon| daemon.0);
        for (text, address) in [
            ("169.254.79.129:2000", "169.254.79.129:2000"),
            ("xray.local:2000", "xray.local:2000"),
            ("[::1]:2000", "[::1]:2000"),
            ("tcp:a:1 udp:b:2", "b:2"),
            ("udp:b:2 tcp:a:1", "b:2"),
        ] {
            assert_eq!(udp(text).as_deref(), Some(address), "{text}");
        }
        for bad in [
            "",
            "a",
            ":1",
            "a:",
            "a:x",
            "a:70000",
            "::1:2000",
            "http://a:1",
            "udp:b:2",
            "tcp:a:1",
            "tcp:a:1 tcp:b:2",
            "udp:a:1 udp:b:2",
            "a:1 b:2",
            "tcp:a udp:b:2",
            "tcp:a:1 udp:b:2 c:3",
        ] {
            assert_eq!(udp(bad), None, "{bad}");
        }
    }

    #[test]
    fn invalid_settings_are_named() {
        for set in [
            &[("OTEL_TRACES_SAMPLER", "xray")] as Set,
            &[("OTEL_TRACES_SAMPLER_ARG", "2")],
            &[("OTEL_EXPORTER_OTLP_ENDPOINT", "https://a")],
            &[("OTEL_EXPORTER_OTLP_ENDPOINT", "http:///")],
            &[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "a:4318")],
            &[("OTEL_TRACES_EXPORTER", "zipkin")],
            &[("OTEL_SDK_DISABLED", "yes")],
            &[("AWS_XRAY_DAEMON_ADDRESS", "nowhere")],
            &[("OTEL_BSP_MAX_QUEUE_SIZE", "0")],
        ] {
            let error = read(set, "").unwrap_err();
            assert!(error.starts_with(set[0].0), "{error}");
        }
    }
}
