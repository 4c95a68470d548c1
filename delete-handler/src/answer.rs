//! Responses, in the format that the event's sender expects.

use std::collections::BTreeMap;

use http::StatusCode;
use serde::Serialize;

use crate::event::Form;

/// A response's headers by name.
pub(crate) type Headers = BTreeMap<&'static str, String>;

/// The response for the load balancer or the API gateway.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    status_code: u16,
    /// The status with its reason phrase, which the load balancer demands.
    #[serde(skip_serializing_if = "Option::is_none")]
    status_description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    headers: Option<Headers>,
    #[serde(skip_serializing_if = "Option::is_none")]
    multi_value_headers: Option<BTreeMap<&'static str, [String; 1]>>,
    body: String,
    is_base64_encoded: bool,
}

impl Answer {
    pub(crate) fn new(form: Form, status: u16, headers: Headers, body: String) -> Self {
        let load_balancer = matches!(form, Form::LoadBalancer { .. });
        // With multi-value headers, a load balancer ignores the other form.
        let multi_value = form == Form::LoadBalancer { multi_value: true };
        let (single, multi) = if multi_value {
            (None, Some(headers.into_iter().map(|(name, value)| (name, [value])).collect()))
        } else {
            (Some(headers), None)
        };
        Self {
            status_code: status,
            status_description: load_balancer.then(|| with_reason(status)),
            headers: single,
            multi_value_headers: multi,
            body,
            is_base64_encoded: false,
        }
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status_code
    }

    /// The bytes of the body.
    pub(crate) fn body_len(&self) -> usize {
        self.body.len()
    }
}

/// A status with its reason phrase (RFC 9110, 15), as the load balancer demands.
fn with_reason(status: u16) -> String {
    let known = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    format!("{status} {}", known.unwrap_or_default())
}
