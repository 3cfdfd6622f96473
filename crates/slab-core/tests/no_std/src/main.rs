//! Arena, byte slab, and object cache with and without segments, on a static region in a program without std; exit code
//! 0 is the proof.

#![no_std]
#![no_main]

use core::panic::PanicInfo;

use slab_core::{
    Arena, ByteSlab, Classes, SecondaryMap, Segmented, SlabCache, SpinLock, StaticRegion,
};

type Region = StaticRegion<{ 64 * 1024 }>;

static MEMORY: Region = StaticRegion::new();
/// Segments of 32 KiB.
static SEGMENTS: Segmented<&Region, SpinLock, 512> = Segmented::with_spare_segments(1, &MEMORY);

unsafe extern "C" {
    safe fn exit(code: i32) -> !;
}

/// Ends the program with `code` if `held` is false.
fn require(held: bool, code: i32) {
    if !held {
        exit(code);
    }
}

fn arena() {
    let mut arena = Arena::with_slots_per_slab_in(64, &MEMORY);
    let mut names = SecondaryMap::new_in(&MEMORY);
    let Ok(first) = arena.try_insert(0_u64) else {
        exit(10)
    };
    require(names.try_insert(first, "first").is_ok(), 11);
    let mut last = first;
    for value in 1..500 {
        match arena.try_insert(value) {
            Ok(handle) => last = handle,
            Err(_) => exit(12),
        }
    }
    require(
        arena.iter().map(|(_, &value)| value).sum::<u64>() == 500 * 499 / 2,
        13,
    );
    require(arena.remove(last) == Some(499), 14);
    require(arena.get(last).is_none(), 15);
    arena.retain(|_, value| *value < 10);
    require(arena.release_empty(0) == 7, 16);
    require(arena.len() == 10 && names.get(first) == Some(&"first"), 17);
}

fn bytes() {
    let mut slab = ByteSlab::with_classes_in(Classes::DOUBLINGS.slab_bytes(2048), &MEMORY);
    let Ok(small) = slab.alloc(b"no heap") else {
        exit(20)
    };
    let Ok(large) = slab.alloc(&[7; 9000]) else {
        exit(21)
    };
    require(slab.get(small) == Some(b"no heap"), 22);
    require(slab.get(large).is_some_and(|bytes| bytes.len() == 9000), 23);
    require(slab.alloc(&[0; 64 * 1024]).is_err(), 24);
    let Ok(small) = slab.resize(small, 100) else {
        exit(25)
    };
    require(
        slab.get(small)
            .is_some_and(|bytes| bytes.starts_with(b"no heap\0")),
        26,
    );
    require(slab.free(small) && !slab.free(small), 27);
}

fn cache() {
    let cache = SlabCache::<u64, _, SpinLock, 1024>::with_spare_slabs_in(1, &MEMORY);
    let Ok(cache) = cache else { exit(40) };
    let Ok(local) = cache.local() else { exit(41) };
    let mut kept = None;
    for value in 0..300 {
        let (Ok(shared), Ok(own)) = (cache.alloc(value), local.alloc(value)) else {
            exit(42)
        };
        require(*shared == value && *own == value, 43);
        kept = Some((shared, own.into_shared()));
    }
    drop(local);
    drop(cache);
    require(
        kept.is_some_and(|(shared, own)| *shared == 299 && *own == 299),
        44,
    );
}

fn segments() {
    let cache = SlabCache::<u64, _, SpinLock, 1024>::with_spare_slabs_in(0, &SEGMENTS);
    let Ok(cache) = cache else { exit(50) };
    let mut kept = [const { None }; 500];
    for (value, place) in (0..).zip(&mut kept) {
        *place = cache.alloc(value).ok();
        require(place.as_ref().is_some_and(|kept| **kept == value), 51);
    }
    let stats = SEGMENTS.stats();
    require(stats.segments == 1 && stats.block_bytes > 4000, 52);
    drop((cache, kept));
    require(SEGMENTS.stats().empty_segments == 1, 53);
    require(SEGMENTS.release_empty(0) == 1, 54);
}

/// Called once, by the C library's start files.
#[unsafe(no_mangle)]
extern "C" fn main() -> i32 {
    arena();
    bytes();
    cache();
    segments();
    require(MEMORY.free_bytes() == 64 * 1024, 30);
    0
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    exit(101)
}

/// Named by the unwind tables of the precompiled `core`; never called, because panics abort.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

/// As above.
#[unsafe(no_mangle)]
extern "C" fn _Unwind_Resume() -> ! {
    exit(102)
}
