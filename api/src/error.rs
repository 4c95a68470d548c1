//! An error response: a text for the client, and a cause for the log only.

use std::any::Any;
use std::borrow::Cow;
use std::error::Error as _;
use std::time::Duration;

use picus_items::NOT_THE_ITEM_MEANT;
use serde::Serialize;
use utoipa::ToSchema;

use crate::code::Code;

/// How long a client should wait after a 503, before it tries again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why a request failed. Code and message are for the client. The cause, [`std::error::Error::source`], goes only
/// into the log, never into a response.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    code: Code,
    message: Cow<'static, str>,
    header: Option<(&'static str, &'static str)>,
    source: Option<Source>,
}

impl Error {
    /// An error. Its `message` tells the client what to do.
    pub fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into(), header: None, source: None }
    }

    /// The path is unknown.
    #[must_use]
    pub fn unknown_path() -> Self {
        Self::new(Code::UnknownPath, "Unknown path: /openapi.json lists the paths")
    }

    /// The path is known, but only with the methods in `allow`.
    #[must_use]
    pub fn method_not_allowed(allow: &'static str) -> Self {
        let message = format!("This path supports only {allow}");
        Self::new(Code::MethodNotAllowed, message).with_header("Allow", allow)
    }

    /// The client's precondition (RFC 9110, 13) does not hold.
    #[must_use]
    pub fn precondition_failed() -> Self {
        Self::new(Code::PreconditionFailed, NOT_THE_ITEM_MEANT)
    }

    /// Adds a header to the response.
    #[must_use]
    pub fn with_header(self, name: &'static str, value: &'static str) -> Self {
        Self { header: Some((name, value)), ..self }
    }

    /// Adds the cause, for the log.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Source>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Adds a panic's message as the cause.
    #[must_use]
    pub fn with_panic(self, panic: &(dyn Any + Send)) -> Self {
        let text = panic.downcast_ref::<&str>().copied();
        let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        self.with_source(format!("panic: {}", text.unwrap_or("of an unknown kind")))
    }

    /// The code, for the client's program.
    #[must_use]
    pub fn code(&self) -> Code {
        self.code
    }

    /// The message, for the client's people.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The error and its causes, outermost first. For the log only.
    #[must_use]
    pub fn chain(&self) -> String {
        let causes = std::iter::successors(self.source(), |&cause| cause.source());
        causes.fold(self.message.to_string(), |chain, cause| format!("{chain}: {cause}"))
    }

    /// The headers that only this error has: `Allow` of a 405 (RFC 9110, 15.5.6), `Accept` or `Accept-Encoding` of a
    /// 415 (15.5.16), `Retry-After` of a 503 (10.2.3).
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, String)> {
        let retry_after =
            (self.code.status() == 503).then(|| ("Retry-After", RETRY_AFTER.as_secs().to_string()));
        self.header.map(|(name, value)| (name, value.to_owned())).into_iter().chain(retry_after)
    }
}

/// The client gets the domain's message, and the log gets its cause.
impl From<picus_items::Error> for Error {
    fn from(error: picus_items::Error) -> Self {
        let code = error.kind().into();
        let (message, source) = error.into_parts();
        Self { code, message, header: None, source }
    }
}

/// The body of every error response.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorBody<'a> {
    /// What is wrong and what to do about it, for people.
    error: &'a str,
    code: Code,
    /// The request's trace id, as AWS X-Ray writes it.
    #[schema(pattern = "^1-[0-9a-f]{8}-[0-9a-f]{24}$")]
    trace_id: &'a str,
    /// The request's id: the client's `X-Request-Id`, or a new id.
    request_id: &'a str,
}

impl<'a> ErrorBody<'a> {
    /// The response body for `error`, with the ids by which operators find the request.
    #[must_use]
    pub fn new(error: &'a Error, trace_id: &'a str, request_id: &'a str) -> Self {
        Self { error: error.message(), code: error.code(), trace_id, request_id }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_does_not_contain_the_cause() {
        let error = Error::new(Code::Internal, "Could not get item").with_source("arn:aws:secret");
        let body = serde_json::to_string(&ErrorBody::new(&error, "1-0-0", "r")).unwrap();
        assert_eq!(
            body,
            r#"{"error":"Could not get item","code":"internal","trace_id":"1-0-0","request_id":"r"}"#
        );
        assert_eq!(error.chain(), "Could not get item: arn:aws:secret");
    }

    #[test]
    fn an_error_of_items_keeps_its_message_and_cause() {
        let error = picus_items::Key::new("").unwrap_err();
        assert_eq!((Error::from(error).code(), Code::MissingKey.status()), (Code::MissingKey, 400));
    }

    #[test]
    fn only_a_503_has_retry_after() {
        for code in Code::all() {
            let asks = Error::new(code, "").headers().any(|(name, _)| name == "Retry-After");
            assert_eq!(asks, code.status() == 503, "{code:?}");
        }
    }
}
