//! Tests the delete handler with the events that the load balancer, the API gateways and function URLs send, on
//! a DynamoDB engine in this process.

mod contract;
mod dynamodb;
mod faults;
mod forms;
mod given;
mod malformed;
mod program;
mod telemetry;
mod told;
