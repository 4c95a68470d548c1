//! No two files of a crate use each other, directly or in a circle. So a reader can always understand one of them
//! first.
//!
//! A file uses another if it names something in it, by `use` or by a path. A `mod` line alone does not count.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

/// A crate's files by module path.
type Modules = BTreeMap<Vec<String>, PathBuf>;

/// The paths in a text, as segments: those of `use` with their braces resolved, and all others that begin with
/// `crate` or `super`.
fn paths(text: &str) -> Vec<Vec<String>> {
    let comments = Regex::new(r"(?m)//.*$").unwrap();
    let text = comments.replace_all(text, "");
    let uses = Regex::new(r"(?m)^\s*(?:pub(?:\([^)]*\))? )?use ([^;]+);").unwrap();
    let inline = Regex::new(r"\b(?:crate|super)(?:::\w+)+").unwrap();
    let aliases = Regex::new(r"\s+as\s+\w+").unwrap();
    let mut paths = Vec::new();
    for found in uses.captures_iter(&text) {
        let tree: String = aliases.replace_all(&found[1], "").split_whitespace().collect();
        expand(&tree, &[], &mut paths);
    }
    let segments = |path: &str| path.split("::").map(Into::into).collect();
    paths.extend(inline.find_iter(&text).map(|found| segments(found.as_str())));
    paths
}

/// Resolves the braces of a `use`.
fn expand(tree: &str, before: &[String], paths: &mut Vec<Vec<String>>) {
    let (path, group) = match tree.split_once('{') {
        Some((path, group)) => (path, group.strip_suffix('}')),
        None => (tree, None),
    };
    let mut segments = before.to_vec();
    segments.extend(path.split("::").filter(|part| !part.is_empty()).map(Into::into));
    let Some(group) = group else { return paths.push(segments) };
    let (mut depth, mut start) = (0, 0);
    for (at, letter) in group.char_indices().chain([(group.len(), ',')]) {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                let part = &group[start..at];
                start = at + 1;
                if !part.is_empty() {
                    expand(part, &segments, paths);
                }
            }
            _ => {}
        }
    }
}

/// The file of a path that is used in a module. A test's module is one level below its file.
fn resolve<'a>(modules: &'a Modules, within: &[String], path: &[String]) -> Option<&'a PathBuf> {
    let first = path.first()?;
    let anchored = matches!(first.as_str(), "crate" | "self" | "super");
    let (mut from, mut rest) = match first.as_str() {
        "crate" => (Vec::new(), &path[1..]),
        "self" => (within.to_vec(), &path[1..]),
        // A path may also begin with a module below this one.
        _ => (within.to_vec(), path),
    };
    while rest.first().is_some_and(|segment| segment == "super") {
        from.pop();
        rest = &rest[1..];
    }
    let mut deepest = if anchored { modules.get(&from) } else { None };
    for segment in rest {
        from.push(segment.clone());
        let Some(file) = modules.get(&from) else { break };
        deepest = Some(file);
    }
    deepest
}

/// The module of a file below `src`.
fn module_of(file: &Path) -> Vec<String> {
    let mut path: Vec<_> =
        file.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if path.last().is_some_and(|name| ["mod", "lib", "main"].contains(&name.as_str())) {
        path.pop();
    }
    path
}

fn modules(src: &Path) -> Modules {
    let mut files = vec![];
    let mut folders = vec![src.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                folders.push(entry);
            } else if entry.extension().is_some_and(|end| end == "rs") {
                files.push(entry);
            }
        }
    }
    // A `main.rs` beside a `lib.rs` is a small crate of its own.
    let has_library = src.join("lib.rs").exists();
    files.retain(|file| !(has_library && *file == src.join("main.rs")));
    files.into_iter().map(|file| (module_of(file.strip_prefix(src).unwrap()), file)).collect()
}

/// Files below `src` that use each other, directly or through others, each with the files of its circle that it uses.
fn circles(src: &Path) -> Vec<(PathBuf, Vec<PathBuf>)> {
    let modules = modules(src);
    let mut arrows = BTreeMap::new();
    for (module, file) in &modules {
        let text = fs::read_to_string(file).unwrap();
        let (code, tests) = text.split_once("#[cfg(test)]\nmod tests").unwrap_or((&text, ""));
        let within_tests: Vec<_> = module.iter().cloned().chain(["tests".to_owned()]).collect();
        let of = |text: &str, within: &[String]| -> BTreeSet<PathBuf> {
            paths(text).iter().filter_map(|path| resolve(&modules, within, path)).cloned().collect()
        };
        let mut used = of(code, module);
        used.extend(of(tests, &within_tests));
        used.remove(file);
        arrows.insert(file.clone(), used);
    }
    let reached: BTreeMap<_, _> =
        arrows.keys().map(|file| (file, reached(&arrows, file))).collect();
    let within = |file: &PathBuf| {
        let used = arrows[file].iter().filter(|used| reached[used].contains(file));
        (file.clone(), used.cloned().collect::<Vec<_>>())
    };
    arrows.keys().filter(|file| reached[file].contains(*file)).map(within).collect()
}

/// The files that a file uses, directly or through others.
fn reached(uses: &BTreeMap<PathBuf, BTreeSet<PathBuf>>, from: &PathBuf) -> BTreeSet<PathBuf> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<_> = uses[from].iter().collect();
    while let Some(file) = open.pop() {
        if reached.insert(file.clone()) {
            open.extend(&uses[file]);
        }
    }
    reached
}

#[test]
fn no_files_depend_on_each_other_in_a_circle() {
    let mut found = String::new();
    for name in crate::crates() {
        for (file, used) in circles(&crate::root().join(name).join("src")) {
            let _ = writeln!(found, "{} uses", file.display());
            for used in used {
                let _ = writeln!(found, "  {}", used.display());
            }
        }
    }
    assert!(
        found.is_empty(),
        "these files use each other; move what they share into another file:\n{found}"
    );
}

#[test]
fn a_circle_is_found_in_every_notation() {
    for (one, other) in [
        ("use crate::b::B;", "pub struct B(crate::a::A);"),
        ("use super::b;", "use crate::{a::{self, A}};"),
        ("use super::b;", "use std::{fmt as f, io};\nuse crate::{b as own, a as other};"),
        ("#[cfg(test)]\nmod tests {\n    fn f() { super::super::b::f(); }\n}", "use super::a::*;"),
    ] {
        let src = tempfile::tempdir().unwrap();
        fs::write(src.path().join("lib.rs"), "mod a; mod b; pub use a::A;").unwrap();
        fs::write(src.path().join("a.rs"), one).unwrap();
        fs::write(src.path().join("b.rs"), other).unwrap();
        assert_eq!(circles(src.path()).len(), 2, "{one} {other}");
        fs::write(src.path().join("b.rs"), "pub struct B; // crate::a").unwrap();
        assert_eq!(circles(src.path()).len(), 0, "{one}");
    }
}
