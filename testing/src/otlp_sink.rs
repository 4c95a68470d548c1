//! A collector of traces that accepts everything and keeps nothing.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::thread;
use std::time::Duration;

use http_body_util::{BodyExt as _, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::header::CONTENT_TYPE;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::runtime::Builder;

/// Starts it in a thread of its own, which ends with the process. It answers each delivery after `delay`.
///
/// # Errors
/// The system has no more ports or threads.
pub fn start(delay: Duration) -> io::Result<SocketAddr> {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    thread::Builder::new().name("otlp-sink".into()).spawn(move || {
        runtime.block_on(async move {
            let Ok(listener) = TcpListener::from_std(listener) else { return };
            while let Ok((connection, _)) = listener.accept().await {
                let service = service_fn(move |request| take(request, delay));
                let http = hyper::server::conn::http1::Builder::new();
                tokio::spawn(http.serve_connection(TokioIo::new(connection), service));
            }
        });
    })?;
    Ok(address)
}

async fn take(
    request: Request<Incoming>,
    delay: Duration,
) -> Result<Response<Empty<Bytes>>, Infallible> {
    // A sender that broke off does not wait for a response.
    let _ = request.into_body().collect().await;
    tokio::time::sleep(delay).await;
    let answer = Response::builder().header(CONTENT_TYPE, "application/x-protobuf");
    Ok(answer.body(Empty::new()).expect("the header is valid"))
}
