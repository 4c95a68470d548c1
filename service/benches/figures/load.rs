//! What a GET costs at several numbers of clients, beside the bare handler: reads that come at once are gathered in one
//! call.

use std::io;
use std::process::Command;
use std::time::Duration;

use picus_testing::{engine, otlp_sink};

use crate::get;
use crate::given::{self, Server};

const ROUNDS: usize = 11;
const REQUESTS: u32 = 6_400;

/// A number of clients; the most CPU that a request may cost, and the most that half of the requests may take, both
/// beside the bare handler.
const TARGETS: [(u32, f64, Option<f64>); 3] =
    [(1, 1.10, Some(1.03)), (8, 1.10, Some(1.03)), (64, 1.0 / 3.0, None)];

/// Logs, metrics and traces are on. Tells whether every target was met.
pub(crate) async fn measure() -> io::Result<bool> {
    let dynamodb = engine::start().await;
    let most = TARGETS.iter().map(|(clients, ..)| *clients).max().unwrap_or_default();
    given::put_items(dynamodb, most).await?;
    let bare = get::start_bare(dynamodb).await?;
    let collector = format!("http://{}", otlp_sink::start(Duration::ZERO)?);
    let settings = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.as_str()),
        ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
        ("OTEL_TRACES_SAMPLER_ARG", "0.05"),
    ];
    let program = Command::new(env!("CARGO_BIN_EXE_picus-service"));
    let service = Server::start(program, dynamodb, &settings).await?;
    let mut reached = true;
    for (clients, most_cpu, most_time) in TARGETS {
        let (mut cpu, mut time) = (Vec::new(), Vec::new());
        // The first round only warms up.
        for round in 0..=ROUNDS {
            let (plain, ours) = (cost(&bare, clients).await?, cost(&service, clients).await?);
            if round > 0 {
                cpu.push(ours.0.as_secs_f64() / plain.0.as_secs_f64());
                time.push(ours.1.as_secs_f64() / plain.1.as_secs_f64());
            }
        }
        let (cpu, time) = (median(cpu), median(time));
        let limit = most_time.map_or("none".to_owned(), |most| most.to_string());
        println!(
            "{clients} clients: {cpu:.3} times the bare handler's CPU a request (target: {most_cpu:.3}), \
             {time:.3} times its p50 (target: {limit})"
        );
        reached &= cpu <= most_cpu && most_time.is_none_or(|most| time <= most);
    }
    Ok(reached)
}

/// The CPU that one request costs a server, and the time that half of them take at most.
async fn cost(server: &Server, clients: u32) -> io::Result<(Duration, Duration)> {
    let before = server.cpu()?;
    let took = server.gets(clients, REQUESTS).await?;
    Ok((server.cpu()?.saturating_sub(before) / REQUESTS, took[took.len() / 2]))
}

fn median(mut ratios: Vec<f64>) -> f64 {
    ratios.sort_by(f64::total_cmp);
    ratios[ratios.len() / 2]
}
