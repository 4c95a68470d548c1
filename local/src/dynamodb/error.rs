//! Why the table can't be used.

use std::io;
use std::path::PathBuf;

/// Why the table can't be used.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the names of some members say all")]
pub enum DynamoDbError {
    /// The folder can't be created or written.
    #[error(
        "cannot keep data in {folder}: {source}; choose another folder with --data-dir, or --memory"
    )]
    Folder {
        folder: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// Another process uses the folder.
    #[error("{0} is in use by another process: stop it, or choose another folder with --data-dir")]
    InUse(PathBuf),
    /// The engine can't read the data in the folder.
    #[error(
        "cannot open the data in {folder}: {reason}; it may be damaged: move the folder elsewhere to start \
         with no items, or restore it from a copy"
    )]
    Data {
        folder: PathBuf,
        /// The engine's error.
        reason: String,
    },
    /// A role's policy contains something unknown.
    #[error(
        "cannot enforce the policy of {role}: {source}; local/src/iam.rs says what it may have"
    )]
    Policy {
        role: String,
        /// What is unknown.
        source: serde_json::Error,
    },
    /// No port is free.
    #[error("cannot serve DynamoDB on this machine: {0}")]
    Listen(io::Error),
    /// The table can't be created.
    #[error(
        "cannot create the table {table} at {endpoint}: {reason}; is a DynamoDB there? \
         --dynamodb-endpoint says where it is"
    )]
    Table {
        table: String,
        endpoint: String,
        /// DynamoDB's error, or why it can't be reached.
        reason: String,
    },
}
