//! The services that send events to the function, and a sample event of each, taken from AWS's documentation
//! (`tests/events`).

use serde_json::{Value, json};

/// A service that sends events to the function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    LoadBalancer,
    LoadBalancerMultiValue,
    RestApi,
    /// An HTTP API with payload format version 1.0, the format of a REST API.
    HttpApiVersion1,
    HttpApi,
    FunctionUrl,
}

impl Form {
    pub(crate) const ALL: [Self; 6] = [
        Self::LoadBalancer,
        Self::LoadBalancerMultiValue,
        Self::RestApi,
        Self::HttpApiVersion1,
        Self::HttpApi,
        Self::FunctionUrl,
    ];

    /// The event of `DELETE /picus/some-key`.
    pub(crate) fn sample(self) -> Value {
        let text = match self {
            Self::LoadBalancer => include_str!("../events/load-balancer.json"),
            Self::LoadBalancerMultiValue => {
                include_str!("../events/load-balancer-multi-value.json")
            }
            Self::RestApi => include_str!("../events/rest-api.json"),
            Self::HttpApiVersion1 => include_str!("../events/http-api-1.0.json"),
            Self::HttpApi => include_str!("../events/http-api.json"),
            Self::FunctionUrl => include_str!("../events/function-url.json"),
        };
        serde_json::from_str(text).unwrap()
    }

    /// The event of a request for `path`. `path` must be encoded as this sender encodes it.
    pub(crate) fn request(self, method: &str, path: &str) -> Value {
        let mut event = self.sample();
        if self.is_version_2() {
            event["rawPath"] = json!(path);
            event["requestContext"]["http"]["path"] = json!(path);
            event["requestContext"]["http"]["method"] = json!(method);
        } else {
            event["path"] = json!(path);
            event["httpMethod"] = json!(method);
        }
        event
    }

    /// The event of `DELETE /picus/{segment}`.
    pub(crate) fn delete(self, segment: &str) -> Value {
        self.request("DELETE", &format!("/picus/{segment}"))
    }

    pub(crate) fn is_load_balancer(self) -> bool {
        matches!(self, Self::LoadBalancer | Self::LoadBalancerMultiValue)
    }

    pub(crate) fn is_version_2(self) -> bool {
        matches!(self, Self::HttpApi | Self::FunctionUrl)
    }

    /// Whether the sender decodes the path before it sends it.
    pub(crate) fn decodes_paths(self) -> bool {
        matches!(self, Self::HttpApi | Self::HttpApiVersion1)
    }
}

/// Sets a header in every place where the event has headers.
pub(crate) fn set_header(event: &mut Value, name: &str, value: &str) {
    if event["headers"].is_object() {
        event["headers"][name] = json!(value);
    }
    if event["multiValueHeaders"].is_object() {
        event["multiValueHeaders"][name] = json!([value]);
    }
}

/// Removes a header, whatever the case of its name.
pub(crate) fn remove_header(event: &mut Value, name: &str) {
    for place in ["headers", "multiValueHeaders"] {
        if let Some(headers) = event[place].as_object_mut() {
            headers.retain(|found, _| !found.eq_ignore_ascii_case(name));
        }
    }
}
