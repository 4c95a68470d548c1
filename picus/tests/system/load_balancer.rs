//! How the load balancer treats targets, clients and their faults.

use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use std::time::Duration;

use picus_cloudwatch::data::Minute;
use picus_cloudwatch::metric_sink::MetricSink;
use picus_local::load_balancer::{
    Action, Attributes, GroupSettings, HealthCheck, Listener, LoadBalancer, TargetGroup,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

use crate::given::{Client, options, started};

const PATIENCE: Duration = Duration::from_secs(20);

/// A target that answers each request by its first line, or keeps listening if there is no answer. After an answer,
/// the connection stays open until the client closes it. Then `answer` is called with `closed` and the line of the
/// last request.
async fn target<A>(answer: A) -> SocketAddr
where
    A: Fn(&str) -> Option<&'static str> + Clone + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let answer = answer.clone();
            tokio::spawn(async move {
                let (mut request, mut line) = ([0; 4096], String::new());
                loop {
                    let length = stream.read(&mut request).await.unwrap_or(0);
                    if length == 0 {
                        answer(&format!("closed {line}"));
                        return;
                    }
                    let text = String::from_utf8_lossy(&request[..length]);
                    text.lines().next().unwrap_or_default().clone_into(&mut line);
                    if let Some(answer) = answer(&line) {
                        // A client that has gone does not matter.
                        let _ = stream.write_all(answer.as_bytes()).await;
                    }
                }
            });
        }
    });
    address
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
const NO_CONTENT: &str = "HTTP/1.1 204 No Content\r\n\r\n";
const FOUND: &str = "HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n";
const ERROR: &str = "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n";

/// Frequent checks, with a time-out that is long enough for a slow machine.
fn health_check() -> HealthCheck {
    HealthCheck { interval: Duration::from_millis(5), timeout: PATIENCE, ..HealthCheck::default() }
}

fn group(health_check: HealthCheck) -> Arc<TargetGroup> {
    let settings =
        GroupSettings { health_check, deregistration_delay: PATIENCE, ..GroupSettings::default() };
    Arc::new(TargetGroup::new(settings))
}

/// Whether a target was healthy after each of its health checks, if it gave these answers in turn.
async fn healthy_at(health_check: HealthCheck, answers: Vec<&'static str>) -> Vec<bool> {
    let count = answers.len();
    let group = group(health_check);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let address = target({
        let (group, seen) = (group.clone(), seen.clone());
        move |line: &str| {
            if line.starts_with("closed ") {
                return None;
            }
            let mut seen = seen.lock();
            seen.push(!group.healthy().is_empty());
            answers.get(seen.len() - 1).copied()
        }
    })
    .await;
    let _target = group.register(address);
    let all = async {
        while seen.lock().len() <= count {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, all).await.unwrap();
    seen.lock().clone()
}

#[tokio::test]
async fn health_changes_when_a_threshold_is_reached_and_a_new_target_needs_one_good_answer() {
    let check = HealthCheck { healthy_threshold: 3, unhealthy_threshold: 2, ..health_check() };
    let story = [
        (false, ERROR),
        (false, OK),
        (true, ERROR),
        (true, OK),
        (true, ERROR),
        (true, ERROR),
        (false, OK),
        (false, OK),
        (false, OK),
        (true, OK),
    ];
    let seen = healthy_at(check, story.map(|(_, answer)| answer).to_vec()).await;
    assert_eq!(seen[..story.len()], story.map(|(healthy, _)| healthy));
}

#[tokio::test]
async fn an_answer_is_good_if_the_matcher_has_its_status() {
    for (matcher, answer, expected) in [
        (200..=200, NO_CONTENT, false),
        (200..=200, OK, true),
        (200..=299, NO_CONTENT, true),
        (200..=299, FOUND, false),
        (200..=399, FOUND, true),
    ] {
        let check = HealthCheck { statuses: matcher.clone().into(), ..health_check() };
        let seen = healthy_at(check, vec![answer]).await;
        assert_eq!(seen, [false, expected], "{matcher:?} {answer}");
    }
}

/// A group with one healthy target.
async fn group_of(address: SocketAddr) -> Arc<TargetGroup> {
    let group = group(health_check());
    let _target = group.register(address);
    while group.healthy().is_empty() {
        sleep(Duration::from_millis(5)).await;
    }
    group
}

/// A load balancer before this group.
async fn balanced(group: Arc<TargetGroup>, idle_timeout: Duration) -> (LoadBalancer, Client) {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let listener = Listener::new(Vec::new(), Action::Forward(group));
    let attributes = Attributes { idle_timeout, ..Attributes::default() };
    let balancer =
        LoadBalancer::start(socket, listener, attributes, MetricSink::default(), None).unwrap();
    let client = Client::of(balancer.address());
    (balancer, client)
}

#[tokio::test]
async fn a_target_that_does_not_answer_is_504_and_one_that_answers_nonsense_502() {
    let address = target(|line| match line {
        "GET /silent HTTP/1.1" => None,
        "GET /nonsense HTTP/1.1" => Some("nonsense\r\n\r\n"),
        _ => Some(OK),
    })
    .await;
    let (balancer, client) = balanced(group_of(address).await, Duration::from_millis(300)).await;
    assert_eq!(client.get_path("/silent").await.status(), 504);
    assert_eq!(client.get_path("/nonsense").await.status(), 502);
    assert_eq!(client.get_path("/").await.status(), 200, "other requests must go on");
    balancer.stop().await;
}

#[tokio::test]
async fn a_deregistered_target_is_removed_only_after_its_last_response() {
    let address = target(|line| match line {
        "GET /half HTTP/1.1" => Some("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nx"),
        _ => Some(OK),
    })
    .await;
    let group = group_of(address).await;
    let (balancer, client) = balanced(group.clone(), PATIENCE).await;
    let half = client.get_path("/half").await;
    let [target_of_group] = &group.healthy()[..] else { panic!("one target") };
    let gone = group.deregister(target_of_group);
    tokio::pin!(gone);
    assert!(
        timeout(Duration::from_millis(200), &mut gone).await.is_err(),
        "the target still has a response in flight"
    );
    // The client breaks off. From now on, no response can be on its way.
    drop((half, client));
    timeout(PATIENCE / 2, gone).await.unwrap();
    balancer.stop().await;
}

#[tokio::test]
async fn an_idle_connection_to_a_target_is_closed_by_the_load_balancer() {
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let address = target(move |line| {
        // The test may be over.
        let _ = tell.send(line.to_owned());
        Some(OK)
    })
    .await;
    let (balancer, client) = balanced(group_of(address).await, Duration::from_millis(300)).await;
    assert_eq!(client.get_path("/one").await.status(), 200);
    let until_closed = async { while told.recv().await.unwrap() != "closed GET /one HTTP/1.1" {} };
    timeout(PATIENCE, until_closed).await.unwrap();
    balancer.stop().await;
}

/// The first line of the response to this exact text.
async fn answer_to(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let read = async {
        while !answer.contains(&b'\n') && stream.read_buf(&mut answer).await.unwrap() > 0 {}
    };
    timeout(PATIENCE, read).await.unwrap();
    String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_malformed_request_is_400_and_counts_as_a_client_error() {
    let mut options = options();
    options.metrics = MetricSink::on();
    let metrics = options.metrics.clone();
    let (system, client) = started(options).await;
    let chunked = "HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    let requests = [
        format!("POST /picus/put {chunked}no number\r\n"),
        format!("POST /picus/put {chunked}2\r\n{{}}no end\r\n"),
        format!("DELETE /picus/a {chunked}no number\r\n"),
        "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
    ];
    for request in &requests {
        let answer = answer_to(system.address(), request).await;
        assert_eq!(answer, "HTTP/1.1 400 Bad Request", "{request}");
    }
    assert_eq!(client.get_path("/picus/list").await.status(), 200);
    let minute = metrics.minute();
    let own = minute.0.iter().filter(|(metric, _)| metric.name.starts_with("HTTPCode_ELB_"));
    let own: Vec<_> = own.map(|(metric, datum)| (metric.name.as_str(), datum.sum())).collect();
    assert_eq!(own, [("HTTPCode_ELB_4XX_Count", 4.0)]);
    system.stop().await;
}

/// AWS's documents call it a 460. The target does not answer, so none of its metrics count the request.
#[tokio::test]
async fn a_client_that_leaves_counts_as_a_client_error_without_a_response() {
    let address = target(|line| (line != "GET /silent HTTP/1.1").then_some(OK)).await;
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let listener = Listener::new(Vec::new(), Action::Forward(group_of(address).await));
    let metrics = MetricSink::on();
    let balancer =
        LoadBalancer::start(socket, listener, Attributes::default(), metrics.clone(), None)
            .unwrap();
    let count = |minute: &Minute, name: &str| -> f64 {
        let named = minute.0.iter().filter(|(metric, _)| metric.name == name);
        // Some metrics are counted for the group as well.
        let of_all = named.filter(|(metric, _)| !metric.dimensions.contains_key("TargetGroup"));
        // The sum of no numbers is -0.
        0.0 + of_all.map(|(_, datum)| datum.sum()).sum::<f64>()
    };
    let mut impatient = TcpStream::connect(balancer.address()).await.unwrap();
    impatient.write_all(b"GET /silent HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let sent = async {
        while count(&metrics.minute(), "RequestCount") < 1.0 {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, sent).await.unwrap();
    drop(impatient);
    let counted = async {
        loop {
            let minute = metrics.minute();
            if count(&minute, "HTTPCode_ELB_4XX_Count") > 0.0 {
                return minute;
            }
            sleep(Duration::from_millis(5)).await;
        }
    };
    let minute = timeout(PATIENCE, counted).await.unwrap();
    let all = ["HTTPCode_ELB_4XX_Count", "HTTPCode_ELB_5XX_Count", "TargetResponseTime"];
    let found = all.map(|name| format!("{:.0}", count(&minute, name)));
    assert_eq!(found, ["1", "0", "0"]);
    balancer.stop().await;
}

#[tokio::test]
async fn a_function_answers_the_same_whichever_form_its_events_have() {
    let (system, client) = started(options()).await;
    let function = system.function().clone();
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let name = "targetgroup/single/0123456789abcdef".to_owned();
    let single = Action::Invoke { function, group: name, multi_value_headers: false };
    let listener = Listener::new(Vec::new(), single);
    let balancer =
        LoadBalancer::start(socket, listener, Attributes::default(), MetricSink::default(), None)
            .unwrap();
    let mut answers = Vec::new();
    for client in [client, Client::of(balancer.address())] {
        let request = client.request(reqwest::Method::DELETE, "/picus/a%20b");
        let request = request.header("x-request-id", "order-17");
        let trace = "Root=1-67891233-abcdef012345678912345678";
        let answer = request.header("x-amzn-trace-id", trace).send().await.unwrap();
        let mut headers = answer.headers().clone();
        headers.remove("date");
        answers.push((answer.status(), headers, answer.text().await.unwrap()));
    }
    assert_eq!(answers[0].0, 404);
    assert_eq!(answers[0].1["x-request-id"], "order-17");
    assert_eq!(answers[0], answers[1]);
    balancer.stop().await;
    system.stop().await;
}
