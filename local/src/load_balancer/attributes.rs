//! Settings for all requests of a load balancer.

use std::time::Duration;

use hyper::HeaderMap;

/// Settings for all requests and responses.
#[derive(Debug, Clone)]
pub struct Attributes {
    /// Its name in CloudWatch.
    pub full_name: String,
    /// How long a connection may be silent. A target must begin its response within this time, and a connection
    /// without requests is closed after it.
    pub idle_timeout: Duration,
    /// Whether headers are dropped if their names have other characters than letters, digits and hyphens.
    pub drop_invalid_header_fields: bool,
    /// Headers of every response. They replace a target's own.
    pub response_headers: HeaderMap,
}

/// The defaults of a load balancer ("Edit attributes for your Application Load Balancer").
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
