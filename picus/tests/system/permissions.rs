//! The programs may do exactly what they do. The policies of their roles are enforced on DynamoDB, and the calls are
//! compared with what is allowed.

use std::collections::BTreeSet;
use std::fs;

use aws_config::{BehaviorVersion, Region};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::Credentials;
use aws_sdk_dynamodb::error::ProvideErrorMetadata as _;
use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::join_all;
use picus_cloudwatch::metric_sink::MetricSink;
use picus_drills::samples;
use picus_local::deployment::{Deployment, TEMPLATE};
use picus_local::dynamodb::{Calls, DynamoDb, DynamoDbFault, Storage};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::given::{self, options, started};

const TASK_ROLE: &str = "ecsTaskRole";
const FUNCTION_ROLE: &str = "picus-lambda-role";

/// DynamoDB's actions in a role's policy.
fn allowed(role: &str, file: &str) -> Calls {
    let path = format!("{}/../policies/{file}", env!("CARGO_MANIFEST_DIR"));
    let policy: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let actions = |statement: &Value| match &statement["Action"] {
        Value::Array(actions) => actions.clone(),
        action => vec![action.clone()],
    };
    let actions: Vec<Value> =
        policy["Statement"].as_array().unwrap().iter().flat_map(actions).collect();
    let actions = actions.iter().map(|action| action.as_str().unwrap().to_owned());
    actions
        .filter(|action| action.starts_with("dynamodb:"))
        .map(|action| (role.to_owned(), action))
        .collect()
}

/// A client that calls DynamoDB with this role.
async fn client_of(role: &str, dynamodb: &DynamoDb) -> Client {
    let config = aws_config::defaults(BehaviorVersion::latest())
        .endpoint_url(&dynamodb.endpoint)
        .region(Region::new("eu-central-1"))
        .credentials_provider(Credentials::new(role, "any", None, None, "tests"))
        .load()
        .await;
    Client::new(&config)
}

#[tokio::test]
async fn the_programs_use_exactly_the_actions_that_their_roles_allow() {
    let (system, client) = started(options()).await;
    let id = client.put(&json!({"n": 1})).await;
    for _ in 0..2 {
        let put = client.request(Method::POST, "/picus/put").header("idempotency-key", "k");
        assert_eq!(put.json(&json!({"n": 2})).send().await.unwrap().status(), 201);
    }
    assert_eq!(client.get_status(&id).await, StatusCode::OK);
    // Simultaneous reads are gathered.
    let gathered = (TASK_ROLE.to_owned(), "dynamodb:BatchGetItem".to_owned());
    for _ in 0..100 {
        for status in join_all((0..32).map(|_| client.get_status(&id))).await {
            assert_eq!(status, StatusCode::OK);
        }
        if system.calls().contains(&gathered) {
            break;
        }
    }
    assert_eq!(client.listed_ids("/picus/list").await.len(), 2);
    assert_eq!(client.listed_ids("/picus/list?limit=1").await.len(), 1);
    let guarded = client.request(Method::DELETE, &format!("/picus/{id}")).header("if-match", "*");
    assert_eq!(guarded.send().await.unwrap().status(), StatusCode::OK);
    assert_eq!(client.delete(&id).await.status(), StatusCode::NOT_FOUND);
    let mut expected = allowed(TASK_ROLE, "ecs-task-role.json");
    expected.extend(allowed(FUNCTION_ROLE, "picus-lambda-role.json"));
    assert_eq!(system.calls(), expected);
    system.stop().await;
}

/// An operation of the OpenAPI document.
struct Described {
    method: Method,
    template: String,
    has_body: bool,
    statuses: BTreeSet<String>,
}

impl Described {
    fn all() -> Vec<Self> {
        let document = serde_json::to_value(picus_api::document()).unwrap();
        let paths = document["paths"].as_object().unwrap().clone().into_iter();
        let of = |(template, path): (String, Value)| {
            let methods = path.as_object().unwrap().clone().into_iter();
            let described = methods.map(|(method, operation)| Self {
                method: Method::from_bytes(method.to_uppercase().as_bytes()).unwrap(),
                template: template.clone(),
                has_body: operation["requestBody"].is_object(),
                statuses: operation["responses"].as_object().unwrap().keys().cloned().collect(),
            });
            described.collect::<Vec<_>>()
        };
        paths.flat_map(of).collect()
    }

    /// Calls the operation with the least input that it needs.
    async fn call(&self, client: &given::Client, id: &str) -> StatusCode {
        let path = self.template.replace("{key}", id);
        let mut request = client.request(self.method.clone(), &path);
        if self.has_body {
            request = request.json(&json!({"n": 2}));
        }
        request.send().await.unwrap().status()
    }
}

/// Without a permission, an operation fails with 500.
#[tokio::test]
async fn every_operation_of_the_document_succeeds_in_its_role() {
    let (system, client) = started(options()).await;
    let all = Described::all();
    assert!(all.len() > 10, "{}", all.len());
    for operation in all {
        let id = client.put(&json!({"n": 1})).await;
        let status = operation.call(&client, &id).await;
        let Described { method, template, statuses, .. } = operation;
        assert!(
            status.is_success() && statuses.contains(status.as_str()),
            "{method} {template} answers {status}. Does its role have the permission (policies/ecs-task-role.json, \
             policies/picus-lambda-role.json), and the load balancer a rule for it \
             (deploy/templates/picus/rules.yaml)? If it needs another body than {{\"n\": 2}}, give it one here."
        );
    }
    system.stop().await;
}

/// If the code that counts attempts does not know a call or its errors, it counts the call as `_OTHER`, and no throttle.
#[tokio::test]
async fn every_call_is_counted_by_its_name_and_its_throttles_are_counted() {
    let mut options = options();
    options.environment.insert("PICUS_DYNAMODB_MAX_ATTEMPTS".to_owned(), "1".to_owned());
    let (system, client) = started(options).await;
    system.dynamodb_fault(Some(DynamoDbFault::Throttles(1)));
    for operation in Described::all() {
        operation.call(&client, "any").await;
    }
    let metrics = system.tasks()[0].running().await.unwrap().metrics_address;
    let metrics = given::Client::of(metrics).get_path("/metrics").await.text().await.unwrap();
    let counted = |name: &str| -> BTreeSet<String> {
        let of_name = samples(&metrics).filter(|sample| sample.name == name);
        of_name.map(|sample| sample.labels["db_operation_name"].clone()).collect()
    };
    let attempts = counted("picus_dynamodb_attempts_total");
    assert!(attempts.contains("PutItem"), "{attempts:?}");
    assert!(!attempts.contains("_OTHER"), "items/src/observe.rs: add the call to known_operation");
    assert_eq!(
        counted("picus_dynamodb_throttles_total"),
        attempts,
        "items/src/observe.rs: add the error of the missing call to error_code"
    );
    system.stop().await;
}

#[tokio::test]
async fn what_a_role_does_not_allow_is_denied() {
    let dynamodb = {
        let Deployment { table, roles, .. } = Deployment::read(TEMPLATE).unwrap();
        let metrics = MetricSink::default();
        DynamoDb::start(&Storage::Memory, &table, &roles, metrics).await.unwrap()
    };
    let key = || AttributeValue::S("a".to_owned());
    let task = client_of(TASK_ROLE, &dynamodb).await;
    let function = client_of(FUNCTION_ROLE, &dynamodb).await;
    let get = |client: &Client, table: &str| {
        client.get_item().table_name(table).key("object_id", key()).send()
    };
    let delete = |client: &Client| {
        client.delete_item().table_name("picus_data").key("object_id", key()).send()
    };

    get(&task, "picus_data").await.unwrap();
    get(&function, "picus_data").await.unwrap();
    delete(&function).await.unwrap();
    let denied = "AccessDeniedException";
    let list = function.scan().table_name("picus_data").send().await;
    assert_eq!(list.unwrap_err().code(), Some(denied));
    let put = function.put_item().table_name("picus_data").item("object_id", key()).send().await;
    assert_eq!(put.unwrap_err().code(), Some(denied));
    assert_eq!(get(&function, "another").await.unwrap_err().code(), Some(denied));
    assert_eq!(get(&task, "another").await.unwrap_err().code(), Some(denied));
    assert_eq!(delete(&task).await.unwrap_err().code(), Some(denied));
    assert_eq!(task.list_tables().send().await.unwrap_err().code(), Some(denied));
    let stranger = client_of("stranger", &dynamodb).await;
    let unknown = get(&stranger, "picus_data").await.unwrap_err();
    assert_eq!(unknown.code(), Some("UnrecognizedClientException"));
    dynamodb.stop().await;
}

#[tokio::test]
async fn a_denied_call_is_500_without_internal_details() {
    let mut options = options();
    options.environment.insert("AWS_ACCESS_KEY_ID".to_owned(), FUNCTION_ROLE.to_owned());
    let (system, client) = started(options).await;
    let response = client.get_path("/picus/list").await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(response.json::<Value>().await.unwrap()["error"], "Could not list items");
    assert_eq!(client.delete("a").await.status(), StatusCode::NOT_FOUND);
    system.stop().await;
}
