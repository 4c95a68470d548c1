//! The dashboards follow CloudWatch's structure, and say what good values are.

use std::collections::BTreeSet;

use picus_cloudwatch::expression::Expression;
use serde_json::Value;

use crate::given::{DASHBOARDS, alarms, dashboard, file, template};

fn widgets(name: &str) -> Vec<Value> {
    dashboard(name)["widgets"].as_array().unwrap().clone()
}

fn title(widget: &Value) -> String {
    widget["properties"]["title"].as_str().unwrap_or_default().to_owned()
}

/// The properties that CloudWatch knows for each type of widget that is used here: required ones, and optional ones.
fn properties(of: &str) -> Option<(&'static [&'static str], &'static [&'static str])> {
    Some(match of {
        "metric" => (
            &["metrics", "region", "view", "stat", "period", "title"],
            &["stacked", "yAxis", "annotations", "start", "setPeriodToTimeRange", "sparkline"],
        ),
        "alarm" => (&["alarms", "title"], &[]),
        "log" => (&["query", "region", "view", "title"], &[]),
        "text" => (&["markdown"], &[]),
        _ => return None,
    })
}

const VIEWS: [&str; 3] = ["timeSeries", "gauge", "table"];

/// The properties of a row of metrics.
const OPTIONS: [&str; 7] = ["expression", "id", "label", "stat", "visible", "yAxis", "color"];

/// Every object in a value, with its name.
fn objects<'a>(
    name: &'a str,
    value: &'a Value,
) -> Vec<(&'a str, &'a serde_json::Map<String, Value>)> {
    match value {
        Value::Array(parts) => parts.iter().flat_map(|part| objects(name, part)).collect(),
        Value::Object(fields) => {
            let inner = fields.iter().flat_map(|(name, value)| objects(name, value));
            [(name, fields)].into_iter().chain(inner).collect()
        }
        _ => Vec::new(),
    }
}

/// CloudWatch silently ignores unknown properties and colours.
#[test]
fn properties_views_and_colours_are_known_to_cloudwatch() {
    for name in DASHBOARDS {
        let body = dashboard(name);
        let known: BTreeSet<_> = ["start", "periodOverride", "widgets"].into();
        assert!(body.as_object().unwrap().keys().all(|field| known.contains(field.as_str())));
        for widget in widgets(name) {
            let title = title(&widget);
            let (needed, more) =
                properties(widget["type"].as_str().unwrap()).unwrap_or_else(|| {
                    panic!(
                        "dashboards/{name}.json: CloudWatch has no widget of type {}",
                        widget["type"]
                    )
                });
            for property in needed {
                assert!(
                    !widget["properties"][property].is_null(),
                    "dashboards/{name}.json: {title} lacks {property}"
                );
            }
            for (part, fields) in objects("widget", &widget) {
                let known: &[&[&str]] = match part {
                    "widget" => &[&["type", "x", "y", "width", "height", "properties"]],
                    "properties" => &[needed, more],
                    "metrics" => &[&OPTIONS],
                    "yAxis" => &[&["left", "right"]],
                    "left" | "right" => &[&["min", "max", "label", "showUnits"]],
                    "annotations" => &[&["vertical", "horizontal"]],
                    "vertical" => &[&["label", "value"]],
                    "horizontal" => &[&["label", "value", "color", "fill"]],
                    other => panic!("{name}: {title}: {other}"),
                };
                for (field, value) in fields {
                    assert!(known.concat().contains(&field.as_str()), "{name}: {title}: {field}");
                    let text = value.as_str().unwrap_or_default();
                    let is_right = match field.as_str() {
                        "view" => VIEWS.contains(&text),
                        "fill" => ["above", "below"].contains(&text),
                        "color" => text.strip_prefix('#').is_some_and(|digits| {
                            digits.len() == 6 && u32::from_str_radix(digits, 16).is_ok()
                        }),
                        _ => true,
                    };
                    assert!(is_right, "dashboards/{name}.json: {title}: {field} can't be {value}");
                }
            }
        }
    }
}

/// Amazon CloudWatch API Reference, "Dashboard body structure and syntax", and the quotas: 500
/// widgets a dashboard, 500 metrics a widget and 2500 a dashboard.
#[test]
fn bodies_have_cloudwatchs_structure_and_keep_its_quotas() {
    for name in DASHBOARDS {
        let widgets = widgets(name);
        assert!((3..=500).contains(&widgets.len()), "{name}");
        let mut places: Vec<[u64; 4]> = Vec::new();
        let mut metrics = 0;
        for widget in &widgets {
            let number = |field: &str| widget[field].as_u64().unwrap();
            let [x, y, width, height] = ["x", "y", "width", "height"].map(number);
            assert!(
                width >= 1 && x + width <= 24 && (1..=1000).contains(&height),
                "{name}: {}",
                title(widget)
            );
            for [left, top, wide, high] in &places {
                let apart = x >= left + wide
                    || left >= &(x + width)
                    || y >= top + high
                    || top >= &(y + height);
                assert!(apart, "dashboards/{name}.json: {} overlaps another widget", title(widget));
            }
            places.push([x, y, width, height]);
            let rows = widget["properties"]["metrics"].as_array().map_or(0, Vec::len);
            assert!(rows <= 500, "{name}: {}", title(widget));
            metrics += rows;
        }
        assert!(metrics <= 2500, "{name}: {metrics} metrics");
    }
}

#[test]
fn each_panel_says_what_good_looks_like() {
    for name in DASHBOARDS {
        for widget in widgets(name).iter().filter(|widget| widget["type"] != "text") {
            let title = title(widget);
            assert!(title.to_lowercase().contains("good: "), "{name}: {title}");
        }
    }
}

#[test]
fn each_graph_has_its_unit_and_shows_the_deployment() {
    for name in DASHBOARDS {
        let graphs = |widget: &&Value| widget["properties"]["view"] == "timeSeries";
        for widget in widgets(name).iter().filter(graphs) {
            let (properties, title) = (&widget["properties"], title(widget));
            assert!(properties["yAxis"]["left"]["label"].is_string(), "{name}: {title}");
            assert_eq!(
                properties["annotations"]["vertical"][0]["label"], "Deployed",
                "{name}: {title}"
            );
        }
    }
}

#[test]
fn expressions_are_valid_and_refer_to_existing_ids() {
    for name in DASHBOARDS {
        for widget in widgets(name) {
            let rows = widget["properties"]["metrics"].as_array().cloned().unwrap_or_default();
            let options: Vec<&Value> =
                rows.iter().filter_map(|row| row.as_array()?.last()).collect();
            let ids: Vec<&str> =
                options.iter().filter_map(|options| options["id"].as_str()).collect();
            for expression in options.iter().filter_map(|options| options["expression"].as_str()) {
                if expression.starts_with("SEARCH(") {
                    continue;
                }
                let parsed =
                    Expression::parse(expression).unwrap_or_else(|error| panic!("{name}: {error}"));
                for id in parsed.ids() {
                    assert!(ids.contains(&id), "{name}: {expression} names {id}");
                }
            }
        }
    }
}

/// The overview shows each alarm that stands for itself, and shows only alarms that exist.
#[test]
fn the_overview_shows_every_alarm() {
    let alarms = alarms();
    let exists = |name: &str| alarms.iter().any(|alarm| alarm.name == name);
    for dashboard in DASHBOARDS {
        let widgets = widgets(dashboard);
        let arns = widgets
            .iter()
            .flat_map(|widget| widget["properties"]["alarms"].as_array().into_iter().flatten());
        let shown: Vec<&str> =
            arns.map(|arn| arn.as_str().unwrap().rsplit(':').next().unwrap()).collect();
        for name in &shown {
            assert!(exists(name), "dashboards/{dashboard}.json shows {name}, which does not exist");
        }
        if dashboard == "overview" {
            for alarm in alarms.iter().filter(|alarm| alarm.fires_within.is_some()) {
                assert!(
                    shown.contains(&alarm.name.as_str()),
                    "dashboards/overview.json: add {} to the alarms of a panel",
                    alarm.name
                );
            }
        }
    }
}

/// A call that is missing in one of these panels fails or slows down unseen.
#[test]
fn the_panels_of_dynamodb_show_every_call_that_a_role_allows() {
    let panels = file("dashboards/data.json");
    for role in ["ecs-task-role", "picus-lambda-role"] {
        let policy = file(&format!("policies/{role}.json"));
        for action in policy.split("\"dynamodb:").skip(1) {
            let call = action.split('"').next().unwrap();
            for metric in ["SuccessfulRequestLatency", "SystemErrors", "ThrottledRequests"] {
                let row = format!(
                    r#"["AWS/DynamoDB", "{metric}", "TableName", "${{TableName}}", "Operation", "{call}","#
                );
                assert!(panels.contains(&row), "dashboards/data.json: add a row to a panel: {row}");
            }
        }
    }
}

#[test]
fn each_dashboard_is_deployed() {
    let template = template();
    for name in DASHBOARDS {
        assert!(
            template.contains(&format!("DashboardBody: !Sub | # include dashboards/{name}.json")),
            "{name}"
        );
    }
}
