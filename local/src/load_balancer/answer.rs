//! The load balancer's own responses ("Troubleshoot your Application Load Balancers").

use hyper::header::{CONTENT_TYPE, HeaderValue, SERVER};
use hyper::{Response, StatusCode};

use crate::server::{Body, full};

/// A page with nothing but the status.
pub(super) fn error(status: StatusCode) -> Response<Body> {
    let page = format!(
        "<html>\r\n<head><title>{status}</title></head>\r\n<body>\r\n\
         <center><h1>{status}</h1></center>\r\n</body>\r\n</html>\r\n"
    );
    let mut response = Response::new(full(page.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(SERVER, HeaderValue::from_static("awselb/2.0"));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
    response
}
