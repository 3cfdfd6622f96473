//! A ledger: what memory the provider has lent, and which buffers are in whose hands.

#![expect(
    clippy::disallowed_types,
    reason = "a lock of std's is no turn of the scheduler: the ledger is to see things as they are"
)]

use std::alloc::Layout;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::time::Duration;

use slab_core::{Global, ProvideError, Provider};

use crate::sync::{Arc, thread};
use crate::{PooledBuf, PooledBytes};

/// Watches a pool from outside.
pub(super) struct Ledger {
    /// The most bytes of buffers that there may be at any instant.
    limit: usize,
    /// Above this the provider has no memory.
    supply: usize,
    books: std::sync::Mutex<Books>,
}

#[derive(Default)]
struct Books {
    /// Bytes of each block, by its address.
    blocks: BTreeMap<usize, usize>,
    bytes: usize,
    created: u64,
    destroyed: u64,
    /// Addresses of the buffers that somebody has.
    lent: BTreeSet<usize>,
    loans: u64,
}

/// The global allocator, as the ledger sees it. A call takes a turn, and overwrites what it takes back.
pub(super) struct Watched(Arc<Ledger>);

impl Ledger {
    pub(super) fn unlimited() -> Arc<Self> {
        Self::new(usize::MAX, usize::MAX)
    }

    /// Blocks of a pool with such a budget.
    pub(super) fn within(limit: usize) -> Arc<Self> {
        Self::new(limit, usize::MAX)
    }

    /// A provider with so much memory, headers apart.
    pub(super) fn with_supply(supply: usize) -> Arc<Self> {
        Self::new(usize::MAX, supply)
    }

    fn new(limit: usize, supply: usize) -> Arc<Self> {
        Arc::new(Self {
            limit,
            supply,
            books: std::sync::Mutex::default(),
        })
    }

    pub(super) fn provider(this: &Arc<Self>) -> Watched {
        Watched(Arc::clone(this))
    }

    /// Notes that somebody has `buffer`, which is theirs alone, and stamps it.
    pub(super) fn lend(this: &Arc<Self>, mut buffer: PooledBuf) -> Lease {
        let stamp = {
            let mut books = this.books();
            // Before anything is written there. Memory that is not this ledger's is another provider's.
            let exists = books.created == 0 || books.blocks.contains_key(&address(&buffer));
            assert!(exists, "a buffer in use is freed");
            let fresh = books.lent.insert(address(&buffer));
            assert!(fresh, "a block is handed out twice");
            books.loans += 1;
            books.loans as u8
        };
        let capacity = buffer.capacity();
        buffer.clear();
        buffer.resize(capacity, stamp);
        Lease {
            buffer: Some(buffer),
            ledger: Arc::clone(this),
            stamp,
        }
    }

    /// Bytes that the provider has lent, headers apart.
    pub(super) fn bytes(&self) -> usize {
        self.books().bytes
    }

    /// Buffers that were handed out.
    pub(super) fn loans(&self) -> u64 {
        self.books().loans
    }

    /// Blocks that were created, and those of them that were destroyed.
    pub(super) fn blocks(&self) -> (u64, u64) {
        let books = self.books();
        (books.created, books.destroyed)
    }

    fn books(&self) -> std::sync::MutexGuard<'_, Books> {
        self.books.lock().expect("the scenario failed before")
    }
}

fn address(buffer: &[u8]) -> usize {
    buffer.as_ptr().addr()
}

/// Lets other threads go on.
fn turn() {
    thread::sleep(Duration::ZERO);
}

/// Data is not aligned, headers are; slabs of those are asked for under a lock of slab-core, which takes no turns.
fn is_data(layout: Layout) -> bool {
    layout.align() == 1
}

// SAFETY: the global allocator's blocks, each clause as there; a refusal gives none.
unsafe impl Provider for Watched {
    fn allocate(&self, layout: Layout) -> Result<NonNull<u8>, ProvideError> {
        if !is_data(layout) {
            return Global.allocate(layout);
        }
        turn();
        let block = {
            let mut books = self.0.books();
            if books.bytes + layout.size() > self.0.supply {
                return Err(ProvideError::Exhausted);
            }
            let block = Global.allocate(layout)?;
            books.blocks.insert(block.addr().get(), layout.size());
            books.created += 1;
            books.bytes += layout.size();
            assert!(books.bytes <= self.0.limit, "the budget is passed");
            block
        };
        turn();
        Ok(block)
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        if is_data(layout) {
            turn();
            let mut books = self.0.books();
            let size = books.blocks.remove(&block.addr().get());
            // A scenario that has failed gives its buffers back without a word.
            if !std::thread::panicking() {
                assert_eq!(size, Some(layout.size()), "a block is freed twice");
                let used = books.lent.contains(&block.addr().get());
                assert!(!used, "a buffer in use is freed");
            }
            books.destroyed += 1;
            books.bytes -= layout.size();
            // SAFETY: of this size, and the caller's until it is freed below.
            unsafe { block.write_bytes(0xDD, layout.size()) };
        }
        // SAFETY: passed on from the caller.
        unsafe { Global.deallocate(block, layout) };
        if is_data(layout) {
            turn();
        }
    }
}

/// A buffer in somebody's hands, full of a stamp that must stay.
pub(super) struct Lease {
    /// Until the lease is over.
    buffer: Option<PooledBuf>,
    ledger: Arc<Ledger>,
    stamp: u8,
}

impl Lease {
    /// The stamp is there still.
    pub(super) fn check(&self) {
        let stamp = self.stamp;
        assert!(
            self.iter().all(|&byte| byte == stamp),
            "a block is handed out twice: somebody else wrote to it"
        );
    }

    /// Gives the buffer away: its address is not the ledger's business any more.
    pub(super) fn end(mut self) -> PooledBuf {
        self.over().expect("the lease is not over")
    }

    /// The bytes as shared ones, and what they must be.
    pub(super) fn freeze(self) -> (PooledBytes, u8) {
        let stamp = self.stamp;
        (self.end().freeze(), stamp)
    }

    fn over(&mut self) -> Option<PooledBuf> {
        let buffer = self.buffer.take()?;
        let known = self.ledger.books().lent.remove(&address(&buffer));
        assert!(
            known,
            "a block is handed out twice: its other owner gave it back"
        );
        let stamp = self.stamp;
        assert!(
            buffer.iter().all(|&byte| byte == stamp),
            "a block is handed out twice: somebody else wrote to it"
        );
        Some(buffer)
    }
}

impl Deref for Lease {
    type Target = PooledBuf;

    fn deref(&self) -> &PooledBuf {
        self.buffer.as_ref().expect("the lease is not over")
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut PooledBuf {
        self.buffer.as_mut().expect("the lease is not over")
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // A lease that is dropped because the scenario failed says nothing more.
        if !std::thread::panicking() {
            drop(self.over());
        }
    }
}
