//! The bodies of answers; an item's own is [`picus_items::Item`].

use serde::Serialize;
use utoipa::ToSchema;

/// The answer to a put.
#[derive(Debug, Serialize, ToSchema)]
pub struct Stored {
    /// The item's key.
    #[schema(format = "uuid")]
    pub object_id: String,
}

/// The answer to a delete.
#[derive(Debug, Serialize, ToSchema)]
pub struct Deleted {
    /// `Item with key "<key>" deleted successfully`
    pub message: String,
}

impl Deleted {
    /// The item with this key is gone.
    #[must_use]
    pub fn of(key: &picus_items::Key) -> Self {
        Self { message: format!("Item with key \"{key}\" deleted successfully") }
    }
}

/// Whether the service is up.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// A service that is not healthy does not answer.
    #[schema(pattern = "^healthy$")]
    pub status: &'static str,
}

impl Health {
    /// The service answers.
    pub const HEALTHY: Self = Self { status: "healthy" };
}
