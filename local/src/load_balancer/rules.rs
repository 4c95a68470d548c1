//! A listener's rules, in order of priority ("Listener rules for your Application Load Balancer").

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hyper::Method;

use super::target_group::TargetGroup;
use crate::lambda::Lambda;
use crate::wildcard;

/// What happens with a request.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the names of some members say all")]
pub enum Action {
    /// It goes to a target of the group.
    Forward(Arc<TargetGroup>),
    /// It goes to a function.
    Invoke {
        function: Lambda,
        /// The name of the function's target group in CloudWatch.
        group: String,
        /// Whether events and responses have all values of headers and parameters.
        multi_value_headers: bool,
    },
}

/// A rule's condition.
#[derive(Debug, Clone)]
pub enum Condition {
    /// The path matches one of these patterns. `*` stands for any characters, `?` for one. Case matters.
    PathPattern(Vec<String>),
    /// The method is one of these.
    HttpRequestMethod(Vec<Method>),
}

impl Condition {
    fn holds(&self, method: &Method, path: &str) -> bool {
        match self {
            Self::PathPattern(patterns) => {
                patterns.iter().any(|pattern| wildcard::matches(pattern, path))
            }
            Self::HttpRequestMethod(methods) => methods.contains(method),
        }
    }
}

/// Where requests go: each action gets a share by its weight.
#[derive(Debug, Clone)]
pub struct Forward {
    actions: Vec<(Action, u32)>,
    requests: Arc<AtomicUsize>,
}

impl Forward {
    /// Shares requests by weight. At least one weight must not be 0.
    #[must_use]
    pub fn weighted(actions: Vec<(Action, u32)>) -> Self {
        Self { actions, requests: Arc::default() }
    }

    /// The action for the next request.
    fn next(&self) -> Option<&Action> {
        let weights = || self.actions.iter().map(|(_, weight)| *weight as usize);
        let turn = self.requests.fetch_add(1, Ordering::Relaxed);
        let mut turn = turn.checked_rem(weights().sum())?;
        let chosen = weights().position(|weight| {
            let is_its_turn = turn < weight;
            turn = turn.saturating_sub(weight);
            is_its_turn
        });
        chosen.map(|index| &self.actions[index].0)
    }
}

impl From<Action> for Forward {
    fn from(action: Action) -> Self {
        Self::weighted(vec![(action, 1)])
    }
}

/// Where requests go that meet all conditions.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Lower ones go first.
    pub priority: u16,
    /// All must match.
    pub conditions: Vec<Condition>,
    /// Where matching requests go.
    pub forward: Forward,
}

/// The rules, and the default action.
#[derive(Debug, Clone)]
pub struct Listener {
    rules: Vec<Rule>,
    default: Forward,
}

impl Listener {
    /// A listener with these rules, in any order.
    #[must_use]
    pub fn new(mut rules: Vec<Rule>, default: impl Into<Forward>) -> Self {
        rules.sort_by_key(|rule| rule.priority);
        Self { rules, default: default.into() }
    }

    /// The action for a request; `None` if no action has a weight.
    #[must_use]
    pub fn action(&self, method: &Method, path: &str) -> Option<&Action> {
        let holds =
            |rule: &&Rule| rule.conditions.iter().all(|condition| condition.holds(method, path));
        self.rules.iter().find(holds).map_or(&self.default, |rule| &rule.forward).next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load_balancer::target_group::GroupSettings;

    fn group() -> Arc<TargetGroup> {
        Arc::new(TargetGroup::new(GroupSettings::default()))
    }

    fn is(action: Option<&Action>, expected: &Arc<TargetGroup>) -> bool {
        matches!(action, Some(Action::Forward(found)) if Arc::ptr_eq(found, expected))
    }

    #[test]
    fn requests_are_shared_by_weight() {
        let [old, new, idle] = &[(); 3].map(|()| group());
        let weight = |group: &Arc<TargetGroup>, weight| (Action::Forward(group.clone()), weight);
        let forward = Forward::weighted(vec![weight(idle, 0), weight(old, 3), weight(new, 1)]);
        let listener = Listener::new(Vec::new(), forward);
        let next = || listener.action(&Method::GET, "/");
        let chosen: Vec<_> = (0..400).map(|_| next()).collect();
        assert_eq!(chosen.iter().filter(|action| is(**action, old)).count(), 300);
        assert_eq!(chosen.iter().filter(|action| is(**action, new)).count(), 100);
    }

    #[test]
    fn the_matching_rule_of_the_first_priority_decides() {
        let groups = [(); 4].map(|()| group());
        let [deletes, items, all, default] = &groups;
        let rule = |priority, conditions: &[Condition], group: &Arc<TargetGroup>| Rule {
            priority,
            conditions: conditions.to_vec(),
            forward: Action::Forward(group.clone()).into(),
        };
        let path =
            |pattern: &str| Condition::PathPattern(vec!["/x".to_owned(), pattern.to_owned()]);
        let listener = Listener::new(
            vec![
                rule(300, &[path("/a*")], all),
                rule(
                    20,
                    &[path("/a/*"), Condition::HttpRequestMethod(vec![Method::DELETE])],
                    deletes,
                ),
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
            assert!(is(listener.action(&method, path), expected), "{method} {path}");
        }
    }
}
