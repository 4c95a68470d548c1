//! One execution environment: a process of the function, and the runtime API from which it gets events.

use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use rustix::process::{Pid, kill_process};
use tokio::sync::{oneshot, watch};
use tokio::time;
use uuid::Uuid;

use super::function::{Function, FunctionFault, InvokeError};
use super::runtime_api::{Invocation, RuntimeApi};
use crate::memory;
use crate::process::{Launcher, Process};

/// The longest time until a process asks for its first event (AWS Lambda Developer Guide, "Init phase").
const INIT_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct Environment {
    api: RuntimeApi,
    pid: Option<Pid>,
    exited: watch::Receiver<bool>,
    /// Dropping this kills the process.
    _kill: oneshot::Sender<()>,
}

impl Environment {
    /// Starts an environment, and waits until it asks for an event.
    pub(super) async fn start(
        function: &Function,
        launcher: &Launcher,
    ) -> Result<Self, InvokeError> {
        // If the system can't start it, the caller sees the same as if it had ended at once.
        let started = Self::launch(function, launcher).await;
        let this = started.map_err(|_| InvokeError::Exited)?;
        let mut exited = this.exited.clone();
        tokio::select! {
            initialized = time::timeout(INIT_TIMEOUT, this.api.initialized()) => {
                initialized.map_err(|_| InvokeError::TimedOut)??;
            }
            _ = exited.wait_for(|exited| *exited) => return Err(InvokeError::Exited),
        }
        Ok(this)
    }

    async fn launch(function: &Function, launcher: &Launcher) -> io::Result<Self> {
        let api = RuntimeApi::start(function.arn.clone()).await?;
        // Variables that every program gets go before these.
        let given = |name: &str| launcher.environment.contains_key(name);
        let environment = variables(function, api.address().to_string())
            .into_iter()
            .filter(|(name, _)| !given(name));
        let process = launcher.start(function.program, "delete-handler", environment)?;
        let pid = process.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        let (kill, killed) = oneshot::channel();
        Ok(Self { api, pid, exited: watch_over(process, killed), _kill: kill })
    }

    pub(super) fn is_alive(&self) -> bool {
        !*self.exited.borrow()
    }

    /// The most memory that its process has used, while it runs.
    pub(super) fn max_memory_mb(&self) -> Option<u64> {
        let id = self.pid?.as_raw_nonzero().get().cast_unsigned();
        Some(memory::peak_bytes(id)?.div_ceil(1024 * 1024))
    }

    pub(super) async fn invoke(
        &self,
        request_id: String,
        payload: Bytes,
        trace: &str,
        timeout: Duration,
        fault: Option<FunctionFault>,
    ) -> Result<Bytes, InvokeError> {
        let mut exited = self.exited.clone();
        let invoked = async {
            let (reply, replied) = oneshot::channel();
            let invocation = Invocation {
                request_id,
                payload,
                deadline_ms: deadline_ms(timeout),
                trace: trace.to_owned(),
                reply,
            };
            if let (Some(fault), Some(pid)) = (fault, self.pid) {
                // A process that has just ended needs no signal.
                let _ = kill_process(pid, fault.signal());
            }
            self.api.give(invocation).await;
            match time::timeout(timeout, replied).await {
                Ok(Ok(outcome)) => outcome,
                Ok(Err(_)) => Err(InvokeError::Exited),
                Err(_) => Err(InvokeError::TimedOut),
            }
        };
        tokio::select! {
            outcome = invoked => outcome,
            _ = exited.wait_for(|exited| *exited) => Err(InvokeError::Exited),
        }
    }
}

/// Waits until the process ends, or kills it when asked.
fn watch_over(mut process: Process, killed: oneshot::Receiver<()>) -> watch::Receiver<bool> {
    let (tell, exited) = watch::channel(false);
    tokio::spawn(async move {
        tokio::select! {
            () = process.ended() => {}
            _ = killed => process.kill().await,
        }
        tell.send_replace(true);
    });
    exited
}

fn deadline_ms(timeout: Duration) -> u128 {
    let deadline = SystemTime::now() + timeout;
    deadline.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis())
}

/// The variables that Lambda sets (AWS Lambda Developer Guide, "Defined runtime environment variables").
fn variables(function: &Function, runtime_api: String) -> [(&'static str, String); 10] {
    [
        ("AWS_LAMBDA_RUNTIME_API", runtime_api),
        ("AWS_LAMBDA_FUNCTION_NAME", function.name.clone()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", function.memory_mb.to_string()),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".to_owned()),
        ("AWS_LAMBDA_LOG_FORMAT", "JSON".to_owned()),
        ("AWS_LAMBDA_LOG_LEVEL", function.log_level.clone()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", function.log_group.clone()),
        ("AWS_LAMBDA_LOG_STREAM_NAME", format!("local/[$LATEST]{}", Uuid::new_v4().simple())),
        ("_HANDLER", function.handler.clone()),
    ]
}
