//! The load balancer's access log ("Access logs for your Application Load Balancer").

use std::time::{Duration, Instant, SystemTime};

use hyper::header::HeaderMap;
use hyper::{Method, Request, StatusCode};
use tokio::sync::mpsc::UnboundedSender;

use super::headers;

/// An entry of the access log: a request until its response begins.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names of some members say all")]
pub struct Access {
    /// `X-Amzn-Trace-Id` as the target got it.
    pub trace: String,
    /// When the request came.
    pub received: SystemTime,
    /// How long it took until the response began, or the client left.
    pub took: Duration,
    pub method: Method,
    /// The path with the query.
    pub path: String,
    /// The response's status, or 460 if the client left before.
    pub status: u16,
    /// The target's part; `None` if no target was asked.
    pub target: Option<Asked>,
}

/// What a target was asked, and answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The target group's ARN or name.
    pub group: String,
    /// Its status and the time until its response began; `None` if it did not respond.
    pub answered: Option<(u16, Duration)>,
}

/// One request's entry, which is written when this is dropped.
#[derive(Debug)]
pub(super) struct Entry(Option<(UnboundedSender<Access>, Access, Instant)>);

impl Entry {
    /// The entry of a request, if there is a log.
    pub(super) fn of<B>(log: Option<&UnboundedSender<Access>>, request: &Request<B>) -> Self {
        Self(log.map(|log| {
            let path = request.uri().path_and_query().map(ToString::to_string);
            let access = Access {
                trace: String::new(),
                received: SystemTime::now(),
                took: Duration::ZERO,
                method: request.method().clone(),
                path: path.unwrap_or_default(),
                status: 460,
                target: None,
            };
            (log.clone(), access, Instant::now())
        }))
    }

    fn set(&mut self, change: impl FnOnce(&mut Access)) {
        if let Some((_, access, _)) = &mut self.0 {
            change(access);
        }
    }

    /// These headers go to the target.
    pub(super) fn headers(&mut self, headers: &HeaderMap) {
        let trace = headers::trace_of(headers).unwrap_or_default();
        self.set(|access| trace.clone_into(&mut access.trace));
    }

    /// A target is asked.
    pub(super) fn asked(&mut self, group: &str) {
        let asked = || Asked { group: group.to_owned(), answered: None };
        self.set(|access| access.target = Some(asked()));
    }

    /// The target has responded.
    pub(super) fn answered(&mut self, status: StatusCode, took: Duration) {
        self.set(|access| {
            if let Some(target) = &mut access.target {
                target.answered = Some((status.as_u16(), took));
            }
        });
    }

    /// The response begins.
    pub(super) fn end(mut self, status: StatusCode) {
        self.set(|access| access.status = status.as_u16());
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if let Some((log, access, begun)) = self.0.take() {
            // Its reader may be gone.
            let _ = log.send(Access { took: begun.elapsed(), ..access });
        }
    }
}
