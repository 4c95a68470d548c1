//! Why a call to DynamoDB failed: the word for it in metrics, traces and logs, and the client's error.

use std::error::Error as StdError;
use std::io;
use std::sync::Arc;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::dns::ResolveDnsError;
use aws_smithy_runtime_api::client::result::DispatchFailure;

use crate::error::{Error, ErrorKind};
use crate::held_client::Unread;
use crate::operation::Operation;
use crate::room::NoRoom;

/// Why a call failed, grouped by what operators can do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// DynamoDB throttled it.
    Throttled,
    /// Memory ran out here. The call may have been done all the same.
    NoRoom {
        done: bool,
    },
    /// No response came in time.
    Timeout,
    /// There are no credentials, or DynamoDB refuses them.
    Credentials,
    /// The role lacks a permission.
    AccessDenied,
    /// The endpoint's name can't be resolved.
    Dns,
    /// The TLS handshake failed.
    Tls,
    /// The endpoint can't be reached, or the connection broke.
    Connection,
    /// DynamoDB returned another error.
    Service,
    Other,
}

impl Failure {
    pub(crate) fn of<E>(error: &SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + StdError + 'static,
    {
        match error {
            SdkError::TimeoutError(_) => Self::Timeout,
            SdkError::DispatchFailure(failure) => Self::of_dispatch(failure),
            SdkError::ServiceError(failure) => Self::of_code(failure.err().code().unwrap_or("")),
            _ => Self::Other,
        }
    }

    fn of_dispatch(failure: &DispatchFailure) -> Self {
        let Some(error) = failure.as_connector_error() else { return Self::Connection };
        // Checked first, because getting credentials uses the network too and can fail in all other ways.
        if is_caused_by::<CredentialsError>(error) {
            Self::Credentials
        } else if is_caused_by::<Unread>(error) {
            Self::NoRoom { done: true }
        } else if is_caused_by::<NoRoom>(error) {
            Self::NoRoom { done: false }
        } else if failure.is_timeout() {
            Self::Timeout
        } else if is_caused_by::<ResolveDnsError>(error) {
            Self::Dns
        } else if is_caused_by::<rustls::Error>(error) {
            Self::Tls
        } else {
            Self::Connection
        }
    }

    /// The failure for a code of DynamoDB's (Amazon DynamoDB Developer Guide, "Error handling with DynamoDB", and the
    /// common errors of its API reference).
    fn of_code(code: &str) -> Self {
        match code {
            _ if is_throttle(code) => Self::Throttled,
            "ExpiredTokenException"
            | "IncompleteSignatureException"
            | "InvalidSignatureException"
            | "MissingAuthenticationTokenException"
            | "UnrecognizedClientException" => Self::Credentials,
            "AccessDeniedException" => Self::AccessDenied,
            _ => Self::Service,
        }
    }

    /// The word for it, one of a small fixed set, because it is a metric's label.
    pub(crate) fn error_type(self) -> &'static str {
        match self {
            Self::Throttled => "throttled",
            Self::NoRoom { .. } => "no_room",
            Self::Timeout => "timeout",
            Self::Credentials => "credentials",
            Self::AccessDenied => "access_denied",
            Self::Dns => "dns",
            Self::Tls => "tls",
            Self::Connection => "connection",
            Self::Service => "service",
            Self::Other => "_OTHER",
        }
    }

    /// The client's error, with the cause for the log.
    pub(crate) fn into_error<E>(
        self,
        operation: Operation,
        error: impl Into<Arc<SdkError<E>>>,
    ) -> Error
    where
        E: StdError + Send + Sync + 'static,
    {
        let what = operation.failure();
        let (kind, then) = match (self, operation) {
            (Self::Throttled, _) => {
                (ErrorKind::Throttled, ": too many requests at this time, retry later")
            }
            // `overloaded` tells clients that nothing was done, so it would be wrong here.
            (Self::NoRoom { done: true }, Operation::Put | Operation::Delete) => {
                (ErrorKind::Throttled, NO_ROOM)
            }
            (Self::NoRoom { .. }, _) => (ErrorKind::Overloaded, NO_ROOM),
            (Self::Timeout, _) => (ErrorKind::DeadlineExceeded, " in time, retry later"),
            _ => (ErrorKind::Internal, ""),
        };
        Error::new(kind, format!("{what}{then}"))
            .with_source(FailedCall { error_type: self.error_type(), error: error.into() })
    }
}

const NO_ROOM: &str = ": too much is held in memory at this time, retry later";

/// Adds the word to the chain of causes.
#[derive(Debug, thiserror::Error)]
#[error("{error_type}")]
struct FailedCall<E: StdError + 'static> {
    error_type: &'static str,
    #[source]
    error: Arc<SdkError<E>>,
}

/// The codes with which DynamoDB throttles (Amazon DynamoDB Developer Guide, "Error handling").
pub(crate) fn is_throttle(code: &str) -> bool {
    matches!(
        code,
        "ProvisionedThroughputExceededException" | "ThrottlingException" | "RequestLimitExceeded"
    )
}

/// Whether a `T` is among the causes. An I/O error hides the error within it from its `source`.
fn is_caused_by<T: StdError + 'static>(error: &(dyn StdError + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<T>() {
            return true;
        }
        cause = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(within) => Some(within),
            None => error.source(),
        };
    }
    false
}
