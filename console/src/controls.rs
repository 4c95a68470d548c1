//! The changes that people make: of the clock, the traffic, and the faults.

use serde_json::Value;

use crate::answer::{Answer, Refusal};
use crate::clients::Level;
use crate::faults;
use crate::plant::Plant;
use crate::state::state;

/// `{"running": false, "seconds_per_minute": 60}`, or one of them.
pub(crate) fn clock(plant: &Plant, body: &Value) -> Answer {
    let mut clock = plant.controls.lock().clock;
    let wrong =
        || Refusal::Bad("give running (true or false), or seconds_per_minute (1 to 60)".to_owned());
    if let Some(running) = body.get("running") {
        clock.running = running.as_bool().ok_or_else(wrong)?;
    }
    if let Some(seconds) = body.get("seconds_per_minute") {
        let seconds = seconds.as_u64().filter(|seconds| (1..=60).contains(seconds));
        clock.seconds_per_minute = seconds.ok_or_else(wrong)?;
    }
    plant.controls.lock().clock = clock;
    plant.tell();
    Ok(state(plant))
}

/// `{"level": "normal"}`
pub(crate) fn traffic(plant: &Plant, body: &Value) -> Answer {
    let name = body["level"].as_str().unwrap_or_default();
    let level = Level::named(name);
    let names = || Level::ALL.map(|(name, _)| name).join(", ");
    let level = level.ok_or_else(|| Refusal::Bad(format!("level is one of {}", names())))?;
    plant.controls.lock().level = level;
    plant.tell();
    Ok(state(plant))
}

/// `{"name": "dynamodb-slow", "on": true}`
pub(crate) async fn fault(plant: &Plant, body: &Value) -> Answer {
    let name = body["name"].as_str().unwrap_or_default();
    let drill = faults::named(name).ok_or_else(|| Refusal::Unknown(format!("fault `{name}`")))?;
    if plant.hidden().is_some() {
        return Err(Refusal::NotNow("a practice runs: its faults are hidden".to_owned()));
    }
    let on = body["on"].as_bool();
    plant.fault(drill, on.ok_or_else(|| Refusal::Bad("on is true or false".to_owned()))?).await?;
    Ok(state(plant))
}
