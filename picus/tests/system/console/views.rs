//! What the page shows.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::Page;

#[tokio::test]
async fn a_fault_raises_its_alarm_with_its_reason_and_runbook_and_ends() {
    let page = Page::open().await;
    page.post("/api/traffic", &json!({ "level": "normal" })).await;
    let states = |answer: &Value, name: &str, wanted: &str| {
        let alarms = answer["alarms"].as_array().unwrap();
        alarms.iter().any(|alarm| alarm["name"] == name && alarm["state"] == wanted)
    };
    let outage = "picus-outage";
    let alarms = page.until("/api/alarms", |alarms| states(alarms, outage, "OK")).await;
    let pages = |name: &str| {
        let alarms = alarms["alarms"].as_array().unwrap();
        alarms.iter().find(|alarm| alarm["name"] == name).unwrap()["pages"] == true
    };
    assert!(pages("picus-availability-page"), "picus-page has it as a part");
    assert!(!pages("picus-availability-ticket"));
    let fault = |on| json!({ "name": "dynamodb-unreachable", "on": on });
    page.post("/api/faults", &fault(true)).await;
    page.until("/api/alarms", |alarms| states(alarms, outage, "ALARM")).await;

    let alarm = page.get("/api/alarms/picus-outage?minutes=10").await;
    assert_eq!(
        (&alarm["kind"], &alarm["history"][0]["to"]),
        (&json!("composite"), &json!("ALARM"))
    );
    let part = alarm["parts"].as_array().unwrap().iter().find(|part| part["state"] == "ALARM");
    let part = part.expect("one alarm of its rule is on")["name"].as_str().unwrap().to_owned();
    assert_eq!(alarm["reason"], format!("{part} transitioned to ALARM"));
    assert_eq!((&alarm["pages"], &alarm["runbook"]), (&json!(true), &json!("outage")));
    let state = page.get("/api/state").await;
    assert!(state["alarms"]["on"].as_array().unwrap().contains(&json!(outage)), "{state}");
    assert!(!state["alarms"]["on"].as_array().unwrap().contains(&json!(part)), "{state}");
    assert!(alarm["runbook_html"].as_str().unwrap().starts_with("<h1>picus-outage</h1>"));
    assert!(alarm["queries"][0]["query"].as_str().unwrap().starts_with("filter "), "{alarm}");
    let part = page.get(&format!("/api/alarms/{part}?minutes=10")).await;
    assert!(part["reason"].as_str().unwrap().starts_with("Threshold Crossed: "), "{part}");
    let (points, counted) = (&part["points"], part["counted"].as_array().unwrap());
    assert_eq!(points.as_array().map(Vec::len), Some(counted.len()));
    assert_eq!(part["times"].as_array().map(Vec::len), Some(counted.len()));
    assert!(counted.contains(&json!("breaching")) && counted.contains(&json!("good")), "{part}");

    // Alarms of another template, on the same data.
    let template = "
Resources:
  Mine: {Type: 'AWS::CloudWatch::Alarm', Properties: {AlarmName: mine, AlarmDescription: d, Namespace: Clients,
    MetricName: Failed, Statistic: Sum, Period: 60, EvaluationPeriods: 1, Threshold: 0,
    ComparisonOperator: GreaterThanThreshold, TreatMissingData: notBreaching}}
  Both: {Type: 'AWS::CloudWatch::CompositeAlarm', Properties: {AlarmName: both, AlarmDescription: d,
    AlarmRule: 'ALARM(mine) OR ALARM(gone)'}}
";
    let drawn = page.post("/api/alarms", &json!({ "template": template })).await;
    assert!(states(&drawn, "mine", "ALARM") && states(&drawn, "both", "ALARM"), "{drawn}");
    assert_eq!(drawn["problems"], json!(["both: there is no alarm gone"]));
    let drawn = page.post("/api/alarms", &json!({ "template": "Resources: {A: [" })).await;
    assert_eq!(drawn["problems"].as_array().map(Vec::len), Some(1), "{drawn}");

    page.post("/api/faults", &fault(false)).await;
    page.until("/api/alarms", |alarms| states(alarms, outage, "OK")).await;
    let before = alarm["history"][0]["minute"].as_u64().unwrap();
    let then = page.get(&format!("/api/alarms?until={before}")).await;
    assert!(states(&then, outage, "ALARM"), "rewound: {then}");
    let missing = page.client.get_path("/api/alarms/none").await;
    assert_eq!(missing.status(), StatusCode::NOT_FOUND);
    page.console.stop().await;
}

#[tokio::test]
async fn a_request_from_the_page_shows_its_trace_its_log_lines_and_the_map() {
    let page = Page::open().await;
    let put = json!({
        "method": "POST",
        "path": "/picus/put",
        "headers": { "Content-Type": "application/json" },
        "body": "{\"a\":\"<script>\"}",
    });
    let called = page.post("/api/requests", &put).await;
    assert_eq!(called["status"], 201, "{called}");
    let location = called["headers"]["location"].as_str().unwrap().to_owned();
    assert!(called["curl"].as_str().unwrap().starts_with("curl -X POST 'http://127.0.0.1:"));
    let own = called["trace_id"].as_str().unwrap();
    let xray = called["xray_id"].as_str().unwrap();
    let is_whole = |trace: &Value| trace["lines"].as_array().is_some_and(|lines| !lines.is_empty());
    let listed = page
        .until(&format!("/api/traces?id={xray}&route=/picus/put&status=2xx"), |traces| {
            traces["traces"].as_array().is_some_and(|traces| !traces.is_empty())
        })
        .await;
    assert_eq!(listed["traces"][0]["id"], own);
    let trace = page.until(&format!("/api/traces/{own}"), is_whole).await;
    let spans = trace["spans"].as_array().unwrap();
    let shown: Vec<_> = spans.iter().map(|span| (&span["kind"], &span["depth"])).collect();
    let kinds =
        [("access log", 0), ("server", 1), ("client", 2)].map(|(a, b)| (json!(a), json!(b)));
    assert_eq!(shown[..3], kinds.each_ref().map(|(kind, depth)| (kind, depth)));
    let ms = |number: usize, name: &str| spans[number][name].as_f64().unwrap();
    assert!(ms(0, "start_ms") <= ms(1, "start_ms"), "{trace}");
    assert_eq!(spans[0]["attributes"]["target_status_code"], 201, "{trace}");
    assert_eq!(spans[0]["name"], "POST /picus/put");
    assert_eq!(trace["lines"][0]["fields"]["http.route"], "/picus/put");
    for none in ["status=5xx", "least_ms=60000", "code=throttled", "route=/none", "until=1"] {
        let found = page.get(&format!("/api/traces?{none}")).await;
        assert_eq!(found["traces"], json!([]), "{none}");
    }

    let lines = page.get(&format!("/api/logs?trace={own}&stream=service&level=INFO")).await;
    assert_eq!(lines["lines"][0]["message"], "request", "{lines}");
    let last = lines["last"].as_u64().unwrap();
    assert_eq!(page.get(&format!("/api/logs?after={}", last + 1000)).await["lines"], json!([]));
    let query = "filter message = 'request' | stats count(*) as requests by `http.route` | limit 1";
    let answer = async |query: &str| {
        let query = query.replace(' ', "+").replace('`', "%60").replace('|', "%7C");
        page.get(&format!("/api/logs/query?query={query}")).await
    };
    let found = answer(query).await;
    assert_eq!(found["columns"], json!(["http.route", "requests"]), "{found}");
    assert!(answer("frob").await["error"].as_str().unwrap().contains("not understood"));

    page.post("/api/traffic", &json!({ "level": "impatient" })).await;
    let seen = page
        .until("/api/overview?minutes=60", |map| {
            map["clients"]["gave_up"].as_f64() > Some(0.0) && map["edges"][3]["per_minute"].is_f64()
        })
        .await;
    assert_eq!(seen["edges"][1]["to"], "service");
    assert_eq!(seen["edges"][1]["health"], "ok", "{seen}");
    assert_eq!(seen["edges"][1]["errors_percent"].to_string(), "0.0");
    assert_eq!((&seen["nodes"][2]["healthy"], &seen["nodes"][2]["wanted"]), (&json!(1), &json!(1)));
    assert!(seen["slos"][0]["budget_left_percent"].is_f64(), "{seen}");
    let delete = json!({ "method": "DELETE", "path": location.replace("/get", "") });
    assert_eq!(page.post("/api/requests", &delete).await["status"], 200);
    let wrong = page.send("/api/requests", &json!({ "method": "PUT", "path": "/" })).await;
    assert_eq!(wrong.status(), StatusCode::BAD_REQUEST);
    page.console.stop().await;
}

#[tokio::test]
async fn dashboards_are_drawn_and_a_broken_one_says_what_is_wrong() {
    let page = Page::open().await;
    page.post("/api/traffic", &json!({ "level": "normal" })).await;
    let title = |widget: &Value| widget["title"].as_str().unwrap_or_default().to_owned();
    for name in ["overview", "service", "delete-handler", "data"] {
        let path = format!("/api/dashboards/{name}?minutes=30");
        let is_filled = |drawn: &Value| {
            let widgets = drawn["widgets"].as_array().unwrap();
            let metrics = widgets.iter().filter(|widget| widget["type"] == "metric");
            metrics.filter(|widget| widget["empty"].is_null()).count() >= 3
        };
        let drawn = page.until(&path, is_filled).await;
        assert_eq!(drawn["problems"], json!([]), "{name}");
        for widget in drawn["widgets"].as_array().unwrap() {
            let of = |field: &str| widget[field].as_array().cloned().unwrap_or_default();
            for line in of("series") {
                let is_empty = line["last"].is_null();
                assert_eq!(
                    line["empty"].is_string(),
                    is_empty,
                    "{name}: {}: {line}",
                    title(widget)
                );
            }
            let shows = match widget["type"].as_str().unwrap() {
                "metric" => of("series").iter().any(|line| !line["last"].is_null()),
                "log" => !of("rows").is_empty(),
                "alarm" => of("alarms").iter().all(|alarm| alarm["state"].is_string()),
                _ => widget["markdown_html"].as_str().unwrap().starts_with("<h1>"),
            };
            assert!(shows || widget["empty"].is_string(), "{name}: {}", title(widget));
        }
    }
    let is_of_the_service = |drawn: &Value| {
        let widgets = drawn["widgets"].as_array().unwrap();
        let has = |part: &str, line: &str| {
            widgets.iter().filter(|widget| title(widget).starts_with(part)).any(|widget| {
                let series = widget["series"].as_array().unwrap();
                series.iter().any(|one| {
                    one["label"].as_str().unwrap().starts_with(line)
                        && one["last"].as_f64() > Some(0.0)
                })
            })
        };
        has("Time to the last byte, by route", "p99 /picus/get/{key}")
            && has("Time to the last byte, mean", "")
            && has("CPU of the tasks", "mean")
    };
    page.until("/api/dashboards/service?minutes=30", is_of_the_service).await;
    // A point on a chart leads to a trace of its route that took as long.
    let exemplar = |drawn: &Value| {
        let widgets = drawn["widgets"].as_array().unwrap().iter();
        let mut by_route =
            widgets.filter(|one| title(one).starts_with("Time to the last byte, by"));
        by_route.next().and_then(|widget| widget["exemplars"].as_array().unwrap().last().cloned())
    };
    let drawn =
        page.until("/api/dashboards/service?minutes=30", |drawn| exemplar(drawn).is_some()).await;
    let exemplar = exemplar(&drawn).unwrap();
    let trace = page.get(&format!("/api/traces/{}", exemplar["trace_id"].as_str().unwrap())).await;
    assert_eq!(trace["route"], exemplar["what"], "{exemplar} {trace}");
    let server = trace["spans"].as_array().unwrap().iter().find(|span| span["kind"] == "server");
    let took = server.unwrap()["duration_ms"].as_f64().unwrap();
    let told = exemplar["value"].as_f64().unwrap() * 1e3;
    assert!((took - told).abs() < 5.0 + took * 0.1, "{exemplar} {trace}");
    let broken = json!({ "widgets": [
        { "type": "metric", "width": 30, "properties": { "title": "a", "view": "cloud", "metrics": [["N"]] } },
        { "type": "metric", "properties": { "title": "b", "stat": "Sum", "metrics": [["Clients", "Requests", "x", "y"]] } },
        { "type": "song", "properties": { "title": "c" } },
        { "type": "alarm", "properties": { "alarms": ["arn:aws:cloudwatch:r:1:alarm:gone"] } },
        { "type": "log", "properties": { "query": "frob" } },
        { "type": "text", "properties": { "markdown": "<script>alert(1)</script>" } },
    ] });
    let drawn = page.post("/api/dashboards", &json!({ "body": broken })).await;
    let problems = drawn["problems"].as_array().unwrap();
    let told = |part: &str| problems.iter().any(|problem| problem.as_str().unwrap().contains(part));
    for part in [
        "widget 1 (a): it does not fit",
        "no view `cloud`",
        "row 1",
        "type `song`",
        "no alarm gone",
    ] {
        assert!(told(part), "{part}: {problems:?}");
    }
    let widgets = drawn["widgets"].as_array().unwrap();
    assert_eq!(
        widgets[1]["empty"],
        "Clients Requests has been reported with no dimensions, not with [x]"
    );
    assert!(widgets[4]["empty"].as_str().unwrap().contains("not understood"), "{}", widgets[4]);
    assert!(!widgets[5]["markdown_html"].as_str().unwrap().contains("<script"));
    for body in [json!({}), json!("{"), json!("{\"a\": \"${Gone}\"}")] {
        let drawn = page.post("/api/dashboards", &json!({ "body": body })).await;
        assert_eq!(drawn["problems"].as_array().map(Vec::len), Some(1), "{drawn}");
    }
    page.console.stop().await;
}
