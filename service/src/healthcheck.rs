//! `--healthcheck`: what the container's health check runs, since the image has no curl.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(3);

/// Asks the service that listens on `port` of this machine: 0 if it is healthy, else 1.
pub(crate) fn ask(port: u16) -> ExitCode {
    match status_line(port) {
        Ok(line) if line.starts_with("HTTP/1.1 200 ") => ExitCode::SUCCESS,
        Ok(line) => {
            eprintln!("unhealthy: GET /health on port {port} answered {line:?}");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("unhealthy: GET /health on port {port}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn status_line(port: u16) -> io::Result<String> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut connection = TcpStream::connect_timeout(&address, TIMEOUT)?;
    connection.set_read_timeout(Some(TIMEOUT))?;
    connection.set_write_timeout(Some(TIMEOUT))?;
    write!(connection, "GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    connection.take(4096).read_to_end(&mut answer)?;
    let line = answer.split(|byte| *byte == b'\r').next().unwrap_or_default();
    Ok(String::from_utf8_lossy(line).into_owned())
}
