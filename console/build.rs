//! The page and the scenarios are embedded, so a change of them builds the crate again.

fn main() {
    println!("cargo::rerun-if-changed=page/dist");
    println!("cargo::rerun-if-changed=scenarios");
}
