//! Clients that take nothing of their answers. A list that nobody reads would keep its room among
//! the requests in flight for ever, and a few hundred of them would leave no room for others.

use std::time::Duration;

use actix_web::rt::net::TcpStream;

/// Has the system end a connection whose peer has taken nothing for `timeout` of what was to be
/// sent, as the TCP User Timeout is defined (RFC 5482). The server itself can't know: while a
/// connection takes no more bytes, it asks the response's body for none.
#[cfg(target_os = "linux")]
pub(crate) fn bound(connection: &TcpStream, timeout: Duration) {
    if let Err(error) = socket2::SockRef::from(connection).set_tcp_user_timeout(Some(timeout)) {
        tracing::warn!(exception.message = %error, "a connection has no bound on a client that stalls");
    }
}

/// Only Linux, where the service is deployed, has the bound.
#[cfg(not(target_os = "linux"))]
pub(crate) fn bound(_: &TcpStream, _: Duration) {}
