//! AWS Lambda, as far as one function needs it: environments that each serve one invocation at a
//! time, started as load asks for them, kept warm, and ended when they fail or take too long.

mod environment;
mod log;
mod metrics;
mod runtime_api;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rustix::process::Signal;
use tokio::sync::Semaphore;

use crate::iam::{ACCOUNT, REGION};
use crate::process::Launcher;
use environment::Environment;
use log::Log;

/// How the function is configured.
#[derive(Debug, Clone)]
pub struct Function {
    /// Its name.
    pub name: &'static str,
    /// What the executable is told to be.
    pub program: &'static str,
    /// The longest that an invocation may take.
    pub timeout: Duration,
    /// The most invocations at once.
    pub concurrency: usize,
    /// Its memory, in MB, as its environment says.
    pub memory_mb: u32,
}

/// Why an invocation has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvokeError {
    /// As many invocations as are allowed are under way.
    #[error("the function is throttled")]
    Throttled,
    /// The function took too long, and its environment was ended.
    #[error("the function timed out")]
    TimedOut,
    /// The function's process ended, or never came up.
    #[error("the function's process ended")]
    Exited,
    /// The function said that it failed.
    #[error("the function failed")]
    Failed,
}

/// A function that can be invoked. Clones share its environments.
#[derive(Debug, Clone)]
pub struct Lambda(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    function: Function,
    launcher: Launcher,
    warm: Mutex<Vec<Environment>>,
    places: Semaphore,
    sabotage: Mutex<Option<Sabotage>>,
}

/// What is done to the function's processes, to see what follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sabotage {
    /// Each dies over its invocation.
    Crash,
    /// Each hangs, and so runs into its time-out.
    Hang,
}

impl Sabotage {
    fn signal(self) -> Signal {
        match self {
            Self::Crash => Signal::KILL,
            Self::Hang => Signal::STOP,
        }
    }
}

impl Lambda {
    pub(crate) fn new(function: Function, launcher: Launcher) -> Self {
        let places = Semaphore::new(function.concurrency);
        let (warm, sabotage) = (Mutex::default(), Mutex::default());
        Self(Arc::new(Inner { function, launcher, warm, places, sabotage }))
    }

    /// The function's ARN.
    #[must_use]
    pub fn arn(&self) -> String {
        format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{}", self.0.function.name)
    }

    /// Invokes the function and waits for its answer. `trace` is the value of `X-Amzn-Trace-Id`.
    ///
    /// # Errors
    /// What Lambda itself would report.
    pub async fn invoke(&self, payload: Bytes, trace: &str) -> Result<Bytes, InvokeError> {
        let Inner { function, places, launcher, .. } = &*self.0;
        let started = Instant::now();
        let place = places.try_acquire().ok();
        let at_once = function.concurrency - places.available_permits();
        let outcome = match place {
            Some(_place) => self.invoke_in_place(payload, trace).await,
            None => Err(InvokeError::Throttled),
        };
        metrics::report(&launcher.meter, function, &outcome, started.elapsed(), at_once);
        outcome
    }

    async fn invoke_in_place(&self, payload: Bytes, trace: &str) -> Result<Bytes, InvokeError> {
        let inner = &*self.0;
        let log = Log::new(&inner.launcher.output, &inner.function, trace);
        let (environment, init) = if let Some(environment) = self.warm() {
            (environment, None)
        } else {
            log.init_start();
            let (began, arn) = (Instant::now(), self.arn());
            let started = Environment::start(&inner.function, &arn, &inner.launcher).await;
            let environment =
                started.inspect_err(|error| log.init_failed(error, began.elapsed()))?;
            (environment, Some(began.elapsed()))
        };
        let sabotage = *inner.sabotage.lock().unwrap_or_else(PoisonError::into_inner);
        log.start();
        // Of one that is gone afterwards, nothing could be read.
        let memory = environment.max_memory_mb();
        let began = Instant::now();
        let request_id = log.request_id().to_owned();
        let outcome =
            environment.invoke(request_id, payload, trace, inner.function.timeout, sabotage).await;
        let memory = environment.max_memory_mb().max(memory);
        log.end(&outcome, began.elapsed(), init, memory.unwrap_or_default());
        // One that failed by its own word goes on, as in Lambda; one that is gone or hangs does not.
        if matches!(outcome, Ok(_) | Err(InvokeError::Failed)) {
            self.lock().push(environment);
        }
        outcome
    }

    /// From now on, does this to each process that is invoked.
    pub fn sabotage(&self, sabotage: Option<Sabotage>) {
        *self.0.sabotage.lock().unwrap_or_else(PoisonError::into_inner) = sabotage;
    }

    /// Ends the environments that wait for work.
    pub fn stop(&self) {
        self.lock().clear();
    }

    fn warm(&self) -> Option<Environment> {
        let mut warm = self.lock();
        warm.retain(Environment::is_alive);
        warm.pop()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Environment>> {
        // A list of environments is whole at any moment.
        self.0.warm.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
