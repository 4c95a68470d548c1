//! An Application Load Balancer: a listener with rules, and target groups behind it (Elastic Load
//! Balancing, "Application Load Balancers").

mod answer;
mod event;
mod forward;
mod headers;
pub mod metrics;
mod rules;
mod statuses;
mod target_group;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::HeaderMap;
use tokio::net::TcpListener;

use crate::lambda::Lambda;
use crate::server::Server;
pub use forward::Forwarder;
use picus_cloudwatch::metric_sink::MetricSink;
pub use rules::{Condition, Forward, Listener, Rule};
pub use statuses::Statuses;
pub use target_group::{Algorithm, GroupSettings, HealthCheck, Target, TargetGroup};

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

/// What is done with a request.
#[derive(Debug, Clone)]
pub enum Action {
    /// To one of the group's targets.
    Forward(Arc<TargetGroup>),
    /// To a function.
    Invoke {
        /// The function.
        function: Lambda,
        /// What CloudWatch calls the function's target group.
        group: String,
        /// Whether headers and parameters are sent and taken with all their values.
        multi_value_headers: bool,
    },
}

/// A load balancer that serves.
#[derive(Debug)]
pub struct LoadBalancer(Server);

impl LoadBalancer {
    /// Serves `listener` on `socket`, and tells `metrics` of it.
    ///
    /// # Errors
    /// A socket without an address.
    pub fn start(
        socket: TcpListener,
        listener: Listener,
        attributes: Attributes,
        metrics: MetricSink,
    ) -> io::Result<Self> {
        let port = socket.local_addr()?.port();
        let forwarder = Arc::new(Forwarder::new(listener, port, attributes, metrics));
        let answer = move |request, client| {
            let forwarder = forwarder.clone();
            async move { Ok(forwarder.answer(request, client).await) }
        };
        Ok(Self(Server::start(socket, answer)?))
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.0.address()
    }

    /// Takes no more connections and lets requests in flight end.
    pub async fn stop(self) {
        self.0.stop().await;
    }
}
