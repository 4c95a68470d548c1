//! The whole of Picus on one machine: what AWS does for it is done here, so that both programs run
//! as they are deployed.
//!
//! [`System`] starts DynamoDB ([`dynamodb`]), the delete handler behind a Lambda Runtime API
//! ([`lambda`]), the service's tasks ([`tasks`]) and, in front of both, the load balancer
//! ([`load_balancer`]). [`traces`] collects what both programs tell of their requests. [`cloudwatch`]
//! evaluates the alarms, and [`drill`] makes the faults that these are for.

pub mod dynamodb;
mod iam;
pub mod lambda;
pub mod lines;
pub mod load_balancer;
pub mod names;
pub mod output;
pub mod process;
mod server;
mod system;
pub mod tasks;
pub mod traces;
mod wildcard;

pub use system::{Options, StartError, System};
