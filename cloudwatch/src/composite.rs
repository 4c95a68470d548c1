//! The rules of composite alarms ("Create a composite alarm").

use std::fmt;

use crate::alarm::State;

/// A rule.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names of some members say all")]
pub enum Rule {
    /// Always, or never.
    Constant(bool),
    /// The alarm of this name is in this state.
    Is(State, String),
    Not(Box<Rule>),
    And(Box<Rule>, Box<Rule>),
    Or(Box<Rule>, Box<Rule>),
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Constant(true) => f.write_str("TRUE"),
            Self::Constant(false) => f.write_str("FALSE"),
            Self::Is(state, alarm) => write!(f, "{state}({alarm})"),
            Self::Not(rule) => write!(f, "NOT ({rule})"),
            Self::And(left, right) => write!(f, "({left} AND {right})"),
            Self::Or(left, right) => write!(f, "({left} OR {right})"),
        }
    }
}

/// Text that is not a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no alarm rule: use ALARM(\"name\"), OK, INSUFFICIENT_DATA, AND, OR, NOT and parentheses"
)]
pub struct NoRule(String);

impl Rule {
    /// Parses a rule.
    ///
    /// # Errors
    /// Text that does not parse.
    pub fn parse(text: &str) -> Result<Self, NoRule> {
        let mut rest = text;
        let rule = either(&mut rest);
        rule.filter(|_| rest.trim().is_empty()).ok_or_else(|| NoRule(text.to_owned()))
    }

    /// Whether the rule holds. `state` returns the state of an alarm by its name.
    pub fn holds(&self, state: &impl Fn(&str) -> Option<State>) -> bool {
        match self {
            Self::Constant(constant) => *constant,
            Self::Is(expected, alarm) => state(alarm) == Some(*expected),
            Self::Not(rule) => !rule.holds(state),
            Self::And(left, right) => left.holds(state) && right.holds(state),
            Self::Or(left, right) => left.holds(state) || right.holds(state),
        }
    }

    /// The names of the alarms in the rule.
    #[must_use]
    pub fn alarms(&self) -> Vec<&str> {
        match self {
            Self::Constant(_) => Vec::new(),
            Self::Is(_, alarm) => vec![alarm],
            Self::Not(rule) => rule.alarms(),
            Self::And(left, right) | Self::Or(left, right) => {
                [left.alarms(), right.alarms()].concat()
            }
        }
    }
}

fn take(rest: &mut &str, word: &str) -> bool {
    let found = rest.trim_start().strip_prefix(word);
    *rest = found.unwrap_or(rest);
    found.is_some()
}

fn either(rest: &mut &str) -> Option<Rule> {
    let mut left = both(rest)?;
    while take(rest, "OR") {
        left = Rule::Or(Box::new(left), Box::new(both(rest)?));
    }
    Some(left)
}

fn both(rest: &mut &str) -> Option<Rule> {
    let mut left = one(rest)?;
    while take(rest, "AND") {
        left = Rule::And(Box::new(left), Box::new(one(rest)?));
    }
    Some(left)
}

fn one(rest: &mut &str) -> Option<Rule> {
    if take(rest, "NOT") {
        return Some(Rule::Not(Box::new(one(rest)?)));
    }
    if take(rest, "TRUE") {
        return Some(Rule::Constant(true));
    }
    if take(rest, "FALSE") {
        return Some(Rule::Constant(false));
    }
    let states = [
        ("ALARM", State::Alarm),
        ("OK", State::Ok),
        ("INSUFFICIENT_DATA", State::InsufficientData),
    ];
    let state = states.into_iter().find(|(word, _)| take(rest, word)).map(|(_, state)| state);
    if !take(rest, "(") {
        return None;
    }
    let Some(state) = state else {
        let inner = either(rest)?;
        return take(rest, ")").then_some(inner);
    };
    let (name, after) = rest.split_once(')')?;
    *rest = after;
    Some(Rule::Is(state, name.trim().trim_matches('"').to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(text: &str) -> bool {
        let state = |name: &str| match name {
            "a" => Some(State::Alarm),
            "o" => Some(State::Ok),
            "i" => Some(State::InsufficientData),
            _ => None,
        };
        Rule::parse(text).unwrap().holds(&state)
    }

    #[test]
    fn rules_are_evaluated_as_written() {
        for rule in [
            "ALARM(a)",
            "ALARM(\"a\") AND OK(o)",
            "(ALARM(o) OR ALARM(a)) AND OK(o)",
            "ALARM(o) OR ALARM(a) AND OK(o)",
            "NOT ALARM(i) AND INSUFFICIENT_DATA(i)",
            "TRUE AND NOT FALSE",
            "NOT OK(unknown)",
        ] {
            assert!(holds(rule), "{rule}");
            let parsed = Rule::parse(rule).unwrap();
            assert_eq!(
                Rule::parse(&parsed.to_string()),
                Ok(parsed),
                "writing and parsing a rule gives the same rule"
            );
        }
        for rule in ["ALARM(o)", "ALARM(a) AND ALARM(o)", "(ALARM(a) OR OK(o)) AND ALARM(o)"] {
            assert!(!holds(rule), "{rule}");
        }
    }

    #[test]
    fn an_invalid_rule_is_refused() {
        for text in ["", "a", "ALARM(a", "ALARM(a) AND", "(ALARM(a)", "ALARM(a) ALARM(o)"] {
            assert!(Rule::parse(text).is_err(), "{text}");
        }
    }
}
