//! What the roles may do, as the templates say.

use serde::Deserialize;
use serde_json::Value;

use super::read::{DeploymentError, Reader};

pub(super) const KINDS: [&str; 1] = [ROLE];
const ROLE: &str = "AWS::IAM::Role";

/// A role.
#[derive(Debug, Clone)]
pub struct Role {
    /// The name by which a program is known here.
    pub name: String,
    /// Its inline policies.
    pub policies: Vec<Value>,
}

pub(super) fn read(reader: &Reader) -> Result<Vec<Role>, DeploymentError> {
    let roles = reader.all::<RoleResource>(ROLE)?.into_iter();
    let role = |RoleResource { role_name, policies }| Role {
        name: role_name,
        policies: policies.into_iter().map(|policy| policy.policy_document).collect(),
    };
    Ok(roles.map(|read| role(read.properties)).collect())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct RoleResource {
    role_name: String,
    policies: Vec<PolicyProperty>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct PolicyProperty {
    #[serde(rename = "PolicyName")]
    _policy_name: String,
    policy_document: Value,
}
