//! What the tests and benchmarks of several crates share: a DynamoDB engine in the process, a Lambda
//! Runtime API, and a collector that takes traces.

pub mod engine;
pub mod otlp_sink;
pub mod runtime_api;
