//! AWS Lambda, as far as one function needs it: environments that each serve one invocation at a
//! time, started as load asks for them, kept warm for a while, and ended when they fail, take too long or
//! have nothing to do.
//!
//! However many invocations come at once, only some environments start at a time: a process a request
//! would leave none of them the CPU to be up in time. An invocation gets whichever comes first, a turn
//! to start one or one that has become free.

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
    /// Each with the time since when it has nothing to do, the longest first.
    warm: Mutex<Vec<(Environment, Instant)>>,
    /// As many permits as there are warm environments, so that one can be waited for.
    freed: Semaphore,
    /// Turns to start an environment.
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

    /// How the function is configured.
    #[must_use]
    pub fn function(&self) -> &Function {
        &self.0.function
    }

    /// Invokes the function and waits for its answer. `trace` is the value of `X-Amzn-Trace-Id`.
    ///
    /// # Errors
    /// What Lambda itself would report.
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

    /// The outcome, and how long the function took over it: less than the caller waited, if it had to
    /// be started first.
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
        // Of one that is gone afterwards, nothing could be read.
        let memory = environment.max_memory_mb();
        let began = Instant::now();
        let request_id = log.request_id().to_owned();
        let outcome = environment.invoke(request_id, payload, trace, function.timeout, fault).await;
        let took = began.elapsed();
        let memory = environment.max_memory_mb().max(memory);
        log.end(&outcome, took, init, memory.unwrap_or_default());
        // One that failed by its own word goes on, as in Lambda; one that is gone or hangs does not.
        if matches!(outcome, Ok(_) | Err(InvokeError::Failed)) {
            lock(warm).push((environment, Instant::now()));
            freed.add_permits(1);
        }
        (outcome, took)
    }

    /// An environment that is ready for work: one that is free, or a new one and the time that its
    /// start took.
    async fn environment(
        &self,
        log: &Log<'_>,
    ) -> Result<(Environment, Option<Duration>), InvokeError> {
        let Inner { function, launcher, freed, starts, warm, .. } = &*self.0;
        loop {
            tokio::select! {
                biased;
                permit = freed.acquire() => {
                    // It is never closed; and this environment is free no more.
                    permit.into_iter().for_each(SemaphorePermit::forget);
                    // The one that was busy last: the others may be ended for having nothing to do.
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

    /// From now on, does this to each process that is invoked.
    pub fn set_fault(&self, fault: Option<FunctionFault>) {
        *lock(&self.0.fault) = fault;
    }

    /// Ends the environments that wait for work.
    pub fn stop(&self) {
        lock(&self.0.warm).clear();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock()
}

/// Ends environments that have had nothing to do for so long, as Lambda does to save room, for as long as
/// there is a function.
async fn end_idle(function: Weak<Inner>, max_idle: Duration) {
    loop {
        time::sleep(max_idle / 4).await;
        let Some(function) = function.upgrade() else { return };
        let mut warm = lock(&function.warm);
        let idle = warm.iter().take_while(|(_, since)| since.elapsed() >= max_idle).count();
        // One that somebody has just been promised stays.
        let idle =
            (0..idle).take_while(|_| function.freed.try_acquire().is_ok_and(forgotten)).count();
        warm.drain(..idle);
    }
}

fn forgotten(permit: SemaphorePermit<'_>) -> bool {
    permit.forget();
    true
}
