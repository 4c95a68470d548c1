//! What is on every view: the clock, the traffic, the faults, and how many alarms are on.

use picus_cloudwatch::alarm::State;
use picus_drills::Drill;
use serde_json::{Value, json};

use crate::clients::Level;
use crate::clock::now_ms;
use crate::faults;
use crate::plant::Plant;
use crate::run::Run;

pub(crate) fn state(plant: &Plant) -> Value {
    let controls = plant.controls.lock().clone();
    let facts = plant.facts.read().clone();
    let hidden = plant.hidden().unwrap_or_default();
    let store = plant.store.read();
    let states = store.own().filter_map(|alarm| Some((alarm, store.watch().state(&alarm.name)?)));
    let in_state = |state: State| states.clone().filter(move |(_, found)| *found == state);
    let faults = faults::all().into_iter().map(|drill| {
        let is = |known: &Drill| known.fault == drill.fault;
        let on =
            controls.faults.iter().any(|known| is(known)) && !hidden.iter().any(|known| is(known));
        json!({ "name": drill.name, "title": title(&drill.fault.words()), "on": on })
    });
    let tasks = facts.tasks.iter().map(|task| {
        json!({
            "pid": task.pid,
            "address": format!("http://{}", task.address),
            "metrics": format!("http://{}/metrics", task.metrics_address),
        })
    });
    let minute = store.minutes();
    json!({
        "minute": minute,
        "at": minute.checked_sub(1).and_then(|last| store.ended(last)).unwrap_or_else(now_ms),
        "oldest_minute": store.oldest(),
        "clock": {
            "running": controls.clock.running,
            "seconds_per_minute": controls.clock.seconds_per_minute,
        },
        "traffic": {
            "level": controls.level.name(),
            "levels": Level::ALL.map(|(name, _)| name),
        },
        "faults": faults.collect::<Vec<_>>(),
        "alarms": {
            "ok": in_state(State::Ok).count(),
            "alarm": in_state(State::Alarm).count(),
            "insufficient_data": in_state(State::InsufficientData).count(),
            "on": in_state(State::Alarm).map(|(alarm, _)| &alarm.name).collect::<Vec<_>>(),
        },
        "system": {
            "load_balancer": facts.load_balancer,
            "dynamodb": facts.dynamodb,
            "wanted_tasks": facts.wanted_tasks,
            "healthy_tasks": facts.healthy,
            "revision": facts.releases.current.revision,
            "revision_before": facts.releases.before.map(|one| one.revision),
            "tasks": tasks.collect::<Vec<_>>(),
        },
        "practice": plant.practice.lock().as_ref().map(Run::shown),
    })
}

/// A fault's words as a title in one line.
pub(crate) fn title(words: &str) -> String {
    let line = words.split_whitespace().collect::<Vec<_>>().join(" ");
    let line = line.trim_end_matches(',');
    let first = line.chars().next().map(|first| first.to_uppercase().to_string());
    first.unwrap_or_default() + &line.chars().skip(1).collect::<String>()
}
