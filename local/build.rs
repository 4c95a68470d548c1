//! Renders the deployment's template as `deploy/render` does, so that it can be compiled in. That both
//! print the same, a test of the system holds.

use std::path::{Path, PathBuf};
use std::{env, fs};

const TEMPLATE: &str = "deploy/templates/picus.yaml";

fn main() {
    let variable = |name| PathBuf::from(env::var_os(name).expect("Cargo sets it"));
    let root = variable("CARGO_MANIFEST_DIR").join("..");
    let mut rendered = String::new();
    render(&root, TEMPLATE, "", false, &mut rendered);
    fs::write(variable("OUT_DIR").join("picus.yaml"), rendered).expect("OUT_DIR can be written");
}

/// Adds a file with those that it includes; `substitute`: text in quotes that names a pseudo parameter
/// becomes `!Sub`.
fn render(root: &Path, file: &str, indent: &str, substitute: bool, rendered: &mut String) {
    let path = root.join(file);
    println!("cargo::rerun-if-changed={}", path.display());
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
    for line in text.lines() {
        let line = if substitute { substituted(line) } else { line.to_owned() };
        let included = line.split_once("# include ").filter(|(_, path)| !path.contains(' '));
        let margin = &line[..line.len() - line.trim_start_matches(' ').len()];
        match included {
            None if line.is_empty() => rendered.push('\n'),
            None => rendered.extend([indent, &line, "\n"]),
            Some((before, path)) if before == margin => {
                render(root, path, &format!("{indent}{margin}"), false, rendered);
            }
            Some((before, path)) => {
                let before = before.strip_suffix(' ').unwrap_or(before);
                rendered.extend([indent, before, "\n"]);
                let deeper = if before.trim_start().starts_with("- ") { "    " } else { "  " };
                let is_data = !before.ends_with('|')
                    && Path::new(path).extension().is_some_and(|end| end == "json");
                render(root, path, &format!("{indent}{margin}{deeper}"), is_data, rendered);
            }
        }
    }
}

fn substituted(line: &str) -> String {
    let parts = line.split('"').enumerate().map(|(index, part)| match index % 2 {
        0 => part.to_owned(),
        _ if part.contains("${AWS::") => format!("!Sub \"{part}\""),
        _ => format!("\"{part}\""),
    });
    parts.collect()
}
