//! Follows the runbooks blindly: from an alarm to a cause, by what the runbooks' queries find and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use include_dir::{Dir, include_dir};
use picus_cloudwatch::data::Minute;
use picus_cloudwatch::insights::{self, Row};
use picus_cloudwatch::template;
use serde::Deserialize;
use serde_json::json;

static RUNBOOKS: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/../docs/runbooks");
const CAUSES: &str = include_str!("../../docs/causes.yaml");

/// The most runbooks that lead from one to the next.
const MOST_STEPS: usize = 5;

/// The log groups, as the runbooks name them.
const SERVICE: &str = "/ecs/picus-service";
const HANDLER: &str = "/aws/lambda/picus-delete-function";

/// What somebody on call can see.
#[derive(Debug)]
pub(crate) struct Evidence {
    /// The alarms that are on.
    pub(crate) alarms: BTreeSet<String>,
    /// Lines, with their log groups.
    lines: Vec<(&'static str, Row)>,
    /// Sums of metrics, as fields.
    metrics: Row,
}

/// A row of a runbook's tables.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Branch {
    alarm: Option<String>,
    query: Option<usize>,
    #[serde(default)]
    finds: Vec<String>,
    #[serde(default)]
    nothing: bool,
    metrics: Option<String>,
    cause: Option<String>,
    goto: Option<String>,
}

impl Evidence {
    /// Evidence of a fault: the programs' lines, and the metrics beside those of the time before.
    pub(crate) fn of(lines: &[(&'static str, String)], before: &[Minute], now: &[Minute]) -> Self {
        let logged = |(program, text): &(&'static str, String)| match *program {
            "service" => (SERVICE, insights::line("picus/service/0f1e2d3c", text)),
            _ => (HANDLER, insights::line("2026/01/01/[1]0f1e2d3c", text)),
        };
        let lines = lines.iter().map(logged).collect();
        Self { alarms: BTreeSet::new(), lines, metrics: metrics(before, now) }
    }

    fn rows(&self, runbook: &str, query: usize) -> Result<Vec<Row>, String> {
        let (groups, text) = queries(runbook)
            .into_iter()
            .nth(query.saturating_sub(1))
            .ok_or_else(|| format!("{runbook} has no query {query}"))?;
        let lines: Vec<_> = self
            .lines
            .iter()
            .filter(|(group, _)| groups.contains(group))
            .map(|(_, row)| row.clone())
            .collect();
        run(&text, &lines)
    }

    fn shows(&self, runbook: &str, branch: &Branch) -> Result<bool, String> {
        if branch.alarm.as_ref().is_some_and(|alarm| !self.alarms.contains(alarm)) {
            return Ok(false);
        }
        if let Some(filter) = &branch.metrics
            && run(&format!("filter {filter}"), std::slice::from_ref(&self.metrics))?.is_empty()
        {
            return Ok(false);
        }
        let Some(query) = branch.query else { return Ok(true) };
        let rows = self.rows(runbook, query)?;
        for command in &branch.finds {
            if run(command, &rows)?.is_empty() {
                return Ok(false);
            }
        }
        Ok(rows.is_empty() == branch.nothing)
    }

    /// The cause to which the alarm's runbook leads.
    pub(crate) fn cause(&self, alarm: &str) -> Result<String, String> {
        let all = template::read(CAUSES).map_err(|error| error.to_string())?;
        let all: BTreeMap<String, Vec<Branch>> =
            serde_json::from_value(all).map_err(|error| error.to_string())?;
        let mut runbook = alarm.trim_start_matches("picus-").to_owned();
        for _ in 0..MOST_STEPS {
            let branches = all.get(&runbook).map(Vec::as_slice).unwrap_or_default();
            let mut found = None;
            for branch in branches {
                if self.shows(&runbook, branch)? {
                    found = Some(branch);
                    break;
                }
            }
            match found.map(|branch| (&branch.cause, &branch.goto)) {
                Some((Some(cause), _)) => return Ok(cause.clone()),
                Some((None, Some(next))) => next.clone_into(&mut runbook),
                _ => return Err(format!("no cause, because nothing in {runbook} fits")),
            }
        }
        Err("no cause, because the runbooks lead in a circle".to_owned())
    }
}

fn run(query: &str, rows: &[Row]) -> Result<Vec<Row>, String> {
    let read = insights::read(query).map_err(|error| format!("{query}: {error}"))?;
    read.run(rows).map_err(|error| format!("{query}: {error}"))
}

/// A runbook's queries, with their log groups.
fn queries(runbook: &str) -> Vec<(Vec<&'static str>, String)> {
    let file = RUNBOOKS.get_file(format!("{runbook}.md"));
    let text = file.and_then(include_dir::File::contents_utf8).unwrap_or_default();
    let blocks: Vec<_> = text.split("```logs\n").collect();
    let query = |pair: &[&str]| {
        let before = pair[0].trim_end().lines().next_back().unwrap_or_default();
        let groups = [SERVICE, HANDLER].into_iter().filter(|group| before.contains(group));
        (groups.collect(), pair[1].split("```").next().unwrap_or_default().to_owned())
    };
    blocks.windows(2).map(query).collect()
}

/// For each name of a metric, its sum in a minute, and how that changed.
fn metrics(before: &[Minute], now: &[Minute]) -> Row {
    // The later half, when the fault has shown its effect.
    let now = &now[now.len() / 2..];
    let minutes = before.iter().chain(now);
    let names: BTreeSet<_> =
        minutes.flat_map(|minute| minute.0.keys()).map(|metric| metric.name.as_str()).collect();
    let mut row = Row::new();
    for name in names {
        let (before, now) = (mean(before, name), mean(now, name));
        row.insert(name.to_owned(), json!(now));
        if before > 0.0 {
            row.insert(format!("{name}.change"), json!(now / before));
        }
    }
    row
}

/// A metric's sum in an average minute, in the dimensions that have most.
fn mean(minutes: &[Minute], name: &str) -> f64 {
    let of_minute = |minute: &Minute| {
        let sums = minute.0.iter().filter(|(metric, _)| metric.name == name);
        sums.map(|(_, datum)| datum.sum()).fold(0.0, f64::max)
    };
    let count = u32::try_from(minutes.len()).unwrap_or(u32::MAX).max(1);
    minutes.iter().map(of_minute).sum::<f64>() / f64::from(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(why: &str) -> Evidence {
        let line = json!({
            "message": "request",
            "http.route": "/picus/list",
            "http.response.status_code": 500,
            "error.code": "internal",
            "exception.message": format!("Could not list items: {why}: no"),
            "service.version": "1",
        });
        Evidence::of(&[("service", line.to_string())], &[], &[])
    }

    #[test]
    fn one_runbook_leads_to_the_next_and_to_the_cause() {
        let mut evidence = failed("access_denied");
        evidence.alarms.insert("picus-route-page".to_owned());
        let cause = "the role lacks this route's action";
        assert_eq!(evidence.cause("picus-page").as_deref(), Ok(cause));
        evidence.alarms.insert("picus-availability-page".to_owned());
        let cause =
            "the role of the task or function lacks an action, or the table's name is wrong";
        assert_eq!(evidence.cause("picus-page").as_deref(), Ok(cause));
    }

    #[test]
    fn without_a_sign_there_is_no_cause() {
        let nothing = Evidence::of(&[], &[], &[]);
        let no = |alarm| nothing.cause(alarm).unwrap_err();
        assert_eq!(no("picus-page"), "no cause, because nothing in page fits");
        // The word that tells the causes apart is no longer there.
        let vague = failed("failure").cause("picus-availability-page");
        assert_eq!(vague.unwrap_err(), "no cause, because nothing in availability-page fits");
        assert_eq!(no("picus-unknown"), "no cause, because nothing in unknown fits");
    }
}
