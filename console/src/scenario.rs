//! Scenarios of practice, and what can be done about their faults. A scenario is a file in `console/scenarios/`.

use include_dir::{Dir, include_dir};
use picus_drills::{Drill, Fault};
use serde_json::Value;

use crate::clients::Level;
use crate::faults;

static FILES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/scenarios");

/// An incident to be had before it happens.
#[derive(Debug, Clone)]
pub(crate) struct Scenario {
    /// The file's name without its end.
    pub(crate) id: String,
    pub(crate) title: String,
    /// `easy`, `medium` or `hard`.
    pub(crate) difficulty: String,
    /// The faults that are hidden.
    pub(crate) causes: Vec<&'static Drill>,
    pub(crate) level: Level,
    pub(crate) shortest_way: String,
    /// Markdown for the end.
    pub(crate) explanation: String,
}

/// All scenarios, in the order of their files.
pub(crate) fn all() -> Vec<Scenario> {
    FILES
        .files()
        .filter_map(|file| {
            let id = file.path().file_stem()?.to_str()?;
            read(id, file.contents())
        })
        .collect()
}

fn read(id: &str, text: &[u8]) -> Option<Scenario> {
    let file: Value = serde_json::from_slice(text).ok()?;
    let text = |name: &str| file[name].as_str().map(str::to_owned);
    let causes = file["causes"].as_array()?.iter().map(|name| faults::named(name.as_str()?));
    Some(Scenario {
        id: id.to_owned(),
        title: text("title")?,
        difficulty: text("difficulty")?,
        causes: causes.collect::<Option<_>>()?,
        level: Level::named(file["traffic"].as_str()?)?,
        shortest_way: text("shortest_way")?,
        explanation: text("explanation")?,
    })
}

/// What a person on call can do: its id, its words, and whether it mends a fault.
pub(crate) struct Action {
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    pub(crate) mends: fn(Fault) -> bool,
}

pub(crate) const ACTIONS: [Action; 7] = [
    Action {
        id: "roll-back",
        title: "Roll back to the release before",
        mends: |fault| matches!(fault, Fault::BadDeployment(_) | Fault::SlowDeployment(_)),
    },
    Action {
        id: "replace-tasks",
        title: "Replace the tasks",
        mends: |fault| matches!(fault, Fault::TasksGone | Fault::TaskGone | Fault::CpuShort),
    },
    Action {
        id: "raise-memory",
        title: "Give the tasks more memory",
        mends: |fault| matches!(fault, Fault::MemoryShort),
    },
    Action {
        id: "alias-back",
        title: "Move the function's alias back",
        mends: |fault| matches!(fault, Fault::Handler(_)),
    },
    Action {
        id: "restart-collectors",
        title: "Restart the collectors",
        mends: |fault| matches!(fault, Fault::CollectorsGone(_)),
    },
    Action {
        id: "log-permission",
        title: "Give the function its log permission back",
        mends: |fault| matches!(fault, Fault::HandlerUnheard),
    },
    Action {
        id: "open-case",
        title: "Open a case with AWS about DynamoDB",
        mends: |fault| matches!(fault, Fault::DynamoDb(_)),
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_file_is_a_scenario_that_can_be_solved() {
        let all = all();
        assert_eq!(all.len(), FILES.files().count(), "a file can't be read");
        assert!(all.len() >= 10);
        assert!(all.iter().filter(|scenario| scenario.causes.len() > 1).count() >= 2);
        for scenario in all {
            assert!(["easy", "medium", "hard"].contains(&&*scenario.difficulty), "{}", scenario.id);
            for cause in &scenario.causes {
                let mended = ACTIONS.iter().filter(|action| (action.mends)(cause.fault)).count();
                assert_eq!(mended, 1, "{}: {}", scenario.id, cause.name);
                assert!(!scenario.title.contains(cause.name), "{}", scenario.id);
            }
        }
    }
}
