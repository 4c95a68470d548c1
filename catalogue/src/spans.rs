//! Every span that Picus emits, with its attributes.

/// OpenTelemetry's requirement level of an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Every span of this kind has it.
    Required,
    /// A span has it if there is a value.
    ConditionallyRequired,
}

/// A kind of span.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    /// Its id in the registry.
    pub id: &'static str,
    /// `server` or `client`.
    pub kind: &'static str,
    /// What it measures.
    pub brief: &'static str,
    /// Its attributes.
    pub attributes: &'static [(&'static str, Level)],
}

/// An attribute that OpenTelemetry's conventions do not define.
#[derive(Debug, Clone, Copy)]
pub struct Attribute {
    /// Its name.
    pub name: &'static str,
    /// Its type, as OpenTelemetry names it.
    pub kind: &'static str,
    /// What it means.
    pub brief: &'static str,
    /// A possible value.
    pub example: &'static str,
}

use Level::{ConditionallyRequired, Required};

/// Every attribute on Picus' spans that OpenTelemetry's conventions do not define.
pub const ATTRIBUTES: &[Attribute] = &[
    Attribute {
        name: "request_id",
        kind: "string",
        brief: "The request's id: the client's X-Request-Id, or a new id.",
        example: "order-17",
    },
    Attribute {
        name: "object_id",
        kind: "string",
        brief: "The key of the item.",
        example: "5a0a3bb2-7a04-4e9c-9b8e-0e3f8c0d9c11",
    },
    Attribute {
        name: "error.code",
        kind: "string",
        brief: "The code in the error's body. Refused requests have one too, although they are not failures.",
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
        // An event that is not an HTTP request has no path.
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
    brief: "A call to DynamoDB, its retries included. Its name is DynamoDB.GetItem, for example.",
    attributes: &[
        ("rpc.system", Required),
        ("rpc.service", Required),
        ("rpc.method", Required),
        ("db.system.name", Required),
        ("db.operation.name", Required),
        // Of the call that reads of several requests were gathered in.
        ("db.operation.batch.size", ConditionallyRequired),
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
