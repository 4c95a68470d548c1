//! Kills the whole system under load, over and over. Afterwards, acknowledged items exist, deleted ones do not, and
//! both are right for a request without a response.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Args;
use fastrand::Rng;
use tokio::task::JoinSet;
use tokio::time::{self, Instant};

use crate::client::{Answer, Client};
use crate::context::{CampaignError, Context};
use crate::ledger::{Ledger, State, UnsurePut, item};
use crate::program::{self, Program};
use crate::report::Report;

/// How many clients write at the same time.
const CLIENTS: u64 = 6;
/// The system is killed after this many milliseconds.
const LIFETIME_MS: std::ops::Range<u64> = 50..800;
/// How long a put is sent again.
const RETRY_TIMEOUT: Duration = Duration::from_mins(2);

#[derive(Args)]
pub(crate) struct Arguments {
    /// How often the system is killed [default: 12, or 250 at size large]
    #[arg(long)]
    kills: Option<usize>,
}

/// What one client was told.
#[derive(Default)]
struct Told {
    items: Vec<(String, u64, State)>,
    unsure: Vec<UnsurePut>,
    puts: u64,
    deletes: u64,
    /// Responses that are wrong, whatever happens to the system.
    wrong: Vec<String>,
}

pub(crate) async fn run(context: &Context, arguments: &Arguments) -> Result<Report, CampaignError> {
    let kills = context.count(arguments.kills, 12, 250);
    let folder = tempfile::tempdir()?;
    let mut rng = Rng::with_seed(context.seed);
    let (mut report, mut ledger) = (Report::default(), Ledger::default());
    let (mut killed, mut puts, mut deletes, mut unsure, mut parts) = (0, 0, 0, 0, 0);
    for kill in 0..=kills {
        let program = Program::start(&context.picus, folder.path(), &["--tasks", "2"]).await?;
        let client = Client::of(program.address);
        let listed = match client.list().await {
            Ok(listed) => listed,
            Err(why) => {
                report.fail(format!("after {kill} kills the items can't be listed: {why}"));
                break;
            }
        };
        ledger.compare(&listed, &mut report);
        retry(&client, &mut ledger, &mut report).await;
        if kill == kills {
            report.check(program.kill().await?, || "a process runs on".to_owned());
            break;
        }
        let ended = Arc::new(AtomicBool::new(false));
        let mut clients = JoinSet::new();
        for number in 0..CLIENTS {
            let first = (kill as u64 * CLIENTS + number) << 32;
            let rng = Rng::with_seed(rng.u64(..));
            clients.spawn(write(client.clone(), rng, first, ended.clone()));
        }
        time::sleep(Duration::from_millis(rng.u64(LIFETIME_MS))).await;
        // Sometimes one part is killed first, and the whole system while that part is being replaced.
        if rng.u8(..4) == 0 {
            let children = program.children();
            if let Some(part) = rng.choice(children) {
                program::kill(part);
                parts += 1;
                time::sleep(Duration::from_millis(rng.u64(0..200))).await;
            }
        }
        let all_ended = program.kill().await?;
        killed += 1;
        ended.store(true, Ordering::SeqCst);
        report.check(all_ended, || format!("a process outlives kill {kill}"));
        for told in clients.join_all().await {
            puts += told.puts;
            deletes += told.deletes;
            unsure += told.unsure.len();
            told.wrong.into_iter().for_each(|wrong| report.fail(wrong));
            told.items.into_iter().for_each(|(id, number, state)| ledger.set(id, number, state));
            told.unsure.into_iter().for_each(|put| ledger.add_unsure(put));
        }
    }
    report.figure("kills of the system", killed);
    report.figure("kills of a part before it", parts);
    report.figure("puts acknowledged", puts);
    report.figure("deletes acknowledged", deletes);
    report.figure("puts without an answer", unsure);
    report.figure("items at the end", ledger.present().count());
    Ok(report)
}

/// Puts items, and gets and deletes its own, until the system is gone.
async fn write(client: Client, mut rng: Rng, first: u64, ended: Arc<AtomicBool>) -> Told {
    let mut told = Told::default();
    let mut number = first;
    while !ended.load(Ordering::SeqCst) {
        let own = told.items.iter().enumerate();
        let own = own.filter(|(_, (.., state))| *state == State::Present).map(|(at, _)| at);
        let own = rng.choice(own.collect::<Vec<_>>());
        match (rng.u8(..10), own) {
            (0..=2, Some(at)) => {
                let (id, _, state) = &mut told.items[at];
                let answer = client.delete(id).await.map(|answer| answer.status);
                *state = match answer {
                    Some(200) => State::Deleted,
                    _ => State::Unsure,
                };
                match answer {
                    Some(200) => told.deletes += 1,
                    Some(404) => told.wrong.push(format!("{id} was there, and its delete is 404")),
                    _ => {}
                }
            }
            (3, Some(at)) => {
                let (id, expected, _) = &told.items[at];
                let answer = client.get(id).await;
                let found = answer.as_ref().and_then(|answer| answer.json()?["number"].as_u64());
                let is_right = match answer.map(|answer| answer.status) {
                    Some(200) => found == Some(*expected),
                    Some(status) => status >= 500,
                    None => true,
                };
                if !is_right {
                    told.wrong.push(format!("{id} was there, and its get says otherwise"));
                }
            }
            _ => {
                number += 1;
                let key = rng.bool().then(|| format!("campaign-{number}"));
                let answer = client.put(&item(number), key.as_deref()).await;
                if answer.is_none() {
                    // In most cases the system is gone, and asking again at once is useless.
                    time::sleep(Duration::from_millis(100)).await;
                }
                match answer.as_ref().and_then(Answer::object_id) {
                    Some(id) => {
                        told.puts += 1;
                        told.items.push((id, number, State::Present));
                    }
                    None => told.unsure.push(UnsurePut { number, key }),
                }
            }
        }
    }
    told
}

/// Repeats puts that have a key and got no response, until they get one. Now each item is written, and only once.
async fn retry(client: &Client, ledger: &mut Ledger, report: &mut Report) {
    for put in ledger.take_unsure() {
        let Some(key) = &put.key else { continue };
        let until = Instant::now() + RETRY_TIMEOUT;
        loop {
            let answer = client.put(&item(put.number), Some(key)).await;
            let status = answer.as_ref().map_or(0, |answer| answer.status);
            if let Some(id) = answer.filter(|_| status == 201).and_then(|answer| answer.object_id())
            {
                ledger.set(id, put.number, State::Present);
                break;
            }
            // On a busy machine, a task that has just started may not answer in time.
            let is_over = Instant::now() > until || (400..500).contains(&status);
            if is_over {
                report.fail(format!("a put can't be sent again: {key} gets {status}"));
                break;
            }
            time::sleep(Duration::from_millis(200)).await;
        }
    }
}
