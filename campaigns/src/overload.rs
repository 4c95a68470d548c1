//! Clients send twice as much as the service can do in a task's CPU, and retry, and DynamoDB fails for a while. The
//! service must do nearly as much as without overload, refuse the rest quickly, and be as before soon after the fault.

use std::time::Duration;

use clap::Args;
use fastrand::Rng;
use picus_local::System;
use picus_testing::control_group::ControlGroup;
use tokio::task::JoinSet;
use tokio::time::{self, Instant};

use crate::client::Client;
use crate::context::{CampaignError, Context, Size};
use crate::load::{self, Load, Outcomes, count};
use crate::report::{Report, rounded};
use crate::stand_in::{StandIn, State};

/// Enough clients, each waiting for a response, to keep the service busy.
const SATURATING: usize = 64;
const ITEMS: usize = 100;
/// How long clients wait for a response.
const PATIENCE: Duration = Duration::from_secs(2);
/// The goodput after the fault, at least, as a share of the goodput before. At size small, no times are judged.
const LEAST_AFTER: f64 = 0.95;
/// The goodput under overload, at least, as a share of the most.
const LEAST_OF_MOST: f64 = 0.9;
/// The 99th percentile of the time of a refusal, at most.
const MOST_REFUSAL_MS: f64 = 200.0;
/// What DynamoDB does for each answer that a client gets, at most.
const MOST_WORK: f64 = 1.1;
/// If the clients send a request so much too late at the 99th percentile, they are what is slow.
const MOST_LATE_MS: f64 = 50.0;
/// The memory of a task, without what the collector may have.
const BYTES: u64 = 362 << 20;

#[derive(Args)]
pub(crate) struct Arguments {
    /// How many seconds DynamoDB fails [default: 4, or 60 at size large]
    #[arg(long)]
    seconds: Option<usize>,
    /// Requests per second [default: twice what the service can do]
    #[arg(long)]
    rate: Option<u32>,
    /// How often a client sends a request at most
    #[arg(long, default_value_t = 5)]
    tries: u32,
    /// The most retries of all clients, in percent of their requests
    #[arg(long, default_value_t = 10)]
    budget: u32,
    /// The service's share of a CPU, in percent
    #[arg(long, default_value_t = 25)]
    cpu: u32,
    /// A variable of the service's, such as `PICUS_MAX_IN_FLIGHT=100000`
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    env: Vec<(String, String)>,
}

fn variable(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text.split_once('=').ok_or("it must be NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

pub(crate) async fn run(context: &Context, arguments: &Arguments) -> Result<Report, CampaignError> {
    let fault = Duration::from_secs(context.count(arguments.seconds, 4, 60) as u64);
    let recovery = Duration::from_secs(context.count(None, 3, 10) as u64);
    let measured = Duration::from_secs(context.count(None, 3, 20) as u64);
    let mut rng = Rng::with_seed(context.seed);
    let mut report = Report::default();
    let group = match ControlGroup::new(BYTES, arguments.cpu) {
        Ok(group) => group,
        Err(error) => {
            report.skip(format!("this machine has no control group (version 1) to write: {error}"));
            return Ok(report);
        }
    };
    let dynamodb = StandIn::start().await?;
    let mut options = context.options(1);
    options.executable = group.executable(&context.picus)?;
    options.environment.extend([dynamodb.endpoint()]);
    options.environment.extend(arguments.env.iter().cloned());
    let system = System::start(options).await?;
    let Some(task) = system.tasks()[0].running().await else {
        return Err(CampaignError::NotStarted("the task has ended".to_owned()));
    };
    // Without the load balancer, which might be slower than the service.
    let client = Client::of(task.address);
    let ids = load::fill(&client, ITEMS, 100).await;
    saturate(&client, &ids, measured / 2).await;
    let most = saturate(&client, &ids, measured).await;
    let rate = arguments.rate.map_or(2.0 * most, f64::from);
    let budget = f64::from(arguments.budget) / 100.0;
    let load = Load { rate, patience: PATIENCE, tries: arguments.tries, budget, ids };
    // At the beginning, the clients have not retried yet, and the connections are not there.
    let (settled, fault_begins) = (recovery, recovery + measured);
    let (well, recovered) = (fault_begins + fault, fault_begins + fault + recovery);
    let end = recovered + measured;
    let faults = async {
        let mut worked_on = Vec::new();
        for (length, state) in [
            (settled, State::Well),
            (measured, State::Well),
            (fault / 2, State::Waiting),
            (fault / 2, State::Failing),
            (recovery, State::Well),
            (measured, State::Well),
        ] {
            dynamodb.set(state);
            worked_on.push(dynamodb.worked_on());
            time::sleep(length).await;
        }
        worked_on.push(dynamodb.worked_on());
        worked_on
    };
    let (all, worked_on) = tokio::join!(load::send(&client, &load, &mut rng, end), faults);
    let (before, during) = (all.within(settled..fault_begins), all.within(fault_begins..well));
    let after = all.within(recovered..end);
    let same = system.tasks()[0].running_now().is_some_and(|now| now.pid == task.pid);
    report.check(same, || "the task has ended".to_owned());
    system.stop().await;
    report.check(before.good() > 0 && after.good() > 0, || "nothing is answered well".to_owned());
    // All requests are valid. They may be refused or fail, but a 4xx is wrong.
    let bad = all.failed().into_iter().find(|status| (300..500).contains(status));
    report.check(bad.is_none(), || format!("a good request got {bad:?}"));
    report.figure("seconds of the fault", fault.as_secs());
    report.figure("asked for a second", rounded(rate));
    let attempts = f64::from(count(all.attempts())) / end.as_secs_f64();
    report.figure("attempts a second", rounded(attempts));
    let worked_on = |part: usize| worked_on[part + 1] - worked_on[part];
    let work = f64::from(count(worked_on(1) + worked_on(5)))
        / f64::from(count(before.good() + after.good()));
    let late = all.late_quantile_ms(99);
    Seen { most, late, work, before, during, after }.judge(context.size, &mut report);
    Ok(report)
}

/// What the clients have seen.
struct Seen {
    /// The most that is done a second.
    most: f64,
    /// By how many milliseconds the clients were late, at the 99th percentile.
    late: f64,
    /// How many items DynamoDB was asked for, for each answer that a client got.
    work: f64,
    before: Outcomes,
    during: Outcomes,
    after: Outcomes,
}

impl Seen {
    fn judge(&self, size: Size, report: &mut Report) {
        let Self { most, late, work, before, during, after } = self;
        let ratio = after.goodput() / before.goodput();
        let of_most = before.goodput() / most;
        let refusal = before.refused_quantile_ms(99).max(after.refused_quantile_ms(99));
        for (holds, what) in [
            (*late <= MOST_LATE_MS, "the clients were too slow for this rate"),
            (of_most >= LEAST_OF_MOST, "goodput under overload is too small a share of the most"),
            (ratio >= LEAST_AFTER, "goodput after the fault is less than before"),
            (refusal <= MOST_REFUSAL_MS, "refusals take too long"),
            (*work <= MOST_WORK, "DynamoDB did more than clients waited for"),
        ] {
            report.check(holds || size == Size::Small, || what.to_owned());
        }
        report.figure("the most that is done a second, by clients that wait", rounded(*most));
        report.figure("sent too late by, 99th percentile in ms", rounded(*late));
        report.figure("done a second before the fault", rounded(before.goodput()));
        report.figure("to the most", rounded(of_most));
        report.figure("done a second during it", rounded(during.goodput()));
        report.figure("done a second after it", rounded(after.goodput()));
        report.figure("done after it, to before", rounded(ratio));
        report.figure("99th percentile in ms before it", rounded(before.quantile_ms(99)));
        report.figure("99th percentile in ms after it", rounded(after.quantile_ms(99)));
        for (name, outcomes) in [
            ("refusals before it, their median and 99th percentile in ms", before),
            ("refusals during it", during),
            ("refusals after it", after),
        ] {
            let [median, most] = [50, 99].map(|percent| outcomes.refused_quantile_ms(percent));
            report.figure(name, format!("{}, {median:.1}, {most:.1}", outcomes.refused()));
        }
        report.figure("DynamoDB's work to the answers", rounded(*work));
    }
}

/// The goodput of clients that send again as soon as they have a response: the same requests as later.
async fn saturate(client: &Client, ids: &[String], length: Duration) -> f64 {
    let until = Instant::now() + length;
    let mut clients = JoinSet::new();
    for number in 0..SATURATING {
        let (client, ids) = (client.clone(), ids.to_vec());
        clients.spawn(async move {
            let mut good = 0;
            for (turn, id) in ids.iter().cycle().skip(number).enumerate() {
                if Instant::now() > until {
                    break;
                }
                let answer = match turn % 5 {
                    0 => {
                        client
                            .put(&load::item(0), Some(&format!("{until:?} {number} {turn}")))
                            .await
                    }
                    _ => client.get(id).await,
                };
                match answer {
                    Some(answer) if answer.status < 300 => good += 1,
                    _ => time::sleep(Duration::from_millis(10)).await,
                }
            }
            good
        });
    }
    f64::from(clients.join_all().await.into_iter().sum::<u32>()) / length.as_secs_f64()
}
