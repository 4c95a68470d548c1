//! CloudFormation templates, read as CloudFormation reads them: YAML with its short tags, the loops of
//! `AWS::LanguageExtensions`, and those intrinsic functions that Picus' alarms use.

use std::collections::BTreeMap;

use saphyr::{LoadableYamlNode as _, Scalar, Yaml};
use serde_json::{Map, Value, json};

/// Values for a template's parameters, by their names.
pub type Parameters = BTreeMap<String, Value>;

/// Why a template can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// It is not YAML.
    #[error("the template is no YAML: {0}")]
    Yaml(String),
    /// It refers to something that is not there.
    #[error(
        "the template refers to `{0}`, which is neither a parameter, nor a mapping, nor a resource of it"
    )]
    Unknown(String),
    /// It holds something that is not understood.
    #[error("the template holds what is not understood: {0}")]
    NotUnderstood(String),
}

/// A template's resources by their logical ids, with everything put in.
///
/// # Errors
/// What is wrong with the template, or with the parameters for it.
pub fn resources(text: &str, parameters: &Parameters) -> Result<Map<String, Value>, TemplateError> {
    let template = read(text)?;
    let of = |section: &str| template[section].as_object().cloned().unwrap_or_default();
    let defaults =
        of("Parameters").into_iter().map(|(name, value)| (name, value["Default"].clone()));
    let mut values: Parameters = defaults.filter(|(_, value)| !value.is_null()).collect();
    values.extend(parameters.clone());
    for (name, value) in [("AWS::Region", "eu-central-1"), ("AWS::AccountId", "123456789012")] {
        values.insert(name.to_owned(), json!(value));
    }
    let mut scope = Scope { values, mappings: of("Mappings"), resources: Map::new() };
    let mut expanded = Vec::new();
    for (name, resource) in of("Resources") {
        match name.strip_prefix("Fn::ForEach::") {
            None => expanded.push((name, resource, Parameters::new())),
            Some(_) => expanded.extend(scope.each(&resource)?),
        }
    }
    scope.resources =
        expanded.iter().map(|(name, resource, _)| (name.clone(), resource.clone())).collect();
    // What a resource refers to may itself be from a loop, and have its variable in its name.
    let mut names = Map::new();
    for (name, resource, variables) in &expanded {
        names.insert(name.clone(), scope.with(variables).physical_name(resource)?);
    }
    scope.resources = names;
    let put_in = |(name, resource, variables): (String, Value, Parameters)| {
        Ok((name, scope.with(&variables).resolve(&resource)?))
    };
    expanded.into_iter().map(put_in).collect()
}

/// YAML as JSON, CloudFormation's tags in their long forms.
///
/// # Errors
/// What is no YAML, or has keys that are no text.
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
        Yaml::Tagged(tag, value) => {
            let name = match tag.suffix.as_str() {
                "Ref" => "Ref".to_owned(),
                function => format!("Fn::{function}"),
            };
            json!({ name: json_of(value)? })
        }
        _ => return Err(refused()),
    })
}

#[derive(Clone)]
struct Scope {
    /// Of parameters and of a loop's variable.
    values: Parameters,
    mappings: Map<String, Value>,
    /// What `Ref` gives, by logical id.
    resources: Map<String, Value>,
}

impl Scope {
    fn with(&self, variables: &Parameters) -> Self {
        let mut scope = self.clone();
        scope.values.extend(variables.clone());
        scope
    }

    /// A loop's resources, each with its variable.
    fn each(&self, each: &Value) -> Result<Vec<(String, Value, Parameters)>, TemplateError> {
        let refused = || TemplateError::NotUnderstood(format!("a loop: {each}"));
        let variable = each[0].as_str().ok_or_else(refused)?;
        let collection = each[1].as_array().ok_or_else(refused)?;
        let fragment = each[2].as_object().ok_or_else(refused)?;
        let mut resources = Vec::new();
        for item in collection {
            let item = self.resolve(item)?;
            let text = item.as_str().ok_or_else(refused)?.to_owned();
            let letters: String = text.chars().filter(char::is_ascii_alphanumeric).collect();
            for (name, resource) in fragment {
                let name = name
                    .replace(&format!("${{{variable}}}"), &text)
                    .replace(&format!("&{{{variable}}}"), &letters);
                let variables = Parameters::from([(variable.to_owned(), item.clone())]);
                resources.push((name, resource.clone(), variables));
            }
        }
        Ok(resources)
    }

    /// What `Ref` gives for a resource.
    fn physical_name(&self, resource: &Value) -> Result<Value, TemplateError> {
        let properties = &resource["Properties"];
        let name = match resource["Type"].as_str() {
            Some("AWS::SNS::Topic") => self.resolve(&properties["TopicName"])?,
            Some("AWS::CloudWatch::Dashboard") => self.resolve(&properties["DashboardName"])?,
            _ => self.resolve(&properties["AlarmName"])?,
        };
        match name {
            Value::String(_) => Ok(name),
            _ => {
                Err(TemplateError::NotUnderstood(format!("a resource without a name: {resource}")))
            }
        }
    }

    fn resolve(&self, value: &Value) -> Result<Value, TemplateError> {
        match value {
            Value::Array(all) => all.iter().map(|value| self.resolve(value)).collect(),
            Value::Object(all) => match all.iter().next() {
                Some((function, argument)) if function == "Ref" => self.reference(argument),
                Some((function, argument)) if function == "Fn::Sub" => self.substitute(argument),
                Some((function, argument)) if function == "Fn::FindInMap" => self.find(argument),
                Some((function, _)) if function.starts_with("Fn::") => {
                    Err(TemplateError::NotUnderstood(function.clone()))
                }
                _ => {
                    let entry =
                        |(name, value): (&String, _)| Ok((name.clone(), self.resolve(value)?));
                    Ok(Value::Object(all.iter().map(entry).collect::<Result<_, _>>()?))
                }
            },
            plain => Ok(plain.clone()),
        }
    }

    fn reference(&self, name: &Value) -> Result<Value, TemplateError> {
        let name = name.as_str().unwrap_or_default();
        let found = self.values.get(name).or_else(|| self.resources.get(name));
        found.cloned().ok_or_else(|| TemplateError::Unknown(name.to_owned()))
    }

    fn find(&self, argument: &Value) -> Result<Value, TemplateError> {
        let path = self.resolve(argument)?;
        let part = |index: usize| path[index].as_str().unwrap_or_default();
        let map = self.mappings.get(part(0)).and_then(|map| map.get(part(1))?.get(part(2)));
        map.cloned().ok_or_else(|| TemplateError::Unknown(path.to_string()))
    }

    /// Text with `${names}`, or a list of it and of values for some of them.
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

    fn filled(&self, text: &str) -> Result<String, TemplateError> {
        let mut parts = text.split("${");
        let mut filled = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let unclosed = || TemplateError::NotUnderstood(format!("`${{` without an end: {text}"));
            let (name, rest) = part.split_once('}').ok_or_else(unclosed)?;
            match self.reference(&json!(name))? {
                Value::String(value) => filled.push_str(&value),
                value => filled.push_str(&value.to_string()),
            }
            filled.push_str(rest);
        }
        Ok(filled)
    }
}

/// Fills a text's `${names}` in, as `Fn::Sub` does.
///
/// # Errors
/// A name without a value.
pub fn substitute(text: &str, parameters: &Parameters) -> Result<String, TemplateError> {
    Scope { values: parameters.clone(), mappings: Map::new(), resources: Map::new() }.filled(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = "
Parameters: {Base: {Type: String}, Name: {Type: String, Default: n}}
Mappings: {M: {one: {Seconds: 60, Rate: 1.5}, two-2: {Seconds: 120, Rate: 2}}}
Resources:
  Topic: {Type: 'AWS::SNS::Topic', Properties: {TopicName: t}}
  Fn::ForEach::L:
    - W
    - [one, two-2]
    - 'A&{W}':
        Type: AWS::CloudWatch::Alarm
        Properties:
          AlarmName: !Sub 'a-${W}'
          AlarmActions: [!Ref Topic]
          Period: !FindInMap [M, !Ref W, Seconds]
          Text: !Sub ['${Name} ${Rate} ${Base}', {Rate: !FindInMap [M, !Ref W, Rate]}]
  Both: {Type: 'AWS::CloudWatch::CompositeAlarm', Properties: {AlarmName: b, AlarmRule: !Sub 'ALARM(${Atwo2})'}}
";

    #[test]
    fn a_template_is_read_as_cloudformation_reads_it() {
        let parameters = Parameters::from([("Base".to_owned(), json!("u"))]);
        let resources = resources(TEMPLATE, &parameters).unwrap();
        assert_eq!(resources.keys().collect::<Vec<_>>(), ["Aone", "Atwo2", "Both", "Topic"]);
        let properties = &resources["Atwo2"]["Properties"];
        assert_eq!(
            *properties,
            json!({"AlarmName": "a-two-2", "AlarmActions": ["t"], "Period": 120, "Text": "n 2 u"})
        );
        assert_eq!(resources["Both"]["Properties"]["AlarmRule"], "ALARM(a-two-2)");
    }

    #[test]
    fn what_is_not_there_is_refused_by_its_name() {
        let error = resources(TEMPLATE, &Parameters::new()).unwrap_err();
        assert_eq!(error, TemplateError::Unknown("Base".to_owned()));
        let other = TEMPLATE.replace("M, !Ref W, Rate", "M, !Ref W, Rates");
        let parameters = Parameters::from([("Base".to_owned(), json!("u"))]);
        assert!(matches!(resources(&other, &parameters), Err(TemplateError::Unknown(_))));
    }
}
