//! Alarms and runbooks belong together, and a runbook's instructions can be followed.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use picus_api::route;
use picus_cloudwatch::template;
use regex::Regex;
use serde_json::Value;

use crate::given::{DASHBOARDS, alarms, dashboard, file, root};

/// The sections of a runbook, in order.
const SECTIONS: [&str; 6] =
    ["What users see", "Confirm", "Causes", "What to do", "Undo", "Escalate"];

/// Stands above the sections, for somebody who has just been woken.
const FIRST: &str = "
**Before you start:** [sign in, set the region](../ON-CALL.md#sign-in) · [who to call](../ON-CALL.md#who-to-call) ·
[undo a deployment](../ON-CALL.md#undo-a-deployment): `deploy/rollback`

## What users see
";

pub(crate) fn runbooks() -> BTreeSet<String> {
    let files = fs::read_dir(root().join("docs/runbooks")).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    names.map(|name| name.strip_suffix(".md").unwrap().to_owned()).collect()
}

#[test]
fn each_alarm_has_its_runbook_and_each_runbook_its_alarm() {
    let runbooks = runbooks();
    let mut linked = BTreeSet::new();
    for alarm in alarms() {
        let (_, link) =
            alarm.description.rsplit_once("Runbook: https://example.com/runbooks/").unwrap();
        let runbook = link.strip_suffix(".md").unwrap_or_else(|| panic!("{}: {link}", alarm.name));
        assert!(
            runbooks.contains(runbook),
            "{}: write its runbook, docs/runbooks/{link}",
            alarm.name
        );
        if alarm.fires_within.is_some() {
            assert_eq!(format!("picus-{runbook}"), alarm.name);
            linked.insert(runbook.to_owned());
        }
    }
    assert_eq!(linked, runbooks, "docs/runbooks/ (right) has a runbook without an alarm (left)");
}

/// The runbook says which action each route needs.
#[test]
fn the_runbook_of_routes_names_every_route() {
    let text = file("docs/runbooks/route-page.md");
    for route in route::SLO_OF_SERVICE.iter().chain(&route::SLO_OF_HANDLER) {
        assert!(
            text.contains(&format!("`{route}`")),
            "docs/runbooks/route-page.md: add {route} with the action that it needs"
        );
    }
}

#[test]
fn each_runbook_says_the_same_things_in_the_same_order() {
    for name in runbooks() {
        let text = file(&format!("docs/runbooks/{name}.md"));
        let first = format!("# picus-{name}\n{FIRST}");
        assert!(text.starts_with(&first), "docs/runbooks/{name}.md must begin with\n{first}");
        let sections: Vec<&str> =
            text.lines().filter_map(|line| line.strip_prefix("## ")).collect();
        assert_eq!(sections, SECTIONS, "docs/runbooks/{name}.md has other sections");
        let length = text.lines().count();
        assert!(
            (20..=110).contains(&length),
            "docs/runbooks/{name}.md has {length} lines, not 20 to 110"
        );
    }
}

/// `docs/causes.yaml` says how to tell the causes in a runbook's tables apart.
#[test]
fn each_runbook_has_the_causes_that_the_drills_look_for() {
    let causes = template::read(&file("docs/causes.yaml")).unwrap();
    let causes = causes.as_object().unwrap();
    assert_eq!(causes.keys().cloned().collect::<BTreeSet<_>>(), runbooks());
    for (runbook, branches) in causes {
        let text = file(&format!("docs/runbooks/{runbook}.md"));
        let queries = text.matches("```logs\n").count();
        for branch in branches.as_array().unwrap() {
            let named = match (&branch["cause"], &branch["goto"]) {
                (Value::String(cause), Value::Null) => cause.clone(),
                (Value::Null, Value::String(next)) => format!("]({next}.md"),
                other => panic!("{runbook}: a row names a cause or the next runbook: {other:?}"),
            };
            // A runbook may send on to another outside of its tables.
            let is_row = |line: &&str| branch["goto"].is_string() || line.starts_with("| ");
            assert!(
                text.lines().filter(is_row).any(|row| row.contains(&named)),
                "docs/runbooks/{runbook}.md: no table has: {named}"
            );
            let query = branch["query"].as_u64().and_then(|query| usize::try_from(query).ok());
            let exists = query.is_none_or(|query| (1..=queries).contains(&query));
            assert!(exists, "docs/runbooks/{runbook}.md has no query {query:?}");
        }
    }
}

/// A runbook writes a panel's title, or its beginning, in quotes with a capital.
#[test]
fn panels_that_a_runbook_names_exist() {
    let others = ["Traces", "Deployed"];
    let quoted = Regex::new(r#""([A-Z][^"]*)""#).unwrap();
    let titles: Vec<String> = DASHBOARDS
        .iter()
        .flat_map(|name| dashboard(name)["widgets"].as_array().unwrap().clone())
        .filter_map(|widget| Some(widget["properties"]["title"].as_str()?.to_owned()))
        .collect();
    let mut seen = 0;
    for name in runbooks() {
        let text = file(&format!("docs/runbooks/{name}.md"));
        let prose: String = text.split("```").step_by(2).collect();
        for found in quoted.captures_iter(&prose).filter(|found| !others.contains(&&found[1])) {
            assert!(
                titles.iter().any(|title| title.starts_with(&found[1])),
                "docs/runbooks/{name}.md: no dashboard has a panel \"{}\"",
                &found[1]
            );
            seen += 1;
        }
    }
    assert!(seen > 20, "{seen}");
}

#[test]
fn links_between_runbooks_lead_somewhere() {
    for name in runbooks() {
        let text = file(&format!("docs/runbooks/{name}.md"));
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for target in targets.filter(|target| !target.starts_with("http")) {
            let path = root().join("docs/runbooks").join(target.split('#').next().unwrap());
            assert!(path.exists(), "{name} links to {target}");
        }
    }
}

/// The calls of deploy/'s scripts in a document: each script with its options.
fn calls(text: &str) -> Vec<(String, Vec<String>)> {
    let call = Regex::new(r"deploy/([a-z-]+)((?:[ \t]+[^`\n|;&)]*)?)").unwrap();
    // Text in backticks, in a block or in a line.
    let code = text.split('`').skip(1).step_by(2).filter(|code| !code.is_empty());
    let blocks = text.split("```").skip(1).step_by(2);
    code.chain(blocks)
        .flat_map(|code| call.captures_iter(code))
        .map(|found| {
            let options = found[2].split_whitespace().filter(|word| word.starts_with("--"));
            (found[1].to_owned(), options.map(str::to_owned).collect())
        })
        .collect()
}

/// Every document in which people read commands.
fn documents() -> Vec<String> {
    let mut paths = vec!["README.md".to_owned(), "deploy/README.md".to_owned()];
    for folder in ["docs", "docs/runbooks"] {
        let files = fs::read_dir(root().join(folder)).unwrap().map(|file| file.unwrap().path());
        let stems = files.filter_map(|path| Some(path.to_str()?.strip_suffix(".md")?.to_owned()));
        let names = stems.map(|stem| format!("{folder}/{}.md", stem.rsplit('/').next().unwrap()));
        paths.extend(names);
    }
    paths
}

#[test]
fn scripts_are_called_with_options_that_they_know() {
    let mut seen = 0;
    for path in documents() {
        for (script, options) in calls(&file(&path)) {
            let program = root().join("deploy").join(&script);
            // A folder or a file is not a call.
            if !program.metadata().is_ok_and(|is| is.is_file() && is.permissions().mode() & 1 == 1)
            {
                assert!(
                    options.is_empty() && root().join("deploy").join(&script).exists(),
                    "{path}: there is no deploy/{script}"
                );
                continue;
            }
            if options.is_empty() {
                continue;
            }
            let help = Command::new(&program).arg("--help").output().unwrap();
            assert!(help.status.success(), "{path}: deploy/{script} --help");
            let help = String::from_utf8(help.stdout).unwrap();
            for option in options {
                let words = help.split(|sign: char| !(sign.is_alphanumeric() || sign == '-'));
                assert!(
                    words.into_iter().any(|word| word == option),
                    "{path}: deploy/{script} has no option {option}"
                );
                seen += 1;
            }
        }
    }
    assert!(seen > 10, "{seen}");
}

/// A parameter that a runbook sets exists in the deployment.
#[test]
fn parameters_that_are_set_exist() {
    let template = file("deploy/templates/picus.yaml");
    let parameter = Regex::new(r"--parameter ([A-Za-z]+)=").unwrap();
    let mut seen = 0;
    for path in documents() {
        let text = file(&path);
        for found in parameter.captures_iter(&text).filter(|found| &found[1] != "NAME") {
            assert!(template.contains(&format!("\n  {}:", &found[1])), "{path}: {}", &found[1]);
            seen += 1;
        }
    }
    assert!(seen > 0);
}

/// A template's line that a runbook changes exists, in the file that the runbook names.
#[test]
fn lines_of_templates_that_are_to_be_changed_exist() {
    let line = Regex::new(r"`([^`]+)` in\s+`(deploy/templates/[^`]+)`").unwrap();
    let mut seen = 0;
    for path in documents() {
        for found in line.captures_iter(&file(&path)) {
            assert!(file(&found[2]).contains(&found[1]), "{path}: {} in {}", &found[1], &found[2]);
            seen += 1;
        }
    }
    assert!(seen > 3, "{seen}");
}
