//! A distribution of durations, as the collector's exporter for CloudWatch makes it of an exponential histogram.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{ExponentialHistogramDataPoint, ResourceMetrics};
use picus_cloudwatch::data::Datum;

/// What is new of a distribution since its program's last delivery.
#[derive(Debug, Clone, PartialEq)]
pub struct Distribution {
    /// The metric's name for OpenTelemetry.
    pub name: String,
    /// Its attributes. Those that are no texts are left out.
    pub attributes: BTreeMap<String, String>,
    /// Its values: the middle of each bucket.
    pub datum: Datum,
}

impl Distribution {
    pub(super) fn of_resource(resource: ResourceMetrics) -> impl Iterator<Item = Self> {
        let metrics = resource.scope_metrics.into_iter().flat_map(|scope| scope.metrics);
        metrics.flat_map(|metric| {
            let points = match metric.data {
                Some(Data::ExponentialHistogram(histogram)) => histogram.data_points,
                _ => Vec::new(),
            };
            let name = metric.name;
            points.into_iter().filter_map(move |point| Self::read(name.clone(), point))
        })
    }

    fn read(name: String, point: ExponentialHistogramDataPoint) -> Option<Self> {
        let datum = Datum::distribution(&values(&point))?;
        let text = |value| match value {
            Value::StringValue(text) => Some(text),
            _ => None,
        };
        let attributes = point.attributes.into_iter();
        let attributes = attributes.filter_map(|one| Some((one.key, text(one.value?.value?)?)));
        Some(Self { name, attributes: attributes.collect(), datum })
    }
}

/// The middle of each bucket, with its count (OpenTelemetry, "Metrics Data Model", "Exponential Buckets").
#[expect(clippy::cast_precision_loss, reason = "no interval has 2^52 values")]
fn values(point: &ExponentialHistogramDataPoint) -> Vec<(f64, f64)> {
    let base = (-f64::from(point.scale)).exp2().exp2();
    let Some(buckets) = &point.positive else { return vec![(0.0, point.zero_count as f64)] };
    let values = (buckets.offset..).zip(&buckets.bucket_counts).map(|(index, count)| {
        let lower = base.powi(index);
        (f64::midpoint(lower, lower * base), *count as f64)
    });
    values.chain([(0.0, point.zero_count as f64)]).collect()
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;

    use super::*;

    #[test]
    fn a_bucket_is_its_middle_as_often_as_it_counts() {
        let point = ExponentialHistogramDataPoint {
            scale: 0,
            zero_count: 1,
            positive: Some(Buckets { offset: -1, bucket_counts: vec![2, 0, 3] }),
            ..ExponentialHistogramDataPoint::default()
        };
        assert_eq!(values(&point), [(0.75, 2.0), (1.5, 0.0), (3.0, 3.0), (0.0, 1.0)]);
        let finer = ExponentialHistogramDataPoint { scale: 1, ..point };
        let root = 2.0_f64.sqrt();
        assert!((values(&finer)[1].0 - f64::midpoint(1.0, root)).abs() < 1e-9);
    }
}
