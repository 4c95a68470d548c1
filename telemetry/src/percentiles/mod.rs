//! Sends the distributions of durations to the collector, from a thread of its own. CloudWatch computes percentiles
//! from them. Each delivery has what is new since the last.

mod message;
mod settings;

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, SystemTime};

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceResponse;
use parking_lot::Mutex;
use prost::Message as _;

use crate::error::InitError;
use crate::proxy;
use crate::recorder::Distributions;
use crate::service::Service;
pub use settings::PercentileSettings;

/// The longest time for delivering the last distributions when the program ends.
const MAX_SHUTDOWN: Duration = Duration::from_secs(3);

/// The most bytes read of an answer.
const MAX_ANSWER_BYTES: u64 = 64 * 1024;

/// The thread that sends distributions. Dropping this sends the last ones.
#[derive(Debug)]
pub(crate) struct Percentiles {
    running: Option<mpsc::Sender<()>>,
    ended: Mutex<mpsc::Receiver<()>>,
}

impl Percentiles {
    /// Sends `distributions` from now on.
    pub(crate) fn start(
        settings: PercentileSettings,
        service: Service,
        distributions: Arc<Distributions>,
    ) -> Result<Self, InitError> {
        let (running, stopped) = mpsc::channel();
        let (end, ended) = mpsc::channel();
        let interval = settings.interval;
        let mut delivery = Delivery::new(settings, service, distributions);
        thread::Builder::new()
            .name("percentiles".to_owned())
            .spawn(move || {
                while stopped.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
                    delivery.deliver(false);
                }
                delivery.deliver(true);
                // If it took too long, nobody waits any more.
                let _ = end.send(());
            })
            .map_err(InitError::Thread)?;
        Ok(Self { running: Some(running), ended: Mutex::new(ended) })
    }
}

impl Drop for Percentiles {
    fn drop(&mut self) {
        self.running = None;
        // A delivery that takes longer may be logged, or not.
        let _ = self.ended.get_mut().recv_timeout(MAX_SHUTDOWN);
    }
}

/// Sends to the collector.
struct Delivery {
    settings: PercentileSettings,
    service: Service,
    distributions: Arc<Distributions>,
    agent: ureq::Agent,
    /// The way to the collector, for log lines.
    way: String,
    /// Everything until this time was taken.
    taken: SystemTime,
    failing: bool,
}

impl Delivery {
    fn new(
        settings: PercentileSettings,
        service: Service,
        distributions: Arc<Distributions>,
    ) -> Self {
        let proxy = proxy::to(&settings.endpoint);
        let way = proxy::way(&settings.endpoint, proxy.as_ref());
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(settings.timeout))
            .proxy(proxy)
            .build();
        let taken = SystemTime::now();
        Self { settings, service, distributions, agent: agent.into(), way, taken, failing: false }
    }

    /// Sends what is new since the last delivery. If that fails, it goes with the next delivery: late, but not lost.
    fn deliver(&mut self, is_last: bool) {
        let deltas = self.distributions.take();
        if deltas.is_empty() {
            return;
        }
        let now = SystemTime::now();
        let request = message::request(&self.service, &deltas, self.taken, now);
        let result = self.send(&request.encode_to_vec());
        match &result {
            Ok(()) => self.taken = now,
            Err(_) => deltas.iter().for_each(|(distribution, delta)| distribution.put_back(delta)),
        }
        self.tell(&result, is_last);
    }

    /// Logged once when failures begin, once when they end, and at the end of the program.
    fn tell(&mut self, result: &Result<(), ureq::Error>, is_last: bool) {
        let failed = result.is_err();
        let changed = std::mem::replace(&mut self.failing, failed) != failed;
        match result {
            Err(error) if is_last => {
                tracing::warn!(
                    exception.message = format!("{}: {error}", self.way),
                    "the last distributions are lost"
                );
            }
            Err(error) if changed => tracing::warn!(
                exception.message = format!("{}: {error}", self.way),
                "distributions can not be delivered, and are kept"
            ),
            Ok(()) if changed => tracing::info!("distributions are delivered again"),
            _ => {}
        }
    }

    fn send(&self, body: &[u8]) -> Result<(), ureq::Error> {
        let request = self.agent.post(&self.settings.endpoint);
        let request = request.header("Content-Type", "application/x-protobuf");
        let mut response = request.send(body)?;
        let answer = response.body_mut().with_config().limit(MAX_ANSWER_BYTES).read_to_vec()?;
        // An answer that can't be decoded refuses nothing.
        let answer = ExportMetricsServiceResponse::decode(&answer[..]).unwrap_or_default();
        let refused = answer.partial_success.filter(|part| part.rejected_data_points > 0);
        if let Some(part) = refused {
            // Refused points must not be sent again ("OTLP Specification", "Partial Success").
            tracing::warn!(
                rejected = part.rejected_data_points,
                exception.message = part.error_message,
                "distributions were rejected, and are lost"
            );
        }
        Ok(())
    }
}
