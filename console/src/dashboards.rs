//! Dashboards: the deployed ones, or any other, computed from the kept minutes.

use std::ops::Range;

use aws_smithy_types::date_time::{DateTime, Format};
use picus_cloudwatch::graph::{self, Line};
use picus_cloudwatch::template;
use serde_json::{Map, Value, json};

use crate::answer::{Answer, Refusal};
use crate::markdown;
use crate::plant::Plant;
use crate::range::{self, Query};
use crate::store::Store;

/// The bodies, as deployed.
const BODIES: [(&str, &str); 4] = [
    ("overview", include_str!("../../dashboards/overview.json")),
    ("service", include_str!("../../dashboards/service.json")),
    ("delete-handler", include_str!("../../dashboards/delete-handler.json")),
    ("data", include_str!("../../dashboards/data.json")),
];
const VIEWS: [&str; 6] = ["timeSeries", "singleValue", "gauge", "table", "bar", "pie"];
/// The columns of CloudWatch's grid.
const COLUMNS: u64 = 24;

/// The dashboards' names.
pub(crate) fn list() -> Value {
    json!({ "dashboards": BODIES.map(|(name, _)| json!({ "name": name })) })
}

/// A deployed dashboard.
pub(crate) fn one(plant: &Plant, name: &str, query: &Query) -> Answer {
    let unknown = || Refusal::Unknown(format!("dashboard `{name}`"));
    let (name, text) = BODIES.iter().find(|(known, _)| *known == name).ok_or_else(unknown)?;
    let range = query.range(&plant.store.read())?;
    let body = body(plant, text).map_err(Refusal::Gateway)?;
    Ok(drawn(plant, name, &body, &range))
}

/// Any dashboard: `{"body": {…}, "minutes": 60}`. Placeholders of the deployed ones are filled in.
pub(crate) fn draw(plant: &Plant, request: &Value) -> Value {
    let minutes = request["minutes"].as_u64().and_then(|minutes| usize::try_from(minutes).ok());
    let range = range::range(&plant.store.read(), minutes, None);
    let text = match &request["body"] {
        Value::String(text) => text.clone(),
        body => body.to_string(),
    };
    match body(plant, &text) {
        Ok(body) => drawn(plant, "", &body, &range),
        Err(problem) => {
            let mut empty = drawn(plant, "", &json!({ "widgets": [] }), &range);
            empty["problems"] = json!([problem]);
            empty
        }
    }
}

/// A body with the values of this system, as `deploy` renders it.
fn body(plant: &Plant, text: &str) -> Result<Value, String> {
    let text = template::substitute(text, &plant.names).map_err(|error| error.to_string())?;
    serde_json::from_str(&text).map_err(|error| format!("the body is no JSON: {error}"))
}

fn drawn(plant: &Plant, name: &str, body: &Value, range: &Range<usize>) -> Value {
    let store = plant.store.read();
    let mut problems = Vec::new();
    let mut widgets = Vec::new();
    match body["widgets"].as_array() {
        Some(all) => {
            for (number, widget) in all.iter().enumerate() {
                let shown = self::widget(plant, &store, widget, range);
                let title = widget["properties"]["title"].as_str().unwrap_or_default();
                for problem in shown["problems"].as_array().into_iter().flatten() {
                    let problem = problem.as_str().unwrap_or_default();
                    problems.push(format!("widget {} ({title}): {problem}", number + 1));
                }
                widgets.push(shown);
            }
        }
        None => problems.push("the body has no list of widgets".to_owned()),
    }
    json!({
        "name": name,
        "from": range.start,
        "until": range.end,
        "times": range::times(&store, range),
        "problems": problems,
        "widgets": widgets,
    })
}

/// How much of each SLO's budget is left: the numbers of the overview.
pub(crate) fn budgets(plant: &Plant, store: &Store, range: &Range<usize>) -> Vec<Value> {
    let body = body(plant, BODIES[0].1).unwrap_or_default();
    let widgets = body["widgets"].as_array().into_iter().flatten();
    let title =
        |widget: &Value| widget["properties"]["title"].as_str().unwrap_or_default().to_owned();
    let numbers = widgets.filter(|widget| title(widget).contains("budget left"));
    let budget = |widget: &Value| {
        let shown = self::widget(plant, store, widget, range);
        json!({
            "title": shown["title"],
            "budget_left_percent": shown["series"][0]["last"],
            "window_minutes": range.len(),
        })
    };
    numbers.map(budget).collect()
}

fn widget(plant: &Plant, store: &Store, widget: &Value, range: &Range<usize>) -> Value {
    let properties = &widget["properties"];
    let mut problems = Vec::new();
    let number = |name: &str, default: u64| widget[name].as_u64().unwrap_or(default);
    let (x, width) = (number("x", 0), number("width", 6));
    if x + width > COLUMNS || width == 0 {
        problems.push(format!("it does not fit the grid of {COLUMNS} columns"));
    }
    let kind = widget["type"].as_str().unwrap_or_default();
    let more = match kind {
        "metric" => {
            let mut shown = of_metrics(store, properties, range, &mut problems);
            let ends: Vec<_> = range.clone().filter_map(|minute| store.ended(minute)).collect();
            let is_open = |id: &str| plant.traces.has(id);
            let time = store.time(range);
            let exemplars = plant.exemplars.of_widget(widget, &time, &ends, is_open);
            shown["exemplars"] = json!(exemplars);
            shown
        }
        "alarm" => of_alarms(store, properties, range, &mut problems),
        "log" => of_lines(plant, store, properties, range),
        "text" => {
            let text = properties["markdown"].as_str();
            if text.is_none() {
                problems.push("it lacks markdown".to_owned());
            }
            json!({ "markdown_html": markdown::html(text.unwrap_or_default(), |_| None) })
        }
        other => {
            problems.push(format!("no widget of type `{other}` is drawn here"));
            json!({ "empty": format!("no widget of type `{other}` is drawn here") })
        }
    };
    let mut shown = Map::from_iter([
        ("type".to_owned(), json!(kind)),
        ("x".to_owned(), json!(x)),
        ("y".to_owned(), json!(number("y", 0))),
        ("width".to_owned(), json!(width)),
        ("height".to_owned(), json!(number("height", 6))),
        ("title".to_owned(), json!(properties["title"].as_str().unwrap_or_default())),
        ("empty".to_owned(), Value::Null),
        ("problems".to_owned(), json!(problems)),
    ]);
    if let Value::Object(more) = more {
        shown.extend(more);
    }
    Value::Object(shown)
}

fn of_metrics(
    store: &Store,
    properties: &Value,
    range: &Range<usize>,
    problems: &mut Vec<String>,
) -> Value {
    let view = properties["view"].as_str().unwrap_or("timeSeries");
    if !VIEWS.contains(&view) {
        problems.push(format!("CloudWatch has no view `{view}`"));
    }
    if !properties["metrics"].is_array() {
        problems.push("it lacks metrics".to_owned());
    }
    let graph = graph::graph(properties, store.history(), range);
    problems.extend(graph.problems);
    let mut why: Vec<_> = graph.lines.iter().filter_map(|line| line.empty.clone()).collect();
    why.dedup();
    let is_empty = graph.lines.iter().all(|line| line.empty.is_some());
    let empty = match why.as_slice() {
        _ if !is_empty => None,
        [] => Some("nothing in it can be drawn".to_owned()),
        why => Some(why.join("; ")),
    };
    let axis = |side: &str| {
        let axis = &properties["yAxis"][side];
        let shown = json!({ "label": axis["label"], "min": axis["min"], "max": axis["max"] });
        if axis.is_object() { shown } else { Value::Null }
    };
    json!({
        "view": view,
        "stacked": properties["stacked"] == true,
        "left": axis("left"),
        "right": axis("right"),
        "annotations": {
            "horizontal": annotations(properties, "horizontal"),
            "vertical": annotations(properties, "vertical"),
        },
        "series": graph.lines.iter().map(series).collect::<Vec<_>>(),
        "empty": empty,
    })
}

fn series(line: &Line) -> Value {
    json!({
        "label": line.label,
        "color": line.color,
        "axis": if line.right { "right" } else { "left" },
        "points": line.points,
        "last": line.points.iter().rev().flatten().next(),
        "empty": line.empty,
    })
}

/// A horizontal one has a value, a vertical one a time.
fn annotations(properties: &Value, kind: &str) -> Vec<Value> {
    let all = properties["annotations"][kind].as_array().into_iter().flatten();
    let of = |annotation: &Value| {
        let (label, color) = (&annotation["label"], &annotation["color"]);
        let time = annotation["value"].as_str().and_then(|text| {
            DateTime::from_str(text, Format::DateTimeWithOffset).ok()?.to_millis().ok()
        });
        json!({ "label": label, "color": color, "value": annotation["value"].as_f64(), "time": time })
    };
    all.map(of).collect()
}

fn of_alarms(
    store: &Store,
    properties: &Value,
    range: &Range<usize>,
    problems: &mut Vec<String>,
) -> Value {
    let arns = properties["alarms"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let names: Vec<_> = arns.map(|arn| arn.rsplit(':').next().unwrap_or(arn)).collect();
    if names.is_empty() {
        problems.push("it names no alarm".to_owned());
    }
    let known = |name: &str| store.watch().alarms().iter().any(|alarm| alarm.name == name);
    let shown = |name: &&str| {
        let state = known(name).then(|| store.state(name, range.end).0.to_string());
        json!({ "name": name, "state": state })
    };
    problems.extend(
        names.iter().filter(|name| !known(name)).map(|name| format!("there is no alarm {name}")),
    );
    json!({ "alarms": names.iter().map(shown).collect::<Vec<_>>() })
}

fn of_lines(plant: &Plant, store: &Store, properties: &Value, range: &Range<usize>) -> Value {
    let query = properties["query"].as_str().unwrap_or_default();
    let view = properties["view"].as_str().unwrap_or("table");
    let (columns, rows, empty) = match plant.logs.run(query, &store.time(range)) {
        Ok(found) => {
            let why = match found.scanned {
                0 => Some("no log lines in these minutes".to_owned()),
                lines => Some(format!("none of {lines} log lines is as the query wants")),
            };
            let empty = why.filter(|_| found.rows.is_empty());
            (found.columns, found.rows, empty)
        }
        Err(error) => (Vec::new(), Vec::new(), Some(error)),
    };
    json!({ "view": view, "query": query, "columns": columns, "rows": rows, "empty": empty })
}
