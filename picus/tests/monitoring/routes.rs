//! If a rarely used route fails for all its users, an alarm pages. A few failures page nobody.

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
/// How many minutes late data is, in what AWS calls usual.
const LAGS: std::ops::RangeInclusive<usize> = 0..=3;
/// The most minutes until somebody is woken.
const PROMISED: usize = 10;

/// A minute in which every route is well, with these metrics of routes and of the load balancer in addition.
fn with(routes: &[Vec<(Metric, Option<f64>)>], balancer: &[(&str, f64)]) -> Minute {
    let of_balancer = balancer.iter().map(|(name, value)| {
        let dimensions = [("LoadBalancer", "app/picus-alb/0123456789abcdef")];
        (Metric::new("AWS/ApplicationELB", name, &dimensions), Some(*value))
    });
    minute(&routes.iter().flatten().cloned().chain(of_balancer).collect::<Vec<_>>())
}

/// After how many minutes of `ill` an alarm pages, if one does. An hour of `well` comes before.
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

/// Each combination of lateness, and of the number of data points that CloudWatch looks at.
fn each_reading() -> impl Iterator<Item = (usize, usize)> {
    LAGS.flat_map(|lag| MORE_POINTS.map(|more| (lag, more)))
}

#[test]
fn a_failing_route_pages_at_six_of_a_thousand_requests_and_at_one_a_minute() {
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

/// All responses are right, but late.
#[test]
fn a_route_that_is_always_late_pages() {
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
fn up_to_four_failures_of_a_route_page_nobody_even_without_other_requests() {
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

/// Requests for unknown paths get 404s, which count for no route.
#[test]
fn a_flood_of_unknown_paths_does_not_hide_a_failing_route() {
    let flood = [("RequestCount", 100_000.0), ("HTTPCode_Target_4XX_Count", 99_000.0)];
    let well = with(&[of_a_route(route::PUT, 1.0, 0.0)], &flood);
    let dead = with(&[of_a_route(route::PUT, 1.0, 1.0)], &flood);
    for (lag, more) in each_reading() {
        let after = woken(&alarms(), &well, &vec![dead.clone(); PROMISED], lag, more);
        assert!(after.is_some(), "{lag} late: nobody is woken");
    }
}

/// A 500 of the delete handler is not a failed invocation, and a crash is not a response of the handler. Both
/// must page.
#[test]
fn failing_deletes_page_whether_the_handler_answers_or_crashes() {
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
