//! IAM policies, as far as the programs' roles use them: effects, actions and resources. A policy with anything else
//! is refused, so that none is ever understood as wider than it is.

use serde::Deserialize;

use crate::wildcard;

pub(crate) use picus_cloudwatch::template::{ACCOUNT, REGION};

/// A policy of a role.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct Policy {
    #[serde(rename = "Version")]
    _version: Version,
    statement: Vec<Statement>,
}

#[derive(Debug, Deserialize)]
enum Version {
    #[serde(rename = "2012-10-17")]
    Current,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Statement {
    #[serde(rename = "Sid")]
    _sid: Option<String>,
    effect: Effect,
    action: OneOrMore,
    resource: OneOrMore,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
enum Effect {
    Allow,
    Deny,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

/// Whether a role's policies together allow an action on a resource: at least one statement allows it, and none
/// denies it.
pub(crate) fn allow(policies: &[Policy], action: &str, resource: &str) -> bool {
    let says = |effect| {
        let statements = policies.iter().flat_map(|policy| &policy.statement);
        let mut of_effect = statements.filter(|statement| statement.effect == effect);
        of_effect.any(|statement| statement.covers(action, resource))
    };
    !says(Effect::Deny) && says(Effect::Allow)
}

impl Statement {
    fn covers(&self, action: &str, resource: &str) -> bool {
        let action = action.to_ascii_lowercase();
        // Case matters only in resources.
        self.action.any(|pattern| wildcard::matches(&pattern.to_ascii_lowercase(), &action))
            && self.resource.any(|pattern| wildcard::matches(pattern, resource))
    }
}

impl OneOrMore {
    fn any(&self, holds: impl Fn(&str) -> bool) -> bool {
        match self {
            Self::One(one) => holds(one),
            Self::More(more) => more.iter().any(|one| holds(one)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(statements: &str) -> Result<Policy, serde_json::Error> {
        serde_json::from_str(&format!(
            r#"{{"Version": "2012-10-17", "Statement": [{statements}]}}"#
        ))
    }

    #[test]
    fn actions_are_denied_by_default_and_deny_overrides_allow() {
        let policy = policy(
            r#"{"Effect": "Allow", "Action": ["dynamodb:*Item", "dynamodb:scan"],
                "Resource": "arn:aws:dynamodb:eu-central-1:123456789012:table/a*"},
               {"Effect": "Deny", "Action": "dynamodb:DeleteItem", "Resource": "*"}"#,
        )
        .unwrap();
        let table = |name: &str| format!("arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}");
        for (action, resource, expected) in [
            ("dynamodb:GetItem", table("a"), true),
            ("dynamodb:Scan", table("ab"), true),
            ("dynamodb:GetItem", table("b"), false),
            ("dynamodb:GetItem", table("A"), false),
            ("dynamodb:Query", table("a"), false),
            ("dynamodb:DeleteItem", table("a"), false),
            ("dynamodb:GetItem", "*".to_owned(), false),
        ] {
            assert_eq!(
                allow(std::slice::from_ref(&policy), action, &resource),
                expected,
                "{action} on {resource}"
            );
        }
    }

    #[test]
    fn a_policy_with_an_unknown_part_is_refused() {
        let allow = r#""Effect": "Allow", "Action": "a:B", "Resource": "*""#;
        assert!(policy(&format!("{{{allow}}}")).is_ok());
        for more in [
            r#""Condition": {"Bool": {"aws:SecureTransport": "true"}}"#,
            r#""NotAction": "a:C""#,
            r#""NotResource": "*""#,
            r#""Principal": "*""#,
        ] {
            assert!(policy(&format!("{{{allow}, {more}}}")).is_err(), "{more}");
        }
        assert!(
            serde_json::from_str::<Policy>(r#"{"Version": "2008-10-17", "Statement": []}"#)
                .is_err()
        );
        assert!(policy(r#"{"Effect": "allow", "Action": "a:B", "Resource": "*"}"#).is_err());
    }
}
