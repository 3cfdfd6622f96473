//! Models that loom runs in every interleaving, each with mutants that must fail.
//!
//! `RUSTFLAGS="--cfg slab_core_loom" cargo test --release -p slab-core --lib loom -- --nocapture` runs them and prints
//! executions and seconds of each. What counts as caught is told in the crate `loom-harness`. `LOOM_MAX_PREEMPTIONS`
//! overrides the bound of the three-thread models.
//!
//! A slab of a model has two slots. Loom sees the header through its cells and atomics, and the slots through the
//! header's witnesses; giving a slab back counts as writing all of them.

mod depot;
mod frees_meet;
mod owner_exit;
mod remote_word;
mod teardown;

use std::alloc::Layout;
use std::ptr::NonNull;

use loom_harness::{Bound, LEAK, Mutants, RACE};

use crate::sync::{Mutant, choose};
use crate::{ProvideError, Provider, SlabBox, SlabCache, SpinLock};

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

/// A cache of slabs with two slots.
type Cache = SlabCache<u32, Tracked, SpinLock, 4096>;
type Shared = SlabBox<u32, 4096>;

fn cache(spare: usize) -> Cache {
    let cache = Cache::with_spare_slabs_in(spare, Tracked).expect("there is memory");
    assert_eq!(cache.stats().slots_per_slab, 2);
    cache
}

fn alloc(cache: &Cache, value: u32) -> Shared {
    cache.alloc(value).expect("there is memory")
}
