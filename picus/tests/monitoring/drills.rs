//! A drill of each kind with a real system. `ci/drills` runs all drills.

use std::collections::BTreeSet;

use picus_cloudwatch::definition::Alarm;
use picus_drills::{self as drill, DRILLS, Drill, End, TEMPLATE, Tape};

use crate::references;

const EXECUTABLE: &str = env!("CARGO_BIN_EXE_picus");

async fn made(name: &str) -> (&'static Drill, Tape) {
    let drill = DRILLS.iter().find(|drill| drill.name == name).unwrap();
    (drill, drill::record(drill, EXECUTABLE.into(), |_| ()).await.unwrap())
}

fn faults(drill: &Drill, tape: &Tape, alarms: &[Alarm]) -> Vec<String> {
    tape.play(drill, alarms).unwrap().faults(drill, alarms)
}

/// The drill's faults if the template is changed like this.
fn faults_of_mutant(drill: &Drill, tape: &Tape, right: &str, wrong: &str) -> Vec<String> {
    let mutant = TEMPLATE.replacen(right, wrong, 1);
    assert_ne!(mutant, TEMPLATE, "{right}");
    faults(drill, tape, &drill::alarms(&mutant).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_crashes_fires_its_alarm_and_mutants_of_it_do_not() {
    let (drill, tape) = made("handler-crashes").await;
    // The runbooks of both its alarms lead to its cause, and not to another.
    let other = Drill { cause: "DynamoDB itself", ..*drill };
    let wrong = faults(&other, &tape, &drill::alarms(TEMPLATE).unwrap());
    assert_eq!(wrong.iter().filter(|fault| fault.contains("its runbook leads to")).count(), 2);
    assert_eq!(faults(drill, &tape, &drill::alarms(TEMPLATE).unwrap()), Vec::<String>::new());
    for (right, wrong) in [
        ("MetricName: Errors", "MetricName: Error"),
        ("FILL(errors, 0) >= 3", "FILL(errors, 0) < 3"),
        ("Dimensions: [{Name: FunctionName, Value: !Ref FunctionName}]", "Dimensions: []"),
        ("Threshold: 5\n", "Threshold: 500\n"),
    ] {
        assert!(!faults_of_mutant(drill, &tape, right, wrong).is_empty(), "{wrong}");
    }
}

/// A failure that no SLI counts, and a route that it leaves out, make the drill fail.
#[tokio::test(flavor = "multi_thread")]
async fn clients_who_wait_and_give_up_are_counted_or_the_drill_fails() {
    let (drill, tape) = made("impatient-clients").await;
    assert_eq!(faults(drill, &tape, &drill::alarms(TEMPLATE).unwrap()), Vec::<String>::new());
    assert!(tape.seen.iter().filter(|seen| seen.end == End::GaveUp).count() > 20);
    for (right, wrong) in [
        // Slow responses are not counted.
        ("total - SUM(FILL(METRICS(\"within\"), 0))", "total - total"),
        // A route is left out.
        (
            "Dimensions: [{Name: service_name, Value: picus-delete-handler}, {Name: http_route, Value: '/picus/{key}'}]",
            "Dimensions: [{Name: service_name, Value: nobody}]",
        ),
    ] {
        let mutant = TEMPLATE.replace(right, wrong);
        assert_ne!(mutant, TEMPLATE, "{right}");
        let faults = faults(drill, &tape, &drill::alarms(&mutant).unwrap());
        assert!(faults.iter().any(|fault| fault.starts_with("clients: ")), "{wrong}: {faults:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_last_byte_is_not_taken_for_a_late_first_byte() {
    let (drill, mut tape) = made("long-lists-trickle").await;
    let alarms = drill::alarms(TEMPLATE).unwrap();
    assert_eq!(faults(drill, &tape, &alarms), Vec::<String>::new());
    for seen in &mut tape.seen {
        seen.waited = seen.took;
    }
    let faults = faults(drill, &tape, &alarms);
    assert!(faults.iter().any(|fault| fault.starts_with("clients: ")), "{faults:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_deployment_is_rolled_back_by_its_alarm_unless_the_alarm_is_broken() {
    let (drill, tape) = made("bad-deployment").await;
    let alarms = drill::alarms(TEMPLATE).unwrap();
    let verdict = tape.play(drill, &alarms).unwrap();
    assert_eq!(verdict.faults(drill, &alarms), Vec::<String>::new());
    // An error that is not counted.
    let blind = faults_of_mutant(drill, &tape, "FILL(answered, 0) + FILL(refused", "FILL(refused");
    assert!(blind.iter().any(|fault| fault.starts_with("clients: ")), "{blind:?}");
    assert!(matches!(verdict.rolled_back, Some((_, ..=5))), "{:?}", verdict.rolled_back);
    let roll_back = |alarm: &Alarm| alarm.name == "picus-availability-page-5m";
    let others: Vec<Alarm> = alarms.into_iter().filter(|alarm| !roll_back(alarm)).collect();
    let faults = tape.play(drill, &others).unwrap().faults(drill, &others);
    let not = "picus-availability-page-5m does not roll the deployment back".to_owned();
    assert!(faults.contains(&not), "{faults:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_silent_task_of_two_fires_its_alarm_unless_one_task_is_enough() {
    let (drill, tape) = made("one-collector-gone").await;
    assert_eq!(faults(drill, &tape, &drill::alarms(TEMPLATE).unwrap()), Vec::<String>::new());
    for (right, wrong) in [
        ("running - heard / 10", "IF(heard > 0, 0, 1)"),
        ("MetricName: process_uptime_seconds", "MetricName: process_uptime"),
    ] {
        assert!(!faults_of_mutant(drill, &tape, right, wrong).is_empty(), "{wrong}");
    }
    // If a drill does not list an alarm that fires, that is a fault. If the drill lists the alarm in `perhaps`,
    // it is not.
    let silent = Drill { alarms: &[], ..*drill };
    assert_eq!(faults(&silent, &tape, &drill::alarms(TEMPLATE).unwrap()).len(), 1);
    let unsure = Drill { perhaps: &[("picus-service-telemetry-lost", "so")], ..silent };
    assert_eq!(faults(&unsure, &tape, &drill::alarms(TEMPLATE).unwrap()), Vec::<String>::new());
    // Everything that both programs emitted has the form that dashboards and alarms use.
    let own: BTreeSet<_> = tape.metrics().filter(|metric| metric.namespace == "Picus").collect();
    let wrong: Vec<_> = own.iter().filter_map(|metric| references::fault(metric)).collect();
    assert!(own.len() > 20, "{own:?}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
