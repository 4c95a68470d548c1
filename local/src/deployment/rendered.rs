//! The rendered template.

/// The template of the deployment, rendered at compile time.
pub const TEMPLATE: &str = include_str!(concat!(env!("OUT_DIR"), "/picus.yaml"));
