//! The table against a real DynamoDB engine in this process.

mod contract;
mod engine;
mod faults;
mod given;
mod properties;
