//! The whole of Picus on one machine. Both programs run exactly as deployed, and this crate does what AWS does.
//!
//! [`System`] starts DynamoDB ([`dynamodb`]), the delete handler behind a Lambda Runtime API ([`lambda`]), the
//! service's tasks ([`tasks`]), and the load balancer before them ([`load_balancer`]). The deployed templates
//! configure all of them ([`deployment`]). [`traces`] collects the spans of both programs.

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
