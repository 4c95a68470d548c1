//! A stdout that a test can read.

use std::io::{self, Write};
use std::sync::Arc;

use parking_lot::Mutex;

use picus_settings::Reader;
use picus_telemetry::{Metrics, Service, Settings, TraceSettings};

/// Settings for a test program.
pub(crate) fn settings() -> Settings {
    Settings {
        service: Service {
            name: "picus-test".into(),
            version: "1.2.3".into(),
            instance_id: "test".into(),
            attributes: Vec::new(),
        },
        log_filter: "info".parse().unwrap(),
        metrics: Metrics::Prometheus(None),
        traces: TraceSettings::read(&mut Reader::new(|_| None), ""),
    }
}

#[derive(Clone, Default)]
pub(crate) struct Sink(Arc<Mutex<Vec<u8>>>);

impl Sink {
    /// Everything written so far.
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().clone()).unwrap()
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
