//! The registry for OpenTelemetry Weaver is generated from the catalogue. `UPDATE_SNAPSHOTS=1` rewrites it.

use std::path::Path;
use std::{env, fs};

use picus_catalogue::registry;

#[test]
fn the_registry_is_what_the_catalogue_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("registry");
    for (name, text) in registry::files() {
        let file = folder.join(name);
        if env::var_os("UPDATE_SNAPSHOTS").is_some() {
            fs::create_dir_all(&folder).unwrap();
            fs::write(&file, &text).unwrap();
        }
        let kept = fs::read_to_string(&file).unwrap_or_default();
        assert!(
            kept == text,
            "{} does not match the catalogue: rewrite it with UPDATE_SNAPSHOTS=1 cargo test --workspace --test registry",
            file.display()
        );
    }
    let files = fs::read_dir(&folder).unwrap().count();
    assert_eq!(
        files,
        registry::files().len(),
        "catalogue/registry has a file that is not generated"
    );
}
