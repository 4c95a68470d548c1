//! The local system follows the templates: a test changes a copy of a template, and the system must change with
//! it.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use picus_local::Options;
use picus_local::deployment::TEMPLATE;
use picus_local::lambda::FunctionFault;
use reqwest::Method;

use crate::given::{Client, options, send_signal, started};

/// Options of a system with a changed template.
fn changed(changes: &[(&str, &str)]) -> Options {
    let mut template = TEMPLATE.to_owned();
    for (right, wrong) in changes {
        assert!(template.contains(right), "{right}");
        template = template.replace(right, wrong);
    }
    Options { template: template.into(), ..options() }
}

#[test]
fn the_built_in_template_is_the_deployed_one() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let render =
        Command::new(root.join("deploy/render")).arg("deploy/templates/picus.yaml").output();
    let rendered = render.unwrap();
    assert!(rendered.status.success(), "{rendered:?}");
    assert_eq!(String::from_utf8(rendered.stdout).unwrap(), TEMPLATE);
}

#[tokio::test]
async fn a_rule_decides_which_program_answers() {
    let (system, client) = started(options()).await;
    assert_eq!(client.delete("x").await.status(), 404, "the delete handler answers");
    system.stop().await;
    let (system, client) = started(changed(&[("['/picus/*']", "['/picus/only/*']")])).await;
    assert_eq!(client.delete("x").await.status(), 421, "the service answers");
    assert_eq!(system.calls().len(), 0, "no delete was made");
    system.stop().await;
}

#[tokio::test]
async fn a_health_check_uses_the_path_and_status_of_the_template() {
    // A target can be healthy only if this path is requested and its 404 counts as good.
    let check = [("HealthCheckPath: /health", "HealthCheckPath: /none"), ("'200'}", "'404'}")];
    let (system, client) = started(changed(&check)).await;
    assert_eq!(client.get_path("/health").await.status(), 200);
    system.stop().await;
}

#[tokio::test]
async fn a_function_is_stopped_after_the_time_out_of_the_template() {
    let (system, client) = started(changed(&[("TimeoutSeconds: 15", "TimeoutSeconds: 1")])).await;
    assert_eq!(client.delete("x").await.status(), 404);
    system.function().set_fault(Some(FunctionFault::Hang));
    let asked = Instant::now();
    assert_eq!(client.delete("x").await.status(), 502);
    assert!((1..10).contains(&asked.elapsed().as_secs()), "{:?}", asked.elapsed());
    system.stop().await;
}

#[tokio::test]
async fn responses_get_the_headers_that_the_listener_adds() {
    let listener = "Protocol: HTTP\n      DefaultActions";
    let attribute = "Protocol: HTTP\n      ListenerAttributes: [{Key: routing.http.response.x_frame_options.header_value, Value: DENY}]\n      DefaultActions";
    let (system, client) = started(changed(&[(listener, attribute)])).await;
    assert_eq!(client.get_path("/health").await.headers()["x-frame-options"], "DENY");
    assert_eq!(client.delete("x").await.headers()["x-frame-options"], "DENY");
    system.stop().await;
}

/// How many of four requests in a row get a response, while one task of two hangs with a request in flight.
async fn answered_beside_a_task_that_hangs(mut options: Options) -> usize {
    options.tasks = 2;
    let (system, client) = started(options).await;
    let task = system.tasks()[0].running().await.unwrap().pid.to_string();
    send_signal("STOP", &task);
    let ask = |client: Client| async move {
        let request = client.request(Method::GET, "/health").timeout(Duration::from_secs(2));
        request.send().await.is_ok()
    };
    let hanging = |()| {
        let request = client.request(Method::GET, "/health").timeout(Duration::from_secs(30));
        tokio::spawn(async move { request.send().await.is_ok() })
    };
    let held: Vec<_> = [(), ()].into_iter().map(hanging).collect();
    // Both requests may be in flight until the other task has answered one.
    while held.iter().all(|request| !request.is_finished()) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    let mut answered = 0;
    for _ in 0..4 {
        answered += usize::from(ask(client.clone()).await);
    }
    send_signal("CONT", &task);
    for request in held {
        request.await.unwrap();
    }
    system.stop().await;
    answered
}

#[tokio::test]
async fn a_target_is_chosen_by_the_algorithm_of_the_template() {
    assert_eq!(answered_beside_a_task_that_hangs(options()).await, 4);
    let in_turn = changed(&[("least_outstanding_requests", "round_robin")]);
    assert_eq!(answered_beside_a_task_that_hangs(in_turn).await, 2);
}

#[tokio::test]
async fn an_unsupported_part_of_a_template_prevents_the_start() {
    let unknown =
        changed(&[("Field: path-pattern, PathPatternConfig", "Field: source-ip, SourceIpConfig")]);
    let error = picus_local::System::start(unknown).await.unwrap_err().to_string();
    assert!(error.contains("Rule.Properties.Conditions["), "{error}");
    assert!(error.contains("`source-ip`"), "{error}");
}

#[tokio::test]
async fn a_role_may_do_what_the_template_says() {
    let (system, client) = started(changed(&[("dynamodb:Scan", "dynamodb:Query")])).await;
    assert_eq!(client.get_path("/picus/list").await.status(), 500);
    client.put(&serde_json::json!({})).await;
    system.stop().await;
}
