//! The metrics that the load balancer reports to CloudWatch ("CloudWatch metrics for your Application Load
//! Balancer").

use std::time::Duration;

use hyper::StatusCode;

use super::target_group::TargetGroup;
use picus_cloudwatch::metric::Metric;
use picus_cloudwatch::metric_sink::MetricSink;

/// Reports the metrics of a load balancer.
#[derive(Debug)]
pub(super) struct Metrics {
    pub(super) load_balancer: String,
    pub(super) sink: MetricSink,
}

impl Metrics {
    /// A request that had a target.
    pub(super) fn request(&self, group: &str) {
        self.for_group("RequestCount", group, 1.0);
    }

    /// A target's response.
    pub(super) fn answered(&self, group: &str, status: StatusCode, took: Duration) {
        let name = format!("HTTPCode_Target_{}XX_Count", status.as_u16() / 100);
        self.for_group(&name, group, 1.0);
        self.for_group("TargetResponseTime", group, took.as_secs_f64());
    }

    /// A response of the load balancer's own.
    pub(super) fn own(&self, status: StatusCode) {
        let of_all = &[("LoadBalancer", self.load_balancer.as_str())];
        let family = format!("HTTPCode_ELB_{}XX_Count", status.as_u16() / 100);
        self.sink.record(Metric::new("AWS/ApplicationELB", &family, of_all), 1.0);
        if matches!(status.as_u16(), 500 | 502 | 503 | 504) {
            let name = format!("HTTPCode_ELB_{}_Count", status.as_u16());
            self.sink.record(Metric::new("AWS/ApplicationELB", &name, of_all), 1.0);
        }
    }

    /// The function failed, or its response was malformed.
    pub(super) fn function_failed(&self, group: &str) {
        let dimensions = &[("LoadBalancer", self.load_balancer.as_str()), ("TargetGroup", group)];
        self.sink.record(Metric::new("AWS/ApplicationELB", "LambdaUserError", dimensions), 1.0);
    }

    /// Reports for the whole load balancer, and for the group.
    fn for_group(&self, name: &str, group: &str, value: f64) {
        let dimensions = [("LoadBalancer", self.load_balancer.as_str()), ("TargetGroup", group)];
        for set in [&dimensions[..1], &dimensions[..]] {
            self.sink.record(Metric::new("AWS/ApplicationELB", name, set), value);
        }
    }
}

/// The number of healthy targets. A group without targets reports nothing.
pub fn report_health(metrics: &MetricSink, load_balancer: &str, group: &TargetGroup) {
    let (all, healthy) = (group.len(), group.healthy().len());
    let dimensions = &[("LoadBalancer", load_balancer), ("TargetGroup", group.name())];
    let report = |metric: &str, count: usize| {
        let count = f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        metrics.record(Metric::new("AWS/ApplicationELB", metric, dimensions), count);
    };
    if all > 0 {
        report("HealthyHostCount", healthy);
        report("UnHealthyHostCount", all.saturating_sub(healthy));
    }
}
