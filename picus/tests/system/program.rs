//! The command line.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::given::{Client, EXECUTABLE, send_signal};

/// Runs the program, which must end by itself. A start that succeeds by mistake fails the test instead of hanging it.
fn ended(command: &mut Command) -> (Option<i32>, String) {
    let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let id = child.id().to_string();
    let (tell, output) = mpsc::channel();
    thread::spawn(move || tell.send(child.wait_with_output()));
    let Ok(output) = output.recv_timeout(Duration::from_secs(30)) else {
        send_signal("KILL", &id);
        panic!("{command:?} did not end");
    };
    let Output { status, stderr, .. } = output.unwrap();
    (status.code(), String::from_utf8(stderr).unwrap())
}

fn run(arguments: &[&str]) -> (Option<i32>, String) {
    ended(Command::new(EXECUTABLE).args(arguments))
}

#[test]
fn an_error_at_start_is_one_line_with_its_remedy() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    // Port 9 is "discard": nothing listens there.
    let nobody = "http://127.0.0.1:9".to_owned();
    for (arguments, code, part) in [
        (&["--memory", "--port", &port][..], 1, "choose another with --port"),
        (
            &["--port", "0", "--data-dir", file.to_str().unwrap()],
            1,
            "choose another folder with --data-dir",
        ),
        (&["--port", "0", "--dynamodb-endpoint", &nobody], 1, "; is a DynamoDB there?"),
        (&["drill", "--report", "/no/such/folder/report"], 1, "choose another file with --report"),
    ] {
        let (found, error) = run(arguments);
        assert_eq!(found, Some(code), "{arguments:?}: {error}");
        assert_eq!(error.lines().count(), 1, "{arguments:?}: {error}");
        assert!(error.contains(part), "{arguments:?}: {error}");
        assert!(error.len() < 250, "{arguments:?}: {error}");
    }
}

/// The template sets `RUST_LOG` of the service, so only the delete handler reads this one.
#[test]
fn a_setting_that_only_the_delete_handler_refuses_ends_the_start_too() {
    let mut command = Command::new(EXECUTABLE);
    command.args(["--memory", "--port", "0"]).env("RUST_LOG", "debgu");
    let (code, error) = ended(&mut command);
    assert_eq!(code, Some(64), "{error}");
    let begins = "picus: the delete handler does not start: RUST_LOG: `debgu` is not usable: ";
    assert!(error.starts_with(begins) && error.lines().count() == 1, "{error}");
}

#[test]
fn an_invalid_setting_ends_the_start_with_the_services_message() {
    let mut command = Command::new(EXECUTABLE);
    command
        .args(["--memory", "--port", "0"])
        .env("PICUS_WORKERS", "x")
        .env("PICUS_MAX_IN_FLIGHT", "0");
    let (code, error) = ended(&mut command);
    assert_eq!(code, Some(64), "{error}");
    let lines: Vec<_> = error.lines().collect();
    let [workers, in_flight] = lines[..] else { panic!("{error}") };
    let begins = "picus: the service does not start: PICUS_WORKERS: `x` is not usable: ";
    assert!(workers.starts_with(begins) && workers.ends_with(", or unset it"), "{error}");
    assert!(in_flight.starts_with("PICUS_MAX_IN_FLIGHT: `0` is not usable: "), "{error}");
}

#[test]
fn damaged_data_is_reported_with_its_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let file = folder.path().join("picus.sqlite");
    // A file that is not a database, and a damaged database.
    for content in [vec![b'x'; 9000], [b"SQLite format 3\0".to_vec(), vec![0; 9000]].concat()] {
        fs::write(&file, content).unwrap();
        let (code, error) = run(&["--port", "0", "--data-dir", path]);
        assert_eq!((code, error.lines().count()), (Some(1), 1), "{error}");
        assert!(error.contains(path) && error.contains("move the folder elsewhere"), "{error}");
        assert!(error.len() < 280, "{error}");
    }
}

#[test]
fn a_wrong_command_line_is_reported_with_the_right_one() {
    for (arguments, parts) in [
        (&["--prot", "1"][..], &["'--prot'", "a similar argument exists: '--port'"][..]),
        (&["--port", "x"], &["'x'"]),
        (&["--memory", "--data-dir", "x"], &["cannot be used with"]),
        (&["--tasks", "0"], &["0 is not in 1..=16"]),
        (&["--dynamodb-endpoint", "foo"], &["it must be like http://127.0.0.1:8000"]),
        (&["--dynamodb-endpoint", "http://"], &["it must be like http://127.0.0.1:8000"]),
        (&["--otlp", "https://collector"], &["it must be like http://127.0.0.1:4318"]),
        (&["drill", "--only", "none"], &["'none'", "[possible values: calm, "]),
        (&["drill", "--only", "handler-crashed"], &["a similar value exists: 'handler-crashes'"]),
        (&["--fault", "none"], &["'none'", "[possible values: dynamodb-"]),
    ] {
        let (code, error) = run(arguments);
        assert_eq!(code, Some(64), "{arguments:?}: {error}");
        assert!(error.starts_with("picus: ") && error.contains("'--help'"), "{error}");
        for part in parts {
            assert!(error.contains(part), "{arguments:?}: {error}");
        }
    }
}

#[test]
fn control_characters_in_arguments_do_not_reach_the_terminal() {
    let escape = "\u{1b}]0;x\u{7}\u{202e}";
    for arguments in [
        &["--port", escape][..],
        &["--fault", escape],
        &[escape],
        &["--port", "0", "--data-dir", &format!("/dev/null/{escape}")],
        &["drill", "--report", &format!("/dev/null/{escape}")],
    ] {
        let (code, error) = run(arguments);
        assert_ne!(code, Some(0), "{error}");
        // clap removes escape sequences from the arguments that it repeats.
        assert!(error.contains(r"\u202e"), "{error:?}");
        assert!(!error.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{error:?}");
    }
}

#[test]
fn a_data_folder_can_be_used_by_only_one_system() {
    let folder = tempfile::tempdir().unwrap();
    let lock = fs::File::create(folder.path().join("lock")).unwrap();
    lock.lock().unwrap();
    let (code, error) = run(&["--port", "0", "--data-dir", folder.path().to_str().unwrap()]);
    assert_eq!(code, Some(1));
    assert!(error.contains("is in use by another process"), "{error}");
}

#[tokio::test]
async fn a_fault_can_be_injected_from_the_start() {
    for (fault, get, delete) in [("dynamodb-throttles", 503, 503), ("handler-crashes", 404, 502)] {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new(EXECUTABLE);
        command.args(["--memory", "--fault", fault, "--port", &port.to_string()]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut guide = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        // The page is served before the guide names it.
        let said =
            guide.any(|line| line.trim() == format!("wrong           {fault}, as asked for"));
        assert!(said, "{fault}");
        let client = Client::of(([127, 0, 0, 1], port).into());
        assert_eq!(client.get_status("none").await, get, "{fault}");
        assert_eq!(client.delete("none").await.status(), delete, "{fault}");
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

#[tokio::test]
async fn traces_are_printed_to_stderr_apart_from_log_lines() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut command = Command::new(EXECUTABLE);
    command.args(["--memory", "--show-traces", "--port", &port.to_string()]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let client = Client::of(([127, 0, 0, 1], port).into());
    client.until_healthy().await;
    let stderr = BufReader::new(child.stderr.take().unwrap());
    let pid = child.id().to_string();
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let stopped = tokio::task::spawn_blocking(move || {
        for line in stderr.lines() {
            // The test may be over.
            let _ = tell.send(line.unwrap());
        }
        child.wait_with_output().unwrap()
    });
    assert_eq!(client.get_status("none").await, 404);
    let shown = async {
        loop {
            let line = told.recv().await.unwrap();
            if line.starts_with("trace 1-") {
                return [line, told.recv().await.unwrap()].join(" ");
            }
        }
    };
    let shown = tokio::time::timeout(Duration::from_secs(20), shown).await;
    send_signal("INT", &pid);
    let output = stopped.await.unwrap();
    let shown = shown.unwrap();
    assert!(shown.contains("picus-service") && shown.contains("GET /picus/get/{key}"), "{shown}");
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        assert!(serde_json::from_str::<Value>(line).is_ok(), "{line}");
    }
}

/// `script` of util-linux runs the command in a terminal.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn on_a_terminal_a_request_is_a_short_line_and_health_checks_are_silent() {
    for (no_color, status) in [("", "\u{1b}[33m404\u{1b}[0m"), ("1", "404")] {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let run = format!("{EXECUTABLE} --memory --port {port}");
        let mut command = Command::new("script");
        command.args(["--quiet", "--flush", "--command", &run, "/dev/null"]);
        command.env_remove("CLICOLOR").env("TERM", "xterm").env("NO_COLOR", no_color);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let client = Client::of(([127, 0, 0, 1], port).into());
        client.until_healthy().await;
        assert_eq!(client.get_status("none").await, 404);
        let shown = tokio::task::spawn_blocking(move || {
            let mut shown: Vec<String> = Vec::new();
            let mut lines = stdout.lines().map(Result::unwrap);
            // The guide and the request's line may come in either order.
            for part in ["Ctrl-C stops all of it.", "GET    /picus/get/{key}"] {
                while !shown.iter().any(|line| line.contains(part)) {
                    shown.push(lines.next().unwrap());
                }
            }
            shown
        });
        let shown = tokio::time::timeout(Duration::from_secs(20), shown).await;
        // Closes the terminal, so Picus ends.
        child.kill().unwrap();
        child.wait().unwrap();
        let shown = shown.unwrap().unwrap();
        let line = format!(" GET    /picus/get/{{key}} {status} ");
        assert!(shown.iter().any(|shown| shown.contains(&line)), "{shown:?}");
        assert!(no_color.is_empty() || !shown.join("").contains('\u{1b}'), "{shown:?}");
        assert!(!shown.iter().any(|line| line.contains("/health")), "{shown:?}");
    }
}

#[tokio::test]
async fn it_prints_its_addresses_and_stops_on_ctrl_c() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut command = Command::new(EXECUTABLE);
    command.args(["--memory", "--port", &port.to_string()]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let client = Client::of(([127, 0, 0, 1], port).into());
    client.until_healthy().await;
    let id = client.put(&serde_json::json!({})).await;
    assert_eq!(client.delete(&id).await.status(), 200);
    tokio::time::sleep(Duration::from_millis(200)).await;
    send_signal("INT", &child.id().to_string());
    let output = tokio::task::spawn_blocking(|| child.wait_with_output()).await.unwrap().unwrap();
    let guide = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{guide}");
    assert_eq!(guide.matches("curl ").count(), 5, "{guide}");
    assert!(guide.contains(&format!("load balancer   http://127.0.0.1:{port}")), "{guide}");
    let logs = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<Value> = logs
        .lines()
        .map(|line| {
            serde_json::from_str(line)
                .unwrap_or_else(|error| panic!("{error}: {line:?} in\n{logs}"))
        })
        .collect();
    // Each request has one access line, in the same form from both programs.
    for (program, method, route, status, sent) in [
        ("picus-service", "POST", "/picus/put", 201, "{}"),
        ("picus-delete-handler", "DELETE", "/picus/{key}", 200, ""),
    ] {
        let of_request = |line: &&Value| {
            line["message"] == "request"
                && line["service.name"] == program
                && line["object_id"] == *id
        };
        let found: Vec<_> = lines.iter().filter(of_request).collect();
        let [line] = found[..] else { panic!("{} lines of {program} in {logs}", found.len()) };
        assert_eq!(line["http.request.method"], method);
        assert_eq!(line["http.route"], route);
        assert_eq!(line["http.response.status_code"], status);
        assert_eq!(line["http.request.body.size"], sent.len());
        assert!(line["duration_ms"].as_f64().unwrap() > 0.0);
        assert!(line["http.response.body.size"].as_u64().unwrap() > 0);
        for text in [
            "timestamp",
            "level",
            "target",
            "service.version",
            "trace_id",
            "xray_trace_id",
            "request_id",
        ] {
            assert!(line[text].is_string(), "no {text} in {line}");
        }
    }
}

#[tokio::test]
async fn a_blocked_output_stops_neither_requests_nor_ctrl_c() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut command = Command::new(EXECUTABLE);
    // Traces go to stderr and lines to stdout. Both are pipes, which hold 64 KiB.
    command.args(["--memory", "--show-traces", "--port", &port.to_string()]);
    command.env("OTEL_TRACES_SAMPLER", "always_on").env("OTEL_BSP_SCHEDULE_DELAY", "100");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let client = Client::of(([127, 0, 0, 1], port).into());
    client.until_healthy().await;
    for _ in 0..600 {
        assert_eq!(client.get_status("none").await, 404);
    }
    send_signal("INT", &child.id().to_string());
    let ended = async {
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let ended = tokio::time::timeout(Duration::from_secs(20), ended).await;
    if ended.is_err() {
        child.kill().unwrap();
    }
    assert_eq!(ended.expect("Ctrl-C ends it").code(), Some(0));
    let output = child.wait_with_output().unwrap();
    // A pipe holds 16 pages, and each may have room left that was too small for a whole line.
    let full = [output.stdout.len(), output.stderr.len()];
    assert!(full.iter().all(|length| *length > 48_000), "both were full: {full:?}");
}
