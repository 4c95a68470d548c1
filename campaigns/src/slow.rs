//! Some clients send a body one byte at a time, and others ask for a list and never read it. At another time, one route
//! is slow and has many clients. Meanwhile, other clients must get the same responses as without them.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;
use fastrand::Rng;
use picus_local::System;
use picus_local::dynamodb::DynamoDbFault;
use picus_local::memory::resident_bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time;

use crate::client::Client;
use crate::context::{CampaignError, Context, Size};
use crate::load::{self, Load, Outcomes};
use crate::report::Report;

/// A list of nine megabytes, which is more than a connection's buffers hold.
const ITEMS: usize = 30;
const ITEM_BYTES: usize = 300_000;
/// Items for the other clients.
const SMALL_ITEMS: usize = 20;
/// After this time, all slow clients are there. After the same time without them, no trace of them is left.
const BEGINNING: Duration = Duration::from_secs(5);
/// The least goodput of the others, as a share, at size large. At size small, no times are judged.
const LEAST_GOODPUT: f64 = 0.95;
/// The clients of the slow route, which ask again and again.
const LISTING: usize = 300;
/// How much longer DynamoDB takes for their requests. It is less than what the service waits for it.
const SLOW: Duration = Duration::from_millis(1500);
/// After this time, all of them are there.
const LISTING_BEGINNING: Duration = Duration::from_secs(2);

#[derive(Args)]
pub(crate) struct Arguments {
    /// How many clients send a body slowly [default: 400]
    #[arg(long)]
    senders: Option<usize>,
    /// How many clients ask for a list and don't read it [default: 256]
    #[arg(long)]
    readers: Option<usize>,
    /// How often the others are measured, with slow clients and without [default: 1, or 5 at size large]
    #[arg(long)]
    turns: Option<usize>,
    /// Requests per second of the others [default: 50]
    #[arg(long)]
    rate: Option<u32>,
}

pub(crate) async fn run(context: &Context, arguments: &Arguments) -> Result<Report, CampaignError> {
    let turns = context.count(arguments.turns, 1, 5);
    let senders = arguments.senders.unwrap_or(400);
    let readers = arguments.readers.unwrap_or(256);
    let rate = arguments.rate.unwrap_or(50);
    let length = Duration::from_secs(context.count(None, 3, 20) as u64);
    let mut rng = Rng::with_seed(context.seed);
    let mut report = Report::default();
    let system = System::start(context.options(1)).await?;
    // Without the load balancer, which might keep some of this away from the service.
    let Some(task) = system.tasks()[0].running().await else {
        return Err(CampaignError::NotStarted("the task has ended".to_owned()));
    };
    let client = Client::of(task.address);
    let ids = load::fill(&client, SMALL_ITEMS, 100).await;
    load::fill(&client, ITEMS, ITEM_BYTES).await;
    let load = Load {
        rate: f64::from(rate),
        patience: Duration::from_secs(5),
        tries: 1,
        budget: 0.0,
        ids,
    };
    let [mut without, mut beside, mut with] = std::array::from_fn(|_| Outcomes::default());
    let mut memory = 0;
    for turn in 0..turns {
        if turn > 0 {
            // Until nothing is left of the last turn's slow clients.
            time::sleep(BEGINNING).await;
        }
        without.add(load::send(&client, &load, &mut rng, length).await);
        system.dynamodb_fault(Some(DynamoDbFault::SlowOperation("Scan", SLOW)));
        let mut listing = JoinSet::new();
        (0..LISTING).for_each(|_| drop(listing.spawn(list(client.clone(), rng.fork()))));
        time::sleep(LISTING_BEGINNING).await;
        beside.add(load::send(&client, &load, &mut rng, length).await);
        listing.shutdown().await;
        system.dynamodb_fault(None);
        let mut slow = JoinSet::new();
        (0..senders).for_each(|_| drop(slow.spawn(send_slowly(task.address, rng.fork()))));
        (0..readers).for_each(|_| drop(slow.spawn(take_nothing(task.address, rng.fork()))));
        time::sleep(BEGINNING).await;
        with.add(load::send(&client, &load, &mut rng, length).await);
        memory = memory.max(resident_bytes(task.pid).unwrap_or_default());
        slow.shutdown().await;
    }
    let same = system.tasks()[0].running_now().is_some_and(|now| now.pid == task.pid);
    report.check(same, || "the task has ended".to_owned());
    system.stop().await;
    report.figure("slow senders", senders);
    report.figure("stalled readers", readers);
    report.figure("clients of a slow route", LISTING);
    for (name, outcomes) in [
        ("others without them", &without),
        ("others beside a slow route", &beside),
        ("others beside slow clients", &with),
    ] {
        let failed = outcomes.failed();
        report.check(failed.is_empty(), || format!("{}, {name}: {failed:?}", failed.len()));
        let ratio = outcomes.goodput() / without.goodput();
        report.check(context.size == Size::Small || ratio >= LEAST_GOODPUT, || {
            format!("goodput is {ratio:.2} of what it was, {name}")
        });
        let [median, most] = [50, 99].map(|percent| outcomes.quantile_ms(percent));
        let good = outcomes.good();
        report.figure(
            name,
            format!("{good} good, {ratio:.2} of the goodput, median {median:.1} ms, 99th percentile {most:.1} ms"),
        );
    }
    report.figure("memory of the task in MB, beside slow clients", memory >> 20);
    Ok(report)
}

/// Repeatedly asks for a page of a list.
async fn list(client: Client, mut rng: Rng) {
    loop {
        let answer = client.send("GET", "/picus/list?limit=10", &[], "").await;
        if answer.is_none_or(|answer| answer.status != 200) {
            // As long as a refusal asks for.
            time::sleep(Duration::from_millis(1000 + rng.u64(..1000))).await;
        }
    }
}

/// Repeatedly begins a put, and sends one byte of it now and then.
async fn send_slowly(address: SocketAddr, mut rng: Rng) {
    const HEAD: &str = "POST /picus/put HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
                        Content-Length: 1000\r\n\r\n{";
    loop {
        // So that they don't all begin at once.
        pause(&mut rng).await;
        let Ok(mut connection) = connect(address, HEAD).await else { continue };
        // The service ends it after a while.
        while connection.write_all(b" ").await.is_ok() {
            pause(&mut rng).await;
        }
    }
}

/// Repeatedly asks for a list and reads nothing, until the service closes.
async fn take_nothing(address: SocketAddr, mut rng: Rng) {
    loop {
        pause(&mut rng).await;
        let Ok(mut connection) =
            connect(address, "GET /picus/list HTTP/1.1\r\nHost: x\r\n\r\n").await
        else {
            continue;
        };
        // Longer than the service allows a client to stall.
        time::sleep(Duration::from_secs(15)).await;
        // The connection may have been reset.
        let _ = connection.read(&mut [0]).await;
    }
}

async fn pause(rng: &mut Rng) {
    time::sleep(Duration::from_millis(rng.u64(0..1500))).await;
}

/// A connection on which this text has been sent, with a small receive buffer.
async fn connect(address: SocketAddr, text: &str) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(4096)?;
    let mut connection = socket.connect(address).await?;
    connection.write_all(text.as_bytes()).await?;
    Ok(connection)
}
