//! Forwards a request of the page to the load balancer, because Picus has no CORS.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper::header::HeaderMap;
use serde_json::{Map, Value, json};
use tokio::time::{self, Duration, Instant};

use crate::answer::{Answer, Refusal};
use crate::clock::now_ms;
use crate::plant::Plant;
use crate::traces;

const PATIENCE: Duration = Duration::from_secs(30);
/// Has the trace's id, and says that this request is to be traced.
const TRACE: &str = "x-amzn-trace-id";
/// Those that the API has.
const METHODS: [&str; 5] = ["GET", "HEAD", "POST", "DELETE", "OPTIONS"];

/// `{"method": "POST", "path": "/picus/put", "headers": {…}, "body": "…"}`
pub(crate) async fn forward(plant: &Plant, request: &Value) -> Answer {
    let text = |name: &str| request[name].as_str().unwrap_or_default();
    let (method, path, body) = (text("method"), text("path"), text("body").to_owned());
    if !METHODS.contains(&method) || !path.starts_with('/') {
        return Err(Refusal::Bad(format!("give a path, and a method of {}", METHODS.join(", "))));
    }
    let url = format!("{}{path}", plant.facts.read().load_balancer);
    let headers: Vec<(&str, &str)> = request["headers"]
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)))
        .collect();
    let id = format!("{:08x}{}", now_ms() / 1000, &uuid::Uuid::new_v4().simple().to_string()[..24]);
    let xray_id = traces::xray_id(&id);
    let mut sent = Request::builder().method(method).uri(&url);
    for (name, value) in &headers {
        sent = sent.header(*name, *value);
    }
    let sent = sent.header(TRACE, format!("Root={xray_id};Sampled=1"));
    let sent = sent.body(Full::from(Bytes::from(body.clone())));
    let sent = sent.map_err(|error| Refusal::Bad(error.to_string()))?;
    let begun = Instant::now();
    let answer = async {
        let response =
            plant.clients.http().request(sent).await.map_err(|error| error.to_string())?;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map_err(|error| error.to_string())?;
        Ok::<_, String>((parts, body.to_bytes()))
    };
    let answer = time::timeout(PATIENCE, answer).await;
    let answer = answer.unwrap_or_else(|_| Err("no response within 30 seconds".to_owned()));
    let (parts, bytes) = answer.map_err(Refusal::Gateway)?;
    Ok(json!({
        "status": parts.status.as_u16(),
        "headers": shown(&parts.headers),
        "body": String::from_utf8_lossy(&bytes),
        "took_ms": begun.elapsed().as_secs_f64() * 1e3,
        "trace_id": id,
        "xray_id": xray_id,
        "curl": curl(method, &url, &headers, &body),
    }))
}

fn shown(headers: &HeaderMap) -> Map<String, Value> {
    let text =
        |value: &hyper::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.to_string(), json!(text(value)))).collect()
}

/// The same call for a shell.
fn curl(method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> String {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', r"'\''"));
    let mut words = vec!["curl".to_owned()];
    match method {
        "GET" => {}
        "HEAD" => words.push("--head".to_owned()),
        method => words.push(format!("-X {method}")),
    }
    words.push(quoted(url));
    words.extend(
        headers.iter().map(|(name, value)| format!("-H {}", quoted(&format!("{name}: {value}")))),
    );
    if !body.is_empty() {
        words.push(format!("--data-raw {}", quoted(body)));
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shown_curl_command_repeats_the_request() {
        let call = curl("POST", "http://a/b?c=$d", &[("A", "it's")], "{\"a\":\"`b`'\"}");
        assert_eq!(
            call,
            r#"curl -X POST 'http://a/b?c=$d' -H 'A: it'\''s' --data-raw '{"a":"`b`'\''"}'"#
        );
        assert_eq!(curl("GET", "http://a/", &[], ""), "curl 'http://a/'");
        assert_eq!(curl("HEAD", "http://a/", &[], ""), "curl --head 'http://a/'");
    }
}
