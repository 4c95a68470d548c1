//! Targets and their health ("Health checks for Application Load Balancer target groups").

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Empty;
use hyper::{Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use parking_lot::RwLock;
use serde::Deserialize;
use tokio::task::JoinHandle;
use tokio::time;

use super::statuses::Statuses;

/// The settings of health checks.
#[derive(Debug, Clone)]
pub struct HealthCheck {
    /// The path.
    pub path: String,
    /// The statuses that count as healthy.
    pub statuses: Statuses,
    /// The time between two checks.
    pub interval: Duration,
    /// The longest time for one check.
    pub timeout: Duration,
    /// After this many successes in a row, an unhealthy target becomes healthy. A new target needs one.
    pub healthy_threshold: u32,
    /// After this many failures in a row, a healthy target becomes unhealthy.
    pub unhealthy_threshold: u32,
}

/// The defaults ("Health check settings").
impl Default for HealthCheck {
    fn default() -> Self {
        Self {
            path: "/".to_owned(),
            statuses: (200..=200).into(),
            interval: Duration::from_secs(30),
            timeout: Duration::from_secs(5),
            healthy_threshold: 5,
            unhealthy_threshold: 2,
        }
    }
}

/// How a target is chosen among the healthy ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Algorithm {
    /// In turns.
    RoundRobin,
    /// The one with the fewest requests in flight. Among equals, in turns.
    LeastOutstandingRequests,
}

/// The settings of a target group.
#[derive(Debug, Clone)]
pub struct GroupSettings {
    /// Its name in CloudWatch.
    pub name: String,
    /// How a target is chosen.
    pub algorithm: Algorithm,
    /// The health checks of its targets.
    pub health_check: HealthCheck,
    /// How long requests may go on at a target that has been taken out.
    pub deregistration_delay: Duration,
}

/// The defaults ("Edit target group attributes").
impl Default for GroupSettings {
    fn default() -> Self {
        Self {
            name: "targetgroup/unnamed/0123456789abcdef".to_owned(),
            algorithm: Algorithm::RoundRobin,
            health_check: HealthCheck::default(),
            deregistration_delay: Duration::from_mins(5),
        }
    }
}

/// A server behind the load balancer.
#[derive(Debug)]
pub struct Target {
    /// Its address.
    pub address: SocketAddr,
    healthy: AtomicBool,
    in_flight: AtomicUsize,
}

impl Target {
    /// Whether it gets requests.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.healthy.load(Ordering::Relaxed)
    }
}

/// A request at a target, until this is dropped.
#[derive(Debug)]
pub(super) struct InFlight(Arc<Target>);

impl InFlight {
    pub(super) fn address(&self) -> SocketAddr {
        self.0.address
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A group of targets.
#[derive(Debug)]
pub struct TargetGroup {
    settings: GroupSettings,
    targets: RwLock<Vec<(Arc<Target>, AbortOnDrop)>>,
    next: AtomicUsize,
}

#[derive(Debug)]
struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl TargetGroup {
    /// A group without targets.
    #[must_use]
    pub fn new(settings: GroupSettings) -> Self {
        Self { settings, targets: RwLock::default(), next: AtomicUsize::new(0) }
    }

    /// Its name in CloudWatch.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.settings.name
    }

    /// Adds a target, which gets requests when it is healthy. Use the returned value to take it out, not the address,
    /// which another target may have by then.
    pub fn register(&self, address: SocketAddr) -> Arc<Target> {
        let target = Arc::new(Target { address, healthy: false.into(), in_flight: 0.into() });
        let checks = tokio::spawn(check(target.clone(), self.settings.health_check.clone()));
        self.targets.write().push((target.clone(), AbortOnDrop(checks)));
        target
    }

    /// Takes a target out and waits for its requests, at most for the group's delay.
    pub async fn deregister(&self, target: &Arc<Target>) {
        self.remove(target);
        let drained = async {
            while target.in_flight.load(Ordering::SeqCst) > 0 {
                time::sleep(Duration::from_millis(5)).await;
            }
        };
        // The load balancer cuts off those that take longer.
        let _ = time::timeout(self.settings.deregistration_delay, drained).await;
    }

    /// Removes a target that is gone.
    pub(crate) fn remove(&self, target: &Arc<Target>) {
        self.targets.write().retain(|(other, _)| !Arc::ptr_eq(other, target));
    }

    /// The number of targets.
    pub(super) fn len(&self) -> usize {
        self.targets.read().len()
    }

    /// The targets that get requests.
    #[must_use]
    pub fn healthy(&self) -> Vec<Arc<Target>> {
        let targets = self.targets.read();
        targets
            .iter()
            .map(|(target, _)| target.clone())
            .filter(|target| target.is_healthy())
            .collect()
    }

    /// The target for the next request: a healthy one, or any if none is healthy.
    pub(super) fn choose(&self) -> Option<InFlight> {
        let targets = self.targets.read();
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let all = targets.iter().map(|(target, _)| target);
        let mut able: Vec<_> = all.clone().filter(|target| target.is_healthy()).collect();
        if able.is_empty() {
            able = all.collect();
        }
        let first = turn.checked_rem(able.len())?;
        able.rotate_left(first);
        let target = match self.settings.algorithm {
            Algorithm::RoundRobin => able.first(),
            Algorithm::LeastOutstandingRequests => {
                able.iter().min_by_key(|target| target.in_flight.load(Ordering::SeqCst))
            }
        }?;
        // Counted while the list is locked, so that whoever takes the target out sees the request.
        target.in_flight.fetch_add(1, Ordering::SeqCst);
        Some(InFlight(Arc::clone(target)))
    }
}

/// Checks a target's health repeatedly.
async fn check(target: Arc<Target>, check: HealthCheck) {
    let client: Client<HttpConnector, Empty<Bytes>> =
        Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build_http();
    let url = format!("http://{}{}", target.address, check.path);
    let (mut good, mut bad, mut new) = (0, 0, true);
    loop {
        // Can't fail: address and path are our own.
        let Ok(request) = Request::get(&url).body(Empty::new()) else { return };
        let answer = time::timeout(check.timeout, client.request(request)).await;
        let is_good = |status: StatusCode| check.statuses.contain(status.as_u16());
        if matches!(answer, Ok(Ok(response)) if is_good(response.status())) {
            (good, bad) = (good + 1, 0);
            if new || good >= check.healthy_threshold {
                target.healthy.store(true, Ordering::Relaxed);
                new = false;
            }
        } else {
            (good, bad) = (0, bad + 1);
            if bad >= check.unhealthy_threshold {
                target.healthy.store(false, Ordering::Relaxed);
            }
        }
        // A new target is checked more often, so that a start need not wait a whole interval.
        time::sleep(if new {
            check.interval.min(Duration::from_millis(50))
        } else {
            check.interval
        })
        .await;
    }
}
