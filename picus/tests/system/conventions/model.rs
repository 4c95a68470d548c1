//! The published conventions, as far as Picus uses them.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use picus_cloudwatch::template;
use serde_json::Value;

pub(super) fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The requirement level of each attribute, by its name.
pub(super) type Levels = BTreeMap<String, String>;

pub(super) struct Model {
    pub(super) version: String,
    facts: Value,
}

impl Model {
    pub(super) fn read() -> Self {
        let file = repository().join("catalogue/conventions/model.yaml");
        let facts = template::read(&fs::read_to_string(file).unwrap()).unwrap();
        Self { version: facts["version"].as_str().unwrap().to_owned(), facts }
    }

    pub(super) fn metric(&self, name: &str) -> Option<&Value> {
        self.facts["metrics"].get(name)
    }

    /// The attributes of a group: of metrics, spans or entities.
    pub(super) fn levels(&self, kind: &str, name: &str) -> Levels {
        let levels = &self.facts[kind][name]["attributes"];
        let levels = levels.as_object().unwrap_or_else(|| panic!("{kind}: no {name}"));
        levels.iter().map(|(name, level)| (name.clone(), level.as_str().unwrap().into())).collect()
    }

    pub(super) fn kind(&self, span: &str) -> &str {
        self.facts["spans"][span]["kind"].as_str().unwrap()
    }

    /// What is wrong with an attribute's name.
    pub(super) fn fault_of_name(&self, name: &str) -> Option<String> {
        let Some(known) = self.facts["attributes"].get(name) else {
            return Some(format!("attribute {name}: missing_attribute"));
        };
        known.get("deprecated").map(|_| format!("attribute {name}: deprecated"))
    }

    /// What is wrong with an attribute's name or value.
    pub(super) fn fault_of(&self, name: &str, value: &Value) -> Option<String> {
        let fault = self.fault_of_name(name);
        if fault.is_some() {
            return fault;
        }
        let is = match value {
            Value::String(_) => "string",
            Value::Bool(_) => "boolean",
            Value::Number(number) if number.is_f64() => "double",
            Value::Number(_) => "int",
            Value::Array(_) => "string[]",
            _ => "nothing",
        };
        let wanted = self.facts["attributes"][name]["type"].as_str().unwrap();
        (is != wanted).then(|| format!("attribute {name}: type_mismatch, {is} and not {wanted}"))
    }
}
