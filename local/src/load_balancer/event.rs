//! Turns HTTP requests into events for a function, and its responses into HTTP ("Use Lambda functions as targets of
//! an Application Load Balancer").

use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytes::Bytes;
use hyper::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
};
use hyper::{Response, StatusCode, http::request::Parts};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::headers::remove_hop_by_hop;
use crate::server::{Body, full};

/// The largest request body for a function, and its largest response.
pub(super) const MAX_BYTES: usize = 1024 * 1024;

/// The event for a request. Header names are in lower case. Path and query are as the client sent them.
pub(super) fn from_request(
    parts: &Parts,
    body: &Bytes,
    target_group_arn: &str,
    multi_value: bool,
) -> Vec<u8> {
    let headers = parts.headers.iter().map(|(name, value)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    let query =
        parts.uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty()).map(
            |pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                (name.to_owned(), value.to_owned())
            },
        );
    let (body, is_base64_encoded) = match std::str::from_utf8(body) {
        Ok(text) if text.is_empty() || is_text(&parts.headers) => (text.to_owned(), false),
        _ => (BASE64_STANDARD.encode(body), true),
    };
    let (header_key, query_key) = if multi_value {
        ("multiValueHeaders", "multiValueQueryStringParameters")
    } else {
        ("headers", "queryStringParameters")
    };
    let event = json!({
        "requestContext": { "elb": { "targetGroupArn": target_group_arn } },
        "httpMethod": parts.method.as_str(),
        "path": parts.uri.path(),
        header_key: values(headers, multi_value),
        query_key: values(query, multi_value),
        "body": body,
        "isBase64Encoded": is_base64_encoded,
    });
    event.to_string().into_bytes()
}

/// The last value of each name, or all values.
fn values(
    entries: impl Iterator<Item = (String, String)>,
    multi_value: bool,
) -> Map<String, Value> {
    let mut values: Map<String, Value> = Map::new();
    for (name, value) in entries {
        match values.get_mut(&name) {
            Some(Value::Array(all)) => all.push(value.into()),
            _ if multi_value => _ = values.insert(name, json!([value])),
            _ => _ = values.insert(name, value.into()),
        }
    }
    values
}

fn is_text(headers: &HeaderMap) -> bool {
    let media_type =
        headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let text = essence.starts_with("text/")
        || matches!(
            essence.as_str(),
            "application/json" | "application/javascript" | "application/xml"
        );
    text && !headers.contains_key(CONTENT_ENCODING)
}

/// A function's response.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    status_code: u16,
    #[serde(default)]
    headers: Option<Map<String, Value>>,
    #[serde(default)]
    multi_value_headers: Option<Map<String, Value>>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

/// The HTTP response; `None` if it is malformed or too large.
pub(super) fn to_response(answer: &[u8], multi_value: bool) -> Option<Response<Body>> {
    if answer.len() > MAX_BYTES {
        return None;
    }
    let answer: Answer = serde_json::from_slice(answer).ok()?;
    let body = answer.body.unwrap_or_default();
    let body = if answer.is_base64_encoded {
        BASE64_STANDARD.decode(body).ok()?
    } else {
        body.into_bytes()
    };
    let mut response = Response::new(full(body.into()));
    // With a status below 200, the client would wait for another.
    *response.status_mut() =
        StatusCode::from_u16(answer.status_code).ok().filter(|status| status.as_u16() >= 200)?;
    let headers = if multi_value { answer.multi_value_headers } else { answer.headers };
    for (name, value) in headers.unwrap_or_default() {
        let values = match value {
            Value::Array(values) if multi_value => values,
            value => vec![value],
        };
        for value in values {
            let name = HeaderName::try_from(&name).ok()?;
            response.headers_mut().append(name, HeaderValue::try_from(value.as_str()?).ok()?);
        }
    }
    remove_hop_by_hop(response.headers_mut());
    response.headers_mut().remove(CONTENT_LENGTH);
    Some(response)
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    fn event(
        request: hyper::http::request::Builder,
        body: impl Into<Bytes>,
        multi_value: bool,
    ) -> Value {
        let (parts, ()) = request.body(()).unwrap().into_parts();
        serde_json::from_slice(&from_request(&parts, &body.into(), "arn:tg", multi_value)).unwrap()
    }

    #[test]
    fn a_request_becomes_the_documented_event() {
        let request =
            Request::delete("/picus/a%20b?x=%31&x=2&y").header("X-A", "1").header("x-a", "2");
        assert_eq!(
            event(request, "", false),
            json!({
                "requestContext": { "elb": { "targetGroupArn": "arn:tg" } },
                "httpMethod": "DELETE",
                "path": "/picus/a%20b",
                "headers": { "x-a": "2" },
                "queryStringParameters": { "x": "2", "y": "" },
                "body": "",
                "isBase64Encoded": false,
            })
        );
    }

    #[test]
    fn multi_value_headers_contain_every_value() {
        let event = event(Request::get("/?x=%31&x=2").header("a", "1").header("a", "2"), "", true);
        assert_eq!(event["multiValueHeaders"], json!({ "a": ["1", "2"] }));
        assert_eq!(event["multiValueQueryStringParameters"], json!({ "x": ["%31", "2"] }));
        assert!(event.get("headers").is_none());
    }

    #[test]
    fn other_bodies_than_text_are_base64() {
        let json_body = event(
            Request::post("/").header("content-type", "application/json; charset=utf-8"),
            "{}",
            false,
        );
        assert_eq!(
            (&json_body["body"], &json_body["isBase64Encoded"]),
            (&json!("{}"), &json!(false))
        );
        let bytes = event(
            Request::post("/").header("content-type", "application/octet-stream"),
            "ab",
            false,
        );
        assert_eq!((&bytes["body"], &bytes["isBase64Encoded"]), (&json!("YWI="), &json!(true)));
        let no_text =
            event(Request::post("/").header("content-type", "text/plain"), &b"a\xff"[..], false);
        assert_eq!((&no_text["body"], &no_text["isBase64Encoded"]), (&json!("Yf8="), &json!(true)));
    }

    #[test]
    fn an_answer_becomes_a_response() {
        let answer = json!({"statusCode": 200, "headers": {"X-A": "1"}, "body": "YWI=", "isBase64Encoded": true});
        let response = to_response(answer.to_string().as_bytes(), false).unwrap();
        assert_eq!(response.headers()["x-a"], "1");
        let answer = json!({"statusCode": 200, "multiValueHeaders": {"X-A": ["1", "2"]}});
        let response = to_response(answer.to_string().as_bytes(), true).unwrap();
        assert_eq!(response.headers().get_all("x-a").iter().count(), 2);
    }

    #[test]
    fn a_malformed_or_too_large_response_is_none() {
        for bad in [
            json!(null),
            json!("x"),
            json!({}),
            json!({"statusCode": "200"}),
            json!({"statusCode": 99}),
            json!({"statusCode": 1000}),
            json!({"statusCode": 200, "body": 1}),
            json!({"statusCode": 200, "body": "%", "isBase64Encoded": true}),
            json!({"statusCode": 200, "headers": {"a b": "1"}}),
            json!({"statusCode": 200, "headers": {"a": "1\n2"}}),
            json!({"statusCode": 200, "body": "x".repeat(MAX_BYTES)}),
        ] {
            assert!(
                to_response(bad.to_string().as_bytes(), false).is_none(),
                "{:.80}",
                bad.to_string()
            );
        }
    }
}
