//! The recorder behind the `metrics` facade: all that was measured in this process, for whoever scrapes
//! it, and the distributions of durations for whoever they are sent to.

mod distribution;
mod exposition;
mod facade;
mod series;

pub(crate) use distribution::{Delta, Distribution, Distributions, SCALE};
pub use exposition::Exposition;
pub(crate) use facade::Recorder;
