//! What holds for all requests of a load balancer.

use std::time::Duration;

use hyper::HeaderMap;

/// What the load balancer does to every request and answer.
#[derive(Debug, Clone)]
pub struct Attributes {
    /// What CloudWatch calls it.
    pub full_name: String,
    /// How long a connection may be silent: a target may take so long to begin its answer, and one
    /// without requests is closed after it.
    pub idle_timeout: Duration,
    /// Whether headers are dropped whose names have more than letters, digits and hyphens.
    pub drop_invalid_header_fields: bool,
    /// Headers of every answer, in place of a target's own.
    pub response_headers: HeaderMap,
}

/// What a load balancer has of which nothing is said ("Edit attributes for your Application Load
/// Balancer").
impl Default for Attributes {
    fn default() -> Self {
        Self {
            full_name: "app/unnamed/0123456789abcdef".to_owned(),
            idle_timeout: Duration::from_mins(1),
            drop_invalid_header_fields: false,
            response_headers: HeaderMap::new(),
        }
    }
}
