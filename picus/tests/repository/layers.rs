//! Each crate uses only those below it. ARCHITECTURE.md states the rules.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

/// The crates of Picus that each crate may use. A new crate needs an entry here and in ARCHITECTURE.md.
const MAY_USE: [(&str, &[&str]); 15] = [
    ("picus-catalogue", &[]),
    ("picus-settings", &[]),
    ("picus-cloudwatch", &[]),
    ("picus-items", &["picus-catalogue"]),
    ("picus-telemetry", &["picus-catalogue", "picus-settings"]),
    ("picus-api", &["picus-items"]),
    (
        "picus-service",
        &["picus-api", "picus-catalogue", "picus-items", "picus-settings", "picus-telemetry"],
    ),
    (
        "picus-delete-handler",
        &["picus-api", "picus-catalogue", "picus-items", "picus-settings", "picus-telemetry"],
    ),
    // It starts an executable that can run as either program, so it depends on neither.
    ("picus-local", &["picus-cloudwatch", "picus-settings"]),
    ("picus-drills", &["picus-catalogue", "picus-cloudwatch", "picus-local"]),
    ("picus-console", &["picus-api", "picus-cloudwatch", "picus-drills", "picus-local"]),
    (
        "picus",
        &[
            "picus-api",
            "picus-catalogue",
            "picus-cloudwatch",
            "picus-console",
            "picus-delete-handler",
            "picus-drills",
            "picus-local",
            "picus-service",
            "picus-settings",
        ],
    ),
    ("picus-campaigns", &["picus-drills", "picus-local", "picus-settings", "picus-testing"]),
    (
        "picus-fuzz",
        &[
            "picus-api",
            "picus-cloudwatch",
            "picus-delete-handler",
            "picus-items",
            "picus-telemetry",
        ],
    ),
    ("picus-testing", &[]),
];

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version=1", "--offline"])
        .current_dir(crate::root())
        .output()
        .unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The crates of Picus, each with those that it uses, also in tests.
fn uses() -> BTreeMap<String, Vec<String>> {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().unwrap().iter();
    let of = |package: &Value| {
        // Only tests may use `testing`, and tests of every crate may.
        let used = package["dependencies"].as_array().unwrap().iter();
        let used = used.filter(|used| used["kind"] != "dev" || used["name"] != "picus-testing");
        let names = used.map(|used| used["name"].as_str().unwrap().to_owned());
        let name = package["name"].as_str().unwrap().to_owned();
        (name, names.filter(|name| name.starts_with("picus-")).collect())
    };
    packages.map(of).collect()
}

#[test]
fn each_crate_uses_those_that_it_may() {
    let uses = uses();
    assert_eq!(uses.len(), MAY_USE.len(), "a crate is missing in MAY_USE, or is gone");
    for (name, may_use) in MAY_USE {
        for used in &uses[name] {
            let may = may_use.contains(&used.as_str());
            assert!(
                may,
                "{name} may not use {used}: see ARCHITECTURE.md, \"The map\", and MAY_USE in picus/tests/repository/layers.rs"
            );
        }
    }
}

#[test]
fn the_map_names_every_crate() {
    let map = std::fs::read_to_string(crate::root().join("ARCHITECTURE.md")).unwrap();
    for name in crate::crates() {
        assert!(map.contains(&format!("| `{name}/` |")), "ARCHITECTURE.md has no row for {name}/");
    }
}
