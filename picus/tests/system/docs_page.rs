//! The page that shows the OpenAPI document.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use regex::Regex;
use reqwest::{Method, Response, StatusCode};
use serde_json::Value;

use crate::given::{Client, EXECUTABLE};

/// Starts Picus. Returns a client of the API, and one of the console's address.
fn started() -> (Child, Client, Client) {
    let mut command = Command::new(EXECUTABLE);
    command.args(["--memory", "--port", "0", "--console-port", "0"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let guide = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let guide: Vec<_> = guide.take_while(|line| !line.contains("Ctrl-C")).collect();
    let at = |label: &str| {
        let line = guide.iter().find(|line| line.contains(label)).unwrap();
        let address =
            Regex::new("http://([0-9.:]+)").unwrap().captures(line).unwrap()[1].to_owned();
        Client::of(address.parse().unwrap())
    };
    (child, at("load balancer"), at("the API's page"))
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
}

#[tokio::test]
async fn the_page_of_the_document_is_served_beside_the_load_balancer() {
    let (mut child, picus, docs) = started();

    let response = docs.get_path("/docs").await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(header(&response, "content-type"), "text/html");
    assert!(header(&response, "content-security-policy").starts_with("default-src 'none'"));
    let page = response.text().await.unwrap();

    let files = Regex::new(r#"(?:src|href)="([^"]*)""#).unwrap();
    let files: Vec<_> = files.captures_iter(&page).map(|found| found[1].to_owned()).collect();
    assert!(files.len() > 3);
    for file in files.iter().filter(|file| *file != "data:,") {
        let response = docs.get_path(file).await;
        assert_eq!(response.status(), StatusCode::OK, "{file}");
        let is_packed = header(&response, "content-encoding") == "gzip";
        let body = response.bytes().await.unwrap();
        assert_eq!(body.starts_with(&[0x1f, 0x8b]), is_packed, "{file}");
    }

    let shown = docs.get_path("/docs/openapi.json").await;
    let mut shown: Value = shown.json().await.unwrap();
    let mut served: Value = picus.get_path("/openapi.json").await.json().await.unwrap();
    let (here, relative) = (shown["servers"].take(), served["servers"].take());
    assert_eq!(shown, served);
    assert_eq!(relative[0]["url"], "/");
    let here = here[0]["url"].as_str().unwrap();
    assert_eq!(
        here,
        picus.request(Method::GET, "").build().unwrap().url().as_str().trim_end_matches('/')
    );

    assert_eq!(docs.get_path("/docs/none").await.status(), StatusCode::NOT_FOUND);
    assert_eq!(picus.get_path("/docs").await.status(), StatusCode::NOT_FOUND);

    child.kill().unwrap();
    child.wait().unwrap();
}
