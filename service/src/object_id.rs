//! The item that a request is about.

/// Its key. An action leaves it in the request's extensions, and the edge logs it.
pub(crate) struct ObjectId(pub(crate) String);
