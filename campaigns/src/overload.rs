//! Clients send twice as much as the service can do, and retry, and DynamoDB fails for a while. Afterwards, the
//! service must do as much as before.

use std::time::Duration;

use clap::Args;
use fastrand::Rng;
use picus_local::System;
use picus_local::dynamodb::DynamoDbFault;
use picus_testing::control_group::ControlGroup;
use tokio::task::JoinSet;
use tokio::time::{self, Instant};

use crate::client::Client;
use crate::context::{CampaignError, Context, Size};
use crate::load::{self, Load};
use crate::report::{Report, rounded};

/// Enough clients, each waiting for a response, to keep the service busy.
const SATURATING: usize = 32;
const ITEMS: usize = 100;
/// How long clients wait for a response.
const PATIENCE: Duration = Duration::from_secs(2);
/// The goodput after the fault, at least, as a share of the goodput before. At size small, no times are judged.
const LEAST_AFTER: f64 = 0.95;
/// The memory of a task, without what the collector may have.
const BYTES: u64 = 362 << 20;

#[derive(Args)]
pub(crate) struct Arguments {
    /// How many seconds DynamoDB fails [default: 2, or 60 at size large]
    #[arg(long)]
    seconds: Option<usize>,
    /// Requests per second [default: twice what the service can do]
    #[arg(long)]
    rate: Option<u32>,
    /// How often a client sends a request at most
    #[arg(long, default_value_t = 3)]
    tries: u32,
    /// The service's share of a CPU, in percent [default: all]
    #[arg(long)]
    cpu: Option<u32>,
    /// A variable of the service's, such as `PICUS_MAX_IN_FLIGHT=100000`
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    env: Vec<(String, String)>,
}

fn variable(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text.split_once('=').ok_or("it must be NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

pub(crate) async fn run(context: &Context, arguments: &Arguments) -> Result<Report, CampaignError> {
    let seconds = Duration::from_secs(context.count(arguments.seconds, 2, 60) as u64);
    let recovery = Duration::from_secs(context.count(None, 2, 10) as u64);
    let mut rng = Rng::with_seed(context.seed);
    let mut report = Report::default();
    let mut options = context.options(1);
    options.environment.extend(arguments.env.iter().cloned());
    let group = arguments.cpu.map(|cpu| ControlGroup::new(BYTES, cpu)).transpose();
    let group = match group {
        Ok(group) => group,
        Err(error) => {
            report.skip(format!("this machine has no control group (version 1) to write: {error}"));
            return Ok(report);
        }
    };
    if let Some(group) = &group {
        options.executable = group.executable(&context.picus)?;
    }
    let system = System::start(options).await?;
    let pid = system.tasks()[0].running().await.map(|task| task.pid);
    let client = Client::of(system.address());
    let ids = load::fill(&client, ITEMS, 100).await;
    let most = saturate(&client, &ids, seconds).await;
    let rate = arguments.rate.map_or(2.0 * most, f64::from);
    let load = Load { rate, patience: PATIENCE, tries: arguments.tries, ids };
    let mut before = load::send(&client, &load, &mut rng, seconds).await;
    system.dynamodb_fault(Some(DynamoDbFault::Fails(1)));
    let during = load::send(&client, &load, &mut rng, seconds).await;
    system.dynamodb_fault(None);
    load::send(&client, &load, &mut rng, recovery).await;
    let mut after = load::send(&client, &load, &mut rng, seconds).await;
    let same = system.tasks()[0].running_now().map(|task| task.pid) == pid;
    report.check(same, || "the task has ended".to_owned());
    system.stop().await;
    let ratio = after.goodput() / before.goodput();
    report.check(before.good() > 0 && after.good() > 0, || "nothing is answered well".to_owned());
    report.check(context.size == Size::Small || ratio >= LEAST_AFTER, || {
        format!("goodput after the fault is {ratio:.2} of what it was")
    });
    for outcomes in [&before, &during, &after] {
        // All requests are valid. They may be refused or fail, but a 4xx is wrong.
        let bad = outcomes.failed().iter().find(|status| (300..500).contains(*status));
        report.check(bad.is_none(), || format!("a good request got {bad:?}"));
    }
    report.figure("seconds of the fault", seconds.as_secs());
    report.figure("the most that is done a second, by clients that wait", rounded(most));
    report.figure("asked for a second", rounded(rate));
    report.figure("done a second before the fault", rounded(before.goodput()));
    report.figure("refusals before it", before.refused());
    report.figure("their 99th percentile in ms", rounded(before.refused_quantile_ms(99)));
    report.figure("done a second during it", rounded(during.goodput()));
    report.figure("done a second after it", rounded(after.goodput()));
    report.figure("done after it, to before", rounded(ratio));
    report.figure("99th percentile in ms after it", rounded(after.quantile_ms(99)));
    Ok(report)
}

/// The goodput of clients that send again as soon as they have a response.
async fn saturate(client: &Client, ids: &[String], length: Duration) -> f64 {
    let until = Instant::now() + length;
    let mut clients = JoinSet::new();
    for number in 0..SATURATING {
        let (client, ids) = (client.clone(), ids.to_vec());
        clients.spawn(async move {
            let mut good = 0;
            for id in ids.iter().cycle().skip(number) {
                if Instant::now() > until {
                    break;
                }
                match client.get(id).await {
                    Some(answer) if answer.status == 200 => good += 1,
                    _ => time::sleep(Duration::from_millis(10)).await,
                }
            }
            good
        });
    }
    f64::from(clients.join_all().await.into_iter().sum::<u32>()) / length.as_secs_f64()
}
