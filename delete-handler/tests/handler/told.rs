//! The handler's response, parsed as its sender parses it.

use std::collections::BTreeMap;

use aws_lambda_events::alb::AlbTargetGroupResponse;
use aws_lambda_events::apigw::{ApiGatewayProxyResponse, ApiGatewayV2httpResponse};
use aws_lambda_events::encodings::Body;
use serde_json::{Value, json};

use crate::forms::Form;

/// The headers of every response.
const ALWAYS: [&str; 5] =
    ["cache-control", "content-type", "x-amzn-trace-id", "x-content-type-options", "x-request-id"];

/// A response whose format was checked.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Value,
}

impl Told {
    /// Parses a response to `form` with AWS's own types.
    pub(crate) fn read(form: Form, answer: &Value) -> Self {
        let (status, single, multi, body, base64) = if form.is_load_balancer() {
            let read: AlbTargetGroupResponse = serde_json::from_value(answer.clone()).unwrap();
            let (status, description) = (read.status_code, read.status_description.unwrap());
            // "The status description must contain the status code and reason phrase, separated by
            // a single space" (Elastic Load Balancing User Guide, "Lambda functions as targets").
            let (code, reason) = description.split_once(' ').unwrap();
            assert_eq!(code, status.to_string());
            assert!(reason.starts_with(char::is_alphabetic), "{description}");
            (status, read.headers, read.multi_value_headers, read.body, read.is_base64_encoded)
        } else if form.is_version_2() {
            let mut answer = answer.clone();
            assert!(answer.get("cookies").is_none(), "none are set");
            // The type requires `cookies`; API Gateway does not.
            answer["cookies"] = json!([]);
            let read: ApiGatewayV2httpResponse = serde_json::from_value(answer).unwrap();
            let multi = read.multi_value_headers;
            (read.status_code, read.headers, multi, read.body, read.is_base64_encoded)
        } else {
            let read: ApiGatewayProxyResponse = serde_json::from_value(answer.clone()).unwrap();
            let multi = read.multi_value_headers;
            (read.status_code, read.headers, multi, read.body, read.is_base64_encoded)
        };
        assert!(!base64, "{answer}");
        assert_eq!(answer.get("statusDescription").is_some(), form.is_load_balancer(), "{answer}");
        let asks_for_multi = form == Form::LoadBalancerMultiValue;
        assert_eq!(answer.get("multiValueHeaders").is_some(), asks_for_multi, "{answer}");
        assert_eq!(answer.get("headers").is_none(), asks_for_multi, "{answer}");
        let headers = if asks_for_multi { multi } else { single };
        let headers = headers
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), value.to_str().unwrap().to_owned()));
        let Some(Body::Text(body)) = body else { panic!("{answer}") };
        let body = if body.is_empty() { Value::Null } else { serde_json::from_str(&body).unwrap() };
        let told = Self { status: status.try_into().unwrap(), headers: headers.collect(), body };
        told.check();
        told
    }

    /// Checks what every response must have, whatever its form.
    fn check(&self) {
        let has_content = self.status != 204;
        for name in ALWAYS {
            let there = has_content || name != "content-type";
            assert_eq!(self.headers.contains_key(name), there, "{name} in {self:?}");
        }
        assert_eq!(self.headers["cache-control"], "no-store");
        assert_eq!(self.headers["x-content-type-options"], "nosniff");
        assert_eq!(
            self.headers.contains_key("allow"),
            matches!(self.status, 204 | 405),
            "{self:?}"
        );
        if !has_content {
            assert_eq!(self.body, Value::Null);
            return;
        }
        assert_eq!(self.headers["content-type"], "application/json");
        assert_eq!(self.headers.contains_key("retry-after"), self.status == 503, "{self:?}");
        if self.status == 200 {
            assert_eq!(self.body.as_object().unwrap().len(), 1, "{self:?}");
            return;
        }
        assert_eq!(self.body.as_object().unwrap().len(), 4, "{self:?}");
        assert_eq!(self.headers["x-amzn-trace-id"], format!("Root={}", self.field("trace_id")));
        assert_eq!(self.headers["x-request-id"], self.field("request_id"));
        assert!(!self.field("error").is_empty() && !self.field("code").is_empty(), "{self:?}");
    }

    pub(crate) fn field(&self, name: &str) -> &str {
        self.body[name].as_str().unwrap_or_else(|| panic!("{name} in {self:?}"))
    }

    /// The status, and the error's code and text.
    pub(crate) fn failure(&self) -> (u16, &str, &str) {
        (self.status, self.field("code"), self.field("error"))
    }
}
