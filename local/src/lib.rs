//! The whole of Picus on one machine: what AWS does for it is done here, so that both programs run
//! as they are deployed.
//!
//! [`System`] starts DynamoDB ([`dynamodb`]), the delete handler behind a Lambda Runtime API
//! ([`lambda`]), the service's tasks ([`tasks`]) and, in front of both, the load balancer
//! ([`load_balancer`]). It configures each of them by the templates that are deployed
//! ([`deployment`]). [`traces`] collects the spans of both programs.

mod container;
pub mod deployment;
pub mod dynamodb;
mod groups;
mod iam;
pub mod lambda;
pub mod lines;
pub mod load_balancer;
pub mod memory;
pub mod output;
mod port;
pub mod process;
mod readable;
pub mod server;
mod system;
pub mod tasks;
pub mod traces;
mod wildcard;

pub use system::{Options, StartError, System};
