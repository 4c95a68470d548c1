//! An Application Load Balancer: a listener with rules, and target groups (Elastic Load Balancing, "Application Load
//! Balancers").

mod access;
mod answer;
mod attributes;
mod body;
mod event;
mod forward;
mod headers;
pub mod metrics;
mod refuse;
mod rules;
mod statuses;
mod target_group;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::mpsc::UnboundedSender;

use crate::server::Server;
pub use access::{Access, Asked};
pub use attributes::Attributes;
pub use forward::Forwarder;
use picus_cloudwatch::metric_sink::MetricSink;
pub use rules::{Action, Condition, Forward, Listener, Rule};
pub use statuses::Statuses;
pub use target_group::{Algorithm, GroupSettings, HealthCheck, Target, TargetGroup};

/// A running load balancer.
#[derive(Debug)]
pub struct LoadBalancer(Server);

impl LoadBalancer {
    /// Serves `listener` on `socket`, reports to `metrics`, and writes each request to the access log if there is one.
    ///
    /// # Errors
    /// A socket without an address.
    pub fn start(
        socket: TcpListener,
        listener: Listener,
        attributes: Attributes,
        metrics: MetricSink,
        access_log: Option<UnboundedSender<Access>>,
    ) -> io::Result<Self> {
        let port = socket.local_addr()?.port();
        let idle_timeout = attributes.idle_timeout;
        let forwarder = Arc::new(Forwarder::new(listener, port, attributes, metrics, access_log));
        let answer = move |request, client| {
            let forwarder = forwarder.clone();
            async move { Ok(forwarder.answer(request, client).await) }
        };
        Ok(Self(Server::with_idle_timeout(socket, idle_timeout, answer)?))
    }

    /// Its address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.0.address()
    }

    /// Accepts no more connections, and finishes the requests in flight.
    pub async fn stop(self) {
        self.0.stop().await;
    }
}
