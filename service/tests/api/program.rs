//! The program as an operator and the container meet it.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Output, Stdio};

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

/// A running program; it ends with its test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn it_is_healthy_until_sigterm_and_then_ends_with_0() {
    let ports = [("PICUS_ADDRESS", "127.0.0.1:0"), ("OTEL_EXPORTER_PROMETHEUS_PORT", "0")];
    let child = program().envs(ports).stdout(Stdio::piped()).spawn().unwrap();
    let mut running = Running(child);
    let mut lines = BufReader::new(running.0.stdout.take().unwrap())
        .lines()
        .map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
    let address = lines.find_map(|line| Some(line["address"].as_str()?.to_owned())).unwrap();

    let ask = || run(program().arg("--healthcheck").env("PICUS_ADDRESS", &address));
    assert_eq!(ask().status.code(), Some(0));
    let taken = run(program().env("PICUS_ADDRESS", &address));
    assert_eq!(taken.status.code(), Some(1));
    assert!(
        text(&taken.stderr).contains("set PICUS_ADDRESS to another"),
        "{}",
        text(&taken.stderr)
    );

    let id = running.0.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    assert!(lines.any(|line| line["message"] == "service stopped"), "the last lines are written");
    assert_eq!(running.0.wait().unwrap().code(), Some(0));
    let unhealthy = ask();
    assert_eq!(unhealthy.status.code(), Some(1));
    assert_eq!(text(&unhealthy.stderr).lines().count(), 1);
}
