//! The bodies of responses. An item's body is [`picus_items::Item`].

use serde::Serialize;
use utoipa::ToSchema;

/// The response to a put.
#[derive(Debug, Serialize, ToSchema)]
pub struct Stored {
    /// The item's key.
    #[schema(format = "uuid")]
    pub object_id: String,
}

/// The response to a delete.
#[derive(Debug, Serialize, ToSchema)]
pub struct Deleted {
    /// `Item with key "<key>" deleted successfully`
    pub message: String,
}

impl Deleted {
    /// Says that the item with this key is deleted.
    #[must_use]
    pub fn of(key: &picus_items::Key) -> Self {
        Self { message: format!("Item with key \"{key}\" deleted successfully") }
    }
}

/// The response to a health check.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// Always `healthy`: a service that is not healthy does not answer.
    #[schema(pattern = "^healthy$")]
    pub status: &'static str,
}

impl Health {
    /// The service is up.
    pub const HEALTHY: Self = Self { status: "healthy" };
}
