//! Tests the Lambda Runtime API and the load balancer's side of a function, with a function that fails in ways in
//! which the delete handler never fails. The test itself is its runtime.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use picus_local::{Options, System};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::given::{Client, options, started, with_handler};

const PATIENCE: Duration = Duration::from_secs(20);
const LIMIT: usize = 1 << 20;

/// A system whose function waits until the test acts as its runtime.
struct Played {
    system: System,
    client: Client,
    folder: TempDir,
}

impl Played {
    async fn started() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = Options { executable: waiting(folder.path()), ..options() };
        let (system, client) = started(options).await;
        Self { system, client, folder }
    }

    /// Starts a delete with this body.
    fn delete(&self, body: String) -> JoinHandle<Response> {
        let request = self.client.request(Method::DELETE, "/picus/a?x=1&x=2").body(body);
        tokio::spawn(async move { request.send().await.unwrap() })
    }

    /// The function's side of the environment that was started.
    async fn runtime(&self) -> Runtime {
        let file = self.folder.path().join("runtime-api");
        let found = async {
            loop {
                if let Ok(address) = fs::read_to_string(&file) {
                    fs::remove_file(&file).unwrap();
                    return address;
                }
                sleep(Duration::from_millis(5)).await;
            }
        };
        let address = timeout(PATIENCE, found).await.unwrap();
        let url = format!("http://{}/2018-06-01/runtime", address.trim());
        Runtime { url, http: reqwest::Client::new() }
    }
}

/// Replaces the executable by one whose delete handler writes its Runtime API's address and then does nothing until
/// it is ended.
fn waiting(folder: &Path) -> PathBuf {
    let file = folder.join("runtime-api");
    let file = file.display();
    let tell = format!("echo $AWS_LAMBDA_RUNTIME_API > {file}.new && mv {file}.new {file}");
    with_handler(folder, &format!("{tell}; exec cat"))
}

/// A runtime's side of the Runtime API.
struct Runtime {
    url: String,
    http: reqwest::Client,
}

impl Runtime {
    async fn next(&self) -> Response {
        let next = self.http.get(format!("{}/invocation/next", self.url));
        timeout(PATIENCE, next.send()).await.unwrap().unwrap()
    }

    /// The id of the next invocation.
    async fn next_id(&self) -> String {
        let next = self.next().await;
        next.headers()["lambda-runtime-aws-request-id"].to_str().unwrap().to_owned()
    }

    async fn post(&self, path: &str, body: &Value) -> StatusCode {
        let post = self.http.post(format!("{}/{path}", self.url)).body(body.to_string());
        post.send().await.unwrap().status()
    }

    async fn respond(&self, id: &str, answer: &Value) -> StatusCode {
        self.post(&format!("invocation/{id}/response"), answer).await
    }
}

#[tokio::test]
async fn a_function_gets_each_request_in_the_deployed_format_and_answers_once() {
    let played = Played::started().await;
    let client = played.delete(String::new());
    let runtime = played.runtime().await;
    let next = runtime.next().await;
    let header = |name: &str| next.headers()[name].to_str().unwrap().to_owned();
    let id = header("lambda-runtime-aws-request-id");
    assert_eq!(
        header("lambda-runtime-invoked-function-arn"),
        played.system.function().function().arn
    );
    assert!(header("lambda-runtime-trace-id").starts_with("Root=1-"));
    assert!(header("lambda-runtime-deadline-ms").parse::<u64>().is_ok());
    let event: Value = next.json().await.unwrap();
    let group = event["requestContext"]["elb"]["targetGroupArn"].as_str().unwrap();
    assert!(group.contains(":targetgroup/picus-lambda-tg/"), "{event}");
    assert_eq!(event["multiValueQueryStringParameters"], json!({ "x": ["1", "2"] }));
    assert!(event["multiValueHeaders"]["host"].is_array(), "{event}");

    let answer = json!({ "statusCode": 200, "multiValueHeaders": { "a": ["1", "2"] } });
    assert_eq!(runtime.respond("another", &answer).await, StatusCode::BAD_REQUEST);
    assert_eq!(runtime.respond(&id, &answer).await, StatusCode::ACCEPTED);
    let got = client.await.unwrap();
    assert_eq!(got.status(), 200);
    assert_eq!(got.headers().get_all("a").iter().count(), 2);
    assert_eq!(runtime.respond(&id, &answer).await, StatusCode::BAD_REQUEST);
    played.system.stop().await;
}

#[tokio::test]
async fn more_than_a_megabyte_is_413_to_a_function_and_502_from_one() {
    let played = Played::started().await;
    let refused = played.delete("x".repeat(LIMIT + 1)).await.unwrap();
    assert_eq!(refused.status(), 413);
    assert!(!played.folder.path().join("runtime-api").exists(), "the function must not be invoked");

    let client = played.delete("x".repeat(LIMIT));
    let runtime = played.runtime().await;
    let frame = json!({ "statusCode": 200, "body": "" }).to_string().len();
    let answer = |length: usize| json!({ "statusCode": 200, "body": "x".repeat(length - frame) });
    assert_eq!(runtime.respond(&runtime.next_id().await, &answer(LIMIT)).await, 202);
    assert_eq!(client.await.unwrap().status(), 200);

    let client = played.delete(String::new());
    assert_eq!(runtime.respond(&runtime.next_id().await, &answer(LIMIT + 1)).await, 202);
    assert_eq!(client.await.unwrap().status(), 502);
    played.system.stop().await;
}

#[tokio::test]
async fn an_invocation_error_is_502_and_the_function_goes_on() {
    let played = Played::started().await;
    let client = played.delete(String::new());
    let runtime = played.runtime().await;
    let id = runtime.next_id().await;
    let error = json!({ "errorMessage": "no", "errorType": "Error" });
    assert_eq!(runtime.post(&format!("invocation/{id}/error"), &error).await, 202);
    assert_eq!(client.await.unwrap().status(), 502);

    let client = played.delete(String::new());
    let id = runtime.next_id().await;
    assert_eq!(runtime.respond(&id, &json!({ "statusCode": 204 })).await, 202);
    assert_eq!(client.await.unwrap().status(), 204);
    played.system.stop().await;
}

#[tokio::test]
async fn an_init_error_is_502_at_once_and_the_function_is_restarted() {
    let played = Played::started().await;
    let client = played.delete(String::new());
    let error = json!({ "errorMessage": "no", "errorType": "Error" });
    assert_eq!(played.runtime().await.post("init/error", &error).await, 202);
    // The function does not end, and its time to start has not passed.
    let at_once = timeout(Duration::from_secs(5), client).await;
    assert_eq!(at_once.unwrap().unwrap().status(), 502);

    let client = played.delete(String::new());
    let runtime = played.runtime().await;
    let id = runtime.next_id().await;
    assert_eq!(runtime.respond(&id, &json!({ "statusCode": 204 })).await, 202);
    assert_eq!(client.await.unwrap().status(), 204);
    played.system.stop().await;
}
