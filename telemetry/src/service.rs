//! Which program speaks, and which build of it.

use std::convert::Infallible;
use std::str::FromStr;

use picus_settings::Reader;

/// What logs, metrics and traces are told by.
#[derive(Debug, Clone)]
pub struct Service {
    /// OpenTelemetry's `service.name`.
    pub name: String,
    /// OpenTelemetry's `service.version`.
    pub version: String,
}

impl Service {
    /// Reads OpenTelemetry's variables. A deployment names its release there: the `version` that the
    /// program was built with is the same for many.
    pub fn read(env: &mut Reader, name: &'static str, version: &'static str) -> Self {
        let name =
            env.read("OTEL_SERVICE_NAME", name, "What logs, metrics and traces call this program.");
        let Attributes { version: released } = env.read(
            "OTEL_RESOURCE_ATTRIBUTES",
            "",
            "What else traces tell of this program: `key=value,…`; `service.version`, in logs and metrics, too.",
        );
        Self { name, version: released.unwrap_or_else(|| version.to_owned()) }
    }
}

/// Of the attributes, what not only traces tell.
struct Attributes {
    version: Option<String>,
}

impl FromStr for Attributes {
    type Err = Infallible;

    /// As leniently as OpenTelemetry's SDK, which reads the rest of them.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let pairs = text.split(',').filter_map(|pair| pair.split_once('='));
        let mut versions = pairs.filter(|(key, _)| key.trim() == "service.version");
        let version = versions.next_back().map(|(_, version)| version.trim().to_owned());
        Ok(Self { version: version.filter(|version| !version.is_empty()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
