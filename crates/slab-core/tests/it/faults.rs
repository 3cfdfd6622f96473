//! The nth provider call fails, for every n: nothing is lost, nothing leaks, the next try works.

use slab_core::{
    Arena, ByteSlab, Classes, Counting, Failing, Global, InsertErrorKind, SecondaryMap,
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
