//! Shared by the tests and benchmarks of several crates: control groups, a DynamoDB engine in the process, a Lambda
//! Runtime API, a collector of traces, requests that need much memory, and a checker of histories.

pub mod control_group;
pub mod engine;
pub mod heavy;
pub mod history;
pub mod otlp_sink;
pub mod runtime_api;
