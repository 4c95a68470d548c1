//! Runs the HTTP library on our streams. The library's own `HttpServer` does the same for plain sockets.

use std::fmt;
use std::future::ready;
use std::io;
use std::net::TcpListener;
use std::rc::Rc;
use std::time::Duration;

use actix_http::error::DispatchError;
use actix_http::{HttpService, Request, Response};
use actix_server::ServerBuilder;
use actix_service::{
    IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt as _, map_config,
};
use actix_web::body::MessageBody;
use actix_web::dev::{AppConfig, fn_service};
use actix_web::rt::net::TcpStream;

use super::connection::{Bounds, Connection, LINGER};
use super::crowd::Crowd;
use super::stream::Stream;
use crate::answer::PIECE_BYTES;

/// Serves `app` on `socket`. `bounds` limit its connections.
pub(crate) fn listen<F, I, S, B>(
    server: ServerBuilder,
    socket: TcpListener,
    bounds: Bounds,
    keep_alive: Duration,
    app: F,
) -> io::Result<ServerBuilder>
where
    F: Fn() -> I + Send + Clone + 'static,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig, Error = actix_web::Error> + 'static,
    S::InitError: fmt::Debug,
    S::Response: Into<Response<B>> + 'static,
    <S::Service as Service<Request>>::Future: 'static,
    S::Service: 'static,
    B: MessageBody + 'static,
{
    let stopped = server.graceful_shutdown_signal();
    server.listen("api", socket, move || {
        let stopped = stopped.clone();
        let http = HttpService::build()
            .graceful_shutdown_signal(move || {
                let stopped = stopped.clone();
                async move { stopped.notified().await }
            })
            .keep_alive(keep_alive)
            .client_request_timeout(bounds.head_timeout)
            .h1_write_buffer_size(PIECE_BYTES)
            .client_disconnect_timeout(LINGER)
            // If the client goes, its request is dropped.
            .h1_allow_half_closed(false)
            .on_connect_ext(|stream: &Stream<TcpStream>, data| {
                data.insert(stream.connection());
            })
            .h1(map_config(app().into_factory(), |()| AppConfig::default()));
        let bounds = bounds.clone();
        let crowd = Crowd::new(bounds.max_connections);
        let accept = fn_service(move |socket: TcpStream| {
            let client = socket.peer_addr().ok();
            let connection = Rc::new(Connection::new(bounds.clone(), crowd.enter()));
            if let Some(watch) = crowd.watch() {
                actix_web::rt::spawn(watch);
            }
            ready(Ok::<_, DispatchError>((Stream::new(socket, connection), client)))
        });
        accept.and_then(http)
    })
}
