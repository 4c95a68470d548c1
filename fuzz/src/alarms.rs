//! What alarms are read from: rules, expressions, templates, and lines of metrics.

use picus_cloudwatch::alarm::State;
use picus_cloudwatch::composite::Rule;
use picus_cloudwatch::expression::Expression;
use picus_cloudwatch::template::{self, Parameters};
use picus_cloudwatch::{dashboard, definition, emf};

pub(crate) fn check(text: &[u8]) {
    let Ok(text) = std::str::from_utf8(text) else { return };
    if let Ok(rule) = Rule::parse(text) {
        let alarms = rule.alarms();
        assert!(alarms.iter().all(|alarm| text.contains(alarm)), "an alarm that nobody named");
        for state in [None, Some(State::Ok), Some(State::Alarm)] {
            rule.holds(&|_| state);
        }
    }
    if let Ok(expression) = Expression::parse(text) {
        let ids = expression.ids();
        assert!(ids.iter().all(|id| text.contains(id)), "an id that nobody named");
    }
    let _ = emf::metrics(text);
    if let Ok(resources) = template::resources(text, &Parameters::default()) {
        let _ = definition::alarms(&resources);
        for resource in resources.values() {
            let _ = dashboard::panels(&resource["Properties"]);
        }
    }
}
