//! Evaluates the intrinsic functions that return a value: `Ref`, `Fn::GetAtt`, `Fn::Sub`, `Fn::FindInMap`, `Fn::Join`
//! and `Fn::Select`.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::error::TemplateError;
use super::references::REFERENCES;
use super::written::{Parameters, Written};

/// What names refer to.
#[derive(Debug, Clone, Default)]
pub(super) struct Scope {
    /// Parameters, and a loop's variable.
    pub(super) values: Parameters,
    pub(super) mappings: Arc<Map<String, Value>>,
    pub(super) resources: Arc<BTreeMap<String, Written>>,
}

impl Scope {
    pub(super) fn with(&self, variables: &Parameters) -> Self {
        let mut scope = self.clone();
        scope.values.extend(variables.clone());
        scope
    }

    pub(super) fn resolve(&self, value: &Value) -> Result<Value, TemplateError> {
        let Value::Object(all) = value else {
            return match value {
                Value::Array(all) => all.iter().map(|value| self.resolve(value)).collect(),
                plain => Ok(plain.clone()),
            };
        };
        let Some((function, argument)) = all.iter().next() else { return Ok(value.clone()) };
        match function.as_str() {
            "Ref" => self.reference(argument.as_str().unwrap_or_default()),
            "Fn::GetAtt" => self.attribute(
                argument[0].as_str().unwrap_or_default(),
                argument[1].as_str().unwrap_or_default(),
            ),
            "Fn::Sub" => self.substitute(argument),
            "Fn::FindInMap" => self.find(argument),
            "Fn::Join" => self.join(argument),
            "Fn::Select" => self.select(argument),
            function if function.starts_with("Fn::") => {
                Err(TemplateError::NotUnderstood(function.to_owned()))
            }
            _ => {
                let entry = |(name, value): (&String, _)| Ok((name.clone(), self.resolve(value)?));
                Ok(Value::Object(all.iter().map(entry).collect::<Result<_, _>>()?))
            }
        }
    }

    fn reference(&self, name: &str) -> Result<Value, TemplateError> {
        match self.values.get(name) {
            Some(value) => Ok(value.clone()),
            None => self.attribute(name, ""),
        }
    }

    /// An attribute of a resource. An empty name stands for `Ref`.
    fn attribute(&self, id: &str, attribute: &str) -> Result<Value, TemplateError> {
        let unknown = || TemplateError::Unknown(id.to_owned());
        let Written { resource, variables, .. } = self.resources.get(id).ok_or_else(unknown)?;
        let kind = resource["Type"].as_str().unwrap_or_default();
        let known = REFERENCES.iter().find(|(of, name, _)| (*of, *name) == (kind, attribute));
        let Some((_, _, pattern)) = known else {
            let what = if attribute.is_empty() { "Ref" } else { attribute };
            return Err(TemplateError::NotUnderstood(format!("`{what}` of {id}, which is {kind}")));
        };
        let mut scope = self.with(variables);
        scope.values.insert("LogicalId".to_owned(), json!(id));
        for name in pattern.split("${").skip(1).filter_map(|part| part.split('}').next()) {
            let property = &resource["Properties"][name];
            if !property.is_null() {
                let value = scope.resolve(property)?;
                scope.values.insert(name.to_owned(), value);
            } else if !scope.values.contains_key(name) {
                return Err(TemplateError::NotUnderstood(format!("{id} without {name}")));
            }
        }
        Ok(json!(scope.filled(pattern)?))
    }

    fn find(&self, argument: &Value) -> Result<Value, TemplateError> {
        let path = self.resolve(argument)?;
        let part = |index: usize| path[index].as_str().unwrap_or_default();
        let map = self.mappings.get(part(0)).and_then(|map| map.get(part(1))?.get(part(2)));
        map.cloned().ok_or_else(|| TemplateError::Unknown(path.to_string()))
    }

    fn join(&self, argument: &Value) -> Result<Value, TemplateError> {
        let refused = || TemplateError::NotUnderstood(format!("Fn::Join of {argument}"));
        let between = argument[0].as_str().ok_or_else(refused)?;
        let parts = self.resolve(&argument[1])?;
        let parts = parts.as_array().ok_or_else(refused)?;
        Ok(json!(parts.iter().map(text).collect::<Vec<_>>().join(between)))
    }

    fn select(&self, argument: &Value) -> Result<Value, TemplateError> {
        let refused = || TemplateError::NotUnderstood(format!("Fn::Select of {argument}"));
        let index = text(&self.resolve(&argument[0])?).parse::<usize>().map_err(|_| refused())?;
        self.resolve(&argument[1])?.get(index).cloned().ok_or_else(refused)
    }

    /// `Fn::Sub`: a text with `${names}`, or a list of such a text and values.
    fn substitute(&self, argument: &Value) -> Result<Value, TemplateError> {
        let Value::Array(parts) = argument else {
            return Ok(json!(self.filled(argument.as_str().unwrap_or_default())?));
        };
        let mut scope = self.clone();
        for (name, value) in parts.get(1).and_then(Value::as_object).into_iter().flatten() {
            scope.values.insert(name.clone(), self.resolve(value)?);
        }
        Ok(json!(scope.filled(argument[0].as_str().unwrap_or_default())?))
    }

    pub(super) fn filled(&self, pattern: &str) -> Result<String, TemplateError> {
        let mut parts = pattern.split("${");
        let mut filled = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let unclosed =
                || TemplateError::NotUnderstood(format!("`${{` without an end: {pattern}"));
            let (name, rest) = part.split_once('}').ok_or_else(unclosed)?;
            let value = match name.split_once('.') {
                Some((id, attribute)) => self.attribute(id, attribute)?,
                None => self.reference(name)?,
            };
            filled.push_str(&text(&value));
            filled.push_str(rest);
        }
        Ok(filled)
    }
}

/// A value as part of a text.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
