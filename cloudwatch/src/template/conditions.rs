//! Evaluates a template's conditions, and chooses branches.

use serde_json::{Map, Value, json};

use super::error::TemplateError;
use super::functions::Scope;

/// The template's conditions by name.
#[derive(Debug, Clone, Default)]
pub(super) struct Conditions(pub(super) Map<String, Value>);

impl Conditions {
    /// Whether this condition holds.
    pub(super) fn holds(&self, name: &Value, scope: &Scope) -> Result<bool, TemplateError> {
        let name = name.as_str().unwrap_or_default();
        let condition = self.0.get(name).ok_or_else(|| TemplateError::Unknown(name.to_owned()))?;
        self.is_true(condition, scope)
    }

    fn is_true(&self, condition: &Value, scope: &Scope) -> Result<bool, TemplateError> {
        let refused = || TemplateError::NotUnderstood(format!("the condition {condition}"));
        let (function, argument) =
            condition.as_object().and_then(|all| all.iter().next()).ok_or_else(refused)?;
        let mut all = argument.as_array().into_iter().flatten();
        match function.as_str() {
            "Condition" => self.holds(argument, scope),
            "Fn::Not" => Ok(!self.is_true(&argument[0], scope)?),
            "Fn::And" => all.try_fold(true, |so_far, one| Ok(self.is_true(one, scope)? && so_far)),
            "Fn::Or" => all.try_fold(false, |so_far, one| Ok(self.is_true(one, scope)? || so_far)),
            "Fn::Equals" => {
                // Parameters are text, even if they look like numbers.
                let side = |index: usize| match scope.resolve(&argument[index])? {
                    Value::String(text) => Ok(text),
                    other => Ok(other.to_string()),
                };
                Ok(side(0)? == side(1)?)
            }
            _ => Err(refused()),
        }
    }

    /// Replaces each `Fn::If` by the chosen branch, and leaves out `AWS::NoValue`.
    pub(super) fn choose(&self, value: &Value, scope: &Scope) -> Result<Value, TemplateError> {
        Ok(match value {
            Value::Array(all) => {
                let chosen: Result<Vec<_>, _> =
                    all.iter().map(|value| self.choose(value, scope)).collect();
                Value::Array(chosen?.into_iter().filter(|value| !is_no_value(value)).collect())
            }
            Value::Object(all) => {
                if let Some(argument) = all.get("Fn::If") {
                    let branch = if self.holds(&argument[0], scope)? { 1 } else { 2 };
                    return self.choose(&argument[branch], scope);
                }
                let mut chosen = Map::new();
                for (name, value) in all {
                    let value = self.choose(value, scope)?;
                    if !is_no_value(&value) {
                        chosen.insert(name.clone(), value);
                    }
                }
                Value::Object(chosen)
            }
            plain => plain.clone(),
        })
    }
}

fn is_no_value(value: &Value) -> bool {
    *value == json!({ "Ref": "AWS::NoValue" })
}
