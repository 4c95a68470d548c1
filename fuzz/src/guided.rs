//! libFuzzer's program: calls the parser that `PICUS_PARSER` names with inputs that reach ever more of its code.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use picus_fuzz::{TARGETS, Target};

static TARGET: LazyLock<&Target> = LazyLock::new(|| {
    let name = std::env::var("PICUS_PARSER").unwrap_or_default();
    let Some(target) = TARGETS.iter().find(|target| target.name == name) else {
        let known: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
        eprintln!("PICUS_PARSER must be one of: {}", known.join(", "));
        std::process::exit(2);
    };
    target
});

fuzz_target!(|input: &[u8]| (TARGET.check)(input));
