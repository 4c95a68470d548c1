//! `Fn::ForEach` of `AWS::LanguageExtensions`: resources that differ in one word.

use serde_json::{Map, Value};

use super::error::TemplateError;
use super::functions::Scope;
use super::written::{Parameters, Written};

/// The template's resources. Each iteration of a loop gives a resource of its own.
pub(super) fn expanded(
    resources: Map<String, Value>,
    scope: &Scope,
) -> Result<Vec<Written>, TemplateError> {
    let mut expanded = Vec::new();
    for (id, resource) in resources {
        if id.starts_with("Fn::ForEach::") {
            expanded.extend(turns(&resource, scope)?);
        } else {
            expanded.push(Written { id, resource, variables: Parameters::new() });
        }
    }
    Ok(expanded)
}

fn turns(each: &Value, scope: &Scope) -> Result<Vec<Written>, TemplateError> {
    let refused = || TemplateError::NotUnderstood(format!("a loop: {each}"));
    let variable = each[0].as_str().ok_or_else(refused)?;
    let collection = each[1].as_array().ok_or_else(refused)?;
    let fragment = each[2].as_object().ok_or_else(refused)?;
    let mut turns = Vec::new();
    for item in collection {
        let item = scope.resolve(item)?;
        let text = item.as_str().ok_or_else(refused)?.to_owned();
        let letters: String = text.chars().filter(char::is_ascii_alphanumeric).collect();
        for (id, resource) in fragment {
            let id = id
                .replace(&format!("${{{variable}}}"), &text)
                .replace(&format!("&{{{variable}}}"), &letters);
            let variables = Parameters::from([(variable.to_owned(), item.clone())]);
            turns.push(Written { id, resource: resource.clone(), variables });
        }
    }
    Ok(turns)
}
