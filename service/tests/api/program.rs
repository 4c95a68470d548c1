//! The program, started as an operator or the container starts it.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Lines, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::ffi::OsStrExt as _;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use serde_json::Value;

fn program() -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_picus-service"));
    program.env_clear();
    program
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn run(program: &mut Command) -> Output {
    program.output().unwrap()
}

#[test]
fn help_and_version_are_printed() {
    let help = run(program().arg("--help"));
    assert_eq!(help.status.code(), Some(0));
    for setting in
        ["PICUS_ADDRESS", "PICUS_SHUTDOWN_GRACE_SECONDS", "DYNAMODB_TABLE_NAME", "RUST_LOG"]
    {
        assert!(text(&help.stdout).contains(setting), "{setting}");
    }
    let version = run(program().arg("--version"));
    assert_eq!(text(&version.stdout), concat!("picus-service ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn an_unknown_argument_prints_one_line_and_exits_with_64() {
    for arguments in [&["--bogus"][..], &["--help", "--version"], &["\n"]] {
        let output = run(program().args(arguments));
        assert_eq!(output.status.code(), Some(64));
        assert_eq!(text(&output.stderr).lines().count(), 1, "{}", text(&output.stderr));
    }
}

#[test]
fn every_invalid_setting_has_its_own_line_and_the_exit_code_is_64() {
    let output = run(program().env("PICUS_WORKERS", "many").env("PICUS_MAX_IN_FLIGHT", "0"));
    assert_eq!(output.status.code(), Some(64));
    let lines: Vec<_> = text(&output.stderr).lines().collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].starts_with("PICUS_WORKERS: `many`"), "{lines:?}");
    assert!(lines[1].starts_with("PICUS_MAX_IN_FLIGHT: `0`"), "{lines:?}");
}

#[test]
fn a_variable_that_is_not_utf_8_is_invalid_rather_than_unset() {
    for name in ["PICUS_ADDRESS", "OTEL_EXPORTER_OTLP_HEADERS"] {
        // The program could not start with this address, so the test can't hang.
        let unusable = OsStr::from_bytes(b"a\xff");
        let output = run(program().env("PICUS_ADDRESS", "192.0.2.1:80").env(name, unusable));
        assert_eq!(output.status.code(), Some(64), "{name}");
        let told = text(&output.stderr);
        assert!(told.starts_with(name) && told.contains("is not UTF-8"), "{told}");
    }
}

#[test]
fn help_into_a_closed_pipe_is_no_crash() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = program().arg("--help").stdout(writer).stderr(Stdio::piped()).output().unwrap();
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(1), ""));
}

#[test]
fn a_misspelt_log_level_is_refused() {
    // The program could not start with this address, so the test can't hang if the level is accepted.
    let output = run(program().env("RUST_LOG", "inof").env("PICUS_ADDRESS", "192.0.2.1:80"));
    assert_eq!(output.status.code(), Some(64));
    let error = text(&output.stderr);
    assert!(error.starts_with("RUST_LOG: `inof`") && error.lines().count() == 1, "{error}");
}

/// A running program. It is killed when this is dropped.
pub(crate) struct Running {
    child: Child,
    pub(crate) lines: Lines<BufReader<ChildStdout>>,
    /// The addresses of the API and of the metrics.
    pub(crate) addresses: [SocketAddr; 2],
}

impl Running {
    /// The process's id, to read its files in `/proc`.
    #[cfg(target_os = "linux")]
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Starts the program, and waits until it listens.
    pub(crate) fn start(environment: &[(&str, &str)]) -> Self {
        let ports = [("PICUS_ADDRESS", "127.0.0.1:0"), ("OTEL_EXPORTER_PROMETHEUS_PORT", "0")];
        let off = [("OTEL_TRACES_EXPORTER", "none"), ("PICUS_SHUTDOWN_DELAY_SECONDS", "0")];
        let mut program = program();
        program.envs(ports).envs(off).envs(environment.iter().copied());
        let mut child = program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let started = lines
            .by_ref()
            .map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap())
            .find(|line| line["message"] == "service started")
            .unwrap();
        let address = |name: &str| started[name].as_str().unwrap().parse().unwrap();
        Self { child, lines, addresses: [address("address"), address("metrics_address")] }
    }

    /// The next log line for which `wanted` is true.
    pub(crate) fn line(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        let lines = self.lines.by_ref();
        lines.map(|line| serde_json::from_str(&line.unwrap()).unwrap()).find(wanted).unwrap()
    }

    /// Sends SIGTERM. Returns the rest of stdout, and all of stderr.
    pub(crate) fn stop(mut self) -> (String, String) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        let said: Vec<String> = self.lines.by_ref().map(Result::unwrap).collect();
        let mut complained = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut complained).unwrap();
        assert_eq!(self.child.wait().unwrap().code(), Some(0), "{complained}");
        (said.join("\n"), complained)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The program may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Opens a connection, and sends `text`.
pub(crate) fn send(address: SocketAddr, text: &str) -> TcpStream {
    let mut connection = TcpStream::connect(address).unwrap();
    // The service may close the connection before it has read all of it.
    let _ = connection.write_all(text.as_bytes());
    connection
}

/// Sends a request, and reads until the connection ends.
pub(crate) fn exchange(address: SocketAddr, text: &str) -> String {
    let mut answer = Vec::new();
    // The service may reset the connection if it did not read the whole request.
    let _ = send(address, text).read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn it_is_healthy_until_sigterm_and_exits_with_0() {
    let running = Running::start(&[]);
    let address = running.addresses[0].to_string();
    let ask = || run(program().arg("--healthcheck").env("PICUS_ADDRESS", &address));
    assert_eq!(ask().status.code(), Some(0));
    let taken = run(program().env("PICUS_ADDRESS", &address));
    assert_eq!(taken.status.code(), Some(1));
    assert!(
        text(&taken.stderr).contains("set PICUS_ADDRESS to another"),
        "{}",
        text(&taken.stderr)
    );

    let (said, _) = running.stop();
    assert!(said.contains("\"service stopped\""), "a line is missing at the end: {said}");
    let unhealthy = ask();
    assert_eq!(unhealthy.status.code(), Some(1));
    assert_eq!(text(&unhealthy.stderr).lines().count(), 1);
}
