//! Reads the function from the templates.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::read::{DeploymentError, Reader, optional, scalar, seconds, texts};
use super::role;
use crate::lambda::{Function, MAX_IDLE, UNRESERVED_CONCURRENCY};

pub(super) const KINDS: [&str; 2] = [FUNCTION, ALIAS];
const FUNCTION: &str = "AWS::Lambda::Function";
const ALIAS: &str = "AWS::Lambda::Alias";

/// Tells the executable which program to be.
const PROGRAM: &str = "delete-handler";

/// Reads the function with this ARN.
pub(super) fn read(reader: &Reader, arn: &str) -> Result<Function, DeploymentError> {
    let function = reader.one::<FunctionResource>(FUNCTION)?;
    let alias = reader.one::<AliasResource>(ALIAS)?;
    let name = function.properties.function_name;
    if alias.properties.function_name != name || reader.reference(&alias.id)? != arn {
        return Err(DeploymentError::unsupported(&alias.id, "not what the load balancer invokes"));
    }
    let Logging { application_log_level, log_group, .. } = function.properties.logging_config;
    Ok(Function {
        role: role::name(&function.properties.role),
        name,
        arn: arn.to_owned(),
        program: PROGRAM,
        handler: function.properties.handler,
        timeout: function.properties.timeout,
        concurrency: function
            .properties
            .reserved_concurrent_executions
            .unwrap_or(UNRESERVED_CONCURRENCY),
        max_idle: MAX_IDLE,
        memory_mb: function.properties.memory_size,
        log_level: application_log_level,
        log_group,
        environment: function.properties.environment.variables,
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct FunctionResource {
    function_name: String,
    role: String,
    handler: String,
    #[serde(deserialize_with = "scalar")]
    memory_size: u32,
    #[serde(deserialize_with = "seconds")]
    timeout: Duration,
    #[serde(default, deserialize_with = "optional")]
    reserved_concurrent_executions: Option<usize>,
    logging_config: Logging,
    #[serde(default)]
    environment: Environment,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Logging {
    #[serde(rename = "LogFormat")]
    _log_format: LogFormat,
    application_log_level: String,
    #[serde(rename = "SystemLogLevel")]
    _system_log_level: SystemLogLevel,
    log_group: String,
}

/// `lambda/log.rs` writes JSON.
#[derive(Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum LogFormat {
    Json,
}

/// See [`LogFormat`].
#[derive(Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum SystemLogLevel {
    Info,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Environment {
    #[serde(deserialize_with = "texts")]
    variables: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct AliasResource {
    #[serde(rename = "Name")]
    _name: String,
    function_name: String,
}
