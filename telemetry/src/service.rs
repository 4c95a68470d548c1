//! Which program speaks, and which build of it.

use std::convert::Infallible;
use std::str::FromStr;

use picus_settings::Reader;
use uuid::Uuid;

/// What logs, metrics and traces are told by.
#[derive(Debug, Clone)]
pub struct Service {
    /// OpenTelemetry's `service.name`.
    pub name: String,
    /// OpenTelemetry's `service.version`.
    pub version: String,
    /// OpenTelemetry's `service.instance.id`: of this process alone.
    pub instance_id: String,
}

impl Service {
    /// Reads OpenTelemetry's variables. A deployment names its release there: the `version` that the
    /// program was built with is the same for many.
    pub fn read(env: &mut Reader, name: &'static str, version: &'static str) -> Self {
        let name =
            env.read("OTEL_SERVICE_NAME", name, "What logs, metrics and traces call this program.");
        let Attributes { version: released, instance_id } = env.read(
            "OTEL_RESOURCE_ATTRIBUTES",
            "",
            "What else traces tell of this program: `key=value,…`; `service.version`, in logs and metrics, too.",
        );
        Self {
            name,
            version: released.unwrap_or_else(|| version.to_owned()),
            instance_id: instance_id.unwrap_or_else(|| Uuid::new_v4().to_string()),
        }
    }
}

/// Of the attributes, what not only traces tell.
struct Attributes {
    version: Option<String>,
    instance_id: Option<String>,
}

impl FromStr for Attributes {
    type Err = Infallible;

    /// As leniently as OpenTelemetry's SDK, which reads the rest of them.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let value = |name: &str| {
            let pairs = text.split(',').filter_map(|pair| pair.split_once('='));
            let mut values = pairs.filter(|(key, _)| key.trim() == name);
            let value = values.next_back().map(|(_, value)| value.trim().to_owned());
            value.filter(|value| !value.is_empty())
        };
        Ok(Self { version: value("service.version"), instance_id: value("service.instance.id") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_an_id_of_its_own_unless_it_is_given_one() {
        let id = |attributes: &'static str| {
            let is_attributes = |name: &str| name == "OTEL_RESOURCE_ATTRIBUTES";
            let mut env =
                Reader::new(move |name| is_attributes(name).then(|| attributes.to_owned()));
            Service::read(&mut env, "picus-test", "0.1.0").instance_id
        };
        assert_eq!(id("service.instance.id=blue-1"), "blue-1");
        assert!(Uuid::parse_str(&id("")).is_ok());
        assert_ne!(id(""), id(""));
    }

    #[test]
    fn a_release_shows_as_its_version_and_a_build_without_one_as_its_own() {
        let version = |attributes: &'static str| {
            let is_attributes = |name: &str| name == "OTEL_RESOURCE_ATTRIBUTES";
            let mut env =
                Reader::new(move |name| is_attributes(name).then(|| attributes.to_owned()));
            Service::read(&mut env, "picus-test", "0.1.0").version
        };
        assert_eq!(version("service.version=4f2c1e7"), "4f2c1e7");
        assert_eq!(version("a=b, service.version = 4f2c1e8 ,c"), "4f2c1e8");
        for none in ["", "a=b", "service.version", "service.version=", "my.service.version=1"] {
            assert_eq!(version(none), "0.1.0", "{none}");
        }
    }
}
