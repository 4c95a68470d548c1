//! The template as it is deployed.

/// The template of the deployment, rendered when this was compiled.
pub const TEMPLATE: &str = include_str!(concat!(env!("OUT_DIR"), "/picus.yaml"));
