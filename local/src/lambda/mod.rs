//! AWS Lambda for one function. Each environment serves one invocation at a time. Environments start when they are
//! needed and stay warm for a while. They end if they fail, take too long, or are idle too long.
//!
//! Only a few environments start at the same time, because otherwise they would take each other's CPU and none would
//! be ready in time. An invocation takes whatever comes first: a chance to start an environment, or one that has
//! become free.

mod environment;
mod function;
mod log;
mod metrics;
mod runtime_api;

use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time;

use crate::process::Launcher;
use environment::Environment;
pub use function::{Function, FunctionFault, InvokeError, MAX_IDLE, UNRESERVED_CONCURRENCY};
use log::Log;

/// A function that can be invoked. Clones share its environments.
#[derive(Debug, Clone)]
pub struct Lambda(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    function: Function,
    launcher: Launcher,
    /// Idle environments with the time since when, the longest idle first.
    warm: Mutex<Vec<(Environment, Instant)>>,
    /// One permit for each warm environment, so that callers can wait for one.
    freed: Semaphore,
    /// Permits to start an environment.
    starts: Semaphore,
    places: Semaphore,
    fault: Mutex<Option<FunctionFault>>,
}

impl Lambda {
    pub(crate) fn new(function: Function, launcher: Launcher) -> Self {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        let max_idle = function.max_idle;
        let this = Self(Arc::new(Inner {
            places: Semaphore::new(function.concurrency),
            function,
            launcher,
            warm: Mutex::default(),
            freed: Semaphore::new(0),
            starts: Semaphore::new(processors),
            fault: Mutex::default(),
        }));
        tokio::spawn(end_idle(Arc::downgrade(&this.0), max_idle));
        this
    }

    /// The function's configuration.
    #[must_use]
    pub fn function(&self) -> &Function {
        &self.0.function
    }

    /// Invokes the function and waits for its response. `trace` is the value of `X-Amzn-Trace-Id`.
    ///
    /// # Errors
    /// The error that Lambda would report.
    pub async fn invoke(&self, payload: Bytes, trace: &str) -> Result<Bytes, InvokeError> {
        let Inner { function, places, launcher, .. } = &*self.0;
        let place = places.try_acquire().ok();
        let at_once = function.concurrency - places.available_permits();
        let (outcome, took) = match place {
            Some(_place) => self.invoke_in_place(payload, trace).await,
            None => (Err(InvokeError::Throttled), Duration::ZERO),
        };
        metrics::report(&launcher.metrics, function, &outcome, took, at_once);
        outcome
    }

    /// The outcome, and how long the function took. The caller waited longer if an environment had to start first.
    async fn invoke_in_place(
        &self,
        payload: Bytes,
        trace: &str,
    ) -> (Result<Bytes, InvokeError>, Duration) {
        let Inner { function, launcher, warm, freed, fault, .. } = &*self.0;
        let log = Log::new(&launcher.output, function, trace);
        let (environment, init) = match self.environment(&log).await {
            Ok(ready) => ready,
            Err(error) => return (Err(error), Duration::ZERO),
        };
        let fault = *lock(fault);
        log.start();
        // Read now, because an environment that is gone has none.
        let memory = environment.max_memory_mb();
        let began = Instant::now();
        let request_id = log.request_id().to_owned();
        let outcome = environment.invoke(request_id, payload, trace, function.timeout, fault).await;
        let took = began.elapsed();
        let memory = environment.max_memory_mb().max(memory);
        log.end(&outcome, took, init, memory.unwrap_or_default());
        // An environment whose function reported an error is used again, as in Lambda. One that is gone or hangs is
        // not.
        if matches!(outcome, Ok(_) | Err(InvokeError::Failed)) {
            lock(warm).push((environment, Instant::now()));
            freed.add_permits(1);
        }
        (outcome, took)
    }

    /// A warm environment, or a new one with the time that it took to start.
    async fn environment(
        &self,
        log: &Log<'_>,
    ) -> Result<(Environment, Option<Duration>), InvokeError> {
        let Inner { function, launcher, freed, starts, warm, .. } = &*self.0;
        loop {
            tokio::select! {
                biased;
                permit = freed.acquire() => {
                    // The semaphore is never closed. The permit is kept, because this environment is no longer free.
                    permit.into_iter().for_each(SemaphorePermit::forget);
                    // The one that was used last, so that the others become idle long enough to end.
                    let environment = lock(warm).pop().map(|(environment, _)| environment);
                    if let Some(environment) = environment.filter(Environment::is_alive) {
                        return Ok((environment, None));
                    }
                }
                _turn = starts.acquire() => {
                    log.init_start();
                    let began = Instant::now();
                    let started = Environment::start(function, launcher).await;
                    let environment =
                        started.inspect_err(|error| log.init_failed(error, began.elapsed()))?;
                    return Ok((environment, Some(began.elapsed())));
                }
            }
        }
    }

    /// Sets a fault for each process that is invoked from now on, or ends it.
    pub fn set_fault(&self, fault: Option<FunctionFault>) {
        *lock(&self.0.fault) = fault;
    }

    /// Ends the idle environments.
    pub fn stop(&self) {
        lock(&self.0.warm).clear();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock()
}

/// Ends environments that have been idle for too long, as Lambda does, until the function is dropped.
async fn end_idle(function: Weak<Inner>, max_idle: Duration) {
    loop {
        time::sleep(max_idle / 4).await;
        let Some(function) = function.upgrade() else { return };
        let mut warm = lock(&function.warm);
        let idle = warm.iter().take_while(|(_, since)| since.elapsed() >= max_idle).count();
        // One that a caller has just been given stays.
        let idle =
            (0..idle).take_while(|_| function.freed.try_acquire().is_ok_and(forgotten)).count();
        warm.drain(..idle);
    }
}

fn forgotten(permit: SemaphorePermit<'_>) -> bool {
    permit.forget();
    true
}
