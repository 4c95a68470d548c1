//! The service's memory: under load, also with a collector that is gone, and while it lists a million
//! items; and how fast it lists them.

use std::io;
use std::process::Command;
use std::time::Instant;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use crate::get;
use crate::given::{Server, TABLE};
use picus_testing::engine;

const MAX_UNDER_LOAD: u64 = 40_000_000;
const MAX_GROWTH: u64 = 16_000_000;
/// The least rate of a list, beside a loop over the pages of the same table that answers nothing.
const LEAST_RATE: f64 = 0.8;
const ROUNDS: usize = 5;
const ITEMS: usize = 1_000_000;
const ITEM_BYTES: usize = 200;
/// What DynamoDB takes in one call.
const BATCH: usize = 25;

/// Measures, and tells whether every target was met.
pub(crate) async fn measure() -> io::Result<bool> {
    let dynamodb = engine::start().await;
    let client = Client::new(&engine::sdk_config(dynamodb).await);
    let program = Command::new(env!("CARGO_BIN_EXE_picus-service"));
    // Every request is traced, and nobody takes the spans.
    let nobody = [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")];
    let server = Server::start(program, dynamodb, &nobody).await?;

    load(&server).await?;
    let (before, peak) = server.memory()?;
    println!("memory under load, all traced, no collector: {}", against(peak, MAX_UNDER_LOAD));
    let mut reached = peak < MAX_UNDER_LOAD;

    println!("writing {ITEMS} items");
    fill(&client).await?;
    let bare = get::start_bare(dynamodb).await?;
    let mut rates = Vec::new();
    let mut listed = 0;
    // The first round only warms up.
    for round in 0..=ROUNDS {
        let begun = Instant::now();
        list(&bare).await?;
        let between = Instant::now();
        listed = list(&server).await?;
        assert!(listed > ITEMS * ITEM_BYTES, "the whole list");
        if round > 0 {
            rates.push((between - begun).as_secs_f64() / between.elapsed().as_secs_f64());
        }
    }
    rates.sort_by(f64::total_cmp);
    let rate = rates[ROUNDS / 2];
    println!(
        "a list of {ITEMS} items: {rate:.2} times the rate of a bare Scan loop (target: {LEAST_RATE})"
    );
    let (_, peak) = server.memory()?;
    let growth = peak.saturating_sub(before);
    println!("more for a list of {listed} bytes: {}", against(growth, MAX_GROWTH));
    reached &= growth < MAX_GROWTH && rate >= LEAST_RATE;
    Ok(reached)
}

fn against(bytes: u64, target: u64) -> String {
    format!("{} kB at most (target: {} kB)", bytes / 1000, target / 1000)
}

/// Puts and gets items, many at a time.
async fn load(server: &Server) -> io::Result<()> {
    let http = reqwest::Client::new();
    let puts = (0..20_000).map(|n| {
        let put = http.post(server.url("/picus/put")).header("content-type", "application/json");
        let body = format!("{{\"n\":{n},\"text\":\"{}\"}}", "x".repeat(1000));
        let get = http.get(server.url("/picus/get/none"));
        async move {
            assert_eq!(put.body(body).send().await?.status(), 201);
            assert_eq!(get.send().await?.status(), 404);
            Ok::<_, reqwest::Error>(())
        }
    });
    stream::iter(puts).buffer_unordered(64).try_collect::<()>().await.map_err(io::Error::other)
}

/// Writes the items past the service, which is not what is measured here.
async fn fill(client: &Client) -> io::Result<()> {
    let batches = (0..ITEMS / BATCH).map(|batch| {
        let puts = (0..BATCH).map(|n| {
            let id = format!("{:036}", batch * BATCH + n);
            let text = "x".repeat(ITEM_BYTES - id.len() - "object_id".len() - "text".len());
            let put = PutRequest::builder()
                .item("object_id", AttributeValue::S(id))
                .item("text", AttributeValue::S(text))
                .build()
                .expect("it has an item");
            WriteRequest::builder().put_request(put).build()
        });
        let call = client.batch_write_item().request_items(TABLE, puts.collect());
        async move { call.send().await.map(|_| ()) }
    });
    stream::iter(batches).buffer_unordered(4).try_collect::<()>().await.map_err(io::Error::other)
}

/// Reads the whole answer and keeps none of it. Returns how many bytes it has.
async fn list(server: &Server) -> io::Result<usize> {
    let response = reqwest::get(server.url("/picus/list")).await.map_err(io::Error::other)?;
    let sizes = response.bytes_stream().map_ok(|chunk| chunk.len());
    let bytes = sizes.try_fold(0, async |sum, size| Ok(sum + size)).await;
    let bytes = bytes.map_err(io::Error::other)?;
    Ok(bytes)
}
