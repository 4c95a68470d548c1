//! The whole system through its one address.

mod collector;
mod contract;
mod durability;
mod faults;
mod given;
mod metrics;
mod permissions;
mod program;
mod tasks;
mod traces;
