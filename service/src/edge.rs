//! The edge, between the wire and everything else. It gives the request its ids, turns errors into responses, and
//! writes the access line and the metrics after the last byte.

use std::pin::Pin;
use std::task::{self, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode, Version};
use actix_web::middleware::Next;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpMessage as _, HttpResponse};
use picus_api::headers::EVERY_RESPONSE;
use picus_api::{Code, ErrorBody, route};
use picus_catalogue as catalogue;
use picus_telemetry::{
    Access, ActiveRequest, Described, LatencySlo, RequestContext, nearest_hop, scheme,
};
use pin_project_lite::pin_project;
use tracing::Instrument as _;

use crate::error::Error;
use crate::object_id::ObjectId;

/// The middleware just within the wire's.
pub(crate) async fn edge(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let template = route::template(request.path());
    let context = RequestContext::from_headers(template != route::HEALTH, |name| {
        request.headers().get_all(name).map(|line| line.to_str().unwrap_or("\u{fffd}"))
    });
    let mut access = begin(&request, template, &context);
    request.extensions_mut().insert(access.bytes_in.clone());
    let active = ActiveRequest::begin();
    let response = next.call(request).instrument(access.span()).await?;

    access.object_id = response.request().extensions_mut().remove().map(|ObjectId(id)| id);
    access.answer(response.status().as_u16());
    let error = response.response().error().and_then(|error| error.as_error::<Error>());
    let answer = error.map(|Error(error)| {
        let code = error.code();
        access.error_code = Some(code.as_str());
        if code == Code::Overloaded {
            metrics::counter!(catalogue::REQUESTS_SHED.name).increment(1);
        }
        access.error_chain = (code.status() >= 500).then(|| error.chain());
        error_response(error, response.status(), &context)
    });
    let mut response = match answer {
        Some(answer) => response.into_response(answer).map_into_right_body(),
        None => response.map_into_left_body(),
    };
    let has_content =
        !matches!(response.status(), StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    add_headers(response.headers_mut(), has_content, &context);
    let is_head = response.request().method() == Method::HEAD;
    if is_head {
        // Sets the length of a response to HEAD here. The framework forgets the HEAD when the connection's next
        // request arrives, and would then wait for that many bytes.
        if let (true, BodySize::Sized(length)) = (has_content, response.response().body().size()) {
            response.headers_mut().insert(CONTENT_LENGTH, length.into());
        }
        response.response_mut().head_mut().no_chunking(true);
    }
    Ok(response.map_body(|_, body| {
        // The framework never polls an empty body.
        access.complete = matches!(body.size(), BodySize::None | BodySize::Sized(0));
        Accounted { body, is_head, access, _active: active }
    }))
}

/// Begins the access line with what is known so far, so that a request whose client leaves counts under its route.
fn begin(request: &ServiceRequest, route: &'static str, context: &RequestContext) -> Access {
    let objective = request.app_data::<Data<LatencySlo>>();
    let objective = objective.expect("the application has an objective").clone().into_inner();
    let headers = request.headers();
    // The load balancer names the scheme. The service itself serves only HTTP.
    let scheme = scheme(headers.get_all("x-forwarded-proto").map(HeaderValue::as_bytes));
    let forwarded_for = headers.get_all("x-forwarded-for").map(HeaderValue::as_bytes);
    let described = Described {
        method: request.method().as_str(),
        route,
        path: request.uri().path(),
        query: request.uri().query().unwrap_or_default(),
        scheme,
        protocol_version: match request.version() {
            Version::HTTP_10 => "1.0",
            Version::HTTP_11 => "1.1",
            Version::HTTP_2 => "2",
            _ => "",
        },
        host: text(headers, "host").unwrap_or_default(),
        client: nearest_hop(forwarded_for).or_else(|| request.peer_addr().map(|peer| peer.ip())),
        user_agent: text(headers, "user-agent").unwrap_or_default(),
        invocation: None,
    };
    Access::begin(context, &described, objective)
}

/// The first value of a header that is not a list.
fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn error_response(
    error: &picus_api::Error,
    status: StatusCode,
    context: &RequestContext,
) -> HttpResponse<BoxBody> {
    let mut response = HttpResponse::build(status);
    for header in error.headers() {
        response.insert_header(header);
    }
    response.json(ErrorBody::new(error, context.xray_trace_id(), context.request_id()))
}

fn add_headers(headers: &mut HeaderMap, has_content: bool, context: &RequestContext) {
    for header in &EVERY_RESPONSE {
        let name = HeaderName::from_bytes(header.name.as_bytes());
        let value = header.value(context.xray_trace_id(), context.request_id());
        // Can't fail: all values are visible ASCII.
        if let (Ok(name), Ok(value)) = (name, HeaderValue::try_from(value)) {
            headers.insert(name, value);
        }
    }
    if has_content && !headers.contains_key(CONTENT_TYPE) {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
}

pin_project! {
    /// A body that counts the bytes sent, and ends the access line. In a response to HEAD it sends none (RFC 9110,
    /// 9.3.2).
    struct Accounted<B> {
        #[pin]
        body: B,
        is_head: bool,
        access: Access,
        _active: ActiveRequest,
    }
}

impl<B: MessageBody> MessageBody for Accounted<B> {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        if self.is_head { BodySize::Stream } else { self.body.size() }
    }

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut task::Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let this = self.project();
        if *this.is_head {
            this.access.complete = true;
            return Poll::Ready(None);
        }
        let next = task::ready!(this.body.poll_next(context));
        Poll::Ready(match next {
            Some(Ok(bytes)) => {
                this.access.bytes_out += bytes.len() as u64;
                Some(Ok(bytes))
            }
            Some(Err(error)) => {
                let error: Box<dyn std::error::Error> = error.into();
                this.access.error_chain = Some(match error.downcast_ref::<picus_api::Error>() {
                    Some(error) => error.chain(),
                    None => error.to_string(),
                });
                Some(Err(error))
            }
            None => {
                this.access.complete = true;
                None
            }
        })
    }
}
