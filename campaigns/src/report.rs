//! What a campaign did and found, for people and for programs.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::context::{Context, Size};

/// Failures beyond this number are only counted.
const MAX_TOLD: usize = 20;

/// Figures and failures, in order.
#[derive(Debug, Default)]
pub(crate) struct Report {
    figures: Vec<(&'static str, Value)>,
    told: Vec<String>,
    failures: usize,
    /// Why the campaign was not run.
    skipped: Option<String>,
}

impl Report {
    /// Adds a figure.
    pub(crate) fn figure(&mut self, name: &'static str, value: impl Into<Value>) {
        self.figures.push((name, value.into()));
    }

    /// Says why this machine can't run the campaign.
    pub(crate) fn skip(&mut self, why: String) {
        self.skipped = Some(why);
    }

    /// Adds a failure.
    pub(crate) fn fail(&mut self, what: impl Into<String>) {
        self.failures += 1;
        if self.told.len() < MAX_TOLD {
            self.told.push(what.into());
        }
    }

    /// Adds the failure `what` unless `holds`.
    pub(crate) fn check(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.fail(what());
        }
    }

    /// Whether everything held.
    pub(crate) fn is_good(&self) -> bool {
        self.failures == 0
    }

    pub(crate) fn text(&self, campaign: &str, context: &Context, took: Duration) -> String {
        let verdict = if self.is_good() { "held" } else { "FAILED" };
        if let Some(why) = &self.skipped {
            return format!("{campaign}: not run: {why}\n");
        }
        let (seed, size) = (context.seed, size(context.size));
        let mut text = format!(
            "{campaign}: {verdict}, with seed {seed}, size {size}, in {:.1} s\n",
            took.as_secs_f64()
        );
        let width = self.figures.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        // Writing to a string never fails, here and below.
        for (name, value) in &self.figures {
            let _ = writeln!(text, "  {name:<width$}  {value}");
        }
        for failure in &self.told {
            let _ = writeln!(text, "  FAILED: {failure}");
        }
        if self.failures > self.told.len() {
            let _ = writeln!(text, "  FAILED: and {} more", self.failures - self.told.len());
        }
        text
    }

    pub(crate) fn json(&self, campaign: &str, context: &Context, took: Duration) -> Value {
        let figures: Map<_, _> =
            self.figures.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        json!({
            "campaign": campaign,
            "good": self.is_good(),
            "seed": context.seed,
            "size": size(context.size),
            "seconds": took.as_secs_f64(),
            "figures": figures,
            "failures": self.failures,
            "told": self.told,
            "skipped": self.skipped,
        })
    }
}

/// A figure, rounded to the digits that mean something.
pub(crate) fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

fn size(size: Size) -> &'static str {
    match size {
        Size::Small => "small",
        Size::Large => "large",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_good_until_a_failure_and_counts_omitted_failures() {
        let context = Context { seed: 7, size: Size::Small, picus: "picus".into() };
        let mut report = Report::default();
        report.figure("kills", 3);
        report.check(true, || unreachable!("it holds"));
        assert!(report.is_good());
        for number in 0..MAX_TOLD + 2 {
            report.check(false, || format!("lost {number}"));
        }
        let text = report.text("durability", &context, Duration::from_secs(1));
        assert!(text.starts_with("durability: FAILED, with seed 7, size small, in 1.0 s\n"));
        assert!(text.contains("  kills  3\n") && text.ends_with("FAILED: and 2 more\n"), "{text}");
        let json = report.json("durability", &context, Duration::from_secs(1));
        assert_eq!((&json["good"], &json["failures"]), (&json!(false), &json!(MAX_TOLD + 2)));
    }
}
