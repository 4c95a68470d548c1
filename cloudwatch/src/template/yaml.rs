//! Reads CloudFormation's YAML with its short tags.

use saphyr::{LoadableYamlNode as _, Scalar, Yaml};
use serde_json::{Value, json};

use super::error::TemplateError;

/// Converts YAML to JSON, with CloudFormation's tags in their long form.
///
/// # Errors
/// Invalid YAML, or keys that are not text.
pub fn read(text: &str) -> Result<Value, TemplateError> {
    let documents =
        Yaml::load_from_str(text).map_err(|error| TemplateError::Yaml(error.to_string()))?;
    documents.first().map_or(Ok(Value::Null), json_of)
}

fn json_of(yaml: &Yaml<'_>) -> Result<Value, TemplateError> {
    let refused = || TemplateError::NotUnderstood(format!("{yaml:?}"));
    Ok(match yaml {
        Yaml::Value(Scalar::Null) => Value::Null,
        Yaml::Value(Scalar::Boolean(truth)) => json!(truth),
        Yaml::Value(Scalar::Integer(number)) => json!(number),
        Yaml::Value(Scalar::FloatingPoint(number)) => json!(number.into_inner()),
        Yaml::Value(Scalar::String(text)) => json!(text),
        Yaml::Sequence(all) => Value::Array(all.iter().map(json_of).collect::<Result<_, _>>()?),
        Yaml::Mapping(all) => {
            let entry = |(name, value): (&Yaml<'_>, _)| {
                Ok((name.as_str().ok_or_else(refused)?.to_owned(), json_of(value)?))
            };
            Value::Object(all.iter().map(entry).collect::<Result<_, _>>()?)
        }
        Yaml::Tagged(tag, value) => match (tag.suffix.as_str(), json_of(value)?) {
            (name @ ("Ref" | "Condition"), value) => json!({ name: value }),
            // `!GetAtt Resource.Attribute`, split at the first dot.
            ("GetAtt", Value::String(path)) => {
                let (resource, attribute) = path.split_once('.').ok_or_else(refused)?;
                json!({ "Fn::GetAtt": [resource, attribute] })
            }
            (function, value) => json!({ format!("Fn::{function}"): value }),
        },
        _ => return Err(refused()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_become_their_long_forms() {
        let read = read("[!Ref A, !GetAtt B.C.D, !If [E, !Condition F, !Sub '${G}']]").unwrap();
        let long = json!([
            { "Ref": "A" },
            { "Fn::GetAtt": ["B", "C.D"] },
            { "Fn::If": ["E", { "Condition": "F" }, { "Fn::Sub": "${G}" }] },
        ]);
        assert_eq!(read, long);
    }
}
