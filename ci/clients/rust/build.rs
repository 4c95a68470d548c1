//! Has Progenitor make its client. It reads OpenAPI 3.0, which differs from ours in its version and
//! in `not` with limits of numbers, and what it makes of OPTIONS does not compile.

use std::path::Path;
use std::{env, fs};

use serde_json::{Value, json};

fn main() {
    println!("cargo:rerun-if-changed=../openapi.json");
    let text = fs::read_to_string("../openapi.json").unwrap();
    let mut document: Value = serde_json::from_str(&text).unwrap();
    document["openapi"] = json!("3.0.3");
    document["components"]["schemas"]["Value"].as_object_mut().unwrap().remove("not");
    for path in document["paths"].as_object_mut().unwrap().values_mut() {
        path.as_object_mut().unwrap().remove("options");
    }
    let document = serde_json::from_value(document).unwrap();
    let client = progenitor::Generator::default().generate_tokens(&document).unwrap();
    let client = prettyplease::unparse(&syn::parse2(client).unwrap());
    fs::write(Path::new(&env::var("OUT_DIR").unwrap()).join("progenitor.rs"), client).unwrap();
}
