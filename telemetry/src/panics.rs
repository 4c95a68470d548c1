//! Panics, told as everything else is.

use std::panic::{self, PanicHookInfo};

/// From now on, a panic is one log line with its message and its place, under the ids of its request,
/// and not several of plain text on stderr. To be called once telemetry runs.
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
