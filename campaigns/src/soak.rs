//! Ordinary load for a long time: what a task has in memory and open files does not grow.

use std::time::Duration;

use clap::Args;
use fastrand::Rng;
use picus_local::System;
use picus_local::memory::resident_bytes;

use crate::client::Client;
use crate::context::{CampaignError, Context};
use crate::load::{self, Load, Outcomes};
use crate::program;
use crate::report::{Report, rounded};

const ITEMS: usize = 100;
const ITEM_BYTES: usize = 2000;
/// In so many parts the time is cut. The first quarter of them is the task's to warm up in.
const PARTS: usize = 20;
/// What the last quarter may have more than the second, as a share and beside it.
const MOST_GROWTH: f64 = 1.1;
const MOST_MORE_BYTES: f64 = 4e6;
const MOST_MORE_FILES: f64 = 64.0;

#[derive(Args)]
pub(crate) struct Arguments {
    /// How many seconds it takes [default: 20, or 3600 at size large]
    #[arg(long)]
    seconds: Option<usize>,
    /// What is asked for a second
    #[arg(long, default_value_t = 50)]
    rate: u32,
}

pub(crate) async fn run(context: &Context, arguments: &Arguments) -> Result<Report, CampaignError> {
    let seconds = context.count(arguments.seconds, 20, 3600);
    let part = Duration::from_secs(seconds as u64).div_f64(20.0);
    let mut rng = Rng::with_seed(context.seed);
    let mut report = Report::default();
    let system = System::start(context.options(1)).await?;
    let Some(task) = system.tasks()[0].running().await else {
        return Err(CampaignError::NotStarted("the task has ended".to_owned()));
    };
    let client = Client::of(system.address());
    let ids = load::fill(&client, ITEMS, ITEM_BYTES).await;
    let rate = f64::from(arguments.rate);
    let load = Load { rate, patience: Duration::from_secs(10), tries: 1, budget: 0.0, ids };
    let mut outcomes = Outcomes::default();
    let (mut memory, mut files) = (Vec::new(), Vec::new());
    for _ in 0..PARTS {
        outcomes.add(load::send(&client, &load, &mut rng, part).await);
        memory.push(load::count(
            usize::try_from(resident_bytes(task.pid).unwrap_or(0) >> 10).unwrap_or(0),
        ));
        files.push(load::count(program::open_files(task.pid)));
    }
    let same = system.tasks()[0].running_now().is_some_and(|now| now.pid == task.pid);
    report.check(same, || "the task has ended".to_owned());
    system.stop().await;
    let failed = outcomes.failed();
    report.check(failed.is_empty(), || format!("{} requests failed: {failed:?}", failed.len()));
    report.figure("seconds", seconds);
    report.figure("requests answered well", outcomes.good());
    for (name, values, unit, more) in [
        ("memory in MB, early and late", &memory, 1024.0 / 1e6, MOST_MORE_BYTES / 1024.0),
        ("open files, early and late", &files, 1.0, MOST_MORE_FILES),
    ] {
        let (early, late) = (quarter(values, 1), quarter(values, 3));
        report.check(late <= early * MOST_GROWTH + more, || {
            format!("{name}: {} grew to {}", rounded(early * unit), rounded(late * unit))
        });
        report.figure(name, format!("{} and {}", rounded(early * unit), rounded(late * unit)));
    }
    Ok(report)
}

/// The mean of one quarter of the values.
fn quarter(values: &[u32], number: usize) -> f64 {
    let length = values.len() / 4;
    let values = &values[number * length..(number + 1) * length];
    values.iter().copied().map(f64::from).sum::<f64>() / f64::from(load::count(length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quarters_are_means() {
        let values: Vec<_> = (0..20).collect();
        for (number, mean) in [(1, 7.0), (3, 17.0)] {
            assert!((quarter(&values, number) - mean).abs() < 1e-9, "{number}");
        }
    }
}
