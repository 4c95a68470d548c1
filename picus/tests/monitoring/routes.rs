//! A minor route that is down for all its users pages, and a single failure pages nobody.

use picus_api::route;
use picus_cloudwatch::alarm::State;
use picus_cloudwatch::data::Minute;
use picus_cloudwatch::definition::Alarm;
use picus_cloudwatch::metric::Metric;
use picus_cloudwatch::publication::{Publication, Reading};
use picus_cloudwatch::watch::Watch;

use crate::given::{alarms, alarms_of, template};
use crate::references::{counters_by_route, counters_of_the_slo};
use crate::synthetic::{minute, of_a_route};

const MORE_POINTS: [usize; 3] = [0, 2, 10];
/// What AWS calls usual.
const LAGS: std::ops::RangeInclusive<usize> = 0..=3;
/// The most minutes until somebody is woken.
const PROMISED: usize = 10;

/// A system of which every route is well, with this besides.
fn with(routes: &[Vec<(Metric, Option<f64>)>], balancer: &[(&str, f64)]) -> Minute {
    let of_balancer = balancer.iter().map(|(name, value)| {
        let dimensions = [("LoadBalancer", "app/picus-alb/0123456789abcdef")];
        (Metric::new("AWS/ApplicationELB", name, &dimensions), Some(*value))
    });
    minute(&routes.iter().flatten().cloned().chain(of_balancer).collect::<Vec<_>>())
}

/// Whether anybody is woken in `minutes` of `ill` after an hour of `well`: after how many of them.
fn woken(
    alarms: &[Alarm],
    well: &Minute,
    ill: &[Minute],
    lag: usize,
    more: usize,
) -> Option<usize> {
    let publication = Publication { lag, ..Publication::default() };
    let reading = Reading { more_points: more, ..Reading::default() };
    let mut watch = Watch::under(alarms.to_vec(), publication, reading);
    let is_on = |watch: &Watch| {
        ["picus-page", "picus-outage"].iter().any(|page| watch.state(page) == Some(State::Alarm))
    };
    for _ in 0..60 {
        watch.minute(well).unwrap();
        assert!(!is_on(&watch), "it pages while all is well");
    }
    (1..=ill.len()).find(|number| {
        watch.minute(&ill[number - 1]).unwrap();
        is_on(&watch)
    })
}

/// Each way in which late data and CloudWatch's choice may have it.
fn each_reading() -> impl Iterator<Item = (usize, usize)> {
    LAGS.flat_map(|lag| MORE_POINTS.map(|more| (lag, more)))
}

#[test]
fn a_dead_route_pages_at_six_in_a_thousand_and_at_one_request_a_minute() {
    let alarms = alarms();
    for (requests, of_all) in [(6.0, 1000.0), (1.0, 60.0), (1.0, 1000.0)] {
        for route in route::SLO_OF_SERVICE {
            let whole = |failed| [("RequestCount", of_all), ("HTTPCode_Target_5XX_Count", failed)];
            let well = with(&[of_a_route(route, requests, 0.0)], &whole(0.0));
            let dead = with(&[of_a_route(route, requests, requests)], &whole(requests));
            for (lag, more) in each_reading() {
                let after = woken(&alarms, &well, &vec![dead.clone(); PROMISED], lag, more);
                assert!(
                    after.is_some(),
                    "{route}, {requests} of {of_all} a minute, {lag} late: nobody is woken"
                );
            }
        }
    }
}

/// All of its users wait too long, and get what they asked for.
#[test]
fn a_route_that_is_late_for_all_pages_as_one_that_fails() {
    let alarms = alarms();
    let well = with(&[of_a_route(route::LIST, 1.0, 0.0)], &[]);
    let mut late = of_a_route(route::LIST, 1.0, 0.0);
    late[2].1 = Some(0.0);
    let late = with(&[late], &[]);
    for (lag, more) in each_reading() {
        let after = woken(&alarms, &well, &vec![late.clone(); PROMISED], lag, more);
        assert!(after.is_some(), "{lag} late: nobody is woken");
    }
}

#[test]
fn up_to_four_failures_of_a_route_wake_nobody_though_it_has_no_other_request() {
    let none: Vec<_> = counters_by_route()
        .into_iter()
        .chain(counters_of_the_slo())
        .map(|metric| (metric, None))
        .collect();
    let quiet = minute(&none);
    let failure = [none.clone(), of_a_route(route::LIST, 1.0, 1.0)].concat();
    let failure = minute(&failure);
    let lowered =
        template().replacen("BurnRate: 86.4, Failures: 5}", "BurnRate: 86.4, Failures: 4}", 1);
    assert_ne!(lowered, template());
    for (lag, more) in each_reading() {
        let woken = |alarms: &[Alarm], failures: usize| {
            let mut minutes = vec![quiet.clone(); 30];
            minutes[..failures].fill(failure.clone());
            woken(alarms, &quiet, &minutes, lag, more)
        };
        for failures in 1..=4 {
            assert_eq!(woken(&alarms(), failures), None, "{failures} failures, {lag} late");
        }
        assert!(woken(&alarms(), 5).is_some(), "{lag} late");
        assert!(woken(&alarms_of(&lowered), 4).is_some(), "a lower floor is found");
    }
}

/// Whoever asks for paths that are none gets 404s, of which no route knows.
#[test]
fn a_flood_of_unknown_paths_makes_a_dead_route_look_no_better() {
    let flood = [("RequestCount", 100_000.0), ("HTTPCode_Target_4XX_Count", 99_000.0)];
    let well = with(&[of_a_route(route::PUT, 1.0, 0.0)], &flood);
    let dead = with(&[of_a_route(route::PUT, 1.0, 1.0)], &flood);
    for (lag, more) in each_reading() {
        let after = woken(&alarms(), &well, &vec![dead.clone(); PROMISED], lag, more);
        assert!(after.is_some(), "{lag} late: nobody is woken");
    }
}

/// What the delete handler itself answers is no failed invocation, and crashes are no answers of its own.
#[test]
fn dead_deletes_page_whoever_answers_them() {
    let alarms = alarms();
    let group = "targetgroup/picus-lambda-tg/0123456789abcdef";
    let dimensions = [("LoadBalancer", "app/picus-alb/0123456789abcdef"), ("TargetGroup", group)];
    let own: Vec<_> = counters_by_route()
        .into_iter()
        .filter(|metric| metric.dimensions["service_name"] == "picus-delete-handler")
        .collect();
    let counted = |value| own.iter().map(|metric| (metric.clone(), value)).collect::<Vec<_>>();
    let well = with(&[counted(Some(1.0))], &[]);
    for name in ["HTTPCode_Target_5XX_Count", "LambdaUserError"] {
        let failure = (Metric::new("AWS/ApplicationELB", name, &dimensions), Some(1.0));
        let dead = with(&[counted(None), vec![failure]], &[]);
        for (lag, more) in each_reading() {
            let after = woken(&alarms, &well, &vec![dead.clone(); PROMISED], lag, more);
            assert!(after.is_some(), "{name}, {lag} late: nobody is woken");
        }
    }
}
