//! Each alarm fires for the data of its fault, in time, and for no other.

use super::*;

#[test]
fn each_alarm_fires_for_its_fault_in_its_time_and_ends() {
    let alarms = alarms();
    for alarm in &alarms {
        let name = alarm.name.as_str();
        let watched =
            if matches!(alarm.kind, Kind::Metric(_)) { only(alarm) } else { alarms.clone() };
        let promised = alarm.fires_within.unwrap_or(60);
        let fared = fare(&watched, name, &minute(&[]), &fault(name), promised);
        assert!(
            matches!(fared, Fared::Well { .. }),
            "{name} should fire within {promised} minutes and end, but: {fared:?}"
        );
    }
}

#[test]
fn a_single_failure_at_low_traffic_raises_no_alarm() {
    let one = [
        (balancer("RequestCount"), Some(1.0)),
        (balancer("HTTPCode_Target_5XX_Count"), Some(1.0)),
        (of_group("HTTPCode_Target_5XX_Count", GROUP), Some(1.0)),
        (of_route("picus_requests_failed_total", route::LIST), Some(1.0)),
    ];
    let mut watch = Watch::new(alarms());
    for number in 0..600 {
        let minute = if number == 300 { quiet(&one) } else { quiet(&[]) };
        let transitions = watch.minute(&minute).unwrap();
        let fired: Vec<_> =
            transitions.iter().filter(|transition| transition.to == State::Alarm).collect();
        assert!(fired.is_empty(), "{fired:?}");
    }
}

/// One failure a minute, for this many minutes, without anything else.
fn failing(objective: &str, minutes: usize, alarms: Vec<Alarm>) -> bool {
    let mut watch = Watch::new(alarms);
    let one = |metric| (metric, Some(1.0));
    let failure = match objective {
        "availability" => ["RequestCount", "HTTPCode_Target_5XX_Count"].map(balancer).map(one),
        _ => [
            one(routes("picus_requests_measured_total").remove(0)),
            (routes("picus_requests_within_objective_total").remove(0), Some(0.0)),
        ],
    };
    let counted = ["picus_requests_measured_total", "picus_requests_within_objective_total"];
    let counted = counted.iter().flat_map(|name| routes(name)).chain([balancer("RequestCount")]);
    let quiet: Vec<_> = counted.map(|metric| (metric, None)).collect();
    let (quiet, failing) = (minute(&quiet), minute(&[&quiet[..], &failure].concat()));
    let calm = std::iter::repeat_n(&quiet, 120);
    calm.chain(std::iter::repeat_n(&failing, minutes)).chain(std::iter::repeat_n(&quiet, 60)).any(
        |minute| {
            let changes = watch.minute(minute).unwrap();
            changes.iter().any(|change| {
                change.to == State::Alarm
                    && change.alarm.starts_with(&format!("picus-{objective}"))
                    && ["-page", "-ticket"].iter().any(|end| change.alarm.ends_with(end))
            })
        },
    )
}

#[test]
fn at_low_traffic_nine_failures_raise_no_alarm_and_ten_do() {
    let text = template();
    let mutant = text.replace("Failures: 10}", "Failures: 9}");
    assert_ne!(text, mutant);
    for objective in ["availability", "latency"] {
        assert!(!failing(objective, 9, alarms()), "{objective}");
        assert!(failing(objective, 10, alarms()), "{objective}");
        assert!(
            failing(objective, 9, alarms_of(&mutant)),
            "{objective}: a lower floor must be found"
        );
    }
}

/// After a canary's release, the tasks are in the other target group, and the first is empty.
#[test]
fn a_target_group_may_be_empty_but_not_both() {
    let name = "picus-no-healthy-target";
    let alarms = alarms();
    let alarm = only(alarms.iter().find(|alarm| alarm.name == name).unwrap());
    let swapped = minute(&[(healthy(), None), (healthy_in_the_other_group(), Some(2.0))]);
    let empty = minute(&[(healthy(), None)]);
    for well in [minute(&[]), swapped] {
        let fared = fare(&alarm, name, &well, &empty, 5);
        assert_eq!(fared, Fared::Well { fired_after: 5 });
    }
    let blind = template().replacen("SUM([FILL(own, 0), FILL(alternate, 0)])", "FILL(own, 0)", 1);
    let swapped = minute(&[(healthy(), None), (healthy_in_the_other_group(), Some(2.0))]);
    assert_eq!(
        fare(&alarms_of(&blind), name, &swapped, &empty, 5),
        Fared::FiredWithoutReason,
        "an alarm on a single group must be found"
    );
}

/// Before the first task there is no data. ECS ignores an alarm that is on when its deployment begins.
#[test]
fn no_alarm_is_on_before_the_first_deployment() {
    let mut watch = Watch::new(alarms());
    for _ in 0..14 {
        watch.minute(&Minute::default()).unwrap();
        let on =
            alarms().into_iter().filter(|alarm| watch.state(&alarm.name) == Some(State::Alarm));
        assert_eq!(on.map(|alarm| alarm.name).collect::<Vec<_>>(), Vec::<String>::new());
    }
    watch.minute(&Minute::default()).unwrap();
    assert_eq!(watch.state("picus-outage"), Some(State::Alarm), "a task was to be there by now");
}

/// CloudWatch evaluates windows over a day once an hour.
#[test]
fn windows_over_a_day_are_evaluated_hourly_and_others_every_minute() {
    let mut watch = Watch::new(alarms());
    let well = std::iter::repeat_n(minute(&[]), 130);
    let ill = std::iter::repeat_n(fault("picus-availability-ticket"), 60);
    let mut fired = HashMap::new();
    for minute in well.chain(ill) {
        for change in watch.minute(&minute).unwrap() {
            if change.to == State::Alarm {
                fired.insert(change.alarm, change.minute);
            }
        }
    }
    assert_eq!(fired["picus-availability-ticket-1d"], 131);
    assert_eq!(fired["picus-availability-ticket-3d"], 180);
}

/// A page that is on already would not page again.
#[test]
fn an_outage_pages_even_after_a_lesser_fault_has_paged() {
    let mut watch = Watch::new(alarms());
    for _ in 0..60 {
        watch.minute(&minute(&[])).unwrap();
    }
    for _ in 0..10 {
        watch.minute(&fault("picus-latency-page")).unwrap();
    }
    let state = |watch: &Watch| ["picus-page", "picus-outage"].map(|name| watch.state(name));
    assert_eq!(state(&watch), [Some(State::Alarm), Some(State::Ok)]);
    let within = routes("picus_requests_within_objective_total");
    let down: Vec<_> = within.into_iter().map(|metric| (metric, Some(0.0))).collect();
    let down = minute(&[&down[..], &[(healthy(), Some(0.0))]].concat());
    for _ in 0..5 {
        watch.minute(&down).unwrap();
    }
    assert_eq!(state(&watch), [Some(State::Alarm), Some(State::Alarm)]);
}

/// If no data comes at all, the alarms for this fire.
#[test]
fn missing_data_raises_alarms() {
    let mut watch = Watch::new(alarms());
    for _ in 0..60 {
        watch.minute(&minute(&[])).unwrap();
    }
    for _ in 0..30 {
        watch.minute(&Minute::default()).unwrap();
    }
    for name in [
        "picus-outage",
        "picus-no-healthy-target",
        "picus-tasks-below-desired",
        "picus-service-telemetry-lost",
    ] {
        assert_eq!(watch.state(name), Some(State::Alarm), "{name}");
    }
}
