//! Drills: each fault that an alarm is for is made in a real system, and the alarms, read from the
//! template that is deployed, are shown what the system then reports.
//!
//! A minute of CloudWatch's is as long as its requests take, and an eighth of a second at least. What
//! a system reports in a few such minutes is recorded, and played to the alarms: once as it was, and
//! then its last minutes over and over, for as long as the fault is to last. So three days pass in
//! seconds, and every number in them was measured.

mod alarms;
mod cpu;
mod exposition;
mod fault;
mod metrics;
mod plan;
mod record;
mod report;
mod scrape;
mod stage;
mod story;
mod tape;
mod traffic;

pub use alarms::{TEMPLATE, alarms, parameters};
pub use exposition::{Sample, samples};
pub use fault::NamedFault;
pub use plan::{DRILLS, Drill, FUNCTION_TIMEOUT, Fault};
pub use record::{Step, record};
pub use report::Report;
pub use stage::DrillError;
pub use tape::{Tape, Verdict};
pub use traffic::Traffic;
