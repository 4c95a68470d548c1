//! Every span that Picus emits, and what it tells of its work.

/// How often an attribute is on its span, in OpenTelemetry's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// On every one.
    Required,
    /// Where there is such a thing.
    ConditionallyRequired,
}

/// A kind of span.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    /// What it is called among Picus' spans.
    pub id: &'static str,
    /// `server` or `client`.
    pub kind: &'static str,
    /// What it stands for.
    pub brief: &'static str,
    /// Its attributes.
    pub attributes: &'static [(&'static str, Level)],
}

/// An attribute that OpenTelemetry does not know.
#[derive(Debug, Clone, Copy)]
pub struct Attribute {
    /// Its name.
    pub name: &'static str,
    /// Its type, in OpenTelemetry's words.
    pub kind: &'static str,
    /// What it means.
    pub brief: &'static str,
    /// A value that it may have.
    pub example: &'static str,
}

use Level::{ConditionallyRequired, Required};

/// The attributes on Picus' spans that OpenTelemetry does not know.
pub const ATTRIBUTES: &[Attribute] = &[
    Attribute {
        name: "request_id",
        kind: "string",
        brief: "The request's id: X-Request-Id, the client's or a new one.",
        example: "order-17",
    },
    Attribute {
        name: "object_id",
        kind: "string",
        brief: "The item that the request is about.",
        example: "5a0a3bb2-7a04-4e9c-9b8e-0e3f8c0d9c11",
    },
    Attribute {
        name: "error.code",
        kind: "string",
        brief: "The code in an error's body; of refused requests, too, which are no failures.",
        example: "item_not_found",
    },
];

macro_rules! http_server {
    ($($more:expr),*) => {
        &[
            ("http.request.method", Required),
            ("http.request.method_original", ConditionallyRequired),
            ("http.route", ConditionallyRequired),
            ("http.response.status_code", ConditionallyRequired),
            ("url.scheme", Required),
            ("server.address", ConditionallyRequired),
            ("server.port", ConditionallyRequired),
            ("client.address", ConditionallyRequired),
            ("user_agent.original", ConditionallyRequired),
            ("error.type", ConditionallyRequired),
            ("error.code", ConditionallyRequired),
            ("request_id", Required),
            ("object_id", ConditionallyRequired),
            $($more),*
        ]
    };
}

/// A request to the service.
pub const SERVICE_REQUEST: Span = Span {
    id: "picus.service.request",
    kind: "server",
    brief: "A request to the service, named for its method and its route.",
    attributes: http_server!(
        ("url.path", Required),
        ("url.query", ConditionallyRequired),
        ("network.protocol.version", Required)
    ),
};

/// A request to the delete handler.
pub const HANDLER_REQUEST: Span = Span {
    id: "picus.delete_handler.request",
    kind: "server",
    brief: "A request to the delete handler, named for its method and its route.",
    attributes: http_server!(
        // An event that is no request has none.
        ("url.path", ConditionallyRequired),
        ("faas.trigger", Required),
        ("faas.invocation_id", Required),
        ("faas.coldstart", Required),
        ("aws.lambda.invoked_arn", Required)
    ),
};

/// A call to DynamoDB.
pub const CALL: Span = Span {
    id: "picus.dynamodb.call",
    kind: "client",
    brief: "A call to DynamoDB, its retries included, named DynamoDB.GetItem and the like.",
    attributes: &[
        ("rpc.system", Required),
        ("rpc.service", Required),
        ("rpc.method", Required),
        ("db.system.name", Required),
        ("db.operation.name", Required),
        ("db.collection.name", Required),
        ("db.response.status_code", ConditionallyRequired),
        ("aws.dynamodb.table_names", Required),
        ("aws.request_id", ConditionallyRequired),
        ("cloud.region", Required),
        ("error.type", ConditionallyRequired),
    ],
};

/// Every span.
pub const ALL: &[Span] = &[SERVICE_REQUEST, HANDLER_REQUEST, CALL];
