//! The delete handler: the Lambda function to which the load balancer sends `DELETE /picus/*`.
//!
//! [`main`] is the whole program; [`DeleteHandler`] answers one event.

mod answer;
mod config;
mod event;
mod handler;
mod json;
mod lambda_env;
mod program;
mod target;

pub use config::Config;
pub use handler::DeleteHandler;
pub use program::{main, serve};
