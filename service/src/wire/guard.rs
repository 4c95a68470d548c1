//! What every request passes first: its connection learns of it and of its body, and its answer says
//! whether the connection closes.

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

/// The outermost middleware: the edge writes some answers anew.
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
        // It was sent ahead of an answer that says close: its client sends it again elsewhere, and it
        // must not be performed here (RFC 9112, 9.6). The stream now ends, and this with it.
        connection.end();
        return pending().await;
    }
    let answering = Some(Answering::begin(connection.clone(), length(request.head())));
    if request.head().connection_type() != ConnectionType::KeepAlive {
        // The client wants it so, or offers another protocol, and the library closes after that.
        connection.close_after_answer();
    }
    body::watch(&mut request, &connection);
    let mut response = next.call(request).await?;
    if connection.say_close() {
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    Ok(response.map_body(|_, body| Answer { body, _answering: answering }))
}

/// About as many bytes as a request's head had.
fn length(head: &RequestHead) -> usize {
    const AROUND_A_HEADER: usize = ": \r\n".len();
    let headers = head.headers().iter();
    let headers = headers.map(|(name, value)| name.as_str().len() + value.len() + AROUND_A_HEADER);
    head.uri.path().len() + head.uri.query().map_or(0, str::len) + headers.sum::<usize>()
}

/// A request that is being answered, until its answer's last byte.
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
    /// An answer's body, which is the end of its request.
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
