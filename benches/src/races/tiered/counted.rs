//! A store in memory that counts what it is asked to write.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cache_tiered::{
    Applied, ApplyError, BlockingSink, BlockingSource, InMemory, InMemoryError, Loaded, Mutation,
};

/// Counts mutations. A clone is the same store.
#[derive(Clone, Default)]
pub(super) struct Counted {
    store: InMemory<u64, u64>,
    /// Relaxed: read when whoever writes has been closed.
    mutations: Arc<AtomicU64>,
}

impl Counted {
    pub(super) fn mutations(&self) -> u64 {
        self.mutations.load(Ordering::Relaxed)
    }

    pub(super) fn value(&self, key: u64) -> Option<u64> {
        let loaded = BlockingSource::load(&self.store, &key);
        loaded.ok().and_then(Loaded::into_value)
    }
}

impl BlockingSource<u64, u64> for Counted {
    type Error = InMemoryError;

    fn load(&self, key: &u64) -> Result<Loaded<u64>, InMemoryError> {
        BlockingSource::load(&self.store, key)
    }
}

impl BlockingSink<u64, u64> for Counted {
    type Error = InMemoryError;

    fn apply(&self, batch: &[Mutation<u64, u64>]) -> Result<Applied, ApplyError<InMemoryError>> {
        self.mutations
            .fetch_add(batch.len() as u64, Ordering::Relaxed);
        BlockingSink::apply(&self.store, batch)
    }
}
