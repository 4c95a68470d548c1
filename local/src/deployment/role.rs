//! Reads the roles from the templates.

use serde::Deserialize;
use serde_json::Value;

use super::read::{DeploymentError, Reader};

/// A role's name, from its ARN.
pub(super) fn name(arn: &str) -> String {
    arn.rsplit('/').next().unwrap_or(arn).to_owned()
}

pub(super) const KINDS: [&str; 1] = [ROLE];
const ROLE: &str = "AWS::IAM::Role";

/// A role.
#[derive(Debug, Clone)]
pub struct Role {
    /// The role's name.
    pub name: String,
    /// Its inline policies.
    pub policies: Vec<Value>,
}

/// Reads the roles with these names.
pub(super) fn read(reader: &Reader, names: &[&str]) -> Result<Vec<Role>, DeploymentError> {
    let mut roles = Vec::new();
    for RoleResource { role_name, policies } in
        reader.all::<RoleResource>(ROLE)?.into_iter().map(|role| role.properties)
    {
        if names.contains(&role_name.as_str()) {
            let policies = policies.into_iter().map(|policy| policy.policy_document).collect();
            roles.push(Role { name: role_name, policies });
        }
    }
    match names.iter().find(|name| roles.iter().all(|role| role.name != **name)) {
        Some(name) => Err(DeploymentError::unsupported(name, "a role that the template has not")),
        None => Ok(roles),
    }
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
