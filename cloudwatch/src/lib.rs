//! CloudWatch, as far as Picus' alarms need it: metrics a minute at a time, metric math, and alarms
//! that are read from the very template that is deployed.
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
pub mod template;
pub mod watch;
