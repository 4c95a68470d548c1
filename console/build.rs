//! The page is embedded, so a change of it builds the crate again.

fn main() {
    println!("cargo::rerun-if-changed=page/dist");
}
