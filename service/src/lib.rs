//! The Picus service: lists, puts and gets items over HTTP.
//!
//! [`Application`] is the server, and [`main`] the whole program. A request passes the `wire`, the `edge` (ids,
//! access line, error responses), the `limits` of its route, and then its action in `routes/`.

mod answer;
mod application;
mod body;
mod config;
mod edge;
mod error;
mod healthcheck;
mod limits;
mod media_type;
mod object_id;
mod program;
mod routes;
mod scrape;
mod wire;

pub use application::{Application, BindError};
pub use config::Config;
pub use program::{main, serve};
