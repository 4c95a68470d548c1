//! A container's health check, and the restart if it fails.
//!
//! ECS runs the check's command in the container. Here, the same question is asked without a new process each time:
//! `--healthcheck` asks for `GET /health` of the service beside it.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::Empty;
use hyper::{Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::time::{self, Instant};

use crate::deployment::ContainerHealthCheck;

/// Waits until the container at this address is unhealthy.
pub(crate) async fn unhealthy(check: &ContainerHealthCheck, address: SocketAddr) {
    let client: Client<HttpConnector, Empty<Bytes>> =
        Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build_http();
    let started = Instant::now();
    let mut failures = 0;
    while failures < check.retries {
        time::sleep(check.interval).await;
        // Can't fail: address and path are our own.
        let request = Request::get(format!("http://{address}/health")).body(Empty::new());
        let Ok(request) = request else { return };
        let answer = time::timeout(check.timeout, client.request(request)).await;
        let is_good = matches!(answer, Ok(Ok(response)) if response.status() == StatusCode::OK);
        if is_good {
            failures = 0;
        } else if started.elapsed() > check.start_period {
            failures += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_container_is_unhealthy_after_its_start_period_and_enough_failures() {
        let hung = TcpListener::bind("127.0.0.1:0").unwrap();
        let check = ContainerHealthCheck {
            interval: Duration::from_millis(10),
            timeout: Duration::from_millis(10),
            retries: 3,
            start_period: Duration::from_millis(200),
        };
        let began = Instant::now();
        let address = hung.local_addr().unwrap();
        time::timeout(Duration::from_secs(20), unhealthy(&check, address)).await.unwrap();
        assert!(began.elapsed() >= check.start_period, "{:?}", began.elapsed());
    }
}
