//! The repository's rules.

mod circles;
mod layers;
mod places;
mod variables;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use picus_api::{Code, route};
use picus_catalogue as catalogue;
use picus_settings::Reader;
use regex::Regex;
use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The folders of the crates.
fn crates() -> Vec<String> {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let members = manifest.split("members = [").nth(1).unwrap().split(']').next().unwrap();
    members.split('"').skip(1).step_by(2).map(Into::into).collect()
}

#[test]
fn links_in_the_documents_lead_somewhere() {
    let folders =
        [".", ".github", "docs", "docs/decisions", "docs/runbooks", "deploy", "ci", "policies"];
    let documents = folders
        .iter()
        .flat_map(|folder| fs::read_dir(root().join(folder)).unwrap())
        .map(|entry| entry.unwrap().path());
    for document in documents.filter(|path| path.extension().is_some_and(|end| end == "md")) {
        let text = fs::read_to_string(&document).unwrap();
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for target in targets.filter(|target| !target.starts_with("http")) {
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let file = match file {
                "" => document.clone(),
                file => document.parent().unwrap().join(file),
            };
            assert!(
                file.exists(),
                "{} links to {target}, which does not exist",
                document.display()
            );
            assert!(
                anchor.is_empty() || anchors(&file).contains(anchor),
                "{} links to {target}: no heading has this anchor",
                document.display()
            );
        }
    }
}

/// A document's anchors: those that GitHub makes from headings, and its own.
fn anchors(document: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(document).unwrap();
    let kept = |letter: char| letter.is_alphanumeric() || "-_".contains(letter);
    let headings = text.lines().filter(|line| line.starts_with('#')).map(|line| {
        let title = line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        title.chars().filter(|letter| kept(*letter)).collect()
    });
    let own = text.split("<a id=\"").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned());
    headings.chain(own).collect()
}

/// In docs/API.md, a status stands before its codes: ``404 `unknown_path`, 405 `method_not_allowed` ``.
#[test]
fn the_documents_name_every_error_code() {
    let api = fs::read_to_string(root().join("docs/API.md")).unwrap();
    let runbook = "docs/runbooks/availability-page.md";
    let availability = fs::read_to_string(root().join(runbook)).unwrap();
    let table = api.split("\n## Errors\n").nth(1).unwrap();
    let row = Regex::new(r"(\d{3}) ((?:`\w+`(?:, )?)+)").unwrap();
    let told: BTreeSet<(&str, &str)> = row
        .captures_iter(table)
        .flat_map(|found| {
            let (_, [status, codes]) = found.extract();
            codes.split('`').skip(1).step_by(2).map(move |code| (status, code))
        })
        .collect();
    for code in Code::all() {
        let (status, word) = (code.status().to_string(), code.as_str());
        assert!(
            told.contains(&(&status, word)),
            "docs/API.md, \"Errors\", lacks a row with {status} `{word}`"
        );
        assert!(
            code.status() < 500 || availability.contains(&format!("| `{word}` |")),
            "{runbook} lacks a row for the error code `{word}`"
        );
    }
}

#[test]
fn the_api_document_has_every_call() {
    let api = fs::read_to_string(root().join("docs/API.md")).unwrap();
    let headings: Vec<_> = api.lines().filter(|line| line.starts_with("## ")).collect();
    // Every path has HEAD and OPTIONS.
    let own = |method: &&str| !["HEAD", "OPTIONS"].contains(method);
    for template in route::ALL {
        for method in route::methods(template).filter(own) {
            let call = format!("`{method} {template}`");
            assert!(
                headings.iter().any(|heading| heading.contains(&call)),
                "docs/API.md lacks a heading with {call}"
            );
        }
    }
}

/// The rows of a document's tables whose first cell is in backticks: the first cell, and the whole row.
fn rows(document: &str) -> impl Iterator<Item = (&str, &str)> {
    document.lines().filter_map(|line| Some((line.strip_prefix("| `")?.split('`').next()?, line)))
}

#[test]
fn the_operators_document_lists_every_metric_and_setting() {
    let document = fs::read_to_string(root().join("docs/OPERATIONS.md")).unwrap();
    for metric in catalogue::ALL {
        let labels: Vec<_> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        let row = format!("| `{}` | {} | {} |", metric.name, labels.join(", "), metric.help);
        assert!(document.lines().any(|line| line == row), "docs/OPERATIONS.md lacks\n{row}");
    }
    let settings = |read: fn(&mut Reader)| {
        let mut env = Reader::new(|_| None);
        read(&mut env);
        env.described().collect::<BTreeMap<_, _>>()
    };
    let of_service = settings(|env| drop(picus_service::Config::read(env)));
    let of_handler = settings(|env| drop(picus_delete_handler::Config::read(env)));
    let cell = |is: bool| if is { "yes" } else { "" };
    // If both programs have a setting, the row has the service's words. A row may add more text.
    let both: BTreeMap<_, _> = of_handler.iter().chain(&of_service).collect();
    for (name, help) in both {
        let (service, handler) = (of_service.contains_key(name), of_handler.contains_key(name));
        let start = format!("| `{name}` | {} | {} | {help}", cell(service), cell(handler));
        assert!(
            rows(&document).any(|(_, row)| row.starts_with(&start)),
            "docs/OPERATIONS.md lacks a row that begins\n{start}"
        );
    }
    let is_setting =
        |name: &str| name.chars().all(|letter| letter == '_' || letter.is_ascii_uppercase());
    for (name, _) in rows(&document).filter(|(name, _)| is_setting(name)) {
        assert!(
            of_service.contains_key(name) || of_handler.contains_key(name),
            "docs/OPERATIONS.md: no program has the setting {name}"
        );
    }
}

#[test]
fn the_readme_begins_with_the_two_commands_that_start_picus() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let blocks = readme.split("```").skip(1).step_by(2);
    let blocks: Vec<&str> = blocks.filter(|block| block.starts_with("sh\n")).collect();
    let commands = ["sh\ncargo run --release\n", "sh\ncargo test --workspace\n"];
    assert!(
        blocks.starts_with(&commands),
        "README.md must begin with the commands\n{commands:#?}\nbut has\n{blocks:#?}"
    );
}

/// IAM's limits, in characters without white space: 6,144 for a managed policy, 10,240 for all inline policies of a
/// role (IAM User Guide, "IAM and AWS STS quotas"). A placeholder is longer than its value.
#[test]
fn the_policies_keep_iams_limits() {
    let managed = ["ecs", "lambda", "alb", "ecr", "iam", "cloudwatch-logs", "ec2-readonly", "sts"]
        .map(|name| format!("picus-{name}-policy.json"));
    let mut inline = 0;
    let files = fs::read_dir(root().join("policies")).unwrap().map(|entry| entry.unwrap().path());
    for file in files.filter(|path| path.extension().is_some_and(|end| end == "json")) {
        let text = fs::read_to_string(&file).unwrap();
        let policy: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(policy["Version"], "2012-10-17", "{}", file.display());
        let size = text.chars().filter(|character| !character.is_whitespace()).count();
        assert!(size <= 6144, "{} has {size} characters, and IAM allows 6144", file.display());
        let name = file.file_name().unwrap().to_string_lossy();
        if name.ends_with("-policy.json") && !managed.iter().any(|managed| *managed == name) {
            inline += size;
        }
    }
    assert!((1..=10_240).contains(&inline), "the deploy role's inline policies: {inline}");
}
