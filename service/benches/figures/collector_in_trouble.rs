//! What a request feels of a collector that is gone, slow, or hangs, beside one that is well: nothing.

use std::io;
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use crate::given::{self, Server};
use picus_testing::engine;
use picus_testing::otlp_sink;

const ROUNDS: usize = 20;
const REQUESTS: u32 = 4_000;
const MAX_MEMORY: u64 = 40_000_000;
/// The most that the median and the 99th percentile may be of what they are with a collector that is
/// well. The second is for the machine's noise, which the percentile has more of.
const MAX_MEDIAN: f64 = 1.1;
const MAX_P99: f64 = 1.25;

struct Variant {
    name: &'static str,
    server: Server,
    medians: Vec<f64>,
    p99s: Vec<f64>,
}

/// Measures all of them in turn, round by round, every request traced. Tells whether every target was met.
pub(crate) async fn measure() -> io::Result<bool> {
    let dynamodb = engine::start().await;
    given::put_items(dynamodb, given::CLIENTS).await?;
    let collector = |delay| async move { Ok::<_, io::Error>(otlp_sink::start(delay)?.to_string()) };
    let well = start(dynamodb, &collector(Duration::ZERO).await?).await?;
    let mut variants = Vec::new();
    for (name, address) in [
        ("gone", "127.0.0.1:9".to_owned()),
        ("slow", collector(Duration::from_secs(1)).await?),
        ("hanging", collector(Duration::from_hours(1)).await?),
    ] {
        let server = start(dynamodb, &address).await?;
        variants.push(Variant { name, server, medians: vec![], p99s: vec![] });
    }

    // The first round only warms up.
    for round in 0..=ROUNDS {
        let with_well = well.gets(given::CLIENTS, REQUESTS).await?;
        for variant in &mut variants {
            let took = variant.server.gets(given::CLIENTS, REQUESTS).await?;
            if round > 0 {
                variant.medians.push(ratio(&took, &with_well, 50));
                variant.p99s.push(ratio(&took, &with_well, 99));
            }
        }
    }
    let mut reached = true;
    for variant in &mut variants {
        let (median, p99) = (middle(&mut variant.medians), middle(&mut variant.p99s));
        let (_, memory) = variant.server.memory()?;
        println!(
            "collector {}: median {median:.3} times (target: {MAX_MEDIAN}), 99th percentile {p99:.3} times \
             (target: {MAX_P99}) what they are with one that is well; {} kB at most (target: {} kB)",
            variant.name,
            memory / 1000,
            MAX_MEMORY / 1000,
        );
        reached &= median <= MAX_MEDIAN && p99 <= MAX_P99 && memory < MAX_MEMORY;
    }
    Ok(reached)
}

async fn start(dynamodb: SocketAddr, collector: &str) -> io::Result<Server> {
    let program = Command::new(env!("CARGO_BIN_EXE_picus-service"));
    let collector = format!("http://{collector}");
    Server::start(program, dynamodb, &[("OTEL_EXPORTER_OTLP_ENDPOINT", &collector)]).await
}

/// A percentile of `took` in terms of the same of `others`; both are sorted and of one length.
fn ratio(took: &[Duration], others: &[Duration], percentile: usize) -> f64 {
    let at = took.len() * percentile / 100;
    took[at].as_secs_f64() / others[at].as_secs_f64()
}

fn middle(ratios: &mut [f64]) -> f64 {
    ratios.sort_by(f64::total_cmp);
    ratios[ratios.len() / 2]
}
