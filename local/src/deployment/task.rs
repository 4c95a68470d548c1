//! Reads the service and its tasks from the templates.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::read::{DeploymentError, Reader, named, scalar, seconds, texts};
use super::role;

pub(super) const KINDS: [&str; 3] = [CLUSTER, SERVICE, TASK];
const CLUSTER: &str = "AWS::ECS::Cluster";
const SERVICE: &str = "AWS::ECS::Service";
const TASK: &str = "AWS::ECS::TaskDefinition";

/// The service.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the names of some members say all")]
pub struct Service {
    pub name: String,
    /// The cluster's name.
    pub cluster: String,
    /// The ARN of the target group that tasks register with.
    pub group: String,
    /// The definition of its tasks.
    pub task: TaskDefinition,
}

/// The definition of a task.
#[derive(Debug, Clone)]
pub struct TaskDefinition {
    /// Its CPU, in units of which 1024 are a CPU. Reports show its use as a share of this; nothing enforces it.
    pub cpu_units: u32,
    /// Its memory in MiB. Reports show memory as a share of this.
    pub memory_mib: u32,
    /// The role whose permissions it has.
    pub role: String,
    /// The container's variables.
    pub environment: BTreeMap<String, String>,
    /// The container's health check.
    pub health_check: ContainerHealthCheck,
    /// How long a task may take to stop before it is killed.
    pub stop_timeout: Duration,
}

/// A container's health check ("Determine Amazon ECS task health using container health checks").
#[derive(Debug, Clone)]
pub struct ContainerHealthCheck {
    /// The time between two checks.
    pub interval: Duration,
    /// The longest time for one check.
    pub timeout: Duration,
    /// After this many failures in a row, a container is unhealthy.
    pub retries: u32,
    /// Failures in this time after the start do not count.
    pub start_period: Duration,
}

fn thirty_seconds() -> Duration {
    Duration::from_secs(30)
}

fn five_seconds() -> Duration {
    Duration::from_secs(5)
}

fn three() -> u32 {
    3
}

pub(super) fn read(reader: &Reader) -> Result<Service, DeploymentError> {
    let cluster = reader.one::<ClusterResource>(CLUSTER)?.properties.cluster_name;
    let service = reader.one::<ServiceResource>(SERVICE)?;
    let task = reader.one::<TaskResource>(TASK)?;
    let refused = |id: &str, reason: &str| DeploymentError::unsupported(id, reason);
    let ServiceResource { service_name, cluster: of, task_definition, load_balancers } =
        service.properties;
    if of != cluster || task_definition != reader.reference(&task.id)? {
        return Err(refused(&service.id, "another cluster or task definition"));
    }
    let [registered] = &load_balancers[..] else {
        return Err(refused(&service.id, "not one entry in LoadBalancers"));
    };
    let TaskResource { task_role_arn, cpu, memory, container_definitions, .. } = task.properties;
    let Ok([container]) = <[Container; 1]>::try_from(container_definitions) else {
        return Err(refused(&task.id, "not one container beside the collector"));
    };
    if container.name != registered.container_name {
        return Err(refused(&service.id, "a container that the task has not"));
    }
    Ok(Service {
        name: service_name,
        cluster,
        group: registered.target_group_arn.clone(),
        task: TaskDefinition {
            cpu_units: cpu,
            memory_mib: memory,
            role: role::name(&task_role_arn),
            environment: container.environment.0,
            health_check: container.health_check.known(&task.id)?,
            stop_timeout: container.stop_timeout,
        },
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct ClusterResource {
    cluster_name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct ServiceResource {
    service_name: String,
    cluster: String,
    task_definition: String,
    load_balancers: Vec<Registered>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Registered {
    container_name: String,
    target_group_arn: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct TaskResource {
    #[serde(rename = "Family")]
    _family: String,
    task_role_arn: String,
    #[serde(deserialize_with = "scalar")]
    cpu: u32,
    #[serde(deserialize_with = "scalar")]
    memory: u32,
    container_definitions: Vec<Container>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Container {
    name: String,
    #[serde(rename = "Essential", default, deserialize_with = "super::read::optional")]
    _essential: Option<bool>,
    #[serde(default, deserialize_with = "named")]
    environment: Variables,
    health_check: HealthCheckProperty,
    #[serde(default = "thirty_seconds", deserialize_with = "seconds")]
    stop_timeout: Duration,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct HealthCheckProperty {
    command: Vec<String>,
    #[serde(default = "thirty_seconds", deserialize_with = "seconds")]
    interval: Duration,
    #[serde(default = "five_seconds", deserialize_with = "seconds")]
    timeout: Duration,
    #[serde(default = "three", deserialize_with = "scalar")]
    retries: u32,
    #[serde(default, deserialize_with = "seconds")]
    start_period: Duration,
}

impl HealthCheckProperty {
    fn known(self, id: &str) -> Result<ContainerHealthCheck, DeploymentError> {
        let Self { command, interval, timeout, retries, start_period } = self;
        match &command[..] {
            [cmd, _, question] if cmd == "CMD" && question == "--healthcheck" => {
                Ok(ContainerHealthCheck { interval, timeout, retries, start_period })
            }
            _ => {
                Err(DeploymentError::unsupported(id, format_args!("the health check {command:?}")))
            }
        }
    }
}

#[derive(Default, Deserialize)]
struct Variables(#[serde(deserialize_with = "texts")] BTreeMap<String, String>);
