//! The cold start: from the program's exec to its first request for work, and the program's size.
//! `cargo bench -p picus-delete-handler` fails when either is over its target.

use std::io::{self, Read as _};
use std::net::TcpListener;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

const PROGRAM: &str = env!("CARGO_BIN_EXE_picus-delete-handler");
const STARTS: usize = 20;
const MAX_START: Duration = Duration::from_millis(30);
const MAX_BYTES: u64 = 12_000_000;

fn main() -> io::Result<ExitCode> {
    let mut starts = (0..STARTS).map(|_| start()).collect::<io::Result<Vec<_>>>()?;
    starts.sort();
    let median = starts[STARTS / 2];
    let bytes = std::fs::metadata(PROGRAM)?.len();
    println!(
        "cold start: median {median:.1?}, {:.1?} to {:.1?}, of {STARTS} (target: {MAX_START:?})",
        starts[0],
        starts[STARTS - 1]
    );
    println!("size: {bytes} bytes (target: {MAX_BYTES})");
    let reached = median < MAX_START && bytes < MAX_BYTES;
    Ok(if reached { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Starts the program as Lambda does, and waits until it asks for work.
fn start() -> io::Result<Duration> {
    let runtime_api = TcpListener::bind("127.0.0.1:0")?;
    let mut program = Command::new(PROGRAM);
    program
        .env_clear()
        .env("AWS_LAMBDA_RUNTIME_API", runtime_api.local_addr()?.to_string())
        .env("AWS_LAMBDA_FUNCTION_NAME", "picus-delete")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
        .env("AWS_REGION", "eu-central-1")
        .env("AWS_ACCESS_KEY_ID", "none")
        .env("AWS_SECRET_ACCESS_KEY", "none")
        .stdout(Stdio::null());
    let started = Instant::now();
    let mut child = program.spawn()?;
    let (mut connection, _) = runtime_api.accept()?;
    let mut request = [0; 64];
    let read = connection.read(&mut request)?;
    let taken = started.elapsed();
    child.kill()?;
    child.wait()?;
    assert!(request[..read].starts_with(b"GET /2018-06-01/runtime/invocation/next "));
    Ok(taken)
}
