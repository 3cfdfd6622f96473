//! What a cache says of its disk tier.

use crate::disk::{DiskReport, DiskStats};
use crate::operation::Operation;
use crate::tiered::Tiered;
use std::hash::Hash;
use std::sync::Arc;

impl<K, V> Tiered<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// What happened in the disk tier so far, and what is in it now; none if there is no disk tier. O(1).
    #[must_use]
    pub fn disk_stats(&self) -> Option<DiskStats> {
        Some(self.shared.disk.as_ref()?.stats())
    }

    /// Reads everything that the disk tier has, and drops what is damaged: what it found; none if there is no disk tier.
    /// The cache may be used meanwhile. O(bytes) reads of the device.
    pub fn verify_disk(&self) -> Operation<Option<DiskReport>> {
        let shared = Arc::clone(&self.shared);
        Operation::cold(&self.shared.pool, async move {
            Some(shared.disk.as_ref()?.verify())
        })
    }
}
