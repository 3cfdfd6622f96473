//! What a byte slab promises, each promise by name.

use std::panic::{AssertUnwindSafe, catch_unwind};

use slab_core::{
    ByteHandle, ByteIter, ByteSlab, Classes, CompactHandle, Counting, Global, HandleError,
    InsertErrorKind, ProvideError, StaticRegion,
};

#[test]
fn byte_slab_length_is_not_the_callers() {
    let mut slab = ByteSlab::with_classes(Classes::new(&[64]).expect("one class"));
    let secret = slab.alloc(&[0x55; 64]).expect("memory is there");
    let short = slab.alloc(b"abc").expect("memory is there");
    let after = slab.alloc(&[0x77; 64]).expect("memory is there");
    assert_eq!(
        slab.get(short),
        Some(&b"abc"[..]),
        "three bytes, not the slot, not the neighbour"
    );
    assert_eq!(slab.get_mut(short).map(|bytes| bytes.len()), Some(3));
    assert_eq!(slab.get(secret), Some(&[0x55; 64][..]));
    assert_eq!(slab.get(after), Some(&[0x77; 64][..]));
    // Whatever bits a caller makes up, a handle names a whole string of the slab or nothing.
    for index in 0..1 << 12 {
        let forged = ByteHandle::from_bits(1 << 32 | index << 20 | (index & 3)).expect("odd");
        let bytes = slab.get(forged);
        assert!(bytes.is_none_or(|bytes| [3, 64].contains(&bytes.len())));
    }
}

#[test]
fn byte_slab_reuse_shows_no_older_bytes() {
    let mut slab = ByteSlab::new();
    let old = slab.alloc(&[0xEE; 60]).expect("memory is there");
    slab.free(old);
    let new = slab.alloc(&[1, 2]).expect("memory is there");
    assert_eq!(slab.get(new), Some(&[1, 2][..]));
    let longer = slab.resize(new, 60).expect("memory is there");
    assert_eq!(longer, new, "it fits its slot");
    assert_eq!(slab.get(new).map(|bytes| &bytes[2..]), Some(&[0; 58][..]));
}

#[test]
fn byte_slab_double_free_is_refused() {
    for length in [10, 100_000] {
        let mut slab = ByteSlab::new();
        let first = slab.alloc(&vec![1; length]).expect("memory is there");
        assert!(slab.free(first));
        assert!(!slab.free(first));
        let second = slab.alloc(&vec![2; length]).expect("memory is there");
        assert!(!slab.free(first), "nor does it free the slot's next string");
        let third = slab.alloc(&vec![3; length]).expect("memory is there");
        assert_ne!(second, third);
        assert_eq!(slab.get(second).map(|bytes| bytes[0]), Some(2));
        assert_eq!(slab.get(third).map(|bytes| bytes[0]), Some(3));
        assert_eq!(slab.len(), 2);
        assert_eq!(slab.check(first), Err(HandleError::Stale));
    }
}

#[test]
fn byte_slab_growth_moves_nothing() {
    let mut slab = ByteSlab::with_classes(Classes::DOUBLINGS.slab_bytes(4096));
    let strings: Vec<_> = [1_usize, 100, 4096, 50_000]
        .map(|length| slab.alloc(&vec![9; length]).expect("memory is there"))
        .into();
    let addresses: Vec<_> = strings
        .iter()
        .map(|&handle| slab.get(handle).map(<[u8]>::as_ptr))
        .collect();
    for round in 0..4000_usize {
        slab.alloc(&vec![1; round]).expect("memory is there");
    }
    let now: Vec<_> = strings
        .iter()
        .map(|&handle| slab.get(handle).map(<[u8]>::as_ptr))
        .collect();
    assert_eq!(addresses, now);
}

#[test]
fn empty_byte_slab_holds_no_memory() {
    let memory = Counting::new(Global);
    let mut slab = ByteSlab::new_in(&memory);
    assert_eq!((memory.allocations(), slab.stats().held_bytes), (0, 0));
    assert!(size_of_val(&slab) < 4096);
    let handle = slab.alloc(b"x").expect("memory is there");
    assert!(memory.live_bytes() > 0);
    assert!(slab.free(handle));
    assert_eq!(slab.release_empty(0), 1);
    assert!(
        memory.live_bytes() < 256,
        "what is left remembers generations"
    );
    drop(slab);
    assert_eq!(memory.live_bytes(), 0);
}

#[test]
fn a_length_that_no_address_space_holds_changes_nothing() {
    let memory = Counting::new(Global);
    let mut slab = ByteSlab::new_in(&memory);
    for length in [usize::MAX, isize::MAX as usize] {
        let refused = slab.alloc_uninit(length).expect_err("it is too long");
        assert_eq!(refused, InsertErrorKind::Memory(ProvideError::TooLarge));
    }
    assert_eq!((memory.allocations(), slab.stats().held_bytes), (0, 0));
}

#[test]
fn large_strings_go_straight_to_the_provider() {
    let memory = Counting::new(Global);
    let mut slab = ByteSlab::new_in(&memory);
    let warm = slab.alloc(&[0; 5000]).expect("memory is there");
    let before = memory.live_bytes();
    let large = slab.alloc(&[7; 1 << 20]).expect("memory is there");
    assert_eq!(memory.live_bytes() - before, 1 << 20);
    assert_eq!(slab.stats().large, 2);
    assert!(slab.free(large));
    assert_eq!(memory.live_bytes(), before);
    assert!(slab.contains(warm));
}

#[test]
fn resize_keeps_the_bytes_and_zeroes_the_rest() {
    let mut slab = ByteSlab::new();
    let mut handle = slab.alloc(b"seed").expect("memory is there");
    let mut expected = b"seed".to_vec();
    for length in [
        4, 64, 65, 4096, 4097, 100_000, 60_000, 40_000, 3000, 2000, 5, 0, 9,
    ] {
        handle = slab.resize(handle, length).expect("memory is there");
        expected.resize(length, 0);
        assert_eq!(slab.get(handle), Some(&expected[..]), "{length} bytes");
    }
    assert_eq!(slab.len(), 1);
}

#[test]
fn a_string_that_shrinks_by_half_gives_its_slot_up() {
    let mut slab = ByteSlab::with_classes(Classes::DOUBLINGS);
    let long = slab.alloc(&[5; 4096]).expect("memory is there");
    let same = slab.resize(long, 2049).expect("memory is there");
    assert_eq!(same, long, "more than half of the slot is used");
    let short = slab.resize(same, 70).expect("memory is there");
    assert_eq!(slab.check(long), Err(HandleError::Stale));
    assert_eq!(slab.get(short), Some(&[5; 70][..]));
    let occupied = |slot_bytes| {
        let class = slab
            .class_stats()
            .find(|class| class.slot_bytes == slot_bytes);
        class.map(|class| class.occupied)
    };
    assert_eq!((occupied(128), occupied(4096)), (Some(1), Some(0)));
    let half = slab.alloc(&[6; 4096]).expect("memory is there");
    let moved = slab.resize(half, 2048).expect("memory is there");
    assert_ne!(moved, half, "half is not more than half");
}

#[test]
fn statistics_add_up() {
    let mut slab = ByteSlab::with_classes(Classes::DOUBLINGS);
    for length in [1, 64, 65, 200, 4096, 10_000] {
        slab.alloc(&vec![0; length]).expect("memory is there");
    }
    let classes: Vec<_> = slab.class_stats().collect();
    assert_eq!(
        classes
            .iter()
            .map(|class| class.occupied)
            .collect::<Vec<_>>(),
        [2, 1, 1, 0, 0, 0, 1]
    );
    assert_eq!(
        (classes[0].payload_bytes, classes[0].slots, classes[0].slabs),
        (65, 1024, 1)
    );
    assert!((classes[0].fragmentation() - (1.0 - 65.0 / 65536.0)).abs() < 1e-12);
    assert_eq!(classes[3].fragmentation(), 0.0);
    let stats = slab.stats();
    assert_eq!((stats.strings, stats.large), (6, 1));
    assert_eq!(stats.payload_bytes, 1 + 64 + 65 + 200 + 4096 + 10_000);
    assert_eq!(stats.capacity_bytes, 4 * 65536 + 10_000);
    assert!(stats.held_bytes > stats.capacity_bytes);
}

#[test]
fn a_byte_slab_runs_on_a_static_region() {
    static MEMORY: StaticRegion<{ 32 * 1024 }> = StaticRegion::new();
    let mut slab = ByteSlab::with_classes_in(Classes::DOUBLINGS.slab_bytes(2048), &MEMORY);
    let mut handles = Vec::new();
    let refused = loop {
        match slab.alloc(&[handles.len() as u8; 100]) {
            Ok(handle) => handles.push(handle),
            Err(refused) => break refused,
        }
    };
    assert!(matches!(refused, slab_core::InsertErrorKind::Memory(_)));
    assert!(handles.len() > 100);
    for (at, &handle) in handles.iter().enumerate() {
        assert_eq!(slab.get(handle), Some(&[at as u8; 100][..]));
    }
    drop(slab);
    assert_eq!(MEMORY.free_bytes(), 32 * 1024);
}

#[test]
fn compact_handles_number_class_and_slot() {
    let bits = |sizes: Classes, length: usize| {
        let mut slab = ByteSlab::with_classes(sizes);
        slab.alloc(&vec![1; length]).expect("memory is there");
        let second = slab.alloc(&vec![2; length]).expect("memory is there");
        assert_eq!(second.to_bits() as u32, second.compact().to_bits());
        assert_eq!(CompactHandle::from(second), second.compact());
        (sizes.slot_bits(), second.compact().to_bits())
    };
    // 5 bits of class and 26 of slot; 3 and 28 for the seven classes; large strings have the top bit.
    assert_eq!(bits(Classes::QUARTERS, 4096), (26, 24 << 26 | 1));
    assert_eq!(bits(Classes::DOUBLINGS, 4096), (28, 6 << 28 | 1));
    assert_eq!(bits(Classes::QUARTERS, 5000), (26, 1 << 31 | 1));
    let one = Classes::new(&[100]).expect("one class");
    assert_eq!(bits(one, 100), (31, 1));
    let sizes: Vec<u32> = (1..=32).collect();
    let most = Classes::new(&sizes).expect("ascending");
    assert_eq!(bits(most, 32), (26, 31 << 26 | 1));
    assert!(Classes::new(&(1..=33).collect::<Vec<_>>()).is_err());
    assert_eq!(CompactHandle::from_bits(u32::MAX), None);
}

#[test]
fn a_compact_handle_is_refused_only_while_its_slot_is_vacant() {
    for length in [10, 100_000] {
        let mut slab = ByteSlab::new();
        let first = slab.alloc(&vec![1; length]).expect("memory is there");
        let compact = first.compact();
        assert!(slab.free(compact));
        assert!(!slab.free(compact) && slab.get(compact).is_none());
        assert_eq!(slab.check(compact), Err(HandleError::Vacant));
        let second = slab.alloc(&vec![2; length]).expect("memory is there");
        assert_eq!(second.compact(), compact, "the last slot freed");
        assert_eq!(slab.get(compact).map(|bytes| bytes[0]), Some(2));
        assert_eq!(slab.handle(compact), Some(second));
        assert_eq!(slab.get(first), None, "the full handle knows better");
    }
}

#[test]
fn handles_of_another_slab_are_harmless() {
    let mut rich = ByteSlab::new();
    let mut poor = ByteSlab::with_classes(Classes::DOUBLINGS);
    let handles: Vec<_> = (0..3000_usize)
        .map(|n| rich.alloc(&vec![n as u8; n * 2]).expect("memory is there"))
        .collect();
    assert_eq!(poor.check(handles[9]), Err(HandleError::OutOfRange));
    assert_eq!(poor.check(handles[2999]), Err(HandleError::OutOfRange));
    let mine = poor.alloc(b"mine").expect("memory is there");
    for handle in handles {
        if handle != mine {
            assert!(!poor.free(handle), "{handle:?}");
            assert!(poor.check(handle).is_err());
        }
        let found = poor.get(handle.compact());
        assert!(found.is_none_or(|bytes| bytes == b"mine"));
    }
    assert_eq!(poor.get(mine), Some(&b"mine"[..]));
}

#[test]
fn memory_goes_back_while_handles_stay_valid() {
    let memory = Counting::new(Global);
    let mut slab = ByteSlab::with_classes_in(Classes::DOUBLINGS.slab_bytes(4096), &memory);
    let handles: Vec<_> = (0..1000_usize)
        .map(|n| slab.alloc(&[n as u8; 60]).expect("memory is there"))
        .collect();
    let full = memory.live_bytes();
    for handle in &handles[40..] {
        assert!(slab.free(*handle));
    }
    assert_eq!(memory.live_bytes(), full, "a free calls no provider");
    assert_eq!(slab.release_empty(1), 14, "64 a slab: one in use, one kept");
    assert!(memory.live_bytes() < full / 6);
    for (n, handle) in handles.iter().enumerate() {
        let expected = [n as u8; 60];
        assert_eq!(slab.get(*handle), (n < 40).then_some(&expected[..]));
        assert_eq!(slab.contains(*handle), n < 40);
    }
    let next = slab.alloc(&[7; 60]).expect("memory is there");
    assert_eq!(
        next.compact(),
        handles[40].compact(),
        "the lowest slot first"
    );
    assert_ne!(next, handles[40]);
}

#[test]
fn a_panic_in_retain_loses_nothing_that_it_was_not_shown() {
    let mut slab = ByteSlab::new();
    for n in 0..20_usize {
        slab.alloc(&vec![n as u8; n * 1000])
            .expect("memory is there");
    }
    let mut shown = 0;
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        slab.retain(|_, _| {
            shown += 1;
            assert!(shown < 10, "enough");
            false
        });
    }));
    assert!(panicked.is_err());
    assert_eq!(slab.len(), 11);
    assert_eq!(slab.iter().count(), 11);
    assert_eq!(
        slab.stats().payload_bytes,
        (9..20).map(|n| n * 1000).sum::<usize>()
    );
    slab.retain(|_, bytes| bytes.len() == 12_000);
    assert_eq!(slab.iter().map(|(_, bytes)| bytes[0]).next(), Some(12));
}

#[test]
fn a_string_that_is_overwritten_moves_only_when_it_must() {
    let mut slab = ByteSlab::with_classes(Classes::DOUBLINGS);
    let handle = slab.alloc(&[1; 100]).expect("memory is there");
    let same = slab.overwrite(handle, &[2; 128]).expect("it fits");
    assert_eq!((same, slab.get(same)), (handle, Some(&[2; 128][..])));
    let moved = slab.overwrite(handle, &[3; 129]).expect("memory is there");
    assert_eq!(slab.check(handle), Err(HandleError::Stale));
    let large = slab.overwrite(moved, &[4; 9000]).expect("memory is there");
    assert_eq!(slab.len_of(large), Some(9000));
    let empty = slab.overwrite(large, b"").expect("memory is there");
    assert_eq!(slab.get(empty), Some(&[][..]));
    assert_eq!((slab.len(), slab.stats().payload_bytes), (1, 0));
    assert_eq!(
        slab.overwrite(large, b"gone"),
        Err(InsertErrorKind::Handle(HandleError::Stale))
    );
}

#[test]
fn handles_and_iterators_cross_threads() {
    fn crosses<T: Send + Sync>() {}
    crosses::<ByteHandle>();
    crosses::<CompactHandle>();
    crosses::<ByteIter<'_>>();
    crosses::<ByteSlab>();
}
