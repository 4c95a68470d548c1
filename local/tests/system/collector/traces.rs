//! What X-Ray is told of a request.
