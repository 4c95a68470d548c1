//! The program's name, version and instance.

use std::borrow::Cow;
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use picus_settings::Reader;
use uuid::Uuid;

/// Identifies the program in logs, metrics and traces.
#[derive(Debug, Clone)]
pub struct Service {
    /// OpenTelemetry's `service.name`.
    pub name: String,
    /// OpenTelemetry's `service.version`.
    pub version: String,
    /// OpenTelemetry's `service.instance.id`, unique for this process.
    pub instance_id: String,
    /// Further attributes, for traces.
    pub attributes: Vec<(String, String)>,
}

impl Service {
    /// Reads OpenTelemetry's variables. A deployment sets its release there, because many releases share the
    /// `version` that the program was built with.
    pub fn read(env: &mut Reader, name: &'static str, version: &'static str) -> Self {
        let given: Option<String> = env.read_optional(
            "OTEL_SERVICE_NAME",
            "",
            "The program's name in logs, metrics and traces.",
        );
        let Attributes(attributes) = env.read(
            "OTEL_RESOURCE_ATTRIBUTES",
            "",
            "Further attributes of this program in traces: `key=value,…`, percent-encoded. Logs and metrics use `service.name` and `service.version`, too.",
        );
        let value = |name: &str| {
            let (_, value) = attributes.iter().rfind(|(key, _)| key == name)?;
            Some(value.clone()).filter(|value| !value.is_empty())
        };
        Self {
            name: given.or_else(|| value("service.name")).unwrap_or_else(|| name.to_owned()),
            version: value("service.version").unwrap_or_else(|| version.to_owned()),
            instance_id: value("service.instance.id").unwrap_or_else(|| Uuid::new_v4().to_string()),
            attributes,
        }
    }
}

/// Pairs of name and value (OpenTelemetry, "Specifying resource information via an environment variable").
struct Attributes(Vec<(String, String)>);

impl FromStr for Attributes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let pairs = text.split(',').map(str::trim).filter(|pair| !pair.is_empty());
        let read = |pair: &str| {
            let (key, value) =
                pair.split_once('=').ok_or_else(|| format!("`{pair}` has no `=`"))?;
            let decoded =
                |text| decode(text).ok_or_else(|| format!("`{text}` is not percent-encoded UTF-8"));
            Ok((decoded(key.trim_end())?, decoded(value.trim_start())?))
        };
        pairs.map(read).collect::<Result<_, _>>().map(Self)
    }
}

/// Decodes percent-encoded text. A `%` that does not begin a byte is refused, because its meaning is unclear.
fn decode(text: &str) -> Option<String> {
    let is_byte = |rest: &str| rest.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2;
    let sound = text.split('%').skip(1).all(is_byte);
    sound.then(|| percent_decode_str(text).decode_utf8().ok())?.map(Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_makes_its_instance_id_unless_one_is_set() {
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

    fn read(set: &'static [(&str, &str)]) -> Result<Service, String> {
        let lookup = |name: &str| Some(set.iter().find(|(found, _)| *found == name)?.1.to_owned());
        let mut env = Reader::new(lookup);
        let service = Service::read(&mut env, "picus-test", "0.1.0");
        env.finish(service).map_err(|error| error.to_string())
    }

    #[test]
    fn the_version_is_the_release_or_else_that_of_the_build() {
        macro_rules! version {
            ($attributes:expr) => {
                read(&[("OTEL_RESOURCE_ATTRIBUTES", $attributes)]).unwrap().version
            };
        }
        assert_eq!(version!("service.version=4f2c1e7"), "4f2c1e7");
        assert_eq!(version!("a=b, service.version = 4f2c1e8 ,"), "4f2c1e8");
        assert_eq!(version!(""), "0.1.0");
        assert_eq!(version!("a=b"), "0.1.0");
        assert_eq!(version!("service.version="), "0.1.0");
        assert_eq!(version!("my.service.version=1"), "0.1.0");
    }

    #[test]
    fn attributes_are_percent_decoded_and_otel_service_name_overrides_the_name() {
        const ATTRIBUTES: (&str, &str) =
            ("OTEL_RESOURCE_ATTRIBUTES", "service.name=a%2Cb,team=caf%C3%A9%3D1");
        let service = read(&[ATTRIBUTES]).unwrap();
        assert_eq!(service.name, "a,b");
        assert_eq!(service.attributes[1], ("team".to_owned(), "caf\u{e9}=1".to_owned()));
        assert_eq!(read(&[ATTRIBUTES, ("OTEL_SERVICE_NAME", "c")]).unwrap().name, "c");
        assert_eq!(read(&[]).unwrap().name, "picus-test");
    }

    #[test]
    fn invalid_attributes_are_refused() {
        for error in [
            read(&[("OTEL_RESOURCE_ATTRIBUTES", "a")]),
            read(&[("OTEL_RESOURCE_ATTRIBUTES", "a=%zz")]),
            read(&[("OTEL_RESOURCE_ATTRIBUTES", "a=%f")]),
            read(&[("OTEL_RESOURCE_ATTRIBUTES", "a=%ff")]),
        ] {
            let error = error.unwrap_err();
            assert!(error.starts_with("OTEL_RESOURCE_ATTRIBUTES: "), "{error}");
        }
    }
}
