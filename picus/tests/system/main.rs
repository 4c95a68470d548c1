//! Tests of the whole local system.

mod collector;
mod conditions;
mod console;
mod contract;
mod conventions;
mod deployment;
mod docs_page;
mod durability;
mod faults;
mod function;
mod given;
mod load_balancer;
mod metrics;
mod permissions;
mod program;
mod prometheus;
mod requests;
mod task_metadata;
mod tasks;
mod traces;
