//! The parsers, each behind a function of bytes that panics if a promise does not hold for them.
//!
//! A test calls them with the seeds, changed at random.

mod alarms;
mod event;
mod headers;
mod insights;
mod json;
mod path;

/// A parser under test. Its seeds are in the folder `seeds/` that has its name.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// The name, for the command line.
    pub name: &'static str,
    /// Panics if a promise does not hold for this input.
    pub check: fn(&[u8]),
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target { name: "json", check: json::check },
    Target { name: "path", check: path::check },
    Target { name: "headers", check: headers::check },
    Target { name: "event", check: event::check },
    Target { name: "insights", check: insights::check },
    Target { name: "alarms", check: alarms::check },
];
