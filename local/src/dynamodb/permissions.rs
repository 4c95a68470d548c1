//! Who may call what: each call is held to the policy of the role in whose name it comes, as IAM does
//! it. A role is told by its access key, which here is its name.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use serde::Deserialize;
use serde_json::json;

use super::DynamoDbError;
use crate::iam::{ACCOUNT, Policy, REGION};
use crate::server::{Body, full};

/// The role of the service.
pub const TASK_ROLE: &str = "ecsTaskRole";
/// The role of the delete handler.
pub const FUNCTION_ROLE: &str = "picus-lambda-role";
/// Who made the account: may do everything.
pub const ADMINISTRATOR: &str = "local";

/// DynamoDB's own bound on a request.
const MAX_BYTES: usize = 16 << 20;

/// What was called: a role, and an action.
pub type Calls = BTreeSet<(&'static str, String)>;

/// What stands before the engine.
#[derive(Debug)]
pub(super) struct Permissions {
    engine: SocketAddr,
    roles: BTreeMap<&'static str, Policy>,
    calls: Arc<Mutex<Calls>>,
    client: Client<HttpConnector, Full<Bytes>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Call {
    table_name: Option<String>,
}

impl Permissions {
    pub(super) fn new(engine: SocketAddr, calls: Arc<Mutex<Calls>>) -> Result<Self, DynamoDbError> {
        let policies = [
            (TASK_ROLE, include_str!("../../../policies/ecs-task-role.json")),
            (FUNCTION_ROLE, include_str!("../../../policies/picus-lambda-role.json")),
        ];
        let mut roles = BTreeMap::new();
        for (role, text) in policies {
            let unusable = |source| DynamoDbError::Policy { role, source };
            roles.insert(role, Policy::read(text).map_err(unusable)?);
        }
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client =
            Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(connector);
        Ok(Self { engine, roles, calls, client })
    }

    pub(super) async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let Ok(body) = Limited::new(body, MAX_BYTES).collect().await else {
            return refusal("SerializationException", "The request is too large.");
        };
        let body = body.to_bytes();
        let caller = caller(&parts.headers).unwrap_or_default();
        if caller != ADMINISTRATOR {
            let Some((role, policy)) = self.roles.get_key_value(caller) else {
                let message = "The security token included in the request is invalid.";
                return refusal("UnrecognizedClientException", message);
            };
            let (action, resource) = (action(&parts.headers), resource(&body));
            self.calls
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert((role, action.clone()));
            if !policy.allows(&action, &resource) {
                let message = format!(
                    "User: arn:aws:sts::{ACCOUNT}:assumed-role/{role}/local is not authorized to \
                     perform: {action} on resource: {resource}"
                );
                return refusal("AccessDeniedException", &message);
            }
        }
        let mut request = Request::from_parts(parts, Full::new(body));
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        let uri = format!("http://{}{path}", self.engine).parse::<Uri>();
        *request.uri_mut() = uri.unwrap_or_default();
        match self.client.request(request).await {
            Ok(response) => response.map(BodyExt::boxed_unsync),
            Err(_) => status(StatusCode::INTERNAL_SERVER_ERROR, Body::default()),
        }
    }
}

/// The access key: `AWS4-HMAC-SHA256 Credential=KEY/date/…`.
fn caller(headers: &HeaderMap) -> Option<&str> {
    let signed = headers.get(AUTHORIZATION)?.to_str().ok()?;
    signed.split("Credential=").nth(1)?.split('/').next()
}

/// `DynamoDB_20120810.GetItem` is `dynamodb:GetItem`.
fn action(headers: &HeaderMap) -> String {
    let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok());
    format!("dynamodb:{}", target.and_then(|target| target.split('.').nth(1)).unwrap_or_default())
}

/// The table. A call that names none, or several, is on no resource that a role is allowed.
fn resource(body: &[u8]) -> String {
    match serde_json::from_slice(body) {
        Ok(Call { table_name: Some(arn) }) if arn.starts_with("arn:") => arn,
        Ok(Call { table_name: Some(name) }) => {
            format!("arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}")
        }
        _ => "*".to_owned(),
    }
}

fn refusal(kind: &str, message: &str) -> Response<Body> {
    let body = json!({"__type": format!("com.amazon.coral.service#{kind}"), "Message": message});
    status(StatusCode::BAD_REQUEST, full(body.to_string().into()))
}

fn status(status: StatusCode, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/x-amz-json-1.0");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}
