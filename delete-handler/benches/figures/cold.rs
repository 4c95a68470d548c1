//! The first delete of a cold function, over TLS and with the CPU of a function of 256 MB, with a connection that was
//! opened at start and without.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use picus_testing::control_group::ControlGroup;
use picus_testing::runtime_api::RuntimeApi;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::{EVENT, PROGRAM, as_lambda};

const STARTS: usize = 100;
const BYTES: u64 = 256 << 20;
/// Lambda gives a function of 1,769 MB one CPU, and others in proportion (AWS Lambda Developer Guide, "Configure
/// Lambda function memory"). At start a function has more.
const CPU_PERCENT: u32 = 14;
const CPU_PERCENT_AT_START: u32 = 100;
const LEAST_GAIN: f64 = 3.0;

/// Tells whether the target was met.
pub(crate) async fn measure(dynamodb: SocketAddr) -> io::Result<bool> {
    let group = match ControlGroup::new(BYTES, CPU_PERCENT_AT_START) {
        Ok(group) => group,
        Err(error) => {
            println!(
                "the first delete: not measured, for there is no control group (version 1): {error}"
            );
            return Ok(true);
        }
    };
    let folder = tempfile::tempdir()?;
    let roots = folder.path().join("roots.pem");
    let endpoint = format!("https://localhost:{}", tls(dynamodb, &roots).await?.port());
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        for (seconds, times) in [("0.5", &mut with), ("0", &mut without)] {
            let mut api = RuntimeApi::start().await;
            group.limit_cpu(CPU_PERCENT_AT_START)?;
            let mut program = as_lambda(Command::from(group.command(Path::new(PROGRAM))), &api);
            let _child = program
                .env("AWS_ENDPOINT_URL_DYNAMODB", &endpoint)
                .env("SSL_CERT_FILE", &roots)
                .env("PICUS_WARM_UP_SECONDS", seconds)
                .spawn()?;
            api.polled().await;
            group.limit_cpu(CPU_PERCENT)?;
            let given = Instant::now();
            api.invoke(EVENT).await;
            times.push(given.elapsed());
        }
    }
    let (with, without) = (of_99(&mut with), of_99(&mut without));
    let gain = without.as_secs_f64() / with.as_secs_f64();
    println!(
        "the first delete, 99th percentile of {STARTS}, in 0.{CPU_PERCENT} CPU over TLS: {with:.1?}, and {without:.1?} \
         without a connection from the start: {gain:.1} times (target: {LEAST_GAIN})"
    );
    Ok(gain >= LEAST_GAIN)
}

fn of_99(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() * 99 / 100 - 1]
}

/// Serves DynamoDB over TLS. A file with its certificate, and the machine's own, is written to `roots`: a function
/// reads as many when it connects.
async fn tls(dynamodb: SocketAddr, roots: &Path) -> io::Result<SocketAddr> {
    let [key, certificate] = ["key", "certificate"].map(|name| roots.with_extension(name));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"])
        .args(["-days", "1", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"])
        .args([Path::new("-keyout"), &key, Path::new("-out"), &certificate])
        .stderr(Stdio::null())
        .status()
        .await?;
    assert!(made.success(), "openssl makes a certificate");
    let known = fs::read_to_string("/etc/ssl/certs/ca-certificates.crt").unwrap_or_default();
    fs::write(roots, known + &fs::read_to_string(&certificate)?)?;
    let certificate = CertificateDer::from_pem_file(certificate).map_err(io::Error::other)?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(io::Error::other)?;
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .map_err(io::Error::other)?;
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let mut client = acceptor.accept(client).await?;
                let mut server = TcpStream::connect(dynamodb).await?;
                tokio::io::copy_bidirectional(&mut client, &mut server).await
            });
        }
    });
    Ok(address)
}
