//! Models that loom runs in every interleaving, each with mutants that must fail.
//!
//! `RUSTFLAGS="--cfg buffer_pool_loom" cargo test --release -p buffer-pool --lib loom -- --nocapture` runs them and
//! prints executions and seconds of each. What counts as caught is told in the crate `loom-harness`.
//! `LOOM_MAX_PREEMPTIONS` overrides the bound of the three-thread models.

mod budget;
mod frozen;
mod racks;
mod refs;
mod shelves;
mod teardown;
mod wait_pool;
mod wait_queue;

use std::alloc::Layout;
use std::ptr::NonNull;

use loom_harness::{Bound, LEAK, Mutants, RACE};
use slab_core::{ProvideError, Provider};

use crate::magazine::leave;
use crate::mutant::{Mutant, choose};
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{Arc, thread};
use crate::{BufferPool, Builder, Classes, PooledBuf};

/// Runs `model` as it is, which must pass, then with each mutant, which must fail with one of the given messages.
fn prove(name: &str, bound: Bound, mutants: Mutants<'_, Mutant>, model: fn()) {
    loom_harness::prove(choose, name, bound, mutants, model);
}

/// Memory whose leaks loom reports.
struct Tracked;

// SAFETY: the global allocator's blocks, each clause as there; loom only keeps a list of them.
unsafe impl Provider for Tracked {
    fn allocate(&self, layout: Layout) -> Result<NonNull<u8>, ProvideError> {
        Ok(loom_harness::allocate(layout))
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: passed on from the caller.
        unsafe { loom_harness::deallocate(block, layout) }
    }
}

/// Bytes of the only class of the models.
const BLOCK: usize = 64;

/// A pool of one class and one stripe, without caps on idle memory, so that nothing is counted for them.
fn small() -> Builder {
    let classes = Classes::custom(&[BLOCK]).expect("a valid table");
    BufferPool::builder()
        .classes(classes)
        .stripes(1)
        .max_idle_bytes(usize::MAX)
        .decay(None)
        .provider(Tracked)
}

/// A thread that releases `buffer` and ends. Returns when it has released it; its end may come at any moment then.
fn releases_and_ends(buffer: PooledBuf) -> thread::JoinHandle<()> {
    let released = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&released);
    let thread = thread::spawn(move || {
        drop(buffer);
        told.store(true, Ordering::Release);
        leave();
    });
    while !released.load(Ordering::Acquire) {
        thread::yield_now();
    }
    thread
}
