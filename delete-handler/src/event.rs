//! Events that stand for HTTP requests, in the forms that AWS sends them: from an Application Load
//! Balancer (Elastic Load Balancing User Guide, "Lambda functions as targets"), and from an API
//! Gateway's REST API (payload version 1.0) or HTTP API (2.0) (API Gateway Developer Guide).
//!
//! Only what a delete needs is read, and read leniently: an event that is odd elsewhere can still be
//! answered, and any event at all must be. Of a body, only its size is.

use std::collections::HashMap;

use picus_api::route::ITEM_PARENT;
use serde::Deserialize;
use serde_json::Value;

use crate::target::Target;

/// Who sent an event, and so in which form its answer is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// A load balancer, with or without multi-value headers.
    LoadBalancer { multi_value: bool },
    /// A REST API, or an HTTP API that is set to payload version 1.0.
    RestApi,
    /// An HTTP API, or a function's own URL.
    HttpApi,
}

/// What a delete needs of a request.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) form: Form,
    /// None where the event is malformed.
    pub(crate) target: Option<Target>,
    /// The bytes of the body, as the client sent it.
    pub(crate) body_len: usize,
    headers: Headers,
}

#[derive(Debug, Default)]
struct Headers(HashMap<String, String>);

impl Request {
    /// Reads an event. One that can't be told is answered as a load balancer's.
    pub(crate) fn read(event: &Value) -> Self {
        let context = &event["requestContext"];
        let form = if context["elb"].is_object() || !context.is_object() {
            Form::LoadBalancer { multi_value: event["multiValueHeaders"].is_object() }
        } else if event["version"] == "2.0" || context["http"].is_object() {
            Form::HttpApi
        } else {
            Form::RestApi
        };
        let (method, path) = match form {
            Form::LoadBalancer { .. } | Form::RestApi => (&event["httpMethod"], &event["path"]),
            Form::HttpApi => (&context["http"]["method"], &event["rawPath"]),
        };
        let target = method.as_str().zip(path.as_str()).map(|(method, path)| Target {
            method: method.to_owned(),
            path: without_stage(path, context["stage"].as_str()).to_owned(),
            decoded: is_decoded(form, event),
        });
        Self { form, target, body_len: body_len(event), headers: Headers::read(event) }
    }

    /// A header's value, the first one of several, by its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.0.get(name).map(String::as_str)
    }
}

impl Headers {
    fn read(event: &Value) -> Self {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Values {
            One(String),
            Many(Vec<String>),
            Other(serde::de::IgnoredAny),
        }
        let headers = [&event["headers"], &event["multiValueHeaders"]];
        let entries = headers.into_iter().filter_map(Value::as_object).flatten();
        let first = entries.filter_map(|(name, value)| {
            let value = match Values::deserialize(value) {
                Ok(Values::One(value)) => value,
                Ok(Values::Many(values)) => values.into_iter().next()?,
                Ok(Values::Other(_)) | Err(_) => return None,
            };
            Some((name.to_ascii_lowercase(), value))
        });
        Self(first.collect())
    }
}

/// The bytes of a body. In base64, four characters stand for three of them.
fn body_len(event: &Value) -> usize {
    let body = event["body"].as_str().unwrap_or_default();
    if event["isBase64Encoded"] == true {
        body.trim_end_matches('=').len() * 3 / 4
    } else {
        body.len()
    }
}

/// Whether a path comes decoded. An HTTP API's does, in either version ("API Gateway decodes
/// URL-encoded request parameters before passing them to your backend integration", API Gateway
/// Developer Guide, "Create routes for HTTP APIs"); a load balancer's, a REST API's and a function
/// URL's do not. Of events in version 1.0, only an HTTP API's name their version.
fn is_decoded(form: Form, event: &Value) -> bool {
    match form {
        Form::LoadBalancer { .. } => false,
        Form::RestApi => event["version"] == "1.0",
        Form::HttpApi => {
            let domain = event["requestContext"]["domainName"].as_str().unwrap_or_default();
            !domain.contains(".lambda-url.")
        }
    }
}

/// An API's path may begin with its stage, as `/prod/picus/…` does.
fn without_stage<'a>(path: &'a str, stage: Option<&str>) -> &'a str {
    let rest = stage.and_then(|stage| path.strip_prefix('/')?.strip_prefix(stage));
    // A REST API's path is without its stage, even of one that is called `picus`.
    rest.filter(|rest| rest.starts_with(ITEM_PARENT)).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn target(event: &Value) -> Option<(String, String)> {
        Request::read(event).target.map(|Target { method, path, .. }| (method, path))
    }

    #[test]
    fn a_stage_is_no_part_of_the_path() {
        assert_eq!(without_stage("/prod/picus/a", Some("prod")), "/picus/a");
        assert_eq!(without_stage("/picus/a", Some("$default")), "/picus/a");
        assert_eq!(without_stage("/production/picus/a", Some("prod")), "/production/picus/a");
        assert_eq!(without_stage("/picus/a", None), "/picus/a");
        assert_eq!(without_stage("/picus/a", Some("picus")), "/picus/a");
        assert_eq!(without_stage("/picus/picus/a", Some("picus")), "/picus/a");
    }

    #[test]
    fn an_http_api_alone_decodes_paths() {
        let decoded = |event: &Value| Request::read(event).target.unwrap().decoded;
        let (v1, http) = (("DELETE", "/picus/a"), json!({"method": "DELETE"}));
        let v1 = |context: Value, version: Value| json!({"httpMethod": v1.0, "path": v1.1, "requestContext": context, "version": version});
        assert!(!decoded(&v1(json!({"elb": {}}), json!(null))));
        assert!(!decoded(&v1(json!({"stage": "prod"}), json!(null))));
        assert!(decoded(&v1(json!({"stage": "prod"}), json!("1.0"))));
        for (domain, expected) in [
            ("id.execute-api.eu-central-1.amazonaws.com", true),
            ("api.example.com", true),
            ("id.lambda-url.eu-central-1.on.aws", false),
        ] {
            let context = json!({"http": http, "domainName": domain});
            let event = json!({"version": "2.0", "rawPath": "/picus/a", "requestContext": context});
            assert_eq!(decoded(&event), expected, "{domain}");
        }
    }

    #[test]
    fn headers_are_found_in_either_form_and_any_case() {
        let event = json!({"headers": {"X-Request-Id": "a", "odd": 1}, "multiValueHeaders": {"Accept": ["b", "c"], "none": []}});
        let request = Request::read(&event);
        assert_eq!(request.header("x-request-id"), Some("a"));
        assert_eq!(request.header("accept"), Some("b"));
        assert_eq!((request.header("odd"), request.header("none")), (None, None));
    }

    #[test]
    fn a_bodys_size_is_what_the_client_sent() {
        let body_len = |event: Value| Request::read(&event).body_len;
        assert_eq!(body_len(json!({"body": "é{}", "isBase64Encoded": false})), 4);
        for (encoded, size) in [("", 0), ("YQ==", 1), ("YWI=", 2), ("YWJj", 3), ("YWJjZA==", 4)] {
            assert_eq!(
                body_len(json!({"body": encoded, "isBase64Encoded": true})),
                size,
                "{encoded}"
            );
        }
        for none in [json!({}), json!({"body": null}), json!({"body": 7}), json!([])] {
            assert_eq!(body_len(none), 0);
        }
    }

    #[test]
    fn anything_else_is_a_request_without_a_target() {
        for event in [
            json!(null),
            json!([]),
            json!("x"),
            json!({"path": "/picus/a"}),
            json!({"httpMethod": 1, "path": 2}),
            json!({"requestContext": {"http": {}}, "version": "2.0"}),
        ] {
            assert_eq!(target(&event), None, "{event}");
        }
    }
}
