//! The parts of CloudWatch and CloudFormation that can run on one machine: metrics by the minute, metric math,
//! alarms, dashboards, Logs Insights queries, and templates.
//!
//! Follows the Amazon CloudWatch User Guide, chapters "Using Amazon CloudWatch alarms" and "Using math expressions
//! with CloudWatch metrics". Where the guide says nothing, a comment says what we assume.

pub mod alarm;
pub mod composite;
pub mod dashboard;
pub mod data;
mod datum;
pub mod definition;
pub mod emf;
pub mod expression;
pub mod graph;
pub mod insights;
pub mod math;
pub mod metric;
pub mod metric_sink;
pub mod publication;
pub mod reason;
pub mod template;
pub mod watch;
