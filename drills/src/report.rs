//! The drills' results, for people and for programs.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::plan::Drill;
use crate::tape::{Tape, Verdict};
use picus_cloudwatch::definition::Alarm;
use picus_cloudwatch::metric::Metric;

/// The marks in the matrix.
const FIRED: char = '●';
const FIRED_TOO: char = '○';
const NOT_FIRED: char = '·';

/// The results of drills.
#[derive(Debug)]
pub struct Report {
    /// The alarms that stand for themselves: name and promised minutes.
    alarms: Vec<(String, usize)>,
    drills: Vec<(Drill, Verdict, Vec<String>)>,
    /// Metrics that alarms watch and that no system has reported yet.
    unseen: BTreeSet<Metric>,
    /// Whether all drills run.
    is_of_all: bool,
}

impl Report {
    /// An empty report, for all drills or for some.
    #[must_use]
    pub fn new(alarms: &[Alarm], is_of_all: bool) -> Self {
        let own = |alarm: &Alarm| Some((alarm.name.clone(), alarm.fires_within?));
        Self {
            alarms: alarms.iter().filter_map(own).collect(),
            drills: Vec::new(),
            unseen: alarms.iter().flat_map(Alarm::metrics).cloned().collect(),
            is_of_all,
        }
    }

    /// Adds a drill, with what its system reported.
    pub fn add(&mut self, drill: Drill, tape: &Tape, verdict: Verdict, faults: Vec<String>) {
        self.drills.push((drill, verdict, faults));
        for metric in tape.metrics() {
            self.unseen.remove(metric);
        }
    }

    /// What is missing after all drills: alarms without a drill, and metrics that alarms watch but nothing reports.
    /// Always empty if only some drills run.
    #[must_use]
    pub fn unproven(&self) -> Vec<String> {
        if !self.is_of_all {
            return Vec::new();
        }
        let proven =
            |alarm: &str| self.drills.iter().any(|(drill, ..)| drill.alarms.contains(&alarm));
        let alarms = self.alarms.iter().filter(|(alarm, _)| !proven(alarm));
        let alarms = alarms.map(|(alarm, _)| format!("no drill is for {alarm}"));
        let metrics = self.unseen.iter().map(|metric| format!("no system reported {metric}"));
        alarms.chain(metrics).collect()
    }

    /// Whether everything was as it should be.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.drills.iter().all(|(.., faults)| faults.is_empty()) && self.unproven().is_empty()
    }

    /// A table of drills and alarms, with a legend.
    #[must_use]
    pub fn matrix(&self) -> String {
        let width = self.drills.iter().map(|(drill, ..)| drill.name.len()).max().unwrap_or(0);
        let mut text = String::new();
        // Writing to a string never fails, here and below.
        let _ = write!(text, "{:width$}", "");
        for number in 1..=self.alarms.len() {
            let _ = write!(text, "{number:>3}");
        }
        for (drill, verdict, _) in &self.drills {
            let _ = write!(text, "\n{:width$}", drill.name);
            for (alarm, _) in &self.alarms {
                let mark = match verdict.fired.contains_key(alarm) {
                    false => NOT_FIRED,
                    true if drill.alarms.contains(&alarm.as_str()) => FIRED,
                    true => FIRED_TOO,
                };
                let _ = write!(text, "{mark:>3}");
            }
        }
        let _ = write!(
            text,
            "\n\n  {FIRED}  it fires, and the drill is for it\n  \
             {FIRED_TOO}  it fires too, for a reason that the drill gives\n  \
             {NOT_FIRED}  it does not fire\n"
        );
        for (number, (alarm, promised)) in self.alarms.iter().enumerate() {
            let _ = write!(text, "\n {:>2}  {alarm}, within {promised} minutes", number + 1);
        }
        text.push('\n');
        text
    }

    /// The report as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        let drills = self.drills.iter().map(|(drill, verdict, faults)| {
            let fired = verdict.fired.iter().map(|(alarm, (after, ended))| {
                let mut others = drill.others.iter().chain(drill.perhaps);
                let why = others.find(|(other, _)| other == alarm).map(|(_, why)| *why);
                json!({
                    "alarm": alarm,
                    "fired_after_minutes": after,
                    "ok_after_minutes": ended,
                    "why_too": why,
                })
            });
            let clients = verdict.slis.iter().map(|compared| {
                let mut differs = drill.differs.iter().filter(|_| !compared.agrees());
                let why = differs.find(|(sli, _)| *sli == compared.sli).map(|(_, why)| *why);
                json!({
                    "what": compared.sli.to_string(),
                    "seen_percent": compared.seen,
                    "seen_at_least_percent": compared.at_least,
                    "sli_percent": compared.told,
                    "why_different": why,
                })
            });
            json!({
                "drill": drill.name,
                "minutes": drill.lasts,
                "fired": fired.collect::<Vec<_>>(),
                "clients": clients.collect::<Vec<_>>(),
                "rolled_back": drill.rolled_back_by.and(verdict.rolled_back.as_ref()).map(
                    |(alarm, after)| json!({ "by": alarm, "after_minutes": after }),
                ),
                "faults": faults,
            })
        });
        json!({
            "good": self.is_good(),
            "drills": drills.collect::<Vec<_>>(),
            "unproven": self.unproven(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alarms;
    use crate::plan::DRILLS;

    #[test]
    fn the_matrix_of_all_drills_fits_a_terminal_and_has_a_legend() {
        let alarms = alarms::alarms(alarms::TEMPLATE).unwrap();
        let mut report = Report::new(&alarms, true);
        for drill in DRILLS {
            let fired = drill.alarms.iter().chain(drill.others.iter().map(|(alarm, _)| alarm));
            let fired = fired.map(|alarm| ((*alarm).to_owned(), (2880, Some(4320)))).collect();
            let verdict = Verdict { fired, ..Verdict::default() };
            report.drills.push((*drill, verdict, Vec::new()));
        }
        let matrix = report.matrix();
        for line in matrix.lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
        let row = |name: &str| matrix.lines().find(|line| line.starts_with(name)).unwrap();
        let marks = |name: &str, mark: char| row(name).matches(mark).count();
        assert_eq!((marks("calm", FIRED), marks("calm", FIRED_TOO)), (0, 0), "{matrix}");
        assert_eq!(
            (marks("tasks-gone", FIRED), marks("tasks-gone", FIRED_TOO)),
            (2, 4),
            "{matrix}"
        );
        for mark in [FIRED, FIRED_TOO, NOT_FIRED] {
            assert!(matrix.contains(&format!("\n  {mark}  it ")), "{matrix}");
        }
    }

    #[test]
    fn an_alarm_without_a_drill_fails_both_reports() {
        let alarms = alarms::alarms(alarms::TEMPLATE).unwrap();
        let all = Report::new(&alarms, true);
        assert!(!all.is_good() && all.unproven().len() > alarms.len() / 2);
        assert_eq!(all.json()["good"], false);
        assert_eq!(all.json()["unproven"].as_array().map(Vec::len), Some(all.unproven().len()));
        let some = Report::new(&alarms, false);
        assert!(some.is_good() && some.unproven().is_empty());
    }
}
