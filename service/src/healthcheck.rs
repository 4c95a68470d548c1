//! `--healthcheck`: the container's health check. The image has no curl.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use picus_settings::complain;

const TIMEOUT: Duration = Duration::from_secs(3);

/// Asks the service at `address` on this machine. Returns 0 if it is healthy, otherwise 1.
pub(crate) fn ask(address: SocketAddr) -> ExitCode {
    let address = reachable(address);
    match status_line(address) {
        Ok(line) if line.starts_with("HTTP/1.1 200 ") => ExitCode::SUCCESS,
        Ok(line) => {
            complain(format_args!("unhealthy: GET /health on {address} answered {line:?}"));
            ExitCode::FAILURE
        }
        Err(error) => {
            complain(format_args!("unhealthy: GET /health on {address}: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// A service that listens on every address is asked on the loopback address.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

fn status_line(address: SocketAddr) -> io::Result<String> {
    let mut connection = TcpStream::connect_timeout(&address, TIMEOUT)?;
    connection.set_read_timeout(Some(TIMEOUT))?;
    connection.set_write_timeout(Some(TIMEOUT))?;
    write!(connection, "GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    connection.take(4096).read_to_end(&mut answer)?;
    let line = answer.split(|byte| *byte == b'\r').next().unwrap_or_default();
    Ok(String::from_utf8_lossy(line).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_health_check_uses_the_services_address() {
        for (listens, asked) in [
            ("0.0.0.0:8080", "127.0.0.1:8080"),
            ("[::]:8080", "[::1]:8080"),
            ("10.1.2.3:80", "10.1.2.3:80"),
        ] {
            assert_eq!(reachable(listens.parse().unwrap()), asked.parse().unwrap(), "{listens}");
        }
    }
}
