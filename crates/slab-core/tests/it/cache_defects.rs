//! Defects that another object cache had, each held off by a test of its name.

use std::alloc::Layout;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use lock_api::{GuardSend, RawMutex};
use slab_core::{Global, ProvideError, Provider, SlabCache, SpinLock, StaticRegion};

use crate::cache::{Small, small, watched};

#[test]
fn safe_code_reads_no_uninitialised_memory() {
    // A slot comes without a value as a `MaybeUninit` only, whatever was in the slot before.
    let memory = watched();
    let cache = small::<Box<u32>>(1, &memory);
    for n in 0..100 {
        let stored = cache.alloc(Box::new(n)).unwrap();
        assert_eq!(**stored, n);
        drop(stored);
        let slot = cache.alloc_uninit().unwrap();
        assert_eq!(**slot.write(Box::new(n + 1)), n + 1);
    }
}

#[test]
fn a_box_keeps_a_pointer_of_its_own_slab() {
    // The address of a value, masked, is the block that the provider gave: nothing else is ever dereferenced.
    struct Noting(std::sync::Mutex<Vec<usize>>);

    // SAFETY: `Global`'s blocks.
    unsafe impl Provider for &'static Noting {
        fn allocate(&self, layout: Layout) -> Result<NonNull<u8>, ProvideError> {
            let block = Global.allocate(layout)?;
            self.0.lock().unwrap().push(block.addr().get());
            Ok(block)
        }

        unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
            // SAFETY: the caller's promises are the ones asked for.
            unsafe { Global.deallocate(block, layout) }
        }
    }

    static BLOCKS: Noting = Noting(std::sync::Mutex::new(Vec::new()));
    let cache = Small::<u8, _, 4096>::with_spare_slabs_in(0, &BLOCKS).unwrap();
    let boxes: Vec<_> = (0..5000).map(|n| cache.alloc(n as u8).unwrap()).collect();
    let blocks = BLOCKS.0.lock().unwrap().clone();
    for (n, it) in boxes.iter().enumerate() {
        assert_eq!(**it, n as u8);
        let address = (&raw const **it).addr();
        assert!(blocks.contains(&(address & !4095)));
    }
}

#[test]
fn two_providers_serve_two_caches_of_one_program() {
    static LEFT: StaticRegion<8192> = StaticRegion::new();
    static RIGHT: StaticRegion<8192> = StaticRegion::new();

    let left = Small::<u32, _, 1024>::with_spare_slabs_in(0, &LEFT).unwrap();
    let right = Small::<u32, _, 1024>::with_spare_slabs_in(0, &RIGHT).unwrap();
    let boxes = (left.alloc(1).unwrap(), right.alloc(2).unwrap());
    drop(left);
    drop(boxes.0);
    assert_eq!(LEFT.free_bytes(), 8192);
    assert!(RIGHT.free_bytes() < 8192);
    drop((right, boxes.1));
    assert_eq!(RIGHT.free_bytes(), 8192);
}

#[test]
fn no_provider_call_when_values_come_and_go_at_a_slab_boundary() {
    let memory = watched();
    let cache = small::<u64>(1, &memory);
    let local = cache.local().unwrap();
    let slots = cache.stats().slots_per_slab;
    let own: Vec<_> = (0..slots).map(|_| local.alloc(0).unwrap()).collect();
    let shared: Vec<_> = (0..slots).map(|_| cache.alloc(0).unwrap()).collect();
    drop((local.alloc(0).unwrap(), cache.alloc(0).unwrap()));
    let calls = (memory.allocations(), memory.deallocations());
    for _ in 0..1000 {
        let beyond = [local.alloc(1).unwrap(), local.alloc(2).unwrap()];
        let shared = [cache.alloc(1).unwrap(), cache.alloc(2).unwrap()];
        assert_eq!((*beyond[1], *shared[1]), (2, 2));
    }
    assert_eq!((memory.allocations(), memory.deallocations()), calls);

    // The same where slabs fill up each time.
    let rounds = |count: usize| {
        for _ in 0..count {
            drop(
                (0..slots + 1)
                    .map(|_| local.alloc(0).unwrap())
                    .collect::<Vec<_>>(),
            );
            drop(
                (0..slots + 1)
                    .map(|_| cache.alloc(0).unwrap())
                    .collect::<Vec<_>>(),
            );
        }
    };
    rounds(2);
    let calls = (memory.allocations(), memory.deallocations());
    rounds(100);
    assert_eq!((memory.allocations(), memory.deallocations()), calls);
    drop((own, shared));
}

#[test]
fn values_under_4_bytes_are_stored() {
    let memory = watched();
    let cache = small::<u8>(0, &memory);
    let unit = small::<()>(0, &memory);
    let bytes: Vec<_> = (0..=255).map(|n| cache.alloc(n).unwrap()).collect();
    assert!(
        bytes
            .iter()
            .enumerate()
            .all(|(n, it)| usize::from(**it) == n)
    );
    let units: Vec<_> = (0..1000).map(|_| unit.alloc(()).unwrap()).collect();
    assert_eq!(units.len(), 1000);
}

/// Says whether any cache of its kind is locked.
struct Telling(SpinLock);

static LOCKED: AtomicBool = AtomicBool::new(false);

// SAFETY: the `SpinLock`'s promise.
unsafe impl RawMutex for Telling {
    const INIT: Self = Self(SpinLock::INIT);

    type GuardMarker = GuardSend;

    fn lock(&self) {
        self.0.lock();
        LOCKED.store(true, Ordering::SeqCst);
    }

    fn try_lock(&self) -> bool {
        let got = self.0.try_lock();
        LOCKED.fetch_or(got, Ordering::SeqCst);
        got
    }

    unsafe fn unlock(&self) {
        LOCKED.store(false, Ordering::SeqCst);
        // SAFETY: the caller's promise.
        unsafe { self.0.unlock() }
    }
}

/// Refuses to be called under the lock.
#[derive(Clone)]
struct Outside(Arc<AtomicBool>);

impl Outside {
    fn check(&self) {
        if LOCKED.load(Ordering::SeqCst) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
}

// SAFETY: `Global`'s blocks; noting does not unwind.
unsafe impl Provider for Outside {
    fn allocate(&self, layout: Layout) -> Result<NonNull<u8>, ProvideError> {
        self.check();
        Global.allocate(layout)
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        self.check();
        // SAFETY: the caller's promises are the ones asked for.
        unsafe { Global.deallocate(block, layout) }
    }
}

#[test]
fn the_provider_is_never_called_under_the_lock() {
    let called_inside = Arc::new(AtomicBool::new(false));
    let cache: SlabCache<u64, Outside, Telling, 512> =
        SlabCache::with_spare_slabs_in(0, Outside(called_inside.clone())).unwrap();
    let local = cache.local().unwrap();
    for round in 0..10 {
        let shared: Vec<_> = (0..300).map(|_| cache.alloc(round).unwrap()).collect();
        let own: Vec<_> = (0..300).map(|_| local.alloc(round).unwrap()).collect();
        drop((shared, own));
        cache.release_empty(1);
    }
    drop((local, cache));
    assert!(!called_inside.load(Ordering::SeqCst));
}
