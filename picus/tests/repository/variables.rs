//! Compares the table of OpenTelemetry's and AWS's variables in docs/OPERATIONS.md with what the programs read.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

/// OpenTelemetry, "Environment Variable Specification", without OTLP's variables, which are below.
const OPEN_TELEMETRY: &str = "OTEL_SDK_DISABLED OTEL_ENTITIES OTEL_RESOURCE_ATTRIBUTES OTEL_SERVICE_NAME OTEL_LOG_LEVEL \
    OTEL_PROPAGATORS OTEL_TRACES_SAMPLER OTEL_TRACES_SAMPLER_ARG OTEL_BSP_SCHEDULE_DELAY OTEL_BSP_EXPORT_TIMEOUT \
    OTEL_BSP_MAX_QUEUE_SIZE OTEL_BSP_MAX_EXPORT_BATCH_SIZE OTEL_BLRP_SCHEDULE_DELAY OTEL_BLRP_EXPORT_TIMEOUT \
    OTEL_BLRP_MAX_QUEUE_SIZE OTEL_BLRP_MAX_EXPORT_BATCH_SIZE OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT \
    OTEL_ATTRIBUTE_COUNT_LIMIT OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT \
    OTEL_SPAN_EVENT_COUNT_LIMIT OTEL_SPAN_LINK_COUNT_LIMIT OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT \
    OTEL_LINK_ATTRIBUTE_COUNT_LIMIT OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT \
    OTEL_EXPORTER_ZIPKIN_ENDPOINT OTEL_EXPORTER_ZIPKIN_TIMEOUT OTEL_EXPORTER_PROMETHEUS_HOST \
    OTEL_EXPORTER_PROMETHEUS_PORT OTEL_TRACES_EXPORTER OTEL_METRICS_EXPORTER OTEL_LOGS_EXPORTER \
    OTEL_METRICS_EXEMPLAR_FILTER OTEL_METRIC_EXPORT_INTERVAL OTEL_METRIC_EXPORT_TIMEOUT OTEL_CONFIG_FILE \
    OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION";

/// A good value of each setting, always different from its default.
const OTHER_VALUES: &str = "OTEL_SDK_DISABLED=true OTEL_SERVICE_NAME=a OTEL_RESOURCE_ATTRIBUTES=service.instance.id=1,a=b \
    OTEL_TRACES_EXPORTER=none OTEL_TRACES_SAMPLER=always_off OTEL_TRACES_SAMPLER_ARG=0.5 OTEL_METRICS_EXPORTER=none \
    OTEL_BSP_SCHEDULE_DELAY=7 OTEL_BSP_MAX_QUEUE_SIZE=7000 OTEL_BSP_MAX_EXPORT_BATCH_SIZE=7 OTEL_METRIC_EXPORT_INTERVAL=7 \
    OTEL_EXPORTER_OTLP_ENDPOINT=http://a:1 OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://a:1 \
    OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=http://a:1 OTEL_EXPORTER_OTLP_TIMEOUT=7 OTEL_EXPORTER_PROMETHEUS_HOST=127.0.0.7 \
    OTEL_EXPORTER_PROMETHEUS_PORT=7 AWS_XRAY_DAEMON_ADDRESS=a:1 AWS_LAMBDA_LOG_LEVEL=FATAL \
    AWS_MAX_ATTEMPTS=7 AWS_RETRY_MODE=adaptive";

/// The table's rows: each variable, and whether it has an effect.
fn table() -> BTreeMap<String, String> {
    let document = fs::read_to_string(root().join("docs/OPERATIONS.md")).unwrap();
    let mut table = BTreeMap::new();
    for row in document.lines() {
        let cells: Vec<_> = row.split(" | ").collect();
        let Some(honoured) = cells[0].strip_prefix("| ") else { continue };
        if ["yes", "no", "library"].contains(&honoured) {
            for name in cells[1].split('`').skip(1).step_by(2) {
                let before = table.insert(name.to_owned(), honoured.to_owned());
                assert!(before.is_none(), "docs/OPERATIONS.md: {name} has two rows");
            }
        }
    }
    table
}

/// Both programs' configurations, as text, with this variable set.
fn configured(set: Option<(&'static str, &'static str)>) -> String {
    let reader = || {
        Reader::new(move |name| match (name, set) {
            (name, Some((set, value))) if name == set => Some(value.to_owned()),
            // The instance id would differ each time, and the share matters only with such a sampler.
            ("OTEL_RESOURCE_ATTRIBUTES", _) => Some("service.instance.id=1".to_owned()),
            ("OTEL_TRACES_SAMPLER", _) => Some("traceidratio".to_owned()),
            _ => None,
        })
    };
    let (mut of_service, mut of_handler) = (reader(), reader());
    let service = picus_service::Config::read(&mut of_service);
    let handler = picus_delete_handler::Config::read(&mut of_handler);
    of_service.finish(format!("{service:?}")).unwrap()
        + &of_handler.finish(format!("{handler:?}")).unwrap()
}

#[test]
fn the_operators_document_has_every_variable_of_the_specification() {
    let table = table();
    let otlp = ["", "TRACES_", "METRICS_", "LOGS_"].into_iter().flat_map(|signal| {
        let kinds = "ENDPOINT INSECURE CERTIFICATE CLIENT_KEY CLIENT_CERTIFICATE HEADERS COMPRESSION TIMEOUT PROTOCOL";
        kinds.split(' ').map(move |kind| format!("OTEL_EXPORTER_OTLP_{signal}{kind}"))
    });
    let specified = OPEN_TELEMETRY.split_whitespace().map(str::to_owned).chain(otlp);
    let missing: Vec<_> = specified.filter(|name| !table.contains_key(name)).collect();
    assert!(missing.is_empty(), "docs/OPERATIONS.md lacks {missing:?}");
}

#[test]
fn exactly_the_honoured_variables_have_an_effect() {
    let mut env = Reader::new(|_| None);
    let _ = picus_service::Config::read(&mut env);
    let _ = picus_delete_handler::Config::read(&mut env);
    let standard = |name: &&str| name.starts_with("OTEL_") || name.starts_with("AWS_");
    let read: BTreeSet<_> = env.described().map(|(name, _)| name).filter(standard).collect();
    let table = table();
    let honoured = table.iter().filter(|(_, honoured)| *honoured == "yes");
    assert_eq!(honoured.map(|(name, _)| name.as_str()).collect::<BTreeSet<_>>(), read);
    let by_default = configured(None);
    let values: Vec<_> =
        OTHER_VALUES.split_whitespace().map(|pair| pair.split_once('=').unwrap()).collect();
    assert_eq!(values.iter().map(|(name, _)| *name).collect::<BTreeSet<_>>(), read);
    for (name, value) in values {
        assert_ne!(configured(Some((name, value))), by_default, "{name}={value}");
    }
}
