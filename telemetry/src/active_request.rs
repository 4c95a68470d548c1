//! The gauge of requests in flight.

use picus_catalogue as catalogue;

/// Counts one request in flight until it is dropped.
#[derive(Debug)]
pub struct ActiveRequest(());

impl ActiveRequest {
    /// Adds one to the gauge.
    #[must_use]
    pub fn begin() -> Self {
        metrics::gauge!(catalogue::HTTP_SERVER_ACTIVE_REQUESTS.name).increment(1);
        Self(())
    }
}

impl Drop for ActiveRequest {
    fn drop(&mut self) {
        metrics::gauge!(catalogue::HTTP_SERVER_ACTIVE_REQUESTS.name).decrement(1);
    }
}
