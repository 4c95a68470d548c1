//! The recorder behind the `metrics` macros: everything measured in this process for a scraper, and the distributions
//! of durations for a collector.

mod distribution;
mod exposition;
mod facade;
mod series;

pub(crate) use distribution::{Delta, Distribution, Distributions, SCALE};
pub use exposition::Exposition;
pub(crate) use facade::Recorder;
