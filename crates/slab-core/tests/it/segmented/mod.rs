//! `Segmented`: blocks never overlap, waste stays low, memory goes back, whatever the parent gives or refuses.

mod model;
mod reentry;

use std::alloc::Layout;
use std::ptr::NonNull;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Barrier};

use slab_core::{
    Arena, ByteSlab, Counting, Global, ProvideError, Provider, Segmented, SlabCache, SpinLock,
    StaticRegion,
};

use model::{Blocks, Skewed, clear};

const UNIT: usize = 1024;
const SEGMENT: usize = 64 * UNIT;

type Small<P> = Segmented<P, SpinLock, UNIT>;

fn layout(size: usize, align: usize) -> Layout {
    Layout::from_size_align(size, align).expect("small")
}

/// The part of what `parent` had to set aside that did not become a block of `size` aligned to `align`, of which there
/// are enough to fill `segments` segments.
fn waste(size: usize, align: usize, segments: usize) -> f64 {
    let parent = Skewed::default();
    let memory = Segmented::new(&parent);
    let layout = layout(size, align);
    let mut blocks = Vec::new();
    // One more segment is begun; the last but that is full.
    while memory.stats().segments <= segments {
        blocks.push(memory.allocate(layout).expect("memory is there"));
    }
    let last = blocks.pop().expect("it began a segment");
    // What it took, a segment of 4 MiB and its alignment, is not counted.
    let begun = (4 << 20) + align_of::<usize>();
    let reserved = parent.reserved.load(Ordering::Relaxed) - begun;
    let given = blocks.len() * size;
    for block in blocks.into_iter().chain([last]) {
        // SAFETY: it came from this provider with this layout, and is not used again.
        unsafe { memory.deallocate(block, layout) };
    }
    1.0 - given as f64 / reserved as f64
}

#[test]
fn a_segment_wastes_no_more_than_alignment_makes_it() {
    const UNIT: usize = 64 << 10;
    let slabs = waste(UNIT, UNIT, 20);
    let pairs = waste(2 * UNIT, 2 * UNIT, 20);
    let fours = waste(4 * UNIT, 4 * UNIT, 20);
    let eights = waste(8 * UNIT, 8 * UNIT, 20);
    let fives = waste(5 * UNIT, 8 * UNIT, 20);
    let apart = waste(UNIT, 2 * UNIT, 20);
    println!(
        "of the bytes set aside: {:.2}% wasted with slabs of 64 KiB, {:.2}% of 128 KiB, {:.2}% of 256 KiB",
        slabs * 100.0,
        pairs * 100.0,
        fours * 100.0
    );
    assert!(slabs < 0.016, "one unit of 64, and a table: {slabs}");
    assert!(pairs < 0.032, "two units of 64, and a table: {pairs}");
    assert!(fours < 0.0635, "four units of 64, and a table: {fours}");
    assert!(eights < 0.126, "eight units of 64, and a table: {eights}");
    assert!(fives < 0.455, "29 units of 64, and a table: {fives}");
    assert!(apart < 0.517, "33 units of 64, and a table: {apart}");
}

#[test]
fn a_region_without_alignment_to_spare_holds_63_slabs_a_segment() {
    static MEMORY: StaticRegion<{ 64 << 10 }> = StaticRegion::new();
    let direct = {
        let slabs: Vec<_> = (0..)
            .map_while(|_| (&MEMORY).allocate(layout(1000, 1024)).ok())
            .collect();
        for &slab in &slabs {
            // SAFETY: it came from this provider with this layout, and is not used again.
            unsafe { (&MEMORY).deallocate(slab, layout(1000, 1024)) };
        }
        slabs.len()
    };
    let memory = Small::with_spare_segments(0, &MEMORY);
    let slabs = (0..)
        .map_while(|_| memory.allocate(layout(1000, 1024)).ok())
        .count();
    assert!(slabs == 63 && direct >= 63, "{slabs} and {direct} of 64");
    drop(memory);
    assert_eq!(
        MEMORY.free_bytes(),
        64 << 10,
        "with slabs that nobody gave back"
    );
}

#[test]
fn what_units_would_waste_goes_to_the_parent() {
    let parent = Counting::new(Global);
    let memory = Small::with_spare_segments(0, &parent);
    let mut blocks = Vec::new();
    for (size, align) in [
        (0, 1),
        (100, 64),
        (UNIT / 2, 16),
        (8 * UNIT + 1, UNIT),
        (UNIT, 16 * UNIT),
        (1 << 20, 4096),
    ] {
        let layout = layout(size, align);
        let block = memory.allocate(layout).expect("memory is there");
        assert_eq!(block.addr().get() % align, 0);
        blocks.push((block, layout));
    }
    assert_eq!((memory.stats().segments, parent.live_blocks()), (0, 6));
    for (block, layout) in blocks {
        // SAFETY: it came from this provider with this layout, and is not used again.
        unsafe { memory.deallocate(block, layout) };
    }
    assert_eq!(parent.live_blocks(), 0);
}

#[test]
fn a_block_at_the_edge_of_a_segment_does_not_call_the_parent() {
    let parent = Counting::new(Global);
    let memory = Small::with_spare_segments(1, &parent);
    let slab = layout(UNIT, UNIT);
    let allocate = || memory.allocate(slab).expect("memory is there");
    let full: Vec<_> = (0..63).map(|_| allocate()).collect();
    assert_eq!(parent.allocations(), 1);
    for _ in 0..100 {
        let block = allocate();
        // SAFETY: it came from this provider with this layout, and is not used again.
        unsafe { memory.deallocate(block, slab) };
    }
    assert_eq!((parent.allocations(), parent.deallocations()), (2, 0));
    assert_eq!(memory.stats().empty_segments, 1);
    for block in full {
        // SAFETY: as above.
        unsafe { memory.deallocate(block, slab) };
    }
    assert_eq!(parent.live_blocks(), 1, "one is kept");
    assert_eq!(allocate().addr().get() % UNIT, 0);
    assert_eq!(parent.allocations(), 2, "and used again");
    drop(memory);
    assert_eq!(parent.live_bytes(), 0, "with a block that nobody gave back");
}

#[test]
fn blocks_find_their_segment_among_hundreds() {
    for refuse_tables in [false, true] {
        let parent = Counting::new(Skewed::default());
        let memory = Small::with_spare_segments(0, NoTables(&parent, refuse_tables));
        let mut blocks = Blocks::default();
        let slab = layout(UNIT, UNIT);
        for number in 0..63 * 600 {
            blocks.add(
                memory.allocate(slab).expect("memory is there"),
                slab,
                number as u8,
            );
        }
        assert_eq!(memory.stats().segments, 600);
        let table = 512 * 8 * size_of::<usize>();
        let tables = parent.live_bytes() - 600 * SEGMENT;
        assert_eq!(tables, if refuse_tables { 0 } else { table });
        clear(&memory, blocks);
        assert_eq!(parent.live_bytes(), 0);
    }
}

/// Refuses everything but segments, if told so.
struct NoTables<P>(P, bool);

// SAFETY: the blocks are those of the other provider.
unsafe impl<P: Provider> Provider for NoTables<P> {
    fn allocate(&self, layout: Layout) -> Result<NonNull<u8>, ProvideError> {
        if self.1 && layout.size() != SEGMENT {
            return Err(ProvideError::Exhausted);
        }
        self.0.allocate(layout)
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: passed on from the caller.
        unsafe { self.0.deallocate(block, layout) };
    }
}

#[test]
fn a_parent_without_a_segment_serves_the_block_itself() {
    let region = StaticRegion::<{ 8 * UNIT }>::new();
    let memory = Small::with_spare_segments(1, &region);
    let slab = layout(UNIT, UNIT);
    let block = memory
        .allocate(slab)
        .expect("there is a slab, if no segment");
    assert_eq!((block.addr().get() % UNIT, memory.stats().segments), (0, 0));
    // SAFETY: it came from this provider with this layout, and is not used again.
    unsafe { memory.deallocate(block, slab) };
    assert_eq!(region.free_bytes(), 8 * UNIT);
    let large = layout(8 * UNIT, 8 * UNIT);
    if let Ok(block) = memory.allocate(large) {
        // SAFETY: as above.
        unsafe { memory.deallocate(block, large) };
    }
    assert_eq!(
        memory.allocate(layout(9 * UNIT, 1)),
        Err(ProvideError::Exhausted)
    );
    assert_eq!(region.free_bytes(), 8 * UNIT);
}

#[test]
fn arenas_byte_slabs_and_caches_live_in_segments() {
    let parent = Arc::new(Counting::new(Global));
    let memory = Arc::new(Segmented::<_, SpinLock, 4096>::with_spare_segments(
        1,
        parent.clone(),
    ));
    let mut arena = Arena::with_slots_per_slab_in(256, memory.clone());
    let mut bytes = ByteSlab::new_in(memory.clone());
    let cache = SlabCache::<_, _, SpinLock, 4096>::with_spare_slabs_in(1, memory.clone())
        .expect("memory is there");
    let mut boxes = Vec::new();
    let mut handles = Vec::new();
    for number in 0..5000_u64 {
        handles.push(arena.insert(number));
        boxes.push(cache.alloc(number).expect("memory is there"));
        bytes.alloc(&number.to_le_bytes()).expect("memory is there");
    }
    assert!(
        memory.stats().block_bytes > 5000 * 8,
        "the cache's slabs at least"
    );
    let sum: u64 = boxes.iter().map(|value| **value).sum();
    assert_eq!(sum, 5000 * 4999 / 2);
    assert!(
        (0..)
            .zip(&handles)
            .all(|(number, &handle)| arena[handle] == number)
    );
    drop((arena, bytes, cache, boxes, memory));
    assert_eq!((parent.live_blocks(), parent.live_bytes()), (0, 0));
}

/// Gives no segment before as many threads as the barrier counts have asked for one.
struct Together<P>(P, Barrier);

// SAFETY: the blocks are those of the other provider.
unsafe impl<P: Provider> Provider for Together<P> {
    fn allocate(&self, layout: Layout) -> Result<NonNull<u8>, ProvideError> {
        if layout.size() == SEGMENT {
            self.1.wait();
        }
        self.0.allocate(layout)
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: passed on from the caller.
        unsafe { self.0.deallocate(block, layout) };
    }
}

#[test]
fn threads_that_ask_for_a_segment_at_once_keep_one() {
    const THREADS: usize = 8;
    for spare in [0, 1] {
        let parent = Counting::new(Global);
        let memory = Small::with_spare_segments(spare, Together(&parent, Barrier::new(THREADS)));
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    memory
                        .allocate(layout(UNIT, UNIT))
                        .expect("memory is there");
                });
            }
        });
        assert_eq!(parent.allocations(), THREADS);
        let stats = memory.stats();
        assert_eq!((stats.segments, stats.empty_segments), (1 + spare, spare));
        assert_eq!(stats.block_bytes, THREADS * UNIT);
        assert_eq!(parent.live_blocks(), 1 + spare);
    }
}

#[test]
fn threads_share_segments() {
    static PARENT: Counting<Global> = Counting::new(Global);
    static MEMORY: Small<&Counting<Global>> = Segmented::with_spare_segments(1, &PARENT);
    let start = Barrier::new(4);
    std::thread::scope(|scope| {
        for thread in 0..4_usize {
            let start = &start;
            scope.spawn(move || {
                start.wait();
                let mut blocks = Blocks::default();
                for round in 0..5_000_usize {
                    let units = 1 + (round + thread) % 5;
                    let layout = layout(units * UNIT, UNIT << (round % 3));
                    let block = MEMORY.allocate(layout).expect("memory is there");
                    blocks.add(block, layout, thread as u8);
                    if round % 100 >= 50 {
                        for nth in [round, round / 2] {
                            if let Some((block, layout)) = blocks.remove(nth) {
                                // SAFETY: it came from this provider with this layout, and is not used again.
                                unsafe { MEMORY.deallocate(block, layout) };
                            }
                        }
                    }
                }
                while let Some((block, layout)) = blocks.remove(0) {
                    // SAFETY: as above.
                    unsafe { MEMORY.deallocate(block, layout) };
                }
            });
        }
    });
    assert_eq!(MEMORY.stats().block_bytes, 0);
    assert!(MEMORY.stats().segments <= 1, "one is kept");
    MEMORY.release_empty(0);
    assert_eq!((PARENT.live_blocks(), PARENT.live_bytes()), (0, 0));
}
