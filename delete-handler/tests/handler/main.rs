//! The delete handler as the load balancer, the API gateways and AWS Lambda meet it, on a real
//! DynamoDB engine in this process.

mod contract;
mod dynamodb;
mod faults;
mod forms;
mod given;
mod malformed;
mod program;
mod telemetry;
mod told;
