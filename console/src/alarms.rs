//! The alarms: their states, what each minute counted as, and why they changed.

use std::ops::Range;

use picus_cloudwatch::alarm::{Comparison, Missing, State};
use picus_cloudwatch::composite::Rule;
use picus_cloudwatch::definition::{self, Alarm, Kind, MetricAlarm};
use picus_cloudwatch::{reason, template};
use serde_json::{Value, json};

use crate::answer::{Answer, Refusal};
use crate::plant::Plant;
use crate::range::{self, Query};
use crate::runbooks;
use crate::store::{Change, Store};

/// The topic whose alarms wake somebody.
const PAGES: &str = "picus-alarms";

/// All alarms.
pub(crate) fn list(plant: &Plant, query: &Query) -> Answer {
    let store = plant.store.read();
    let minute = query.range(&store)?.end;
    let alarms = store.watch().alarms().iter().map(|alarm| summary(&store, alarm, minute));
    Ok(json!({ "minute": minute, "alarms": alarms.collect::<Vec<_>>() }))
}

/// One alarm, with its runbook.
pub(crate) fn one(plant: &Plant, name: &str, query: &Query) -> Answer {
    let store = plant.store.read();
    let range = query.range(&store)?;
    let known = store.watch().alarms().iter().find(|alarm| alarm.name == name);
    let alarm = known.ok_or_else(|| Refusal::Unknown(format!("alarm `{name}`")))?;
    let mut shown = detail(&store, alarm, &range)?;
    let runbook = runbooks::of_description(&alarm.description);
    shown["runbook_html"] = json!(runbook.and_then(runbooks::html));
    shown["queries"] = json!(runbook.map(runbooks::queries).unwrap_or_default());
    Ok(shown)
}

/// The alarms of any template, on the same data: `{"template": "<YAML>", "minutes": 60}`.
pub(crate) fn draw(plant: &Plant, body: &Value) -> Answer {
    let text = body["template"].as_str();
    let text = text.ok_or_else(|| Refusal::Bad("template is a text".to_owned()))?;
    let faulty = |problem: String| Ok(json!({ "problems": [problem], "alarms": [] }));
    let resources = match template::resources(text, &plant.parameters) {
        Ok(resources) => resources,
        Err(error) => return faulty(error.to_string()),
    };
    let alarms = match definition::alarms(&resources) {
        Ok(alarms) => alarms,
        Err(error) => return faulty(error.to_string()),
    };
    let store = plant.store.read();
    let mut problems = problems(&store, &alarms);
    let other = match store.replayed(alarms) {
        Ok(other) => other,
        Err(error) => return faulty(error.to_string()),
    };
    if other.watch().alarms().is_empty() {
        problems.push("the template has no alarms".to_owned());
    }
    let minutes = body["minutes"].as_u64().and_then(|minutes| usize::try_from(minutes).ok());
    let range = range::range(&store, minutes, None);
    let alarms = other.watch().alarms().iter().map(|alarm| detail(&other, alarm, &range));
    let alarms = alarms.collect::<Result<Vec<_>, _>>()?;
    Ok(json!({ "problems": problems, "alarms": alarms }))
}

/// What keeps alarms from ever being on.
fn problems(store: &Store, alarms: &[Alarm]) -> Vec<String> {
    let reported: Vec<_> = store.history().metrics().collect();
    let unseen = alarms.iter().flat_map(|alarm| {
        let unseen = alarm.metrics().filter(|metric| !reported.contains(metric));
        unseen.map(|metric| format!("{}: nothing has reported {metric}", alarm.name))
    });
    let known = |name: &str| alarms.iter().any(|alarm| alarm.name == name);
    let nowhere = alarms.iter().flat_map(|alarm| {
        let parts = match &alarm.kind {
            Kind::Composite(rule) => rule.alarms(),
            Kind::Metric(_) => Vec::new(),
        };
        let unknown = parts.into_iter().filter(|part| !known(part));
        unknown.map(|part| format!("{}: there is no alarm {part}", alarm.name)).collect::<Vec<_>>()
    });
    unseen.chain(nowhere).collect()
}

fn summary(store: &Store, alarm: &Alarm, minute: usize) -> Value {
    let (state, change) = store.state(&alarm.name, minute);
    let kind = match alarm.kind {
        Kind::Metric(_) => "metric",
        Kind::Composite(_) => "composite",
    };
    json!({
        "name": alarm.name,
        "state": state.to_string(),
        "since_minute": change.map(|change| change.transition.minute),
        "since": change.map(|change| change.at),
        "reason": change.map_or(reason::INITIAL, |change| &change.transition.reason),
        "kind": kind,
        "description": alarm.description,
        "pages": pages(store, alarm),
        "fires_within_minutes": alarm.fires_within,
        "runbook": runbooks::of_description(&alarm.description),
    })
}

/// Whether it wakes somebody, by itself or as a part of an alarm that does.
fn pages(store: &Store, alarm: &Alarm) -> bool {
    let wakes = |alarm: &Alarm| alarm.actions.iter().any(|topic| topic == PAGES);
    let has_it = |other: &Alarm| match &other.kind {
        Kind::Composite(rule) => rule.alarms().contains(&alarm.name.as_str()),
        Kind::Metric(_) => false,
    };
    wakes(alarm) || store.watch().alarms().iter().any(|other| wakes(other) && has_it(other))
}

fn detail(store: &Store, alarm: &Alarm, range: &Range<usize>) -> Answer {
    let mut shown = summary(store, alarm, range.end);
    let own = store.changes().filter(|change| change.transition.alarm == alarm.name);
    let more = match &alarm.kind {
        Kind::Metric(metric) => of_metric(store, metric, range)?,
        Kind::Composite(rule) => of_composite(store, rule, range),
    };
    shown["from"] = json!(range.start);
    shown["until"] = json!(range.end);
    shown["times"] = range::times(store, range);
    shown["history"] = own.rev().map(history).collect();
    for (name, value) in more {
        shown[name] = value;
    }
    Ok(shown)
}

fn history(change: &Change) -> Value {
    let transition = &change.transition;
    json!({
        "minute": transition.minute,
        "at": change.at,
        "from": transition.from.to_string(),
        "to": transition.to.to_string(),
        "reason": transition.reason,
    })
}

fn of_metric(
    store: &Store,
    alarm: &MetricAlarm,
    range: &Range<usize>,
) -> Result<Vec<(&'static str, Value)>, Refusal> {
    let line = store.watch().line(alarm, range.end, range.len());
    let line = line.map_err(|error| Refusal::Bad(error.to_string()))?;
    let counted = line.iter().map(|value| match value {
        None => "missing",
        Some(value) if alarm.comparison.breaches(*value, alarm.threshold) => "breaching",
        Some(_) => "good",
    });
    let sign = match alarm.comparison {
        Comparison::GreaterThanOrEqualToThreshold => "≥",
        Comparison::GreaterThanThreshold => ">",
        Comparison::LessThanThreshold => "<",
        Comparison::LessThanOrEqualToThreshold => "≤",
    };
    let missing = match alarm.rule.missing {
        Missing::Breaching => "breaching",
        Missing::NotBreaching => "notBreaching",
        Missing::Ignore => "ignore",
        Missing::Missing => "missing",
    };
    Ok(vec![
        ("comparison", json!(format!("{:?}", alarm.comparison))),
        ("comparison_sign", json!(sign)),
        ("threshold", json!(alarm.threshold)),
        ("evaluation_periods", json!(alarm.rule.evaluation_periods)),
        ("datapoints_to_alarm", json!(alarm.rule.datapoints_to_alarm)),
        ("period_minutes", json!(alarm.period() / 60)),
        ("treat_missing_data", json!(missing)),
        ("counted", counted.collect()),
        ("points", json!(line)),
        ("rule", Value::Null),
        ("parts", json!([])),
    ])
}

fn of_composite(store: &Store, rule: &Rule, range: &Range<usize>) -> Vec<(&'static str, Value)> {
    let mut parts = rule.alarms();
    parts.sort_unstable();
    parts.dedup();
    let part = |name: &&str| {
        let (state, _): (State, _) = store.state(name, range.end);
        json!({ "name": name, "state": state.to_string() })
    };
    vec![
        ("rule", json!(rule.to_string())),
        ("parts", parts.iter().map(part).collect()),
        ("threshold", Value::Null),
        ("points", json!([])),
        ("counted", json!([])),
    ]
}
