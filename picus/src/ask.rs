//! `picus status`, `picus traces`, `picus query`: what the console of a running Picus knows, in a terminal.

use std::io::{self, Write as _};

use bytes::Bytes;
use clap::Args;
use http_body_util::{BodyExt as _, Empty};
use hyper::Request;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use picus_settings::visible;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

/// Where to ask, and how to answer.
#[derive(Args)]
pub(crate) struct Console {
    /// Port of the console of the Picus that runs
    #[arg(long, value_name = "PORT", default_value_t = 8081)]
    console_port: u16,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(crate) struct Status {
    #[command(flatten)]
    console: Console,
}

#[derive(Args)]
pub(crate) struct Traces {
    #[command(flatten)]
    console: Console,
    /// Only traces of this route, such as /picus/put
    #[arg(long)]
    route: Option<String>,
    /// Only traces with this status, such as 503 or 5xx
    #[arg(long)]
    status: Option<String>,
    /// Only traces with this error code, such as throttled
    #[arg(long)]
    code: Option<String>,
    /// Only traces that took at least this many milliseconds
    #[arg(long, value_name = "MILLISECONDS")]
    least: Option<u64>,
    /// Only the trace with this id, as X-Ray or W3C writes it
    #[arg(long)]
    id: Option<String>,
    /// The most traces to list, the newest ones
    #[arg(long, default_value_t = 20)]
    limit: u16,
}

#[derive(Args)]
pub(crate) struct Query {
    #[command(flatten)]
    console: Console,
    /// A query of CloudWatch Logs Insights, such as "filter level = 'ERROR' | fields message"
    #[arg(value_name = "QUERY")]
    text: String,
    /// How many of the newest minutes of the console's clock to search
    #[arg(long, default_value_t = 60)]
    minutes: u16,
}

/// Why there is no answer.
type Failure = Box<dyn std::error::Error>;
type Lines = Result<Vec<String>, Failure>;

/// The lines that `picus status` prints.
pub(crate) fn status(arguments: &Status) -> Lines {
    let Status { console } = arguments;
    let (state, map) = (console.ask("state", &[])?, console.ask("overview", &[("minutes", "5")])?);
    if console.json {
        return Ok(vec![json!({ "state": state, "overview": map }).to_string()]);
    }
    let clock = &state["clock"];
    let runs = if clock["running"] == true { "running" } else { "paused" };
    let (system, edge) = (&state["system"], &map["edges"][0]);
    let mut lines = vec![
        format!(
            "minute {}, {runs}, {} s each; traffic {}; {} of {} tasks healthy",
            state["minute"],
            clock["seconds_per_minute"],
            text(&state["traffic"]["level"]),
            system["healthy_tasks"],
            system["wanted_tasks"],
        ),
        format!(
            "{} requests a minute, {} % failed, half within {} ms, 99 % within {} ms",
            rounded(&edge["per_minute"]),
            rounded(&edge["errors_percent"]),
            rounded(&edge["p50_ms"]),
            rounded(&edge["p99_ms"]),
        ),
    ];
    for fault in list(&state["faults"]).filter(|fault| fault["on"] == true) {
        lines.push(format!("fault {}: {}", text(&fault["name"]), text(&fault["title"])));
    }
    for alarm in list(&map["alarms_on"]) {
        let (name, reason) = (text(&alarm["name"]), text(&alarm["reason"]));
        lines.push(format!("ALARM {name} since minute {}: {reason}", alarm["minute"]));
    }
    Ok(lines)
}

/// The lines that `picus traces` prints.
pub(crate) fn traces(arguments: &Traces) -> Lines {
    let number = |number: u64| number.to_string();
    let filters = [
        ("route", arguments.route.clone()),
        ("status", arguments.status.clone()),
        ("code", arguments.code.clone()),
        ("least_ms", arguments.least.map(number)),
        ("id", arguments.id.clone()),
        ("limit", Some(arguments.limit.to_string())),
    ];
    let filters: Vec<_> =
        filters.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?))).collect();
    let found = arguments.console.ask("traces", &filters)?;
    if arguments.console.json {
        return Ok(vec![found.to_string()]);
    }
    if let Some(note) = found["note"].as_str() {
        return Err(note.into());
    }
    let line = |trace: &Value| {
        let (id, name) = (text(&trace["xray_id"]), text(&trace["name"]));
        let (status, code) = (text(&trace["status"]), text(&trace["code"]));
        format!("{id} {status:>3} {:>9} ms {name} {code}", rounded(&trace["duration_ms"]))
    };
    Ok(list(&found["traces"]).map(line).collect())
}

/// The lines that `picus query` prints.
pub(crate) fn query(arguments: &Query) -> Lines {
    let minutes = arguments.minutes.to_string();
    let asked = [("query", arguments.text.as_str()), ("minutes", &minutes)];
    let found = arguments.console.ask("logs/query", &asked)?;
    if let Some(error) = found["error"].as_str() {
        return Err(visible(error).into());
    }
    if arguments.console.json {
        return Ok(vec![found.to_string()]);
    }
    let columns: Vec<_> = list(&found["columns"]).filter_map(Value::as_str).collect();
    let line = |row: &Value| {
        let cell = |name: &&str| Some(format!("{name}={}", text(row.get(*name)?)));
        columns.iter().filter_map(cell).collect::<Vec<_>>().join(" ")
    };
    Ok(list(&found["rows"]).map(line).collect())
}

impl Console {
    /// Asks for `/api/PATH` with these parameters.
    fn ask(&self, path: &str, parameters: &[(&str, &str)]) -> Result<Value, Failure> {
        let port = self.console_port;
        let parameters =
            form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        let url = format!("http://127.0.0.1:{port}/api/{path}?{parameters}");
        let request = Request::get(url).body(Empty::<Bytes>::new())?;
        let answer = async {
            let client = Client::builder(TokioExecutor::new()).build_http();
            let nobody = |_| {
                format!(
                    "no console is at port {port}: start `picus`, or choose another with --console-port"
                )
            };
            let response = client.request(request).await.map_err(nobody)?;
            let is_good = response.status().is_success();
            let body = response.into_body().collect().await?.to_bytes();
            let answer: Value = serde_json::from_slice(&body)?;
            if is_good { Ok(answer) } else { Err(text(&answer["error"]).into()) }
        };
        Runtime::new()?.block_on(answer)
    }
}

/// Prints lines, each without what could deceive a terminal. A closed stdout is no failure.
pub(crate) fn say(lines: &[String]) {
    let mut stdout = io::stdout().lock();
    for line in lines {
        let _ = writeln!(stdout, "{}", visible(line));
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// A number with one decimal, or a dash if nothing was measured.
fn rounded(value: &Value) -> String {
    value.as_f64().map_or_else(|| "-".to_owned(), |number| format!("{number:.1}"))
}
