//! Practice: a hidden fault, and a person who finds it.

use serde_json::{Value, json};

use crate::answer::{Answer, Refusal};
use crate::faults;
use crate::plant::Plant;
use crate::run::Run;
use crate::scenario::{self, ACTIONS, Scenario};
use crate::state;

/// What can be practised, and what runs.
pub(crate) fn shown(plant: &Plant) -> Value {
    let scenarios = scenario::all().into_iter().map(|scenario| {
        json!({ "id": scenario.id, "title": scenario.title, "difficulty": scenario.difficulty })
    });
    let causes = faults::all()
        .into_iter()
        .map(|drill| json!({ "id": drill.name, "title": state::title(&drill.fault.words()) }));
    json!({
        "scenarios": scenarios.collect::<Vec<_>>(),
        "causes": causes.collect::<Vec<_>>(),
        "actions": ACTIONS.map(|action| json!({ "id": action.id, "title": action.title })),
        "run": plant.practice.lock().as_ref().map(Run::shown),
    })
}

/// `{"scenario": "01-first-page"}`, or `{}` for any.
pub(crate) async fn begin(plant: &Plant, body: &Value) -> Answer {
    let all = scenario::all();
    let any = uuid::Uuid::new_v4().as_u128() % (all.len().max(1) as u128);
    let any = usize::try_from(any).unwrap_or_default();
    let wanted = body["scenario"].as_str();
    let is_it = |(number, scenario): &(usize, Scenario)| {
        wanted.map_or(*number == any, |wanted| scenario.id == wanted)
    };
    let scenario = all.into_iter().enumerate().find(is_it).map(|(_, scenario)| scenario);
    let scenario = scenario.ok_or_else(|| Refusal::Unknown("scenario of this id".to_owned()))?;
    if plant.hidden().is_some() {
        return Err(Refusal::NotNow("a practice runs: give up first".to_owned()));
    }
    let others = plant.controls.lock().faults.clone();
    for drill in others {
        plant.fault(drill, false).await?;
    }
    {
        let mut controls = plant.controls.lock();
        controls.level = scenario.level;
        controls.clock.running = true;
    }
    let causes = scenario.causes.clone();
    plant.begin(Run::begin(scenario, plant.store.read().minutes()));
    for drill in causes {
        plant.fault(drill, true).await?;
    }
    Ok(shown(plant))
}

/// Somebody looks.
pub(crate) fn acknowledge(plant: &Plant) -> Answer {
    plant.practise(Run::acknowledge)?;
    Ok(shown(plant))
}

/// `{"causes": ["dynamodb-slow"]}`
pub(crate) fn answer(plant: &Plant, body: &Value) -> Answer {
    let asked = body["causes"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let named =
        |name| faults::named(name).ok_or_else(|| Refusal::Unknown(format!("cause `{name}`")));
    let causes = asked.map(named).collect::<Result<Vec<_>, _>>()?;
    plant.practise(|run, minute| run.answer(minute, &causes))?;
    Ok(shown(plant))
}

/// `{"action": "roll-back"}`
pub(crate) async fn act(plant: &Plant, body: &Value) -> Answer {
    let id = body["action"].as_str().unwrap_or_default();
    let action = ACTIONS.iter().find(|action| action.id == id);
    let action = action.ok_or_else(|| Refusal::Unknown(format!("action `{id}`")))?;
    let hidden =
        plant.hidden().ok_or_else(|| Refusal::NotNow("nothing is practised".to_owned()))?;
    let mended: Vec<_> = hidden.into_iter().filter(|drill| (action.mends)(drill.fault)).collect();
    for drill in &mended {
        plant.fault(drill, false).await?;
    }
    plant.practise(|run, minute| run.act(minute, action.id, &mended))?;
    Ok(shown(plant))
}

/// The faults end, and are told.
pub(crate) async fn give_up(plant: &Plant) -> Answer {
    plant.practise(Run::give_up)?;
    let faults = plant.controls.lock().faults.clone();
    for drill in faults {
        plant.fault(drill, false).await?;
    }
    Ok(shown(plant))
}
