//! CloudWatch and CloudFormation, as far as they can be run on one machine: metrics a minute at a
//! time, metric math, alarms, dashboards, queries of Logs Insights, and the templates that declare
//! them.
//!
//! After the Amazon CloudWatch User Guide, the chapters "Using Amazon CloudWatch alarms" and "Using
//! math expressions with CloudWatch metrics". Where these are silent, a comment says what is
//! assumed.

pub mod alarm;
pub mod composite;
pub mod dashboard;
pub mod data;
pub mod definition;
pub mod emf;
pub mod expression;
pub mod insights;
pub mod math;
pub mod metric;
pub mod metric_sink;
pub mod publication;
pub mod template;
pub mod watch;
