//! Writes panics as log lines.

use std::panic::{self, PanicHookInfo};

/// From now on, a panic becomes one log line with its message, its place and its request's ids, instead of several
/// plain lines on stderr. Call it after telemetry has started.
pub fn log_panics() {
    panic::set_hook(Box::new(log));
}

fn log(panic: &PanicHookInfo<'_>) {
    let place = panic.location();
    tracing::error!(
        exception.r#type = "panic",
        exception.message = panic.payload_as_str(),
        code.file.path = place.map(panic::Location::file),
        code.line.number = place.map(panic::Location::line),
        "panic"
    );
}
