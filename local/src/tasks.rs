//! The service's tasks. As ECS does, this starts them, puts them behind the load balancer, replaces them when they
//! die, and stops them without losing a request.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time;

use crate::container::unhealthy;
use crate::deployment::TaskDefinition;
use crate::load_balancer::TargetGroup;
use crate::port::Port;
use crate::process::{Launcher, Process};

const FIRST_BACKOFF: Duration = Duration::from_millis(100);
const LAST_BACKOFF: Duration = Duration::from_secs(5);

/// The place of one task, in which a task always runs or is about to.
#[derive(Debug)]
pub struct Task {
    stop: watch::Sender<()>,
    kept: JoinHandle<bool>,
    now: watch::Receiver<Option<Running>>,
    refusal: Arc<OnceLock<String>>,
}

/// The task that now runs in a place.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "the names of some members say all")]
pub struct Running {
    pub pid: u32,
    /// The address of the API.
    pub address: SocketAddr,
    /// The address of its metrics.
    pub metrics_address: SocketAddr,
}

impl Task {
    pub(crate) fn keep(
        launcher: Launcher,
        definition: TaskDefinition,
        group: Arc<TargetGroup>,
    ) -> Self {
        let (stop, stopped) = watch::channel(());
        let (tell, now) = watch::channel(None);
        let refusal = Arc::<OnceLock<String>>::default();
        let kept = keep(launcher, definition, group, stopped, (tell, refusal.clone()));
        Self { stop, kept: tokio::spawn(kept), now, refusal }
    }

    /// The task in this place, as soon as there is one.
    pub async fn running(&self) -> Option<Running> {
        let mut now = self.now.clone();
        now.wait_for(Option::is_some).await.ok().and_then(|running| *running)
    }

    /// The task in this place, if there is one now.
    #[must_use]
    pub fn running_now(&self) -> Option<Running> {
        *self.now.borrow()
    }

    /// Why a task in this place refused its settings.
    #[must_use]
    pub fn refusal(&self) -> Option<&str> {
        self.refusal.get().map(String::as_str)
    }

    /// Takes the task out of the load balancer, finishes its requests and stops it. Returns whether it stopped by
    /// itself, without an error.
    pub async fn stop(self) -> bool {
        drop(self.stop);
        self.kept.await.unwrap_or(false)
    }
}

async fn keep(
    launcher: Launcher,
    definition: TaskDefinition,
    group: Arc<TargetGroup>,
    mut stopped: watch::Receiver<()>,
    (tell, refusal): (watch::Sender<Option<Running>>, Arc<OnceLock<String>>),
) -> bool {
    let mut backoff = FIRST_BACKOFF;
    loop {
        let started = time::Instant::now();
        if let Ok((mut process, running, _ports)) = start(&launcher) {
            let target = group.register(running.address);
            tell.send_replace(Some(running));
            tokio::select! {
                () = process.ended() => {
                    tell.send_replace(None);
                    group.remove(&target);
                    if let Some(complaints) = process.refusal().await {
                        // If it is set already, it has the same message.
                        let _ = refusal.set(complaints);
                    }
                }
                () = unhealthy(&definition.health_check, running.address) => {
                    tell.send_replace(None);
                    group.deregister(&target).await;
                    process.stop(definition.stop_timeout).await;
                }
                _ = stopped.changed() => {
                    group.deregister(&target).await;
                    return process.stop(definition.stop_timeout).await;
                }
            }
        }
        // A task that ran for a while was good. One that does not start is retried less and less often.
        backoff = if started.elapsed() > LAST_BACKOFF {
            FIRST_BACKOFF
        } else {
            (backoff * 2).min(LAST_BACKOFF)
        };
        tokio::select! {
            () = time::sleep(backoff) => {}
            _ = stopped.changed() => return false,
        }
    }
}

/// The process may use the ports as long as they are reserved.
fn start(launcher: &Launcher) -> io::Result<(Process, Running, [Port; 2])> {
    let ports = [Port::take()?, Port::take()?];
    let [address, metrics_address] = [ports[0].address(), ports[1].address()];
    let environment = [
        ("PICUS_ADDRESS", address.to_string()),
        ("OTEL_EXPORTER_PROMETHEUS_HOST", metrics_address.ip().to_string()),
        ("OTEL_EXPORTER_PROMETHEUS_PORT", metrics_address.port().to_string()),
        // It is told to stop only after it has left the load balancer, which notices at once.
        ("PICUS_SHUTDOWN_DELAY_SECONDS", "0".to_owned()),
    ];
    let process = launcher.start("service", "service", environment)?;
    let pid = process.id().unwrap_or_default();
    Ok((process, Running { pid, address, metrics_address }, ports))
}
