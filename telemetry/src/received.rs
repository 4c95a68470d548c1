//! How much of a request's body has come.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes received. Clones count together, so that what came is known even of a request that is given
/// up while it waits for more.
#[derive(Debug, Clone, Default)]
pub struct Received(Arc<AtomicU64>);

impl Received {
    /// Counts more of them.
    pub fn add(&self, bytes: usize) {
        self.0.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
