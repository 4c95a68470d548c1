//! The heaviest requests that are known, to a service that has a task's memory and CPU: the system does not end it.

use std::time::Duration;

use clap::Args;
use picus_local::{Options, System};
use picus_testing::control_group::ControlGroup;
use picus_testing::heavy;
use tokio::time;

use crate::client::Client;
use crate::context::{CampaignError, Context};
use crate::report::Report;

/// A task has 512 MB, of which the collector has up to 150.
const TASK_BYTES: u64 = 512 << 20;
const COLLECTOR_BYTES: u64 = 150 << 20;

#[derive(Args)]
pub(crate) struct Arguments {
    /// How many seconds each kind of request is sent [default: 2, or 20 at size large]
    #[arg(long)]
    seconds: Option<usize>,
    /// The service's share of a CPU, in percent
    #[arg(long, default_value_t = 25)]
    cpu: u32,
    /// The memory of the service, in bytes [default: what the collector leaves of a task]
    #[arg(long)]
    bytes: Option<u64>,
}

pub(crate) async fn run(context: &Context, arguments: &Arguments) -> Result<Report, CampaignError> {
    let seconds = context.count(arguments.seconds, 2, 20);
    let bytes = arguments.bytes.unwrap_or(TASK_BYTES - COLLECTOR_BYTES);
    let mut report = Report::default();
    let group = match ControlGroup::new(bytes, arguments.cpu) {
        Ok(group) => group,
        Err(error) => {
            report.skip(format!("this machine has no control group (version 1) to write: {error}"));
            return Ok(report);
        }
    };
    let dynamodb = heavy::dynamodb().await;
    let mut options =
        Options { executable: group.executable(&context.picus)?, ..context.options(1) };
    let endpoint = format!("http://{dynamodb}");
    options.environment.insert("AWS_ENDPOINT_URL_DYNAMODB".to_owned(), endpoint);
    let system = System::start(options).await?;
    let Some(task) = system.tasks()[0].running().await else {
        return Err(CampaignError::NotStarted("the task has ended".to_owned()));
    };
    for storm in heavy::storms() {
        let what = storm.what;
        heavy::send(task.address, &storm, Duration::from_secs(seconds as u64)).await;
        let same = system.tasks()[0].running_now().is_some_and(|now| now.pid == task.pid);
        report.check(same, || format!("the task has ended, of {what}"));
        report.figure(what, format!("at most {} MB so far", group.most_memory()? / 1_000_000));
        if !same {
            break;
        }
    }
    let killed = group.killed()?;
    report.check(killed == 0, || format!("the system ended a program {killed} times"));
    let client = Client::of(task.address);
    let healthy = async {
        while client.send("GET", "/health", &[], "").await.is_none_or(|answer| answer.status != 200)
        {
            time::sleep(Duration::from_millis(100)).await;
        }
    };
    let is_healthy = time::timeout(Duration::from_secs(30), healthy).await.is_ok();
    report.check(is_healthy, || "it is not healthy afterwards".to_owned());
    system.stop().await;
    report.figure("its memory in MB", bytes / 1_000_000);
    report.figure("its CPU in percent", arguments.cpu);
    Ok(report)
}
