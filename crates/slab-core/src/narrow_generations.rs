//! The model tests once more, compiled into the crate itself, where generations have 4 bits: slots retire
//! after seven values.

#[path = "../tests/it/arena_model.rs"]
mod arena_model;
#[path = "../tests/it/bytes_model.rs"]
mod bytes_model;
#[path = "../tests/it/ops.rs"]
mod ops;

/// Cases that a model test runs: `STRATA_CASES`, or `default`.
fn cases(default: u32) -> u32 {
    std::env::var("STRATA_CASES").map_or(default, |text| {
        text.parse().expect("STRATA_CASES is a number")
    })
}

#[test]
fn an_index_space_that_is_used_up_refuses_until_a_slot_is_free() {
    use crate::error::InsertErrorKind;
    use crate::table::{Generation, Key, SlotTable};

    let key = |index, generation| Key {
        index,
        generation: Generation::new(generation).expect("an odd number"),
    };

    let memory = slab_core::Counting::new(slab_core::Global);
    // 4 bits of index and 4 slots a slab: 3 slabs, because the last index is never used.
    let mut table = SlotTable::<u8>::new(2, 4);
    // SAFETY: every call passes the same provider, nothing is stored by index, and
    // nothing uses the table after its end.
    unsafe {
        for number in 0..12 {
            let vacant = table.refill(&memory).expect("there is room");
            assert!(vacant.key() == key(number, 1));
            assert!(vacant.fill(7) == key(number, 1));
        }
        let (calls, held) = (memory.allocations(), table.bytes());
        for _ in 0..2 {
            let refused = table.refill(&memory).err();
            assert_eq!(refused, Some(InsertErrorKind::IndexSpace));
        }
        assert_eq!((memory.allocations(), table.bytes()), (calls, held));
        assert_eq!((table.live_slots(), table.free_slots()), (12, 0));
        let live = table.live_mut(key(5, 1)).expect("it was filled");
        assert_eq!(live.take(), 7);
        let vacant = table.refill(&memory).expect("a slot is free");
        assert!(vacant.fill(8) == key(5, 3));
        table.destroy(&memory);
    }
    assert_eq!(memory.live_blocks(), 0);
}

#[test]
fn a_slot_retires_after_its_last_generation() {
    let mut arena = slab_core::Arena::with_slots_per_slab(1);
    let handles: std::vec::Vec<_> = (0..20)
        .map(|value| {
            let handle = arena.insert(value);
            arena.remove(handle);
            handle
        })
        .collect();
    let stats = arena.stats();
    assert_eq!((stats.slots, stats.retired), (3, 2), "seven values a slot");
    assert!(handles.iter().all(|&handle| !arena.contains(handle)));
    assert_eq!(
        arena.release_empty(0),
        3,
        "a slab of retired slots can go, and does not come back"
    );
    let next = arena.insert(7);
    assert!(next.index() == 2, "the slab with a generation left");
    assert!(!handles.contains(&next));
}
