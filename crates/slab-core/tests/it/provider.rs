//! Providers: blocks do not overlap, are aligned, come back whole.

use std::alloc::Layout;
use std::ptr::NonNull;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};
use slab_core::{
    Arena, Counting, Failing, Global, ProvideError, Provider, SlabCache, StaticRegion,
};

const REGION: usize = 4096;

proptest! {
    #![proptest_config(Config {
        cases: super::cases(5_000),
        rng_seed: RngSeed::Fixed(0x2E610),
        failure_persistence: None,
        ..Config::default()
    })]

    #[test]
    fn region_blocks_never_overlap_and_come_back(
        steps in prop::collection::vec((any::<bool>(), 0_usize..600, 0_u32..10, any::<u16>()), 200),
    ) {
        let region = StaticRegion::<REGION>::new();
        let mut blocks: Vec<(NonNull<u8>, Layout, u8)> = Vec::new();
        let provider = &region;
        for (number, (allocate, size, align, at)) in steps.into_iter().enumerate() {
            if allocate {
                let layout = Layout::from_size_align(size, 1 << align).expect("small");
                let Ok(block) = provider.allocate(layout) else { continue };
                assert_eq!(block.addr().get() % layout.align(), 0);
                let fill = number as u8;
                // SAFETY: the block has `size` bytes and is ours.
                unsafe { block.write_bytes(fill, size) };
                blocks.push((block, layout, fill));
            } else if !blocks.is_empty() {
                let (block, layout, fill) = blocks.swap_remove(at as usize % blocks.len());
                // SAFETY: the block has this size and was filled.
                let bytes = unsafe { std::slice::from_raw_parts(block.as_ptr(), layout.size()) };
                assert!(bytes.iter().all(|&byte| byte == fill), "nobody else wrote into the block");
                // SAFETY: it came from this provider with this layout, and is not used again.
                unsafe { provider.deallocate(block, layout) };
            }
            let taken: usize = blocks.iter().map(|(_, layout, _)| layout.size().next_multiple_of(16)).sum();
            assert_eq!(region.free_bytes() + taken, REGION);
        }
        for (block, layout, _) in blocks {
            // SAFETY: as above.
            unsafe { provider.deallocate(block, layout) };
        }
        assert_eq!(region.free_bytes(), REGION);
        let whole = Layout::from_size_align(REGION, 16).expect("small");
        let block = provider.allocate(whole).expect("the pieces were joined");
        assert_eq!(provider.allocate(Layout::new::<u8>()), Err(ProvideError::Exhausted));
        // SAFETY: as above.
        unsafe { provider.deallocate(block, whole) };
    }
}

#[test]
fn freed_blocks_are_used_again() {
    let region = StaticRegion::<1024>::new();
    let provider = &region;
    let layout = Layout::new::<[u8; 700]>();
    for _ in 0..100 {
        let block = provider
            .allocate_zeroed(layout)
            .expect("the last one came back");
        // SAFETY: the block is zeroed, ours, and came from this provider with this layout.
        unsafe {
            assert!(
                std::slice::from_raw_parts(block.as_ptr(), 700)
                    .iter()
                    .all(|&byte| byte == 0)
            );
            block.write_bytes(0xFF, 700);
            provider.deallocate(block, layout);
        }
    }
}

#[test]
fn a_region_may_move_while_nothing_borrows_it() {
    let region = StaticRegion::<512>::new();
    {
        let mut arena = Arena::with_slots_per_slab_in(4, &region);
        arena.insert(1);
    }
    let moved = Box::new(region);
    let mut arena = Arena::with_slots_per_slab_in(4, &*moved);
    let handle = arena.insert(2);
    assert_eq!(arena[handle], 2);
}

#[test]
fn tiny_regions_refuse() {
    let empty = StaticRegion::<0>::new();
    let small = StaticRegion::<15>::new();
    assert_eq!(
        (&empty).allocate(Layout::new::<u8>()),
        Err(ProvideError::Exhausted)
    );
    assert_eq!(
        (&small).allocate(Layout::new::<u8>()),
        Err(ProvideError::Exhausted)
    );
    assert!(
        (&empty).allocate(Layout::new::<()>()).is_ok(),
        "no byte is asked for"
    );
}

#[test]
fn a_region_takes_no_room_in_the_executable() {
    const BYTES: usize = 128 << 20;
    static MEMORY: StaticRegion<BYTES> = StaticRegion::new();
    assert_eq!(MEMORY.free_bytes(), BYTES);
    let file = std::env::current_exe().and_then(std::fs::metadata);
    let bytes = file.expect("the test's own file").len();
    assert!(
        bytes < BYTES as u64,
        "an initial value that is not zero would be stored"
    );
}

#[test]
fn threads_share_a_region() {
    static SHARED: StaticRegion<65536> = StaticRegion::new();
    std::thread::scope(|scope| {
        for thread in 0..4_u64 {
            scope.spawn(move || {
                for round in 0..200 {
                    let mut arena = Arena::with_slots_per_slab_in(8, &SHARED);
                    let handles: Vec<_> =
                        (0..32).map(|at| arena.insert(thread << 32 | at)).collect();
                    for (at, &handle) in (0..).zip(&handles) {
                        assert_eq!(arena[handle], thread << 32 | at, "round {round}");
                    }
                }
            });
        }
    });
    assert_eq!(SHARED.free_bytes(), 65536);
}

#[test]
fn threads_never_get_the_same_block() {
    static SHARED: StaticRegion<16384> = StaticRegion::new();
    let start = std::sync::Barrier::new(4);
    std::thread::scope(|scope| {
        for thread in 0..4_usize {
            let start = &start;
            scope.spawn(move || {
                start.wait();
                for round in 0..20_000_usize {
                    let size = 16 * (1 + (round + thread) % 20);
                    let layout = Layout::from_size_align(size, 16).expect("small");
                    let block = (&SHARED)
                        .allocate(layout)
                        .expect("there is enough for four");
                    // SAFETY: the block has `size` bytes, is ours until it is given back with its layout,
                    // and is not used after that.
                    unsafe {
                        block.write_bytes(thread as u8, size);
                        let bytes = std::slice::from_raw_parts(block.as_ptr(), size);
                        assert!(bytes.iter().all(|&byte| byte == thread as u8));
                        (&SHARED).deallocate(block, layout);
                    }
                }
            });
        }
    });
    assert_eq!(SHARED.free_bytes(), 16384);
}

#[test]
fn failing_refuses_when_it_says() {
    let layout = Layout::new::<u64>();
    let refused = |memory: &Failing<&StaticRegion<1024>>| {
        (0..9)
            .filter(|_| memory.allocate(layout).is_err())
            .collect::<Vec<_>>()
    };
    let region = StaticRegion::new();
    assert_eq!(refused(&Failing::at(&region, 2)), [2]);
    assert_eq!(refused(&Failing::since(&region, 6)), [6, 7, 8]);
    assert_eq!(refused(&Failing::every(&region, 3)), [2, 5, 8]);
    assert_eq!(refused(&Failing::every(&region, 0)), [0; 0]);
}

#[test]
fn counting_counts() {
    let memory = Counting::new(Global);
    let layout = Layout::new::<[u64; 4]>();
    let blocks: Vec<_> = (0..3)
        .map(|_| memory.allocate(layout).expect("memory is there"))
        .collect();
    assert_eq!(
        (
            memory.allocations(),
            memory.live_blocks(),
            memory.live_bytes()
        ),
        (3, 3, 96)
    );
    for block in blocks {
        // SAFETY: it came from this provider with this layout, and is not used again.
        unsafe { memory.deallocate(block, layout) };
    }
    assert_eq!(
        (
            memory.deallocations(),
            memory.live_bytes(),
            memory.peak_bytes()
        ),
        (3, 0, 96)
    );
}

#[test]
fn counting_tells_refusals_from_blocks() {
    let memory = Counting::new(Failing::since(Global, 1));
    let layout = Layout::new::<u64>();
    let block = memory
        .allocate_zeroed(layout)
        .expect("the first is granted");
    assert!(memory.allocate(layout).is_err() && memory.allocate_zeroed(layout).is_err());
    assert_eq!((memory.allocations(), memory.refusals()), (1, 2));
    assert_eq!((memory.live_bytes(), memory.peak_bytes()), (8, 8));
    assert_eq!(memory.provider().calls(), 3);
    // SAFETY: it came from this provider with this layout, and is not used again.
    unsafe { memory.deallocate(block, layout) };
}

#[test]
fn failing_counts_zeroed_blocks_as_calls() {
    let memory = Failing::at(Counting::new(Global), 1);
    let layout = Layout::new::<u64>();
    let first = memory.allocate(layout).expect("granted");
    assert_eq!(memory.allocate_zeroed(layout), Err(ProvideError::Exhausted));
    let third = memory.allocate_zeroed(layout).expect("granted");
    for block in [first, third] {
        // SAFETY: it came from this provider with this layout, and is not used again.
        unsafe { memory.deallocate(block, layout) };
    }
    assert_eq!(memory.provider().live_blocks(), 0);
}

#[test]
fn a_provider_behind_an_arc_has_many_owners() {
    let memory = Arc::new(Counting::new(Global));
    let mut arena = Arena::new_in(memory.clone());
    let cache = SlabCache::new_in(memory.clone()).expect("memory is there");
    let handle = arena.insert(1);
    let value = std::thread::spawn(move || cache.alloc(2).expect("memory is there"));
    let value = value.join().expect("no panic");
    assert_eq!((arena[handle], *value), (1, 2));
    assert_eq!(
        memory.live_blocks(),
        4,
        "slab and directory, slab and control block"
    );
    drop((arena, value));
    assert_eq!((memory.live_blocks(), memory.live_bytes()), (0, 0));
    assert_eq!(Arc::strong_count(&memory), 1, "nobody keeps the provider");
}

#[test]
fn a_boxed_provider_is_chosen_at_run_time() {
    static REGION: StaticRegion<4096> = StaticRegion::new();
    let providers: [Box<dyn Provider + Send + Sync>; 2] = [Box::new(Global), Box::new(&REGION)];
    for provider in providers {
        let layout = Layout::new::<[u8; 100]>();
        let block = provider.allocate_zeroed(layout).expect("memory is there");
        // SAFETY: the block has 100 bytes, all zero; it came from this provider with this layout, and is not used again.
        unsafe {
            assert!(
                (*block.cast::<[u8; 100]>().as_ptr())
                    .iter()
                    .all(|&byte| byte == 0)
            );
            provider.deallocate(block, layout);
        }
        let mut arena = Arena::with_slots_per_slab_in(4, provider);
        let handle = arena.insert(3);
        // The arena moves, and the box with it.
        let arena = Box::new(arena);
        assert_eq!(arena[handle], 3);
    }
    assert_eq!(REGION.free_bytes(), 4096);
}
