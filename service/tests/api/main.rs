//! Tests of the service over HTTP, on a DynamoDB engine in this process.

mod app;
mod causes;
mod conditions;
mod connections;
mod drain;
mod errors;
mod items;
mod limits;
mod lines;
mod list;
#[cfg(target_os = "linux")]
mod memory;
mod methods;
mod openapi;
mod operations;
mod pressure;
mod program;
mod properties;
mod proxy;
mod roundtrip;
mod wire;
