//! A template's resources as they are written, and the values that their names stand for.

use std::collections::BTreeMap;

use serde_json::Value;

/// Values for a template's parameters, by their names.
pub type Parameters = BTreeMap<String, Value>;

/// A resource as it is written, with the values that its loop gives it.
#[derive(Debug, Clone)]
pub(super) struct Written {
    pub(super) id: String,
    pub(super) resource: Value,
    pub(super) variables: Parameters,
}
