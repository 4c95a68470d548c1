//! Drills. For each alarm, its fault is caused in a real system. The alarms, read from the deployed template, then
//! get the metrics that this system reports.
//!
//! A minute of CloudWatch's time takes as long as its requests take, at least an eighth of a second. A few such
//! minutes are recorded and played to the alarms: first as they were, then the last ones repeatedly, for as long as
//! the fault should last. So three days take seconds, and yet every number was measured.

mod alarms;
mod clients;
mod cpu;
mod cpu_use;
mod declarations;
mod exemplars;
mod exposition;
mod fault;
mod metrics;
mod percentiles;
mod plan;
mod record;
mod releases;
mod report;
mod scrape;
mod solver;
mod stage;
mod story;
mod tape;
mod traffic;

pub use alarms::{TEMPLATE, alarms, parameters};
pub use clients::{Compared, End, Seen, Sli};
pub use exemplars::Exemplar;
pub use exposition::{Sample, samples};
pub use fault::NamedFault;
pub use plan::{DRILLS, Drill, FUNCTION_TIMEOUT, Fault};
pub use record::{Step, record};
pub use releases::{Release, Releases};
pub use report::Report;
pub use stage::{DrillError, Stage};
pub use story::wrapped;
pub use tape::{Tape, Verdict};
pub use traffic::Traffic;
