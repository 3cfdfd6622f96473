//! The nth provider call fails, for every n: nothing is lost, nothing leaks, the next try works.

use std::sync::Arc;

use slab_core::{
    Arena, ByteSlab, Classes, Counting, Failing, Global, InsertErrorKind, SecondaryMap, Segmented,
    SlabCache, SpinLock,
};

#[test]
fn arena_survives_the_nth_refusal() {
    for nth in 0.. {
        let memory = Counting::new(Global);
        let failing = Failing::at(&memory, nth);
        let mut arena = Arena::with_slots_per_slab_in(2, &failing);
        let mut handles = Vec::new();
        for value in 0..100 {
            let handle = match arena.try_insert(Box::new(value)) {
                Ok(handle) => handle,
                Err(refused) => {
                    assert!(matches!(refused.kind(), InsertErrorKind::Memory(_)));
                    assert_eq!(arena.len(), handles.len());
                    arena
                        .try_insert(refused.into_value())
                        .expect("one refusal only")
                }
            };
            handles.push(handle);
            if value % 30 == 29 {
                for handle in handles.drain(3..) {
                    arena.remove(handle).expect("live");
                }
                arena.release_empty(0);
            }
            assert!(handles.iter().all(|&handle| arena.contains(handle)));
        }
        let calls = failing.calls();
        drop(arena);
        assert_eq!((memory.live_bytes(), memory.live_blocks()), (0, 0));
        if nth >= calls {
            assert!(
                calls > 50,
                "the test reaches slabs, directories and slabs that come back"
            );
            break;
        }
    }
}

#[test]
fn byte_slab_survives_the_nth_refusal() {
    let mut shrinks_refused = 0;
    for nth in 0.. {
        let memory = Counting::new(Global);
        let failing = Failing::at(&memory, nth);
        let mut slab = ByteSlab::with_classes_in(Classes::QUARTERS.slab_bytes(256), &failing);
        let mut strings = Vec::new();
        for round in 0..60_usize {
            let bytes = vec![round as u8; round * round * 3];
            let before = slab.stats();
            let handle = slab.alloc(&bytes).or_else(|refused| {
                assert!(matches!(refused, InsertErrorKind::Memory(_)));
                assert_eq!(slab.stats().payload_bytes, before.payload_bytes);
                slab.alloc(&bytes)
            });
            strings.push((handle.expect("one refusal only"), bytes));
            let at = round / 2;
            let length = (round * 2741) % 6000;
            let (old, bytes) = &mut strings[at];
            let before = failing.calls();
            match slab.resize(*old, length) {
                Ok(handle) => {
                    if (before..failing.calls()).contains(&nth) {
                        assert_eq!(handle, *old, "a refused move that only saves memory");
                        shrinks_refused += 1;
                    }
                    *old = handle;
                    bytes.resize(length, 0);
                }
                Err(_) => assert!(length > bytes.len(), "a shrink never fails"),
            }
            for (handle, bytes) in &strings {
                assert_eq!(slab.get(*handle), Some(&bytes[..]));
            }
        }
        let calls = failing.calls();
        drop(slab);
        assert_eq!((memory.live_bytes(), memory.live_blocks()), (0, 0));
        if nth >= calls {
            assert!(calls > 50, "the test reaches slabs, directories and blocks");
            assert!(shrinks_refused > 5, "the test refuses shrinks too");
            break;
        }
    }
}

#[test]
fn secondary_map_survives_the_nth_refusal() {
    let mut arena = Arena::with_slots_per_slab(4096);
    let handles: Vec<_> = (0..40_000).map(|value| arena.insert(value)).collect();
    for nth in 0.. {
        let memory = Counting::new(Global);
        let failing = Failing::at(&memory, nth);
        let mut map = SecondaryMap::new_in(&failing);
        for &handle in handles.iter().rev().step_by(1000) {
            if let Err(refused) = map.try_insert(handle, String::from("kept")) {
                assert_eq!(refused.value(), "kept");
                map.try_insert(handle, refused.into_value())
                    .expect("one refusal only");
            }
            assert_eq!(map[handle], "kept");
        }
        assert_eq!(map.len(), 40);
        let calls = failing.calls();
        drop(map);
        assert_eq!(memory.live_bytes(), 0);
        if nth >= calls {
            assert!(calls > 5);
            break;
        }
    }
}

#[test]
fn a_periodic_refusal_never_corrupts() {
    for period in 1..12 {
        let memory = Counting::new(Global);
        let failing = Failing::every(&memory, period);
        let mut arena = Arena::with_slots_per_slab_in(1, &failing);
        let mut stored = Vec::new();
        for value in 0..200_u32 {
            if let Ok(handle) = arena.try_insert(value) {
                stored.push((handle, value));
            }
        }
        assert_eq!(stored.is_empty(), period == 1);
        assert!(stored.iter().all(|&(handle, value)| arena[handle] == value));
        let indices = stored.iter().map(|(handle, _)| handle.index());
        assert!(
            indices.eq(0..stored.len() as u32),
            "a refusal uses no index up"
        );
        drop(arena);
        assert_eq!(memory.live_bytes(), 0);
    }
}

/// What segments come from.
type Parent = Failing<Arc<Counting<Global>>>;

/// Fills a cache on segments of 16 KiB in units of 256 bytes, and empties it: gives how many values were refused, and
/// how often the parent was asked.
fn fill_segments(
    failing: fn(Arc<Counting<Global>>, usize) -> Parent,
    nth: usize,
) -> (usize, usize) {
    let counting = Arc::new(Counting::new(Global));
    let parent = Arc::new(failing(counting.clone(), nth));
    let segments = Arc::new(Segmented::<_, SpinLock, 256>::with_spare_segments(
        1,
        parent.clone(),
    ));
    let mut boxes = Vec::new();
    let mut refused = 20_000;
    // The control block is the parent's own: a refusal is told.
    let cache = SlabCache::<u64, _, SpinLock, 512>::with_spare_slabs_in(1, segments.clone())
        .or_else(|_| SlabCache::with_spare_slabs_in(1, segments.clone()));
    if let Ok(cache) = cache {
        for value in 0..20_000 {
            match cache.alloc(value) {
                Ok(boxed) => {
                    boxes.push(boxed);
                    refused -= 1;
                }
                Err(error) => assert_eq!(error.into_value(), value),
            }
        }
        assert!(boxes.iter().map(|boxed| **boxed).is_sorted());
    }
    drop(boxes);
    assert_eq!(segments.stats().block_bytes, 0, "every slab came back");
    assert!(
        segments.stats().segments <= 1,
        "all but the spare one came back"
    );
    drop(segments);
    assert_eq!((counting.live_blocks(), counting.live_bytes()), (0, 0));
    (refused, parent.calls())
}

#[test]
fn segments_survive_the_nth_refusal() {
    for nth in 0.. {
        let (refused, calls) = fill_segments(Failing::at, nth);
        assert_eq!(
            refused, 0,
            "a slab comes from the parent if no segment does"
        );
        if nth >= calls {
            assert!(calls > 10, "the test reaches segments and tables");
            break;
        }
    }
}

#[test]
fn segments_survive_all_refusals_from_the_nth_on() {
    let (none, calls) = fill_segments(Failing::since, usize::MAX);
    assert_eq!(none, 0);
    let refused: Vec<_> = (0..=calls)
        .map(|nth| fill_segments(Failing::since, nth).0)
        .collect();
    assert!(
        refused.is_sorted_by(|more, less| more >= less),
        "more segments, more room: {refused:?}"
    );
    assert_eq!((refused[0], refused[calls]), (20_000, 0));
    assert!(
        refused[1] > refused[calls / 2] && refused[calls / 2] > 0,
        "{refused:?}"
    );
}
