//! The alarms' definitions.

use std::collections::BTreeSet;

use picus_cloudwatch::alarm::Missing;
use picus_cloudwatch::definition::{Alarm, Kind, Source};
use picus_cloudwatch::expression::Expression;
use picus_cloudwatch::template;

use crate::given::{alarms, file, metric_alarms, parameters};

fn named<'a>(alarms: &'a [Alarm], name: &str) -> &'a Alarm {
    alarms
        .iter()
        .find(|alarm| alarm.name == name)
        .unwrap_or_else(|| panic!("dashboards/alarms.yaml has no alarm {name}"))
}

/// The alarms that a composite alarm watches.
fn parts(alarm: &Alarm) -> BTreeSet<&str> {
    match &alarm.kind {
        Kind::Composite(rule) => rule.alarms().into_iter().collect(),
        Kind::Metric(_) => BTreeSet::new(),
    }
}

/// CloudWatch's limits: `PutMetricAlarm`, "Period", and "CloudWatch service quotas".
#[test]
fn windows_and_expressions_keep_to_cloudwatchs_limits() {
    let alarms = alarms();
    assert!(metric_alarms(&alarms).len() > 20);
    for (name, alarm) in metric_alarms(&alarms) {
        let mut periods = BTreeSet::new();
        for query in &alarm.queries {
            let mut letters = query.id.chars();
            assert!(
                letters.next().is_some_and(|letter| letter.is_ascii_lowercase()),
                "{name}: {}",
                query.id
            );
            assert!(
                letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_'),
                "{name}: {}",
                query.id
            );
            if let Source::Metric(_, _, period) = query.source {
                periods.insert(period);
            }
        }
        let [period] = periods.into_iter().collect::<Vec<_>>()[..] else {
            panic!("dashboards/alarms.yaml: the metrics of {name} must have the same period")
        };
        let metrics =
            alarm.queries.iter().filter(|query| matches!(query.source, Source::Metric(..)));
        assert!(
            metrics.count() <= 10 && alarm.queries.len() <= 20,
            "{name}: more than ten metrics"
        );
        assert_eq!(period % 60, 0, "{name}");
        let total = period * alarm.rule.evaluation_periods;
        assert!(total <= if period < 3600 { 86_400 } else { 604_800 }, "{name}: {total} seconds");
        assert!(alarm.rule.datapoints_to_alarm <= alarm.rule.evaluation_periods, "{name}");
        assert_eq!(alarm.queries.iter().filter(|query| query.returned).count(), 1, "{name}");
    }
}

/// The limits of `PutCompositeAlarm` and `PutMetricAlarm`: the length of a name and of a rule, the alarms in a rule,
/// and the actions of a state.
#[test]
fn rules_and_actions_keep_to_cloudwatchs_limits() {
    let resources = template::resources(&file("dashboards/alarms.yaml"), &parameters()).unwrap();
    let mut rules = 0;
    for (id, resource) in &resources {
        let properties = &resource["Properties"];
        for actions in ["AlarmActions", "OKActions", "InsufficientDataActions"] {
            assert!(properties[actions].as_array().map_or(0, Vec::len) <= 5, "{id}: {actions}");
        }
        let text = |name: &str| properties[name].as_str().unwrap_or_default();
        assert!(text("AlarmName").len() <= 255, "{id}");
        assert!(text("AlarmRule").len() <= 10_240, "{id}");
        rules += usize::from(!text("AlarmRule").is_empty());
    }
    assert_eq!(rules, 7);
    assert!(alarms().iter().all(|alarm| parts(alarm).len() <= 100));
}

#[test]
fn descriptions_say_what_users_notice_and_link_the_runbook() {
    for Alarm { name, description, .. } in alarms() {
        assert!(name.starts_with("picus-"), "{name}");
        assert!(description.contains("Runbook: https://example.com/runbooks/"), "{name}");
        assert!((60..1024).contains(&description.len()), "{name}");
    }
}

/// Each alarm notifies a topic, or is part of an alarm that does.
#[test]
fn each_alarm_has_an_action() {
    let alarms = alarms();
    let watched: BTreeSet<_> = alarms.iter().flat_map(parts).collect();
    for alarm in &alarms {
        let told = !alarm.actions.is_empty();
        assert!(
            told != watched.contains(alarm.name.as_str()),
            "dashboards/alarms.yaml: {} must either have an action or be in the rule of another alarm (has an action: {told})",
            alarm.name
        );
    }
    for name in &watched {
        named(&alarms, name);
    }
}

/// Each pages once for an incident. A smaller fault that goes on must not hide an outage.
#[test]
fn faults_that_users_notice_page_and_an_outage_pages_separately() {
    let alarms = alarms();
    let pages = |alarm: &&Alarm| alarm.actions.iter().any(|topic| topic == "picus-alarms");
    let paging: Vec<_> =
        alarms.iter().filter(pages).map(|alarm| (alarm.name.as_str(), parts(alarm))).collect();
    let outage = ["picus-no-healthy-target", "picus-availability-outage-5m"];
    let page = [
        "picus-availability-page",
        "picus-latency-page",
        "picus-route-page",
        "picus-delete-handler-errors",
    ];
    let expected = [("picus-outage", outage.into()), ("picus-page", page.into())];
    assert_eq!(paging, expected);
}

/// The alarm must warn in time: the handler's longest wait is far below the function's time-out.
#[test]
fn slow_deletes_raise_an_alarm_before_they_time_out() {
    let mut env = picus_settings::Reader::new(|_| None);
    let deadline = picus_delete_handler::Config::read(&mut env).table.operation_timeout;
    let alarms = alarms();
    let alarm = metric_alarms(&alarms)["picus-delete-handler-duration"];
    let share = format!("100 * duration / {}", deadline.as_millis());
    let share = Expression::parse(&share).unwrap();
    let expressions: Vec<_> = alarm
        .queries
        .iter()
        .filter_map(|query| match &query.source {
            Source::Expression(expression) => Some(expression),
            Source::Metric(..) => None,
        })
        .collect();
    assert_eq!(expressions, [&share]);
    assert!(alarm.threshold < 100.0);
}

/// The windows and burn rates of the Site Reliability Workbook's "Alerting on SLOs".
#[test]
fn burn_rates_have_a_long_and_a_short_window() {
    let alarms = alarms();
    let metric_alarms = metric_alarms(&alarms);
    for objective in ["availability", "latency"] {
        for (urgency, windows) in [
            (
                "page",
                [("1h", 3600, 14.4), ("5m", 300, 14.4), ("6h", 21_600, 6.0), ("30m", 1800, 6.0)],
            ),
            (
                "ticket",
                [("1d", 86_400, 3.0), ("2h", 7200, 3.0), ("3d", 259_200, 1.0), ("6h", 21_600, 1.0)],
            ),
        ] {
            let composite = named(&alarms, &format!("picus-{objective}-{urgency}"));
            let mut names = BTreeSet::new();
            for (window, seconds, burn) in windows {
                let name = format!("picus-{objective}-{urgency}-{window}");
                let alarm = metric_alarms[name.as_str()];
                assert!((alarm.threshold - burn).abs() < 1e-9, "{name}");
                for query in &alarm.queries {
                    if let Source::Metric(_, _, period) = query.source {
                        assert_eq!(period, seconds, "{name}");
                    }
                }
                names.insert(name);
            }
            let of_all = parts(composite).into_iter().filter(|part| part.contains(objective));
            assert_eq!(of_all.collect::<BTreeSet<_>>(), names.iter().map(String::as_str).collect());
        }
    }
}

/// A window by itself spends as much of the route's budget before it fires as the two of the whole do.
#[test]
fn burn_rates_of_routes_and_target_groups_page_and_open_tickets() {
    let alarms = alarms();
    let metric_alarms = metric_alarms(&alarms);
    let of = ["route-list", "route-put", "route-get", "route-delete", "group-service"];
    for (told_by, window, seconds, budget) in [
        ("picus-route-page", "10m", 600.0, 0.02),
        ("picus-availability-ticket", "6h", 21_600.0, 0.05),
    ] {
        let names = of.map(|part| format!("picus-{part}-{window}"));
        let parts = parts(named(&alarms, told_by));
        let parts = parts.into_iter().filter(|part| !part.contains("availability"));
        assert_eq!(parts.collect::<BTreeSet<_>>(), names.iter().map(String::as_str).collect());
        for name in &names {
            let alarm = metric_alarms[name.as_str()];
            let spent = alarm.threshold * seconds / (30.0 * 86_400.0);
            assert!((spent - budget).abs() < 1e-9, "{name} spends {spent}");
        }
    }
}

/// Each alarm gives its reason. If its fault stops the data, missing data must not look healthy.
#[test]
fn missing_data_is_treated_for_a_reason() {
    let alarms = alarms();
    for (name, alarm) in metric_alarms(&alarms) {
        assert!(
            named(&alarms, name).missing_reason.is_some(),
            "dashboards/alarms.yaml: {name} has no MissingData in its Metadata"
        );
        let expected = match name {
            "picus-no-healthy-target"
            | "picus-tasks-below-desired"
            | "picus-service-telemetry-lost" => Missing::Breaching,
            "picus-service-memory" => Missing::Missing,
            _ => Missing::NotBreaching,
        };
        assert_eq!(alarm.rule.missing, expected, "{name}: change TreatMissingData, or this list");
    }
}

/// The collector decides how many samples a task sends in a period.
#[test]
fn the_number_of_samples_of_a_healthy_task_raises_no_alarm() {
    let collector = template::read(&file("otel-collector.yaml")).unwrap();
    let interval = &collector["receivers"]["prometheus"]["config"]["global"]["scrape_interval"];
    let seconds: usize = interval.as_str().unwrap().strip_suffix('s').unwrap().parse().unwrap();
    let alarms = alarms();
    let alarm = metric_alarms(&alarms)["picus-service-telemetry-lost"];
    let expected = Expression::parse("running - heard / 10").unwrap();
    for query in &alarm.queries {
        match &query.source {
            Source::Metric(_, _, period) => assert_eq!(*period, 10 * seconds),
            Source::Expression(expression) => assert_eq!(*expression, expected),
        }
    }
}

#[test]
fn the_alarms_that_roll_a_deployment_back_are_plain_and_quiet_without_data() {
    let names = file("dashboards/rollback-alarms.yaml");
    let names: Vec<&str> = names.lines().filter_map(|line| line.strip_prefix("- ")).collect();
    assert_eq!(names, ["picus-availability-page-5m", "picus-latency-page-5m"]);
    let alarms = alarms();
    for name in names {
        // An alarm that fires before there is data is ignored, and the others with it.
        assert_eq!(metric_alarms(&alarms)[name].rule.missing, Missing::NotBreaching, "{name}");
    }
}

/// All alarms except the single windows of burn rates.
#[test]
fn each_alarm_except_burn_rate_windows_promises_when_it_fires() {
    let alarms = alarms();
    let windows = |alarm: &&Alarm| alarm.fires_within.is_none();
    let unpromised: Vec<&str> =
        alarms.iter().filter(windows).map(|alarm| alarm.name.as_str()).collect();
    for name in &unpromised {
        let burns = ["picus-availability-", "picus-latency-", "picus-route-", "picus-group-"];
        assert!(
            burns.iter().any(|burn| name.starts_with(burn)),
            "dashboards/alarms.yaml: {name} has no FiresWithinMinutes in its Metadata"
        );
    }
    assert_eq!(unpromised.len(), 27);
}
