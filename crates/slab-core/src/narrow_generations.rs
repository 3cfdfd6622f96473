//! The model tests once more, compiled into the crate itself, where generations have 4 bits: slots retire
//! after seven values.

#[path = "../tests/it/arena_model.rs"]
mod arena_model;
#[path = "../tests/it/bytes_model.rs"]
mod bytes_model;

/// Cases that a model test runs: `STRATA_CASES`, or `default`.
fn cases(default: u32) -> u32 {
    std::env::var("STRATA_CASES").map_or(default, |text| {
        text.parse().expect("STRATA_CASES is a number")
    })
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
