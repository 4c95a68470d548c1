//! The key of a request's item.

/// An action stores it in the request's extensions, and the edge logs it.
pub(crate) struct ObjectId(pub(crate) String);
