//! The delete handler as the load balancer, the API gateways and AWS Lambda meet it, on a real
//! DynamoDB engine in this process.

mod contract;
mod dynamodb;
#[path = "../../../items/tests/table/engine.rs"]
mod engine;
mod faults;
mod forms;
mod given;
mod malformed;
mod program;
mod runtime_api;
mod telemetry;
mod told;
