//! Tests of `Table` on a DynamoDB engine in this process.

mod by_hand;
mod contract;
mod faults;
mod gathered;
mod given;
mod guarded;
mod observed;
mod properties;
mod retries;
mod simulation;
mod warm;
