//! The service as its clients meet it, on a real DynamoDB engine in this process.

mod app;
mod connections;
mod drain;
#[path = "../../../items/tests/table/engine.rs"]
mod engine;
mod errors;
mod items;
mod limits;
mod lines;
mod list;
mod openapi;
mod operations;
mod program;
mod properties;
mod roundtrip;
