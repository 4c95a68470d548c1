//! A fake DynamoDB: each call waits until the test answers it.

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};

/// A call that waits for its answer.
pub(crate) struct Call {
    pub(crate) operation: String,
    pub(crate) body: Value,
    pub(crate) answer: oneshot::Sender<(u16, String)>,
}

impl Call {
    /// The keys that the call asks for, sorted.
    pub(crate) fn keys(&self) -> Vec<&str> {
        let asked = if self.operation == "GetItem" {
            vec![&self.body["Key"]]
        } else {
            let asked = &self.body["RequestItems"]["picus_data"];
            assert_eq!(asked["ConsistentRead"], true, "{}", self.body);
            asked["Keys"].as_array().unwrap().iter().collect()
        };
        let mut keys: Vec<_> =
            asked.iter().map(|key| key["object_id"]["S"].as_str().unwrap()).collect();
        keys.sort_unstable();
        keys
    }

    /// Answers with an item for every key.
    pub(crate) fn find_all(self) {
        let keys: Vec<String> = self.keys().into_iter().map(str::to_owned).collect();
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        self.find(&keys, &[], "");
    }

    /// Answers with an item for each key of `found`, and returns `unread` as unprocessed. Each item contains
    /// `text`.
    pub(crate) fn find(self, found: &[&str], unread: &[&str], text: &str) {
        let item = |id: &&str| json!({"object_id": {"S": id}, "text": {"S": text}});
        let key = |id: &&str| json!({"object_id": {"S": id}});
        let answer = if self.operation == "GetItem" {
            json!({"Item": found.first().map(item)})
        } else {
            let unread: Vec<_> = unread.iter().map(key).collect();
            let unread =
                if unread.is_empty() { json!({}) } else { json!({"picus_data": {"Keys": unread}}) };
            let found: Vec<_> = found.iter().map(item).collect();
            json!({"Responses": {"picus_data": found}, "UnprocessedKeys": unread})
        };
        self.say(200, &answer);
    }

    pub(crate) fn say(self, status: u16, body: &Value) {
        let _ = self.answer.send((status, body.to_string()));
    }
}

#[derive(Debug, Clone)]
pub(crate) struct ByHand(pub(crate) mpsc::UnboundedSender<Call>);

impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.operation, self.body)
    }
}

impl HttpConnector for ByHand {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap();
        let body = request.body().bytes().unwrap();
        let length = request.headers().get("content-length").unwrap();
        assert_eq!(length, body.len().to_string());
        let (answer, answered) = oneshot::channel();
        let operation = target.split('.').nth(1).unwrap().to_owned();
        let body = serde_json::from_slice(body).unwrap();
        self.0.send(Call { operation, body, answer }).unwrap();
        HttpConnectorFuture::new(async move {
            let answer = answered.await.map_err(|left| ConnectorError::io(left.into()))?;
            Ok(HttpResponse::new(answer.0.try_into().unwrap(), SdkBody::from(answer.1)))
        })
    }
}
