//! Limits a connection beyond its requests: headers that come too slowly, bodies that nobody reads, clients that read
//! too slowly, and responses after which the connection closes. The HTTP library does not handle these;
//! `docs/decisions/wire.md` gives the reasons.
//!
//! A [`Stream`] lies below the library, and a middleware, [`guard`], above it. They share a [`Connection`]: the
//! middleware records what the requests do, and the stream limits what is read.

mod body;
mod connection;
mod crowd;
mod guard;
pub(crate) mod host;
mod notice;
mod serve;
mod stream;

pub(crate) use connection::{Bounds, Connection};
pub(crate) use guard::guard;
pub(crate) use serve::listen;
