//! Counts the bytes received of a request's body.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes received. Clones share the count, so it is right even if a request is given up while it waits for more.
#[derive(Debug, Clone, Default)]
pub struct Received(Arc<AtomicU64>);

impl Received {
    /// Adds to the count.
    pub fn add(&self, bytes: usize) {
        self.0.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
