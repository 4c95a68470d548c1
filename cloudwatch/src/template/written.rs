//! A template's resources as written, with the values of names.

use std::collections::BTreeMap;

use serde_json::Value;

/// Values of a template's parameters, by name.
pub type Parameters = BTreeMap<String, Value>;

/// A resource as written, with its loop's values.
#[derive(Debug, Clone)]
pub(super) struct Written {
    pub(super) id: String,
    pub(super) resource: Value,
    pub(super) variables: Parameters,
}
