//! Collects the log lines of the real system, while all is well and under each of some faults.

use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::Duration;

use futures_util::future::join_all;
use picus_local::dynamodb::DynamoDbFault;
use picus_local::lambda::FunctionFault;
use picus_local::output::Output;
use picus_local::{Options, System};
use tokio::sync::OnceCell;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::given::file;
use picus_cloudwatch::insights::{self, Row};

const EXECUTABLE: &str = env!("CARGO_BIN_EXE_picus");

pub(crate) const SERVICE: &str = "/ecs/picus-service";
pub(crate) const HANDLER: &str = "/aws/lambda/picus-delete-function";

/// A fault, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scene {
    Nothing,
    /// DynamoDB can't be reached.
    Unreachable,
    /// DynamoDB throttles.
    Throttled,
    /// DynamoDB takes more than a second.
    Slow,
    /// DynamoDB takes longer than the programs wait.
    TooSlow,
    /// More requests than a task accepts.
    Flooded,
    /// The delete handler dies during its invocation.
    HandlerCrashes,
    /// The delete handler hangs.
    HandlerHangs,
    /// The delete handler refuses its settings.
    HandlerRefuses,
    /// The service refuses its settings.
    ServiceRefuses,
    /// The service can't listen.
    ServiceFails,
    /// Nobody receives the traces.
    TracesRefused,
    /// The collector can't reach the service or AWS. The lines were recorded from the collector that `ci/collector`
    /// builds, without stack traces.
    CollectorTroubled,
    /// The collector has too little memory. The lines were recorded.
    CollectorShort,
}

const SCENES: usize = Scene::CollectorShort as usize + 1;

/// A log group and a line.
pub(crate) type Logged = (&'static str, Row);

/// The lines of a scene. Each scene runs only once.
pub(crate) async fn lines(scene: Scene) -> &'static [Logged] {
    static PLAYED: [OnceCell<Vec<Logged>>; SCENES] = [const { OnceCell::const_new() }; SCENES];
    PLAYED[scene as usize].get_or_init(|| play(scene)).await
}

async fn play(scene: Scene) -> Vec<Logged> {
    let collector = |log: &str| {
        let text = file(&format!("picus/tests/monitoring/collector/{log}.log"));
        text.lines().map(|line| logged("collector", line)).collect::<Vec<_>>()
    };
    let settings: &[(&str, &str)] = match scene {
        Scene::CollectorTroubled => return collector("troubled"),
        Scene::CollectorShort => return collector("short"),
        Scene::ServiceRefuses => return alone(&[("PICUS_WORKERS", "many")], 64).await,
        Scene::ServiceFails => {
            let taken = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = taken.local_addr().unwrap().to_string();
            return alone(&[("PICUS_ADDRESS", &address)], 1).await;
        }
        Scene::HandlerRefuses => &[("AWS_LAMBDA_LOG_LEVEL", "picus=loud")],
        Scene::Throttled => &[("PICUS_DYNAMODB_MAX_ATTEMPTS", "1")],
        Scene::TooSlow => &[
            ("PICUS_DYNAMODB_ATTEMPT_TIMEOUT_SECONDS", "1.1"),
            ("PICUS_DYNAMODB_MAX_ATTEMPTS", "1"),
        ],
        Scene::Flooded => &[("PICUS_MAX_IN_FLIGHT", "1")],
        _ => &[],
    };
    let fault = match scene {
        Scene::Unreachable => Some(DynamoDbFault::Unreachable),
        Scene::Throttled => Some(DynamoDbFault::Throttles(1)),
        Scene::Slow | Scene::Flooded => Some(DynamoDbFault::Slow(1, Duration::from_millis(1100))),
        Scene::TooSlow => Some(DynamoDbFault::Slow(1, Duration::from_secs(3))),
        _ => None,
    };
    let function_fault = match scene {
        Scene::HandlerCrashes => Some(FunctionFault::Crash),
        Scene::HandlerHangs => Some(FunctionFault::Hang),
        _ => None,
    };
    let timeout = Duration::from_secs(if scene == Scene::HandlerHangs { 1 } else { 20 });
    // Nothing listens on the port of "discard".
    let traces = (scene == Scene::TracesRefused).then(|| "http://127.0.0.1:9".to_owned());

    let (options, lines) = options(settings, timeout, traces);
    let system = System::start(options).await.unwrap();
    system.dynamodb_fault(fault);
    system.function().set_fault(function_fault);
    let at_once = if scene == Scene::Flooded { 8 } else { 1 };
    join_all((0..at_once).map(|_| ask(&system))).await;
    system.stop().await;
    let mut lines: Vec<_> =
        all(lines).await.iter().map(|(program, line)| logged(program, line)).collect();
    if scene == Scene::Nothing {
        lines.extend(collector("well"));
    }
    lines
}

/// A small system whose lines are collected.
pub(crate) fn options(
    settings: &[(&str, &str)],
    function_timeout: Duration,
    otlp_endpoint: Option<String>,
) -> (Options, UnboundedReceiver<(&'static str, String)>) {
    let (output, lines) = unbounded_channel();
    let settings = settings.iter().chain(&[("PICUS_WORKERS", "1")]);
    let options = Options {
        function_timeout: Some(function_timeout),
        executable: EXECUTABLE.into(),
        output: Output::Sent(output),
        otlp_endpoint,
        environment: settings
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        ..Options::default()
    };
    (options, lines)
}

/// All lines of a system that has stopped, when no more can come.
pub(crate) async fn all(
    mut lines: UnboundedReceiver<(&'static str, String)>,
) -> Vec<(&'static str, String)> {
    let mut all = Vec::new();
    let received = async {
        while let Some(line) = lines.recv().await {
            all.push(line);
        }
    };
    tokio::time::timeout(Duration::from_secs(30), received).await.expect("an end of the lines");
    all
}

/// Sends one request of each kind. The lines show the results.
async fn ask(system: &System) {
    let url = format!("http://{}/picus", system.address());
    let client = reqwest::Client::new();
    let mut id = "x".to_owned();
    let put = client.post(format!("{url}/put")).json(&serde_json::json!({ "name": "picus" }));
    if let Ok(put) = put.send().await.unwrap().json::<serde_json::Value>().await {
        put["object_id"].as_str().unwrap_or("x").clone_into(&mut id);
    }
    for request in [
        client.get(format!("{url}/get/{id}")),
        client.get(format!("{url}/list")),
        client.get(format!("{url}/get/none")),
        client.delete(format!("{url}/{id}")),
        client.delete(format!("{url}/none")),
    ] {
        request.send().await.unwrap().bytes().await.unwrap();
    }
}

/// The service alone, which must end at once with this exit code.
async fn alone(settings: &[(&str, &str)], code: i32) -> Vec<Logged> {
    let mut child = Command::new(EXECUTABLE)
        .arg("service")
        .env("AWS_REGION", "eu-central-1")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .envs(settings.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // If this were closed, the child would exit.
    let lifeline = child.stdin.take();
    let output = tokio::task::spawn_blocking(|| child.wait_with_output()).await.unwrap().unwrap();
    drop(lifeline);
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    text.lines().map(|line| logged("service", line)).collect()
}

/// A line in its stream, named as awslogs and Lambda do.
fn logged(program: &str, line: &str) -> Logged {
    match program {
        "service" => (SERVICE, insights::line("picus/service/0f1e2d3c", line)),
        "collector" => (SERVICE, insights::line("picus/otel-collector/0f1e2d3c", line)),
        _ => (HANDLER, insights::line("2026/01/01/[1]0f1e2d3c", line)),
    }
}
