//! Stops tasks over and over: behind the load balancer under load, as a deployment does, and alone with one request
//! in flight. Every request must succeed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Args;
use fastrand::Rng;
use picus_local::System;
use picus_local::dynamodb::DynamoDbFault;
use rustix::process::{Signal, kill_process};
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time;

use crate::client::{Answer, Client};
use crate::context::{CampaignError, Context};
use crate::program;
use crate::report::Report;

const CLIENTS: usize = 16;
const TASKS: usize = 2;
/// How long DynamoDB takes for each call of that request: longer than the time until the signal.
const SLOW: Duration = Duration::from_millis(300);
/// The signal comes so many milliseconds after the request.
const SIGNAL_AFTER_MS: std::ops::Range<u64> = 50..200;

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
    let (mut requests, mut lost) = (0, 0);
    for told in clients.join_all().await {
        requests += told.requests;
        lost += told.lost.len();
        told.lost.into_iter().for_each(|lost| report.fail(lost));
    }
    system.stop().await;
    report.check(killed == 0, || format!("{killed} times a task did not end by itself and well"));
    report.figure("rolls of all tasks", rolls);
    report.figure("requests meanwhile", requests);
    report.figure("of them lost", lost);
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
        told.note("delete", client.delete(&id).await, 200);
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

/// Sends SIGTERM to the only task while it has the only request.
async fn with_one_request(
    context: &Context,
    rng: &mut Rng,
    signals: usize,
    report: &mut Report,
) -> Result<(), CampaignError> {
    let mut system = System::start(context.options(0)).await?;
    let mut told = Told::default();
    let mut in_flight = 0;
    for _ in 0..signals {
        system.add_task(&[]);
        while system.group().healthy().is_empty() {
            time::sleep(Duration::from_millis(5)).await;
        }
        let task = system.tasks()[0].running_now().and_then(|task| program::pid(task.pid));
        let Some(task) = task else {
            report.fail("a task ended by itself");
            break;
        };
        system.dynamodb_fault(Some(DynamoDbFault::Slow(1, SLOW)));
        // A new client each time, without a connection to the last task.
        let client = Client::of(system.address());
        let request =
            tokio::spawn(async move { client.put(&json!({ "text": "in flight" }), None).await });
        time::sleep(Duration::from_millis(rng.u64(SIGNAL_AFTER_MS))).await;
        in_flight += usize::from(!request.is_finished());
        // If the task has ended already, the request is lost, which is reported below.
        let _ = kill_process(task, Signal::TERM);
        told.note("put in flight", request.await.ok().flatten(), 201);
        system.dynamodb_fault(None);
        system.tasks_mut().remove(0).stop().await;
    }
    system.stop().await;
    report.check(in_flight == signals, || "a request had ended before the signal".to_owned());
    report.figure("signals with one request in flight", signals);
    report.figure("of these requests lost", told.lost.len());
    told.lost.into_iter().for_each(|lost| report.fail(lost));
    Ok(())
}
