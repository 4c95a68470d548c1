//! Why there is no table.

use std::io;
use std::path::PathBuf;

/// Why there is no table.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the names of some members say all")]
pub enum DynamoDbError {
    /// The folder can't be made or written.
    #[error(
        "cannot keep data in {folder}: {source}; choose another folder with --data-dir, or --memory"
    )]
    Folder {
        folder: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Another process works on the folder.
    #[error("{0} is in use by another process: stop it, or choose another folder with --data-dir")]
    InUse(PathBuf),
    /// The engine can't read what is in the folder.
    #[error(
        "cannot open the data in {folder}: {reason}; it may be damaged: move the folder elsewhere to start \
         with no items, or restore it from a copy"
    )]
    Data {
        folder: PathBuf,
        /// What the engine says.
        reason: String,
    },
    /// A role's policy has something in it that is not known here.
    #[error(
        "cannot enforce the policy of {role}: {source}; local/src/iam.rs says what it may have"
    )]
    Policy {
        role: String,
        /// What is not known.
        source: serde_json::Error,
    },
    /// No port could be had.
    #[error("cannot serve DynamoDB on this machine: {0}")]
    Listen(io::Error),
    /// The table could not be made.
    #[error(
        "cannot create the table {table} at {endpoint}: {reason}; is a DynamoDB there? \
         --dynamodb-endpoint says where it is"
    )]
    Table {
        table: String,
        endpoint: String,
        /// What it says, or what keeps it from being asked.
        reason: String,
    },
}
