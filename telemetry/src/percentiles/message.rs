//! Distributions in OTLP: exponential histograms, each with what is new since the last.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, ExponentialHistogram, ExponentialHistogramDataPoint, Metric,
    ResourceMetrics, ScopeMetrics, metric::Data,
};
use opentelemetry_proto::tonic::resource::v1::Resource;

use crate::recorder::{Delta, Distribution, SCALE};
use crate::service::Service;

/// The distributions of one interval, under OpenTelemetry's names.
pub(super) fn request(
    service: &Service,
    deltas: &[(Arc<Distribution>, Delta)],
    from: SystemTime,
    to: SystemTime,
) -> ExportMetricsServiceRequest {
    let point = |(distribution, delta): &(Arc<Distribution>, Delta)| {
        let labels = distribution.labels.iter();
        ExponentialHistogramDataPoint {
            // A label is an attribute with `_` for each dot.
            attributes: labels
                .map(|(name, value)| attribute(&name.replace('_', "."), value))
                .collect(),
            start_time_unix_nano: nanoseconds(from),
            time_unix_nano: nanoseconds(to),
            count: delta.count(),
            sum: Some(delta.sum),
            scale: SCALE,
            positive: Some(Buckets { offset: delta.offset, bucket_counts: delta.counts.clone() }),
            min: Some(delta.min),
            max: Some(delta.max),
            ..ExponentialHistogramDataPoint::default()
        }
    };
    let metric = |delta: &(Arc<Distribution>, Delta)| Metric {
        name: delta.0.metric.otel_name.to_owned(),
        description: delta.0.metric.help.to_owned(),
        unit: delta.0.metric.otel_unit.to_owned(),
        data: Some(Data::ExponentialHistogram(ExponentialHistogram {
            data_points: vec![point(delta)],
            aggregation_temporality: AggregationTemporality::Delta.into(),
        })),
        ..Metric::default()
    };
    let of_service = [("service.name", &service.name), ("service.version", &service.version)];
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(Resource {
                attributes: of_service.map(|(key, value)| attribute(key, value)).into(),
                ..Resource::default()
            }),
            scope_metrics: vec![ScopeMetrics {
                scope: Some(InstrumentationScope {
                    name: "picus".to_owned(),
                    ..InstrumentationScope::default()
                }),
                metrics: deltas.iter().map(metric).collect(),
                ..ScopeMetrics::default()
            }],
            ..ResourceMetrics::default()
        }],
    }
}

fn attribute(key: &str, value: &str) -> KeyValue {
    let value = AnyValue { value: Some(Value::StringValue(value.to_owned())) };
    KeyValue { key: key.to_owned(), value: Some(value), ..KeyValue::default() }
}

fn nanoseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
