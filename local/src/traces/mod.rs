//! A collector of traces, as small as it can be: it takes OTLP over HTTP from both programs
//! (OpenTelemetry Protocol Specification, "OTLP/HTTP") and hands on their spans.

mod collector;
mod show;
mod span;

pub use collector::Collector;
pub use show::show;
pub use span::{Attributes, Event, Span};
