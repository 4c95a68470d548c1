//! The first middleware. It tells the connection about each request and its body, and adds `Connection: close` where
//! needed.

use std::future::pending;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::{RequestHead, ServiceRequest, ServiceResponse};
use actix_web::http::ConnectionType;
use actix_web::middleware::Next;
use actix_web::web::Bytes;
use pin_project_lite::pin_project;

use super::body;
use super::connection::Connection;

/// The outermost middleware, because the edge replaces some responses.
pub(crate) async fn guard(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    // Tests call the application without a connection.
    let Some(connection) = request.conn_data::<Rc<Connection>>().cloned() else {
        let response = next.call(request).await?;
        return Ok(response.map_body(|_, body| Answer { body, _answering: None }));
    };
    if connection.is_closed() {
        // The client sent this request before it got a response with `Connection: close`. It will send it again
        // elsewhere, so it must not be performed here (RFC 9112, 9.6). The stream ends now.
        connection.end();
        return pending().await;
    }
    let answering = Some(Answering::begin(connection.clone(), length(request.head())));
    if request.head().connection_type() != ConnectionType::KeepAlive {
        // The client asks for the close, or offers another protocol, after which the library closes.
        connection.close_after_answer();
    }
    body::watch(&mut request, &connection);
    let mut response = next.call(request).await?;
    if connection.say_close() {
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    Ok(response.map_body(|_, body| Answer { body, _answering: answering }))
}

/// About the length of a request's headers, in bytes.
fn length(head: &RequestHead) -> usize {
    const AROUND_A_HEADER: usize = ": \r\n".len();
    let headers = head.headers().iter();
    let headers = headers.map(|(name, value)| name.as_str().len() + value.len() + AROUND_A_HEADER);
    head.uri.path().len() + head.uri.query().map_or(0, str::len) + headers.sum::<usize>()
}

/// A request in progress, until its response's last byte.
struct Answering(Rc<Connection>);

impl Answering {
    fn begin(connection: Rc<Connection>, head: usize) -> Self {
        connection.begin_answer(head);
        Self(connection)
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.end_answer();
    }
}

pin_project! {
    /// A response's body. Its end is the request's end.
    struct Answer<B> {
        #[pin]
        body: B,
        _answering: Option<Answering>,
    }
}

impl<B: MessageBody> MessageBody for Answer<B> {
    type Error = B::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        self.project().body.poll_next(context)
    }
}
