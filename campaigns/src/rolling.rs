//! Stops tasks over and over: behind the load balancer under load, as a deployment does, and alone with one request
//! at DynamoDB. Every request must succeed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Args;
use fastrand::Rng;
use picus_local::System;
use rustix::process::{Signal, kill_process};
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{self, Instant};

use crate::client::{Answer, Client};
use crate::context::{CampaignError, Context};
use crate::program;
use crate::report::Report;
use crate::stand_in::{StandIn, State};

const CLIENTS: usize = 16;
const TASKS: usize = 2;
/// DynamoDB answers the request so many milliseconds after the signal.
const ANSWER_AFTER_MS: std::ops::Range<u64> = 0..200;
/// How long a request may take to DynamoDB on a busy machine.
const ARRIVAL_TIMEOUT: Duration = Duration::from_secs(20);
/// How long the delete handler waits before it sends its call to DynamoDB again. From then on, a delete may get 404
/// (docs/decisions/retried-delete.md).
const FIRST_ATTEMPT: Duration = Duration::from_secs(2);

#[derive(Args)]
pub(crate) struct Arguments {
    /// How often all tasks are replaced under load [default: 3, or 100 at size large]
    #[arg(long)]
    rolls: Option<usize>,
    /// How often a task is stopped with one request in flight [default: 5, or 100 at size large]
    #[arg(long)]
    signals: Option<usize>,
}

/// What one client saw.
#[derive(Default)]
struct Told {
    requests: usize,
    lost: Vec<String>,
    /// Deletes that DynamoDB may have got twice, and whose response says that nothing was there.
    repeated: usize,
}

pub(crate) async fn run(context: &Context, arguments: &Arguments) -> Result<Report, CampaignError> {
    let rolls = context.count(arguments.rolls, 3, 100);
    let signals = context.count(arguments.signals, 5, 100);
    let mut rng = Rng::with_seed(context.seed);
    let mut report = Report::default();
    under_load(context, &mut rng, rolls, &mut report).await?;
    with_one_request(context, &mut rng, signals, &mut report).await?;
    Ok(report)
}

/// Replaces all tasks as a deployment does: first out of the load balancer, then SIGTERM.
async fn under_load(
    context: &Context,
    rng: &mut Rng,
    rolls: usize,
    report: &mut Report,
) -> Result<(), CampaignError> {
    let mut system = System::start(context.options(TASKS)).await?;
    let client = Client::of(system.address());
    let ended = Arc::new(AtomicBool::new(false));
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        let rng = Rng::with_seed(rng.u64(..));
        clients.spawn(ask(client.clone(), rng, ended.clone()));
    }
    let mut killed = 0;
    for _ in 0..rolls {
        killed += usize::from(!system.roll().await?);
        time::sleep(Duration::from_millis(rng.u64(0..200))).await;
    }
    ended.store(true, Ordering::SeqCst);
    let (mut requests, mut lost, mut repeated) = (0, 0, 0);
    for told in clients.join_all().await {
        requests += told.requests;
        repeated += told.repeated;
        lost += told.lost.len();
        told.lost.into_iter().for_each(|lost| report.fail(lost));
    }
    system.stop().await;
    report.check(killed == 0, || format!("{killed} times a task did not end by itself and well"));
    report.figure("rolls of all tasks", rolls);
    report.figure("requests meanwhile", requests);
    report.figure("of them lost", lost);
    report.figure("404 to a delete that took over 2 s", repeated);
    Ok(())
}

/// Puts, gets, lists and deletes until told to end. A response that differs from one at rest counts as lost.
async fn ask(client: Client, mut rng: Rng, ended: Arc<AtomicBool>) -> Told {
    let mut told = Told::default();
    let mut number = 0;
    while !ended.load(Ordering::SeqCst) {
        number += 1;
        let put = client.put(&json!({ "number": number }), None).await;
        let id = put.as_ref().and_then(Answer::object_id).unwrap_or_default();
        told.note("put", put, 201);
        if id.is_empty() {
            continue;
        }
        for _ in 0..rng.usize(0..4) {
            told.note("get", client.get(&id).await, 200);
        }
        if rng.u8(..4) == 0 {
            told.note("list", client.send("GET", "/picus/list?limit=5", &[], "").await, 200);
        }
        let begun = Instant::now();
        let answer = client.delete(&id).await;
        let is_gone = answer.as_ref().is_some_and(|answer| answer.status == 404);
        if is_gone && begun.elapsed() >= FIRST_ATTEMPT {
            told.requests += 1;
            told.repeated += 1;
        } else {
            told.note("delete", answer, 200);
        }
    }
    told
}

impl Told {
    fn note(&mut self, what: &str, answer: Option<Answer>, expected: u16) {
        self.requests += 1;
        match answer {
            Some(answer) if answer.status == expected => {}
            Some(answer) => {
                let body = String::from_utf8_lossy(&answer.body);
                self.lost.push(format!("a {what} is {}: {body}", answer.status));
            }
            None => self.lost.push(format!("a {what} has no answer")),
        }
    }
}

/// Sends SIGTERM to the only task while DynamoDB has its only request.
async fn with_one_request(
    context: &Context,
    rng: &mut Rng,
    signals: usize,
    report: &mut Report,
) -> Result<(), CampaignError> {
    let dynamodb = StandIn::start().await?;
    let mut options = context.options(0);
    options.environment.extend([dynamodb.endpoint()]);
    let mut system = System::start(options).await?;
    let mut told = Told::default();
    for _ in 0..signals {
        dynamodb.set(State::Well);
        system.add_task(&[]);
        while system.group().healthy().is_empty() {
            time::sleep(Duration::from_millis(5)).await;
        }
        let task = system.tasks()[0].running_now().and_then(|task| program::pid(task.pid));
        let Some(task) = task else {
            report.fail("a task ended by itself");
            break;
        };
        dynamodb.set(State::Waiting);
        // A new client each time, without a connection to the last task.
        let client = Client::of(system.address());
        let request =
            tokio::spawn(async move { client.put(&json!({ "text": "in flight" }), None).await });
        let arrived = time::timeout(ARRIVAL_TIMEOUT, dynamodb.until_one_waits()).await;
        report.check(arrived.is_ok(), || "a request did not arrive at DynamoDB".to_owned());
        // If the task has ended already, the request is lost, which is reported below.
        let _ = kill_process(task, Signal::TERM);
        time::sleep(Duration::from_millis(rng.u64(ANSWER_AFTER_MS))).await;
        dynamodb.set(State::Well);
        told.note("put in flight", request.await.ok().flatten(), 201);
        system.tasks_mut().remove(0).stop().await;
    }
    system.stop().await;
    report.figure("signals with one request in flight", signals);
    report.figure("of these requests lost", told.lost.len());
    told.lost.into_iter().for_each(|lost| report.fail(lost));
    Ok(())
}
