//! Clients that send a body a byte now and then, and clients that ask for a list and don't take it. What
//! others ask for is answered as it is without them.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;
use fastrand::Rng;
use picus_local::System;
use picus_local::memory::resident_bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time;

use crate::client::Client;
use crate::context::{CampaignError, Context, Size};
use crate::load::{self, Load, Outcomes};
use crate::report::{Report, rounded};

/// A list of nine megabytes: more than the buffers of a connection take.
const ITEMS: usize = 30;
const ITEM_BYTES: usize = 300_000;
/// What others get.
const SMALL_ITEMS: usize = 20;
/// So long after the slow ones have begun, they are all there; and so long after they have gone, nothing is left of
/// them.
const BEGINNING: Duration = Duration::from_secs(5);
/// The most that others may lose of their goodput at size large. A size that the gate runs judges no time.
const LEAST_GOODPUT: f64 = 0.9;

#[derive(Args)]
pub(crate) struct Arguments {
    /// How many clients send a body slowly [default: 400]
    #[arg(long)]
    senders: Option<usize>,
    /// How many clients don't take a list [default: 256]
    #[arg(long)]
    readers: Option<usize>,
    /// How many times others are measured with the slow ones and without [default: 1, or 5 at size large]
    #[arg(long)]
    turns: Option<usize>,
    /// What others send a second [default: 50]
    #[arg(long)]
    rate: Option<u32>,
}

pub(crate) async fn run(context: &Context, arguments: &Arguments) -> Result<Report, CampaignError> {
    let turns = context.count(arguments.turns, 1, 5);
    let senders = arguments.senders.unwrap_or(400);
    let readers = arguments.readers.unwrap_or(256);
    let rate = arguments.rate.unwrap_or(50);
    let length = Duration::from_secs(context.count(None, 4, 20) as u64);
    let mut rng = Rng::with_seed(context.seed);
    let mut report = Report::default();
    let system = System::start(context.options(1)).await?;
    // Past the load balancer, which might keep some of it from the service.
    let Some(task) = system.tasks()[0].running().await else {
        return Err(CampaignError::NotStarted("the task has ended".to_owned()));
    };
    let client = Client::of(task.address);
    let ids = load::fill(&client, SMALL_ITEMS, 100).await;
    load::fill(&client, ITEMS, ITEM_BYTES).await;
    let load = Load { rate: f64::from(rate), patience: Duration::from_secs(5), tries: 1, ids };
    let (mut without, mut with) = (Outcomes::default(), Outcomes::default());
    let mut memory = 0;
    for _ in 0..turns {
        without.add(load::send(&client, &load, &mut rng, length).await);
        let mut slow = JoinSet::new();
        (0..senders).for_each(|_| drop(slow.spawn(send_slowly(task.address, rng.fork()))));
        (0..readers).for_each(|_| drop(slow.spawn(take_nothing(task.address, rng.fork()))));
        time::sleep(BEGINNING).await;
        with.add(load::send(&client, &load, &mut rng, length).await);
        memory = memory.max(resident_bytes(task.pid).unwrap_or_default());
        slow.shutdown().await;
        time::sleep(BEGINNING).await;
    }
    let same = system.tasks()[0].running_now().is_some_and(|now| now.pid == task.pid);
    report.check(same, || "the task has ended".to_owned());
    system.stop().await;
    for (name, outcomes) in [("without", &without), ("with", &with)] {
        report.check(outcomes.failed().is_empty(), || {
            let failed = outcomes.failed();
            format!(
                "{} of the others' requests failed {name} the slow ones: {failed:?}",
                failed.len()
            )
        });
    }
    let ratio = with.goodput() / without.goodput();
    report.check(context.size == Size::Small || ratio >= LEAST_GOODPUT, || {
        format!("others' goodput fell to {ratio:.2} of what it was")
    });
    report.figure("slow senders", senders);
    report.figure("stalled readers", readers);
    report.figure("others' requests without them", without.good());
    report.figure("others' requests with them", with.good());
    report.figure("others' goodput, with to without", rounded(ratio));
    report.figure("their median in ms, without", rounded(without.quantile_ms(50)));
    report.figure("their median in ms, with", rounded(with.quantile_ms(50)));
    report.figure("their 99th percentile in ms, without", rounded(without.quantile_ms(99)));
    report.figure("their 99th percentile in ms, with", rounded(with.quantile_ms(99)));
    report.figure("memory of the task in MB, with", memory >> 20);
    Ok(report)
}

/// Begins a put, and sends a byte of it now and then; again and again.
async fn send_slowly(address: SocketAddr, mut rng: Rng) {
    const HEAD: &str = "POST /picus/put HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
                        Content-Length: 1000\r\n\r\n{";
    loop {
        // They don't begin all at once.
        pause(&mut rng).await;
        let Ok(mut connection) = connect(address, HEAD).await else { continue };
        // The service ends it by and by.
        while connection.write_all(b" ").await.is_ok() {
            pause(&mut rng).await;
        }
    }
}

/// Asks for a list, and takes none of it for as long as the service bears it; again and again.
async fn take_nothing(address: SocketAddr, mut rng: Rng) {
    loop {
        pause(&mut rng).await;
        let Ok(mut connection) =
            connect(address, "GET /picus/list HTTP/1.1\r\nHost: x\r\n\r\n").await
        else {
            continue;
        };
        // Longer than the service lets a client stall.
        time::sleep(Duration::from_secs(15)).await;
        // It is reset or not.
        let _ = connection.read(&mut [0]).await;
    }
}

async fn pause(rng: &mut Rng) {
    time::sleep(Duration::from_millis(rng.u64(0..1500))).await;
}

/// A connection over which this was sent, whose client takes little at once.
async fn connect(address: SocketAddr, text: &str) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(4096)?;
    let mut connection = socket.connect(address).await?;
    connection.write_all(text.as_bytes()).await?;
    Ok(connection)
}
