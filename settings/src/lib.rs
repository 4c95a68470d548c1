//! Settings from environment variables, and the command line that every program shares.
//!
//! [`Reader`] reads the settings once and reports all faults together. [`Program`] answers `--help` and `--version`,
//! and decides the exit code. [`visible`] makes text from outside safe to print.

mod program;
mod reader;
mod visible;

pub use program::{Program, complain, configured, refuse};
pub use reader::{Reader, SettingsError};
pub use visible::{visible, visible_lines, write_visible};
