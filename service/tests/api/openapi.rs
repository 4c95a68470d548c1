//! The OpenAPI document.

use std::path::Path;
use std::{env, fs};

use crate::app::spawn_app;

/// A change to the document must appear in a diff. `UPDATE_SNAPSHOTS=1` rewrites the file.
#[tokio::test]
async fn the_document_is_the_one_that_was_reviewed() {
    let app = spawn_app().await;
    let document = app.get_path("/openapi.json").await.text().await.unwrap() + "\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/openapi.json");
    if env::var_os("UPDATE_SNAPSHOTS").is_some() {
        fs::write(&path, &document).unwrap();
    }
    let reviewed = fs::read_to_string(&path).unwrap();
    // The first difference, with the lines before it.
    let equal = document.lines().zip(reviewed.lines()).take_while(|(new, old)| new == old).count();
    let from = |text: &str| {
        let lines = text.lines().skip(equal.saturating_sub(5)).take(10);
        lines.collect::<Vec<_>>().join("\n")
    };
    assert!(
        document == reviewed,
        "service/tests/openapi.json differs from line {}; it has\n{}\nand the code says\n{}\nIf the contract is to change, \
         run this test with UPDATE_SNAPSHOTS=1, and review and commit the change of the file.",
        equal + 1,
        from(&reviewed),
        from(&document)
    );
}
