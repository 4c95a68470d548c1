//! What a GET costs the service in CPU, beside a bare handler that makes the same call and does
//! nothing else.

use std::env;
use std::io;
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use actix_web::{App, HttpResponse, HttpServer, web};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;

use crate::given::{self, Server, TABLE};
use picus_testing::engine;
use picus_testing::otlp_sink;

const ROUNDS: usize = 20;
const REQUESTS: u32 = 4_000;

/// A share of requests that is traced, and the most that a request may then cost beside the bare
/// handler. Logs and metrics are always on.
const VARIANTS: [(&str, &str, f64); 3] =
    [("no traces", "0", 1.15), ("5 % traced", "0.05", 1.15), ("all traced", "1", 1.4)];

/// DynamoDB ends a page at 1 MB, and the benchmark's items have 200 bytes. Without a limit, the engine would read the
/// rest of the table for each page, which DynamoDB does not.
const ITEMS_OF_A_MEGABYTE: i32 = 5_000;

/// The calls of the SDK as they come, and nothing else.
#[actix_web::main]
pub(crate) async fn bare() -> io::Result<()> {
    let address = env::var("PICUS_ADDRESS").map_err(io::Error::other)?;
    let config = aws_config::from_env().load().await;
    let client = Client::new(&config);
    let get = async |client: web::Data<Client>, key: web::Path<String>| {
        let key = AttributeValue::S(key.into_inner());
        let call = client.get_item().table_name(TABLE).key("object_id", key).consistent_read(true);
        match call.send().await {
            Ok(output) if output.item.is_some() => HttpResponse::Ok().finish(),
            _ => HttpResponse::InternalServerError().finish(),
        }
    };
    let list = async |client: web::Data<Client>| {
        let scan = client.scan().table_name(TABLE).consistent_read(true).limit(ITEMS_OF_A_MEGABYTE);
        let mut pages = scan.into_paginator().send();
        while let Some(page) = pages.next().await {
            if page.is_err() {
                return HttpResponse::InternalServerError().finish();
            }
        }
        HttpResponse::Ok().finish()
    };
    HttpServer::new(move || {
        App::new()
            .app_data(web::Data::new(client.clone()))
            .route("/picus/get/{key}", web::get().to(get))
            .route("/picus/list", web::get().to(list))
            .default_service(web::to(HttpResponse::NotFound))
    })
    .workers(1)
    .bind(address)?
    .run()
    .await
}

/// Starts [`bare`] in a process of its own.
pub(crate) async fn start_bare(dynamodb: SocketAddr) -> io::Result<Server> {
    let mut program = Command::new(env::current_exe()?);
    program.arg("bare");
    Server::start(program, dynamodb, &[]).await
}

/// Measures all of them in turn, round by round. Tells whether every target was met.
pub(crate) async fn measure() -> io::Result<bool> {
    let dynamodb = engine::start().await;
    given::put_items(dynamodb, given::CLIENTS).await?;

    let bare = start_bare(dynamodb).await?;
    let collector = format!("http://{}", otlp_sink::start(Duration::ZERO)?);
    let mut variants = Vec::new();
    for (name, share, target) in VARIANTS {
        let program = Command::new(env!("CARGO_BIN_EXE_picus-service"));
        let settings = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.as_str()),
            ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
            ("OTEL_TRACES_SAMPLER_ARG", share),
        ];
        variants.push((name, Server::start(program, dynamodb, &settings).await?, target, vec![]));
    }
    let mut of_bare = Vec::new();
    // The first round only warms up.
    for round in 0..=ROUNDS {
        let plain = cost(&bare).await?;
        for (_, server, _, ratios) in &mut variants {
            let cost = cost(server).await?;
            if round > 0 {
                ratios.push(cost.as_secs_f64() / plain.as_secs_f64());
            }
        }
        of_bare.push(plain);
    }
    of_bare.sort();
    println!("bare handler: {:.1?} of CPU a request", of_bare[of_bare.len() / 2]);
    let mut reached = true;
    for (name, _, target, ratios) in &mut variants {
        ratios.sort_by(f64::total_cmp);
        let median = ratios[ratios.len() / 2];
        println!(
            "{name}: {median:.3} times that, {:.3} to {:.3} in {ROUNDS} rounds (target: {target})",
            ratios[0],
            ratios[ratios.len() - 1]
        );
        reached &= median <= *target;
    }
    Ok(reached)
}

/// The CPU that one request costs a server.
async fn cost(server: &Server) -> io::Result<Duration> {
    let before = server.cpu()?;
    server.gets(given::CLIENTS, REQUESTS).await?;
    Ok(server.cpu()?.saturating_sub(before) / REQUESTS)
}
