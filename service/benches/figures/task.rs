//! A task's share of a machine: Picus, beside the bare handler and beside the same API as it began, in Flask. Prints a
//! table for docs/PERFORMANCE.md.

use std::env;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use picus_testing::control_group::ControlGroup;
use picus_testing::{engine, otlp_sink};

use crate::given::{self, Request, Server};
use crate::usage;

const TASK_BYTES: u64 = 512 << 20;
const CPU_PERCENT: u32 = 25;
const CLIENTS: u32 = 64;
const TIME: Duration = Duration::from_secs(5);
/// The first round only warms up.
const ROUNDS: usize = 3;

/// How often as many requests a second as Flask's, at least.
const MORE_GETS: f64 = 20.0;
const MORE_PUTS: f64 = 10.0;
/// The most of its memory.
const OF_ITS_MEMORY: f64 = 0.25;

/// A server in a group of its own.
struct Measured {
    name: &'static str,
    group: ControlGroup,
    server: Server,
    puts: bool,
}

#[derive(Debug, Default, Clone, Copy)]
struct Figures {
    rate: f64,
    cpu: Duration,
    median: Duration,
    most_of_99: Duration,
    memory_kb: u32,
}

/// Tells whether every target was met.
pub(crate) async fn measure() -> io::Result<bool> {
    if let Err(error) = ControlGroup::new(TASK_BYTES, CPU_PERCENT) {
        println!(
            "in a task's share: not measured, for there is no control group (version 1): {error}"
        );
        return Ok(true);
    }
    let dynamodb = engine::start().await;
    given::put_items(dynamodb, CLIENTS).await?;
    let collector = format!("http://{}", otlp_sink::start(Duration::ZERO)?);
    let settings = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.as_str()),
        ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
        ("OTEL_TRACES_SAMPLER_ARG", "0.05"),
    ];
    let flask = flask()?;
    let start = async |name, program: &Path, arguments: &[&str], settings: &[_], puts| {
        let group = ControlGroup::new(TASK_BYTES, CPU_PERCENT)?;
        let mut command = group.command(program);
        command.args(arguments);
        let server = Server::start(command, dynamodb, settings).await?;
        Ok::<_, io::Error>(Measured { name, group, server, puts })
    };
    let this = env::current_exe()?;
    let service = Path::new(env!("CARGO_BIN_EXE_picus-service"));
    let servers = [
        start("Flask", Path::new("/bin/sh"), &["-c", &flask], &[], true).await?,
        start("bare handler", &this, &["bare"], &[], false).await?,
        start("Picus", service, &[], &settings, true).await?,
    ];
    println!("| | | requests a second | CPU a request | median | 99th percentile | memory |");
    println!("|---|---|---:|---:|---:|---:|---:|");
    let (mut of_flask, mut reached) = (Figures::default(), true);
    for (request, more) in [(Request::Get, MORE_GETS), (Request::Put, MORE_PUTS)] {
        for server in servers.iter().filter(|server| server.puts || matches!(request, Request::Get))
        {
            let figures = server.figures(request).await?;
            println!(
                "| {} | {request:?} | {:.0} | {:.0} µs | {:.1} ms | {:.0} ms | {} MB |",
                server.name,
                figures.rate,
                figures.cpu.as_secs_f64() * 1e6,
                figures.median.as_secs_f64() * 1e3,
                figures.most_of_99.as_secs_f64() * 1e3,
                figures.memory_kb / 1000,
            );
            match server.name {
                "Flask" => of_flask = figures,
                "Picus" => {
                    let rate = figures.rate / of_flask.rate;
                    let memory = f64::from(figures.memory_kb) / f64::from(of_flask.memory_kb);
                    println!(
                        "{request:?}: {rate:.1} times Flask's requests a second (target: {more}), \
                         {memory:.2} times its memory (target: {OF_ITS_MEMORY})"
                    );
                    reached &= rate >= more && memory <= OF_ITS_MEMORY;
                }
                _ => {}
            }
        }
    }
    Ok(reached)
}

impl Measured {
    /// The median of each, over the rounds.
    async fn figures(&self, request: Request) -> io::Result<Figures> {
        let mut rounds = Vec::new();
        for _ in 0..=ROUNDS {
            let before = self.cpu()?;
            let took = self.server.asked_for(CLIENTS, request, TIME).await?;
            let count = u32::try_from(took.len()).map_err(io::Error::other)?;
            rounds.push(Figures {
                rate: f64::from(count) / TIME.as_secs_f64(),
                cpu: self.cpu()?.saturating_sub(before) / count,
                median: took[took.len() / 2],
                most_of_99: took[took.len() * 99 / 100],
                memory_kb: u32::try_from(self.group.memory()? / 1000).map_err(io::Error::other)?,
            });
        }
        rounds.remove(0);
        rounds.sort_by(|one, other| one.rate.total_cmp(&other.rate));
        Ok(rounds[rounds.len() / 2])
    }

    fn cpu(&self) -> io::Result<Duration> {
        self.group.processes()?.into_iter().map(usage::cpu).sum()
    }
}

/// Installs Flask, and returns the shell command that serves it.
fn flask() -> io::Result<String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/flask");
    let installed = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("flask");
    let run = |command: &mut Command| match command.status()? {
        status if status.success() => Ok(()),
        status => Err(io::Error::other(format!("{command:?}: {status}"))),
    };
    run(Command::new("python3").args(["-m", "venv"]).arg(&installed))?;
    let requirements = source.join("requirements.txt");
    let pip = installed.join("bin/pip");
    run(Command::new(pip).args(["install", "--quiet", "--requirement"]).arg(requirements))?;
    Ok(format!(
        "exec '{}' --bind \"$PICUS_ADDRESS\" --workers 2 --threads 2 --chdir '{}' --log-level error app:app",
        installed.join("bin/gunicorn").display(),
        source.display(),
    ))
}
