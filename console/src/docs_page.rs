//! Shows the OpenAPI document as a page. It is not behind the load balancer, and not part of the deployed programs.

use bytes::Bytes;
use hyper::Response;
use hyper::header::{CONTENT_ENCODING, CONTENT_SECURITY_POLICY, HeaderValue};
use picus_local::server::Body;
use serde_json::{Value, json};

use crate::answer;

/// The viewer is complete, and writes styles into its page.
const POLICY: &str = "default-src 'none'; connect-src 'self'; img-src data:; script-src 'self'; style-src 'self' 'unsafe-inline'; frame-ancestors 'self'";

/// The file at this path, if there is one, for the Picus at `url`.
pub(crate) fn file(path: &str, url: &str) -> Option<Response<Body>> {
    let file = |name| Bytes::from_static(name);
    Some(match path {
        "/docs" => {
            let page = file(include_bytes!("../docs_page/index.html"));
            let mut response = answer::bytes("text/html", page);
            let policy = HeaderValue::from_static(POLICY);
            response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
            response
        }
        "/docs/start.js" => {
            answer::bytes("text/javascript", file(include_bytes!("../docs_page/start.js")))
        }
        "/docs/openapi.json" => answer::bytes("application/json", document(url).to_string().into()),
        "/docs/swagger-ui-bundle.js" => {
            packed("text/javascript", file(include_bytes!("../docs_page/swagger-ui-bundle.js.gz")))
        }
        "/docs/swagger-ui.css" => {
            packed("text/css", file(include_bytes!("../docs_page/swagger-ui.css.gz")))
        }
        _ => return None,
    })
}

/// The OpenAPI document of the Picus at `url`.
pub(crate) fn document(url: &str) -> Value {
    // The document is of types that serialize.
    let mut document = serde_json::to_value(picus_api::document()).unwrap_or_default();
    document["servers"] = json!([{ "url": url }]);
    document
}

fn packed(content_type: &'static str, body: Bytes) -> Response<Body> {
    let mut response = answer::bytes(content_type, body);
    response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    response
}
