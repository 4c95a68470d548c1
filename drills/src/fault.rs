//! Faults that a local system can be started with, to look at them by hand.

use std::time::Duration;

use clap::ValueEnum;

use picus_local::System;
use picus_local::dynamodb::DynamoDbFault;
use picus_local::lambda::FunctionFault;

/// A fault, by its name on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum NamedFault {
    /// DynamoDB closes every connection without a response
    DynamodbUnreachable,
    /// DynamoDB throttles every call
    DynamodbThrottles,
    /// DynamoDB refuses every call for lack of permission
    DynamodbDenies,
    /// DynamoDB fails every call with an internal error
    DynamodbFails,
    /// DynamoDB takes two seconds for each call
    DynamodbSlow,
    /// The delete handler crashes on each request
    HandlerCrashes,
    /// The delete handler hangs on each request
    HandlerHangs,
}

impl NamedFault {
    /// Sets this fault in `system`.
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
