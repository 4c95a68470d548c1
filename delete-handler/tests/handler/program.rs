//! The program, started as Lambda or an operator starts it.

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::os::unix::ffi::OsStrExt as _;
use std::process::{Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::time;

use crate::dynamodb;
use crate::forms::Form;
use crate::told::Told;
use picus_testing::engine;
use picus_testing::runtime_api::RuntimeApi;

const PATIENCE: Duration = Duration::from_secs(10);
/// The Runtime API's path for the response to the invocation, without its version.
const ANSWERED: &str = "invocation/8476a536-e9f4-11e8-9739-2dfe598c3fcd/response";

fn program() -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_picus-delete-handler"));
    program.env_clear().kill_on_drop(true);
    program
}

/// A command that runs the program with the variables that Lambda sets.
pub(crate) fn function(runtime_api: SocketAddr, dynamodb: SocketAddr) -> Command {
    let mut program = program();
    program
        .env("AWS_LAMBDA_RUNTIME_API", runtime_api.to_string())
        .env("AWS_LAMBDA_FUNCTION_NAME", "picus-delete")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
        .env("AWS_REGION", "eu-central-1")
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_ENDPOINT_URL_DYNAMODB", format!("http://{dynamodb}"))
        .stdout(Stdio::piped());
    program
}

async fn run(program: &mut Command) -> Output {
    time::timeout(PATIENCE, program.output()).await.unwrap().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn a_variable_that_is_not_utf_8_is_invalid_rather_than_unset() {
    for name in ["DYNAMODB_TABLE_NAME", "AWS_REGION", "AWS_LAMBDA_FUNCTION_NAME"] {
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 9));
        let output = run(function(nowhere, nowhere).env(name, OsStr::from_bytes(b"a\xff"))).await;
        assert_eq!(output.status.code(), Some(64), "{name}");
        let told = text(&output.stderr);
        assert!(told.contains(name) && told.contains("is not UTF-8"), "{told}");
    }
}

/// Sends SIGTERM to a program, and returns its exit code.
async fn terminate(child: &mut Child) -> Option<i32> {
    let id = child.id().unwrap().to_string();
    assert!(run(Command::new("kill").args(["-TERM", &id])).await.status.success());
    time::timeout(PATIENCE, child.wait()).await.unwrap().unwrap().code()
}

#[tokio::test]
async fn it_answers_events_until_sigterm_and_exits_with_0() {
    let dynamodb = engine::start().await;
    let mut api = RuntimeApi::start().await;
    let mut child = function(api.address, dynamodb).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for form in Form::ALL {
        dynamodb::put(dynamodb, "some-key").await;
        for (status, message) in [(200, "deleted successfully"), (404, "not found")] {
            let (path, body) = api.invoke(&form.sample().to_string()).await;
            assert_eq!(path, ANSWERED);
            let told = Told::read(form, &serde_json::from_slice(&body).unwrap());
            assert_eq!(told.status, status, "{form:?}");
            assert!(told.body.to_string().contains(message), "{told:?}");

            let line = loop {
                let line = time::timeout(PATIENCE, lines.next_line()).await.unwrap();
                let line: Value = serde_json::from_str(&line.unwrap().unwrap()).unwrap();
                // Lines with `_aws` are metrics.
                if line.get("_aws").is_none() {
                    break line;
                }
            };
            let trace = line["xray_trace_id"].as_str().unwrap();
            assert_eq!(told.headers["x-amzn-trace-id"], format!("Root={trace}"), "{line}");
        }
    }
    assert_eq!(terminate(&mut child).await, Some(0));
}

#[tokio::test]
async fn an_event_that_can_not_be_read_is_400_and_the_next_one_is_served() {
    let mut api = RuntimeApi::start().await;
    let _child = function(api.address, engine::start().await).spawn().unwrap();
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for event in [deep.as_str(), "{\"path\":1e999}", "null", "\"\\ud800\""] {
        let (path, body) = api.invoke(event).await;
        assert_eq!(path, ANSWERED, "{event:.40}");
        let told = Told::read(Form::LoadBalancer, &serde_json::from_slice(&body).unwrap());
        assert_eq!(told.failure().0, 400, "{event:.40}");
    }
    // The sender of this event reads only multi-value headers.
    let (_, body) = api.invoke("{\"multiValueHeaders\":{},\"a\":\"\\ud800\"}").await;
    let told = Told::read(Form::LoadBalancerMultiValue, &serde_json::from_slice(&body).unwrap());
    assert_eq!(told.failure().0, 400);
    let (_, body) = api.invoke(&Form::LoadBalancer.sample().to_string()).await;
    let told = Told::read(Form::LoadBalancer, &serde_json::from_slice(&body).unwrap());
    assert_eq!(told.status, 404);
}

#[tokio::test]
async fn it_starts_without_dynamodb_and_stops_while_it_waits_for_an_event() {
    let mut api = RuntimeApi::start().await;
    let mut child = function(api.address, dynamodb::nowhere().await).spawn().unwrap();
    api.polled().await;
    assert_eq!(terminate(&mut child).await, Some(0));
}

#[tokio::test]
async fn it_connects_to_dynamodb_before_it_asks_for_an_event() {
    let dynamodb = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut api = RuntimeApi::start().await;
    let _child = function(api.address, dynamodb.local_addr().unwrap()).spawn().unwrap();
    let connected = time::timeout(PATIENCE, dynamodb.accept()).await;
    let _silent = connected.unwrap().unwrap();
    api.polled().await;
}

#[tokio::test]
async fn it_connects_with_the_first_request_if_it_is_told_to_open_no_connection_at_start() {
    let dynamodb = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut api = RuntimeApi::start().await;
    let mut program = function(api.address, dynamodb.local_addr().unwrap());
    let _child = program.env("PICUS_WARM_UP_SECONDS", "0").spawn().unwrap();
    api.polled().await;
    // A connection that was opened at start would be there by now.
    let connected = time::timeout(Duration::from_millis(1), dynamodb.accept()).await;
    assert!(connected.is_err());
}

#[tokio::test]
async fn help_and_version_are_printed() {
    for argument in ["--help", "-h"] {
        let help = run(program().arg(argument)).await;
        assert_eq!(help.status.code(), Some(0));
        for setting in [
            "AWS_LAMBDA_LOG_LEVEL",
            "RUST_LOG",
            "DYNAMODB_TABLE_NAME",
            "PICUS_DYNAMODB_ATTEMPT_TIMEOUT_SECONDS",
            "PICUS_DYNAMODB_OPERATION_TIMEOUT_SECONDS",
            "PICUS_DYNAMODB_MAX_ATTEMPTS",
            "AWS_MAX_ATTEMPTS",
            "AWS_RETRY_MODE",
        ] {
            assert!(text(&help.stdout).contains(setting), "{setting}");
        }
    }
    let version = run(program().arg("--version")).await;
    let expected = concat!("picus-delete-handler ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(text(&version.stdout), expected);
}

#[tokio::test]
async fn an_unknown_argument_prints_one_line_and_exits_with_64() {
    for arguments in [&["--bogus"][..], &["--help", "--version"], &["\n"], &[""]] {
        let output = run(program().args(arguments)).await;
        assert_eq!(output.status.code(), Some(64), "{arguments:?}");
        assert_eq!(text(&output.stderr).lines().count(), 1, "{}", text(&output.stderr));
    }
}

#[tokio::test]
async fn every_invalid_setting_has_its_own_line_and_the_exit_code_is_64() {
    let nowhere = dynamodb::nowhere().await;
    for (name, bad) in [
        ("PICUS_DYNAMODB_MAX_ATTEMPTS", "0"),
        ("PICUS_DYNAMODB_ATTEMPT_TIMEOUT_SECONDS", "soon"),
        ("PICUS_DYNAMODB_OPERATION_TIMEOUT_SECONDS", "-1"),
        ("AWS_MAX_ATTEMPTS", "0"),
        ("AWS_RETRY_MODE", "legacy"),
        ("RUST_LOG", "a=b=c"),
        ("RUST_LOG", "inof"),
        ("AWS_LAMBDA_LOG_LEVEL", "inof"),
    ] {
        let output = run(function(nowhere, nowhere).env(name, bad)).await;
        assert_eq!(output.status.code(), Some(64), "{name}");
        let error = text(&output.stderr);
        assert!(error.starts_with(name) && error.lines().count() == 1, "{error}");
    }
    let two = run(function(nowhere, nowhere)
        .env("PICUS_DYNAMODB_MAX_ATTEMPTS", "many")
        .env("PICUS_DYNAMODB_ATTEMPT_TIMEOUT_SECONDS", "0"))
    .await;
    assert_eq!(text(&two.stderr).lines().count(), 2);
}

#[tokio::test]
async fn outside_of_lambda_it_says_so_and_exits_with_64() {
    let nowhere = dynamodb::nowhere().await;
    for missing in [
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    ] {
        let output = run(function(nowhere, nowhere).env_remove(missing)).await;
        assert_eq!(output.status.code(), Some(64), "{missing}");
        let error = text(&output.stderr);
        assert!(error.contains(missing) && error.lines().count() == 1, "{error}");
    }
}
