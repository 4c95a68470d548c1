//! What every program has: settings from environment variables, and the command line around them.
//!
//! [`Reader`] reads the settings once and reports all faults together; [`Program`] answers `--help`
//! and `--version`, and decides the exit code.

mod program;
mod reader;

pub use program::{Program, complain, configured, refuse};
pub use reader::{Reader, SettingsError};
