//! Caller's code that panics while its thread is pinned.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::super::{Arena, pinned};
use super::{filled, has, hash, reclaimed, unlink};

/// Runs `call`, which panics.
fn fails<R>(call: impl FnOnce() -> R) {
    assert!(catch_unwind(AssertUnwindSafe(call)).is_err());
}

#[test]
fn a_panic_in_callers_code_ends_the_pin() {
    let (arena, mut token, _) = filled(3);
    fails(|| arena.read(hash(1), |_| panic!("a comparison"), |_| ()));
    fails(|| arena.read(hash(1), |_| true, |_| panic!("a clone")));
    fails(|| pinned(|_| has(&arena, 1) && panic!("between pins")));
    fails(|| pinned(|_| arena.read(hash(2), |_| true, |_| panic!("within another pin"))));
    let mut writer = arena.writer(&mut token);
    fails(|| writer.find(hash(1), |_| panic!("a comparison of the writer")));
    let slot = writer
        .find(hash(1), |value| value.key == 1)
        .expect("it is there");
    unlink(&mut writer, slot);
    // If this thread were pinned still, this would never end.
    assert_eq!(reclaimed(&mut writer).len(), 1);
    writer.check();
}

/// Panics when it is dropped, if it is told to.
struct Bomb {
    armed: bool,
    drops: Arc<AtomicUsize>,
}

impl Drop for Bomb {
    fn drop(&mut self) {
        self.drops.fetch_add(1, Ordering::Relaxed);
        assert!(!self.armed, "armed");
    }
}

#[test]
fn a_value_that_panics_when_it_is_dropped_keeps_no_other_from_it() {
    let drops = Arc::new(AtomicUsize::new(0));
    let (arena, mut token) = Arena::new(9);
    for key in 0..9 {
        let bomb = Bomb {
            armed: key == 4,
            drops: Arc::clone(&drops),
        };
        arena.writer(&mut token).insert(hash(key), bomb);
    }
    fails(|| drop(arena));
    assert_eq!(drops.load(Ordering::Relaxed), 9);
}
