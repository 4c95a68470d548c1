//! Checks each call against the policy of its role, as IAM does. A role is known by its access key, which here is its
//! name.

use std::collections::{BTreeMap, BTreeSet};

use hyper::header::{AUTHORIZATION, HeaderMap};
use parking_lot::{Mutex, MutexGuard};
use serde::Deserialize;
use serde_json::Value;

use super::error::DynamoDbError;
use crate::deployment::Role;
use crate::iam::{self, ACCOUNT, Policy, REGION};

/// The access key of whoever created the account, who may do everything.
pub const ADMINISTRATOR: &str = "local";

/// The calls so far: role and action.
pub type Calls = BTreeSet<(String, String)>;

/// The roles, and the calls in their names.
#[derive(Debug)]
pub(super) struct Permissions {
    roles: BTreeMap<String, Vec<Policy>>,
    calls: Mutex<Calls>,
}

/// A call that is refused.
#[derive(Debug)]
pub(super) struct Denied {
    /// DynamoDB's error code.
    pub(super) kind: &'static str,
    pub(super) message: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Call {
    table_name: Option<String>,
    request_items: Option<BTreeMap<String, Value>>,
}

impl Permissions {
    /// The roles of the programs, as deployed.
    pub(super) fn new(deployed: &[Role]) -> Result<Self, DynamoDbError> {
        let mut roles = BTreeMap::new();
        for Role { name, policies } in deployed {
            let policies = policies.iter().map(Policy::deserialize).collect::<Result<_, _>>();
            let unusable = |source| DynamoDbError::Policy { role: name.clone(), source };
            roles.insert(name.clone(), policies.map_err(unusable)?);
        }
        Ok(Self { roles, calls: Mutex::default() })
    }

    pub(super) fn calls(&self) -> Calls {
        self.lock().clone()
    }

    /// Checks whether the caller may make this call.
    pub(super) fn check(
        &self,
        headers: &HeaderMap,
        operation: &str,
        body: &[u8],
    ) -> Result<(), Denied> {
        let caller = caller(headers).unwrap_or_default();
        if caller == ADMINISTRATOR {
            return Ok(());
        }
        let Some((role, policies)) = self.roles.get_key_value(caller) else {
            let message = "The security token included in the request is invalid.".to_owned();
            return Err(Denied { kind: "UnrecognizedClientException", message });
        };
        let (action, resource) = (format!("dynamodb:{operation}"), resource(body));
        self.lock().insert((role.clone(), action.clone()));
        if iam::allow(policies, &action, &resource) {
            return Ok(());
        }
        let message = format!(
            "User: arn:aws:sts::{ACCOUNT}:assumed-role/{role}/local is not authorized to perform: \
             {action} on resource: {resource}"
        );
        Err(Denied { kind: "AccessDeniedException", message })
    }

    fn lock(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock()
    }
}

/// The access key: `AWS4-HMAC-SHA256 Credential=KEY/date/…`.
fn caller(headers: &HeaderMap) -> Option<&str> {
    let signed = headers.get(AUTHORIZATION)?.to_str().ok()?;
    signed.split("Credential=").nth(1)?.split('/').next()
}

/// The table. A call for no table, or for several, concerns no resource that a role is allowed.
fn resource(body: &[u8]) -> String {
    let table = match serde_json::from_slice(body) {
        Ok(Call { table_name: Some(name), request_items: None }) => Some(name),
        Ok(Call { table_name: None, request_items: Some(mut tables) }) => {
            tables.pop_first().filter(|_| tables.is_empty()).map(|(name, _)| name)
        }
        _ => None,
    };
    match table {
        Some(arn) if arn.starts_with("arn:") => arn,
        Some(name) => format!("arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}"),
        None => "*".to_owned(),
    }
}
