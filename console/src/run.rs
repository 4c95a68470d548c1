//! One run of a scenario: what happened when.

use picus_drills::Drill;
use serde_json::{Value, json};

use crate::markdown;
use crate::scenario::Scenario;

#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) scenario: Scenario,
    /// The faults that are still on.
    pub(crate) on: Vec<&'static Drill>,
    began: usize,
    paged: Option<usize>,
    acknowledged: Option<usize>,
    found: Option<usize>,
    mended: Option<usize>,
    /// When it ended, and whether somebody gave up.
    over: Option<(usize, bool)>,
    answers: Vec<Value>,
    acts: Vec<Value>,
    well: bool,
    lost: f64,
}

/// What a minute showed.
pub(crate) struct Minute {
    pub(crate) number: usize,
    /// Whether an alarm is on that was not on before the fault.
    pub(crate) pages: bool,
    /// How many requests failed, or were given up.
    pub(crate) lost: f64,
}

impl Run {
    pub(crate) fn begin(scenario: Scenario, minute: usize) -> Self {
        Self {
            on: scenario.causes.clone(),
            scenario,
            began: minute,
            paged: None,
            acknowledged: None,
            found: None,
            mended: None,
            over: None,
            answers: Vec::new(),
            acts: Vec::new(),
            well: false,
            lost: 0.0,
        }
    }

    pub(crate) fn began(&self) -> usize {
        self.began
    }

    pub(crate) fn is_over(&self) -> bool {
        self.over.is_some()
    }

    /// A minute has ended. Users are well again when nothing fails in a minute after the mend.
    pub(crate) fn minute(&mut self, minute: &Minute) {
        if self.is_over() {
            return;
        }
        self.lost += minute.lost;
        if minute.pages {
            self.paged.get_or_insert(minute.number);
        }
        self.well =
            minute.lost == 0.0 && self.mended.is_some_and(|mended| minute.number > mended + 1);
        if self.well && self.found.is_some() {
            self.over = Some((minute.number, false));
        }
    }

    pub(crate) fn acknowledge(&mut self, minute: usize) {
        self.acknowledged.get_or_insert(minute);
    }

    /// Whether these are the causes, all of them and no other.
    pub(crate) fn answer(&mut self, minute: usize, causes: &[&'static Drill]) {
        let has = |list: &[&Drill], one: &Drill| list.iter().any(|other| other.fault == one.fault);
        let right = causes.iter().all(|cause| has(&self.scenario.causes, cause))
            && self.scenario.causes.iter().all(|cause| has(causes, cause));
        if right {
            self.found.get_or_insert(minute);
        }
        let names: Vec<_> = causes.iter().map(|cause| cause.name).collect();
        self.answers.push(json!({ "minute": minute, "causes": names, "right": right }));
    }

    /// Something was done, which mended these faults.
    pub(crate) fn act(&mut self, minute: usize, action: &str, mended: &[&'static Drill]) {
        self.on.retain(|on| !mended.iter().any(|mended| mended.fault == on.fault));
        let note = if mended.is_empty() { "it changed nothing" } else { "it helped" };
        self.acts.push(json!({ "minute": minute, "action": action, "note": note }));
        if self.on.is_empty() {
            self.mended.get_or_insert(minute);
        }
    }

    pub(crate) fn give_up(&mut self, minute: usize) {
        self.over.get_or_insert((minute, true));
    }

    pub(crate) fn shown(&self) -> Value {
        let after = |minute: Option<usize>| {
            minute.map(|minute| minute.saturating_sub(self.paged.unwrap_or(self.began)))
        };
        let over = self.over.map(|(_, gave_up)| {
            let causes: Vec<_> = self.scenario.causes.iter().map(|cause| cause.name).collect();
            json!({
                "solved": !gave_up,
                "minutes_to_acknowledge": after(self.acknowledged),
                "minutes_to_cause": after(self.found),
                "minutes_to_mend": after(self.mended),
                "shortest_way": self.scenario.shortest_way,
                "users_lost": self.lost,
                "causes": causes,
                "explanation_html": markdown::html(&self.scenario.explanation, |_| None),
            })
        });
        json!({
            "scenario": self.scenario.id,
            "began_minute": self.began,
            "paged_minute": self.paged,
            "acknowledged_minute": self.acknowledged,
            "cause_minute": self.found,
            "mended_minute": self.mended,
            "well": self.well,
            "answers": self.answers,
            "acts": self.acts,
            "over": over,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario;

    #[test]
    fn a_run_is_solved_by_naming_the_causes_and_mending_until_a_minute_is_clean() {
        let two = scenario::all().into_iter().find(|scenario| scenario.causes.len() == 2).unwrap();
        let causes = two.causes.clone();
        let mut run = Run::begin(two, 10);
        let pass = |run: &mut Run, number, lost: f64| {
            run.minute(&Minute { number, pages: lost > 0.0, lost });
        };
        pass(&mut run, 11, 0.0);
        pass(&mut run, 12, 3.0);
        run.acknowledge(13);
        run.answer(14, &causes[..1]);
        run.act(15, "nothing", &[]);
        run.act(15, "one", &causes[..1]);
        assert_eq!((run.shown()["paged_minute"].clone(), run.on.len()), (json!(12), 1));
        assert_eq!(run.shown()["answers"][0]["right"], false, "one of two");
        run.answer(16, &causes);
        run.act(17, "other", &causes[1..]);
        pass(&mut run, 18, 2.0);
        pass(&mut run, 19, 2.0);
        assert!(!run.is_over(), "the requests of before still fail");
        pass(&mut run, 20, 0.0);
        let over = run.shown()["over"].clone();
        assert_eq!(over["solved"], true);
        let minutes =
            ["acknowledge", "cause", "mend"].map(|what| over[format!("minutes_to_{what}")].clone());
        assert_eq!(
            (minutes, over["users_lost"].clone()),
            ([json!(1), json!(4), json!(5)], json!(7.0))
        );
    }

    #[test]
    fn giving_up_shows_the_causes() {
        let mut run = Run::begin(scenario::all().remove(0), 1);
        assert!(run.shown()["over"].is_null() && !run.shown().to_string().contains("dynamodb"));
        run.give_up(3);
        let over = run.shown()["over"].clone();
        assert_eq!(
            (&over["solved"], &over["causes"][0]),
            (&json!(false), &json!("dynamodb-unreachable"))
        );
    }
}
