//! Facts that stand in several places: endpoints, platforms, the toolchain.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use picus_api::route;
use serde_json::Value;

use crate::{crates, root};

/// The operations without a latency SLO, each with its reason.
const WITHOUT_SLO: [(&str, &str); 1] =
    [(route::HEALTH, "the load balancer and the container ask for it; no client waits")];

/// The operations of the OpenAPI document, each with its method and template.
fn operations() -> Vec<(String, String, Value)> {
    let document = serde_json::to_value(picus_api::document()).unwrap();
    let paths = document["paths"].as_object().unwrap().iter();
    let of = |(template, path): (&String, &Value)| {
        let methods = path.as_object().unwrap().clone().into_iter();
        methods
            .map(|(method, operation)| (method.to_uppercase(), template.clone(), operation))
            .collect::<Vec<_>>()
    };
    paths.flat_map(of).collect()
}

/// If a route is not counted, nobody sees that it is slow.
#[test]
fn each_operation_is_in_a_latency_slo_or_says_why_not() {
    let counted = route::SLO_OF_SERVICE.iter().chain(&route::SLO_OF_HANDLER);
    let counted: BTreeSet<_> = counted.copied().collect();
    let without: BTreeSet<_> = WITHOUT_SLO.iter().map(|(template, _)| *template).collect();
    let found: BTreeSet<_> = operations().into_iter().map(|(_, template, _)| template).collect();
    for template in &found {
        let template = template.as_str();
        assert!(
            counted.contains(template) != without.contains(template),
            "{template}: add it to SLO_OF_SERVICE or SLO_OF_HANDLER in api/src/route.rs, or to WITHOUT_SLO in \
             picus/tests/repository/places.rs with the reason"
        );
    }
    for template in counted.iter().chain(&without) {
        assert!(
            found.contains(*template),
            "{template} is in SLO_OF_SERVICE, SLO_OF_HANDLER or WITHOUT_SLO, but no operation has it"
        );
    }
}

/// Clients can rely only on headers that are in the document.
#[test]
fn each_response_in_the_document_has_the_headers_of_every_response() {
    let operations = operations();
    assert!(operations.len() > 10, "{}", operations.len());
    for (method, template, operation) in operations {
        for (status, response) in operation["responses"].as_object().unwrap() {
            for header in picus_api::headers::EVERY_RESPONSE {
                assert!(
                    response["headers"][header.name].is_object(),
                    "{method} {template} lacks {} in {status}: see api/src/openapi/response_headers.rs",
                    header.name
                );
            }
        }
    }
}

/// Every Rust file of a crate, with tests and benchmarks; or every Python file of a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    let of = |path: PathBuf| {
        if path.is_dir() {
            return sources(&path);
        }
        Vec::from_iter(
            path.extension().is_some_and(|end| end == "rs" || end == "py").then_some(path),
        )
    };
    entries.flat_map(of).collect()
}

/// `ci/macos` only compiles for macOS. A path that does not exist there would show only at run time.
#[test]
fn only_code_for_linux_reads_the_proc_file_system() {
    let this = Path::new(file!()).file_name();
    let all = crates().into_iter().flat_map(|name| sources(&root().join(name)));
    let all: Vec<_> = all.filter(|path| path.file_name() != this).collect();
    assert!(all.len() > 200, "{}", all.len());
    for path in all {
        let text = fs::read_to_string(&path).unwrap();
        let reads = ["\"/proc/", "procfs::"].iter().any(|word| text.contains(word));
        assert!(
            !reads || text.contains("#[cfg(target_os = \"linux\")]"),
            "{}: put the code that reads /proc behind #[cfg(target_os = \"linux\")], and write what other systems do: \
             local/src/memory.rs is an example",
            path.display()
        );
    }
}

#[test]
fn the_toolchain_the_image_and_the_manifest_name_one_rust() {
    let text = |file| fs::read_to_string(root().join(file)).unwrap();
    let toolchain = text("rust-toolchain.toml");
    let version = toolchain.split("channel = \"").nth(1).unwrap().split('"').next().unwrap();
    let images: BTreeSet<_> = text("Dockerfile")
        .lines()
        .filter_map(|line| Some(line.strip_prefix("FROM rust:")?.split('-').next()?.to_owned()))
        .collect();
    assert_eq!(
        images,
        [version.to_owned()].into(),
        "the Dockerfile and rust-toolchain.toml differ"
    );
    let manifest = text("Cargo.toml");
    let least = manifest.split("rust-version = \"").nth(1).unwrap().split('"').next().unwrap();
    assert!(
        version.starts_with(least),
        "Cargo.toml has rust-version {least}, rust-toolchain.toml {version}"
    );
}

/// docs/ADAPT.md sends its readers to these tests and files.
#[test]
fn the_tests_and_files_that_the_guide_names_are_there() {
    let guide = fs::read_to_string(root().join("docs/ADAPT.md")).unwrap();
    let folders = crates().into_iter().chain(["deploy/tests".to_owned()]);
    let all = folders.flat_map(|name| sources(&root().join(name)));
    let all: String = all.map(|path| fs::read_to_string(path).unwrap()).collect();
    let mut tests = 0;
    for word in guide.lines().filter(|line| !line.starts_with("```")).flat_map(words) {
        let name = word.rsplit("::").next().unwrap();
        if is_test(name) {
            assert!(
                ["fn", "def"].iter().any(|kind| all.contains(&format!("{kind} {name}("))),
                "docs/ADAPT.md: no test is called {name}"
            );
            tests += 1;
        } else if word.contains('/') && !word.contains([' ', '*']) && !word.contains("NAME") {
            assert!(root().join(word).exists(), "docs/ADAPT.md: there is no {word}");
        }
    }
    assert!(tests > 15, "{tests}");
}

/// The names in backticks in a line.
fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

fn is_test(name: &str) -> bool {
    name.matches('_').count() > 2
        && name.chars().all(|letter| letter == '_' || letter.is_ascii_lowercase())
}

/// In a row, a name stands after the file that has it.
#[test]
fn the_files_that_the_guide_names_have_the_names_beside_them() {
    let guide = fs::read_to_string(root().join("docs/ADAPT.md")).unwrap();
    let is_name = |word: &str| word.chars().all(|letter| letter == '_' || letter.is_alphabetic());
    let mut names = 0;
    for place in guide.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").nth(1)) {
        let mut file = None;
        for word in words(place) {
            if root().join(word).is_file() {
                file = Some((word, fs::read_to_string(root().join(word)).unwrap()));
            } else if let Some((path, text)) = &file
                && is_name(word)
                && !is_test(word)
            {
                assert!(text.contains(word), "docs/ADAPT.md: {path} has no {word}");
                names += 1;
            }
        }
    }
    assert!(names > 15, "{names}");
}
