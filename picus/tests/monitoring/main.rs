//! Tests alarms, dashboards and runbooks as files: they refer to things that exist, keep CloudWatch's limits, and fit
//! together.

mod alarms;
mod dashboards;
mod drills;
mod given;

mod mutants;
mod promises;
mod queries;
mod references;
mod routes;
mod runbooks;
mod scenes;
mod synthetic;
mod trail;
