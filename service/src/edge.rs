//! The edge: what every request passes first and every response last. It gives the request its ids,
//! turns errors into responses, and writes the one access line and its metrics when the last byte
//! has gone.

use std::error::Error as _;
use std::pin::Pin;
use std::task::{self, Poll};
use std::time::Instant;

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER,
    X_CONTENT_TYPE_OPTIONS,
};
use actix_web::middleware::Next;
use actix_web::web::Bytes;
use actix_web::{HttpMessage as _, HttpResponse};
use picus_items::{Error, ErrorBody};
use picus_telemetry::{RequestContext, catalogue};
use pin_project_lite::pin_project;
use tracing::{Instrument as _, Span};

use crate::problem::Problem;

const X_AMZN_TRACE_ID: HeaderName = HeaderName::from_static("x-amzn-trace-id");
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The item that a request is about; an action leaves it in the request's extensions.
#[derive(Clone)]
pub(crate) struct ObjectId(pub(crate) String);

/// The outermost middleware.
pub(crate) async fn edge(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let header = |name: &str| Some(request.headers().get(name)?.to_str().ok()?.to_owned());
    let context = RequestContext::from_headers(header);
    let span = context.span();
    let mut access = Access::begin(&request, span.clone());
    let response = next.call(request).instrument(span).await?;

    access.learn(&response);
    let problem = response.response().error().and_then(|error| error.as_error::<Problem>());
    let answer = problem.map(|problem| {
        access.fail(&problem.error);
        error_response(problem, &context)
    });
    let mut response = match answer {
        Some(answer) => response.into_response(answer).map_into_right_body(),
        None => response.map_into_left_body(),
    };
    add_headers(response.headers_mut(), &context);
    Ok(response.map_body(|_, body| Accounted { body, access }))
}

fn error_response(problem: &Problem, context: &RequestContext) -> HttpResponse<BoxBody> {
    let mut response = HttpResponse::build(actix_web::ResponseError::status_code(problem));
    if let Some(allow) = problem.allow {
        response.insert_header((ALLOW, allow));
    }
    if let Some(after) = problem.error.retry_after() {
        response.insert_header((RETRY_AFTER, after.as_secs()));
    }
    response.json(ErrorBody::new(&problem.error, context.xray_trace_id(), context.request_id()))
}

fn add_headers(headers: &mut HeaderMap, context: &RequestContext) {
    let root = format!("Root={}", context.xray_trace_id());
    // Both are visible ASCII, which any header value may be.
    if let Ok(root) = HeaderValue::try_from(root) {
        headers.insert(X_AMZN_TRACE_ID, root);
    }
    if let Ok(id) = HeaderValue::try_from(context.request_id()) {
        headers.insert(X_REQUEST_ID, id);
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if !headers.contains_key(CONTENT_TYPE) {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
}

/// What is known of a request so far. It is told when this is dropped: after the last byte, or
/// wherever the request ended before.
struct Access {
    span: Span,
    started: Instant,
    method: &'static str,
    route: String,
    status: Option<u16>,
    object_id: Option<ObjectId>,
    bytes_in: u64,
    bytes_out: u64,
    error_code: Option<&'static str>,
    error_chain: Option<String>,
    complete: bool,
}

impl Access {
    fn begin(request: &ServiceRequest, span: Span) -> Self {
        metrics::gauge!(catalogue::HTTP_SERVER_ACTIVE_REQUESTS.name).increment(1);
        let length = request
            .headers()
            .get("content-length")
            .and_then(|value| value.to_str().ok()?.parse().ok());
        Self {
            span,
            started: Instant::now(),
            method: known_method(request.method()),
            route: String::new(),
            status: None,
            object_id: None,
            bytes_in: length.unwrap_or(0),
            bytes_out: 0,
            error_code: None,
            error_chain: None,
            complete: false,
        }
    }

    fn learn<B>(&mut self, response: &ServiceResponse<B>) {
        let request = response.request();
        self.route = request.match_pattern().unwrap_or_default();
        self.object_id = request.extensions().get().cloned();
        self.status = Some(response.status().as_u16());
    }

    fn fail(&mut self, error: &Error) {
        self.error_code = Some(error.code().as_str());
        if error.code().status() >= 500 {
            self.error_chain = Some(chain(error));
        }
    }
}

impl Drop for Access {
    fn drop(&mut self) {
        metrics::gauge!(catalogue::HTTP_SERVER_ACTIVE_REQUESTS.name).decrement(1);
        let elapsed = self.started.elapsed();
        let status = self.status.map_or_else(String::new, |status| status.to_string());
        metrics::histogram!(
            catalogue::HTTP_SERVER_REQUEST_DURATION.name,
            "http_request_method" => self.method,
            "http_route" => self.route.clone(),
            "http_response_status_code" => status,
        )
        .record(elapsed);
        let _entered = self.span.enter();
        let failed = self.error_chain.is_some() || self.status.is_none_or(|status| status >= 500);
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    http.request.method = self.method,
                    http.route = self.route,
                    http.response.status_code = self.status,
                    http.request.body.size = self.bytes_in,
                    http.response.body.size = self.bytes_out,
                    duration_ms = elapsed.as_secs_f64() * 1e3,
                    object_id = self.object_id.as_ref().map(|id| id.0.as_str()),
                    error.code = self.error_code,
                    error.chain = self.error_chain,
                    aborted = (!self.complete).then_some(true),
                    "request"
                )
            };
        }
        if failed {
            line!(error);
        } else {
            line!(info);
        }
    }
}

/// An error and its causes, outermost first.
fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// The methods of RFC 9110 and RFC 5789; all others are one, for a client could make up any number.
fn known_method(method: &Method) -> &'static str {
    const KNOWN: [&str; 9] =
        ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];
    KNOWN.into_iter().find(|known| *known == method.as_str()).unwrap_or("_OTHER")
}

pin_project! {
    /// A body that counts what goes out and tells of it at its end.
    struct Accounted<B> {
        #[pin]
        body: B,
        access: Access,
    }
}

impl<B: MessageBody> MessageBody for Accounted<B> {
    type Error = actix_web::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut task::Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let this = self.project();
        let next = task::ready!(this.body.poll_next(context));
        Poll::Ready(match next {
            Some(Ok(bytes)) => {
                this.access.bytes_out += bytes.len() as u64;
                Some(Ok(bytes))
            }
            Some(Err(error)) => {
                let error: actix_web::Error =
                    actix_web::error::ErrorInternalServerError(error.into());
                Some(Err(error))
            }
            None => {
                this.access.complete = true;
                None
            }
        })
    }
}
