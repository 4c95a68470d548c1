//! The Lambda Runtime API of one environment (AWS Lambda Developer Guide, "Using the Lambda runtime API for custom
//! runtimes").

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Collected};
use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode};
use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};

use super::function::InvokeError;
use crate::server::{Body, Server, full};

const VERSION: &str = "/2018-06-01/runtime/";

/// An event for the function, and where its result goes.
#[derive(Debug)]
pub(super) struct Invocation {
    pub(super) request_id: String,
    pub(super) payload: Bytes,
    /// The deadline, in milliseconds since 1970.
    pub(super) deadline_ms: u128,
    pub(super) trace: String,
    pub(super) reply: oneshot::Sender<Result<Bytes, InvokeError>>,
}

/// A runtime API that runs until it is dropped.
#[derive(Debug)]
pub(super) struct RuntimeApi {
    work: mpsc::Sender<Invocation>,
    init: watch::Receiver<Option<Init>>,
    server: Server,
}

/// Shared by all calls of one process.
struct State {
    arn: String,
    work: tokio::sync::Mutex<mpsc::Receiver<Invocation>>,
    init: watch::Sender<Option<Init>>,
    running: Mutex<Option<Running>>,
}

struct Running {
    request_id: String,
    reply: oneshot::Sender<Result<Bytes, InvokeError>>,
}

/// Whether a process has started: it asked for an event, or reported that it can't start.
type Init = Result<(), InvokeError>;

impl RuntimeApi {
    pub(super) async fn start(arn: String) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let (work, receiver) = mpsc::channel(1);
        let (tell, init) = watch::channel(None);
        let state = Arc::new(State {
            arn,
            work: tokio::sync::Mutex::new(receiver),
            init: tell,
            running: Mutex::default(),
        });
        let server = Server::start(listener, move |request, _| {
            let state = state.clone();
            async move { Ok(state.answer(request).await) }
        })?;
        Ok(Self { work, init, server })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Waits until the process has asked for an event, or reported that it can't start.
    pub(super) async fn initialized(&self) -> Result<(), InvokeError> {
        // Can't be closed: the server with the sender lives as long as this.
        let mut init = self.init.clone();
        let outcome = init.wait_for(Option::is_some).await.ok().and_then(|init| init.clone());
        outcome.unwrap_or(Err(InvokeError::Exited))
    }

    pub(super) async fn give(&self, invocation: Invocation) {
        // If nobody takes it, it is dropped, and its reply with it.
        let _ = self.work.send(invocation).await;
    }
}

impl State {
    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let path = request.uri().path().strip_prefix(VERSION).unwrap_or_default().to_owned();
        let parts: Vec<&str> = path.split('/').collect();
        match (request.method(), &parts[..]) {
            (&Method::GET, ["invocation", "next"]) => self.next().await,
            (&Method::POST, ["invocation", id, "response"]) => {
                let body = request.into_body().collect().await;
                self.finish(id, body.map(Collected::to_bytes).map_err(|_| InvokeError::Exited))
            }
            (&Method::POST, ["invocation", id, "error"]) => {
                self.finish(id, Err(InvokeError::Failed))
            }
            (&Method::POST, ["init", "error"]) => {
                self.init.send_replace(Some(Err(InvokeError::Failed)));
                status(StatusCode::ACCEPTED)
            }
            _ => status(StatusCode::NOT_FOUND),
        }
    }

    async fn next(&self) -> Response<Body> {
        self.init.send_replace(Some(Ok(())));
        let Some(invocation) = self.work.lock().await.recv().await else {
            // The environment is ending. Lambda would just freeze it. The runtime knows no response without an event.
            return std::future::pending().await;
        };
        let Invocation { request_id, payload, deadline_ms, trace, reply } = invocation;
        let response = Response::builder()
            .header("Content-Type", "application/json")
            .header("Lambda-Runtime-Aws-Request-Id", &request_id)
            .header("Lambda-Runtime-Deadline-Ms", deadline_ms.to_string())
            .header("Lambda-Runtime-Trace-Id", trace)
            .header("Lambda-Runtime-Invoked-Function-Arn", &self.arn)
            .body(full(payload));
        *self.running() = Some(Running { request_id, reply });
        response.unwrap_or_else(|_| status(StatusCode::INTERNAL_SERVER_ERROR))
    }

    /// Passes on the result of the current invocation, and refuses that of any other.
    fn finish(&self, id: &str, outcome: Result<Bytes, InvokeError>) -> Response<Body> {
        match self.running().take_if(|running| running.request_id == id) {
            Some(running) => {
                // The caller may have given up.
                let _ = running.reply.send(outcome);
                status(StatusCode::ACCEPTED)
            }
            None => status(StatusCode::BAD_REQUEST),
        }
    }

    fn running(&self) -> parking_lot::MutexGuard<'_, Option<Running>> {
        self.running.lock()
    }
}

fn status(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(full(Bytes::new()));
    *response.status_mut() = status;
    response
}
