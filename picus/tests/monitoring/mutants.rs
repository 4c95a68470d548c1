//! A bad change of an alarm or a panel is found.

use picus_cloudwatch::alarm::{Comparison, Missing};
use picus_cloudwatch::dashboard::Search;
use picus_cloudwatch::data::Minute;
use picus_cloudwatch::definition::{Alarm, Kind, Source};
use picus_cloudwatch::metric::Metric;

use crate::given::{DASHBOARDS, alarms, alarms_of, panels, template};
use crate::references;
use crate::synthetic::{Fared, fare, fault, minute, only};

#[test]
fn an_inverted_comparison_is_found() {
    for alarm in alarms() {
        let mut mutant = alarm.clone();
        let Kind::Metric(metric) = &mut mutant.kind else { continue };
        metric.comparison = match metric.comparison {
            Comparison::GreaterThanThreshold => Comparison::LessThanOrEqualToThreshold,
            Comparison::LessThanThreshold => Comparison::GreaterThanOrEqualToThreshold,
            other => panic!("{}: {other:?} has no contrary here", alarm.name),
        };
        let fared = fare(&only(&mutant), &alarm.name, &minute(&[]), &fault(&alarm.name), 60);
        assert!(!matches!(fared, Fared::Well { .. }), "{}: {fared:?}", alarm.name);
    }
}

#[test]
fn missing_data_treated_as_healthy_is_found() {
    for name in ["picus-tasks-below-desired", "picus-service-telemetry-lost"] {
        let alarms = alarms();
        let alarm = alarms.iter().find(|alarm| alarm.name == name).unwrap();
        for (missing, found) in
            [(Missing::Breaching, true), (Missing::NotBreaching, false), (Missing::Ignore, false)]
        {
            let mut mutant = alarm.clone();
            if let Kind::Metric(metric) = &mut mutant.kind {
                metric.rule.missing = missing;
            }
            let fared = fare(&only(&mutant), name, &minute(&[]), &Minute::default(), 60);
            assert_eq!(
                matches!(fared, Fared::Well { .. }),
                found,
                "{name}, {missing:?}: {fared:?}"
            );
        }
    }
}

/// If FILL replaces all missing data, FILL decides what missing data means.
#[test]
fn a_fill_that_treats_missing_data_as_healthy_is_found() {
    let name = "picus-no-healthy-target";
    let text = template();
    for (filling, found) in [("0", true), ("1", false)] {
        let mutant = text.replace("FILL(own, 0)", &format!("FILL(own, {filling})"));
        let fared = fare(&alarms_of(&mutant), name, &minute(&[]), &Minute::default(), 60);
        assert_eq!(matches!(fared, Fared::Well { .. }), found, "{filling}: {fared:?}");
    }
}

/// DynamoDB reports throttles only while it throttles, and CloudWatch keeps the state of an alarm on its metrics when
/// they are missing.
#[test]
fn an_alarm_on_dynamodb_that_would_never_end_is_found() {
    let text = template();
    let mutant = text.replace("FILL(reads, 0) + FILL(writes, 0)", "reads + writes");
    assert_ne!(text, mutant);
    let name = "picus-dynamodb-throttling";
    let fared = fare(&alarms_of(&mutant), name, &minute(&[]), &fault(name), 60);
    assert_eq!(fared, Fared::NeverEnded);
}

/// The same metric with another name, and without each of its dimensions in turn.
fn spoilt(metric: &Metric) -> Vec<Metric> {
    let renamed = Metric { name: format!("{}s", metric.name), ..metric.clone() };
    let fewer = metric.dimensions.keys().map(|dimension| {
        let mut fewer = metric.clone();
        fewer.dimensions.remove(dimension);
        fewer
    });
    fewer.chain([renamed]).collect()
}

#[test]
fn a_metric_of_an_alarm_that_is_renamed_or_lacks_a_dimension_is_found() {
    let mut mutants = 0;
    for alarm in alarms() {
        let Kind::Metric(metric) = &alarm.kind else { continue };
        for (index, query) in metric.queries.iter().enumerate() {
            let Source::Metric(watched, statistic, period) = &query.source else { continue };
            for spoilt in spoilt(watched) {
                let mut mutant = metric.clone();
                mutant.queries[index].source = Source::Metric(spoilt.clone(), *statistic, *period);
                let mutant = Alarm { kind: Kind::Metric(mutant), ..alarm.clone() };
                assert!(!references::faults(&[mutant]).is_empty(), "{}: {spoilt}", alarm.name);
                mutants += 1;
            }
        }
    }
    assert!(mutants > 150, "{mutants}");
}

#[test]
fn a_metric_of_a_panel_that_is_renamed_or_lacks_a_dimension_is_found() {
    let mut mutants = 0;
    for panel in DASHBOARDS.into_iter().flat_map(panels) {
        for (index, (shown, _)) in panel.metrics.iter().enumerate() {
            for spoilt in spoilt(shown) {
                let mut mutant = panel.clone();
                mutant.metrics[index].0 = spoilt.clone();
                let faults = references::faults_of_panel(&mutant);
                assert!(!faults.is_empty(), "{}: {spoilt}", panel.title);
                mutants += 1;
            }
        }
    }
    assert!(mutants > 250, "{mutants}");
}

#[test]
fn a_panels_search_without_a_match_is_found() {
    for panel in DASHBOARDS.into_iter().flat_map(panels) {
        for (index, (search, _)) in panel.searches.iter().enumerate() {
            let found = |spoil: &dyn Fn(&mut Search)| {
                let mut mutant = panel.clone();
                spoil(&mut mutant.searches[index].0);
                !references::faults_of_panel(&mutant).is_empty()
            };
            assert!(found(&|search| search.name.push('s')), "{search:?}");
            for dimension in &search.dimensions {
                let drop = |search: &mut Search| {
                    search.dimensions.remove(dimension);
                };
                assert!(found(&drop), "{search:?} without {dimension}");
            }
            for name in search.values.keys() {
                let misspell = |search: &mut Search| {
                    search.values.entry(name.clone()).or_default().push('s');
                };
                assert!(found(&misspell), "{search:?} with another {name}");
            }
        }
    }
}

/// Changes the names in the template, one at a time.
#[test]
fn a_wrong_name_in_the_template_is_found() {
    let text = template();
    for (right, wrong) in [
        ("MetricName: HTTPCode_Target_5XX_Count", "MetricName: HTTPCode_Target_5XX"),
        ("MetricName: picus_requests_shed_total", "MetricName: picus_requests_shed"),
        ("\n                - {Name: TargetGroup, Value: !Ref ServiceTargetGroupFullName}", ""),
        ("Value: picus-delete-handler}", "Value: delete-handler}"),
        ("Value: export_failed", "Value: failed"),
        ("Namespace: ECS/ContainerInsights", "Namespace: AWS/ECS"),
    ] {
        let mutant = text.replacen(right, wrong, 1);
        assert_ne!(text, mutant, "{right}");
        assert!(!references::faults(&alarms_of(&mutant)).is_empty(), "{wrong}");
    }
}
