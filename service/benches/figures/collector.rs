//! A collector that takes whatever comes, sooner or later.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use actix_web::{App, HttpResponse, HttpServer, web};

/// Starts it, on a thread of its own; it ends with the benchmark. It answers each delivery after `delay`.
pub(crate) async fn start(delay: Duration) -> io::Result<SocketAddr> {
    let (tell, told) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async {
            let take = move |spans: web::Bytes| async move {
                drop(spans);
                tokio::time::sleep(delay).await;
                HttpResponse::Ok().content_type("application/x-protobuf").finish()
            };
            let app = move || {
                let limit = web::PayloadConfig::new(64 * 1024 * 1024);
                App::new().app_data(limit).default_service(web::to(take))
            };
            let server = HttpServer::new(app).workers(1).bind((Ipv4Addr::LOCALHOST, 0))?;
            // The benchmark waits for it.
            let _ = tell.send(server.addrs()[0]);
            server.run().await
        })
    });
    told.await.map_err(io::Error::other)
}
