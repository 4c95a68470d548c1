//! The parts of the Lambda Runtime API that a function needs (AWS Lambda Developer Guide, "Using the Lambda runtime
//! API for custom runtimes").

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc};
use tokio::time;

/// Longer than any step of a function takes.
const PATIENCE: Duration = Duration::from_secs(10);

/// Gives events to one function.
#[derive(Debug)]
pub struct RuntimeApi {
    /// Its address, for the function.
    pub address: SocketAddr,
    give: mpsc::UnboundedSender<String>,
    polls: mpsc::UnboundedReceiver<()>,
    replies: mpsc::UnboundedReceiver<Reply>,
}

/// What the function reported: the path and the body.
pub type Reply = (String, Bytes);

struct Inner {
    events: Mutex<mpsc::UnboundedReceiver<String>>,
    polled: mpsc::UnboundedSender<()>,
    reply: mpsc::UnboundedSender<Reply>,
}

impl RuntimeApi {
    /// Starts it. It ends with the test's runtime.
    ///
    /// # Panics
    /// If no port is free.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (give, events) = mpsc::unbounded_channel();
        let (polled, polls) = mpsc::unbounded_channel();
        let (reply, replies) = mpsc::unbounded_channel();
        let inner = Arc::new(Inner { events: Mutex::new(events), polled, reply });
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let inner = Arc::clone(&inner);
                let service = service_fn(move |request| answer(Arc::clone(&inner), request));
                let http = hyper::server::conn::http1::Builder::new();
                tokio::spawn(http.serve_connection(TokioIo::new(connection), service));
            }
        });
        Self { address, give, polls, replies }
    }

    /// Waits until the function asks for an event.
    ///
    /// # Panics
    /// If it does not ask within ten seconds.
    pub async fn polled(&mut self) {
        time::timeout(PATIENCE, self.polls.recv()).await.unwrap().unwrap();
    }

    /// Gives the function an event, and returns what it reports.
    ///
    /// # Panics
    /// If it reports nothing within ten seconds.
    pub async fn invoke(&mut self, event: &str) -> Reply {
        self.give.send(event.to_owned()).unwrap();
        time::timeout(PATIENCE, self.replies.recv()).await.unwrap().unwrap()
    }
}

async fn answer(
    inner: Arc<Inner>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path().trim_start_matches("/2018-06-01/runtime/").to_owned();
    if request.method() == Method::GET && path == "invocation/next" {
        let _ = inner.polled.send(());
        let Some(event) = inner.events.lock().await.recv().await else {
            return std::future::pending().await;
        };
        let deadline = (SystemTime::now() + Duration::from_secs(5)).duration_since(UNIX_EPOCH);
        let response = Response::builder()
            .header("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd")
            .header("lambda-runtime-deadline-ms", deadline.unwrap().as_millis().to_string())
            .header("lambda-runtime-invoked-function-arn", "arn:aws:lambda:::function:picus-delete")
            .header("lambda-runtime-trace-id", "Root=1-5759e988-bd862e3fe1be46a994272793");
        return Ok(response.body(Full::from(event)).unwrap());
    }
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let _ = inner.reply.send((path, body));
    Ok(Response::builder().status(StatusCode::ACCEPTED).body(Full::default()).unwrap())
}
