//! Shared by the tests and benchmarks of several crates: a DynamoDB engine in the process, a Lambda Runtime API, a
//! collector of traces, and requests that need much memory.

pub mod engine;
pub mod heavy;
pub mod otlp_sink;
pub mod runtime_api;
