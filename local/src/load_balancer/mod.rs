//! An Application Load Balancer: a listener with rules, and target groups behind it (Elastic Load
//! Balancing, "Application Load Balancers").

mod answer;
mod event;
mod forward;
mod headers;
pub mod metrics;
mod refuse;
mod rules;
mod target_group;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;

use crate::lambda::Lambda;
use crate::server::Server;
pub use forward::Forwarder;
use picus_cloudwatch::metric_sink::MetricSink;
pub use rules::{Condition, Listener, Rule};
pub use target_group::{HealthCheck, Target, TargetGroup};

/// How long a connection may be silent, as it is deployed: a target may take so long to begin its
/// answer, and one without requests is closed before the service would.
pub const IDLE_TIMEOUT: Duration = Duration::from_mins(1);

/// Where a rule sends a request.
#[derive(Debug, Clone)]
pub enum Action {
    /// To one of the group's targets.
    Forward(Arc<TargetGroup>),
    /// To a function.
    Invoke {
        /// The function.
        function: Lambda,
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
        idle_timeout: Duration,
        metrics: MetricSink,
    ) -> io::Result<Self> {
        let port = socket.local_addr()?.port();
        let forwarder = Arc::new(Forwarder::new(listener, port, idle_timeout, metrics));
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
