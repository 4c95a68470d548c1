//! The alarms, the dashboards and the runbooks, as files: what they refer to is there, they keep to
//! CloudWatch's limits, and they belong together.

mod alarms;
mod dashboards;
mod drills;
mod given;

mod mutants;
mod promises;
mod queries;
mod references;
mod runbooks;
mod scenes;
mod synthetic;
mod trail;
