//! A DynamoDB that keeps items in memory and answers at once, so that the service is what is slow. It fails when told
//! to.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// What it does with every call.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum State {
    Well,
    /// It answers with an internal error.
    Failing,
    /// It answers when its state changes.
    Waiting,
}

/// The server. It ends when this is dropped.
pub(crate) struct StandIn {
    address: SocketAddr,
    shared: Arc<Shared>,
    _server: JoinSet<()>,
}

struct Shared {
    state: watch::Sender<State>,
    /// How many calls wait for another state.
    waiting: watch::Sender<usize>,
    items: Mutex<Items>,
}

#[derive(Default)]
struct Items {
    by_id: HashMap<String, Value>,
    /// How many items have been asked for or put.
    worked_on: usize,
}

impl StandIn {
    pub(crate) async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            state: watch::Sender::new(State::Well),
            waiting: watch::Sender::new(0),
            items: Mutex::default(),
        });
        let shared_by_all = shared.clone();
        let mut server = JoinSet::new();
        server.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((connection, _)) = listener.accept().await {
                while connections.try_join_next().is_some() {}
                // Small answers must not wait for an acknowledgement.
                let _ = connection.set_nodelay(true);
                let shared = shared_by_all.clone();
                connections.spawn(async move {
                    let service = service_fn(|call| shared.answer(call));
                    let connection = TokioIo::new(connection);
                    // The service may close it at any time.
                    let _ = http1::Builder::new().serve_connection(connection, service).await;
                });
            }
        });
        Ok(Self { address, shared, _server: server })
    }

    /// The variable that makes a program use it.
    pub(crate) fn endpoint(&self) -> (String, String) {
        ("AWS_ENDPOINT_URL_DYNAMODB".to_owned(), format!("http://{}", self.address))
    }

    pub(crate) fn set(&self, state: State) {
        self.shared.state.send_replace(state);
    }

    /// Returns when a call waits for another state.
    pub(crate) async fn until_one_waits(&self) {
        // Fails only if this is gone.
        let _ = self.shared.waiting.subscribe().wait_for(|waiting| *waiting > 0).await;
    }

    /// How many items the service has asked for or put, as far as it got an answer.
    pub(crate) fn worked_on(&self) -> usize {
        self.shared.items.lock().worked_on
    }
}

/// A call that waits, until this is dropped.
struct Waiting<'a>(&'a Shared);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.send_modify(|waiting| *waiting -= 1);
    }
}

impl Shared {
    async fn answer(&self, call: Request<Incoming>) -> Result<Response<Full<Bytes>>, hyper::Error> {
        let (call, body) = call.into_parts();
        let body = body.collect().await?.to_bytes();
        // A health check is no call.
        let Some(target) = call.headers.get("x-amz-target") else {
            return Ok(response(200, &json!("healthy")));
        };
        let state = *self.state.borrow();
        match state {
            State::Well => {}
            State::Failing => return Ok(response(500, &error("InternalServerError"))),
            State::Waiting => {
                self.waiting.send_modify(|waiting| *waiting += 1);
                let _waiting = Waiting(self);
                // Fails only if this is gone.
                let _ = self.state.subscribe().wait_for(|state| *state != State::Waiting).await;
            }
        }
        let operation = target.to_str().ok().and_then(|target| target.rsplit('.').next());
        let request: Value = serde_json::from_slice(&body).unwrap_or_default();
        let mut items = self.items.lock();
        let (status, answer) = perform(operation.unwrap_or_default(), request, &mut items);
        Ok(response(status, &answer))
    }
}

/// The calls that get and put make.
fn perform(operation: &str, mut request: Value, items: &mut Items) -> (u16, Value) {
    let id = |key: &Value| key["object_id"]["S"].as_str().unwrap_or_default().to_owned();
    match operation {
        "GetItem" => {
            items.worked_on += 1;
            match items.by_id.get(&id(&request["Key"])) {
                Some(item) => (200, json!({ "Item": item })),
                None => (200, json!({})),
            }
        }
        "BatchGetItem" => {
            let tables = request["RequestItems"].as_object().into_iter().flatten();
            let found = tables.map(|(table, asked)| {
                let keys = asked["Keys"].as_array().into_iter().flatten();
                let found: Vec<_> =
                    keys.filter_map(|key| items.by_id.get(&id(key)).cloned()).collect();
                items.worked_on += found.len();
                (table.clone(), Value::Array(found))
            });
            let found: Map<_, _> = found.collect();
            (200, json!({ "Responses": found, "UnprocessedKeys": {} }))
        }
        "PutItem" => {
            items.worked_on += 1;
            let item = request["Item"].take();
            if let Some(item) = items.by_id.get(&id(&item)) {
                let mut error = error("ConditionalCheckFailedException");
                error["Item"] = item.clone();
                (400, error)
            } else {
                items.by_id.insert(id(&item), item);
                (200, json!({}))
            }
        }
        _ => (200, json!({})),
    }
}

fn error(name: &str) -> Value {
    json!({ "__type": format!("com.amazonaws.dynamodb.v20120810#{name}"), "message": name })
}

fn response(status: u16, answer: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(answer.to_string().into()));
    // Only valid statuses are given here.
    *response.status_mut() = status.try_into().unwrap_or_default();
    response
}
