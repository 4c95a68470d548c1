//! Sends randomly changed requests and bodies. None may get a 500 or make a program panic, and each must get a
//! response or a closed connection in time.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use clap::Args;
use fastrand::Rng;
use picus_local::output::Output;
use picus_local::{Options, System};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time;

use crate::client::{Answer, Client};
use crate::context::{CampaignError, Context};
use crate::inputs;
use crate::ledger::item;
use crate::report::Report;

const CLIENTS: usize = 32;
/// If the service does not wait for more, its response begins within this time.
const ANSWER: Duration = Duration::from_millis(300);
/// Once begun, a response never pauses longer than this.
const SILENCE: Duration = Duration::from_millis(30);
/// Longer than service and load balancer wait for the rest of a request.
const PATIENCE: Duration = Duration::from_secs(30);
/// One in this many requests goes through the load balancer, which sends deletes to the handler.
const THROUGH_LOAD_BALANCER: u8 = 8;

#[derive(Args)]
pub(crate) struct Arguments {
    /// How many inputs are sent [default: 4000, or 1000000 at size large]
    #[arg(long)]
    inputs: Option<usize>,
}

/// Where inputs go, and the responses so far.
struct Target {
    service: SocketAddr,
    load_balancer: SocketAddr,
    id: String,
    /// Inputs still to be sent.
    left: AtomicUsize,
    statuses: [AtomicUsize; 6],
}

pub(crate) async fn run(context: &Context, arguments: &Arguments) -> Result<Report, CampaignError> {
    let inputs = context.count(arguments.inputs, 4000, 1_000_000);
    let mut rng = Rng::with_seed(context.seed);
    let mut report = Report::default();
    let (sent, mut lines) = mpsc::unbounded_channel();
    let output = Output::Sent(sent);
    let system = System::start(Options { output, ..context.options(1) }).await?;
    let panics = tokio::spawn(async move {
        let mut panics = Vec::new();
        while let Some((label, line)) = lines.recv().await {
            if line.contains("panic") && !line.contains("/picus/") {
                panics.push(format!("{label}: {line}"));
            }
        }
        panics
    });
    let Some(task) = system.tasks()[0].running().await else {
        return Err(CampaignError::NotStarted("the task has ended".to_owned()));
    };
    let put = Client::of(task.address).put(&item(1), None).await;
    let id = put.as_ref().and_then(Answer::object_id).unwrap_or_default();
    let target = Arc::new(Target {
        service: task.address,
        load_balancer: system.address(),
        id,
        left: AtomicUsize::new(inputs),
        statuses: Default::default(),
    });
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        clients.spawn(send_inputs(target.clone(), Rng::with_seed(rng.u64(..))));
    }
    for wrong in clients.join_all().await.into_iter().flatten() {
        report.fail(wrong);
    }
    let same = system.tasks()[0].running_now().is_some_and(|now| now.pid == task.pid);
    report.check(same, || "the service has ended".to_owned());
    let health = Client::of(task.address).send("GET", "/health", &[], "").await;
    report.check(health.is_some_and(|answer| answer.status == 200), || {
        "it is not healthy".to_owned()
    });
    system.stop().await;
    for panic in panics.await.unwrap_or_default() {
        report.fail(panic);
    }
    report.figure("inputs", inputs);
    let [closed, _, good, redirects, bad, failed] = &target.statuses;
    let count = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
    report.figure("answered 2xx", count(good));
    report.figure("answered 4xx", count(bad));
    report.figure("answered 3xx or 5xx", count(redirects) + count(failed));
    report.figure("closed without an answer", count(closed));
    Ok(report)
}

/// Sends inputs until none are left. Returns everything that went wrong.
async fn send_inputs(target: Arc<Target>, mut rng: Rng) -> Vec<String> {
    let mut wrong = Vec::new();
    while target
        .left
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
        .is_ok()
    {
        let is_body = rng.bool();
        let input = if is_body {
            put(&inputs::body(&mut rng))
        } else {
            inputs::request(&mut rng, &target.id)
        };
        let through = !is_body && rng.u8(..THROUGH_LOAD_BALANCER) == 0;
        let address = if through { target.load_balancer } else { target.service };
        let patience = if is_body { PATIENCE } else { ANSWER };
        let answer = time::timeout(PATIENCE, exchange(address, &input, patience)).await;
        let shown =
            || String::from_utf8_lossy(&input[..input.len().min(500)]).escape_debug().to_string();
        let Ok(Ok(answer)) = answer else {
            let what = if answer.is_err() { "hangs" } else { "can't be sent" };
            wrong.push(format!("{what}: {}", shown()));
            continue;
        };
        let statuses = statuses(&answer);
        let first = statuses.first().map_or(0, |status| usize::from(status / 100));
        target.statuses[first.min(5)].fetch_add(1, Ordering::Relaxed);
        // The load balancer knows transfer codings that it does not forward.
        if let Some(status) =
            statuses.iter().find(|status| **status >= 500 && !(through && **status == 501))
        {
            wrong.push(format!("{status} to: {}", shown()));
        }
        if is_body && first == 0 {
            wrong.push(format!("no answer to: {}", shown()));
        }
    }
    wrong
}

/// A put with a good head and this body.
fn put(body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST /picus/put HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// Sends the input and reads until nothing more comes. By then the other side has responded, or waits for more. Then
/// it closes its own side, and the other side must close the connection.
async fn exchange(address: SocketAddr, input: &[u8], patience: Duration) -> io::Result<Vec<u8>> {
    let (mut read, mut write) = TcpStream::connect(address).await?.into_split();
    let sending = async {
        // The other side may have closed already.
        let _ = write.write_all(input).await;
    };
    let mut answer = Vec::new();
    let taking = async {
        let mut patience = patience;
        // The connection may be reset after the response.
        while let Ok(Ok(1..)) = time::timeout(patience, read.read_buf(&mut answer)).await {
            patience = SILENCE;
        }
    };
    tokio::join!(sending, taking);
    // It may be closed already, here and below.
    let _ = write.shutdown().await;
    let _ = read.read_to_end(&mut answer).await;
    Ok(answer)
}

/// The statuses of all responses on a connection. No input contains a status line, so none can come back in a body.
fn statuses(answer: &[u8]) -> Vec<u16> {
    let text = String::from_utf8_lossy(answer);
    let codes =
        text.match_indices("HTTP/1.").filter_map(|(at, _)| text.get(at + 9..at + 12)?.parse().ok());
    codes.filter(|status| *status != 100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_over_a_connection_is_seen() {
        let answer =
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n{}HTTP/1.0 500 Internal\r\n\r\n";
        assert_eq!(statuses(answer), [200, 500]);
        assert!(statuses(b"{\"error\": \"HTTP/1.1HTTP/9.9\"}").is_empty());
    }
}
