//! Shows the OpenAPI document as a page, at an address of its own. It is not behind the load balancer, and not part
//! of the deployed programs.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use bytes::Bytes;
use hyper::header::{
    ALLOW, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue,
    X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Method, Response, StatusCode};
use picus_local::server::{Body, Server, full};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// The viewer is complete. The browser may load nothing from elsewhere.
const POLICY: &str = "default-src 'none'; connect-src 'self'; img-src data:; script-src 'self'; style-src 'self' 'unsafe-inline'";

/// Serves the page at `/docs` on a port of its own, for the Picus at `address`.
pub(crate) async fn start(address: SocketAddr) -> io::Result<Server> {
    let mut document: Value = serde_json::to_value(picus_api::document())?;
    document["servers"] = json!([{ "url": format!("http://{address}") }]);
    let document = Bytes::from(document.to_string());
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    Server::start(socket, move |request, _| {
        let response = response(request.method(), request.uri().path(), &document);
        async { Ok(response) }
    })
}

fn response(method: &Method, path: &str, document: &Bytes) -> Response<Body> {
    if method != Method::GET {
        let mut refusal = status(StatusCode::METHOD_NOT_ALLOWED);
        refusal.headers_mut().insert(ALLOW, HeaderValue::from_static("GET"));
        return refusal;
    }
    let file = |name| Bytes::from_static(name);
    match path {
        "/docs" => page("text/html", file(include_bytes!("../docs_page/index.html"))),
        "/docs/start.js" => page("text/javascript", file(include_bytes!("../docs_page/start.js"))),
        "/docs/openapi.json" => page("application/json", document.clone()),
        "/docs/swagger-ui-bundle.js" => {
            let script = file(include_bytes!("../docs_page/swagger-ui-bundle.js.gz"));
            packed(page("text/javascript", script))
        }
        "/docs/swagger-ui.css" => {
            packed(page("text/css", file(include_bytes!("../docs_page/swagger-ui.css.gz"))))
        }
        _ => status(StatusCode::NOT_FOUND),
    }
}

fn page(content_type: &'static str, body: Bytes) -> Response<Body> {
    let mut response = Response::new(full(body));
    for (name, value) in [
        (CONTENT_TYPE, content_type),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// The same, with a compressed body.
fn packed(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    response
}

fn status(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(full(Bytes::new()));
    *response.status_mut() = status;
    response
}
