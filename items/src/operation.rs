//! The calls to DynamoDB, and their names.

/// The calls that Picus makes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Operation {
    Put,
    Get,
    /// Reads of several items in one call.
    GetMany,
    Scan,
    Delete,
    /// A read that a delete begins with.
    ReadToDelete,
}

impl Operation {
    /// The name of the call in DynamoDB's API.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Put => "PutItem",
            Self::Get | Self::ReadToDelete => "GetItem",
            Self::GetMany => "BatchGetItem",
            Self::Scan => "Scan",
            Self::Delete => "DeleteItem",
        }
    }

    /// The name of the call among those of all services.
    pub(crate) fn span_name(self) -> &'static str {
        match self {
            Self::Put => "DynamoDB.PutItem",
            Self::Get | Self::ReadToDelete => "DynamoDB.GetItem",
            Self::GetMany => "DynamoDB.BatchGetItem",
            Self::Scan => "DynamoDB.Scan",
            Self::Delete => "DynamoDB.DeleteItem",
        }
    }

    /// What the client is told when the call fails.
    pub(crate) fn failure(self) -> &'static str {
        match self {
            Self::Put => "Could not save item",
            Self::Get | Self::GetMany => "Could not get item",
            Self::Scan => "Could not list items",
            Self::Delete | Self::ReadToDelete => "Could not delete item",
        }
    }
}
