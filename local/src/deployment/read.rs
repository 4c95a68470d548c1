//! Reads a template's resources into structs that know every property.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use picus_cloudwatch::template::{Parameters, Template, TemplateError};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};

use super::differences::{self, PARAMETERS};

/// Why a template can't be followed.
#[derive(Debug, thiserror::Error)]
pub enum DeploymentError {
    /// It can't be read as a template.
    #[error("cannot read the template of the deployment: {0}")]
    Template(TemplateError),
    /// A value in it is unknown here.
    #[error("{resource} in the template of the deployment: {source}")]
    Value {
        /// Its logical id.
        resource: String,
        /// What is unknown.
        source: TemplateError,
    },
    /// It says something that the local system does not do.
    #[error(
        "{place} in the template of the deployment: {reason}; the local system knows no such thing: \
         teach it, or say in local/src/deployment/differences.rs why it has no effect on one machine"
    )]
    Unsupported {
        /// The logical id, and the path from there.
        place: String,
        /// What is wrong.
        reason: String,
    },
}

impl DeploymentError {
    pub(crate) fn unsupported(place: impl Display, reason: impl Display) -> Self {
        Self::Unsupported { place: place.to_string(), reason: reason.to_string() }
    }
}

/// A template whose resources are all either read or without effect here.
#[derive(Debug)]
pub(super) struct Reader(Template);

/// A resource, with the value of its `Ref`.
#[derive(Debug)]
pub(super) struct Read<T> {
    pub(super) id: String,
    pub(super) properties: T,
}

impl Reader {
    pub(super) fn new(text: &str, kinds: &[&str]) -> Result<Self, DeploymentError> {
        let parameters: Parameters =
            PARAMETERS.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        let template = Template::read(text, &parameters).map_err(DeploymentError::Template)?;
        for resource in template.resources() {
            if !kinds.contains(&resource.kind) && !differences::is_of_no_effect(resource.kind) {
                return Err(DeploymentError::unsupported(
                    resource.id,
                    format_args!("a resource of the type {}", resource.kind),
                ));
            }
        }
        Ok(Self(template))
    }

    /// All resources of a type.
    pub(super) fn all<T: DeserializeOwned>(
        &self,
        kind: &str,
    ) -> Result<Vec<Read<T>>, DeploymentError> {
        let of_kind = self.0.resources().filter(|resource| resource.kind == kind);
        let read = of_kind.map(|resource| {
            let mut properties = resource.properties.clone();
            differences::leave_out(kind, &mut properties);
            let resolved = self.resolve(resource.id, &properties)?;
            let properties = serde_path_to_error::deserialize(resolved).map_err(|error| {
                let place = format!("{}.Properties.{}", resource.id, error.path());
                DeploymentError::unsupported(place.trim_end_matches(".."), error.inner())
            })?;
            Ok(Read { id: resource.id.to_owned(), properties })
        });
        read.collect()
    }

    /// The only resource of a type.
    pub(super) fn one<T: DeserializeOwned>(&self, kind: &str) -> Result<Read<T>, DeploymentError> {
        let mut all = self.all(kind)?;
        match (all.pop(), all.len()) {
            (Some(one), 0) => Ok(one),
            (_, others) => {
                let count = if others == 0 { 0 } else { others + 1 };
                let reason = format_args!("{count} resources of this type, where one is known");
                Err(DeploymentError::unsupported(kind, reason))
            }
        }
    }

    /// The value of `Ref` for a resource.
    pub(super) fn reference(&self, id: &str) -> Result<String, DeploymentError> {
        let value = self.resolve(id, &json!({ "Ref": id }))?;
        Ok(value.as_str().unwrap_or_default().to_owned())
    }

    fn resolve(&self, id: &str, value: &Value) -> Result<Value, DeploymentError> {
        let resolved = self.0.resolve(id, value);
        resolved.map_err(|source| DeploymentError::Value { resource: id.to_owned(), source })
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Scalar {
    Text(String),
    Number(u64),
    Truth(bool),
}

impl Scalar {
    fn text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Number(number) => number.to_string(),
            Self::Truth(truth) => truth.to_string(),
        }
    }
}

/// A value as itself, or as text, both of which CloudFormation accepts.
pub(super) fn scalar<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: Display>,
{
    let text = Scalar::deserialize(deserializer)?.text();
    text.parse().map_err(|error| D::Error::custom(format_args!("`{text}`: {error}")))
}

/// See [`scalar`].
pub(super) fn optional<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: Display>,
{
    scalar(deserializer).map(Some)
}

/// A time in seconds.
pub(super) fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    scalar(deserializer).map(Duration::from_secs)
}

/// A map of text values.
pub(super) fn texts<'de, D>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error>
where
    D: Deserializer<'de>,
{
    let all = BTreeMap::<String, Scalar>::deserialize(deserializer)?;
    Ok(all.into_iter().map(|(name, value)| (name, value.text())).collect())
}

/// Reads a list of names and values as one struct.
pub(super) fn named<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "PascalCase")]
    struct Named {
        #[serde(alias = "Key")]
        name: String,
        value: Value,
    }
    let all = Vec::<Named>::deserialize(deserializer)?;
    let object: Map<_, _> = all.into_iter().map(|named| (named.name, named.value)).collect();
    T::deserialize(Value::Object(object)).map_err(D::Error::custom)
}
