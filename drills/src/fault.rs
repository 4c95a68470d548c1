//! Faults that a system can be started with, to be looked at by hand.

use std::time::Duration;

use clap::ValueEnum;

use picus_local::System;
use picus_local::dynamodb::DynamoDbFault;
use picus_local::lambda::FunctionFault;

/// A fault by its name on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum NamedFault {
    /// DynamoDB breaks off every connection
    DynamodbUnreachable,
    /// DynamoDB refuses every call for the rate of calls
    DynamodbThrottles,
    /// DynamoDB allows no calls
    DynamodbDenies,
    /// DynamoDB meets a fault of its own in each call
    DynamodbFails,
    /// DynamoDB takes two seconds for each call
    DynamodbSlow,
    /// The delete handler dies over each request
    HandlerCrashes,
    /// The delete handler hangs over each request
    HandlerHangs,
}

impl NamedFault {
    /// From now on, this is wrong with `system`.
    pub fn begin(self, system: &System) {
        let dynamodb = |fault| system.dynamodb_fault(Some(fault));
        let handler = |fault| system.function().set_fault(Some(fault));
        match self {
            Self::DynamodbUnreachable => dynamodb(DynamoDbFault::Unreachable),
            Self::DynamodbThrottles => dynamodb(DynamoDbFault::Throttles(1)),
            Self::DynamodbDenies => dynamodb(DynamoDbFault::Denies(1)),
            Self::DynamodbFails => dynamodb(DynamoDbFault::Fails(1)),
            Self::DynamodbSlow => dynamodb(DynamoDbFault::Slow(1, Duration::from_secs(2))),
            Self::HandlerCrashes => handler(FunctionFault::Crash),
            Self::HandlerHangs => handler(FunctionFault::Hang),
        }
    }
}
