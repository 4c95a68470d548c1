//! A small collector of traces. It receives OTLP over HTTP from both programs (OpenTelemetry Protocol Specification,
//! "OTLP/HTTP"), and passes on their spans and their distributions of durations.

mod collector;
mod distribution;
mod show;
mod span;

pub use collector::Collector;
pub use distribution::Distribution;
pub use show::show;
pub use span::{Attributes, Event, Span};
