//! The program as an operator and the container meet it.

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
fn its_arguments_are_answered() {
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
fn an_unknown_argument_is_one_line_and_64() {
    for arguments in [&["--bogus"][..], &["--help", "--version"], &["\n"]] {
        let output = run(program().args(arguments));
        assert_eq!(output.status.code(), Some(64));
        assert_eq!(text(&output.stderr).lines().count(), 1, "{}", text(&output.stderr));
    }
}

#[test]
fn every_bad_setting_is_a_line_of_its_own_and_64() {
    let output = run(program().env("PICUS_WORKERS", "many").env("PICUS_MAX_IN_FLIGHT", "0"));
    assert_eq!(output.status.code(), Some(64));
    let lines: Vec<_> = text(&output.stderr).lines().collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].starts_with("PICUS_WORKERS: `many`"), "{lines:?}");
    assert!(lines[1].starts_with("PICUS_MAX_IN_FLIGHT: `0`"), "{lines:?}");
}

#[test]
fn a_variable_that_is_no_text_is_unusable_and_not_unset() {
    for name in ["PICUS_ADDRESS", "OTEL_EXPORTER_OTLP_HEADERS"] {
        // It could not start with this address.
        let unusable = OsStr::from_bytes(b"a\xff");
        let output = run(program().env("PICUS_ADDRESS", "192.0.2.1:80").env(name, unusable));
        assert_eq!(output.status.code(), Some(64), "{name}");
        let told = text(&output.stderr);
        assert!(told.starts_with(name) && told.contains("is not UTF-8"), "{told}");
    }
}

#[test]
fn help_that_nobody_reads_is_no_crash() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = program().arg("--help").stdout(writer).stderr(Stdio::piped()).output().unwrap();
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(1), ""));
}

#[test]
fn a_misspelt_level_is_refused_and_not_a_silence() {
    // It could not start with this address: taken for right, the level would not leave the test waiting.
    let output = run(program().env("RUST_LOG", "inof").env("PICUS_ADDRESS", "192.0.2.1:80"));
    assert_eq!(output.status.code(), Some(64));
    let error = text(&output.stderr);
    assert!(error.starts_with("RUST_LOG: `inof`") && error.lines().count() == 1, "{error}");
}

/// A running program; it ends with its test.
pub(crate) struct Running {
    child: Child,
    pub(crate) lines: Lines<BufReader<ChildStdout>>,
    /// Where the API is served, and the metrics.
    pub(crate) addresses: [SocketAddr; 2],
}

impl Running {
    /// For what only Linux tells of a process.
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

    /// The next line that `wanted` wants.
    pub(crate) fn line(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        let lines = self.lines.by_ref();
        lines.map(|line| serde_json::from_str(&line.unwrap()).unwrap()).find(wanted).unwrap()
    }

    /// Sends SIGTERM, and returns all that the program still says on stdout, and then on stderr.
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
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends this over a connection of its own.
pub(crate) fn send(address: SocketAddr, text: &str) -> TcpStream {
    let mut connection = TcpStream::connect(address).unwrap();
    // The service need not take all of it.
    let _ = connection.write_all(text.as_bytes());
    connection
}

/// Sends a request after which the connection ends, and returns what comes back.
pub(crate) fn exchange(address: SocketAddr, text: &str) -> String {
    let mut answer = Vec::new();
    // What it did not take, it may reset.
    let _ = send(address, text).read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn it_is_healthy_until_sigterm_and_then_ends_with_0() {
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
    assert!(said.contains("\"service stopped\""), "the last lines are written: {said}");
    let unhealthy = ask();
    assert_eq!(unhealthy.status.code(), Some(1));
    assert_eq!(text(&unhealthy.stderr).lines().count(), 1);
}
