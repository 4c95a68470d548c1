//! A listener's rules, in the order of their priorities ("Listener rules for your Application Load
//! Balancer").

use hyper::Method;

use super::Action;
use crate::wildcard;

/// What a request must be for a rule to apply.
#[derive(Debug, Clone)]
pub enum Condition {
    /// Its path matches: `*` stands for any characters, `?` for one; case counts.
    PathPattern(String),
    /// Its method is this one.
    HttpRequestMethod(Method),
}

impl Condition {
    fn holds(&self, method: &Method, path: &str) -> bool {
        match self {
            Self::PathPattern(pattern) => wildcard::matches(pattern, path),
            Self::HttpRequestMethod(expected) => method == expected,
        }
    }
}

/// A rule: where requests go that meet all conditions.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Its place in the order, lowest first.
    pub priority: u16,
    /// All of them must hold.
    pub conditions: Vec<Condition>,
    /// Where the request goes.
    pub action: Action,
}

/// The rules, and what becomes of requests that meet none.
#[derive(Debug, Clone)]
pub struct Listener {
    rules: Vec<Rule>,
    default: Action,
}

impl Listener {
    /// A listener with these rules, in whatever order.
    #[must_use]
    pub fn new(mut rules: Vec<Rule>, default: Action) -> Self {
        rules.sort_by_key(|rule| rule.priority);
        Self { rules, default }
    }

    /// Where a request goes.
    #[must_use]
    pub fn action(&self, method: &Method, path: &str) -> &Action {
        let holds =
            |rule: &&Rule| rule.conditions.iter().all(|condition| condition.holds(method, path));
        self.rules.iter().find(holds).map_or(&self.default, |rule| &rule.action)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::load_balancer::{HealthCheck, TargetGroup};

    #[test]
    fn of_the_rules_that_hold_the_first_by_priority_decides() {
        let groups = [(); 4].map(|()| Arc::new(TargetGroup::new(HealthCheck::default())));
        let [deletes, items, all, default] = &groups;
        let rule = |priority, conditions: &[Condition], group: &Arc<TargetGroup>| Rule {
            priority,
            conditions: conditions.to_vec(),
            action: Action::Forward(group.clone()),
        };
        let path = |pattern: &str| Condition::PathPattern(pattern.to_owned());
        let listener = Listener::new(
            vec![
                rule(300, &[path("/a*")], all),
                rule(20, &[path("/a/*"), Condition::HttpRequestMethod(Method::DELETE)], deletes),
                rule(100, &[path("/a/*")], items),
            ],
            Action::Forward(default.clone()),
        );
        for (method, path, expected) in [
            (Method::DELETE, "/a/1", deletes),
            (Method::GET, "/a/1", items),
            (Method::DELETE, "/a", all),
            (Method::GET, "/b", default),
        ] {
            let Action::Forward(found) = listener.action(&method, path) else { panic!("{path}") };
            assert!(Arc::ptr_eq(found, expected), "{method} {path}");
        }
    }
}
