//! Reads events that represent HTTP requests, in AWS's formats: from an Application Load Balancer (Elastic Load
//! Balancing User Guide, "Lambda functions as targets"), and from an API Gateway's REST API (payload version 1.0) or
//! HTTP API (2.0) (API Gateway Developer Guide).
//!
//! Only what a delete needs is read, and leniently: every event must get an answer, even one that is odd elsewhere.
//! Of a body, only its size is read.

use std::collections::HashMap;

use picus_api::route::ITEM_PARENT;
use struson::reader::{JsonReader as _, ReaderError};

use crate::json::{Reader, headers, members, reader, string, truth};
use crate::target::Target;

/// The sender of an event, which decides the response's format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// A load balancer, with or without multi-value headers.
    LoadBalancer { multi_value: bool },
    /// A REST API, or an HTTP API that is set to payload version 1.0.
    RestApi,
    /// An HTTP API, or a function's own URL.
    HttpApi,
}

/// What a delete needs from a request.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) form: Form,
    /// `None` if the event is malformed.
    pub(crate) target: Option<Target>,
    /// The size of the body as the client sent it, in bytes.
    pub(crate) body_len: usize,
    headers: HashMap<String, Vec<String>>,
}

impl Request {
    /// Reads an event. If its sender is unclear, it gets a load balancer's response.
    pub(crate) fn read(event: &str) -> Self {
        let event = Event::read(event);
        let form = event.form();
        let decoded = event.is_decoded(form);
        let body_len = event.body_len();
        let (method, path) = match form {
            Form::LoadBalancer { .. } | Form::RestApi => (event.method, event.path),
            Form::HttpApi => (event.context.http_method, event.raw_path),
        };
        let stage = event.context.stage;
        let target = method.zip(path).map(|(method, path)| Target {
            method,
            path: without_stage(&path, stage.as_deref()).to_owned(),
            decoded,
        });
        let mut headers = event.headers.unwrap_or_default();
        headers.extend(event.multi_value_headers.unwrap_or_default());
        Self { form, target, body_len, headers }
    }

    /// The first value of a header, by its lower-case name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers(name).first().map(String::as_str)
    }

    /// All values of a header.
    pub(crate) fn headers(&self, name: &str) -> &[String] {
        self.headers.get(name).map(Vec::as_slice).unwrap_or_default()
    }
}

/// The fields of an event. A field is `None` if it is missing or has the wrong type.
#[derive(Debug, Default)]
struct Event {
    version: Option<String>,
    method: Option<String>,
    path: Option<String>,
    raw_path: Option<String>,
    headers: Option<HashMap<String, Vec<String>>>,
    multi_value_headers: Option<HashMap<String, Vec<String>>>,
    body: Option<String>,
    is_base64: bool,
    context: Context,
}

/// The event's `requestContext`.
#[derive(Debug, Default)]
struct Context {
    is_there: bool,
    elb: bool,
    http: bool,
    http_method: Option<String>,
    stage: Option<String>,
    domain_name: Option<String>,
}

impl Event {
    /// Reads an event field by field, so that a client's query can't confuse it.
    fn read(text: &str) -> Self {
        let mut event = Self::default();
        let mut reader = reader(text);
        let read = event.read_members(&mut reader);
        if read.and_then(|_| reader.consume_trailing_whitespace()).is_err() {
            // Text that is not JSON is not a request. But it may still show which format its sender uses.
            let multi_value = text.contains("\"multiValueHeaders\"").then(HashMap::new);
            return Self { multi_value_headers: multi_value, ..Self::default() };
        }
        event
    }

    fn read_members(&mut self, reader: &mut Reader) -> Result<bool, ReaderError> {
        members(reader, |name, reader| {
            match name {
                "version" => self.version = string(reader)?,
                "httpMethod" => self.method = string(reader)?,
                "path" => self.path = string(reader)?,
                "rawPath" => self.raw_path = string(reader)?,
                "headers" => self.headers = headers(reader)?,
                "multiValueHeaders" => self.multi_value_headers = headers(reader)?,
                "body" => self.body = string(reader)?,
                "isBase64Encoded" => self.is_base64 = truth(reader)?,
                "requestContext" => self.context = Context::read(reader)?,
                _ => reader.skip_value()?,
            }
            Ok(())
        })
    }

    fn form(&self) -> Form {
        if self.context.elb || !self.context.is_there {
            Form::LoadBalancer { multi_value: self.multi_value_headers.is_some() }
        } else if self.version.as_deref() == Some("2.0") || self.context.http {
            Form::HttpApi
        } else {
            Form::RestApi
        }
    }

    /// The size of the body in bytes. In base64, four characters encode three bytes.
    fn body_len(&self) -> usize {
        let body = self.body.as_deref().unwrap_or_default();
        if self.is_base64 { body.trim_end_matches('=').len() * 3 / 4 } else { body.len() }
    }

    /// Whether the path comes decoded. An HTTP API decodes it in both versions ("API Gateway decodes URL-encoded
    /// request parameters before passing them to your backend integration", API Gateway Developer Guide, "Create
    /// routes for HTTP APIs"). A load balancer, a REST API and a function URL do not. Among events of version 1.0,
    /// only an HTTP API's have a `version`.
    fn is_decoded(&self, form: Form) -> bool {
        match form {
            Form::LoadBalancer { .. } => false,
            Form::RestApi => self.version.as_deref() == Some("1.0"),
            Form::HttpApi => {
                let domain = self.context.domain_name.as_deref().unwrap_or_default();
                !domain.contains(".lambda-url.")
            }
        }
    }
}

impl Context {
    fn read(reader: &mut Reader) -> Result<Self, ReaderError> {
        let mut context = Self::default();
        let is_there = members(reader, |name, reader| {
            match name {
                "elb" => context.elb = members(reader, |_, reader| reader.skip_value())?,
                "http" => {
                    context.http = members(reader, |name, reader| {
                        match name {
                            "method" => context.http_method = string(reader)?,
                            _ => reader.skip_value()?,
                        }
                        Ok(())
                    })?;
                }
                "stage" => context.stage = string(reader)?,
                "domainName" => context.domain_name = string(reader)?,
                _ => reader.skip_value()?,
            }
            Ok(())
        })?;
        Ok(Self { is_there, ..context })
    }
}

/// An API's path may begin with its stage, such as `/prod/picus/…`.
fn without_stage<'a>(path: &'a str, stage: Option<&str>) -> &'a str {
    let rest = stage.and_then(|stage| path.strip_prefix('/')?.strip_prefix(stage));
    // A REST API's path has no stage, even if the stage is called `picus`.
    rest.filter(|rest| rest.starts_with(ITEM_PARENT)).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn target(event: &Value) -> Option<(String, String)> {
        Request::read(&event.to_string()).target.map(|Target { method, path, .. }| (method, path))
    }

    #[test]
    fn a_stage_is_not_part_of_the_path() {
        assert_eq!(without_stage("/prod/picus/a", Some("prod")), "/picus/a");
        assert_eq!(without_stage("/picus/a", Some("$default")), "/picus/a");
        assert_eq!(without_stage("/production/picus/a", Some("prod")), "/production/picus/a");
        assert_eq!(without_stage("/picus/a", None), "/picus/a");
        assert_eq!(without_stage("/picus/a", Some("picus")), "/picus/a");
        assert_eq!(without_stage("/picus/picus/a", Some("picus")), "/picus/a");
    }

    #[test]
    fn only_an_http_api_decodes_paths() {
        let decoded = |event: &Value| Request::read(&event.to_string()).target.unwrap().decoded;
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
        let request = Request::read(&event.to_string());
        assert_eq!(request.header("x-request-id"), Some("a"));
        assert_eq!(request.header("accept"), Some("b"));
        assert_eq!(request.headers("accept"), ["b", "c"]);
        assert_eq!((request.header("odd"), request.header("none")), (None, None));
    }

    #[test]
    fn an_event_that_is_not_json_is_answered_in_the_form_of_its_sender() {
        for (event, multi_value) in
            [("{", false), ("", false), (r#"{"a":"\ud800","multiValueHeaders":{}}"#, true)]
        {
            let request = Request::read(event);
            assert_eq!(request.form, Form::LoadBalancer { multi_value }, "{event}");
            assert!(request.target.is_none(), "{event}");
        }
    }

    #[test]
    fn a_bodys_size_is_what_the_client_sent() {
        let body_len = |event: Value| Request::read(&event.to_string()).body_len;
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
