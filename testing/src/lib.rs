//! Shared by the tests and benchmarks of several crates: a DynamoDB engine in the process, a Lambda Runtime API, and
//! a collector of traces.

pub mod engine;
pub mod otlp_sink;
pub mod runtime_api;
