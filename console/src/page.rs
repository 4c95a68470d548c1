//! The page's files, which are built from `console/page/` and are part of the executable.

use bytes::Bytes;
use hyper::Response;
use hyper::header::{CONTENT_ENCODING, HeaderValue};
use include_dir::{Dir, include_dir};
use picus_local::server::Body;

use crate::answer;

static FILES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/page/dist");

/// The file at this path, if there is one.
pub(crate) fn file(path: &str) -> Option<Response<Body>> {
    let path = match path.trim_start_matches('/') {
        "" => "index.html",
        path => path,
    };
    let content_type = match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json" | "map") => "application/json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("woff2") => "font/woff2",
        _ => "text/plain; charset=utf-8",
    };
    if let Some(packed) = FILES.get_file(format!("{path}.gz")) {
        let mut response = answer::bytes(content_type, Bytes::from_static(packed.contents()));
        response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        return Some(response);
    }
    let file = FILES.get_file(path)?;
    Some(answer::bytes(content_type, Bytes::from_static(file.contents())))
}
