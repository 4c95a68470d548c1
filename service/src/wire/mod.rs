//! What goes over a connection besides requests: heads that come too slowly, bodies that nobody
//! reads, clients that take their answers too slowly, and answers after which the connection closes. The HTTP library leaves these open; the
//! decision record `docs/decisions/wire.md` says which, and why they are closed here.
//!
//! A [`Stream`] lies beneath the library and a middleware, [`guard`], above it. Both know the
//! [`Connection`]: the middleware tells it what the requests do, and the stream bounds what is read.

mod body;
mod connection;
mod guard;
pub(crate) mod host;
mod notice;
mod serve;
mod stream;

pub(crate) use connection::{Bounds, Connection};
pub(crate) use guard::guard;
pub(crate) use serve::listen;
