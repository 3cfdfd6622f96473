//! Leak detection: where the buffers in use were acquired.
//!
//! Off unless asked for. A pool that tracks uses no hit path: each acquire and release looks whether it is to be noted,
//! and what is noted goes into a table under one lock.

use core::panic::Location;
use std::collections::BTreeMap;

use crate::block::Block;
use crate::sync::{Mutex, Tally};

/// A buffer in use, and where it was acquired. See [`BufferPool::outstanding`](crate::BufferPool::outstanding).
///
/// ```
/// use buffer_pool::BufferPool;
///
/// let pool = BufferPool::builder().track_outstanding(1).build();
/// let held = pool.acquire(5000);
/// let found = pool.outstanding();
/// assert_eq!((found[0].capacity, found[0].location.line()), (6144, line!() - 2));
/// # drop(held);
/// ```
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outstanding {
    /// The call that acquired the buffer.
    pub location: &'static Location<'static>,
    /// Capacity of the buffer, in bytes.
    pub capacity: usize,
    /// Acquisitions of the pool before this one.
    pub order: u64,
}

/// What a pool knows of the buffers in use.
#[derive(Debug)]
pub(crate) struct Leaks {
    /// One acquisition in so many is noted; 0: none.
    every: u64,
    acquisitions: Tally,
    /// By the address of the block's header. The global allocator is called under this lock.
    noted: Mutex<BTreeMap<usize, Outstanding>>,
}

impl Leaks {
    pub(crate) fn new(every: u32) -> Self {
        Self {
            every: every.into(),
            acquisitions: Tally::new(0),
            noted: Mutex::new(BTreeMap::new()),
        }
    }

    pub(crate) fn is_on(&self) -> bool {
        self.every != 0
    }

    /// Notes a block that is handed out, if it is its turn.
    pub(crate) fn note(&self, block: &mut Block, location: &'static Location<'static>) {
        let order = self.acquisitions.next();
        if !order.is_multiple_of(self.every) {
            return;
        }
        block.set_tracked(true);
        let entry = Outstanding {
            location,
            capacity: block.capacity(),
            order,
        };
        self.noted.lock().insert(block.address(), entry);
    }

    /// Forgets a block that comes back, if it was noted.
    pub(crate) fn forget(&self, block: &mut Block) {
        if block.set_tracked(false) {
            self.noted.lock().remove(&block.address());
        }
    }

    /// What is noted, in the order in which it was acquired.
    pub(crate) fn outstanding(&self) -> Vec<Outstanding> {
        let mut all: Vec<_> = self.noted.lock().values().copied().collect();
        all.sort_unstable_by_key(|outstanding| outstanding.order);
        all
    }
}
