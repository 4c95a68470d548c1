//! Faults that a system can be started with, to be looked at by hand.

use std::time::Duration;

use clap::ValueEnum;

use crate::System;
use crate::dynamodb;
use crate::lambda::Sabotage;

/// A fault by its name on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Fault {
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

impl Fault {
    /// From now on, this is wrong with `system`.
    pub(crate) fn begin(self, system: &System) {
        let dynamodb = |fault| system.dynamodb_fault(Some(fault));
        let handler = |sabotage| system.function().sabotage(Some(sabotage));
        match self {
            Self::DynamodbUnreachable => dynamodb(dynamodb::Fault::Unreachable),
            Self::DynamodbThrottles => dynamodb(dynamodb::Fault::Throttles(1)),
            Self::DynamodbDenies => dynamodb(dynamodb::Fault::Denies(1)),
            Self::DynamodbFails => dynamodb(dynamodb::Fault::Fails(1)),
            Self::DynamodbSlow => dynamodb(dynamodb::Fault::Slow(1, Duration::from_secs(2))),
            Self::HandlerCrashes => handler(Sabotage::Crash),
            Self::HandlerHangs => handler(Sabotage::Hang),
        }
    }
}
