//! The faults that can be begun from the console: each that a drill knows.

use picus_drills::{DRILLS, Drill, Fault};

/// The drills whose faults can be begun, each fault once.
pub(crate) fn all() -> Vec<&'static Drill> {
    let mut found: Vec<&Drill> = Vec::new();
    for drill in DRILLS.iter().filter(|drill| drill.fault != Fault::None) {
        if !found.iter().any(|known| known.fault == drill.fault) {
            found.push(drill);
        }
    }
    found
}

/// The drill of this name.
pub(crate) fn named(name: &str) -> Option<&'static Drill> {
    all().into_iter().find(|drill| drill.name == name)
}
